//! Defects of what connections should not share.

use super::super::bend::{Bend, Ctx, Facts, Heard, read};
use super::super::world::Act;
use super::{Member, defect};
use crate::protocol::opcode::Op;
use crate::reference::layer::Closing;

const AUTH: &str = "auth.per-connection";
const ISOLATION: &str = "robust.isolation";

/// Opens the gate because of other connections.
struct Opens(fn(&Ctx<'_, '_>) -> bool);

impl Bend for Opens {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if heard.is(Op::Request) && !ctx.is_in() && (self.0)(ctx) {
            ctx.let_in();
        }
        ctx.hear(heard.text);
    }
}

/// Does something to the others when it greets.
struct Arrives(fn(&mut Ctx<'_, '_>));

impl Bend for Arrives {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if read(&packet).0 == Some(Op::Hello) {
            (self.0)(ctx);
        }
        ctx.say(packet);
    }
}

/// A refusal takes the authentication of the others away.
struct LocksOut {
    out: bool,
}

impl Bend for LocksOut {
    fn closes(&mut self, closing: Closing, ctx: &mut Ctx<'_, '_>) {
        if closing.code == 4001 {
            let others = Act::Tell("out".to_owned());
            ctx.facts.world.tell_others(ctx.facts.id, &others);
        }
        ctx.close_saying(closing.code, closing.reason);
    }

    fn told(&mut self, _: &str, ctx: &mut Ctx<'_, '_>) {
        self.out |= ctx.is_in();
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        match self.out {
            true => ctx.close(4002),
            false => ctx.hear(heard.text),
        }
    }
}

/// Does something to the others when its client leaves.
struct Leaves(fn(&Facts));

impl Bend for Leaves {
    fn leaves(&mut self, facts: &Facts, _: &mut Vec<Act>) {
        (self.0)(facts);
    }
}

/// Reads nothing of those who are in while somebody is at the door.
struct HeldUp;

impl Bend for HeldUp {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if read(&packet).0 == Some(Op::Hello) {
            ctx.facts.world.state().strangers.insert(ctx.facts.id);
        }
        ctx.say(packet);
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let crowd = ctx.facts.world.state().strangers.len();
        if heard.is(Op::Heartbeat) && ctx.is_in() && crowd > 2 {
            return;
        }
        ctx.hear(heard.text);
        if ctx.is_in() {
            ctx.facts.world.state().strangers.remove(&ctx.facts.id);
        }
    }
}

pub(super) const DEFECTS: &[Member] = &[
    defect(
        "authentication-shared",
        AUTH,
        "While anybody is authenticated, everybody is.",
    )
    .bend(|_, _| Box::new(Opens(|ctx| !ctx.facts.world.state().inside.is_empty()))),
    defect(
        "authentication-remembered",
        AUTH,
        "Whoever comes right behind a client that has authenticated is taken for it.",
    )
    .bend(|_, _| {
        Box::new(Opens(|ctx| {
            let before = ctx.facts.id.checked_sub(1);
            let known = &ctx.facts.world.state().known;
            before.is_some_and(|before| known.contains(&before))
        }))
    }),
    defect(
        "second-kicks-the-first",
        ISOLATION,
        "A new connection closes those that are there.",
    )
    .bend(|_, _| {
        Box::new(Arrives(|ctx| {
            ctx.facts.world.tell_others(ctx.facts.id, &Act::Close(1000));
        }))
    }),
    defect(
        "wrong-password-locks-out",
        ISOLATION,
        "A wrong password takes the authentication of all others away.",
    )
    .bend(|_, _| Box::new(LocksOut { out: false })),
    defect(
        "leaving-closes-the-neighbour",
        ISOLATION,
        "When a client leaves, the connection before it is closed too.",
    )
    .bend(|_, _| {
        Box::new(Leaves(|facts| {
            if let Some(neighbour) = facts.id.checked_sub(1) {
                facts.world.tell(neighbour, Act::Close(1001));
            }
        }))
    }),
    defect(
        "strangers-hold-up",
        ISOLATION,
        "Heartbeats are not read while three clients have not authenticated.",
    )
    .bend(|_, _| Box::new(HeldUp)),
];
