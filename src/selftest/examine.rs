//! One member of the zoo and the suite, in a runtime of their own whose clock is virtual.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;

use super::guests::Kept;
use crate::event::{Ending, RunEvent, RunHeader, Suite, Tool};
use crate::outcome::{Failure, ScenarioResult, Verdict};
use crate::protocol::packet::Interval;
use crate::protocol::rules::RoleOf;
use crate::reference::server::ServerConfig;
use crate::runner::{self, Declared, Dialect, PlanError, Reach, Subject};
use crate::scenario::Scenario;
use crate::scenario::syntax::Role;
use crate::session::Password;
use crate::wire::memory;
use crate::wire::target::Target;
use crate::zoo::keeper::Keeper;
use crate::zoo::{Peer, client, server};

/// Has letters with another normal form, and of both cases, so that no near miss is skipped.
pub(super) const PASSWORD: &str = "Gr\u{fc}n-1234";

/// What all members are examined by.
pub(super) struct Terms {
    pub(super) suite: Arc<Vec<Arc<Scenario>>>,
    pub(super) filters: Vec<String>,
    pub(super) interval: Duration,
}

/// What came of one member.
#[derive(Clone, Debug)]
pub(super) struct Examined {
    /// Every result.
    pub(super) results: Vec<Judged>,
    /// Why the run did not come to its end.
    pub(super) ended: Option<String>,
}

/// A result without its transcript.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    /// The scenario's id, with `#N` where `each` made several.
    pub(super) id: String,
    pub(super) rules: Vec<String>,
    pub(super) verdict: Verdict,
    pub(super) reason: Option<String>,
    pub(super) failure: Option<Failure>,
    /// The target was dead before it could be played.
    unplayed: bool,
}

impl Examined {
    /// An examination without a result.
    pub(super) fn broken(why: String) -> Examined {
        Examined {
            results: Vec::new(),
            ended: Some(why),
        }
    }
}

#[cfg(test)]
impl Judged {
    pub(super) fn made(
        id: &str,
        rules: &[&str],
        verdict: Verdict,
        failure: Option<Failure>,
    ) -> Judged {
        Judged {
            id: id.to_owned(),
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            verdict,
            reason: None,
            failure,
            unplayed: false,
        }
    }
}

impl From<ScenarioResult> for Judged {
    fn from(result: ScenarioResult) -> Judged {
        Judged {
            unplayed: result.verdict == Verdict::Inconclusive && result.attempts == 0,
            id: result.id,
            rules: result.rules,
            verdict: result.verdict,
            reason: result.reason,
            failure: result.failure,
        }
    }
}

/// Whether these filters leave something to run.
pub(super) fn check(
    filters: &[String],
    suite: &[Arc<Scenario>],
    role: RoleOf,
) -> Result<(), PlanError> {
    let options = match role {
        RoleOf::Server => server_options(filters, true),
        RoleOf::Client => client_options(filters, Duration::from_secs(1)),
    };
    runner::plan(&options, suite).map(|_| ())
}

/// The role of the scenarios for peers of this one.
pub(super) fn played_against(role: RoleOf) -> Role {
    match role {
        RoleOf::Server => Role::Server,
        RoleOf::Client => Role::Client,
    }
}

/// Runs the suite against one member.
///
/// One that does not survive a scenario is put up again for each of those that were left, so that
/// what a scenario catches does not depend on which come before it.
pub(super) fn examine(member: Peer, terms: &Terms) -> Examined {
    let mut examined = run(member, &terms.filters, terms);
    for judged in examined.take_unplayed() {
        let mut alone = run(member, &[globset::escape(&judged.id)], terms);
        examined.results.append(&mut alone.results);
        examined.ended = examined.ended.or(alone.ended);
    }
    examined
}

impl Examined {
    /// Takes out the results of scenarios that were not played because the target was dead.
    fn take_unplayed(&mut self) -> Vec<Judged> {
        let results = std::mem::take(&mut self.results);
        let (left, results) = results.into_iter().partition(|judged| judged.unplayed);
        self.results = results;
        left
    }
}

fn run(member: Peer, filters: &[String], terms: &Terms) -> Examined {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(async {
            match member {
                Peer::Server(member) => suite_against(member, filters, terms).await,
                Peer::Client(member) => suite_for(member, filters, terms).await,
            }
        }),
        Err(error) => Examined::broken(format!("no runtime: {error}")),
    }
}

/// The suite for servers.
async fn suite_against(
    member: &'static server::Member,
    filters: &[String],
    terms: &Terms,
) -> Examined {
    let options = server_options(filters, member.asks);
    let target = match Target::parse("ws://memory/") {
        Ok(target) => target,
        Err(error) => return Examined::broken(error.to_string()),
    };
    let (dial, listener) = memory::listen();
    let keeper = Keeper::new(member, config(terms.interval));
    let serving = tokio::spawn(async move { keeper.serve(listener).await });
    let reach = Reach {
        target,
        dial: Arc::new(dial),
    };
    let examined = played(&options, terms, Role::Server, reach).await;
    serving.abort();
    examined
}

/// The suite for clients.
async fn suite_for(member: &'static client::Member, filters: &[String], terms: &Terms) -> Examined {
    let options = client_options(filters, terms.interval);
    let guests = Kept {
        member,
        password: PASSWORD,
    };
    let subject = Subject::Client(Arc::new(guests));
    played(&options, terms, Role::Client, subject).await
}

async fn played(
    options: &runner::Options,
    terms: &Terms,
    role: Role,
    subject: impl Into<Subject>,
) -> Examined {
    let of_role = |scenario: &&Arc<Scenario>| scenario.role() == Some(role);
    let suite: Vec<_> = terms.suite.iter().filter(of_role).cloned().collect();
    let plan = match runner::plan(options, &suite) {
        Ok(plan) => plan,
        Err(error) => return Examined::broken(error.to_string()),
    };
    let mut results = Vec::new();
    let mut on_event = |event| {
        if let RunEvent::ScenarioFinished { result } = event {
            results.push(Judged::from(*result));
        }
    };
    let never = std::future::pending();
    let outcome = runner::run(header(role), options, plan, subject, never, &mut on_event).await;
    let ended = match outcome.ending {
        Ending::Complete => None,
        Ending::CouldNotRun(why) => Some(format!("could not run: {why}")),
        Ending::PreflightFailed(why) => Some(format!("the preflight failed: {why}")),
        Ending::Interrupted => Some("interrupted".to_owned()),
    };
    Examined { results, ended }
}

pub(super) fn config(interval: Duration) -> ServerConfig {
    let millis = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    ServerConfig {
        password: Password::from(PASSWORD),
        hb_interval: Interval::from_millis(millis).unwrap_or(Interval::BEYOND),
        ..ServerConfig::default()
    }
}

/// What a user would declare of the reference server.
pub(super) fn server_options(filters: &[String], bidirectional: bool) -> runner::Options {
    let declared = |w: &str, a: &str| Declared {
        w: w.to_owned(),
        a: a.to_owned(),
    };
    runner::Options {
        password: PASSWORD.to_owned(),
        requests: vec![
            declared("ECHO", "[1, \"two\", null]"),
            declared("NULL", "[]"),
        ],
        filters: filters.to_vec(),
        dialect: if bidirectional {
            Dialect::Bidirectional
        } else {
            Dialect::Text
        },
        // That a verdict comes again is no question here: nothing is left to chance.
        triage: 0,
        ..runner::Options::default()
    }
}

/// What a user would give to test a client.
fn client_options(filters: &[String], hb_interval: Duration) -> runner::Options {
    runner::Options {
        role: Role::Client,
        password: PASSWORD.to_owned(),
        hb_interval,
        filters: filters.to_vec(),
        triage: 0,
        ..runner::Options::default()
    }
}

/// For a run whose report nobody reads.
fn header(role: Role) -> RunHeader {
    RunHeader {
        schema_version: 1,
        tool: Tool::this(),
        suite: Suite::embedded(),
        role: match role {
            Role::Server => "server",
            Role::Client => "client",
        }
        .to_owned(),
        target: "ws://memory/".to_owned(),
        label: None,
        started_at: String::new(),
        seed: 1,
        options: serde_json::Map::new(),
        repeat_args: Vec::new(),
        repeat_tail: Vec::new(),
    }
}
