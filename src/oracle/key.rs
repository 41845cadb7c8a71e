//! Nonces as map keys: two nonces have one key exactly when they are equal by the protocol.

use std::fmt::Write;

use crate::protocol::json::Json;

/// A key that is the same for equal values: numbers by their double, objects with sorted members
/// (the last of repeated ones), strings by code point. Numbers beyond the double range are never
/// judged, so that they share a key does no harm.
pub(crate) fn key(value: &Json) -> String {
    let mut out = String::new();
    write_key(value, &mut out);
    out
}

fn write_key(value: &Json, out: &mut String) {
    match value {
        Json::Null => out.push('n'),
        Json::Bool(b) => out.push(if *b { 't' } else { 'f' }),
        // Adding zero turns -0 into 0.
        Json::Number(number) => {
            let _ = write!(out, "#{:x}", (number.to_f64() + 0.0).to_bits());
        }
        Json::String(text) => push_bytes(text.as_bytes(), out),
        Json::Array(items) => {
            out.push('[');
            for item in items {
                write_key(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Json::Object(members) => {
            let mut last = std::collections::BTreeMap::new();
            for (name, value) in members {
                last.insert(name.as_bytes(), value);
            }
            out.push('{');
            for (name, value) in last {
                push_bytes(name, out);
                write_key(value, out);
                out.push(',');
            }
            out.push('}');
        }
    }
}

/// Length first, so that no content can imitate another value's key.
fn push_bytes(bytes: &[u8], out: &mut String) {
    let _ = write!(out, "\"{}:", bytes.len());
    for &byte in bytes {
        if byte.is_ascii_graphic() {
            out.push(byte as char);
        } else {
            let _ = write!(out, "%{byte:02x}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::key;
    use crate::protocol::json::Json;

    fn k(text: &str) -> String {
        key(&Json::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn equal_values_share_a_key_and_others_do_not() {
        for (a, b) in [
            ("1", "1.0"),
            ("0", "-0"),
            ("9007199254740993", "9007199254740992"),
            (r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#),
            (r#"{"a":0,"a":1}"#, r#"{"a":1}"#),
            (r#""\u0061""#, r#""a""#),
        ] {
            assert_eq!(k(a), k(b), "{a} and {b}");
        }
        for (a, b) in [
            ("1", "\"1\""),
            ("null", "\"null\""),
            ("0", "false"),
            ("[]", "{}"),
            ("[1,2]", "[2,1]"),
            (r#""a""#, r#""A""#),
            (r#"["a,b"]"#, r#"["a","b"]"#),
            (r#""\ud800""#, r#""\udc00""#),
        ] {
            assert_ne!(k(a), k(b), "{a} and {b}");
        }
    }
}
