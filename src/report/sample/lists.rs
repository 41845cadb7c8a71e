//! A run with lists of known failures and flaky scenarios, and a failure that was run again.

use crate::event::{Ending, RunEvent};
use crate::outcome::{
    Expected, ExpectedStatus, KnownEntry, KnownStatus, List, ScenarioResult, Summary, Triage,
    TriageAttempt, Verdict,
};

use super::{failure, finished, header, pass, preflight};
use crate::report::Record;

fn expected(status: ExpectedStatus, line: u32, reason: &str) -> Option<Expected> {
    Some(Expected {
        status,
        reason: reason.to_owned(),
        expires: (status == ExpectedStatus::Expired).then(|| "2026-10-31".to_owned()),
        file: "known.toml".to_owned(),
        line,
    })
}

fn entry(line: u32, id: &str, status: KnownStatus, failed: u32, passed: u32) -> KnownEntry {
    KnownEntry {
        list: List::Failing,
        file: "known.toml".to_owned(),
        line,
        id: id.to_owned(),
        rule: "auth.reject".to_owned(),
        text: None,
        reason: "until the next release".to_owned(),
        expires: None,
        status,
        failed,
        passed,
    }
}

fn triage() -> Triage {
    let attempt = |perturbed, verdict, duration_ms| TriageAttempt {
        perturbed,
        verdict,
        rule: (verdict == Verdict::Fail).then(|| "auth.reject".to_owned()),
        actual: (verdict == Verdict::Fail).then(|| "close 1008".to_owned()),
        duration_ms,
    };
    Triage::of(vec![
        attempt(false, Verdict::Fail, 12.0),
        attempt(false, Verdict::Pass, 11.0),
        attempt(true, Verdict::Fail, 19.25),
    ])
}

/// What the lists make of every kind of result.
pub(in crate::report) fn with_lists() -> Record {
    let mut record = Record::new(header());
    events().iter().for_each(|event| record.take(event));
    record
}

/// The same as it is told.
pub(in crate::report) fn events() -> Vec<RunEvent> {
    let named = |id: &str, base: ScenarioResult| ScenarioResult {
        id: id.to_owned(),
        ..base
    };
    let mut old = named("server/auth/old", failure());
    old.expected = expected(ExpectedStatus::ExpectedFail, 2, "until the next release");
    let mut over = named("server/auth/over", failure());
    over.expected = expected(ExpectedStatus::Expired, 9, "a promise");
    let mut mended = pass("server/auth/mended", "auth.reject");
    mended.expected = expected(ExpectedStatus::UnexpectedPass, 16, "until the next release");
    let mut shaky = named("server/auth/shaky", failure());
    shaky.expected = expected(ExpectedStatus::Flaky, 2, "a slow machine");
    let results = vec![
        old,
        over,
        mended,
        shaky,
        pass("server/auth/plain", "auth.reject"),
    ];

    let mut summary = Summary {
        stale: 1,
        untested_allowed: vec!["dispatch.no-response".to_owned()],
        ..Summary::default()
    };
    let mut events = vec![RunEvent::RunStarted { header: header() }, preflight()];
    for result in results {
        summary.count(&result);
        events.push(finished(result));
    }
    events.push(RunEvent::ScenarioTriaged {
        id: "server/auth/over".to_owned(),
        triage: triage(),
    });
    events.push(RunEvent::RunFinished {
        ending: Ending::Complete,
        duration_ms: 2134.5,
        rules: Vec::new(),
        summary,
        known: known(),
    });
    events
}

fn known() -> Vec<KnownEntry> {
    let shaky = KnownEntry {
        list: List::Flaky,
        file: "flaky.toml".to_owned(),
        text: Some("close 1008".to_owned()),
        ..entry(2, "server/auth/shaky", KnownStatus::Held, 1, 0)
    };
    let over = KnownEntry {
        expires: Some("2026-10-31".to_owned()),
        ..entry(9, "server/auth/over", KnownStatus::Expired, 1, 0)
    };
    vec![
        entry(2, "server/auth/old", KnownStatus::Held, 1, 0),
        over,
        entry(16, "server/auth/mended", KnownStatus::UnexpectedPass, 0, 1),
        entry(23, "server/auth/pl*", KnownStatus::Stale, 0, 0),
        entry(30, "own/*", KnownStatus::NotJudged, 0, 0),
        shaky,
    ]
}
