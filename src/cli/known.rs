//! Lists of known failures and flaky scenarios: reading them, and writing what failed now.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use toml::de::{DeTable, DeValue};

use super::exit::Stop;
use super::near::{did_you_mean, near};
use super::quote::quoted;
use crate::protocol::rules;
use crate::runner::{Known, known_glob};
use crate::scenario::{Scenario, library};

/// The members of an entry.
const MEMBERS: [&str; 5] = ["id", "rule", "text", "reason", "expires"];

/// What the reading of a list leans on.
pub(super) struct Shelf<'s> {
    /// The scenarios of this run, the user's own among them.
    pub(super) scenarios: &'s [Arc<Scenario>],
    /// The day on which entries are over or not.
    pub(super) today: Date,
}

/// Today's date in UTC.
pub(super) fn today() -> Date {
    jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
}

/// Reads a list.
pub(super) fn read(path: &Path, shelf: &Shelf<'_>) -> Result<Vec<Known>, Stop> {
    let shown = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => parse(shown, text, shelf),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Stop::usage(format!("there is no list {shown}")))
        }
        Err(error) => Err(Stop::bad_input(format!("cannot read {shown}: {error}"))),
    }
}

/// Reads a list's text.
pub(super) fn parse(path: String, text: String, shelf: &Shelf<'_>) -> Result<Vec<Known>, Stop> {
    let list = ListFile { path, text };
    let table = DeTable::parse(&list.text)
        .map_err(|error| list.refuse(error.message(), error.span().unwrap_or(0..0), None))?;
    let mut all: Vec<Known> = Vec::new();
    for (key, value) in table.get_ref() {
        if key.get_ref() != "known" {
            let help = "a list is made of tables [[known]] with id, rule, text, reason, expires";
            let title = format!("unknown key {}", key.get_ref());
            return Err(list.refuse(&title, key.span(), Some(help)));
        }
        let DeValue::Array(entries) = value.get_ref() else {
            let help = "write [[known]], with two brackets, above each entry";
            return Err(list.refuse("known must be a list of tables", value.span(), Some(help)));
        };
        for entry in entries {
            let DeValue::Table(members) = entry.get_ref() else {
                return Err(list.refuse("an entry must be a table", entry.span(), None));
            };
            let known = list.entry(members, entry.span(), shelf)?;
            let twin = all.iter().find(|other| {
                (&other.id, &other.rule, &other.text) == (&known.id, &known.rule, &known.text)
            });
            if let Some(twin) = twin {
                let title = format!("the entry of line {} says the same", twin.line);
                return Err(list.refuse(&title, list.head(entry.span()), None));
            }
            all.push(known);
        }
    }
    all.sort_by_key(|known| known.line);
    Ok(all)
}

struct ListFile {
    path: String,
    text: String,
}

impl ListFile {
    fn refuse(&self, title: &str, span: Range<usize>, help: Option<&str>) -> Stop {
        Stop::bad_input(quoted(title, &self.path, &self.text, span, help))
    }

    /// The first line of an entry.
    fn head(&self, span: Range<usize>) -> Range<usize> {
        let rest = self.text.get(span.clone()).unwrap_or("");
        let line = rest.lines().next().unwrap_or("");
        span.start..span.start + line.len()
    }

    fn line(&self, at: usize) -> u32 {
        let before = self.text.as_bytes().iter().take(at);
        let newlines = before.filter(|byte| **byte == b'\n').count();
        u32::try_from(newlines + 1).unwrap_or(u32::MAX)
    }

    fn entry(
        &self,
        members: &DeTable<'_>,
        span: Range<usize>,
        shelf: &Shelf<'_>,
    ) -> Result<Known, Stop> {
        for (key, _) in members {
            let name: &str = key.get_ref();
            if !MEMBERS.contains(&name) {
                let help = did_you_mean(&near(name, MEMBERS))
                    .unwrap_or_else(|| format!("an entry has {}", MEMBERS.join(", ")));
                return Err(self.refuse(&format!("unknown key {name}"), key.span(), Some(&help)));
            }
        }
        let place = self.head(span.clone());
        let needed = |name: &str, help: &str| match self.string(members, name)? {
            Some(found) => Ok(found),
            None => Err(self.refuse(
                &format!("this entry has no {name}"),
                place.clone(),
                Some(help),
            )),
        };
        let (id, id_span) = needed(
            "id",
            "a glob over scenario ids, for example id = \"server/auth/wrong-password\"",
        )?;
        let (rule, rule_span) = needed(
            "rule",
            "the rule that the failure breaks, for example rule = \"auth.reject\"",
        )?;
        let (reason, reason_span) = needed(
            "reason",
            "say why it is known, for example reason = \"fixed in 2.1\"",
        )?;
        if reason.trim().is_empty() {
            return Err(self.refuse("the reason is empty", reason_span, None));
        }
        let glob = known_glob(&id).map_err(|error| {
            self.refuse(
                &format!("the id is no glob: {}", error.kind()),
                id_span.clone(),
                None,
            )
        })?;
        if let Some(problem) = unknown_id(&id, shelf) {
            return Err(self.refuse(
                &format!("no scenario has the id {id}"),
                id_span,
                problem.as_deref(),
            ));
        }
        if rules::find(&rule).is_none() && !rule.starts_with("x.") {
            let help = did_you_mean(&rules::near(&rule));
            return Err(self.refuse(
                &format!("there is no rule {rule}"),
                rule_span,
                help.as_deref(),
            ));
        }
        let text = self.string(members, "text")?;
        if let Some((text, span)) = &text
            && text.is_empty()
        {
            return Err(self.refuse(
                "an empty text binds nothing: leave it out",
                span.clone(),
                None,
            ));
        }
        let expires = self.date(members)?;
        Ok(Known {
            id,
            rule,
            text: text.map(|(text, _)| text),
            reason,
            expires: expires.map(|date| date.to_string()),
            expired: expires.is_some_and(|date| date < shelf.today),
            file: self.path.clone(),
            line: self.line(span.start),
            glob,
        })
    }

    fn string(
        &self,
        members: &DeTable<'_>,
        name: &str,
    ) -> Result<Option<(String, Range<usize>)>, Stop> {
        match members.get(name) {
            None => Ok(None),
            Some(value) => match value.get_ref() {
                DeValue::String(text) => Ok(Some((text.to_string(), value.span()))),
                _ => Err(self.refuse(&format!("{name} must be a string"), value.span(), None)),
            },
        }
    }

    /// A date of TOML's own, or one in quotes.
    fn date(&self, members: &DeTable<'_>) -> Result<Option<Date>, Stop> {
        let Some(value) = members.get("expires") else {
            return Ok(None);
        };
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(date) => date.to_string(),
            _ => String::new(),
        };
        let day = (text.len() == 10)
            .then(|| text.parse::<Date>().ok())
            .flatten();
        match day {
            Some(date) => Ok(Some(date)),
            None => {
                let help =
                    "the last day on which the entry excuses, for example expires = 2027-01-31";
                Err(self.refuse("expires must be a date", value.span(), Some(help)))
            }
        }
    }
}

/// What may help with an id that nothing can have; none where something can. A user's own
/// scenarios need not be at hand in every run.
fn unknown_id(id: &str, shelf: &Shelf<'_>) -> Option<Option<String>> {
    let own = id.starts_with("own/") || id.starts_with("preflight");
    let globs: Vec<_> = [Some(id), id.rsplit_once('#').map(|(base, _)| base)]
        .into_iter()
        .flatten()
        .filter_map(|text| known_glob(text).ok())
        .collect();
    let scenarios = shelf.scenarios.iter().chain(library::all());
    let mut names: Vec<String> = Vec::new();
    for scenario in scenarios {
        names.push(scenario.id.clone());
        names.extend(scenario.header.was.iter().map(|was| was.value.clone()));
    }
    names.extend(rules::all().iter().map(|rule| format!("watch/{}", rule.id)));
    names.push("preflight".to_owned());
    if own
        || names
            .iter()
            .any(|name| globs.iter().any(|glob| glob.is_match(name)))
    {
        return None;
    }
    let text = id.trim_matches('*');
    Some(did_you_mean(&near(text, names.iter().map(String::as_str))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Result<Vec<Known>, String> {
        let shelf = Shelf {
            scenarios: &[],
            today: jiff::civil::date(2026, 11, 23),
        };
        parse("known.toml".to_owned(), text.to_owned(), &shelf).map_err(|stop| stop.message)
    }

    #[test]
    fn an_entry_has_a_glob_a_rule_a_reason_and_maybe_text_and_a_last_day() {
        let text = "# why\n[[known]]\nid = 'server/auth/*'\nrule = 'auth.reject'\nreason = 'r'\n\n\
                    [[known]]\nid = 'watch/request.response'\nrule = 'request.response'\ntext = 'close'\n\
                    reason = 'r'\nexpires = 2026-11-22\n\n\
                    [[known]]\nid = 'server/request/nonce-simple#3'\nrule = 'request.nonce-any'\n\
                    reason = 'r'\nexpires = '2026-11-23'\n";
        let known = known(text).unwrap();
        let lines: Vec<u32> = known.iter().map(|known| known.line).collect();
        assert_eq!(lines, [2, 7, 14]);
        assert!(known[0].names(["server/auth/wrong-password"]));
        assert!(!known[0].names(["server/heartbeat/ack"]));
        let expired: Vec<bool> = known.iter().map(|known| known.expired).collect();
        assert_eq!(
            expired,
            [false, true, false],
            "the last day itself still counts"
        );
        assert_eq!(known[1].text.as_deref(), Some("close"));
        assert!(self::known("").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_quoted_with_its_place_and_what_may_help() {
        let entry =
            "[[known]]\nid = 'server/auth/wrong-password'\nrule = 'auth.reject'\nreason = 'r'\n";
        let cases = [
            ("[[known]\n", "known.toml:1:"),
            ("known = 3\n", "list of tables"),
            ("[[knwon]]\n", "unknown key knwon"),
            (&entry.replace("reason", "raeson"), "did you mean reason?"),
            (&entry.replace("auth.reject", "auth.rejct"), "auth.reject"),
            (
                &entry.replace("wrong-password", "wrong-pasword"),
                "server/auth/wrong-password",
            ),
            (&entry.replace("reason = 'r'", ""), "has no reason"),
            (&entry.replace("'r'", "' '"), "the reason is empty"),
            (&entry.replace("'r'", "3"), "reason must be a string"),
            (
                &format!("{entry}expires = 'soon'\n"),
                "expires must be a date",
            ),
            (
                &format!("{entry}expires = 2026-01-01T00:00:00Z\n"),
                "expires must be a date",
            ),
            (&format!("{entry}text = ''\n"), "binds nothing"),
            (&format!("{entry}{entry}"), "line 1 says the same"),
            (&entry.replace("server/auth/", "server/[auth/"), "no glob"),
        ];
        for (text, told) in cases {
            let error = known(text).unwrap_err();
            assert!(
                error.starts_with("error") && error.contains("known.toml:"),
                "{error}"
            );
            assert!(error.contains(told), "{told}: {error}");
        }
    }
}
