//! The same packets spelled otherwise, and cut into frames otherwise.

use super::wire::Frame;
use crate::protocol::json::{Json, Number, Text};
use crate::wire::opcode;

pub(super) fn with_numbers(value: &Json, respell: &dyn Fn(&Number) -> Option<String>) -> String {
    match value {
        Json::Number(number) => respell(number).unwrap_or_else(|| number.spelling().to_owned()),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(|i| with_numbers(i, respell)).collect();
            format!("[{}]", items.join(","))
        }
        Json::Object(members) => {
            let members = members.iter().map(|(name, value)| {
                let name = Json::String(name.clone());
                format!("{name}:{}", with_numbers(value, respell))
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// An integer that is one as a double too.
pub(super) fn small(number: &Number) -> Option<u64> {
    number.to_u64().filter(|n| *n < 1 << 53)
}

pub(super) fn pretty(value: &Json, depth: usize) -> String {
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    match value {
        Json::Array(items) if !items.is_empty() => {
            let items = items
                .iter()
                .map(|item| format!("{inner}{}", pretty(item, depth + 1)));
            format!(
                "[\r\n{}\r\n{outer}]",
                items.collect::<Vec<_>>().join(",\r\n")
            )
        }
        Json::Object(members) if !members.is_empty() => {
            let members = members.iter().map(|(name, value)| {
                let name = Json::String(name.clone());
                format!("{inner}{name} : {}", pretty(value, depth + 1))
            });
            format!(
                "{{\r\n{}\r\n{outer}}}",
                members.collect::<Vec<_>>().join(",\r\n")
            )
        }
        other => other.to_string(),
    }
}

pub(super) fn escaped(value: &Json) -> String {
    let string = |text: &Text| {
        let mut out = String::from("\"");
        for unit in text.to_str_lossy().encode_utf16() {
            out.push_str(&format!("\\u{unit:04X}"));
        }
        out + "\""
    };
    match value {
        Json::String(text) => string(text),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(escaped).collect();
            format!("[{}]", items.join(","))
        }
        Json::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{}:{}", string(name), escaped(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// Members in the opposite order, in objects inside of the packet too.
pub(super) fn reordered(value: &Json) -> Json {
    match value {
        Json::Object(members) => Json::Object(
            members
                .iter()
                .rev()
                .map(|(name, value)| (name.clone(), reordered(value)))
                .collect(),
        ),
        Json::Array(items) => Json::Array(items.iter().map(reordered).collect()),
        other => other.clone(),
    }
}

/// Cuts a data frame into parts of so many bytes, with something between them.
pub(super) fn parts(frame: &Frame, size: usize, between: Option<&Frame>) -> Vec<Frame> {
    if !matches!(frame.opcode, opcode::TEXT | opcode::BINARY) || frame.payload.is_empty() {
        return vec![frame.clone()];
    }
    let count = frame.payload.len().div_ceil(size);
    let mut out = Vec::new();
    for (at, part) in frame.payload.chunks(size).enumerate() {
        let opcode = if at == 0 {
            frame.opcode
        } else {
            opcode::CONTINUATION
        };
        out.push(Frame::new(at + 1 == count, opcode, part));
        out.extend(between.filter(|_| at + 1 < count).cloned());
    }
    out
}
