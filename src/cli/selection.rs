//! Which scenarios a run has to choose from, and what is said of a choice that makes no sense.

use std::path::Path;
use std::sync::Arc;

use globset::{Glob, GlobMatcher};

use super::exit::Stop;
use super::near::{did_you_mean, near};
use super::suite::SuiteArgs;
use crate::runner::{Dialect, Options, PlanError};
use crate::scenario::syntax::Role;
use crate::scenario::{Scenario, library, load};

/// The suite, and what the user adds.
pub(super) fn scenarios(args: &SuiteArgs, role: Role) -> Result<Vec<Arc<Scenario>>, Stop> {
    if args.only_own && args.scenario.is_empty() {
        return Err(Stop::usage(
            "--only-own leaves nothing to run without --scenario",
        ));
    }
    let mut scenarios: Vec<Arc<Scenario>> = Vec::new();
    if !args.only_own {
        scenarios.extend(
            library::all()
                .iter()
                .filter(|s| s.role().is_none_or(|of| of == role))
                .cloned(),
        );
    }
    for path in &args.scenario {
        let own = own(path, role)?;
        for scenario in own {
            if let Some(other) = scenarios.iter().find(|known| known.id == scenario.id) {
                return Err(Stop::usage(format!(
                    "{} and {} would both have the id {}",
                    other.source.path, scenario.source.path, scenario.id
                )));
            }
            scenarios.push(Arc::new(scenario));
        }
    }
    Ok(scenarios)
}

fn own(path: &Path, role: Role) -> Result<Vec<Scenario>, Stop> {
    let shown = path.display();
    if path != Path::new("-") && !path.exists() {
        return Err(Stop::usage(format!(
            "there is no scenario file or folder {shown}"
        )));
    }
    let own = load(path).map_err(|error| Stop::bad_input(error.to_string()))?;
    if own.is_empty() {
        return Err(Stop::usage(format!(
            "there is no *.scenario file in {shown}"
        )));
    }
    let other = |scenario: &&Scenario| scenario.role().is_some_and(|of| of != role);
    if let Some(other) = own.iter().find(other) {
        let path = &other.source.path;
        return Err(Stop::usage(match role {
            Role::Server => format!("{path} is about clients; check tests servers"),
            Role::Client => format!("{path} is about servers; check-client tests clients"),
        }));
    }
    Ok(own)
}

/// Refuses a filter that matches nothing, with what is near to it: a misspelt one beside a right
/// one would otherwise go unnoticed.
pub(super) fn check_filters(scenarios: &[Arc<Scenario>], filters: &[String]) -> Result<(), Stop> {
    let ids: Vec<&str> = scenarios
        .iter()
        .map(|scenario| scenario.id.as_str())
        .collect();
    let old = scenarios
        .iter()
        .flat_map(|scenario| &scenario.header.was)
        .map(|was| was.value.as_str());
    let known: Vec<&str> = ids.iter().copied().chain(old).collect();
    for filter in filters {
        let (what, text) = match filter.strip_prefix('!') {
            Some(text) => ("leaves out nothing", text),
            None => ("matches no scenario", filter.as_str()),
        };
        let globs = globs(text)?;
        if !known
            .iter()
            .any(|id| globs.iter().any(|glob| glob.is_match(id)))
        {
            return Err(nothing(&format!("the filter {filter} {what}"), text, &ids));
        }
    }
    Ok(())
}

/// Refuses a filter that asks for nothing but scenarios of a dialect that the run is not in.
pub(super) fn check_dialect(scenarios: &[Arc<Scenario>], options: &Options) -> Result<(), Stop> {
    if options.dialect == Dialect::Bidirectional {
        return Ok(());
    }
    for filter in options.filters.iter().filter(|text| !text.starts_with('!')) {
        let globs = globs(filter)?;
        let hit = |scenario: &&Arc<Scenario>| {
            let was = scenario.header.was.iter().map(|was| was.value.as_str());
            let mut ids = was.chain([scenario.id.as_str()]);
            ids.any(|id| globs.iter().any(|glob| glob.is_match(id)))
        };
        if scenarios.iter().filter(hit).all(|s| s.of_dialect()) {
            return Err(other_dialect(&format!("the filter {filter} matches")));
        }
    }
    Ok(())
}

fn other_dialect(what: &str) -> Stop {
    Stop::usage(format!(
        "{what} only scenarios of the bidirectional dialect, which this run does not judge"
    ))
    .hint("--dialect bidirectional judges a server that asks its clients too")
}

/// A glob that names one run of a scenario (`id#3`) matches the scenario here.
fn globs(text: &str) -> Result<Vec<GlobMatcher>, Stop> {
    let base = text.rsplit_once('#').map(|(base, _)| base);
    let glob = |text: &str| {
        Glob::new(text)
            .map(|glob| glob.compile_matcher())
            .map_err(|error| Stop::usage(format!("the filter {text} is no glob: {}", error.kind())))
    };
    [Some(text), base].into_iter().flatten().map(glob).collect()
}

fn nothing(message: &str, text: &str, ids: &[&str]) -> Stop {
    let text = text.trim_matches('*');
    let inner = ids.iter().any(|id| id.contains(text)) && !text.is_empty();
    let stop = Stop::usage(message);
    let stop = if inner {
        stop.hint(format!(
            "a filter matches whole ids; for a part of one: '*{text}*'"
        ))
    } else {
        stop
    };
    match did_you_mean(&near(text, ids.iter().copied())) {
        Some(hint) => stop.hint(hint),
        None => stop.hint("litespec list scenarios shows all ids"),
    }
}

/// What the runner will not plan.
pub(super) fn unplannable(error: PlanError) -> Stop {
    match &error {
        PlanError::NothingSelected { filters, .. } if filters.is_empty() => {
            Stop::usage("there is no scenario to run")
        }
        PlanError::NothingSelected { filters, .. } => Stop::usage(format!(
            "the filters {filters} leave nothing to run together"
        )),
        PlanError::OtherDialect { filters } if filters.is_empty() => {
            other_dialect("the scenarios at hand are")
        }
        PlanError::OtherDialect { filters } => {
            other_dialect(&format!("the filters {filters} leave"))
        }
        PlanError::BadFilter { .. } | PlanError::Unbound { .. } => Stop::usage(error.to_string()),
    }
}
