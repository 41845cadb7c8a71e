//! Makes a failing case small: candidates, the cheapest first. Whoever tries them says which fail.

use std::collections::BTreeMap;

use super::moves::{
    Act, Case, Conn, Crossed, Move, PLAINLY_WRONG, Packet, Pass, Said, Spelling, Traffic,
};
use super::nasty::Bend;
use super::script::{Facts, Head, write};
use super::values::Value;

/// Whether a smaller case that breaks the rule `seen` says what a case says that breaks `rule`: what
/// happens to one alone needs no others beside it.
pub fn comes_down_to(rule: &str, seen: &str) -> bool {
    // Nor does what happens with a plain nonce need an odd one.
    let plainer: &[&str] = match rule {
        "request.independent" => &["request.response", "heartbeat.ack"],
        "request.nonce-any" => &["request.response"],
        _ => &[],
    };
    seen == rule || plainer.contains(&seen)
}

/// Smaller cases, the boldest cuts first; all of them can be played, none is the case itself.
pub fn candidates(case: &Case, facts: &Facts) -> Vec<Case> {
    let mut found: Vec<Case> = Vec::new();
    let head = Head::default();
    let mut add = |candidate: Case| {
        let plays = write(&candidate, facts, &head).is_ok();
        if plays && candidate != *case && !found.contains(&candidate) {
            found.push(candidate);
        }
    };
    for conn in conns(case) {
        let with = |step: &Move| matches!(step.act, Act::Cross { with, .. } if with == conn);
        add(without(case, |step| step.conn == conn || with(step)));
    }
    let count = case.moves.len();
    for size in [count / 2, count / 4, 1] {
        if size == 0 {
            continue;
        }
        for from in (0..count).rev().step_by(size) {
            let chunk = from.saturating_sub(size - 1)..=from;
            let mut at = 0..;
            add(without(case, |_| {
                at.next().is_some_and(|at| chunk.contains(&at))
            }));
        }
    }
    for at in 0..count {
        for act in smaller(&case.moves[at].act) {
            let mut candidate = case.clone();
            match act {
                Smaller::Act(act) => candidate.moves[at].act = act,
                Smaller::Moves(acts) => {
                    let conn = case.moves[at].conn;
                    let moves = acts.into_iter().map(|act| Move { conn, act });
                    candidate.moves.splice(at..=at, moves);
                }
            }
            add(candidate);
        }
    }
    plainly_numbered(case).into_iter().for_each(&mut add);
    add(renamed(case));
    found
}

/// The same with a plain nonce wherever one stands that is used more than once, one nonce at a time: where
/// it is the repetition that counts, each alone would break it.
fn plainly_numbered(case: &Case) -> Vec<Case> {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for said in case.moves.iter().flat_map(said_of) {
        if let Packet::Request { nonce, .. } = &said.packet {
            *uses.entry(&nonce.text).or_insert(0) += 1;
        }
    }
    let plain = Value::numbered(1);
    let repeated = uses
        .iter()
        .filter(|(text, count)| **count > 1 && **text != plain.text);
    let replaced = |old: &str| {
        let mut moves = case.moves.clone();
        for step in &mut moves {
            let Act::Say { packets, .. } = &mut step.act else {
                continue;
            };
            for said in packets {
                if let Packet::Request { nonce, .. } = &mut said.packet
                    && nonce.text == old
                {
                    *nonce = plain.clone();
                }
            }
        }
        Case { moves }
    };
    repeated.map(|(old, _)| replaced(old)).collect()
}

fn said_of(step: &Move) -> &[Said] {
    match &step.act {
        Act::Say { packets, .. } => packets,
        _ => &[],
    }
}

fn conns(case: &Case) -> Vec<Conn> {
    let mut conns: Vec<Conn> = case.moves.iter().flat_map(Move::conns).collect();
    conns.sort_unstable();
    conns.dedup();
    conns.reverse();
    conns
}

fn without(case: &Case, mut drop: impl FnMut(&Move) -> bool) -> Case {
    Case {
        moves: case
            .moves
            .iter()
            .filter(|step| !drop(step))
            .cloned()
            .collect(),
    }
}

/// The same with the first connection called `a`, the second `b`, and so on.
fn renamed(case: &Case) -> Case {
    let mut order: Vec<Conn> = Vec::new();
    let mut place = |conn: Conn| {
        let known = order.iter().position(|other| *other == conn);
        Conn(known.unwrap_or_else(|| {
            order.push(conn);
            order.len() - 1
        }))
    };
    let mut moves = case.moves.clone();
    for step in &mut moves {
        step.conn = place(step.conn);
        if let Act::Cross { with, .. } = &mut step.act {
            *with = place(*with);
        }
    }
    Case { moves }
}

/// What can stand for a move.
enum Smaller {
    Act(Act),
    Moves(Vec<Act>),
}

fn smaller(act: &Act) -> Vec<Smaller> {
    match act {
        Act::LogIn(spelling) if *spelling != Spelling::Plain => {
            vec![Smaller::Act(Act::LogIn(Spelling::Plain))]
        }
        Act::Say { packets, wait } => smaller_segment(packets, *wait),
        Act::Trickle { cuts, pause_ms } if cuts.len() > 1 => (0..cuts.len())
            .map(|at| {
                let cuts = vec![cuts[at]];
                let pause_ms = *pause_ms;
                Smaller::Act(Act::Trickle { cuts, pause_ms })
            })
            .collect(),
        Act::Quiet(ms) if *ms > 150 => [150, ms / 2]
            .map(|ms| Smaller::Act(Act::Quiet(ms.max(150))))
            .into(),
        Act::Cross { with, rounds, what } => {
            let packet = match what {
                Crossed::Heartbeats => Packet::Heartbeat,
                Crossed::Requests | Crossed::SameNonces => Packet::Request {
                    nonce: Value::simple(1),
                    which: 0,
                },
            };
            let alone = Act::Say {
                packets: vec![Said::plain(packet)],
                wait: true,
            };
            let fewer = [1, rounds / 2, rounds - 1].map(|rounds| {
                let (with, what) = (*with, *what);
                Act::Cross { with, rounds, what }
            });
            let found = [alone].into_iter().chain(fewer);
            found.map(Smaller::Act).collect()
        }
        Act::TimeOut {
            beats,
            traffic,
            prompt,
        } => {
            let mut found = Vec::new();
            for fewer in [0, beats / 2, beats.saturating_sub(1)] {
                found.push(Act::TimeOut {
                    beats: fewer,
                    traffic: *traffic,
                    prompt: *prompt,
                });
            }
            found.push(Act::TimeOut {
                beats: *beats,
                traffic: Traffic::Silence,
                prompt: *prompt,
            });
            found.into_iter().map(Smaller::Act).collect()
        }
        Act::Keep { tenths, traffic } => {
            let silent = Act::Keep {
                tenths: *tenths,
                traffic: Traffic::Silence,
            };
            let mut found = vec![silent];
            if *tenths > 16 {
                found.push(Act::Keep {
                    tenths: 16,
                    traffic: *traffic,
                });
            }
            found.into_iter().map(Smaller::Act).collect()
        }
        Act::Bend(bend) => fewer_sends(bend).map(Act::Bend).map(Smaller::Act).collect(),
        Act::Knock(bend) => fewer_sends(bend)
            .map(Act::Knock)
            .map(Smaller::Act)
            .collect(),
        _ => Vec::new(),
    }
}

/// The same with half of its sends, or all but one.
fn fewer_sends(bend: &Bend) -> impl Iterator<Item = Bend> {
    let count = bend.sends.len();
    let halves = [0..count / 2, count / 2..count];
    let halves = halves.into_iter().filter(move |_| count > 3);
    let ones = (0..count).filter(move |_| count > 1).map(|at| at..at + 1);
    halves.chain(ones).map(|gone| {
        let mut bend = bend.clone();
        bend.sends.drain(gone);
        bend
    })
}

fn smaller_segment(packets: &[Said], wait: bool) -> Vec<Smaller> {
    let mut found = Vec::new();
    let say = |packets: Vec<Said>| Act::Say { packets, wait };
    if let [first, rest @ ..] = packets
        && first.packet == Packet::HelloAck(Pass::Right)
    {
        let mut acts = vec![Act::LogIn(Spelling::Plain)];
        if !rest.is_empty() {
            acts.push(say(rest.to_vec()));
        }
        found.push(Smaller::Moves(acts));
    }
    let count = packets.len();
    if count > 2 {
        found.extend(uniform(packets).map(|packets| Smaller::Act(say(packets))));
    }
    for size in [count / 2, count / 4, 1] {
        if size == 0 || size == count {
            continue;
        }
        for from in (0..count).step_by(size) {
            let mut fewer = packets.to_vec();
            fewer.drain(from..(from + size).min(count));
            if !fewer.is_empty() {
                found.push(Smaller::Act(say(fewer)));
            }
            if count > 40 && from > 8 {
                break;
            }
        }
    }
    if count <= 8 {
        for at in 0..count {
            for simpler in simpler_packets(&packets[at], at) {
                let mut simple = packets.to_vec();
                simple[at] = simpler;
                found.push(Smaller::Act(say(simple)));
            }
        }
    } else {
        let plain = packets.iter().map(|said| Said::plain(said.packet.clone()));
        found.push(Smaller::Act(say(plain.collect())));
    }
    if (2..=8).contains(&count) {
        // One after another is plainer than all at once.
        let each = packets.iter().map(|said| Act::Say {
            packets: vec![said.clone()],
            wait: true,
        });
        found.push(Smaller::Moves(each.collect()));
    }
    if !wait {
        let packets = packets.to_vec();
        found.push(Smaller::Act(Act::Say {
            packets,
            wait: true,
        }));
    }
    found
}

/// The requests of a segment, numbered from 1 on, and as many packets like its first: what is written in
/// a few lines, however many they are.
fn uniform(packets: &[Said]) -> impl Iterator<Item = Vec<Said>> {
    let requests: Vec<Said> = packets
        .iter()
        .filter_map(|said| match said.packet {
            Packet::Request { which, .. } => Some(which),
            _ => None,
        })
        .zip(1..)
        .map(|(which, at)| {
            let nonce = Value::numbered(at);
            Said::plain(Packet::Request { nonce, which })
        })
        .collect();
    let beats = packets
        .iter()
        .filter(|said| said.packet == Packet::Heartbeat);
    let beats = vec![Said::plain(Packet::Heartbeat); beats.count()];
    [requests, beats]
        .into_iter()
        .filter(|packets| !packets.is_empty())
}

fn simpler_packets(said: &Said, at: usize) -> Vec<Said> {
    let mut found = Vec::new();
    if said.spelling != Spelling::Plain {
        found.push(Said::plain(said.packet.clone()));
    }
    if let Packet::Request { nonce, which } = &said.packet {
        let simple = Value::simple(at as u64 + 1);
        let (first, which) = (*which == 0, *which);
        if !first {
            let nonce = nonce.clone();
            let packet = Packet::Request { nonce, which: 0 };
            found.push(Said {
                packet,
                spelling: said.spelling,
            });
        }
        let simpler = [Some(simple), nonce.plainly_spelled()];
        for nonce in simpler
            .into_iter()
            .flatten()
            .filter(|simpler| simpler != nonce)
        {
            let packet = Packet::Request { nonce, which };
            found.push(Said {
                packet,
                spelling: said.spelling,
            });
        }
    }
    if matches!(said.packet, Packet::HelloAck(Pass::Wrong(_))) {
        let packet = Packet::HelloAck(Pass::Wrong(PLAINLY_WRONG));
        if packet != said.packet {
            found.push(Said {
                packet,
                spelling: said.spelling,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests;
