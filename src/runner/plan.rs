//! What is to be run: the selected scenarios, one case a value of `each`, and what each needs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::options::{Declared, Options};
use super::select::{Filter, near};
use crate::oracle::Dialect;
use crate::protocol::json::Json;
use crate::protocol::rules::{self, Level};
use crate::scenario::fill::{self, FillError};
use crate::scenario::syntax::{Each, Role};
use crate::scenario::values::Env;
use crate::scenario::{Scenario, library};

/// The request and dispatch that are tried where the target declared none: the text's own example.
pub const EXAMPLE: (&str, &str) = ("ANYTHING", "[]");

/// One run of one scenario.
#[derive(Clone, Debug)]
pub struct Case {
    /// The scenario's id, with `#N` behind it where `each` makes several.
    pub id: String,
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// What its variables stand for, or why they stand for nothing.
    pub env: Result<Env, FillError>,
}

impl Case {
    /// What it goes by in filters and lists: its id, its scenario's id, ids that this one had before.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let was = self.scenario.header.was.iter();
        [self.id.as_str(), self.base()]
            .into_iter()
            .chain(was.map(|was| was.value.as_str()))
    }

    /// The id without `#N`.
    pub fn base(&self) -> &str {
        &self.scenario.id
    }

    /// How long it waits when all goes well.
    pub fn need(&self, interval: Duration, grace: Duration) -> Duration {
        self.scenario.need(interval, grace)
    }
}

/// Why nothing can be run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// A glob of `--filter` cannot be read.
    #[error("bad filter `{glob}`: {why}")]
    BadFilter {
        /// The glob.
        glob: String,
        /// What is wrong with it.
        why: String,
    },
    /// The filters leave nothing.
    #[error("no scenario matches {filters}")]
    NothingSelected {
        /// The filters, quoted.
        filters: String,
        /// Ids that are near.
        near: Vec<String>,
    },
    /// The filters leave only what the bidirectional dialect has.
    #[error("{filters} selects only scenarios of the bidirectional dialect")]
    OtherDialect {
        /// The filters, quoted.
        filters: String,
    },
    /// A scenario names a variable that nobody gives.
    #[error("{id} needs `${name}`: give it with --var {name}=JSON or --secret {name}=env:VARIABLE")]
    Unbound {
        /// The scenario.
        id: String,
        /// The variable.
        name: String,
    },
}

/// What is run, and what it leans on.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The selected cases, in order of their ids; none where a shard has no scenario.
    pub cases: Vec<Case>,
    /// Cases that are run, unlisted, because a selected one has them as its control.
    pub controls: Vec<Case>,
    /// What it was made for: scenarios of the other dialect or about the other role are none of its.
    dialect: Dialect,
    role: Role,
}

impl Plan {
    /// Whether every embedded scenario of its role was selected, so that the watch has seen all
    /// that it can.
    pub(crate) fn is_whole(&self) -> bool {
        let selected: BTreeSet<&str> = self.cases.iter().map(Case::base).collect();
        library::all()
            .iter()
            .filter(|scenario| scenario.role().is_none_or(|role| role == self.role))
            .filter(|scenario| self.dialect == Dialect::Bidirectional || !scenario.of_dialect())
            .all(|scenario| selected.contains(scenario.id.as_str()))
    }

    /// Ids of the must rules that the selected cases are about, sorted.
    pub(crate) fn must_rules(&self) -> impl Iterator<Item = String> {
        let about = self.cases.iter().flat_map(|case| case.scenario.rules());
        let must = |id: &&str| rules::find(id).is_some_and(|rule| rule.level == Level::Must);
        let ids: BTreeSet<String> = about.filter(must).map(str::to_owned).collect();
        ids.into_iter()
    }

    /// Lets `$request` stand for the declared request at this index, which the target answers.
    pub(crate) fn prefer(&mut self, options: &Options, index: usize) {
        let Some(request) = options.requests.get(index).filter(|_| index > 0) else {
            return;
        };
        for case in self.cases.iter_mut().chain(&mut self.controls) {
            let declared = case
                .scenario
                .header
                .each
                .as_ref()
                .is_some_and(|e| e.values.is_none());
            if let (Ok(env), false) = (&mut case.env, declared) {
                declare(env, request);
            }
        }
    }
}

/// Selects cases from `scenarios` (embedded ones and the user's own).
pub fn plan(options: &Options, scenarios: &[Arc<Scenario>]) -> Result<Plan, PlanError> {
    let filter = Filter::new(&options.filters)?;
    let mut all = Vec::new();
    for scenario in scenarios {
        all.extend(cases(scenario, options)?);
    }
    let text = options.dialect == Dialect::Text;
    let (foreign, all): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|case: &Case| text && case.scenario.of_dialect());
    let (cases, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|case| filter.selects(case));
    if cases.is_empty() && foreign.iter().any(|case| filter.selects(case)) {
        return Err(PlanError::OtherDialect {
            filters: quoted(&options.filters),
        });
    }
    if cases.is_empty() {
        let ids: Vec<&str> = scenarios
            .iter()
            .map(|scenario| scenario.id.as_str())
            .collect();
        return Err(PlanError::NothingSelected {
            filters: quoted(&options.filters),
            near: near(&options.filters, &ids),
        });
    }
    let shard = |case: &Case| options.shard.is_none_or(|shard| shard.holds(case.base()));
    let (cases, elsewhere): (Vec<_>, Vec<_>) = cases.into_iter().partition(shard);
    let rest = rest.into_iter().chain(elsewhere);
    let wanted: BTreeSet<&str> = cases
        .iter()
        .filter_map(|case| case.scenario.header.control.as_ref())
        .map(|control| control.value.as_str())
        .collect();
    let mut controls: Vec<Case> = rest.filter(|case| wanted.contains(case.base())).collect();
    // A user's own scenario can lean on an embedded one even with `--only-own`.
    let known: BTreeSet<&str> = scenarios
        .iter()
        .map(|scenario| scenario.id.as_str())
        .collect();
    for id in wanted.iter().filter(|id| !known.contains(*id)) {
        if let Some(scenario) = library::find(id) {
            controls.extend(self::cases(scenario, options)?);
        }
    }
    Ok(Plan {
        cases,
        controls,
        dialect: options.dialect,
        role: options.role,
    })
}

fn quoted(filters: &[String]) -> String {
    let quoted: Vec<String> = filters.iter().map(|f| format!("`{f}`")).collect();
    quoted.join(" ")
}

/// One case a value of `each`.
fn cases(scenario: &Arc<Scenario>, options: &Options) -> Result<Vec<Case>, PlanError> {
    let base = environment(options, None);
    for name in scenario.free_vars() {
        if base.get(&name).is_none() {
            return Err(PlanError::Unbound {
                id: scenario.id.clone(),
                name,
            });
        }
    }
    let case = |id: String, env| Case {
        id,
        scenario: Arc::clone(scenario),
        env,
    };
    Ok(match &scenario.header.each {
        None => vec![case(scenario.id.clone(), Ok(base))],
        Some(Each {
            name,
            values: Some(values),
            ..
        }) => values
            .iter()
            .enumerate()
            .map(|(at, value)| {
                let env = fill::value(&value.value, &base).map(|value| {
                    let mut env = base.clone();
                    env.set_value(name, value);
                    env
                });
                case(format!("{}#{}", scenario.id, at + 1), env)
            })
            .collect(),
        Some(Each { values: None, .. }) if options.requests.len() <= 1 => {
            vec![case(scenario.id.clone(), Ok(base))]
        }
        Some(Each { values: None, .. }) => options
            .requests
            .iter()
            .enumerate()
            .map(|(at, request)| {
                let env = environment(options, Some(request));
                case(format!("{}#{}", scenario.id, at + 1), Ok(env))
            })
            .collect(),
    })
}

/// What `$name` stands for by the target's declaration and the user's options.
fn environment(options: &Options, request: Option<&Declared>) -> Env {
    let mut env = Env::new(&options.password);
    let example = Declared {
        w: EXAMPLE.0.to_owned(),
        a: EXAMPLE.1.to_owned(),
    };
    let request = request.or(options.requests.first()).unwrap_or(&example);
    let dispatch = options.dispatches.first().unwrap_or(&example);
    declare(&mut env, request);
    env.set("dispatch.w", Json::from(dispatch.w.as_str()));
    env.set("dispatch.a", list(&dispatch.a));
    for (name, value) in &options.vars {
        env.set(name, value.clone());
    }
    for (name, value) in &options.secrets {
        env.set_secret(name, Json::from(value.as_str()));
    }
    env
}

fn declare(env: &mut Env, request: &Declared) {
    env.set("request.w", Json::from(request.w.as_str()));
    env.set("request.a", list(&request.a));
}

/// Arguments as a value; the command line has checked that they are a list.
fn list(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap_or(Json::Array(Vec::new()))
}
