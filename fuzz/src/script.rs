//! Scenarios as programs: what the session targets make of the language. Sends are input, waits move
//! the time, and expectations let time pass until something has come; none of them judges anything.
//! Whatever has no meaning here is passed over, so that every scenario is an input.

use std::time::{Duration, Instant};

use litespec::protocol::json::Json;
use litespec::scenario::fill;
use litespec::scenario::matching::matches;
use litespec::scenario::syntax::{
    Bound, Expect, Expectation, Payload, Role, Scenario, Send, Step, StepKind, Template, Time,
};
use litespec::scenario::values::Env;

use super::scenario_parse::read;

/// The shared secret of every run.
pub const PASSWORD: &str = "helloworld";
/// What `grace` is in scenarios, and how long an answer is awaited.
const GRACE: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(5);
/// Steps that one run carries out at most, and moments at which something happens by itself.
const STEPS: u32 = 150;
const MOMENTS: u32 = 200;
/// No wait is longer: a year and a day, which is beyond every timer.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);
/// No run goes on for longer. A client that is told to beat less often than once a year does so once a
/// year all the same, for which the oracle would blame it after four of them.
const LIFE: Duration = Duration::from_secs(2 * 366 * 86_400);
/// Bytes of one message.
const LARGEST: usize = 1 << 16;
/// Values of `each` that are played.
const VALUES: usize = 4;

/// What a send line amounts to.
pub enum Sending<'s> {
    /// A text message of these bytes, which need not be UTF-8.
    Text(&'s [u8]),
    /// A binary message.
    Binary,
    /// A ping or a pong.
    Control,
    /// A close frame.
    Close,
    /// Anything that ends the connection otherwise.
    Cut,
}

/// What a scenario is played on.
pub trait Stage {
    /// What time it is.
    fn now(&self) -> Instant;
    /// When something happens by itself.
    fn due(&self) -> Option<Instant>;
    /// Time passes. Nothing is due before `to`; what is due then happens.
    fn advance(&mut self, to: Instant);
    /// A connection of that name opens.
    fn connect(&mut self, conn: &str);
    /// The handshake, with this HELLO where the scenario plays the server.
    fn handshake(&mut self, conn: &str, hello: Option<&str>);
    /// The scenario sends.
    fn send(&mut self, conn: &str, sending: &Sending<'_>);
    /// The oldest packet that has come and was not taken yet.
    fn take(&mut self, conn: &str) -> Option<Json>;
    /// Whether the connection has ended.
    fn over(&self, conn: &str) -> bool;
    /// The connection's heartbeat interval.
    fn interval(&self, conn: &str) -> Duration;
    /// The scenario tells its user what to do.
    fn order(&mut self, _order: &Json) {}
    /// The scenario is over.
    fn finish(self);
}

/// The scenario that bytes are.
pub fn scenario(bytes: &[u8], role: Role) -> Option<Scenario> {
    let text = std::str::from_utf8(bytes).ok()?;
    read(id(role), text).ok()
}

/// An id that gives a scenario its role.
pub fn id(role: Role) -> &'static str {
    match role {
        Role::Server => "server/fuzz",
        Role::Client => "client/fuzz",
    }
}

/// What scenarios know of their target.
pub fn env() -> Env {
    let mut env = Env::new(PASSWORD);
    env.set("request.w", Json::from("ECHO"));
    env.set("request.a", Json::Array(vec![Json::from(1), Json::Null]));
    env.set("dispatch.w", Json::from("NOTE"));
    env.set("dispatch.a", Json::Array(Vec::new()));
    env
}

/// Plays a scenario, once for each of the first values of its `each`, on a new stage each time.
pub fn play<S: Stage>(scenario: &Scenario, stage: impl Fn() -> S) {
    let each = scenario.header.each.as_ref();
    let values = each.and_then(|each| Some((&each.name, each.values.as_ref()?)));
    let Some((name, values)) = values else {
        return Run::new(stage(), env()).all(scenario);
    };
    for value in values.iter().take(VALUES) {
        let mut env = env();
        if let Ok(value) = fill::value(&value.value, &env) {
            env.set_value(name, value);
        }
        Run::new(stage(), env).all(scenario);
    }
}

/// Sends that are repeated in the background.
struct Repeated<'s> {
    conn: &'s str,
    period: Duration,
    next: Instant,
    /// None: a HEARTBEAT.
    steps: Option<&'s [Step]>,
}

struct Run<'s, S> {
    stage: S,
    env: Env,
    repeated: Vec<Repeated<'s>>,
    end: Instant,
    steps: u32,
    moments: u32,
}

impl<'s, S: Stage> Run<'s, S> {
    fn new(stage: S, env: Env) -> Run<'s, S> {
        Run {
            end: stage.now() + LIFE,
            stage,
            env,
            repeated: Vec::new(),
            steps: STEPS,
            moments: MOMENTS,
        }
    }

    fn all(mut self, scenario: &'s Scenario) {
        self.block(&scenario.steps);
        self.stage.finish();
    }

    fn block(&mut self, steps: &'s [Step]) {
        for step in steps {
            let Some(left) = self.steps.checked_sub(1) else {
                return;
            };
            self.steps = left;
            self.step(step);
        }
    }

    fn step(&mut self, step: &'s Step) {
        match &step.kind {
            // Without a WebSocket too: bytes end it.
            StepKind::Connect { conn, .. } => self.stage.connect(conn),
            StepKind::Send { conn, send } => self.send(conn, send),
            StepKind::Expect(expectation) => self.expect(expectation),
            StepKind::Together { steps } | StepKind::InAnyOrder { steps } => self.block(steps),
            StepKind::UseHandshake { conn, hello } => {
                let hello = hello.as_ref().and_then(|hello| self.fill(hello));
                self.stage.handshake(conn, hello.as_deref());
            }
            StepKind::Wait { time } => self.wait(self.length(time, "a")),
            StepKind::BeatEvery { conn, period } => self.repeat(conn, period, None),
            StepKind::Every {
                conn,
                period,
                steps,
                ..
            } => self.repeat(conn, period, Some(steps)),
            StepKind::BeatOff { conn } => self
                .repeated
                .retain(|other| other.conn != conn || other.steps.is_some()),
            StepKind::EveryOff { conn } => self
                .repeated
                .retain(|other| other.conn != conn || other.steps.is_none()),
            StepKind::Repeat { count, var, steps } => self.turns(*count, var.as_deref(), steps),
            StepKind::Either { branches } => {
                if let Some(first) = branches.first() {
                    self.block(first);
                }
            }
            StepKind::DriverSend { packet } => {
                if let Some(order) = self.fill(packet)
                    && let Ok(order) = Json::parse(order.as_bytes())
                {
                    self.stage.order(&order);
                }
            }
            StepKind::UseFile { .. }
            | StepKind::Ignore { .. }
            | StepKind::Alive { .. }
            | StepKind::Offer { .. }
            | StepKind::WaitsDiffer { .. }
            | StepKind::DriverExpect { .. } => {}
        }
    }

    fn turns(&mut self, count: u32, var: Option<&str>, steps: &'s [Step]) {
        for turn in 1..=count {
            if self.steps == 0 {
                return;
            }
            self.env.push();
            if let Some(var) = var {
                self.env.bind(var, Json::from(u64::from(turn)));
            }
            self.block(steps);
            self.env.pop();
        }
    }

    fn repeat(&mut self, conn: &'s str, period: &Time, steps: Option<&'s [Step]>) {
        let period = self.length(period, conn).max(Duration::from_millis(1));
        self.repeated.push(Repeated {
            conn,
            period,
            next: self.stage.now() + period,
            steps,
        });
    }

    fn send(&mut self, conn: &str, send: &Send) {
        let bytes;
        let sending = match send {
            Send::Packet(packet) => {
                let Some(text) = self.fill(packet) else {
                    return;
                };
                bytes = text.into_bytes();
                Sending::Text(&bytes)
            }
            Send::Text(payload) | Send::Fragments(payload) => {
                let Some(filled) = self.bytes(payload) else {
                    return;
                };
                bytes = filled;
                Sending::Text(&bytes)
            }
            Send::Binary(_) => Sending::Binary,
            Send::Ping(_) | Send::Pong(_) => Sending::Control,
            Send::Close { .. } => Sending::Close,
            Send::Eof | Send::Reset | Send::Raw(_) | Send::Http(_) => Sending::Cut,
        };
        self.stage.send(conn, &sending);
    }

    fn expect(&mut self, expectation: &Expectation) {
        let Expectation {
            conn, what, bound, ..
        } = expectation;
        match what {
            Expect::Packet(pattern) => {
                if let Some(json) = self.await_packet(conn, self.limit(bound.as_ref(), conn)) {
                    let _ = matches(pattern, &json, &mut self.env);
                }
            }
            Expect::Text(_) => {
                let _ = self.await_packet(conn, self.limit(bound.as_ref(), conn));
            }
            Expect::Nothing(time) | Expect::Probe(time) => self.wait(self.length(time, conn)),
            Expect::Close(_) | Expect::Closed => {
                let until = self.stage.now() + self.limit(bound.as_ref(), conn);
                while !self.stage.over(conn) && self.moment(until) {}
            }
            Expect::Connects => self.stage.connect(conn),
            Expect::Binary(_) | Expect::Ping(_) | Expect::Pong(_) => {}
        }
    }

    fn await_packet(&mut self, conn: &str, limit: Duration) -> Option<Json> {
        let until = self.stage.now() + limit;
        loop {
            let taken = self.stage.take(conn);
            if taken.is_some() || self.stage.over(conn) || !self.moment(until) {
                return taken;
            }
        }
    }

    fn wait(&mut self, length: Duration) {
        let until = self.stage.now() + length;
        while self.moment(until) {}
    }

    /// Time passes to the next moment at which something happens, or to `until`. False then, and when
    /// enough has happened.
    fn moment(&mut self, until: Instant) -> bool {
        let Some(left) = self.moments.checked_sub(1) else {
            return false;
        };
        self.moments = left;
        let until = until.min(self.end).max(self.stage.now());
        let repeated = self.repeated.iter().map(|repeated| repeated.next).min();
        let next = self.stage.due().into_iter().chain(repeated).min();
        let Some(next) = next.filter(|next| *next <= until) else {
            self.stage.advance(until);
            return false;
        };
        let now = next.max(self.stage.now());
        self.stage.advance(now);
        for index in 0..self.repeated.len() {
            let repeated = &mut self.repeated[index];
            if repeated.next <= now {
                repeated.next = now + repeated.period;
                let (conn, steps) = (repeated.conn, repeated.steps);
                match steps {
                    None => self.stage.send(conn, &Sending::Text(br#"{"op": 2}"#)),
                    Some(steps) => self.turns(1, None, steps),
                }
            }
        }
        true
    }

    fn limit(&self, bound: Option<&Bound>, conn: &str) -> Duration {
        let most = bound.and_then(|bound| bound.max.as_ref());
        most.map_or(ANSWER, |most| self.length(most, conn))
    }

    fn length(&self, time: &Time, conn: &str) -> Duration {
        time.resolve(self.stage.interval(conn), GRACE).min(LONGEST)
    }

    fn fill(&self, template: &Template) -> Option<String> {
        let filled = fill::template(template, &self.env).ok()?.wire;
        (filled.len() <= LARGEST).then_some(filled)
    }

    fn bytes(&self, payload: &Payload) -> Option<Vec<u8>> {
        let parts = fill::parts(payload, &self.env).ok()?;
        let size = |part: &fill::FilledPart| part.bytes.len().saturating_mul(part.times as usize);
        if parts.iter().map(size).sum::<usize>() > LARGEST {
            return None;
        }
        let parts = parts.iter();
        Some(
            parts
                .flat_map(|part| part.bytes.repeat(part.times as usize))
                .collect(),
        )
    }
}
