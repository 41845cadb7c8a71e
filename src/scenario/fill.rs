//! Templates and payloads become what goes over the wire, and what people may see of it.

use unicode_normalization::UnicodeNormalization;

use super::syntax::{Filter, Hole, Payload, PayloadBytes, Piece, Template};
use super::values::{Env, Value, literal};
use crate::protocol::json::{Json, Text};

/// Longest payload in bytes.
pub const MAX_PAYLOAD: usize = 64 << 20;

/// A filled template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The JSON text as it goes out.
    pub wire: String,
    /// The same for people, in the language's own writing: secrets stay as holes.
    pub shown: String,
}

/// A filled payload, its parts joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilledPayload {
    /// The bytes as they go out, repetitions written out.
    pub bytes: Vec<u8>,
    /// The payload in the language's own writing, other variables than secrets filled in.
    pub shown: String,
}

/// A filled part of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilledPart {
    /// Its bytes, once.
    pub bytes: Vec<u8>,
    /// How often they go out, one behind the other.
    pub times: u32,
    /// The part in the language's own writing.
    pub shown: String,
}

/// Why a hole cannot be filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// Nothing has given the variable a value.
    #[error("`${name}` has no value")]
    Unbound {
        /// The variable.
        name: String,
    },
    /// The filter leaves the value as it is, so the line would be no near miss.
    #[error("`{}` changes nothing in `${name}`", .filter.word())]
    Unchanged {
        /// The variable.
        name: String,
        /// The filter.
        filter: Filter,
    },
    /// The holes are filled and it is no JSON: only a tree that was not parsed from text does that.
    #[error("the filled text is no JSON: {why}")]
    NotJson {
        /// What is wrong with it.
        why: String,
    },
    /// The payload is beyond [`MAX_PAYLOAD`].
    #[error("the payload would be longer than {MAX_PAYLOAD} bytes")]
    TooLong,
}

/// Fills a template.
///
/// # Errors
/// A variable without a value, a filter that changes nothing.
pub fn template(template: &Template, env: &Env) -> Result<Filled, FillError> {
    let mut filled = Filled {
        wire: String::new(),
        shown: String::new(),
    };
    for piece in &template.pieces {
        match piece {
            Piece::Literal(text) => {
                filled.wire.push_str(text);
                show(&mut filled.shown, &literal(text));
            }
            Piece::Value(hole) => {
                let value = lookup(hole, env)?;
                if hole.filter.is_none() {
                    filled.wire.push_str(&value.text);
                    show(&mut filled.shown, &value.shown);
                } else {
                    let text = Json::String(bent(hole, value)?).to_string();
                    show(
                        &mut filled.shown,
                        &if value.secret {
                            format!("\"{}\"", in_string(hole))
                        } else {
                            literal(&text)
                        },
                    );
                    filled.wire.push_str(&text);
                }
            }
            Piece::InString(hole) => {
                let value = lookup(hole, env)?;
                let mut text = String::new();
                bent(hole, value)?.escape_into(&mut text);
                show(
                    &mut filled.shown,
                    &if value.secret {
                        in_string(hole)
                    } else {
                        literal(&text)
                    },
                );
                filled.wire.push_str(&text);
            }
        }
    }
    Ok(filled)
}

/// Fills a payload, its parts joined.
///
/// # Errors
/// As [`template`]; also a payload that would be too long.
pub fn payload(payload: &Payload, env: &Env) -> Result<FilledPayload, FillError> {
    let parts = parts(payload, env)?;
    let shown = parts
        .iter()
        .map(|part| part.shown.as_str())
        .collect::<Vec<_>>()
        .join(" ");
    let mut bytes = Vec::with_capacity(
        parts
            .iter()
            .map(|part| part.bytes.len() * part.times as usize)
            .sum(),
    );
    for part in &parts {
        for _ in 0..part.times {
            bytes.extend_from_slice(&part.bytes);
        }
    }
    Ok(FilledPayload { bytes, shown })
}

/// Fills a payload part by part: `fragments` sends a frame for each, a repeated part that many.
///
/// # Errors
/// As [`payload`].
pub fn parts(payload: &Payload, env: &Env) -> Result<Vec<FilledPart>, FillError> {
    let mut length = 0_usize;
    let mut parts = Vec::with_capacity(payload.parts.len());
    for part in &payload.parts {
        let (bytes, shown) = part_bytes(&part.bytes, env)?;
        length = length.saturating_add(bytes.len().saturating_mul(part.times as usize));
        if length > MAX_PAYLOAD {
            return Err(FillError::TooLong);
        }
        let shown = if part.times == 1 {
            shown
        } else {
            format!("{shown} * {}", part.times)
        };
        parts.push(FilledPart {
            bytes,
            times: part.times,
            shown,
        });
    }
    Ok(parts)
}

fn part_bytes(bytes: &PayloadBytes, env: &Env) -> Result<(Vec<u8>, String), FillError> {
    match bytes {
        PayloadBytes::Hex(bytes) => Ok((bytes.clone(), hex(bytes))),
        PayloadBytes::Text(text) => {
            let filled = template(text, env)?;
            let text = characters(&json(&filled.wire)?);
            Ok((text.as_bytes().to_vec(), filled.shown))
        }
        PayloadBytes::Var(hole) => {
            let value = lookup(hole, env)?;
            let text = bent(hole, value)?;
            let shown = if value.secret {
                format!("${}", hole.name)
            } else {
                literal(&Json::String(text.clone()).to_string())
            };
            Ok((text.as_bytes().to_vec(), shown))
        }
    }
}

/// Bytes as the language writes them; none at all are the empty string.
pub(super) fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "\"\"".to_owned();
    }
    bytes
        .iter()
        .fold("0x".to_owned(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// Fills one value of `each`; its spelling is kept, and it is secret if a secret is in it.
///
/// # Errors
/// As [`template`].
pub fn value(value: &Template, env: &Env) -> Result<Value, FillError> {
    let filled = template(value, env)?;
    let secret = value.pieces.iter().any(|piece| match piece {
        Piece::Value(hole) | Piece::InString(hole) => {
            env.get(&hole.name).is_some_and(|value| value.secret)
        }
        Piece::Literal(_) => false,
    });
    Ok(Value {
        json: json(&filled.wire)?,
        text: filled.wire,
        shown: filled.shown,
        secret,
    })
}

fn json(text: &str) -> Result<Json, FillError> {
    Json::parse(text.as_bytes()).map_err(|error| FillError::NotJson {
        why: error.to_string(),
    })
}

fn lookup<'e>(hole: &Hole, env: &'e Env) -> Result<&'e Value, FillError> {
    env.get(&hole.name).ok_or_else(|| FillError::Unbound {
        name: hole.name.clone(),
    })
}

/// A string's characters; of another value its JSON text.
fn characters(json: &Json) -> Text {
    match json {
        Json::String(text) => text.clone(),
        other => Text::from(other.to_string()),
    }
}

/// The hole's value as characters, bent by its filter.
fn bent(hole: &Hole, value: &Value) -> Result<Text, FillError> {
    let text = characters(&value.json);
    let Some(filter) = hole.filter else {
        return Ok(text);
    };
    let bent = bend(&text, filter);
    if bent == text {
        return Err(FillError::Unchanged {
            name: hole.name.clone(),
            filter,
        });
    }
    Ok(bent)
}

/// A near miss of a text. Lone surrogates stay what they are.
pub fn bend(text: &Text, filter: Filter) -> Text {
    let points: Vec<u32> = text.code_points().collect();
    match filter {
        Filter::Chop => {
            Text::from_code_points(points[..points.len().saturating_sub(1)].iter().copied())
        }
        Filter::Pad => Text::from_code_points(points.into_iter().chain([u32::from(' ')])),
        Filter::Swapcase => per_run(&points, |run| run.chars().flat_map(swap_case).collect()),
        Filter::Nfd => per_run(&points, |run| run.nfd().collect()),
        Filter::Empty => Text::from(""),
    }
}

/// Maps the runs of characters between lone surrogates.
fn per_run(points: &[u32], map: impl Fn(&str) -> String) -> Text {
    let mut mapped: Vec<u32> = Vec::with_capacity(points.len());
    let mut run = String::new();
    for point in points {
        match char::from_u32(*point) {
            Some(c) => run.push(c),
            None => {
                mapped.extend(map(&run).chars().map(u32::from));
                run.clear();
                mapped.push(*point);
            }
        }
    }
    mapped.extend(map(&run).chars().map(u32::from));
    Text::from_code_points(mapped)
}

fn swap_case(c: char) -> Vec<char> {
    if c.is_lowercase() {
        c.to_uppercase().collect()
    } else if c.is_uppercase() {
        c.to_lowercase().collect()
    } else {
        vec![c]
    }
}

fn in_string(hole: &Hole) -> String {
    match hole.filter {
        Some(filter) => format!("${{{}|{}}}", hole.name, filter.word()),
        None => format!("${{{}}}", hole.name),
    }
}

/// Appends a piece for people. A `$` that ended the text so far must not join what follows.
fn show(shown: &mut String, piece: &str) {
    if shown.ends_with('$') && piece.starts_with('{') {
        shown.push('$');
    } else if shown.ends_with('$') && piece.starts_with("${") {
        shown.pop();
        shown.push_str("\\u0024");
    }
    shown.push_str(piece);
}

#[cfg(test)]
mod tests;
