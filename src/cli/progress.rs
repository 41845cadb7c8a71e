//! How far a run is, on standard error: a bar on a terminal, one line of facts for people.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::screen::say;
use crate::event::RunEvent;
use crate::report::escape::terminal;

/// Shows events while they happen.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    facts: bool,
    failed: u32,
}

impl Progress {
    /// `bar`: a bar may be drawn if standard error is a terminal. `facts`: say what the preflight found.
    pub(crate) fn new(bar: bool, facts: bool) -> Progress {
        let bar = (bar && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} preflight") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Progress {
            bar,
            facts,
            failed: 0,
        }
    }

    pub(crate) fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted { header: _ }
            | RunEvent::ScenarioStarted { id: _ }
            | RunEvent::ScenarioTriaged { .. } => {}
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
                if let Some(bar) = &self.bar {
                    bar.inc(1);
                    if self.failed > 0 {
                        bar.set_message(format!(
                            "{} failed, last {}",
                            self.failed,
                            terminal(&result.id)
                        ));
                    }
                }
            }
            RunEvent::RunFinished { .. } => self.clear(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_what_the_preflight_found() {
        assert_eq!(
            found(Some(400), 3800, 94),
            "preflight: hb_interval 400 ms, 94 scenarios, the longest wait is 3.8 s"
        );
    }
}
