//! All that a run told, put together from its events: what every report is written from.

use std::cmp::Ordering;

use crate::event::{Ending, RunEvent, RunHeader};
use crate::outcome::{KnownEntry, Preflight, RuleResult, ScenarioResult, Summary, Triage};

/// A run as its events told it so far. Complete once [`RunEvent::RunFinished`] was taken; before
/// that it reads as an interrupted run.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What the run is about.
    pub header: RunHeader,
    /// What the preflight found; the default where it never ended.
    pub preflight: Preflight,
    /// The target's heartbeat interval in milliseconds, where HELLO gave one.
    pub hb_interval_ms: Option<u64>,
    /// How long the longest wait was to be, in milliseconds.
    pub longest_wait_ms: u64,
    /// How many scenarios were to be run.
    pub planned: u32,
    /// What came of each scenario, sorted by id (`#2` before `#10`).
    pub results: Vec<ScenarioResult>,
    /// What each rule comes to; empty before the end.
    pub rules: Vec<RuleResult>,
    /// The counts.
    pub summary: Summary,
    /// The entries of known-failing and known-flaky lists; empty before the end.
    pub known: Vec<KnownEntry>,
    /// How the run ended.
    pub ending: Ending,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
}

impl Record {
    /// A run of which nothing is known but its header.
    pub fn new(header: RunHeader) -> Record {
        Record {
            header,
            preflight: Preflight::default(),
            hb_interval_ms: None,
            longest_wait_ms: 0,
            planned: 0,
            results: Vec::new(),
            rules: Vec::new(),
            summary: Summary::default(),
            known: Vec::new(),
            ending: Ending::Interrupted,
            duration_ms: 0.0,
        }
    }

    /// Takes the next event.
    pub fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::RunStarted { header } => self.header = header.clone(),
            RunEvent::PreflightFinished {
                preflight,
                hb_interval_ms,
                longest_wait_ms,
                planned,
            } => {
                self.preflight = preflight.clone();
                self.hb_interval_ms = *hb_interval_ms;
                self.longest_wait_ms = *longest_wait_ms;
                self.planned = *planned;
            }
            RunEvent::ScenarioStarted { id: _ } => {}
            RunEvent::ScenarioFinished { result } => {
                self.summary.count(result);
                let at = self
                    .results
                    .partition_point(|r| by_id(&r.id, &result.id) != Ordering::Greater);
                self.results.insert(at, (**result).clone());
            }
            RunEvent::ScenarioTriaged { id, triage } => self.triaged(id, triage),
            RunEvent::RunFinished {
                ending,
                duration_ms,
                rules,
                summary,
                known,
            } => {
                self.ending = ending.clone();
                self.duration_ms = *duration_ms;
                self.rules = rules.clone();
                self.summary = summary.clone();
                self.known = known.clone();
            }
        }
    }

    fn triaged(&mut self, id: &str, triage: &Triage) {
        let at = self
            .results
            .partition_point(|r| by_id(&r.id, id) == Ordering::Less);
        if let Some(result) = self.results.get_mut(at).filter(|result| result.id == id) {
            result.triage = Some(triage.clone());
        }
    }

    /// Whether the run was asked for its preflight alone.
    pub fn only_preflight(&self) -> bool {
        self.header.options.get("preflight") == Some(&serde_json::Value::Bool(true))
    }

    /// How many scenarios have a result.
    pub fn total(&self) -> usize {
        self.results.len()
    }
}

/// Order of ids: by text, but runs of one scenario (`#N`) by number.
fn by_id(a: &str, b: &str) -> Ordering {
    let (a_base, a_run) = split_run(a);
    let (b_base, b_run) = split_run(b);
    a_base.cmp(b_base).then(a_run.cmp(&b_run)).then(a.cmp(b))
}

fn split_run(id: &str) -> (&str, u64) {
    match id.rsplit_once('#') {
        Some((base, run)) => match run.parse() {
            Ok(number) => (base, number),
            Err(_) => (id, 0),
        },
        None => (id, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn results_are_sorted_whatever_order_they_finish_in() {
        let mut record = Record::new(sample::header());
        for id in ["b#10", "b#2", "a", "b#1", "b/c"] {
            record.take(&sample::finished(sample::pass(id, "auth.accept")));
        }
        let ids: Vec<&str> = record.results.iter().map(|r| r.id.as_str()).collect();
        assert_eq!(ids, ["a", "b#1", "b#2", "b#10", "b/c"]);
    }

    #[test]
    fn without_its_end_a_run_counts_what_it_saw_and_reads_as_interrupted() {
        let mut record = Record::new(sample::header());
        record.take(&sample::finished(sample::pass("a", "auth.accept")));
        record.take(&sample::finished(sample::failure()));
        assert_eq!((record.summary.pass, record.summary.fail), (1, 1));
        assert_eq!(record.ending, Ending::Interrupted);
    }
}
