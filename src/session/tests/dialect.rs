//! Both sessions in the bidirectional dialect.

use std::time::Duration;

use super::Clock;
use crate::protocol::opcode::Op;
use crate::protocol::packet::Interval;
use crate::session::client::{self, ClientSession, Event, Ignored, Output};
use crate::session::server::{NotAsked, ServerSession, Settings, Step};
use crate::session::{Breach, Password};

const ACK: &str = r#"{"op":1,"password":"right"}"#;

fn server(max_asked: usize) -> (Clock, ServerSession) {
    let settings = Settings {
        hb_interval: Interval::from_millis(1000).unwrap(),
        handshake_limit: Duration::from_secs(5),
        max_in_flight: 2,
        max_in_flight_bytes: 1000,
        max_asked,
    };
    let (clock, mut session) = (Clock::new(), ServerSession::new(settings));
    assert!(matches!(session.open(clock.at(0)), Step::Send(_)));
    (clock, session)
}

fn send<'a>(session: &mut ServerSession, clock: &Clock, text: &'a str) -> Step<'a> {
    session.text(clock.at(1), text, |given| given == "right")
}

#[test]
fn a_response_before_authentication_counts_for_nothing() {
    let (clock, mut session) = server(2);
    for text in [r#"{"op":5,"n":1,"r":null}"#, r#"{"op":5}"#] {
        assert!(matches!(send(&mut session, &clock, text), Step::Ignored));
        assert!(!session.is_authenticated());
    }
    let early = r#"{"op":4,"w":"X","a":[],"n":1}"#;
    let step = send(&mut session, &clock, early);
    assert!(matches!(step, Step::Close(Breach::EarlyRequest)));
}

#[test]
fn each_answer_finds_its_request_once_and_strangers_are_ignored() {
    let (clock, mut session) = server(2);
    assert_eq!(session.ask("X", "[]").unwrap_err(), NotAsked::NotThere);
    assert!(matches!(
        send(&mut session, &clock, ACK),
        Step::Authenticated
    ));
    let (first, packet) = session.ask("X", "[ 1]").unwrap();
    assert_eq!(packet, r#"{"op":4,"w":"X","a":[ 1],"n":1}"#);
    let (second, _) = session.ask("Y", "[]").unwrap();
    assert_eq!(session.ask("Z", "[]").unwrap_err(), NotAsked::Full);
    assert_eq!(session.ask("Z", "{}").unwrap_err(), NotAsked::Arguments);
    let told = session.tell("Z", "[]").unwrap();
    assert_eq!(told, r#"{"op":6,"w":"Z","a":[]}"#);
    let stranger = r#"{"op":5,"n":"1","r":null}"#;
    assert!(matches!(
        send(&mut session, &clock, stranger),
        Step::Ignored
    ));
    // Equal by value, however the client spells it.
    let step = send(&mut session, &clock, r#"{"op":5,"n":2.0,"r":{"a" : 1}}"#);
    let Step::Answered(id, r) = step else {
        panic!("{step:?}");
    };
    assert_eq!((id, r.as_str()), (second, r#"{"a" : 1}"#));
    let again = r#"{"op":5,"n":2,"r":null}"#;
    assert!(matches!(send(&mut session, &clock, again), Step::Ignored));
    session.forget(first);
    let late = r#"{"op":5,"n":1,"r":null}"#;
    assert!(matches!(send(&mut session, &clock, late), Step::Ignored));
    assert_eq!(session.asked(), 0);
}

#[test]
fn equal_nonces_of_both_directions_do_not_meet() {
    let (clock, mut session) = server(2);
    assert!(matches!(
        send(&mut session, &clock, ACK),
        Step::Authenticated
    ));
    let (id, _) = session.ask("X", "[]").unwrap();
    let step = send(&mut session, &clock, r#"{"op":4,"w":"X","a":[],"n":1}"#);
    let Step::Request(request) = step else {
        panic!("{step:?}");
    };
    let ticket = request.ticket.into_owned();
    let response = r#"{"op":5,"n":1,"r":null}"#;
    let step = send(&mut session, &clock, response);
    assert!(matches!(step, Step::Answered(answered, _) if answered == id));
    let answer = session.answer(ticket, crate::protocol::packet::Raw::NULL);
    assert_eq!(answer.as_deref(), Some(response));
}

#[test]
fn an_answer_is_no_heartbeat() {
    let (clock, mut session) = server(2);
    assert!(matches!(
        send(&mut session, &clock, ACK),
        Step::Authenticated
    ));
    let (_, _) = session.ask("X", "[]").unwrap();
    let due = session.deadline();
    let _ = session.text(clock.at(900), r#"{"op":5,"n":1,"r":null}"#, |_| false);
    assert_eq!(session.deadline(), due);
}

#[test]
fn by_the_text_alone_a_server_neither_asks_nor_is_answered() {
    let (clock, mut session) = server(0);
    assert!(matches!(
        send(&mut session, &clock, ACK),
        Step::Authenticated
    ));
    assert_eq!(session.ask("X", "[]").unwrap_err(), NotAsked::NotSpoken);
    let step = send(&mut session, &clock, r#"{"op":5,"n":1,"r":null}"#);
    let wrong = Breach::WrongDirection(Op::Response);
    assert!(matches!(step, Step::Close(breach) if breach == wrong));
}

#[test]
fn a_response_that_is_none_closes_once_the_client_is_known() {
    let (clock, mut session) = server(1);
    assert!(matches!(
        send(&mut session, &clock, ACK),
        Step::Authenticated
    ));
    let step = send(&mut session, &clock, r#"{"op":5,"n":1}"#);
    let malformed = Breach::Malformed(Op::Response);
    assert!(matches!(step, Step::Close(breach) if breach == malformed));
}

fn outputs(bidirectional: bool, texts: &[&str]) -> Vec<Output> {
    let settings = client::Settings {
        hello_limit: Duration::from_secs(5),
        max_pending: 4,
        bidirectional,
    };
    let mut session = ClientSession::new(settings, Password::from("right"));
    let clock = Clock::new();
    session.open(clock.at(0));
    let mut all = Vec::new();
    for text in texts {
        session.text(clock.at(1), text);
        while let Some(output) = session.poll_output() {
            if let Output::Event(Event::Asked(asked)) = &output {
                let answer = if asked.w == "BAD" { "nul" } else { "[1e2]" };
                session.answer(asked, answer);
            }
            all.push(output);
        }
    }
    all
}

const HELLO: &str = r#"{"op":0,"hb_interval":1000}"#;

#[test]
fn a_client_answers_with_the_very_nonce() {
    let ask = r#"{"op":4,"w":"X","a":[],"n":{"b" : 1.0,"\u0061":null}}"#;
    let bad = r#"{"op":4,"w":"BAD","a":[],"n":2}"#;
    let all = outputs(true, &[HELLO, ask, bad]);
    let sent: Vec<&str> = all
        .iter()
        .filter_map(|output| match output {
            Output::Send(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let expected = [
        r#"{"op":1,"password":"right"}"#,
        r#"{"op":5,"n":{"b" : 1.0,"\u0061":null},"r":[1e2]}"#,
        r#"{"op":5,"n":2,"r":null}"#,
    ];
    assert_eq!(sent, expected);
}

#[test]
fn a_client_is_told_of_dispatches_and_asked_only_behind_hello_and_in_the_dialect() {
    let tell = r#"{"op":6,"w":"X","a":[ ]}"#;
    let told = Output::Event(Event::Told {
        w: "X".to_owned(),
        a: "[ ]".to_owned(),
    });
    assert_eq!(outputs(true, &[HELLO, tell]).last(), Some(&told));
    let ask = r#"{"op":4,"w":"X","a":[],"n":1}"#;
    let passed = |op| Output::Event(Event::Ignored(Ignored::WrongDirection(op)));
    assert_eq!(outputs(true, &[ask]), [passed(Op::Request)]);
    assert_eq!(
        outputs(false, &[HELLO, ask]).last(),
        Some(&passed(Op::Request))
    );
    assert_eq!(
        outputs(false, &[HELLO, tell]).last(),
        Some(&passed(Op::Dispatch))
    );
}
