//! `litespec list`: scenarios, rules, the zoo, or the schema of the JSON report.

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::Globals;
use super::exit::{Exit, Stop};
use super::screen::Stdout;
use crate::protocol::rules::{self, Level, RoleOf, Rule};
use crate::report::json;
use crate::scenario::{Scenario, library};
use crate::selftest::{self, coverage, table};
use crate::zoo::{self, Peer};

pub(super) const EXAMPLES: &str = "\
Examples:
  litespec list                        every scenario with its title
  litespec list rules                  every rule with its level
  litespec list rules --format json
  litespec list defects                peers with a planted defect, and the rule each breaks
  litespec list variants               right peers that look different
  litespec list --coverage             what the suite covers, and what it never reaches
  litespec list schema > report.schema.json";

/// Arguments of `litespec list`.
#[derive(Args, Debug)]
pub(super) struct ListArgs {
    /// What to list
    #[arg(value_enum, default_value = "scenarios")]
    what: What,
    /// Lines for people or one JSON list
    #[arg(long, value_enum, default_value = "human")]
    format: ListFormat,
    /// Show what the suite covers instead: for each rule its scenarios and defects; which packet is sent in which state with which class of value, and what never is
    #[arg(long)]
    coverage: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// The embedded scenarios
    Scenarios,
    /// The rules they judge
    Rules,
    /// The zoo's servers and clients with a planted defect each
    Defects,
    /// The zoo's right servers and clients that look different
    Variants,
    /// The JSON Schema of the JSON report
    Schema,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    Human,
    Json,
}

#[derive(Serialize)]
struct ScenarioLine<'a> {
    id: &'a str,
    title: &'a str,
    rules: Vec<&'a str>,
    control: Option<&'a str>,
    hostile: bool,
    runs: Option<usize>,
}

#[derive(Serialize)]
struct RuleLine<'a> {
    #[serde(flatten)]
    rule: &'a Rule,
    scenarios: Vec<&'a str>,
}

#[derive(Serialize)]
struct MemberLine {
    /// `server` or `client`.
    role: &'static str,
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    /// What it breaks of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
    sentence: &'static str,
    /// It asks its clients, so that it is for the bidirectional dialect.
    #[serde(skip_serializing_if = "is_false")]
    bidirectional: bool,
}

/// Whether to leave a flag out.
fn is_false(flag: &bool) -> bool {
    !flag
}

pub(super) fn run(globals: &Globals, args: &ListArgs) -> Result<Exit, Stop> {
    if args.coverage {
        return coverage(globals, args);
    }
    let text = match (args.what, args.format) {
        (What::Scenarios, ListFormat::Human) => columns(
            library::all()
                .iter()
                .map(|s| (s.id.clone(), String::new(), s.header.title.value.clone())),
        ),
        (What::Scenarios, ListFormat::Json) => json_text(
            &library::all()
                .iter()
                .map(|s| scenario_line(s))
                .collect::<Vec<_>>(),
        )?,
        (What::Rules, ListFormat::Human) => columns(rules::all().iter().map(|rule| {
            (
                rule.id.to_owned(),
                level(rule.level).to_owned(),
                rule.sentence.to_owned(),
            )
        })),
        (What::Rules, ListFormat::Json) => {
            json_text(&rules::all().iter().map(rule_line).collect::<Vec<_>>())?
        }
        (What::Defects, ListFormat::Human) => members(zoo::defects()),
        (What::Variants, ListFormat::Human) => members(zoo::variants()),
        (What::Defects, ListFormat::Json) => {
            json_text(&zoo::defects().map(member_line).collect::<Vec<_>>())?
        }
        (What::Variants, ListFormat::Json) => {
            json_text(&zoo::variants().map(member_line).collect::<Vec<_>>())?
        }
        (What::Schema, _) => json_text(&json::schema())?,
    };
    Stdout::new(globals.color).write(&text)?;
    Ok(Exit::Success)
}

fn coverage(globals: &Globals, args: &ListArgs) -> Result<Exit, Stop> {
    if args.what == What::Schema {
        return Err(Stop::usage("the schema has no coverage"));
    }
    let suite = selftest::suite();
    let coverage = [RoleOf::Server, RoleOf::Client].map(|role| coverage::coverage(&suite, role));
    let text = match args.format {
        ListFormat::Human => coverage.each_ref().map(table::text).join("\n\n"),
        ListFormat::Json => json_text(&coverage)?,
    };
    Stdout::new(globals.color).write(&text)?;
    Ok(Exit::Success)
}

fn scenario_line(scenario: &Scenario) -> ScenarioLine<'_> {
    ScenarioLine {
        id: &scenario.id,
        title: &scenario.header.title.value,
        rules: scenario.rules(),
        control: scenario
            .header
            .control
            .as_ref()
            .map(|control| control.value.as_str()),
        hostile: scenario.header.hostile,
        runs: match &scenario.header.each {
            None => Some(1),
            Some(each) => each.values.as_ref().map(Vec::len),
        },
    }
}

fn rule_line(rule: &Rule) -> RuleLine<'_> {
    RuleLine {
        rule,
        scenarios: about(rule.id)
            .map(|scenario| scenario.id.as_str())
            .collect(),
    }
}

/// A line for each member; its role stands with its rule.
fn members(peers: impl Iterator<Item = Peer>) -> String {
    columns(peers.map(|peer| {
        let (role, rule) = (role(peer.role()), peer.rule().unwrap_or_default());
        (
            peer.name().to_owned(),
            format!("{role}  {rule}").trim_end().to_owned(),
            peer.sentence().to_owned(),
        )
    }))
}

fn member_line(peer: Peer) -> MemberLine {
    let level = match peer.breaks_should() {
        true => Level::Should,
        false => Level::Must,
    };
    MemberLine {
        role: role(peer.role()),
        name: peer.name(),
        rule: peer.rule(),
        level: peer.rule().map(|_| level),
        sentence: peer.sentence(),
        bidirectional: matches!(peer, Peer::Server(member) if member.asks),
    }
}

/// The embedded scenarios that can judge a rule.
pub(super) fn about(rule: &str) -> impl Iterator<Item = &'static Scenario> + '_ {
    library::all()
        .iter()
        .map(AsRef::as_ref)
        .filter(move |scenario| scenario.rules().contains(&rule))
}

/// A level's word.
pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Must => "must",
        Level::Should => "should",
        Level::Open => "open",
    }
}

/// A role's word.
pub(super) fn role(role: RoleOf) -> &'static str {
    match role {
        RoleOf::Server => "server",
        RoleOf::Client => "client",
    }
}

fn columns(rows: impl Iterator<Item = (String, String, String)>) -> String {
    let rows: Vec<_> = rows.collect();
    let first = rows.iter().map(|row| row.0.len()).max().unwrap_or(0);
    let second = rows.iter().map(|row| row.1.len()).max().unwrap_or(0);
    let mut out = String::new();
    for (id, middle, text) in rows {
        let middle = if second == 0 {
            String::new()
        } else {
            format!("{middle:second$}  ")
        };
        out.push_str(&format!("{id:first$}  {middle}{text}\n"));
    }
    out
}

fn json_text(value: &impl Serialize) -> Result<String, Stop> {
    match serde_json::to_string_pretty(value) {
        Ok(text) => Ok(text + "\n"),
        Err(error) => Err(Stop::usage(format!(
            "cannot write the list as JSON: {error}"
        ))),
    }
}
