//! A transcript as lines of the scenario language, with the time in front.

use super::Screen;
use super::paint::{DIM, columns, cut, paint};
use crate::outcome::{Dir, Entry, EntryKind};
use crate::report::escape::terminal;

/// So many entries are shown at the start and at the end of a long transcript.
const HEAD: usize = 10;
const TAIL: usize = 14;

/// Appends the transcript, its middle left out when it is long and the screen not verbose.
pub(super) fn write(out: &mut String, entries: &[Entry], screen: &Screen) {
    let named = entries.iter().any(|entry| entry.conn != "a");
    let conn_width = if named {
        entries
            .iter()
            .map(|e| columns(&terminal(&e.conn)))
            .max()
            .unwrap_or(0)
    } else {
        0
    };
    let elide = !screen.verbose && entries.len() > HEAD + TAIL + 1;
    for (number, entry) in entries.iter().enumerate() {
        if elide && number == HEAD {
            let left_out = entries.len() - HEAD - TAIL;
            let note = format!("{:>14}  ... {left_out} more, shown by --verbose ...", "");
            out.push_str(&paint(screen, DIM, &note));
            out.push('\n');
        }
        if !elide || number < HEAD || number >= entries.len() - TAIL {
            line(out, entry, named.then_some(conn_width), screen);
        }
    }
}

fn line(out: &mut String, entry: &Entry, conn_width: Option<usize>, screen: &Screen) {
    let conn = match conn_width {
        Some(width) => {
            let conn = terminal(&entry.conn);
            format!("{:pad$}{conn}", "", pad = width - columns(&conn))
        }
        None => String::new(),
    };
    let (arrow, said) = said(entry);
    let mut head = format!("{:>11.1} ms  {conn}{arrow} ", entry.at_ms);
    if entry.auto {
        head.push_str("(unasked) ");
    }
    let room = screen.width.saturating_sub(columns(&head)).max(20);
    let said = if screen.verbose {
        said
    } else {
        cut(&said, room)
    };
    let line = format!("{head}{said}");
    out.push_str(&if entry.auto {
        paint(screen, DIM, line.trim_end())
    } else {
        line.trim_end().to_owned()
    });
    out.push('\n');
}

/// The arrow and what stands behind it.
fn said(entry: &Entry) -> (&'static str, String) {
    let arrow = match entry.dir {
        Dir::Sent => ">",
        Dir::Received => "<",
    };
    let text = terminal(&entry.text);
    let behind = |word: &str| {
        if text.is_empty() {
            word.to_owned()
        } else {
            format!("{word} {text}")
        }
    };
    match entry.kind {
        EntryKind::Text
            if entry.text.trim_start().starts_with('{')
                || already_named(&entry.text, entry.dir) =>
        {
            (arrow, text.into_owned())
        }
        // The text in JSON's quotes, as a scenario would have it.
        EntryKind::Text => (
            arrow,
            format!(
                "text {}",
                terminal(&serde_json::Value::from(entry.text.as_str()).to_string())
            ),
        ),
        EntryKind::Binary if entry.dir == Dir::Received && !text.starts_with("0x") => {
            (arrow, format!("binary 0x{text}"))
        }
        EntryKind::Binary => (arrow, behind("binary")),
        EntryKind::Ping => (arrow, behind_bytes("ping", &entry.text)),
        EntryKind::Pong => (arrow, behind_bytes("pong", &entry.text)),
        EntryKind::Close => (arrow, behind("close")),
        EntryKind::Raw => (arrow, behind("raw")),
        // In the client role: a client's connection, and our HTTP answer to its upgrade request.
        EntryKind::Connect if entry.dir == Dir::Received => (arrow, behind("connects")),
        EntryKind::Connect if text.starts_with("http ") => (arrow, text.into_owned()),
        EntryKind::Connect => (" ", behind("connect")),
        EntryKind::Eof => (arrow, behind("eof")),
        EntryKind::Reset => (arrow, behind("reset")),
    }
}

/// A control frame's payload in quotes, unless a scenario spelled it.
fn behind_bytes(word: &str, payload: &str) -> String {
    if payload.is_empty() {
        word.to_owned()
    } else if payload.starts_with(['"', '$']) || payload.starts_with("0x") {
        format!("{word} {}", terminal(payload))
    } else {
        format!(
            "{word} {}",
            terminal(&serde_json::Value::from(payload).to_string())
        )
    }
}

/// Our own sends are kept as the scenario wrote them, the word in front included.
fn already_named(text: &str, dir: Dir) -> bool {
    dir == Dir::Sent
        && ["text ", "fragments "]
            .iter()
            .any(|word| text.starts_with(word))
}
