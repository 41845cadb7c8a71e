//! How packets are spelled, and what becomes of a nonce on its way back.

use serde_json::{Map, Number, Value};
use unicode_normalization::UnicodeNormalization;

use super::quirk::{Bend, Quirk};

/// A packet as this server spells it.
pub(crate) fn packet(quirk: Quirk, op: u64, members: &[(&str, Value)]) -> String {
    let mut all = vec![("op", Value::from(op))];
    all.extend(members.iter().cloned());
    match quirk {
        Quirk::Reordered => all.reverse(),
        Quirk::ExtraMembers => {
            all.insert(0, ("t", Value::from(1234)));
            all.push(("server", serde_json::json!({"op": 5, "n": [null]})));
            all.push(("w", Value::from("ANYTHING")));
            all.push(("", Value::Null));
        }
        _ => {}
    }
    let (open, colon, comma, close) = match quirk {
        Quirk::Pretty => ("{\r\n\t", " : ", " ,\n    ", "\n}\n"),
        Quirk::TrailingWhitespace => (" {", ":", ",", "} \t\r\n"),
        _ => ("{", ":", ",", "}"),
    };
    let members: Vec<String> = all
        .iter()
        .map(|(name, value)| {
            let name = value_text(quirk, &Value::from(*name));
            format!("{name}{colon}{}", value_text(quirk, value))
        })
        .collect();
    format!("{open}{}{close}", members.join(comma))
}

fn value_text(quirk: Quirk, value: &Value) -> String {
    match (quirk, value) {
        (Quirk::Escaped, Value::String(text)) => {
            let units: String = text
                .encode_utf16()
                .map(|unit| format!("\\u{unit:04X}"))
                .collect();
            format!("\"{units}\"")
        }
        (Quirk::FloatSpelling, Value::Number(n)) if small(n) => format!("{n}.0"),
        (Quirk::ExponentSpelling, Value::Number(n)) if small(n) => format!("{n}e0"),
        (Quirk::DoubleNonces, Value::Number(n)) => {
            Value::from(n.as_f64().unwrap_or_default()).to_string()
        }
        (Quirk::Nonce(Bend::NotEscaped), Value::String(text)) => format!("\"{text}\""),
        (_, Value::Array(items)) => {
            let items: Vec<_> = items.iter().map(|item| value_text(quirk, item)).collect();
            format!("[{}]", items.join(","))
        }
        (_, Value::Object(members)) => {
            let members: Vec<_> = members
                .iter()
                .map(|(name, value)| {
                    let name = value_text(quirk, &Value::from(name.as_str()));
                    format!("{name}:{}", value_text(quirk, value))
                })
                .collect();
            format!("{{{}}}", members.join(","))
        }
        _ => value.to_string(),
    }
}

/// An integer that is one as a double too.
fn small(number: &Number) -> bool {
    number.as_i64().is_some_and(|n| n.abs() < 1 << 53)
}

/// What this server writes for the nonce; none: it leaves the member out.
pub(crate) fn bent(bend: Bend, nonce: &Value) -> Option<Value> {
    use Bend::*;
    let falsy = match nonce {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::String(s) => s.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    };
    let bent = match (bend, nonce) {
        (FalsyLost, _) if falsy => return None,
        (FalsyToNull, _) if falsy => Value::Null,
        (Int32 | Unsigned | Float32 | Truncated | BigIntsToText, Value::Number(n)) => {
            number(bend, n)
        }
        (Stringified, Value::Number(n)) => n.to_string().into(),
        (NumbersFromStrings, Value::String(s)) if s.parse::<u32>().is_ok() => {
            Value::from(s.parse::<u32>().unwrap_or_default())
        }
        (BoolsToInts, Value::Bool(b)) => Value::from(u8::from(*b)),
        (_, Value::String(s)) => string(bend, s).into(),
        (EmptyObjectsToLists, Value::Object(members)) if members.is_empty() => {
            Value::Array(Vec::new())
        }
        (ListsFlattened, Value::Array(items)) => items
            .iter()
            .flat_map(|item| match item {
                Value::Array(inner) => inner.clone(),
                other => vec![other.clone()],
            })
            .collect(),
        (ObjectsToText, Value::Object(_)) => "[object Object]".into(),
        (NullMembersDropped, Value::Object(members)) => without_nulls(members),
        _ => nonce.clone(),
    };
    Some(bent)
}

fn without_nulls(members: &Map<String, Value>) -> Value {
    let kept = members.iter().filter(|(_, value)| !value.is_null());
    kept.map(|(name, value)| {
        let value = match value {
            Value::Object(inner) => without_nulls(inner),
            other => other.clone(),
        };
        (name.clone(), value)
    })
    .collect::<Map<_, _>>()
    .into()
}

fn number(bend: Bend, n: &Number) -> Value {
    let double = n.as_f64().unwrap_or_default();
    match (bend, n.as_i64()) {
        (Bend::Int32, Some(n)) => Value::from(n as i32),
        (Bend::Unsigned, Some(n)) => Value::from(n as u64),
        (Bend::Float32, _) => Value::from(f64::from(double as f32)),
        (Bend::Truncated, None) => Value::from(double.trunc() as i64),
        (Bend::BigIntsToText, Some(n)) if n.unsigned_abs() > 1 << 53 => n.to_string().into(),
        _ => Value::Number(n.clone()),
    }
}

fn string(bend: Bend, s: &str) -> String {
    match bend {
        Bend::Trimmed => s.trim().to_owned(),
        Bend::Cut64 => s.chars().take(64).collect(),
        Bend::CutAtNul => s.split('\0').next().unwrap_or_default().to_owned(),
        Bend::Nfc => s.nfc().collect(),
        Bend::Lowercased => s.to_lowercase(),
        Bend::EscapedTwice => {
            let once = Value::from(s).to_string();
            once[1..once.len() - 1].to_owned()
        }
        Bend::AsciiOnly => s.replace(|c: char| !c.is_ascii(), "?"),
        Bend::BmpOnly => s.replace(|c: char| c > '\u{ffff}', "\u{fffd}"),
        Bend::HtmlEscaped => s.replace('&', "&amp;").replace('<', "&lt;"),
        // As libraries do that take such a text for a date.
        Bend::DatesReformatted if s.len() == 24 && s.ends_with(".000Z") => {
            format!("{}Z", &s[..19])
        }
        _ => s.to_owned(),
    }
}
