//! `litespec explain`: a rule with the scenarios about it, or a scenario's text.

use std::fmt::Write as _;

use clap::Args;

use super::Globals;
use super::exit::{Exit, Stop};
use super::list::{about, level, role};
use super::near::{did_you_mean, near};
use super::screen::Stdout;
use crate::protocol::rules::{self, Rule};
use crate::scenario::{Scenario, library};

pub(super) const EXAMPLES: &str = "\
Examples:
  litespec explain auth.reject
  litespec explain server/auth/wrong-password
  litespec list rules                  the ids of all rules";

/// Arguments of `litespec explain`.
#[derive(Args, Debug)]
pub(super) struct ExplainArgs {
    /// A rule's id (auth.reject) or a scenario's (server/auth/wrong-password)
    #[arg(value_name = "ID")]
    id: String,
}

pub(super) fn run(globals: &Globals, args: &ExplainArgs) -> Result<Exit, Stop> {
    let id = args.id.as_str();
    let text = if let Some(rule) = rules::find(id) {
        explain_rule(rule)
    } else if let Some(scenario) = scenario(id) {
        explain_scenario(scenario)
    } else {
        let known = rules::all()
            .iter()
            .map(|rule| rule.id)
            .chain(library::all().iter().map(|s| s.id.as_str()));
        let stop = Stop::usage(format!("there is no rule and no scenario {id}"));
        return Err(match did_you_mean(&near(id, known)) {
            Some(hint) => stop.hint(hint),
            None => stop.hint("litespec list rules and litespec list scenarios show all ids"),
        });
    };
    Stdout::new(globals.color).write(&text)?;
    Ok(Exit::Success)
}

/// By its id, with or without the number of a run, or by an id it had before.
fn scenario(id: &str) -> Option<&'static Scenario> {
    let base = id.rsplit_once('#').map_or(id, |(base, _)| base);
    let by_old_id = || {
        library::all()
            .iter()
            .find(|scenario| scenario.header.was.iter().any(|was| was.value == base))
    };
    library::find(base).or_else(by_old_id).map(AsRef::as_ref)
}

fn explain_rule(rule: &Rule) -> String {
    let mut out = format!(
        "{}  ({}, {})\n\n{}\n",
        rule.id,
        level(rule.level),
        role(rule.role),
        rule.sentence
    );
    if let Some(should) = rule.should {
        let _ = writeln!(out, "should: {should}");
    }
    let _ = writeln!(
        out,
        "\n{}",
        match rule.level {
            rules::Level::Must => "Broken, it fails the run.",
            rules::Level::Should => "Broken, it is a warning; with --strict it fails the run.",
            rules::Level::Open =>
                "The protocol leaves it open: what the target does is recorded, never judged.",
        }
    );
    if rule.dialect {
        out.push_str("It holds in the bidirectional dialect only.\n");
    }
    let about: Vec<&Scenario> = about(rule.id).collect();
    if about.is_empty() {
        out.push_str("\nNo embedded scenario is about it.\n");
    } else {
        let width = about
            .iter()
            .map(|scenario| scenario.id.len())
            .max()
            .unwrap_or(0);
        out.push_str("\nScenarios:\n");
        for scenario in about {
            let _ = writeln!(
                out,
                "  {:width$}  {}",
                scenario.id, scenario.header.title.value
            );
        }
    }
    out
}

fn explain_scenario(scenario: &Scenario) -> String {
    let dialect = if scenario.of_dialect() {
        "# Runs with --dialect bidirectional only.\n"
    } else {
        ""
    };
    let mut out = format!("# {}\n{dialect}{}", scenario.id, scenario.source.text);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}
