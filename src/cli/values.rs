//! Values of options: durations, declared requests, variables, headers.

use std::time::Duration;

use jiff::SignedDuration;

use crate::protocol::json::Json;
use crate::protocol::packet::Raw;
use crate::runner::Declared;

/// No wait of ours is longer: beyond it, clocks overflow.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// A duration with its unit: `10s`, `1m 30s`, `400ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(format!(
            "a duration needs a unit, for example {text}s or {text}ms"
        ));
    }
    let parsed: SignedDuration = text
        .parse()
        .map_err(|_| "not a duration; examples: 10s, 400ms, 1m 30s".to_owned())?;
    let duration =
        Duration::try_from(parsed).map_err(|_| "a duration cannot be negative".to_owned())?;
    if duration > LONGEST {
        return Err("longer than a year".to_owned());
    }
    Ok(duration)
}

/// As [`duration`], but zero makes no sense.
pub(crate) fn duration_above_zero(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("must be longer than nothing".to_owned()),
        duration => Ok(duration),
    }
}

/// `W [ARGS]`: a name, or a JSON string where it has blanks, and a JSON list (`[]` where it is left out).
pub(crate) fn declared(text: &str) -> Result<Declared, String> {
    let (w, rest) = name_first(text.trim())?;
    if w.starts_with(['[', '{']) {
        return Err("the name comes first, for example 'ECHO [1, 2]'".to_owned());
    }
    let a = match rest.trim() {
        "" => "[]",
        a => a,
    };
    match Json::parse(a.as_bytes()) {
        Ok(Json::Array(_)) => Ok(Declared { w, a: a.to_owned() }),
        Ok(_) => Err("the arguments must be a JSON list, for example [1, 2]".to_owned()),
        Err(error) => Err(format!("the arguments are no JSON: {error}")),
    }
}

/// A name, or a JSON string where it has blanks, and what stands behind it.
fn name_first(text: &str) -> Result<(String, &str), String> {
    if text.starts_with('"') {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
        return match values.next() {
            Some(Ok(w)) => Ok((w, &text[values.byte_offset()..])),
            _ => Err("the name begins with a quote but is no JSON string".to_owned()),
        };
    }
    let (w, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if w.is_empty() {
        return Err("no name".to_owned());
    }
    Ok((w.to_owned(), rest))
}

/// `W JSON`: a name as in [`declared`], and the JSON value that answers it, as it is to be spelled.
pub(crate) fn answer(text: &str) -> Result<(String, String), String> {
    let (w, rest) = name_first(text.trim())?;
    let r = rest.trim();
    if r.is_empty() {
        return Err("the answer is missing; for example 'WHO \"me\"' or 'STATUS null'".to_owned());
    }
    match Raw::parse(r) {
        Ok(r) => Ok((w, r.as_str().to_owned())),
        Err(error) => Err(format!("the answer is no JSON: {error}")),
    }
}

/// `NAME=JSON` for `$name` in scenarios.
pub(crate) fn variable(text: &str) -> Result<(String, Json), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=JSON")?;
    variable_name(name)?;
    match Json::parse(value.as_bytes()) {
        Ok(json) => Ok((name.to_owned(), json)),
        Err(error) => {
            let quoted = serde_json::Value::from(value);
            Err(format!(
                "the value is no JSON ({error}); a string needs its quotes: '{name}={quoted}'"
            ))
        }
    }
}

/// Names that scenarios can use, but for those that the target's declaration gives.
pub(crate) fn variable_name(name: &str) -> Result<(), String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(word) {
        return Err(format!(
            "{name:?} is no variable name: a letter, then letters, digits, - and _"
        ));
    }
    if ["password", "request", "dispatch"].contains(&name) {
        return Err(format!("{name} has an option of its own: --{name}"));
    }
    Ok(())
}

/// A number of connections a second.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        Ok(_) => Err("must be above zero".to_owned()),
        Err(_) => Err("must be a number of connections a second".to_owned()),
    }
}

/// A header of the upgrade request as name and value, `${env:NAME}` filled in. Errors do not
/// repeat the value, which may be secret.
pub(crate) fn header(
    text: &str,
    var: impl Fn(&str) -> Option<String>,
) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("a header must be 'Name: value'")?;
    let name = name.trim();
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err("a header's name must be letters, digits and dashes".to_owned());
    }
    let ours = [
        "upgrade",
        "connection",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-extensions",
    ];
    let lower = name.to_ascii_lowercase();
    if lower == "sec-websocket-protocol" {
        return Err("subprotocols have an option of their own: --subprotocol".to_owned());
    }
    if ours.contains(&lower.as_str()) {
        return Err(format!("the header {name} belongs to the handshake"));
    }
    let value = fill_env(value.trim(), var).map_err(|error| format!("header {name}: {error}"))?;
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(format!("the value of header {name} has control characters"));
    }
    Ok((name.to_owned(), value))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn fill_env(mut text: &str, var: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::new();
    while let Some(start) = text.find("${env:") {
        let name = &text[start + 6..];
        let end = name.find('}').ok_or("${env:NAME} is not closed")?;
        let name = &name[..end];
        out.push_str(&text[..start]);
        out.push_str(&var(name).ok_or_else(|| format!("the variable {name} is not set"))?);
        text = &text[start + 6 + end + 1..];
    }
    out.push_str(text);
    Ok(out)
}

/// Whether a header's value is nobody's business.
pub(crate) fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "auth",
        "cookie",
        "token",
        "secret",
        "password",
        "key",
        "session",
        "credential",
    ]
    .iter()
    .any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("400ms"), Ok(Duration::from_millis(400)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(
            duration("10").unwrap_err(),
            "a duration needs a unit, for example 10s or 10ms"
        );
        assert_eq!(
            duration("-1s").unwrap_err(),
            "a duration cannot be negative"
        );
        assert!(duration("").is_err());
        assert!(duration("soon").is_err());
        assert!(duration("1M").is_err(), "a month has no fixed length");
        assert!(duration("9999999h").is_err());
        assert!(duration_above_zero("0ms").is_err());
    }

    #[test]
    fn declared_requests_keep_the_spelling_of_their_arguments() {
        assert_eq!(
            declared("ECHO [1.0,  2]"),
            Ok(Declared {
                w: "ECHO".into(),
                a: "[1.0,  2]".into()
            })
        );
        assert_eq!(
            declared("PING"),
            Ok(Declared {
                w: "PING".into(),
                a: "[]".into()
            })
        );
        assert_eq!(
            declared(r#""GET it" [null]"#),
            Ok(Declared {
                w: "GET it".into(),
                a: "[null]".into()
            })
        );
        for wrong in ["", "ECHO {}", "ECHO [1", "[1]", "\"open", "ECHO [] []"] {
            assert!(declared(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn variables_are_json_and_do_not_hide_the_declaration() {
        assert!(variable("user=7").is_ok());
        assert!(variable("user=bob").unwrap_err().contains("'user=\"bob\"'"));
        assert!(variable("user").is_err());
        assert!(variable("9=1").is_err());
        assert!(
            variable("password=\"x\"")
                .unwrap_err()
                .contains("--password")
        );
    }

    #[test]
    fn headers_take_their_secrets_from_the_environment() {
        let var = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
        assert_eq!(
            header("Authorization: Bearer ${env:TOKEN}!", var),
            Ok(("Authorization".into(), "Bearer s3cret!".into()))
        );
        assert_eq!(
            header("X: ${env:GONE}", var).unwrap_err(),
            "header X: the variable GONE is not set"
        );
        for wrong in [
            "no colon",
            "a b: c",
            "Upgrade: x",
            "X: a\r\nY: b",
            "X: ${env:TOKEN",
            ": x",
        ] {
            let error = header(wrong, var).unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn headers_that_carry_credentials_are_known_by_name() {
        for name in ["Authorization", "cookie", "X-Api-Key", "X-Auth-Token"] {
            assert!(is_secret_header(name), "{name}");
        }
        assert!(!is_secret_header("Origin"));
    }
}
