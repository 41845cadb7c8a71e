//! Two reports or two profiles beside each other: what became better, what worse, what is new, and
//! where two implementations differ in what the protocol's text leaves open.

mod read;
mod write;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

pub use read::{ReadError, read};

use super::observed::{timeless, words};
use super::profile;
use crate::outcome::Verdict;

/// One side of a comparison.
#[derive(Clone, Debug)]
pub struct Side {
    /// What the user calls it: the run's label, else the target.
    pub name: String,
    /// `server` or `client`.
    pub role: String,
    /// The hash of the suite it was made with.
    pub suite: String,
    /// Whether it accounts for verdicts, or (a profile) only for open points.
    pub judged: bool,
    /// What is known of each scenario.
    pub results: BTreeMap<String, Seen>,
}

/// What one side knows of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Its verdict.
    pub verdict: Verdict,
    /// A failure that a known-failing list excuses.
    pub known: bool,
    /// Rule, expectation and what was seen instead, where something did not hold.
    pub failure: Option<(String, String, String)>,
    /// Why it was not judged.
    pub reason: Option<String>,
    /// What a probe saw.
    pub observed: Option<Value>,
}

/// How one scenario changed, or how two implementations differ in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The scenario.
    pub id: String,
    /// The value it ran with, where it runs once a value.
    pub with: Option<String>,
    /// What A says.
    pub a: Option<String>,
    /// What B says.
    pub b: Option<String>,
}

/// A comparison. Each list is sorted by id.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diff {
    /// What A is called.
    pub a: String,
    /// What B is called.
    pub b: String,
    /// The two were made with different suites.
    pub suites_differ: bool,
    /// Broken in B and not, or not as badly, in A.
    pub worse: Vec<Change>,
    /// Broken in A and not, or not as badly, in B.
    pub better: Vec<Change>,
    /// Broken in both, but not in the same way.
    pub changed: Vec<Change>,
    /// Judged in A and not in B.
    pub unjudged: Vec<Change>,
    /// Judged in B and not in A.
    pub judged: Vec<Change>,
    /// Open points in which the two differ.
    pub differs: Vec<Change>,
    /// Only in B.
    pub new: Vec<Change>,
    /// Only in A.
    pub gone: Vec<Change>,
    /// How many are the same on both sides.
    pub same: usize,
}

/// How bad a verdict is for the target: none, where it was not judged.
fn badness(seen: &Seen) -> Option<u8> {
    match seen.verdict {
        Verdict::Pass | Verdict::Info => Some(0),
        Verdict::Warn => Some(1),
        Verdict::Fail => Some(2),
        Verdict::Skip | Verdict::Inconclusive | Verdict::Error => None,
    }
}

/// Compares B with A: what is `worse` is worse in B.
pub fn diff(a: &Side, b: &Side) -> Diff {
    let mut diff = Diff {
        a: a.name.clone(),
        b: b.name.clone(),
        suites_differ: a.suite != b.suite,
        ..Diff::default()
    };
    let ids: std::collections::BTreeSet<&String> =
        a.results.keys().chain(b.results.keys()).collect();
    for id in ids {
        match (a.results.get(id), b.results.get(id)) {
            (Some(a), Some(b)) => diff.both(id, a, b),
            (Some(seen), None) => diff.only_in_a(id, seen, b),
            (None, Some(seen)) => diff.only_in_b(id, seen, a),
            (None, None) => {}
        }
    }
    diff
}

impl Diff {
    /// Whether B is worse than A anywhere.
    pub fn is_worse(&self) -> bool {
        !self.worse.is_empty()
    }

    /// Whether there is nothing to tell.
    pub fn is_same(&self) -> bool {
        let lists = [
            &self.worse,
            &self.better,
            &self.changed,
            &self.unjudged,
            &self.judged,
            &self.differs,
            &self.new,
            &self.gone,
        ];
        lists.iter().all(|list| list.is_empty())
    }

    fn both(&mut self, id: &str, a: &Seen, b: &Seen) {
        let change = || change(id, Some(a), Some(b));
        match (badness(a), badness(b)) {
            (Some(was), Some(is)) if is > was => self.worse.push(change()),
            (Some(was), Some(is)) if is < was => self.better.push(change()),
            (None, Some(is)) if is > 0 => self.worse.push(change()),
            (Some(_), None) => self.unjudged.push(change()),
            (None, Some(_)) => self.judged.push(change()),
            (None, None) => self.same += 1,
            (Some(_), Some(_)) if !same_failure(a, b) => self.changed.push(change()),
            (Some(_), Some(_)) => self.observed(id, a, b),
        }
    }

    fn observed(&mut self, id: &str, a: &Seen, b: &Seen) {
        let plain = |seen: &Seen| seen.observed.as_ref().map(timeless);
        if plain(a) == plain(b) {
            self.same += 1;
        } else {
            self.differs.push(change(id, Some(a), Some(b)));
        }
    }

    /// What the watch and the preflight found is told only where it was found.
    fn only_in_a(&mut self, id: &str, seen: &Seen, b: &Side) {
        let change = change(id, Some(seen), None);
        if is_finding(id) && b.judged {
            self.better.push(change);
        } else {
            self.gone.push(change);
        }
    }

    fn only_in_b(&mut self, id: &str, seen: &Seen, a: &Side) {
        let change = change(id, None, Some(seen));
        if is_finding(id) && a.judged && badness(seen).is_some_and(|bad| bad > 0) {
            self.worse.push(change);
        } else {
            self.new.push(change);
        }
    }
}

/// Results that exist only where something is broken.
fn is_finding(id: &str) -> bool {
    id.starts_with("watch/") || id == "preflight"
}

/// The same rule broken in the same way; numbers in it may differ, as times do.
fn same_failure(a: &Seen, b: &Seen) -> bool {
    let plain = |seen: &Seen| {
        seen.failure.as_ref().map(|(rule, expected, actual)| {
            let actual: String = actual.chars().filter(|c| !c.is_ascii_digit()).collect();
            (rule.clone(), expected.clone(), actual)
        })
    };
    let codes = |seen: &Seen| {
        seen.failure
            .as_ref()
            .and_then(|(_, _, actual)| actual.strip_prefix("close "))
            .map(|rest| rest.split(' ').next().unwrap_or_default().to_owned())
    };
    plain(a) == plain(b) && codes(a) == codes(b)
}

fn change(id: &str, a: Option<&Seen>, b: Option<&Seen>) -> Change {
    Change {
        id: id.to_owned(),
        with: profile::with(id),
        a: a.map(said),
        b: b.map(said),
    }
}

/// What one side says of a scenario, not yet escaped.
fn said(seen: &Seen) -> String {
    let verdict = super::human::verdict_word(seen.verdict);
    let known = if seen.known { " (known)" } else { "" };
    let more = match (&seen.failure, &seen.observed, &seen.reason) {
        (Some((rule, expected, actual)), _, _) => {
            format!("{rule}: expected {expected}, got {actual}")
        }
        (None, Some(observed), _) => return words(observed),
        (None, None, Some(reason)) => reason.clone(),
        (None, None, None) => return format!("{verdict}{known}"),
    };
    format!("{verdict}{known}, {more}")
}

#[cfg(test)]
mod tests;
