//! The results of a run while they come in: each is told once it stands. A result that leans on a
//! control stands only when the control's does.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::judge::{Found, rule_results, untested};
use super::known::{Book, KnownLists};
use super::plan::{Case, Plan};
use crate::event::RunEvent;
use crate::outcome::{KnownEntry, KnownStatus, RuleResult, ScenarioResult, Summary, Verdict};

/// The results of a run.
pub(crate) struct Ledger<'e> {
    on_event: &'e mut (dyn FnMut(RunEvent) + Send),
    told: Vec<ScenarioResult>,
    waiting: Vec<(String, ScenarioResult)>,
    /// For each control: how many of its cases are still out, and whether all so far succeeded.
    controls: HashMap<String, (usize, bool)>,
    held: BTreeMap<String, Vec<String>>,
    found: BTreeMap<String, Found>,
    /// By rule, the cases in which the watch found it broken.
    found_in: HashMap<String, BTreeSet<String>>,
    /// Ids of cases and scenarios that need what the target declared that it does not offer.
    waived: HashSet<String>,
    book: Book,
    /// By id, what else a case goes by.
    names: HashMap<String, Vec<String>>,
}

/// What was judged without a result of its own to show for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    /// The preflight, and it went well.
    pub(crate) preflight: bool,
    /// Everything that the watch can see.
    pub(crate) watch: bool,
}

/// What a run comes to.
pub(crate) struct End {
    pub(crate) rules: Vec<RuleResult>,
    pub(crate) summary: Summary,
    pub(crate) known: Vec<KnownEntry>,
}

impl<'e> Ledger<'e> {
    pub(crate) fn new(
        plan: &Plan,
        known: &KnownLists,
        on_event: &'e mut (dyn FnMut(RunEvent) + Send),
    ) -> Ledger<'e> {
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
        let names = |case: &Case| case.names().map(str::to_owned).collect();
        Ledger {
            on_event,
            told: Vec::new(),
            waiting: Vec::new(),
            controls,
            held: BTreeMap::new(),
            found: BTreeMap::new(),
            found_in: HashMap::new(),
            waived: HashSet::new(),
            book: Book::new(known),
            names: plan
                .cases
                .iter()
                .map(|case| (case.id.clone(), names(case)))
                .collect(),
        }
    }

    pub(crate) fn tell(&mut self, event: RunEvent) {
        (self.on_event)(event);
    }

    /// What the watch found; the shortest evidence for a rule is kept.
    pub(crate) fn found(&mut self, found: Vec<Found>) {
        for found in found {
            let cases = self.found_in.entry(found.rule.clone()).or_default();
            cases.insert(found.case.clone());
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

    /// Notes that a case needs what the target declared that it does not offer.
    pub(crate) fn waive(&mut self, case: &Case) {
        self.waived.insert(case.id.clone());
        self.waived.insert(case.base().to_owned());
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
            if needs && self.waived.contains(&control) {
                result.verdict = Verdict::Skip;
                result.reason = Some(format!(
                    "its control {control} needs what the target declared that it does not offer"
                ));
                result.blocked_by = Some(control);
                self.held.remove(&result.id);
                self.waived.insert(result.id.clone());
            } else if needs && !(good && out == 0) {
                result.verdict = Verdict::Inconclusive;
                result.reason = Some(format!("its control {control} did not pass"));
                result.blocked_by = Some(control);
                self.held.remove(&result.id);
            }
            self.stands(result);
        }
        self.waiting = still;
    }

    fn names(&self, id: &str) -> Vec<String> {
        let names = self.names.get(id).cloned();
        names.unwrap_or_else(|| vec![id.to_owned()])
    }

    /// Whether a list excuses a failure.
    pub(crate) fn excuses(&self, result: &ScenarioResult) -> bool {
        self.book.excuses(&self.names(&result.id), result)
    }

    fn stands(&mut self, mut result: ScenarioResult) {
        let names = self.names(&result.id);
        self.book.enter(&names, &mut result);
        // Rules and counts are made without transcripts, which are the larger part by far.
        let transcript = std::mem::take(&mut result.transcript);
        self.told.push(result.clone());
        result.transcript = transcript;
        self.tell(RunEvent::ScenarioFinished {
            result: Box::new(result),
        });
    }

    /// Ends the run: the watch's findings that no scenario shows by itself, rules and counts.
    pub(crate) fn finish(&mut self, judged: Judged, allowed: impl Fn(&str) -> bool) -> End {
        self.settle_waiting(true);
        for (rule, found) in std::mem::take(&mut self.found) {
            if !self.shows(&rule, &found) {
                self.stands(found.result);
            }
        }
        if judged.watch {
            self.book.judged_all(|known| known.id.starts_with("watch/"));
        }
        if judged.preflight {
            self.book.judged_all(|known| known.id == "preflight");
        }
        let known = std::mem::take(&mut self.book).close();
        let rules = rule_results(&self.told, &self.held);
        let summary = self.summary(&rules, &known, allowed);
        End {
            rules,
            summary,
            known,
        }
    }

    /// Whether a result shows already what the watch found. One that a list excuses does so only
    /// for what was found in it.
    fn shows(&self, rule: &str, found: &Found) -> bool {
        let breaks = |result: &&ScenarioResult| {
            let failure = result.failure.as_ref();
            failure.is_some_and(|failure| failure.rule == rule)
                && result.verdict >= found.result.verdict
        };
        let (excused, plain): (Vec<&ScenarioResult>, Vec<_>) = self
            .told
            .iter()
            .filter(breaks)
            .partition(|result| result.excused());
        let cases = self.found_in.get(rule);
        !plain.is_empty()
            || cases.is_some_and(|cases| {
                cases
                    .iter()
                    .all(|case| excused.iter().any(|result| result.id == *case))
            })
    }

    fn summary(
        &self,
        rules: &[RuleResult],
        known: &[KnownEntry],
        allowed: impl Fn(&str) -> bool,
    ) -> Summary {
        let mut summary = Summary::default();
        for result in &self.told {
            summary.count(result);
        }
        let stale = |entry: &&KnownEntry| entry.status == KnownStatus::Stale;
        summary.stale = u32::try_from(known.iter().filter(stale).count()).unwrap_or(u32::MAX);
        for rule in untested(rules) {
            let into = if allowed(&rule.id) || self.all_waived(rule) {
                &mut summary.untested_allowed
            } else {
                &mut summary.untested
            };
            into.push(rule.id.clone());
        }
        summary
    }

    /// Whether everything that could have judged a rule needs what the target does not offer.
    fn all_waived(&self, rule: &RuleResult) -> bool {
        let waived = |id: &String| self.waived.contains(id);
        !rule.scenarios.is_empty() && rule.scenarios.iter().all(waived)
    }
}

#[cfg(test)]
mod tests;
