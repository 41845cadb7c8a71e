//! Makes cases against clients up, one move at a time, each chosen by how far the client is.

use super::super::nasty::Bend;
use super::super::values::{Family, Value};
use super::coverage::Coverage;
use super::moves::{Ack, Case, Drop, End, Hail, Hello, Move, Spelling, Stranger};
use super::nasty;
use super::script::{FAR_OFF, Facts, Model, State, WAITED_FOR_MS, behind};

/// Cases are this long at most.
const MOVES: usize = 14;
/// Statuses of upgrades that fail.
const STATUSES: [u16; 4] = [404, 500, 502, 503];
/// Codes behind which the text does not say whether a client comes again.
const LEAVES: [u16; 8] = [1000, 4001, 4002, 1002, 1008, 1013, 3000, 4999];
/// Nonces of nobody's, where no request waits.
const STRANGERS: [&str; 10] = [
    "\"\"",
    "-7",
    "1.5",
    "123456789",
    "null",
    "true",
    "[]",
    "[\"litespec\"]",
    "{}",
    "{\"n\": 1}",
];
/// What a nonce may be taken for. `@` is its variable.
const LOOKALIKES: [&str; 6] = [
    "[$@]",
    "{\"n\": $@}",
    "\"${@|pad}\"",
    "\" ${@}\"",
    "\"${@}.0\"",
    "\"${@}x\"",
];

/// Makes cases up.
pub struct Generator {
    facts: Facts,
    rng: fastrand::Rng,
    turn: usize,
}

impl Generator {
    /// One whose cases depend on the seed, and on what it is told of coverage, alone.
    pub fn new(facts: &Facts, seed: u64) -> Generator {
        Generator {
            facts: *facts,
            rng: fastrand::Rng::with_seed(seed),
            turn: 0,
        }
    }

    /// The next case.
    pub fn next(&mut self, coverage: &Coverage) -> Case {
        loop {
            let case = self.made_up(coverage);
            if !case.moves.is_empty() {
                return case;
            }
        }
    }

    fn made_up(&mut self, coverage: &Coverage) -> Case {
        if self.rng.u8(..5) == 0
            && let Some(kept) = coverage.pick(&mut self.rng)
        {
            let kept = kept.clone();
            return self.changed(kept, coverage);
        }
        let mut case = Case::default();
        match self.rng.u8(..20) {
            0 | 1 => self.by_hand(&mut case),
            2 => self.many_waits(&mut case),
            3..=5 if self.facts.driven => self.questions(&mut case),
            _ => {
                let length = 2 + self.rng.usize(..8);
                self.extend(&mut case, length, coverage);
            }
        }
        self.epilogue(&mut case);
        case
    }

    /// Adds a move if it can be made.
    fn push(&self, case: &mut Case, step: Move) -> bool {
        case.moves.push(step);
        let fits = case.moves.len() <= MOVES && behind(case, &self.facts).is_ok();
        if !fits {
            case.moves.pop();
        }
        fits
    }

    fn extend(&mut self, case: &mut Case, moves: usize, coverage: &Coverage) {
        let wanted = case.moves.len() + moves;
        let mut tries = 0;
        while case.moves.len() < wanted && tries < 40 {
            tries += 1;
            let Ok(model) = behind(case, &self.facts) else {
                return;
            };
            let one = self.any_move(&model);
            let other = self.any_move(&model);
            // Of two, the one that leads where fewer have been.
            let tried = |step: &Move| coverage.tried(model.state, step);
            let (first, second) = if tried(&other) < tried(&one) {
                (other, one)
            } else {
                (one, other)
            };
            let _ = self.push(case, first) || self.push(case, second);
        }
    }

    /// HEARTBEATs that lines acknowledge, on a connection or two.
    fn by_hand(&mut self, case: &mut Case) {
        for _ in 0..self.rng.usize(1..3) {
            let interval_ms = [300, 400, 500, 1000][self.rng.usize(..4)];
            let hello = Hello {
                interval_ms,
                spelling: Spelling::Plain,
            };
            self.push(case, Move::Greet(hello));
            let style = match self.rng.u8(..8) {
                0 | 1 => Ack::Prompt,
                2 | 3 => Ack::Spelled(self.spelling()),
                4 | 5 => Ack::Late,
                6 => Ack::Doubled,
                _ => Ack::Withheld,
            };
            let count = self.rng.u32(1..5);
            if !self.push(case, Move::Acks { count, style }) {
                let style = Ack::Prompt;
                self.push(case, Move::Acks { count, style });
            }
            let end = self.end();
            self.push(case, end);
        }
    }

    /// Requests that are answered while others wait, and asked while others wait, with results that some
    /// languages take for none.
    fn questions(&mut self, case: &mut Case) {
        let hello = self.hello();
        self.push(case, Move::Greet(hello));
        let ask = |count: usize, at_once: bool| Move::Ask {
            with: vec![None; count],
            at_once,
        };
        let at_once = self.rng.bool();
        let count = 2 + self.rng.usize(..3);
        self.push(case, ask(count, at_once));
        for _ in 0..self.rng.usize(1..4) {
            let Ok(model) = behind(case, &self.facts) else {
                return;
            };
            let waiting = model.pending.len();
            if waiting > 0 {
                let which = vec![self.rng.usize(..waiting)];
                let results = vec![Value::of(Family::Falsy, &mut self.rng)];
                self.push(case, answered(which, results));
            }
            self.push(case, ask(1, false));
        }
        let Ok(model) = behind(case, &self.facts) else {
            return;
        };
        let mut which: Vec<usize> = (0..model.pending.len()).collect();
        self.rng.shuffle(&mut which);
        let falsy = which
            .iter()
            .map(|_| Value::of(Family::Falsy, &mut self.rng));
        let results = falsy.collect();
        self.push(case, answered(which, results));
    }

    /// Enough waits to tell chance from none.
    fn many_waits(&mut self, case: &mut Case) {
        for _ in 0..5 {
            let hello = Hello {
                interval_ms: 1000,
                spelling: Spelling::Plain,
            };
            self.push(case, Move::Greet(hello));
            let end = self.end();
            self.push(case, end);
        }
        self.push(case, Move::WaitsDiffer);
    }

    /// Whoever has come again is greeted, and beats.
    fn epilogue(&mut self, case: &mut Case) {
        let Ok(model) = behind(case, &self.facts) else {
            return;
        };
        if model.state == State::In && self.rng.bool() {
            return;
        }
        if matches!(model.state, State::Asked | State::Open) {
            if self.rng.bool() {
                self.push(
                    case,
                    Move::Hold {
                        ms: 1000,
                        pings: false,
                    },
                );
            }
            let hello = self.hello();
            self.push(case, Move::Greet(hello));
        }
        let tenths = self.rng.u32(15..35);
        let hail = Hail::None;
        self.push(case, Move::Quiet { tenths, hail });
    }

    /// A kept case with a move more, less, or other.
    fn changed(&mut self, mut case: Case, coverage: &Coverage) -> Case {
        for _ in 0..self.rng.usize(1..3) {
            let at = self.rng.usize(..=case.moves.len());
            let rest = case.moves.split_off(at);
            if self.rng.bool() {
                self.extend(&mut case, 1, coverage);
            }
            let skip = usize::from(self.rng.u8(..3) == 0);
            for step in rest.into_iter().skip(skip) {
                self.push(&mut case, step);
            }
        }
        case
    }

    fn any_move(&mut self, model: &Model) -> Move {
        match model.state {
            State::Away | State::Asked => match self.rng.u8(..20) {
                0 | 1 => Move::Refuse(STATUSES[self.rng.usize(..STATUSES.len())]),
                2 | 3 => Move::Drop(Drop::ALL[self.rng.usize(..Drop::ALL.len())]),
                4 | 5 => self.hold(),
                6 => self.ask(),
                7 => Move::Bend(self.bend_of_hello()),
                _ => Move::Greet(self.hello()),
            },
            State::Open => match self.rng.u8(..12) {
                0 | 1 => Move::Bend(self.bend_of_hello()),
                2 | 3 => self.ask(),
                4 => Move::Drop(Drop::ALL[self.rng.usize(2..Drop::ALL.len())]),
                _ => Move::Greet(self.hello()),
            },
            State::In | State::Done => self.inside(model),
        }
    }

    fn inside(&mut self, model: &Model) -> Move {
        let driven = self.facts.driven;
        match self.rng.u8(..40) {
            0 if driven && self.rng.u8(..4) == 0 => Move::Many(self.rng.u32(20..160)),
            0..=9 if driven => self.ask(),
            10..=19 if driven && !model.pending.is_empty() => self.answer(model.pending.len()),
            10..=12 if driven => Move::Dispatch(self.argument()),
            13..=19 if driven => self.ask(),
            20..=23 => self.strangers(model),
            24..=28 => Move::Bend(self.bend()),
            29..=35 => self.end(),
            36 => Move::Leave(LEAVES[self.rng.usize(..LEAVES.len())]),
            _ => {
                let hail = match self.rng.u8(..8) {
                    0 => Hail::Pings,
                    1 => Hail::Pongs,
                    2 => Hail::Strangers,
                    _ => Hail::None,
                };
                let tenths = match self.rng.u8(..5) {
                    0 => self.rng.u32(45..200),
                    _ => self.rng.u32(5..45),
                };
                Move::Quiet { tenths, hail }
            }
        }
    }

    fn hold(&mut self) -> Move {
        Move::Hold {
            ms: [300, 1000, 1500][self.rng.usize(..3)],
            pings: self.rng.u8(..3) == 0,
        }
    }

    fn hello(&mut self) -> Hello {
        let interval_ms = match self.rng.u8(..20) {
            0 => 100,
            1 | 2 => 250,
            3..=6 => 400,
            7..=9 => 600,
            10..=13 => self.facts.interval_ms,
            14 | 15 => 1500,
            16 => 2500,
            17 => 5000,
            18 => [86_400_000, 3_600_000, 60_000][self.rng.usize(..3)],
            _ => self.rng.u64(200..WAITED_FOR_MS),
        };
        let spelling = match self.rng.u8(..3) {
            0 => self.spelling(),
            _ => Spelling::Plain,
        };
        Hello {
            interval_ms,
            spelling,
        }
    }

    fn spelling(&mut self) -> Spelling {
        Spelling::ALL[self.rng.usize(..Spelling::ALL.len())]
    }

    fn end(&mut self) -> Move {
        Move::End(End::ALL[self.rng.usize(..End::ALL.len())])
    }

    fn value(&mut self) -> Value {
        if self.rng.u8(..24) == 0 {
            return Value {
                text: format!("\"{}\"", "x".repeat(20_000)),
                family: Family::Long,
            };
        }
        let family = Family::ALL[self.rng.usize(..Family::ALL.len())];
        Value::of(family, &mut self.rng)
    }

    fn argument(&mut self) -> Option<Value> {
        match self.rng.u8(..9) {
            0 => Some(Value {
                text: "[]".to_owned(),
                family: Family::Falsy,
            }),
            1..=3 => Some(self.value()),
            _ => None,
        }
    }

    fn ask(&mut self) -> Move {
        let count = match self.rng.u8(..10) {
            0..=4 => 1,
            5..=8 => self.rng.usize(2..7),
            _ => 40,
        };
        let with = (0..count).map(|_| if count > 6 { None } else { self.argument() });
        Move::Ask {
            with: with.collect(),
            at_once: self.rng.bool(),
        }
    }

    fn answer(&mut self, waiting: usize) -> Move {
        let mut which: Vec<usize> = (0..waiting).collect();
        match self.rng.u8(..4) {
            0 => which.reverse(),
            1 => self.rng.shuffle(&mut which),
            _ => {}
        }
        if self.rng.bool() {
            which.truncate(self.rng.usize(1..=waiting));
        }
        let values = which.len() <= 6 && self.rng.bool();
        let falsy = self.rng.bool();
        let results = if values {
            let value = |_| match falsy {
                true => Value::of(Family::Falsy, &mut self.rng),
                false => self.value(),
            };
            which.iter().map(value).collect()
        } else {
            Vec::new()
        };
        let spelling = match self.rng.u8(..3) {
            0 => self.spelling(),
            _ => Spelling::Plain,
        };
        Move::Answer {
            which,
            results,
            spelling,
            together: self.rng.u8(..3) == 0,
            again: self.rng.u8(..5) == 0,
        }
    }

    fn strangers(&mut self, model: &Model) -> Move {
        let waits = !model.pending.is_empty() || model.stale > 0;
        let count = self.rng.usize(1..4);
        let all = (0..count).map(|_| match self.rng.bool() {
            true if !model.pending.is_empty() => {
                Stranger::Like(LOOKALIKES[self.rng.usize(..LOOKALIKES.len())])
            }
            _ if waits => Stranger::Value(FAR_OFF[self.rng.usize(..FAR_OFF.len())]),
            _ => Stranger::Value(STRANGERS[self.rng.usize(..STRANGERS.len())]),
        });
        Move::Strangers(all.collect())
    }

    /// Something nasty; each has its turn.
    fn bend(&mut self) -> Bend {
        let all = nasty::anytime();
        self.turn += 1 + self.rng.usize(..3);
        all[self.turn % all.len()].clone()
    }

    fn bend_of_hello(&mut self) -> Bend {
        if self.rng.u8(..3) == 0 {
            return self.bend();
        }
        let all = nasty::hellos();
        all[self.rng.usize(..all.len())].clone()
    }
}

/// These requests are answered with these results, one after the other.
fn answered(which: Vec<usize>, results: Vec<Value>) -> Move {
    Move::Answer {
        which,
        results,
        spelling: Spelling::Plain,
        together: false,
        again: false,
    }
}
