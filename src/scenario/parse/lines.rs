//! What stands behind an arrow: `> ..` and `< ..`.

use super::cursor::Cursor;
use super::words::{EXPECTS, MAX_TIMES, SENDS, bound, close_code, count, mark, time};
use super::{json, pattern};
use crate::scenario::error::Problem;
use crate::scenario::syntax::{
    Expect, Expectation, Payload, PayloadBytes, PayloadPart, Send, Span,
};

/// What stands behind `>`, the cursor behind the blanks.
pub(super) fn send(cur: &mut Cursor<'_>) -> Result<Send, Problem> {
    const EXPECTED: &str = "a packet `{..}` or one of `text`, `binary`, `ping`, `pong`, `close`, `eof`, `reset`, \
                            `raw`, `fragments`, `http`";
    if matches!(
        cur.byte(),
        Some(b'{' | b'[' | b'"' | b'$' | b'-' | b'0'..=b'9')
    ) {
        return Ok(Send::Packet(json::template(cur)?));
    }
    let from = *cur;
    let word = cur.peek_word();
    if matches!(word, "null" | "true" | "false") {
        return Ok(Send::Packet(json::template(cur)?));
    }
    cur.eat_word(word);
    Ok(match word {
        "text" => Send::Text(payload(cur)?),
        "binary" => Send::Binary(payload(cur)?),
        "ping" => Send::Ping(optional_payload(cur)?),
        "pong" => Send::Pong(optional_payload(cur)?),
        "close" => close(cur)?,
        "eof" => Send::Eof,
        "reset" => Send::Reset,
        "raw" => Send::Raw(payload(cur)?),
        "fragments" => Send::Fragments(payload(cur)?),
        "http" => Send::Http(http_status(cur)?),
        _ => return Err(unknown(&from, EXPECTED, &SENDS)),
    })
}

fn http_status(cur: &mut Cursor<'_>) -> Result<u16, Problem> {
    let status = count(cur, "HTTP status", 100, 999)?;
    Ok(u16::try_from(status).unwrap_or(u16::MAX))
}

fn close(cur: &mut Cursor<'_>) -> Result<Send, Problem> {
    if cur.done() || cur.byte() == Some(b'@') {
        return Ok(Send::Close {
            code: None,
            reason: None,
        });
    }
    if matches!(cur.byte(), Some(b'"' | b'$')) {
        return Err(cur
            .unexpected("a close code")
            .hint("a reason stands behind a code: `> close 1000 \"bye\"`"));
    }
    let code = Some(close_code(cur)?);
    cur.skip_blanks();
    Ok(Send::Close {
        code,
        reason: optional_payload(cur)?,
    })
}

/// What stands behind `<`, with its bound and its mark, the cursor behind the blanks.
pub(super) fn expectation(cur: &mut Cursor<'_>, conn: String) -> Result<Expectation, Problem> {
    let what = expect(cur)?;
    let bound_at = *cur;
    let bound = bound(cur)?;
    if let (Some(bound), Expect::Nothing(_) | Expect::Probe(_)) = (&bound, &what) {
        return Err(Problem::new(
            bound.span,
            "a bound on a line that has its own time",
        ));
    }
    let mark = mark(cur)?;
    if bound.is_none() {
        say_how_long(&bound_at)?;
    }
    Ok(Expectation {
        conn,
        what,
        bound,
        mark,
    })
}

/// `< close 4003 for 1s` and `< close 4003 1s` mean a bound.
fn say_how_long(cur: &Cursor<'_>) -> Result<(), Problem> {
    let mut ahead = *cur;
    ahead.skip_blanks();
    if matches!(ahead.peek_word(), "for" | "in" | "after" | "before") {
        return Err(ahead
            .unexpected("`within`, `@rule.id` or the line's end")
            .hint("how long an expectation waits is written `within A..B`"));
    }
    Ok(())
}

fn expect(cur: &mut Cursor<'_>) -> Result<Expect, Problem> {
    const EXPECTED: &str = "a packet's pattern `{..}` or one of `text`, `binary`, `ping`, `pong`, `close`, `closed`, \
                            `connects`, `nothing for`, `probe`";
    let from = *cur;
    let word = cur.peek_word();
    if cur.byte() == Some(b'{') || matches!(word, "exactly" | "any" | "object") {
        return Ok(Expect::Packet(pattern::packet(cur)?));
    }
    cur.eat_word(word);
    Ok(match word {
        "text" => Expect::Text(payload(cur)?),
        "binary" => Expect::Binary(payload(cur)?),
        "ping" => Expect::Ping(optional_payload(cur)?),
        "pong" => Expect::Pong(optional_payload(cur)?),
        "close" if cur.byte().is_some_and(|byte| byte.is_ascii_digit()) => {
            Expect::Close(Some(close_code(cur)?))
        }
        "close" => Expect::Close(None),
        "closed" => Expect::Closed,
        "connects" => Expect::Connects,
        "nothing" if cur.eat_word("for") => Expect::Nothing(time(cur)?),
        "nothing" => return Err(cur.unexpected("`for` and a time: `< nothing for 1s`")),
        "probe" => Expect::Probe(time(cur)?),
        _ => return Err(unknown(&from, EXPECTED, &EXPECTS)),
    })
}

fn unknown(cur: &Cursor<'_>, expected: &str, words: &[&str]) -> Problem {
    let word = cur.peek_word();
    if word.is_empty() {
        return cur.unexpected(expected);
    }
    let mut behind = *cur;
    behind.skip(word.len());
    Problem::new(cur.to(&behind), format!("unknown word `{word}`"))
        .expected(expected)
        .near(word, words.iter().copied())
}

fn optional_payload(cur: &mut Cursor<'_>) -> Result<Option<Payload>, Problem> {
    if begins_part(cur) {
        payload(cur).map(Some)
    } else {
        Ok(None)
    }
}

fn begins_part(cur: &Cursor<'_>) -> bool {
    matches!(cur.byte(), Some(b'"' | b'$')) || cur.byte().is_some_and(|byte| byte.is_ascii_digit())
}

fn payload(cur: &mut Cursor<'_>) -> Result<Payload, Problem> {
    let mut parts = Vec::new();
    loop {
        cur.skip_blanks();
        if !begins_part(cur) {
            break;
        }
        parts.push(part(cur)?);
    }
    if parts.is_empty() {
        return Err(cur.unexpected("bytes: `\"text\"`, `0xff` or `$name`"));
    }
    Ok(Payload { parts })
}

fn part(cur: &mut Cursor<'_>) -> Result<PayloadPart, Problem> {
    let from = *cur;
    let bytes = match cur.byte() {
        Some(b'"') => PayloadBytes::Text(json::string(cur)?),
        Some(b'$') => PayloadBytes::Var(json::value_hole(cur)?),
        _ => PayloadBytes::Hex(hex(cur)?),
    };
    let span: Span = from.to(cur);
    let mut ahead = *cur;
    ahead.skip_blanks();
    let times = if ahead.eat("*") {
        ahead.skip_blanks();
        *cur = ahead;
        count(cur, "count", 1, MAX_TIMES)?
    } else {
        1
    };
    if !cur.done() && !matches!(cur.byte(), Some(b' ' | b'@')) {
        return Err(cur.unexpected("a blank between the parts"));
    }
    Ok(PayloadPart { bytes, times, span })
}

fn hex(cur: &mut Cursor<'_>) -> Result<Vec<u8>, Problem> {
    if !cur.eat("0x") {
        return Err(cur.unexpected("`0x` and hexadecimal digits"));
    }
    let digits = cur.take_while(|c| c.is_ascii_hexdigit());
    if digits.value.is_empty() {
        return Err(cur.unexpected("hexadecimal digits"));
    }
    if digits.value.len() % 2 == 1 {
        return Err(
            Problem::new(digits.span, "an odd number of hexadecimal digits")
                .expected("two digits a byte"),
        );
    }
    let nibble = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
            .unwrap_or(0)
    };
    Ok(digits
        .value
        .as_bytes()
        .chunks_exact(2)
        .map(|pair| nibble(pair[0]) << 4 | nibble(pair[1]))
        .collect())
}

/// Whether a word stands behind an arrow.
pub(super) fn is_word(word: &str) -> bool {
    SENDS.contains(&word) || EXPECTS.contains(&word)
}
