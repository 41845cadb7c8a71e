//! `--step`: shows each send before it goes out, and waits for Enter.

use std::future::Future;
use std::io::{BufRead, IsTerminal, stdin};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::exit::Stop;
use super::screen::say;
use crate::play::{Gate, Sending};
use crate::report::escape::terminal;

/// Asks on standard error and reads from standard input.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// Standard input has ended: nothing more is asked.
    over: Arc<AtomicBool>,
}

impl Steps {
    /// Refuses an input on which nobody can press Enter.
    pub(super) fn new() -> Result<Steps, Stop> {
        if stdin().is_terminal() {
            return Ok(Steps::default());
        }
        Err(
            Stop::usage("--step waits for Enter on a terminal, and standard input is none")
                .hint("--debug alone runs one scenario at a time, without pauses"),
        )
    }
}

impl Gate for Steps {
    fn pass(&self, sending: Sending) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let over = Arc::clone(&self.over);
        Box::pin(async move {
            if over.load(Ordering::Relaxed) {
                return;
            }
            say(&shown(&sending));
            let read = tokio::task::spawn_blocking(|| {
                let mut line = String::new();
                stdin().lock().read_line(&mut line)
            });
            // At the end of the input, or where it cannot be read, the run goes on by itself.
            if !matches!(read.await, Ok(Ok(1..))) {
                over.store(true, Ordering::Relaxed);
                say("standard input has ended: the run goes on without pauses");
            }
        })
    }
}

fn shown(sending: &Sending) -> String {
    let (file, line) = &sending.place;
    let mut text = format!(
        "{}  ({}:{line})  Enter sends:",
        terminal(&sending.scenario),
        terminal(file)
    );
    for line in &sending.lines {
        text.push_str("\n  ");
        text.push_str(&terminal(line));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_to_be_sent_is_shown_with_its_place() {
        let sending = Sending {
            scenario: "own/a".to_owned(),
            place: ("a.scenario".to_owned(), 5),
            lines: vec![
                "a> {\"op\": 2}".to_owned(),
                "b> close 1000 \"\u{1b}[2J\"".to_owned(),
            ],
        };
        assert_eq!(
            shown(&sending),
            "own/a  (a.scenario:5)  Enter sends:\n  a> {\"op\": 2}\n  b> close 1000 \"\\u{1b}[2J\""
        );
    }
}
