//! The reference client against scenarios for clients, driven where they drive.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{PASSWORD, actual, blamed, hosted, passed};
use litespec::play::{Driver, Host, Played};
use litespec::protocol::rules::Level;
use litespec::reference::client::{Address, ByteStream, Client, ClientConfig, Dial, Dialing};
use litespec::session::Password;
use litespec::wire::TcpAccept;
use litespec::wire::memory::{self, MemoryDial};
use tokio::sync::mpsc;

/// The way from the reference client to us.
struct Way(MemoryDial);

impl Dial for Way {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async {
            let dialed = litespec::wire::Dial::dial(&self.0).await;
            let stream = dialed.map_err(io::Error::other)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}

/// Obeys on behalf of a client.
pub(super) struct Obedient {
    client: Client,
    lines: mpsc::UnboundedReceiver<String>,
    say: mpsc::UnboundedSender<String>,
    bend: fn(&str) -> String,
}

impl Obedient {
    fn new(client: Client, bend: fn(&str) -> String) -> Obedient {
        let (say, lines) = mpsc::unbounded_channel();
        let greeting = r#"{"driver":1}"#.to_owned();
        say.send("starting up".to_owned()).expect("a reader");
        say.send(greeting).expect("a reader");
        Obedient {
            client,
            lines,
            say,
            bend,
        }
    }
}

impl Driver for Obedient {
    fn send(&mut self, line: &str) -> io::Result<()> {
        let command: serde_json::Value = serde_json::from_str(line)?;
        let (client, say, bend) = (self.client.clone(), self.say.clone(), self.bend);
        tokio::spawn(async move {
            let id = &command["id"];
            let w = command["w"].as_str().unwrap_or_default();
            let a = command["a"].to_string();
            let line = match command["do"].as_str() {
                Some("request") => match client.request(w, &a).await {
                    Ok(r) => format!(r#"{{"id":{id},"r":{}}}"#, bend(&r)),
                    Err(error) => {
                        let error = serde_json::Value::from(error.to_string());
                        format!(r#"{{"id":{id},"error":{error}}}"#)
                    }
                },
                _ => {
                    let _ = client.dispatch(w, &a).await;
                    format!(r#"{{"id":{id}}}"#)
                }
            };
            let _ = say.send(line);
        });
        Ok(())
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        self.lines.poll_recv(cx)
    }
}

/// The reference client behind a driver that bends what it prints.
pub(super) fn obedient(dial: MemoryDial, bend: fn(&str) -> String) -> Obedient {
    let address = Address::parse("ws://memory/").expect("an address");
    let config = ClientConfig {
        password: Password::from(PASSWORD),
        seed: Some(3),
        ..ClientConfig::default()
    };
    Obedient::new(Client::start_over(Way(dial), address, config), bend)
}

/// Plays steps against the reference client, whose driver bends what it prints.
async fn driven(header: &str, steps: &str, bend: fn(&str) -> String) -> Played {
    let (dial, listener) = memory::listen();
    let host = Host::new(listener).with_driver(obedient(dial, bend));
    hosted(header, steps, host).await
}

async fn play(header: &str, steps: &str) -> Played {
    driven(header, steps, str::to_owned).await
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_hello() {
    let steps = "< connects\n< nothing for 5s\nuse handshake\n";
    passed(&play("rule   client.waits-for-hello", steps).await);
}

#[tokio::test(start_paused = true)]
async fn it_beats_at_the_interval_of_each_connection() {
    let steps = "use handshake {\"hb_interval\": 400}\n< nothing for 20hb\n> reset\n< connects within 1s..\n\
                 use handshake {\"hb_interval\": 10000}\n< nothing for 5hb\n> close 4003\n< connects within 1s..\n\
                 use handshake {\"hb_interval\": 50}\n< nothing for 50hb\n";
    passed(&play("rule   client.heartbeat-interval", steps).await);
    let steps = "use handshake {\"hb_interval\": 600}\nrepeat 10\n  < {\"op\": 2} within ..1hb+250ms\n  > {\"op\": 3}\n";
    passed(&play("rule   client.heartbeat-interval\nmanual ack", steps).await);
}

#[tokio::test(start_paused = true)]
async fn it_waits_at_random_before_it_comes_again() {
    let steps = "use handshake\nrepeat 5\n  > close 1011\n  < connects within 1s..\n  use handshake\n\
                 waits differ by 50ms  @client.reconnect-random\n";
    let played = play("rule   client.reconnect-waits", steps).await;
    passed(&played);
    assert_eq!(played.waits.len(), 5);
    assert!(played.waits.iter().all(|wait| wait.as_millis() >= 1000));
}

#[tokio::test(start_paused = true)]
async fn it_comes_again_whatever_became_of_its_connection() {
    for failure in [
        "> http 503",
        "> http 404",
        "> http 500",
        "> reset",
        "> eof",
        "> http 101\n> reset",
        "> http 101\n> close 1012",
        "use handshake\n> close 1001",
        "use handshake\n> reset",
        "use handshake\n> eof",
        "use handshake\n> raw 0xf3ff\n< closed",
    ] {
        let steps = format!(
            "< connects\n{failure}\n< connects within 1s..\nuse handshake {{\"hb_interval\": 600}}\n< nothing for 3hb\n"
        );
        let played = play("rule   client.reconnects", &steps).await;
        passed(&played);
    }
    let silent = "< connects\nwait 15s\n< connects within 1s..\nuse handshake\nwait 1hb\n";
    passed(&play("rule   client.reconnects", silent).await);
}

const OUT_OF_ORDER: &str = "use handshake\n\
    driver> {\"do\": \"request\", \"id\": 1, \"w\": \"A\", \"a\": [1]}\n< {\"op\": 4, \"w\": \"A\", \"a\": [1], \"n\": $first}\n\
    driver> {\"do\": \"request\", \"id\": 2, \"w\": \"B\", \"a\": []}\n< {\"op\": 4, \"w\": \"B\", \"n\": $second}\n\
    > {\"op\": 5, \"n\": $second, \"r\": [false]}\ndriver< {\"id\": 2, \"r\": [false]}\n\
    > {\"op\": 5, \"n\": $first, \"r\": null}\ndriver< {\"id\": 1, \"r\": null}\n\
    driver> {\"do\": \"dispatch\", \"id\": 3, \"w\": \"C\", \"a\": [{}]}\n< exactly {\"op\": 6, \"w\": \"C\", \"a\": [{}]}\n\
    driver< {\"id\": 3}\n< nothing for 100ms\n";

#[tokio::test(start_paused = true)]
async fn what_it_is_told_to_ask_is_asked_and_what_comes_back_is_told() {
    let played = play("rule   client.correlates", OUT_OF_ORDER).await;
    passed(&played);
    let told = played.transcript.iter().filter(|e| e.conn == "driver");
    let told: Vec<_> = told.map(|entry| entry.text.as_str()).collect();
    assert_eq!(told.len(), 7, "{told:?}");
    assert_eq!(told[1], r#"{"do": "request", "id": 1, "w": "A", "a": [1]}"#);
    assert!(told.contains(&r#"{"id":1,"r":null}"#));
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_tells_something_else_is_failed() {
    let swallowed = driven("rule   client.correlates", OUT_OF_ORDER, |r| match r {
        "null" => "{}".to_owned(),
        other => other.to_owned(),
    });
    let played = swallowed.await;
    assert_eq!(actual(&played), r#"{"id":1,"r":{}}"#);
    assert_eq!(blamed(&played), ("client.correlates", Level::Must));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_told_is_missed_in_time() {
    let steps = "use handshake\ndriver> {\"do\": \"request\", \"id\": 1, \"w\": \"A\", \"a\": []}\n\
                 < {\"op\": 4, \"n\": $n}\nbeat off\ndriver< {\"id\": 1, \"r\": any} within ..2s\n";
    let played = play("rule   client.correlates", steps).await;
    assert_eq!(actual(&played), "no such answer within 2000 ms");
    assert!(played.took < Duration::from_secs(4));
}

/// What the driver says of another request waits for its own line, and nothing is waited for with it.
#[tokio::test(start_paused = true)]
async fn an_answer_to_another_request_does_not_keep_one_that_is_missed_from_being_missed() {
    let ask = "driver> {\"do\": \"request\", \"id\": 1, \"w\": \"A\", \"a\": []}\n< {\"op\": 4, \"n\": $n}\n";
    let two = ask.replace("1,", "2,").replace("$n", "$m");
    let steps = format!(
        "use handshake\n{ask}{two}> {{\"op\": 5, \"n\": $n, \"r\": 1}}\ndriver< {{\"id\": 2, \"r\": any}}\n"
    );
    let played = play("rule   client.correlates", &steps).await;
    assert_eq!(actual(&played), "no such answer within 5000 ms");
    let told = steps.replace("driver< {\"id\": 2", "driver< {\"id\": 1");
    passed(&play("rule   client.correlates", &told).await);
}

#[tokio::test(start_paused = true)]
async fn it_survives_strangers() {
    let steps = "use handshake\n> {\"op\": 5, \"n\": \"nobody's\", \"r\": 1}\n< nothing for 2hb\n\
                 > {\"op\": 3, \"extra\": [1]}\n< {\"op\": 2}\nalive\n";
    passed(&play("rule   client.survives-strangers", steps).await);
}

#[tokio::test]
async fn it_is_played_with_over_tcp_too() {
    let accept = TcpAccept::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/", accept.local_addr().expect("an address"));
    let address = Address::parse(&url).expect("an address");
    let config = ClientConfig {
        password: Password::from(PASSWORD),
        ..ClientConfig::default()
    };
    let client = Client::start(address, config);
    let host = Host::new(accept).with_driver(Obedient::new(client, str::to_owned));
    passed(&hosted("rule   client.correlates", OUT_OF_ORDER, host).await);
}
