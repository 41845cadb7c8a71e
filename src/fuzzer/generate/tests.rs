//! What is made up is a scenario, and the same for the same seed.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::fuzzer::script::{Head, write};
use crate::oracle::Dialect;
use crate::scenario::syntax::{Origin, Source};
use crate::scenario::{parse, print};

fn facts(interval_ms: u64) -> Facts {
    Facts {
        requests: vec![("\"ECHO\"".to_owned(), "[1]".to_owned())],
        dispatch: ("\"ANYTHING\"".to_owned(), "[]".to_owned()),
        answered: 0,
        dialect: Dialect::Text,
        takes_dispatches: true,
        interval: Duration::from_millis(interval_ms),
        answer_within: Duration::from_secs(5),
    }
}

fn head() -> Head {
    Head {
        comments: Vec::new(),
        title: "A case".to_owned(),
        rule: "robust.isolation".to_owned(),
    }
}

#[test]
fn every_case_is_a_scenario_that_prints_and_reads_back() {
    for interval in [100, 400, 10_000] {
        let facts = facts(interval);
        let mut generator = Generator::new(&facts, interval);
        let coverage = Coverage::default();
        for at in 0..2000 {
            let case = if at % 10 == 0 {
                generator.slow()
            } else {
                generator.quick(&coverage)
            };
            let script = write(&case, &facts, &head());
            let script = script.unwrap_or_else(|misfit| panic!("{misfit:?}: {case:?}"));
            let source = Source {
                path: "case".to_owned(),
                origin: Origin::Embedded,
                text: script.text.clone(),
            };
            let scenario = parse("own/case", Arc::new(source));
            let scenario = scenario.unwrap_or_else(|error| panic!("{error}\n{}", script.text));
            assert!(
                scenario
                    .free_vars()
                    .is_subset(&["password".to_owned()].into()),
                "{}",
                script.text
            );
            assert!(!print(&scenario).is_empty());
        }
    }
}

#[test]
fn no_case_floods_a_server_with_pings() {
    let say = |count: usize| Move {
        conn: Conn(0),
        act: Act::Say {
            packets: vec![Said::plain(Packet::Ping); count],
            wait: true,
        },
    };
    let enters = [Act::Greet, Act::LogIn(Spelling::Plain)];
    let enters = enters.map(|act| Move { conn: Conn(0), act });
    let case = |pings: Vec<Move>| Case {
        moves: enters.iter().cloned().chain(pings).collect(),
    };
    let facts = facts(1000);
    assert!(state_behind(&case(vec![say(12), say(12)]), &facts).is_ok());
    assert!(state_behind(&case(vec![say(12), say(13)]), &facts).is_err());
}

#[test]
fn one_seed_makes_one_series() {
    let series = |seed| {
        let mut generator = Generator::new(&facts(400), seed);
        let coverage = Coverage::default();
        (0..50)
            .map(|_| generator.quick(&coverage))
            .collect::<Vec<_>>()
    };
    assert_eq!(series(7), series(7));
    assert_ne!(series(7), series(8));
}

#[test]
fn without_a_request_none_is_judged() {
    let facts = Facts {
        requests: Vec::new(),
        ..facts(400)
    };
    let mut generator = Generator::new(&facts, 1);
    let coverage = Coverage::default();
    for _ in 0..500 {
        let case = generator.quick(&coverage);
        let script = write(&case, &facts, &head()).expect("every case fits");
        assert!(!script.text.contains("< {\"op\": 5"), "{}", script.text);
    }
}

#[test]
fn a_response_before_hello_ack_is_judged_where_servers_ask() {
    let answers = |dialect: Dialect| {
        let facts = Facts {
            dialect,
            ..facts(400)
        };
        let mut generator = Generator::new(&facts, 3);
        let coverage = Coverage::default();
        let mut texts = (0..2000).map(|_| {
            let case = generator.quick(&coverage);
            write(&case, &facts, &head()).expect("every case fits").text
        });
        texts.any(|text| text.contains("> {\"op\": 5, \"n\": 1, \"r\": null}"))
    };
    assert!(!answers(Dialect::Text));
    assert!(answers(Dialect::Bidirectional));
}

#[test]
fn behind_what_is_open_a_connection_may_end_whatever_else_is_done() {
    let on = |conn: usize, act: Act| Move {
        conn: Conn(conn),
        act,
    };
    let cuts = vec![7];
    let moves = vec![
        on(0, Act::Greet),
        on(0, Act::LogIn(Spelling::Plain)),
        on(1, Act::Greet),
        on(1, Act::LogIn(Spelling::Plain)),
        on(1, Act::Unanswered { op: "5" }),
        on(0, Act::Trickle { cuts, pause_ms: 5 }),
    ];
    let script = write(&Case { moves }, &facts(1000), &head()).expect("the moves fit");
    let (before, _) = script.text.split_once("wait 5ms").expect("it waits");
    assert!(before.contains("\nb ignore\n"), "{}", script.text);
}
