//! Defects of requests, their answers, and dispatches.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::bend::{Bend, Ctx, Facts, Heard, read};
use super::super::wire::{AS_IS, Seen, Wire};
use super::super::world::Act;
use super::{Member, defect};
use crate::protocol::opcode::Op;
use crate::protocol::packet::Packet;
use crate::wire::Incoming;

const RESPONSE: &str = "request.response";
const INDEPENDENT: &str = "request.independent";
const SENDER: &str = "response.to-sender";
const DISPATCH: &str = "dispatch.no-response";
const NO_REPLY: &str = "robust.no-reply";
const FIELDS: &str = "response.fields";

/// Does something else with a RESPONSE.
struct Answers(fn(String, &mut Ctx<'_, '_>));

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
    defect("request-only-first", RESPONSE, "Only the first request of a connection is answered.")
        .bend(|_, _| Box::new(Deaf(|_, ctx| ctx.facts.requests > 1))),
    defect("request-only-ten", RESPONSE, "Ten requests of a connection are answered, and no more.")
        .bend(|_, _| Box::new(Deaf(|_, ctx| ctx.facts.requests > 10))),
    defect("request-by-text", RESPONSE, "A request is found by how its text begins.")
        .bend(|_, _| Box::new(Deaf(|heard, _| {
            let tight = heard.text.replace(' ', "");
            !tight.starts_with(r#"{"op":4,"w":"#) || heard.text.contains("  ")
        }))),
    defect("request-fragments", RESPONSE, "A request that comes in several frames is lost.")
        .wire(Wire { loses: Some(fragmented_request), ..AS_IS }),
    defect("request-null-unanswered", RESPONSE, "A request whose answer is null gets none.")
        .bend(|_, _| Box::new(Answers(|packet, ctx| {
            if read(&packet).1.is_none_or(|(_, r)| r.as_str() != "null") {
                ctx.say(packet);
            }
        }))),
    defect("response-twice", RESPONSE, "Every request is answered twice.")
        .bend(|_, _| Box::new(Answers(|packet, ctx| {
            ctx.say(packet.clone());
            ctx.say(packet);
        }))),
    defect("response-again-later", RESPONSE, "Every request is answered again a little later.")
        .bend(|_, _| Box::new(Answers(|packet, ctx| {
            ctx.later(Duration::from_millis(200), Act::Say(packet.clone()));
            ctx.say(packet);
        }))),
    defect("response-late", RESPONSE, "From the second on a request is answered eight seconds later.")
        .bend(|_, _| Box::new(Answers(|packet, ctx| match ctx.facts.requests {
            0 | 1 => ctx.say(packet),
            _ => ctx.later(Duration::from_secs(8), Act::Say(packet)),
        }))),
    defect("nonce-one-behind", RESPONSE, "From the second on an answer carries the nonce of the one before.")
        .bend(|_, _| OtherNonce::boxed(|this, nonce| this.previous.clone().unwrap_or_else(|| nonce.to_owned()))),
    defect("nonce-counted", RESPONSE, "From the second request on the server counts nonces itself.")
        .bend(|_, _| OtherNonce::boxed(|this, nonce| match this.count {
            0 => nonce.to_owned(),
            count => (count + 1).to_string(),
        })),
    defect("nonce-of-the-last", INDEPENDENT, "Requests of one segment are all answered with the last one's nonce.")
        .bend(|_, _| Box::new(LastNonce::default())),
    defect("requests-one-a-segment", INDEPENDENT, "One request of a segment is answered.")
        .bend(|_, _| Burst::losing(|burst| burst.count > 1)),
    defect("requests-sixteen-a-segment", INDEPENDENT, "Sixteen requests of a segment are answered, the others dropped.")
        .bend(|_, _| Burst::losing(|burst| burst.count > 16)),
    defect("requests-lost-behind-heartbeats", INDEPENDENT, "A request behind a heartbeat in the same segment is lost.")
        .bend(|_, _| Burst::losing(|burst| burst.heartbeat)),
    defect("nonce-once", INDEPENDENT, "A nonce that a connection has used is taken for a repetition.")
        .bend(|_, _| Box::new(Once { shared: false, seen: BTreeSet::new() })),
    defect("nonces-shared", INDEPENDENT, "A nonce that another connection uses is taken for a repetition.")
        .bend(|_, _| Box::new(Once { shared: true, seen: BTreeSet::new() })),
    defect("response-to-the-newest", SENDER, "Answers go to the connection that came last.")
        .bend(|_, _| Box::new(Answers(|packet, ctx| {
            let newest = ctx.facts.world.newest();
            match newest == ctx.facts.id {
                true => ctx.say(packet),
                false => ctx.facts.world.tell(newest, Act::Say(packet)),
            }
        }))),
    defect("response-to-all", SENDER, "Answers go to every connection.")
        .bend(|_, _| Box::new(Answers(|packet, ctx| {
            ctx.facts.world.tell_others(ctx.facts.id, &Act::Say(packet.clone()));
            ctx.say(packet);
        }))),
    defect("response-to-the-last-asker", SENDER, "Answers go to whoever asked last.")
        .bend(|_, _| Box::new(LastAsker)),
    defect("response-to-the-slot", SENDER, "Answers that a client left behind go to the next one.")
        .bend(|_, _| Box::new(Slot)),
    defect("dispatch-answered", DISPATCH, "A dispatch is answered with null for a nonce.")
        .bend(|_, _| Box::new(Replies(|heard, ctx| if heard.is(Op::Dispatch) { ctx.respond("null", "null") }))),
    defect("dispatch-answered-bare", DISPATCH, "A dispatch is answered without a nonce.")
        .bend(|_, _| Box::new(Replies(|heard, ctx| if heard.is(Op::Dispatch) { ctx.say(r#"{"op":5,"r":null}"#) }))),
    defect("dispatch-with-a-nonce-answered", DISPATCH, "A dispatch that has a nonce is answered.")
        .bend(|_, _| Box::new(Replies(|heard, ctx| if heard.is(Op::Dispatch) { reply_to(6.0, heard, ctx) }))),
    defect("dispatch-of-a-request-answered", DISPATCH, "What is known as a request is answered when it is dispatched.")
        .bend(|_, _| Box::new(Replies(|heard, ctx| {
            if let Some(Packet::Dispatch { w, .. }) = heard.packet
                && w.decode().is_ok_and(|w| w == "ECHO")
            {
                ctx.respond("0", "null");
            }
        }))),
    defect("dispatch-answered-among-requests", DISPATCH, "Dispatches in one segment with a request are answered with it.")
        .bend(|_, _| Box::new(Mixed::default())),
    defect("heartbeat-answered", NO_REPLY, "A heartbeat that has a nonce is answered.")
        .bend(|_, _| Box::new(Replies(|heard, ctx| reply_to(2.0, heard, ctx)))),
    defect("unknown-op-answered", NO_REPLY, "A packet of an unknown op that has a nonce is answered.")
        .bend(|_, _| Box::new(Replies(|heard, ctx| reply_to(7.0, heard, ctx)))),
    defect("response-answered", NO_REPLY, "A RESPONSE from the client is answered.")
        .bend(|_, _| Box::new(Replies(|heard, ctx| reply_to(5.0, heard, ctx)))),
    defect("second-hello-ack-answered", NO_REPLY, "A HELLO_ACK that has a nonce is answered.")
        .bend(|_, _| Box::new(Replies(|heard, ctx| reply_to(1.0, heard, ctx)))),
    defect("response-without-nonce", FIELDS, "From the second on answers have no nonce.")
        .bend(|_, _| Box::new(Answers(|packet, ctx| match (ctx.facts.requests, read(&packet).1) {
            (2.., Some((_, r))) => ctx.say(format!(r#"{{"op":5,"r":{r}}}"#)),
            _ => ctx.say(packet),
        }))),
    defect("response-without-answer", FIELDS, "Answers have no r.")
        .weaker()
        .bend(|_, _| Box::new(Answers(|packet, ctx| match read(&packet).1 {
            Some((n, _)) => ctx.say(format!(r#"{{"op":5,"n":{n}}}"#)),
            None => ctx.say(packet),
        }))),
    defect("response-null-dropped", FIELDS, "An r of null drops out.")
        .weaker()
        .bend(|_, _| Box::new(Answers(|packet, ctx| match read(&packet).1 {
            Some((n, r)) if r.as_str() == "null" => ctx.say(format!(r#"{{"op":5,"n":{n}}}"#)),
            _ => ctx.say(packet),
        }))),
];
