//! A client that is driven by lines.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::config;
use crate::reference::client::{Address, ByteStream, Client, ClientConfig, Dial, Dialing};
use crate::reference::driver::{GREETING, Line, drive};
use crate::reference::server::Service;

/// A way to the reference server.
struct Served(Service);

impl Dial for Served {
    fn dial(&self) -> Dialing<'_> {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let service = self.0.clone();
        tokio::spawn(async move { service.serve_stream(theirs).await });
        Box::pin(async { Ok(Box::new(ours) as Box<dyn ByteStream>) })
    }
}

/// What a client says to lines, of which there are no more behind these, and how long it takes. It is
/// listened to for so many lines.
async fn told(lines: &[&str], listened: usize) -> (Vec<String>, Duration) {
    let address = Address::parse("ws://memory/").unwrap();
    let way = Served(Service::new(config(10_000)));
    let client = Client::start_over(way, address, ClientConfig::default());
    let (sender, mut given) = mpsc::unbounded_channel();
    for line in lines {
        let line = match *line {
            "" => Line::TooLong,
            line => Line::Text(line.as_bytes().to_vec()),
        };
        sender.send(line).unwrap();
    }
    drop(sender);
    let said = Arc::new(Mutex::new(Vec::new()));
    let began = Instant::now();
    let driving = drive(
        &client,
        |cx| given.poll_recv(cx),
        |line| {
            let mut said = said.lock().unwrap();
            said.push(line.to_owned());
            said.len() < listened
        },
    );
    timeout(Duration::from_secs(60), driving).await.unwrap();
    let said = said.lock().unwrap().clone();
    (said, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn each_line_has_its_answer_as_that_comes() {
    let lines = [
        r#"{"do":"request","id":1,"w":"LATE","a":[500]}"#,
        r#"{"do":"dispatch","id":"two","w":"X","a":[]}"#,
        r#"{"do":"request","id":3,"w":"ECHO","a":["a b"]}"#,
    ];
    let (mut said, took) = told(&lines, 100).await;
    assert_eq!(said.remove(0), GREETING);
    assert_eq!(said.pop().as_deref(), Some(r#"{"id":1,"r":[500]}"#));
    said.sort();
    assert_eq!(said, [r#"{"id":"two"}"#, r#"{"id":3,"r":["a b"]}"#]);
    assert_eq!(took.as_millis(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_cannot_be_carried_out_is_answered_with_an_error() {
    let lines = [
        "",
        "{",
        "[]",
        r#"{"do":"request","id":4}"#,
        r#"{"do":"sleep","id":5,"w":"X","a":[]}"#,
        r#"{"do":"request","id":6,"w":"X","a":{}}"#,
    ];
    let (said, _) = told(&lines, 100).await;
    let errors: Vec<&str> = said[1..].iter().map(|line| &line[..10]).collect();
    assert_eq!(errors[..3], [r#"{"id":null"#; 3]);
    assert_eq!(
        errors[3..],
        [r#"{"id":4,"e"#, r#"{"id":5,"e"#, r#"{"id":6,"e"#]
    );
    assert!(said[1].contains("too long"), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_at_the_end_is_waited_for_for_a_second() {
    let lines = [
        r#"{"do":"request","id":1,"w":"LATE","a":[900]}"#,
        r#"{"do":"request","id":2,"w":"LATE","a":[1100]}"#,
    ];
    let (said, took) = told(&lines, 100).await;
    assert_eq!(said, [GREETING, r#"{"id":1,"r":[900]}"#]);
    assert_eq!(took.as_millis(), 1000);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_for_nobody() {
    let line = r#"{"do":"request","id":1,"w":"ECHO","a":[]}"#;
    assert_eq!(told(&[line], 1).await.0, [GREETING]);
    assert_eq!(told(&[line, line, line], 2).await.0.len(), 2);
}
