//! What a server's session must make of what it hears: a small account of one connection, kept
//! without looking at the session.

use std::time::{Duration, Instant};

use litespec::protocol::opcode::Op;
use litespec::session::Timer;
use litespec::session::server::{Settings, Step};

use super::super::heard::Heard;
use super::super::script::PASSWORD;

/// What a session must answer with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nothing at all.
    Nothing,
    /// Nothing: the packet is passed over.
    Ignore,
    /// HEARTBEAT_ACK, and only that.
    Ack,
    /// The client is in.
    In,
    /// The request is handed on.
    Request,
    /// The request is refused.
    Refuse,
    /// The dispatch is handed on.
    Dispatch,
    /// The answer is handed on, if it answers something.
    AnswerOrIgnore,
    /// A close, with this code if there is one.
    Close(Option<u16>),
}

impl Wanted {
    /// Whether a step is that.
    pub(super) fn allows(&self, step: &Step<'_>) -> bool {
        match (self, step) {
            (Wanted::Nothing, Step::Nothing)
            | (Wanted::Ignore, Step::Ignored)
            | (Wanted::In, Step::Authenticated)
            | (Wanted::Request, Step::Request(_))
            | (Wanted::Refuse, Step::Refuse(_))
            | (Wanted::Dispatch, Step::Dispatch(_))
            | (Wanted::AnswerOrIgnore, Step::Answered(..) | Step::Ignored)
            | (Wanted::Close(None), Step::Close(_)) => true,
            (Wanted::Ack, Step::Send(packet)) => packet == r#"{"op":3}"#,
            (Wanted::Close(Some(code)), Step::Close(breach)) => breach.code() == *code,
            _ => false,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Greeted,
    In,
    Over,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Account {
    state: State,
    bidirectional: bool,
    /// The last that counted against the heartbeat timer.
    since: Instant,
    opened: Instant,
    requests: usize,
    bytes: usize,
    most: (usize, usize),
}

impl Account {
    /// A connection that opens now.
    pub(super) fn new(settings: &Settings, now: Instant) -> Account {
        Account {
            state: State::Greeted,
            bidirectional: settings.max_asked > 0,
            since: now,
            opened: now,
            requests: 0,
            bytes: 0,
            most: (settings.max_in_flight, settings.max_in_flight_bytes),
        }
    }

    /// Requests without an answer.
    pub(super) fn in_flight(&self) -> usize {
        self.requests
    }

    /// Whether the client is authenticated.
    pub(super) fn is_in(&self) -> bool {
        self.state == State::In
    }

    /// Whether the connection has ended.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// It ends.
    pub(super) fn over(&mut self) {
        self.state = State::Over;
    }

    /// A request has been answered.
    pub(super) fn answered(&mut self, weight: usize) {
        self.requests -= 1;
        self.bytes -= weight;
    }

    /// It is closed because of the time: not before the limit, nor long after it.
    pub(super) fn timed_out(&self, timer: Timer, now: Instant, limit: Duration) {
        let since = match timer {
            Timer::Heartbeat => self.since,
            _ => self.opened,
        };
        assert!(timer == Timer::Heartbeat || self.state == State::Greeted);
        let silent = now - since;
        assert!(silent >= limit, "closed after {silent:?} of {limit:?}");
        assert!(silent <= 2 * limit, "closed only after {silent:?}");
    }

    /// What a binary message must lead to.
    pub(super) fn hears_binary(&self) -> Wanted {
        if self.is_over() {
            Wanted::Nothing
        } else {
            Wanted::Close(Some(1003))
        }
    }

    /// What a text message must lead to.
    pub(super) fn hears(&mut self, heard: &Heard, size: usize, now: Instant) -> Wanted {
        if self.is_over() {
            return Wanted::Nothing;
        }
        if heard.json.is_none() {
            // Text that is no JSON, or beyond a limit.
            return Wanted::Close(None);
        }
        match heard.op {
            Some(Op::HelloAck) => self.hello_ack(heard, now),
            Some(Op::Heartbeat) if self.is_in() => {
                self.since = now;
                Wanted::Ack
            }
            Some(Op::Heartbeat | Op::Request | Op::Dispatch) if !self.is_in() => {
                Wanted::Close(Some(4002))
            }
            Some(Op::Request) if heard.whole => self.request(size),
            Some(Op::Dispatch) if heard.whole => Wanted::Dispatch,
            Some(Op::Response) if self.bidirectional && !self.is_in() => Wanted::Ignore,
            Some(Op::Response) if self.bidirectional && heard.whole => Wanted::AnswerOrIgnore,
            Some(_) => Wanted::Close(Some(1008)),
            None if unknown_op(heard) => Wanted::Ignore,
            None => Wanted::Close(Some(1008)),
        }
    }

    fn hello_ack(&mut self, heard: &Heard, now: Instant) -> Wanted {
        if heard.packet().is_none() || heard.member("password").as_str() != Some(PASSWORD) {
            return Wanted::Close(Some(4001));
        }
        if self.is_in() {
            return Wanted::Nothing;
        }
        self.state = State::In;
        self.since = now;
        Wanted::In
    }

    fn request(&mut self, size: usize) -> Wanted {
        let full = self.requests >= self.most.0 || self.bytes + size > self.most.1;
        self.requests += 1;
        self.bytes += size;
        if full {
            Wanted::Refuse
        } else {
            Wanted::Request
        }
    }
}

/// Whether a message is a packet of an op that the table lacks.
fn unknown_op(heard: &Heard) -> bool {
    let members = heard.json.as_ref().and_then(|json| json.as_object());
    let mut ops = members
        .unwrap_or_default()
        .iter()
        .filter(|(name, _)| *name == *"op");
    let number = ops.next().and_then(|(_, op)| op.as_number());
    ops.next().is_none() && number.is_some_and(|number| number.is_integer())
}
