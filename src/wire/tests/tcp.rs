//! Real sockets on the loopback interface. Every wait is for an event, none for time.

use std::io::ErrorKind;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

use super::{encode, text};
use crate::wire::conn::Conn;
use crate::wire::frame::{OutFrame, Side, close_body};
use crate::wire::limits::Limits;
use crate::wire::message::{CloseBody, Incoming};
use crate::wire::stream::{BoxStream, Dial, DialError, TcpDial};
use crate::wire::target::Target;

async fn dialed() -> (BoxStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let dial = TcpDial::new(&Target::parse(&url).unwrap());
    let (ours, theirs) = tokio::join!(dial.dial(), listener.accept());
    (
        ours.map_err(|error| error.to_string()).unwrap(),
        theirs.unwrap().0,
    )
}

#[tokio::test]
async fn a_close_frame_is_read_although_the_peer_reset_and_writing_failed() {
    let (ours, mut peer) = dialed().await;
    let mut conn = Conn::new(ours, Side::Client, Limits::default(), Vec::new());
    let (done, reset) = oneshot::channel();
    tokio::spawn(async move {
        let close = close_body(Some(4003), b"late");
        peer.write_all(&encode(&[OutFrame::text(b"a"), OutFrame::close(&close)]))
            .await
            .unwrap();
        peer.set_zero_linger().unwrap();
        drop(peer);
        done.send(()).unwrap();
    });
    reset.await.unwrap();
    // Writing works until the reset has arrived.
    loop {
        conn.queue(&OutFrame::text(b"too late"));
        if conn.flush().await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let body = CloseBody {
        code: Some(4003),
        reason: b"late".to_vec(),
        fault: None,
    };
    assert_eq!(conn.next().await.incoming, text("a", 1));
    assert_eq!(conn.next().await.incoming, Incoming::Close(body));
    let end = conn.next().await.incoming;
    assert!(matches!(end, Incoming::Reset(_)), "{end:?}");
}

#[tokio::test]
async fn a_reset_arrives_as_a_reset_and_an_end_as_an_end() {
    let (mut ours, mut peer) = dialed().await;
    ours.write_all(b"x").await.unwrap();
    assert_eq!(peer.read_u8().await.unwrap(), b'x');
    ours.reset();
    assert_eq!(
        peer.read_u8().await.unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(
        ours.read_u8().await.unwrap_err().kind(),
        ErrorKind::NotConnected
    );
    assert_eq!(
        ours.write_u8(1).await.unwrap_err().kind(),
        ErrorKind::NotConnected
    );

    let (ours, mut peer) = dialed().await;
    let mut conn = Conn::new(ours, Side::Client, Limits::default(), Vec::new());
    peer.shutdown().await.unwrap();
    assert_eq!(conn.next().await.incoming, Incoming::Eof);
    conn.queue(&OutFrame::text(b"still open this way"));
    conn.shutdown().await.unwrap();
    let mut rest = Vec::new();
    peer.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest.len(), 6 + 19);
}

async fn dial_fails(url: &str) -> DialError {
    match TcpDial::new(&Target::parse(url).unwrap()).dial().await {
        Ok(_) => panic!("{url} was reached"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_closed_port_refuses() {
    // Bound, so that nobody else gets the port, but not listening.
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = bound.local_addr().unwrap();
    let error = dial_fails(&format!("ws://{address}/")).await;
    assert_eq!(
        error,
        DialError::Refused {
            address: address.to_string()
        }
    );
}

#[tokio::test]
async fn a_host_that_cannot_be_one_does_not_resolve() {
    // No label may be longer than 63 bytes, so nobody is asked for it.
    let host = "x".repeat(64);
    let error = dial_fails(&format!("ws://{host}/")).await;
    assert!(
        matches!(&error, DialError::Unresolvable { host: named, .. } if *named == host),
        "{error}"
    );
}

#[tokio::test]
async fn tls_is_not_built_in_yet() {
    let error = dial_fails("wss://127.0.0.1:1/").await;
    assert_eq!(
        error,
        DialError::NoTls {
            address: "127.0.0.1:1".to_owned()
        }
    );
}
