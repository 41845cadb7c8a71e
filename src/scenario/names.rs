//! Which variables a scenario binds, and which it leaves to the user.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::error::Problem;
use super::syntax::{
    Each, Expect, Hole, Pattern, Payload, PayloadBytes, Piece, Scenario, Send, Span, Step,
    StepKind, Template,
};
use super::values::DECLARED;

/// What a walk over a scenario found.
#[derive(Default)]
pub(super) struct Names {
    /// Names that nothing binds, so that `--var` or `--secret` must.
    pub(super) free: BTreeSet<String>,
    /// Declared names that are used.
    pub(super) declared: BTreeSet<String>,
    /// Uses that cannot be right.
    pub(super) problems: Vec<Problem>,
    /// Names bound so far, the innermost block last.
    scopes: Vec<HashSet<String>>,
    /// Names that had a value in a block that is over, or have one in some branches only.
    gone: HashMap<String, &'static str>,
}

const BLOCK: &str = "has a value only inside the `repeat` that binds it";
const BRANCH: &str = "has a value in some branches of `either` only";

/// Walks a scenario, and the files it uses as far as they are loaded.
pub(super) fn names(scenario: &Scenario) -> Names {
    let mut names = Names {
        scopes: vec![HashSet::new()],
        ..Names::default()
    };
    if let Some(each) = &scenario.header.each {
        names.each(each);
    }
    names.steps(&scenario.steps);
    names
}

impl Names {
    fn each(&mut self, each: &Each) {
        for value in each.values.iter().flatten() {
            self.template(&value.value);
            for piece in &value.value.pieces {
                if let Piece::Value(hole) | Piece::InString(hole) = piece
                    && hole.name.starts_with("target.")
                {
                    let what = format!("`${}` in `each`", hole.name);
                    let problem = Problem::new(hole.span, what);
                    self.problems.push(
                        problem.hint("its value is known when the scenario runs: name it below"),
                    );
                }
            }
        }
        if each.values.is_some() {
            self.bind(&each.name);
        }
    }

    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step) {
        match &step.kind {
            StepKind::Send { send, .. } => self.send(send),
            StepKind::Expect(expectation) => self.expect(&expectation.what),
            StepKind::DriverSend { packet } => self.template(packet),
            StepKind::DriverExpect { pattern, .. } => self.pattern(pattern),
            StepKind::UseHandshake { hello, .. } => {
                hello.iter().for_each(|hello| self.template(hello))
            }
            StepKind::UseFile { scenario, .. } => match scenario {
                Some(scenario) => {
                    if let Some(each) = &scenario.header.each {
                        self.each(each);
                    }
                    self.steps(&scenario.steps);
                }
                None => self.gone.clear(),
            },
            StepKind::Together { steps } | StepKind::InAnyOrder { steps } => {
                self.steps(steps);
            }
            StepKind::Repeat { var, steps, .. } | StepKind::Every { var, steps, .. } => {
                self.repeat(var.as_deref(), step.span, steps);
            }
            StepKind::Either { branches } => self.either(branches),
            StepKind::Connect { .. }
            | StepKind::Wait { .. }
            | StepKind::BeatEvery { .. }
            | StepKind::BeatOff { .. }
            | StepKind::EveryOff { .. }
            | StepKind::Ignore { .. }
            | StepKind::Alive { .. }
            | StepKind::Offer { .. }
            | StepKind::WaitsDiffer { .. } => {}
        }
    }

    fn repeat(&mut self, var: Option<&str>, span: Span, steps: &[Step]) {
        self.scopes.push(HashSet::new());
        if let Some(var) = var {
            if self.is_bound(var) {
                self.problems.push(
                    Problem::new(span, format!("`${var}` has a value already"))
                        .hint("choose another name here"),
                );
            }
            self.bind(var);
        }
        self.steps(steps);
        for name in self.scopes.pop().unwrap_or_default() {
            self.gone.insert(name, BLOCK);
        }
    }

    /// Behind `either` only what every branch binds has a value for sure.
    fn either(&mut self, branches: &[Vec<Step>]) {
        let mut bound: Vec<HashSet<String>> = Vec::new();
        for branch in branches {
            self.scopes.push(HashSet::new());
            self.steps(branch);
            bound.extend(self.scopes.pop());
        }
        for name in bound.iter().flatten() {
            if bound.iter().all(|names| names.contains(name)) {
                self.bind(name);
            } else {
                self.gone.insert(name.clone(), BRANCH);
            }
        }
    }

    fn send(&mut self, send: &Send) {
        match send {
            Send::Packet(template) => self.template(template),
            Send::Text(payload)
            | Send::Binary(payload)
            | Send::Raw(payload)
            | Send::Fragments(payload) => {
                self.payload(payload);
            }
            Send::Ping(payload)
            | Send::Pong(payload)
            | Send::Close {
                reason: payload, ..
            } => {
                payload.iter().for_each(|payload| self.payload(payload));
            }
            Send::Eof | Send::Reset | Send::Http(_) => {}
        }
    }

    fn expect(&mut self, expect: &Expect) {
        match expect {
            Expect::Packet(pattern) => self.pattern(pattern),
            Expect::Text(payload) | Expect::Binary(payload) => self.payload(payload),
            Expect::Ping(payload) | Expect::Pong(payload) => {
                payload.iter().for_each(|payload| self.payload(payload));
            }
            Expect::Close(_)
            | Expect::Closed
            | Expect::Connects
            | Expect::Nothing(_)
            | Expect::Probe(_) => {}
        }
    }

    fn payload(&mut self, payload: &Payload) {
        for part in &payload.parts {
            match &part.bytes {
                PayloadBytes::Text(template) => self.template(template),
                PayloadBytes::Var(hole) => self.used(hole),
                PayloadBytes::Hex(_) => {}
            }
        }
    }

    fn template(&mut self, template: &Template) {
        for piece in &template.pieces {
            if let Piece::Value(hole) | Piece::InString(hole) = piece {
                self.used(hole);
            }
        }
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Var(hole) => {
                if self.declared(hole)
                    || self.is_bound(&hole.name)
                    || self.free.contains(&hole.name)
                {
                    return;
                }
                self.bind(&hole.name);
            }
            Pattern::Text(template) => self.template(template),
            Pattern::Items(items) => items.iter().for_each(|item| self.pattern(item)),
            Pattern::Members { members, .. } => members
                .iter()
                .for_each(|(_, pattern)| self.pattern(pattern)),
            Pattern::Any
            | Pattern::Int(_)
            | Pattern::Number(_)
            | Pattern::String
            | Pattern::Bool
            | Pattern::List
            | Pattern::Object
            | Pattern::Literal(_) => {}
        }
    }

    /// A variable whose value is needed.
    fn used(&mut self, hole: &Hole) {
        if self.declared(hole) || self.is_bound(&hole.name) {
            return;
        }
        match self.gone.get(&hole.name) {
            Some(why) => {
                self.problems
                    .push(Problem::new(hole.span, format!("`${}` {why}", hole.name)));
            }
            None => {
                self.free.insert(hole.name.clone());
            }
        }
    }

    /// Whether the name is the declaration's; one with a dot that is not is an error.
    fn declared(&mut self, hole: &Hole) -> bool {
        if DECLARED.contains(&hole.name.as_str()) {
            self.declared.insert(hole.name.clone());
            return true;
        }
        if hole.name.contains('.') {
            let problem = Problem::new(hole.span, format!("unknown variable `${}`", hole.name))
                .expected("a plain name, or one of `password`, `request.w`, `request.a`, `dispatch.w`, `dispatch.a`, `target.host`, `target.path`")
                .near(&hole.name, DECLARED);
            self.problems.push(problem);
            return true;
        }
        false
    }

    fn is_bound(&self, name: &str) -> bool {
        DECLARED.contains(&name) || self.scopes.iter().any(|scope| scope.contains(name))
    }

    fn bind(&mut self, name: &str) {
        self.gone.remove(name);
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_owned());
        }
    }
}
