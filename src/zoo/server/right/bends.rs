//! What right variants do otherwise between session and wire.

use std::time::Duration;

use tokio::time::Instant;

use super::super::super::bend::{Bend, Ctx, Facts, Heard, read};
use super::super::super::world::Act;
use crate::protocol::close;
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::protocol::packet::Packet;
use crate::reference::layer::Closing;

/// Spells every packet otherwise.
pub(super) struct Spells(pub(super) fn(&Json) -> String);

impl Bend for Spells {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match Json::parse(packet.as_bytes()) {
            Ok(value) => ctx.say((self.0)(&value)),
            Err(_) => ctx.say(packet),
        }
    }
}

/// Puts members around those of every packet.
pub(super) struct Members(pub(super) fn(&str) -> String);

impl Bend for Members {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        let inner = packet.trim_start_matches('{').strip_suffix('}');
        match inner {
            Some(inner) => ctx.say((self.0)(inner)),
            None => ctx.say(packet),
        }
    }
}

/// Takes its time over packets of one op.
pub(super) struct Slow {
    op: Op,
    /// How long the next one takes.
    wait: fn(&Slow, &Facts) -> Duration,
    pub(super) count: u32,
    /// When the last one will be done.
    pub(super) busy: Option<Instant>,
}

impl Slow {
    pub(super) fn boxed(op: Op, wait: fn(&Slow, &Facts) -> Duration) -> Box<dyn Bend> {
        Box::new(Slow {
            op,
            wait,
            count: 0,
            busy: None,
        })
    }
}

impl Bend for Slow {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if read(&packet).0 != Some(self.op) {
            return ctx.say(packet);
        }
        let wait = (self.wait)(self, ctx.facts);
        self.count += 1;
        self.busy = Some(ctx.facts.now + wait);
        ctx.later(wait, Act::Say(packet));
    }
}

/// Answers what came together in the opposite order.
#[derive(Default)]
pub(super) struct LastFirst(Vec<String>);

impl Bend for LastFirst {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 {
            Some(Op::Response) => self.0.push(packet),
            _ => ctx.say(packet),
        }
    }

    fn batch(&mut self, ctx: &mut Ctx<'_, '_>) {
        while let Some(packet) = self.0.pop() {
            ctx.say(packet);
        }
    }
}

/// Looks at fixed times whether there was a heartbeat in between.
pub(super) struct Windows {
    grace: Duration,
    end: Option<Instant>,
    alive: bool,
}

impl Windows {
    pub(super) fn boxed(grace: Duration) -> Box<dyn Bend> {
        Box::new(Windows {
            grace,
            end: None,
            alive: false,
        })
    }
}

impl Bend for Windows {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        self.end = self
            .end
            .or(Some(ctx.facts.now + ctx.facts.hb(1.0) + self.grace));
        ctx.say(packet);
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        self.alive |= heard.is(Op::Heartbeat);
        ctx.hear(heard.text);
    }

    fn deadline(&self, _: &Facts, _: Option<Instant>) -> Option<Instant> {
        self.end
    }

    fn timeout(&mut self, ctx: &mut Ctx<'_, '_>) {
        match std::mem::take(&mut self.alive) || ctx.facts.let_in.is_none() {
            true => self.end = Some(ctx.facts.now + ctx.facts.hb(1.0) + self.grace),
            false => ctx.close(close::HEARTBEAT_TIMEOUT),
        }
    }
}

/// Closes in its own words.
pub(super) struct Reasons(pub(super) &'static str);

impl Bend for Reasons {
    fn closes(&mut self, closing: Closing, ctx: &mut Ctx<'_, '_>) {
        ctx.close_saying(closing.code, self.0);
    }
}

/// Closes for what the text leaves open with another code, or not at all.
pub(super) struct Open(pub(super) fn(&Heard<'_>, &mut Ctx<'_, '_>));

impl Bend for Open {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let refused = matches!(heard.meant(), Some(Op::HelloAck))
            || !ctx.is_in() && matches!(heard.meant(), Some(Op::Request | Op::Dispatch));
        match heard.packet.is_none() && !refused || the_servers(&heard) {
            true => (self.0)(&heard, ctx),
            false => ctx.hear(heard.text),
        }
    }

    fn binary(&mut self, ctx: &mut Ctx<'_, '_>) {
        let heard = Heard {
            text: "",
            packet: None,
        };
        (self.0)(&heard, ctx);
    }
}

pub(super) fn the_servers(heard: &Heard<'_>) -> bool {
    matches!(
        heard.meant(),
        Some(Op::Hello | Op::HeartbeatAck | Op::Response)
    )
}

/// Does something else with some texts.
pub(super) struct Hears(pub(super) fn(&Heard<'_>, &mut Ctx<'_, '_>));

impl Bend for Hears {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        (self.0)(&heard, ctx);
    }
}

/// Does something else with HELLO.
pub(super) struct Greets(pub(super) fn(String, &mut Ctx<'_, '_>));

impl Bend for Greets {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 {
            Some(Op::Hello) => (self.0)(packet, ctx),
            _ => ctx.say(packet),
        }
    }
}

/// Speaks in ops of its own, which the text does not speak of.
pub(super) struct NewOps;

impl Bend for NewOps {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        let greeted = read(&packet).0 == Some(Op::Hello);
        ctx.say(packet);
        if !greeted {
            ctx.say(r#"{"op":9,"event":"tick"}"#);
        }
    }

    fn closes(&mut self, closing: Closing, ctx: &mut Ctx<'_, '_>) {
        ctx.say(r#"{"op":7,"error":"going to close"}"#);
        ctx.close_saying(closing.code, closing.reason);
    }
}

/// Whether a request is for what the reference has no handler for.
pub(super) fn unknown(heard: &Heard<'_>) -> bool {
    match heard.packet {
        Some(Packet::Request { w, .. }) => !w
            .decode()
            .is_ok_and(|w| matches!(&*w, "ECHO" | "LATE" | "NULL")),
        _ => false,
    }
}
