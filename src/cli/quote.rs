//! Quotes a place in a file that is not a scenario.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::report::escape::terminal;

/// An error with its line quoted, beginning with `error: `, without colours.
pub(crate) fn quoted(
    title: &str,
    path: &str,
    text: &str,
    span: Range<usize>,
    help: Option<&str>,
) -> String {
    let (title, path) = (terminal(title), terminal(path));
    let snippet = Snippet::source(text)
        .path(path.as_ref())
        .annotation(AnnotationKind::Primary.span(clamp(text, span)));
    let mut group = Level::ERROR.primary_title(title.as_ref()).element(snippet);
    let help = help.map(terminal);
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(help.as_ref()));
    }
    Renderer::plain().render(&[group])
}

/// The span within the text and on character boundaries, whatever was asked for.
fn clamp(text: &str, span: Range<usize>) -> Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    start..floor(span.end).max(start)
}
