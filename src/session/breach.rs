//! Why a session ends a connection: one variant a cause, and each knows its close code.

use crate::protocol::close;
use crate::protocol::error::{DecodeError, DecodeFault, JsonFault};
use crate::protocol::opcode::Op;

/// The code and the reason of a close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The close code.
    pub code: u16,
    /// The reason, at most 123 bytes of UTF-8. Never quotes what the peer sent.
    pub reason: &'static str,
}

/// What the peer did, or failed to do, that ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// HELLO_ACK with a string that is not the password: 4001.
    #[error("wrong password")]
    WrongPassword,
    /// HELLO_ACK whose password is missing or no string: 4001.
    #[error("no password in HELLO_ACK")]
    NoPassword,
    /// REQUEST before authentication, even one that lacks members: 4002.
    #[error("REQUEST before authentication")]
    EarlyRequest,
    /// DISPATCH before authentication, even one that lacks members: 4002.
    #[error("DISPATCH before authentication")]
    EarlyDispatch,
    /// HEARTBEAT before authentication: 4002, without a HEARTBEAT_ACK.
    #[error("HEARTBEAT before authentication")]
    EarlyHeartbeat,
    /// No HELLO_ACK within the server's handshake limit: 4001.
    #[error("no HELLO_ACK in time")]
    HandshakeTimeout,
    /// No HEARTBEAT for an interval and its slack: 4003.
    #[error("no heartbeat in time")]
    HeartbeatTimeout,
    /// A text that is not JSON: 1007.
    #[error("not JSON")]
    NotJson,
    /// JSON beyond a stated limit: 1009.
    #[error("beyond a size or depth limit")]
    TooLarge,
    /// JSON, but no object with one integer `op`: 1008.
    #[error("not a packet")]
    NotAPacket,
    /// A known op without the members it needs: 1008.
    #[error("malformed packet")]
    Malformed(Op),
    /// An op that only the other side sends: 1008.
    #[error("packet of the other direction")]
    WrongDirection(Op),
    /// A binary message: 1003.
    #[error("binary message")]
    Binary,
    /// No HELLO within the client's limit: 1008.
    #[error("no HELLO in time")]
    HelloTimeout,
    /// HELLO without an integer `hb_interval` above zero: 1008.
    #[error("no valid hb_interval in HELLO")]
    BadInterval,
}

impl Breach {
    /// The code that closes the connection for this.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Breach::WrongPassword | Breach::NoPassword | Breach::HandshakeTimeout => {
                close::AUTHENTICATION_FAILED
            }
            Breach::EarlyRequest | Breach::EarlyDispatch | Breach::EarlyHeartbeat => {
                close::UNAUTHENTICATED
            }
            Breach::HeartbeatTimeout => close::HEARTBEAT_TIMEOUT,
            Breach::Binary => 1003,
            Breach::NotJson => 1007,
            Breach::TooLarge => 1009,
            Breach::NotAPacket
            | Breach::Malformed(_)
            | Breach::WrongDirection(_)
            | Breach::HelloTimeout
            | Breach::BadInterval => 1008,
        }
    }

    /// The close frame for this.
    #[must_use]
    pub fn closing(self) -> Closing {
        Closing {
            code: self.code(),
            reason: self.reason(),
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Breach::WrongPassword => "authentication failed: wrong password",
            Breach::NoPassword => "authentication failed: HELLO_ACK needs a string password",
            Breach::EarlyRequest => "REQUEST before HELLO_ACK",
            Breach::EarlyDispatch => "DISPATCH before HELLO_ACK",
            Breach::EarlyHeartbeat => "HEARTBEAT before HELLO_ACK",
            Breach::HandshakeTimeout => "authentication failed: no HELLO_ACK in time",
            Breach::HeartbeatTimeout => "heartbeat timeout",
            Breach::NotJson => "a packet is JSON",
            Breach::TooLarge => "packet beyond the size or depth limit",
            Breach::NotAPacket => "a packet is an object with one integer op",
            Breach::Malformed(_) => "a member of the packet is missing or has the wrong type",
            Breach::WrongDirection(_) => "this op is not yours to send",
            Breach::Binary => "packets travel in text frames",
            Breach::HelloTimeout => "no HELLO in time",
            Breach::BadInterval => "HELLO needs an integer hb_interval above zero",
        }
    }
}

/// The op a faulty packet has, as far as it can be told.
pub(super) fn op_of(error: &DecodeError) -> Option<Op> {
    match error.fault {
        DecodeFault::Missing(op, _) | DecodeFault::FieldType { op, .. } => Some(op),
        DecodeFault::Interval => Some(Op::Hello),
        DecodeFault::Json(_)
        | DecodeFault::NotAnObject(_)
        | DecodeFault::NoOp
        | DecodeFault::DuplicateOp
        | DecodeFault::OpType(_)
        | DecodeFault::OpNotInteger
        | DecodeFault::UnknownOp => None,
    }
}

/// What a text that is no packet amounts to; none for an op that the table lacks, which is nobody's
/// breach.
pub(super) fn breach_of(error: &DecodeError) -> Option<Breach> {
    match error.fault {
        DecodeFault::Json(JsonFault::TooDeep | JsonFault::TooLarge(_) | JsonFault::TooMany(_)) => {
            Some(Breach::TooLarge)
        }
        DecodeFault::Json(_) => Some(Breach::NotJson),
        DecodeFault::UnknownOp => None,
        DecodeFault::Missing(op, _) | DecodeFault::FieldType { op, .. } => {
            Some(Breach::Malformed(op))
        }
        DecodeFault::Interval => Some(Breach::Malformed(Op::Hello)),
        DecodeFault::NotAnObject(_)
        | DecodeFault::NoOp
        | DecodeFault::DuplicateOp
        | DecodeFault::OpType(_)
        | DecodeFault::OpNotInteger => Some(Breach::NotAPacket),
    }
}
