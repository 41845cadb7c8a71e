//! Comparisons of runs made by hand.

use serde_json::json;

use super::*;
use crate::event::RunEvent;
use crate::outcome::ScenarioResult;
use crate::report::{Record, jsonl, sample};

fn record(results: Vec<ScenarioResult>) -> Record {
    let mut record = Record::new(sample::header());
    for result in results {
        record.take(&sample::finished(result));
    }
    record
}

fn side(results: Vec<ScenarioResult>) -> Side {
    let text = crate::report::json::render(&record(results)).expect("it is written");
    read(&text).expect("what we write can be read")
}

fn probe(id: &str, observed: serde_json::Value) -> ScenarioResult {
    ScenarioResult {
        verdict: Verdict::Info,
        observed: Some(observed),
        ..sample::pass(id, "open.unknown-op")
    }
}

fn ids(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|change| change.id.as_str()).collect()
}

#[test]
fn a_pass_that_fails_is_worse_and_the_other_way_round_better() {
    let good = || sample::pass("server/auth/wrong-password", "auth.reject");
    let (a, b) = (side(vec![good()]), side(vec![sample::failure()]));
    let worse = diff(&a, &b);
    assert_eq!(ids(&worse.worse), ["server/auth/wrong-password"]);
    assert!(worse.is_worse());
    let better = diff(&b, &a);
    assert_eq!(ids(&better.better), ["server/auth/wrong-password"]);
    assert!(!better.is_worse());
    assert!(diff(&a, &a).is_same());
}

#[test]
fn what_is_no_longer_judged_is_told_and_not_called_worse() {
    let a = side(vec![sample::pass("server/x", "auth.reject")]);
    let b = side(vec![ScenarioResult {
        verdict: Verdict::Inconclusive,
        ..sample::pass("server/x", "auth.reject")
    }]);
    let lost = diff(&a, &b);
    assert_eq!(
        (ids(&lost.unjudged), lost.is_worse()),
        (vec!["server/x"], false)
    );
    assert_eq!(ids(&diff(&b, &a).judged), ["server/x"]);
    let failed = diff(
        &b,
        &side(vec![ScenarioResult {
            id: "server/x".to_owned(),
            ..sample::failure()
        }]),
    );
    assert!(failed.is_worse());
}

#[test]
fn another_code_is_a_change_and_another_time_is_none() {
    let failing = |actual: &str| {
        let mut result = sample::failure();
        if let Some(failure) = &mut result.failure {
            failure.actual = actual.to_owned();
        }
        side(vec![result])
    };
    let (a, b) = (failing("close 1008 \"no\""), failing("close 1011 \"no\""));
    assert_eq!(diff(&a, &b).changed.len(), 1);
    let (a, b) = (
        failing("nothing within 5000 ms"),
        failing("nothing within 5001 ms"),
    );
    assert!(diff(&a, &b).is_same());
}

#[test]
fn behaviour_differs_and_milliseconds_do_not() {
    let closed = |code: u16, ms: f64| {
        side(vec![probe(
            "server/open/unknown-op#2",
            json!({"what": "closed", "code": code, "after_ms": ms}),
        )])
    };
    assert!(diff(&closed(1002, 0.3), &closed(1002, 9.0)).is_same());
    let differ = diff(&closed(1002, 0.3), &closed(1008, 0.3));
    assert_eq!(ids(&differ.differs), ["server/open/unknown-op#2"]);
    assert!(!differ.is_worse());
    assert_eq!(differ.differs[0].with.as_deref(), Some("$op = -1"));
}

#[test]
fn a_finding_of_the_watch_is_worse_though_only_one_side_has_it() {
    let found = ScenarioResult {
        id: "watch/heartbeat.ack".to_owned(),
        ..sample::failure()
    };
    let (a, b) = (side(Vec::new()), side(vec![found]));
    assert_eq!(ids(&diff(&a, &b).worse), ["watch/heartbeat.ack"]);
    assert_eq!(ids(&diff(&b, &a).better), ["watch/heartbeat.ack"]);
    let new = diff(&side(Vec::new()), &side(vec![sample::failure()]));
    assert_eq!((new.new.len(), new.is_worse()), (1, false));
}

#[test]
fn profiles_reports_and_event_streams_are_all_read() {
    let record = record(vec![
        probe("server/open/unknown-op#1", json!({"what": "ignored"})),
        sample::pass("server/auth/right-password", "auth.accept"),
    ]);
    let profile = profile::profile(&record).json().expect("it is written");
    let report = crate::report::json::render(&record).expect("it is written");
    let events: String = [RunEvent::RunStarted {
        header: record.header.clone(),
    }]
    .into_iter()
    .chain(record.results.iter().cloned().map(sample::finished))
    .map(|event| jsonl::line(&event).expect("it is written"))
    .collect();
    let [profile, report, events] =
        [&profile, &report, &events].map(|text| read(text).expect("what we write can be read"));
    assert_eq!(
        (profile.judged, report.judged, events.judged),
        (false, true, true)
    );
    assert_eq!(report.results, events.results);
    let against = diff(&profile, &report);
    assert_eq!(against.same, 1);
    assert_eq!(ids(&against.new), ["server/auth/right-password"]);
}

#[test]
fn what_is_no_report_is_refused_with_a_reason() {
    for (text, why) in [
        ("", "not JSON"),
        ("nonsense", "not JSON"),
        ("{}", "neither a report nor a profile"),
        ("[1]", "neither a report nor a profile"),
        (r#"{"schema_version": 2}"#, "schema version 2"),
        (
            r#"{"schema_version": 1, "points": 7}"#,
            "neither a report nor a profile",
        ),
        (r#"{"event": "nonsense"}"#, "line 1 is no event"),
    ] {
        let error = read(text).expect_err(text).to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn a_comparison_as_people_and_as_a_page() {
    let mut odd = sample::failure();
    odd.id = "server/auth/odd".to_owned();
    let a = side(vec![
        sample::pass("server/auth/wrong-password", "auth.reject"),
        sample::pass("server/auth/gone", "auth.reject"),
        odd,
        probe(
            "server/open/unknown-op#1",
            json!({"what": "closed", "code": 1002, "after_ms": 1.0}),
        ),
    ]);
    let b = side(vec![
        sample::failure(),
        sample::pass("server/auth/new", "auth.reject"),
        sample::pass("server/auth/odd", "auth.reject"),
        probe("server/open/unknown-op#1", json!({"what": "ignored"})),
    ]);
    let diff = diff(&a, &b);
    let text = format!("{}\n----\n{}", diff.human(), diff.markdown());
    assert!(!text.contains(['\u{1b}', '\u{202e}']));
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!("report_diff", text) });
}
