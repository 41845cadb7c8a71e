//! Patterns: JSON with words, ranges and variables in the places of values.

use super::cursor::{Cursor, word_char};
use super::json::{self, MAX_DEPTH, number, value_hole};
use crate::protocol::json::{Json, Number, Text};
use crate::scenario::error::Problem;
use crate::scenario::syntax::{Pattern, Piece, Range, Span};
use std::cmp::Ordering;

const VALUE: &str =
    "a JSON value, `$name`, or `any`, `int`, `number`, `string`, `bool`, `list`, `object`";
const WORDS: [&str; 10] = [
    "any", "int", "number", "string", "bool", "list", "object", "true", "false", "null",
];

/// A whole packet's pattern: `{..}`, `exactly {..}`, `any` or `object`.
pub(super) fn packet(cur: &mut Cursor<'_>) -> Result<Pattern, Problem> {
    let closed = cur.eat_word("exactly");
    if cur.byte() == Some(b'{') {
        let members = members(cur, 0)?;
        return Ok(Pattern::Members {
            open: !closed,
            members,
        });
    }
    if closed {
        return Err(cur.unexpected("`{`: the packet's own object"));
    }
    match cur.peek_word() {
        "any" | "object" => value(cur, 0),
        _ => Err(cur.unexpected("a packet's pattern, `{..}`, `exactly {..}`, `any` or `object`")),
    }
}

/// A pattern inside a packet.
fn value(cur: &mut Cursor<'_>, depth: u32) -> Result<Pattern, Problem> {
    match cur.byte() {
        Some(b'{') => {
            let members = members(cur, depth)?;
            let pattern = Pattern::Members {
                open: false,
                members,
            };
            Ok(without_holes(&pattern).map_or(pattern, Pattern::Literal))
        }
        Some(b'[') => {
            let mut items = Vec::new();
            brackets(cur, depth, ']', |cur| {
                items.push(value(cur, depth + 1)?);
                Ok(())
            })?;
            let pattern = Pattern::Items(items);
            Ok(without_holes(&pattern).map_or(pattern, Pattern::Literal))
        }
        Some(b'"') => {
            let from = *cur;
            let text = json::string(cur)?;
            match text.pieces.as_slice() {
                [Piece::Literal(text)] => Ok(Pattern::Literal(literal(text, from.to(cur))?)),
                _ => Ok(Pattern::Text(text)),
            }
        }
        Some(b'-' | b'0'..=b'9') => Ok(Pattern::Literal(Json::Number(spelled(cur)?))),
        Some(b'$') => Ok(Pattern::Var(value_hole(cur)?)),
        Some(c) if c.is_ascii_alphabetic() => word(cur),
        _ => Err(cur.unexpected(VALUE)),
    }
}

fn word(cur: &mut Cursor<'_>) -> Result<Pattern, Problem> {
    let word = cur.take_while(word_char);
    Ok(match word.value {
        "any" => Pattern::Any,
        "int" => Pattern::Int(range(cur)?),
        "number" => Pattern::Number(range(cur)?),
        "string" => Pattern::String,
        "bool" => Pattern::Bool,
        "list" => Pattern::List,
        "object" => Pattern::Object,
        "null" => Pattern::Literal(Json::Null),
        "true" => Pattern::Literal(Json::Bool(true)),
        "false" => Pattern::Literal(Json::Bool(false)),
        other => {
            return Err(Problem::new(word.span, format!("unknown word `{other}`"))
                .expected(VALUE)
                .near(other, WORDS));
        }
    })
}

/// `1..`, `..5` or `1..5` behind `int` or `number`, where it stands here.
fn range(cur: &mut Cursor<'_>) -> Result<Range, Problem> {
    let mut ahead = *cur;
    ahead.skip_blanks();
    let from = ahead;
    let digit = |cur: &Cursor<'_>| matches!(cur.byte(), Some(b'-' | b'0'..=b'9'));
    if !digit(&ahead) && !ahead.rest().starts_with("..") {
        return Ok(Range::default());
    }
    let min = if digit(&ahead) {
        Some(spelled(&mut ahead)?)
    } else {
        None
    };
    if !ahead.eat("..") {
        return Err(ahead
            .unexpected("`..`")
            .hint("a range is `1..5`, `1..` or `..5`, both ends included"));
    }
    let max = if digit(&ahead) {
        Some(spelled(&mut ahead)?)
    } else {
        None
    };
    *cur = ahead;
    match (&min, &max) {
        (None, None) => Err(Problem::new(from.to(cur), "a range without a number")),
        (Some(least), Some(greatest)) if least.cmp_value(greatest) == Ordering::Greater => {
            Err(Problem::new(
                from.to(cur),
                "the range's least value is above its greatest",
            ))
        }
        _ => Ok(Range { min, max }),
    }
}

fn spelled(cur: &mut Cursor<'_>) -> Result<Number, Problem> {
    let from = *cur;
    let text = number(cur)?;
    Number::parse(text)
        .ok_or_else(|| Problem::new(from.to(cur), format!("`{text}` is no JSON number")))
}

fn literal(text: &str, span: Span) -> Result<Json, Problem> {
    Json::parse(text.as_bytes())
        .map_err(|error| Problem::new(span, format!("this is no JSON: {error}")))
}

fn members(cur: &mut Cursor<'_>, depth: u32) -> Result<Vec<(String, Pattern)>, Problem> {
    let mut members: Vec<(String, Pattern)> = Vec::new();
    let mut names = std::collections::HashSet::new();
    brackets(cur, depth, '}', |cur| {
        let from = *cur;
        let name = name(cur)?;
        if !names.insert(name.clone()) {
            return Err(Problem::new(
                from.to(cur),
                format!("the member `{name}` is named twice"),
            ));
        }
        cur.skip_blanks();
        if !cur.eat(":") {
            return Err(cur.unexpected("`:`"));
        }
        cur.skip_blanks();
        members.push((name, value(cur, depth + 1)?));
        Ok(())
    })?;
    Ok(members)
}

fn name(cur: &mut Cursor<'_>) -> Result<String, Problem> {
    let from = *cur;
    if cur.byte() != Some(b'"') {
        return Err(cur.unexpected("a member's name in quotes"));
    }
    let text = json::string(cur)?;
    let [Piece::Literal(spelled)] = text.pieces.as_slice() else {
        return Err(Problem::new(from.to(cur), "a hole in a member's name"));
    };
    let name = literal(spelled, from.to(cur))?;
    match name.as_str() {
        Some(name) => Ok(name.to_owned()),
        None => Err(Problem::new(
            from.to(cur),
            "a lone surrogate in a member's name",
        )),
    }
}

/// Brackets with commas between the items.
fn brackets<'s>(
    cur: &mut Cursor<'s>,
    depth: u32,
    close: char,
    mut item: impl FnMut(&mut Cursor<'s>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    if depth == MAX_DEPTH {
        return Err(Problem::new(
            cur.here(),
            format!("JSON nested deeper than {MAX_DEPTH}"),
        ));
    }
    cur.bump();
    cur.skip_blanks();
    if cur.peek() == Some(close) {
        cur.bump();
        return Ok(());
    }
    loop {
        item(cur)?;
        cur.skip_blanks();
        match cur.peek() {
            Some(',') => cur.bump(),
            Some(c) if c == close => {
                cur.bump();
                return Ok(());
            }
            _ => return Err(cur.unexpected(format!("`,` or `{close}`"))),
        }
        cur.skip_blanks();
    }
}

/// The value of a pattern that can match nothing else.
fn without_holes(pattern: &Pattern) -> Option<Json> {
    match pattern {
        Pattern::Literal(json) => Some(json.clone()),
        Pattern::Items(items) => items
            .iter()
            .map(without_holes)
            .collect::<Option<Vec<_>>>()
            .map(Json::Array),
        Pattern::Members {
            open: false,
            members,
        } => members
            .iter()
            .map(|(name, pattern)| Some((Text::from(name.as_str()), without_holes(pattern)?)))
            .collect::<Option<Vec<_>>>()
            .map(Json::Object),
        _ => None,
    }
}
