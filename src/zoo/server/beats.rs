//! Defects of HEARTBEAT_ACK.

use std::time::Duration;

use super::super::bend::{Bend, Ctx, Heard, read};
use super::super::reading::Seen;
use super::super::wire::{AS_IS, Wire};
use super::super::world::Act;
use super::{Member, defect};
use crate::protocol::opcode::Op;
use crate::wire::Incoming;

const RULE: &str = "heartbeat.ack";
const ACK: &str = r#"{"op":3}"#;

/// Says something else for an acknowledgement; the count is that of the heartbeats so far.
struct Acks(fn(u32, &mut Ctx<'_, '_>));

impl Bend for Acks {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 {
            Some(Op::HeartbeatAck) => (self.0)(ctx.facts.beats, ctx),
            _ => ctx.say(packet),
        }
    }
}

/// What happens to acknowledgements that are due together.
struct Batch {
    due: u32,
    said: fn(due: u32) -> u32,
}

impl Bend for Batch {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 {
            Some(Op::HeartbeatAck) => self.due += 1,
            _ => ctx.say(packet),
        }
    }

    fn batch(&mut self, ctx: &mut Ctx<'_, '_>) {
        for _ in 0..(self.said)(std::mem::take(&mut self.due)) {
            ctx.say(ACK);
        }
    }
}

/// Does not hear some heartbeats.
struct Deaf(fn(&Heard<'_>, &Ctx<'_, '_>) -> bool);

impl Bend for Deaf {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let deaf = heard.is(Op::Heartbeat) && ctx.is_in() && (self.0)(&heard, ctx);
        if !deaf {
            ctx.hear(heard.text);
        }
    }
}

/// Loses heartbeats that come in one segment with requests.
#[derive(Default)]
struct Busy {
    asked: bool,
}

impl Bend for Busy {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        self.asked |= heard.is(Op::Request);
        let lost = self.asked && heard.is(Op::Heartbeat);
        if !lost {
            ctx.hear(heard.text);
        }
    }

    fn batch(&mut self, _: &mut Ctx<'_, '_>) {
        self.asked = false;
    }
}

/// Acknowledges what is no heartbeat.
struct Unasked(fn(&Heard<'_>, bool, &mut Ctx<'_, '_>));

impl Bend for Unasked {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let before = ctx.is_in();
        ctx.hear(heard.text);
        let entered = !before && ctx.is_in();
        (self.0)(&heard, entered, ctx);
    }
}

fn fragmented_heartbeat(incoming: &Incoming, _: &Seen) -> bool {
    match incoming {
        Incoming::Text {
            text: Ok(text),
            frames,
        } => *frames > 1 && text.contains('2') && text.len() < 40,
        _ => false,
    }
}

fn torn_by_a_ping(incoming: &Incoming, before: &Seen) -> bool {
    matches!(incoming, Incoming::Text { frames: 2.., .. }) && before.pinged
}

pub(super) const DEFECTS: &[Member] = &[
    defect(
        "ack-only-once",
        RULE,
        "Only the first heartbeat of a connection is acknowledged.",
    )
    .bend(|_, _| {
        Box::new(Acks(|beats, ctx| {
            if beats <= 1 {
                ctx.say(ACK)
            }
        }))
    }),
    defect(
        "ack-every-second",
        RULE,
        "Every second heartbeat is acknowledged.",
    )
    .bend(|_, _| {
        Box::new(Acks(|beats, ctx| {
            if beats % 2 == 1 {
                ctx.say(ACK)
            }
        }))
    }),
    defect(
        "ack-twice",
        RULE,
        "The second heartbeat and every one that follows is acknowledged twice.",
    )
    .bend(|_, _| {
        Box::new(Acks(|beats, ctx| {
            ctx.say(ACK);
            if beats > 1 {
                ctx.say(ACK);
            }
        }))
    }),
    defect(
        "ack-late",
        RULE,
        "From the second on a heartbeat is acknowledged eight seconds later.",
    )
    .bend(|_, _| {
        Box::new(Acks(|beats, ctx| match beats {
            0 | 1 => ctx.say(ACK),
            _ => ctx.later(Duration::from_secs(8), Act::Say(ACK.to_owned())),
        }))
    }),
    defect(
        "acks-coalesced",
        RULE,
        "Heartbeats that come together get one acknowledgement.",
    )
    .bend(|_, _| {
        Box::new(Batch {
            due: 0,
            said: |due| due.min(1),
        })
    }),
    defect(
        "acks-limited",
        RULE,
        "Of heartbeats that come together, those beyond the tenth are dropped as a flood.",
    )
    .bend(|_, _| {
        Box::new(Batch {
            due: 0,
            said: |due| due.min(10),
        })
    }),
    defect(
        "ack-to-the-newest",
        RULE,
        "The acknowledgement goes to the connection that came last.",
    )
    .bend(|_, _| {
        Box::new(Acks(|_, ctx| {
            let newest = ctx.facts.world.newest();
            match newest == ctx.facts.id {
                true => ctx.say(ACK),
                false => ctx.facts.world.tell(newest, Act::Say(ACK.to_owned())),
            }
        }))
    }),
    defect(
        "ack-to-all",
        RULE,
        "The acknowledgement goes to every connection.",
    )
    .bend(|_, _| {
        Box::new(Acks(|_, ctx| {
            ctx.say(ACK);
            ctx.facts
                .world
                .tell_others(ctx.facts.id, &Act::Say(ACK.to_owned()));
        }))
    }),
    defect("ack-for-hello-ack", RULE, "HELLO_ACK is acknowledged too.").bend(|_, _| {
        Box::new(Unasked(|_, entered, ctx| {
            if entered {
                ctx.say(ACK)
            }
        }))
    }),
    defect(
        "ack-on-a-timer",
        RULE,
        "A client that is in gets an acknowledgement after a while, asked or not.",
    )
    .bend(|_, _| {
        Box::new(Unasked(|_, entered, ctx| {
            if entered {
                ctx.later(ctx.facts.hb(0.3), Act::Say(ACK.to_owned()));
            }
        }))
    }),
    defect(
        "ack-for-requests",
        RULE,
        "Requests are acknowledged as if they were heartbeats.",
    )
    .bend(|_, _| {
        Box::new(Unasked(|heard, _, ctx| {
            if heard.is(Op::Request) && ctx.is_in() {
                ctx.say(ACK);
            }
        }))
    }),
    defect(
        "heartbeats-lost-among-requests",
        RULE,
        "Heartbeats behind a request in the same segment are lost.",
    )
    .bend(|_, _| Box::new(Busy::default())),
    defect(
        "heartbeat-by-text",
        RULE,
        "A heartbeat is found by its text.",
    )
    .bend(|_, _| {
        Box::new(Deaf(|heard, _| {
            !heard.text.trim().starts_with(r#"{"op"#) || heard.text.contains("  ")
        }))
    }),
    defect(
        "heartbeat-with-more-members",
        RULE,
        "A heartbeat with white space around it is not recognised.",
    )
    .bend(|_, _| Box::new(Deaf(|heard, _| heard.text.trim() != heard.text))),
    defect(
        "heartbeat-fragments",
        RULE,
        "A heartbeat that comes in several frames is lost.",
    )
    .wire(Wire {
        loses: Some(fragmented_heartbeat),
        ..AS_IS
    }),
    defect(
        "heartbeat-torn-by-a-ping",
        RULE,
        "A ping between the frames of a message loses the message.",
    )
    .wire(Wire {
        loses: Some(torn_by_a_ping),
        ..AS_IS
    }),
    defect(
        "frame-in-one-read",
        RULE,
        "What does not come in one read with the rest of its frame is lost.",
    )
    .wire(Wire {
        loses: Some(|_, _| false),
        loses_parts: true,
        ..AS_IS
    }),
];
