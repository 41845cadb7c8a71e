//! Which requests of a connection wait for their answer, and which have had it.

use std::collections::{HashMap, HashSet};

use crate::protocol::json::Json;

/// How many answered nonces are remembered to tell a second answer from an unasked one.
const REMEMBERED: usize = 65_536;

/// The requests of one connection, by nonce key.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    open: HashMap<String, u32>,
    in_flight: usize,
    answered: HashSet<String>,
    dispatches: u64,
}

/// What a RESPONSE turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The answer to an open request.
    Expected,
    /// Its request has been answered before.
    Again,
    /// No request of this connection has that nonce.
    Unknown,
}

impl Requests {
    /// A REQUEST went out. Returns false when its nonce is in flight already.
    pub(crate) fn asked(&mut self, key: String) -> bool {
        self.in_flight += 1;
        let count = self.open.entry(key).or_insert(0);
        *count += 1;
        *count == 1
    }

    /// A DISPATCH went out.
    pub(crate) fn dispatched(&mut self) {
        self.dispatches += 1;
    }

    /// A RESPONSE came.
    pub(crate) fn answered(&mut self, key: &str) -> Answer {
        if let Some(count) = self.open.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(key);
            }
            self.in_flight -= 1;
            if self.answered.len() < REMEMBERED {
                self.answered.insert(key.to_owned());
            }
            return Answer::Expected;
        }
        if self.answered.contains(key) {
            Answer::Again
        } else {
            Answer::Unknown
        }
    }

    /// How many wait for an answer.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether a request with this nonce was ever sent here.
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.open.contains_key(key) || self.answered.contains(key)
    }

    /// Whether a RESPONSE with this nonce, which is that of no REQUEST, looks like the answer to a
    /// DISPATCH: no REQUEST waits, or the nonce is the null that stands for a missing one.
    pub(crate) fn may_answer_dispatch(&self, key: &str) -> bool {
        self.dispatches > 0 && (self.in_flight == 0 || key == super::key::key(&Json::Null))
    }
}
