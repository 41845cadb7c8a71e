//! Answering a server that asks us, in the bidirectional dialect: unasked, as pings are answered.

use tokio::time::Instant;

use super::item::{Beside, Got, Item};
use super::link::AUTO_QUEUE;
use super::player::Player;
use super::send::{How, Ready};
use crate::outcome::EntryKind;
use crate::protocol::codec;
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::protocol::packet::Packet;
use crate::wire::opcode;

impl Player<'_> {
    /// A line has passed an arrival over. In a scenario with lines about the server's REQUESTs these
    /// wait for such a line; what none takes is answered then, for a server may need it to go on.
    pub(super) fn passed_over(&mut self, index: usize, item: &Item) {
        if self.answers_itself && item.beside == Some(Beside::Unasked) {
            self.reply(index, Instant::now(), &item.got);
        }
    }

    /// Answers a server's REQUEST on the connection that it came on. Its DISPATCHes, and REQUESTs
    /// without a nonce, want no answer.
    pub(super) fn reply(&mut self, index: usize, at: Instant, got: &Got) {
        let Got::Packet { packet, bytes, .. } = got else {
            return;
        };
        let link = &self.links[index];
        // Between the bytes of a frame that a scenario writes itself there is no room for another.
        let held_back = link.raw || link.over() || link.conn.queued() > AUTO_QUEUE;
        if self.hosting.is_some() || held_back {
            return;
        }
        if super::pump::op(packet) != Some(u64::from(Op::Request.number())) {
            return;
        }
        let Some(nonce) = packet.get("n") else {
            return;
        };
        let w = packet.get("w").and_then(Json::as_str).unwrap_or_default();
        let r = self.settings.answers.get(w).map_or("null", String::as_str);
        let text = format!(r#"{{"op": 5, "n": {}, "r": {r}}}"#, spelled(bytes, nonce));
        let response = Ready {
            kind: EntryKind::Text,
            shown: self.settings.redactor.shown(text.as_bytes()),
            how: How::Frame(opcode::TEXT, text.into_bytes()),
        };
        self.put(index, response, at, true);
    }
}

/// The nonce as the server spelled it, as far as its packet can be read that closely.
fn spelled(request: &[u8], nonce: &Json) -> String {
    match codec::decode_within(request, usize::MAX) {
        Ok(Packet::Request { n, .. }) => n.as_str().to_owned(),
        _ => nonce.to_string(),
    }
}
