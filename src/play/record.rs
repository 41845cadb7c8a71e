//! The transcript: what went over the wire and when, bounded, without secrets.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::outcome::{Dir, Entry, EntryKind};

/// Entries kept from the beginning and, as many again, from the end.
const KEPT: usize = 250;
/// Bytes of text kept of one entry.
const TEXT: usize = 2048;
/// Bytes of text kept of all entries from the beginning and, as many again, from the end: a flood of
/// large messages is not kept, however many scenarios it meets.
const TEXTS: usize = 16 * 1024;

/// Keeps secrets out of what is shown.
#[derive(Debug, Default)]
pub struct Redactor {
    secrets: Vec<(String, String)>,
}

impl Redactor {
    /// Secrets as pairs of name and value; longer values are looked for first. A value of fewer
    /// than four characters is only left out where it stands as a whole JSON string: anywhere else
    /// it would tear ordinary text apart.
    pub fn new(secrets: impl IntoIterator<Item = (String, String)>) -> Redactor {
        let mut secrets: Vec<_> = secrets.into_iter().filter(|(_, v)| !v.is_empty()).collect();
        secrets.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        Redactor { secrets }
    }

    /// As [`redact`](Self::redact), for bytes of the target's that may be many: cut to what a
    /// transcript shows. Nothing of a secret that the cut goes through is left.
    pub(crate) fn shown(&self, bytes: &[u8]) -> String {
        let longest = self.secrets.first().map_or(0, |(_, value)| value.len());
        // JSON can spell each byte in six. What is behind the margin may end in half a secret.
        let margin = 6 * longest;
        let most = TEXT + 2 * margin;
        if bytes.len() <= most {
            return cut(self.redact(&String::from_utf8_lossy(bytes)));
        }
        let mut text = self.redact(&String::from_utf8_lossy(&bytes[..most]));
        let sure = text.len().saturating_sub(margin);
        truncate(&mut text, sure.min(TEXT));
        note(text, bytes.len())
    }

    /// The text with every secret turned into `${name}`.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.secrets {
            let spelled = serde_json::Value::from(value.as_str()).to_string();
            text = text.replace(&spelled, &format!("\"${{{name}}}\""));
            if value.chars().count() >= 4 {
                text = text.replace(value, &format!("${{{name}}}"));
                text = text.replace(&spelled[1..spelled.len() - 1], &format!("${{{name}}}"));
            }
        }
        text
    }
}

/// The transcript while it grows.
#[derive(Debug)]
pub(crate) struct Recorder {
    began: Instant,
    head: Vec<Entry>,
    tail: VecDeque<Entry>,
    /// Bytes of text in each.
    head_bytes: usize,
    tail_bytes: usize,
    dropped: u64,
}

impl Recorder {
    pub(crate) fn new(began: Instant) -> Recorder {
        Recorder {
            began,
            head: Vec::new(),
            tail: VecDeque::new(),
            head_bytes: 0,
            tail_bytes: 0,
            dropped: 0,
        }
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// Adds an entry; `text` must have its secrets left out already.
    pub(crate) fn add(
        &mut self,
        at: Instant,
        conn: &str,
        dir: Dir,
        kind: EntryKind,
        text: String,
        auto: bool,
    ) {
        let since = at.saturating_duration_since(self.began);
        let at_ms = (since.as_secs_f64() * 1e6).round() / 1e3;
        let entry = Entry {
            at_ms,
            conn: conn.to_owned(),
            dir,
            kind,
            text: cut(text),
            auto,
        };
        let bytes = entry.text.len();
        let begins = self.tail.is_empty() && self.dropped == 0;
        if begins && self.head.len() < KEPT && self.head_bytes + bytes <= TEXTS {
            self.head_bytes += bytes;
            self.head.push(entry);
            return;
        }
        self.tail_bytes += bytes;
        self.tail.push_back(entry);
        while self.tail.len() > KEPT || self.tail_bytes > TEXTS {
            let Some(oldest) = self.tail.pop_front() else {
                break;
            };
            self.tail_bytes -= oldest.text.len();
            self.dropped += 1;
        }
    }

    pub(crate) fn finish(self) -> Vec<Entry> {
        let mut entries = self.head;
        if self.dropped > 0
            && let Some(last) = entries.last_mut()
        {
            let note = format!(" ... ({} entries left out here)", self.dropped);
            last.text.push_str(&note);
        }
        entries.extend(self.tail);
        entries
    }
}

/// Text cut to a bounded length, with a note of how long it was.
pub(crate) fn cut(text: String) -> String {
    let len = text.len();
    // A text that was cut before has its note already.
    if len <= TEXT + NOTE {
        return text;
    }
    let mut text = text;
    truncate(&mut text, TEXT);
    note(text, len)
}

/// The longest note.
const NOTE: usize = 40;

fn note(mut text: String, len: usize) -> String {
    text.push_str(&format!("... ({len} bytes)"));
    text
}

fn truncate(text: &mut String, mut at: usize) {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text.truncate(at);
}

/// Bytes in hexadecimal as a scenario spells them, cut like text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::from("0x");
    for byte in &bytes[..bytes.len().min(TEXT / 2)] {
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > TEXT / 2 {
        let _ = write!(text, "... ({} bytes)", bytes.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(value: &str) -> Redactor {
        Redactor::new([("password".to_owned(), value.to_owned())])
    }

    #[test]
    fn a_secret_is_left_out_wherever_it_stands() {
        let redactor = secret("hunter22");
        assert_eq!(
            redactor.redact(r#"{"got":"hunter22!"}"#),
            r#"{"got":"${password}!"}"#
        );
        assert_eq!(redactor.redact("wrong: hunter22"), "wrong: ${password}");
    }

    #[test]
    fn an_escaped_secret_is_left_out_too() {
        let redactor = secret("a\"b\\c");
        assert_eq!(
            redactor.redact(r#"{"got":"x a\"b\\c"}"#),
            r#"{"got":"x ${password}"}"#
        );
    }

    #[test]
    fn a_short_secret_does_not_tear_text_apart() {
        assert_eq!(
            secret("op").redact(r#"{"op":1,"p":"op"}"#),
            r#"{"${password}":1,"p":"${password}"}"#
        );
        assert_eq!(secret("1").redact(r#"{"op":1}"#), r#"{"op":1}"#);
        assert_eq!(secret("").redact("abc"), "abc");
    }

    #[test]
    fn a_long_transcript_keeps_its_beginning_and_its_end() {
        let t0 = Instant::now();
        let mut recorder = Recorder::new(t0);
        for i in 0..10_000 {
            recorder.add(
                t0,
                "a",
                Dir::Received,
                EntryKind::Text,
                i.to_string(),
                false,
            );
        }
        let entries = recorder.finish();
        assert_eq!(entries.len(), 2 * KEPT);
        assert_eq!(entries[0].text, "0");
        assert_eq!(
            entries[KEPT - 1].text,
            "249 ... (9500 entries left out here)"
        );
        assert_eq!(entries[2 * KEPT - 1].text, "9999");
    }

    #[test]
    fn a_flood_of_large_messages_is_not_kept() {
        let t0 = Instant::now();
        let mut recorder = Recorder::new(t0);
        for i in 0..1000 {
            let text = format!("{i:2000}");
            recorder.add(t0, "a", Dir::Received, EntryKind::Text, text, false);
        }
        let entries = recorder.finish();
        let bytes: usize = entries.iter().map(|entry| entry.text.len()).sum();
        assert!(bytes <= 2 * TEXTS + 100, "{bytes}");
        assert_eq!(entries[0].text.trim(), "0");
        assert_eq!(entries[entries.len() - 1].text.trim(), "999");
        assert!(entries[7].text.ends_with("(984 entries left out here)"));
    }

    #[test]
    fn a_cut_leaves_no_part_of_a_secret() {
        let value = "correct horse battery staple, and a long one";
        let redactor = secret(value);
        for shift in 0..200 {
            let text = format!("{}{}", "x".repeat(shift), value.repeat(100));
            let shown = redactor.shown(text.as_bytes());
            assert!(shown.ends_with(&format!("... ({} bytes)", text.len())));
            for part in ["correct", "horse", "battery", "staple", "long"] {
                assert!(!shown.contains(part), "{shift}: {shown}");
            }
        }
    }

    #[test]
    fn a_long_text_is_cut_with_a_note() {
        let t0 = Instant::now();
        let mut recorder = Recorder::new(t0);
        recorder.add(t0, "a", Dir::Sent, EntryKind::Text, "ä".repeat(5000), false);
        let entry = recorder.finish().remove(0);
        assert!(
            entry.text.ends_with("... (10000 bytes)"),
            "{}",
            entry.text.len()
        );
        assert!(entry.text.len() < 2100);
    }
}
