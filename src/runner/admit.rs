//! Which of the planned cases can be played against this target, and what is said of the others.

use std::sync::Arc;

use super::engine::{Engine, Entry};
use super::options::{Feature, Options};
use super::plan::{Case, EXAMPLE, Plan};
use super::preflight::Found;
use crate::outcome::Verdict;
use crate::scenario::syntax::Role;

/// Accounts for the cases that cannot be run against this target; returns the others.
pub(crate) fn admit(
    engine: &mut Engine<'_>,
    plan: &Plan,
    found: &Found,
    options: &Options,
) -> Vec<Entry> {
    let server = options.role == Role::Server;
    let answers = found.answered.iter().any(|answered| *answered);
    let declared = !options.requests.is_empty();
    // The one scenario that runs through the declared requests is where their failure shows.
    let witness = |case: &Case| {
        declared
            && case
                .scenario
                .header
                .each
                .as_ref()
                .is_some_and(|each| each.values.is_none())
    };
    let blocker = plan
        .cases
        .iter()
        .find(|case| witness(case))
        .map(|case| case.base().to_owned());
    let listed = plan.cases.iter().map(|case| (case, true));
    let unlisted = plan.controls.iter().map(|case| (case, false));
    let mut admitted = Vec::new();
    for (case, listed) in listed.chain(unlisted) {
        let entry = Entry {
            case: Arc::new(case.clone()),
            listed,
            attempts: 0,
            again: None,
        };
        let need = case.need(engine.interval, options.grace);
        if let Some(feature) = lacks(case, options) {
            let reason = format!(
                "it needs what the target declared that it does not offer: {}",
                feature.as_str()
            );
            let flag = match feature {
                Feature::Driver => "--driver off".to_owned(),
                Feature::Request | Feature::Dispatch => format!("--without {}", feature.as_str()),
            };
            engine.ledger.waive(case);
            engine.unplayed(&entry, Verdict::Skip, reason, Some(flag));
        } else if need > options.max_wait {
            let reason = format!(
                "it would wait {} ms, longer than --max-wait ({} ms)",
                need.as_millis(),
                options.max_wait.as_millis()
            );
            engine.unplayed(&entry, Verdict::Skip, reason, None);
        } else if case.scenario.needs().driver && !found.driven {
            let reason = "it needs a client that obeys a driver: see --driver".to_owned();
            engine.unplayed(&entry, Verdict::Skip, reason, None);
        } else if server
            && case.scenario.needs().answered_request
            && !answers
            && !witness(case)
            // Where the witness is not asked for, the others have to show it.
            && (!declared || blocker.is_some())
        {
            let (reason, blocked_by) = unanswered(declared, blocker.clone());
            engine.unplayed(&entry, Verdict::Skip, reason, blocked_by);
        } else {
            admitted.push(entry);
        }
    }
    admitted
}

/// What a case needs and the target does not offer by its own declaration.
fn lacks(case: &Case, options: &Options) -> Option<Feature> {
    let needs = case.scenario.needs();
    let each = case.scenario.header.each.as_ref();
    let declared = each.is_some_and(|each| each.values.is_none());
    let lacks = |feature: &&Feature| match feature {
        Feature::Request => needs.answered_request || declared,
        Feature::Dispatch => needs.dispatch,
        Feature::Driver => needs.driver,
    };
    options.without.iter().find(lacks).copied()
}

fn unanswered(declared: bool, blocker: Option<String>) -> (String, Option<String>) {
    if declared {
        ("the declared request is not answered".to_owned(), blocker)
    } else {
        let reason = format!(
            "it needs a request that the target answers, and `{} {}` is not one: \
             give --request 'W [ARGS]'",
            EXAMPLE.0, EXAMPLE.1
        );
        (reason, None)
    }
}
