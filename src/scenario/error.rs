//! What is wrong with a scenario's text: said, quoted, and with a guess at what was meant.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::syntax::{Source, Span};

/// The first error in a scenario's text. `Display` quotes the line, without colour.
#[derive(Clone, Debug)]
pub struct ParseError {
    /// The text.
    pub source: Arc<Source>,
    /// Where it is wrong.
    pub span: Span,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// What was expected there, where that helps.
    pub expected: Option<String>,
    /// What may have been meant.
    pub suggestion: Option<String>,
}

/// Columns shown of a quoted line; longer ones are cut around the error.
const WIDTH: usize = 120;
/// Bytes of context kept on each side of the error before the line is quoted.
const CONTEXT: usize = 400;

impl ParseError {
    /// The error with its line quoted and a caret below it, several lines without a line end.
    pub fn render(&self, color: bool) -> String {
        let quoted = Quoted::new(&self.source, self.span);
        let label = self
            .expected
            .as_ref()
            .map(|expected| format!("expected {expected}"));
        let mut annotation = AnnotationKind::Primary.span(quoted.start..quoted.end);
        if let Some(label) = &label {
            annotation = annotation.label(label.as_str());
        }
        let line = self.span.line.max(1) as usize;
        let path = printable(&self.source.path);
        let snippet = Snippet::source(quoted.text.as_str())
            .path(path.as_str())
            .line_start(line)
            .annotation(annotation);
        let mut report = vec![
            Level::ERROR
                .primary_title(printable(&self.message))
                .element(snippet),
        ];
        if let Some(suggestion) = &self.suggestion {
            report.push(Group::with_title(
                Level::HELP.secondary_title(printable(suggestion)),
            ));
        }
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let text = renderer.term_width(WIDTH).render(&report);
        // Of a line that was cut, the renderer counts only the columns it was given.
        let place = |column: usize| format!("{path}:{line}:{column}");
        let given = quoted.text[..quoted.start].chars().count() + 1;
        text.replacen(&place(given), &place(self.span.column as usize), 1)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for ParseError {}

/// The part of a line that is quoted, with the place of the error in bytes of that part.
struct Quoted {
    text: String,
    start: usize,
    end: usize,
}

impl Quoted {
    fn new(source: &Source, span: Span) -> Quoted {
        let text = &source.text;
        let at = span.start.min(text.len());
        let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[at..]
            .find('\n')
            .map_or(text.len(), |newline| at + newline);
        let from = boundary(text, at.saturating_sub(CONTEXT).max(line_start));
        let until = boundary(text, (at + CONTEXT).min(line_end));
        let end = boundary(text, span.end.clamp(at, until));
        let before = printable(&text[from..at]);
        let inside = printable(&text[at..end]);
        let after = printable(text[end..until].trim_end_matches('\r'));
        let start = before.len();
        let end = start + inside.len();
        Quoted {
            text: before + &inside + &after,
            start,
            end,
        }
    }
}

/// The nearest character boundary at or before a byte.
fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Text from a file, safe on a terminal: control and direction characters replaced.
fn printable(text: &str) -> String {
    let harmless = |c: char| match c {
        '\t' => ' ',
        '\u{feff}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(harmless).collect()
}

/// An error without its text: what the parser passes around.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) expected: Option<String>,
    pub(super) suggestion: Option<String>,
}

impl Problem {
    pub(super) fn new(span: Span, message: impl Into<String>) -> Problem {
        Problem {
            span,
            message: message.into(),
            expected: None,
            suggestion: None,
        }
    }

    pub(super) fn expected(mut self, what: impl Into<String>) -> Problem {
        self.expected = Some(what.into());
        self
    }

    pub(super) fn hint(mut self, what: impl Into<String>) -> Problem {
        self.suggestion = Some(what.into());
        self
    }

    /// Adds "did you mean", where one of the words is near.
    pub(super) fn near<'w>(
        mut self,
        word: &str,
        words: impl IntoIterator<Item = &'w str>,
    ) -> Problem {
        if let Some(near) = nearest(word, words) {
            self.suggestion = Some(format!("did you mean `{near}`?"));
        }
        self
    }

    pub(super) fn of(self, source: &Arc<Source>) -> ParseError {
        ParseError {
            source: Arc::clone(source),
            span: self.span,
            message: self.message,
            expected: self.expected,
            suggestion: self.suggestion,
        }
    }
}

/// The word that differs least, if it differs by no more than a third of its letters.
fn nearest<'w>(word: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    if word.len() > 100 {
        return None;
    }
    let lower = word.to_lowercase();
    words
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_differs_by_a_third_of_its_letters_and_the_nearest_wins() {
        let words = ["close", "closed", "connects", "ok"];
        assert_eq!(nearest("clsoe", words), Some("close"));
        assert_eq!(nearest("Closedd", words), Some("closed"));
        // Two of eight letters, three, and four; one of two letters, and two.
        assert_eq!(nearest("conects", words), Some("connects"));
        assert_eq!(nearest("cnnets", words), Some("connects"));
        assert_eq!(nearest("cntcts", words), None);
        assert_eq!(nearest("oc", words), Some("ok"));
        assert_eq!(nearest("xx", words), None);
    }

    #[test]
    fn only_words_up_to_a_hundred_letters_are_compared() {
        for length in [100, 101] {
            let (word, near) = ("x".repeat(length), "x".repeat(length - 1));
            let found = nearest(&word, [near.as_str()]).is_some();
            assert_eq!(found, length == 100);
        }
    }

    #[test]
    fn a_boundary_is_at_or_before_its_byte() {
        let bounds = [0, 1, 2, 3, 4].map(|at| boundary("aé€", at));
        assert_eq!(bounds, [0, 1, 1, 3, 3]);
    }
}
