//! The client members: clients with one defect each, and right ones that look different. One
//! client of a member is a [`Keeper`].

mod again;
mod answers;
mod beats;
mod bend;
mod bends;
mod early;
mod greet;
mod keeper;
mod nonce;
mod packets;
mod rate;
mod resend;
mod right;
mod strangers;
mod world;

use std::sync::Arc;
use std::time::Duration;

use self::bend::{Bend, Plain};
use self::world::{Ended, World};
use super::wire::{AS_IS, Wire};
use crate::protocol::rules::{self, Level};
use crate::reference::client::ClientConfig;

pub use self::keeper::{Keeper, Running};

/// A client of the zoo.
#[derive(Clone, Copy)]
pub struct Member {
    /// Its name, words with hyphens between them.
    pub name: &'static str,
    /// The rule it breaks; none for a variant, which is right.
    pub rule: Option<&'static str>,
    /// What it does, in one sentence.
    pub sentence: &'static str,
    /// Whether it does what lines say. One that does not has business of its own.
    pub obeys: bool,
    /// It asks again what was in flight when its connection ended.
    resends: bool,
    bend: fn(&Arc<World>, usize) -> Box<dyn Bend>,
    /// The wait before its next connection; none: there is no next.
    again: fn(&Ended<'_>) -> Option<Duration>,
    wire: Wire,
    config: Option<fn(&mut ClientConfig)>,
}

impl Member {
    const fn new(name: &'static str, rule: Option<&'static str>, sentence: &'static str) -> Member {
        Member {
            name,
            rule,
            sentence,
            obeys: true,
            resends: false,
            bend: |_, _| Box::new(Plain),
            again: |ended| Some(ended.wait),
            wire: AS_IS,
            config: None,
        }
    }

    const fn bend(self, bend: fn(&Arc<World>, usize) -> Box<dyn Bend>) -> Member {
        Member { bend, ..self }
    }

    const fn again(self, again: fn(&Ended<'_>) -> Option<Duration>) -> Member {
        Member { again, ..self }
    }

    const fn wire(self, wire: Wire) -> Member {
        Member { wire, ..self }
    }

    const fn config(self, config: fn(&mut ClientConfig)) -> Member {
        Member {
            config: Some(config),
            ..self
        }
    }

    /// Whether what it breaks is a "should", so that a warning is all it deserves. (No rule for
    /// clients is a must in one part and a should in another.)
    pub fn breaks_should(&self) -> bool {
        let should = |rule| rules::find(rule).is_some_and(|rule| rule.level == Level::Should);
        self.rule.is_some_and(should)
    }
}

/// A defect that breaks this rule.
const fn defect(name: &'static str, rule: &'static str, sentence: &'static str) -> Member {
    Member::new(name, Some(rule), sentence)
}

/// A right variant.
const fn variant(name: &'static str, sentence: &'static str) -> Member {
    Member::new(name, None, sentence)
}

/// The defects, those of one area together.
pub fn all() -> impl Iterator<Item = &'static Member> {
    [
        early::DEFECTS,
        greet::DEFECTS,
        beats::DEFECTS,
        rate::DEFECTS,
        packets::DEFECTS,
        nonce::DEFECTS,
        answers::DEFECTS,
        strangers::DEFECTS,
        again::DEFECTS,
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
