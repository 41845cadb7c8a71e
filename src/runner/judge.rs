//! From what was played to verdicts: scenario results, findings of the watch, rules, the summary.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::plan::Case;
use crate::event::RunHeader;
use crate::outcome::{Failure, RuleResult, ScenarioResult, Verdict};
use crate::play::{Broken, Ended, Place, Played, Redactor};
use crate::protocol::opcode::Op;
use crate::protocol::rules::{self, Level};
use crate::scenario::syntax::{Origin, Span};

/// What all judging of a run shares.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) header: &'a RunHeader,
    pub(crate) redactor: &'a Redactor,
    pub(crate) strict: bool,
}

/// A finding of the watch, as a result of its own.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) rule: String,
    /// The case that was played.
    pub(crate) case: String,
    pub(crate) result: ScenarioResult,
}

impl Judge<'_> {
    /// A case's result; `attempts` counts how often it was played.
    pub(crate) fn result(&self, case: &Case, played: &Played, attempts: u32) -> ScenarioResult {
        let mut result = self.blank(case);
        result.duration_ms = ms(played.took);
        result.attempts = attempts;
        result.notes.clone_from(&played.notes);
        result.transcript.clone_from(&played.transcript);
        match &played.ended {
            Ended::Passed if result.level == Level::Open => {
                result.verdict = Verdict::Info;
                result.observed.clone_from(&played.observed);
            }
            Ended::Passed => result.verdict = Verdict::Pass,
            Ended::Failed(broken) if broken.level == Level::Open => {
                result.verdict = Verdict::Inconclusive;
                result.reason = Some(format!(
                    "stopped before its probe: expected {}, got {}",
                    broken.expected, broken.actual
                ));
            }
            Ended::Failed(broken) | Ended::Unreachable(broken) => {
                result.level = broken.level;
                result.verdict = self.broken_verdict(broken.level);
                result.failure = Some(self.failure(&case.id, broken));
            }
            Ended::Prerequisite(broken) => {
                result.verdict = Verdict::Inconclusive;
                result.reason = Some(format!(
                    "prerequisite: {} is broken: expected {}, got {}",
                    broken.rule, broken.expected, broken.actual
                ));
            }
            Ended::Inconclusive { reason, .. } => {
                result.verdict = Verdict::Inconclusive;
                result.reason = Some(reason.clone());
            }
            Ended::Skipped(reason) => {
                result.verdict = Verdict::Skip;
                result.reason = Some(reason.clone());
            }
            Ended::Error(reason) => {
                result.verdict = Verdict::Error;
                result.reason = Some(reason.clone());
            }
        }
        result
    }

    /// A result for a case that was not played.
    pub(crate) fn unplayed(
        &self,
        case: &Case,
        verdict: Verdict,
        reason: String,
        blocked_by: Option<String>,
    ) -> ScenarioResult {
        ScenarioResult {
            verdict,
            reason: Some(reason),
            blocked_by,
            ..self.blank(case)
        }
    }

    fn blank(&self, case: &Case) -> ScenarioResult {
        let scenario = &case.scenario;
        let rules: Vec<String> = scenario.rules().into_iter().map(str::to_owned).collect();
        let own = scenario.header.level.as_ref().map(|level| level.value);
        let first = rules
            .first()
            .and_then(|rule| rules::find(rule))
            .map(|rule| rule.level);
        ScenarioResult {
            id: case.id.clone(),
            title: scenario.header.title.value.clone(),
            rules,
            level: own.or(first).unwrap_or(Level::Must),
            verdict: Verdict::Error,
            reason: None,
            blocked_by: None,
            expected: None,
            duration_ms: 0.0,
            attempts: 0,
            triage: None,
            observed: None,
            notes: Vec::new(),
            failure: None,
            transcript: Vec::new(),
        }
    }

    pub(crate) fn broken_verdict(&self, level: Level) -> Verdict {
        match level {
            Level::Must => Verdict::Fail,
            Level::Should if self.strict => Verdict::Fail,
            Level::Should => Verdict::Warn,
            Level::Open => Verdict::Info,
        }
    }

    /// A broken line as people read it. `id` is the scenario that shows it again.
    pub(crate) fn failure(&self, id: &str, broken: &Broken) -> Failure {
        let Place { source, span } = &broken.place;
        Failure {
            rule: broken.rule.clone(),
            sentence: rules::find(&broken.rule)
                .map_or("", |rule| rule.sentence)
                .to_owned(),
            expected: broken.expected.clone(),
            actual: broken.actual.clone(),
            hint: broken.hint.clone().or_else(|| hint(broken)),
            source: match source.origin {
                Origin::Embedded => "embedded",
                Origin::File => "file",
                Origin::Stdin => "stdin",
            }
            .to_owned(),
            file: source.path.clone(),
            line: span.line,
            column: span.column,
            quote: source.line(span.line).to_owned(),
            repeat: self.header.repeat_command(id),
            target_output: Vec::new(),
        }
    }

    /// What the watch found while a case was played, and what its handshake broke: each under the
    /// rule it breaks.
    pub(crate) fn findings(&self, case: &Case, played: &Played) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for (breach, place) in &played.breaches {
            let broken = Broken {
                rule: breach.rule().to_owned(),
                level: breach.level(),
                expected: breach.expected(),
                actual: self.redactor.redact(&breach.actual()),
                hint: None,
                place: place.clone(),
            };
            self.found(case, played, &broken, &mut found);
        }
        if let Ended::Prerequisite(broken) = &played.ended {
            self.found(case, played, broken, &mut found);
        }
        found
    }

    /// The target ended, and none of the cases that were played then ends it again.
    pub(crate) fn ended(
        &self,
        how: &str,
        cases: &[Arc<Case>],
        output: Vec<String>,
    ) -> Option<Found> {
        let expected = "a target that goes on".to_owned();
        let actual = format!("the target ended: {how}");
        let mut found = self.beyond("robust.isolation", cases, expected, actual)?;
        if let Some(failure) = &mut found.result.failure {
            failure.target_output = output;
        }
        Some(found)
    }

    /// Two clients, each in a process of its own, waited alike before each of their connections.
    pub(crate) fn same_waits(
        &self,
        one: &Arc<Case>,
        other: &Arc<Case>,
        waits: &[Duration],
    ) -> Option<Found> {
        let shown: Vec<String> = waits
            .iter()
            .take(12)
            .map(|wait| wait.as_millis().to_string())
            .collect();
        let actual = format!("two clients that both waited {} ms", shown.join(", "));
        let expected = "waits that differ from process to process".to_owned();
        let cases = [Arc::clone(one), Arc::clone(other)];
        self.beyond("client.reconnect-random", &cases, expected, actual)
    }

    /// What was found about several cases together, and in no line of theirs.
    fn beyond(
        &self,
        rule: &str,
        cases: &[Arc<Case>],
        expected: String,
        actual: String,
    ) -> Option<Found> {
        let case = cases.first()?;
        let names: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
        let rule = rules::find(rule)?;
        let broken = Broken {
            rule: rule.id.to_owned(),
            level: rule.level,
            expected,
            actual,
            hint: None,
            place: Place {
                source: Arc::clone(&case.scenario.source),
                span: Span {
                    line: 1,
                    column: 1,
                    start: 0,
                    end: 0,
                },
            },
        };
        let result = ScenarioResult {
            id: format!("watch/{}", rule.id),
            title: rule.sentence.to_owned(),
            rules: vec![broken.rule.clone()],
            level: broken.level,
            verdict: self.broken_verdict(broken.level),
            reason: Some(format!("seen while {} was played", names.join(", "))),
            attempts: 1,
            failure: Some(self.failure(&case.id, &broken)),
            ..self.blank(case)
        };
        Some(Found {
            rule: broken.rule,
            case: case.id.clone(),
            result,
        })
    }

    fn found(&self, case: &Case, played: &Played, broken: &Broken, found: &mut Vec<Found>) {
        if found.iter().any(|known| known.rule == broken.rule) {
            return;
        }
        let sentence = rules::find(&broken.rule).map_or("", |rule| rule.sentence);
        let result = ScenarioResult {
            id: format!("watch/{}", broken.rule),
            title: sentence.to_owned(),
            rules: vec![broken.rule.clone()],
            level: broken.level,
            verdict: self.broken_verdict(broken.level),
            reason: Some(format!("seen while {} was played", case.id)),
            duration_ms: ms(played.took),
            attempts: 1,
            failure: Some(self.failure(&case.id, broken)),
            transcript: played.transcript.clone(),
            ..self.blank(case)
        };
        found.push(Found {
            rule: broken.rule.clone(),
            case: case.id.clone(),
            result,
        });
    }
}

/// What often lies behind an actual result.
fn hint(broken: &Broken) -> Option<String> {
    if broken.rule == "packet.sender" && says_what_clients_say(&broken.actual) {
        return Some(
            "some deployed servers ask their clients too: --dialect bidirectional judges that reading"
                .to_owned(),
        );
    }
    let closes = broken.expected.starts_with("close");
    if closes && broken.actual.starts_with("close 1011") {
        return Some(
            "1011 says that the server failed inside: a crash is not this refusal".to_owned(),
        );
    }
    if closes && broken.actual.contains("without a close frame") {
        return Some("send a close frame with the code before the TCP connection ends".to_owned());
    }
    None
}

/// Whether what the watch saw is a REQUEST or DISPATCH.
fn says_what_clients_say(actual: &str) -> bool {
    [Op::Request, Op::Dispatch]
        .iter()
        .any(|op| actual == format!("a packet with op {}", op.number()))
}

/// What each rule comes to, over the results of a run.
pub(crate) fn rule_results(
    results: &[ScenarioResult],
    held: &BTreeMap<String, Vec<String>>,
) -> Vec<RuleResult> {
    let mut ids: BTreeSet<&str> = BTreeSet::new();
    for result in results {
        ids.extend(result.rules.iter().map(String::as_str));
        ids.extend(result.failure.as_ref().map(|failure| failure.rule.as_str()));
    }
    let order = |id: &str| {
        rules::all()
            .iter()
            .position(|rule| rule.id == id)
            .unwrap_or(usize::MAX)
    };
    let mut ids: Vec<&str> = ids.into_iter().collect();
    ids.sort_by_key(|id| (order(id), *id));
    ids.into_iter()
        .map(|id| rule_result(id, results, held))
        .collect()
}

fn rule_result(
    id: &str,
    results: &[ScenarioResult],
    held: &BTreeMap<String, Vec<String>>,
) -> RuleResult {
    let mut scenarios = Vec::new();
    let mut judged: Option<Verdict> = None;
    let mut unjudged = Verdict::Skip;
    let mut own_level = Level::Must;
    for result in results {
        let broke = result
            .failure
            .as_ref()
            .is_some_and(|failure| failure.rule == id);
        let about = result.rules.iter().any(|rule| rule == id);
        if !broke && !about {
            continue;
        }
        scenarios.push(result.id.clone());
        if result.rules.first().is_some_and(|rule| rule == id) {
            own_level = result.level;
        }
        let marked_and_held = held
            .get(&result.id)
            .is_some_and(|rules| rules.iter().any(|r| r == id));
        let verdict = match result.verdict {
            Verdict::Fail | Verdict::Warn if broke => Some(result.verdict),
            Verdict::Pass | Verdict::Info if result.rules.first().is_some_and(|r| r == id) => {
                Some(result.verdict)
            }
            _ if marked_and_held => Some(Verdict::Pass),
            Verdict::Inconclusive | Verdict::Error => {
                unjudged = Verdict::Inconclusive;
                None
            }
            _ => None,
        };
        judged = judged.max(verdict);
    }
    let level = rules::find(id).map_or(own_level, |rule| rule.level);
    RuleResult {
        id: id.to_owned(),
        level,
        verdict: judged.unwrap_or(unjudged),
        scenarios,
    }
}

/// The must rules that nothing judged.
pub(crate) fn untested(rules: &[RuleResult]) -> impl Iterator<Item = &RuleResult> {
    rules
        .iter()
        .filter(|rule| rule.level == Level::Must)
        .filter(|rule| matches!(rule.verdict, Verdict::Skip | Verdict::Inconclusive))
}

/// A length of time in milliseconds, to the microsecond.
pub(crate) fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests;
