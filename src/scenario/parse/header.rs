//! The header: one line a key, above the first step.

use super::cursor::{Cursor, word_char};
use super::json;
use super::words::{self, is_own_rule, rule_id, scenario_id, variable};
use crate::protocol::rules::{self, Level, RoleOf};
use crate::scenario::error::Problem;
use crate::scenario::syntax::{Each, Header, Lead, Manual, Role, Span, Spanned};
use crate::scenario::values::DECLARED;

/// How many values `each` takes.
const MAX_VALUES: usize = 10_000;
/// How many characters a title has at most.
const MAX_TITLE: usize = 200;

/// The header while it is read.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) lead: Vec<Lead>,
    title: Option<Spanned<String>>,
    rules: Vec<Spanned<String>>,
    control: Option<Spanned<String>>,
    kind: Option<Span>,
    manual: Option<(Manual, Span)>,
    each: Option<Each>,
    level: Option<Spanned<Level>>,
    was: Vec<Spanned<String>>,
}

impl Draft {
    /// Whether no key has been read.
    pub(super) fn is_empty(&self) -> bool {
        self.title.is_none()
            && self.rules.is_empty()
            && self.control.is_none()
            && self.kind.is_none()
            && self.manual.is_none()
            && self.each.is_none()
            && self.level.is_none()
            && self.was.is_empty()
    }

    /// Reads the value of a key; the cursor stands behind the key and its blanks.
    pub(super) fn line(
        &mut self,
        key: &Spanned<&str>,
        cur: &mut Cursor<'_>,
    ) -> Result<(), Problem> {
        match key.value {
            "title" => once(&self.title, key)?,
            "control" => once(&self.control, key)?,
            "kind" => once(&self.kind, key)?,
            "manual" => once(&self.manual, key)?,
            "each" => once(&self.each, key)?,
            "level" => once(&self.level, key)?,
            _ => {}
        }
        match key.value {
            "title" => self.title = Some(title(cur)?),
            "rule" => list(cur, "a rule's id", &mut self.rules, rule_id)?,
            "control" => self.control = Some(scenario_id(cur)?),
            "kind" => self.kind = Some(kind(cur)?),
            "manual" => self.manual = Some(manual(cur)?),
            "each" => self.each = Some(each(cur)?),
            "level" => self.level = Some(level(cur)?),
            _ => list(cur, "a scenario's id", &mut self.was, scenario_id)?,
        }
        Ok(())
    }

    /// The finished header; `first` is the place of the first step.
    pub(super) fn finish(self, first: Span) -> Result<Header, Problem> {
        let missing = |key: &str, example: &str| {
            Problem::new(first, format!("the header has no `{key}`"))
                .hint(format!("add a line above: `{example}`"))
        };
        let title = self
            .title
            .ok_or_else(|| missing("title", "title  What a right target does"))?;
        if self.rules.is_empty() {
            return Err(missing("rule", "rule   auth.reject"));
        }
        Ok(Header {
            lead: self.lead,
            title,
            rules: self.rules,
            control: self.control,
            hostile: self.kind.is_some(),
            manual: self.manual.map(|(manual, _)| manual).unwrap_or_default(),
            each: self.each,
            level: self.level,
            was: self.was,
        })
    }

    /// Where `manual` was said.
    pub(super) fn manual_at(&self) -> Option<(Manual, Span)> {
        self.manual
    }
}

fn once<T>(there: &Option<T>, key: &Spanned<&str>) -> Result<(), Problem> {
    match there {
        None => Ok(()),
        Some(_) => Err(Problem::new(key.span, format!("a second `{}`", key.value))),
    }
}

/// The rest of the line, `#` included: a title needs no quotes and has no comment.
fn title(cur: &mut Cursor<'_>) -> Result<Spanned<String>, Problem> {
    let from = *cur;
    if let Some(tab) = cur.rest().find('\t') {
        cur.skip(tab);
        return Err(cur.unexpected("a sentence"));
    }
    let text = cur.rest();
    cur.skip(text.len());
    if text.is_empty() {
        return Err(from.unexpected("a sentence: what a right target does"));
    }
    if text.chars().count() > MAX_TITLE {
        return Err(Problem::new(
            from.to(cur),
            format!("a title longer than {MAX_TITLE} characters"),
        ));
    }
    Ok(Spanned {
        value: text.to_owned(),
        span: from.to(cur),
    })
}

/// One or more ids with blanks between them, none of them twice.
fn list<'s>(
    cur: &mut Cursor<'s>,
    what: &str,
    into: &mut Vec<Spanned<String>>,
    one: impl Fn(&mut Cursor<'s>) -> Result<Spanned<String>, Problem>,
) -> Result<(), Problem> {
    if cur.done() {
        return Err(cur.unexpected(what));
    }
    while !cur.done() {
        let id = one(cur)?;
        if into.iter().any(|earlier| earlier.value == id.value) {
            return Err(Problem::new(
                id.span,
                format!("`{}` is named twice", id.value),
            ));
        }
        into.push(id);
        if cur.byte() == Some(b',') {
            return Err(cur.unexpected("a blank between ids"));
        }
        if !cur.done() && cur.byte() != Some(b' ') {
            return Err(cur.unexpected(what));
        }
        cur.skip_blanks();
    }
    Ok(())
}

fn kind(cur: &mut Cursor<'_>) -> Result<Span, Problem> {
    let word = cur.take_while(word_char);
    match word.value {
        "hostile" => Ok(word.span),
        "" => Err(cur.unexpected("`hostile`")),
        other => Err(Problem::new(word.span, format!("unknown kind `{other}`"))
            .expected("`hostile`")
            .near(other, ["hostile"])),
    }
}

fn manual(cur: &mut Cursor<'_>) -> Result<(Manual, Span), Problem> {
    let mut manual = Manual::default();
    let from = *cur;
    let mut behind = *cur;
    if cur.done() {
        return Err(cur.unexpected("`pong`, `close` or `ack`"));
    }
    while !cur.done() {
        let word = cur.take_while(word_char);
        let flag = match word.value {
            "pong" => &mut manual.pong,
            "close" => &mut manual.close,
            "ack" => &mut manual.ack,
            "" => return Err(cur.unexpected("`pong`, `close` or `ack`")),
            other => {
                return Err(Problem::new(word.span, format!("unknown word `{other}`"))
                    .expected("`pong`, `close` or `ack`: what the harness shall not do by itself")
                    .near(other, ["pong", "close", "ack"]));
            }
        };
        if std::mem::replace(flag, true) {
            return Err(Problem::new(
                word.span,
                format!("`{}` is named twice", word.value),
            ));
        }
        behind = *cur;
        cur.skip_blanks();
    }
    Ok((manual, from.to(&behind)))
}

fn level(cur: &mut Cursor<'_>) -> Result<Spanned<Level>, Problem> {
    const EXPECTED: &str = "`must`, `should` or `open`";
    let word = cur.take_while(word_char);
    let value = match word.value {
        "must" => Level::Must,
        "should" => Level::Should,
        "open" => Level::Open,
        "" => return Err(cur.unexpected(EXPECTED)),
        other => {
            return Err(Problem::new(word.span, format!("unknown level `{other}`"))
                .expected(EXPECTED)
                .near(other, ["must", "should", "open"]));
        }
    };
    Ok(Spanned {
        value,
        span: word.span,
    })
}

fn each(cur: &mut Cursor<'_>) -> Result<Each, Problem> {
    let from = *cur;
    if !cur.eat("$") {
        return Err(cur.unexpected("a variable: `each $n = 0, 1, null`"));
    }
    let name = variable(cur)?;
    let span = from.to(cur);
    check_each_name(&name)?;
    cur.skip_blanks();
    if cur.done() && name.value == "request" {
        return Ok(Each {
            name: name.value,
            span,
            values: None,
        });
    }
    if !cur.eat("=") {
        return Err(cur.unexpected("`=` and values, commas between them"));
    }
    if name.value == "request" {
        return Err(Problem::new(
            span,
            "`each $request` takes no values: the target's declaration gives them",
        ));
    }
    let mut values = Vec::new();
    loop {
        cur.skip_blanks();
        let from = *cur;
        let value = json::template(cur)?;
        values.push(Spanned {
            value,
            span: from.to(cur),
        });
        if values.len() > MAX_VALUES {
            return Err(Problem::new(
                from.to(cur),
                format!("more than {MAX_VALUES} values"),
            ));
        }
        cur.skip_blanks();
        if !cur.eat(",") {
            break;
        }
    }
    Ok(Each {
        name: name.value,
        span,
        values: Some(values),
    })
}

fn check_each_name(name: &Spanned<String>) -> Result<(), Problem> {
    if DECLARED.contains(&name.value.as_str()) || name.value.contains('.') {
        return Err(Problem::new(
            name.span,
            format!("`${}` comes from the target's declaration", name.value),
        )
        .hint("choose another name"));
    }
    Ok(())
}

/// A rule that is not the catalogue's needs a level; one that is has its own.
pub(super) fn check_level(
    header: &Header,
    marked: Option<&Spanned<String>>,
) -> Result<(), Problem> {
    let own = header
        .rules
        .iter()
        .chain(marked)
        .find(|rule| is_own_rule(&rule.value));
    match (own, &header.level) {
        (Some(rule), None) => Err(Problem::new(
            rule.span,
            format!("`{}` has no level", rule.value),
        )
        .hint("add a header line: `level  must`, `level  should` or `level  open`")),
        (None, Some(level)) => Err(Problem::new(
            level.span,
            "a `level` without a rule of your own",
        )
        .hint("the catalogue's rules have their levels; your own rules begin with `x.`")),
        _ => Ok(()),
    }
}

/// A server's scenario is about a server's rules.
pub(super) fn check_role(rule: &str, span: Span, role: Option<Role>) -> Result<(), Problem> {
    let (Some(role), Some(found)) = (role, rules::find(rule)) else {
        return Ok(());
    };
    match (role, found.role) {
        (Role::Server, RoleOf::Client) => Err(Problem::new(
            span,
            format!("`{rule}` binds clients, and this scenario tests a server"),
        )),
        (Role::Client, RoleOf::Server) => Err(Problem::new(
            span,
            format!("`{rule}` binds servers, and this scenario tests a client"),
        )),
        _ => Ok(()),
    }
}

/// Whether a line with this first word is a header line.
pub(super) fn is_key(word: &str) -> bool {
    words::HEADER.contains(&word)
}
