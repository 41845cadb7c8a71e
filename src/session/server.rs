//! The server's side of one connection.

use std::borrow::Cow;
use std::time::{Duration, Instant};

pub use super::asks::{AskId, NotAsked};

use super::asks::Asks;
use super::breach::{breach_of, op_of};
use super::{Breach, Closing, Deadline, Timer};
use crate::protocol::codec;
use crate::protocol::error::DecodeError;
use crate::protocol::opcode::{Op, Side};
use crate::protocol::packet::{Interval, Packet, Raw, Str};

/// What a server session is held to.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The interval that HELLO announces.
    pub hb_interval: Interval,
    /// How long the whole handshake may take, counted from HELLO.
    pub handshake_limit: Duration,
    /// Requests of one connection that may wait for their answers at once.
    pub max_in_flight: usize,
    /// Bytes that the packets of those requests may have together.
    pub max_in_flight_bytes: usize,
    /// Requests of the server's own that may wait for the client's answer at once. Above zero, the
    /// bidirectional dialect is spoken; at zero a RESPONSE is a breach, as the text has it.
    pub max_asked: usize,
}

/// How long after a missed heartbeat the connection is closed.
///
/// A quarter of the interval, at least 250 ms, but never more than the interval itself. A client that
/// beats exactly every interval has beats a little more than an interval apart as the server sees
/// them: closing at the interval to the millisecond would close clients that are right.
#[must_use]
pub fn slack(hb_interval: Duration) -> Duration {
    (hb_interval / 4).max(Duration::from_millis(250).min(hb_interval))
}

/// What one input amounts to.
#[derive(Debug)]
#[must_use]
pub enum Step<'a> {
    /// Nothing is to be done.
    Nothing,
    /// Send this packet.
    Send(Cow<'static, str>),
    /// The client has authenticated; nothing is to be sent.
    Authenticated,
    /// Hand this to whoever answers requests, then call [`ServerSession::answer`].
    Request(Request<'a>),
    /// The bounds on requests in flight are reached: call [`ServerSession::answer`] with a refusal at
    /// once.
    Refuse(Ticket<'a>),
    /// Hand this to whoever takes dispatches. There is no way to answer it.
    Dispatch(Call<'a>),
    /// The client has answered a request of the server's: the exact text of its `r`.
    Answered(AskId, Raw<'a>),
    /// A packet was passed over: of an op that the table lacks, or a RESPONSE that counts for nothing.
    Ignored,
    /// Close the connection. Nothing further has an effect.
    Close(Breach),
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What to request, as spelled on the wire.
    pub w: Str<'a>,
    /// The arguments: the exact text of a JSON list.
    pub a: Raw<'a>,
}

/// A REQUEST that waits for its one answer.
#[derive(Debug)]
pub struct Request<'a> {
    /// What is asked for.
    pub call: Call<'a>,
    /// The right to answer.
    pub ticket: Ticket<'a>,
}

/// The right to answer one REQUEST, once: it cannot be copied, and answering consumes it.
#[derive(Debug)]
#[must_use = "a request that is not answered hangs"]
pub struct Ticket<'a> {
    nonce: Nonce<'a>,
    weight: usize,
}

#[derive(Debug)]
enum Nonce<'a> {
    Borrowed(Raw<'a>),
    Owned(Box<str>),
}

impl Ticket<'_> {
    /// The same right, no longer tied to the packet.
    pub fn into_owned(self) -> Ticket<'static> {
        let nonce = match self.nonce {
            Nonce::Borrowed(n) => Nonce::Owned(n.as_str().into()),
            Nonce::Owned(text) => Nonce::Owned(text),
        };
        Ticket {
            nonce,
            weight: self.weight,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before [`ServerSession::open`].
    Fresh,
    /// HELLO is out, sent at this instant.
    Greeted(Instant),
    /// The client is who it says; the last heartbeat (or, before any, the authentication) was then.
    Authenticated(Instant),
    /// Over.
    Closed,
}

/// One connection as the server sees it.
///
/// Open points of the protocol, as decided here: an op that the table lacks is ignored; a packet that
/// cannot be read, one that is the server's to send, and a binary message end the connection
/// ([`Breach`] has the codes); a second HELLO_ACK is ignored if its password is right and ends the
/// connection if not; a HEARTBEAT before authentication gets no HEARTBEAT_ACK; two requests in flight
/// with one nonce are both answered.
///
/// In the bidirectional dialect a RESPONSE that comes before authentication is ignored, however it is
/// made, and so is one that answers nothing.
///
/// The heartbeat timer starts with HELLO, starts anew when the client authenticates ("from then on"
/// it can send heartbeats) and with each HEARTBEAT; nothing else touches it.
#[derive(Debug)]
pub struct ServerSession {
    settings: Settings,
    state: State,
    in_flight: usize,
    in_flight_bytes: usize,
    asks: Asks,
}

const HEARTBEAT_ACK: &str = r#"{"op":3}"#;

/// A RESPONSE without its nonce and its data.
const RESPONSE_LENGTH: usize = r#"{"op":5,"n":,"r":}"#.len();

impl ServerSession {
    /// A session for a connection that is about to open.
    pub fn new(settings: Settings) -> ServerSession {
        ServerSession {
            settings,
            state: State::Fresh,
            in_flight: 0,
            in_flight_bytes: 0,
            asks: Asks::new(settings.max_asked),
        }
    }

    /// The WebSocket is open: HELLO, the first time; nothing, ever after.
    pub fn open(&mut self, now: Instant) -> Step<'static> {
        if self.state != State::Fresh {
            return Step::Nothing;
        }
        self.state = State::Greeted(now);
        let hb_interval = self.settings.hb_interval;
        Step::Send(codec::encode(&Packet::Hello { hb_interval }).into())
    }

    /// A text message has come. `check` tells whether a string is the password.
    pub fn text<'a>(
        &mut self,
        now: Instant,
        text: &'a str,
        check: impl FnOnce(&str) -> bool,
    ) -> Step<'a> {
        if !self.is_open() {
            return Step::Nothing;
        }
        match codec::decode(text.as_bytes()) {
            Ok(Packet::HelloAck { password }) => {
                // A lone surrogate cannot be part of a Rust string, so of no password either.
                let right = password.decode().is_ok_and(|password| check(&password));
                self.hello_ack(now, right)
            }
            Ok(Packet::Heartbeat) => self.heartbeat(now),
            Ok(Packet::Request { w, a, n }) => self.request(Call { w, a }, n, text.len()),
            Ok(Packet::Dispatch { w, a }) => self.dispatch(Call { w, a }),
            Ok(Packet::Hello { .. }) => self.close(Breach::WrongDirection(Op::Hello)),
            Ok(Packet::HeartbeatAck) => self.close(Breach::WrongDirection(Op::HeartbeatAck)),
            Ok(Packet::Response { n, r }) => self.response(n, r),
            Err(error) => self.faulty(&error),
        }
    }

    /// A binary message has come.
    pub fn binary(&mut self) -> Step<'static> {
        if self.is_open() {
            self.close(Breach::Binary)
        } else {
            Step::Nothing
        }
    }

    /// Time has passed: closes if [`ServerSession::deadline`] has, and does nothing before.
    pub fn timeout(&mut self, now: Instant) -> Step<'static> {
        match self.deadline() {
            Some(Deadline {
                at,
                timer: Timer::Heartbeat,
            }) if now >= at => self.close(Breach::HeartbeatTimeout),
            Some(Deadline { at, .. }) if now >= at => self.close(Breach::HandshakeTimeout),
            _ => Step::Nothing,
        }
    }

    /// When to call [`ServerSession::timeout`]; none before the opening and after the end.
    pub fn deadline(&self) -> Option<Deadline> {
        let hb = self.settings.hb_interval.duration();
        let silence = hb.saturating_add(slack(hb));
        let heartbeat = |since| Some(Deadline::new(later(since, silence), Timer::Heartbeat));
        match self.state {
            State::Fresh | State::Closed => None,
            State::Greeted(since) => {
                let limit = later(since, self.settings.handshake_limit);
                heartbeat(since).min(Some(Deadline::new(limit, Timer::Handshake)))
            }
            State::Authenticated(since) => heartbeat(since),
        }
    }

    /// The RESPONSE with this data, the exact text of a JSON value; none if the connection is over.
    #[must_use]
    pub fn answer(&mut self, ticket: Ticket<'_>, r: Raw<'_>) -> Option<String> {
        self.in_flight -= 1;
        self.in_flight_bytes -= ticket.weight;
        if !self.is_open() {
            return None;
        }
        let n = match &ticket.nonce {
            Nonce::Borrowed(n) => *n,
            Nonce::Owned(text) => Raw::parse(text).expect("the codec took this text for a value"),
        };
        // To the byte: what is sent then moves into the WebSocket's hands without another allocation.
        let length = RESPONSE_LENGTH + n.as_bytes().len() + r.as_bytes().len();
        let mut packet = Vec::with_capacity(length);
        codec::encode_into(&Packet::Response { n, r }, &mut packet);
        Some(String::from_utf8(packet).expect("raw members are UTF-8 and the rest is text"))
    }

    /// The REQUEST that asks the client for something, in the bidirectional dialect; `a` is the text of
    /// a JSON list. Its answer comes as [`Step::Answered`], if it comes.
    pub fn ask(&mut self, w: &str, a: &str) -> Result<(AskId, String), NotAsked> {
        self.may_ask()?;
        self.asks.ask(w, a)
    }

    /// The DISPATCH that tells the client something, in the bidirectional dialect.
    pub fn tell(&self, w: &str, a: &str) -> Result<String, NotAsked> {
        self.may_ask()?;
        Asks::tell(w, a)
    }

    /// Nobody waits for the answer to this request any more: if it still comes, it is ignored.
    pub fn forget(&mut self, id: AskId) {
        self.asks.forget(id);
    }

    /// How many requests of the server's wait for the client's answer.
    pub fn asked(&self) -> usize {
        self.asks.waiting()
    }

    /// The connection is over for a reason of somebody else's.
    pub fn closed(&mut self) {
        self.state = State::Closed;
    }

    /// Whether the client has authenticated and the connection is not over.
    pub fn is_authenticated(&self) -> bool {
        matches!(self.state, State::Authenticated(_))
    }

    /// How many requests wait for their answers.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Greeted(_) | State::Authenticated(_))
    }

    fn close(&mut self, breach: Breach) -> Step<'static> {
        self.state = State::Closed;
        Step::Close(breach)
    }

    fn hello_ack(&mut self, now: Instant, right: bool) -> Step<'static> {
        if !right {
            return self.close(Breach::WrongPassword);
        }
        if self.is_authenticated() {
            // Not a heartbeat: it must not keep the connection alive.
            return Step::Nothing;
        }
        self.state = State::Authenticated(now);
        Step::Authenticated
    }

    fn heartbeat(&mut self, now: Instant) -> Step<'static> {
        if !self.is_authenticated() {
            return self.close(Breach::EarlyHeartbeat);
        }
        self.state = State::Authenticated(now);
        Step::Send(Cow::Borrowed(HEARTBEAT_ACK))
    }

    fn request<'a>(&mut self, call: Call<'a>, n: Raw<'a>, weight: usize) -> Step<'a> {
        if !self.is_authenticated() {
            return self.close(Breach::EarlyRequest);
        }
        let full = self.in_flight >= self.settings.max_in_flight
            || self.in_flight_bytes.saturating_add(weight) > self.settings.max_in_flight_bytes;
        self.in_flight += 1;
        self.in_flight_bytes += weight;
        let ticket = Ticket {
            nonce: Nonce::Borrowed(n),
            weight,
        };
        if full {
            Step::Refuse(ticket)
        } else {
            Step::Request(Request { call, ticket })
        }
    }

    fn may_ask(&self) -> Result<(), NotAsked> {
        if !self.asks.spoken() {
            Err(NotAsked::NotSpoken)
        } else if !self.is_authenticated() {
            Err(NotAsked::NotThere)
        } else {
            Ok(())
        }
    }

    fn response<'a>(&mut self, n: Raw<'_>, r: Raw<'a>) -> Step<'a> {
        if !self.asks.spoken() {
            return self.close(Breach::WrongDirection(Op::Response));
        }
        if !self.is_authenticated() {
            return Step::Ignored;
        }
        match self.asks.answered(n) {
            Some(id) => Step::Answered(id, r),
            None => Step::Ignored,
        }
    }

    fn dispatch<'a>(&mut self, call: Call<'a>) -> Step<'a> {
        if self.is_authenticated() {
            Step::Dispatch(call)
        } else {
            self.close(Breach::EarlyDispatch)
        }
    }

    /// A text that is no packet. What it was meant to be decides, as far as that can be told: a
    /// REQUEST without a nonce is a REQUEST all the same where none is allowed.
    fn faulty(&mut self, error: &DecodeError) -> Step<'static> {
        let breach = match op_of(error) {
            Some(Op::HelloAck) => Breach::NoPassword,
            Some(Op::Request) if !self.is_authenticated() => Breach::EarlyRequest,
            Some(Op::Dispatch) if !self.is_authenticated() => Breach::EarlyDispatch,
            Some(Op::Response) if self.asks.spoken() && !self.is_authenticated() => {
                return Step::Ignored;
            }
            Some(Op::Response) if self.asks.spoken() => Breach::Malformed(Op::Response),
            Some(op) if op.sent_by() == Side::Server => Breach::WrongDirection(op),
            _ => match breach_of(error) {
                Some(breach) => breach,
                None => return Step::Ignored,
            },
        };
        self.close(breach)
    }
}

/// `since + wait`, or a year on if that is beyond what an instant can hold.
fn later(since: Instant, wait: Duration) -> Instant {
    since
        .checked_add(wait)
        .unwrap_or_else(|| since + Duration::from_secs(365 * 86_400))
}

impl From<Breach> for Closing {
    fn from(breach: Breach) -> Closing {
        breach.closing()
    }
}
