//! What a target can break at any time: one variant a breach, each with its rule and its words.

use std::time::Duration;

use super::Dialect;
use super::client_breach::ClientBreach;
use crate::protocol::opcode::Op;
use crate::protocol::rules::Level;

/// Something that must never happen on a connection we have used rightly.
#[expect(missing_docs, reason = "each variant's line says what its fields are")]
#[derive(Clone, Debug, PartialEq)]
pub enum Breach {
    /// The first packet is not HELLO.
    FirstNotHello { got: String },
    /// HELLO's `hb_interval` is missing or no integer above zero.
    BadInterval { got: String },
    /// A second HELLO on one connection.
    SecondHello,
    /// A message that is no JSON.
    NotJson { why: String },
    /// JSON, but no object.
    NotAnObject { got: String },
    /// An object whose `op` is missing or no integer.
    BadOp { got: String },
    /// A packet in a binary frame.
    BinaryFrame,
    /// An op of the table that a server does not send.
    WrongSender { op: u64, dialect: Dialect },
    /// In the bidirectional dialect: a REQUEST or DISPATCH to a client that has not authenticated.
    SpokeBeforeAuth { op: Op },
    /// A HEARTBEAT_ACK without a HEARTBEAT.
    AckUnasked { heartbeats: u64 },
    /// A HEARTBEAT that got no HEARTBEAT_ACK.
    AckMissing {
        heartbeats: u64,
        acks: u64,
        waited: Duration,
    },
    /// A RESPONSE without `n`.
    ResponseWithoutNonce { got: String },
    /// A RESPONSE without `r`.
    ResponseWithoutResult,
    /// A RESPONSE whose nonce is none of those that wait for an answer.
    ResponseToNobody { nonce: String, open: usize },
    /// A second RESPONSE to one REQUEST.
    ResponseTwice { nonce: String },
    /// A RESPONSE to a REQUEST of another connection.
    ResponseAstray { nonce: String, asked_on: String },
    /// A RESPONSE where only a DISPATCH was sent.
    ResponseToDispatch { nonce: String },
    /// 4003 before the interval was over.
    TimeoutEarly {
        silent: Duration,
        interval: Duration,
    },
    /// The TCP connection goes on after the close handshake.
    TcpLeftOpen { waited: Duration },
    /// What only a client can break.
    Client(ClientBreach),
}

impl Breach {
    /// The id of the rule this breaks.
    pub fn rule(&self) -> &'static str {
        match self {
            Breach::FirstNotHello { .. } => "hello.first",
            Breach::BadInterval { .. } => "hello.interval",
            Breach::SecondHello => "hello.once",
            Breach::NotJson { .. } | Breach::NotAnObject { .. } | Breach::BadOp { .. } => {
                "packet.object"
            }
            Breach::BinaryFrame => "packet.text",
            Breach::WrongSender { .. } => "packet.sender",
            Breach::SpokeBeforeAuth { .. } => "dialect.bidirectional",
            Breach::AckUnasked { .. } | Breach::AckMissing { .. } => "heartbeat.ack",
            Breach::ResponseWithoutNonce { .. } | Breach::ResponseWithoutResult => {
                "response.fields"
            }
            Breach::ResponseToNobody { open, .. } if *open > 0 => "request.nonce-any",
            Breach::ResponseToNobody { .. } | Breach::ResponseTwice { .. } => "request.response",
            Breach::ResponseAstray { .. } => "response.to-sender",
            Breach::ResponseToDispatch { .. } => "dispatch.no-response",
            Breach::TimeoutEarly { .. } => "heartbeat.timeout",
            Breach::TcpLeftOpen { .. } => "close.ends",
            Breach::Client(breach) => breach.rule(),
        }
    }

    /// Whether it is a matter of when, and not of what.
    pub fn is_timing(&self) -> bool {
        match self {
            Breach::TimeoutEarly { .. } | Breach::TcpLeftOpen { .. } => true,
            Breach::Client(breach) => breach.is_timing(),
            _ => false,
        }
    }

    /// How binding the broken part of the rule is.
    pub fn level(&self) -> Level {
        match self {
            Breach::SecondHello
            | Breach::BinaryFrame
            | Breach::ResponseWithoutResult
            | Breach::TcpLeftOpen { .. } => Level::Should,
            Breach::Client(breach) => breach.level(),
            Breach::FirstNotHello { .. }
            | Breach::BadInterval { .. }
            | Breach::NotJson { .. }
            | Breach::NotAnObject { .. }
            | Breach::BadOp { .. }
            | Breach::WrongSender { .. }
            | Breach::SpokeBeforeAuth { .. }
            | Breach::AckUnasked { .. }
            | Breach::AckMissing { .. }
            | Breach::ResponseWithoutNonce { .. }
            | Breach::ResponseToNobody { .. }
            | Breach::ResponseTwice { .. }
            | Breach::ResponseAstray { .. }
            | Breach::ResponseToDispatch { .. }
            | Breach::TimeoutEarly { .. } => Level::Must,
        }
    }

    /// What should have been seen, as a fragment.
    pub fn expected(&self) -> String {
        match self {
            Breach::FirstNotHello { .. } => "HELLO as the first packet".into(),
            Breach::BadInterval { .. } => "hb_interval: an integer above zero".into(),
            Breach::SecondHello => "one HELLO a connection".into(),
            Breach::NotJson { .. } => "JSON text".into(),
            Breach::NotAnObject { .. } => "a JSON object".into(),
            Breach::BadOp { .. } => "an integer op".into(),
            Breach::BinaryFrame => "a text frame".into(),
            Breach::WrongSender { dialect, .. } => match dialect {
                Dialect::Text => "HELLO, HEARTBEAT_ACK or RESPONSE".into(),
                Dialect::Bidirectional => {
                    "HELLO, HEARTBEAT_ACK, RESPONSE, REQUEST or DISPATCH".into()
                }
            },
            Breach::SpokeBeforeAuth { op } => {
                format!("no {} to a client before its right HELLO_ACK", op.name())
            }
            Breach::AckUnasked { heartbeats } => {
                format!("no more than {heartbeats} HEARTBEAT_ACK, one for each HEARTBEAT")
            }
            Breach::AckMissing { heartbeats, .. } => {
                format!("{heartbeats} HEARTBEAT_ACK, one for each HEARTBEAT")
            }
            Breach::ResponseWithoutNonce { .. } => "a RESPONSE with n".into(),
            Breach::ResponseWithoutResult => "a RESPONSE with r".into(),
            Breach::ResponseToNobody { open: 0, .. } => {
                "no RESPONSE: nothing was asked on this connection".into()
            }
            Breach::ResponseToNobody { open, .. } => {
                format!("a RESPONSE with the nonce of one of the {open} open requests")
            }
            Breach::ResponseTwice { .. } => "one RESPONSE a REQUEST".into(),
            Breach::ResponseAstray { asked_on, .. } => {
                format!("the RESPONSE on connection {asked_on}, which asked")
            }
            Breach::ResponseToDispatch { .. } => "no answer to a DISPATCH".into(),
            Breach::TimeoutEarly { interval, .. } => {
                format!(
                    "no 4003 within {} ms of our last HEARTBEAT",
                    interval.as_millis()
                )
            }
            Breach::TcpLeftOpen { .. } => "the TCP connection to end after the close".into(),
            Breach::Client(breach) => breach.expected(),
        }
    }

    /// What was seen, as a fragment. Text of the target's is in it as it came.
    pub fn actual(&self) -> String {
        match self {
            Breach::FirstNotHello { got }
            | Breach::BadInterval { got }
            | Breach::NotAnObject { got }
            | Breach::BadOp { got }
            | Breach::ResponseWithoutNonce { got } => got.clone(),
            Breach::SecondHello => "another HELLO".into(),
            Breach::NotJson { why } => why.clone(),
            Breach::BinaryFrame => "a packet in a binary frame".into(),
            Breach::WrongSender { op, .. } => format!("a packet with op {op}"),
            Breach::SpokeBeforeAuth { op } => format!("a {} (op {})", op.name(), *op as u64),
            Breach::AckUnasked { .. } => "one HEARTBEAT_ACK more".into(),
            Breach::AckMissing { acks, waited, .. } => {
                format!(
                    "{acks} HEARTBEAT_ACK, {} ms after the last HEARTBEAT",
                    waited.as_millis()
                )
            }
            Breach::ResponseWithoutResult => "a RESPONSE without r".into(),
            Breach::ResponseToNobody { nonce, .. } | Breach::ResponseToDispatch { nonce } => {
                format!("a RESPONSE with the nonce {nonce}")
            }
            Breach::ResponseTwice { nonce } => format!("a second RESPONSE with the nonce {nonce}"),
            Breach::ResponseAstray { nonce, .. } => {
                format!("a RESPONSE with the nonce {nonce} on another connection")
            }
            Breach::TimeoutEarly { silent, .. } => {
                format!(
                    "closed with 4003 after {:.1} ms",
                    silent.as_secs_f64() * 1e3
                )
            }
            Breach::TcpLeftOpen { waited } => {
                format!("still open {} ms after our echo", waited.as_millis())
            }
            Breach::Client(breach) => breach.actual(),
        }
    }
}

#[cfg(test)]
mod tests;
