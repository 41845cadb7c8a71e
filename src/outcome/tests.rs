//! What a result counts for, by its verdict and by what a list says of it.

use super::*;

const ALL: [Verdict; 7] = [
    Verdict::Pass,
    Verdict::Info,
    Verdict::Skip,
    Verdict::Inconclusive,
    Verdict::Warn,
    Verdict::Error,
    Verdict::Fail,
];

fn result(verdict: Verdict, listed: Option<ExpectedStatus>) -> ScenarioResult {
    ScenarioResult {
        id: "server/auth/x".to_owned(),
        title: String::new(),
        rules: Vec::new(),
        level: Level::Must,
        verdict,
        reason: None,
        blocked_by: None,
        expected: listed.map(|status| Expected {
            status,
            reason: String::new(),
            expires: None,
            file: String::new(),
            line: 1,
        }),
        duration_ms: 0.0,
        attempts: 1,
        triage: None,
        observed: None,
        notes: Vec::new(),
        failure: None,
        transcript: Vec::new(),
    }
}

/// The one counter of a summary that a result moves.
fn counted(result: &ScenarioResult) -> &'static str {
    let mut summary = Summary::default();
    summary.count(result);
    summary.count(result);
    let counters = [
        ("pass", summary.pass),
        ("fail", summary.fail),
        ("warn", summary.warn),
        ("info", summary.info),
        ("skip", summary.skip),
        ("inconclusive", summary.inconclusive),
        ("error", summary.error),
        ("expected_fail", summary.expected_fail),
        ("unexpected_pass", summary.unexpected_pass),
    ];
    let moved: Vec<_> = counters.iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(moved.len(), 1, "{moved:?}");
    assert_eq!(moved[0].1, 2);
    moved[0].0
}

#[test]
fn without_a_list_a_verdict_counts_as_itself_and_only_a_failure_fails() {
    let names = [
        "pass",
        "info",
        "skip",
        "inconclusive",
        "warn",
        "error",
        "fail",
    ];
    for (verdict, name) in ALL.into_iter().zip(names) {
        let result = result(verdict, None);
        assert_eq!(counted(&result), name);
        assert_eq!(result.fails(), verdict == Verdict::Fail, "{name}");
        assert!(!result.excused() && !result.passes_unexpectedly(), "{name}");
    }
}

#[test]
fn a_list_excuses_failures_and_warnings_and_nothing_else() {
    for status in [ExpectedStatus::ExpectedFail, ExpectedStatus::Flaky] {
        for verdict in ALL {
            let result = result(verdict, Some(status));
            let excuses = matches!(verdict, Verdict::Fail | Verdict::Warn);
            assert_eq!(result.excused(), excuses, "{verdict:?}");
            assert_eq!(counted(&result) == "expected_fail", excuses, "{verdict:?}");
            assert!(!result.fails(), "{verdict:?}");
            assert!(!result.passes_unexpectedly(), "{verdict:?}");
        }
    }
}

#[test]
fn an_expired_entry_excuses_nothing() {
    let result = result(Verdict::Fail, Some(ExpectedStatus::Expired));
    assert!(result.fails() && !result.excused());
    assert_eq!(counted(&result), "fail");
}

#[test]
fn a_pass_that_was_not_expected_is_counted_apart() {
    let result = result(Verdict::Pass, Some(ExpectedStatus::UnexpectedPass));
    assert!(result.passes_unexpectedly() && !result.fails());
    assert_eq!(counted(&result), "unexpected_pass");
}

#[test]
fn verdicts_are_ordered_by_how_bad_they_are() {
    assert!(ALL.is_sorted());
}
