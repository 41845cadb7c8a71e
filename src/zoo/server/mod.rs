//! The members: servers with one defect each, and right ones that look different.

mod answers;
mod auth;
mod beats;
mod closes;
mod crash;
mod dialect;
mod gate;
mod hello;
mod nonce;
mod packets;
mod requests;
mod right;
mod state;
mod timers;

use std::sync::Arc;

use super::bend::{Bend, Plain};
use super::wire::{AS_IS, Wire};
use super::world::World;
use crate::protocol::rules::{self, Level};
use crate::reference::server::{ServerConfig, Talk};

/// A server of the zoo.
#[derive(Clone, Copy)]
pub struct Member {
    /// Its name, words with hyphens between them.
    pub name: &'static str,
    /// The rule it breaks; none for a variant, which is right.
    pub rule: Option<&'static str>,
    /// What it does, in one sentence.
    pub sentence: &'static str,
    /// Breaks only the part of the rule that is a "should".
    pub(super) weaker: bool,
    /// It asks its clients, so that it is for the bidirectional dialect.
    pub asks: bool,
    pub(super) bend: fn(&Arc<World>, usize) -> Box<dyn Bend>,
    pub(super) wire: Wire,
    pub(super) config: Option<fn(&mut ServerConfig)>,
}

impl Member {
    const fn new(name: &'static str, rule: Option<&'static str>, sentence: &'static str) -> Member {
        Member {
            name,
            rule,
            sentence,
            weaker: false,
            asks: false,
            bend: |_, _| Box::new(Plain),
            wire: AS_IS,
            config: None,
        }
    }

    /// Breaks only the weaker part of its rule.
    const fn weaker(self) -> Member {
        Member {
            weaker: true,
            ..self
        }
    }

    const fn bend(self, bend: fn(&Arc<World>, usize) -> Box<dyn Bend>) -> Member {
        Member { bend, ..self }
    }

    const fn wire(self, wire: Wire) -> Member {
        Member { wire, ..self }
    }

    const fn config(self, config: fn(&mut ServerConfig)) -> Member {
        Member {
            config: Some(config),
            ..self
        }
    }

    /// Asks its clients twice an interval.
    const fn asks(self) -> Member {
        Member {
            asks: true,
            config: Some(|config| {
                config.talk = Some(Talk::every(config.hb_interval.duration() / 2));
            }),
            ..self
        }
    }

    /// Whether what it breaks is a "should", so that a warning is all it deserves.
    pub fn breaks_should(&self) -> bool {
        let should = |rule| rules::find(rule).is_some_and(|rule| rule.level == Level::Should);
        self.weaker || self.rule.is_some_and(should)
    }
}

/// A defect that breaks this rule.
const fn defect(name: &'static str, rule: &'static str, sentence: &'static str) -> Member {
    Member::new(name, Some(rule), sentence)
}

/// A defect of a server that asks its clients.
const fn asking(name: &'static str, rule: &'static str, sentence: &'static str) -> Member {
    defect(name, rule, sentence).asks()
}

/// A right variant.
const fn variant(name: &'static str, sentence: &'static str) -> Member {
    Member::new(name, None, sentence)
}

/// The defects, those of one area together.
pub fn all() -> impl Iterator<Item = &'static Member> {
    [
        hello::DEFECTS,
        auth::DEFECTS,
        gate::DEFECTS,
        beats::DEFECTS,
        timers::DEFECTS,
        nonce::DEFECTS,
        requests::DEFECTS,
        answers::DEFECTS,
        packets::DEFECTS,
        closes::DEFECTS,
        state::DEFECTS,
        crash::DEFECTS,
        dialect::DEFECTS,
    ]
    .into_iter()
    .flatten()
}

/// The right variants.
pub fn variants() -> impl Iterator<Item = &'static Member> {
    right::VARIANTS.iter()
}

/// The defect of that name.
pub fn find(name: &str) -> Option<&'static Member> {
    all().find(|member| member.name == name)
}

/// The right variant of that name.
pub fn find_variant(name: &str) -> Option<&'static Member> {
    variants().find(|member| member.name == name)
}
