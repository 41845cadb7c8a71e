//! Both reference peers in memory, on paused time.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::DuplexStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::server::{ServerConfig, Service};
use crate::protocol::packet::Interval;

mod client;
mod dialect;
mod driver;
mod server;

const ACK: &str = r#"{"op":1,"password":"helloworld"}"#;
const BEAT: &str = r#"{"op":2}"#;

/// Room enough that a pipe never fills by accident.
const PIPE: usize = 1 << 22;

fn config(hb_ms: u64) -> ServerConfig {
    let hb_interval = Interval::from_millis(hb_ms).unwrap();
    ServerConfig {
        hb_interval,
        ..ServerConfig::default()
    }
}

/// A plain WebSocket client that knows nothing of the protocol.
struct Peer {
    ws: WebSocketStream<DuplexStream>,
    opened: Instant,
}

/// What a peer sees.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Text(String),
    Close(Option<u16>),
    End,
}

impl Peer {
    async fn open(service: &Service) -> Peer {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let service = service.clone();
        tokio::spawn(async move { service.serve_stream(theirs).await });
        let (ws, _) = tokio_tungstenite::client_async("ws://memory/", ours)
            .await
            .unwrap();
        Peer {
            ws,
            opened: Instant::now(),
        }
    }

    /// Opens and authenticates.
    async fn enter(service: &Service) -> Peer {
        let mut peer = Peer::open(service).await;
        assert!(matches!(peer.next().await, Seen::Text(hello) if hello.contains(r#""op":0"#)));
        peer.send(ACK).await;
        peer
    }

    async fn send(&mut self, text: &str) {
        self.ws.send(Message::text(text)).await.unwrap();
    }

    /// The next thing the other side does, within an hour.
    async fn next(&mut self) -> Seen {
        let next = timeout(Duration::from_secs(3600), self.ws.next());
        match next.await.expect("nothing came for an hour") {
            Some(Ok(Message::Text(text))) => Seen::Text(text.to_string()),
            Some(Ok(Message::Close(frame))) => Seen::Close(frame.map(|f| f.code.into())),
            Some(Ok(other)) => panic!("{other:?}"),
            Some(Err(_)) | None => Seen::End,
        }
    }

    async fn text(&mut self) -> String {
        match self.next().await {
            Seen::Text(text) => text,
            other => panic!("no text: {other:?}"),
        }
    }

    async fn silent(&mut self, wait: Duration) {
        let seen = timeout(wait, self.next()).await;
        assert!(seen.is_err(), "{seen:?}");
    }

    fn age(&self) -> Duration {
        self.opened.elapsed()
    }
}
