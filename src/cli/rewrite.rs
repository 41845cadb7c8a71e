//! `--write-known-failing`: what failed now as a list of known failures. Entries that still hold,
//! or that this run did not judge, stay as they are.

use jiff::civil::Date;

use crate::outcome::{ExpectedStatus, KnownStatus, ScenarioResult, Verdict};
use crate::report::Record;
use crate::runner::Known;

/// An entry as it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Written {
    id: String,
    rule: String,
    text: Option<String>,
    reason: String,
    expires: Option<String>,
}

/// The new list. `old` holds what is listed so far; `names` tells what a result's id goes by.
pub(super) fn list(
    record: &Record,
    old: &[Known],
    names: impl Fn(&str) -> Vec<String>,
    today: Date,
) -> String {
    let named = |known: &Known, result: &ScenarioResult| {
        known.names(names(&result.id).iter().map(String::as_str))
    };
    let fits = |known: &Known, result: &ScenarioResult| {
        matches!(result.verdict, Verdict::Fail | Verdict::Warn)
            && named(known, result)
            && result
                .failure
                .as_ref()
                .is_some_and(|failure| known.speaks_of(failure))
    };
    let mut entries: Vec<Written> = Vec::new();
    let mut covered: Vec<&str> = Vec::new();
    for known in old {
        let hits: Vec<&ScenarioResult> = record.results.iter().filter(|r| fits(known, r)).collect();
        covered.extend(hits.iter().map(|result| result.id.as_str()));
        let passes = |result: &ScenarioResult| {
            result.verdict == Verdict::Pass
                && result.rules.contains(&known.rule)
                && named(known, result)
        };
        let whole = !known.expired && !record.results.iter().any(passes);
        match hits.as_slice() {
            [] if !was_judged(record, known, |result| named(known, result)) => {
                entries.push(as_it_is(known))
            }
            [] => {}
            _ if whole => entries.push(as_it_is(known)),
            hits => entries.extend(hits.iter().map(|result| narrowed(known, result, today))),
        }
    }
    for result in record.results.iter().filter(|r| r.verdict == Verdict::Fail) {
        let flaky = result
            .expected
            .as_ref()
            .is_some_and(|expected| expected.status == ExpectedStatus::Flaky);
        if !flaky && !covered.contains(&result.id.as_str()) {
            entries.extend(seen(result, today));
        }
    }
    entries.sort();
    entries.dedup();
    render(&entries)
}

/// Whether the run judged something that the entry names.
fn was_judged(record: &Record, known: &Known, named: impl Fn(&ScenarioResult) -> bool) -> bool {
    let judged = [Verdict::Pass, Verdict::Info, Verdict::Warn, Verdict::Fail];
    let stale = record.known.iter().any(|entry| {
        (&entry.file, entry.line) == (&known.file, known.line) && entry.status == KnownStatus::Stale
    });
    let mut results = record.results.iter();
    stale || results.any(|result| judged.contains(&result.verdict) && named(result))
}

fn as_it_is(known: &Known) -> Written {
    Written {
        id: known.id.clone(),
        rule: known.rule.clone(),
        text: known.text.clone(),
        reason: known.reason.clone(),
        expires: known.expires.clone(),
    }
}

/// An entry for one of the results that an old entry spoke of, which as a whole holds no more.
fn narrowed(known: &Known, result: &ScenarioResult, today: Date) -> Written {
    let (reason, expires) = match &known.expires {
        Some(day) if known.expired => {
            let again = format!(
                "{} (listed until {day}; as seen again on {today})",
                known.reason
            );
            (again, None)
        }
        expires => (known.reason.clone(), expires.clone()),
    };
    Written {
        id: globset::escape(&result.id),
        rule: known.rule.clone(),
        text: known.text.clone(),
        reason,
        expires,
    }
}

/// An entry for a failure that nobody listed.
fn seen(result: &ScenarioResult, today: Date) -> Option<Written> {
    let failure = result.failure.as_ref()?;
    let rate = result.triage.as_ref().and_then(|triage| {
        let label = triage.label?.as_str();
        Some(format!(" ({label}, {})", triage.rate))
    });
    Some(Written {
        id: globset::escape(&result.id),
        rule: failure.rule.clone(),
        text: close_code(&failure.actual),
        reason: format!("as seen on {today}{}", rate.unwrap_or_default()),
        expires: None,
    })
}

/// A close's code is the same in every run; most of what else is seen has times or nonces in it.
fn close_code(actual: &str) -> Option<String> {
    let code = actual.strip_prefix("close ")?.get(..4)?;
    let digits = code.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| format!("close {code}"))
}

fn render(entries: &[Written]) -> String {
    let mut out = String::from(
        "# Failures that are known. Each is bound to its rule and text: anything else still fails.\n",
    );
    let quote = |text: &str| toml::Value::from(text).to_string();
    for entry in entries {
        out.push_str("\n[[known]]\n");
        out.push_str(&format!("id = {}\n", quote(&entry.id)));
        out.push_str(&format!("rule = {}\n", quote(&entry.rule)));
        if let Some(text) = &entry.text {
            out.push_str(&format!("text = {}\n", quote(text)));
        }
        out.push_str(&format!("reason = {}\n", quote(&entry.reason)));
        if let Some(expires) = &entry.expires {
            out.push_str(&format!("expires = {expires}\n"));
        }
    }
    out
}
