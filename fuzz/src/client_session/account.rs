//! What a client's session owes: a small account of one connection, kept without looking at the
//! session.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use litespec::protocol::json::Json;
use litespec::protocol::opcode::Op;
use litespec::session::client::{RequestId, Unanswered};

use super::super::heard::{Heard, same};
use super::super::script::PASSWORD;

/// A request of the user's.
#[derive(Debug)]
pub(super) struct Asked {
    w: String,
    a: Json,
    /// As the user chose it, or as it went out.
    nonce: Option<Json>,
    until: Option<Instant>,
    sent: bool,
}

impl Asked {
    /// A request that has been taken.
    pub(super) fn new(
        w: &str,
        a: Option<Json>,
        nonce: Option<Json>,
        until: Option<Instant>,
    ) -> Asked {
        Asked {
            w: w.to_owned(),
            a: a.unwrap_or(Json::Array(Vec::new())),
            nonce,
            until,
            sent: false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// HELLO is awaited.
    Waiting,
    Ready,
    Over,
}

/// What a message must lead to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Whatever else the session may say.
    Anything,
    /// HELLO_ACK.
    Ready,
    /// The connection's end.
    Over,
    /// The end of this request.
    Settled(RequestId),
}

/// One connection.
#[derive(Debug)]
pub(super) struct Account {
    state: State,
    bidirectional: bool,
    pending: BTreeMap<RequestId, Asked>,
    /// Nonces of requests that have timed out and may still be answered.
    abandoned: Vec<Json>,
    /// What has been taken and not gone out, in order; none: a dispatch.
    unsent: VecDeque<Option<RequestId>>,
    /// RESPONSEs that the session owes.
    pub(super) answers: usize,
    /// HEARTBEAT_ACKs that the server owes.
    pub(super) acks: usize,
}

impl Account {
    /// A connection that opens.
    pub(super) fn new(bidirectional: bool) -> Account {
        Account {
            state: State::Waiting,
            bidirectional,
            pending: BTreeMap::new(),
            abandoned: Vec::new(),
            unsent: VecDeque::new(),
            answers: 0,
            acks: 0,
        }
    }

    /// Requests that have not ended.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Whether HELLO_ACK is out.
    pub(super) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// Whether the connection has ended.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// It ends.
    pub(super) fn over(&mut self) {
        self.state = State::Over;
    }

    /// A request has been taken.
    pub(super) fn asked(&mut self, id: RequestId, asked: Asked) {
        if let Some(nonce) = &asked.nonce {
            let mut others = self
                .pending
                .values()
                .filter_map(|other| other.nonce.as_ref());
            assert!(
                !others.any(|other| other.same_as(nonce)),
                "a nonce that is in use was taken: {nonce}"
            );
        }
        let other = self.pending.insert(id, asked);
        assert!(other.is_none(), "an id was given twice");
        self.unsent.push_back(Some(id));
    }

    /// A dispatch has been taken.
    pub(super) fn dispatched(&mut self) {
        self.unsent.push_back(None);
    }

    /// A nonce has been refused because a request has it.
    pub(super) fn uses(&self, nonce: &Json) {
        // A nonce of the session's own that has not gone out is not known here.
        let is = |asked: &Asked| asked.nonce.as_ref().is_none_or(|own| own.same_as(nonce));
        assert!(
            self.pending.values().any(is) || self.abandoned.iter().any(|own| own.same_as(nonce)),
            "refused, though not in use: {nonce}"
        );
    }

    /// A RESPONSE has been called a stranger.
    pub(super) fn knows_not(&mut self, nonce: &Json) {
        let asked = self.asker(nonce);
        assert!(
            asked.is_none(),
            "the answer to {asked:?} was called a stranger"
        );
        if let Some(at) = self.abandoned.iter().position(|own| own.same_as(nonce)) {
            self.abandoned.remove(at);
        }
    }

    /// The session sends a packet.
    pub(super) fn sends(&mut self, op: Op, heard: &Heard) {
        assert!(!self.is_over(), "a packet on a connection that is over");
        if self.state == State::Waiting {
            assert_eq!(op, Op::HelloAck, "the first packet");
        }
        match op {
            Op::HelloAck => {
                assert_eq!(self.state, State::Waiting, "a second HELLO_ACK");
                assert_eq!(heard.member("password").as_str(), Some(PASSWORD));
                self.state = State::Ready;
            }
            Op::Heartbeat => {}
            Op::Request | Op::Dispatch => {
                let next = self.unsent.pop_front().expect("sent, though nobody asked");
                assert_eq!(
                    next.is_some(),
                    op == Op::Request,
                    "not in the order of asking"
                );
                if let Some(asked) = next.and_then(|id| self.pending.get_mut(&id)) {
                    assert_eq!(heard.member("w").as_str(), Some(asked.w.as_str()));
                    assert_eq!(heard.member("a"), &asked.a);
                    let nonce = heard.member("n").clone();
                    if let Some(chosen) = asked.nonce.replace(nonce) {
                        assert_eq!(asked.nonce, Some(chosen), "the nonce was changed");
                    }
                    asked.sent = true;
                }
            }
            Op::Response => {
                assert!(self.bidirectional);
                let owed = self.answers.checked_sub(1);
                self.answers = owed.expect("a RESPONSE that nobody asked for");
            }
            Op::Hello | Op::HeartbeatAck => panic!("a packet of the server's: {op:?}"),
        }
    }

    /// A request has ended: it was pending, and it ended rightly.
    pub(super) fn settled(
        &mut self,
        id: RequestId,
        outcome: &Result<String, Unanswered>,
        heard: Option<&Heard>,
        now: Instant,
    ) {
        let asked = self.pending.remove(&id).expect("a request ended twice");
        self.unsent.retain(|unsent| *unsent != Some(id));
        match outcome {
            Ok(r) => {
                let heard = heard.expect("an answer out of nothing");
                assert_eq!(heard.packet(), Some(Op::Response));
                assert!(asked.sent, "an answer to what was not sent");
                let nonce = asked.nonce.as_ref().expect("what was sent has a nonce");
                assert!(nonce.same_as(heard.member("n")), "another's answer");
                assert!(same(r, heard.member("r")), "the answer was changed");
            }
            Err(Unanswered::TimedOut) => {
                assert!(asked.until.is_some_and(|until| until <= now), "too early");
                self.abandoned.extend(asked.nonce.filter(|_| asked.sent));
            }
            Err(Unanswered::Disconnected) => assert!(asked.sent),
            Err(Unanswered::NeverSent) => assert!(!asked.sent),
        }
    }

    /// What a message must lead to.
    pub(super) fn hears(&self, heard: &Heard) -> Wanted {
        match (heard.op, heard.whole, self.state) {
            (_, _, State::Over) => Wanted::Over,
            (Some(Op::Hello), true, State::Waiting) => Wanted::Ready,
            (Some(Op::Hello), false, State::Waiting) => Wanted::Over,
            (Some(Op::Response), true, _) => self
                .asker(heard.member("n"))
                .map_or(Wanted::Anything, Wanted::Settled),
            _ => Wanted::Anything,
        }
    }

    /// What a message had to lead to has happened. None but that ends a connection.
    pub(super) fn did(&self, wanted: &Wanted, text: &str) {
        let done = match wanted {
            Wanted::Anything => !self.is_over(),
            Wanted::Ready => self.is_ready(),
            Wanted::Over => self.is_over(),
            Wanted::Settled(id) => !self.pending.contains_key(id),
        };
        assert!(
            done,
            "wanted {wanted:?} of {text}, and it is {:?}",
            self.state
        );
    }

    /// The request that a RESPONSE with this nonce answers.
    fn asker(&self, nonce: &Json) -> Option<RequestId> {
        let mut sent = self.pending.iter().filter(|(_, asked)| asked.sent);
        let is = |asked: &Asked| asked.nonce.as_ref().is_some_and(|own| own.same_as(nonce));
        sent.find(|(_, asked)| is(asked)).map(|(id, _)| *id)
    }
}
