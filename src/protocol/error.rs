//! What can be wrong with a text or a packet: one typed variant per cause, each with its place.
//! Messages are lower-case fragments that fit behind "failed to read the packet: ".

use std::fmt;

use super::limits::MAX_DEPTH;
use super::opcode::Op;

/// Why a text is not JSON, or is refused by a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at byte {offset}")]
pub struct JsonError {
    /// Byte offset of the first byte that cannot stand where it stands; the length of the text
    /// where more was needed.
    pub offset: usize,
    /// What is wrong there.
    pub fault: JsonFault,
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// Something else stands where this was needed.
    Expected(Expected),
    /// The text ended where this was needed.
    Ended(Expected),
    /// A control character stands in a string unescaped.
    ControlCharacter(u8),
    /// The bytes are not UTF-8.
    NotUtf8,
    /// More than [`MAX_DEPTH`] lists and objects are open.
    TooDeep,
    /// The text is longer than the given limit in bytes.
    TooLarge(usize),
    /// The text has more values than the given limit.
    TooMany(usize),
}

/// What the grammar asks for at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Any value.
    Value,
    /// The first value of a list, or its end.
    ValueOrListEnd,
    /// A member's name.
    Name,
    /// The first member's name, or the object's end.
    NameOrObjectEnd,
    /// The colon behind a member's name.
    Colon,
    /// What follows a value in a list.
    CommaOrListEnd,
    /// What follows a value in an object.
    CommaOrObjectEnd,
    /// A digit of a number.
    Digit,
    /// The character behind a backslash.
    Escape,
    /// One of the four digits behind `\u`.
    HexDigit,
    /// The quote that ends a string.
    Quote,
    /// The rest of `null`.
    Null,
    /// The rest of `true`.
    True,
    /// The rest of `false`.
    False,
    /// Nothing more.
    End,
}

/// The expected thing, as it fits behind "expected".
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Expected::Value => "a value",
            Expected::ValueOrListEnd => "a value or `]`",
            Expected::Name => "a member name in double quotes",
            Expected::NameOrObjectEnd => "a member name in double quotes or `}`",
            Expected::Colon => "`:`",
            Expected::CommaOrListEnd => "`,` or `]`",
            Expected::CommaOrObjectEnd => "`,` or `}`",
            Expected::Digit => "a digit",
            Expected::Escape => r#"one of `"\/bfnrtu` behind the backslash"#,
            Expected::HexDigit => r"four hexadecimal digits behind `\u`",
            Expected::Quote => "the closing quote of a string",
            Expected::Null => "`null`",
            Expected::True => "`true`",
            Expected::False => "`false`",
            Expected::End => "nothing more",
        })
    }
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonFault::Expected(what) => write!(f, "not JSON: expected {what}"),
            JsonFault::Ended(what) => {
                write!(f, "not JSON: the text ends where {what} was expected")
            }
            JsonFault::ControlCharacter(byte) => {
                write!(
                    f,
                    r"not JSON: expected `\u{byte:04x}` for a control character in a string"
                )
            }
            JsonFault::NotUtf8 => f.write_str("not JSON: expected UTF-8"),
            JsonFault::TooDeep => write!(
                f,
                "too deep: expected at most {MAX_DEPTH} nested lists and objects"
            ),
            JsonFault::TooLarge(limit) => write!(f, "too large: expected at most {limit} bytes"),
            JsonFault::TooMany(limit) => write!(f, "too large: expected at most {limit} values"),
        }
    }
}

impl JsonError {
    pub(crate) fn new(offset: usize, fault: JsonFault) -> JsonError {
        JsonError { offset, fault }
    }

    /// Whether one of the stated limits refused the text, which may be JSON all the same.
    pub fn is_limit(&self) -> bool {
        matches!(
            self.fault,
            JsonFault::TooDeep | JsonFault::TooLarge(_) | JsonFault::TooMany(_)
        )
    }
}

/// A JSON type, as errors name what they found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonType {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// A list.
    List,
    /// An object.
    Object,
}

impl fmt::Display for JsonType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JsonType::Null => "null",
            JsonType::Bool => "a boolean",
            JsonType::Number => "a number",
            JsonType::String => "a string",
            JsonType::List => "a list",
            JsonType::Object => "an object",
        })
    }
}

/// A member that some packet needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The heartbeat interval of HELLO.
    HbInterval,
    /// The password of HELLO_ACK.
    Password,
    /// What a REQUEST or DISPATCH asks for.
    W,
    /// Its arguments.
    A,
    /// The nonce of a REQUEST and its RESPONSE.
    N,
    /// The data of a RESPONSE.
    R,
}

impl Field {
    /// The member's name.
    pub fn name(self) -> &'static str {
        match self {
            Field::HbInterval => "hb_interval",
            Field::Password => "password",
            Field::W => "w",
            Field::A => "a",
            Field::N => "n",
            Field::R => "r",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why bytes are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at byte {offset}")]
pub struct DecodeError {
    /// Byte offset at which it was noticed: the value that is wrong, or the closing brace of an
    /// object that lacks a member.
    pub offset: usize,
    /// What is wrong.
    pub fault: DecodeFault,
}

/// What is wrong with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeFault {
    /// The bytes are not JSON, or beyond a limit.
    Json(JsonFault),
    /// JSON, but no object.
    NotAnObject(JsonType),
    /// The object has no `op`.
    NoOp,
    /// The object has `op` more than once.
    DuplicateOp,
    /// `op` is no number.
    OpType(JsonType),
    /// `op` is a number, but no integer by value.
    OpNotInteger,
    /// `op` is an integer that the table lacks.
    UnknownOp,
    /// A member that this op needs is missing.
    Missing(Op, Field),
    /// A member that this op needs has another type than the one it needs.
    FieldType {
        /// The packet.
        op: Op,
        /// The member.
        field: Field,
        /// The type it has.
        found: JsonType,
    },
    /// `hb_interval` is a number, but no integer by value, or not above zero.
    Interval,
}

impl fmt::Display for DecodeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeFault::Json(fault) => fault.fmt(f),
            DecodeFault::NotAnObject(found) => {
                write!(f, "not an object: expected `{{`, found {found}")
            }
            DecodeFault::NoOp => f.write_str("no op: expected a member `op`"),
            DecodeFault::DuplicateOp => f.write_str("duplicate op: expected `op` once"),
            DecodeFault::OpType(found) => write!(
                f,
                "op of the wrong type: expected an integer, found {found}"
            ),
            DecodeFault::OpNotInteger => {
                f.write_str("op is no integer: expected an integer by value")
            }
            DecodeFault::UnknownOp => f.write_str("unknown op: expected an integer from 0 to 6"),
            DecodeFault::Missing(op, field) => {
                write!(f, "missing member: expected `{field}` in {op}")
            }
            DecodeFault::FieldType { op, field, found } => {
                let expected = match field {
                    Field::HbInterval => "an integer above zero",
                    Field::Password | Field::W => "a string",
                    Field::A => "a list",
                    Field::N | Field::R => "any value",
                };
                write!(
                    f,
                    "`{field}` of {op} has the wrong type: expected {expected}, found {found}"
                )
            }
            DecodeFault::Interval => f.write_str(
                "`hb_interval` is out of range: expected an integer above zero, by value",
            ),
        }
    }
}

impl From<JsonError> for DecodeError {
    fn from(error: JsonError) -> DecodeError {
        DecodeError {
            offset: error.offset,
            fault: DecodeFault::Json(error.fault),
        }
    }
}

/// A string cannot be given as Rust text: a surrogate escape in it has no partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "lone surrogate in a string: expected a pair of surrogate escapes at byte {offset} of the string"
)]
pub struct LoneSurrogate {
    /// Byte offset of the escape within the string as spelled, behind its opening quote.
    pub offset: usize,
}
