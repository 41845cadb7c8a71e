//! Defects of HELLO.

use std::time::Duration;

use super::super::bend::{Bend, Ctx, Facts, Heard, read};
use super::super::world::Act;
use super::{Member, defect};
use crate::protocol::opcode::Op;

const FIRST: &str = "hello.first";
const INTERVAL: &str = "hello.interval";
const ONCE: &str = "hello.once";

/// Says something else for HELLO, the first time that the session says it.
struct Greets(fn(String, &mut Ctx<'_, '_>));

impl Bend for Greets {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 {
            Some(Op::Hello) => (self.0)(packet, ctx),
            _ => ctx.say(packet),
        }
    }
}

/// HELLO with this for an interval, from the second connection on.
fn interval(ctx: &mut Ctx<'_, '_>, hello: String, spelled: &str) {
    match ctx.facts.id {
        0 => ctx.say(hello),
        _ => ctx.say(format!(r#"{{"op":0,"hb_interval":{spelled}}}"#)),
    }
}

/// HELLO only when the client has said something, from the second connection on.
struct Waits(Option<String>);

impl Bend for Waits {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 {
            Some(Op::Hello) if ctx.facts.id > 0 => self.0 = Some(packet),
            _ => ctx.say(packet),
        }
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if let Some(hello) = self.0.take() {
            ctx.say(hello);
        }
        ctx.hear(heard.text);
    }
}

/// Greets one client at a time: the next one when that one is let in. One that leaves instead
/// leaves the next one waiting.
struct InTurn(Option<String>);

impl InTurn {
    fn may(facts: &Facts) -> bool {
        facts.world.state().strangers.first() == Some(&facts.id)
    }

    /// The next one may have waited.
    fn next(facts: &Facts) {
        let first = facts.world.state().strangers.first().copied();
        if let Some(first) = first {
            facts.world.tell(first, Act::Tell(String::new()));
        }
    }
}

impl Bend for InTurn {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if read(&packet).0 != Some(Op::Hello) {
            return ctx.say(packet);
        }
        ctx.facts.world.state().strangers.insert(ctx.facts.id);
        match Self::may(ctx.facts) {
            true => ctx.say(packet),
            false => self.0 = Some(packet),
        }
    }

    fn told(&mut self, _: &str, ctx: &mut Ctx<'_, '_>) {
        if let Some(hello) = self.0.take() {
            ctx.say(hello);
        }
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        ctx.hear(heard.text);
        if ctx.is_in() && ctx.facts.world.state().strangers.remove(&ctx.facts.id) {
            Self::next(ctx.facts);
        }
    }
}

/// Greets again.
struct Again {
    /// While the client has not answered, instead of when it has.
    unanswered: bool,
    hello: String,
}

impl Bend for Again {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if read(&packet).0 == Some(Op::Hello) {
            self.hello.clone_from(&packet);
            if self.unanswered {
                ctx.later(Duration::from_millis(150), Act::Tell(String::new()));
            }
        }
        ctx.say(packet);
    }

    fn told(&mut self, _: &str, ctx: &mut Ctx<'_, '_>) {
        if !ctx.is_in() {
            ctx.say(self.hello.clone());
        }
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let before = ctx.is_in();
        ctx.hear(heard.text);
        if !self.unanswered && !before && ctx.is_in() {
            ctx.say(self.hello.clone());
        }
    }
}

/// Greets once more a moment behind the handshake.
struct OnATimer(String);

impl Bend for OnATimer {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if read(&packet).0 == Some(Op::Hello) {
            self.0.clone_from(&packet);
        }
        ctx.say(packet);
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let before = ctx.is_in();
        ctx.hear(heard.text);
        if !before && ctx.is_in() {
            ctx.later(ctx.facts.hb(0.75), Act::Say(self.0.clone()));
        }
    }
}

pub(super) const DEFECTS: &[Member] = &[
    defect(
        "hello-waits-for-the-client",
        FIRST,
        "From its second connection on the server lets the client speak first.",
    )
    .bend(|_, _| Box::new(Waits(None))),
    defect(
        "hello-behind-an-acknowledgement",
        FIRST,
        "From its second connection on the server acknowledges a heartbeat before it says HELLO.",
    )
    .bend(|_, _| {
        Box::new(Greets(|hello, ctx| {
            if ctx.facts.id > 0 {
                ctx.say(r#"{"op":3}"#);
            }
            ctx.say(hello);
        }))
    }),
    defect(
        "hello-one-at-a-time",
        FIRST,
        "A client that comes while another is at the door is greeted only when that one is in.",
    )
    .bend(|_, _| Box::new(InTurn(None))),
    defect(
        "hello-lost-on-crowds",
        FIRST,
        "A client is not greeted while two others are there.",
    )
    .bend(|_, _| {
        Box::new(Greets(|hello, ctx| {
            let crowd = ctx.facts.world.state().live.len();
            if crowd <= 2 {
                ctx.say(hello);
            }
        }))
    }),
    defect(
        "interval-fraction",
        INTERVAL,
        "The interval is jittered and has a fraction from the second connection on.",
    )
    .bend(|_, _| {
        Box::new(Greets(|hello, ctx| {
            let ms = ctx.facts.hb(1.0).as_millis();
            interval(ctx, hello, &format!("{ms}.25"));
        }))
    }),
    defect(
        "interval-string",
        INTERVAL,
        "The interval is a string from the second connection on.",
    )
    .bend(|_, _| {
        Box::new(Greets(|hello, ctx| {
            let ms = ctx.facts.hb(1.0).as_millis();
            interval(ctx, hello, &format!("\"{ms}\""));
        }))
    }),
    defect(
        "interval-zero",
        INTERVAL,
        "The interval of the second connection and those that follow is 0.",
    )
    .bend(|_, _| Box::new(Greets(|hello, ctx| interval(ctx, hello, "0")))),
    defect(
        "interval-negative",
        INTERVAL,
        "The interval is below zero, as a difference taken the wrong way.",
    )
    .bend(|_, _| Box::new(Greets(|_, ctx| ctx.say(r#"{"op":0,"hb_interval":-1000}"#)))),
    defect("interval-null", INTERVAL, "The interval is null.")
        .bend(|_, _| Box::new(Greets(|_, ctx| ctx.say(r#"{"op":0,"hb_interval":null}"#)))),
    defect("interval-missing", INTERVAL, "HELLO has no interval.")
        .bend(|_, _| Box::new(Greets(|_, ctx| ctx.say(r#"{"op":0}"#)))),
    defect(
        "interval-otherwise-named",
        INTERVAL,
        "HELLO has the interval under another name.",
    )
    .bend(|_, _| {
        Box::new(Greets(|_, ctx| {
            ctx.say(r#"{"op":0,"heartbeat_interval":1000}"#)
        }))
    }),
    defect("hello-twice", ONCE, "HELLO is said twice at the start.").bend(|_, _| {
        Box::new(Greets(|hello, ctx| {
            ctx.say(hello.clone());
            ctx.say(hello);
        }))
    }),
    defect(
        "hello-until-answered",
        ONCE,
        "HELLO is said again while no answer comes.",
    )
    .bend(|_, _| {
        Box::new(Again {
            unanswered: true,
            hello: String::new(),
        })
    }),
    defect(
        "hello-behind-the-handshake",
        ONCE,
        "HELLO is said again when the client is in.",
    )
    .bend(|_, _| {
        Box::new(Again {
            unanswered: false,
            hello: String::new(),
        })
    }),
    defect(
        "hello-on-a-timer",
        ONCE,
        "HELLO is said again a while after the handshake.",
    )
    .bend(|_, _| Box::new(OnATimer(String::new()))),
];
