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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_waits_until_it_is_answered_and_is_known_ever_after() {
        let mut requests = Requests::default();
        assert!(requests.asked("1".into()) && requests.asked("2".into()));
        assert!(!requests.asked("1".into()), "in flight");
        assert_eq!(requests.in_flight(), 3);
        assert!(requests.knows("1") && !requests.knows("3"));
        let answers = ["1", "1", "1", "3"].map(|key| requests.answered(key));
        let [first, second, third, other] = answers;
        assert_eq!([first, second], [Answer::Expected, Answer::Expected]);
        assert_eq!([third, other], [Answer::Again, Answer::Unknown]);
        assert_eq!(requests.in_flight(), 1);
        assert!(requests.knows("1") && requests.asked("1".into()));
    }

    #[test]
    fn only_so_many_answered_nonces_are_remembered() {
        let mut requests = Requests::default();
        for number in 0..=REMEMBERED {
            requests.asked(number.to_string());
            assert_eq!(requests.answered(&number.to_string()), Answer::Expected);
        }
        assert_eq!(requests.answered("0"), Answer::Again);
        assert_eq!(
            requests.answered(&(REMEMBERED - 1).to_string()),
            Answer::Again
        );
        assert_eq!(requests.answered(&REMEMBERED.to_string()), Answer::Unknown);
    }

    #[test]
    fn a_stray_answer_may_be_a_dispatchs_where_nothing_waits_or_it_has_no_nonce() {
        let null = super::super::key::key(&Json::Null);
        let mut requests = Requests::default();
        assert!(!requests.may_answer_dispatch(&null) && !requests.may_answer_dispatch("1"));
        requests.dispatched();
        assert!(requests.may_answer_dispatch(&null) && requests.may_answer_dispatch("1"));
        requests.asked("2".into());
        assert!(requests.may_answer_dispatch(&null) && !requests.may_answer_dispatch("1"));
    }
}
