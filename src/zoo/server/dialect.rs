//! Servers that ask their clients: defects of the bidirectional dialect.

use std::collections::BTreeSet;

use super::super::bend::{Bend, Ctx, Heard};
use super::super::world::Act;
use super::{Member, asking};
use crate::protocol::codec;
use crate::protocol::opcode::Op;
use crate::protocol::packet::Packet;

const DIALECT: &str = "dialect.bidirectional";
const RESPONSE: &str = "request.response";

const REQUEST: &str = r#"{"op":4,"w":"STATUS","a":[],"n":"early"}"#;
const DISPATCH: &str = r#"{"op":6,"w":"WELCOME","a":[]}"#;

/// The nonce of a REQUEST of the server's own.
fn own_nonce(packet: &str) -> Option<String> {
    match codec::decode(packet.as_bytes()) {
        Ok(Packet::Request { n, .. }) => Some(n.as_str().to_owned()),
        _ => None,
    }
}

/// The nonce and the data of a client's RESPONSE.
fn answer<'a>(heard: &Heard<'a>) -> Option<(&'a str, &'a str)> {
    match heard.packet {
        Some(Packet::Response { n, r }) => Some((n.as_str(), r.as_str())),
        _ => None,
    }
}

/// Asks right behind HELLO, from the second connection on.
struct AtOnce(&'static str);

impl Bend for AtOnce {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        let hello = codec::decode(packet.as_bytes()).is_ok_and(|packet| packet.op() == Op::Hello);
        ctx.say(packet);
        if hello && ctx.facts.id > 0 {
            ctx.say(self.0);
        }
    }
}

/// Asks at any HELLO_ACK, before the password is looked at.
struct AnyPassword;

impl Bend for AnyPassword {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if heard.is(Op::HelloAck) && !ctx.is_in() {
            ctx.say(REQUEST);
        }
        ctx.hear(heard.text);
    }
}

/// Tells everybody what one client asks for, whoever they are.
struct Everybody;

impl Bend for Everybody {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if heard.is(Op::Request) && ctx.is_in() {
            let others = Act::Say(DISPATCH.to_owned());
            ctx.facts.world.tell_others(ctx.facts.id, &others);
        }
        ctx.hear(heard.text);
    }
}

/// An early RESPONSE for which this holds lets in.
struct LetsIn(fn(&Ctx<'_, '_>, &str) -> bool);

impl Bend for LetsIn {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        match answer(&heard) {
            Some((n, _)) if !ctx.is_in() && (self.0)(ctx, n) => ctx.let_in(),
            _ => ctx.hear(heard.text),
        }
    }

    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if let Some(nonce) = own_nonce(&packet) {
            ctx.facts.world.state().nonces.insert(nonce);
        }
        ctx.say(packet);
    }
}

/// An early RESPONSE lets heartbeats through, and nothing else.
struct LetsBeat(bool);

impl Bend for LetsBeat {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if ctx.is_in() {
            return ctx.hear(heard.text);
        }
        match heard.op() {
            Some(Op::Response) => self.0 = true,
            Some(Op::Heartbeat) if self.0 => ctx.say(r#"{"op":3}"#),
            _ => ctx.hear(heard.text),
        }
    }

    fn deadline(
        &self,
        facts: &super::super::bend::Facts,
        session: Option<tokio::time::Instant>,
    ) -> Option<tokio::time::Instant> {
        session.filter(|_| !self.0 || facts.let_in.is_some())
    }
}

/// One table for the requests of both directions.
struct OneTable(BTreeSet<String>);

impl Bend for OneTable {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        self.0.extend(own_nonce(&packet));
        ctx.say(packet);
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if heard.nonce().is_some_and(|nonce| self.0.contains(nonce)) {
            return;
        }
        if let Some((n, _)) = answer(&heard) {
            self.0.remove(n);
        }
        ctx.hear(heard.text);
    }
}

/// Sends a client's answer on as a RESPONSE: to itself, or to the others.
struct Echoes(bool);

impl Bend for Echoes {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if let (Some((n, r)), true) = (answer(&heard), ctx.is_in()) {
            if self.0 {
                ctx.respond(n, r);
            } else {
                let packet = format!(r#"{{"op":5,"n":{n},"r":{r}}}"#);
                ctx.facts.world.tell_others(ctx.facts.id, &Act::Say(packet));
            }
        }
        ctx.hear(heard.text);
    }
}

/// Closes for a RESPONSE before HELLO_ACK, which is a server's right.
pub(super) struct ClosesForEarlyResponse;

impl Bend for ClosesForEarlyResponse {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        match heard.is(Op::Response) && !ctx.is_in() {
            true => ctx.close(1008),
            false => ctx.hear(heard.text),
        }
    }
}

pub(super) const DEFECTS: &[Member] = &[
    asking(
        "asks-before-authentication",
        DIALECT,
        "A REQUEST follows HELLO, before the client has said who it is.",
    )
    .bend(|_, _| Box::new(AtOnce(REQUEST))),
    asking(
        "dispatches-before-authentication",
        DIALECT,
        "A DISPATCH follows HELLO, before the client has said who it is.",
    )
    .bend(|_, _| Box::new(AtOnce(DISPATCH))),
    asking(
        "asks-at-any-password",
        DIALECT,
        "A REQUEST follows HELLO_ACK before its password has been looked at.",
    )
    .bend(|_, _| Box::new(AnyPassword)),
    asking(
        "dispatches-to-everybody",
        DIALECT,
        "What one client asks for is told to all connections, whoever they are.",
    )
    .bend(|_, _| Box::new(Everybody)),
    asking(
        "response-authenticates",
        DIALECT,
        "A RESPONSE before HELLO_ACK lets the client in.",
    )
    .bend(|_, _| Box::new(LetsIn(|_, _| true))),
    asking(
        "response-to-anybody-authenticates",
        DIALECT,
        "A RESPONSE before HELLO_ACK lets in whoever knows the nonce of somebody else's request.",
    )
    .bend(|_, _| Box::new(LetsIn(|ctx, n| ctx.facts.world.state().nonces.contains(n)))),
    asking(
        "response-lets-heartbeats-through",
        DIALECT,
        "Behind a RESPONSE, heartbeats are acknowledged without HELLO_ACK.",
    )
    .bend(|_, _| Box::new(LetsBeat(false))),
    asking(
        "one-table-of-nonces",
        RESPONSE,
        "A REQUEST with the nonce of one of the server's own is taken for its answer.",
    )
    .bend(|_, _| Box::new(OneTable(BTreeSet::new()))),
    asking(
        "answers-come-back",
        RESPONSE,
        "The client's answers are sent back to it as RESPONSEs.",
    )
    .bend(|_, _| Box::new(Echoes(true))),
    asking(
        "answers-go-to-others",
        RESPONSE,
        "The client's answers are sent as RESPONSEs to the other clients.",
    )
    .bend(|_, _| Box::new(Echoes(false))),
];
