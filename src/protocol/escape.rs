//! The characters of JSON strings: escapes resolved into code points, code points written back.
//! A code point is a `u32`, because an escaped surrogate without a partner is none of Rust's `char`s.

/// The code points of a string as spelled between its quotes, each with its byte offset. Pairs of
/// surrogate escapes come as one, lone ones as they are. The spelling must have been scanned.
pub(super) fn code_points(spelled: &[u8]) -> impl Iterator<Item = (usize, u32)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let offset = at;
        let (point, length) = match spelled.get(at)? {
            b'\\' => resolve(&spelled[at..]),
            _ => utf8(&spelled[at..]),
        };
        at += length;
        Some((offset, point))
    })
}

/// The code points of generalised UTF-8: UTF-8 in which surrogates may stand too.
pub(super) fn wide_code_points(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let (point, length) = utf8(rest);
        at += length;
        Some(point)
    })
}

/// The escape at the front and its length.
fn resolve(escape: &[u8]) -> (u32, usize) {
    let point = match escape.get(1) {
        Some(b'u') => {
            let high = hex(&escape[2..]);
            if is_high(high)
                && let Some([b'\\', b'u', rest @ ..]) = escape.get(6..)
                && let low = hex(rest)
                && is_low(low)
            {
                return (pair(high, low), 12);
            }
            return (high, 6);
        }
        Some(b'b') => 0x08,
        Some(b'f') => 0x0c,
        Some(b'n') => u32::from(b'\n'),
        Some(b'r') => u32::from(b'\r'),
        Some(b't') => u32::from(b'\t'),
        Some(other) => u32::from(*other),
        None => u32::from(b'\\'),
    };
    (point, 2)
}

fn hex(digits: &[u8]) -> u32 {
    digits.iter().take(4).fold(0, |value, digit| {
        let digit = char::from(*digit).to_digit(16).unwrap_or(0);
        value << 4 | digit
    })
}

/// The (generalised) UTF-8 sequence at the front and its length.
fn utf8(bytes: &[u8]) -> (u32, usize) {
    let tail = |index: usize| u32::from(bytes.get(index).copied().unwrap_or(0) & 0x3f);
    match bytes[0] {
        first @ 0..0x80 => (u32::from(first), 1),
        first @ 0x80..0xe0 => (u32::from(first & 0x1f) << 6 | tail(1), 2),
        first @ 0xe0..0xf0 => (u32::from(first & 0x0f) << 12 | tail(1) << 6 | tail(2), 3),
        first => (
            u32::from(first & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3),
            4,
        ),
    }
}

pub(super) fn is_high(point: u32) -> bool {
    (0xd800..0xdc00).contains(&point)
}

pub(super) fn is_low(point: u32) -> bool {
    (0xdc00..0xe000).contains(&point)
}

pub(super) fn pair(high: u32, low: u32) -> u32 {
    0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00))
}

/// Appends a code point as generalised UTF-8.
pub(super) fn push(out: &mut Vec<u8>, point: u32) {
    match char::from_u32(point) {
        Some(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        // A surrogate: the three bytes that UTF-8 would give it.
        None => out.extend(
            [
                0xe0 | point >> 12,
                0x80 | point >> 6 & 0x3f,
                0x80 | point & 0x3f,
            ]
            .map(|byte| byte as u8),
        ),
    }
}

/// Appends generalised UTF-8 as the inside of a JSON string, with the shortest escapes where the
/// grammar wants any and `\udxxx` for lone surrogates.
pub(super) fn write_escaped(out: &mut String, wide: &[u8]) {
    for point in wide_code_points(wide) {
        match char::from_u32(point) {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some(char) if char >= ' ' => out.push(char),
            _ => {
                out.push_str("\\u");
                for shift in [12, 8, 4, 0] {
                    out.push(char::from_digit(point >> shift & 0xf, 16).unwrap_or('0'));
                }
            }
        }
    }
}

/// Appends characters as the inside of a JSON string: quote, backslash and control characters are
/// escaped, runs of everything else are copied.
pub(super) fn write_str_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))
    {
        out.extend_from_slice(&rest[..at]);
        let mut escaped = String::new();
        write_escaped(&mut escaped, &rest[at..=at]);
        out.extend_from_slice(escaped.as_bytes());
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(spelled: &str) -> Vec<u32> {
        code_points(spelled.as_bytes())
            .map(|(_, point)| point)
            .collect()
    }

    #[test]
    fn every_escape_resolves() {
        assert_eq!(
            points(r#"\"\\\/\b\f\n\r\t\u0041"#),
            [0x22, 0x5c, 0x2f, 8, 12, 10, 13, 9, 0x41]
        );
    }

    #[test]
    fn surrogate_pairs_merge_and_lone_ones_stay() {
        assert_eq!(points(r"\ud83d\ude00"), [0x1f600]);
        assert_eq!(points(r"\ude00\ud83d"), [0xde00, 0xd83d]);
        assert_eq!(points(r"\ud83d\ud83d\ude00x"), [0xd83d, 0x1f600, 0x78]);
        assert_eq!(points(r"\ud83d\n"), [0xd83d, 10]);
    }

    #[test]
    fn what_is_written_resolves_to_the_same_points() {
        let every = (0..0x10ffff)
            .step_by(61)
            .chain(0..0x100)
            .chain([0xd800, 0x61, 0xdfff, 0x62, 0xffff, 0x10ffff]);
        for point in every {
            let mut wide = Vec::new();
            push(&mut wide, point);
            let mut spelled = String::new();
            write_escaped(&mut spelled, &wide);
            assert_eq!(points(&spelled), [point], "{point:x}");
        }
    }
}
