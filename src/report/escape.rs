//! Makes text that somebody else wrote fit to be shown on a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text without anything that could move the cursor, colour the screen, turn the reading
/// direction or hide: such characters become `\u{1b}`. Everything else, backslashes too, stays.
///
/// The notation differs from JSON's (`\u001b`) on purpose, so that what the peer had escaped
/// itself can be told from what is escaped here.
pub fn terminal(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(is_unsafe) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        if is_unsafe(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// JSON text that means the same and does nothing to a terminal: the characters that
/// [`terminal`] escapes become `\u001b`, the newlines between members stay. Outside of strings JSON
/// has none of them.
pub fn json(text: String) -> String {
    let raw = |c: char| c != '\n' && is_unsafe(c);
    let Some(first) = text.find(raw) else {
        return text;
    };
    let mut out = String::with_capacity(text.len() + 64);
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        if raw(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Controls (C0, DEL, C1), format characters (bidi controls, zero width, tags), separators that
/// break lines, and noncharacters.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00AD | 0x034F | 0x0600..=0x0605 | 0x061C | 0x06DD | 0x070F | 0x08E2
            | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F
            | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
            | 0x110BD | 0x110CD | 0x13430..=0x1345F | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF)
        || u32::from(c) & 0xFFFE == 0xFFFE
        || matches!(u32::from(c), 0xFDD0..=0xFDEF)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn harmless_text_is_not_copied() {
        assert!(matches!(
            terminal(r#"{"op":0,"x":"\u001b é 漢 🎉"}"#),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn escape_sequences_c1_bidi_and_newlines_become_visible() {
        assert_eq!(terminal("a\x1b[31mb"), "a\\u{1b}[31mb");
        assert_eq!(terminal("\u{9b}2J\u{7f}"), "\\u{9b}2J\\u{7f}");
        assert_eq!(terminal("x\r\ny\tz"), "x\\u{d}\\u{a}y\\u{9}z");
        assert_eq!(terminal("\u{202e}evil\u{2066}"), "\\u{202e}evil\\u{2066}");
        assert_eq!(
            terminal("zero\u{200b}width\u{feff}"),
            "zero\\u{200b}width\\u{feff}"
        );
        assert_eq!(terminal("\u{e0041}\u{2028}"), "\\u{e0041}\\u{2028}");
    }

    #[test]
    fn json_keeps_its_meaning_and_its_lines() {
        let text = "{\n  \"a\u{9b}\": \"\u{7f}\u{202e}\u{e0041}é\"\n}";
        assert_eq!(
            json(text.to_owned()),
            "{\n  \"a\\u009b\": \"\\u007f\\u202e\\udb40\\udc41é\"\n}"
        );
    }

    proptest! {
        #[test]
        fn json_that_is_shown_reads_back_as_it_was(value in any::<String>()) {
            let shown = json(serde_json::to_string(&value).unwrap());
            prop_assert!(!shown.chars().any(is_unsafe), "{shown:?}");
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), value);
        }

        #[test]
        fn nothing_that_controls_a_terminal_is_left(text in any::<String>()) {
            let out = terminal(&text);
            prop_assert!(!out.chars().any(|c| c.is_control()));
            let bidi = ['\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2069}'];
            prop_assert!(!out.contains(bidi));
        }

        #[test]
        fn control_characters_among_others_never_survive(text in "[\\x00-\\x1f\\x7f-\\u{9f}a-z\\u{202a}-\\u{202e}]{0,40}") {
            let out = terminal(&text);
            prop_assert!(out.chars().all(|c| c.is_ascii_graphic()), "{out:?}");
        }
    }
}
