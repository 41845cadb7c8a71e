//! What is remarkable about a case against a client: two failures of one rule with the same remarkable
//! things have one cause, as far as can be told from outside.

use super::super::features::Features;
use super::super::values::{Family, Value};
use super::moves::{Ack, Case, Hail, Move, PLAIN_END, Spelling, Stranger};

/// What all ends of connections have in common.
const AN_END: &str = "an end";

/// The remarkable things of a case.
pub(super) fn features(case: &Case) -> Features {
    let mut found = Features::new();
    let mut add = |text: &str| {
        found.insert(text.to_owned());
    };
    let mut connections = 0;
    for step in &case.moves {
        match step {
            Move::Refuse(_) => {
                add(AN_END);
                add("a refused upgrade");
            }
            Move::Drop(how) => {
                add(AN_END);
                add(&format!("dropped: {how:?}"));
            }
            Move::Hold { pings, .. } => add(if *pings {
                "pings before HELLO"
            } else {
                "no HELLO"
            }),
            Move::Greet(hello) => {
                connections += 1;
                of_spelling(hello.spelling, &mut add);
                if hello.interval_ms > 10_000 {
                    add("a long interval");
                }
            }
            Move::Quiet { hail, .. } => {
                if *hail != Hail::None {
                    add(&format!("{hail:?}"));
                }
            }
            Move::Acks { style, .. } => match style {
                Ack::Spelled(spelling) => of_spelling(*spelling, &mut add),
                Ack::Prompt => {}
                Ack::Late | Ack::Doubled | Ack::Withheld => add(&format!("ACK {style:?}")),
            },
            Move::Ask { with, at_once } => {
                add("REQUEST");
                if with.len() > 1 {
                    add(if *at_once {
                        "requests at once"
                    } else {
                        "several requests"
                    });
                }
                for value in with.iter().flatten() {
                    of_value("arguments", value, &mut add);
                }
            }
            Move::Answer {
                which,
                results,
                spelling,
                again,
                ..
            } => {
                add("RESPONSE");
                of_spelling(*spelling, &mut add);
                if *again {
                    add("RESPONSE again");
                }
                if which.iter().enumerate().any(|(at, place)| at != *place) {
                    add("another order");
                }
                for value in results {
                    of_value("a result", value, &mut add);
                }
            }
            Move::Many(_) => add("many requests"),
            Move::Dispatch(with) => {
                add("DISPATCH");
                if let Some(value) = with {
                    of_value("arguments", value, &mut add);
                }
            }
            Move::Strangers(all) => {
                for stranger in all {
                    match stranger {
                        Stranger::Value(_) => add("a stranger"),
                        Stranger::Like(_) => add("a lookalike"),
                    }
                }
            }
            Move::Bend(bend) => {
                add(AN_END);
                add(&bend.what);
            }
            Move::End(end) => {
                add(AN_END);
                if *end != PLAIN_END {
                    add(&format!("{end:?}"));
                }
            }
            Move::Leave(code) => {
                add(AN_END);
                add(&format!("close {code}"));
            }
            Move::WaitsDiffer => add("waits"),
        }
    }
    if connections > 1 {
        add("several connections");
    }
    found
}

fn of_spelling(spelling: Spelling, add: &mut impl FnMut(&str)) {
    match spelling {
        Spelling::Plain => {}
        Spelling::Extra => add("unknown members"),
        Spelling::Fragments => add("fragments"),
        Spelling::Torn => add("a ping between fragments"),
        Spelling::Pieces => add("a frame in pieces"),
        Spelling::Spaced | Spelling::Escaped | Spelling::Reordered => add("another spelling"),
    }
}

fn of_value(what: &str, value: &Value, add: &mut impl FnMut(&str)) {
    if value.family != Family::Simple {
        add(&format!("{what}: {}", value.family.word()));
    }
}
