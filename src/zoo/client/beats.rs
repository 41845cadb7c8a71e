//! Defects of the heartbeat's time: heartbeats that come too late, or not at all.

use std::time::Duration;

use tokio::time::Instant;

use super::bend::{Bend, Ctx, Facts, HEARTBEAT, Heard, read};
use super::{Member, defect};
use crate::protocol::opcode::Op;
use crate::zoo::wire::{AS_IS, Wire};

const RULE: &str = "client.heartbeat-interval";

/// What is waited with a period that is right.
const RIGHT: f64 = 0.8;

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

/// Looks at its timer only when something comes.
struct Woken;

impl Bend for Woken {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if read(&packet).0 != Some(Op::Heartbeat) {
            ctx.say(packet);
        }
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        ctx.hear(heard.text);
        let due = ctx.facts.greeted.and(each(ctx.facts, RIGHT));
        if due.is_some_and(|due| due <= ctx.facts.now) {
            ctx.say(HEARTBEAT);
        }
    }
}

/// Stops beating when it has heard this.
struct Stops {
    at: fn(&Heard<'_>, &Ctx<'_, '_>) -> bool,
    stopped: bool,
}

impl Stops {
    fn boxed(at: fn(&Heard<'_>, &Ctx<'_, '_>) -> bool) -> Box<dyn Bend> {
        let stopped = false;
        Box::new(Stops { at, stopped })
    }
}

impl Bend for Stops {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        self.stopped |= (self.at)(&heard, ctx);
        ctx.hear(heard.text);
    }

    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if !(self.stopped && read(&packet).0 == Some(Op::Heartbeat)) {
            ctx.say(packet);
        }
    }
}

/// A clock of its own.
macro_rules! beats {
    ($name:literal, $sentence:literal, $clock:expr) => {
        defect($name, RULE, $sentence).bend(|_, _| Box::new(Beats($clock)))
    };
}

pub(super) const DEFECTS: &[Member] = &[
    beats!("beats-never", "There are no heartbeats.", |_| None),
    beats!(
        "beats-late",
        "A heartbeat comes every one and a half intervals.",
        |facts| each(facts, 1.5)
    ),
    beats!(
        "beats-every-second-interval",
        "A heartbeat comes every two intervals.",
        |facts| each(facts, 2.0)
    ),
    beats!(
        "beats-first-after-two",
        "The first heartbeat comes two intervals after HELLO_ACK.",
        |facts| each(facts, if facts.beats == 0 { 2.0 } else { RIGHT })
    ),
    beats!(
        "beats-slow-down",
        "The time from one heartbeat to the next grows by a twentieth each time.",
        |facts| each(
            facts,
            RIGHT * 1.05_f64.powi(facts.beats.min(100).cast_signed())
        )
    ),
    beats!(
        "beats-stop-after-three",
        "There are three heartbeats on a connection.",
        |facts| each(facts, RIGHT).filter(|_| facts.beats < 3)
    ),
    beats!(
        "beats-not-on-the-second",
        "There are heartbeats on the first connection only.",
        |facts| each(facts, RIGHT).filter(|_| facts.conn == 0)
    ),
    beats!(
        "beats-every-ten-seconds",
        "A heartbeat comes every ten seconds, whatever HELLO says.",
        |facts| every(facts, Duration::from_secs(10))
    ),
    beats!(
        "interval-in-seconds",
        "The interval is taken for seconds.",
        |facts| every(facts, facts.interval?.saturating_mul(1000))
    ),
    beats!(
        "interval-at-least-a-second",
        "An interval below a second is taken for a second.",
        |facts| every(facts, facts.interval?.max(Duration::from_secs(1)))
    ),
    beats!(
        "interval-of-the-first-connection",
        "The interval of the first HELLO counts for all connections.",
        |facts| every(facts, facts.world.state().intervals.first()?.mul_f64(RIGHT))
    ),
    beats!(
        "interval-of-the-last-connection",
        "The interval is that of the HELLO before, where there was one.",
        |facts| {
            let before = facts.world.state().intervals.iter().rev().nth(1).copied();
            every(facts, before.or(facts.interval)?.mul_f64(RIGHT))
        }
    ),
    beats!(
        "interval-of-the-longest",
        "The longest interval that was ever heard counts.",
        |facts| every(
            facts,
            facts.world.state().intervals.iter().max()?.mul_f64(RIGHT)
        )
    ),
    beats!(
        "beats-not-while-it-waits",
        "There are no heartbeats while a request waits for its answer.",
        |facts| each(facts, RIGHT).filter(|_| facts.pending.is_empty())
    ),
    beats!(
        "beats-put-off-by-what-comes",
        "Whatever comes puts the next heartbeat off by an interval.",
        |facts| Some(facts.since().max(facts.last_heard)? + facts.hb(RIGHT)?)
    ),
    beats!(
        "beats-put-off-by-what-goes",
        "Whatever it sends counts as a heartbeat.",
        |facts| Some(facts.since().max(facts.last_said)? + facts.hb(RIGHT)?)
    ),
    beats!(
        "beats-wait-for-the-ack",
        "The next heartbeat comes an interval after the last HEARTBEAT_ACK, and without that never.",
        |facts| match facts.beats {
            0 => each(facts, 1.0),
            _ if facts.acks < facts.beats => None,
            _ => Some(facts.last_ack? + facts.hb(1.0)?),
        }
    ),
    beats!(
        "beats-stop-at-a-missing-ack",
        "A HEARTBEAT_ACK that has not come when the next heartbeat is due ends the heartbeats.",
        |facts| {
            let due = each(facts, RIGHT)?;
            // One that came later than that does not bring them back.
            let in_time = facts.acks >= facts.beats && facts.last_ack <= Some(due);
            (facts.beats == 0 || in_time || facts.now < due).then_some(due)
        }
    ),
    defect(
        "beats-only-behind-traffic",
        RULE,
        "Whether a heartbeat is due is looked at when something comes.",
    )
    .bend(|_, _| Box::new(Woken)),
    defect(
        "beats-by-pings",
        RULE,
        "The heartbeats are WebSocket pings.",
    )
    .bend(|_, _| Box::new(Beats(|_| None)))
    .wire(Wire {
        pings: Some(Duration::from_millis(250)),
        ..AS_IS
    }),
    defect(
        "beats-stop-at-an-odd-ack",
        RULE,
        "A HEARTBEAT_ACK that is not spelled as usual ends the heartbeats.",
    )
    .bend(|_, _| {
        Stops::boxed(|heard, _| {
            let usual = matches!(heard.text, r#"{"op":3}"# | r#"{"op": 3}"#);
            heard.is(Op::HeartbeatAck) && !usual
        })
    }),
    defect(
        "beats-stop-at-a-second-ack",
        RULE,
        "A HEARTBEAT_ACK too many ends the heartbeats.",
    )
    .bend(|_, _| Stops::boxed(|_, ctx| ctx.facts.acks > ctx.facts.beats)),
    defect(
        "beats-stop-at-an-answer",
        RULE,
        "The first RESPONSE ends the heartbeats.",
    )
    .bend(|_, _| Stops::boxed(|heard, _| heard.is(Op::Response))),
];
