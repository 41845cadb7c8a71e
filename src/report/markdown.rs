//! Text that somebody else wrote, made fit for a Markdown table.

use super::escape::terminal;

/// As a code span, in which nothing has a meaning but the backquote and, in a table, the bar.
pub(super) fn code(text: &str) -> String {
    let text = terminal(text).replace('|', "\\|");
    if text.is_empty() {
        return String::new();
    }
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    if longest > 0 {
        format!("{fence} {text} {fence}")
    } else {
        format!("{fence}{text}{fence}")
    }
}

/// As plain words.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in terminal(text).chars() {
        if "\\`*_{}[]<>()#+!|&~".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_spans_hold_what_they_are_given() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("`x``"), "``` `x`` ```");
        assert_eq!(code("<b>\n"), "`<b>\\u{a}`");
        assert_eq!(code(""), "");
    }

    #[test]
    fn plain_words_have_no_meaning_but_their_own() {
        assert_eq!(text("<img> *x* [a](b)"), "\\<img\\> \\*x\\* \\[a\\]\\(b\\)");
    }
}
