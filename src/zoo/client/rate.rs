//! Defects of the heartbeat's rate: heartbeats that come too often.

use std::time::Duration;

use super::beats::{Beats, each, every};
use super::bend::{Bend, Ctx, Facts, HEARTBEAT};
use super::bends::{Hears, Says};
use super::{Member, defect};
use crate::protocol::opcode::Op;

const RULE: &str = "client.heartbeat-rate";

/// The shortest period of a clock that has gone wild: nobody learns more from a shorter one.
const WILD: Duration = Duration::from_millis(20);

/// Every connection adds a timer, and none is ever stopped.
struct PilesUp;

impl Bend for PilesUp {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        let before = match packet == HEARTBEAT {
            true => ctx.facts.conn,
            false => 0,
        };
        ctx.say(packet);
        for _ in 0..before {
            ctx.say(HEARTBEAT);
        }
    }
}

fn at_most(facts: &Facts, most: Duration) -> Option<tokio::time::Instant> {
    every(facts, facts.hb(0.8)?.min(most))
}

pub(super) const DEFECTS: &[Member] = &[
    defect(
        "beats-ten-times",
        RULE,
        "There are ten heartbeats in an interval.",
    )
    .bend(|_, _| Box::new(Beats(|facts| each(facts, 0.1)))),
    defect(
        "beats-in-a-burst",
        RULE,
        "HELLO_ACK is followed by six heartbeats.",
    )
    .bend(|_, _| {
        Box::new(Says(Op::HelloAck, |packet, ctx| {
            ctx.say(packet);
            for _ in 0..6 {
                ctx.say(HEARTBEAT);
            }
        }))
    }),
    defect(
        "beats-at-every-answer",
        RULE,
        "Every RESPONSE is followed by a heartbeat.",
    )
    .bend(|_, _| {
        Box::new(Hears(|heard, ctx| {
            ctx.hear(heard.text);
            if heard.is(Op::Response) && ctx.is_in() {
                ctx.say(HEARTBEAT);
            }
        }))
    }),
    defect(
        "beats-pile-up",
        RULE,
        "Every connection has one more heartbeat an interval than the one before.",
    )
    .bend(|_, _| Box::new(PilesUp)),
    defect(
        "interval-at-most-a-second",
        RULE,
        "An interval above a second is taken for a second.",
    )
    .bend(|_, _| Box::new(Beats(|facts| at_most(facts, Duration::from_secs(1))))),
    defect(
        "interval-by-its-milliseconds",
        RULE,
        "Only what the interval has beyond whole seconds counts.",
    )
    .bend(|_, _| {
        Box::new(Beats(|facts| {
            let millis = facts.interval?.subsec_millis();
            at_most(facts, Duration::from_millis(millis.into()).max(WILD))
        }))
    }),
    defect(
        "interval-of-the-shortest",
        RULE,
        "The shortest interval that was ever heard counts.",
    )
    .bend(|_, _| {
        Box::new(Beats(|facts| {
            every(
                facts,
                facts.world.state().intervals.iter().min()?.mul_f64(0.8),
            )
        }))
    }),
];
