//! What lists of known failures and flaky scenarios say of the run.

use std::fmt::Write as _;

use super::Screen;
use super::failure;
use super::paint::{BAD, BOLD, DIM, DOUBT, GOOD, field, paint, plural};
use crate::outcome::{KnownEntry, KnownStatus, List};
use crate::report::escape::terminal;
use crate::report::record::Record;

/// One paragraph: what failed as known, and what is wrong with the lists.
pub(super) fn known(out: &mut String, record: &Record, screen: &Screen) {
    if screen.verbose {
        for result in record.results.iter().filter(|result| result.excused()) {
            failure::full(out, result, screen);
        }
    }
    let told: Vec<&KnownEntry> = record
        .known
        .iter()
        .filter(|entry| entry.status != KnownStatus::NotJudged || screen.verbose)
        .collect();
    if told.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", paint(screen, BOLD, "known"));
    for entry in told {
        line(out, entry, screen);
    }
}

fn line(out: &mut String, entry: &KnownEntry, screen: &Screen) {
    let (word, style) = match entry.status {
        KnownStatus::Held if entry.list == List::Flaky => ("flaky", DOUBT),
        KnownStatus::Held => ("known", GOOD),
        KnownStatus::UnexpectedPass => ("PASSES", BAD),
        KnownStatus::Stale => ("STALE", BAD),
        KnownStatus::Expired => ("expired", DOUBT),
        KnownStatus::NotJudged => ("not run", DIM),
    };
    let label = format!(
        "  {}{:pad$}  ",
        paint(screen, style, word),
        "",
        pad = 7 - word.len()
    );
    let text = entry.text.as_ref();
    let bound = text.map_or_else(String::new, |text| format!(" with \"{}\"", terminal(text)));
    let what = format!("{} ({}{bound})", terminal(&entry.id), terminal(&entry.rule));
    let said = format!(
        "{what}: {}; {} ({}:{})",
        outcome(entry),
        terminal(&entry.reason),
        terminal(&entry.file),
        entry.line
    );
    field(out, screen, &label, &said);
}

fn outcome(entry: &KnownEntry) -> String {
    let failed = entry.failed as usize;
    let passed = entry.passed as usize;
    match entry.status {
        KnownStatus::Held if entry.list == List::Flaky => {
            format!("failed {failed}, passed {passed}")
        }
        KnownStatus::Held => format!("{} failed as listed", plural(failed, "scenario")),
        KnownStatus::UnexpectedPass => {
            let besides = match failed {
                0 => String::new(),
                failed => format!(" ({failed} failed as listed)"),
            };
            let noun = plural(passed, "scenario");
            format!("{noun} passed{besides}, take it from the list")
        }
        KnownStatus::Stale => "nothing failed as listed, take it from the list".to_owned(),
        KnownStatus::Expired => {
            let day = terminal(entry.expires.as_deref().unwrap_or("")).into_owned();
            format!("excuses nothing since {day}, failed {failed}, passed {passed}")
        }
        KnownStatus::NotJudged => "nothing of it was judged".to_owned(),
    }
}
