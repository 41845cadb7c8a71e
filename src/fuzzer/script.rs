//! A case as scenario text: what each move sends, and what it must bring.

mod lines;
mod timing;

use std::time::Duration;

use super::model::Model;
pub use super::model::State;
use super::moves::{Act, Case, Conn, Leave, Move, Packet, Said, Spelling};
use super::nasty::{Bend, Class};
use crate::oracle::Dialect;

/// What a campaign knows of its target.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// `w` and `a`, both as JSON text, of the requests that the target answers.
    pub requests: Vec<(String, String)>,
    /// Which of them was answered before the campaign: the one that the pulse asks. Beyond their end where
    /// none was.
    pub answered: usize,
    /// `w` and `a` of a dispatch.
    pub dispatch: (String, String),
    /// Which reading of the protocol it is judged by.
    pub dialect: Dialect,
    /// The target does not close for that dispatch.
    pub takes_dispatches: bool,
    /// The interval that its HELLO gives.
    pub interval: Duration,
    /// How long an answer is waited for in the end.
    pub answer_within: Duration,
}

/// What stands above a case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// Comment lines, without their `#`.
    pub comments: Vec<String>,
    /// The title.
    pub title: String,
    /// The rule; lines about it need no mark.
    pub rule: String,
}

/// A case as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// The scenario's text.
    pub text: String,
    /// What is sent, in order.
    pub sends: Vec<Sent>,
    /// How long it waits at least, in milliseconds.
    pub waits_ms: f64,
}

/// One send of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sent {
    /// Where.
    pub conn: usize,
    /// What its connection was in.
    pub state: State,
    /// What was sent, in a word.
    pub what: &'static str,
    /// Where it is nasty, if it is.
    pub class: Option<Class>,
}

/// A move that cannot be made where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit(pub &'static str);

/// Writes a case out.
///
/// # Errors
/// A move cannot be made where it stands: such a case is never played.
pub fn write(case: &Case, facts: &Facts, head: &Head) -> Result<Script, Misfit> {
    let mut writer = Writer::new(facts, head);
    let mut at = 0;
    while let Some(step) = case.moves.get(at) {
        let next = case.moves.get(at + 1);
        at += writer.step(step, next)?;
    }
    writer.finish(case)
}

/// What a right server's connections are in behind a case.
pub(super) fn state_behind(case: &Case, facts: &Facts) -> Result<Model, Misfit> {
    let head = Head::default();
    let mut writer = Writer::new(facts, &head);
    for step in &case.moves {
        writer.step(step, None)?;
    }
    Ok(writer.model)
}

struct Writer<'a> {
    facts: &'a Facts,
    head: &'a Head,
    model: Model,
    body: String,
    sends: Vec<Sent>,
    waits_ms: f64,
    depth: usize,
}

impl<'a> Writer<'a> {
    fn new(facts: &'a Facts, head: &'a Head) -> Writer<'a> {
        Writer {
            facts,
            head,
            model: Model::new(facts.interval),
            body: String::new(),
            sends: Vec::new(),
            waits_ms: 0.0,
            depth: 0,
        }
    }

    fn finish(mut self, case: &Case) -> Result<Script, Misfit> {
        for conn in self.model.in_state(State::In).collect::<Vec<_>>() {
            self.collect(conn);
        }
        if self.body.is_empty() {
            return Err(Misfit("nothing is done"));
        }
        let mut text = String::new();
        for comment in &self.head.comments {
            text.push_str(&format!("# {comment}\n"));
        }
        text.push_str(&format!(
            "title  {}\nrule   {}\n",
            self.head.title, self.head.rule
        ));
        let trickles = |step: &Move| matches!(step.act, Act::Trickle { .. });
        if case.moves.iter().any(trickles) {
            // A pong of ours must not come between the pieces.
            text.push_str("manual pong\n");
        }
        text.push('\n');
        text.push_str(&self.body);
        Ok(Script {
            text,
            sends: self.sends,
            waits_ms: self.waits_ms,
        })
    }

    /// Writes a move, and the next one with it where both are one line. Gives how many were written.
    fn step(&mut self, step: &Move, next: Option<&Move>) -> Result<usize, Misfit> {
        let conn = step.conn;
        self.ignore_unjudged()?;
        match &step.act {
            Act::Greet => {
                let login = next.is_some_and(|next| {
                    next.conn == conn && next.act == Act::LogIn(Spelling::Plain)
                });
                self.greet(conn, login)?;
                return Ok(if login { 2 } else { 1 });
            }
            Act::LogIn(spelling) => {
                self.needs(conn, State::Greeted)?;
                self.send_packet(
                    conn,
                    &Said {
                        packet: Packet::HelloAck(super::moves::Pass::Right),
                        spelling: *spelling,
                    },
                )?;
                self.model.of_mut(conn).state = State::In;
            }
            Act::Say { packets, wait } => {
                self.say(conn, packets, *wait)?;
            }
            Act::Cross { with, rounds, what } => self.cross([conn, *with], *rounds, *what)?,
            Act::Trickle { cuts, pause_ms } => self.trickle(conn, cuts, *pause_ms)?,
            Act::Quiet(ms) => self.quiet(conn, *ms)?,
            Act::TimeOut {
                beats,
                traffic,
                prompt,
            } => {
                self.time_out(conn, *beats, *traffic, *prompt)?;
            }
            Act::Keep { tenths, traffic } => self.keep(conn, *tenths, *traffic)?,
            Act::Unanswered { op } => self.unanswered(conn, op)?,
            Act::Bend(bend) => self.bend(conn, bend)?,
            Act::Knock(bend) => self.knock(conn, bend)?,
            Act::Ends => self.ends(conn)?,
            Act::Leave(leave) => self.leave(conn, *leave)?,
            Act::Alive => self.line("alive"),
            Act::Pause(ms) => self.pause(*ms)?,
            Act::Settle(ms) => self.settle(*ms)?,
        }
        Ok(1)
    }

    fn needs(&self, conn: Conn, state: State) -> Result<(), Misfit> {
        if self.model.of(conn).state == state {
            Ok(())
        } else {
            Err(Misfit("the connection is in another state"))
        }
    }

    fn greet(&mut self, conn: Conn, login: bool) -> Result<(), Misfit> {
        self.needs(conn, State::Absent)?;
        if conn.0 > 0 {
            self.line(&format!("{} connect", conn.name()));
        }
        if login {
            self.line(&format!("{} use handshake", conn.prefix()));
            self.note(conn, State::Greeted, "HELLO_ACK", None);
            self.model.of_mut(conn).state = State::In;
            return Ok(());
        }
        self.expect(
            conn,
            "{\"op\": 0, \"hb_interval\": int 1..}",
            "hello.interval",
        );
        self.model.of_mut(conn).state = State::Greeted;
        Ok(())
    }

    /// What became open behind the last move may still bring an end: no later line is about that.
    fn ignore_unjudged(&mut self) -> Result<(), Misfit> {
        let open: Vec<Conn> = self.model.in_state(State::Unjudged).collect();
        open.into_iter().try_for_each(|conn| self.ignore(conn))
    }

    /// From here on nothing on the connection is judged.
    fn ignore(&mut self, conn: Conn) -> Result<(), Misfit> {
        if self.model.of(conn).state == State::In {
            self.collect(conn);
        }
        let known = self.model.of_mut(conn);
        match known.state {
            State::Over => return Err(Misfit("the connection is over")),
            State::Unjudged if known.ignored => return Ok(()),
            State::Absent | State::Greeted | State::In | State::Unjudged => {}
        }
        known.ignored = true;
        let fresh = std::mem::replace(&mut known.state, State::Unjudged) == State::Absent;
        if fresh && conn.0 > 0 {
            self.line(&format!("{} connect", conn.name()));
        }
        self.line(&format!("{} ignore", conn.prefix()));
        Ok(())
    }

    fn bend(&mut self, conn: Conn, bend: &Bend) -> Result<(), Misfit> {
        let state = self.model.of(conn).state;
        self.ignore(conn)?;
        for send in &bend.sends {
            self.note(conn, state, "nasty", Some(bend.class));
            self.send(conn, send);
        }
        Ok(())
    }

    /// A connection without a WebSocket, of which nothing is judged.
    fn knock(&mut self, conn: Conn, bend: &Bend) -> Result<(), Misfit> {
        self.needs(conn, State::Absent)?;
        self.line(&format!("{} connect tcp", conn.prefix()));
        for send in &bend.sends {
            self.note(conn, State::Absent, "upgrade", Some(bend.class));
            self.send(conn, send);
        }
        self.model.of_mut(conn).state = State::Over;
        Ok(())
    }

    /// The server has closed: the TCP connection ends within the grace.
    fn ends(&mut self, conn: Conn) -> Result<(), Misfit> {
        if !std::mem::take(&mut self.model.of_mut(conn).closing) {
            return Err(Misfit("nobody has closed"));
        }
        self.expect(conn, "closed within ..grace", "close.ends");
        Ok(())
    }

    fn leave(&mut self, conn: Conn, leave: Leave) -> Result<(), Misfit> {
        let state = self.model.of(conn).state;
        self.ignore(conn)?;
        let sends: &[&str] = match leave {
            Leave::Close => &["close 1000"],
            Leave::Eof => &["eof"],
            Leave::Reset => &["reset"],
            Leave::EofInFrame => &["raw 0x818837fa21", "eof"],
            Leave::ResetInFrame => &["raw 0x818837fa21", "reset"],
            Leave::ResetWithRequests => {
                self.line("together");
                self.requests(conn, state, 120)?;
                &["reset"]
            }
            Leave::CloseWithRequests => {
                self.line("together");
                self.requests(conn, state, 10)?;
                self.depth += 1;
                &["close 1000"]
            }
        };
        for send in sends {
            self.note(conn, state, "leave", Some(Class::Connection));
            self.send(conn, send);
        }
        self.depth = 0;
        self.model.of_mut(conn).state = State::Over;
        Ok(())
    }

    /// Requests whose answers nobody awaits.
    fn requests(&mut self, conn: Conn, state: State, count: u32) -> Result<(), Misfit> {
        let Some((w, a)) = self.facts.requests.first() else {
            return Err(Misfit("no request is known"));
        };
        let request = format!("{{\"op\": 4, \"w\": {w}, \"a\": {a}, \"n\": $i}}");
        self.depth += 1;
        self.line(&format!("repeat {count} as $i"));
        self.depth += 1;
        self.send(conn, &request);
        self.depth -= 2;
        for _ in 0..count {
            self.note(conn, state, "leave", Some(Class::Connection));
        }
        Ok(())
    }

    fn unanswered(&mut self, conn: Conn, op: &str) -> Result<(), Misfit> {
        self.needs(conn, State::In)?;
        self.collect(conn);
        self.afford(200.0, None)?;
        self.note(conn, State::In, "stranger", Some(Class::Packet));
        let (w, a) = match op {
            // What is known as a request.
            "6 " => self.facts.requests.first().unwrap_or(&self.facts.dispatch),
            _ => &self.facts.dispatch,
        };
        let (members, rule, comes): (String, _, &[&str]) = match op {
            "6 " => (
                format!("\"w\": {w}, \"a\": {a}"),
                "dispatch.no-response",
                &[],
            ),
            "2" => (
                "\"n\": \"unasked\"".to_owned(),
                "robust.no-reply",
                &["{\"op\": 3}"],
            ),
            "6" => (
                format!("\"w\": {w}, \"a\": {a}, \"n\": \"dispatched\""),
                "dispatch.no-response",
                &[],
            ),
            _ => (
                "\"password\": \"${password}\", \"hb_interval\": 1000, \"w\": \"ANYTHING\", \
                 \"a\": [], \"n\": \"unasked\", \"r\": null"
                    .to_owned(),
                "robust.no-reply",
                &["{\"op\": int 7..}", "{\"op\": int ..-1}"],
            ),
        };
        self.send(conn, &format!("{{\"op\": {}, {members}}}", op.trim_end()));
        let lines = ["nothing for 200ms", "closed"];
        let lines: Vec<&str> = lines.into_iter().chain(comes.iter().copied()).collect();
        // An acknowledgement may come, and then a RESPONSE too.
        let then = (op == "2").then_some("nothing for 200ms");
        self.one_of(conn, &lines, then, rule);
        self.model.of_mut(conn).state = State::Unjudged;
        Ok(())
    }

    /// One of these lines; behind the last one, `then`, or the end.
    pub(super) fn one_of(&mut self, conn: Conn, lines: &[&str], then: Option<&str>, rule: &str) {
        self.line("either");
        for (at, line) in lines.iter().enumerate() {
            if at > 0 {
                self.line("or");
            }
            self.depth += 1;
            self.expect(conn, line, rule);
            if let Some(then) = then.filter(|_| at + 1 == lines.len()) {
                self.one_of(conn, &[then, "closed"], None, rule);
            }
            self.depth -= 1;
        }
    }
}
