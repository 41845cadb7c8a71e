//! Every scenario for clients, against the reference client and against scripted ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::reference::obedient;
use super::{PASSWORD, found, settings_at};
use crate::support::caller::{Habits, live};
use litespec::play::{Ended, Host, Played, run_client};
use litespec::scenario::syntax::{Each, Role};
use litespec::scenario::values::Env;
use litespec::scenario::{Scenario, fill, library};
use litespec::wire::memory::{self, MemoryDial};

/// One run of a scenario: its id, with `#N` where `each` makes several, and its variables.
struct Case {
    id: String,
    scenario: Arc<Scenario>,
    env: Env,
}

impl Case {
    fn driven(&self) -> bool {
        self.scenario.needs().driver
    }
}

/// All runs of all scenarios for clients that are built in.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let client = |s: &&Arc<Scenario>| s.role() == Some(Role::Client);
    for scenario in library::all().iter().filter(client) {
        let base = Env::new(PASSWORD);
        let case = |id: String, env| Case {
            id,
            scenario: Arc::clone(scenario),
            env,
        };
        let Some(Each {
            name,
            values: Some(values),
            ..
        }) = &scenario.header.each
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

/// Plays a scenario against the reference client.
async fn against_reference(case: &Case, hb_ms: u64) -> Played {
    let (dial, listener) = memory::listen();
    let host = Host::new(listener).with_driver(obedient(dial, str::to_owned));
    play(case, hb_ms, host).await
}

/// Plays a scenario against a client of these habits, which nobody drives.
async fn against_habits(case: &Case, hb_ms: u64, habits: Habits) -> Played {
    let (dial, listener) = memory::listen();
    let calling = tokio::spawn(live(dial, habits));
    let played = play(case, hb_ms, Host::new(listener)).await;
    calling.abort();
    played
}

#[tokio::test(start_paused = true)]
async fn the_reference_client_passes_everything_at_every_interval() {
    for hb_ms in [400, 1000, 10_000] {
        for case in cases() {
            let played = against_reference(&case, hb_ms).await;
            let what = format!("{} at {hb_ms} ms: {:#?}", case.id, played.transcript);
            assert_eq!(played.ended, Ended::Passed, "{what}");
            assert_eq!(found(&played), [] as [&str; 0], "{what}");
        }
    }
}
