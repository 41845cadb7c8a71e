//! The client, against the reference server and against servers that misbehave.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;

use super::{ACK, BEAT, PIPE, config};
use crate::reference::client::{
    Address, ByteStream, Client, ClientConfig, Dial, Dialing, Down, Event, Limits, Refused,
    Request, RequestError,
};
use crate::reference::server::Service;
use crate::session::Password;

/// Every dial makes a pipe, whose other end goes to whoever plays the server.
#[derive(Clone)]
struct Pipes {
    ends: mpsc::UnboundedSender<(DuplexStream, Instant)>,
    refusals: Arc<Mutex<VecDeque<io::ErrorKind>>>,
}

impl Pipes {
    fn new() -> (Pipes, mpsc::UnboundedReceiver<(DuplexStream, Instant)>) {
        let (ends, server) = mpsc::unbounded_channel();
        (
            Pipes {
                ends,
                refusals: Arc::default(),
            },
            server,
        )
    }
}

impl Dial for Pipes {
    fn dial(&self) -> Dialing<'_> {
        let refusal = self.refusals.lock().unwrap().pop_front();
        let (ours, theirs) = tokio::io::duplex(PIPE);
        Box::pin(async move {
            if let Some(kind) = refusal {
                return Err(kind.into());
            }
            let _ = self.ends.send((theirs, Instant::now()));
            Ok(Box::new(ours) as Box<dyn ByteStream>)
        })
    }
}

fn address() -> Address {
    Address::parse("ws://memory/").unwrap()
}

fn seeded() -> ClientConfig {
    ClientConfig {
        seed: Some(1),
        ..ClientConfig::default()
    }
}

/// A client of the reference server.
async fn served(config: ClientConfig, service: &Service) -> Result<Client, Down> {
    let (pipes, mut ends) = Pipes::new();
    let service = service.clone();
    tokio::spawn(async move {
        while let Some((end, _)) = ends.recv().await {
            let service = service.clone();
            tokio::spawn(async move { service.serve_stream(end).await });
        }
    });
    Client::connect_over(pipes, address(), config).await
}

/// A server that the test plays itself.
struct Scripted {
    ends: mpsc::UnboundedReceiver<(DuplexStream, Instant)>,
}

type Ws = WebSocketStream<DuplexStream>;

impl Scripted {
    fn start(config: ClientConfig) -> (Client, Scripted, Pipes) {
        let (pipes, ends) = Pipes::new();
        let client = Client::start_over(pipes.clone(), address(), config);
        (client, Scripted { ends }, pipes)
    }

    /// The next connection, upgraded, and when it was dialed.
    async fn accept(&mut self) -> (Ws, Instant) {
        let (end, at) = self.ends.recv().await.unwrap();
        (tokio_tungstenite::accept_async(end).await.unwrap(), at)
    }

    /// The next connection, with its handshake done.
    async fn greet(&mut self, hb_ms: u64) -> (Ws, Instant) {
        let (mut ws, at) = self.accept().await;
        say(&mut ws, &format!(r#"{{"op":0,"hb_interval":{hb_ms}}}"#)).await;
        assert_eq!(hear(&mut ws).await, ACK);
        (ws, at)
    }
}

async fn say(ws: &mut Ws, text: &str) {
    ws.send(Message::text(text)).await.unwrap();
}

async fn hear(ws: &mut Ws) -> String {
    let message = timeout(Duration::from_secs(3600), ws.next()).await.unwrap();
    message.unwrap().unwrap().into_text().unwrap().to_string()
}

async fn close(mut ws: Ws, code: u16) {
    let frame = CloseFrame {
        code: code.into(),
        reason: "bye".into(),
    };
    let _ = ws.close(Some(frame)).await;
    while let Some(Ok(_)) = ws.next().await {}
}

#[tokio::test(start_paused = true)]
async fn requests_and_dispatches_reach_the_reference_server() {
    let service = Service::new(config(10_000));
    let client = served(seeded(), &service).await.unwrap();
    assert_eq!(
        client.request("ECHO", "[1.0, null]").await.unwrap(),
        "[1.0, null]"
    );
    assert_eq!(client.request("NULL", "[]").await.unwrap(), "null");
    client.dispatch("ECHO", "[]").await.unwrap();
    let (slow, fast) = tokio::join!(
        client.request("LATE", "[2000]"),
        client.request("LATE", "[1000]"),
    );
    assert_eq!(
        (slow.unwrap(), fast.unwrap()),
        ("[2000]".into(), "[1000]".into())
    );
    let bad = client.request("ECHO", "{}").await;
    assert_eq!(bad, Err(RequestError::Refused(Refused::Arguments)));
    client.close().await.unwrap();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(service.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_day_of_idling_keeps_one_connection() {
    let service = Service::new(config(10_000));
    let client = served(seeded(), &service).await.unwrap();
    let mut events = client.events();
    sleep(Duration::from_secs(86_400)).await;
    assert_eq!(client.request("NULL", "[]").await.unwrap(), "null");
    assert_eq!(service.connections(), 1);
    while let Ok(event) = events.try_recv() {
        assert!(!matches!(event, Event::Down(_)), "{event:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_told_with_its_code() {
    let service = Service::new(config(10_000));
    let config = ClientConfig {
        password: Password::from("x"),
        reconnect: None,
        ..seeded()
    };
    let client = served(config, &service).await.unwrap();
    let RequestError::Over(Down::Closed { code, .. }) =
        client.request("NULL", "[]").await.map(|_| ()).unwrap_err()
    else {
        panic!("another error");
    };
    assert_eq!(code, Some(4001));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_hello() {
    let (client, mut server, _) = Scripted::start(seeded());
    let asking = tokio::spawn(async move { client.request("X", "[]").await });
    let (mut ws, _) = server.accept().await;
    assert!(timeout(Duration::from_secs(5), ws.next()).await.is_err());
    say(&mut ws, r#"{"op":0,"hb_interval":1000}"#).await;
    assert_eq!(hear(&mut ws).await, ACK);
    assert_eq!(hear(&mut ws).await, r#"{"op":4,"w":"X","a":[],"n":1}"#);
    say(&mut ws, r#"{"op":5,"n":1,"r":false}"#).await;
    assert_eq!(asking.await.unwrap().unwrap(), "false");
}

#[tokio::test(start_paused = true)]
async fn heartbeats_follow_the_interval_of_each_connection() {
    let (_client, mut server, _) = Scripted::start(seeded());
    for hb_ms in [400, 3000, 1000] {
        let (mut ws, _) = server.greet(hb_ms).await;
        let mut last = Instant::now();
        for _ in 0..20 {
            assert_eq!(hear(&mut ws).await, BEAT);
            let gap = last.elapsed().as_millis() as u64;
            assert!(gap < hb_ms && gap >= hb_ms / 2, "{gap} of {hb_ms}");
            last = Instant::now();
        }
        close(ws, 1012).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_failure_is_followed_by_a_random_wait_and_a_fresh_handshake() {
    let (client, mut server, pipes) = Scripted::start(seeded());
    let mut events = client.events();
    let mut waits = Vec::new();
    for round in 0..12 {
        let (ws, _) = server.greet(60_000).await;
        let down = match round % 6 {
            0 => (close(ws, 1001).await, Instant::now()).1,
            1 => (close(ws, 4003).await, Instant::now()).1,
            2 => (drop(ws), Instant::now()).1,
            3 => (close(ws, 1000).await, Instant::now()).1,
            4 => {
                drop(ws);
                pipes
                    .refusals
                    .lock()
                    .unwrap()
                    .push_back(io::ErrorKind::ConnectionRefused);
                Instant::now()
            }
            _ => {
                drop(ws);
                // Accepted, and refused the upgrade.
                let (mut end, _) = server.ends.recv().await.unwrap();
                end.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
                    .await
                    .unwrap();
                Instant::now()
            }
        };
        // Looked at, not taken: the next round accepts it.
        while server.ends.is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
        waits.push(down.elapsed());
    }
    assert!(
        waits.iter().all(|w| *w >= Duration::from_secs(1)),
        "{waits:?}"
    );
    assert!(
        waits.iter().all(|w| *w <= Duration::from_secs(34)),
        "{waits:?}"
    );
    let told = std::iter::from_fn(|| events.try_recv().ok());
    let told: Vec<Duration> = told
        .filter_map(|event| match event {
            Event::Waiting(wait) => Some(wait),
            _ => None,
        })
        .collect();
    assert!(
        told.len() >= 12 && told[4..].windows(2).all(|w| w[0] != w[1]),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_or_an_ack_makes_the_next_wait_a_first_one() {
    let (client, mut server, _) = Scripted::start(seeded());
    for proof in ["ack", "answer"] {
        for _ in 0..8 {
            let (ws, _) = server.greet(60_000).await;
            close(ws, 4001).await;
        }
        let (mut ws, _) = server.greet(1000).await;
        if proof == "ack" {
            assert_eq!(hear(&mut ws).await, BEAT);
            say(&mut ws, r#"{"op":3}"#).await;
        } else {
            let answering = async {
                assert!(hear(&mut ws).await.contains(r#""n":1"#));
                say(&mut ws, r#"{"op":5,"n":1,"r":null}"#).await;
            };
            assert!(tokio::join!(client.request("X", "[]"), answering).0.is_ok());
        }
        sleep(Duration::from_millis(10)).await;
        let down = Instant::now();
        drop(ws);
        drop(server.accept().await);
        assert!(
            down.elapsed() <= Duration::from_millis(2100),
            "{proof}: {:?}",
            down.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn requests_in_flight_at_a_disconnect_fail_once_and_those_not_sent_go_over_the_next() {
    let (client, mut server, _) = Scripted::start(seeded());
    let (mut ws, _) = server.greet(60_000).await;
    let ask = |w: &'static str| {
        let client = client.clone();
        tokio::spawn(async move { client.request(w, "[]").await })
    };
    let sent = [ask("A"), ask("B"), ask("C")];
    for _ in 0..3 {
        let _ = hear(&mut ws).await;
    }
    drop(ws);
    for asked in sent {
        assert_eq!(asked.await.unwrap(), Err(RequestError::Disconnected));
    }
    let waiting = ask("D");
    let (mut ws, _) = server.greet(60_000).await;
    assert_eq!(hear(&mut ws).await, r#"{"op":4,"w":"D","a":[],"n":1}"#);
    say(&mut ws, r#"{"op":5,"n":1,"r":1}"#).await;
    assert_eq!(waiting.await.unwrap().unwrap(), "1");
}

#[tokio::test(start_paused = true)]
async fn a_request_times_out_with_and_without_a_connection() {
    let (client, mut server, _) = Scripted::start(seeded());
    let request = |seconds| Request {
        w: "X",
        a: "[]",
        nonce: None,
        timeout: Some(Duration::from_secs(seconds)),
    };
    let start = Instant::now();
    assert_eq!(
        client.request_with(&request(3)).await,
        Err(RequestError::TimedOut)
    );
    assert_eq!(start.elapsed().as_secs(), 3);
    let (mut ws, _) = server.greet(60_000).await;
    let start = Instant::now();
    assert_eq!(
        client.request_with(&request(5)).await,
        Err(RequestError::TimedOut)
    );
    assert_eq!(start.elapsed().as_secs(), 5);
    // The one that timed out before there was a connection is never sent.
    assert_eq!(hear(&mut ws).await, r#"{"op":4,"w":"X","a":[],"n":1}"#);
    let mut events = client.events();
    sleep(Duration::from_millis(10)).await;
    say(&mut ws, r#"{"op":5,"n":1,"r":"late"}"#).await;
    assert_eq!(
        events.recv().await.unwrap(),
        Event::Stranger { nonce: "1".into() }
    );
    let five = request(5);
    let asking = client.request_with(&five);
    let answering = async {
        assert_eq!(hear(&mut ws).await, r#"{"op":4,"w":"X","a":[],"n":2}"#);
        say(&mut ws, r#"{"op":5,"n":2,"r":"right"}"#).await;
    };
    assert_eq!(tokio::join!(asking, answering).0.unwrap(), "\"right\"");
}

#[tokio::test(start_paused = true)]
async fn there_are_never_two_connections() {
    let (_client, mut server, _) = Scripted::start(seeded());
    for _ in 0..5 {
        let (mut ws, _) = server.greet(60_000).await;
        // The server closes and then takes its time with the end of the stream.
        let frame = CloseFrame {
            code: 1001.into(),
            reason: "".into(),
        };
        ws.send(Message::Close(Some(frame))).await.unwrap();
        let ended = loop {
            if matches!(ws.next().await, None | Some(Err(_))) {
                break Instant::now();
            }
        };
        let (end, at) = server.ends.recv().await.unwrap();
        assert!(at >= ended + Duration::from_secs(1));
        drop(end);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_says_hello_or_never_upgrades_is_left_in_time() {
    let (_client, mut server, _) = Scripted::start(seeded());
    let (mut ws, at) = server.accept().await;
    let message = ws.next().await.unwrap().unwrap();
    assert!(matches!(message, Message::Close(Some(frame)) if u16::from(frame.code) == 1008));
    assert_eq!(at.elapsed().as_secs(), 10);
    let (_mute, at) = server.ends.recv().await.unwrap();
    let (_, next) = server.ends.recv().await.unwrap();
    let apart = next - at;
    assert!(
        apart >= Duration::from_secs(11) && apart < Duration::from_secs(30),
        "{apart:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bad_interval_closes_and_comes_again() {
    let (_client, mut server, _) = Scripted::start(seeded());
    for hb in ["0", "-5", "1.5", "\"x\"", "null"] {
        let (mut ws, _) = server.accept().await;
        say(&mut ws, &format!(r#"{{"op":0,"hb_interval":{hb}}}"#)).await;
        let message = ws.next().await.unwrap().unwrap();
        assert!(matches!(message, Message::Close(_)), "{hb}: {message:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn closing_ends_with_1000_at_once_in_every_state() {
    let (client, mut server, _) = Scripted::start(seeded());
    let (mut ws, _) = server.greet(60_000).await;
    let start = Instant::now();
    let closing = tokio::spawn(client.close());
    let message = ws.next().await.unwrap().unwrap();
    assert!(matches!(message, Message::Close(Some(frame)) if u16::from(frame.code) == 1000));
    while let Some(Ok(_)) = ws.next().await {}
    drop(ws);
    closing.await.unwrap().unwrap();

    let (client, mut server, _) = Scripted::start(seeded());
    drop(server.accept().await);
    sleep(Duration::from_millis(100)).await;
    assert!(matches!(
        client.close().await,
        Err(Down::Upgrade(_) | Down::Lost(_))
    ));
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    assert!(server.ends.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_close_of_the_servers_that_crosses_ours_is_told() {
    let service = Service::new(config(10_000));
    let wrong = ClientConfig {
        password: Password::from("x"),
        ..seeded()
    };
    let client = served(wrong, &service).await.unwrap();
    client.dispatch("X", "[]").await.unwrap();
    let closed = client.close().await;
    assert!(
        matches!(
            closed,
            Err(Down::Closed {
                code: Some(4001),
                ..
            })
        ),
        "{closed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_that_goes_takes_the_client_with_it() {
    let (client, mut server, _) = Scripted::start(seeded());
    let (mut ws, _) = server.greet(60_000).await;
    drop(client);
    assert!(matches!(ws.next().await, Some(Ok(Message::Close(_)))));
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_for_nothing_hear_why() {
    let config = ClientConfig {
        reconnect: None,
        ..seeded()
    };
    let (client, mut server, _) = Scripted::start(config);
    let asking = {
        let client = client.clone();
        tokio::spawn(async move { client.request("X", "[]").await })
    };
    let (ws, _) = server.accept().await;
    close(ws, 1013).await;
    let why = Down::Closed {
        code: Some(1013),
        reason: "bye".into(),
    };
    assert_eq!(asking.await.unwrap(), Err(RequestError::Over(why.clone())));
    assert_eq!(
        client.dispatch("X", "[]").await,
        Err(RequestError::Over(why))
    );
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_beyond_all_time_is_none() {
    let limits = Limits {
        hello: Duration::MAX,
        stalled: Duration::MAX,
        ..Limits::default()
    };
    let config = ClientConfig {
        request_timeout: Duration::MAX,
        limits,
        ..seeded()
    };
    let service = Service::new(super::config(u64::MAX));
    let client = served(config, &service).await.unwrap();
    assert_eq!(client.request("NULL", "[]").await.unwrap(), "null");
    assert_eq!(client.close().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn room_that_a_timed_out_request_leaves_is_used_at_once() {
    let limits = Limits {
        pending: 1,
        ..Limits::default()
    };
    let (client, mut server, _) = Scripted::start(ClientConfig { limits, ..seeded() });
    let (mut ws, _) = server.greet(3_600_000).await;
    let ask = |w, seconds| {
        let client = client.clone();
        let timeout = Some(Duration::from_secs(seconds));
        tokio::spawn(async move {
            client
                .request_with(&Request {
                    w,
                    a: "[]",
                    nonce: None,
                    timeout,
                })
                .await
        })
    };
    let start = Instant::now();
    let first = ask("A", 5);
    assert!(hear(&mut ws).await.contains(r#""w":"A""#));
    let _second = ask("B", 60);
    assert!(hear(&mut ws).await.contains(r#""w":"B""#));
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(first.await.unwrap(), Err(RequestError::TimedOut));
}

#[test]
fn a_reason_is_shown_without_what_a_terminal_would_obey() {
    let down = Down::Closed {
        code: Some(4000),
        reason: "\u{1b}[2J\u{202e}x".into(),
    };
    let text = down.to_string();
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{202e}'),
        "{text:?}"
    );
}
