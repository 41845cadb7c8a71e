//! What a server asks its client, where the bidirectional dialect is spoken.

use std::collections::BTreeSet;

use crate::protocol::codec;
use crate::protocol::error::JsonType;
use crate::protocol::json::Json;
use crate::protocol::packet::{Packet, Raw, Str};

/// Names a REQUEST of the server's on one connection. Never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(u64);

/// Why a server's REQUEST or DISPATCH is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// The text alone is spoken: only clients ask.
    #[error("the bidirectional dialect is not spoken")]
    NotSpoken,
    /// The client has not authenticated, or the connection is over.
    #[error("the client is not there")]
    NotThere,
    /// Too many wait for their answers already.
    #[error("too many requests wait for the client's answer")]
    Full,
    /// The arguments are not the text of a JSON list.
    #[error("the arguments are no JSON list")]
    Arguments,
}

/// The server's REQUESTs that wait for the client's RESPONSE.
///
/// Their nonces count from 1. That clients often count so too does no harm: what each side has asked
/// is a matter of its own.
#[derive(Debug)]
pub(super) struct Asks {
    most: usize,
    waiting: BTreeSet<u64>,
    last: u64,
}

impl Asks {
    /// At most so many wait at once; none: the text alone is spoken.
    pub(super) fn new(most: usize) -> Asks {
        Asks {
            most,
            waiting: BTreeSet::new(),
            last: 0,
        }
    }

    /// Whether the dialect is spoken.
    pub(super) fn spoken(&self) -> bool {
        self.most > 0
    }

    /// The REQUEST to send.
    pub(super) fn ask(&mut self, w: &str, a: &str) -> Result<(AskId, String), NotAsked> {
        let a = arguments(a)?;
        if self.waiting.len() >= self.most {
            return Err(NotAsked::Full);
        }
        self.last += 1;
        let nonce = self.last.to_string();
        let packet = codec::encode(&Packet::Request {
            w: Str::plain(w),
            a,
            n: Raw::parse(&nonce).expect("the digits of a number are JSON"),
        });
        self.waiting.insert(self.last);
        Ok((AskId(self.last), packet))
    }

    /// The DISPATCH to send.
    pub(super) fn tell(w: &str, a: &str) -> Result<String, NotAsked> {
        let (w, a) = (Str::plain(w), arguments(a)?);
        Ok(codec::encode(&Packet::Dispatch { w, a }))
    }

    /// The REQUEST that a RESPONSE with this nonce answers, if one waits. It waits no longer.
    pub(super) fn answered(&mut self, n: Raw<'_>) -> Option<AskId> {
        if n.json_type() != JsonType::Number {
            return None;
        }
        let nonce = Json::parse(n.as_bytes()).ok()?.as_u64()?;
        self.waiting.remove(&nonce).then_some(AskId(nonce))
    }

    /// Nobody wants the answer any more.
    pub(super) fn forget(&mut self, id: AskId) {
        self.waiting.remove(&id.0);
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

fn arguments(a: &str) -> Result<Raw<'_>, NotAsked> {
    match Raw::parse(a) {
        Ok(a) if a.json_type() == JsonType::List => Ok(a),
        _ => Err(NotAsked::Arguments),
    }
}
