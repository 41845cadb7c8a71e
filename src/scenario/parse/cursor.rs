//! Lines of the file, and a cursor that walks one of them and knows its place.

use crate::scenario::error::Problem;
use crate::scenario::syntax::{Span, Spanned};

/// A line that says something, or a comment, or nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: u32,
    /// Byte offset of its first character, indentation included.
    pub(super) start: usize,
    /// Byte offset of its first character behind the indentation.
    pub(super) content: usize,
    /// Byte offset behind its last character that is no blank.
    pub(super) end: usize,
}

impl Line {
    /// Blanks in front of it.
    pub(super) fn indent(&self) -> usize {
        self.content - self.start
    }

    pub(super) fn cursor<'s>(&self, text: &'s str) -> Cursor<'s> {
        Cursor {
            text,
            line: self.number,
            column: self.indent() as u32 + 1,
            pos: self.content,
            end: self.end,
        }
    }
}

/// Cuts a file into lines; refuses control characters, which nobody can see.
pub(super) fn lines(text: &str) -> Result<Vec<Line>, Problem> {
    let mut lines = Vec::new();
    let mut start = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let mut number = 0;
    while start < text.len() {
        number += 1;
        let stop = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let whole = &text[start..stop];
        let whole = whole.strip_suffix('\r').unwrap_or(whole);
        let content = start + (whole.len() - whole.trim_start_matches(' ').len());
        let end = start + whole.trim_end_matches([' ', '\t']).len();
        let line = Line {
            number,
            start,
            content: content.min(end),
            end,
        };
        no_control_characters(text, &line)?;
        lines.push(line);
        start = stop + 1;
    }
    Ok(lines)
}

fn no_control_characters(text: &str, line: &Line) -> Result<(), Problem> {
    let bad = |c: char| c.is_control() && c != '\t';
    let Some((at, c)) = text[line.start..line.end]
        .char_indices()
        .find(|(_, c)| bad(*c))
    else {
        return Ok(());
    };
    let column = text[line.start..line.start + at].chars().count() as u32 + 1;
    let start = line.start + at;
    let span = Span {
        line: line.number,
        column,
        start,
        end: start + c.len_utf8(),
    };
    Err(
        Problem::new(span, format!("a control character, U+{:04X}", u32::from(c)))
            .hint("inside a string write it as an escape, for example `\\u0000`"),
    )
}

/// Walks one line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'s> {
    text: &'s str,
    line: u32,
    column: u32,
    pos: usize,
    end: usize,
}

impl<'s> Cursor<'s> {
    /// What is left of the line, a comment included.
    pub(super) fn rest(&self) -> &'s str {
        &self.text[self.pos..self.end]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The byte at this place; most of the language is ASCII.
    pub(super) fn byte(&self) -> Option<u8> {
        self.rest().as_bytes().first().copied()
    }

    pub(super) fn pos(&self) -> usize {
        self.pos
    }

    /// The file's text from an earlier place to this one.
    pub(super) fn since(&self, start: usize) -> &'s str {
        &self.text[start..self.pos]
    }

    /// Goes on by that many bytes, which end at a character boundary.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.column += self.text[self.pos..self.pos + bytes].chars().count() as u32;
        self.pos += bytes;
    }

    pub(super) fn bump(&mut self) {
        self.skip(self.peek().map_or(0, char::len_utf8));
    }

    pub(super) fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.skip(rest.len() - rest.trim_start_matches(' ').len());
    }

    /// Takes this text if it stands here.
    pub(super) fn eat(&mut self, what: &str) -> bool {
        let there = self.rest().starts_with(what);
        if there {
            self.skip(what.len());
        }
        there
    }

    /// Takes this word and the blanks behind it if it stands here whole.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let there = self.peek_word() == word;
        if there {
            self.skip(word.len());
            self.skip_blanks();
        }
        there
    }

    /// The letters, digits and underscores that stand here.
    pub(super) fn peek_word(&self) -> &'s str {
        let rest = self.rest();
        &rest[..rest.len() - rest.trim_start_matches(word_char).len()]
    }

    pub(super) fn take_while(&mut self, take: impl Fn(char) -> bool) -> Spanned<&'s str> {
        let from = *self;
        let rest = self.rest();
        let length = rest.find(|c| !take(c)).unwrap_or(rest.len());
        self.skip(length);
        Spanned {
            value: &rest[..length],
            span: from.to(self),
        }
    }

    /// Everything up to the next blank: what an error quotes.
    pub(super) fn blob(&self) -> Spanned<&'s str> {
        let mut ahead = *self;
        ahead.take_while(|c| c != ' ' && c != '\t')
    }

    /// Whether nothing but a comment is left.
    pub(super) fn done(&self) -> bool {
        let rest = self.rest().trim_start_matches(' ');
        rest.is_empty() || rest.starts_with('#')
    }

    /// The comment at the line's end, without `#` and one blank.
    pub(super) fn comment(&mut self) -> Option<String> {
        self.skip_blanks();
        let text = self.rest().strip_prefix('#')?;
        self.skip(self.rest().len());
        Some(text.strip_prefix(' ').unwrap_or(text).to_owned())
    }

    /// From this place to a later one.
    pub(super) fn to(&self, later: &Cursor<'s>) -> Span {
        Span {
            line: self.line,
            column: self.column,
            start: self.pos,
            end: later.pos,
        }
    }

    /// The one character at this place, or the end of the line.
    pub(super) fn here(&self) -> Span {
        let end = self.pos + self.peek().map_or(0, char::len_utf8);
        Span {
            line: self.line,
            column: self.column,
            start: self.pos,
            end,
        }
    }

    /// The place of the word that stands here.
    pub(super) fn here_word(&self) -> Span {
        let mut ahead = *self;
        ahead.take_while(word_char).span
    }

    /// What stands here is not what should.
    pub(super) fn unexpected(&self, expected: impl Into<String>) -> Problem {
        let problem = match self.peek() {
            None | Some('#') => Problem::new(self.here(), "the line ends too early"),
            Some('\t') => Problem::new(self.here(), "a tab").hint("use blanks"),
            Some(c) if word_char(c) => {
                let mut ahead = *self;
                let word = ahead.take_while(word_char);
                Problem::new(word.span, format!("unexpected `{}`", word.value))
            }
            Some(c) => Problem::new(self.here(), format!("unexpected `{c}`")),
        };
        problem.expected(expected)
    }
}

pub(super) fn word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
