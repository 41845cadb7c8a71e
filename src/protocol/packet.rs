//! Packets, borrowing from the bytes they were read from: what nobody asked to understand stays
//! the exact text it was.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::error::{JsonError, JsonType, LoneSurrogate};
use super::escape;
use super::opcode::Op;
use super::scan;
use super::text::Text;

/// One packet of the protocol.
#[derive(Clone, Copy, PartialEq)]
pub enum Packet<'a> {
    /// Op 0, sent by the server: asks for a handshake.
    Hello {
        /// How often the client has to send HEARTBEAT.
        hb_interval: Interval,
    },
    /// Op 1, sent by the client: the answer to HELLO.
    HelloAck {
        /// The shared secret.
        password: Str<'a>,
    },
    /// Op 2, sent by the client.
    Heartbeat,
    /// Op 3, sent by the server.
    HeartbeatAck,
    /// Op 4, sent by the client.
    Request {
        /// What is asked for.
        w: Str<'a>,
        /// The arguments, a JSON list.
        a: Raw<'a>,
        /// The nonce, any JSON value.
        n: Raw<'a>,
    },
    /// Op 5, sent by the server.
    Response {
        /// The nonce of the REQUEST.
        n: Raw<'a>,
        /// The answer, any JSON value.
        r: Raw<'a>,
    },
    /// Op 6, sent by the client.
    Dispatch {
        /// What is asked for.
        w: Str<'a>,
        /// The arguments, a JSON list.
        a: Raw<'a>,
    },
}

impl Packet<'_> {
    /// The packet's op.
    pub fn op(&self) -> Op {
        match self {
            Packet::Hello { .. } => Op::Hello,
            Packet::HelloAck { .. } => Op::HelloAck,
            Packet::Heartbeat => Op::Heartbeat,
            Packet::HeartbeatAck => Op::HeartbeatAck,
            Packet::Request { .. } => Op::Request,
            Packet::Response { .. } => Op::Response,
            Packet::Dispatch { .. } => Op::Dispatch,
        }
    }
}

/// The packet's name and members, but never a password: this goes to logs.
impl fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct(self.op().name());
        match self {
            Packet::Hello { hb_interval } => out.field("hb_interval", hb_interval),
            Packet::HelloAck { .. } => return out.finish_non_exhaustive(),
            Packet::Heartbeat | Packet::HeartbeatAck => &mut out,
            Packet::Request { w, a, n } => out.field("w", w).field("a", a).field("n", n),
            Packet::Response { n, r } => out.field("n", n).field("r", r),
            Packet::Dispatch { w, a } => out.field("w", w).field("a", a),
        };
        out.finish()
    }
}

/// A JSON value as the exact text it was spelled as, without the blanks around it.
///
/// Two are equal when their spellings are; what compares by meaning is
/// [`Json::same_as`](super::json::Json::same_as).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Raw<'a>(&'a [u8]);

impl<'a> Raw<'a> {
    /// `null`
    pub const NULL: Raw<'static> = Raw(b"null");
    /// `[]`
    pub const EMPTY_LIST: Raw<'static> = Raw(b"[]");

    /// The one JSON value of a text; blanks around it are left out.
    ///
    /// # Errors
    /// The text is not JSON, or nested deeper than [`MAX_DEPTH`](super::limits::MAX_DEPTH) less the
    /// packet that is to hold it.
    pub fn parse(text: &'a str) -> Result<Raw<'a>, JsonError> {
        let bytes = text.as_bytes();
        let start = scan::blanks(bytes, 0);
        let end = scan::value(bytes, start, 1)?;
        scan::end(bytes, end)?;
        Ok(Raw(&bytes[start..end]))
    }

    /// A value that the scanner took.
    pub(super) fn from_scanned(bytes: &'a [u8]) -> Raw<'a> {
        Raw(bytes)
    }

    /// The text. Costs a UTF-8 check, because the bytes came as bytes; [`Raw::as_bytes`] is free.
    pub fn as_str(&self) -> &'a str {
        std::str::from_utf8(self.0).expect("the scanner took these bytes, and it checks UTF-8")
    }

    /// The text's bytes, which are UTF-8.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The value's type.
    pub fn json_type(&self) -> JsonType {
        scan::type_of(self.0, 0)
    }
}

/// The text.
impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text.
impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A string member: the spelling it came with, or characters that are yet to be spelled.
#[derive(Clone, Copy)]
pub struct Str<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    /// What stood between the quotes.
    Spelled(&'a [u8]),
    /// Characters.
    Plain(&'a str),
}

impl<'a> Str<'a> {
    /// A string of these characters, to be sent.
    pub fn plain(text: &'a str) -> Str<'a> {
        Str(Form::Plain(text))
    }

    /// What stood between the quotes of a string that the scanner took.
    pub(super) fn from_scanned(spelled: &'a [u8]) -> Str<'a> {
        Str(Form::Spelled(spelled))
    }

    /// The characters, borrowed unless the spelling has escapes.
    ///
    /// # Errors
    /// A surrogate escape without its partner, which JSON allows and Rust's strings do not.
    pub fn decode(&self) -> Result<Cow<'a, str>, LoneSurrogate> {
        let spelled = match self.0 {
            Form::Plain(text) => return Ok(Cow::Borrowed(text)),
            Form::Spelled(spelled) => spelled,
        };
        if !spelled.contains(&b'\\') {
            let text = std::str::from_utf8(spelled)
                .expect("the scanner took these bytes, and it checks UTF-8");
            return Ok(Cow::Borrowed(text));
        }
        let mut text = String::with_capacity(spelled.len());
        for (offset, point) in escape::code_points(spelled) {
            text.push(char::from_u32(point).ok_or(LoneSurrogate { offset })?);
        }
        Ok(Cow::Owned(text))
    }

    /// The characters, lone surrogates included.
    pub fn to_text(&self) -> Text {
        match self.0 {
            Form::Plain(text) => Text::from(text),
            Form::Spelled(spelled) => Text::from_spelled(spelled),
        }
    }

    /// Appends the string in its quotes: as it came, or as short as the grammar lets it be.
    pub(super) fn write_into(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        match self.0 {
            Form::Spelled(spelled) => out.extend_from_slice(spelled),
            Form::Plain(text) => escape::write_str_escaped(out, text),
        }
        out.push(b'"');
    }
}

impl<'a> From<&'a str> for Str<'a> {
    fn from(text: &'a str) -> Str<'a> {
        Str::plain(text)
    }
}

/// Equal characters, however they are spelled.
impl PartialEq for Str<'_> {
    fn eq(&self, other: &Str<'_>) -> bool {
        match (self.0, other.0) {
            (Form::Plain(a), Form::Plain(b)) => a == b,
            (Form::Spelled(a), Form::Spelled(b)) if a == b => true,
            _ => self.to_text() == other.to_text(),
        }
    }
}

/// The string in its quotes.
impl fmt::Display for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        self.write_into(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

/// The string in its quotes.
impl fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A heartbeat interval in milliseconds: an integer above zero, of any size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    millis: u64,
    saturated: bool,
}

impl Interval {
    /// Any interval of 2^64 ms or more.
    pub const BEYOND: Interval = Interval {
        millis: u64::MAX,
        saturated: true,
    };

    /// An interval of so many milliseconds; none for 0.
    pub fn from_millis(millis: u64) -> Option<Interval> {
        (millis > 0).then_some(Interval {
            millis,
            saturated: false,
        })
    }

    /// The milliseconds; the largest `u64` where there are more.
    pub fn millis(self) -> u64 {
        self.millis
    }

    /// Whether there are more milliseconds than [`Interval::millis`] can say.
    pub fn saturated(self) -> bool {
        self.saturated
    }

    /// The interval as a length of time, cut as [`Interval::millis`] is.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

/// The number of milliseconds as it is sent; 2^64 stands for everything beyond.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.saturated {
            f.write_str("18446744073709551616")
        } else {
            self.millis.fmt(f)
        }
    }
}

/// The number of milliseconds.
impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_reach_the_log() {
        let packet = Packet::HelloAck {
            password: Str::plain("hunter2"),
        };
        assert_eq!(format!("{packet:?}"), "HELLO_ACK { .. }");
    }

    #[test]
    fn strings_are_equal_by_their_characters() {
        let spelled = Str::from_scanned(br"\u0068i");
        assert_eq!(spelled, Str::plain("hi"));
        assert_ne!(spelled, Str::plain("Hi"));
        assert_eq!(spelled.decode().unwrap(), "hi");
        assert!(matches!(
            Str::from_scanned(b"hi").decode(),
            Ok(Cow::Borrowed("hi"))
        ));
    }

    #[test]
    fn a_lone_surrogate_is_found_where_it_stands() {
        assert_eq!(
            Str::from_scanned(br"ab\ud800").decode(),
            Err(LoneSurrogate { offset: 2 })
        );
        assert_eq!(Str::from_scanned(br"\ud83d\ude00").decode().unwrap(), "😀");
        assert_eq!(
            Str::from_scanned(br"\ude00\ud83d").decode(),
            Err(LoneSurrogate { offset: 0 })
        );
    }

    #[test]
    fn an_interval_of_zero_does_not_exist() {
        assert_eq!(Interval::from_millis(0), None);
        assert!(Interval::BEYOND > Interval::from_millis(u64::MAX).unwrap());
    }

    #[test]
    fn raw_values_lose_the_blanks_around_them_and_nothing_else() {
        assert_eq!(Raw::parse(" [ 1.0 ]\n").unwrap().as_str(), "[ 1.0 ]");
        assert!(Raw::parse("1 2").is_err());
        assert!(Raw::parse("").is_err());
        for (text, json_type) in [
            ("null", JsonType::Null),
            ("true", JsonType::Bool),
            ("false", JsonType::Bool),
            ("-1", JsonType::Number),
            ("\"\"", JsonType::String),
            ("[]", JsonType::List),
            ("{}", JsonType::Object),
        ] {
            assert_eq!(Raw::parse(text).unwrap().json_type(), json_type, "{text}");
        }
        assert_eq!(Raw::NULL.as_str(), "null");
    }
}
