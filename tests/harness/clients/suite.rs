//! Every scenario for clients, against the reference client and against scripted ones.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::reference::obedient;
use super::{PASSWORD, found, settings_at};
use crate::support::caller::{Habits, live};
use litespec::play::{Ended, Host, Played, run_client};
use litespec::scenario::syntax::{Each, Role};
use litespec::scenario::values::Env;
use litespec::scenario::{Scenario, fill, library};
use litespec::wire::memory;

/// One run of a scenario: its id, with `#N` where `each` makes several, and its variables.
pub(super) struct Case {
    pub(super) id: String,
    pub(super) scenario: Arc<Scenario>,
    pub(super) env: Env,
}

impl Case {
    /// Whether it may blame a client: it does more than to record what is open.
    fn judges(&self) -> bool {
        !self.id.starts_with("client/open/")
    }

    fn drives(&self) -> bool {
        self.scenario.needs().driver
    }
}

/// All runs of all scenarios for clients that are built in.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let client = |s: &&Arc<Scenario>| s.role() == Some(Role::Client);
    for scenario in library::all().iter().filter(client) {
        let base = Env::new(PASSWORD);
        let case = |id: String, env| Case {
            id,
            scenario: Arc::clone(scenario),
            env,
        };
        let each = scenario.header.each.as_ref();
        let Some(Each {
            name,
            values: Some(values),
            ..
        }) = each
        else {
            cases.push(case(scenario.id.clone(), base));
            continue;
        };
        for (at, value) in values.iter().enumerate() {
            let mut env = base.clone();
            let value = fill::value(&value.value, &base).expect("a value");
            env.set_value(name, value);
            cases.push(case(format!("{}#{}", scenario.id, at + 1), env));
        }
    }
    cases
}

async fn play(case: &Case, hb_ms: u64, mut host: Host) -> Played {
    let settings = settings_at(Duration::from_millis(hb_ms));
    let limit = Duration::from_secs(600);
    let env = case.env.clone();
    run_client(&settings, &mut host, &case.id, &case.scenario, env, limit).await
}

/// Plays a scenario against the reference client, whose driver bends what it prints.
async fn against_reference(case: &Case, hb_ms: u64, bend: fn(&str) -> String) -> Played {
    let (dial, listener) = memory::listen();
    let host = Host::new(listener).with_driver(obedient(dial, bend));
    play(case, hb_ms, host).await
}

/// Plays a scenario against a client of these habits, which nobody drives.
async fn against_habits(case: &Case, habits: Habits) -> Played {
    let (dial, listener) = memory::listen();
    let calling = tokio::spawn(live(dial, habits));
    let played = play(case, 1000, Host::new(listener)).await;
    calling.abort();
    played
}

/// The rules that a client was blamed under.
fn told(played: &Played) -> BTreeSet<String> {
    let mut rules: BTreeSet<String> = found(played).into_iter().map(str::to_owned).collect();
    match &played.ended {
        Ended::Passed | Ended::Skipped(_) => {}
        Ended::Failed(broken) | Ended::Prerequisite(broken) | Ended::Unreachable(broken) => {
            rules.insert(broken.rule.clone());
        }
        other => panic!("{other:?}"),
    }
    rules
}

#[tokio::test(start_paused = true)]
async fn the_reference_client_passes_everything_at_every_interval() {
    let cases = cases();
    assert!(cases.len() >= 240, "{}", cases.len());
    for hb_ms in [400, 1000, 10_000] {
        for case in &cases {
            let played = against_reference(case, hb_ms, str::to_owned).await;
            let what = format!("{} at {hb_ms} ms: {:#?}", case.id, played.transcript);
            assert_eq!(played.ended, Ended::Passed, "{what}");
            assert_eq!(found(&played), [] as [&str; 0], "{what}");
            assert!(case.judges() || played.observed.is_some(), "{}", case.id);
        }
    }
}

#[test]
fn every_open_point_of_a_client_has_a_probe_and_every_rule_three_scenarios() {
    use litespec::protocol::rules::{self, Level, RoleOf};
    let mut cases = cases();
    cases.dedup_by(|a, b| a.scenario.id == b.scenario.id);
    for rule in rules::all().iter().filter(|r| r.role == RoleOf::Client) {
        let about = |case: &&Case| case.scenario.rules().contains(&rule.id);
        let least = if rule.level == Level::Open { 1 } else { 3 };
        let count = cases.iter().filter(about).count();
        assert!(count >= least, "{}: {count}", rule.id);
    }
}

#[tokio::test(start_paused = true)]
async fn no_client_is_blamed_for_what_the_text_leaves_to_it() {
    let right = Habits::default();
    let beats = |period| Habits { period, ..right };
    let busy = Habits {
        then: &[
            r#"{"op":4,"w":"OWN","a":[],"n":1}"#,
            r#"{"op":4,"w":"OWN","a":[{}],"n":"1"}"#,
            r#"{"op":6,"w":"OWN","a":[null],"extra":true}"#,
        ],
        ..right
    };
    let wordy = Habits {
        ack: Some(r#"{"client":{"v":[1]},"password":"opensesame","op":1.0}"#),
        ..right
    };
    for habits in [beats(1.0), beats(0.34), busy, wordy] {
        for case in cases().iter().filter(|case| case.judges()) {
            let played = against_habits(case, habits).await;
            assert_eq!(told(&played), BTreeSet::new(), "{}: {played:#?}", case.id);
        }
    }
}

/// All that is said of a client of these habits.
async fn all_told(habits: Habits) -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    for case in cases().iter().filter(|case| case.judges()) {
        rules.extend(told(&against_habits(case, habits).await));
    }
    rules
}

#[tokio::test(start_paused = true)]
async fn who_only_should_do_better_is_told_nothing_else() {
    let right = Habits::default();
    let away = Habits {
        waits: &[],
        ..right
    };
    let fixed = Habits {
        waits: &[10_000],
        ..right
    };
    let eager = Habits {
        period: 0.2,
        ..right
    };
    let fragile = Habits {
        fragile: true,
        ..right
    };
    for (habits, rule) in [
        (away, "client.reconnects"),
        (fixed, "client.reconnect-random"),
        (eager, "client.heartbeat-rate"),
        (fragile, "client.survives-strangers"),
    ] {
        assert_eq!(all_told(habits).await, BTreeSet::from([rule.to_owned()]));
    }
}

#[tokio::test(start_paused = true)]
async fn each_of_these_habits_is_found_by_the_scenario_that_is_about_it() {
    let right = Habits::default();
    let beats = |beats| Habits { beats, ..right };
    let early = |at_once| Habits { at_once, ..right };
    let waits = |waits| Habits { waits, ..right };
    let cases_of_habits = [
        (
            early(Some(r#"{"op":1,"password":"opensesame"}"#)),
            "hello/waits-for-hello",
            "client.waits-for-hello",
        ),
        (
            early(Some(r#"{"op":2}"#)),
            "heartbeat/none-before-hello-ack-on-the-second",
            "client.heartbeat-after-ack",
        ),
        (
            Habits { ack: None, ..right },
            "hello/answered",
            "client.hello-ack",
        ),
        (
            Habits {
                then: &[r#"{"op":1,"password":"opensesame"}"#],
                ..right
            },
            "hello/once",
            "client.hello-ack",
        ),
        (
            Habits {
                before_ack: Some(r#"{"op":2}"#),
                ..right
            },
            "heartbeat/none-before-hello-ack-on-the-second",
            "client.heartbeat-after-ack",
        ),
        (beats(&[]), "heartbeat/through-silence", ""),
        (
            beats(&[1]),
            "heartbeat/through-silence",
            "client.heartbeat-interval",
        ),
        (
            beats(&[30]),
            "heartbeat/forty-in-a-row",
            "client.heartbeat-interval",
        ),
        (
            beats(&[99, 0]),
            "heartbeat/shorter-on-the-second",
            "client.heartbeat-interval",
        ),
        (
            Habits {
                stale: true,
                ..right
            },
            "heartbeat/shorter-on-the-second",
            "client.heartbeat-interval",
        ),
        (
            Habits {
                stale: true,
                ..right
            },
            "heartbeat/longer-on-the-second",
            "client.heartbeat-rate",
        ),
        (
            waits(&[900]),
            "reconnect/wait-after-a-long-life",
            "client.reconnect-waits",
        ),
        (
            waits(&[1100, 0]),
            "reconnect/refused-later",
            "client.reconnect-waits",
        ),
        (
            waits(&[1500]),
            "reconnect/waits-after-resets",
            "client.reconnect-random",
        ),
        (
            Habits {
                twin: true,
                ..right
            },
            "reconnect/one-connection-after-a-close",
            "client.one-connection",
        ),
        (
            Habits {
                then: &["hello?"],
                ..right
            },
            "packet/sender",
            "client.packet-sender",
        ),
        (
            Habits {
                fragile: true,
                ..right
            },
            "packet/unknown-nonce#1",
            "client.survives-strangers",
        ),
    ];
    let cases = cases();
    for (habits, id, rule) in cases_of_habits {
        let is = |case: &&Case| case.id == format!("client/{id}");
        let case = cases.iter().find(is).expect("a scenario");
        let told = told(&against_habits(case, habits).await);
        assert_eq!(told.contains(rule), !rule.is_empty(), "{id}: {told:?}");
        assert_eq!(told.is_empty(), rule.is_empty(), "{id}: {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_told_otherwise_is_found() {
    type Bend = fn(&str) -> String;
    let bends: [(&str, Bend); 4] = [
        ("null for nothing", |r| match r {
            "{}" | "[]" | "\"\"" | "0" | "false" => "null".to_owned(),
            other => other.to_owned(),
        }),
        ("nothing for null", |r| r.replace("null", "0")),
        ("brackets of one", |r| match r {
            "[1]" => "1".to_owned(),
            other => other.to_owned(),
        }),
        ("read twice", |r| match r {
            "\"null\"" => "null".to_owned(),
            other => other.to_owned(),
        }),
    ];
    let cases = cases();
    let about = |case: &&Case| case.drives() && case.id.contains("request/");
    for (what, bend) in bends {
        let mut rules = BTreeSet::new();
        for case in cases.iter().filter(about) {
            rules.extend(told(&against_reference(case, 1000, bend).await));
        }
        let only = BTreeSet::from(["client.correlates".to_owned()]);
        assert_eq!(rules, only, "{what}");
    }
}
