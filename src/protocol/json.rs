//! JSON as a tree that keeps what the usual trees lose: the spelling of numbers, lone surrogates,
//! the order and repetition of members. It is what the judging side compares with.

use std::fmt;

use super::error::{Expected, JsonFault, JsonType};
use super::limits::MAX_DEPTH;
use super::scan;

pub use super::error::JsonError;
pub use super::number::Number;
pub use super::text::Text;

/// A JSON value.
///
/// `==` is equality of spelling (member order and the way numbers are written count);
/// [`Json::same_as`] is equality of meaning. Comparing, printing and dropping recurse, which
/// [`MAX_DEPTH`] bounds for every tree that was parsed.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as spelled.
    Number(Number),
    /// A string, as code points.
    String(Text),
    /// A list.
    Array(Vec<Json>),
    /// An object, members in order, repeated ones kept.
    Object(Vec<(Text, Json)>),
}

impl Json {
    /// Reads one value with nothing but blanks around it. The policy on what is JSON is that of the
    /// [codec](super), the depth limit too; the size is the caller's.
    ///
    /// # Errors
    /// The bytes are not JSON, or too deep.
    pub fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
        Json::parse_within(bytes, usize::MAX)
    }

    /// As [`parse`](Self::parse), but of a text with more than so many values only the beginning is
    /// read: a tree takes many times the bytes it is spelled in.
    ///
    /// # Errors
    /// The bytes are not JSON, too deep, or have too many values.
    pub fn parse_within(bytes: &[u8], most: usize) -> Result<Json, JsonError> {
        let (value, at) = tree(bytes, scan::blanks(bytes, 0), most)?;
        scan::end(bytes, at)?;
        Ok(value)
    }

    /// How many bytes it holds in memory.
    pub fn held(&self) -> usize {
        // What an allocation costs beside its bytes.
        const BESIDE: usize = 16;
        let own = size_of::<Json>();
        own + match self {
            Json::Null | Json::Bool(_) => 0,
            Json::Number(number) => number.spelling().len() + BESIDE,
            Json::String(text) => text.as_bytes().len() + BESIDE,
            Json::Array(items) => {
                let room = (items.capacity() - items.len()) * own + BESIDE;
                room + items.iter().map(Json::held).sum::<usize>()
            }
            Json::Object(members) => {
                let each = size_of::<(Text, Json)>();
                let room = (members.capacity() - members.len()) * each + BESIDE;
                let held = |(name, value): &(Text, Json)| {
                    each - own + name.as_bytes().len() + BESIDE + value.held()
                };
                room + members.iter().map(held).sum::<usize>()
            }
        }
    }

    /// The last member of that name, if this is an object that has one.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.as_object()?
            .iter()
            .rev()
            .find(|(member, _)| *member == *name)
            .map(|(_, value)| value)
    }

    /// Whether two values mean the same: numbers that are exactly equal or the same finite double,
    /// strings with the same code points, lists item by item, objects whatever the order of their
    /// members, of repeated ones the last.
    pub fn same_as(&self, other: &Json) -> bool {
        match (self, other) {
            (Json::Null, Json::Null) => true,
            (Json::Bool(a), Json::Bool(b)) => a == b,
            (Json::Number(a), Json::Number(b)) => a.same_as(b),
            (Json::String(a), Json::String(b)) => a == b,
            (Json::Array(a), Json::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_as(b))
            }
            (Json::Object(a), Json::Object(b)) => {
                let (a, b) = (sorted(a), sorted(b));
                a.len() == b.len()
                    && a.iter()
                        .zip(&b)
                        .all(|(a, b)| a.0 == b.0 && a.1.same_as(b.1))
            }
            _ => false,
        }
    }

    /// The value's type.
    pub fn json_type(&self) -> JsonType {
        match self {
            Json::Null => JsonType::Null,
            Json::Bool(_) => JsonType::Bool,
            Json::Number(_) => JsonType::Number,
            Json::String(_) => JsonType::String,
            Json::Array(_) => JsonType::List,
            Json::Object(_) => JsonType::Object,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Json::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The value as an integer from 0 to 2^64-1, if it is one by value.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number()?.to_u64()
    }

    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&Text> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// The string as Rust knows it, if it is one without lone surrogates.
    pub fn as_str(&self) -> Option<&str> {
        self.as_text()?.as_str()
    }

    /// The list's items, if it is one.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The object's members in order, repeated ones too, if it is one.
    pub fn as_object(&self) -> Option<&[(Text, Json)]> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }
}

/// The members in the order of their names, of repeated ones the last.
fn sorted(members: &[(Text, Json)]) -> Vec<(&Text, &Json)> {
    let mut sorted: Vec<_> = members
        .iter()
        .rev()
        .map(|(name, value)| (name, value))
        .collect();
    // Stable, and reversed before: the last of equal names comes first, which `dedup` keeps.
    sorted.sort_by(|a, b| a.0.cmp(b.0));
    sorted.dedup_by(|a, b| a.0 == b.0);
    sorted
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::String(text.into())
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Json {
        Json::Bool(value)
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Json {
        Json::Number(value.into())
    }
}

impl std::str::FromStr for Json {
    type Err = JsonError;

    fn from_str(text: &str) -> Result<Json, JsonError> {
        Json::parse(text.as_bytes())
    }
}

/// Compact JSON: members in order, numbers as spelled, the fewest escapes.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(value) => value.fmt(f),
            Json::Number(number) => number.fmt(f),
            Json::String(text) => text.fmt(f),
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    f.write_str(if index == 0 { "[" } else { "," })?;
                    item.fmt(f)?;
                }
                f.write_str(if items.is_empty() { "[]" } else { "]" })
            }
            Json::Object(members) => {
                for (index, (name, value)) in members.iter().enumerate() {
                    f.write_str(if index == 0 { "{" } else { "," })?;
                    write!(f, "{name}:{value}")?;
                }
                f.write_str(if members.is_empty() { "{}" } else { "}" })
            }
        }
    }
}

/// A list or object that is still open.
enum Open {
    Array(Vec<Json>),
    /// The members so far and the name of the one that is being read.
    Object(Vec<(Text, Json)>, Text),
}

/// A value of at most so many values from its first byte, and the place behind it.
fn tree(bytes: &[u8], mut at: usize, most: usize) -> Result<(Json, usize), JsonError> {
    let mut open: Vec<Open> = Vec::new();
    let mut expected = Expected::Value;
    let mut left = most;
    loop {
        left = left
            .checked_sub(1)
            .ok_or_else(|| JsonError::new(at, JsonFault::TooMany(most)))?;
        // A value begins here: an opening bracket goes down, all else is a finished value.
        let mut value = match bytes.get(at) {
            Some(b'[' | b'{') if open.len() == MAX_DEPTH => {
                return Err(JsonError::new(at, JsonFault::TooDeep));
            }
            Some(b'[') => {
                at = scan::blanks(bytes, at + 1);
                if bytes.get(at) != Some(&b']') {
                    open.push(Open::Array(Vec::new()));
                    expected = Expected::ValueOrListEnd;
                    continue;
                }
                at += 1;
                Json::Array(Vec::new())
            }
            Some(b'{') => {
                at = scan::blanks(bytes, at + 1);
                if bytes.get(at) != Some(&b'}') {
                    let (name, behind) = name(bytes, at, Expected::NameOrObjectEnd)?;
                    open.push(Open::Object(Vec::new(), name));
                    (at, expected) = (behind, Expected::Value);
                    continue;
                }
                at += 1;
                Json::Object(Vec::new())
            }
            _ => {
                let start = at;
                at = scan::scalar(bytes, at, expected)?;
                scalar(&bytes[start..at])
            }
        };
        // Close what ends behind it.
        loop {
            let Some(innermost) = open.last_mut() else {
                return Ok((value, at));
            };
            at = scan::blanks(bytes, at);
            let next = bytes.get(at);
            match innermost {
                Open::Array(items) => {
                    items.push(value);
                    match next {
                        Some(b',') => {
                            at = scan::blanks(bytes, at + 1);
                            break;
                        }
                        Some(b']') => value = Json::Array(std::mem::take(items)),
                        _ => return Err(scan::unexpected(bytes, at, Expected::CommaOrListEnd)),
                    }
                }
                Open::Object(members, member) => {
                    members.push((std::mem::take(member), value));
                    match next {
                        Some(b',') => {
                            (*member, at) =
                                name(bytes, scan::blanks(bytes, at + 1), Expected::Name)?;
                            break;
                        }
                        Some(b'}') => value = Json::Object(std::mem::take(members)),
                        _ => return Err(scan::unexpected(bytes, at, Expected::CommaOrObjectEnd)),
                    }
                }
            }
            open.pop();
            at += 1;
        }
        expected = Expected::Value;
    }
}

/// A member's name, and the first byte of its value.
fn name(bytes: &[u8], at: usize, expected: Expected) -> Result<(Text, usize), JsonError> {
    if bytes.get(at) != Some(&b'"') {
        return Err(scan::unexpected(bytes, at, expected));
    }
    let end = scan::string(bytes, at + 1)?;
    Ok((
        Text::from_spelled(&bytes[at + 1..end - 1]),
        scan::colon(bytes, end)?,
    ))
}

/// A scanned value that is neither list nor object.
fn scalar(spelling: &[u8]) -> Json {
    match spelling {
        [b'"', spelled @ .., _] => Json::String(Text::from_spelled(spelled)),
        b"null" => Json::Null,
        b"true" => Json::Bool(true),
        b"false" => Json::Bool(false),
        number => Json::Number(Number::from_scanned(number)),
    }
}
