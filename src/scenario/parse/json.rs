//! JSON with holes, as sends write it: checked strictly, kept exactly as spelled.

use super::cursor::{Cursor, word_char};
use super::words::variable;
use crate::scenario::error::Problem;
use crate::scenario::syntax::{Filter, Hole, Piece, Template};

/// How many lists and objects may be open at once. Deeper packets are written as `text "[" * 1000`.
pub(super) const MAX_DEPTH: u32 = 128;

const VALUE: &str = "a JSON value or `$name`";
const FILTERS: &str = "`chop`, `swapcase`, `pad`, `nfd` or `empty`";

/// A JSON value with holes.
pub(super) fn template(cur: &mut Cursor<'_>) -> Result<Template, Problem> {
    let mut scan = Scan::new(cur);
    scan.value(0)?;
    Ok(scan.finish())
}

/// A JSON string with holes, its quotes included.
pub(super) fn string(cur: &mut Cursor<'_>) -> Result<Template, Problem> {
    let mut scan = Scan::new(cur);
    scan.string()?;
    Ok(scan.finish())
}

/// A JSON number; a dot belongs to it only where a digit follows, so that `1..5` is a range.
pub(super) fn number<'s>(cur: &mut Cursor<'s>) -> Result<&'s str, Problem> {
    let from = *cur;
    let digits = |cur: &mut Cursor<'_>| cur.take_while(|c| c.is_ascii_digit()).value.len();
    cur.eat("-");
    let first = *cur;
    let whole = digits(cur);
    if whole == 0 {
        return Err(cur.unexpected("a digit"));
    }
    if whole > 1 && first.byte() == Some(b'0') {
        return Err(Problem::new(first.to(cur), "a number with a leading zero"));
    }
    let mut ahead = *cur;
    if ahead.eat(".") && !ahead.rest().starts_with('.') {
        if digits(&mut ahead) == 0 {
            return Err(ahead.unexpected("a digit behind the dot"));
        }
        *cur = ahead;
    }
    if matches!(cur.byte(), Some(b'e' | b'E')) {
        cur.bump();
        if !cur.eat("+") {
            cur.eat("-");
        }
        if digits(cur) == 0 {
            return Err(cur.unexpected("a digit of the exponent"));
        }
    }
    if cur.peek().is_some_and(word_char) {
        return Err(cur.unexpected("the number's end"));
    }
    Ok(cur.since(from.pos()))
}

/// `$name`, the cursor at its `$`.
pub(super) fn value_hole(cur: &mut Cursor<'_>) -> Result<Hole, Problem> {
    let from = *cur;
    cur.eat("$");
    if cur.rest().starts_with('{') {
        return Err(Problem::new(from.here(), "`${..}` outside a string")
            .hint("outside strings write `$name`"));
    }
    let name = variable(cur)?;
    if cur.rest().starts_with('|') {
        return Err(
            Problem::new(cur.here(), "a filter outside a string").hint(format!(
                "write `\"${{{}|chop}}\"`, inside quotes",
                name.value
            )),
        );
    }
    Ok(Hole {
        name: name.value,
        filter: None,
        span: from.to(cur),
    })
}

/// Collects pieces while the cursor walks over JSON.
struct Scan<'c, 's> {
    cur: &'c mut Cursor<'s>,
    pieces: Vec<Piece>,
    /// Literal text that is not yet a piece and is no longer the file's (a `$${` was in it).
    literal: String,
    /// Where literal text begins that is not yet in `literal`.
    from: usize,
}

impl<'c, 's> Scan<'c, 's> {
    fn new(cur: &'c mut Cursor<'s>) -> Scan<'c, 's> {
        let from = cur.pos();
        Scan {
            cur,
            pieces: Vec::new(),
            literal: String::new(),
            from,
        }
    }

    fn finish(mut self) -> Template {
        self.flush();
        Template {
            pieces: self.pieces,
        }
    }

    /// Literal text up to here becomes a piece.
    fn flush(&mut self) {
        self.literal.push_str(self.cur.since(self.from));
        self.from = self.cur.pos();
        if !self.literal.is_empty() {
            self.pieces
                .push(Piece::Literal(std::mem::take(&mut self.literal)));
        }
    }

    fn value(&mut self, depth: u32) -> Result<(), Problem> {
        match self.cur.byte() {
            Some(b'{') => self.items(depth, '}', |scan| scan.member(depth + 1)),
            Some(b'[') => self.items(depth, ']', |scan| scan.value(depth + 1)),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => number(self.cur).map(|_| ()),
            Some(b'$') => {
                self.flush();
                let hole = value_hole(self.cur)?;
                self.pieces.push(Piece::Value(hole));
                self.from = self.cur.pos();
                Ok(())
            }
            Some(c) if c.is_ascii_alphabetic() => self.word(),
            _ => Err(self.cur.unexpected(VALUE)),
        }
    }

    fn word(&mut self) -> Result<(), Problem> {
        let word = self.cur.take_while(word_char);
        match word.value {
            "true" | "false" | "null" => Ok(()),
            "any" | "int" | "number" | "string" | "bool" | "list" | "object" => Err(Problem::new(
                word.span,
                format!("`{}` in a packet that is sent", word.value),
            )
            .expected(VALUE)
            .hint("patterns stand behind `<` only")),
            other => Err(Problem::new(word.span, format!("unknown word `{other}`"))
                .expected(VALUE)
                .near(other, ["true", "false", "null"])),
        }
    }

    /// What stands between brackets, commas between its items.
    fn items(
        &mut self,
        depth: u32,
        close: char,
        mut item: impl FnMut(&mut Self) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        if depth == MAX_DEPTH {
            return Err(Problem::new(
                self.cur.here(),
                format!("JSON nested deeper than {MAX_DEPTH}"),
            )
            .hint("write it as bytes: `> text \"[\" * 1000`"));
        }
        self.cur.bump();
        self.cur.skip_blanks();
        if self.cur.peek() == Some(close) {
            self.cur.bump();
            return Ok(());
        }
        loop {
            item(self)?;
            self.cur.skip_blanks();
            match self.cur.peek() {
                Some(',') => self.cur.bump(),
                Some(c) if c == close => {
                    self.cur.bump();
                    return Ok(());
                }
                _ => return Err(self.cur.unexpected(format!("`,` or `{close}`"))),
            }
            self.cur.skip_blanks();
            if self.cur.peek() == Some(close) {
                return Err(
                    Problem::new(self.cur.here(), format!("a comma before `{close}`"))
                        .hint("what is no JSON is sent as bytes: `> text \"..\"`"),
                );
            }
        }
    }

    fn member(&mut self, depth: u32) -> Result<(), Problem> {
        if self.cur.byte() != Some(b'"') {
            return Err(self.cur.unexpected("a member's name in quotes"));
        }
        self.string()?;
        self.cur.skip_blanks();
        if !self.cur.eat(":") {
            return Err(self.cur.unexpected("`:`"));
        }
        self.cur.skip_blanks();
        self.value(depth)
    }

    fn string(&mut self) -> Result<(), Problem> {
        let from = *self.cur;
        if !self.cur.eat("\"") {
            return Err(self.cur.unexpected("a string in quotes"));
        }
        loop {
            let plain = |c: char| !matches!(c, '"' | '\\' | '$' | '\t');
            self.cur.take_while(plain);
            match self.cur.byte() {
                Some(b'"') => {
                    self.cur.bump();
                    return Ok(());
                }
                Some(b'\\') => escape(self.cur)?,
                Some(b'$') => self.dollar()?,
                Some(_) => {
                    return Err(
                        Problem::new(self.cur.here(), "a tab inside a string").hint("write `\\t`")
                    );
                }
                None => {
                    return Err(Problem::new(
                        from.to(self.cur),
                        "a string without its closing quote",
                    )
                    .hint("a quote inside a string is written `\\\"`"));
                }
            }
        }
    }

    /// A `$` inside a string: a hole, a literal `${`, or nothing but itself.
    fn dollar(&mut self) -> Result<(), Problem> {
        if self.cur.rest().starts_with("$${") {
            self.literal.push_str(self.cur.since(self.from));
            self.cur.skip(1);
            self.from = self.cur.pos();
            self.cur.skip(2);
            return Ok(());
        }
        let from = *self.cur;
        if !from.rest().starts_with("${") {
            self.cur.bump();
            return Ok(());
        }
        self.flush();
        self.cur.skip(2);
        let name = variable(self.cur).map_err(|problem| match problem.suggestion {
            Some(hint) => Problem {
                suggestion: Some(format!("{hint}; a literal `${{` is `$${{`")),
                ..problem
            },
            None => problem,
        })?;
        let filter = if self.cur.eat("|") {
            Some(filter(self.cur)?)
        } else {
            None
        };
        if !self.cur.eat("}") {
            return Err(self.cur.unexpected("`}`"));
        }
        self.pieces.push(Piece::InString(Hole {
            name: name.value,
            filter,
            span: from.to(self.cur),
        }));
        self.from = self.cur.pos();
        Ok(())
    }
}

fn filter(cur: &mut Cursor<'_>) -> Result<Filter, Problem> {
    let from = *cur;
    let word = cur.take_while(word_char);
    if word.value.is_empty() {
        return Err(from.unexpected(format!("a filter: {FILTERS}")));
    }
    Filter::ALL
        .into_iter()
        .find(|filter| filter.word() == word.value)
        .ok_or_else(|| {
            Problem::new(word.span, format!("unknown filter `{}`", word.value))
                .expected(FILTERS)
                .near(word.value, Filter::ALL.map(Filter::word))
        })
}

fn escape(cur: &mut Cursor<'_>) -> Result<(), Problem> {
    let from = *cur;
    cur.bump();
    match cur.peek() {
        Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => {
            cur.bump();
            Ok(())
        }
        Some('u') => {
            cur.bump();
            for _ in 0..4 {
                if !cur.byte().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                    return Err(cur.unexpected("four hexadecimal digits behind `\\u`"));
                }
                cur.bump();
            }
            Ok(())
        }
        _ => {
            cur.bump();
            Err(Problem::new(
                from.to(cur),
                format!("`{}` is no escape of JSON", cur.since(from.pos())),
            )
            .expected(
                "`\\\"`, `\\\\`, `\\/`, `\\b`, `\\f`, `\\n`, `\\r`, `\\t` or `\\u` and four digits",
            )
            .hint("a backslash itself is `\\\\`"))
        }
    }
}
