//! Opening connections in memory, on the paused clock.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use super::upgrade::{headers, response, target};
use super::{encode, text};
use crate::wire::conn::Conn;
use crate::wire::frame::{OutFrame, Side, close_body};
use crate::wire::limits::Limits;
use crate::wire::memory::{MemoryStream, listen, pipe};
use crate::wire::message::{CloseBody, Incoming};
use crate::wire::open::{OpenError, Opened, open};
use crate::wire::stream::{BoxStream, Dial, Dialing, Stream};
use crate::wire::upgrade::Offer;

/// Dials one stream that was made before.
struct Once(std::sync::Mutex<Option<MemoryStream>>);

impl Dial for Once {
    fn dial(&self) -> Dialing<'_> {
        let stream = self.0.lock().unwrap().take().expect("dialed once");
        Box::pin(std::future::ready(Ok(Box::new(stream) as BoxStream)))
    }
}

/// A reset as the system tells it: to whoever asks first, which is the writer here. The reader gets
/// what had come and then an end.
struct ToldTheWriter(&'static [u8]);

impl AsyncRead for ToldTheWriter {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ToldTheWriter {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Stream for ToldTheWriter {
    fn reset(&mut self) {}
}

impl Dial for ToldTheWriter {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(std::future::ready(Ok(Box::new(Self(self.0)) as BoxStream)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_that_only_the_writer_was_told_is_still_a_reset() {
    for (bytes, status) in [(&b""[..], None), (b"HTTP/1.1 429 Slow\r\n\r\n", Some(429))] {
        let mut rng = fastrand::Rng::with_seed(7);
        let dial = ToldTheWriter(bytes);
        let result = open(
            &dial,
            &target(),
            &Offer::default(),
            &Limits::default(),
            &mut rng,
        )
        .await;
        match (result.unwrap_err(), status) {
            (OpenError::Reset(_), None) => {}
            (OpenError::Status { code, .. }, Some(status)) => assert_eq!(code, status),
            (other, _) => panic!("{other:?}"),
        }
    }
    let stream = Box::new(ToldTheWriter(b"\x81\x01a\x81"));
    let mut conn = Conn::new(stream, Side::Client, Limits::default(), Vec::new());
    conn.queue(&OutFrame::text(b"lost"));
    assert!(conn.flush().await.is_err());
    assert_eq!(conn.next().await.incoming, text("a", 1));
    assert!(matches!(conn.next().await.incoming, Incoming::Reset(_)));
}

/// Opens against a peer that answers `bytes` whatever it is asked, then does `end`.
async fn open_against(bytes: &[u8], end: impl FnOnce(MemoryStream)) -> Result<Opened, OpenError> {
    let (ours, mut peer) = pipe();
    peer.write_all(bytes).await.unwrap();
    end(peer);
    let dial = Once(std::sync::Mutex::new(Some(ours)));
    let mut rng = fastrand::Rng::with_seed(7);
    open(
        &dial,
        &target(),
        &Offer::default(),
        &Limits::default(),
        &mut rng,
    )
    .await
}

#[tokio::test(start_paused = true)]
async fn tungstenite_accepts_and_talks() {
    let (dial, mut listener) = listen();
    let server = tokio::spawn(async move {
        let mut asked = None;
        #[expect(clippy::result_large_err, reason = "the type is tungstenite's")]
        let callback = |request: &Request, mut response: Response| {
            asked = Some(request.clone());
            response
                .headers_mut()
                .insert("Sec-WebSocket-Protocol", "two".parse().unwrap());
            Ok(response)
        };
        let stream = listener.accept().await.unwrap();
        sleep(Duration::from_secs(2)).await;
        let mut socket = accept_hdr_async(stream, callback).await.unwrap();
        let message = socket.next().await.unwrap().unwrap();
        socket.send(message).await.unwrap();
        while socket.next().await.is_some() {}
        asked.unwrap()
    });
    let offer = Offer {
        headers: headers(&[("Authorization", "x")]),
        subprotocols: vec!["one".to_owned(), "two".to_owned()],
    };
    let start = Instant::now();
    let mut rng = fastrand::Rng::with_seed(1);
    let opened = open(&dial, &target(), &offer, &Limits::default(), &mut rng)
        .await
        .unwrap();
    assert_eq!((opened.dialed_at, opened.connected_at), (start, start));
    assert_eq!(opened.opened_at - start, Duration::from_secs(2));
    assert_eq!(
        opened.response.header("sec-websocket-protocol"),
        Some("two")
    );
    let mut conn = opened.conn;
    conn.queue(&OutFrame::text("{\"n\":\u{e9}}".as_bytes()));
    conn.queue(&OutFrame::close(&close_body(Some(1000), b"")));
    conn.flush().await.unwrap();
    assert_eq!(conn.next().await.incoming, text("{\"n\":\u{e9}}", 1));
    let body = CloseBody {
        code: Some(1000),
        reason: vec![],
        fault: None,
    };
    assert_eq!(conn.next().await.incoming, Incoming::Close(body));
    assert_eq!(conn.next().await.incoming, Incoming::Eof);
    let asked = server.await.unwrap();
    assert_eq!(asked.uri(), "/p?q=1");
    assert_eq!(asked.headers()["host"], "h:1");
    assert_eq!(asked.headers()["authorization"], "x");
}

#[tokio::test(start_paused = true)]
async fn frames_that_came_with_the_response_are_read() {
    let frames = encode(&[OutFrame::text(b"hello"), OutFrame::ping(b"")]);
    let opened = open_against(&[response(""), frames].concat(), std::mem::forget)
        .await
        .unwrap();
    let mut conn = opened.conn;
    assert_eq!(conn.next().await.incoming, text("hello", 1));
    assert_eq!(conn.next().await.incoming, Incoming::Ping(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn each_way_to_fail_has_its_error() {
    let reset = |mut peer: MemoryStream| peer.reset();
    let is_reset = |result| matches!(result, Err(OpenError::Reset(_)));
    for start in [&b""[..], b"HTTP/1.1 101 X\r\nUpgra"] {
        assert_eq!(
            open_against(start, drop).await.unwrap_err(),
            OpenError::Closed
        );
        assert!(is_reset(open_against(start, reset).await));
    }
    let refused = b"HTTP/1.1 503 Busy\r\n\r\n";
    for result in [
        open_against(refused, drop).await,
        open_against(refused, reset).await,
    ] {
        assert!(
            matches!(result, Err(OpenError::Status { code: 503, .. })),
            "{result:?}"
        );
    }
    let result = open_against(b"220 mail.example ESMTP\r\n", std::mem::forget).await;
    let start = "220 mail.example ESMTP\\r\\n".to_owned();
    assert_eq!(result.unwrap_err(), OpenError::NotHttp { start });
    let (dial, listener) = listen();
    drop(listener);
    let mut rng = fastrand::Rng::with_seed(7);
    let result = open(
        &dial,
        &target(),
        &Offer::default(),
        &Limits::default(),
        &mut rng,
    )
    .await;
    assert!(matches!(result, Err(OpenError::Dial(_))));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_left_by_dropping_the_future() {
    let (dial, mut listener) = listen();
    let target = target();
    let opening = async {
        let mut rng = fastrand::Rng::with_seed(7);
        open(
            &dial,
            &target,
            &Offer::default(),
            &Limits::default(),
            &mut rng,
        )
        .await
    };
    assert!(timeout(Duration::from_secs(5), opening).await.is_err());
    let mut peer = listener.accept().await.unwrap();
    let mut request = Vec::new();
    peer.read_to_end(&mut request).await.unwrap();
    assert!(request.ends_with(b"\r\n\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_response_may_come_byte_by_byte_but_not_without_end() {
    let (dial, mut listener) = listen();
    tokio::spawn(async move {
        let mut peer = listener.accept().await.unwrap();
        for byte in response("") {
            peer.write_u8(byte).await.unwrap();
            sleep(Duration::from_millis(10)).await;
        }
        let mut endless = listener.accept().await.unwrap();
        endless.write_all(b"HTTP/1.1 101 X\r\n").await.unwrap();
        while endless
            .write_all(b"X-Endless: header lines without an end\r\n")
            .await
            .is_ok()
        {}
    });
    for expected in [None, Some(OpenError::HeadTooLong)] {
        let mut rng = fastrand::Rng::with_seed(7);
        let result = open(
            &dial,
            &target(),
            &Offer::default(),
            &Limits::default(),
            &mut rng,
        )
        .await;
        assert_eq!(result.err(), expected);
    }
}
