//! A connection over a pipe in memory, on the paused clock.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

use super::{encode, fault, text};
use crate::wire::conn::Conn;
use crate::wire::fault::FrameFault;
use crate::wire::frame::{Header, Length, OutFrame, Side, close_body, opcode};
use crate::wire::limits::Limits;
use crate::wire::memory::{MemoryStream, pipe, pipe_of};
use crate::wire::message::{CloseBody, Incoming};
use crate::wire::stream::Stream;

fn client(limits: Limits) -> (Conn, MemoryStream) {
    let (ours, theirs) = pipe();
    (
        Conn::new(Box::new(ours), Side::Client, limits, Vec::new()),
        theirs,
    )
}

fn closed(code: u16) -> Incoming {
    Incoming::Close(CloseBody {
        code: Some(code),
        reason: Vec::new(),
        fault: None,
    })
}

/// Nothing comes, however long one waits.
async fn assert_silent(conn: &mut Conn) {
    let waited = timeout(Duration::from_secs(3600), conn.next()).await;
    assert!(waited.is_err(), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_item_is_stamped_when_its_last_byte_was_read() {
    let (mut conn, mut peer) = client(Limits::default());
    let start = Instant::now();
    let bytes = encode(&[OutFrame::text(b"ab"), OutFrame::text(b"cd")]);
    tokio::spawn(async move {
        for piece in [&bytes[..3], &bytes[3..6], &bytes[6..]] {
            sleep(Duration::from_secs(3)).await;
            peer.write_all(piece).await.unwrap();
        }
        sleep(Duration::from_secs(3)).await;
    });
    for (expected, after) in [(text("ab", 1), 6), (text("cd", 1), 9), (Incoming::Eof, 12)] {
        let item = conn.next().await;
        assert_eq!(item.incoming, expected);
        assert_eq!(item.at - start, Duration::from_secs(after));
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_were_read_with_the_upgrade_come_first() {
    let (ours, mut peer) = pipe();
    let bytes = encode(&[OutFrame::text(b"one"), OutFrame::text(b"two")]);
    let early = bytes[..7].to_vec();
    let mut conn = Conn::new(Box::new(ours), Side::Client, Limits::default(), early);
    assert_eq!(conn.next().await.incoming, text("one", 1));
    peer.write_all(&bytes[7..]).await.unwrap();
    assert_eq!(conn.next().await.incoming, text("two", 1));
}

#[tokio::test(start_paused = true)]
async fn a_close_frame_is_read_after_a_reset_and_a_failed_write() {
    let (mut conn, mut peer) = client(Limits::default());
    peer.write_all(&encode(&[OutFrame::close(&close_body(Some(4003), b""))]))
        .await
        .unwrap();
    peer.reset();
    conn.queue(&OutFrame::text(b"too late"));
    let error = conn.flush().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(conn.queued(), 0);
    assert_eq!(conn.next().await.incoming, closed(4003));
    assert!(!conn.ended());
    assert!(matches!(conn.next().await.incoming, Incoming::Reset(_)));
    assert!(conn.ended());
    assert_silent(&mut conn).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_of_stream_is_no_reset_and_says_what_it_cuts_short() {
    let whole = encode(&[OutFrame::text(b"abc")]);
    let unfinished = encode(&[OutFrame {
        fin: false,
        ..OutFrame::text(b"abc")
    }]);
    let cases = [
        (&whole[..0], None, None),
        (&whole[..], Some(text("abc", 1)), None),
        (&whole[..1], None, Some("frame")),
        (&whole[..4], None, Some("frame")),
        (&unfinished[..], None, Some("message")),
    ];
    for (bytes, item, what) in cases {
        let (mut conn, mut peer) = client(Limits::default());
        peer.write_all(bytes).await.unwrap();
        drop(peer);
        let cut = what.map(|what| fault(FrameFault::CutShort { what }));
        for expected in item.into_iter().chain(cut).chain([Incoming::Eof]) {
            assert_eq!(conn.next().await.incoming, expected);
        }
        assert!(conn.ended());
        assert_silent(&mut conn).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_comes_after_a_fatal_fault() {
    let (mut conn, mut peer) = client(Limits::default());
    let lie = OutFrame {
        length: Length::Declared(1 << 63),
        ..OutFrame::text(b"")
    };
    peer.write_all(&encode(&[lie, OutFrame::text(b"?")]))
        .await
        .unwrap();
    drop(peer);
    assert_eq!(
        conn.next().await.incoming,
        fault(FrameFault::LengthTopBit { len: 1 << 63 })
    );
    assert_silent(&mut conn).await;
    assert!(!conn.ended());
}

#[tokio::test(start_paused = true)]
async fn a_client_masks_with_changing_keys_and_a_server_does_not() {
    let (ours, theirs) = pipe();
    let mut client = Conn::new(Box::new(ours), Side::Client, Limits::default(), Vec::new());
    let mut server = Conn::new(
        Box::new(theirs),
        Side::Server,
        Limits::default(),
        Vec::new(),
    );
    client.queue(&OutFrame::text(b"a"));
    client.queue_exactly(&OutFrame::text(b"bare"));
    client.queue(&OutFrame {
        mask: Some([0; 4]),
        ..OutFrame::text(b"zero")
    });
    server.queue(&OutFrame::text(b"b"));
    client.flush().await.unwrap();
    server.flush().await.unwrap();
    let unmasked = fault(FrameFault::UnmaskedFromClient);
    for expected in [text("a", 1), unmasked, text("bare", 1), text("zero", 1)] {
        assert_eq!(server.next().await.incoming, expected);
    }
    assert_eq!(client.next().await.incoming, text("b", 1));

    let (ours, mut raw) = pipe();
    let mut client = Conn::new(Box::new(ours), Side::Client, Limits::default(), Vec::new());
    let mut keys = std::collections::HashSet::new();
    for _ in 0..100 {
        client.queue(&OutFrame::text(b""));
        client.flush().await.unwrap();
        let mut bytes = [0; 6];
        raw.read_exact(&mut bytes).await.unwrap();
        keys.insert(Header::parse(&bytes).unwrap().mask.unwrap());
    }
    assert!(keys.len() > 90, "{}", keys.len());
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_is_written_in_order_through_a_narrow_pipe() {
    let (ours, mut peer) = pipe_of(10);
    let mut conn = Conn::new(Box::new(ours), Side::Server, Limits::default(), Vec::new());
    let mut expected = Vec::new();
    let reader = tokio::spawn(async move {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).await.unwrap();
        all
    });
    for at in 0..50u8 {
        let frame = [at; 7];
        expected.extend(encode(&[OutFrame::binary(&frame)]));
        conn.queue(&OutFrame::binary(&frame));
        expected.push(at);
        conn.queue_raw(&[at]);
        // Left in the middle: what was written must not be written again.
        let mut cx = Context::from_waker(Waker::noop());
        let _ = conn.poll_flush(&mut cx);
        if at % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
    assert!(conn.queued() > 0);
    conn.shutdown().await.unwrap();
    assert_eq!(conn.queued(), 0);
    assert_eq!(reader.await.unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_shut_down_connection_still_reads() {
    let (mut conn, peer) = client(Limits::default());
    conn.queue(&OutFrame::text(b"last"));
    conn.shutdown().await.unwrap();
    let mut server = Conn::new(Box::new(peer), Side::Server, Limits::default(), Vec::new());
    assert_eq!(server.next().await.incoming, text("last", 1));
    assert_eq!(server.next().await.incoming, Incoming::Eof);
    server.queue(&OutFrame::text(b"answer"));
    server.flush().await.unwrap();
    assert_eq!(conn.next().await.incoming, text("answer", 1));
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_seen_by_the_peer_and_ends_our_side() {
    let (mut conn, mut peer) = client(Limits::default());
    peer.write_all(&encode(&[OutFrame::text(b"unread")]))
        .await
        .unwrap();
    conn.queue(&OutFrame::text(b"dropped"));
    conn.reset();
    assert_eq!(conn.queued(), 0);
    assert_silent(&mut conn).await;
    assert!(!conn.ended());
    let error = peer.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    conn.queue(&OutFrame::text(b"nowhere"));
    assert!(conn.flush().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn large_messages_leave_no_large_buffers() {
    let (ours, theirs) = pipe();
    let mut client = Conn::new(Box::new(ours), Side::Client, Limits::default(), Vec::new());
    let mut server = Conn::new(
        Box::new(theirs),
        Side::Server,
        Limits::default(),
        Vec::new(),
    );
    let large = vec![b'x'; 3 << 20];
    client.queue(&OutFrame::binary(&large));
    assert!(client.held() > large.len());
    client.flush().await.unwrap();
    let Incoming::Binary { bytes, .. } = server.next().await.incoming else {
        panic!("no message")
    };
    assert_eq!(bytes, large);
    assert!(bytes.capacity() <= large.len() * 2);
    assert!(
        client.held() <= 4096 && server.held() <= 4096,
        "{} {}",
        client.held(),
        server.held()
    );
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_items_lets_other_tasks_run() {
    let (mut conn, mut peer) = client(Limits::default());
    peer.write_all(&encode(&[OutFrame::ping(b"")]).repeat(1_000_000))
        .await
        .unwrap();
    drop(peer);
    let other = tokio::spawn(async {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    });
    let mut pings = 0;
    while conn.next().await.incoming == Incoming::Ping(Vec::new()) {
        pings += 1;
        if other.is_finished() {
            return;
        }
    }
    panic!("{pings} pings were taken before another task had its turns");
}

#[tokio::test(start_paused = true)]
async fn a_flood_without_items_lets_other_tasks_run() {
    let (mut conn, mut peer) = client(Limits {
        fragments: 10,
        ..Limits::default()
    });
    let mut bytes = encode(&[OutFrame {
        fin: false,
        ..OutFrame::text(b"")
    }]);
    let more = OutFrame {
        fin: false,
        ..OutFrame::new(opcode::CONTINUATION, b"")
    };
    bytes.extend(encode(&[more]).repeat(1_000_000));
    bytes.extend(encode(&[OutFrame::close(&close_body(Some(1000), b""))]));
    peer.write_all(&bytes).await.unwrap();
    let endless = fault(FrameFault::TooManyFragments { limit: 10 });
    assert_eq!(conn.next().await.incoming, endless);
    let mut polls = 0;
    let mut next = pin!(conn.next());
    let item = std::future::poll_fn(|cx| {
        polls += 1;
        next.as_mut().poll(cx)
    })
    .await;
    assert_eq!(item.incoming, closed(1000));
    assert!(polls > 10, "two million bytes were read in {polls} polls");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_future_loses_nothing() {
    let (mut conn, mut peer) = client(Limits::default());
    let bytes = encode(&[OutFrame::text(b"whole")]);
    for byte in bytes {
        peer.write_all(&[byte]).await.unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(item) = pin!(conn.next()).poll(&mut cx) {
            assert_eq!(item.incoming, text("whole", 1));
            return;
        }
    }
    panic!("the message did not come");
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_websocket_tells_its_bytes_and_its_end() {
    let (ours, mut peer) = pipe();
    let limits = Limits {
        read_buffer: 4,
        ..Limits::default()
    };
    let mut conn = Conn::tcp(Box::new(ours), Side::Client, &limits);
    peer.write_all(b"HTTP/1.1").await.unwrap();
    peer.shutdown().await.unwrap();
    for part in ["HTTP", "/1.1"] {
        let bytes = Incoming::Bytes(part.as_bytes().to_vec());
        assert_eq!(conn.next().await.incoming, bytes);
    }
    assert_eq!(conn.next().await.incoming, Incoming::Eof);
    conn.queue_raw(b"GET");
    conn.flush().await.unwrap();
    let mut room = [0; 3];
    peer.read_exact(&mut room).await.unwrap();
    assert_eq!(&room, b"GET");
}
