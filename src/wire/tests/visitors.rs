//! The server's side: requests as they are, and our answers.

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{chop, encode, text};
use crate::wire::accept::{RequestFault as F, ServerHandshake, UpgradeRequest, receive, refusal};
use crate::wire::frame::OutFrame;
use crate::wire::limits::Limits;
use crate::wire::memory::{MemoryStream, pipe};
use crate::wire::message::Incoming;
use crate::wire::open::OpenError;

const RIGHT: &str = "GET /p?q HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

fn read(bytes: &[u8], cuts: &[usize]) -> Result<Option<UpgradeRequest>, OpenError> {
    let mut handshake = ServerHandshake::new(&Limits::default());
    for piece in chop(bytes, cuts) {
        if let Some((request, _)) = handshake.read(piece)? {
            return Ok(Some(request));
        }
    }
    Ok(None)
}

fn request(text: &str) -> UpgradeRequest {
    let whole = read(text.as_bytes(), &[])
        .unwrap()
        .expect("a whole request");
    assert_eq!(read(text.as_bytes(), &[1]).unwrap().as_ref(), Some(&whole));
    whole
}

#[test]
fn a_right_request_has_no_faults() {
    let right = request(RIGHT);
    assert_eq!(
        (right.method.as_str(), right.path.as_str()),
        ("GET", "/p?q")
    );
    assert_eq!(right.faults, []);
    let answer = String::from_utf8(right.acceptance(&[]).unwrap()).unwrap();
    assert!(answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    let many = RIGHT.replace(
        "Host: h\r\n",
        "Host: h\r\nSec-WebSocket-Protocol: a,b\r\nsec-websocket-protocol: c\r\n",
    );
    assert_eq!(
        request(&many).subprotocols().collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
}

#[test]
fn each_fault_of_a_request_is_named() {
    let key = "Sec-WebSocket-Key";
    let cases = [
        (
            "GET",
            "POST",
            vec![F::Method {
                method: "POST".into(),
            }],
        ),
        (
            "HTTP/1.1",
            "HTTP/1.0",
            vec![F::HttpVersion {
                version: "HTTP/1.0".into(),
            }],
        ),
        ("Host: h\r\n", "", vec![F::Missing { name: "Host" }]),
        (
            "Host: h\r\n",
            "Host: h\r\nHost: h\r\n",
            vec![F::Repeated { name: "Host" }],
        ),
        (key, "X", vec![F::Missing { name: key }]),
        (
            "dGhlIHNhbXBsZSBub25jZQ==",
            "short",
            vec![F::Key {
                key: "short".into(),
            }],
        ),
        (
            "dGhlIHNhbXBsZSBub25jZQ==",
            "AAAA",
            vec![F::Key { key: "AAAA".into() }],
        ),
        (
            "Version: 13",
            "Version: 8",
            vec![F::Version {
                version: "8".into(),
            }],
        ),
        (
            "websocket\r",
            "h2c\r",
            vec![F::DoesNotSay {
                name: "Upgrade",
                word: "websocket",
            }],
        ),
        (
            ": Upgrade",
            ": close",
            vec![F::DoesNotSay {
                name: "Connection",
                word: "Upgrade",
            }],
        ),
        (
            "Host: h",
            "Host: h\r\nodd line",
            vec![F::OddLine {
                line: "odd line".into(),
            }],
        ),
    ];
    for (from, to, faults) in cases {
        let bent = RIGHT.replace(from, to);
        assert_ne!(bent, RIGHT);
        let request = request(&bent);
        assert_eq!(request.faults, faults);
        assert!(request.acceptance(&[]).is_ok());
    }
    assert_eq!(request("GET / HTTP/1.1\r\n\r\n").faults.len(), 5);
}

#[test]
fn what_is_no_request_is_refused() {
    for bytes in [
        &b"\x16\x03\x01\x02"[..],
        b"\r\n",
        b"GET\r\n",
        b"GET /\r\n",
        b"GET / FTP/1\r\n",
        b"G\0",
    ] {
        assert!(
            matches!(read(bytes, &[]), Err(OpenError::NotHttp { .. })),
            "{bytes:?}"
        );
    }
    let endless = [b"GET / HTTP/1.1\r\n".to_vec(), b"a: b\r\n".repeat(300)].concat();
    assert_eq!(read(&endless, &[7]), Err(OpenError::HeadTooLong));
}

/// tungstenite's client on the other end, and what it says to our answer.
async fn tungstenite() -> (
    MemoryStream,
    tokio::task::JoinHandle<Result<WebSocketStream<MemoryStream>, Error>>,
) {
    let (ours, theirs) = pipe();
    let client = client_async("ws://h/p", theirs);
    (
        ours,
        tokio::spawn(async move { client.await.map(|(socket, _)| socket) }),
    )
}

#[tokio::test(start_paused = true)]
async fn tungstenite_is_accepted_and_talks() {
    let (ours, client) = tungstenite().await;
    let visitor = receive(Box::new(ours), &Limits::default()).await.unwrap();
    assert_eq!(visitor.request.faults, []);
    let mut conn = visitor
        .accept(&[("X-A".to_owned(), "b".to_owned())])
        .await
        .unwrap();
    let mut socket = client.await.unwrap().unwrap();
    socket.send(Message::text("to the server")).await.unwrap();
    assert_eq!(conn.next().await.incoming, text("to the server", 1));
    conn.queue(&OutFrame::text(b"to the client"));
    conn.flush().await.unwrap();
    assert_eq!(
        socket.next().await.unwrap().unwrap(),
        Message::text("to the client")
    );
    drop(socket);
    assert_eq!(conn.next().await.incoming, Incoming::Eof);
}

#[tokio::test(start_paused = true)]
async fn tungstenite_understands_a_refusal() {
    let (ours, client) = tungstenite().await;
    let visitor = receive(Box::new(ours), &Limits::default()).await.unwrap();
    drop(
        visitor
            .refuse(503, &[("Retry-After".to_owned(), "1".to_owned())], b"busy")
            .await
            .unwrap(),
    );
    let Err(Error::Http(response)) = client.await.unwrap() else {
        panic!("not refused")
    };
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
}

#[tokio::test(start_paused = true)]
async fn frames_right_behind_the_request_are_read() {
    let (ours, mut peer) = pipe();
    let frame = OutFrame {
        mask: Some([9; 4]),
        ..OutFrame::text(b"eager")
    };
    peer.write_all(&[RIGHT.as_bytes(), &encode(&[frame])].concat())
        .await
        .unwrap();
    let visitor = receive(Box::new(ours), &Limits::default()).await.unwrap();
    let mut conn = visitor.accept(&[]).await.unwrap();
    assert_eq!(conn.next().await.incoming, text("eager", 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_refused_whole_or_not_at_all() {
    assert!(refusal(400, &[("X".to_owned(), "a\r\nb".to_owned())], b"").is_err());
    let (ours, mut peer) = pipe();
    peer.write_all(RIGHT.as_bytes()).await.unwrap();
    let visitor = receive(Box::new(ours), &Limits::default()).await.unwrap();
    assert!(
        visitor
            .accept(&[("X".to_owned(), "a\r\nb".to_owned())])
            .await
            .is_err()
    );
    let mut sent = Vec::new();
    peer.read_to_end(&mut sent).await.unwrap();
    assert_eq!(sent, b"");
}
