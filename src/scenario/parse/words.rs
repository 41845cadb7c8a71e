//! The vocabulary and the small things that lines are made of: names, numbers, times, bounds, marks.

use super::cursor::{Cursor, word_char};
use crate::protocol::rules;
use crate::scenario::error::Problem;
use crate::scenario::syntax::{Bound, Mark, Span, Spanned, Time, Unit};

/// Words that open a header line.
pub(super) const HEADER: [&str; 8] = [
    "title", "rule", "level", "control", "kind", "manual", "each", "was",
];
/// Words that open a step.
pub(super) const STEPS: [&str; 15] = [
    "use", "wait", "waits", "beat", "every", "repeat", "in", "either", "or", "together", "ignore",
    "alive", "connect", "driver", "offer",
];
/// Words behind `>`.
pub(super) const SENDS: [&str; 10] = [
    "text",
    "binary",
    "ping",
    "pong",
    "close",
    "eof",
    "reset",
    "raw",
    "fragments",
    "http",
];
/// Words behind `<`.
pub(super) const EXPECTS: [&str; 12] = [
    "text", "binary", "ping", "pong", "close", "closed", "connects", "nothing", "probe", "exactly",
    "any", "object",
];
/// Greatest count of a `repeat`.
pub(super) const MAX_REPEAT: u32 = 1_000_000;
/// Greatest count of a payload part.
pub(super) const MAX_TIMES: u32 = 1 << 26;
/// Greatest number in a time.
const MAX_TIME: f64 = 1e9;

/// A variable's name behind its `$`.
pub(super) fn variable(cur: &mut Cursor<'_>) -> Result<Spanned<String>, Problem> {
    let from = *cur;
    let plain = cur.take_while(word_char);
    if !is_name(plain.value) {
        let problem = if plain.value.is_empty() {
            from.unexpected("a variable's name")
        } else {
            Problem::new(
                plain.span,
                format!("`{}` is no variable's name", plain.value),
            )
        };
        return Err(problem.hint("names are lower-case letters, digits and `_`, a letter first"));
    }
    let mut ahead = *cur;
    if ahead.eat(".") && ahead.peek().is_some_and(|c| c.is_ascii_lowercase()) {
        ahead.take_while(|c| c.is_ascii_lowercase());
        *cur = ahead;
    }
    Ok(Spanned {
        value: cur.since(from.pos()).to_owned(),
        span: from.to(cur),
    })
}

/// Whether this names a variable or a connection.
pub(super) fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// A whole number from `min` to `max`.
pub(super) fn count(cur: &mut Cursor<'_>, what: &str, min: u32, max: u32) -> Result<u32, Problem> {
    let from = *cur;
    let digits = cur.take_while(word_char);
    if !digits.value.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(from.unexpected(what));
    }
    match digits.value.parse::<u32>() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(
            Problem::new(digits.span, format!("`{}` is no {what}", digits.value))
                .expected(format!("a whole number from {min} to {max}")),
        ),
    }
}

/// A close code, any the wire can carry.
pub(super) fn close_code(cur: &mut Cursor<'_>) -> Result<u16, Problem> {
    let code = count(cur, "close code", 0, u32::from(u16::MAX))?;
    Ok(u16::try_from(code).unwrap_or(u16::MAX))
}

/// A sum of lengths of time: `4hb+grace`.
pub(super) fn time(cur: &mut Cursor<'_>) -> Result<Time, Problem> {
    let mut terms = vec![term(cur)?];
    while cur.eat("+") {
        terms.push(term(cur)?);
    }
    Ok(Time { terms })
}

fn term(cur: &mut Cursor<'_>) -> Result<(f64, Unit), Problem> {
    const EXPECTED: &str = "a time such as `0.5hb`, `200ms`, `3s` or `grace`";
    let from = *cur;
    if cur.peek_word() == "grace" {
        cur.skip("grace".len());
        return Ok((1.0, Unit::Grace));
    }
    if !cur.peek().is_some_and(|c| c.is_ascii_digit()) {
        return Err(from.unexpected(EXPECTED));
    }
    cur.take_while(|c| c.is_ascii_digit());
    let mut ahead = *cur;
    if ahead.eat(".") && ahead.peek().is_some_and(|c| c.is_ascii_digit()) {
        ahead.take_while(|c| c.is_ascii_digit());
        *cur = ahead;
    }
    let number = Spanned {
        value: cur.since(from.pos()),
        span: from.to(cur),
    };
    let value = match number.value.parse::<f64>() {
        Ok(value) if value <= MAX_TIME => value,
        _ => return Err(Problem::new(number.span, "a time beyond 1,000,000,000")),
    };
    let unit_at = *cur;
    let unit = cur.take_while(word_char);
    let unit = match unit.value {
        "hb" => Unit::Hb,
        "ms" => Unit::Ms,
        "s" => Unit::S,
        "" => return Err(unit_at.unexpected("a unit: `hb`, `ms` or `s`")),
        other => {
            return Err(Problem::new(unit.span, format!("unknown unit `{other}`"))
                .expected("`hb` (heartbeat intervals), `ms` or `s`")
                .near(
                    if other.starts_with("sec") { "s" } else { other },
                    ["hb", "ms", "s"],
                ));
        }
    };
    Ok((value, unit))
}

/// `within A..B`, where it stands here.
pub(super) fn bound(cur: &mut Cursor<'_>) -> Result<Option<Bound>, Problem> {
    cur.skip_blanks();
    let from = *cur;
    if !cur.eat_word("within") {
        return Ok(None);
    }
    let min = if cur.rest().starts_with("..") {
        None
    } else {
        Some(time(cur)?)
    };
    let behind_min = *cur;
    if !cur.eat("..") {
        let hint = format!(
            "write `within ..{0}` for at most, `within {0}..` for at least",
            shown_min(&from, cur)
        );
        return Err(behind_min.unexpected("`..`").hint(hint));
    }
    let max = if cur.done() || cur.rest().starts_with([' ', '@']) {
        None
    } else {
        Some(time(cur)?)
    };
    let span = from.to(cur);
    match (&min, &max) {
        (None, None) => {
            Err(Problem::new(span, "a bound without a time")
                .expected("`within A..B`, `A..` or `..B`"))
        }
        (Some(min), Some(max)) if surely_longer(min, max) => Err(Problem::new(
            span,
            "the bound's least time is longer than its greatest",
        )),
        _ => Ok(Some(Bound { min, max, span })),
    }
}

fn shown_min<'s>(from: &Cursor<'s>, cur: &Cursor<'s>) -> &'s str {
    cur.since(from.pos()).trim_start_matches("within").trim()
}

/// Whether one time is longer than the other whatever the interval and the grace are.
fn surely_longer(a: &Time, b: &Time) -> bool {
    let (a, b) = (sums(a), sums(b));
    a.iter().zip(b).all(|(a, b)| *a >= b) && a.iter().zip(b).any(|(a, b)| *a > b)
}

/// Intervals, milliseconds, graces.
fn sums(time: &Time) -> [f64; 3] {
    let mut sums = [0.0; 3];
    for (value, unit) in &time.terms {
        match unit {
            Unit::Hb => sums[0] += value,
            Unit::Ms => sums[1] += value,
            Unit::S => sums[1] += value * 1000.0,
            Unit::Grace => sums[2] += value,
        }
    }
    sums
}

/// `@rule.id` or `@rule.id should`, where it stands here.
pub(super) fn mark(cur: &mut Cursor<'_>) -> Result<Option<Mark>, Problem> {
    cur.skip_blanks();
    let from = *cur;
    if !cur.eat("@") {
        return Ok(None);
    }
    let id = rule_id(cur)?;
    let mut ahead = *cur;
    ahead.skip_blanks();
    let should = ahead.peek_word() == "should";
    if should {
        let word = ahead.take_while(word_char);
        *cur = ahead;
        weaker_part(&id.value, word.span)?;
    }
    Ok(Some(Mark {
        rule: id.value,
        should,
        span: from.to(cur),
    }))
}

/// A rule's id: one of the catalogue, or a user's own that begins with `x.`.
pub(super) fn rule_id(cur: &mut Cursor<'_>) -> Result<Spanned<String>, Problem> {
    let from = *cur;
    let id = cur.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if id.value.is_empty() {
        return Err(from.unexpected("a rule's id, for example `auth.reject`"));
    }
    let id = Spanned {
        value: id.value.to_owned(),
        span: id.span,
    };
    if is_own_rule(&id.value) || rules::find(&id.value).is_some() {
        return Ok(id);
    }
    let problem = Problem::new(id.span, format!("unknown rule `{}`", id.value));
    let near = rules::near(&id.value);
    Err(match near.first() {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint("`litespec list rules` shows them all; your own begin with `x.`"),
    })
}

/// Whether a rule is a user's own.
pub(super) fn is_own_rule(id: &str) -> bool {
    id.strip_prefix("x.").is_some_and(|rest| !rest.is_empty())
}

fn weaker_part(id: &str, span: Span) -> Result<(), Problem> {
    if rules::find(id).is_some_and(|rule| rule.should.is_some()) {
        return Ok(());
    }
    Err(Problem::new(span, format!("`{id}` has no weaker part"))
        .hint("`should` is for rules that are partly a must and partly a should"))
}

/// A scenario's id: `server/auth/wrong-password`.
pub(super) fn scenario_id(cur: &mut Cursor<'_>) -> Result<Spanned<String>, Problem> {
    let from = *cur;
    let id = cur.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/'));
    if id.value.is_empty() {
        return Err(from.unexpected("a scenario's id, for example `server/auth/right-password`"));
    }
    if let Some(path) = id.value.strip_suffix(".scenario") {
        return Err(Problem::new(id.span, "an id has no `.scenario` at its end")
            .hint(format!("write `{path}`")));
    }
    Ok(Spanned {
        value: id.value.to_owned(),
        span: id.span,
    })
}
