//! Defects of HELLO_ACK.

use std::time::Duration;

use super::bend::{Act, Bend, Ctx, Heard, read};
use super::bends::{Hears, Says, hello_ack};
use super::{Member, defect};
use crate::protocol::opcode::Op;
use crate::wire::Incoming;
use crate::zoo::reading::Seen;
use crate::zoo::wire::{AS_IS, Wire};

const RULE: &str = "client.hello-ack";

/// Says this for HELLO_ACK on connections from that number on.
struct Acks {
    from: usize,
    with: &'static str,
}

impl Acks {
    fn boxed(from: usize, with: &'static str) -> Box<dyn Bend> {
        Box::new(Acks { from, with })
    }
}

impl Bend for Acks {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 == Some(Op::HelloAck) && ctx.facts.conn >= self.from {
            true => ctx.say(self.with),
            false => ctx.say(packet),
        }
    }
}

/// Does not hear HELLO on connections from that number on.
fn deaf(from: usize, heard: &Heard<'_>, ctx: &mut Ctx<'_, '_>) {
    if !(heard.is(Op::Hello) && ctx.facts.conn >= from) {
        ctx.hear(heard.text);
    }
}

/// Hears HELLO so much later.
fn late(wait: Duration, heard: &Heard<'_>, ctx: &mut Ctx<'_, '_>) {
    match heard.is(Op::Hello) && !ctx.is_in() {
        true => ctx.later(wait, Act::Hear(heard.text.to_owned())),
        false => ctx.hear(heard.text),
    }
}

fn fragmented(incoming: &Incoming, _: &Seen) -> bool {
    matches!(incoming, Incoming::Text { frames: 2.., .. })
}

fn torn_by_a_ping(incoming: &Incoming, before: &Seen) -> bool {
    matches!(incoming, Incoming::Text { frames: 2.., .. }) && before.pinged
}

pub(super) const DEFECTS: &[Member] = &[
    defect("hello-unanswered", RULE, "There is no HELLO_ACK.")
        .bend(|_, _| Box::new(Hears(|heard, ctx| deaf(0, heard, ctx)))),
    defect(
        "hello-unanswered-on-the-second",
        RULE,
        "HELLO is answered on the first connection only.",
    )
    .bend(|_, _| Box::new(Hears(|heard, ctx| deaf(1, heard, ctx)))),
    defect(
        "hello-answered-late",
        RULE,
        "HELLO_ACK comes eight seconds after HELLO.",
    )
    .bend(|_, _| Box::new(Hears(|heard, ctx| late(Duration::from_secs(8), heard, ctx)))),
    defect(
        "hello-answered-at-the-beat",
        RULE,
        "HELLO_ACK comes when the first heartbeat is due.",
    )
    .bend(|_, _| {
        Box::new(Hears(|heard, ctx| {
            let hb = ctx.facts.hb(0.9).unwrap_or_default();
            late(hb.min(Duration::from_secs(9)), heard, ctx);
        }))
    }),
    defect("hello-answered-twice", RULE, "There are two HELLO_ACKs.").bend(|_, _| {
        Box::new(Says(Op::HelloAck, |packet, ctx| {
            ctx.say(packet.clone());
            ctx.say(packet);
        }))
    }),
    defect(
        "hello-answered-at-every-ack",
        RULE,
        "Every HEARTBEAT_ACK is answered with HELLO_ACK.",
    )
    .bend(|_, _| {
        Box::new(Hears(|heard, ctx| {
            ctx.hear(heard.text);
            if heard.is(Op::HeartbeatAck) && ctx.is_in() {
                let ack = hello_ack(&ctx.facts.world.password);
                ctx.say(ack);
            }
        }))
    }),
    defect(
        "hello-ack-without-password",
        RULE,
        "HELLO_ACK has no password.",
    )
    .bend(|_, _| Acks::boxed(0, r#"{"op":1}"#)),
    defect("hello-ack-with-null", RULE, "The password is null.")
        .bend(|_, _| Acks::boxed(0, r#"{"op":1,"password":null}"#)),
    defect(
        "password-null-on-the-second",
        RULE,
        "The password is used up by the first connection, and null on the next.",
    )
    .bend(|_, _| Acks::boxed(1, r#"{"op":1,"password":null}"#)),
    defect("password-a-number", RULE, "The password is a number.")
        .bend(|_, _| Acks::boxed(0, r#"{"op":1,"password":12345}"#)),
    defect("password-bytes", RULE, "The password is a list of bytes.").bend(|_, _| {
        Box::new(Says(Op::HelloAck, |_, ctx| {
            let bytes = ctx.facts.world.password.as_bytes();
            let text = format!(r#"{{"op":1,"password":{bytes:?}}}"#);
            ctx.say(text);
        }))
    }),
    defect(
        "password-nested",
        RULE,
        "The password is in an object inside of HELLO_ACK.",
    )
    .bend(|_, _| {
        Box::new(Says(Op::HelloAck, |_, ctx| {
            let ack = hello_ack(&ctx.facts.world.password);
            ctx.say(ack.replacen(r#""password":"#, r#""d":{"password":"#, 1) + "}");
        }))
    }),
    defect(
        "hello-by-its-text",
        RULE,
        "HELLO is found by its first characters, so that one spelled otherwise has no answer.",
    )
    .bend(|_, _| {
        Box::new(Hears(|heard, ctx| {
            let known = |start| heard.text.starts_with(start);
            if !heard.is(Op::Hello) || known(r#"{"op":0,"#) || known(r#"{"op": 0,"#) {
                ctx.hear(heard.text);
            }
        }))
    }),
    defect(
        "hello-in-one-frame",
        RULE,
        "What comes in several frames is lost, HELLO too.",
    )
    .wire(Wire {
        loses: Some(fragmented),
        ..AS_IS
    }),
    defect(
        "hello-torn-by-a-ping",
        RULE,
        "A ping between the frames of a message loses the message.",
    )
    .wire(Wire {
        loses: Some(torn_by_a_ping),
        ..AS_IS
    }),
];
