//! The watch: follows every connection of a scenario and tells what always has to hold.

use std::time::Duration;

use tokio::time::Instant;

use super::Dialect;
use super::asked::Asked;
use super::beats::{Beats, Silence};
use super::breach::Breach;
use super::key::key;
use super::requests::{Answer, Requests};
use crate::protocol::close;
use crate::protocol::json::Json;
use crate::protocol::opcode::{Op, Side};

/// A message larger than this is not plainly allowed (`open.message-size`).
const PLAIN_SIZE: usize = 16 * 1024;
/// A packet nested deeper than this is not plainly allowed (`open.depth`).
pub(super) const PLAIN_DEPTH: usize = 16;

/// What we sent.
#[expect(missing_docs, reason = "each variant's line says what its fields are")]
#[derive(Clone, Copy, Debug)]
pub enum Sent<'a> {
    /// A text message that is JSON, with its size in bytes.
    Packet { packet: &'a Json, size: usize },
    /// A WebSocket PING or PONG that RFC 6455 allows.
    Control,
    /// A close frame.
    Close,
    /// Anything else: no JSON, a binary message, broken frames, a cut connection.
    Bent,
}

/// What we received.
#[expect(missing_docs, reason = "each variant's line says what its fields are")]
#[derive(Clone, Copy, Debug)]
pub enum Received<'a> {
    /// A message that is JSON, in a binary or a text frame.
    Packet { packet: &'a Json, binary: bool },
    /// A message that is no JSON.
    NotJson { why: &'a str, binary: bool },
    /// A close frame.
    Close { code: Option<u16> },
    /// The end of the stream, whichever way.
    End,
}

/// A breach on a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Index of the connection, in order of opening.
    pub conn: usize,
    /// What was broken.
    pub breach: Breach,
    /// When it was seen.
    pub at: Instant,
}

/// One connection as the watch sees it.
#[derive(Debug)]
struct Conn {
    name: String,
    judged: bool,
    first_seen: bool,
    authenticated: bool,
    /// The right password has gone out, however the packet was spelled: the target may have let us in.
    let_in: bool,
    interval: Option<Duration>,
    beats: Beats,
    requests: Requests,
    asked: Asked,
    peer_closed: Option<Instant>,
    we_closed: bool,
    ended: bool,
}

/// Watches all connections of one scenario against a server.
#[derive(Debug)]
pub struct Oracle {
    password: String,
    dialect: Dialect,
    conns: Vec<Conn>,
}

impl Oracle {
    /// A watch that knows the password, to tell a right HELLO_ACK from a wrong one.
    pub fn new(password: &str, dialect: Dialect) -> Oracle {
        Oracle {
            password: password.to_owned(),
            dialect,
            conns: Vec::new(),
        }
    }

    /// A connection was opened; its TCP connect began at `dialed`. Returns its index.
    pub fn opened(&mut self, name: &str, dialed: Instant) -> usize {
        self.conns.push(Conn {
            name: name.to_owned(),
            judged: true,
            first_seen: false,
            authenticated: false,
            let_in: false,
            interval: None,
            beats: Beats::new(dialed),
            requests: Requests::default(),
            asked: Asked::default(),
            peer_closed: None,
            we_closed: false,
            ended: false,
        });
        self.conns.len() - 1
    }

    /// From here on nothing on this connection is judged.
    pub fn ignore(&mut self, conn: usize) {
        self.conns[conn].judged = false;
    }

    /// Whether we have given the right password on this connection.
    pub fn authenticated(&self, conn: usize) -> bool {
        self.conns[conn].authenticated
    }

    /// Whether the right password has gone out on this connection, in whatever spelling: in the
    /// bidirectional dialect the target may ask from then on.
    pub fn may_ask(&self, conn: usize) -> bool {
        self.dialect == Dialect::Bidirectional && self.conns[conn].let_in
    }

    /// Whether any message has come on the connection.
    pub fn heard(&self, conn: usize) -> bool {
        self.conns[conn].first_seen
    }

    /// Whether the connection is still judged.
    pub fn judges(&self, conn: usize) -> bool {
        self.conns[conn].judged
    }

    /// The interval that this connection's HELLO gave.
    pub fn interval(&self, conn: usize) -> Option<Duration> {
        self.conns[conn].interval
    }

    /// The connection's heartbeats.
    pub fn beats(&self, conn: usize) -> &Beats {
        &self.conns[conn].beats
    }

    /// Whether a close with 4003 at `now` may be right: the interval may have been over for the
    /// target. None as long as no HELLO gave an interval.
    pub fn timeout_may_be_right(&self, conn: usize, now: Instant) -> Option<bool> {
        let conn = &self.conns[conn];
        let interval = conn.interval?;
        Some(matches!(
            conn.beats.silence(now, interval),
            Silence::Over(_)
        ))
    }

    /// We sent something; its send began at `started`.
    pub fn sent(&mut self, conn: usize, sent: Sent<'_>, started: Instant) {
        let password = self.password.as_str();
        let conn = &mut self.conns[conn];
        match sent {
            Sent::Control => {}
            Sent::Close => conn.we_closed = true,
            Sent::Bent => conn.judged = false,
            Sent::Packet { packet, size } => {
                let op = plain_op(packet, size);
                if op == Some(Op::Heartbeat) {
                    conn.beats.sent(started);
                }
                conn.let_in |= is_hello_ack(packet) && is_password(packet, password);
                let allowed = conn.first_seen
                    && match op {
                        Some(Op::HelloAck) => conn.hello_ack(packet, password),
                        Some(Op::Heartbeat) => conn.authenticated,
                        Some(Op::Request) => conn.request(packet),
                        Some(Op::Dispatch) => conn.dispatch(packet),
                        // An answer is as long as the nonce that the target chose.
                        Some(Op::Response) | None => conn.answers(packet),
                        Some(Op::Hello | Op::HeartbeatAck) => false,
                    };
                conn.judged &= allowed;
            }
        }
    }

    /// We received something at `at`.
    pub fn received(&mut self, conn: usize, received: Received<'_>, at: Instant) -> Vec<Finding> {
        let mut breaches = Vec::new();
        match received {
            Received::Packet { packet, binary } => {
                if binary {
                    breaches.push(Breach::BinaryFrame);
                }
                self.packet(conn, packet, at, &mut breaches);
            }
            Received::NotJson { why, binary } => {
                if binary {
                    breaches.push(Breach::BinaryFrame);
                }
                breaches.push(Breach::NotJson {
                    why: why.to_owned(),
                });
                self.conns[conn].first_seen = true;
            }
            Received::Close { code } => {
                let conn = &mut self.conns[conn];
                if conn.peer_closed.is_none() {
                    conn.peer_closed = Some(at);
                    breaches.extend(conn.early_timeout(code, at));
                }
            }
            Received::End => self.conns[conn].ended = true,
        }
        if !self.conns[conn].judged {
            return Vec::new();
        }
        breaches
            .into_iter()
            .map(|breach| Finding { conn, breach, at })
            .collect()
    }

    /// The scenario is over: what should have come by now and did not.
    pub fn finish(
        &self,
        conn: usize,
        now: Instant,
        answer_within: Duration,
        grace: Duration,
    ) -> Vec<Finding> {
        let watched = &self.conns[conn];
        let mut breaches = Vec::new();
        if !watched.judged {
            return Vec::new();
        }
        if let (Some(since), None, false) = (
            watched.beats.oldest_waiting(),
            watched.peer_closed,
            watched.ended,
        ) {
            let waited = now.saturating_duration_since(since);
            if waited > answer_within {
                breaches.push(Breach::AckMissing {
                    heartbeats: watched.beats.count(),
                    acks: watched.beats.acks(),
                    waited,
                });
            }
        }
        if let (Some(closed), false, true) = (watched.peer_closed, watched.ended, watched.we_closed)
        {
            let waited = now.saturating_duration_since(closed);
            if waited > grace {
                breaches.push(Breach::TcpLeftOpen { waited });
            }
        }
        breaches
            .into_iter()
            .map(|breach| Finding {
                conn,
                breach,
                at: now,
            })
            .collect()
    }

    fn packet(&mut self, index: usize, packet: &Json, at: Instant, breaches: &mut Vec<Breach>) {
        let first = !std::mem::replace(&mut self.conns[index].first_seen, true);
        let Json::Object(_) = packet else {
            breaches.push(Breach::NotAnObject { got: brief(packet) });
            return;
        };
        let number = match packet.get("op") {
            Some(Json::Number(number)) if number.is_integer() => number.to_u64(),
            _ => {
                breaches.push(Breach::BadOp { got: brief(packet) });
                return;
            }
        };
        let op = number.and_then(Op::from_number);
        if first && op != Some(Op::Hello) {
            breaches.push(Breach::FirstNotHello { got: brief(packet) });
        }
        match op {
            Some(Op::Hello) => self.conns[index].hello(first, packet, breaches),
            Some(Op::HeartbeatAck) => {
                let conn = &mut self.conns[index];
                if !conn.beats.acked(at) {
                    let heartbeats = conn.beats.count();
                    breaches.push(Breach::AckUnasked { heartbeats });
                }
            }
            Some(Op::Response) => self.response(index, packet, breaches),
            Some(op @ (Op::Request | Op::Dispatch)) if self.dialect == Dialect::Text => {
                let dialect = self.dialect;
                let op = op as u64;
                breaches.push(Breach::WrongSender { op, dialect });
            }
            Some(op @ (Op::Request | Op::Dispatch)) => {
                let conn = &mut self.conns[index];
                if !conn.let_in {
                    breaches.push(Breach::SpokeBeforeAuth { op });
                } else if let (Op::Request, Some(nonce)) = (op, packet.get("n")) {
                    conn.asked.came(&key(nonce));
                }
            }
            Some(op @ (Op::HelloAck | Op::Heartbeat)) => {
                debug_assert_eq!(op.sent_by(), Side::Client);
                let dialect = self.dialect;
                let op = op as u64;
                breaches.push(Breach::WrongSender { op, dialect });
            }
            // An op beyond the table: the text does not speak of it.
            None => {}
        }
    }

    fn response(&mut self, index: usize, packet: &Json, breaches: &mut Vec<Breach>) {
        if packet.get("r").is_none() {
            breaches.push(Breach::ResponseWithoutResult);
        }
        let Some(nonce) = packet.get("n") else {
            breaches.push(Breach::ResponseWithoutNonce { got: brief(packet) });
            return;
        };
        let key = key(nonce);
        let answer = self.conns[index].requests.answered(&key);
        let nonce = brief(nonce);
        match answer {
            Answer::Expected => {}
            Answer::Again => breaches.push(Breach::ResponseTwice { nonce }),
            Answer::Unknown => {
                let elsewhere = self
                    .conns
                    .iter()
                    .enumerate()
                    .find(|(other, conn)| *other != index && conn.requests.knows(&key))
                    .map(|(_, conn)| conn.name.clone());
                let here = &self.conns[index];
                breaches.push(match elsewhere {
                    Some(asked_on) => Breach::ResponseAstray { nonce, asked_on },
                    None if here.requests.may_answer_dispatch(&key) => {
                        Breach::ResponseToDispatch { nonce }
                    }
                    None => Breach::ResponseToNobody {
                        nonce,
                        open: here.requests.in_flight(),
                    },
                });
            }
        }
    }
}

impl Conn {
    fn hello(&mut self, first: bool, packet: &Json, breaches: &mut Vec<Breach>) {
        if !first {
            breaches.push(Breach::SecondHello);
            return;
        }
        match interval(packet) {
            Some(interval) => self.interval = Some(interval),
            None => breaches.push(Breach::BadInterval { got: brief(packet) }),
        }
    }

    /// A 4003 while the target certainly had a beat within the interval.
    fn early_timeout(&self, code: Option<u16>, at: Instant) -> Option<Breach> {
        // Whether and when a client is given up before HELLO_ACK is open.
        if code != Some(close::HEARTBEAT_TIMEOUT) || !self.authenticated {
            return None;
        }
        let interval = self.interval?;
        match self.beats.silence(at, interval) {
            Silence::Early(silent) => Some(Breach::TimeoutEarly { silent, interval }),
            Silence::Over(_) => None,
        }
    }

    fn hello_ack(&mut self, packet: &Json, password: &str) -> bool {
        let right = is_password(packet, password);
        let first = !self.authenticated;
        self.authenticated |= right;
        right && first
    }

    /// Whether the text plainly allows this REQUEST now.
    fn request(&mut self, packet: &Json) -> bool {
        let Some(nonce) = packet.get("n") else {
            return false;
        };
        let fresh = self.requests.asked(key(nonce));
        fresh && self.authenticated && asks(packet) && plain_value(nonce, PLAIN_DEPTH)
    }

    fn dispatch(&mut self, packet: &Json) -> bool {
        self.requests.dispatched();
        self.authenticated && asks(packet)
    }

    /// Whether this is our RESPONSE to a REQUEST of the target's. Only in the bidirectional dialect
    /// is there one.
    fn answers(&mut self, packet: &Json) -> bool {
        self.authenticated
            && plain_op(packet, 0) == Some(Op::Response)
            && packet
                .get("n")
                .is_some_and(|nonce| self.asked.answered(&key(nonce)))
    }
}

/// Whether a packet is a HELLO_ACK by the value of its op.
fn is_hello_ack(packet: &Json) -> bool {
    let op = match packet.get("op") {
        Some(Json::Number(number)) => number.to_u64(),
        _ => None,
    };
    op == Some(Op::HelloAck as u64)
}

fn is_password(packet: &Json, password: &str) -> bool {
    matches!(packet.get("password"), Some(Json::String(text)) if text.as_bytes() == password.as_bytes())
}

/// The interval that a HELLO gives: an integer by value, above zero; what lies beyond 2^64 - 1
/// milliseconds counts as that. None when it gives none.
pub fn interval(hello: &Json) -> Option<Duration> {
    let Some(Json::Number(number)) = hello.get("hb_interval") else {
        return None;
    };
    if !number.is_integer() || number.to_f64() <= 0.0 {
        return None;
    }
    Some(Duration::from_millis(number.to_u64().unwrap_or(u64::MAX)))
}

/// The op of a packet with exactly the members the text gives it, each once, spelled plainly.
pub(super) fn plain_op(packet: &Json, size: usize) -> Option<Op> {
    let Json::Object(members) = packet else {
        return None;
    };
    let Some(Json::Number(number)) = packet.get("op") else {
        return None;
    };
    let op = Op::from_number(number.spelling().parse().ok()?)?;
    let fields: &[&str] = match op {
        Op::Hello => &["op", "hb_interval"],
        Op::HelloAck => &["op", "password"],
        Op::Heartbeat | Op::HeartbeatAck => &["op"],
        Op::Request => &["op", "w", "a", "n"],
        Op::Response => &["op", "n", "r"],
        Op::Dispatch => &["op", "w", "a"],
    };
    let exact = members.len() == fields.len() && fields.iter().all(|f| packet.get(f).is_some());
    (exact && size <= PLAIN_SIZE).then_some(op)
}

/// Whether `w` is a string and `a` a list.
pub(super) fn asks_something(packet: &Json) -> bool {
    matches!(packet.get("w"), Some(Json::String(_)))
        && matches!(packet.get("a"), Some(Json::Array(_)))
}

/// Whether `w` is a string and `a` a plain list.
fn asks(packet: &Json) -> bool {
    matches!(packet.get("w"), Some(Json::String(_)))
        && packet
            .get("a")
            .is_some_and(|a| matches!(a, Json::Array(_)) && plain_value(a, PLAIN_DEPTH))
}

/// Whether a value holds nothing that the text leaves open: numbers beyond the double range, lone
/// surrogates, repeated members, deep nesting.
pub(super) fn plain_value(value: &Json, depth: usize) -> bool {
    match value {
        Json::Null | Json::Bool(_) => true,
        Json::Number(number) => number.to_f64().is_finite(),
        Json::String(text) => text.as_str().is_some(),
        Json::Array(items) => depth > 0 && items.iter().all(|item| plain_value(item, depth - 1)),
        Json::Object(members) => {
            let names: std::collections::HashSet<_> =
                members.iter().map(|(name, _)| name.as_bytes()).collect();
            depth > 0
                && names.len() == members.len()
                && members
                    .iter()
                    .all(|(name, value)| name.as_str().is_some() && plain_value(value, depth - 1))
        }
    }
}

/// A value as text, cut to a length that fits a line.
pub(super) fn brief(value: &Json) -> String {
    const MOST: usize = 160;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}... ({} bytes)", &text[..at], text.len()),
        None => text,
    }
}

#[cfg(test)]
mod tests;
