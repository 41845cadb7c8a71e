//! Defects of requests and their answers.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::bend::{Bend, Ctx, Facts, Heard, read};
use super::super::reading::Seen;
use super::super::wire::{AS_IS, Wire};
use super::super::world::Act;
use super::{Member, defect};
use crate::protocol::opcode::Op;
use crate::wire::Incoming;

const RESPONSE: &str = "request.response";
const INDEPENDENT: &str = "request.independent";
const FIELDS: &str = "response.fields";

/// Does something else with a RESPONSE.
pub(super) struct Answers(pub(super) fn(String, &mut Ctx<'_, '_>));

impl Bend for Answers {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 {
            Some(Op::Response) => (self.0)(packet, ctx),
            _ => ctx.say(packet),
        }
    }
}

/// Does not hear some requests of authenticated clients.
struct Deaf(fn(&Heard<'_>, &mut Ctx<'_, '_>) -> bool);

impl Bend for Deaf {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let deaf = heard.is(Op::Request) && ctx.is_in() && (self.0)(&heard, ctx);
        if !deaf {
            ctx.hear(heard.text);
        }
    }
}

/// Loses requests of one segment.
struct Burst {
    count: usize,
    heartbeat: bool,
    lost: fn(&Burst) -> bool,
}

impl Burst {
    fn losing(lost: fn(&Burst) -> bool) -> Box<dyn Bend> {
        Box::new(Burst {
            count: 0,
            heartbeat: false,
            lost,
        })
    }
}

impl Bend for Burst {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        self.heartbeat |= heard.is(Op::Heartbeat);
        if heard.is(Op::Request) && ctx.is_in() {
            self.count += 1;
            if (self.lost)(self) {
                return;
            }
        }
        ctx.hear(heard.text);
    }

    fn batch(&mut self, _: &mut Ctx<'_, '_>) {
        self.count = 0;
        self.heartbeat = false;
    }
}

/// Writes another nonce than the one that was asked with.
struct OtherNonce {
    count: u32,
    previous: Option<String>,
    other: fn(&mut OtherNonce, &str) -> String,
}

impl OtherNonce {
    fn boxed(other: fn(&mut OtherNonce, &str) -> String) -> Box<dyn Bend> {
        Box::new(OtherNonce {
            count: 0,
            previous: None,
            other,
        })
    }
}

impl Bend for OtherNonce {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        let (_, Some((n, r))) = read(&packet) else {
            return ctx.say(packet);
        };
        let nonce = (self.other)(self, n.as_str());
        self.count += 1;
        self.previous = Some(n.as_str().to_owned());
        ctx.respond(&nonce, r.as_str());
    }
}

/// Answers to requests of one segment all carry the last one's nonce.
#[derive(Default)]
struct LastNonce {
    held: Vec<String>,
}

impl Bend for LastNonce {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 {
            Some(Op::Response) => self.held.push(packet),
            _ => ctx.say(packet),
        }
    }

    fn batch(&mut self, ctx: &mut Ctx<'_, '_>) {
        let held = std::mem::take(&mut self.held);
        let last = held.last().and_then(|last| read(last).1);
        let nonce = last.map(|(n, _)| n.as_str().to_owned());
        for _ in &held {
            ctx.respond(nonce.as_deref().unwrap_or("null"), "null");
        }
    }
}

/// Takes a nonce that it knows for a repetition.
struct Once {
    /// Of the whole server, while an answer may be on its way, instead of this connection's.
    shared: bool,
    seen: BTreeSet<String>,
}

impl Bend for Once {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let (Some(nonce), true) = (heard.nonce(), ctx.is_in()) else {
            return ctx.hear(heard.text);
        };
        let new = match self.shared {
            true => ctx.facts.world.state().nonces.insert(nonce.to_owned()),
            false => self.seen.insert(nonce.to_owned()),
        };
        if new {
            self.seen.insert(nonce.to_owned());
            ctx.hear(heard.text);
        }
    }

    fn leaves(&mut self, facts: &Facts, _: &mut Vec<Act>) {
        let mut world = facts.world.state();
        for nonce in &self.seen {
            world.nonces.remove(nonce);
        }
    }
}

fn fragmented_request(incoming: &Incoming, _: &Seen) -> bool {
    match incoming {
        Incoming::Text {
            text: Ok(text),
            frames,
        } => *frames > 1 && text.contains("\"n\""),
        _ => false,
    }
}

pub(super) const DEFECTS: &[Member] = &[
    defect(
        "request-only-first",
        RESPONSE,
        "Only the first request of a connection is answered.",
    )
    .bend(|_, _| Box::new(Deaf(|_, ctx| ctx.facts.requests > 1))),
    defect(
        "request-only-ten",
        RESPONSE,
        "Ten requests of a connection are answered, and no more.",
    )
    .bend(|_, _| Box::new(Deaf(|_, ctx| ctx.facts.requests > 10))),
    defect(
        "request-by-text",
        RESPONSE,
        "A request is found by how its text begins.",
    )
    .bend(|_, _| {
        Box::new(Deaf(|heard, _| {
            let tight = heard.text.replace(' ', "");
            !tight.starts_with(r#"{"op":4,"w":"#) || heard.text.contains("  ")
        }))
    }),
    defect(
        "request-fragments",
        RESPONSE,
        "A request that comes in several frames is lost.",
    )
    .wire(Wire {
        loses: Some(fragmented_request),
        ..AS_IS
    }),
    defect(
        "request-null-unanswered",
        RESPONSE,
        "A request whose answer is null gets none.",
    )
    .bend(|_, _| {
        Box::new(Answers(|packet, ctx| {
            if read(&packet).1.is_none_or(|(_, r)| r.as_str() != "null") {
                ctx.say(packet);
            }
        }))
    }),
    defect(
        "response-twice",
        RESPONSE,
        "Every request is answered twice.",
    )
    .bend(|_, _| {
        Box::new(Answers(|packet, ctx| {
            ctx.say(packet.clone());
            ctx.say(packet);
        }))
    }),
    defect(
        "response-again-later",
        RESPONSE,
        "Every request is answered again a little later.",
    )
    .bend(|_, _| {
        Box::new(Answers(|packet, ctx| {
            ctx.later(Duration::from_millis(200), Act::Say(packet.clone()));
            ctx.say(packet);
        }))
    }),
    defect(
        "response-late",
        RESPONSE,
        "From the second on a request is answered eight seconds later.",
    )
    .bend(|_, _| {
        Box::new(Answers(|packet, ctx| match ctx.facts.requests {
            0 | 1 => ctx.say(packet),
            _ => ctx.later(Duration::from_secs(8), Act::Say(packet)),
        }))
    }),
    defect(
        "nonce-one-behind",
        RESPONSE,
        "From the second on an answer carries the nonce of the one before.",
    )
    .bend(|_, _| {
        OtherNonce::boxed(|this, nonce| this.previous.clone().unwrap_or_else(|| nonce.to_owned()))
    }),
    defect(
        "nonce-counted",
        RESPONSE,
        "From the second request on the server counts nonces itself.",
    )
    .bend(|_, _| {
        OtherNonce::boxed(|this, nonce| match this.count {
            0 => nonce.to_owned(),
            count => (count + 1).to_string(),
        })
    }),
    defect(
        "nonce-of-the-last",
        INDEPENDENT,
        "Requests of one segment are all answered with the last one's nonce.",
    )
    .bend(|_, _| Box::new(LastNonce::default())),
    defect(
        "requests-one-a-segment",
        INDEPENDENT,
        "One request of a segment is answered.",
    )
    .bend(|_, _| Burst::losing(|burst| burst.count > 1)),
    defect(
        "requests-sixteen-a-segment",
        INDEPENDENT,
        "Sixteen requests of a segment are answered, the others dropped.",
    )
    .bend(|_, _| Burst::losing(|burst| burst.count > 16)),
    defect(
        "requests-lost-behind-heartbeats",
        INDEPENDENT,
        "A request behind a heartbeat in the same segment is lost.",
    )
    .bend(|_, _| Burst::losing(|burst| burst.heartbeat)),
    defect(
        "nonce-once",
        INDEPENDENT,
        "A nonce that a connection has used is taken for a repetition.",
    )
    .bend(|_, _| {
        Box::new(Once {
            shared: false,
            seen: BTreeSet::new(),
        })
    }),
    defect(
        "nonces-shared",
        INDEPENDENT,
        "A nonce that another connection uses is taken for a repetition.",
    )
    .bend(|_, _| {
        Box::new(Once {
            shared: true,
            seen: BTreeSet::new(),
        })
    }),
    defect(
        "response-without-nonce",
        FIELDS,
        "From the second on answers have no nonce.",
    )
    .bend(|_, _| {
        Box::new(Answers(|packet, ctx| {
            match (ctx.facts.requests, read(&packet).1) {
                (2.., Some((_, r))) => ctx.say(format!(r#"{{"op":5,"r":{r}}}"#)),
                _ => ctx.say(packet),
            }
        }))
    }),
    defect("response-without-answer", FIELDS, "Answers have no r.")
        .weaker()
        .bend(|_, _| {
            Box::new(Answers(|packet, ctx| match read(&packet).1 {
                Some((n, _)) => ctx.say(format!(r#"{{"op":5,"n":{n}}}"#)),
                None => ctx.say(packet),
            }))
        }),
    defect("response-null-dropped", FIELDS, "An r of null drops out.")
        .weaker()
        .bend(|_, _| {
            Box::new(Answers(|packet, ctx| match read(&packet).1 {
                Some((n, r)) if r.as_str() == "null" => ctx.say(format!(r#"{{"op":5,"n":{n}}}"#)),
                _ => ctx.say(packet),
            }))
        }),
];
