//! Defects of a client that does not wait: for HELLO, or with its heartbeats for HELLO_ACK.

use std::time::Duration;

use tokio::time::Instant;

use super::bend::{Act, Bend, Ctx, Facts, HEARTBEAT, Heard, read};
use super::bends::{Hears, Opens, hello_ack};
use super::{Member, defect};
use crate::protocol::opcode::Op;

const HELLO: &str = "client.waits-for-hello";
const ACK: &str = "client.heartbeat-after-ack";

/// What its program is called, as some say before anything else.
const BANNER: &str = "litecord-client/1.4 ready";

/// Sends HELLO_ACK unasked on connections from that number on, and then not for HELLO.
struct AtOnce {
    from: usize,
    /// How long HELLO is awaited.
    patience: Duration,
    said: bool,
}

impl AtOnce {
    fn boxed(from: usize, patience: Duration) -> Box<dyn Bend> {
        let said = false;
        Box::new(AtOnce {
            from,
            patience,
            said,
        })
    }

    fn speak(&mut self, ctx: &mut Ctx<'_, '_>) {
        self.said = true;
        let ack = hello_ack(&ctx.facts.world.password);
        ctx.say(ack);
    }
}

impl Bend for AtOnce {
    fn opens(&mut self, ctx: &mut Ctx<'_, '_>) {
        if ctx.facts.conn >= self.from && self.patience.is_zero() {
            self.speak(ctx);
        }
    }

    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if !(self.said && read(&packet).0 == Some(Op::HelloAck)) {
            ctx.say(packet);
        }
    }

    fn due(&self, facts: &Facts) -> Option<Instant> {
        let waits = facts.conn >= self.from && facts.interval.is_none() && !self.said;
        waits.then(|| facts.opened + self.patience)
    }

    fn rings(&mut self, ctx: &mut Ctx<'_, '_>) {
        self.speak(ctx);
    }
}

/// Says something a while after the opening, whatever has come by then.
struct Soon(&'static str);

impl Bend for Soon {
    fn due(&self, facts: &Facts) -> Option<Instant> {
        Some(facts.opened + Duration::from_millis(150))
    }

    fn rings(&mut self, ctx: &mut Ctx<'_, '_>) {
        ctx.say(self.0);
    }
}

/// Takes a ping for HELLO.
#[derive(Default)]
struct Pinged(bool);

impl Bend for Pinged {
    fn control(&mut self, ctx: &mut Ctx<'_, '_>) {
        if ctx.facts.greeted.is_none() {
            self.0 = true;
            let ack = hello_ack(&ctx.facts.world.password);
            ctx.say(ack);
        }
    }

    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if !(self.0 && read(&packet).0 == Some(Op::HelloAck)) {
            ctx.say(packet);
        }
    }
}

/// Its timer goes on when its connection ends, and beats into the next one.
struct OneTimer;

impl Bend for OneTimer {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        ctx.say(packet);
        if let (Some(since), Some(period)) = (ctx.facts.since(), ctx.facts.hb(0.8)) {
            ctx.facts.world.state().timer = Some((since, period));
        }
    }

    fn due(&self, facts: &Facts) -> Option<Instant> {
        if facts.greeted.is_some() {
            return None;
        }
        let (last, period) = facts.world.state().timer?;
        match facts.last_beat {
            Some(beat) => Some(beat + period),
            None => {
                let gone = facts.opened.saturating_duration_since(last);
                let ticks = gone.as_nanos() / period.as_nanos().max(1) + 1;
                Some(last + period * u32::try_from(ticks).ok()?)
            }
        }
    }

    fn rings(&mut self, ctx: &mut Ctx<'_, '_>) {
        ctx.say(HEARTBEAT);
    }
}

/// Its answer to HELLO takes a while, and its heartbeats do not wait for it.
struct SlowAnswer;

/// How long the answer takes.
const SLOW: Duration = Duration::from_millis(300);

impl Bend for SlowAnswer {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if !heard.is(Op::Hello) || ctx.is_in() {
            return ctx.hear(heard.text);
        }
        if let Some(beat) = ctx.facts.hb(0.8).filter(|beat| *beat < SLOW) {
            ctx.later(beat, Act::Say(HEARTBEAT.to_owned()));
        }
        ctx.later(SLOW, Act::Hear(heard.text.to_owned()));
    }
}

/// HELLO starts the timer, and HELLO_ACK takes a tenth of a second to come by: it is behind the first
/// HEARTBEAT where intervals are short.
struct Racing;

impl Bend for Racing {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        match (heard.is(Op::Hello) && !ctx.is_in(), ctx.facts.hb(0.2)) {
            (true, Some(first)) => {
                ctx.later(first, Act::Say(HEARTBEAT.to_owned()));
                let answer = Duration::from_millis(100);
                ctx.later(answer, Act::Hear(heard.text.to_owned()));
            }
            _ => ctx.hear(heard.text),
        }
    }
}

/// A heartbeat ahead of the answer to HELLO, on connections from that number on.
fn beats_first(from: usize, heard: &Heard<'_>, ctx: &mut Ctx<'_, '_>) {
    if heard.is(Op::Hello) && !ctx.is_in() && ctx.facts.conn >= from {
        ctx.say(HEARTBEAT);
    }
    ctx.hear(heard.text);
}

/// Says this soon.
macro_rules! soon {
    ($name:literal, $sentence:literal, $text:expr) => {
        defect($name, HELLO, $sentence).bend(|_, _| Box::new(Soon($text)))
    };
}

/// Says this as soon as a connection behind the first is open. On the first that would not be told
/// from an answer to HELLO where HELLO comes at once.
macro_rules! again {
    ($name:literal, $sentence:literal, $text:expr) => {
        defect($name, HELLO, $sentence).bend(|_, _| {
            Box::new(Opens(|ctx| {
                if ctx.facts.conn > 0 {
                    ctx.say($text);
                }
            }))
        })
    };
}

pub(super) const DEFECTS: &[Member] = &[
    defect(
        "hello-ack-at-open",
        HELLO,
        "HELLO_ACK goes out as soon as the connection is open, and HELLO is not answered.",
    )
    .bend(|_, _| AtOnce::boxed(0, Duration::ZERO)),
    defect(
        "hello-ack-at-open-again",
        HELLO,
        "From the second connection on HELLO_ACK goes out as soon as it is open.",
    )
    .bend(|_, _| AtOnce::boxed(1, Duration::ZERO)),
    defect(
        "hello-ack-out-of-patience",
        HELLO,
        "HELLO_ACK goes out after a second and a half without HELLO.",
    )
    .bend(|_, _| AtOnce::boxed(0, Duration::from_millis(1500))),
    defect("hello-by-a-ping", HELLO, "A ping is taken for HELLO.")
        .bend(|_, _| Box::new(Pinged::default())),
    soon!(
        "request-soon",
        "A REQUEST goes out 150 ms after the connection is open, HELLO or not.",
        r#"{"op":4,"w":"VERSION","a":[],"n":"version"}"#
    ),
    soon!(
        "dispatch-soon",
        "A DISPATCH goes out 150 ms after the connection is open, HELLO or not.",
        r#"{"op":6,"w":"ONLINE","a":[]}"#
    ),
    soon!(
        "heartbeat-soon",
        "A HEARTBEAT goes out 150 ms after the connection is open, HELLO or not.",
        HEARTBEAT
    ),
    again!(
        "request-at-open-again",
        "From the second connection on a REQUEST goes out as soon as it is open.",
        r#"{"op":4,"w":"RESUME","a":[],"n":"resume"}"#
    ),
    again!(
        "heartbeat-at-open-again",
        "From the second connection on a HEARTBEAT goes out as soon as it is open.",
        HEARTBEAT
    ),
    again!(
        "banner-at-open-again",
        "From the second connection on its name goes out as soon as it is open.",
        BANNER
    ),
    defect(
        "requests-again-at-open",
        HELLO,
        "What was unanswered on the last connection is sent again as soon as the next is open.",
    )
    .bend(|_, _| {
        Box::new(Opens(|ctx| {
            let unanswered = std::mem::take(&mut ctx.facts.world.state().unanswered);
            for packet in unanswered {
                ctx.say(packet);
            }
        }))
    }),
    defect(
        "timer-beats-into-the-next",
        HELLO,
        "The heartbeats of a connection that has ended go on into the next one.",
    )
    .bend(|_, _| Box::new(OneTimer)),
    defect(
        "heartbeat-ahead-of-hello-ack",
        ACK,
        "HELLO is answered with a HEARTBEAT and then with HELLO_ACK.",
    )
    .bend(|_, _| Box::new(Hears(|heard, ctx| beats_first(0, heard, ctx)))),
    defect(
        "heartbeat-ahead-on-the-second",
        ACK,
        "From the second connection on HELLO is answered with a HEARTBEAT and then with HELLO_ACK.",
    )
    .bend(|_, _| Box::new(Hears(|heard, ctx| beats_first(1, heard, ctx)))),
    defect(
        "heartbeat-does-not-wait",
        ACK,
        "HELLO_ACK takes 300 ms, and the first HEARTBEAT does not wait for it.",
    )
    .bend(|_, _| Box::new(SlowAnswer)),
    defect(
        "heartbeat-races-hello-ack",
        ACK,
        "The timer starts at HELLO, and with a short interval the first HEARTBEAT is the quicker one.",
    )
    .bend(|_, _| Box::new(Racing)),
];
