//! The client role: scenarios played against clients in memory, on virtual time.

mod language;
mod reference;
mod starved;
mod suite;
mod watched;
mod zoo;
mod zoo_tcp;

use std::sync::Arc;
use std::time::Duration;

use crate::support::caller::{Habits, live};
use litespec::oracle::Dialect;
use litespec::play::{self, Ended, Host, Lateness, Played, Redactor, Settings};
use litespec::protocol::rules::Level;
use litespec::scenario::syntax::{Origin, Source};
use litespec::scenario::values::Env;
use litespec::scenario::{self, Scenario};
use litespec::wire::memory::{self, MemoryDial};
use litespec::wire::{Limits, Offer};

pub(crate) const PASSWORD: &str = "opensesame";

fn scenario(header: &str, steps: &str) -> Arc<Scenario> {
    let text = format!("title  A test\n{header}\n\n{steps}");
    let source = Source {
        path: "test".to_owned(),
        origin: Origin::File,
        text,
    };
    Arc::new(scenario::parse("client/test", Arc::new(source)).unwrap_or_else(|e| panic!("{e}")))
}

fn settings() -> Settings {
    settings_at(Duration::from_secs(1))
}

/// Settings of a run with this interval.
fn settings_at(interval: Duration) -> Settings {
    Settings {
        budget: Default::default(),
        reach: None,
        offer: Offer::default(),
        trace_header: true,
        limits: Limits::default(),
        password: PASSWORD.to_owned(),
        redactor: Arc::new(Redactor::new([(
            "password".to_owned(),
            PASSWORD.to_owned(),
        )])),
        dialect: Dialect::Text,
        answers: Default::default(),
        answer_within: Duration::from_secs(5),
        grace: Duration::from_secs(3),
        interval,
        pacer: None,
        lateness: Arc::new(Lateness::default()),
        seed: 1,
        jitter: None,
        patient: false,
        gate: None,
    }
}

/// Plays steps against whoever dials `host`'s listener.
async fn hosted(header: &str, steps: &str, mut host: Host) -> Played {
    let scenario = scenario(header, steps);
    let env = Env::new(PASSWORD);
    let limit = Duration::from_secs(600);
    play::run_client(&settings(), &mut host, "client/test", &scenario, env, limit).await
}

/// Plays steps against a client that `call` is, given the way to us.
async fn against<F>(header: &str, steps: &str, call: impl FnOnce(MemoryDial) -> F) -> Played
where
    F: Future<Output = ()> + Send + 'static,
{
    let (dial, listener) = memory::listen();
    let calling = tokio::spawn(call(dial));
    let played = hosted(header, steps, Host::new(listener)).await;
    calling.abort();
    played
}

/// Plays steps against a client of these habits.
async fn play(steps: &str, habits: Habits) -> Played {
    against("rule   client.hello-ack", steps, |dial| live(dial, habits)).await
}

fn actual(played: &Played) -> &str {
    match &played.ended {
        Ended::Failed(broken) | Ended::Unreachable(broken) | Ended::Prerequisite(broken) => {
            &broken.actual
        }
        other => panic!("{other:?}"),
    }
}

/// Rules that the watch found broken.
fn found(played: &Played) -> Vec<&'static str> {
    let rules = played.breaches.iter().map(|(breach, _)| breach.rule());
    rules.collect()
}

/// The rule and level of what broke.
fn blamed(played: &Played) -> (&str, Level) {
    match &played.ended {
        Ended::Failed(broken) | Ended::Prerequisite(broken) => (&broken.rule, broken.level),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn passed(played: &Played) {
    assert_eq!(played.ended, Ended::Passed, "{:#?}", played.transcript);
    assert_eq!(found(played), [] as [&str; 0], "{:#?}", played.transcript);
}
