//! Runs made by hand, with steady times, for the tests of every format.

mod lists;

use serde_json::json;

use crate::event::{Ending, RunEvent, RunHeader, Suite, Tool};
use crate::outcome::{
    Dir, Entry, EntryKind, Failure, Preflight, PreflightStep, RuleResult, ScenarioResult, Summary,
    Verdict,
};
use crate::protocol::rules::Level;

use super::Record;
pub(super) use lists::{events as list_events, with_lists};

pub(super) fn header() -> RunHeader {
    let mut options = serde_json::Map::new();
    options.insert("grace".to_owned(), json!("1s"));
    RunHeader {
        schema_version: 1,
        tool: Tool {
            name: "litespec".to_owned(),
            version: "0.1.0".to_owned(),
        },
        suite: Suite {
            version: "0.1.0".to_owned(),
            hash: "5be1a70c93de4f62".to_owned(),
        },
        role: "server".to_owned(),
        target: "ws://127.0.0.1:9001/".to_owned(),
        label: None,
        started_at: "2026-11-02T10:00:00Z".to_owned(),
        seed: 1,
        options,
        repeat_args: vec![
            "ws://127.0.0.1:9001/".to_owned(),
            "--grace".to_owned(),
            "1s".to_owned(),
        ],
        repeat_tail: Vec::new(),
    }
}

fn step(step: &str, ok: bool, detail: &str, at_ms: f64) -> PreflightStep {
    PreflightStep {
        step: step.to_owned(),
        ok,
        detail: detail.to_owned(),
        at_ms,
    }
}

fn preflight() -> RunEvent {
    RunEvent::PreflightFinished {
        preflight: Preflight {
            ok: true,
            steps: vec![
                step("connect", true, "127.0.0.1:9001", 0.2),
                step("upgrade", true, "101 Switching Protocols", 0.9),
                step("hello", true, "hb_interval 400 ms", 1.1),
                step("auth", true, "accepted", 1.6),
                step("heartbeat", true, "acknowledged after 0.3 ms", 1.9),
                step("request", true, "ANYTHING [] answered", 2.2),
            ],
            target_output: Vec::new(),
        },
        hb_interval_ms: Some(400),
        longest_wait_ms: 3800,
        planned: 6,
    }
}

fn result(id: &str, rule: &str, level: Level, verdict: Verdict) -> ScenarioResult {
    ScenarioResult {
        id: id.to_owned(),
        title: "What a right server does here".to_owned(),
        rules: vec![rule.to_owned()],
        level,
        verdict,
        reason: None,
        blocked_by: None,
        expected: None,
        duration_ms: 2.5,
        attempts: 1,
        triage: None,
        observed: None,
        notes: Vec::new(),
        failure: None,
        transcript: Vec::new(),
    }
}

pub(super) fn pass(id: &str, rule: &str) -> ScenarioResult {
    result(id, rule, Level::Must, Verdict::Pass)
}

pub(super) fn finished(result: ScenarioResult) -> RunEvent {
    RunEvent::ScenarioFinished {
        result: Box::new(result),
    }
}

pub(super) fn entry(at_ms: f64, conn: &str, dir: Dir, kind: EntryKind, text: &str) -> Entry {
    Entry {
        at_ms,
        conn: conn.to_owned(),
        dir,
        kind,
        text: text.to_owned(),
        auto: false,
    }
}

/// The peer's close reason tries to colour and to turn the screen.
pub(super) fn failure() -> ScenarioResult {
    let id = "server/auth/wrong-password";
    ScenarioResult {
        title: "A wrong password is refused with 4001".to_owned(),
        duration_ms: 12.0,
        failure: Some(Failure {
            rule: "auth.reject".to_owned(),
            sentence: "A HELLO_ACK whose string is not the shared password ends the connection with close code 4001, whatever the near miss."
                .to_owned(),
            expected: "close 4001".to_owned(),
            actual: "close 1008 \"go \u{1b}[31maway\u{202e}\n\"".to_owned(),
            hint: Some("1008 is the general policy code; the protocol has one of its own".to_owned()),
            source: "embedded".to_owned(),
            file: "scenarios/server/auth/wrong-password.scenario".to_owned(),
            line: 7,
            column: 1,
            quote: "< close 4001".to_owned(),
            repeat: format!("litespec check ws://127.0.0.1:9001/ --grace 1s --filter {id} --seed 1"),
            target_output: Vec::new(),
        }),
        transcript: vec![
            entry(0.0, "a", Dir::Sent, EntryKind::Connect, ""),
            entry(0.4, "a", Dir::Received, EntryKind::Text, "{\"op\":0,\"hb_interval\":400}"),
            entry(0.6, "a", Dir::Sent, EntryKind::Text, "{\"op\": 1, \"password\": \"not-${password}\"}"),
            entry(12.0, "a", Dir::Received, EntryKind::Close, "1008 \"go \u{1b}[31maway\u{202e}\n\""),
            Entry { auto: true, ..entry(12.1, "a", Dir::Sent, EntryKind::Close, "1008") },
            entry(12.3, "a", Dir::Received, EntryKind::Eof, ""),
        ],
        ..result(id, "auth.reject", Level::Must, Verdict::Fail)
    }
}

fn crowded_failure() -> ScenarioResult {
    let id = "server/response/only-the-asker#3";
    let mut transcript = vec![
        entry(0.0, "a", Dir::Sent, EntryKind::Connect, ""),
        entry(0.2, "b", Dir::Sent, EntryKind::Connect, ""),
    ];
    for n in 0..40 {
        let at = 1.0 + f64::from(n);
        transcript.push(entry(
            at,
            "a",
            Dir::Sent,
            EntryKind::Text,
            &format!("{{\"op\": 4, \"w\": \"ECHO\", \"a\": [], \"n\": {n}}}"),
        ));
        transcript.push(entry(
            at + 0.4,
            "b",
            Dir::Received,
            EntryKind::Text,
            &format!("{{\"op\":5,\"n\":{n},\"r\":[]}}"),
        ));
    }
    transcript.push(entry(
        50.0,
        "a",
        Dir::Received,
        EntryKind::Text,
        "plain words",
    ));
    transcript.push(entry(
        50.1,
        "a",
        Dir::Received,
        EntryKind::Text,
        &format!("{{\"op\":5,\"r\":\"{}\"}}", "x".repeat(300)),
    ));
    transcript.push(entry(50.2, "a", Dir::Received, EntryKind::Binary, "00ff"));
    transcript.push(entry(
        50.3,
        "a",
        Dir::Received,
        EntryKind::Reset,
        "connection reset by peer",
    ));
    ScenarioResult {
        title: "An answer goes to the connection that asked".to_owned(),
        duration_ms: 51.0,
        failure: Some(Failure {
            rule: "response.to-sender".to_owned(),
            sentence: "A RESPONSE goes to the connection that asked, and to no other.".to_owned(),
            expected: "nothing for 1s".to_owned(),
            actual: "{\"op\":5,\"n\":0,\"r\":[]}".to_owned(),
            hint: None,
            source: "embedded".to_owned(),
            file: "scenarios/server/response/only-the-asker.scenario".to_owned(),
            line: 12,
            column: 5,
            quote: "    b< nothing for 1s".to_owned(),
            repeat: format!(
                "litespec check ws://127.0.0.1:9001/ --grace 1s --filter '{id}' --seed 1"
            ),
            target_output: Vec::new(),
        }),
        transcript,
        ..result(id, "response.to-sender", Level::Must, Verdict::Fail)
    }
}

fn warning() -> ScenarioResult {
    ScenarioResult {
        title: "The timeout comes within two intervals and the grace".to_owned(),
        notes: vec!["closed at 9.70 hb".to_owned()],
        failure: Some(Failure {
            rule: "heartbeat.prompt".to_owned(),
            sentence: "The 4003 comes not later than two intervals plus a grace (a bound of ours: the text has none).".to_owned(),
            expected: "close 4003 within 1hb..2hb+grace".to_owned(),
            actual: "close 4003 after 3880 ms".to_owned(),
            hint: None,
            source: "embedded".to_owned(),
            file: "scenarios/server/heartbeat/prompt.scenario".to_owned(),
            line: 5,
            column: 1,
            quote: "< close 4003 within 1hb..2hb+grace  @heartbeat.prompt".to_owned(),
            repeat: "litespec check ws://127.0.0.1:9001/ --grace 1s --filter server/heartbeat/prompt --seed 1".to_owned(),
            target_output: Vec::new(),
        }),
        ..result("server/heartbeat/prompt", "heartbeat.prompt", Level::Should, Verdict::Warn)
    }
}

fn open_point() -> ScenarioResult {
    ScenarioResult {
        title: "What becomes of an unknown op".to_owned(),
        observed: Some(json!({"what": "closed", "code": 1002, "after_ms": 0.3})),
        ..result(
            "server/open/unknown-op",
            "open.unknown-op",
            Level::Open,
            Verdict::Info,
        )
    }
}

fn unjudged(id: &str, rule: &str, verdict: Verdict, reason: &str) -> ScenarioResult {
    ScenarioResult {
        reason: Some(reason.to_owned()),
        ..result(id, rule, Level::Must, verdict)
    }
}

fn rule(id: &str, level: Level, verdict: Verdict, scenarios: &[&str]) -> RuleResult {
    RuleResult {
        id: id.to_owned(),
        level,
        verdict,
        scenarios: scenarios.iter().map(|s| (*s).to_owned()).collect(),
    }
}

fn events(
    results: Vec<ScenarioResult>,
    ending: Ending,
    duration_ms: f64,
    rules: Vec<RuleResult>,
    untested: &[&str],
) -> Vec<RunEvent> {
    let mut events = vec![RunEvent::RunStarted { header: header() }, preflight()];
    let mut summary = Summary {
        untested: untested.iter().map(|s| (*s).to_owned()).collect(),
        ..Summary::default()
    };
    for result in results {
        summary.count(&result);
        events.push(RunEvent::ScenarioStarted {
            id: result.id.clone(),
        });
        events.push(finished(result));
    }
    events.push(RunEvent::RunFinished {
        ending,
        duration_ms,
        rules,
        summary,
        known: Vec::new(),
    });
    events
}

fn record(events: &[RunEvent]) -> Record {
    let mut record = Record::new(header());
    events.iter().for_each(|event| record.take(event));
    record
}

pub(super) fn failing_events() -> Vec<RunEvent> {
    events(
        vec![
            pass("server/auth/right-password", "auth.accept"),
            failure(),
            crowded_failure(),
            warning(),
            open_point(),
        ],
        Ending::Complete,
        2134.5,
        vec![
            rule(
                "auth.accept",
                Level::Must,
                Verdict::Pass,
                &["server/auth/right-password"],
            ),
            rule(
                "auth.reject",
                Level::Must,
                Verdict::Fail,
                &["server/auth/wrong-password"],
            ),
            rule(
                "response.to-sender",
                Level::Must,
                Verdict::Fail,
                &["server/response/only-the-asker"],
            ),
            rule(
                "heartbeat.prompt",
                Level::Should,
                Verdict::Warn,
                &["server/heartbeat/prompt"],
            ),
            rule(
                "open.unknown-op",
                Level::Open,
                Verdict::Info,
                &["server/open/unknown-op"],
            ),
        ],
        &[],
    )
}

pub(super) fn failing() -> Record {
    record(&failing_events())
}

pub(super) fn passing() -> Record {
    record(&events(
        vec![
            pass("server/auth/right-password", "auth.accept"),
            pass("server/heartbeat/ack", "heartbeat.ack"),
            open_point(),
        ],
        Ending::Complete,
        980.0,
        vec![
            rule(
                "auth.accept",
                Level::Must,
                Verdict::Pass,
                &["server/auth/right-password"],
            ),
            rule(
                "heartbeat.ack",
                Level::Must,
                Verdict::Pass,
                &["server/heartbeat/ack"],
            ),
            rule(
                "open.unknown-op",
                Level::Open,
                Verdict::Info,
                &["server/open/unknown-op"],
            ),
        ],
        &[],
    ))
}

pub(super) fn not_judged() -> Record {
    let no_answer =
        "the target answers no request that is known here: declare one with --request 'W [ARGS]'";
    let mut blocked = unjudged(
        "server/request/late",
        "request.independent",
        Verdict::Skip,
        "a declared request was not answered",
    );
    blocked.blocked_by = Some("preflight".to_owned());
    record(&events(
        vec![
            pass("server/auth/right-password", "auth.accept"),
            unjudged(
                "server/request/response",
                "request.response",
                Verdict::Skip,
                no_answer,
            ),
            unjudged(
                "server/request/nonce#1",
                "request.nonce-any",
                Verdict::Skip,
                no_answer,
            ),
            unjudged(
                "server/request/nonce#2",
                "request.nonce-any",
                Verdict::Skip,
                no_answer,
            ),
            blocked,
            unjudged(
                "server/heartbeat/timeout",
                "heartbeat.timeout",
                Verdict::Inconclusive,
                "the harness itself was 140 ms late",
            ),
            unjudged(
                "own/typo",
                "x.mine",
                Verdict::Error,
                "the variable $token has no value",
            ),
        ],
        Ending::Complete,
        61_250.0,
        vec![
            rule(
                "auth.accept",
                Level::Must,
                Verdict::Pass,
                &["server/auth/right-password"],
            ),
            rule(
                "heartbeat.timeout",
                Level::Must,
                Verdict::Inconclusive,
                &["server/heartbeat/timeout"],
            ),
            rule(
                "request.response",
                Level::Must,
                Verdict::Skip,
                &["server/request/response"],
            ),
            rule(
                "request.nonce-any",
                Level::Must,
                Verdict::Skip,
                &["server/request/nonce"],
            ),
            rule(
                "request.independent",
                Level::Must,
                Verdict::Skip,
                &["server/request/late"],
            ),
        ],
        &[
            "heartbeat.timeout",
            "request.response",
            "request.nonce-any",
            "request.independent",
        ],
    ))
}

pub(super) fn could_not_run() -> Record {
    let mut record = Record::new(header());
    record.take(&RunEvent::PreflightFinished {
        preflight: Preflight {
            ok: false,
            steps: vec![step(
                "connect",
                false,
                "127.0.0.1:9001 refused the connection",
                0.4,
            )],
            target_output: Vec::new(),
        },
        hb_interval_ms: None,
        longest_wait_ms: 0,
        planned: 0,
    });
    record.take(&RunEvent::RunFinished {
        ending: Ending::CouldNotRun(
            "nothing listens at 127.0.0.1:9001 (connection refused)".to_owned(),
        ),
        duration_ms: 0.6,
        rules: Vec::new(),
        summary: Summary {
            untested: vec!["hello.first".to_owned()],
            ..Summary::default()
        },
        known: Vec::new(),
    });
    record
}

pub(super) fn preflight_failed() -> Record {
    let mut result = failure();
    result.id = "preflight".to_owned();
    result.title = "The preflight".to_owned();
    let why = "the password was refused: close 4001".to_owned();
    record(&events(
        vec![result],
        Ending::PreflightFailed(why),
        31.0,
        Vec::new(),
        &["auth.accept"],
    ))
}

pub(super) fn interrupted() -> Record {
    record(&events(
        vec![pass("server/auth/right-password", "auth.accept"), failure()],
        Ending::Interrupted,
        700.0,
        vec![
            rule(
                "auth.accept",
                Level::Must,
                Verdict::Pass,
                &["server/auth/right-password"],
            ),
            rule(
                "auth.reject",
                Level::Must,
                Verdict::Fail,
                &["server/auth/wrong-password"],
            ),
        ],
        &["heartbeat.ack"],
    ))
}

pub(super) fn all() -> Vec<Record> {
    vec![
        passing(),
        failing(),
        not_judged(),
        could_not_run(),
        preflight_failed(),
        interrupted(),
        with_lists(),
        Record::new(header()),
    ]
}
