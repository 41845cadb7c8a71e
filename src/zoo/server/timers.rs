//! Defects of the heartbeat timer.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::bend::{Bend, Ctx, Facts, Heard};
use super::super::world::{Act, World};
use super::{Member, defect};
use crate::protocol::opcode::Op;
use crate::reference::layer::Closing;

const TIMEOUT: &str = "heartbeat.timeout";
const ALIVE: &str = "heartbeat.keeps-alive";
const ONLY: &str = "heartbeat.only-heartbeats";

/// As the reference has it at usual intervals: an interval and a quarter.
const USUAL: f64 = 1.25;

/// Has a timer of its own; unauthenticated clients are the session's.
pub(super) struct Clock(pub(super) fn(&Facts) -> Option<Instant>);

impl Bend for Clock {
    fn deadline(&self, facts: &Facts, session: Option<Instant>) -> Option<Instant> {
        match facts.let_in {
            None => session,
            Some(_) => (self.0)(facts),
        }
    }

    fn timeout(&mut self, ctx: &mut Ctx<'_, '_>) {
        match ctx.facts.let_in {
            None => ctx.time_out(),
            Some(_) => ctx.close(4003),
        }
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if heard.is(Op::Heartbeat) && ctx.is_in() {
            let mut world = ctx.facts.world.state();
            world.beaten = world.beaten.max(Some(ctx.facts.now));
        }
        ctx.hear(heard.text);
    }
}

/// The last sign of life as the reference counts it.
pub(super) fn last(facts: &Facts) -> Option<Instant> {
    facts.last_beat.or(facts.let_in)
}

/// So many intervals behind a moment.
pub(super) fn behind(facts: &Facts, since: Option<Instant>, share: f64) -> Option<Instant> {
    Some(since? + facts.hb(share))
}

/// A timer that something besides heartbeats resets.
fn reset_by(facts: &Facts, other: Option<Instant>) -> Option<Instant> {
    behind(facts, last(facts).max(other), USUAL)
}

/// Gives silent clients up in another way.
struct GivesUp(fn(&mut Ctx<'_, '_>));

impl Bend for GivesUp {
    fn closes(&mut self, closing: Closing, ctx: &mut Ctx<'_, '_>) {
        match closing.code == 4003 && ctx.facts.let_in.is_some() {
            true => (self.0)(ctx),
            false => ctx.close_saying(closing.code, closing.reason),
        }
    }
}

/// Its timer closes whoever comes after it.
struct Stale(Option<Instant>);

impl Bend for Stale {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        ctx.hear(heard.text);
        if heard.is(Op::Heartbeat) {
            self.0 = Some(ctx.facts.now + ctx.facts.hb(USUAL));
        }
    }

    fn leaves(&mut self, facts: &Facts, _: &mut Vec<Act>) {
        let Some(due) = self.0.filter(|due| *due > facts.now) else {
            return;
        };
        let (world, id) = (Arc::clone(&facts.world), facts.id);
        // A connection also goes when its runtime does.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep_until(due).await;
                for next in id + 1..=world.newest() {
                    world.tell(next, Act::Close(4003));
                }
            });
        }
    }
}

/// Heartbeats that come while a request is worked on are acknowledged and not counted.
struct Confused {
    since: Option<Instant>,
}

impl Bend for Confused {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        ctx.hear(heard.text);
        let busy = ctx
            .facts
            .last_request
            .is_some_and(|asked| ctx.facts.now - asked < ctx.facts.hb(0.45));
        let first = self.since.is_none() && ctx.is_in();
        if first || heard.is(Op::Heartbeat) && !busy {
            self.since = Some(ctx.facts.now);
        }
    }

    fn deadline(&self, facts: &Facts, session: Option<Instant>) -> Option<Instant> {
        match self.since {
            None => session,
            since => behind(facts, since, USUAL),
        }
    }

    fn timeout(&mut self, ctx: &mut Ctx<'_, '_>) {
        ctx.close(4003);
    }
}

fn clock(_: &Arc<World>, _: usize, deadline: fn(&Facts) -> Option<Instant>) -> Box<dyn Bend> {
    Box::new(Clock(deadline))
}

pub(super) const DEFECTS: &[Member] = &[
    defect("timeout-never", TIMEOUT, "A silent client is never closed.")
        .bend(|w, i| clock(w, i, |_| None)),
    defect(
        "timeout-early",
        TIMEOUT,
        "A silent client is closed after 0.7 intervals.",
    )
    .bend(|w, i| clock(w, i, |f| behind(f, last(f), 0.7))),
    defect(
        "timeout-a-little-early",
        TIMEOUT,
        "A silent client is closed after 0.96 intervals.",
    )
    .bend(|w, i| clock(w, i, |f| behind(f, last(f), 0.96))),
    defect(
        "timeout-late",
        "heartbeat.prompt",
        "A silent client is closed three seconds after its third interval.",
    )
    .bend(|w, i| {
        clock(w, i, |f| {
            Some(behind(f, last(f), 3.0)? + Duration::from_secs(3))
        })
    }),
    defect("timer-not-reset", ALIVE, "No heartbeat resets the timer.")
        .bend(|w, i| clock(w, i, |f| behind(f, f.let_in, 1.5))),
    defect(
        "timer-reset-once",
        ALIVE,
        "Only the first heartbeat resets the timer.",
    )
    .bend(|w, i| clock(w, i, |f| behind(f, f.first_beat.or(f.let_in), 1.5))),
    defect(
        "timer-adds-up",
        TIMEOUT,
        "Each heartbeat adds an interval to the deadline.",
    )
    .bend(|w, i| clock(w, i, |f| behind(f, f.let_in, USUAL + f64::from(f.beats)))),
    defect(
        "timer-armed-by-the-first-heartbeat",
        TIMEOUT,
        "There is no timer before the first heartbeat.",
    )
    .bend(|w, i| clock(w, i, |f| behind(f, f.last_beat, USUAL))),
    defect(
        "timer-armed-once",
        TIMEOUT,
        "Only the first connections of the server have a timer.",
    )
    .bend(|w, i| {
        clock(w, i, |f| {
            behind(f, last(f), USUAL).filter(|_| f.id % 2 == 1)
        })
    }),
    defect(
        "timer-shared",
        TIMEOUT,
        "The heartbeats of one connection keep all of them alive.",
    )
    .bend(|w, i| {
        clock(w, i, |f| {
            behind(f, last(f).max(f.world.state().beaten), USUAL)
        })
    }),
    defect(
        "timer-outlives-its-connection",
        TIMEOUT,
        "The timer of a connection that has gone closes those that came after it.",
    )
    .bend(|_, _| Box::new(Stale(None))),
    defect(
        "timeout-of-one-ends-all",
        ALIVE,
        "A client that times out takes all others with it.",
    )
    .bend(|_, _| {
        Box::new(GivesUp(|ctx| {
            ctx.facts.world.tell_others(ctx.facts.id, &Act::Close(4003));
            ctx.close(4003);
        }))
    }),
    defect(
        "timer-confused-by-requests",
        ALIVE,
        "Heartbeats right behind a request do not reset the timer.",
    )
    .bend(|_, _| Box::new(Confused { since: None })),
    defect("any-packet-counts", ONLY, "Any packet resets the timer.")
        .bend(|w, i| clock(w, i, |f| reset_by(f, f.last_packet))),
    defect("requests-count", ONLY, "Requests reset the timer.")
        .bend(|w, i| clock(w, i, |f| reset_by(f, f.last_request))),
    defect("dispatches-count", ONLY, "Dispatches reset the timer.")
        .bend(|w, i| clock(w, i, |f| reset_by(f, f.last_dispatch))),
    defect(
        "pings-count",
        ONLY,
        "WebSocket pings and pongs reset the timer.",
    )
    .bend(|w, i| clock(w, i, |f| reset_by(f, f.last_control))),
    defect(
        "timeout-1000",
        TIMEOUT,
        "A silent client is closed with 1000.",
    )
    .bend(|_, _| Box::new(GivesUp(|ctx| ctx.close(1000)))),
    defect(
        "timeout-4000",
        TIMEOUT,
        "A silent client is closed with 4000.",
    )
    .bend(|_, _| Box::new(GivesUp(|ctx| ctx.close(4000)))),
    defect(
        "timeout-crashes",
        TIMEOUT,
        "A silent client meets an exception: 1011.",
    )
    .bend(|_, _| Box::new(GivesUp(|ctx| ctx.close(1011)))),
];
