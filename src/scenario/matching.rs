//! Patterns against what came, with the difference in words.

use std::cmp::Ordering;
use std::fmt;

use super::fill;
use super::print;
use super::syntax::{Hole, Pattern, Range, Template};
use super::values::Env;
use crate::protocol::json::{Json, Number, Text};

/// Longest value quoted in a mismatch, in characters.
const QUOTED: usize = 120;

/// Why a value does not match, in words that fit into a sentence. Values of secrets, and what
/// stands where a secret was expected, are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where, for example `a[0].b`; empty for the packet itself.
    pub path: String,
    /// What the pattern asks for.
    pub expected: String,
    /// What is there.
    pub actual: String,
}

/// "`n` is 1.5, expected 1".
impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(
                f,
                "the packet is {}, expected {}",
                self.actual, self.expected
            )
        } else {
            write!(
                f,
                "`{}` is {}, expected {}",
                self.path, self.actual, self.expected
            )
        }
    }
}

impl Range {
    /// Whether a number lies in the range, both ends included, compared by value.
    pub fn contains(&self, number: &Number) -> bool {
        self.min
            .as_ref()
            .is_none_or(|min| number.cmp_value(min) != Ordering::Less)
            && self
                .max
                .as_ref()
                .is_none_or(|max| number.cmp_value(max) != Ordering::Greater)
    }
}

/// Compares a packet with a pattern. Variables without a value are bound, in the innermost scope,
/// and only if everything matches.
///
/// # Errors
/// The first difference, in the pattern's order.
pub fn matches(pattern: &Pattern, json: &Json, env: &mut Env) -> Result<(), Mismatch> {
    let mut matcher = Matcher {
        env,
        bound: Vec::new(),
    };
    matcher
        .value(pattern, json, &mut String::new())
        .map_err(|mismatch| hide_password(mismatch, json))?;
    let bound = matcher.bound;
    for (name, json) in bound {
        env.bind(&name, json);
    }
    Ok(())
}

/// What a HELLO_ACK says for a password is never shown, whatever the pattern.
fn hide_password(mut mismatch: Mismatch, packet: &Json) -> Mismatch {
    if mismatch.path.starts_with("password")
        && let Some(password) = packet.get("password")
    {
        mismatch.actual = kind(password);
    }
    mismatch
}

struct Matcher<'e> {
    env: &'e Env,
    /// What this match has bound so far.
    bound: Vec<(String, Json)>,
}

impl Matcher<'_> {
    fn value(&mut self, pattern: &Pattern, json: &Json, path: &mut String) -> Result<(), Mismatch> {
        let right = match pattern {
            Pattern::Any => true,
            Pattern::Int(range) => json
                .as_number()
                .is_some_and(|n| n.is_integer() && range.contains(n)),
            Pattern::Number(range) => json.as_number().is_some_and(|n| range.contains(n)),
            Pattern::String => json.as_text().is_some(),
            Pattern::Bool => json.as_bool().is_some(),
            Pattern::List => json.as_array().is_some(),
            Pattern::Object => json.as_object().is_some(),
            Pattern::Literal(literal) => literal.same_as(json),
            Pattern::Var(hole) => return self.variable(hole, json, path),
            Pattern::Text(template) => return self.text(template, json, path),
            Pattern::Items(items) => return self.items(pattern, items, json, path),
            Pattern::Members { open, members } => return self.members(*open, members, json, path),
        };
        if right {
            Ok(())
        } else {
            Err(mismatch(path, words(pattern), quote(json)))
        }
    }

    fn variable(&mut self, hole: &Hole, json: &Json, path: &str) -> Result<(), Mismatch> {
        if let Some((_, bound)) = self.bound.iter().find(|(name, _)| *name == hole.name) {
            let expected = format!("{}, as `${}` was before", quote(bound), hole.name);
            return if bound.same_as(json) {
                Ok(())
            } else {
                Err(mismatch(path, expected, quote(json)))
            };
        }
        match self.env.get(&hole.name) {
            None => {
                self.bound.push((hole.name.clone(), json.clone()));
                Ok(())
            }
            Some(value) if value.json.same_as(json) => Ok(()),
            Some(value) if value.secret => {
                Err(mismatch(path, format!("`${}`", hole.name), kind(json)))
            }
            Some(value) => Err(mismatch(path, quote(&value.json), quote(json))),
        }
    }

    fn text(&self, template: &Template, json: &Json, path: &str) -> Result<(), Mismatch> {
        let expected = match fill::value(template, self.env) {
            Ok(expected) => expected,
            Err(error) => {
                return Err(mismatch(
                    path,
                    format!("{} ({error})", print::template(template)),
                    kind(json),
                ));
            }
        };
        if expected.json.same_as(json) {
            return Ok(());
        }
        let actual = if expected.secret {
            kind(json)
        } else {
            quote(json)
        };
        Err(mismatch(path, cut(&expected.shown), actual))
    }

    fn items(
        &mut self,
        whole: &Pattern,
        items: &[Pattern],
        json: &Json,
        path: &mut String,
    ) -> Result<(), Mismatch> {
        let Some(values) = json.as_array() else {
            return Err(mismatch(path, words(whole), quote(json)));
        };
        if values.len() != items.len() {
            let expected = format!("a list of {}", items.len());
            return Err(mismatch(
                path,
                expected,
                format!("a list of {}", values.len()),
            ));
        }
        for (index, (item, value)) in items.iter().zip(values).enumerate() {
            at(path, &format!("[{index}]"), |path| {
                self.value(item, value, path)
            })?;
        }
        Ok(())
    }

    fn members(
        &mut self,
        open: bool,
        members: &[(String, Pattern)],
        json: &Json,
        path: &mut String,
    ) -> Result<(), Mismatch> {
        let Some(object) = json.as_object() else {
            return Err(mismatch(path, "an object".to_owned(), quote(json)));
        };
        for (name, pattern) in members {
            at(path, &step(name), |path| match json.get(name) {
                Some(value) => self.value(pattern, value, path),
                None => Err(mismatch(path, words(pattern), "missing".to_owned())),
            })?;
        }
        let named = |name: &Text| members.iter().any(|(member, _)| *name == *member.as_str());
        match object.iter().find(|(name, _)| !open && !named(name)) {
            None => Ok(()),
            Some((name, value)) => at(path, &step(&name.to_str_lossy()), |path| {
                Err(mismatch(path, "no such member".to_owned(), quote(value)))
            }),
        }
    }
}

/// Runs with a longer path.
fn at<T>(path: &mut String, step: &str, inside: impl FnOnce(&mut String) -> T) -> T {
    let length = path.len();
    path.push_str(if length == 0 {
        step.strip_prefix('.').unwrap_or(step)
    } else {
        step
    });
    let result = inside(path);
    path.truncate(length);
    result
}

/// A member's name as a step of a path.
fn step(name: &str) -> String {
    let plain = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain {
        format!(".{name}")
    } else {
        format!("[{}]", cut(&print::quoted(name)))
    }
}

fn mismatch(path: &str, expected: String, actual: String) -> Mismatch {
    Mismatch {
        path: path.to_owned(),
        expected,
        actual,
    }
}

/// What a pattern asks for.
fn words(pattern: &Pattern) -> String {
    let ranged = |what: &str, range: &Range| match (&range.min, &range.max) {
        (None, None) => what.to_owned(),
        (Some(min), None) => format!("{what} of at least {min}"),
        (None, Some(max)) => format!("{what} of at most {max}"),
        (Some(min), Some(max)) => format!("{what} from {min} to {max}"),
    };
    match pattern {
        Pattern::Any => "any value".to_owned(),
        Pattern::Int(range) => ranged("an integer", range),
        Pattern::Number(range) => ranged("a number", range),
        Pattern::String => "a string".to_owned(),
        Pattern::Bool => "true or false".to_owned(),
        Pattern::List => "a list".to_owned(),
        Pattern::Object => "an object".to_owned(),
        Pattern::Var(_)
        | Pattern::Text(_)
        | Pattern::Literal(_)
        | Pattern::Items(_)
        | Pattern::Members { .. } => cut(&print::pattern(pattern)),
    }
}

/// What kind of value it is, where the value itself must not be shown.
fn kind(json: &Json) -> String {
    match json {
        Json::String(_) => "another string",
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
    .to_owned()
}

/// A value as it came, cut if it is long.
fn quote(json: &Json) -> String {
    cut(&print::json(json))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
    }
}

#[cfg(test)]
mod tests;
