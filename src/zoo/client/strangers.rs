//! Defects of a client that does not bear what it does not know.

use super::bend::{Bend, Ctx, Heard, read};
use super::bends::Hears;
use super::{Member, defect};
use crate::protocol::opcode::Op;

const RULE: &str = "client.survives-strangers";

/// What a client does that does not know what to do.
#[derive(Clone, Copy)]
enum End {
    Closes,
    Dies,
    Hangs,
}

impl End {
    fn befalls(self, ctx: &mut Ctx<'_, '_>) {
        match self {
            End::Closes => ctx.close(1002, "unexpected"),
            End::Dies => ctx.facts.world.fate.die("KeyError: 'unexpected'"),
            End::Hangs => ctx.hang(),
        }
    }
}

/// Ends at some texts.
struct Ends {
    at: fn(&Heard<'_>, &Ctx<'_, '_>) -> bool,
    end: End,
}

impl Bend for Ends {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        match (self.at)(&heard, ctx) {
            true => self.end.befalls(ctx),
            false => ctx.hear(heard.text),
        }
    }
}

/// Does not beat any more behind a stranger.
#[derive(Default)]
struct Shocked(bool);

impl Bend for Shocked {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        self.0 |= stranger(&heard, ctx);
        ctx.hear(heard.text);
    }

    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if !(self.0 && read(&packet).0 == Some(Op::Heartbeat)) {
            ctx.say(packet);
        }
    }
}

/// Bears so many strangers.
struct Patience(u32);

impl Bend for Patience {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if stranger(&heard, ctx) {
            match self.0.checked_sub(1) {
                Some(left) => self.0 = left,
                None => return End::Closes.befalls(ctx),
            }
        }
        ctx.hear(heard.text);
    }
}

/// A RESPONSE that nobody waits for.
fn stranger(heard: &Heard<'_>, ctx: &Ctx<'_, '_>) -> bool {
    heard
        .answer()
        .is_some_and(|(n, _)| ctx.asker(n.as_str()).is_none())
}

/// The same where nobody waits for anything.
fn stranger_to_nobody(heard: &Heard<'_>, ctx: &Ctx<'_, '_>) -> bool {
    ctx.facts.pending.is_empty() && stranger(heard, ctx)
}

/// A packet of that op with other members than these.
fn odd(op: Op, names: &[&str], heard: &Heard<'_>) -> bool {
    let known = |name: Option<&str>| name.is_some_and(|name| names.contains(&name));
    let odd = |json: crate::protocol::json::Json| {
        let members = json.as_object().unwrap_or_default();
        members.iter().any(|(name, _)| !known(name.as_str()))
    };
    heard.is(op) && heard.json().is_some_and(odd)
}

fn odd_hello(heard: &Heard<'_>, _: &Ctx<'_, '_>) -> bool {
    odd(Op::Hello, &["op", "hb_interval"], heard)
}

fn odd_ack(heard: &Heard<'_>, _: &Ctx<'_, '_>) -> bool {
    odd(Op::HeartbeatAck, &["op"], heard)
}

fn odd_answer(heard: &Heard<'_>, _: &Ctx<'_, '_>) -> bool {
    odd(Op::Response, &["op", "n", "r"], heard)
}

macro_rules! ends {
    ($name:literal, $at:expr, $end:ident, $sentence:literal) => {
        defect($name, RULE, $sentence).bend(|_, _| {
            Box::new(Ends {
                at: $at,
                end: End::$end,
            })
        })
    };
}

pub(super) const DEFECTS: &[Member] = &[
    ends!(
        "stranger-closes",
        stranger,
        Closes,
        "A RESPONSE with an unknown nonce closes the connection."
    ),
    ends!(
        "stranger-kills",
        stranger_to_nobody,
        Dies,
        "A RESPONSE ends the client where no request is in flight."
    ),
    ends!(
        "stranger-hangs",
        stranger_to_nobody,
        Hangs,
        "A RESPONSE makes the client hang where no request is in flight."
    ),
    ends!(
        "stranger-closes-the-second",
        |heard, ctx| ctx.facts.conn > 0 && stranger(heard, ctx),
        Closes,
        "From the second connection on a RESPONSE with an unknown nonce closes it."
    ),
    defect(
        "stranger-stops-the-beats",
        RULE,
        "A RESPONSE with an unknown nonce ends the heartbeats.",
    )
    .bend(|_, _| Box::new(Shocked::default())),
    defect(
        "strangers-close",
        RULE,
        "The fourth RESPONSE with an unknown nonce closes the connection.",
    )
    .bend(|_, _| Box::new(Patience(3))),
    ends!(
        "hello-read-strictly",
        odd_hello,
        Closes,
        "A HELLO with an unknown member closes the connection."
    ),
    defect(
        "hello-read-strictly-and-ignored",
        RULE,
        "A HELLO with an unknown member is not taken for one.",
    )
    .bend(|_, _| {
        Box::new(Hears(|heard, ctx| {
            if !odd_hello(heard, ctx) {
                ctx.hear(heard.text);
            }
        }))
    }),
    ends!(
        "ack-read-strictly",
        odd_ack,
        Closes,
        "A HEARTBEAT_ACK with an unknown member closes the connection."
    ),
    ends!(
        "ack-read-strictly-and-killing",
        odd_ack,
        Dies,
        "A HEARTBEAT_ACK with an unknown member ends the client."
    ),
    ends!(
        "answer-read-strictly",
        odd_answer,
        Closes,
        "A RESPONSE with an unknown member closes the connection."
    ),
    ends!(
        "answer-read-strictly-and-killing",
        odd_answer,
        Dies,
        "A RESPONSE with an unknown member ends the client."
    ),
];
