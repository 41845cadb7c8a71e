//! The results of a run while they come in: each is told once it stands. A result that leans on a
//! control stands only when the control's does.

use std::collections::{BTreeMap, HashMap};

use super::judge::{Found, rule_results, summary};
use super::plan::Plan;
use crate::event::RunEvent;
use crate::outcome::{RuleResult, ScenarioResult, Summary, Verdict};

/// The results of a run.
pub(crate) struct Ledger<'e> {
    on_event: &'e mut (dyn FnMut(RunEvent) + Send),
    told: Vec<ScenarioResult>,
    waiting: Vec<(String, ScenarioResult)>,
    /// For each control: how many of its cases are still out, and whether all so far succeeded.
    controls: HashMap<String, (usize, bool)>,
    held: BTreeMap<String, Vec<String>>,
    found: BTreeMap<String, Found>,
}

impl<'e> Ledger<'e> {
    pub(crate) fn new(plan: &Plan, on_event: &'e mut (dyn FnMut(RunEvent) + Send)) -> Ledger<'e> {
        let all = || plan.cases.iter().chain(&plan.controls);
        let mut controls = HashMap::new();
        for control in plan
            .cases
            .iter()
            .filter_map(|case| case.scenario.header.control.as_ref())
        {
            let out = all().filter(|case| case.base() == control.value).count();
            controls.insert(control.value.clone(), (out, true));
        }
        Ledger {
            on_event,
            told: Vec::new(),
            waiting: Vec::new(),
            controls,
            held: BTreeMap::new(),
            found: BTreeMap::new(),
        }
    }

    pub(crate) fn tell(&mut self, event: RunEvent) {
        (self.on_event)(event);
    }

    /// What the watch found; the shortest evidence for a rule is kept.
    pub(crate) fn found(&mut self, found: Vec<Found>) {
        for found in found {
            let better = self.found.get(&found.rule).is_none_or(|known| {
                (
                    known.result.verdict,
                    std::cmp::Reverse(known.result.transcript.len()),
                ) < (
                    found.result.verdict,
                    std::cmp::Reverse(found.result.transcript.len()),
                )
            });
            if better {
                self.found.insert(found.rule.clone(), found);
            }
        }
    }

    /// A case's result. `base` is its scenario, `control` the one it leans on, `listed` whether it
    /// was selected or only runs as a control.
    pub(crate) fn result(
        &mut self,
        result: ScenarioResult,
        base: &str,
        control: Option<&str>,
        held: Vec<String>,
        listed: bool,
    ) {
        if let Some((out, good)) = self.controls.get_mut(base) {
            *out = out.saturating_sub(1);
            *good &= matches!(
                result.verdict,
                Verdict::Pass | Verdict::Warn | Verdict::Info
            );
        }
        if listed {
            self.held.insert(result.id.clone(), held);
            match control {
                Some(control) => self.waiting.push((control.to_owned(), result)),
                None => self.stands(result),
            }
        }
        self.settle_waiting(false);
    }

    /// Tells the results whose control has come in; all of them at the end.
    fn settle_waiting(&mut self, at_the_end: bool) {
        let mut still = Vec::new();
        for (control, mut result) in std::mem::take(&mut self.waiting) {
            let (out, good) = self.controls.get(&control).copied().unwrap_or((1, false));
            let needs = matches!(result.verdict, Verdict::Pass | Verdict::Warn);
            if needs && good && out > 0 && !at_the_end {
                still.push((control, result));
                continue;
            }
            if needs && !(good && out == 0) {
                result.verdict = Verdict::Inconclusive;
                result.reason = Some(format!("its control {control} did not pass"));
                result.blocked_by = Some(control);
                self.held.remove(&result.id);
            }
            self.stands(result);
        }
        self.waiting = still;
    }

    fn stands(&mut self, mut result: ScenarioResult) {
        // Rules and counts are made without transcripts, which are the larger part by far.
        let transcript = std::mem::take(&mut result.transcript);
        self.told.push(result.clone());
        result.transcript = transcript;
        self.tell(RunEvent::ScenarioFinished {
            result: Box::new(result),
        });
    }

    /// Ends the run: the watch's findings that no scenario shows by itself, rules and counts.
    pub(crate) fn finish(&mut self) -> (Vec<RuleResult>, Summary) {
        self.settle_waiting(true);
        for (rule, found) in std::mem::take(&mut self.found) {
            let shown = self.told.iter().any(|result| {
                result
                    .failure
                    .as_ref()
                    .is_some_and(|failure| failure.rule == rule)
                    && result.verdict >= found.result.verdict
            });
            if !shown {
                self.stands(found.result);
            }
        }
        let rules = rule_results(&self.told, &self.held);
        let summary = summary(&self.told, &rules);
        (rules, summary)
    }
}
