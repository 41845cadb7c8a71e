//! The screen: what happened in the first line, then what to do about it, then the counts.

mod failure;
mod headline;
mod known;
mod paint;
mod tail;
mod transcript;

use super::record::Record;
use crate::outcome::{Entry, ScenarioResult, Verdict};

pub use headline::headline;

/// How the screen is written.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Whether to colour.
    pub color: bool,
    /// Columns to stay within where that can be.
    pub width: usize,
    /// Everything in full: transcripts, warnings, open points, rules.
    pub verbose: bool,
    /// The first line only.
    pub quiet: bool,
}

impl Default for Screen {
    fn default() -> Screen {
        Screen {
            color: false,
            width: 100,
            verbose: false,
            quiet: false,
        }
    }
}

/// A verdict's word on the screen.
pub(super) fn verdict_word(verdict: Verdict) -> &'static str {
    paint::word(verdict).0
}

/// A whole transcript as lines of the scenario language, without colour.
pub fn transcript(entries: &[Entry]) -> String {
    let mut out = String::new();
    let screen = Screen {
        verbose: true,
        ..Screen::default()
    };
    transcript::write(&mut out, entries, &screen);
    out
}

/// So many failures are shown in full without `verbose`; behind them each gets a short form.
const FULL_FAILURES: usize = 20;

/// The whole screen, newline at its end.
pub fn render(record: &Record, screen: &Screen) -> String {
    let mut out = headline(record, screen);
    out.push('\n');
    if screen.quiet {
        return out;
    }
    tail::preflight(&mut out, record, screen);
    let failed = record.results.iter().filter(|r| r.fails());
    for (number, result) in failed.enumerate() {
        if screen.verbose || number < FULL_FAILURES {
            failure::full(&mut out, result, screen);
        } else {
            failure::short(&mut out, result, screen);
        }
    }
    let warned = |r: &&ScenarioResult| r.verdict == Verdict::Warn && !r.excused();
    for result in record.results.iter().filter(warned) {
        if screen.verbose {
            failure::full(&mut out, result, screen);
        } else {
            failure::short(&mut out, result, screen);
        }
    }
    known::known(&mut out, record, screen);
    tail::unjudged(&mut out, record, screen);
    tail::open_points(&mut out, record, screen);
    tail::rules(&mut out, record, screen);
    out
}

#[cfg(test)]
mod tests;
