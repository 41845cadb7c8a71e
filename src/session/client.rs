//! The client's side of one connection.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

pub use super::event::{Asked, Event, Ignored};

use super::breach::op_of;
use super::{Breach, Closing, Deadline, Password, Timer};
use crate::protocol::codec;
use crate::protocol::error::{DecodeError, JsonType};
use crate::protocol::json::Json;
use crate::protocol::opcode::{Op, Side};
use crate::protocol::packet::{Packet, Raw, Str};

/// The longest interval that is taken literally: a year. A client told to beat less often than
/// that beats once a year.
pub const LONGEST_INTERVAL: Duration = Duration::from_secs(365 * 86_400);

/// How often a client beats that was told to do so every `hb_interval`.
///
/// Earlier than asked by a quarter of the interval, but by no more than 2 s. A server may close to
/// the millisecond at the interval, and what delays a heartbeat (the network, a busy machine) does
/// not grow with the interval.
#[must_use]
pub fn beat_period(hb_interval: Duration) -> Duration {
    let hb_interval = hb_interval.min(LONGEST_INTERVAL);
    hb_interval - (hb_interval / 4).min(Duration::from_secs(2))
}

/// What a client session is held to.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long to wait for HELLO, counted from the opening.
    pub hello_limit: Duration,
    /// Requests and dispatches that may wait or be in flight at once.
    pub max_pending: usize,
    /// The server may ask too, as the bidirectional dialect has it.
    pub bidirectional: bool,
}

/// Nonces of requests that have timed out are remembered up to this many, the latest.
const ABANDONED: usize = 1024;

/// Names a request of one session. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

/// A request or dispatch to be sent.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// What to request.
    pub w: &'a str,
    /// The arguments: the text of a JSON list.
    pub a: &'a str,
}

/// Why a request or dispatch is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The arguments are not the text of a JSON list.
    #[error("the arguments are no JSON list")]
    Arguments,
    /// The nonce is not JSON.
    #[error("the nonce is no JSON")]
    Nonce,
    /// A request has an equal nonce that is in flight, or has timed out and may still be answered:
    /// nothing else would tell their answers apart.
    #[error("a request in flight has this nonce")]
    NonceInUse,
    /// Too many are waiting already.
    #[error("too many requests are pending")]
    Full,
    /// The connection is over.
    #[error("the connection is over")]
    Closed,
}

/// How a request ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// No RESPONSE in the time it was given.
    #[error("no response in time")]
    TimedOut,
    /// The connection ended first. The request had gone out: the server may have carried it out.
    #[error("the connection ended before the response came")]
    Disconnected,
    /// The connection ended before the request was sent.
    #[error("the connection ended before the request was sent")]
    NeverSent,
}

/// What a session has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Output {
    /// Send this packet.
    Send(String),
    /// Tell the user.
    Event(Event),
    /// Close the connection. Nothing further has an effect.
    Close(Breach),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Fresh,
    /// Open since then, without HELLO.
    Waiting(Instant),
    /// HELLO_ACK is out.
    Ready {
        period: Duration,
        next_beat: Instant,
    },
    Closed,
}

#[derive(Debug)]
struct Pending {
    nonce: Json,
    /// Whether the user chose the nonce; else it is the id's number.
    given: bool,
    until: Option<Instant>,
    sent: bool,
}

/// One connection as the client sees it.
///
/// Open points of the protocol, as decided here: the first HEARTBEAT goes out one [`beat_period`]
/// after HELLO_ACK; HEARTBEAT_ACKs that do not come have no consequence; a HELLO without an integer
/// `hb_interval` above zero closes the connection with 1008; everything else that a server should not
/// send is passed over and reported.
#[derive(Debug)]
pub struct ClientSession {
    settings: Settings,
    password: Password,
    state: State,
    pending: BTreeMap<RequestId, Pending>,
    timeouts: BTreeSet<(Instant, RequestId)>,
    waiting: VecDeque<(Option<RequestId>, String)>,
    outputs: VecDeque<Output>,
    /// Nonces of requests that have timed out: an answer may still come, and must not be taken for that
    /// of another request.
    abandoned: VecDeque<(Json, bool)>,
    /// How many pending requests have a nonce that the user chose.
    given: usize,
    next_id: u64,
}

impl ClientSession {
    /// A session for a connection that is about to open.
    pub fn new(settings: Settings, password: Password) -> ClientSession {
        ClientSession {
            settings: Settings {
                hello_limit: settings.hello_limit.min(LONGEST_INTERVAL),
                ..settings
            },
            password,
            state: State::Fresh,
            pending: BTreeMap::new(),
            timeouts: BTreeSet::new(),
            waiting: VecDeque::new(),
            outputs: VecDeque::new(),
            abandoned: VecDeque::new(),
            given: 0,
            next_id: 1,
        }
    }

    /// The WebSocket is open. Nothing is sent before HELLO.
    pub fn open(&mut self, now: Instant) {
        if self.state == State::Fresh {
            self.state = State::Waiting(now);
        }
    }

    /// A text message has come.
    pub fn text(&mut self, now: Instant, text: &str) {
        if !self.is_open() {
            return;
        }
        match codec::decode(text.as_bytes()) {
            Ok(Packet::Hello { hb_interval }) => self.hello(now, hb_interval.duration()),
            Ok(Packet::HeartbeatAck) => self.event(Event::HeartbeatAck),
            Ok(Packet::Response { n, r }) => self.response(n, r),
            Ok(Packet::Request { w, a, n }) if self.is_asked() => {
                let (w, a) = (plain(&w), a.as_str().to_owned());
                let nonce = n.as_str().to_owned();
                self.event(Event::Asked(Asked { w, a, nonce }));
            }
            Ok(Packet::Dispatch { w, a }) if self.is_asked() => {
                let (w, a) = (plain(&w), a.as_str().to_owned());
                self.event(Event::Told { w, a });
            }
            Ok(other) => self.event(Event::Ignored(Ignored::WrongDirection(other.op()))),
            Err(error) => self.faulty(error),
        }
    }

    /// A binary message has come.
    pub fn binary(&mut self) {
        if self.is_open() {
            self.event(Event::Ignored(Ignored::Binary));
        }
    }

    /// Time has passed: does what [`ClientSession::deadline`] announced, and nothing before.
    pub fn timeout(&mut self, now: Instant) {
        while let Some(&(until, id)) = self.timeouts.first() {
            if now < until {
                break;
            }
            self.settle(id, Err(Unanswered::TimedOut));
        }
        match self.state {
            State::Waiting(since) if now >= since + self.settings.hello_limit => {
                self.close(Breach::HelloTimeout);
            }
            State::Ready { period, next_beat } if now >= next_beat => {
                // A late beat is not made up for: the next one is a period after this one.
                self.state = State::Ready {
                    period,
                    next_beat: now + period,
                };
                self.outputs
                    .push_back(Output::Send(codec::encode(&Packet::Heartbeat)));
            }
            _ => {}
        }
    }

    /// When to call [`ClientSession::timeout`]; none before the opening and after the end.
    pub fn deadline(&self) -> Option<Deadline> {
        let of_state = match self.state {
            State::Fresh | State::Closed => return None,
            State::Waiting(since) => Deadline::new(since + self.settings.hello_limit, Timer::Hello),
            State::Ready { next_beat, .. } => Deadline::new(next_beat, Timer::Beat),
        };
        let of_requests = self
            .timeouts
            .first()
            .map(|&(at, _)| Deadline::new(at, Timer::Request));
        Some(of_requests.map_or(of_state, |deadline| deadline.min(of_state)))
    }

    /// Sends a REQUEST, or keeps it until HELLO_ACK is out. It is settled by an
    /// [`Event::Settled`], at `until` at the latest.
    ///
    /// `nonce` is the text of a JSON value; without one, a number is chosen that no other
    /// request of this session has or had.
    pub fn request(
        &mut self,
        ask: &Ask<'_>,
        nonce: Option<&str>,
        until: Option<Instant>,
    ) -> Result<RequestId, Refused> {
        let a = self.accepts(ask)?;
        let (text, value) = match nonce {
            Some(text) => (text.to_owned(), self.given_nonce(text)?),
            None => self.own_nonce()?,
        };
        let n = Raw::parse(&text).map_err(|_| Refused::Nonce)?;
        let packet = codec::encode(&Packet::Request {
            w: Str::plain(ask.w),
            a,
            n,
        });
        let id = RequestId(self.next_id);
        self.next_id += 1;
        self.given += usize::from(nonce.is_some());
        let given = nonce.is_some();
        self.pending.insert(
            id,
            Pending {
                nonce: value,
                given,
                until,
                sent: false,
            },
        );
        if let Some(until) = until {
            self.timeouts.insert((until, id));
        }
        self.send_or_keep(Some(id), packet);
        Ok(id)
    }

    /// Sends a DISPATCH, or keeps it until HELLO_ACK is out.
    pub fn dispatch(&mut self, ask: &Ask<'_>) -> Result<(), Refused> {
        let a = self.accepts(ask)?;
        let packet = codec::encode(&Packet::Dispatch {
            w: Str::plain(ask.w),
            a,
        });
        self.send_or_keep(None, packet);
        Ok(())
    }

    /// Answers a request of the server's with `r`, the text of a JSON value; one that is none is sent
    /// as null. Nothing is sent once the connection is over.
    pub fn answer(&mut self, asked: &Asked, r: &str) {
        let Ok(n) = Raw::parse(&asked.nonce) else {
            return;
        };
        if self.is_ready() {
            let r = Raw::parse(r).unwrap_or(Raw::NULL);
            let packet = codec::encode(&Packet::Response { n, r });
            self.outputs.push_back(Output::Send(packet));
        }
    }

    /// The connection is over: every request that is pending is settled.
    pub fn closed(&mut self) {
        self.state = State::Closed;
        self.waiting.clear();
        self.abandoned.clear();
        let ids: Vec<(RequestId, bool)> =
            self.pending.iter().map(|(&id, p)| (id, p.sent)).collect();
        for (id, sent) in ids {
            let why = if sent {
                Unanswered::Disconnected
            } else {
                Unanswered::NeverSent
            };
            self.settle(id, Err(why));
        }
    }

    /// The next thing to do, in order; none when all is done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether HELLO_ACK has been sent and the connection is not over.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready { .. })
    }

    /// Whether one more request would be taken.
    pub fn has_room(&self) -> bool {
        self.pending.len().max(self.waiting.len()) < self.settings.max_pending
    }

    /// Requests that are not settled.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Whether the server may ask: it knows who we are then.
    fn is_asked(&self) -> bool {
        self.settings.bidirectional && self.is_ready()
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Waiting(_) | State::Ready { .. })
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn close(&mut self, breach: Breach) {
        self.closed();
        self.outputs.push_back(Output::Close(breach));
    }

    fn hello(&mut self, now: Instant, hb_interval: Duration) {
        if self.is_ready() {
            return self.event(Event::Ignored(Ignored::SecondHello));
        }
        let period = beat_period(hb_interval);
        self.state = State::Ready {
            period,
            next_beat: now + period,
        };
        let password = Str::plain(self.password.reveal());
        let ack = codec::encode(&Packet::HelloAck { password });
        self.outputs.push_back(Output::Send(ack));
        self.event(Event::Greeted { hb_interval });
        while let Some((id, packet)) = self.waiting.pop_front() {
            self.send_or_keep(id, packet);
        }
    }

    fn response(&mut self, n: Raw<'_>, r: Raw<'_>) {
        match self.asker(n.as_str()) {
            Some(id) => self.settle(id, Ok(r.as_str().to_owned())),
            None => {
                self.answered_late(n.as_str());
                self.event(Event::Stranger {
                    nonce: n.as_str().to_owned(),
                });
            }
        }
    }

    /// The answer to a request that has timed out leaves its nonce free.
    fn answered_late(&mut self, nonce: &str) {
        if let Ok(nonce) = Json::parse(nonce.as_bytes()) {
            let same = |(other, _): &(Json, bool)| other.same_as(&nonce);
            if let Some(at) = self.abandoned.iter().position(same) {
                self.abandoned.remove(at);
            }
        }
    }

    /// The request in flight whose nonce equals this text.
    fn asker(&self, nonce: &str) -> Option<RequestId> {
        let nonce = Json::parse(nonce.as_bytes()).ok()?;
        // Our own nonces are the ids, so the first guess is nearly always right.
        let guess = nonce.as_u64().or_else(|| nearest(&nonce)).map(RequestId);
        let is = |p: &Pending| p.sent && p.nonce.same_as(&nonce);
        if let Some(id) = guess.filter(|id| self.pending.get(id).is_some_and(is)) {
            return Some(id);
        }
        let mut given = self.pending.iter().filter(|(_, p)| p.given);
        given.find(|(_, p)| is(p)).map(|(&id, _)| id)
    }

    fn settle(&mut self, id: RequestId, outcome: Result<String, Unanswered>) {
        let Some(pending) = self.pending.remove(&id) else {
            return;
        };
        if let Some(until) = pending.until {
            self.timeouts.remove(&(until, id));
        }
        self.given -= usize::from(pending.given);
        self.waiting.retain(|(waiting, _)| *waiting != Some(id));
        if pending.sent && outcome == Err(Unanswered::TimedOut) {
            if self.abandoned.len() == ABANDONED {
                self.abandoned.pop_front();
            }
            self.abandoned.push_back((pending.nonce, pending.given));
        }
        self.event(Event::Settled { id, outcome });
    }

    fn accepts<'a>(&self, ask: &Ask<'a>) -> Result<Raw<'a>, Refused> {
        if self.state == State::Closed {
            return Err(Refused::Closed);
        }
        if !self.has_room() {
            return Err(Refused::Full);
        }
        match Raw::parse(ask.a) {
            Ok(a) if a.json_type() == JsonType::List => Ok(a),
            _ => Err(Refused::Arguments),
        }
    }

    /// The value of a nonce that the user chose.
    fn given_nonce(&self, text: &str) -> Result<Json, Refused> {
        let value = Json::parse(text.as_bytes()).map_err(|_| Refused::Nonce)?;
        let abandoned = self.abandoned.iter().map(|(nonce, _)| nonce);
        let mut taken = self.pending.values().map(|p| &p.nonce).chain(abandoned);
        if taken.any(|nonce| nonce.same_as(&value)) {
            Err(Refused::NonceInUse)
        } else {
            Ok(value)
        }
    }

    /// A nonce of our own: the id's number, stepping over those that the user has in flight.
    fn own_nonce(&mut self) -> Result<(String, Json), Refused> {
        loop {
            let text = self.next_id.to_string();
            let value = Json::parse(text.as_bytes()).map_err(|_| Refused::Nonce)?;
            let taken = self.given > 0
                && self
                    .pending
                    .values()
                    .any(|p| p.given && p.nonce.same_as(&value));
            let mut abandoned = self.abandoned.iter().filter(|(_, given)| *given);
            let taken = taken || abandoned.any(|(nonce, _)| nonce.same_as(&value));
            if !taken {
                return Ok((text, value));
            }
            self.next_id += 1;
        }
    }

    fn send_or_keep(&mut self, id: Option<RequestId>, packet: String) {
        if !self.is_ready() {
            self.waiting.push_back((id, packet));
            return;
        }
        if let Some(pending) = id.and_then(|id| self.pending.get_mut(&id)) {
            pending.sent = true;
        }
        self.outputs.push_back(Output::Send(packet));
    }

    fn faulty(&mut self, error: DecodeError) {
        if op_of(&error) == Some(Op::Hello) && !self.is_ready() {
            return self.close(Breach::BadInterval);
        }
        self.event(Event::Ignored(match op_of(&error) {
            Some(op) if op.sent_by() == Side::Client => Ignored::WrongDirection(op),
            _ => Ignored::Undecodable(error),
        }));
    }
}

/// The whole number that is the same double: a server may have taken a nonce through one.
fn nearest(nonce: &Json) -> Option<u64> {
    let double = nonce.as_number()?.to_f64();
    let whole = double.fract() == 0.0 && (0.0..u64::MAX as f64).contains(&double);
    whole.then_some(double as u64)
}

fn plain(w: &Str<'_>) -> String {
    w.decode().unwrap_or_default().into_owned()
}

impl Output {
    /// The close frame, if this is a close.
    #[must_use]
    pub fn closing(&self) -> Option<Closing> {
        match self {
            Output::Close(breach) => Some(breach.closing()),
            Output::Send(_) | Output::Event(_) => None,
        }
    }
}
