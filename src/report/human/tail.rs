//! What is neither pass nor failure, and the counts at the end.

use std::fmt::Write as _;

use super::Screen;
use super::failure::target_output;
use super::paint::{BOLD, DIM, columns, cut, duration, field, paint, plural, some, word};
use crate::event::Ending;
use crate::outcome::{RuleResult, ScenarioResult, Verdict};
use crate::protocol::rules::Level;
use crate::report::escape::terminal;
use crate::report::observed::words;
use crate::report::record::Record;

/// The steps of the preflight: where it failed, and when asked for.
pub(super) fn preflight(out: &mut String, record: &Record, screen: &Screen) {
    let failed = matches!(
        record.ending,
        Ending::CouldNotRun(_) | Ending::PreflightFailed(_)
    );
    if !(failed || record.only_preflight() || screen.verbose) {
        return;
    }
    steps(out, record, screen);
    target_output(out, &record.preflight.target_output, 2, screen);
}

fn steps(out: &mut String, record: &Record, screen: &Screen) {
    if record.preflight.steps.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint(screen, BOLD, "preflight"));
    for step in &record.preflight.steps {
        let (said, style) = word(if step.ok {
            Verdict::Pass
        } else {
            Verdict::Fail
        });
        let label = format!(
            "  {}  {:9}  ",
            paint(screen, style, said),
            terminal(&step.step)
        );
        field(out, screen, &label, &terminal(&step.detail));
    }
}

/// Skips, inconclusive ones and errors, one group a reason.
pub(super) fn unjudged(out: &mut String, record: &Record, screen: &Screen) {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for result in &record.results {
        if !matches!(
            result.verdict,
            Verdict::Skip | Verdict::Inconclusive | Verdict::Error
        ) {
            continue;
        }
        let reason = Reason::of(result);
        let alike =
            |group: &&mut Group<'_>| group.verdict == result.verdict && group.reason.alike(&reason);
        match groups.iter_mut().find(alike) {
            Some(group) => {
                group.reason.widen(&reason);
                group.members.push(result);
            }
            None => groups.push(Group {
                verdict: result.verdict,
                reason,
                members: vec![result],
            }),
        }
    }
    if groups.is_empty() {
        return;
    }
    groups.sort_by(|a, b| {
        b.verdict
            .cmp(&a.verdict)
            .then(b.members.len().cmp(&a.members.len()))
    });
    let _ = writeln!(out, "\n{}", paint(screen, BOLD, "not judged"));
    for group in groups {
        let (said, style) = word(group.verdict);
        let label = format!("  {}  ", paint(screen, style, said));
        let count = plural(group.members.len(), "scenario");
        field(
            out,
            screen,
            &label,
            &format!("{count}: {}", group.reason.text()),
        );
        let ids: Vec<String> = group
            .members
            .iter()
            .map(|r| terminal(&r.id).into_owned())
            .collect();
        let most = if screen.verbose { ids.len() } else { 4 };
        out.push_str(&paint(
            screen,
            DIM,
            &wrapped("      ", &some(&ids, most), screen),
        ));
    }
}

/// Results that were not judged for reasons that differ in their numbers only.
struct Group<'a> {
    verdict: Verdict,
    reason: Reason,
    members: Vec<&'a ScenarioResult>,
}

/// A reason: words, with a number (as least and greatest) behind each but the last.
struct Reason {
    words: Vec<String>,
    numbers: Vec<(u64, u64)>,
}

impl Reason {
    fn of(result: &ScenarioResult) -> Reason {
        let mut text = terminal(result.reason.as_deref().unwrap_or("no reason given")).into_owned();
        if let Some(by) = &result.blocked_by {
            let _ = write!(text, " (blocked by {})", terminal(by));
        }
        let mut reason = Reason {
            words: vec![String::new()],
            numbers: Vec::new(),
        };
        for piece in text.split_inclusive(' ') {
            match piece.trim_end().parse::<u64>() {
                Ok(number) => {
                    reason.numbers.push((number, number));
                    reason
                        .words
                        .push(piece[piece.trim_end().len()..].to_owned());
                }
                Err(_) => {
                    if let Some(words) = reason.words.last_mut() {
                        words.push_str(piece);
                    }
                }
            }
        }
        reason
    }

    fn alike(&self, other: &Reason) -> bool {
        self.words == other.words
    }

    fn widen(&mut self, other: &Reason) {
        for (mine, new) in self.numbers.iter_mut().zip(&other.numbers) {
            *mine = (mine.0.min(new.0), mine.1.max(new.1));
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (at, words) in self.words.iter().enumerate() {
            text.push_str(words);
            match self.numbers.get(at) {
                Some((least, greatest)) if least == greatest => text.push_str(&least.to_string()),
                Some((least, greatest)) => text.push_str(&format!("{least} to {greatest}")),
                None => {}
            }
        }
        text
    }
}

/// What the target does where the text leaves it open.
pub(super) fn open_points(out: &mut String, record: &Record, screen: &Screen) {
    let recorded: Vec<&ScenarioResult> = record
        .results
        .iter()
        .filter(|r| r.verdict == Verdict::Info)
        .collect();
    if recorded.is_empty() {
        return;
    }
    if !screen.verbose {
        let said = format!(
            "{} recorded, not judged (--verbose lists them, --format json has them)",
            plural(recorded.len(), "open point")
        );
        let _ = writeln!(out, "\n{said}");
        return;
    }
    let _ = writeln!(out, "\n{}", paint(screen, BOLD, "open points"));
    let ids: Vec<String> = recorded
        .iter()
        .map(|r| terminal(&r.id).into_owned())
        .collect();
    let width = ids.iter().map(|id| columns(id)).max().unwrap_or(0).min(48);
    for (id, result) in ids.iter().zip(&recorded) {
        let pad = width.saturating_sub(columns(id));
        let label = format!("  {id}{:pad$}  ", "");
        field(out, screen, &label, &cut(&observed(result), RECORD_MOST));
    }
}

/// Columns of a record at most, over all its lines.
const RECORD_MOST: usize = 400;

fn observed(result: &ScenarioResult) -> String {
    let said = match &result.observed {
        Some(observed) => words(observed),
        None => result
            .reason
            .clone()
            .unwrap_or_else(|| "nothing recorded".to_owned()),
    };
    terminal(&said).into_owned()
}

/// The rules by level, the counts, and what the run was.
pub(super) fn rules(out: &mut String, record: &Record, screen: &Screen) {
    if record.results.is_empty() && record.rules.is_empty() {
        return;
    }
    out.push('\n');
    if screen.verbose {
        for rule in &record.rules {
            let (said, style) = word(rule.verdict);
            let pad = 12 - said.len();
            let _ = writeln!(
                out,
                "  {}{:pad$}  {}  ({})",
                paint(screen, style, said),
                "",
                terminal(&rule.id),
                plural(rule.scenarios.len(), "scenario")
            );
        }
        if !record.rules.is_empty() {
            out.push('\n');
        }
    }
    let mut label = "rules";
    for (level, name) in [
        (Level::Must, "must"),
        (Level::Should, "should"),
        (Level::Open, "open"),
    ] {
        let of_level: Vec<&RuleResult> = record
            .rules
            .iter()
            .filter(|rule| rule.level == level)
            .collect();
        if !of_level.is_empty() {
            let verdicts: Vec<Verdict> = of_level.iter().map(|rule| rule.verdict).collect();
            field(
                out,
                screen,
                &format!("{label:10} {name:7} "),
                &counts(&verdicts),
            );
            label = "";
        }
    }
    field(out, screen, "scenarios  ", &scenarios(record));
    if !record.summary.untested_allowed.is_empty() {
        let allowed = terminal(&record.summary.untested_allowed.join(", ")).into_owned();
        field(
            out,
            screen,
            "allowed    ",
            &format!("not judged, and need not be: {allowed}"),
        );
    }
    if !record.summary.untested.is_empty() {
        field(
            out,
            screen,
            "unjudged   ",
            &terminal(&record.summary.untested.join(", ")),
        );
    }
    field(out, screen, "run        ", &run(record));
}

/// The verdicts' counts; what a list says otherwise of apart from the others.
fn scenarios(record: &Record) -> String {
    let plain = |r: &&ScenarioResult| !r.excused() && !r.passes_unexpectedly();
    let results = record.results.iter();
    let verdicts: Vec<Verdict> = results.filter(plain).map(|r| r.verdict).collect();
    let mut said = counts(&verdicts);
    let summary = &record.summary;
    for (count, what) in [
        (summary.expected_fail, "failed as known"),
        (summary.unexpected_pass, "passed though listed as failing"),
    ] {
        if count > 0 {
            said.push_str(&format!(", {count} {what}"));
        }
    }
    said
}

fn counts(verdicts: &[Verdict]) -> String {
    let order = [
        Verdict::Pass,
        Verdict::Fail,
        Verdict::Warn,
        Verdict::Error,
        Verdict::Info,
        Verdict::Inconclusive,
        Verdict::Skip,
    ];
    let said: Vec<String> = order
        .into_iter()
        .filter_map(
            |verdict| match verdicts.iter().filter(|v| **v == verdict).count() {
                0 => None,
                count => Some(format!("{count} {}", word(verdict).0.to_lowercase())),
            },
        )
        .collect();
    if said.is_empty() {
        "none".to_owned()
    } else {
        said.join(", ")
    }
}

fn run(record: &Record) -> String {
    let header = &record.header;
    let hash: String = header.suite.hash.chars().take(12).collect();
    let interval = match record.hb_interval_ms {
        Some(ms) => format!("hb_interval {ms} ms, "),
        None => String::new(),
    };
    format!(
        "{interval}seed {}, {} {}, suite {} ({}), {}",
        header.seed,
        terminal(&header.tool.name),
        terminal(&header.tool.version),
        terminal(&header.suite.version),
        terminal(&hash),
        duration(record.duration_ms)
    )
}

fn wrapped(label: &str, text: &str, screen: &Screen) -> String {
    let mut out = String::new();
    field(&mut out, screen, label, text);
    out
}
