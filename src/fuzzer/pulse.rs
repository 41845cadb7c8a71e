//! Whether the target lives: a new connection goes through handshake, heartbeat and a request.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::find::Fate;
use super::lanes::scenario_of;
use super::script::Facts;
use crate::play::{self, Broken, Ended, Settings};
use crate::scenario::Scenario;
use crate::scenario::values::Env;
use crate::wire::DialError;

/// How long a TCP connection is waited for where the target took none.
const PATIENCE: Duration = Duration::from_secs(1);

/// What each look begins with. The moment of rest keeps HEARTBEAT out of HELLO_ACK's segment: what becomes of it
/// there is for cases to find.
const HEARTBEAT: &str = "title  A new connection gets through handshake and heartbeat\n\
                         rule   robust.isolation\n\nuse handshake\nwait 5ms\n> {\"op\": 2}\n< {\"op\": 3}\n";

/// What became of the target, and how that was seen.
#[derive(Clone, Debug)]
pub struct Health {
    /// Lives, or what became of it.
    pub fate: Fate,
    /// What did not go well.
    pub broken: Option<Box<Broken>>,
    /// How long it took.
    pub took: Duration,
}

/// Looks whether the target lives.
#[derive(Clone, Debug)]
pub struct Pulse {
    scenario: Arc<Scenario>,
    /// A target that needs longer is slow.
    slow: Duration,
}

impl Pulse {
    /// A look at a target of which this is known.
    pub fn new(facts: &Facts) -> Pulse {
        let mut pulse = Pulse::without_request();
        if let Some((w, a)) = facts.requests.get(facts.answered) {
            // Who waits for an answer beats meanwhile, or a close for silence would say nothing.
            let text = format!(
                "{HEARTBEAT}beat every 0.5hb\n> {{\"op\": 4, \"w\": {w}, \"a\": {a}, \"n\": \"alive\"}}\n< {{\"op\": 5, \"n\": \"alive\"}}\n"
            );
            pulse.scenario = scenario_of("alive", text);
        }
        pulse
    }

    /// A look that goes no further than a heartbeat.
    pub fn without_request() -> Pulse {
        Pulse {
            scenario: scenario_of("alive", HEARTBEAT.to_owned()),
            slow: Duration::from_secs(2),
        }
    }

    /// Looks once; waits for each answer as long as the settings say.
    pub async fn look(&self, settings: &Settings) -> Health {
        let began = Instant::now();
        let limit = settings.answer_within * 6 + Duration::from_secs(1);
        let env = Env::new(&settings.password);
        let played = play::run(settings, "alive", &self.scenario, env, limit).await;
        let took = began.elapsed();
        let (fate, broken) = match played.ended {
            Ended::Passed | Ended::Skipped(_) if took > self.slow => (Fate::Slow, None),
            // What the harness itself was too late for says nothing.
            Ended::Passed | Ended::Skipped(_) | Ended::Inconclusive { .. } => (Fate::Lives, None),
            Ended::Unreachable(broken) => {
                let silent = ["nothing", "no WebSocket within"];
                let silent = silent.iter().any(|what| broken.actual.contains(what));
                (diagnose(settings, silent).await, Some(broken))
            }
            Ended::Failed(broken) | Ended::Prerequisite(broken) => {
                // Something came: it lives, and is wrong. That a case has to find.
                let silent = broken.actual.starts_with("nothing");
                let fate = if silent { Fate::Hung } else { Fate::Lives };
                (fate, Some(broken))
            }
            Ended::Error(_) => (diagnose(settings, true).await, None),
        };
        Health { fate, broken, took }
    }
}

/// What a target is that did not take a connection, or was `silent` on it: dead, refusing or hung. That we
/// have no port or descriptor left to try says nothing about it.
async fn diagnose(settings: &Settings, silent: bool) -> Fate {
    let Some(reach) = &settings.reach else {
        return Fate::Dead;
    };
    let patience = settings.answer_within.min(PATIENCE);
    let dialed = tokio::time::timeout(patience, reach.dial.dial()).await;
    match dialed {
        Ok(Err(DialError::Refused { .. } | DialError::Unreachable { .. })) => Fate::Dead,
        Ok(Err(_)) => Fate::Lives,
        Err(_) => Fate::Hung,
        Ok(Ok(_)) if silent => Fate::Hung,
        Ok(Ok(_)) => Fate::Refuses,
    }
}
