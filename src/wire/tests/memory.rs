//! Streams in memory: what they do, and tungstenite over a thousand of them.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, client_async};

use crate::wire::memory::{listen, pipe, pipe_of};
use crate::wire::stream::{Dial, DialError, Stream};

#[tokio::test(start_paused = true)]
async fn bytes_go_both_ways_and_a_drop_is_an_end() {
    let (mut a, mut b) = pipe();
    a.write_all(b"ping").await.unwrap();
    b.write_all(b"pong").await.unwrap();
    drop(b);
    let mut read = String::new();
    a.read_to_string(&mut read).await.unwrap();
    assert_eq!(read, "pong");
    let error = a.write_all(b"nobody").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_one_direction() {
    let (mut a, mut b) = pipe();
    a.write_all(b"last").await.unwrap();
    a.shutdown().await.unwrap();
    assert!(a.write_all(b"more").await.is_err());
    let mut read = Vec::new();
    b.read_to_end(&mut read).await.unwrap();
    assert_eq!(read, b"last");
    b.write_all(b"answer").await.unwrap();
    drop(b);
    a.read_to_end(&mut read).await.unwrap();
    assert_eq!(read, b"lastanswer");
}

#[tokio::test(start_paused = true)]
async fn a_reset_comes_behind_what_was_written() {
    let (mut a, mut b) = pipe();
    a.write_all(b"x").await.unwrap();
    a.reset();
    assert_eq!(b.read_u8().await.unwrap(), b'x');
    for _ in 0..2 {
        let error = b.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        let error = b.write_u8(1).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    assert!(a.read_u8().await.is_err() && a.write_u8(1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn waiting_readers_and_writers_are_woken_by_any_end() {
    for end in 0..3 {
        let (mut a, b) = pipe_of(4);
        a.write_all(b"full").await.unwrap();
        let (mut read, mut write) = tokio::io::split(a);
        let reader = tokio::spawn(async move { read.read_u8().await });
        let writer = tokio::spawn(async move { write.write_u8(1).await });
        sleep(Duration::from_secs(1)).await;
        let mut b = b;
        match end {
            0 => drop(b),
            1 => b.reset(),
            _ => {
                b.write_all(b"y").await.unwrap();
                let mut four = [0; 4];
                b.read_exact(&mut four).await.unwrap();
                sleep(Duration::from_secs(1)).await;
            }
        }
        let reader = timeout(Duration::from_secs(1), reader)
            .await
            .expect("reader wakes")
            .unwrap();
        let writer = timeout(Duration::from_secs(1), writer)
            .await
            .expect("writer wakes")
            .unwrap();
        assert_eq!((reader.is_ok(), writer.is_ok()), (end == 2, end == 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_pipe_makes_the_writer_wait_until_it_is_read() {
    let (mut a, mut b) = pipe_of(1000);
    let start = Instant::now();
    let writer = tokio::spawn(async move {
        a.write_all(&[7; 5000]).await.unwrap();
        Instant::now()
    });
    sleep(Duration::from_secs(5)).await;
    let mut all = Vec::new();
    b.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, vec![7; 5000]);
    assert_eq!(writer.await.unwrap() - start, Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn dialing_is_refused_once_nobody_listens() {
    let (dial, mut listener) = listen();
    let clone = dial.clone();
    drop(
        clone
            .dial()
            .await
            .map_err(|error| error.to_string())
            .unwrap(),
    );
    assert!(listener.accept().await.is_some());
    drop(listener);
    assert!(matches!(
        dial.dial().await.err(),
        Some(DialError::Refused { .. })
    ));
    let (dial, mut listener) = listen();
    drop(dial);
    assert!(listener.accept().await.is_none());
}

/// One client: says a number, waits, and wants it back, 30 times, a second apart.
async fn converse(dial: impl Dial, number: usize) {
    let stream = dial
        .dial()
        .await
        .map_err(|error| error.to_string())
        .unwrap();
    let (mut socket, _) = client_async("ws://memory/", stream).await.unwrap();
    for round in 0..30 {
        let said = Message::text(format!("{number} {round}"));
        socket.send(said.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), said);
        sleep(Duration::from_secs(1)).await;
    }
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
}

#[tokio::test(start_paused = true)]
async fn a_thousand_conversations_take_virtual_time_only() {
    let (dial, mut listener) = listen();
    tokio::spawn(async move {
        while let Some(stream) = listener.accept().await {
            tokio::spawn(async move {
                let mut socket = accept_async(stream).await.unwrap();
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() {
                        sleep(Duration::from_millis(250)).await;
                        socket.send(message).await.unwrap();
                    }
                }
            });
        }
    });
    let start = Instant::now();
    let clients: Vec<_> = (0..1000)
        .map(|number| tokio::spawn(converse(dial.clone(), number)))
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let took = start.elapsed();
    // tokio's timers count whole milliseconds.
    let most = Duration::from_millis(37_500 + 30 * 2);
    assert!(
        (Duration::from_millis(37_500)..=most).contains(&took),
        "{took:?}"
    );
}
