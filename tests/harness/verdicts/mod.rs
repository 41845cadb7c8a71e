//! The verdicts under attack: the whole server suite against a server that shares no code with the
//! reference, bent in many ways. What the text allows must raise no alarm; each defect must be
//! caught under the rule it breaks.

mod defects;
mod packets;
mod quirk;
mod spell;
mod talk;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use litespec::event::Ending;
use litespec::outcome::{ScenarioResult, Verdict};
use litespec::protocol::rules::{self, Level};
use litespec::runner::{Declared, Options};
use litespec::scenario::{Scenario, library};

use super::support::{self, Done};
use defects::DEFECTS;
use quirk::{Quirk, RIGHT};
use world::World;

fn server_suite() -> Vec<Arc<Scenario>> {
    let server = |scenario: &&Arc<Scenario>| scenario.id.starts_with("server/");
    library::all().iter().filter(server).cloned().collect()
}

/// Scenarios that send much.
const HEAVY: [&str; 5] = [
    "deep-nesting",
    "heartbeat-flood",
    "huge-message",
    "many-fragments",
    "ping-storm",
];

async fn check(quirk: Quirk, hb_ms: u64) -> Done {
    let world = World::new(quirk, hb_ms);
    let mut options = Options {
        triage: 0,
        ..Options::default()
    };
    if !quirk.is_right() {
        // Then a request that is not answered is a defect, and none that the server declined.
        options.requests = vec![Declared {
            w: "ANYTHING".to_owned(),
            a: "[]".to_owned(),
        }];
    }
    if !matches!(quirk, Quirk::Plain | Quirk::Kills(_) | Quirk::Hangs(_)) {
        // They take most of the time, and how a packet is bent is nothing to them.
        options.filters = HEAVY.map(|id| format!("!server/robust/{id}")).to_vec();
    }
    support::run(&options, &server_suite(), move |stream| {
        world::serve(Arc::clone(&world), stream)
    })
    .await
}

/// Every alarm that a right server raised at this interval.
async fn alarms(quirks: &[Quirk], hb_ms: u64) -> Vec<String> {
    const ALARMS: [Verdict; 4] = [
        Verdict::Fail,
        Verdict::Warn,
        Verdict::Error,
        Verdict::Inconclusive,
    ];
    let mut alarms = Vec::new();
    for quirk in quirks {
        assert!(quirk.is_right(), "{quirk:?}");
        let done = check(*quirk, hb_ms).await;
        let lines = done.lines(&ALARMS);
        alarms.extend(lines.iter().map(|line| format!("{quirk:?}: {line}")));
        if done.outcome.ending != Ending::Complete {
            alarms.push(format!("{quirk:?}: {:?}", done.outcome.ending));
        }
        if done.outcome.summary.pass < 150 {
            alarms.push(format!("{quirk:?}: {:?}", done.outcome.summary));
        }
    }
    alarms
}

#[tokio::test(start_paused = true)]
async fn what_the_text_allows_raises_no_alarm() {
    assert_eq!(alarms(RIGHT, 1000).await, [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_the_text_allows_raises_no_alarm_at_a_short_interval() {
    assert_eq!(alarms(RIGHT, 400).await, [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_the_text_allows_raises_no_alarm_at_ten_seconds() {
    let timed = [
        Quirk::FixedWindows(1000),
        Quirk::PromptFromConnect,
        Quirk::SlowInTurn(300),
        Quirk::ResetBehindClose,
        Quirk::HandshakeLimit(4003),
        Quirk::ClosesOpen(1008),
    ];
    assert_eq!(alarms(&timed, 10_000).await, [] as [&str; 0]);
}

/// The rules that a run found broken, each with how many scenarios showed it.
fn broken(done: &Done) -> BTreeMap<&str, usize> {
    let mut rules = BTreeMap::new();
    for result in &done.results {
        let told = matches!(result.verdict, Verdict::Fail | Verdict::Warn);
        if let (true, Some(failure)) = (told, &result.failure) {
            *rules.entry(failure.rule.as_str()).or_default() += 1;
        }
    }
    rules
}

/// A line for each of these defects: what was found. Also those that were not caught.
async fn table(defects: &[(Quirk, &str)]) -> (String, Vec<String>) {
    let (mut table, mut missed) = (String::new(), Vec::new());
    for (quirk, rule) in defects {
        assert!(!quirk.is_right(), "{quirk:?}");
        let done = check(*quirk, 1000).await;
        let found = broken(&done);
        let mut words: Vec<String> = found
            .iter()
            .map(|(rule, count)| format!("{rule} {count}"))
            .collect();
        if matches!(done.outcome.ending, Ending::CouldNotRun(_)) {
            words.push("could not run".to_owned());
        }
        let caught = match *rule {
            "could not run" => words == ["could not run"],
            rule => found.contains_key(rule),
        };
        if !caught {
            missed.push(format!("{quirk:?} breaks {rule}, found: {words:?}"));
        }
        let should = rules::find(rule).is_some_and(|rule| rule.level == Level::Should);
        let failed = done.lines(&[Verdict::Fail]);
        if should && !failed.is_empty() {
            missed.push(format!("{quirk:?} breaks a should and fails: {failed:?}"));
        }
        let _ = writeln!(table, "{quirk:?}: {}", words.join(", "));
    }
    (table, missed)
}

/// Checks one of four parts of the defects, so that the parts run beside each other.
async fn part(number: usize) {
    let defects: Vec<_> = DEFECTS.iter().copied().skip(number).step_by(4).collect();
    let (table, missed) = table(&defects).await;
    assert_eq!(missed, [] as [&str; 0]);
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
    }, {
        insta::assert_snapshot!(format!("defects_{number}"), table);
    });
}

#[tokio::test(start_paused = true)]
async fn every_defect_is_caught_first_part() {
    part(0).await;
}

#[tokio::test(start_paused = true)]
async fn every_defect_is_caught_second_part() {
    part(1).await;
}

#[tokio::test(start_paused = true)]
async fn every_defect_is_caught_third_part() {
    part(2).await;
}

#[tokio::test(start_paused = true)]
async fn every_defect_is_caught_fourth_part() {
    part(3).await;
}

/// A timer that looks at its clock before it looks at what came in while a request was worked on:
/// that our heartbeats were there in time is not to be seen from here.
#[tokio::test(start_paused = true)]
async fn a_timeout_that_a_late_heartbeat_would_excuse_is_left_undecided() {
    let done = check(Quirk::StarvesTimer, 1000).await;
    let about =
        |result: &&ScenarioResult| result.id == "server/heartbeat/keeps-alive-under-requests";
    let result = done.results.iter().find(about).expect("a result");
    assert_eq!(result.verdict, Verdict::Inconclusive, "{result:?}");
}

#[test]
fn no_defect_is_listed_twice() {
    let names: BTreeSet<String> = DEFECTS.iter().map(|(q, _)| format!("{q:?}")).collect();
    assert_eq!(names.len(), DEFECTS.len());
}
