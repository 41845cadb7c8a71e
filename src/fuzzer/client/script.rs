//! A case against a client as scenario text: what each move sends, and what it must bring.

mod drive;
mod lines;

pub(super) use drive::FAR_OFF;

use std::time::Duration;

use super::super::nasty::{Bend, Class};
use super::super::script::{Head, Misfit};
use super::moves::{Case, Drop, End, Hail, Hello, Move, Spelling};

/// Behind this many ends without a handshake a client may wait for very long.
const FAILURES: u32 = 2;
/// So many waits tell chance from none.
const WAITS: u32 = 5;
/// What the nonces of RESPONSEs begin with that go out beside a case.
pub(super) const HAIL: &str = "litespec-hail";
/// How long a client that need not come again is waited for, in milliseconds.
const MAY_COME: u32 = 4000;
/// The longest interval whose HEARTBEATs are waited for, in milliseconds.
pub(super) const WAITED_FOR_MS: u64 = 2000;
/// The longest silence of a move, in milliseconds.
const LONGEST_MS: f64 = 6000.0;

/// What a campaign knows of its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// They obey a driver.
    pub driven: bool,
    /// The interval of a HELLO that needs no other, in milliseconds.
    pub interval_ms: u64,
    /// How long an answer is waited for at least, in milliseconds.
    pub answer_within_ms: u64,
}

/// Milliseconds of a length of time, as many as fit.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A case as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// The scenario's text.
    pub text: String,
    /// What is sent and commanded, in order.
    pub sends: Vec<Sent>,
    /// How long it waits at least, in milliseconds.
    pub waits_ms: f64,
}

/// How far the client is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It has not connected yet.
    #[default]
    Away,
    /// Its upgrade request waits.
    Asked,
    /// Its WebSocket is open, and HELLO has not come.
    Open,
    /// It has answered HELLO.
    In,
    /// Nothing more is known of it.
    Done,
}

impl State {
    /// The state in a word.
    pub fn word(self) -> &'static str {
        match self {
            State::Away => "away",
            State::Asked => "asked",
            State::Open => "open",
            State::In => "in",
            State::Done => "unjudged",
        }
    }
}

/// One send of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sent {
    /// What the client was in.
    pub state: State,
    /// What was sent, in a word.
    pub what: &'static str,
    /// Where it is nasty, if it is.
    pub class: Option<Class>,
}

/// What is known of a client behind some moves.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) state: State,
    pub(super) interval_ms: u64,
    /// The watch judges the connection; otherwise lines have to.
    watched: bool,
    /// Numbers of the requests that wait on this connection.
    pub(super) pending: Vec<u64>,
    /// What the client was told before HELLO, as lines that await it.
    early: Vec<(u64, String)>,
    /// Requests of connections that have ended, which may be asked again.
    pub(super) stale: usize,
    /// The client may tell of requests that have failed.
    noisy: bool,
    /// An answer came twice: a request that is not forgotten would be answered twice too.
    doubled: bool,
    /// Numbers given so far.
    numbers: u64,
    /// Ends since the last handshake.
    failures: u32,
    /// Waits that were seen for certain.
    pub(super) waits: u32,
    /// Places behind which the client may be gone.
    branches: usize,
}

/// Writes a case out.
///
/// # Errors
/// A move cannot be made where it stands: such a case is never played.
pub fn write(case: &Case, facts: &Facts, head: &Head) -> Result<Script, Misfit> {
    let mut writer = Writer::new(case, facts, head);
    for step in &case.moves {
        writer.step(step)?;
    }
    writer.finish()
}

/// What a right client is in behind a case.
pub(super) fn behind(case: &Case, facts: &Facts) -> Result<Model, Misfit> {
    let head = Head::default();
    let mut writer = Writer::new(case, facts, &head);
    for step in &case.moves {
        writer.step(step)?;
    }
    Ok(writer.model)
}

struct Writer<'a> {
    facts: &'a Facts,
    head: &'a Head,
    model: Model,
    /// HEARTBEATs are acknowledged by lines.
    by_hand: bool,
    /// A frame comes in pieces.
    in_pieces: bool,
    body: String,
    sends: Vec<Sent>,
    waits_ms: f64,
    depth: usize,
}

impl<'a> Writer<'a> {
    fn new(case: &Case, facts: &'a Facts, head: &'a Head) -> Writer<'a> {
        let acks = |step: &Move| matches!(step, Move::Acks { .. });
        Writer {
            facts,
            head,
            model: Model::default(),
            by_hand: case.moves.iter().any(acks),
            in_pieces: false,
            body: String::new(),
            sends: Vec::new(),
            waits_ms: 0.0,
            depth: 0,
        }
    }

    fn finish(mut self) -> Result<Script, Misfit> {
        for _ in 0..self.model.branches {
            self.depth -= 1;
            self.line("or");
            self.depth += 1;
            self.line(&format!("< nothing for {MAY_COME}ms"));
            self.depth -= 1;
        }
        if self.body.is_empty() {
            return Err(Misfit("nothing is done"));
        }
        let mut text: String = self
            .head
            .comments
            .iter()
            .map(|c| format!("# {c}\n"))
            .collect();
        let Head { title, rule, .. } = self.head;
        text.push_str(&format!("title  {title}\nrule   {rule}\n"));
        // A pong of ours must not come between the pieces of a frame.
        match (self.in_pieces, self.by_hand) {
            (true, true) => text.push_str("manual pong ack\n"),
            (true, false) => text.push_str("manual pong\n"),
            (false, true) => text.push_str("manual ack\n"),
            (false, false) => {}
        }
        text.push('\n');
        text.push_str(&self.body);
        Ok(Script {
            text,
            sends: self.sends,
            waits_ms: self.waits_ms,
        })
    }

    fn step(&mut self, step: &Move) -> Result<(), Misfit> {
        if self.model.state == State::Done {
            return Err(Misfit("nothing is known of the client any more"));
        }
        match step {
            Move::Refuse(status) => self.refuse(*status),
            Move::Drop(how) => self.drop_early(*how),
            Move::Hold { ms, pings } => self.hold(*ms, *pings),
            Move::Greet(hello) => self.greet(*hello),
            Move::Quiet { tenths, hail } => self.quiet(*tenths, *hail),
            Move::Acks { count, style } => self.acks(*count, *style),
            Move::Ask { with, at_once } => self.ask(with, *at_once),
            Move::Answer {
                which,
                results,
                spelling,
                together,
                again,
            } => self.answer(which, results, *spelling, (*together, *again)),
            Move::Many(count) => self.many(*count),
            Move::Dispatch(with) => self.dispatch(with.as_ref()),
            Move::Strangers(all) => self.strangers(all),
            Move::Bend(bend) => self.bend(bend),
            Move::End(end) => self.end(*end),
            Move::Leave(code) => self.leave(*code),
            Move::WaitsDiffer if self.model.waits >= WAITS => {
                self.expect("waits differ by 50ms", "client.reconnect-random");
                Ok(())
            }
            Move::WaitsDiffer => Err(Misfit("too few waits were seen")),
        }
    }

    fn refuse(&mut self, status: u16) -> Result<(), Misfit> {
        if !matches!(self.model.state, State::Away | State::Asked) {
            return Err(Misfit("the upgrade has its answer"));
        }
        self.send(&format!("http {status}"), "refusal", None);
        self.comes_again(false)
    }

    fn drop_early(&mut self, how: Drop) -> Result<(), Misfit> {
        let before = matches!(how, Drop::EofBeforeUpgrade | Drop::ResetBeforeUpgrade);
        if before && !matches!(self.model.state, State::Away | State::Asked) {
            return Err(Misfit("the upgrade has its answer"));
        }
        self.arrive();
        if !before {
            self.open()?;
        }
        match how {
            Drop::Close => self.send("close 1011", "end", None),
            Drop::Eof | Drop::EofBeforeUpgrade => self.send("eof", "end", None),
            Drop::Reset | Drop::ResetBeforeUpgrade => self.send("reset", "end", None),
            Drop::HalfHello => {
                self.send("raw 0x0110 \"{\\\"op\\\": 0, \\\"hb_int\"", "end", None);
                self.wait(100.0);
                self.send("reset", "end", None);
            }
        }
        self.comes_again(false)
    }

    /// The client must come again.
    fn comes_again(&mut self, greeted: bool) -> Result<(), Misfit> {
        if !self.model.early.is_empty() {
            return Err(Misfit("what waits for HELLO waits for one only"));
        }
        self.model.failures = if greeted { 0 } else { self.model.failures + 1 };
        if self.model.failures > FAILURES {
            return Err(Misfit("the client would wait for too long"));
        }
        self.model.noisy |= !self.model.pending.is_empty();
        self.model.stale += self.model.pending.len();
        self.model.pending.clear();
        self.model.waits += 1;
        self.waits_ms += 1500.0 * f64::from(1 + 2 * self.model.failures);
        self.expect("< connects", "client.reconnects");
        self.model.state = State::Asked;
        Ok(())
    }

    /// The client may come again: what follows is played if it does.
    fn may_come_again(&mut self) -> Result<(), Misfit> {
        self.line("either");
        self.depth += 1;
        self.model.branches += 1;
        let waits = self.model.waits;
        self.comes_again(true)?;
        self.model.waits = waits;
        Ok(())
    }

    fn arrive(&mut self) {
        if self.model.state == State::Away {
            self.line("< connects");
            self.model.state = State::Asked;
        }
    }

    fn open(&mut self) -> Result<(), Misfit> {
        self.arrive();
        match self.model.state {
            State::Asked => {
                self.send("http 101", "upgrade", None);
                self.model.state = State::Open;
                Ok(())
            }
            State::Open => Ok(()),
            State::Away | State::In | State::Done => Err(Misfit("HELLO has been said")),
        }
    }

    fn hold(&mut self, ms: u32, pings: bool) -> Result<(), Misfit> {
        self.open()?;
        if pings {
            self.line("> ping \"litespec\"");
            self.line("> pong \"litespec\"");
        }
        self.nothing(f64::from(ms), "client.waits-for-hello");
        Ok(())
    }

    fn greet(&mut self, hello: Hello) -> Result<(), Misfit> {
        if self.model.state == State::In {
            return Err(Misfit("a second HELLO is open"));
        }
        if self.model.stale > 4 || (self.model.stale > 0 && !self.model.early.is_empty()) {
            return Err(Misfit("too much may be asked again"));
        }
        let handshake = [
            "client.hello-ack",
            "client.heartbeat-after-ack",
            "client.packet-sender",
        ];
        let in_full = hello.spelling != Spelling::Plain
            || self.model.state == State::Open
            || !self.model.early.is_empty()
            || handshake.contains(&self.head.rule.as_str());
        if in_full {
            self.arrive();
            self.say_hello(hello);
            let rule = match hello.spelling {
                Spelling::Extra => "client.survives-strangers",
                _ => "client.hello-ack",
            };
            self.expect("< {\"op\": 1, \"password\": \"${password}\"}", rule);
        } else {
            self.note("HELLO", None);
            self.line(&format!(
                "use handshake {{\"hb_interval\": {}}}",
                hello.interval_ms
            ));
        }
        self.model.state = State::In;
        self.model.interval_ms = hello.interval_ms;
        self.model.failures = 0;
        self.model.doubled = false;
        self.model.watched = !matches!(
            hello.spelling,
            Spelling::Extra | Spelling::Pieces | Spelling::Fragments | Spelling::Torn
        );
        self.early_comes();
        self.stale_comes();
        Ok(())
    }

    fn quiet(&mut self, tenths: u32, hail: Hail) -> Result<(), Misfit> {
        self.needs_in()?;
        if self.by_hand {
            return Err(Misfit("HEARTBEATs want their answers"));
        }
        // Of a long interval only a part is waited for: no HEARTBEAT may come many times in it.
        let ms = (self.model.interval_ms as f64 * f64::from(tenths) / 10.0).min(LONGEST_MS);
        let what = match hail {
            Hail::None => None,
            Hail::Pings => Some("> ping \"litespec\"".to_owned()),
            Hail::Pongs => Some("> pong \"litespec\"".to_owned()),
            // From here on lines judge, because the watch does not.
            Hail::Strangers if self.model.interval_ms > WAITED_FOR_MS => {
                return Err(Misfit("that is too long"));
            }
            Hail::Strangers => {
                self.model.watched = false;
                Some(format!(
                    "> {{\"op\": 5, \"n\": [\"{HAIL}\", $i], \"r\": null}}"
                ))
            }
        };
        if let Some(what) = &what {
            self.line("every 30ms as $i");
            self.depth += 1;
            self.line(what);
            self.depth -= 1;
        }
        if self.model.watched {
            if self.model.stale > 0 {
                self.wait(ms);
            } else {
                self.nothing(ms, "client.heartbeat-interval");
            }
        } else {
            let beats = (tenths / 10).clamp(1, 8);
            self.beats(beats, "client.heartbeat-interval");
        }
        if what.is_some() {
            self.line("every off");
        }
        Ok(())
    }

    fn bend(&mut self, bend: &Bend) -> Result<(), Misfit> {
        if self.model.state != State::In {
            self.open()?;
        }
        self.line("ignore");
        for send in &bend.sends {
            self.send(send, "nasty", Some(bend.class));
        }
        self.wait(300.0);
        self.send("reset", "leave", None);
        self.may_come_again()
    }

    fn end(&mut self, end: End) -> Result<(), Misfit> {
        self.needs_in()?;
        let half = "raw 0x8120 \"{\\\"op\\\"\"";
        match end {
            End::Close(code) => self.send(&format!("close {code}"), "end", None),
            End::Eof => self.send("eof", "end", None),
            End::Reset => self.send("reset", "end", None),
            End::EofInFrame | End::ResetInFrame => {
                self.send(half, "end", None);
                self.wait(50.0);
                let how = if end == End::EofInFrame {
                    "eof"
                } else {
                    "reset"
                };
                self.send(how, "end", None);
            }
        }
        self.comes_again(true)
    }

    fn leave(&mut self, code: u16) -> Result<(), Misfit> {
        self.needs_in()?;
        self.send(&format!("close {code}"), "leave", None);
        self.line("ignore");
        self.may_come_again()
    }

    fn needs_in(&self) -> Result<(), Misfit> {
        match self.model.state {
            State::In => Ok(()),
            _ => Err(Misfit("HELLO has not been answered")),
        }
    }
}

#[cfg(test)]
mod tests;
