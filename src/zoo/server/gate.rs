//! Defects of the gate: what comes before HELLO_ACK.

use tokio::time::Instant;

use super::super::bend::{Bend, Ctx, Facts, Heard};
use super::{Member, defect};
use crate::protocol::opcode::Op;
use crate::protocol::packet::Packet;

const REQUEST: &str = "auth.gate-request";
const DISPATCH: &str = "auth.gate-dispatch";
const HEARTBEAT: &str = "auth.gate-heartbeat";

/// Does something else where one op comes too early.
struct Early(Op, fn(&mut Ctx<'_, '_>, &Heard<'_>));

impl Bend for Early {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        match heard.is(self.0) && !ctx.is_in() {
            true => (self.1)(ctx, &heard),
            false => ctx.hear(heard.text),
        }
    }
}

/// Looks at the gate only when it has read what is there: HELLO_ACK comes first.
struct BehindTheBatch(Op, Vec<String>);

impl Bend for BehindTheBatch {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        match heard.is(self.0) && !ctx.is_in() {
            true => self.1.push(heard.text.to_owned()),
            false => ctx.hear(heard.text),
        }
    }

    fn batch(&mut self, ctx: &mut Ctx<'_, '_>) {
        for text in self.1.drain(..) {
            ctx.hear(&text);
        }
    }
}

/// Takes an early heartbeat for a sign of life, and waits for HELLO_ACK for ever.
struct Counts(bool);

impl Bend for Counts {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        match heard.is(Op::Heartbeat) && !ctx.is_in() {
            true => self.0 = true,
            false => ctx.hear(heard.text),
        }
    }

    fn deadline(&self, facts: &Facts, session: Option<Instant>) -> Option<Instant> {
        session.filter(|_| !self.0 || facts.let_in.is_some())
    }
}

fn answer(ctx: &mut Ctx<'_, '_>, heard: &Heard<'_>) {
    if let Some(nonce) = heard.nonce() {
        ctx.respond(nonce, "null");
    }
}

fn known(heard: &Heard<'_>) -> bool {
    match heard.packet {
        Some(Packet::Request { w, .. }) => w
            .decode()
            .is_ok_and(|w| matches!(&*w, "ECHO" | "LATE" | "NULL")),
        _ => false,
    }
}

pub(super) const DEFECTS: &[Member] = &[
    defect(
        "early-request-answered",
        REQUEST,
        "A request before HELLO_ACK is answered.",
    )
    .bend(|_, _| Box::new(Early(Op::Request, answer))),
    defect(
        "early-request-answered-first",
        REQUEST,
        "A request before HELLO_ACK closes with 4002, but is answered first.",
    )
    .bend(|_, _| {
        Box::new(Early(Op::Request, |ctx, heard| {
            answer(ctx, heard);
            ctx.hear(heard.text);
        }))
    }),
    defect(
        "early-request-ignored",
        REQUEST,
        "A request before HELLO_ACK is ignored.",
    )
    .bend(|_, _| Box::new(Early(Op::Request, |_, _| ()))),
    defect(
        "early-request-4001",
        REQUEST,
        "A request before HELLO_ACK closes with 4001.",
    )
    .bend(|_, _| Box::new(Early(Op::Request, |ctx, _| ctx.close(4001)))),
    defect(
        "early-request-crashes",
        REQUEST,
        "A request before HELLO_ACK ends in an exception: 1011.",
    )
    .bend(|_, _| Box::new(Early(Op::Request, |ctx, _| ctx.close(1011)))),
    defect(
        "early-request-authenticates",
        REQUEST,
        "A request opens the gate.",
    )
    .bend(|_, _| {
        Box::new(Early(Op::Request, |ctx, heard| {
            ctx.let_in();
            ctx.hear(heard.text);
        }))
    }),
    defect(
        "early-unknown-request-ignored",
        REQUEST,
        "What is requested is looked up before the gate is looked at, and ignored if unknown.",
    )
    .bend(|_, _| {
        Box::new(Early(Op::Request, |ctx, heard| {
            if known(heard) {
                ctx.hear(heard.text);
            }
        }))
    }),
    defect(
        "gate-behind-the-batch",
        REQUEST,
        "A request is excused by a HELLO_ACK behind it in the same segment.",
    )
    .bend(|_, _| Box::new(BehindTheBatch(Op::Request, Vec::new()))),
    defect(
        "early-dispatch-ignored",
        DISPATCH,
        "A dispatch before HELLO_ACK is ignored.",
    )
    .bend(|_, _| Box::new(Early(Op::Dispatch, |_, _| ()))),
    defect(
        "early-dispatch-1008",
        DISPATCH,
        "A dispatch before HELLO_ACK closes with 1008.",
    )
    .bend(|_, _| Box::new(Early(Op::Dispatch, |ctx, _| ctx.close(1008)))),
    defect(
        "early-heartbeat-ignored",
        HEARTBEAT,
        "A heartbeat before HELLO_ACK is ignored.",
    )
    .bend(|_, _| Box::new(Early(Op::Heartbeat, |_, _| ()))),
    defect(
        "early-heartbeat-counts",
        HEARTBEAT,
        "A heartbeat before HELLO_ACK is a sign of life, and the connection stays.",
    )
    .bend(|_, _| Box::new(Counts(false))),
    defect(
        "early-heartbeat-acknowledged",
        HEARTBEAT,
        "A heartbeat before HELLO_ACK is acknowledged and nothing else happens.",
    )
    .bend(|_, _| Box::new(Early(Op::Heartbeat, |ctx, _| ctx.say(r#"{"op":3}"#)))),
    defect(
        "early-heartbeat-excused",
        HEARTBEAT,
        "A heartbeat is excused by a HELLO_ACK behind it in the same segment.",
    )
    .bend(|_, _| Box::new(BehindTheBatch(Op::Heartbeat, Vec::new()))),
];
