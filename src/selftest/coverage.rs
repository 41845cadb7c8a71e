//! What the suite covers: for each rule its scenarios and the defects that break it; and which
//! packet it sends in which state with which class of value in each field.
//!
//! The second is read off the scenarios' own text, by walking their steps: no target is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::examine::played_against;
use super::walk;
use crate::protocol::rules::{self, Level, RoleOf};
use crate::scenario::Scenario;
use crate::zoo::{self, Peer};

/// What the suite for one role covers.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// What the target is.
    pub role: RoleOf,
    /// Every rule that binds it.
    pub rules: Vec<RuleCover>,
    /// Every cell of state, packet, field and class of value.
    pub cells: Vec<Cell>,
    /// How many of the cells are reached.
    pub reached: usize,
}

/// What there is about a rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleCover {
    /// The rule's id.
    pub rule: &'static str,
    /// Its level.
    pub level: Level,
    /// The scenarios about it.
    pub scenarios: Vec<String>,
    /// The defects of the zoo that break it.
    pub defects: Vec<&'static str>,
}

impl RuleCover {
    /// Whether it can be broken: an open point cannot.
    pub fn judged(&self) -> bool {
        self.level != Level::Open
    }
}

/// One combination of state, packet, field and class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Where the connection stands when the packet is sent.
    pub state: State,
    /// The packet's name.
    pub packet: &'static str,
    /// The member.
    pub field: &'static str,
    /// What kind of value it has.
    pub class: Class,
    /// How many scenarios send it.
    pub scenarios: usize,
}

/// Where a connection stands, as far as the side that we play can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// HELLO has not been awaited, or not been sent.
    Open,
    /// HELLO has come, or gone.
    Greeted,
    /// The password has been given.
    Authenticated,
}

impl State {
    /// All states.
    pub const ALL: [State; 3] = [State::Open, State::Greeted, State::Authenticated];

    /// As it is shown.
    pub fn word(self) -> &'static str {
        match self {
            State::Open => "before HELLO",
            State::Greeted => "greeted",
            State::Authenticated => "authenticated",
        }
    }
}

/// Classes of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The member is not there.
    Absent,
    /// `null`
    Null,
    /// `true`, `false`
    Bool,
    /// An integer that every language holds.
    Integer,
    /// Another number: a fraction, or beyond 2^53.
    OddNumber,
    /// `""`
    EmptyString,
    /// ASCII.
    String,
    /// A string with something beyond ASCII, or a control character.
    WideString,
    /// `[]`
    EmptyList,
    /// A list.
    List,
    /// `{}`
    EmptyObject,
    /// An object.
    Object,
}

impl Class {
    /// All classes.
    pub const ALL: [Class; 12] = [
        Class::Absent,
        Class::Null,
        Class::Bool,
        Class::Integer,
        Class::OddNumber,
        Class::EmptyString,
        Class::String,
        Class::WideString,
        Class::EmptyList,
        Class::List,
        Class::EmptyObject,
        Class::Object,
    ];

    /// As it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Class::Absent => "absent",
            Class::Null => "null",
            Class::Bool => "bool",
            Class::Integer => "integer",
            Class::OddNumber => "odd number",
            Class::EmptyString => "empty string",
            Class::String => "string",
            Class::WideString => "wide string",
            Class::EmptyList => "empty list",
            Class::List => "list",
            Class::EmptyObject => "empty object",
            Class::Object => "object",
        }
    }
}

/// The packets and the members that they have.
pub(super) const FIELDS: [(u64, &str, &[&str]); 7] = [
    (0, "HELLO", &["hb_interval"]),
    (1, "HELLO_ACK", &["password"]),
    (2, "HEARTBEAT", &[]),
    (3, "HEARTBEAT_ACK", &[]),
    (4, "REQUEST", &["w", "a", "n"]),
    (5, "RESPONSE", &["n", "r"]),
    (6, "DISPATCH", &["w", "a"]),
];

/// A cell by what names it: state, packet, field, class.
pub(super) type Key = (State, &'static str, &'static str, Class);

/// Reads the coverage of a role off the suite.
pub fn coverage(suite: &[Arc<Scenario>], role: RoleOf) -> Coverage {
    let played = played_against(role);
    let suite: Vec<_> = suite.iter().filter(|s| s.role() == Some(played)).collect();
    let mut seen: BTreeMap<Key, BTreeSet<&str>> = BTreeMap::new();
    for scenario in &suite {
        for key in walk::sent(scenario, played) {
            seen.entry(key).or_default().insert(&scenario.id);
        }
    }
    let mut cells = Vec::new();
    for state in State::ALL {
        for (_, packet, fields) in FIELDS {
            // A packet without members of its own has one cell: that it is sent.
            let bare: &[&str] = if fields.is_empty() { &["op"] } else { fields };
            for field in bare {
                let classes: &[Class] = if fields.is_empty() {
                    &[Class::Integer]
                } else {
                    &Class::ALL
                };
                cells.extend(classes.iter().map(|&class| {
                    Cell {
                        state,
                        packet,
                        field,
                        class,
                        scenarios: seen
                            .get(&(state, packet, *field, class))
                            .map_or(0, BTreeSet::len),
                    }
                }));
            }
        }
    }
    let reached = cells.iter().filter(|cell| cell.scenarios > 0).count();
    Coverage {
        role,
        rules: rule_covers(&suite, role),
        cells,
        reached,
    }
}

fn rule_covers(suite: &[&Arc<Scenario>], role: RoleOf) -> Vec<RuleCover> {
    rules::all()
        .iter()
        .filter(|rule| rule.role == role)
        .map(|rule| RuleCover {
            rule: rule.id,
            level: rule.level,
            scenarios: suite
                .iter()
                .filter(|scenario| scenario.rules().contains(&rule.id))
                .map(|scenario| scenario.id.clone())
                .collect(),
            defects: zoo::defects()
                .filter(|peer| peer.rule() == Some(rule.id))
                .map(Peer::name)
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::library;

    #[test]
    fn every_rule_has_a_scenario_and_every_judged_one_a_defect() {
        for role in [RoleOf::Server, RoleOf::Client] {
            for cover in coverage(library::all(), role).rules {
                assert!(!cover.scenarios.is_empty(), "{}: no scenario", cover.rule);
                if cover.judged() {
                    assert!(!cover.defects.is_empty(), "{}: no defect", cover.rule);
                }
            }
        }
    }

    #[test]
    fn nonces_of_every_class_are_sent_to_an_authenticated_server() {
        let cells = coverage(library::all(), RoleOf::Server).cells;
        let reached = |field: &str, class: Class| {
            cells.iter().any(|cell| {
                cell.state == State::Authenticated
                    && cell.packet == "REQUEST"
                    && cell.field == field
                    && cell.class == class
                    && cell.scenarios > 0
            })
        };
        for class in Class::ALL {
            assert!(reached("n", class), "{}", class.word());
        }
    }

    #[test]
    fn answers_of_every_class_are_sent_to_a_client() {
        let cells = coverage(library::all(), RoleOf::Client).cells;
        for class in Class::ALL.into_iter().skip(1) {
            let reached = cells.iter().any(|cell| {
                (cell.state, cell.packet, cell.field, cell.class)
                    == (State::Authenticated, "RESPONSE", "r", class)
                    && cell.scenarios > 0
            });
            assert!(reached, "{}", class.word());
        }
    }
}
