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
