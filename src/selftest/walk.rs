//! Walks a scenario's steps and tells which packets it sends, in which state of their connection.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::coverage::{Class, FIELDS, Key, State};
use crate::protocol::json::Json;
use crate::runner::{self, Options};
use crate::scenario::Scenario;
use crate::scenario::fill;
use crate::scenario::syntax::{Expect, Pattern, Payload, Role, Send, Step, StepKind};
use crate::scenario::values::Env;

/// A payload longer than this is not looked into.
const LONG: usize = 1 << 20;
/// Up to here a double holds every integer: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What a scenario sends, over all values of its `each`, against a target that declared nothing.
pub(super) fn sent(scenario: &Arc<Scenario>, role: Role) -> BTreeSet<Key> {
    let options = Options {
        role,
        ..Options::default()
    };
    let mut keys = BTreeSet::new();
    // What needs variables of the user's is not part of the suite.
    let Ok(plan) = runner::plan(&options, std::slice::from_ref(scenario)) else {
        return keys;
    };
    for case in plan.cases {
        let Ok(env) = case.env else { continue };
        let mut walk = Walk {
            role,
            password: &options.password,
            env,
            states: BTreeMap::new(),
            keys: &mut keys,
        };
        walk.steps(&scenario.steps);
    }
    keys
}

struct Walk<'w> {
    /// What the target is: we are the other side.
    role: Role,
    password: &'w str,
    env: Env,
    states: BTreeMap<String, State>,
    keys: &'w mut BTreeSet<Key>,
}

impl Walk<'_> {
    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step) {
        match &step.kind {
            StepKind::Connect { conn, .. } => {
                self.states.insert(conn.clone(), State::Open);
            }
            StepKind::UseHandshake { conn, .. } => {
                match self.role {
                    Role::Server => self.packet(conn, &hello_ack(self.password), State::Greeted),
                    Role::Client => self.packet(conn, &hello(), State::Open),
                }
                self.states.insert(conn.clone(), State::Authenticated);
            }
            StepKind::Expect(line) => match &line.what {
                Expect::Connects => {
                    self.states.insert(line.conn.clone(), State::Open);
                }
                Expect::Packet(pattern) if self.role == Role::Server && is(pattern, 0) => {
                    self.states.insert(line.conn.clone(), State::Greeted);
                }
                Expect::Packet(pattern) if self.role == Role::Client => {
                    if is(pattern, 1) {
                        self.states.insert(line.conn.clone(), State::Authenticated);
                    }
                    self.bind(pattern);
                }
                _ => {}
            },
            StepKind::Send { conn, send } => self.send(conn, send),
            StepKind::BeatEvery { conn, .. } => {
                let state = self.state(conn);
                self.packet(conn, &heartbeat(), state);
            }
            StepKind::Repeat { var, steps, .. } | StepKind::Every { var, steps, .. } => {
                if let Some(var) = var {
                    self.env.set(var, Json::from(1));
                }
                self.steps(steps);
            }
            StepKind::Together { steps } | StepKind::InAnyOrder { steps } => self.steps(steps),
            StepKind::Either { branches } => {
                for branch in branches {
                    self.steps(branch);
                }
            }
            StepKind::UseFile {
                scenario: Some(used),
                ..
            } => self.steps(&used.steps),
            StepKind::UseFile { scenario: None, .. }
            | StepKind::Wait { .. }
            | StepKind::BeatOff { .. }
            | StepKind::EveryOff { .. }
            | StepKind::Ignore { .. }
            | StepKind::Alive { .. }
            | StepKind::Offer { .. }
            | StepKind::WaitsDiffer { .. }
            | StepKind::DriverSend { .. }
            | StepKind::DriverExpect { .. } => {}
        }
    }

    /// Gives what a client's packet binds a value, since no client is asked.
    fn bind(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Var(hole) if self.env.get(&hole.name).is_none() => {
                self.env.set(&hole.name, Json::from(1));
            }
            Pattern::Members { members, .. } => members.iter().for_each(|(_, of)| self.bind(of)),
            Pattern::Items(items) => items.iter().for_each(|of| self.bind(of)),
            _ => {}
        }
    }

    fn state(&self, conn: &str) -> State {
        self.states.get(conn).copied().unwrap_or(State::Open)
    }

    fn send(&mut self, conn: &str, send: &Send) {
        let state = self.state(conn);
        let text = match send {
            Send::Packet(template) => match fill::template(template, &self.env) {
                Ok(filled) => filled.wire.into_bytes(),
                Err(_) => return,
            },
            Send::Text(payload) | Send::Fragments(payload) => match self.payload(payload) {
                Some(bytes) => bytes,
                None => return,
            },
            _ => return,
        };
        let Ok(packet) = Json::parse(&text) else {
            return;
        };
        self.packet(conn, &packet, state);
        if self.role == Role::Client {
            if packet.get("op").and_then(Json::as_u64) == Some(0) && state == State::Open {
                self.states.insert(conn.to_owned(), State::Greeted);
            }
            return;
        }
        let right = packet.get("op").and_then(Json::as_u64) == Some(1)
            && packet.get("password").and_then(Json::as_str) == Some(self.password);
        if right && state == State::Greeted {
            self.states.insert(conn.to_owned(), State::Authenticated);
        }
    }

    fn payload(&self, payload: &Payload) -> Option<Vec<u8>> {
        let parts = fill::parts(payload, &self.env).ok()?;
        let length: usize = parts.iter().map(|part| part.bytes.len()).sum();
        if length > LONG {
            return None;
        }
        let filled = fill::payload(payload, &self.env).ok()?;
        Some(filled.bytes)
    }

    fn packet(&mut self, _conn: &str, packet: &Json, state: State) {
        let op = packet.get("op").and_then(Json::as_u64);
        let Some((_, name, fields)) = FIELDS.iter().find(|(number, ..)| Some(*number) == op) else {
            return;
        };
        if fields.is_empty() {
            self.keys.insert((state, name, "op", Class::Integer));
        }
        for field in *fields {
            self.keys
                .insert((state, name, field, class(packet.get(field))));
        }
    }
}

fn hello_ack(password: &str) -> Json {
    Json::Object(vec![
        ("op".into(), Json::from(1)),
        ("password".into(), Json::from(password)),
    ])
}

fn heartbeat() -> Json {
    Json::Object(vec![("op".into(), Json::from(2))])
}

fn hello() -> Json {
    Json::Object(vec![
        ("op".into(), Json::from(0)),
        ("hb_interval".into(), Json::from(1000)),
    ])
}

/// Whether a pattern is about packets of this op.
fn is(pattern: &Pattern, wanted: u64) -> bool {
    match pattern {
        Pattern::Members { members, .. } => members.iter().any(|(name, value)| {
            name == "op" && matches!(value, Pattern::Literal(op) if op.as_u64() == Some(wanted))
        }),
        _ => false,
    }
}

/// The class of a member's value.
fn class(value: Option<&Json>) -> Class {
    match value {
        None => Class::Absent,
        Some(Json::Null) => Class::Null,
        Some(Json::Bool(_)) => Class::Bool,
        Some(Json::Number(number)) => {
            let small = number.is_integer() && number.to_f64().abs() <= EXACT;
            if small {
                Class::Integer
            } else {
                Class::OddNumber
            }
        }
        Some(Json::String(text)) => match text.as_str() {
            Some("") => Class::EmptyString,
            Some(text) if text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') => Class::String,
            _ => Class::WideString,
        },
        Some(Json::Array(items)) if items.is_empty() => Class::EmptyList,
        Some(Json::Array(_)) => Class::List,
        Some(Json::Object(members)) if members.is_empty() => Class::EmptyObject,
        Some(Json::Object(_)) => Class::Object,
    }
}
