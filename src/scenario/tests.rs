//! Helpers of the tests: single lines as trees.

use std::sync::Arc;

use super::parse;
use super::syntax::{Expect, Expectation, Origin, Pattern, Scenario, Send, Source, Step, StepKind};
use crate::protocol::json::Json;

/// A scenario of the user's with these steps.
pub(super) fn steps(body: &str) -> Scenario {
    parsed(format!("title  t\nrule   auth.reject\n\n{body}\n"))
}

/// A scenario of the user's with this text.
pub(super) fn parsed(text: String) -> Scenario {
    let source = Source {
        path: "own/x.scenario".to_owned(),
        origin: Origin::File,
        text,
    };
    parse("own/x", Arc::new(source)).unwrap_or_else(|error| panic!("{error}"))
}

fn step(line: &str) -> Step {
    steps(line).steps.remove(0)
}

/// What stands behind `>`.
pub(super) fn send(line: &str) -> Send {
    match step(&format!("> {line}")).kind {
        StepKind::Send { send, .. } => send,
        other => panic!("{other:?}"),
    }
}

/// What stands behind `<`, bound and mark included.
pub(super) fn expect(line: &str) -> Expectation {
    match step(&format!("< {line}")).kind {
        StepKind::Expect(expectation) => expectation,
        other => panic!("{other:?}"),
    }
}

/// A packet's pattern.
pub(super) fn expectation(pattern: &str) -> Pattern {
    match expect(pattern).what {
        Expect::Packet(pattern) => pattern,
        other => panic!("{other:?}"),
    }
}

pub(super) fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap()
}
