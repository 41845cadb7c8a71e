//! Rule by rule: what a server session does with each packet, before and after authentication.

use std::time::Duration;

use super::Clock;
use crate::protocol::opcode::Op;
use crate::protocol::packet::{Interval, Raw};
use crate::session::server::{ServerSession, Settings, Step, slack};
use crate::session::{Breach, Timer};

const HB_MS: u64 = 10_000;
const ACK: &str = r#"{"op":1,"password":"right"}"#;
const BEAT: &str = r#"{"op":2}"#;

fn settings() -> Settings {
    Settings {
        hb_interval: Interval::from_millis(HB_MS).unwrap(),
        handshake_limit: Duration::from_secs(5),
        max_in_flight: 2,
        max_in_flight_bytes: 1000,
        max_asked: 0,
    }
}

struct Server {
    clock: Clock,
    session: ServerSession,
}

impl Server {
    fn fresh() -> Server {
        Server {
            clock: Clock::new(),
            session: ServerSession::new(settings()),
        }
    }

    fn greeted() -> Server {
        let mut server = Server::fresh();
        assert!(matches!(
            server.session.open(server.clock.at(0)),
            Step::Send(_)
        ));
        server
    }

    fn authenticated() -> Server {
        let mut server = Server::greeted();
        assert!(matches!(server.send(0, ACK), Step::Authenticated));
        server
    }

    fn send<'a>(&mut self, ms: u64, text: &'a str) -> Step<'a> {
        self.session
            .text(self.clock.at(ms), text, |given| given == "right")
    }

    fn breach(&mut self, text: &str) -> Option<Breach> {
        match self.send(1, text) {
            Step::Close(breach) => Some(breach),
            _ => None,
        }
    }
}

fn sent(step: Step<'_>) -> String {
    match step {
        Step::Send(text) => text.into_owned(),
        other => panic!("not sent: {other:?}"),
    }
}

fn asked(step: Step<'_>) -> crate::session::server::Request<'_> {
    match step {
        Step::Request(request) => request,
        other => panic!("not asked: {other:?}"),
    }
}

#[test]
fn hello_comes_first_unasked_and_once() {
    let mut server = Server::fresh();
    assert_eq!(
        sent(server.session.open(server.clock.at(0))),
        r#"{"op":0,"hb_interval":10000}"#
    );
    assert!(matches!(
        server.session.open(server.clock.at(1)),
        Step::Nothing
    ));
}

#[test]
fn nothing_is_taken_before_the_opening() {
    let mut server = Server::fresh();
    assert!(matches!(server.send(0, ACK), Step::Nothing));
    assert!(server.session.deadline().is_none());
}

#[test]
fn any_other_string_is_refused_with_4001() {
    for wrong in [
        "",
        "righ",
        "rightt",
        "Right",
        " right",
        "right ",
        "ri\\u0000ght",
        "\\ud800",
    ] {
        let mut server = Server::greeted();
        let text = format!(r#"{{"op":1,"password":"{wrong}"}}"#);
        assert_eq!(server.breach(&text), Some(Breach::WrongPassword), "{wrong}");
    }
    assert_eq!(Breach::WrongPassword.code(), 4001);
}

#[test]
fn a_password_spelled_with_escapes_is_the_same_password() {
    let mut server = Server::greeted();
    let step = server.send(0, r#"{"op":1,"password":"\u0072ight"}"#);
    assert!(matches!(step, Step::Authenticated));
}

#[test]
fn a_password_that_is_no_string_is_refused_with_4001() {
    for text in [
        r#"{"op":1}"#,
        r#"{"op":1,"password":null}"#,
        r#"{"op":1,"password":["right"]}"#,
    ] {
        assert_eq!(
            Server::greeted().breach(text),
            Some(Breach::NoPassword),
            "{text}"
        );
    }
    assert_eq!(Breach::NoPassword.code(), 4001);
}

#[test]
fn nothing_but_hello_ack_works_before_authentication() {
    let cases = [
        (r#"{"op":4,"w":"X","a":[],"n":1}"#, Breach::EarlyRequest),
        (r#"{"op":4}"#, Breach::EarlyRequest),
        (r#"{"op":6,"w":"X","a":[]}"#, Breach::EarlyDispatch),
        (r#"{"op":6,"w":1,"a":[]}"#, Breach::EarlyDispatch),
        (BEAT, Breach::EarlyHeartbeat),
    ];
    for (text, breach) in cases {
        assert_eq!(Server::greeted().breach(text), Some(breach), "{text}");
        assert_eq!(breach.code(), 4002);
    }
}

#[test]
fn each_heartbeat_gets_one_ack() {
    let mut server = Server::authenticated();
    for ms in 1..50 {
        assert_eq!(sent(server.send(ms, BEAT)), r#"{"op":3}"#);
    }
}

#[test]
fn a_missed_heartbeat_closes_with_4003_behind_the_interval_and_within_two() {
    let mut server = Server::authenticated();
    let _ = server.send(700, BEAT);
    let deadline = server.session.deadline().unwrap();
    assert_eq!(deadline.timer, Timer::Heartbeat);
    let at = server.clock.ms(deadline.at);
    assert!((700 + HB_MS..=700 + 2 * HB_MS).contains(&at), "{at}");
    assert!(matches!(
        server.session.timeout(server.clock.at(at - 1)),
        Step::Nothing
    ));
    let step = server.session.timeout(deadline.at);
    assert!(matches!(step, Step::Close(Breach::HeartbeatTimeout)));
    assert_eq!(Breach::HeartbeatTimeout.code(), 4003);
    assert!(server.session.deadline().is_none());
}

#[test]
fn only_heartbeats_move_the_deadline() {
    let mut server = Server::authenticated();
    let before = server.session.deadline().unwrap();
    let _ = server.send(5000, r#"{"op":6,"w":"X","a":[]}"#);
    let request = asked(server.send(6000, r#"{"op":4,"w":"X","a":[],"n":1}"#));
    let ticket = request.ticket;
    assert!(server.session.answer(ticket, Raw::NULL).is_some());
    let _ = server.send(7000, r#"{"op":99}"#);
    let _ = server.send(8000, ACK);
    assert_eq!(server.session.deadline(), Some(before));
}

#[test]
fn a_client_that_beats_exactly_every_interval_is_not_closed() {
    let mut server = Server::greeted();
    let _ = server.send(4000, ACK);
    for beat in 1..20 {
        let at = 4000 + beat * HB_MS + 20;
        assert!(matches!(
            server.session.timeout(server.clock.at(at)),
            Step::Nothing
        ));
        let _ = sent(server.send(at, BEAT));
    }
}

#[test]
fn the_slack_is_never_longer_than_the_interval() {
    for ms in [1, 10, 100, 249, 250, 251, 400, 1000, 10_000, 86_400_000] {
        let hb = Duration::from_millis(ms);
        assert!(slack(hb) <= hb && slack(hb) > Duration::ZERO, "{ms}");
    }
}

#[test]
fn a_handshake_that_takes_too_long_ends() {
    let mut server = Server::greeted();
    let deadline = server.session.deadline().unwrap();
    assert_eq!(
        (server.clock.ms(deadline.at), deadline.timer),
        (5000, Timer::Handshake)
    );
    let step = server.session.timeout(deadline.at);
    assert!(matches!(step, Step::Close(Breach::HandshakeTimeout)));
}

#[test]
fn the_heartbeat_timer_runs_from_hello_on() {
    let patient = Settings {
        handshake_limit: Duration::from_secs(3600),
        ..settings()
    };
    let clock = Clock::new();
    let mut session = ServerSession::new(patient);
    let _ = session.open(clock.at(0));
    let deadline = session.deadline().unwrap();
    assert_eq!(
        (clock.ms(deadline.at), deadline.timer),
        (12_500, Timer::Heartbeat)
    );
    assert!(matches!(
        session.timeout(deadline.at),
        Step::Close(Breach::HeartbeatTimeout)
    ));
}

#[test]
fn nonces_come_back_byte_for_byte() {
    let nonces = [
        "null",
        "false",
        "0",
        "\"\"",
        "-0.0",
        "1.0",
        "1e400",
        "9007199254740993",
        "[1, {\"n\":2}]",
        r#"{"b":1,"a":[],"b":2}"#,
        r#""\ud800\u0041é""#,
    ];
    for nonce in nonces {
        let mut server = Server::authenticated();
        let text = format!(r#"{{"n":{nonce},"op":4,"w":"X","a":[1]}}"#);
        let request = asked(server.send(1, &text));
        let kept = request.ticket.into_owned();
        let answer = server.session.answer(kept, request.call.a).unwrap();
        assert_eq!(answer, format!(r#"{{"op":5,"n":{nonce},"r":[1]}}"#));
    }
}

#[test]
fn equal_nonces_in_flight_are_both_answered_in_any_order() {
    let mut server = Server::authenticated();
    let first = asked(server.send(1, r#"{"op":4,"w":"A","a":[],"n":7}"#)).ticket;
    let second = asked(server.send(2, r#"{"op":4,"w":"B","a":[],"n":7}"#)).ticket;
    assert_eq!(server.session.in_flight(), 2);
    for ticket in [second, first] {
        assert!(
            server
                .session
                .answer(ticket, Raw::NULL)
                .unwrap()
                .contains(r#""n":7"#)
        );
    }
    assert_eq!(server.session.in_flight(), 0);
}

#[test]
fn requests_beyond_the_bounds_are_refused_and_not_lost() {
    let mut server = Server::authenticated();
    let request = r#"{"op":4,"w":"A","a":[],"n":7}"#;
    let held = [
        asked(server.send(1, request)).ticket,
        asked(server.send(1, request)).ticket,
    ];
    let Step::Refuse(ticket) = server.send(1, request) else {
        panic!("taken")
    };
    assert!(server.session.answer(ticket, Raw::NULL).is_some());
    for ticket in held {
        assert!(server.session.answer(ticket, Raw::NULL).is_some());
    }
    assert!(matches!(server.send(1, request), Step::Request(_)));

    let mut server = Server::authenticated();
    let long = format!(r#"{{"op":4,"w":"A","a":["{}"],"n":7}}"#, "x".repeat(1000));
    assert!(matches!(server.send(1, &long), Step::Refuse(_)));
}

#[test]
fn an_answer_behind_the_end_is_not_sent() {
    let mut server = Server::authenticated();
    let ticket = asked(server.send(1, r#"{"op":4,"w":"A","a":[],"n":7}"#)).ticket;
    server.session.closed();
    assert!(server.session.answer(ticket, Raw::NULL).is_none());
}

#[test]
fn a_dispatch_has_no_way_to_be_answered() {
    let mut server = Server::authenticated();
    let step = server.send(1, r#"{"op":6,"w":"X","a":[],"n":1}"#);
    assert!(matches!(step, Step::Dispatch(_)));
    assert_eq!(server.session.in_flight(), 0);
}

#[test]
fn a_second_hello_ack_counts_only_if_it_is_wrong() {
    let mut server = Server::authenticated();
    assert!(matches!(server.send(1, ACK), Step::Nothing));
    let wrong = r#"{"op":1,"password":"wrong"}"#;
    assert_eq!(server.breach(wrong), Some(Breach::WrongPassword));
}

#[test]
fn what_cannot_be_read_ends_the_connection_and_unknown_ops_do_not() {
    let cases = [
        ("", Some(Breach::NotJson)),
        ("{", Some(Breach::NotJson)),
        (r#"{"op":2,}"#, Some(Breach::NotJson)),
        ("[]", Some(Breach::NotAPacket)),
        ("{}", Some(Breach::NotAPacket)),
        (r#"{"op":"2"}"#, Some(Breach::NotAPacket)),
        (r#"{"op":2.5}"#, Some(Breach::NotAPacket)),
        (r#"{"op":2,"op":2}"#, Some(Breach::NotAPacket)),
        (
            r#"{"op":4,"w":"X","a":[]}"#,
            Some(Breach::Malformed(Op::Request)),
        ),
        (
            r#"{"op":4,"w":"X","a":{},"n":1}"#,
            Some(Breach::Malformed(Op::Request)),
        ),
        (
            r#"{"op":6,"w":7,"a":[]}"#,
            Some(Breach::Malformed(Op::Dispatch)),
        ),
        (
            r#"{"op":0,"hb_interval":1}"#,
            Some(Breach::WrongDirection(Op::Hello)),
        ),
        (r#"{"op":0}"#, Some(Breach::WrongDirection(Op::Hello))),
        (
            r#"{"op":3}"#,
            Some(Breach::WrongDirection(Op::HeartbeatAck)),
        ),
        (
            r#"{"op":5,"n":1,"r":1}"#,
            Some(Breach::WrongDirection(Op::Response)),
        ),
        (r#"{"op":5}"#, Some(Breach::WrongDirection(Op::Response))),
        (r#"{"op":7}"#, None),
        (r#"{"op":-1}"#, None),
        (r#"{"op":1e400}"#, None),
    ];
    for (text, breach) in cases {
        assert_eq!(Server::authenticated().breach(text), breach, "{text}");
        assert_eq!(
            Server::greeted().breach(text).is_some(),
            breach.is_some(),
            "{text}"
        );
    }
    let deep = "[".repeat(100_000);
    assert_eq!(
        Server::authenticated().breach(&deep),
        Some(Breach::TooLarge)
    );
    let step = Server::authenticated().session.binary();
    assert!(matches!(step, Step::Close(Breach::Binary)));
}

#[test]
fn ops_are_read_by_value() {
    for beat in [r#"{"op":2.0}"#, r#"{"op":2e0}"#, r#"{"op":2,"x":{"op":4}}"#] {
        assert!(
            matches!(Server::authenticated().send(1, beat), Step::Send(_)),
            "{beat}"
        );
    }
}

#[test]
fn nothing_has_an_effect_behind_the_end() {
    let mut server = Server::greeted();
    assert!(server.breach(BEAT).is_some());
    for text in [ACK, BEAT, "garbage", r#"{"op":4,"w":"X","a":[],"n":1}"#] {
        assert!(matches!(server.send(1, text), Step::Nothing));
    }
    assert!(matches!(server.session.binary(), Step::Nothing));
    assert!(matches!(
        server.session.timeout(server.clock.at(1 << 30)),
        Step::Nothing
    ));
    assert!(matches!(
        server.session.open(server.clock.at(2)),
        Step::Nothing
    ));
}

#[test]
fn every_reason_fits_into_a_close_frame() {
    let breaches = [
        Breach::NoPassword,
        Breach::NotAPacket,
        Breach::Malformed(Op::Request),
    ];
    for breach in breaches {
        assert!(breach.closing().reason.len() <= 123);
    }
}
