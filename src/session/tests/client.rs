//! What a client session sends and when, and how its requests end.

use std::time::{Duration, Instant};

use super::Clock;
use crate::protocol::opcode::Op;
use crate::session::client::{
    Ask, ClientSession, Event, Ignored, Output, Refused, RequestId, Settings, Unanswered,
    beat_period,
};
use crate::session::{Breach, Password, Timer};

struct Client {
    clock: Clock,
    session: ClientSession,
}

const ASK: Ask<'static> = Ask { w: "X", a: "[1]" };

impl Client {
    fn open() -> Client {
        let settings = Settings {
            hello_limit: Duration::from_secs(5),
            max_pending: 4,
            bidirectional: false,
        };
        let mut session = ClientSession::new(settings, Password::from("se\"cret"));
        let clock = Clock::new();
        session.open(clock.at(0));
        Client { clock, session }
    }

    fn ready(hb_ms: u64) -> Client {
        let mut client = Client::open();
        client.get(0, &format!(r#"{{"op":0,"hb_interval":{hb_ms}}}"#));
        let out = client.outputs();
        assert_eq!(out.len(), 2, "{out:?}");
        client
    }

    fn get(&mut self, ms: u64, text: &str) {
        self.session.text(self.clock.at(ms), text);
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }

    fn sent(&mut self) -> Vec<String> {
        let sent = |output| match output {
            Output::Send(text) => Some(text),
            _ => None,
        };
        self.outputs().into_iter().filter_map(sent).collect()
    }

    fn ask(&mut self) -> RequestId {
        self.session.request(&ASK, None, None).unwrap()
    }

    /// Lets time pass up to an instant, and tells when the session sent heartbeats.
    fn beats_until(&mut self, end: Instant) -> Vec<u64> {
        let mut beats = Vec::new();
        while let Some(deadline) = self.session.deadline().filter(|d| d.at <= end) {
            self.session.timeout(deadline.at);
            let sent = self.sent();
            assert!(sent.iter().all(|text| text == r#"{"op":2}"#), "{sent:?}");
            beats.extend(sent.iter().map(|_| self.clock.ms(deadline.at)));
        }
        beats
    }
}

fn settled(id: RequestId, outcome: Result<&str, Unanswered>) -> Output {
    Output::Event(Event::Settled {
        id,
        outcome: outcome.map(str::to_owned),
    })
}

#[test]
fn nothing_is_sent_before_hello_and_hello_ack_is_first() {
    let mut client = Client::open();
    let _ = client.ask();
    client.session.dispatch(&ASK).unwrap();
    client.get(1, r#"{"op":3}"#);
    client.get(2, "garbage");
    assert_eq!(client.sent(), [""; 0]);
    client.get(3, r#"{"op":0,"hb_interval":1000,"extra":1}"#);
    let expected = [
        r#"{"op":1,"password":"se\"cret"}"#,
        r#"{"op":4,"w":"X","a":[1],"n":1}"#,
        r#"{"op":6,"w":"X","a":[1]}"#,
    ];
    assert_eq!(client.sent(), expected);
}

#[test]
fn a_server_without_hello_is_left() {
    let mut client = Client::open();
    let deadline = client.session.deadline().unwrap();
    assert_eq!(
        (client.clock.ms(deadline.at), deadline.timer),
        (5000, Timer::Hello)
    );
    client.session.timeout(deadline.at);
    assert_eq!(client.outputs(), [Output::Close(Breach::HelloTimeout)]);
}

#[test]
fn heartbeats_come_inside_every_interval_and_not_much_more_often() {
    for hb in [100_u64, 400, 1000, 10_000, 45_000, 86_400_000] {
        let mut client = Client::ready(hb);
        let beats = client.beats_until(client.clock.at(hb * 20));
        let mut last = 0;
        for beat in beats {
            let gap = beat - last;
            assert!(gap < hb && gap * 10 >= hb * 7, "{gap} of {hb}");
            last = beat;
        }
        assert!(hb * 20 - last < hb);
    }
}

#[test]
fn a_late_heartbeat_is_not_made_up_for() {
    let mut client = Client::ready(1000);
    client.session.timeout(client.clock.at(10_000));
    assert_eq!(client.sent().len(), 1);
    let next = client.session.deadline().unwrap().at;
    assert_eq!(client.clock.ms(next), 10_750);
}

#[test]
fn acks_that_do_not_come_have_no_consequence_and_those_that_come_are_told() {
    let mut client = Client::ready(1000);
    assert_eq!(client.beats_until(client.clock.at(7500)).len(), 10);
    client.get(7500, r#"{"op":3}"#);
    assert_eq!(client.outputs(), [Output::Event(Event::HeartbeatAck)]);
}

#[test]
fn an_interval_of_years_is_cut_and_one_of_nonsense_closes() {
    for huge in [
        "18446744073709551615",
        "18446744073709551616",
        "1e400",
        "31536000000",
    ] {
        let mut client = Client::open();
        client.get(0, &format!(r#"{{"op":0,"hb_interval":{huge}}}"#));
        let next = client.session.deadline().unwrap().at;
        assert!(
            next - client.clock.at(0) <= Duration::from_secs(365 * 86_400),
            "{huge}"
        );
        assert_eq!(client.sent().len(), 1);
    }
    for nonsense in ["0", "-5", "1.5", "null", "\"1000\"", "[]"] {
        let mut client = Client::open();
        client.get(0, &format!(r#"{{"op":0,"hb_interval":{nonsense}}}"#));
        assert_eq!(
            client.outputs(),
            [Output::Close(Breach::BadInterval)],
            "{nonsense}"
        );
    }
    let mut client = Client::open();
    client.get(0, r#"{"op":0}"#);
    assert_eq!(client.outputs(), [Output::Close(Breach::BadInterval)]);
}

#[test]
fn an_interval_that_is_an_integer_by_value_is_one() {
    let mut client = Client::open();
    client.get(0, r#"{"op":0,"hb_interval":4e2}"#);
    assert_eq!(client.sent().len(), 1);
    assert_eq!(client.beats_until(client.clock.at(400)), [300]);
    assert_eq!(
        beat_period(Duration::from_secs(60)),
        Duration::from_secs(58)
    );
}

#[test]
fn a_second_hello_changes_nothing() {
    let mut client = Client::ready(1000);
    let before = client.session.deadline();
    client.get(1, r#"{"op":0,"hb_interval":5}"#);
    assert_eq!(
        client.outputs(),
        [Output::Event(Event::Ignored(Ignored::SecondHello))]
    );
    client.get(1, r#"{"op":0,"hb_interval":0}"#);
    assert_eq!(client.outputs().len(), 1);
    assert_eq!(client.session.deadline(), before);
}

#[test]
fn responses_find_their_requests_in_any_order_whatever_they_hold() {
    let mut client = Client::ready(1000);
    let ids = [client.ask(), client.ask(), client.ask(), client.ask()];
    assert_eq!(client.sent().len(), 4);
    client.get(1, r#"{"op":5,"n":4,"r":null}"#);
    client.get(1, r#"{"op":5,"n":2.0,"r":false}"#);
    client.get(1, r#"{"op":5,"r":0,"n":3,"more":[]}"#);
    client.get(1, r#"{"op":5,"n":1e0,"r":""}"#);
    let expected = [
        settled(ids[3], Ok("null")),
        settled(ids[1], Ok("false")),
        settled(ids[2], Ok("0")),
        settled(ids[0], Ok("\"\"")),
    ];
    assert_eq!(client.outputs(), expected);
    assert_eq!(client.session.pending(), 0);
}

#[test]
fn a_nonce_of_the_users_is_sent_as_it_is_and_found_by_value() {
    let mut client = Client::ready(1000);
    let nonce = r#"{"a":1,"b":[9007199254740993]}"#;
    let id = client.session.request(&ASK, Some(nonce), None).unwrap();
    assert_eq!(
        client.sent(),
        [format!(r#"{{"op":4,"w":"X","a":[1],"n":{nonce}}}"#)]
    );
    client.get(1, r#"{"op":5,"n":{"b":[9007199254740999],"a":1},"r":1}"#);
    assert!(matches!(
        client.outputs()[..],
        [Output::Event(Event::Stranger { .. })]
    ));
    client.get(
        1,
        r#"{"op":5,"n":{"b":[9007199254740993.0],"a":1.0},"r":1}"#,
    );
    assert_eq!(client.outputs(), [settled(id, Ok("1"))]);
}

#[test]
fn a_nonce_of_the_clients_own_is_found_by_the_same_double_too() {
    for (same, found) in [
        ("1.0", true),
        ("1.00000000000000000000000000000001", true),
        ("0.99999999999999999999999999999999", true),
        ("1.0000001", false),
        ("-1", false),
        ("1e400", false),
        ("\"1\"", false),
    ] {
        let mut client = Client::ready(1000);
        let id = client.ask();
        assert_eq!(client.sent(), [r#"{"op":4,"w":"X","a":[1],"n":1}"#]);
        client.get(1, &format!(r#"{{"op":5,"n":{same},"r":2}}"#));
        let out = client.outputs();
        assert_eq!(out == [settled(id, Ok("2"))], found, "{same}: {out:?}");
    }
}

#[test]
fn nonces_in_flight_always_differ() {
    let mut client = Client::ready(1000);
    let mine = client.session.request(&ASK, Some("2.0"), None).unwrap();
    assert_eq!(
        client.session.request(&ASK, Some("2"), None),
        Err(Refused::NonceInUse)
    );
    let _ = client.sent();
    let auto = [client.ask(), client.ask()];
    let sent = client.sent();
    assert!(
        !sent.iter().any(|text| text.contains(r#""n":2}"#)),
        "{sent:?}"
    );
    client.get(1, r#"{"op":5,"n":2,"r":"mine"}"#);
    assert_eq!(client.outputs(), [settled(mine, Ok("\"mine\""))]);
    assert_eq!(client.session.pending(), auto.len());
}

#[test]
fn strangers_are_told_and_lived_with() {
    let mut client = Client::ready(1000);
    let id = client.ask();
    let _ = client.sent();
    client.get(1, r#"{"op":5,"n":"who","r":1}"#);
    client.get(1, r#"{"op":5,"n":1,"r":1}"#);
    client.get(1, r#"{"op":5,"n":1,"r":2}"#);
    let stranger = |nonce: &str| {
        Output::Event(Event::Stranger {
            nonce: nonce.to_owned(),
        })
    };
    assert_eq!(
        client.outputs(),
        [stranger("\"who\""), settled(id, Ok("1")), stranger("1")]
    );
    client.get(1, r#"{"op":42}"#);
    client.get(1, r#"{"op":2}"#);
    client.get(1, r#"{"op":4,"w":"X"}"#);
    client.get(1, "\u{0}");
    client.session.binary();
    let out = client.outputs();
    assert!(matches!(
        out[0],
        Output::Event(Event::Ignored(Ignored::Undecodable(_)))
    ));
    let wrong = |op| Output::Event(Event::Ignored(Ignored::WrongDirection(op)));
    assert_eq!(out[1..3], [wrong(Op::Heartbeat), wrong(Op::Request)]);
    assert_eq!(out.len(), 5);
    assert!(client.session.is_ready());
}

#[test]
fn a_request_that_has_not_gone_out_cannot_be_answered() {
    let mut client = Client::open();
    let _ = client.ask();
    client.get(1, r#"{"op":5,"n":1,"r":1}"#);
    let stranger = Output::Event(Event::Stranger {
        nonce: "1".to_owned(),
    });
    assert_eq!(client.outputs(), [stranger]);
    assert_eq!(client.session.pending(), 1);
}

#[test]
fn a_request_times_out_once_and_its_late_response_is_a_stranger() {
    let mut client = Client::ready(10_000);
    let until = client.clock.at(500);
    let id = client.session.request(&ASK, None, Some(until)).unwrap();
    let _ = client.sent();
    assert_eq!(client.session.deadline().unwrap().timer, Timer::Request);
    client.session.timeout(client.clock.at(499));
    assert_eq!(client.outputs(), []);
    client.session.timeout(until);
    assert_eq!(client.outputs(), [settled(id, Err(Unanswered::TimedOut))]);
    client.get(501, r#"{"op":5,"n":1,"r":1}"#);
    assert!(matches!(
        client.outputs()[..],
        [Output::Event(Event::Stranger { .. })]
    ));
}

#[test]
fn a_nonce_stays_in_use_until_its_late_answer_or_the_end_of_the_connection() {
    let mut client = Client::ready(10_000);
    let until = Some(client.clock.at(100));
    let with = |client: &mut Client, nonce: &str, until: Option<Instant>| {
        client.session.request(&ASK, Some(nonce), until)
    };
    with(&mut client, "2", until).unwrap();
    client.session.timeout(client.clock.at(100));
    // What has timed out may still be answered, so its nonce is nobody else's, nor the client's own.
    assert_eq!(with(&mut client, "2.0", None), Err(Refused::NonceInUse));
    client.ask();
    assert!(
        client
            .sent()
            .last()
            .is_some_and(|sent| sent.ends_with(r#""n":3}"#))
    );
    client.get(101, r#"{"op":5,"n":2,"r":"late"}"#);
    assert!(with(&mut client, "2.0", None).is_ok());
    // One that never went out is not answered.
    let mut client = Client::open();
    let at_once = client.clock.at(0);
    with(&mut client, "2", Some(at_once)).unwrap();
    client.session.timeout(at_once);
    assert!(with(&mut client, "2", None).is_ok());
}

#[test]
fn a_request_that_times_out_before_hello_is_never_sent() {
    let mut client = Client::open();
    let id = client
        .session
        .request(&ASK, None, Some(client.clock.at(10)))
        .unwrap();
    client.session.timeout(client.clock.at(10));
    assert_eq!(client.outputs(), [settled(id, Err(Unanswered::TimedOut))]);
    client.get(11, r#"{"op":0,"hb_interval":1000}"#);
    assert_eq!(client.sent().len(), 1);
}

#[test]
fn what_is_pending_at_the_end_is_settled_once_with_an_error() {
    let mut client = Client::ready(1000);
    let sent = client.ask();
    let _ = client.sent();
    client.session.closed();
    assert_eq!(
        client.outputs(),
        [settled(sent, Err(Unanswered::Disconnected))]
    );
    client.session.closed();
    client.get(1, r#"{"op":5,"n":1,"r":1}"#);
    client.session.timeout(client.clock.at(100_000));
    assert_eq!(client.outputs(), []);
    assert_eq!(
        client.session.request(&ASK, None, None),
        Err(Refused::Closed)
    );

    let mut client = Client::open();
    let unsent = client.ask();
    client.session.closed();
    assert_eq!(
        client.outputs(),
        [settled(unsent, Err(Unanswered::NeverSent))]
    );
}

#[test]
fn only_lists_are_arguments_only_json_is_a_nonce_and_there_is_a_bound() {
    let mut client = Client::ready(1000);
    for a in ["{}", "null", "[", "", "[] []", "[1,]"] {
        let ask = Ask { w: "X", a };
        assert_eq!(
            client.session.request(&ask, None, None),
            Err(Refused::Arguments),
            "{a}"
        );
        assert_eq!(
            client.session.dispatch(&ask),
            Err(Refused::Arguments),
            "{a}"
        );
    }
    assert_eq!(
        client.session.request(&ASK, Some("x"), None),
        Err(Refused::Nonce)
    );
    for _ in 0..4 {
        let _ = client.ask();
    }
    assert_eq!(client.session.request(&ASK, None, None), Err(Refused::Full));
}
