//! What is remarkable about a case: two failures of one rule with the same remarkable things have one
//! cause, as far as can be told from outside.

use std::collections::BTreeSet;

use super::moves::{Act, Case, Crossed, PLAINLY_WRONG, Packet, Pass, Said, Spelling, Traffic};
use super::values::Family;

/// The remarkable things of a case, in words.
pub type Features = BTreeSet<String>;

/// The remarkable things of a case.
pub fn features(case: &Case) -> Features {
    let mut found = Features::new();
    let mut add = |text: &str| {
        found.insert(text.to_owned());
    };
    for step in &case.moves {
        match &step.act {
            Act::Say { packets, .. } => {
                if packets.len() > 1 {
                    add("one segment");
                }
                for said in packets {
                    of_packet(said, &mut add);
                }
            }
            Act::LogIn(spelling) => of_spelling(*spelling, &mut add),
            Act::Trickle { .. } => add("a frame in pieces"),
            Act::TimeOut { beats, traffic, .. } => {
                add("silence");
                if *beats > 0 {
                    add("HEARTBEAT");
                }
                of_traffic(*traffic, &mut add);
            }
            Act::Keep { traffic, .. } => {
                add("heartbeats in time");
                of_traffic(*traffic, &mut add);
            }
            Act::Unanswered { op } => add(&format!("op {op} with a nonce")),
            Act::Bend(bend) | Act::Knock(bend) => add(&bend.what),
            Act::Cross { what, .. } => add(match what {
                Crossed::Heartbeats => "heartbeats in turn",
                Crossed::Requests => "requests in turn",
                Crossed::SameNonces => "one nonce on two connections",
            }),
            Act::Leave(leave) => add(&format!("{leave:?}")),
            Act::Quiet(_) => add("quiet"),
            Act::Greet | Act::Alive | Act::Ends | Act::Pause(_) | Act::Settle(_) => {}
        }
    }
    let conns: BTreeSet<usize> = case.moves.iter().map(|step| step.conn.0).collect();
    if conns.len() > 1 {
        add("several connections");
    }
    found
}

fn of_packet(said: &Said, add: &mut impl FnMut(&str)) {
    of_spelling(said.spelling, add);
    match &said.packet {
        Packet::HelloAck(Pass::Right) => {}
        Packet::HelloAck(Pass::Wrong(pass)) => {
            add("a wrong password");
            if *pass != PLAINLY_WRONG {
                add(&format!("the password {pass}"));
            }
        }
        Packet::HelloAck(Pass::NoString(_) | Pass::Missing) => add("no password"),
        Packet::Heartbeat => add("HEARTBEAT"),
        Packet::UnknownRequest => add("an unknown REQUEST"),
        Packet::Request { nonce, which } => {
            add(&match which {
                0 => "REQUEST".to_owned(),
                which => format!("REQUEST {which}"),
            });
            if nonce.family != Family::Simple {
                add(&format!("a nonce: {}", nonce.family.word()));
            }
        }
        Packet::Dispatch => add("DISPATCH"),
        Packet::Response => add("RESPONSE"),
        Packet::Ping => add("PING"),
        Packet::Pong => add("PONG"),
    }
}

fn of_spelling(spelling: Spelling, add: &mut impl FnMut(&str)) {
    match spelling {
        Spelling::Plain => {}
        Spelling::Fragments | Spelling::EmptyFragment => add("fragments"),
        Spelling::Padded | Spelling::Spaced | Spelling::Escaped | Spelling::Reordered => {
            add("another spelling")
        }
    }
}

fn of_traffic(traffic: Traffic, add: &mut impl FnMut(&str)) {
    match traffic {
        Traffic::Silence => {}
        Traffic::Requests => add("REQUEST"),
        Traffic::Dispatches => add("DISPATCH"),
        Traffic::Pings => add("PING"),
    }
}
