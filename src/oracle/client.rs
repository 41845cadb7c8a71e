//! The watch in the client role: follows every connection of a client to us and tells what always
//! has to hold, from one connection to the next too.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Dialect;
use super::beats::early_by;
use super::breach::Breach;
use super::client_breach::ClientBreach;
use super::key::key;
use super::requests::{Answer, Requests};
use super::watch::{
    Finding, PLAIN_DEPTH, Received, Sent, asks_something, brief, interval, plain_op, plain_value,
};
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;

/// The least wait before a client connects again.
pub const RECONNECT_WAIT: Duration = Duration::from_secs(1);
/// So many HEARTBEATs in clearly less than one interval are too many.
const TOO_MANY: usize = 4;
/// Waits kept of one scenario.
const WAITS: usize = 4096;

/// How long a client may let its HEARTBEAT wait: the interval and a quarter of it, at the least
/// 250 ms, because timers and networks are late.
pub fn longest_gap(interval: Duration) -> Duration {
    interval.saturating_add((interval / 4).max(Duration::from_millis(250)))
}

/// One connection as the watch sees it.
#[derive(Debug)]
struct Conn {
    name: String,
    judged: bool,
    /// Its WebSocket is open.
    upgraded: bool,
    /// A message has come.
    heard: bool,
    /// When our HELLO's send began.
    hello: Option<Instant>,
    interval: Option<Duration>,
    /// Its HELLO_ACK has come, with a string.
    greeted: bool,
    /// Since when a HEARTBEAT is due: HELLO_ACK, then the last one.
    due_since: Option<Instant>,
    /// When the last few HEARTBEATs came.
    recent: VecDeque<Instant>,
    /// HEARTBEATs that we have not acknowledged.
    unacked: u64,
    requests: Requests,
    /// When either side began to end it.
    parted: Option<Instant>,
}

/// Watches all connections of one scenario against a client.
#[derive(Debug)]
pub struct ClientOracle {
    dialect: Dialect,
    conns: Vec<Conn>,
    waits: Vec<Duration>,
}

impl ClientOracle {
    /// A watch that has seen nothing.
    pub fn new(dialect: Dialect) -> ClientOracle {
        ClientOracle {
            dialect,
            conns: Vec::new(),
            waits: Vec::new(),
        }
    }

    /// The client's upgrade request is there, at `now`, on a connection that it opened at
    /// `accepted`. Returns the connection's index, and what is wrong with opening it now.
    pub fn opened(&mut self, name: &str, accepted: Instant, now: Instant) -> (usize, Vec<Finding>) {
        let conn = self.conns.len();
        let mut breaches = Vec::new();
        let open = |conn: &&Conn| conn.judged && conn.upgraded && conn.parted.is_none();
        if let Some(beside) = self.conns.iter().find(open) {
            breaches.push(ClientBreach::SecondConnection {
                beside: beside.name.clone(),
            });
        }
        if let Some(wait) = self.wait_until(accepted) {
            if self.waits.len() < WAITS {
                self.waits.push(wait);
            }
            if early_by(wait, RECONNECT_WAIT).is_some() {
                breaches.push(ClientBreach::ReconnectTooSoon { wait });
            }
        }
        self.conns.push(Conn {
            name: name.to_owned(),
            judged: true,
            upgraded: false,
            heard: false,
            hello: None,
            interval: None,
            greeted: false,
            due_since: None,
            recent: VecDeque::new(),
            unacked: 0,
            requests: Requests::default(),
            parted: None,
        });
        (conn, findings(conn, breaches, now))
    }

    /// How long before `accepted` the last connection ended; none when there was none, or when one
    /// still goes on.
    fn wait_until(&self, accepted: Instant) -> Option<Duration> {
        let ends: Option<Vec<Instant>> = self.conns.iter().map(|conn| conn.parted).collect();
        let last = ends?.into_iter().max()?;
        accepted.checked_duration_since(last)
    }

    /// The waits before each reconnection, in order.
    pub fn waits(&self) -> &[Duration] {
        &self.waits
    }

    /// A connection goes by another name from here on.
    pub fn rename(&mut self, conn: usize, name: &str) {
        name.clone_into(&mut self.conns[conn].name);
    }

    /// We have accepted the upgrade.
    pub fn upgraded(&mut self, conn: usize) {
        self.conns[conn].upgraded = true;
    }

    /// We began to end the connection at `started`.
    pub fn parted(&mut self, conn: usize, started: Instant) -> Vec<Finding> {
        let breach = self.conns[conn].part(started);
        self.told(conn, breach.into_iter().collect(), started)
    }

    /// From here on nothing on this connection is judged.
    pub fn ignore(&mut self, conn: usize) {
        self.conns[conn].judged = false;
    }

    /// Whether the client has answered HELLO on this connection.
    pub fn greeted(&self, conn: usize) -> bool {
        self.conns[conn].greeted
    }

    /// Whether any message has come on the connection.
    pub fn heard(&self, conn: usize) -> bool {
        self.conns[conn].heard
    }

    /// Whether the connection is still judged.
    pub fn judges(&self, conn: usize) -> bool {
        self.conns[conn].judged
    }

    /// The interval that our HELLO gave on this connection.
    pub fn interval(&self, conn: usize) -> Option<Duration> {
        self.conns[conn].interval
    }

    /// We sent something; its send began at `started`.
    pub fn sent(&mut self, conn: usize, sent: Sent<'_>, started: Instant) -> Vec<Finding> {
        match sent {
            Sent::Control => Vec::new(),
            Sent::Close => self.parted(conn, started),
            Sent::Bent => {
                let breach = self.conns[conn].gap(started, true);
                let found = self.told(conn, breach.into_iter().collect(), started);
                self.conns[conn].judged = false;
                found
            }
            Sent::Packet { packet, size } => {
                let dialect = self.dialect;
                let conn = &mut self.conns[conn];
                conn.judged &= conn.we_say(packet, size, started, dialect);
                Vec::new()
            }
        }
    }

    /// We received something at `at`.
    pub fn received(&mut self, conn: usize, received: Received<'_>, at: Instant) -> Vec<Finding> {
        let watched = &mut self.conns[conn];
        let mut breaches = Vec::new();
        match received {
            Received::Packet { packet, .. } => {
                watched.heard = true;
                watched.hears(packet, at, self.dialect, &mut breaches);
            }
            Received::NotJson { why, .. } => {
                watched.heard = true;
                let got = why.to_owned();
                breaches.push(match watched.hello {
                    None => ClientBreach::BeforeHello { got },
                    Some(_) => ClientBreach::NotFromClient { got },
                });
            }
            Received::Close { .. } | Received::End => breaches.extend(watched.part(at)),
        }
        self.told(conn, breaches, at)
    }

    /// The scenario is over: what should have come by now and did not.
    pub fn finish(&mut self, conn: usize, now: Instant, answer_within: Duration) -> Vec<Finding> {
        let watched = &mut self.conns[conn];
        if watched.parted.is_some() {
            return Vec::new();
        }
        let mut breaches: Vec<ClientBreach> = watched.gap(now, true).into_iter().collect();
        if let (Some(hello), false) = (watched.hello, watched.greeted) {
            let waited = now.saturating_duration_since(hello);
            if waited > answer_within {
                breaches.push(ClientBreach::NoHelloAck { waited });
            }
        }
        self.told(conn, breaches, now)
    }

    /// What was found on a connection, if that is still judged.
    fn told(&self, conn: usize, breaches: Vec<ClientBreach>, at: Instant) -> Vec<Finding> {
        if !self.conns[conn].judged {
            return Vec::new();
        }
        findings(conn, breaches, at)
    }
}

fn findings(conn: usize, breaches: Vec<ClientBreach>, at: Instant) -> Vec<Finding> {
    let found = breaches.into_iter().map(|breach| Finding {
        conn,
        breach: Breach::Client(breach),
        at,
    });
    found.collect()
}

impl Conn {
    /// Whether the text plainly allows this packet of ours now.
    fn we_say(&mut self, packet: &Json, size: usize, started: Instant, dialect: Dialect) -> bool {
        // What the client takes its interval from, however the rest of the packet is.
        let op = packet.get("op").and_then(Json::as_u64);
        let first = self.hello.is_none();
        if op == Some(Op::Hello as u64) && first {
            self.hello = Some(started);
            self.interval = interval(packet);
            if self.greeted {
                self.due_since = Some(started);
            }
        }
        match plain_op(packet, size) {
            Some(Op::Hello) => first && self.interval.is_some(),
            Some(Op::HeartbeatAck) => {
                let owed = self.unacked > 0;
                self.unacked = self.unacked.saturating_sub(1);
                owed
            }
            Some(Op::Response) => {
                let nonce = packet.get("n").map(key).unwrap_or_default();
                let asked = self.requests.answered(&nonce) == Answer::Expected;
                asked && packet.get("r").is_some_and(|r| plain_value(r, PLAIN_DEPTH))
            }
            Some(Op::Request | Op::Dispatch) if dialect == Dialect::Bidirectional => {
                let plain = |name| packet.get(name).is_none_or(|v| plain_value(v, PLAIN_DEPTH));
                self.greeted && asks_something(packet) && plain("a") && plain("n")
            }
            Some(Op::HelloAck | Op::Heartbeat | Op::Request | Op::Dispatch) | None => false,
        }
    }

    fn hears(
        &mut self,
        packet: &Json,
        at: Instant,
        dialect: Dialect,
        breaches: &mut Vec<ClientBreach>,
    ) {
        let number = match packet.get("op") {
            Some(Json::Number(number)) if number.is_integer() => Some(number.to_u64()),
            _ => None,
        };
        let op = number.flatten().and_then(Op::from_number);
        if self.hello.is_none() {
            let got = shown(op, packet);
            breaches.push(ClientBreach::BeforeHello { got });
        } else if number.is_none() {
            let got = brief(packet);
            breaches.push(ClientBreach::NotFromClient { got });
        }
        match op {
            Some(Op::HelloAck) => self.hello_ack(packet, at, breaches),
            Some(Op::Heartbeat) => self.heartbeat(at, breaches),
            Some(Op::Request) => self.request(packet, breaches),
            Some(Op::Dispatch) => dispatch(packet, breaches),
            // Whatever it answers, to whatever we asked or did not: the text gives no rule. One before
            // HELLO has been told above.
            Some(Op::Response) if dialect == Dialect::Bidirectional => {}
            Some(Op::Hello | Op::HeartbeatAck | Op::Response) => {
                let got = brief(packet);
                breaches.push(ClientBreach::NotFromClient { got });
            }
            // No packet, or an op beyond the table, of which the text does not speak.
            None => {}
        }
    }

    fn hello_ack(&mut self, packet: &Json, at: Instant, breaches: &mut Vec<ClientBreach>) {
        let found = match packet.get("password") {
            Some(Json::String(_)) => {
                if !self.greeted && self.hello.is_some() {
                    self.due_since = Some(at);
                }
                self.greeted = true;
                return;
            }
            None => "missing",
            Some(Json::Null) => "null",
            Some(Json::Bool(_)) => "a bool",
            Some(Json::Number(_)) => "a number",
            Some(Json::Array(_)) => "a list",
            Some(Json::Object(_)) => "an object",
        };
        breaches.push(ClientBreach::PasswordType { found });
    }

    fn heartbeat(&mut self, at: Instant, breaches: &mut Vec<ClientBreach>) {
        self.unacked += 1;
        if !self.greeted {
            breaches.push(ClientBreach::BeatBeforeAck);
            return;
        }
        breaches.extend(self.gap(at, false));
        if self.due_since.is_some() {
            self.due_since = Some(at);
        }
        self.recent.push_back(at);
        if self.recent.len() < TOO_MANY {
            return;
        }
        let first = self.recent.pop_front().unwrap_or(at);
        let span = at.saturating_duration_since(first);
        // A tenth is left to the timers.
        if let Some(interval) = self.interval.filter(|interval| span < *interval / 10 * 9) {
            let count = TOO_MANY;
            breaches.push(ClientBreach::BeatsTooMany {
                count,
                span,
                interval,
            });
            self.recent.clear();
        }
    }

    /// The time since the last HEARTBEAT, where it is too long. It is told once.
    fn gap(&mut self, until: Instant, open: bool) -> Option<ClientBreach> {
        let (since, interval) = (self.due_since?, self.interval?);
        let gap = until.saturating_duration_since(since);
        let most = longest_gap(interval);
        if gap <= most {
            return None;
        }
        self.due_since = Some(until);
        Some(ClientBreach::BeatGap {
            gap,
            most,
            interval,
            open,
        })
    }

    /// The connection ends: what was due until now was due.
    fn part(&mut self, at: Instant) -> Option<ClientBreach> {
        if self.parted.is_some() {
            return None;
        }
        let breach = self.gap(at, true);
        self.parted = Some(at);
        self.due_since = None;
        breach
    }

    fn request(&mut self, packet: &Json, breaches: &mut Vec<ClientBreach>) {
        let nonce = packet.get("n");
        if !asks_something(packet) || nonce.is_none() {
            let got = brief(packet);
            breaches.push(ClientBreach::RequestFields { got });
        }
        // Beyond what is plain, numbers above the double range for one, two that differ share a key.
        if let Some(nonce) = nonce
            && !self.requests.asked(key(nonce))
            && plain_value(nonce, PLAIN_DEPTH)
        {
            let nonce = brief(nonce);
            breaches.push(ClientBreach::NonceInFlight { nonce });
        }
    }
}

fn dispatch(packet: &Json, breaches: &mut Vec<ClientBreach>) {
    if !asks_something(packet) {
        let got = brief(packet);
        breaches.push(ClientBreach::DispatchFields { got });
    }
    if let Some(nonce) = packet.get("n") {
        let nonce = brief(nonce);
        breaches.push(ClientBreach::DispatchWithNonce { nonce });
    }
}

/// A packet as people see it: a HELLO_ACK without its password.
fn shown(op: Option<Op>, packet: &Json) -> String {
    match op {
        Some(Op::HelloAck) => "HELLO_ACK".to_owned(),
        _ => brief(packet),
    }
}

#[cfg(test)]
mod tests;
