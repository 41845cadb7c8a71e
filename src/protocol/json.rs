//! JSON as a tree that keeps what the usual trees lose: the spelling of numbers, lone surrogates,
//! the order and repetition of members. It is what the judging side compares with.

/// A JSON value.
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

/// A JSON number, exactly as spelled.
#[derive(Clone, Debug, PartialEq)]
pub struct Number(Box<str>);

/// A JSON string's characters: code points, lone surrogates included (kept as generalised UTF-8).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text(Box<[u8]>);
