//! Defects of the nonce on its way back.

use unicode_normalization::UnicodeNormalization;

use super::super::bend::{Bend, Ctx, read};
use super::{Member, defect};
use crate::protocol::json::{Json, Number};

const ANY: &str = "request.nonce-any";

/// What becomes of a nonce.
enum Nonce {
    /// It comes back as this.
    Is(Json),
    /// It comes back spelled so.
    Spelled(String),
    /// The member drops out.
    Missing,
    /// There is no answer.
    Unanswered,
    /// It comes back as it was.
    Kept,
}

/// Writes nonces otherwise.
struct Bends(fn(&Json) -> Nonce);

impl Bend for Bends {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        let (_, Some((n, r))) = read(&packet) else {
            return ctx.say(packet);
        };
        let nonce = Json::parse(n.as_bytes());
        match nonce.map_or(Nonce::Kept, |nonce| (self.0)(&nonce)) {
            Nonce::Is(other) => ctx.respond(&other.to_string(), r.as_str()),
            Nonce::Spelled(other) => ctx.respond(&other, r.as_str()),
            Nonce::Missing => ctx.say(format!(r#"{{"op":5,"r":{r}}}"#)),
            Nonce::Unanswered => {}
            Nonce::Kept => ctx.say(packet),
        }
    }
}

/// Strings come back otherwise.
macro_rules! strings {
    ($name:literal, $rule:expr, $sentence:literal, $bend:expr) => {
        defect($name, $rule, $sentence).bend(|_, _| {
            Box::new(Bends(|nonce| match nonce.as_str() {
                Some(text) => {
                    let bend: fn(&str) -> String = $bend;
                    Nonce::Is(Json::from(bend(text).as_str()))
                }
                None => Nonce::Kept,
            }))
        })
    };
}

/// Numbers come back otherwise.
macro_rules! numbers {
    ($name:literal, $sentence:literal, $bend:expr) => {
        defect($name, ANY, $sentence).bend(|_, _| {
            Box::new(Bends(|nonce| match nonce.as_number() {
                Some(number) => {
                    let bend: fn(&Number) -> Option<String> = $bend;
                    bend(number).map_or(Nonce::Kept, Nonce::Spelled)
                }
                None => Nonce::Kept,
            }))
        })
    };
}

/// Some nonces come back otherwise.
macro_rules! nonces {
    ($name:literal, $sentence:literal, $bend:expr) => {
        defect($name, ANY, $sentence).bend(|_, _| Box::new(Bends($bend)))
    };
}

fn is_zero(nonce: &Json) -> bool {
    nonce.as_number().is_some_and(|n| n.to_f64() == 0.0)
}

fn is_falsy(nonce: &Json) -> bool {
    nonce.is_null()
        || nonce.as_bool() == Some(false)
        || is_zero(nonce)
        || nonce.as_str() == Some("")
}

/// The nonce where it is not what the defect is about.
fn only(about: bool, otherwise: Nonce) -> Nonce {
    if about { otherwise } else { Nonce::Kept }
}

fn flattened(items: &[Json]) -> Json {
    let flat = items.iter().flat_map(|item| match item {
        Json::Array(inner) => inner.clone(),
        other => vec![other.clone()],
    });
    Json::Array(flat.collect())
}

fn without_nulls(value: &Json) -> Json {
    match value {
        Json::Object(members) => {
            let kept = members.iter().filter(|(_, value)| !value.is_null());
            let kept = kept.map(|(name, value)| (name.clone(), without_nulls(value)));
            Json::Object(kept.collect())
        }
        Json::Array(items) => Json::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

/// As a map's key would be spelled in many languages.
fn as_key(nonce: &Json) -> Json {
    match nonce {
        Json::String(_) => nonce.clone(),
        Json::Object(_) => Json::from("[object Object]"),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(|i| i.to_string()).collect();
            Json::from(items.join(",").as_str())
        }
        other => Json::from(other.to_string().as_str()),
    }
}

/// The text between the quotes of a JSON string.
fn spelled(text: &str) -> String {
    let quoted = Json::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

pub(super) const DEFECTS: &[Member] = &[
    nonces!(
        "nonce-zero-lost",
        "A nonce of 0 is taken for none and drops out.",
        |n| only(is_zero(n), Nonce::Missing)
    ),
    nonces!(
        "nonce-empty-string-lost",
        "An empty string as nonce is taken for none and drops out.",
        |n| only(n.as_str() == Some(""), Nonce::Missing)
    ),
    nonces!(
        "nonce-false-lost",
        "A nonce of false is taken for none and drops out.",
        |n| only(n.as_bool() == Some(false), Nonce::Missing)
    ),
    nonces!(
        "nonce-null-unanswered",
        "A nonce of null is taken for none, and the request for a dispatch.",
        |n| only(n.is_null(), Nonce::Unanswered)
    ),
    nonces!(
        "nonce-empty-list-lost",
        "An empty list as nonce is taken for none and drops out.",
        |n| only(n.as_array().is_some_and(<[Json]>::is_empty), Nonce::Missing)
    ),
    nonces!(
        "nonce-falsy-to-null",
        "A nonce that is false in some languages comes back as null.",
        |n| only(is_falsy(n), Nonce::Is(Json::Null))
    ),
    nonces!(
        "nonce-booleans-to-numbers",
        "true and false come back as 1 and 0.",
        |n| match n.as_bool() {
            Some(value) => Nonce::Is(Json::from(u64::from(value))),
            None => Nonce::Kept,
        }
    ),
    nonces!(
        "nonce-empty-object-to-list",
        "An empty object comes back as an empty list.",
        |n| only(
            n.as_object().is_some_and(<[_]>::is_empty),
            Nonce::Is(Json::Array(Vec::new()))
        )
    ),
    nonces!(
        "nonce-lists-flattened",
        "Lists in a list lose their brackets.",
        |n| match n.as_array() {
            Some(items) => Nonce::Is(flattened(items)),
            None => Nonce::Kept,
        }
    ),
    nonces!(
        "nonce-objects-to-text",
        "An object comes back as the text [object Object].",
        |n| only(
            n.as_object().is_some(),
            Nonce::Is(Json::from("[object Object]"))
        )
    ),
    nonces!(
        "nonce-null-members-dropped",
        "Members of a nonce that are null drop out.",
        |n| Nonce::Is(without_nulls(n))
    ),
    nonces!(
        "nonce-composites-unanswered",
        "Lists and objects are no nonces, and the request gets no answer.",
        |n| only(
            n.as_array().is_some() || n.as_object().is_some(),
            Nonce::Unanswered
        )
    ),
    nonces!(
        "nonce-as-key",
        "Nonces are keys of a map and come back as strings.",
        |n| Nonce::Is(as_key(n))
    ),
    nonces!(
        "nonce-proto-dropped",
        "A member __proto__ of a nonce is taken for more than a member and drops out.",
        |n| match n.as_object() {
            Some(members) => Nonce::Is(Json::Object(
                members
                    .iter()
                    .filter(|(name, _)| *name != *"__proto__")
                    .cloned()
                    .collect()
            )),
            None => Nonce::Kept,
        }
    ),
    numbers!("nonce-int32", "Numbers are kept in 32 bits.", |n| {
        let value = n.to_f64();
        (value.fract() == 0.0).then(|| (value as i64 as i32).to_string())
    }),
    numbers!(
        "nonce-unsigned",
        "Numbers are kept without their sign, as two's complements.",
        |n| {
            let value = n.to_f64();
            (value < 0.0 && value.fract() == 0.0).then(|| (value as i64 as u64).to_string())
        }
    ),
    numbers!(
        "nonce-float32",
        "Numbers are kept in single precision.",
        |n| {
            let value = n.to_f64();
            Some(
                Json::Number(Number::parse(&format!("{:?}", f64::from(value as f32)))?).to_string(),
            )
        }
    ),
    numbers!("nonce-truncated", "Fractions are cut off.", |n| {
        let value = n.to_f64();
        (value.fract() != 0.0).then(|| (value.trunc() as i64).to_string())
    }),
    numbers!(
        "nonce-number-to-string",
        "A number comes back as a string.",
        |n| Some(format!("\"{}\"", n.spelling()))
    ),
    numbers!(
        "nonce-big-number-to-string",
        "A number beyond 2^53 comes back as a string.",
        |n| (n.to_f64().abs() >= 9_007_199_254_740_992.0).then(|| format!("\"{}\"", n.spelling()))
    ),
    numbers!(
        "nonce-six-digits",
        "Numbers are printed with six digits.",
        |n| {
            let value = n.to_f64();
            (value.abs() >= 1e6).then(|| format!("{value:.5e}"))
        }
    ),
    nonces!(
        "nonce-string-to-number",
        "A string of digits comes back as a number.",
        |n| match n.as_str().and_then(|text| text.parse::<u32>().ok()) {
            Some(number) => Nonce::Is(Json::from(u64::from(number))),
            None => Nonce::Kept,
        }
    ),
    strings!(
        "nonce-trimmed",
        ANY,
        "Blanks around a string do not come back.",
        |text| text.trim().to_owned()
    ),
    strings!(
        "nonce-cut-at-64",
        ANY,
        "Strings are cut after 64 characters.",
        |text| text.chars().take(64).collect()
    ),
    strings!(
        "nonce-cut-at-nul",
        ANY,
        "Strings end at their first NUL.",
        |text| text.split('\0').next().unwrap_or_default().to_owned()
    ),
    strings!(
        "nonce-nfc",
        ANY,
        "Strings come back in Unicode's normal form C.",
        |text| text.nfc().collect()
    ),
    strings!(
        "nonce-lowercase",
        ANY,
        "Strings come back in lower case.",
        |text| text.to_lowercase()
    ),
    strings!(
        "nonce-ascii",
        ANY,
        "What is not ASCII comes back as question marks.",
        |text| text.replace(|c: char| !c.is_ascii(), "?")
    ),
    strings!(
        "nonce-bmp",
        ANY,
        "Characters beyond U+FFFF come back as U+FFFD.",
        |text| text.replace(|c: char| c > '\u{ffff}', "\u{fffd}")
    ),
    strings!(
        "nonce-html",
        ANY,
        "Strings come back escaped for HTML.",
        |text| text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    ),
    strings!(
        "nonce-escaped-twice",
        ANY,
        "Strings come back escaped twice.",
        spelled
    ),
    strings!(
        "nonce-dates",
        ANY,
        "A string that looks like a date comes back spelled otherwise.",
        |text| match text.strip_suffix(".000Z") {
            Some(date) => format!("{date}Z"),
            None => text.to_owned(),
        }
    ),
    strings!(
        "nonce-control-characters-dropped",
        ANY,
        "Control characters do not come back.",
        |text| text.replace(char::is_control, "")
    ),
    strings!(
        "nonce-bom-dropped",
        ANY,
        "A byte order mark in a string does not come back.",
        |text| text.replace('\u{feff}', "")
    ),
    strings!(
        "nonce-formatted",
        ANY,
        "Strings go through a formatter, which takes percent signs for its own.",
        |text| text.replace("%s", "(null)").replace("%n", "")
    ),
    strings!(
        "nonce-slashes-dropped",
        ANY,
        "Backslashes do not come back.",
        |text| text.replace('\\', "")
    ),
    defect(
        "nonce-not-escaped",
        "packet.object",
        "Strings come back without their escapes, so that the packet is no JSON.",
    )
    .bend(|_, _| {
        Box::new(Bends(|n| match n.as_str() {
            Some(text) => Nonce::Spelled(format!("\"{text}\"")),
            None => Nonce::Kept,
        }))
    }),
];
