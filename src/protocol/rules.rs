//! The catalogue of rules: public ids, levels and one sentence each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod client;
mod open;
mod server;

/// How binding a rule is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The text states it without a way out. Broken: `fail`.
    Must,
    /// The text says "should", or it follows by a reasonable reading. Broken: `warn`.
    Should,
    /// The text says nothing: recorded, never judged.
    Open,
}

/// Whom a rule binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleOf {
    /// The side that accepts connections.
    Server,
    /// The side that opens them.
    Client,
}

/// One rule of the catalogue. Its id is public and never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its id, for example `auth.gate-request`.
    pub id: &'static str,
    /// How binding it is.
    pub level: Level,
    /// Whom it binds.
    pub role: RoleOf,
    /// The rule in one sentence; for an open point, what is observed.
    pub sentence: &'static str,
    /// The part of the rule that is only a "should", where the whole is a "must".
    pub should: Option<&'static str>,
    /// Holds in the bidirectional dialect only.
    pub dialect: bool,
}

impl Rule {
    const fn new(id: &'static str, level: Level, role: RoleOf, sentence: &'static str) -> Rule {
        Rule {
            id,
            level,
            role,
            sentence,
            should: None,
            dialect: false,
        }
    }
}

/// Every rule: the server's, the client's, then what is open for either; groups together.
pub fn all() -> &'static [Rule] {
    ALL
}

/// The rule of that id.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id)
}

/// Ids that somebody who wrote `id` may have meant, the nearest first, at most three.
pub fn near(id: &str) -> Vec<&'static str> {
    let mut near: Vec<_> = ALL
        .iter()
        .map(|rule| (distance(id, rule.id), rule.id))
        .filter(|(distance, rule)| *distance <= 2.max(rule.len() / 4))
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, rule)| rule).collect()
}

/// How far a word is from an id: typing mistakes, or none if only the group is missing.
fn distance(word: &str, id: &str) -> usize {
    let bare = id.split_once('.').map_or(id, |(_, bare)| bare);
    if word == bare {
        0
    } else {
        strsim::damerau_levenshtein(word, id)
    }
}

const COUNT: usize =
    server::RULES.len() + client::RULES.len() + open::SERVER.len() + open::CLIENT.len();

static ALL: &[Rule] = &{
    let parts: [&[Rule]; 4] = [server::RULES, client::RULES, open::SERVER, open::CLIENT];
    let mut all = [server::RULES[0]; COUNT];
    let (mut part, mut count) = (0, 0);
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].len() {
            all[count] = parts[part][index];
            index += 1;
            count += 1;
        }
        part += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_catalogue_is_complete_and_every_id_is_there_once() {
        let count = |level, role| {
            all()
                .iter()
                .filter(|rule| rule.level == level && rule.role == role)
                .count()
        };
        assert_eq!(
            count(Level::Must, RoleOf::Server) + count(Level::Should, RoleOf::Server),
            30
        );
        assert_eq!(
            count(Level::Must, RoleOf::Client) + count(Level::Should, RoleOf::Client),
            16
        );
        assert_eq!(count(Level::Open, RoleOf::Server), 29);
        assert_eq!(count(Level::Open, RoleOf::Client), 14);
        let ids: HashSet<_> = all().iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), all().len());
    }

    #[test]
    fn the_longer_an_id_the_more_mistakes_are_forgiven() {
        assert_eq!(near("auth.rejekt"), ["auth.reject"]);
        assert_eq!(near("only-heartbeats"), ["heartbeat.only-heartbeats"]);
        // Four mistakes in 25 letters, and then twice as many.
        assert_eq!(
            near("hartbeat.onlyheartbaet"),
            ["heartbeat.only-heartbeats"]
        );
        assert!(near("hrtbat.onlyhrtbaet").is_empty());
    }

    #[test]
    fn levels_and_roles_follow_from_the_groups() {
        for rule in all() {
            let (group, name) = rule.id.split_once('.').expect("an id is group.name");
            assert_eq!(rule.level == Level::Open, group == "open", "{}", rule.id);
            let of_client = group == "client" || name.starts_with("client-");
            assert_eq!(rule.role == RoleOf::Client, of_client, "{}", rule.id);
            assert!(
                rule.id
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-')),
                "{}",
                rule.id
            );
        }
        let should: Vec<_> = all()
            .iter()
            .filter(|rule| rule.should.is_some())
            .map(|rule| rule.id)
            .collect();
        assert_eq!(should, ["response.fields"]);
        let dialect: Vec<_> = all()
            .iter()
            .filter(|rule| rule.dialect)
            .map(|rule| rule.id)
            .collect();
        assert_eq!(dialect, ["dialect.bidirectional"]);
    }

    #[test]
    fn rules_of_one_group_stand_together() {
        let mut seen = HashSet::new();
        let mut last = ("", RoleOf::Server);
        for rule in all() {
            let group = (rule.id.split('.').next().unwrap(), rule.role);
            assert!(
                group == last || seen.insert(group),
                "{} stands apart from its group",
                rule.id
            );
            last = group;
        }
    }

    #[test]
    fn every_sentence_is_one_sentence() {
        for rule in all() {
            for sentence in [Some(rule.sentence), rule.should].into_iter().flatten() {
                assert!(
                    sentence.ends_with('.') && !sentence.contains(". "),
                    "{}: {sentence}",
                    rule.id
                );
                assert!(
                    sentence.starts_with(|first: char| first.is_uppercase()),
                    "{}: {sentence}",
                    rule.id
                );
                assert!(
                    !sentence.contains("  ") && sentence.len() < 240,
                    "{}: {sentence}",
                    rule.id
                );
            }
        }
    }

    #[test]
    fn rules_are_found_by_their_ids_and_only_by_them() {
        for rule in all() {
            assert_eq!(find(rule.id), Some(rule));
        }
        assert_eq!(find("auth"), None);
        assert_eq!(find("Auth.accept"), None);
    }

    #[test]
    fn mistyped_ids_find_what_was_meant() {
        assert_eq!(near("auth.acept"), ["auth.accept"]);
        assert_eq!(near("heartbeat.timout")[0], "heartbeat.timeout");
        assert_eq!(near("request.nonce_any"), ["request.nonce-any"]);
        assert_eq!(near("gate-request"), ["auth.gate-request"]);
        assert_eq!(near("depth")[0], "open.depth");
        assert_eq!(near("something else entirely"), [""; 0]);
    }
}
