//! What a campaign comes to, for people and for machines, and how far it is.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::args::{CampaignArgs, Format};
use super::keep::Kept;
use crate::cli::exit::{Exit, Stop};
use crate::cli::screen::Stdout;
use crate::event::Tool;
use crate::fuzzer::campaign::{Ending, Outcome, Terms};
use crate::fuzzer::coverage::Place;
use crate::fuzzer::find::Find;
use crate::protocol::rules::{self, Level};
use crate::report::escape::terminal;
use crate::runner::NotOpened;

/// Fewer cases than this share were let in: little was tested.
const VACUOUS: f64 = 0.2;

/// What a campaign came to.
pub(in crate::cli) struct Report<'a> {
    pub(in crate::cli) target: String,
    /// What the target is, in a word.
    pub(in crate::cli) peer: &'static str,
    /// The interval of its heartbeats.
    pub(in crate::cli) interval: Duration,
    /// The command that plays a find's file again.
    pub(in crate::cli) repeat: &'a dyn Fn(&str) -> String,
    pub(in crate::cli) terms: &'a Terms,
    pub(in crate::cli) outcome: &'a Outcome,
    pub(in crate::cli) kept: BTreeMap<String, Kept>,
    pub(in crate::cli) strict: bool,
}

impl Report<'_> {
    fn known(&self, find: &Find) -> bool {
        self.kept
            .get(&find.fingerprint())
            .is_some_and(|kept| kept.known)
    }

    /// Whether there is a new find that makes the run fail.
    pub(in crate::cli) fn fails(&self) -> bool {
        let new = |find: &&Find| !self.known(find) && find.fails(self.strict);
        self.outcome.finds.iter().any(|find| new(&find))
    }

    fn headline(&self) -> String {
        let progress = &self.outcome.progress;
        let all = &self.outcome.finds;
        let known = all.iter().filter(|find| self.known(find)).count();
        let fails = all
            .iter()
            .filter(|find| !self.known(find) && find.fails(self.strict))
            .count();
        let warns = all.len() - known - fails;
        let mut parts = Vec::new();
        if fails > 0 {
            parts.push(format!("{fails} {}", plural(fails, "failure")));
        }
        if warns > 0 {
            parts.push(format!("{warns} {}", plural(warns, "warning")));
        }
        if known > 0 {
            parts.push(format!("{known} known"));
        }
        let found = match parts.is_empty() {
            true => "nothing found".to_owned(),
            false => format!("found {}", parts.join(", ")),
        };
        let seconds = progress.elapsed.as_secs_f64();
        let rate = progress.cases as f64 / seconds.max(0.001);
        format!(
            "{found} in {}: {} cases in {seconds:.1} s ({rate:.0} a second), seed {}",
            terminal(&self.target),
            progress.cases,
            self.terms.seed
        )
    }

    /// The screen.
    pub(in crate::cli) fn human(&self, verbose: bool, quiet: bool) -> String {
        let mut text = self.headline();
        text.push('\n');
        if quiet {
            return text;
        }
        // What binds most first, and of that the shortest.
        let mut finds: Vec<&Find> = self.outcome.finds.iter().collect();
        finds.sort_by_key(|find| (find.broken.level != Level::Must, find.text.lines().count()));
        for find in finds {
            text.push('\n');
            text.push_str(&self.of_find(find));
        }
        for note in self.notes() {
            text.push_str(&format!("\n{note}\n"));
        }
        text.push_str(&self.coverage(verbose));
        text
    }

    fn of_find(&self, find: &Find) -> String {
        let kept = self.kept.get(&find.fingerprint());
        let label = match (self.known(find), find.broken.level) {
            (true, _) => "KNOWN",
            (false, Level::Should) if !self.strict => "WARN",
            (false, _) => "FAIL",
        };
        let sentence = rules::find(&find.broken.rule).map_or("", |rule| rule.sentence);
        let mut text = format!("{label} {}: {sentence}\n", find.broken.rule);
        text.push_str(&format!(
            "  expected  {}\n",
            terminal(&find.broken.expected)
        ));
        text.push_str(&format!("  got       {}\n", terminal(&find.broken.actual)));
        let rate = match find.proven {
            true => format!("failed in {} of {} runs", find.rate.failed, find.rate.of),
            false => "not proven: the target did not come back, and one of these cases ended it"
                .to_owned(),
        };
        text.push_str(&format!(
            "  {rate}; first in case {} after {:.1} s{}\n",
            find.cases,
            find.after.as_secs_f64(),
            match find.again {
                0 => String::new(),
                again => format!(", and {again} more like it"),
            }
        ));
        if let Some(path) = kept.and_then(|kept| kept.path.as_ref()) {
            let shown = path.display().to_string();
            let path = crate::event::shell::quote(&shown);
            text.push_str(&format!("  repeat    {}\n", (self.repeat)(&path)));
        }
        for line in kept
            .map(|kept| kept.text.as_str())
            .unwrap_or_default()
            .lines()
        {
            text.push_str(&format!("    {}\n", terminal(line)));
        }
        text
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let progress = &self.outcome.progress;
        match &self.outcome.ending {
            Ending::TargetGone(why) => notes.push(format!("ended early: {}", terminal(why))),
            Ending::Interrupted => notes.push("interrupted".to_owned()),
            Ending::Found => notes.push("ended with the first find (--first)".to_owned()),
            Ending::Complete => {}
        }
        if let Some(share) = self.outside() {
            notes.push(format!(
                "warning: {share:.0} % of the cases ended before the {} had answered anything: \
                 little was tested",
                self.peer
            ));
        }
        if progress.unrepeated > 0 {
            let rules: Vec<String> = self
                .outcome
                .unrepeated
                .iter()
                .map(|(rule, count)| format!("{rule} ({count})"))
                .collect();
            notes.push(format!(
                "unknown: {} did not come again when the case was played alone: {}",
                match progress.unrepeated {
                    1 => "1 failure".to_owned(),
                    count => format!("{count} failures"),
                },
                rules.join(", ")
            ));
        }
        if progress.unknown > 0 {
            let count = progress.unknown;
            let unknown = &self.outcome.unknown;
            let why = unknown.iter().max_by_key(|(_, count)| **count);
            notes.push(format!(
                "unknown: {count} {} not judged to the end; most often: {}",
                if count == 1 { "case was" } else { "cases were" },
                why.map_or("", |(why, _)| why)
            ));
        }
        notes
    }

    /// The share of cases that never got an answer, in per cent, where it is too large.
    fn outside(&self) -> Option<f64> {
        let progress = &self.outcome.progress;
        if progress.cases < 20 {
            return None;
        }
        let inside = progress.inside as f64 / progress.cases as f64;
        (inside < VACUOUS).then_some((1.0 - inside) * 100.0)
    }

    fn coverage(&self, verbose: bool) -> String {
        let cells = &self.outcome.coverage.cells;
        let never = &self.outcome.coverage.never;
        let mut text = format!(
            "\ncoverage: {} kinds of send x reply seen; {} kinds of send never made{}\n",
            cells.len(),
            never.len(),
            if verbose {
                ""
            } else {
                " (--verbose lists them)"
            }
        );
        if verbose {
            for (place, reply, count) in cells {
                let what = named(place);
                text.push_str(&format!(
                    "  {:9} {what:22} {reply:16} {count}\n",
                    place.state
                ));
            }
            for place in never {
                let what = named(place);
                text.push_str(&format!("  {:9} {what:22} never made\n", place.state));
            }
        }
        text
    }

    /// The report for machines.
    pub(in crate::cli) fn json(&self) -> String {
        let outcome = self.outcome;
        let finds: Vec<Value> = outcome
            .finds
            .iter()
            .map(|find| self.find_json(find))
            .collect();
        let cells: Vec<Value> = outcome
            .coverage
            .cells
            .iter()
            .map(|(Place { state, sent, class }, reply, count)| {
                json!({"state": state, "sent": sent, "class": class, "reply": reply,
                       "count": count})
            })
            .collect();
        let never: Vec<Value> = outcome
            .coverage
            .never
            .iter()
            .map(|Place { state, sent, class }| json!({"state": state, "sent": sent, "class": class}))
            .collect();
        let progress = &outcome.progress;
        let report = json!({
            "schema_version": 1,
            "tool": Tool::this(),
            "target": self.target,
            "seed": self.terms.seed,
            "hb_interval_ms": millis(self.interval),
            "ending": match &outcome.ending {
                Ending::Complete => "complete",
                Ending::Found => "first_find",
                Ending::Interrupted => "interrupted",
                Ending::TargetGone(_) => "target_gone",
            },
            "ended_because": match &outcome.ending {
                Ending::TargetGone(why) => Some(why),
                _ => None,
            },
            "duration_ms": millis(progress.elapsed),
            "cases": progress.cases,
            "cases_answered": progress.inside,
            "cases_unknown": progress.unknown,
            "unknown": outcome.unknown,
            "unrepeated": outcome.unrepeated,
            "vacuous": self.outside().is_some(),
            "finds": finds,
            "coverage": {"cells": cells, "never": never},
        });
        format!("{report:#}\n")
    }

    fn find_json(&self, find: &Find) -> Value {
        let kept = self.kept.get(&find.fingerprint());
        json!({
            "rule": find.broken.rule,
            "level": find.broken.level,
            "expected": find.broken.expected,
            "actual": find.broken.actual,
            "target": find.fate.word(),
            "fingerprint": find.fingerprint(),
            "known": self.known(find),
            "file": kept.and_then(|kept| kept.path.as_ref()).map(|path| path.display().to_string()),
            "failed": find.rate.failed,
            "runs": find.rate.of,
            "case": find.cases,
            "proven": find.proven,
            "after_ms": millis(find.after),
            "shrink_runs": find.shrinking.0,
            "shrunk_to_the_end": find.shrinking.1,
            "again": find.again,
            "scenario": kept.map(|kept| kept.text.clone()),
        })
    }
}

fn named(place: &Place) -> String {
    match place.class {
        Some(class) => format!("{} ({class})", place.sent),
        None => place.sent.to_owned(),
    }
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 {
        word.to_owned()
    } else {
        format!("{word}s")
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A find in one line, as soon as it is there.
pub(in crate::cli) fn found(find: &Find, kept: &Kept) -> String {
    let file = match &kept.path {
        Some(path) => terminal(&path.display().to_string()).into_owned(),
        None => "(could not be written)".to_owned(),
    };
    let actual = terminal(&find.broken.actual).into_owned();
    match kept.known {
        true => format!("known {}: {actual}", find.broken.rule),
        false => format!("found {}: {actual} -> {file}", find.broken.rule),
    }
}

/// Lines of what the target said that are shown.
const LAST_WORDS: usize = 8;

/// Why there is no campaign. Who reads JSON is told in JSON too.
pub(in crate::cli) fn not_opened(
    target: &str,
    args: &CampaignArgs,
    error: NotOpened,
    checks: &str,
    out: &mut Stdout,
) -> Stop {
    let (ending, stop) = match error {
        NotOpened::CouldNotRun(why, mut lines) => {
            lines.dedup();
            let last = lines.len().saturating_sub(LAST_WORDS);
            let hint = |stop: Stop, line| stop.hint(format!("it said: {line}"));
            let stop = lines
                .into_iter()
                .skip(last)
                .fold(Stop::new(Exit::CouldNotRun, why), hint);
            ("could_not_run", stop)
        }
        NotOpened::Failed(why) => {
            let stop = Stop::new(Exit::Failure, format!("the preflight failed: {why}"));
            let hint = format!(
                "litespec {checks} shows it in full; a target that does not get so far is not fuzzed"
            );
            ("preflight_failed", stop.hint(hint))
        }
    };
    if args.format == Format::Json {
        let report = json!({
            "schema_version": 1,
            "tool": Tool::this(),
            "target": target,
            "seed": args.seed,
            "ending": ending,
            "ended_because": stop.message,
            "cases": 0,
            "finds": [],
        });
        // What cannot be written ends with the reason that matters more.
        let _ = out.write(&format!("{report:#}\n"));
    }
    stop
}
