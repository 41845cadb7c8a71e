//! What a client session tells its user.

use std::time::Duration;

use super::client::{RequestId, Unanswered};
use crate::protocol::error::DecodeError;
use crate::protocol::opcode::Op;

/// What the user is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// HELLO came and HELLO_ACK goes out; the protocol does not tell a client that it was accepted.
    Greeted {
        /// The interval that HELLO announced.
        hb_interval: Duration,
    },
    /// A request has ended, one way or the other. Comes once for each.
    Settled {
        /// Which request.
        id: RequestId,
        /// The text of the RESPONSE's `r`, or why there is none.
        outcome: Result<String, Unanswered>,
    },
    /// A HEARTBEAT_ACK came: the server takes us for authenticated.
    HeartbeatAck,
    /// A RESPONSE came whose nonce no request in flight has: unknown, late, or a repetition.
    Stranger {
        /// The text of the nonce.
        nonce: String,
    },
    /// In the bidirectional dialect: the server asks for something. [`ClientSession::answer`](super::client::ClientSession::answer)
    /// answers.
    Asked(Asked),
    /// In the bidirectional dialect: a DISPATCH came.
    Told {
        /// What it is about; empty if it is no Unicode text.
        w: String,
        /// Its arguments: the text of a JSON list.
        a: String,
    },
    /// Something else was passed over.
    Ignored(Ignored),
}

/// A REQUEST of the server's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What is asked for; empty if it is no Unicode text.
    pub w: String,
    /// The arguments: the text of a JSON list.
    pub a: String,
    pub(super) nonce: String,
}

/// What a client passes over, and lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// A HELLO behind the first one; its interval has no effect.
    SecondHello,
    /// A packet that only clients send.
    WrongDirection(Op),
    /// A text that is no packet of the table.
    Undecodable(DecodeError),
    /// A binary message.
    Binary,
}
