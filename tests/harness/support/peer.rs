//! A server that does what a test tells it, right or wrong, over a stream in memory.

use std::future::poll_fn;

use litespec::wire::memory::MemoryStream;
use litespec::wire::{Conn, Incoming, Limits, OutFrame, Side, close_body};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// One connection of the server's.
pub(crate) struct Peer {
    conn: Conn,
}

impl Peer {
    /// Takes the upgrade.
    pub(crate) async fn accept(stream: MemoryStream) -> Peer {
        Peer::upgrade(stream, "").await
    }

    /// Takes the upgrade, with these header lines in the answer.
    pub(crate) async fn upgrade(mut stream: MemoryStream, headers: &str) -> Peer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a whole request"));
        }
        let head = String::from_utf8(head).expect("ASCII");
        let line = head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with("sec-websocket-key:"));
        let key = line
            .and_then(|line| line.split_once(':'))
            .expect("a key")
            .1
            .trim();
        let accept = litespec::wire::upgrade::accept_key(key);
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{headers}\r\n"
        );
        stream.write_all(answer.as_bytes()).await.expect("a write");
        let limits = Limits::default();
        let conn = Conn::new(Box::new(stream), Side::Server, limits, Vec::new());
        Peer { conn }
    }

    /// Takes the upgrade and says HELLO.
    pub(crate) async fn hello(stream: MemoryStream, hb_ms: u64) -> Peer {
        let mut peer = Peer::accept(stream).await;
        peer.say(&format!(r#"{{"op":0,"hb_interval":{hb_ms}}}"#))
            .await;
        peer
    }

    /// Sends a text message.
    pub(crate) async fn say(&mut self, text: &str) {
        self.conn.queue(&OutFrame::text(text.as_bytes()));
        let _ = self.conn.flush().await;
    }

    /// Sends a frame.
    pub(crate) async fn frame(&mut self, frame: &OutFrame<'_>) {
        self.conn.queue_exactly(frame);
        let _ = self.conn.flush().await;
    }

    /// Sends bytes.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        self.conn.queue_raw(bytes);
        let _ = self.conn.flush().await;
    }

    /// Closes with a code and ends the stream.
    pub(crate) async fn close(mut self, code: u16, reason: &[u8]) {
        let body = close_body(Some(code), reason);
        self.conn.queue(&OutFrame::close(&body));
        let _ = self.conn.flush().await;
    }

    /// The next text message; none at any end. Answers pings and closes.
    pub(crate) async fn hear(&mut self) -> Option<String> {
        loop {
            match poll_fn(|cx| self.conn.poll_incoming(cx)).await.incoming {
                Incoming::Text { text, .. } => return text.ok(),
                Incoming::Ping(bytes) => {
                    self.conn.queue(&OutFrame::pong(&bytes));
                    let _ = self.conn.flush().await;
                }
                Incoming::Close(_) | Incoming::Eof | Incoming::Reset(_) => return None,
                Incoming::Binary { .. }
                | Incoming::Pong(_)
                | Incoming::Fault(_)
                | Incoming::Bytes(_) => {}
            }
        }
    }

    /// Does nothing until the client ends the connection.
    pub(crate) async fn idle(mut self) {
        while self.hear().await.is_some() {}
    }
}
