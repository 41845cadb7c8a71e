//! The tokens of JSON over bytes: each function takes the place where its token begins and gives
//! the place behind it. One pass, no recursion, no allocation; UTF-8 is checked in strings, the only
//! place where the grammar lets anything but ASCII stand.

use super::error::{Expected, JsonError, JsonFault, JsonType};
use super::limits::MAX_DEPTH;

/// The place behind a token.
pub(super) type Scan = Result<usize, JsonError>;

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// The first place at or behind `at` that holds no blank.
#[inline(always)]
pub(super) fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\t' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Marks (in the high bit of each byte) the bytes of a little-endian word that end a plain run in a
/// string: quote, backslash, control character. The lowest mark is exact; marks above it may be
/// false.
#[inline(always)]
fn ends_run(word: u64) -> u64 {
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = word ^ (ONES * b'"' as u64);
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = word ^ (ONES * b'\\' as u64);
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGHS
}

/// A string, from behind its opening quote to behind its closing one.
#[inline(always)]
pub(super) fn string(bytes: &[u8], mut at: usize) -> Scan {
    loop {
        if let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*chunk);
            let marks = ends_run(word) | (word & HIGHS);
            if marks == 0 {
                at += 8;
                continue;
            }
            at += (marks.trailing_zeros() / 8) as usize;
        }
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = escape(bytes, at)?,
            Some(0x80..) => return wide_string(bytes, at),
            Some(0x20..) => at += 1,
            _ => return Err(bad_string(bytes, at)),
        }
    }
}

/// The rest of a string from its first byte beyond ASCII.
#[inline(never)]
fn wide_string(bytes: &[u8], start: usize) -> Scan {
    let mut at = start;
    let end = loop {
        if let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let marks = ends_run(u64::from_le_bytes(*chunk));
            if marks == 0 {
                at += 8;
                continue;
            }
            at += (marks.trailing_zeros() / 8) as usize;
        }
        match bytes.get(at) {
            Some(b'"') => break Ok(at + 1),
            Some(b'\\') => match escape(bytes, at) {
                Ok(behind) => at = behind,
                Err(error) => break Err(error),
            },
            Some(0x20..) => at += 1,
            _ => break Err(bad_string(bytes, at)),
        }
    };
    // Escapes are ASCII, so that the whole stretch can be checked at once.
    match std::str::from_utf8(&bytes[start..at]) {
        Ok(_) => end,
        Err(error) => Err(JsonError::new(
            start + error.valid_up_to(),
            JsonFault::NotUtf8,
        )),
    }
}

/// An escape, from its backslash.
#[inline]
fn escape(bytes: &[u8], at: usize) -> Scan {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            for index in at + 2..at + 6 {
                if !bytes.get(index).is_some_and(u8::is_ascii_hexdigit) {
                    return Err(unexpected(bytes, index, Expected::HexDigit));
                }
            }
            Ok(at + 6)
        }
        _ => Err(unexpected(bytes, at + 1, Expected::Escape)),
    }
}

#[cold]
fn bad_string(bytes: &[u8], at: usize) -> JsonError {
    let fault = match bytes.get(at) {
        Some(control) => JsonFault::ControlCharacter(*control),
        None => JsonFault::Ended(Expected::Quote),
    };
    JsonError::new(at, fault)
}

/// A number, from its first byte, which is a minus or a digit.
#[inline(always)]
pub(super) fn number(bytes: &[u8], mut at: usize) -> Scan {
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match bytes.get(at) {
        Some(b'0') => at + 1,
        Some(b'1'..=b'9') => digits(bytes, at + 1),
        _ => return Err(unexpected(bytes, at, Expected::Digit)),
    };
    match bytes.get(at) {
        Some(b'.' | b'e' | b'E') => fraction(bytes, at),
        // A digit behind a leading zero is left for whoever expects a comma.
        _ => Ok(at),
    }
}

/// The rest of a number from its point or its `e`.
fn fraction(bytes: &[u8], mut at: usize) -> Scan {
    if bytes.get(at) == Some(&b'.') {
        at = some_digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = some_digits(bytes, at)?;
    }
    Ok(at)
}

fn some_digits(bytes: &[u8], at: usize) -> Scan {
    match bytes.get(at) {
        Some(b'0'..=b'9') => Ok(digits(bytes, at + 1)),
        _ => Err(unexpected(bytes, at, Expected::Digit)),
    }
}

#[inline(always)]
fn digits(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    at
}

#[inline]
fn literal(bytes: &[u8], at: usize, word: &[u8], expected: Expected) -> Scan {
    if bytes[at..].starts_with(word) {
        return Ok(at + word.len());
    }
    let same = bytes[at..]
        .iter()
        .zip(word)
        .take_while(|(found, wanted)| found == wanted)
        .count();
    Err(unexpected(bytes, at + same, expected))
}

/// A value that is neither list nor object, from its first byte.
#[inline(always)]
pub(super) fn scalar(bytes: &[u8], at: usize, expected: Expected) -> Scan {
    match bytes.get(at) {
        Some(b'"') => string(bytes, at + 1),
        Some(b'-' | b'0'..=b'9') => number(bytes, at),
        Some(b't') => literal(bytes, at, b"true", Expected::True),
        Some(b'f') => literal(bytes, at, b"false", Expected::False),
        Some(b'n') => literal(bytes, at, b"null", Expected::Null),
        _ => Err(unexpected(bytes, at, expected)),
    }
}

/// Any value, from its first byte; `depth` is how many lists and objects are open around it.
#[inline(always)]
pub(super) fn value(bytes: &[u8], at: usize, depth: usize) -> Scan {
    match bytes.get(at) {
        Some(b'[' | b'{') => nested(bytes, at, depth),
        _ => scalar(bytes, at, Expected::Value),
    }
}

/// A list or an object, from its bracket.
fn nested(bytes: &[u8], mut at: usize, depth: usize) -> Scan {
    let mut open = Open::around(depth);
    let mut expected = Expected::Value;
    loop {
        match bytes.get(at) {
            Some(bracket @ (b'[' | b'{')) => {
                let object = *bracket == b'{';
                open.push(object, at)?;
                at = blanks(bytes, at + 1);
                match (bytes.get(at), object) {
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        at += 1;
                        if open.pop() {
                            return Ok(at);
                        }
                    }
                    (_, true) => {
                        at = name_and_colon(bytes, at, Expected::NameOrObjectEnd)?;
                        expected = Expected::Value;
                        continue;
                    }
                    (_, false) => {
                        expected = Expected::ValueOrListEnd;
                        continue;
                    }
                }
            }
            _ => at = scalar(bytes, at, expected)?,
        }
        loop {
            at = blanks(bytes, at);
            match (bytes.get(at), open.object) {
                (Some(b','), true) => {
                    at = name_and_colon(bytes, blanks(bytes, at + 1), Expected::Name)?;
                    break;
                }
                (Some(b','), false) => {
                    at = blanks(bytes, at + 1);
                    break;
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    at += 1;
                    if open.pop() {
                        return Ok(at);
                    }
                }
                (_, true) => return Err(unexpected(bytes, at, Expected::CommaOrObjectEnd)),
                (_, false) => return Err(unexpected(bytes, at, Expected::CommaOrListEnd)),
            }
        }
        expected = Expected::Value;
    }
}

/// A member's name and the colon, to the first byte of its value.
#[inline(always)]
fn name_and_colon(bytes: &[u8], at: usize, expected: Expected) -> Scan {
    if bytes.get(at) != Some(&b'"') {
        return Err(unexpected(bytes, at, expected));
    }
    let at = string(bytes, at + 1)?;
    colon(bytes, at)
}

/// The colon behind a name, to the first byte of the value.
#[inline(always)]
pub(super) fn colon(bytes: &[u8], at: usize) -> Scan {
    let at = blanks(bytes, at);
    if bytes.get(at) != Some(&b':') {
        return Err(unexpected(bytes, at, Expected::Colon));
    }
    Ok(blanks(bytes, at + 1))
}

/// Blanks up to the end of the text.
#[inline(always)]
pub(super) fn end(bytes: &[u8], at: usize) -> Result<(), JsonError> {
    let at = blanks(bytes, at);
    match bytes.get(at) {
        None => Ok(()),
        Some(_) => Err(unexpected(bytes, at, Expected::End)),
    }
}

/// One value with nothing but blanks around it.
pub(super) fn document(bytes: &[u8]) -> Result<(), JsonError> {
    let at = value(bytes, blanks(bytes, 0), 0)?;
    end(bytes, at)
}

/// The type of a scanned value, which its first byte tells.
#[inline(always)]
pub(super) fn type_of(bytes: &[u8], at: usize) -> JsonType {
    match bytes.get(at) {
        Some(b'"') => JsonType::String,
        Some(b'[') => JsonType::List,
        Some(b'{') => JsonType::Object,
        Some(b't' | b'f') => JsonType::Bool,
        Some(b'n') => JsonType::Null,
        _ => JsonType::Number,
    }
}

/// The error for a byte that is not what was expected.
#[cold]
pub(super) fn unexpected(bytes: &[u8], at: usize, expected: Expected) -> JsonError {
    let fault = if at < bytes.len() {
        JsonFault::Expected(expected)
    } else {
        JsonFault::Ended(expected)
    };
    JsonError::new(at.min(bytes.len()), fault)
}

/// The open lists and objects: a stack of bits, so that depth costs neither calls nor allocation.
struct Open {
    /// Of the level below the innermost: a set bit is an object.
    bits: [u64; MAX_DEPTH / 64],
    /// How many of ours are open.
    count: usize,
    /// How many may be.
    most: usize,
    /// Whether the innermost is an object.
    object: bool,
}

impl Open {
    fn around(depth: usize) -> Open {
        Open {
            bits: [0; MAX_DEPTH / 64],
            count: 0,
            most: MAX_DEPTH - depth,
            object: false,
        }
    }

    #[inline(always)]
    fn push(&mut self, object: bool, at: usize) -> Result<(), JsonError> {
        if self.count >= self.most {
            return Err(JsonError::new(at, JsonFault::TooDeep));
        }
        let (word, bit) = (self.count / 64, self.count % 64);
        self.bits[word] = self.bits[word] & !(1 << bit) | u64::from(self.object) << bit;
        self.object = object;
        self.count += 1;
        Ok(())
    }

    /// Closes the innermost; whether none is left.
    #[inline(always)]
    fn pop(&mut self) -> bool {
        self.count -= 1;
        self.object = self.bits[self.count / 64] >> (self.count % 64) & 1 == 1;
        self.count == 0
    }
}
