//! What a member of the zoo makes of a text.

use crate::protocol::codec;
use crate::protocol::error::DecodeFault;
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::protocol::packet::{Packet, Raw};

/// A text from the other side, and what it is.
#[derive(Clone, Copy)]
pub(super) struct Heard<'a> {
    pub(super) text: &'a str,
    /// None where it is no packet.
    pub(super) packet: Option<Packet<'a>>,
}

impl<'a> Heard<'a> {
    pub(super) fn new(text: &'a str) -> Heard<'a> {
        Heard {
            text,
            packet: codec::decode(text.as_bytes()).ok(),
        }
    }

    pub(super) fn op(&self) -> Option<Op> {
        self.packet.map(|packet| packet.op())
    }

    pub(super) fn is(&self, op: Op) -> bool {
        self.op() == Some(op)
    }

    /// What it is as far as that can be told of a faulty packet too.
    pub(super) fn meant(&self) -> Option<Op> {
        match self.op() {
            Some(op) => Some(op),
            None => match codec::decode(self.text.as_bytes()).err()?.fault {
                DecodeFault::Missing(op, _) | DecodeFault::FieldType { op, .. } => Some(op),
                _ => None,
            },
        }
    }

    /// The nonce of a REQUEST.
    pub(super) fn nonce(&self) -> Option<&'a str> {
        match self.packet {
            Some(Packet::Request { n, .. }) => Some(n.as_str()),
            _ => None,
        }
    }

    /// The nonce and the answer of a RESPONSE.
    pub(super) fn answer(&self) -> Option<(Raw<'a>, Raw<'a>)> {
        match self.packet {
            Some(Packet::Response { n, r }) => Some((n, r)),
            _ => None,
        }
    }

    /// The text as a value, whatever it is; none for one that is long, which nobody looks into.
    pub(super) fn json(&self) -> Option<Json> {
        (self.text.len() < 4096)
            .then(|| Json::parse(self.text.as_bytes()).ok())
            .flatten()
    }
}

/// The op, and of a RESPONSE the nonce and the answer.
pub(super) fn read(packet: &str) -> (Option<Op>, Option<(Raw<'_>, Raw<'_>)>) {
    match codec::decode(packet.as_bytes()) {
        Ok(Packet::Response { n, r }) => (Some(Op::Response), Some((n, r))),
        Ok(other) => (Some(other.op()), None),
        Err(_) => (None, None),
    }
}
