//! The kill matrix: which scenarios catch which defects, and whom they blame without cause.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::examine::{Examined, Judged};
use crate::outcome::Verdict;
use crate::protocol::rules::{self, Level, RoleOf};
use crate::scenario::Scenario;
use crate::zoo::Peer;

/// What an examination of the zoo comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Matrix {
    /// Version of this shape.
    pub schema_version: u32,
    /// The counts.
    pub summary: Summary,
    /// The defects, in the order of the zoo.
    pub defects: Vec<Defect>,
    /// The right variants, in the order of the zoo.
    pub variants: Vec<Variant>,
    /// The scenarios, in the order of their ids.
    pub scenarios: Vec<Row>,
}

/// The counts of a matrix, and the names of what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many defects were examined.
    pub defects: usize,
    /// How many of them a scenario about their rule caught.
    pub caught: usize,
    /// Those that none caught.
    pub survivors: Vec<String>,
    /// Those that only scenarios about other rules caught.
    pub by_accident: Vec<String>,
    /// How many right variants were examined.
    pub variants: usize,
    /// How many scenarios blamed what is right.
    pub alarms: usize,
    /// How many scenarios were looked at, probes of open points apart.
    pub scenarios: usize,
    /// Those that catch nothing of what they are about; empty where not everything was examined.
    pub idle: Vec<String>,
}

impl Summary {
    /// Whether nothing is wrong.
    pub fn clean(&self) -> bool {
        self.survivors.is_empty()
            && self.by_accident.is_empty()
            && self.alarms == 0
            && self.idle.is_empty()
    }
}

/// A defect, and what caught it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Defect {
    /// What it is.
    pub role: RoleOf,
    /// Its name.
    pub name: String,
    /// The rule it breaks.
    pub rule: String,
    /// `must` or `should`: what it breaks of the rule.
    pub level: Level,
    /// What it does.
    pub sentence: String,
    /// Whether a scenario about its rule caught it.
    pub intended: bool,
    /// All that caught it, in the order of their ids.
    pub caught_by: Vec<Catch>,
    /// Failures of scenarios, where it only deserves warnings.
    pub alarms: Vec<Alarm>,
    /// Why the run against it ended early, if it did.
    pub ended: Option<String>,
}

/// A scenario that caught a defect.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Catch {
    /// Its id without `#N`; `preflight` and `watch/..` catch too.
    pub scenario: String,
    /// How many of its runs did.
    pub runs: usize,
    /// The worst verdict.
    pub verdict: Verdict,
    /// The rules under which it failed.
    pub rules: Vec<String>,
    /// It is about the defect's rule, or failed under it.
    pub intended: bool,
}

/// A right variant, and who blamed it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Variant {
    /// What it is.
    pub role: RoleOf,
    /// Its name.
    pub name: String,
    /// What it does.
    pub sentence: String,
    /// How many results were a pass.
    pub passes: usize,
    /// What was blamed without cause.
    pub alarms: Vec<Alarm>,
    /// Why the run against it ended early, if it did.
    pub ended: Option<String>,
}

/// A verdict that its target does not deserve.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alarm {
    /// The scenario's id, with `#N` where there is one.
    pub scenario: String,
    /// What it said.
    pub verdict: Verdict,
    /// Why.
    pub why: String,
}

/// A scenario, and what it is good for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// The rules it is about.
    pub rules: Vec<String>,
    /// It only records what the text leaves open.
    pub probe: bool,
    /// How many defects it catches.
    pub catches: usize,
    /// How many of them break a rule that it is about.
    pub intended: usize,
    /// Those that no other scenario catches.
    pub alone: Vec<String>,
}

impl Matrix {
    /// Folds what came of the members. `everything`: nothing was left out, so that a scenario
    /// without a catch is idle.
    pub(super) fn new(
        examined: &[(Peer, Examined)],
        suite: &[Arc<Scenario>],
        everything: bool,
    ) -> Matrix {
        let defects: Vec<Defect> = examined
            .iter()
            .filter_map(|(peer, examined)| Some(defect(*peer, peer.rule()?, examined)))
            .collect();
        let variants: Vec<Variant> = examined
            .iter()
            .filter(|(peer, _)| peer.rule().is_none())
            .map(|(peer, examined)| variant(*peer, examined))
            .collect();
        let scenarios = rows(suite, &defects);
        let summary = summary(&defects, &variants, &scenarios, everything);
        Matrix {
            schema_version: 1,
            summary,
            defects,
            variants,
            scenarios,
        }
    }
}

fn defect(peer: Peer, rule: &str, examined: &Examined) -> Defect {
    let level = match peer.breaks_should() {
        true => Level::Should,
        false => Level::Must,
    };
    let mut caught: BTreeMap<&str, Catch> = BTreeMap::new();
    for judged in &examined.results {
        let Some(failure) = &judged.failure else {
            continue;
        };
        if !matches!(judged.verdict, Verdict::Fail | Verdict::Warn) {
            continue;
        }
        // A warning is no judgement of a broken must.
        let enough = judged.verdict == Verdict::Fail || level == Level::Should;
        let about = failure.rule == rule || judged.rules.iter().any(|about| about == rule);
        let catch = caught.entry(base(&judged.id)).or_insert_with(|| Catch {
            scenario: base(&judged.id).to_owned(),
            runs: 0,
            verdict: judged.verdict,
            rules: Vec::new(),
            intended: false,
        });
        catch.runs += 1;
        catch.verdict = catch.verdict.max(judged.verdict);
        catch.intended |= about && enough;
        if !catch.rules.contains(&failure.rule) {
            catch.rules.push(failure.rule.clone());
            catch.rules.sort();
        }
    }
    let caught_by: Vec<Catch> = caught.into_values().collect();
    let alarms = match level {
        Level::Should => alarms(&examined.results, &[Verdict::Fail, Verdict::Error]),
        _ => alarms(&examined.results, &[Verdict::Error]),
    };
    Defect {
        role: peer.role(),
        name: peer.name().to_owned(),
        rule: rule.to_owned(),
        level,
        sentence: peer.sentence().to_owned(),
        intended: caught_by.iter().any(|catch| catch.intended),
        caught_by,
        alarms,
        ended: examined.ended.clone(),
    }
}

fn variant(peer: Peer, examined: &Examined) -> Variant {
    const BAD: [Verdict; 4] = [
        Verdict::Fail,
        Verdict::Warn,
        Verdict::Error,
        Verdict::Inconclusive,
    ];
    let mut alarms = alarms(&examined.results, &BAD);
    if let Some(why) = &examined.ended {
        alarms.push(Alarm {
            scenario: "preflight".to_owned(),
            verdict: Verdict::Error,
            why: why.clone(),
        });
    }
    let passed = |judged: &&Judged| judged.verdict == Verdict::Pass;
    Variant {
        role: peer.role(),
        name: peer.name().to_owned(),
        sentence: peer.sentence().to_owned(),
        passes: examined.results.iter().filter(passed).count(),
        alarms,
        ended: examined.ended.clone(),
    }
}

fn alarms(results: &[Judged], bad: &[Verdict]) -> Vec<Alarm> {
    let mut alarms: Vec<Alarm> = results
        .iter()
        .filter(|judged| bad.contains(&judged.verdict))
        .map(|judged| Alarm {
            scenario: judged.id.clone(),
            verdict: judged.verdict,
            why: match (&judged.failure, &judged.reason) {
                (Some(failure), _) => format!(
                    "{}: expected {}, got {}",
                    failure.rule, failure.expected, failure.actual
                ),
                (None, Some(reason)) => reason.clone(),
                (None, None) => String::new(),
            },
        })
        .collect();
    alarms.sort_by(|a, b| a.scenario.cmp(&b.scenario));
    alarms
}

/// What a scenario says of a defect, if it catches it.
fn by<'d>(defect: &'d Defect, id: &str) -> Option<&'d Catch> {
    defect.caught_by.iter().find(|catch| catch.scenario == id)
}

/// How many defects the watch caught under their rule. That counts for the scenarios that are first
/// of all about it: some are there to give it something to watch.
fn watched(defects: &[Defect], rule: Option<&str>) -> usize {
    let Some(rule) = rule else { return 0 };
    let watch = format!("watch/{rule}");
    let caught = |defect: &&Defect| defect.rule == rule && by(defect, &watch).is_some();
    defects.iter().filter(caught).count()
}

fn rows(suite: &[Arc<Scenario>], defects: &[Defect]) -> Vec<Row> {
    let ids: BTreeSet<&str> = suite.iter().map(|scenario| scenario.id.as_str()).collect();
    let alone = |defect: &Defect| {
        let mut by = defect
            .caught_by
            .iter()
            .filter(|catch| ids.contains(&*catch.scenario));
        by.next().is_some() && by.next().is_none()
    };
    let row = |scenario: &Arc<Scenario>| {
        let rules = scenario.rules();
        let first = rules.first().and_then(|rule| rules::find(rule));
        let mine: Vec<&Defect> = defects
            .iter()
            .filter(|defect| by(defect, &scenario.id).is_some())
            .collect();
        Row {
            id: scenario.id.clone(),
            probe: first.is_some_and(|rule| rule.level == Level::Open),
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            catches: mine.len(),
            intended: mine
                .iter()
                .filter(|defect| by(defect, &scenario.id).is_some_and(|catch| catch.intended))
                .count()
                .max(watched(defects, rules.first().copied())),
            alone: mine
                .into_iter()
                .filter(|defect| alone(defect))
                .map(|defect| defect.name.clone())
                .collect(),
        }
    };
    let mut rows: Vec<Row> = suite.iter().map(row).collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows
}

fn summary(
    defects: &[Defect],
    variants: &[Variant],
    scenarios: &[Row],
    everything: bool,
) -> Summary {
    let names = |wanted: fn(&Defect) -> bool| {
        let named = defects.iter().filter(|defect| wanted(defect));
        named.map(|defect| defect.name.clone()).collect()
    };
    let judging = || scenarios.iter().filter(|row| !row.probe);
    let idle = judging().filter(|row| everything && row.intended == 0);
    let defect_alarms: usize = defects.iter().map(|defect| defect.alarms.len()).sum();
    let variant_alarms: usize = variants.iter().map(|variant| variant.alarms.len()).sum();
    Summary {
        defects: defects.len(),
        caught: defects.iter().filter(|defect| defect.intended).count(),
        survivors: names(|defect| defect.caught_by.is_empty()),
        by_accident: names(|defect| !defect.caught_by.is_empty() && !defect.intended),
        variants: variants.len(),
        alarms: defect_alarms + variant_alarms,
        scenarios: judging().count(),
        idle: idle.map(|row| row.id.clone()).collect(),
    }
}

/// The id without `#N`.
fn base(id: &str) -> &str {
    id.split_once('#').map_or(id, |(base, _)| base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Failure;
    use crate::scenario::library;
    use crate::zoo::server;

    fn member(name: &str) -> Peer {
        let found = server::find(name).or_else(|| server::find_variant(name));
        Peer::Server(found.unwrap())
    }

    fn judged(id: &str, rules: &[&str], verdict: Verdict, failed: Option<&str>) -> Judged {
        let failure = failed.map(|rule| Failure {
            rule: rule.to_owned(),
            sentence: String::new(),
            expected: "a".to_owned(),
            actual: "b".to_owned(),
            hint: None,
            source: String::new(),
            file: String::new(),
            line: 1,
            column: 1,
            quote: String::new(),
            repeat: String::new(),
            target_output: Vec::new(),
        });
        Judged::made(id, rules, verdict, failure)
    }

    fn matrix(name: &str, results: Vec<Judged>) -> Matrix {
        let suite: Vec<_> = library::all()
            .iter()
            .filter(|scenario| scenario.id.starts_with("server/heartbeat/"))
            .cloned()
            .collect();
        let examined = Examined {
            results,
            ended: None,
        };
        Matrix::new(&[(member(name), examined)], &suite, true)
    }

    const TIMEOUT: [&str; 1] = ["heartbeat.timeout"];

    #[test]
    fn a_defect_that_nobody_catches_survives_and_leaves_the_scenarios_idle() {
        let pass = judged(
            "server/heartbeat/ack",
            &["heartbeat.ack"],
            Verdict::Pass,
            None,
        );
        let matrix = matrix("timeout-never", vec![pass]);
        assert_eq!(matrix.summary.survivors, ["timeout-never"]);
        assert_eq!(matrix.summary.idle.len(), matrix.scenarios.len());
        assert!(!matrix.summary.clean());
    }

    #[test]
    fn a_failure_about_another_rule_is_an_accident() {
        let ack = ["heartbeat.ack"];
        let fail = judged("server/heartbeat/ack", &ack, Verdict::Fail, Some(ack[0]));
        let matrix = matrix("timeout-never", vec![fail]);
        assert_eq!(matrix.summary.by_accident, ["timeout-never"]);
        let row = matrix.scenarios.iter().find(|row| row.id.ends_with("/ack"));
        let row = row.unwrap();
        assert_eq!((row.catches, row.intended), (1, 0));
        assert_eq!(row.alone, ["timeout-never"]);
    }

    #[test]
    fn runs_of_one_scenario_are_one_catch_and_a_warning_does_not_judge_a_must() {
        let id = "server/heartbeat/prompt";
        let warned = vec![
            judged(
                &format!("{id}#1"),
                &TIMEOUT,
                Verdict::Warn,
                Some("heartbeat.prompt"),
            ),
            judged(&format!("{id}#2"), &TIMEOUT, Verdict::Pass, None),
        ];
        assert_eq!(
            matrix("timeout-never", warned.clone()).summary.by_accident,
            ["timeout-never"]
        );
        let failed = judged(
            &format!("{id}#3"),
            &TIMEOUT,
            Verdict::Fail,
            Some(TIMEOUT[0]),
        );
        let matrix = matrix("timeout-never", [warned, vec![failed]].concat());
        assert_eq!(matrix.summary.caught, 1);
        let catch = &matrix.defects[0].caught_by[0];
        assert_eq!(
            (catch.runs, catch.verdict, &*catch.scenario),
            (2, Verdict::Fail, id)
        );
        assert_eq!(catch.rules, ["heartbeat.prompt", "heartbeat.timeout"]);
    }

    #[test]
    fn a_warning_is_enough_for_a_broken_should_and_a_failure_is_too_much() {
        let (id, prompt) = ("server/heartbeat/prompt", "heartbeat.prompt");
        let warn = judged(id, &[prompt], Verdict::Warn, Some(prompt));
        let warned = matrix("timeout-late", vec![warn.clone()]);
        assert_eq!((warned.summary.caught, warned.summary.alarms), (1, 0));
        let fail = judged(
            "server/heartbeat/x",
            &TIMEOUT,
            Verdict::Fail,
            Some(TIMEOUT[0]),
        );
        let failed = matrix("timeout-late", vec![warn, fail]);
        assert_eq!(failed.summary.alarms, 1);
    }

    #[test]
    fn a_right_variant_must_not_even_be_inconclusive() {
        for (verdict, alarms) in [
            (Verdict::Pass, 0),
            (Verdict::Info, 0),
            (Verdict::Skip, 0),
            (Verdict::Inconclusive, 1),
            (Verdict::Warn, 1),
            (Verdict::Error, 1),
            (Verdict::Fail, 1),
        ] {
            let result = judged("server/heartbeat/ack", &["heartbeat.ack"], verdict, None);
            let matrix = matrix("plain", vec![result]);
            assert_eq!(matrix.summary.alarms, alarms, "{verdict:?}");
        }
    }

    #[test]
    fn a_variant_whose_run_does_not_end_is_an_alarm() {
        let examined = Examined::broken("spun".to_owned());
        let matrix = Matrix::new(&[(member("plain"), examined)], &[], true);
        assert_eq!(matrix.summary.alarms, 1);
        assert_eq!(matrix.variants[0].alarms[0].why, "spun");
    }
}
