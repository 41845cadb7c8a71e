//! Defects of the heartbeat's time.

use std::time::Duration;

use tokio::time::Instant;

use super::bend::{Bend, Ctx, Facts, HEARTBEAT, read};
use super::{Member, defect};
use crate::protocol::opcode::Op;

const RULE: &str = "client.heartbeat-interval";

/// Beats by a clock of its own: the next one is due then, none: never.
pub(super) struct Beats(pub(super) fn(&Facts) -> Option<Instant>);

impl Bend for Beats {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if read(&packet).0 != Some(Op::Heartbeat) {
            ctx.say(packet);
        }
    }

    fn due(&self, facts: &Facts) -> Option<Instant> {
        facts.greeted?;
        (self.0)(facts)
    }

    fn rings(&mut self, ctx: &mut Ctx<'_, '_>) {
        ctx.say(HEARTBEAT);
    }
}

/// So long behind the last heartbeat, or behind HELLO_ACK where there was none yet.
pub(super) fn every(facts: &Facts, period: Duration) -> Option<Instant> {
    Some(facts.since()? + period)
}

/// So many intervals behind it.
pub(super) fn each(facts: &Facts, share: f64) -> Option<Instant> {
    every(facts, facts.hb(share)?)
}

pub(super) const DEFECTS: &[Member] = &[
    defect("beats-never", RULE, "There are no heartbeats.").bend(|_, _| Box::new(Beats(|_| None))),
    defect(
        "beats-late",
        RULE,
        "A heartbeat comes every one and a half intervals.",
    )
    .bend(|_, _| Box::new(Beats(|facts| each(facts, 1.5)))),
];
