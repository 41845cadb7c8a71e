//! A client of the zoo from its start to its end, against the reference server and a scripted one.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{Keeper, Member, Running, all, find, find_variant, variants};
use crate::play::Driver;
use crate::reference::client::{Address, ByteStream, Client, ClientConfig, Dial, Dialing};
use crate::reference::server::{ServerConfig, Service};
use crate::wire::memory::{self, MemoryDial, MemoryListener};
use crate::wire::{Conn, Incoming, Limits, OutFrame, close_body, receive};

const HOUR: Duration = Duration::from_secs(3600);
const HELLO: &str = r#"{"op":0,"hb_interval":1000}"#;

fn seeded() -> ClientConfig {
    ClientConfig {
        seed: Some(7),
        ..ClientConfig::default()
    }
}

fn start(member: &'static Member, dial: MemoryDial) -> Running {
    let address = Address::parse("ws://memory/").unwrap();
    Keeper::new(member, seeded()).start(dial, address)
}

/// A client of the reference server's, and the server.
fn served(member: &'static Member) -> (Running, Service) {
    let (dial, mut listener) = memory::listen();
    let service = Service::new(ServerConfig::default());
    let serving = service.clone();
    tokio::spawn(async move {
        while let Some(stream) = listener.accept().await {
            let service = serving.clone();
            tokio::spawn(async move { service.serve_stream(stream).await });
        }
    });
    (start(member, dial), service)
}

async fn line(running: &mut Running) -> Option<String> {
    let line = poll_fn(|cx| running.poll_line(cx));
    timeout(HOUR, line).await.expect("a line in an hour")
}

/// What a test says as a server.
struct Scripted(Conn);

impl Scripted {
    async fn accept(listener: &mut MemoryListener) -> Scripted {
        let stream = timeout(HOUR, listener.accept()).await.unwrap().unwrap();
        let visitor = receive(Box::new(stream), &Limits::default()).await.unwrap();
        Scripted(visitor.accept(&[]).await.unwrap())
    }

    async fn greet(listener: &mut MemoryListener) -> Scripted {
        let mut server = Scripted::accept(listener).await;
        server.say(HELLO).await;
        assert!(
            server
                .hear()
                .await
                .is_some_and(|ack| ack.contains(r#""op":1"#))
        );
        server
    }

    async fn say(&mut self, text: &str) {
        self.0.queue(&OutFrame::text(text.as_bytes()));
        self.0.flush().await.unwrap();
    }

    /// The next text; none at the end. Heartbeats are acknowledged and passed over.
    async fn hear(&mut self) -> Option<String> {
        loop {
            match timeout(HOUR, self.0.next()).await.unwrap().incoming {
                Incoming::Text { text, .. } if text.as_deref() == Ok(r#"{"op":2}"#) => {
                    self.say(r#"{"op":3}"#).await;
                }
                Incoming::Text { text, .. } => return Some(text.unwrap()),
                Incoming::Eof | Incoming::Reset(_) => return None,
                _ => {}
            }
        }
    }

    async fn close(mut self, code: u16) {
        let body = close_body(Some(code), b"");
        self.0.queue(&OutFrame::close(&body));
        self.0.flush().await.unwrap();
        while self.hear().await.is_some() {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_one_obeys_and_ends_when_it_is_dropped() {
    let (mut client, service) = served(find_variant("plain-client").unwrap());
    assert_eq!(line(&mut client).await.as_deref(), Some(r#"{"driver":1}"#));
    client
        .send(r#"{"do":"request","id":1,"w":"ECHO","a":[1.0]}"#)
        .unwrap();
    let answer = line(&mut client).await;
    assert_eq!(answer.as_deref(), Some(r#"{"id":1,"r":[1.0]}"#));
    client
        .send(r#"{"do":"dispatch","id":2,"w":"X","a":[]}"#)
        .unwrap();
    assert_eq!(line(&mut client).await.as_deref(), Some(r#"{"id":2}"#));
    assert_eq!(service.connections(), 1);
    let died = client.died();
    drop(client);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(service.connections(), 0);
    assert!(
        timeout(HOUR, died).await.is_err(),
        "it was ended, and did not die"
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_dies_tells_how_and_neither_says_nor_hears_anything_more() {
    let (dial, mut listener) = memory::listen();
    let mut client = start(find("dies-of-null").unwrap(), dial);
    let died = client.died();
    let mut server = Scripted::greet(&mut listener).await;
    client
        .send(r#"{"do":"request","id":1,"w":"X","a":[]}"#)
        .unwrap();
    assert!(server.hear().await.is_some());
    server.say(r#"{"op":5,"n":1,"r":null}"#).await;
    assert_eq!(server.hear().await, None);
    assert!(timeout(HOUR, died).await.unwrap().contains("TypeError"));
    line(&mut client).await;
    assert_eq!(line(&mut client).await, None);
    let gone = client.send(r#"{"do":"dispatch","id":2,"w":"X","a":[]}"#);
    assert!(gone.is_err());
    let again = timeout(HOUR, listener.accept()).await;
    assert!(matches!(again, Err(_) | Ok(None)), "it came again");
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_keeps_its_connection_and_does_nothing_until_it_is_ended() {
    let (dial, mut listener) = memory::listen();
    let mut client = start(find("hangs-at-false").unwrap(), dial);
    let mut server = Scripted::greet(&mut listener).await;
    line(&mut client).await;
    client
        .send(r#"{"do":"request","id":1,"w":"X","a":[]}"#)
        .unwrap();
    assert!(server.hear().await.is_some());
    server.say(r#"{"op":5,"n":1,"r":false}"#).await;
    assert!(
        timeout(Duration::from_secs(60), server.0.next())
            .await
            .is_err()
    );
    client
        .send(r#"{"do":"dispatch","id":2,"w":"X","a":[]}"#)
        .unwrap();
    let silent = timeout(Duration::from_secs(60), line(&mut client)).await;
    assert!(silent.is_err());
    let died = client.died();
    drop(client);
    assert_eq!(server.hear().await, None);
    assert!(timeout(HOUR, died).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn one_that_asks_again_answers_the_line_it_was_given() {
    let (dial, mut listener) = memory::listen();
    let mut client = start(find_variant("asks-again").unwrap(), dial);
    line(&mut client).await;
    client
        .send(r#"{"do":"request","id":"one","w":"X","a":[7]}"#)
        .unwrap();
    for _ in 0..2 {
        let mut server = Scripted::greet(&mut listener).await;
        let asked = server.hear().await.unwrap();
        assert!(asked.contains(r#""w":"X","a":[7]"#), "{asked}");
        server.close(1012).await;
    }
    let mut server = Scripted::greet(&mut listener).await;
    assert!(server.hear().await.is_some());
    server.say(r#"{"op":5,"n":1,"r":"done"}"#).await;
    let answer = line(&mut client).await;
    assert_eq!(answer.as_deref(), Some(r#"{"id":"one","r":"done"}"#));
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_obey_speaks_of_its_own_accord_and_says_no_line() {
    let (dial, mut listener) = memory::listen();
    let member = find_variant("talks").unwrap();
    assert!(!member.obeys);
    let mut client = start(member, dial);
    client
        .send(r#"{"do":"request","id":1,"w":"X","a":[]}"#)
        .unwrap();
    let mut server = Scripted::greet(&mut listener).await;
    let mut ops = String::new();
    for _ in 0..6 {
        let text = server.hear().await.unwrap();
        ops.push_str(&text[6..7]);
    }
    assert_eq!(ops, "446446");
    assert!(
        timeout(HOUR, poll_fn(|cx| client.poll_line(cx)))
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn there_are_two_connections_where_one_lets_another_begin_beside_it() {
    let (dial, mut listener) = memory::listen();
    let _client = start(find("two-without-an-ack").unwrap(), dial);
    let mut first = Scripted::accept(&mut listener).await;
    first.say(HELLO).await;
    let _second = Scripted::accept(&mut listener).await;
    let beat = timeout(Duration::from_secs(2), async {
        while !matches!(first.0.next().await.incoming, Incoming::Text { text: Ok(text), .. } if text.contains('2'))
        {
        }
    });
    assert!(beat.await.is_ok(), "the first one lives on");
}

/// What the client of a scripted server says, and when, through three connections.
async fn heard_of(dialed: impl FnOnce(MemoryDial)) -> Vec<(Duration, String)> {
    let (dial, mut listener) = memory::listen();
    let began = Instant::now();
    dialed(dial);
    let mut heard = Vec::new();
    for code in [1012, 4003, 1000] {
        let mut server = Scripted::accept(&mut listener).await;
        heard.push((began.elapsed(), "connects".to_owned()));
        server.say(HELLO).await;
        while let Ok(Some(text)) = timeout(Duration::from_millis(1900), server.hear()).await {
            heard.push((began.elapsed(), text));
        }
        server.close(code).await;
    }
    heard
}

/// The way to a listener without anything in between.
struct Straight(MemoryDial);

impl Dial for Straight {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async {
            let stream = crate::wire::Dial::dial(&self.0).await;
            let stream = stream.map_err(std::io::Error::other)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_between_session_and_wire_changes_nothing_where_nothing_is_bent() {
    let client = Mutex::new(None);
    let plain = heard_of(|dial| {
        let address = Address::parse("ws://memory/").unwrap();
        let started = Client::start_over(Straight(dial), address, seeded());
        *client.lock().unwrap() = Some(started);
    });
    let plain = plain.await;
    let kept = Arc::new(Mutex::new(None));
    let layered = heard_of(|dial| {
        let member = find_variant("plain-client").unwrap();
        *kept.lock().unwrap() = Some(start(member, dial));
    });
    assert_eq!(layered.await, plain);
    assert!(plain.len() > 5, "{plain:?}");
}

#[test]
fn members_are_found_by_their_names_among_their_own_kind() {
    for member in all() {
        assert!(member.rule.is_some());
        assert!(find(member.name).is_some() && find_variant(member.name).is_none());
    }
    for member in variants() {
        assert!(member.rule.is_none() && !member.breaks_should());
        assert!(find_variant(member.name).is_some() && find(member.name).is_none());
    }
    assert!(find("never-again").unwrap().breaks_should());
    assert!(!find("again-at-once").unwrap().breaks_should());
}
