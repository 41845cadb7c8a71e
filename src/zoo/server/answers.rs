//! Defects of answers that go elsewhere, and of answers to what is no request.

use std::time::Duration;

use super::super::bend::{Bend, Ctx, Facts, Heard, read};
use super::super::world::Act;
use super::requests::Answers;
use super::{Member, defect};
use crate::protocol::opcode::Op;
use crate::protocol::packet::Packet;

const SENDER: &str = "response.to-sender";
const DISPATCH: &str = "dispatch.no-response";
const NO_REPLY: &str = "robust.no-reply";

/// Answers a little later whoever asked last by then.
struct LastAsker;

impl Bend for LastAsker {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if heard.is(Op::Request) && ctx.is_in() {
            ctx.facts.world.state().asker = Some(ctx.facts.id);
        }
        ctx.hear(heard.text);
    }

    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 {
            Some(Op::Response) => ctx.later(Duration::from_millis(5), Act::Tell(packet)),
            _ => ctx.say(packet),
        }
    }

    fn told(&mut self, packet: &str, ctx: &mut Ctx<'_, '_>) {
        let asker = ctx.facts.world.state().asker;
        match asker {
            Some(other) if other != ctx.facts.id => {
                ctx.facts.world.tell(other, Act::Say(packet.to_owned()));
            }
            _ => ctx.say(packet),
        }
    }
}

/// Keeps answers of clients that leave, and gives them to the next one.
struct Slot;

impl Bend for Slot {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 {
            Some(Op::Response) => ctx.later(Duration::from_millis(20), Act::Say(packet)),
            _ => ctx.say(packet),
        }
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let before = ctx.is_in();
        ctx.hear(heard.text);
        if !before && ctx.is_in() {
            let left = std::mem::take(&mut ctx.facts.world.state().undelivered);
            for packet in left {
                ctx.say(packet);
            }
        }
    }

    fn leaves(&mut self, facts: &Facts, unsaid: &mut Vec<Act>) {
        let unsaid = unsaid.drain(..).filter_map(|act| match act {
            Act::Say(packet) => Some(packet),
            _ => None,
        });
        facts.world.state().undelivered.extend(unsaid);
    }
}

/// Answers what is no request.
struct Replies(fn(&Heard<'_>, &mut Ctx<'_, '_>));

impl Bend for Replies {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if ctx.is_in() {
            (self.0)(&heard, ctx);
        }
        ctx.hear(heard.text);
    }
}

/// Answers dispatches that come in one segment with a request.
#[derive(Default)]
struct Mixed {
    nonce: Option<String>,
    dispatched: u32,
}

impl Bend for Mixed {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if let Some(nonce) = heard.nonce() {
            self.nonce = Some(nonce.to_owned());
        }
        self.dispatched += u32::from(heard.is(Op::Dispatch));
        ctx.hear(heard.text);
    }

    fn batch(&mut self, ctx: &mut Ctx<'_, '_>) {
        if let (Some(nonce), 1..) = (self.nonce.take(), std::mem::take(&mut self.dispatched)) {
            ctx.respond(&nonce, "null");
        }
    }
}

/// The nonce of whatever has one.
fn nonce_of(heard: &Heard<'_>) -> Option<String> {
    Some(heard.json()?.get("n")?.to_string())
}

/// Answers whatever has a nonce, if it is of this op.
fn reply_to(op: f64, heard: &Heard<'_>, ctx: &mut Ctx<'_, '_>) {
    let number = heard
        .json()
        .and_then(|packet| Some(packet.get("op")?.as_number()?.to_f64()));
    if let (true, Some(nonce)) = (number == Some(op), nonce_of(heard)) {
        ctx.respond(&nonce, "null");
    }
}

pub(super) const DEFECTS: &[Member] = &[
    defect(
        "response-to-the-newest",
        SENDER,
        "Answers go to the connection that came last.",
    )
    .bend(|_, _| {
        Box::new(Answers(|packet, ctx| {
            let newest = ctx.facts.world.newest();
            match newest == ctx.facts.id {
                true => ctx.say(packet),
                false => ctx.facts.world.tell(newest, Act::Say(packet)),
            }
        }))
    }),
    defect("response-to-all", SENDER, "Answers go to every connection.").bend(|_, _| {
        Box::new(Answers(|packet, ctx| {
            ctx.facts
                .world
                .tell_others(ctx.facts.id, &Act::Say(packet.clone()));
            ctx.say(packet);
        }))
    }),
    defect(
        "response-to-the-last-asker",
        SENDER,
        "Answers go to whoever asked last.",
    )
    .bend(|_, _| Box::new(LastAsker)),
    defect(
        "response-to-the-slot",
        SENDER,
        "Answers that a client left behind go to the next one.",
    )
    .bend(|_, _| Box::new(Slot)),
    defect(
        "dispatch-answered",
        DISPATCH,
        "A dispatch is answered with null for a nonce.",
    )
    .bend(|_, _| {
        Box::new(Replies(|heard, ctx| {
            if heard.is(Op::Dispatch) {
                ctx.respond("null", "null")
            }
        }))
    }),
    defect(
        "dispatch-answered-bare",
        DISPATCH,
        "A dispatch is answered without a nonce.",
    )
    .bend(|_, _| {
        Box::new(Replies(|heard, ctx| {
            if heard.is(Op::Dispatch) {
                ctx.say(r#"{"op":5,"r":null}"#)
            }
        }))
    }),
    defect(
        "dispatch-with-a-nonce-answered",
        DISPATCH,
        "A dispatch that has a nonce is answered.",
    )
    .bend(|_, _| {
        Box::new(Replies(|heard, ctx| {
            if heard.is(Op::Dispatch) {
                reply_to(6.0, heard, ctx)
            }
        }))
    }),
    defect(
        "dispatch-of-a-request-answered",
        DISPATCH,
        "What is known as a request is answered when it is dispatched.",
    )
    .bend(|_, _| {
        Box::new(Replies(|heard, ctx| {
            if let Some(Packet::Dispatch { w, .. }) = heard.packet
                && w.decode().is_ok_and(|w| w == "ECHO")
            {
                ctx.respond("0", "null");
            }
        }))
    }),
    defect(
        "dispatch-answered-among-requests",
        DISPATCH,
        "Dispatches in one segment with a request are answered with it.",
    )
    .bend(|_, _| Box::new(Mixed::default())),
    defect(
        "heartbeat-answered",
        NO_REPLY,
        "A heartbeat that has a nonce is answered.",
    )
    .bend(|_, _| Box::new(Replies(|heard, ctx| reply_to(2.0, heard, ctx)))),
    defect(
        "unknown-op-answered",
        NO_REPLY,
        "A packet of an unknown op that has a nonce is answered.",
    )
    .bend(|_, _| Box::new(Replies(|heard, ctx| reply_to(7.0, heard, ctx)))),
    defect(
        "response-answered",
        NO_REPLY,
        "A RESPONSE from the client is answered.",
    )
    .bend(|_, _| Box::new(Replies(|heard, ctx| reply_to(5.0, heard, ctx)))),
    defect(
        "second-hello-ack-answered",
        NO_REPLY,
        "A HELLO_ACK that has a nonce is answered.",
    )
    .bend(|_, _| Box::new(Replies(|heard, ctx| reply_to(1.0, heard, ctx)))),
];
