//! Accepting: who dials is taken in turn, over TCP and in memory.

use std::future::poll_fn;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, sleep};

use super::text;
use crate::wire::accept::receive;
use crate::wire::frame::OutFrame;
use crate::wire::limits::Limits;
use crate::wire::listen::{Accept, TcpAccept};
use crate::wire::memory::{listen, pipe};
use crate::wire::message::Incoming;
use crate::wire::stream::Dial;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

#[tokio::test]
async fn tcp_connections_are_taken_and_can_be_reset() {
    let mut accept = TcpAccept::bind("127.0.0.1:0").await.unwrap();
    let address = accept.local_addr().unwrap();
    let mut first = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    let mut one = poll_fn(|cx| accept.poll_accept(cx)).await.unwrap();
    let mut two = poll_fn(|cx| accept.poll_accept(cx)).await.unwrap();
    assert!(one.at <= two.at);
    two.stream.write_all(b"two").await.unwrap();
    let mut read = [0; 3];
    second.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"two");
    one.stream.reset();
    assert!(first.read_u8().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn connections_in_memory_are_stamped_when_they_come() {
    let (dial, mut listener) = listen();
    let began = Instant::now();
    tokio::spawn(async move {
        for _ in 0..2 {
            sleep(Duration::from_millis(1500)).await;
            drop(dial.dial().await);
        }
    });
    for turn in 1..=2 {
        let accepted = poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
        assert_eq!(accepted.at - began, Duration::from_millis(1500) * turn);
    }
    let nobody = poll_fn(|cx| listener.poll_accept(cx));
    let waited = tokio::time::timeout(Duration::from_secs(60), nobody).await;
    assert!(waited.is_err(), "nobody can dial any more");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_is_a_connection_that_is_watched() {
    let (ours, mut peer) = pipe();
    peer.write_all(REQUEST).await.unwrap();
    let visitor = receive(Box::new(ours), &Limits::default()).await.unwrap();
    let (request, mut conn) = visitor.unanswered();
    let early = OutFrame {
        mask: Some([9; 4]),
        ..OutFrame::text(b"eager")
    };
    peer.write_all(&super::encode(&[early])).await.unwrap();
    assert_eq!(conn.next().await.incoming, text("eager", 1));
    conn.queue_raw(&request.acceptance(&[]).unwrap());
    conn.flush().await.unwrap();
    let mut answer = vec![0; 12];
    peer.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 101");
    drop(peer);
    assert_eq!(conn.next().await.incoming, Incoming::Eof);
}
