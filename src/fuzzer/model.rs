//! What a right server's connections are in, from what a case has sent: the reference that moves are
//! chosen and written by. It knows what the text demands and nothing of the target.

use std::collections::BTreeSet;
use std::time::Duration;

use super::moves::Conn;
use super::values::Value;

/// Waits shorter than this share of the interval need no HEARTBEAT.
const IDLE_SHARE: f64 = 0.3;

/// How far a connection is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Not opened yet.
    #[default]
    Absent,
    /// HELLO has come.
    Greeted,
    /// The right HELLO_ACK has gone out.
    In,
    /// Something that the text leaves open has gone out: it may be closed, and nothing is judged.
    Unjudged,
    /// Closed.
    Over,
}

impl State {
    /// The state in a word.
    pub fn word(self) -> &'static str {
        match self {
            State::Absent => "absent",
            State::Greeted => "greeted",
            State::In => "in",
            State::Unjudged => "unjudged",
            State::Over => "over",
        }
    }
}

/// What is known of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) state: State,
    /// HEARTBEATs go out in the background.
    pub(super) beating: bool,
    /// HEARTBEAT_ACKs that are owed.
    pub(super) acks: u32,
    /// Nonces of the RESPONSEs that are owed.
    pub(super) nonces: Vec<Value>,
    /// WebSocket PINGs and PONGs so far.
    pub(super) pings: u32,
    /// Milliseconds of waiting since the last HEARTBEAT.
    idle_ms: f64,
    /// A line was written behind which nothing is judged.
    pub(super) ignored: bool,
    /// The server's close frame has come, and nobody has looked at what comes behind it.
    pub(super) closing: bool,
}

/// What is known of a case's connections.
#[derive(Clone, Debug)]
pub(super) struct Model {
    conns: [Known; 6],
    interval_ms: f64,
}

impl Model {
    pub(super) fn new(interval: Duration) -> Model {
        Model {
            conns: Default::default(),
            interval_ms: interval.as_secs_f64() * 1e3,
        }
    }

    pub(super) fn of(&self, conn: Conn) -> &Known {
        &self.conns[conn.0 % self.conns.len()]
    }

    pub(super) fn of_mut(&mut self, conn: Conn) -> &mut Known {
        &mut self.conns[conn.0 % self.conns.len()]
    }

    /// The connections in this state.
    pub(super) fn in_state(&self, state: State) -> impl Iterator<Item = Conn> + '_ {
        self.conns
            .iter()
            .enumerate()
            .filter(move |(_, known)| known.state == state)
            .map(|(at, _)| Conn(at))
    }

    /// Milliseconds of so many intervals.
    pub(super) fn intervals(&self, count: f64) -> f64 {
        count * self.interval_ms
    }

    /// Whether so much waiting needs no HEARTBEAT on a connection.
    fn affords(&self, known: &Known, wait_ms: f64) -> bool {
        known.beating || known.idle_ms + wait_ms <= IDLE_SHARE * self.interval_ms
    }

    /// Connections whose HEARTBEATs have to go out in the background before so much waiting.
    pub(super) fn starving(&self, wait_ms: f64) -> Vec<Conn> {
        self.in_state(State::In)
            .filter(|conn| !self.affords(self.of(*conn), wait_ms))
            .collect()
    }

    /// Whether a connection without authentication would be kept waiting: how long it may be is open.
    pub(super) fn keeps_strangers_waiting(&self, wait_ms: f64) -> bool {
        self.in_state(State::Greeted)
            .any(|conn| !self.affords(self.of(conn), wait_ms))
    }

    /// So much time is waited.
    pub(super) fn wait(&mut self, wait_ms: f64) {
        for known in &mut self.conns {
            known.idle_ms += wait_ms;
        }
    }

    /// A HEARTBEAT went out.
    pub(super) fn beat(&mut self, conn: Conn) {
        self.of_mut(conn).idle_ms = 0.0;
    }

    /// Whether a nonce is on its way on a connection. What two spellings of one value are, others know:
    /// this errs on the side of yes.
    pub(super) fn in_flight(&self, conn: Conn, nonce: &Value) -> bool {
        let seen: BTreeSet<String> = self.of(conn).nonces.iter().map(|n| key(&n.text)).collect();
        seen.contains(&key(&nonce.text))
    }
}

/// A value as `serde_json` writes it, with its numbers as doubles: values that are equal have one key.
fn key(text: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => doubles(value).to_string(),
        Err(_) => text.to_owned(),
    }
}

fn doubles(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::Number(number) => number.as_f64().map_or(Json::Null, Json::from),
        Json::Array(items) => items.into_iter().map(doubles).collect(),
        Json::Object(members) => Json::Object(
            members
                .into_iter()
                .map(|(name, value)| (name, doubles(value)))
                .collect(),
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzer::values::Family;

    fn value(text: &str) -> Value {
        Value {
            text: text.to_owned(),
            family: Family::Number,
        }
    }

    #[test]
    fn one_value_in_two_spellings_is_in_flight_once() {
        let mut model = Model::new(Duration::from_secs(1));
        model
            .of_mut(Conn(0))
            .nonces
            .push(value("{\"b\":1.0,\"a\":[1e2]}"));
        assert!(model.in_flight(Conn(0), &value("{\"a\":[100],\"b\":1}")));
        assert!(!model.in_flight(Conn(0), &value("{\"a\":[100],\"b\":2}")));
        assert!(!model.in_flight(Conn(1), &value("{\"a\":[100],\"b\":1}")));
    }

    #[test]
    fn waits_add_up_until_a_heartbeat() {
        let mut model = Model::new(Duration::from_secs(1));
        model.of_mut(Conn(1)).state = State::In;
        model.wait(200.0);
        assert_eq!(model.starving(200.0), [Conn(1)]);
        model.beat(Conn(1));
        assert!(model.starving(200.0).is_empty());
        model.of_mut(Conn(1)).beating = true;
        assert!(model.starving(5000.0).is_empty());
        model.of_mut(Conn(0)).state = State::Greeted;
        assert!(model.keeps_strangers_waiting(200.0));
    }
}
