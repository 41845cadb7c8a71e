//! Whether two expectations could take the same thing. When in doubt: yes.

use std::cmp::Ordering;

use super::fill;
use super::syntax::{Expect, Expectation, Pattern, Payload, Range};
use super::values::Env;
use crate::protocol::json::{Json, Text};

/// True unless it is certain that nothing matches both. Bounds are not looked at: a branch is
/// chosen by what comes, and judged by when.
pub fn overlap(a: &Expectation, b: &Expectation) -> bool {
    a.conn == b.conn && both_take(&a.what, &b.what)
}

fn both_take(a: &Expect, b: &Expect) -> bool {
    match (a, b) {
        (Expect::Probe(_), _) | (_, Expect::Probe(_)) => true,
        (Expect::Nothing(_), other) | (other, Expect::Nothing(_)) => {
            matches!(other, Expect::Nothing(_))
        }
        (Expect::Closed, other) | (other, Expect::Closed) => {
            matches!(other, Expect::Closed | Expect::Close(_))
        }
        (Expect::Close(a), Expect::Close(b)) => a.is_none() || b.is_none() || a == b,
        (Expect::Connects, Expect::Connects) => true,
        (Expect::Packet(a), Expect::Packet(b)) => patterns(a, b),
        (Expect::Packet(pattern), Expect::Text(text))
        | (Expect::Text(text), Expect::Packet(pattern)) => packet_and_text(pattern, text),
        (Expect::Text(a), Expect::Text(b)) | (Expect::Binary(a), Expect::Binary(b)) => {
            payloads(Some(a), Some(b))
        }
        (Expect::Ping(a), Expect::Ping(b)) | (Expect::Pong(a), Expect::Pong(b)) => {
            payloads(a.as_ref(), b.as_ref())
        }
        _ => false,
    }
}

/// Bytes that depend on no variable.
fn fixed(payload: &Payload) -> Option<Vec<u8>> {
    fill::payload(payload, &Env::empty())
        .ok()
        .map(|filled| filled.bytes)
}

fn payloads(a: Option<&Payload>, b: Option<&Payload>) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return true;
    };
    match (fixed(a), fixed(b)) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}

fn packet_and_text(pattern: &Pattern, text: &Payload) -> bool {
    match fixed(text).map(|bytes| Json::parse(&bytes)) {
        None => true,
        Some(Err(_)) => false,
        Some(Ok(json)) => patterns(pattern, &Pattern::Literal(json)),
    }
}

/// Whether some value matches both patterns.
fn patterns(a: &Pattern, b: &Pattern) -> bool {
    match (a, b) {
        (Pattern::Any | Pattern::Var(_), _) | (_, Pattern::Any | Pattern::Var(_)) => true,
        (Pattern::Literal(json), other) | (other, Pattern::Literal(json)) => takes(other, json),
        (Pattern::Int(a) | Pattern::Number(a), Pattern::Int(b) | Pattern::Number(b)) => {
            ranges(a, b)
        }
        (Pattern::String | Pattern::Text(_), Pattern::String | Pattern::Text(_))
        | (Pattern::Bool, Pattern::Bool)
        | (Pattern::List, Pattern::List | Pattern::Items(_))
        | (Pattern::Items(_), Pattern::List)
        | (Pattern::Object, Pattern::Object | Pattern::Members { .. })
        | (Pattern::Members { .. }, Pattern::Object) => true,
        (Pattern::Items(a), Pattern::Items(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| patterns(a, b))
        }
        (
            Pattern::Members {
                open: open_a,
                members: a,
            },
            Pattern::Members {
                open: open_b,
                members: b,
            },
        ) => members_overlap(*open_a, a, *open_b, b),
        _ => false,
    }
}

/// Whether a pattern may take this value.
fn takes(pattern: &Pattern, json: &Json) -> bool {
    match (pattern, json) {
        (Pattern::Any | Pattern::Var(_), _)
        | (Pattern::Bool, Json::Bool(_))
        | (Pattern::String | Pattern::Text(_), Json::String(_))
        | (Pattern::List, Json::Array(_))
        | (Pattern::Object, Json::Object(_)) => true,
        (Pattern::Literal(literal), _) => literal.same_as(json),
        (Pattern::Int(range), Json::Number(number)) => {
            number.is_integer() && range.contains(number)
        }
        (Pattern::Number(range), Json::Number(number)) => range.contains(number),
        (Pattern::Items(patterns), Json::Array(items)) => {
            patterns.len() == items.len()
                && patterns
                    .iter()
                    .zip(items)
                    .all(|(pattern, item)| takes(pattern, item))
        }
        (Pattern::Members { open, members }, Json::Object(_)) => object_takes(json, *open, members),
        _ => false,
    }
}

fn object_takes(json: &Json, open: bool, members: &[(String, Pattern)]) -> bool {
    let named = |name: &Text| members.iter().any(|(member, _)| *name == *member.as_str());
    let strangers = json
        .as_object()
        .is_some_and(|object| object.iter().any(|(name, _)| !named(name)));
    (open || !strangers)
        && members
            .iter()
            .all(|(name, pattern)| json.get(name).is_some_and(|value| takes(pattern, value)))
}

fn members_overlap(
    open_a: bool,
    a: &[(String, Pattern)],
    open_b: bool,
    b: &[(String, Pattern)],
) -> bool {
    let find = |members: &'_ [(String, Pattern)], name: &str| {
        members.iter().position(|(member, _)| member == name)
    };
    let fits = |open: bool, members: &[(String, Pattern)], (name, pattern): &(String, Pattern)| {
        match find(members, name) {
            Some(at) => patterns(pattern, &members[at].1),
            None => open,
        }
    };
    a.iter().all(|member| fits(open_b, b, member)) && b.iter().all(|member| fits(open_a, a, member))
}

fn ranges(a: &Range, b: &Range) -> bool {
    let apart = |max: &Range, min: &Range| match (&max.max, &min.min) {
        (Some(max), Some(min)) => max.cmp_value(min) == Ordering::Less,
        _ => false,
    };
    !apart(a, b) && !apart(b, a)
}

#[cfg(test)]
mod tests;
