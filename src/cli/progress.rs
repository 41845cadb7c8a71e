//! How far a run is, on standard error: a bar on a terminal, one line of facts for people.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::screen::say;
use crate::event::RunEvent;
use crate::fuzzer::campaign::{self, Terms};
use crate::report::escape::terminal;

/// Shows events while they happen.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    facts: bool,
    failed: u32,
    /// What has begun and not ended, in that order.
    running: Vec<String>,
    last_failed: String,
}

impl Progress {
    /// `bar`: a bar may be drawn if standard error is a terminal. `facts`: say what the preflight found.
    pub(crate) fn new(bar: bool, facts: bool) -> Progress {
        let bar = (bar && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} preflight {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Progress {
            bar,
            facts,
            failed: 0,
            running: Vec::new(),
            last_failed: String::new(),
        }
    }

    pub(crate) fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted { header } => {
                if let (Some(bar), "client") = (&self.bar, header.role.as_str()) {
                    bar.set_message("waiting for the client's first connection");
                }
            }
            RunEvent::ScenarioTriaged { .. } => {}
            RunEvent::ScenarioStarted { id } => {
                self.running.push(id.clone());
                self.say_what_runs();
            }
            RunEvent::PreflightFinished {
                preflight,
                hb_interval_ms,
                longest_wait_ms,
                planned,
            } => {
                if preflight.ok {
                    self.fact(&found(*hb_interval_ms, *longest_wait_ms, *planned));
                }
                if let Some(bar) = &self.bar {
                    bar.set_length(u64::from(*planned));
                    bar.set_message("");
                    if let Ok(style) = ProgressStyle::with_template(
                        "{elapsed:>4} [{bar:30}] {pos}/{len} scenarios {wide_msg}",
                    ) {
                        bar.set_style(style.progress_chars("=> "));
                    }
                }
            }
            RunEvent::ScenarioFinished { result } => {
                self.failed += u32::from(result.fails());
                if result.fails() {
                    self.last_failed.clone_from(&result.id);
                }
                self.running.retain(|id| *id != result.id);
                if let Some(bar) = &self.bar {
                    bar.inc(1);
                }
                self.say_what_runs();
            }
            RunEvent::RunFinished { .. } => self.clear(),
        }
    }

    /// What is waited for, and what has failed.
    fn say_what_runs(&self) {
        if let Some(bar) = &self.bar {
            bar.set_message(message(&self.running, self.failed, &self.last_failed));
        }
    }

    /// Takes the bar from the screen.
    pub(crate) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn fact(&self, text: &str) {
        match &self.bar {
            _ if !self.facts => {}
            Some(bar) => bar.suspend(|| say(text)),
            None => say(text),
        }
    }
}

/// The end of the bar's line: failures, and the scenario that has been running for longest.
fn message(running: &[String], failed: u32, last_failed: &str) -> String {
    let mut message = String::new();
    if failed > 0 {
        message = format!("{failed} failed, last {}; ", terminal(last_failed));
    }
    if let Some(oldest) = running.first() {
        message.push_str(&format!("waiting for {}", terminal(oldest)));
    }
    if running.len() > 1 {
        message.push_str(&format!(" and {} more", running.len() - 1));
    }
    message.trim_end_matches("; ").to_owned()
}

fn found(hb_interval_ms: Option<u64>, longest_wait_ms: u64, planned: u32) -> String {
    let interval = hb_interval_ms.map_or_else(String::new, |ms| format!("hb_interval {ms} ms, "));
    let wait = longest_wait_ms as f64 / 1000.0;
    let noun = if planned == 1 {
        "scenario"
    } else {
        "scenarios"
    };
    format!("preflight: {interval}{planned} {noun}, the longest wait is {wait:.1} s")
}

/// How far a campaign is, on standard error.
pub(crate) struct Campaign {
    bar: Option<ProgressBar>,
    quiet: bool,
    time: Duration,
}

impl Campaign {
    pub(crate) fn new(quiet: bool, terms: &Terms) -> Campaign {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Campaign {
            bar,
            quiet,
            time: terms.time,
        }
    }

    pub(crate) fn tell(&self, so_far: &campaign::Progress) {
        if let Some(bar) = &self.bar {
            let seconds = so_far.elapsed.as_secs_f64();
            bar.set_message(format!(
                "{seconds:.0} of {:.0} s, {} cases, {:.0} a second, {} kinds of reply seen, {} found",
                self.time.as_secs_f64(),
                so_far.cases,
                so_far.cases as f64 / seconds.max(0.001),
                so_far.cells,
                so_far.finds
            ));
        }
    }

    pub(crate) fn say(&self, text: &str) {
        match &self.bar {
            _ if self.quiet => {}
            Some(bar) => bar.suspend(|| say(text)),
            None => say(text),
        }
    }

    pub(crate) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// How far a comparison of two targets is, on standard error.
pub(crate) struct Comparison {
    bar: Option<ProgressBar>,
    began: tokio::time::Instant,
    time: Duration,
}

impl Comparison {
    pub(crate) fn new(quiet: bool, time: Duration) -> Comparison {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let began = tokio::time::Instant::now();
        Comparison { bar, began, time }
    }

    pub(crate) fn tell(&self, cases: u64, found: usize) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!(
                "{:.0} of {:.0} s, {cases} cases on both, {found} differences",
                self.began.elapsed().as_secs_f64(),
                self.time.as_secs_f64(),
            ));
        }
    }

    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_says_what_is_waited_for_and_what_failed() {
        let running = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(message(&[], 0, ""), "");
        assert_eq!(message(&running(&["a/b"]), 0, ""), "waiting for a/b");
        assert_eq!(
            message(&running(&["a/b", "c", "d"]), 2, "e"),
            "2 failed, last e; waiting for a/b and 2 more"
        );
        assert_eq!(message(&[], 1, "e"), "1 failed, last e");
    }

    #[test]
    fn one_line_says_what_the_preflight_found() {
        assert_eq!(
            found(Some(400), 3800, 94),
            "preflight: hb_interval 400 ms, 94 scenarios, the longest wait is 3.8 s"
        );
    }
}
