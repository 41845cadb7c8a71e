//! Shrinking in memory: what makes a case fail stays, the rest goes.

use std::time::Duration;

use super::*;
use crate::fuzzer::coverage::Coverage;
use crate::fuzzer::generate::Generator;
use crate::fuzzer::values::Family;
use crate::oracle::Dialect;

fn facts() -> Facts {
    Facts {
        requests: vec![("\"ECHO\"".to_owned(), "[1]".to_owned())],
        dispatch: ("\"ANYTHING\"".to_owned(), "[]".to_owned()),
        answered: 0,
        dialect: Dialect::Text,
        takes_dispatches: true,
        interval: Duration::from_secs(10),
        answer_within: Duration::from_secs(5),
    }
}

/// Takes the first candidate that fails until none does.
fn shrunk(mut case: Case, fails: impl Fn(&Case) -> bool) -> Case {
    for _ in 0..500 {
        let Some(next) = candidates(&case, &facts())
            .into_iter()
            .find(|case| fails(case))
        else {
            return case;
        };
        case = next;
    }
    panic!("it does not come to an end: {case:?}");
}

fn asks_falsy(case: &Case) -> bool {
    case.moves.iter().any(|step| {
        match &step.act {
        Act::Say { packets, .. } => packets.iter().any(|said| {
            matches!(&said.packet, Packet::Request { nonce, .. } if nonce.family == Family::Falsy)
        }),
        _ => false,
    }
    })
}

#[test]
fn what_makes_a_case_fail_is_all_that_is_left() {
    let mut generator = Generator::new(&facts(), 5);
    let coverage = Coverage::default();
    let mut seen = 0;
    for _ in 0..3000 {
        let case = generator.quick(&coverage);
        if !asks_falsy(&case) {
            continue;
        }
        seen += 1;
        let small = shrunk(case, asks_falsy);
        // Connected and asked; logged in where the request is to be judged.
        assert!(small.moves.len() <= 3, "{small:?}");
        let conns: Vec<Conn> = small.moves.iter().map(|step| step.conn).collect();
        assert!(conns.iter().all(|conn| *conn == Conn(0)), "{small:?}");
    }
    assert!(seen > 20, "{seen} cases with a falsy nonce");
}

#[test]
fn shrinking_ends_whatever_fails() {
    let mut generator = Generator::new(&facts(), 9);
    let coverage = Coverage::default();
    for at in 0..200 {
        let case = if at % 4 == 0 {
            generator.slow()
        } else {
            generator.quick(&coverage)
        };
        let small = shrunk(case, |_| true);
        assert!(small.moves.len() <= 1, "{small:?}");
    }
}

#[test]
fn many_requests_are_few_lines() {
    let requests = |case: &Case| {
        let said = case.moves.iter().filter_map(|step| match &step.act {
            Act::Say { packets, .. } => Some(packets),
            _ => None,
        });
        let asks = |said: &&Said| matches!(said.packet, Packet::Request { .. });
        said.map(|packets| packets.iter().filter(asks).count())
            .max()
            .unwrap_or(0)
    };
    let mut packets = Vec::new();
    for at in 0..16 {
        let nonce = Value::simple(at);
        packets.push(Said::plain(Packet::Request { nonce, which: 0 }));
        packets.push(Said::plain(Packet::Heartbeat));
    }
    let wait = true;
    let acts = [
        Act::Greet,
        Act::LogIn(Spelling::Plain),
        Act::Say { packets, wait },
    ];
    let moves = acts.into_iter().map(|act| Move { conn: Conn(0), act });
    let case = Case {
        moves: moves.collect(),
    };
    let small = shrunk(case, |case| requests(case) > 10);
    let script = write(&small, &facts(), &Head::default()).unwrap();
    let body = script.text.split_once("\n\n").unwrap().1;
    assert!(body.contains("repeat 11 as $i"), "{body}");
    assert!(body.lines().count() <= 8, "{body}");
}

#[test]
fn a_nonce_that_fails_because_it_is_used_again_becomes_a_plain_one() {
    let ask = |text: &str| Act::Say {
        packets: vec![Said::plain(Packet::Request {
            nonce: Value {
                text: text.to_owned(),
                family: Family::Falsy,
            },
            which: 0,
        })],
        wait: true,
    };
    let acts = [
        Act::Greet,
        Act::LogIn(Spelling::Plain),
        ask("[0]"),
        ask("[0]"),
    ];
    let moves = acts.into_iter().map(|act| Move { conn: Conn(0), act });
    let nonces = |case: &Case| -> Vec<String> {
        let said = case.moves.iter().flat_map(said_of);
        said.filter_map(|said| match &said.packet {
            Packet::Request { nonce, .. } => Some(nonce.text.clone()),
            _ => None,
        })
        .collect()
    };
    let twice = |case: &Case| {
        let nonces = nonces(case);
        (1..nonces.len()).any(|at| nonces[..at].contains(&nonces[at]))
    };
    let case = Case {
        moves: moves.collect(),
    };
    assert_eq!(nonces(&shrunk(case, twice)), ["1", "1"]);
}
