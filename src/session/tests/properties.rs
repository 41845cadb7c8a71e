//! Random sequences of events: no panic, and what must hold holds.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::Clock;
use crate::protocol::packet::{Interval, Raw};
use crate::session::client::{Ask, ClientSession, Event, Output, RequestId};
use crate::session::server::{ServerSession, Settings, Step};
use crate::session::{Breach, Password, Timer, client};

const HB_MS: u64 = 1000;

#[derive(Clone, Debug)]
enum ToServer {
    Text(String),
    Binary,
    Wait(u64),
    Answer(usize),
}

fn to_server() -> impl Strategy<Value = ToServer> {
    prop_oneof![
        4 => Just(ToServer::Text(r#"{"op":2}"#.into())),
        2 => Just(ToServer::Text(r#"{"op":1,"password":"right"}"#.into())),
        4 => (0..5u8).prop_map(|n| ToServer::Text(format!(r#"{{"op":4,"w":"X","a":[],"n":{n}}}"#))),
        2 => Just(ToServer::Text(r#"{"op":6,"w":"X","a":[]}"#.into())),
        1 => Just(ToServer::Text(r#"{"op":1,"password":"wrong"}"#.into())),
        1 => (0..9i8, ".{0,8}").prop_map(|(op, s)| ToServer::Text(format!(r#"{{"op":{op},"w":"{s}"}}"#))),
        1 => ".{0,20}".prop_map(ToServer::Text),
        1 => Just(ToServer::Binary),
        6 => (0..700u64).prop_map(ToServer::Wait),
        4 => (0..4usize).prop_map(ToServer::Answer),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_server_session_keeps_its_promises(events in prop::collection::vec(to_server(), 0..80)) {
        let settings = Settings {
            hb_interval: Interval::from_millis(HB_MS).unwrap(),
            handshake_limit: Duration::from_millis(1500),
            max_in_flight: 3,
            max_in_flight_bytes: 1 << 20,
            max_asked: 0,
        };
        let clock = Clock::new();
        let mut session = ServerSession::new(settings);
        let _ = session.open(clock.at(0));
        let (mut now, mut last_beat, mut beats, mut acks) = (0, 0, 0, 0);
        let (mut asked, mut answered) = (0, 0);
        let mut authenticated = false;
        let mut tickets = Vec::new();
        let mut over = None;
        for event in events {
            let is_beat = matches!(&event, ToServer::Text(t) if t.starts_with(r#"{"op":2"#));
            let kept;
            let step = match event {
                ToServer::Text(text) => {
                    kept = text;
                    session.text(clock.at(now), &kept, |given| given == "right")
                }
                ToServer::Binary => session.binary(),
                ToServer::Wait(ms) => {
                    now += ms;
                    session.timeout(clock.at(now))
                }
                ToServer::Answer(which) => {
                    if which < tickets.len() {
                        let sent = session.answer(tickets.swap_remove(which), Raw::NULL).is_some();
                        prop_assert_eq!(sent, over.is_none());
                        answered += 1;
                    }
                    Step::Nothing
                }
            };
            prop_assert!(over.is_none() || matches!(step, Step::Nothing));
            match step {
                Step::Nothing | Step::Ignored => {}
                Step::Authenticated => {
                    prop_assert!(!authenticated);
                    authenticated = true;
                    last_beat = now;
                }
                Step::Send(text) => {
                    prop_assert!(is_beat && authenticated);
                    prop_assert_eq!(text, r#"{"op":3}"#);
                    (acks, beats, last_beat) = (acks + 1, beats + 1, now);
                }
                Step::Request(request) => {
                    prop_assert!(authenticated);
                    asked += 1;
                    tickets.push(request.ticket.into_owned());
                }
                Step::Refuse(ticket) => {
                    prop_assert!(authenticated && tickets.len() >= 3);
                    asked += 1;
                    answered += 1;
                    prop_assert!(session.answer(ticket, Raw::NULL).is_some());
                }
                Step::Answered(..) => prop_assert!(false, "nothing was asked"),
                Step::Dispatch(_) => prop_assert!(authenticated),
                Step::Close(breach) => {
                    if breach == Breach::HeartbeatTimeout {
                        prop_assert!(now - last_beat >= HB_MS);
                    }
                    over = Some(breach);
                }
            }
            prop_assert_eq!(acks, beats);
            prop_assert_eq!(session.in_flight(), tickets.len());
            prop_assert_eq!(session.deadline().is_none(), over.is_some());
            if let Some(deadline) = session.deadline().filter(|d| d.timer == Timer::Heartbeat) {
                prop_assert!(clock.ms(deadline.at) >= last_beat + HB_MS);
            }
        }
        prop_assert_eq!(asked, answered + tickets.len());
    }
}

#[derive(Clone, Debug)]
enum ToClient {
    Text(String),
    Binary,
    Wait(u64),
    Request(Option<u8>, Option<u64>),
    Dispatch,
    Closed,
}

fn to_client() -> impl Strategy<Value = ToClient> {
    prop_oneof![
        2 => (0..3000u32).prop_map(|ms| ToClient::Text(format!(r#"{{"op":0,"hb_interval":{ms}}}"#))),
        2 => Just(ToClient::Text(r#"{"op":3}"#.into())),
        8 => (0..12u8).prop_map(|n| ToClient::Text(format!(r#"{{"op":5,"n":{n},"r":{n}}}"#))),
        1 => ".{0,20}".prop_map(ToClient::Text),
        1 => Just(ToClient::Binary),
        6 => (0..900u64).prop_map(ToClient::Wait),
        8 => (prop::option::of(0..12u8), prop::option::of(0..900u64)).prop_map(|(n, t)| ToClient::Request(n, t)),
        2 => Just(ToClient::Dispatch),
        1 => Just(ToClient::Closed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_client_session_settles_each_request_once_and_says_nothing_before_hello(
        events in prop::collection::vec(to_client(), 0..80)
    ) {
        let clock = Clock::new();
        let settings = client::Settings { hello_limit: Duration::from_secs(60), max_pending: 8, bidirectional: false };
        let mut session = ClientSession::new(settings, Password::from("p"));
        session.open(clock.at(0));
        let mut now = 0;
        let mut settled: BTreeMap<RequestId, u32> = BTreeMap::new();
        let mut greeted = false;
        let mut in_flight: Vec<String> = Vec::new();
        let ask = Ask { w: "X", a: "[]" };
        for event in events.into_iter().chain([ToClient::Closed]) {
            match event {
                ToClient::Text(text) => session.text(clock.at(now), &text),
                ToClient::Binary => session.binary(),
                ToClient::Wait(ms) => {
                    now += ms;
                    session.timeout(clock.at(now));
                }
                ToClient::Request(nonce, wait) => {
                    let nonce = nonce.map(|n| n.to_string());
                    let until = wait.map(|ms| clock.at(now + ms));
                    if let Ok(id) = session.request(&ask, nonce.as_deref(), until) {
                        prop_assert!(settled.insert(id, 0).is_none());
                    }
                }
                ToClient::Dispatch => {
                    let _ = session.dispatch(&ask);
                }
                ToClient::Closed => session.closed(),
            }
            while let Some(output) = session.poll_output() {
                match output {
                    Output::Send(text) => {
                        prop_assert_eq!(text.starts_with(r#"{"op":1,"#), !greeted, "{}", text);
                        greeted = true;
                        if text.starts_with(r#"{"op":4,"#) {
                            in_flight.push(text);
                        }
                    }
                    Output::Event(Event::Settled { id, .. }) => *settled.get_mut(&id).unwrap() += 1,
                    Output::Event(_) | Output::Close(_) => {}
                }
            }
            prop_assert!(settled.values().all(|count| *count <= 1));
            prop_assert_eq!(settled.values().filter(|count| **count == 0).count(), session.pending());
        }
        prop_assert!(settled.values().all(|count| *count == 1));
        prop_assert_eq!(session.pending(), 0);
    }
}
