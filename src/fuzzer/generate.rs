//! Makes cases up, one move at a time, each chosen by what the connections are in.

use super::coverage::Coverage;
use super::model::{Model, State};
use super::moves::{
    Act, Case, Conn, Crossed, Leave, Move, NAMES, PLAINLY_WRONG, Packet, Pass, Said, Spelling,
    Traffic,
};
use super::nasty::{self, Class};
use super::script::{Facts, state_behind};
use super::values::{Family, Value};
use crate::oracle::Dialect;

/// Strings that are not the password, as JSON templates.
const WRONG: [&str; 14] = [
    PLAINLY_WRONG,
    "\"${password|chop}\"",
    "\"${password}x\"",
    "\"x${password}\"",
    "\"${password|swapcase}\"",
    "\"${password|pad}\"",
    "\" ${password}\"",
    "\"${password}\\n\"",
    "\"${password}\\u0000\"",
    "\"${password}\\u0000x\"",
    "\"\u{e9}${password}\"",
    "\"${password}${password}x\"",
    "\"${password|empty}\"",
    "\"null\"",
];
/// Passwords that are no strings, as JSON templates.
const NO_STRING: [&str; 10] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "1.5",
    "[]",
    "{}",
    "[\"${password}\"]",
    "{\"password\": \"${password}\"}",
];
/// Ops of packets that are no requests.
const STRANGE_OPS: [&str; 8] = ["1", "2", "5", "6", "6 ", "7", "-1", "3"];
/// More pings at once are a flood, of which the text says nothing.
const PINGS: usize = 8;
/// Cases are this long at most.
const MOVES: usize = 12;

/// Makes cases up.
pub struct Generator {
    facts: Facts,
    rng: fastrand::Rng,
    nonce: u64,
    /// The catalogue of what is nasty in an order of its own, and whose turn it is.
    order: Vec<usize>,
    turn: usize,
    /// The same of what comes instead of an upgrade.
    doors: usize,
}

impl Generator {
    /// One whose cases depend on the seed, and on what it is told of coverage, alone.
    pub fn new(facts: &Facts, seed: u64) -> Generator {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut order: Vec<usize> = (0..nasty::catalogue().len()).collect();
        rng.shuffle(&mut order);
        Generator {
            facts: facts.clone(),
            rng,
            nonce: 0,
            order,
            turn: 0,
            doors: 0,
        }
    }

    /// A case that is over as soon as the target has answered.
    pub fn quick(&mut self, coverage: &Coverage) -> Case {
        if self.rng.u8(..4) == 0
            && let Some(kept) = coverage.pick(&mut self.rng)
        {
            let kept = kept.clone();
            return self.changed(kept, coverage);
        }
        let mut case = Case::default();
        if self.rng.u8(..10) == 0 {
            self.strangers(&mut case);
        }
        let length = 2 + self.rng.usize(..6);
        self.extend(&mut case, length, coverage);
        self.epilogue(&mut case);
        case
    }

    /// A case that waits for the target's timers.
    pub fn slow(&mut self) -> Case {
        let mut case = Case::default();
        self.log_in(&mut case, Conn(0));
        let traffic = self.traffic();
        let prompt = self.rng.u8(..5) == 0;
        match self.rng.u8(..8) {
            0..=3 => {
                let beats = self.rng.u32(..5);
                self.push(
                    &mut case,
                    Conn(0),
                    Act::TimeOut {
                        beats,
                        traffic,
                        prompt,
                    },
                );
            }
            4 => {
                // Somebody else stays and is served.
                self.log_in(&mut case, Conn(1));
                let beats = self.rng.u32(..2);
                let traffic = Traffic::Silence;
                self.push(
                    &mut case,
                    Conn(0),
                    Act::TimeOut {
                        beats,
                        traffic,
                        prompt,
                    },
                );
            }
            5 => {
                // What one leaves behind must not touch the next.
                self.push(&mut case, Conn(0), Act::Leave(Leave::Close));
                self.log_in(&mut case, Conn(1));
                let keep = Act::Keep {
                    tenths: 16,
                    traffic: Traffic::Silence,
                };
                self.push(&mut case, Conn(1), keep);
            }
            _ => {
                let tenths = self.rng.u32(15..36);
                self.push(&mut case, Conn(0), Act::Keep { tenths, traffic });
            }
        }
        self.epilogue(&mut case);
        case
    }

    fn traffic(&mut self) -> Traffic {
        let traffic = Traffic::ALL[self.rng.usize(..Traffic::ALL.len())];
        match traffic {
            Traffic::Requests if self.facts.requests.is_empty() => Traffic::Silence,
            Traffic::Dispatches if !self.facts.takes_dispatches => Traffic::Silence,
            traffic => traffic,
        }
    }

    /// Some who say nothing while others come and go.
    fn strangers(&mut self, case: &mut Case) {
        for conn in 2..2 + self.rng.usize(1..4) {
            self.push(case, Conn(conn), Act::Greet);
        }
    }

    fn log_in(&mut self, case: &mut Case, conn: Conn) {
        self.push(case, conn, Act::Greet);
        self.push(case, conn, Act::LogIn(Spelling::Plain));
    }

    /// Adds a move if it can be made.
    fn push(&self, case: &mut Case, conn: Conn, act: Act) -> bool {
        case.moves.push(Move { conn, act });
        let fits = case.moves.len() <= MOVES && state_behind(case, &self.facts).is_ok();
        if !fits {
            case.moves.pop();
        }
        fits
    }

    fn extend(&mut self, case: &mut Case, moves: usize, coverage: &Coverage) {
        let mut tries = 0;
        let wanted = case.moves.len() + moves;
        while case.moves.len() < wanted && tries < 40 {
            tries += 1;
            let Ok(model) = state_behind(case, &self.facts) else {
                return;
            };
            let one = self.any_move(&model);
            let other = self.any_move(&model);
            // Of two, the one that leads where fewer have been.
            let (first, second) = if coverage.tried(&model, &other) < coverage.tried(&model, &one) {
                (other, one)
            } else {
                (one, other)
            };
            let _ =
                self.push(case, first.conn, first.act) || self.push(case, second.conn, second.act);
        }
    }

    /// Everybody who is in is still served.
    fn epilogue(&mut self, case: &mut Case) {
        let Ok(model) = state_behind(case, &self.facts) else {
            return;
        };
        if self.rng.u8(..4) == 0
            && let Some(closed) = (0..NAMES.len()).map(Conn).find(|c| model.of(*c).closing)
        {
            case.moves.push(Move {
                conn: closed,
                act: Act::Ends,
            });
        }
        let stays: Vec<Conn> = model.in_state(State::In).collect();
        for conn in stays {
            let packets = vec![Said::plain(Packet::Heartbeat)];
            case.moves.push(Move {
                conn,
                act: Act::Say {
                    packets,
                    wait: true,
                },
            });
        }
    }

    /// A kept case with a move more, less, or other.
    fn changed(&mut self, mut case: Case, coverage: &Coverage) -> Case {
        for _ in 0..self.rng.usize(1..3) {
            let at = self.rng.usize(..=case.moves.len());
            let behind = case.moves.split_off(at);
            if self.rng.bool() {
                self.extend(&mut case, 1, coverage);
            }
            let skip = usize::from(self.rng.u8(..3) == 0);
            for step in behind.into_iter().skip(skip) {
                self.push(&mut case, step.conn, step.act);
            }
        }
        if case.moves.is_empty() {
            self.log_in(&mut case, Conn(0));
        }
        case
    }

    fn any_move(&mut self, model: &Model) -> Move {
        let here: Vec<Conn> = (0..NAMES.len())
            .map(Conn)
            .filter(|conn| !matches!(model.of(*conn).state, State::Absent | State::Over))
            .collect();
        let fresh = (0..NAMES.len())
            .map(Conn)
            .find(|c| model.of(*c).state == State::Absent);
        let conn = match fresh {
            Some(fresh) if here.is_empty() || self.rng.u8(..5) == 0 => fresh,
            _ if here.is_empty() => Conn(0),
            _ => here[self.rng.usize(..here.len())],
        };
        let act = match model.of(conn).state {
            State::Absent | State::Over => match self.rng.u8(..12) {
                0 => self.bend(),
                1 => self.knock(),
                _ => Act::Greet,
            },
            State::Greeted => self.greeted(),
            State::In => match self.rng.u8(..4) {
                0 => self
                    .cross(model, conn)
                    .unwrap_or_else(|| self.segment(model)),
                _ => self.inside(model),
            },
            State::Unjudged => self.unjudged(),
        };
        Move { conn, act }
    }

    fn greeted(&mut self) -> Act {
        match self.rng.u8(..20) {
            0..=9 => {
                let plain = self.rng.u8(..3) > 0;
                let spelling = if plain {
                    Spelling::Plain
                } else {
                    self.spelling()
                };
                Act::LogIn(spelling)
            }
            10..=12 => self.segment_behind(Packet::HelloAck(Pass::Right)),
            13 | 14 => {
                let wrong = WRONG[self.rng.usize(..WRONG.len())];
                self.segment_behind(Packet::HelloAck(Pass::Wrong(wrong)))
            }
            15 => {
                let pass = match self.rng.usize(..=NO_STRING.len()) {
                    at if at < NO_STRING.len() => Pass::NoString(NO_STRING[at]),
                    _ => Pass::Missing,
                };
                self.segment_behind(Packet::HelloAck(pass))
            }
            16 | 17 => {
                let asked = self.facts.dialect == Dialect::Bidirectional;
                let packet = match self.rng.u8(..4) {
                    0 => Packet::UnknownRequest,
                    1 if asked => Packet::Response,
                    _ => self.packet(),
                };
                self.segment_behind(packet)
            }
            18 => self.bend(),
            _ if self.rng.u8(..3) == 0 => Act::Quiet(300),
            _ => Act::Leave(Leave::ALL[self.rng.usize(..Leave::ALL.len())]),
        }
    }

    fn inside(&mut self, model: &Model) -> Act {
        match self.rng.u8(..40) {
            0..=23 => self.segment(model),
            24..=30 => self.bend(),
            31 | 39 => Act::Unanswered {
                op: STRANGE_OPS[self.rng.usize(..STRANGE_OPS.len())],
            },
            32 | 33 => Act::Quiet(if self.rng.u8(..8) == 0 { 1200 } else { 150 }),
            34 | 35 => Act::Trickle {
                cuts: self.cuts(),
                pause_ms: 5,
            },
            36 | 37 => Act::Leave(Leave::ALL[self.rng.usize(..Leave::ALL.len())]),
            _ => Act::Alive,
        }
    }

    fn unjudged(&mut self) -> Act {
        match self.rng.u8(..6) {
            0 | 1 => Act::Say {
                packets: vec![Said::plain(self.packet())],
                wait: true,
            },
            2 | 3 => self.bend(),
            4 => Act::Leave(Leave::ALL[self.rng.usize(..Leave::ALL.len())]),
            _ => Act::Alive,
        }
    }

    /// Something nasty: half of them by class, the others one behind the other, so that each has its
    /// turn.
    fn bend(&mut self) -> Act {
        if self.rng.bool() {
            let all = nasty::catalogue();
            self.turn = (self.turn + 1) % all.len();
            return Act::Bend(all[self.order[self.turn]].clone());
        }
        let class = Class::ALL[self.rng.usize(..Class::ALL.len())];
        Act::Bend(nasty::of(class, &mut self.rng))
    }

    /// Something odd instead of an upgrade request; each has its turn.
    fn knock(&mut self) -> Act {
        let all = nasty::doors();
        loop {
            self.doors += 1 + self.rng.usize(..3);
            let bend = &all[self.doors % all.len()];
            if !bend.heavy || self.rng.u8(..4) == 0 {
                return Act::Knock(bend.clone());
            }
        }
    }

    fn cuts(&mut self) -> Vec<usize> {
        let mut cuts: Vec<usize> = (1..14).filter(|_| self.rng.u8(..4) == 0).collect();
        if cuts.is_empty() {
            cuts.push(1 + self.rng.usize(..13));
        }
        cuts
    }

    fn spelling(&mut self) -> Spelling {
        Spelling::ALL[self.rng.usize(..Spelling::ALL.len())]
    }

    fn packet(&mut self) -> Packet {
        match self.rng.u8(..10) {
            0..=2 => Packet::Heartbeat,
            3..=6 => Packet::Request {
                nonce: self.value(),
                which: self.rng.usize(..self.facts.requests.len().max(1)),
            },
            7 | 8 => Packet::Dispatch,
            _ if self.rng.bool() => Packet::Ping,
            _ => Packet::Pong,
        }
    }

    /// A nonce; half of them are simple, and new.
    fn value(&mut self) -> Value {
        match self.rng.u8(..8) {
            0..=2 => {
                self.nonce += 1;
                return Value::simple(self.nonce);
            }
            // One that others use too, or that was used before.
            3 => return Value::simple(self.rng.u64(1..4)),
            _ => {}
        }
        let family = Family::ALL[self.rng.usize(..Family::ALL.len())];
        Value::of(family, &mut self.rng)
    }

    fn said(&mut self, packet: Packet) -> Said {
        let spelling = match self.rng.u8(..5) {
            0 => self.spelling(),
            _ => Spelling::Plain,
        };
        Said { packet, spelling }
    }

    /// A packet, and perhaps others in one segment with it.
    fn segment_behind(&mut self, first: Packet) -> Act {
        let mut packets = vec![Said::plain(first)];
        for _ in 0..self.rng.usize(..4) {
            let packet = match self.rng.u8(..6) {
                0 => Packet::HelloAck(Pass::Right),
                _ => self.packet(),
            };
            packets.push(Said::plain(packet));
        }
        Act::Say {
            packets,
            wait: true,
        }
    }

    fn segment(&mut self, model: &Model) -> Act {
        let length = match self.rng.u8(..40) {
            0..=15 => 1,
            16..=34 => self.rng.usize(2..5),
            35..=38 => self.rng.usize(10..40),
            _ => 120,
        };
        if length > 4 && self.rng.u8(..4) > 0 {
            return self.burst(length);
        }
        let mut packets: Vec<Said> = Vec::with_capacity(length);
        for _ in 0..length {
            let mut packet = self.packet();
            if let Packet::Request { nonce, .. } = &mut packet {
                let asked = |said: &Said| matches!(&said.packet, Packet::Request { nonce: other, .. } if other.text == nonce.text);
                if length > 4 || packets.iter().any(asked) {
                    self.nonce += 1;
                    *nonce = Value::simple(self.nonce);
                }
            }
            packets.push(self.said(packet));
        }
        let others = model.in_state(State::In).count() > 1;
        let wait = !(others && self.rng.u8(..3) == 0);
        Act::Say { packets, wait }
    }

    /// Packets that are all alike; requests are numbered from 1 on.
    fn burst(&mut self, length: usize) -> Act {
        let one = self.packet();
        let length = match one {
            Packet::Ping | Packet::Pong => length.min(PINGS),
            _ => length,
        };
        let packets = (1..=length as u64).map(|at| match one {
            Packet::Request { which, .. } => {
                let nonce = Value::numbered(at);
                Said::plain(Packet::Request { nonce, which })
            }
            ref one => Said::plain(one.clone()),
        });
        Act::Say {
            packets: packets.collect(),
            wait: true,
        }
    }

    /// With another connection that is in, in turn.
    fn cross(&mut self, model: &Model, conn: Conn) -> Option<Act> {
        let others = model.in_state(State::In).filter(|other| *other != conn);
        let with = others.last()?;
        let what = match self.facts.requests.is_empty() {
            true => Crossed::Heartbeats,
            false => Crossed::ALL[self.rng.usize(..Crossed::ALL.len())],
        };
        let rounds = self.rng.u32(1..12);
        Some(Act::Cross { with, rounds, what })
    }
}

#[cfg(test)]
mod tests;
