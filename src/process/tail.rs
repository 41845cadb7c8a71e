//! The last lines of what somebody writes, in bounded memory.

use std::collections::VecDeque;

/// So many lines are kept.
const LINES: usize = 12;
/// So many bytes of each.
const LINE: usize = 400;

/// The last lines of a stream of bytes.
#[derive(Debug, Default)]
pub struct Tail {
    lines: VecDeque<Vec<u8>>,
    /// The line that has not ended.
    open: Vec<u8>,
    /// Bytes of it that were left out.
    cut: bool,
}

impl Tail {
    /// Takes what was written.
    pub fn take(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match part.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (part, false),
            };
            let room = LINE.saturating_sub(self.open.len());
            self.cut |= text.len() > room;
            self.open.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.open);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if std::mem::take(&mut self.cut) {
            line.extend_from_slice(b"...");
        }
        if line.is_empty() {
            return;
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The last lines, one that has not ended among them. As they were written: not escaped.
    pub fn lines(&self) -> Vec<String> {
        let open = (!self.open.is_empty()).then_some(&self.open);
        self.lines
            .iter()
            .chain(open)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect()
    }
}

/// A message with the last thing that a child wrote behind it: `...; it wrote: no database`.
pub fn with_last_word(message: String, lines: &[String]) -> String {
    let word = lines.iter().rev().find(|line| !line.trim().is_empty());
    match word {
        Some(line) => format!("{message}; it wrote: {}", line.trim()),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_whole_or_cut() {
        let mut tail = Tail::default();
        for number in 0..100 {
            tail.take(format!("line {number}\r\n\n").as_bytes());
        }
        tail.take(b"and ");
        tail.take(b"more");
        let lines = tail.lines();
        assert_eq!(lines.len(), LINES + 1);
        assert_eq!(lines[0], "line 88");
        assert_eq!(lines[LINES], "and more");
        tail.take(&[b'x'; 10_000]);
        tail.take(b"\n");
        let lines = tail.lines();
        assert_eq!(lines.len(), LINES);
        assert!(lines[LINES - 1].len() < LINE + 4 && lines[LINES - 1].ends_with("..."));
    }
}
