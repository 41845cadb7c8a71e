//! Known failures and flaky scenarios: what a list says of each result, and what a run shows of
//! each entry.

use globset::{GlobBuilder, GlobMatcher};

use crate::outcome::{
    Expected, ExpectedStatus, Failure, KnownEntry, KnownStatus, List, ScenarioResult, Verdict,
};

/// One entry of a list. It is bound to its reason: it speaks of failures that break its rule and
/// hold its text, of no others.
#[derive(Clone, Debug)]
pub struct Known {
    /// The glob over ids, as it was written.
    pub id: String,
    /// The broken rule's id.
    pub rule: String,
    /// What must stand in what was expected or in what was seen.
    pub text: Option<String>,
    /// Why it is known.
    pub reason: String,
    /// The last day on which it excuses, `YYYY-MM-DD`.
    pub expires: Option<String>,
    /// That day is over.
    pub expired: bool,
    /// The list's file.
    pub file: String,
    /// The entry's line, from 1.
    pub line: u32,
    /// Reads `id`; see [`known_glob`].
    pub glob: GlobMatcher,
}

/// The lists of a run.
#[derive(Clone, Debug, Default)]
pub struct KnownLists {
    /// What fails, and must fail until its entry is gone.
    pub failing: Vec<Known>,
    /// What may fail or pass.
    pub flaky: Vec<Known>,
}

/// A glob as an entry's `id` means it: over whole ids, `*` crosses `/` as it does in `--filter`.
pub fn known_glob(id: &str) -> Result<GlobMatcher, globset::Error> {
    let glob = GlobBuilder::new(id).literal_separator(false).build()?;
    Ok(glob.compile_matcher())
}

impl Known {
    /// Whether it names a result that goes by these names: the id, the scenario's id without
    /// `#N`, ids that the scenario had before.
    pub fn names<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> bool {
        names.into_iter().any(|name| self.glob.is_match(name))
    }

    /// Whether a failure is the one that it speaks of.
    pub fn speaks_of(&self, failure: &Failure) -> bool {
        self.rule == failure.rule
            && self
                .text
                .as_ref()
                .is_none_or(|text| failure.actual.contains(text) || failure.expected.contains(text))
    }

    fn expected(&self, status: ExpectedStatus) -> Expected {
        Expected {
            status,
            reason: self.reason.clone(),
            expires: self.expires.clone(),
            file: self.file.clone(),
            line: self.line,
        }
    }
}

/// What came of one entry so far.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    judged: u32,
    failed: u32,
    passed: u32,
}

/// The lists of a run, with what came of each entry.
#[derive(Debug, Default)]
pub(crate) struct Book {
    entries: Vec<(List, Known, Tally)>,
}

impl Book {
    /// Flaky ones come first: what may pass is no unexpected pass.
    pub(crate) fn new(lists: &KnownLists) -> Book {
        let flaky = lists.flaky.iter().map(|known| (List::Flaky, known));
        let failing = lists.failing.iter().map(|known| (List::Failing, known));
        Book {
            entries: flaky
                .chain(failing)
                .map(|(list, known)| (list, known.clone(), Tally::default()))
                .collect(),
        }
    }

    /// Whether a list excuses a failure.
    pub(crate) fn excuses(&self, names: &[String], result: &ScenarioResult) -> bool {
        let failure = result.failure.as_ref();
        failure.is_some_and(|failure| {
            self.entries
                .iter()
                .any(|(_, known, _)| !known.expired && known.fits(names, failure))
        })
    }

    /// Writes into a result what the lists say of it, and into the lists what it says of them.
    pub(crate) fn enter(&mut self, names: &[String], result: &mut ScenarioResult) {
        let broken = matches!(result.verdict, Verdict::Fail | Verdict::Warn);
        if !broken && !matches!(result.verdict, Verdict::Pass | Verdict::Info) {
            return;
        }
        for (list, known, tally) in &mut self.entries {
            if !known.names(names.iter().map(String::as_str)) {
                continue;
            }
            tally.judged += 1;
            let failed = broken
                && result
                    .failure
                    .as_ref()
                    .is_some_and(|failure| known.speaks_of(failure));
            let passed = result.verdict == Verdict::Pass && result.rules.contains(&known.rule);
            tally.failed += u32::from(failed);
            tally.passed += u32::from(passed);
            let status = match (*list, failed, passed) {
                (_, false, false) => continue,
                (_, true, _) if known.expired => ExpectedStatus::Expired,
                (_, false, true) if known.expired => continue,
                (List::Flaky, ..) => ExpectedStatus::Flaky,
                (List::Failing, true, _) => ExpectedStatus::ExpectedFail,
                (List::Failing, false, true) => ExpectedStatus::UnexpectedPass,
            };
            // The first entry that says something counts, unless it only says that it is over.
            let open = result
                .expected
                .as_ref()
                .is_none_or(|known| known.status == ExpectedStatus::Expired);
            if open {
                result.expected = Some(known.expected(status));
            }
        }
    }

    /// Notes that everything with this name was judged: what such an entry still waits for does
    /// not come.
    pub(crate) fn judged_all(&mut self, is: impl Fn(&Known) -> bool) {
        for (_, known, tally) in &mut self.entries {
            if is(known) {
                tally.judged += 1;
            }
        }
    }

    /// What the run shows of each entry, sorted by list and line.
    pub(crate) fn close(self) -> Vec<KnownEntry> {
        let mut entries: Vec<KnownEntry> = self
            .entries
            .into_iter()
            .map(|(list, known, tally)| entry(list, known, tally))
            .collect();
        entries.sort_by_key(|entry| (entry.list == List::Flaky, entry.line));
        entries
    }
}

impl Known {
    fn fits(&self, names: &[String], failure: &Failure) -> bool {
        self.names(names.iter().map(String::as_str)) && self.speaks_of(failure)
    }
}

fn entry(list: List, known: Known, tally: Tally) -> KnownEntry {
    let status = match (list, tally) {
        _ if known.expired => KnownStatus::Expired,
        (_, Tally { judged: 0, .. }) => KnownStatus::NotJudged,
        (List::Flaky, _) => KnownStatus::Held,
        (List::Failing, Tally { passed: 1.., .. }) => KnownStatus::UnexpectedPass,
        (List::Failing, Tally { failed: 1.., .. }) => KnownStatus::Held,
        (List::Failing, _) => KnownStatus::Stale,
    };
    KnownEntry {
        list,
        file: known.file,
        line: known.line,
        id: known.id,
        rule: known.rule,
        text: known.text,
        reason: known.reason,
        expires: known.expires,
        status,
        failed: tally.failed,
        passed: tally.passed,
    }
}

#[cfg(test)]
mod tests;
