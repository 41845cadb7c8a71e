//! A string's characters as JSON means them, lone surrogates included.

use std::borrow::Cow;
use std::fmt;

use super::escape;

/// A JSON string's characters: code points, lone surrogates included (kept as generalised UTF-8).
///
/// Two texts are equal when their code points are; surrogate pairs count as the one code point
/// that they stand for, however they were spelled.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Box<[u8]>);

impl Text {
    /// The text of a string as spelled between its quotes; the spelling must have been scanned.
    pub(super) fn from_spelled(spelled: &[u8]) -> Text {
        if !spelled.contains(&b'\\') {
            return Text(spelled.into());
        }
        let mut wide = Vec::with_capacity(spelled.len());
        for (_, point) in escape::code_points(spelled) {
            escape::push(&mut wide, point);
        }
        Text(wide.into())
    }

    /// The text of these code points; surrogates that make a pair are joined, and values beyond
    /// U+10FFFF become U+FFFD.
    pub fn from_code_points(points: impl IntoIterator<Item = u32>) -> Text {
        let mut wide = Vec::new();
        let mut high = None;
        for point in points {
            let point = if point > 0x10ffff { 0xfffd } else { point };
            if let Some(first) = high.take() {
                if escape::is_low(point) {
                    escape::push(&mut wide, escape::pair(first, point));
                    continue;
                }
                escape::push(&mut wide, first);
            }
            if escape::is_high(point) {
                high = Some(point);
            } else {
                escape::push(&mut wide, point);
            }
        }
        if let Some(last) = high {
            escape::push(&mut wide, last);
        }
        Text(wide.into())
    }

    /// The code points, lone surrogates among them.
    pub fn code_points(&self) -> impl Iterator<Item = u32> + '_ {
        escape::wide_code_points(&self.0)
    }

    /// The text, unless it has a lone surrogate.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The text, with U+FFFD for each lone surrogate.
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        match self.as_str() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(
                self.code_points()
                    .map(|point| char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect(),
            ),
        }
    }

    /// The code points as generalised UTF-8: UTF-8, but for lone surrogates, which take the three
    /// bytes that UTF-8 would give them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Appends what stands between the quotes of a JSON string with these characters.
    pub fn escape_into(&self, out: &mut String) {
        escape::write_escaped(out, &self.0);
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text(text.as_bytes().into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text(text.into_bytes().into())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other.as_bytes()
    }
}

/// A JSON string in its quotes.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut spelled = String::with_capacity(self.0.len() + 2);
        spelled.push('"');
        self.escape_into(&mut spelled);
        spelled.push('"');
        f.write_str(&spelled)
    }
}

/// As [`Display`](fmt::Display).
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(spelled: &str) -> Text {
        Text::from_spelled(spelled.as_bytes())
    }

    #[test]
    fn a_pair_of_escapes_equals_the_character_and_its_halves_do_not() {
        assert_eq!(spelled(r"\ud83d\ude00"), Text::from("😀"));
        assert_ne!(spelled(r"\ude00\ud83d"), Text::from("😀"));
        assert_eq!(Text::from_code_points([0xd83d, 0xde00]), Text::from("😀"));
        assert_ne!(spelled(r"\ud800"), spelled(r"\ud801"));
        assert_ne!(spelled(r"\ud800"), Text::from("\u{fffd}"));
    }

    #[test]
    fn a_lone_surrogate_has_no_str_but_a_lossy_one() {
        let lone = spelled(r"a\ud800b");
        assert_eq!(lone.as_str(), None);
        assert_eq!(lone.to_str_lossy(), "a\u{fffd}b");
        assert_eq!(lone.as_bytes(), [b'a', 0xed, 0xa0, 0x80, b'b']);
        assert_eq!(lone.to_string(), r#""a\ud800b""#);
    }

    #[test]
    fn normal_forms_are_different_texts() {
        assert_ne!(Text::from("\u{e9}"), Text::from("e\u{301}"));
        assert_eq!(spelled(r"\u00e9"), Text::from("é"));
    }
}
