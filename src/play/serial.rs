//! Clients that ask one thing at a time. Nothing forbids it, and what takes several requests in flight
//! cannot be played against them.

use tokio::time::Instant;

use super::ended::Ended;
use super::fit::{Fit, fit};
use super::item::Got;
use super::link::Link;
use super::player::Player;
use super::pump::op;
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::scenario::syntax::{Expect, Expectation, Pattern};

/// Requests in flight that are kept in mind, and the bytes of the longest nonce.
const KEPT: usize = 1024;
const NONCE: usize = 4096;

impl Link {
    /// A driven client has sent a packet.
    pub(super) fn asked(&mut self, packet: &Json) {
        if let (Some(4), Some(nonce)) = (op(packet), packet.get("n"))
            && self.in_flight.len() < KEPT
            && nonce.held() <= NONCE
        {
            self.in_flight.push_back(nonce.clone());
        }
    }

    /// We have sent a packet.
    pub(super) fn answered(&mut self, packet: &Json) {
        if let (Some(5), Some(nonce)) = (op(packet), packet.get("n")) {
            self.in_flight.retain(|asked| !asked.same_as(nonce));
        }
    }
}

impl Player<'_> {
    /// A packet that a driven client was told to send has not come. If it does once all that is in
    /// flight has been answered, the client asks in turn: that is how the scenario ends then.
    pub(crate) async fn in_turn(
        &mut self,
        link: usize,
        line: &Expectation,
    ) -> Result<Option<Ended>, Ended> {
        let drives = self.hosting.as_ref().is_some_and(|hosting| hosting.drives);
        let waits = !self.links[link].in_flight.is_empty() && !self.links[link].over();
        if !drives || !waits || !is_told(&line.what) {
            return Ok(None);
        }
        for _ in 0..KEPT {
            while let Some(nonce) = self.links[link].in_flight.pop_front() {
                let answer = format!(r#"{{"op": 5, "n": {nonce}, "r": null}}"#);
                self.send_literal(link, &answer).await?;
            }
            let until = Instant::now() + self.settings.answer_within;
            let Some(item) = self.next_item(link, until).await? else {
                return Ok(None);
            };
            if matches!(fit(false, &line.what, &item, &mut self.env)?, Fit::Yes) {
                let why = "it needs a client that has several requests in flight: this one asks one \
                           thing at a time";
                return Ok(Some(Ended::Skipped(why.to_owned())));
            }
            match item.got {
                Got::Packet { .. } => self.take(link, &item),
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}

/// Whether a line is about what a client is told to send.
fn is_told(what: &Expect) -> bool {
    let Expect::Packet(Pattern::Members { members, .. }) = what else {
        return false;
    };
    let told = [Op::Request, Op::Dispatch].map(|op| op as u64);
    members.iter().any(|(name, pattern)| {
        name == "op"
            && matches!(pattern, Pattern::Literal(op) if op.as_u64().is_some_and(|op| told.contains(&op)))
    })
}
