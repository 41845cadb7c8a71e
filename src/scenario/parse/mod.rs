//! Text to tree: a header, then steps in blocks of two blanks each.
//!
//! The parser reads line by line and stops at the first error. What single lines cannot show
//! (variables, connections, roles, branches that overlap) is looked at in `check` afterwards.

mod check;
mod cursor;
mod header;
mod json;
mod lines;
mod pattern;
mod steps;
mod words;

#[cfg(test)]
mod refused;
#[cfg(test)]
mod tests;

pub(super) use self::check::{connection_of, only_for};

use std::sync::Arc;

use self::cursor::{Line, lines};
use self::header::Draft;
use super::error::{ParseError, Problem};
use super::syntax::{Header, Lead, Manual, Role, Scenario, Source, Span, Spanned, Step};

/// Longest file in bytes.
pub const MAX_FILE: usize = 4 << 20;
/// How deep blocks nest.
pub const MAX_BLOCKS: u32 = 32;
/// How often the innermost line of nested `repeat`s runs.
pub const MAX_TURNS: u64 = 10_000_000;

/// Reads a scenario. Its id decides the role: that of `server/..` and `client/..` is known, and
/// words and rules of the other role are errors there.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn parse(id: &str, source: Arc<Source>) -> Result<Scenario, ParseError> {
    read(id, &source).map_err(|problem| problem.of(&source))
}

/// The role that an id names.
pub(super) fn role_of(id: &str) -> Option<Role> {
    match id.split('/').next() {
        Some("server") => Some(Role::Server),
        Some("client") => Some(Role::Client),
        _ => None,
    }
}

fn read(id: &str, source: &Arc<Source>) -> Result<Scenario, Problem> {
    let text = source.text.as_str();
    if text.len() > MAX_FILE {
        let start = Span {
            line: 1,
            column: 1,
            start: 0,
            end: 0,
        };
        return Err(Problem::new(
            start,
            format!("a file longer than {MAX_FILE} bytes"),
        ));
    }
    let mut parser = Parser {
        text,
        lines: lines(text)?,
        next: 0,
        lead: Vec::new(),
    };
    let (header, manual) = parser.header()?;
    let mut steps = parser.steps()?;
    trim_front(steps.first_mut().map(|step| &mut step.lead));
    let mut tail = parser.lead;
    if tail.last() == Some(&Lead::Blank) {
        tail.pop();
    }
    let scenario = Scenario {
        id: id.to_owned(),
        source: Arc::clone(source),
        header,
        steps,
        tail,
    };
    check::check(&scenario, role_of(id), manual)?;
    Ok(scenario)
}

/// A block's first line has no blank line above it.
fn trim_front(lead: Option<&mut Vec<Lead>>) {
    if let Some(lead) = lead
        && lead.first() == Some(&Lead::Blank)
    {
        lead.remove(0);
    }
}

struct Parser<'s> {
    text: &'s str,
    lines: Vec<Line>,
    next: usize,
    /// Comments and blank lines since the last line that said something.
    lead: Vec<Lead>,
}

impl<'s> Parser<'s> {
    /// The next line that says something; what stands above it goes to `lead`.
    fn peek(&mut self) -> Option<Line> {
        while let Some(line) = self.lines.get(self.next) {
            let mut cur = line.cursor(self.text);
            let content = cur.rest().trim_start_matches('\t');
            if content.is_empty() {
                if self.lead.last() != Some(&Lead::Blank) {
                    self.lead.push(Lead::Blank);
                }
            } else if content.starts_with('#') {
                cur.skip(cur.rest().len() - content.len());
                let comment = cur.comment().unwrap_or_default();
                self.lead.push(Lead::Comment(comment));
            } else {
                return Some(*line);
            }
            self.next += 1;
        }
        None
    }

    /// What stands above the line that [`Parser::peek`] found.
    fn take_lead(&mut self) -> Vec<Lead> {
        std::mem::take(&mut self.lead)
    }

    /// The place behind the last line.
    fn end(&self) -> Span {
        let number = self.lines.last().map_or(1, |line| line.number);
        let end = self.lines.last().map_or(0, |line| line.end);
        let start = self.lines.last().map_or(0, |line| line.start);
        let column = self.text[start..end].chars().count() as u32 + 1;
        Span {
            line: number,
            column,
            start: end,
            end,
        }
    }

    fn header(&mut self) -> Result<(Header, Option<(Manual, Span)>), Problem> {
        let mut draft = Draft::default();
        let first = loop {
            let Some(line) = self.peek() else {
                break self.end();
            };
            self.indentation(&line, 0)?;
            let mut cur = line.cursor(self.text);
            let word = cur.peek_word();
            let mut behind = cur;
            behind.skip(word.len());
            let arrow = matches!(behind.byte(), Some(b'>' | b'<'));
            if !header::is_key(word) || arrow {
                let span = cur.here();
                if !steps::is_start(&cur) {
                    return Err(steps::unknown_word(&cur, true));
                }
                break span;
            }
            self.header_lead(&mut draft);
            let key = Spanned {
                value: word,
                span: cur.to(&behind),
            };
            cur = behind;
            if !cur.done() && cur.byte() != Some(b' ') {
                return Err(cur.unexpected(format!("a blank behind `{word}`")));
            }
            cur.skip_blanks();
            draft.line(&key, &mut cur)?;
            if let Some(comment) = finish_line(&mut cur)? {
                draft.lead.push(Lead::Comment(comment));
            }
            self.next += 1;
        };
        let manual = draft.manual_at();
        Ok((draft.finish(first)?, manual))
    }

    /// Comments between header lines go on top; blank lines there say nothing.
    fn header_lead(&mut self, draft: &mut Draft) {
        let top = draft.is_empty();
        for lead in self.take_lead() {
            let keep = match &lead {
                Lead::Comment(_) => true,
                Lead::Blank => top && !draft.lead.is_empty(),
            };
            if keep {
                draft.lead.push(lead);
            }
        }
    }

    fn steps(&mut self) -> Result<Vec<Step>, Problem> {
        let steps = self.block(0, 0)?;
        if steps.is_empty() {
            return Err(Problem::new(self.end(), "no steps")
                .expected("a step, for example `use handshake`"));
        }
        Ok(steps)
    }

    /// Refuses tabs and half steps in front of a line, and blocks that nothing opens.
    fn indentation(&self, line: &Line, indent: usize) -> Result<(), Problem> {
        let cur = line.cursor(self.text);
        let margin = Span {
            line: line.number,
            column: 1,
            start: line.start,
            end: line.content,
        };
        if cur.byte() == Some(b'\t') {
            return Err(Problem::new(cur.here(), "a tab in front of a line")
                .hint("blocks indent by two blanks"));
        }
        if line.indent() % 2 == 1 {
            return Err(Problem::new(
                margin,
                format!("{} blanks in front of a line", line.indent()),
            )
            .hint("blocks indent by two blanks"));
        }
        if line.indent() > indent {
            return Err(Problem::new(margin, "a line indented deeper than its block")
                .expected(format!("{indent} blanks"))
                .hint("a block stands below `together`, `in any order`, `either`, `or`, `repeat` or `every`"));
        }
        Ok(())
    }
}

/// The end of a line: nothing but a comment is left.
fn finish_line(cur: &mut cursor::Cursor<'_>) -> Result<Option<String>, Problem> {
    if !cur.done() {
        return Err(cur.unexpected("the line's end"));
    }
    Ok(cur.comment())
}
