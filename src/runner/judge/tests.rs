//! From what was played to a verdict, case by case.

use super::*;
use crate::event::{Suite, Tool};
use crate::oracle::Breach;
use crate::runner::sample::entry;
use crate::scenario;
use crate::scenario::syntax::Source;
use crate::scenario::values::Env;

const TEXT: &str =
    "title  A title\nrule   auth.reject\n\nuse handshake\n< close 4001  @close.frame\n";

fn source(origin: Origin) -> Arc<Source> {
    Arc::new(Source {
        path: "some/file.scenario".to_owned(),
        origin,
        text: TEXT.to_owned(),
    })
}

fn case_of(text: &str) -> Arc<Case> {
    let source = Source {
        text: text.to_owned(),
        ..(*source(Origin::Embedded)).clone()
    };
    let scenario = scenario::parse("server/auth/x", Arc::new(source)).expect("it parses");
    Arc::new(Case {
        id: "server/auth/x#2".to_owned(),
        scenario: Arc::new(scenario),
        env: Ok(Env::new("p")),
    })
}

fn case() -> Arc<Case> {
    case_of(TEXT)
}

fn header() -> RunHeader {
    RunHeader {
        schema_version: 1,
        tool: Tool::this(),
        suite: Suite::embedded(),
        role: "server".to_owned(),
        target: "ws://x/".to_owned(),
        label: None,
        started_at: String::new(),
        seed: 3,
        options: serde_json::Map::new(),
        repeat_args: vec!["ws://x/".to_owned()],
        repeat_tail: Vec::new(),
    }
}

/// Judges with secrets `hunter22`, and gives what `judged` makes of it.
fn judging<T>(strict: bool, judged: impl FnOnce(&Judge<'_>) -> T) -> T {
    let (header, redactor) = (
        header(),
        Redactor::new([("password".to_owned(), "hunter22".to_owned())]),
    );
    judged(&Judge {
        header: &header,
        redactor: &redactor,
        strict,
    })
}

fn broken(rule: &str, level: Level) -> Broken {
    Broken {
        rule: rule.to_owned(),
        level,
        expected: "close 4001".to_owned(),
        actual: "close 1000".to_owned(),
        hint: None,
        place: Place {
            source: source(Origin::Embedded),
            span: Span {
                line: 5,
                column: 1,
                start: 0,
                end: 0,
            },
        },
    }
}

fn played(ended: Ended) -> Played {
    Played {
        observed: Some(serde_json::json!({"what": "ignored"})),
        notes: vec!["closed at 1.03 hb".to_owned()],
        transcript: vec![entry()],
        took: Duration::from_micros(1500),
        ..Played::not_played(ended)
    }
}

fn failed(level: Level) -> Ended {
    Ended::Failed(Box::new(broken("close.frame", level)))
}

#[test]
fn how_it_ended_says_what_it_comes_to() {
    let why = || "why".to_owned();
    let inconclusive = Ended::Inconclusive {
        reason: why(),
        timing: true,
    };
    let prerequisite = Ended::Prerequisite(Box::new(broken("hello.first", Level::Must)));
    let unreachable = Ended::Unreachable(Box::new(broken("robust.isolation", Level::Must)));
    for (ended, verdict, strict, reason) in [
        (Ended::Passed, Verdict::Pass, Verdict::Pass, None),
        (failed(Level::Must), Verdict::Fail, Verdict::Fail, None),
        (failed(Level::Should), Verdict::Warn, Verdict::Fail, None),
        (unreachable, Verdict::Fail, Verdict::Fail, None),
        (
            failed(Level::Open),
            Verdict::Inconclusive,
            Verdict::Inconclusive,
            Some("stopped before its probe: expected close 4001, got close 1000"),
        ),
        (
            prerequisite,
            Verdict::Inconclusive,
            Verdict::Inconclusive,
            Some("prerequisite: hello.first is broken: expected close 4001, got close 1000"),
        ),
        (
            inconclusive,
            Verdict::Inconclusive,
            Verdict::Inconclusive,
            Some("why"),
        ),
        (
            Ended::Skipped(why()),
            Verdict::Skip,
            Verdict::Skip,
            Some("why"),
        ),
        (
            Ended::Error(why()),
            Verdict::Error,
            Verdict::Error,
            Some("why"),
        ),
    ] {
        for (is_strict, expected) in [(false, verdict), (true, strict)] {
            let played = played(ended.clone());
            let result = judging(is_strict, |judge| judge.result(&case(), &played, 3));
            assert_eq!(result.verdict, expected, "{ended:?}");
            assert_eq!(result.reason.as_deref(), reason, "{ended:?}");
            let fails = matches!(expected, Verdict::Fail | Verdict::Warn);
            assert_eq!(result.failure.is_some(), fails, "{ended:?}");
            assert_eq!(result.observed, None, "{ended:?}");
            assert_eq!((result.attempts, result.duration_ms), (3, 1.5));
            assert_eq!(result.notes, played.notes);
            assert_eq!(result.transcript, played.transcript);
        }
    }
}

#[test]
fn a_result_names_its_case_and_a_failure_the_level_that_it_breaks() {
    let result = judging(false, |judge| {
        judge.result(&case(), &played(failed(Level::Should)), 1)
    });
    assert_eq!(
        (&*result.id, &*result.title, result.level),
        ("server/auth/x#2", "A title", Level::Should)
    );
    assert_eq!(result.rules, ["auth.reject", "close.frame"]);
    let passed = judging(false, |judge| {
        judge.result(&case(), &played(Ended::Passed), 1)
    });
    assert_eq!(passed.level, Level::Must);
}

#[test]
fn what_is_open_is_recorded() {
    let probe = case_of("title  A title\nrule   open.unknown-op\n\nuse handshake\n< probe 1s\n");
    let result = judging(false, |judge| {
        judge.result(&probe, &played(Ended::Passed), 1)
    });
    assert_eq!((result.verdict, result.level), (Verdict::Info, Level::Open));
    assert_eq!(
        result.observed,
        Some(serde_json::json!({"what": "ignored"}))
    );
}

#[test]
fn what_is_not_played_says_why_and_what_blocks_it() {
    let result = judging(false, |judge| {
        let blocked = Some("server/request/known".to_owned());
        judge.unplayed(&case(), Verdict::Skip, "no request".to_owned(), blocked)
    });
    assert_eq!(result.verdict, Verdict::Skip);
    assert_eq!(result.reason.as_deref(), Some("no request"));
    assert_eq!(result.blocked_by.as_deref(), Some("server/request/known"));
    assert_eq!((result.attempts, &*result.id), (0, "server/auth/x#2"));
}

#[test]
fn a_failure_quotes_its_line_and_says_how_to_repeat_it() {
    let failure = judging(false, |judge| {
        judge.failure("server/auth/x#2", &broken("auth.reject", Level::Must))
    });
    assert_eq!(
        (failure.line, &*failure.quote),
        (5, "< close 4001  @close.frame")
    );
    assert_eq!(&*failure.file, "some/file.scenario");
    assert_eq!(failure.source, "embedded");
    assert!(failure.sentence.contains("4001"), "{}", failure.sentence);
    assert!(
        failure.repeat.contains("--filter 'server/auth/x#2'"),
        "{}",
        failure.repeat
    );
    for (origin, name) in [(Origin::File, "file"), (Origin::Stdin, "stdin")] {
        let mut broken = broken("auth.reject", Level::Must);
        broken.place.source = source(origin);
        let failure = judging(false, |judge| judge.failure("x", &broken));
        assert_eq!(failure.source, name);
    }
}

#[test]
fn a_hint_says_what_often_lies_behind_it() {
    let hint = |rule: &str, expected: &str, actual: &str| {
        let broken = Broken {
            expected: expected.to_owned(),
            actual: actual.to_owned(),
            ..broken(rule, Level::Must)
        };
        judging(false, |judge| judge.failure("x", &broken)).hint
    };
    let (crash, dropped) = ("close 1011 \"oops\"", "the end, without a close frame");
    assert!(hint("auth.reject", "close 4001", crash).is_some_and(|hint| hint.contains("1011")));
    assert!(hint("auth.reject", "close 4001", dropped).is_some_and(|h| h.contains("close frame")));
    assert_eq!(hint("auth.reject", "{\"op\": 3}", crash), None);
    assert_eq!(hint("auth.reject", "{\"op\": 3}", dropped), None);
    assert_eq!(hint("auth.reject", "close 4001", "close 1008"), None);
    for (op, hinted) in [(4, true), (6, true), (2, false)] {
        let actual = format!("a packet with op {op}");
        let hint = hint("packet.sender", "HELLO", &actual);
        assert_eq!(hint.is_some_and(|h| h.contains("bidirectional")), hinted);
    }
    assert_eq!(hint("packet.object", "x", "a packet with op 4"), None);
    let mut own = broken("auth.reject", Level::Must);
    own.hint = Some("its own".to_owned());
    let failure = judging(false, |judge| judge.failure("x", &own));
    assert_eq!(failure.hint.as_deref(), Some("its own"));
}

#[test]
fn the_watch_tells_each_rule_once_a_case_and_no_secret() {
    let place = broken("x", Level::Must).place;
    let not_json = |why: &str| Breach::NotJson {
        why: why.to_owned(),
    };
    let mut played = played(Ended::Prerequisite(Box::new(broken(
        "hello.first",
        Level::Must,
    ))));
    played.breaches = vec![
        (not_json("hunter22"), place.clone()),
        (not_json("another"), place.clone()),
        (Breach::SecondHello, place),
    ];
    let found = judging(false, |judge| judge.findings(&case(), &played));
    let rules: Vec<&str> = found.iter().map(|found| found.rule.as_str()).collect();
    assert_eq!(rules, ["packet.object", "hello.once", "hello.first"]);
    let first = &found[0].result;
    assert_eq!(first.id, "watch/packet.object");
    assert_eq!(first.rules, ["packet.object"]);
    assert_eq!(
        (first.verdict, first.attempts, first.duration_ms),
        (Verdict::Fail, 1, 1.5)
    );
    assert_eq!(
        first.reason.as_deref(),
        Some("seen while server/auth/x#2 was played")
    );
    assert_eq!(first.transcript, played.transcript);
    let failure = first.failure.as_ref().expect("a failure");
    assert!(failure.actual.contains("${password}"), "{}", failure.actual);
    let second = &found[1].result;
    assert_eq!(
        (second.verdict, second.level),
        (Verdict::Warn, Level::Should)
    );
    let sentence = rules::find("hello.once").map(|rule| rule.sentence);
    assert_eq!(Some(&*second.title), sentence);
    assert!(found.iter().all(|found| found.case == "server/auth/x#2"));
    let strict = judging(true, |judge| judge.findings(&case(), &played));
    assert_eq!(strict[1].result.verdict, Verdict::Fail);
}

#[test]
fn what_is_beyond_a_single_line_names_all_its_cases() {
    let cases = [case(), case()];
    let ended = judging(false, |judge| {
        judge.ended("exit status 1", &cases, vec!["last words".to_owned()])
    });
    let ended = ended.expect("there are cases");
    assert_eq!(
        (&*ended.rule, ended.result.verdict),
        ("robust.isolation", Verdict::Fail)
    );
    let sentence = rules::find("robust.isolation").map(|rule| rule.sentence);
    assert_eq!(Some(&*ended.result.title), sentence);
    assert_eq!(&*ended.result.id, "watch/robust.isolation");
    assert_eq!(ended.result.rules, ["robust.isolation"]);
    assert_eq!(ended.result.attempts, 1);
    let failure = ended.result.failure.expect("a failure");
    assert_eq!(failure.actual, "the target ended: exit status 1");
    assert_eq!(failure.target_output, ["last words"]);
    assert_eq!(
        ended.result.reason.as_deref(),
        Some("seen while server/auth/x#2, server/auth/x#2 was played")
    );
    assert!(judging(false, |judge| judge.ended("x", &[], Vec::new())).is_none());
    let waits: Vec<Duration> = (1..=20).map(Duration::from_millis).collect();
    let same = judging(false, |judge| {
        judge.same_waits(&cases[0], &cases[1], &waits)
    });
    let same = same.expect("there are cases");
    assert_eq!(
        (&*same.rule, same.result.verdict),
        ("client.reconnect-random", Verdict::Warn)
    );
    assert_eq!(same.result.level, Level::Should);
    let failure = same.result.failure.expect("a failure");
    assert!(failure.actual.ends_with(" 11, 12 ms"), "{}", failure.actual);
}

/// A result of a scenario about these rules.
fn about(id: &str, rules: &[&str], verdict: Verdict, failed: Option<&str>) -> ScenarioResult {
    let level = if verdict == Verdict::Warn {
        Level::Should
    } else {
        Level::Must
    };
    let ended = match failed {
        Some(rule) => Ended::Failed(Box::new(broken(rule, level))),
        None => Ended::Passed,
    };
    let mut result = judging(false, |judge| judge.result(&case(), &played(ended), 1));
    id.clone_into(&mut result.id);
    result.rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
    result.verdict = verdict;
    result
}

fn verdicts(results: &[ScenarioResult], held: &[(&str, &str)]) -> Vec<(String, Verdict)> {
    let mut marked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, rule) in held {
        marked
            .entry((*id).to_owned())
            .or_default()
            .push((*rule).to_owned());
    }
    let rules = rule_results(results, &marked);
    rules
        .into_iter()
        .map(|rule| (rule.id, rule.verdict))
        .collect()
}

fn is(rule: &str, verdict: Verdict) -> (String, Verdict) {
    (rule.to_owned(), verdict)
}

#[test]
fn a_rule_comes_to_the_worst_that_judged_it() {
    let both = ["auth.reject", "close.frame"];
    let pass = about("a", &both, Verdict::Pass, None);
    // Its second rule is judged only where a line about it held.
    assert_eq!(
        verdicts(std::slice::from_ref(&pass), &[]),
        [
            is("auth.reject", Verdict::Pass),
            is("close.frame", Verdict::Skip)
        ]
    );
    assert_eq!(
        verdicts(std::slice::from_ref(&pass), &[("a", "close.frame")]),
        [
            is("auth.reject", Verdict::Pass),
            is("close.frame", Verdict::Pass)
        ]
    );
    let fail = about("b", &both, Verdict::Fail, Some("close.frame"));
    assert_eq!(
        verdicts(&[pass, fail], &[("a", "close.frame")]),
        [
            is("auth.reject", Verdict::Pass),
            is("close.frame", Verdict::Fail)
        ]
    );
}

#[test]
fn a_failure_of_one_rule_says_nothing_of_another_but_what_held_before_it() {
    let fail = about("a", &["auth.reject"], Verdict::Fail, Some("hello.first"));
    assert_eq!(
        verdicts(std::slice::from_ref(&fail), &[]),
        [
            is("hello.first", Verdict::Fail),
            is("auth.reject", Verdict::Skip)
        ]
    );
    assert_eq!(
        verdicts(&[fail], &[("a", "auth.reject")])[1],
        is("auth.reject", Verdict::Pass)
    );
}

#[test]
fn a_rule_that_nothing_judged_says_whether_anything_tried() {
    for (verdict, comes_to) in [
        (Verdict::Skip, Verdict::Skip),
        (Verdict::Inconclusive, Verdict::Inconclusive),
        (Verdict::Error, Verdict::Inconclusive),
    ] {
        let result = about("a", &["auth.reject"], verdict, None);
        assert_eq!(verdicts(&[result], &[]), [is("auth.reject", comes_to)]);
    }
}

#[test]
fn what_a_recording_scenario_saw_hold_is_a_pass_and_no_record() {
    let info = about(
        "a",
        &["open.unknown-op", "heartbeat.ack"],
        Verdict::Info,
        None,
    );
    assert_eq!(
        verdicts(&[info], &[("a", "heartbeat.ack")]),
        [
            is("heartbeat.ack", Verdict::Pass),
            is("open.unknown-op", Verdict::Info)
        ]
    );
}

#[test]
fn untested_are_the_must_rules_that_nothing_judged() {
    let results = [
        about("a", &["auth.reject"], Verdict::Skip, None),
        about("b", &["hello.once"], Verdict::Skip, None),
        about("c", &["hello.first"], Verdict::Pass, None),
        about("d", &["close.frame"], Verdict::Inconclusive, None),
    ];
    let rules = rule_results(&results, &BTreeMap::new());
    let ids: Vec<&str> = untested(&rules).map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["auth.reject", "close.frame"]);
}

#[test]
fn a_rule_of_the_users_own_has_the_level_that_its_scenario_gives() {
    let mut own = about("own/a", &["x.mine"], Verdict::Warn, Some("x.mine"));
    own.level = Level::Should;
    let rules = rule_results(&[own], &BTreeMap::new());
    assert_eq!((&*rules[0].id, rules[0].level), ("x.mine", Level::Should));
    assert_eq!(rules[0].scenarios, ["own/a"]);
}

#[test]
fn milliseconds_are_told_to_the_microsecond() {
    assert_eq!(ms(Duration::from_nanos(1_234_567)), 1.235);
}
