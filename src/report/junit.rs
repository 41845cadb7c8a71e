//! The JUnit report, which every CI shows: an area is a test suite, a scenario a test case.
//!
//! A failure of the target is a `failure`; what could not be run is an `error`; what was skipped
//! or stayed inconclusive is `skipped`, with the reason. A broken "should" passes, with the warning
//! in its output: JUnit has no word for it, and `--strict` makes it a failure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use quick_junit::{
    NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestRerun,
    TestSuite,
};

use super::escape::terminal;
use super::human;
use super::record::Record;
use crate::event::Ending;
use crate::outcome::{Failure, KnownStatus, ScenarioResult, Verdict};

/// The report as XML. What XML 1.0 cannot hold is escaped as on a terminal (`\u{1b}`).
pub fn render(record: &Record) -> Result<String, SerializeError> {
    let mut report = Report::new("litespec");
    report.set_time(time(record.duration_ms));
    if let Some(suite) = run(record) {
        report.add_test_suite(suite);
    }
    let mut areas: BTreeMap<&str, TestSuite> = BTreeMap::new();
    for result in &record.results {
        let (area, name) = result.id.rsplit_once('/').unwrap_or(("run", &result.id));
        let suite = areas.entry(area).or_insert_with(|| suite(record, area));
        suite.add_test_case(case(result, area, name));
    }
    report.add_test_suites(areas.into_values());
    report.add_test_suites(stale(record));
    let mut text = report.to_string()?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn suite(record: &Record, name: &str) -> TestSuite {
    let mut suite = TestSuite::new(safe(name));
    suite.add_property(Property::new("target", safe(&record.header.target)));
    suite.add_property(Property::new("seed", record.header.seed.to_string()));
    suite.add_property(Property::new("started_at", safe(&record.header.started_at)));
    suite
}

/// A run that did not come to its end is an error of its own, whatever its scenarios say.
fn run(record: &Record) -> Option<TestSuite> {
    let why = match &record.ending {
        Ending::Complete | Ending::PreflightFailed(_) => return None,
        Ending::CouldNotRun(why) => format!("could not run: {why}"),
        Ending::Interrupted => "interrupted: what is missing was not run".to_owned(),
    };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(safe(&why));
    let mut case = TestCase::new("run", status);
    case.set_classname("litespec");
    let mut suite = suite(record, "litespec");
    suite.add_test_case(case);
    Some(suite)
}

/// Entries of a known-failing list that fit nothing any more make the run fail.
fn stale(record: &Record) -> Option<TestSuite> {
    let mut entries = record
        .known
        .iter()
        .filter(|entry| entry.status == KnownStatus::Stale)
        .peekable();
    entries.peek()?;
    let mut suite = suite(record, "known failures");
    for entry in entries {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("stale entry");
        status.set_message(safe(&format!(
            "{}:{}: nothing fails as it says",
            entry.file, entry.line
        )));
        let mut case = TestCase::new(safe(&format!("{} {}", entry.id, entry.rule)), status);
        case.set_classname("known failures");
        suite.add_test_case(case);
    }
    Some(suite)
}

fn case(result: &ScenarioResult, area: &str, name: &str) -> TestCase {
    let mut case = TestCase::new(safe(name), status(result));
    case.set_classname(safe(area));
    case.set_time(time(result.duration_ms));
    let said = output(result);
    if !said.is_empty() {
        case.set_system_out(said);
    }
    case
}

fn status(result: &ScenarioResult) -> TestCaseStatus {
    let reason = || safe(result.reason.as_deref().unwrap_or_default());
    if let Some(status) = listed(result) {
        return status;
    }
    match result.verdict {
        Verdict::Pass | Verdict::Info | Verdict::Warn => TestCaseStatus::success(),
        Verdict::Skip | Verdict::Inconclusive => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(reason());
            status
        }
        Verdict::Error => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(reason());
            status
        }
        Verdict::Fail => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.add_reruns(reruns(result));
            match &result.failure {
                Some(failure) => {
                    status.set_type(safe(&failure.rule));
                    let message = format!("expected {}, got {}", failure.expected, failure.actual);
                    status.set_message(safe(&message));
                    status.set_description(explained(failure));
                }
                None => {
                    status.set_message(reason());
                }
            }
            status
        }
    }
}

/// What a list of known failures makes of it: an expected failure is skipped, an unexpected pass
/// a failure.
fn listed(result: &ScenarioResult) -> Option<TestCaseStatus> {
    let expected = result.expected.as_ref()?;
    let why = safe(&expected.reason);
    if result.excused() {
        let mut status = TestCaseStatus::skipped();
        status.set_message(format!("known: {why}"));
        return Some(status);
    }
    if result.passes_unexpectedly() {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("unexpected pass");
        let place = safe(&format!("{}:{}", expected.file, expected.line));
        status.set_message(format!(
            "it is listed as failing at {place} and passed: {why}"
        ));
        return Some(status);
    }
    None
}

/// The repeats of a failure that failed again; the others are in the output.
fn reruns(result: &ScenarioResult) -> Vec<TestRerun> {
    let attempts = result.triage.iter().flat_map(|triage| &triage.attempts);
    attempts
        .skip(1)
        .filter(|attempt| attempt.verdict == Verdict::Fail)
        .map(|attempt| {
            let mut rerun = TestRerun::new(NonSuccessKind::Failure);
            rerun.set_time(time(attempt.duration_ms));
            rerun.set_type(safe(attempt.rule.as_deref().unwrap_or_default()));
            rerun.set_message(safe(attempt.actual.as_deref().unwrap_or_default()));
            rerun
        })
        .collect()
}

/// The failure as the screen tells it.
fn explained(failure: &Failure) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:9} {}", terminal(value));
    };
    line("rule", &failure.rule);
    line("", &failure.sentence);
    line("expected", &failure.expected);
    line("actual", &failure.actual);
    if let Some(hint) = &failure.hint {
        line("hint", hint);
    }
    line(
        "at",
        &format!(
            "{}:{}: {}",
            failure.file,
            failure.line,
            failure.quote.trim()
        ),
    );
    line("repeat", &failure.repeat);
    for said in &failure.target_output {
        line("target", said);
    }
    text
}

/// What else there is to say: notes, what was observed, and of what went wrong the transcript.
fn output(result: &ScenarioResult) -> String {
    let mut text = String::new();
    let mut line = |said: &str| {
        let _ = writeln!(text, "{}", terminal(said));
    };
    if let (Verdict::Warn, Some(failure)) = (result.verdict, &result.failure) {
        line(&format!(
            "warning: {} (a should): expected {}, got {}",
            failure.rule, failure.expected, failure.actual
        ));
    }
    if let Some(observed) = &result.observed {
        line(&format!("observed: {observed}"));
    }
    for note in &result.notes {
        line(note);
    }
    if result.attempts > 1 {
        line(&format!("attempts: {}", result.attempts));
    }
    if let Some(triage) = &result.triage {
        let label = triage
            .label
            .map_or("not judged again", |label| label.as_str());
        line(&format!("played again: {label}, failed {}", triage.rate));
        for (number, attempt) in triage.attempts.iter().enumerate() {
            let delayed = if attempt.perturbed {
                ", sends delayed"
            } else {
                ""
            };
            let verdict = human::verdict_word(attempt.verdict);
            line(&format!("attempt {}{delayed}: {verdict}", number + 1));
        }
    }
    if result.failure.is_some() && !result.transcript.is_empty() {
        text.push_str(&human::transcript(&result.transcript));
    }
    text
}

fn safe(text: &str) -> String {
    terminal(text).into_owned()
}

fn time(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_failing_run_as_junit() {
        let mut text = render(&sample::failing()).unwrap();
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
        text = text.replace("\r\n", "\n");
        insta::with_settings!({
            snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
            prepend_module_to_snapshot => false,
        }, {
            insta::assert_snapshot!("report_junit", text);
        });
    }

    #[test]
    fn lists_and_repeats_as_junit() {
        let text = render(&sample::with_lists()).unwrap();
        insta::with_settings!({
            snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
            prepend_module_to_snapshot => false,
        }, {
            insta::assert_snapshot!("report_junit_known", text);
        });
    }

    #[test]
    fn a_run_that_could_not_run_is_an_error_and_never_an_empty_success() {
        let mut record = Record::new(sample::header());
        record.ending = Ending::CouldNotRun("connection refused".to_owned());
        let text = render(&record).unwrap();
        assert!(text.contains("errors=\"1\""), "{text}");
        assert!(text.contains("connection refused"), "{text}");
    }

    #[test]
    fn what_xml_cannot_hold_is_shown_and_not_dropped() {
        let mut record = Record::new(sample::header());
        let mut result = sample::failure();
        if let Some(failure) = &mut result.failure {
            failure.actual = "a\u{0}b\u{1b}]]>&<c>\u{fffe}".to_owned();
        }
        record.take(&sample::finished(result));
        let text = render(&record).unwrap();
        assert!(text.contains("a\\u{0}b\\u{1b}"), "{text}");
        assert!(text.contains("\\u{fffe}"), "{text}");
        assert!(!text.contains("<c>"), "{text}");
    }
}
