//! Colours, wrapping and cutting: the small tools the screen is drawn with.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::Screen;
use crate::outcome::Verdict;

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const PLACE: Style = AnsiColor::Blue.on_default().bold();
pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const DOUBT: Style = AnsiColor::Yellow.on_default().bold();

/// The text in a style, or as it is when the screen has no colours.
pub(super) fn paint(screen: &Screen, style: Style, text: &str) -> String {
    if screen.color && !text.is_empty() {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

/// A verdict's word for the eye: what is bad in capitals.
pub(super) fn word(verdict: Verdict) -> (&'static str, Style) {
    match verdict {
        Verdict::Pass => ("pass", GOOD),
        Verdict::Info => ("info", DIM),
        Verdict::Skip => ("skip", DOUBT),
        Verdict::Inconclusive => ("inconclusive", DOUBT),
        Verdict::Warn => ("WARN", DOUBT),
        Verdict::Error => ("ERROR", BAD),
        Verdict::Fail => ("FAIL", BAD),
    }
}

/// Columns the text takes on a terminal.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// Appends `label` (which may be coloured) and the text behind it, wrapped at words, further lines indented under the
/// first. A word that is wider than the screen stays whole: it may be something to copy.
pub(super) fn field(out: &mut String, screen: &Screen, label: &str, text: &str) {
    let indent = columns(&anstream::adapter::strip_str(label).to_string());
    let room = screen.width.saturating_sub(indent).max(20);
    out.push_str(label);
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let width = columns(word);
        if used > 0 && used + 1 + width > room {
            let _ = write!(out, "\n{:indent$}", "");
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += width;
    }
    out.push('\n');
}

/// The text cut to so many columns, with a count of the characters left out.
pub(super) fn cut(text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    let total = text.chars().count();
    let keep_columns = room.saturating_sub(24).max(8);
    let mut kept = String::new();
    let mut kept_count = 0;
    for c in text.chars() {
        if columns(&kept) + columns(c.encode_utf8(&mut [0; 4])) > keep_columns {
            break;
        }
        kept.push(c);
        kept_count += 1;
    }
    format!("{kept} ... {} more characters", total - kept_count)
}

/// `1 scenario`, `2 scenarios`.
pub(super) fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The first few of a list, and how many more there are.
pub(super) fn some<S: AsRef<str>>(items: &[S], most: usize) -> String {
    let shown = if items.len() <= most + 1 {
        items.len()
    } else {
        most
    };
    let mut text = items[..shown]
        .iter()
        .map(AsRef::as_ref)
        .collect::<Vec<_>>()
        .join(", ");
    if shown < items.len() {
        let _ = write!(text, " and {} more", items.len() - shown);
    }
    text
}

/// A duration for people: `12 ms`, `2.1 s`, `1 min 5 s`.
pub(super) fn duration(ms: f64) -> String {
    if ms < 999.5 {
        format!("{ms:.0} ms")
    } else if ms < 59_950.0 {
        format!("{:.1} s", ms / 1000.0)
    } else {
        let seconds = (ms / 1000.0).round() as u64;
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well_at_every_size() {
        let shown: Vec<String> = [0.4, 999.4, 999.6, 2134.5, 59_949.0, 61_250.0]
            .into_iter()
            .map(duration)
            .collect();
        assert_eq!(
            shown,
            ["0 ms", "999 ms", "1.0 s", "2.1 s", "59.9 s", "1 min 1 s"]
        );
    }

    #[test]
    fn long_text_is_cut_with_a_true_count() {
        let text = "x".repeat(300);
        let shown = cut(&text, 80);
        assert_eq!(shown, format!("{} ... 244 more characters", "x".repeat(56)));
        assert!(columns(&cut(&"漢".repeat(300), 80)) <= 80);
        assert_eq!(cut("short", 80), "short");
    }

    #[test]
    fn lists_do_not_say_and_one_more() {
        assert_eq!(some(&["a", "b", "c"], 2), "a, b, c");
        assert_eq!(some(&["a", "b", "c", "d"], 2), "a, b and 2 more");
    }

    #[test]
    fn text_is_wrapped_at_words_under_its_label() {
        let mut out = String::new();
        field(
            &mut out,
            &Screen {
                width: 30,
                ..Screen::default()
            },
            "  label  ",
            "some words that do not fit in one line",
        );
        assert_eq!(
            out,
            "  label  some words that do\n         not fit in one line\n"
        );
    }
}
