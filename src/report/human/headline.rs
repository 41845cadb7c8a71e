//! The first line: what happened, in one sentence that stands alone.

use super::Screen;
use super::paint::{BAD, DOUBT, GOOD, duration, paint, plural, some};
use crate::event::Ending;
use crate::outcome::Verdict;
use crate::report::escape::terminal;
use crate::report::record::Record;

/// The first line of the screen, without a newline.
pub fn headline(record: &Record, screen: &Screen) -> String {
    let (word, style, said) = match &record.ending {
        Ending::CouldNotRun(why) => ("could not run:", BAD, terminal(why).into_owned()),
        Ending::PreflightFailed(why) => preflight_failed(record, &terminal(why)),
        Ending::Interrupted => ("INTERRUPTED", DOUBT, interrupted(record)),
        Ending::Complete => complete(record),
    };
    let target = terminal(&record.header.target);
    let label = match &record.header.label {
        Some(label) => format!(" ({})", terminal(label)),
        None => String::new(),
    };
    format!(
        "{}  {target}{label}  {said} ({})",
        paint(screen, style, word),
        duration(record.duration_ms)
    )
}

fn preflight_failed(record: &Record, why: &str) -> (&'static str, anstyle::Style, String) {
    let known = record.summary.expected_fail > 0;
    let as_known = if known { " as known" } else { "" };
    let said = format!("the preflight failed{as_known}, nothing else was run: {why}");
    if known && !record.only_preflight() {
        ("UNJUDGED", DOUBT, said)
    } else if known {
        ("PASS", GOOD, said)
    } else {
        ("FAIL", BAD, said)
    }
}

fn complete(record: &Record) -> (&'static str, anstyle::Style, String) {
    let summary = &record.summary;
    if summary.fail > 0 {
        let said = format!(
            "{} of {} failed: {}",
            summary.fail,
            plural(record.total(), "scenario"),
            failed_rules(record)
        );
        ("FAIL", BAD, said)
    } else if summary.unexpected_pass > 0 || summary.stale > 0 {
        ("FAIL", BAD, outdated(record))
    } else if summary.error > 0 {
        let ids: Vec<_> = with_verdict(record, Verdict::Error).collect();
        let said = format!(
            "{} of {} could not be run: {}",
            summary.error,
            plural(record.total(), "scenario"),
            some(&ids, 4)
        );
        ("ERROR", BAD, said)
    } else if !summary.untested.is_empty() {
        let count = summary.untested.len();
        let were = if count == 1 { "was" } else { "were" };
        let said = format!(
            "{} {were} not judged (exit 5): {}",
            plural(count, "must rule"),
            some(&summary.untested, 4)
        );
        ("UNJUDGED", DOUBT, said)
    } else {
        ("PASS", GOOD, passed(record))
    }
}

/// What the list of known failures says that is no longer so.
fn outdated(record: &Record) -> String {
    let summary = &record.summary;
    let mut said = Vec::new();
    if summary.unexpected_pass > 0 {
        said.push(format!(
            "{} passed that the known-failing list expects to fail",
            plural(summary.unexpected_pass as usize, "scenario")
        ));
    }
    match summary.stale {
        0 => {}
        1 => said.push("1 entry of the known-failing list is stale".to_owned()),
        count => said.push(format!(
            "{count} entries of the known-failing list are stale"
        )),
    }
    said.join(", ")
}

fn passed(record: &Record) -> String {
    let summary = &record.summary;
    if record.total() == 0 {
        let said = if record.only_preflight() {
            "the preflight went well, nothing else was run"
        } else {
            "no scenario of the selection is in this shard"
        };
        return said.to_owned();
    }
    let mut said = format!("{} passed", plural(summary.pass as usize, "scenario"));
    let also = [
        (summary.expected_fail, "failed as known"),
        (summary.warn, "warned"),
        (summary.info, "recorded"),
        (summary.skip, "skipped"),
        (summary.inconclusive, "inconclusive"),
    ];
    for (count, what) in also {
        if count > 0 {
            said.push_str(&format!(", {count} {what}"));
        }
    }
    match summary.untested_allowed.len() {
        0 => said.push_str(", every must rule judged"),
        count => {
            let rules = plural(count, "must rule");
            said.push_str(&format!(", {rules} not judged, as allowed"));
        }
    }
    said
}

fn interrupted(record: &Record) -> String {
    let mut said = format!(
        "{} of {} had run",
        record.total(),
        plural(
            record.planned.max(record.total() as u32) as usize,
            "scenario"
        )
    );
    if record.summary.fail > 0 {
        said.push_str(&format!(
            ", {} failed: {}",
            record.summary.fail,
            failed_rules(record)
        ));
    } else {
        said.push_str(", none failed");
    }
    said
}

/// The rules that failures name, each once, in the order of the scenarios.
fn failed_rules(record: &Record) -> String {
    let mut rules: Vec<String> = Vec::new();
    for result in record.results.iter().filter(|r| r.fails()) {
        let rule = result
            .failure
            .as_ref()
            .map(|f| &f.rule)
            .or_else(|| result.rules.first())
            .unwrap_or(&result.id);
        let rule = terminal(rule).into_owned();
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    some(&rules, 4)
}

fn with_verdict(record: &Record, verdict: Verdict) -> impl Iterator<Item = String> + '_ {
    record
        .results
        .iter()
        .filter(move |r| r.verdict == verdict)
        .map(|r| terminal(&r.id).into_owned())
}
