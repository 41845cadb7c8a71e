//! Defects of the packets a client sends: of the wrong kind, or without what belongs in them.

use super::bend::{Bend, Ctx, HEARTBEAT};
use super::bends::{Hears, Says};
use super::{Member, defect};
use crate::protocol::codec;
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::protocol::packet::{Packet, Str};

const SENDER: &str = "client.packet-sender";
const REQUEST: &str = "client.request-fields";
const DISPATCH: &str = "client.dispatch-fields";
const NONCE: &str = "client.dispatch-no-nonce";

/// What is asked, each as the text of a JSON value.
struct Ask {
    w: String,
    a: String,
    /// The nonce; empty for a DISPATCH.
    n: String,
    /// How many were asked before on the connection.
    count: u32,
}

impl Ask {
    fn of(packet: &str, count: u32) -> Option<Ask> {
        let text = |w: Str<'_>| Json::String(w.to_text()).to_string();
        let (w, a, n) = match codec::decode(packet.as_bytes()).ok()? {
            Packet::Request { w, a, n } => (w, a, n.as_str()),
            Packet::Dispatch { w, a } => (w, a, ""),
            _ => return None,
        };
        Some(Ask {
            w: text(w),
            a: a.as_str().to_owned(),
            n: n.to_owned(),
            count,
        })
    }

    fn items(&self) -> Vec<Json> {
        let list = Json::parse(self.a.as_bytes()).ok();
        let items = list.as_ref().and_then(Json::as_array);
        items.unwrap_or_default().to_vec()
    }

    fn has_arguments(&self) -> bool {
        !self.items().is_empty()
    }

    /// The arguments as the text of a string.
    fn quoted(&self) -> String {
        Json::from(self.a.as_str()).to_string()
    }

    /// The arguments, numbered.
    fn numbered(&self) -> String {
        let items = self.items().into_iter().enumerate();
        let members: Vec<String> = items
            .map(|(at, item)| format!(r#""{at}":{item}"#))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    /// The arguments without their list where there is but one.
    fn bare(&self) -> String {
        match self.items().as_slice() {
            [one] => one.to_string(),
            _ => self.a.clone(),
        }
    }
}

/// Asks in other packets.
struct Asks {
    op: Op,
    with: fn(&Ask) -> String,
    count: u32,
}

impl Asks {
    fn boxed(op: Op, with: fn(&Ask) -> String) -> Box<dyn Bend> {
        let count = 0;
        Box::new(Asks { op, with, count })
    }
}

impl Bend for Asks {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        let ask = Ask::of(&packet, self.count);
        match ask.filter(|ask| ask.n.is_empty() == (self.op == Op::Dispatch)) {
            Some(ask) => {
                self.count += 1;
                ctx.say((self.with)(&ask));
            }
            None => ctx.say(packet),
        }
    }
}

/// A REQUEST that goes out as this.
macro_rules! request {
    ($name:literal, $sentence:literal, $with:expr) => {
        defect($name, REQUEST, $sentence).bend(|_, _| Asks::boxed(Op::Request, $with))
    };
}

/// A DISPATCH that goes out as this.
macro_rules! dispatch {
    ($name:literal, $rule:ident, $sentence:literal, $with:expr) => {
        defect($name, $rule, $sentence).bend(|_, _| Asks::boxed(Op::Dispatch, $with))
    };
}

/// Answers packets of one op with a text of its own, besides what it does with them.
macro_rules! answers {
    ($name:literal, $op:ident, $sentence:literal, $text:literal) => {
        defect($name, SENDER, $sentence).bend(|_, _| {
            Box::new(Hears(|heard, ctx| {
                ctx.hear(heard.text);
                if heard.is(Op::$op) && ctx.is_in() {
                    ctx.say($text);
                }
            }))
        })
    };
}

pub(super) const DEFECTS: &[Member] = &[
    answers!(
        "acknowledges-acks",
        HeartbeatAck,
        "Every HEARTBEAT_ACK is answered with one.",
        r#"{"op":3}"#
    ),
    answers!(
        "answers-answers",
        Response,
        "Every RESPONSE is answered with one.",
        r#"{"op":5,"n":null,"r":"ok"}"#
    ),
    defect(
        "greets-back",
        SENDER,
        "HELLO is answered with HELLO_ACK, and then with HELLO.",
    )
    .bend(|_, _| {
        Box::new(Says(Op::HelloAck, |packet, ctx| {
            ctx.say(packet);
            ctx.say(r#"{"op":0,"hb_interval":10000}"#);
        }))
    }),
    defect(
        "beats-with-a-word",
        SENDER,
        "Every HEARTBEAT is followed by the text `ping`.",
    )
    .bend(|_, _| {
        Box::new(Says(Op::Heartbeat, |packet, ctx| {
            ctx.say(packet);
            ctx.say("ping");
        }))
    }),
    defect(
        "beats-in-lists",
        SENDER,
        "HEARTBEATs go out in lists, as everything that is sent by a timer.",
    )
    .bend(|_, _| {
        Box::new(Says(Op::Heartbeat, |packet, ctx| {
            ctx.say(format!("[{packet}]"))
        }))
    }),
    defect(
        "beats-by-name",
        SENDER,
        "The op of every HEARTBEAT is a string.",
    )
    .bend(|_, _| {
        Box::new(Says(Op::Heartbeat, |_, ctx| {
            ctx.say(r#"{"op":"HEARTBEAT"}"#)
        }))
    }),
    defect(
        "beats-in-pairs",
        SENDER,
        "The first HEARTBEAT goes out with the next one behind it in the same message.",
    )
    .bend(|_, _| {
        Box::new(Says(Op::Heartbeat, |packet, ctx| match ctx.facts.beats {
            0 => {
                ctx.say(format!("{packet}\n{packet}"));
                ctx.say(HEARTBEAT);
            }
            _ => ctx.say(packet),
        }))
    }),
    request!(
        "request-a-left-out",
        "A REQUEST without arguments has no `a`.",
        |ask| match ask.has_arguments() {
            true => format!(r#"{{"op":4,"w":{},"a":{},"n":{}}}"#, ask.w, ask.a, ask.n),
            false => format!(r#"{{"op":4,"w":{},"n":{}}}"#, ask.w, ask.n),
        }
    ),
    request!(
        "request-a-null",
        "A REQUEST without arguments has null for `a`.",
        |ask| {
            let a = if ask.has_arguments() { &ask.a } else { "null" };
            format!(r#"{{"op":4,"w":{},"a":{a},"n":{}}}"#, ask.w, ask.n)
        }
    ),
    request!(
        "request-a-numbered",
        "The arguments of a REQUEST are an object, their places its names.",
        |ask| format!(
            r#"{{"op":4,"w":{},"a":{},"n":{}}}"#,
            ask.w,
            ask.numbered(),
            ask.n
        )
    ),
    request!(
        "request-a-bare",
        "A single argument of a REQUEST is not put into a list.",
        |ask| format!(
            r#"{{"op":4,"w":{},"a":{},"n":{}}}"#,
            ask.w,
            ask.bare(),
            ask.n
        )
    ),
    request!(
        "request-a-quoted",
        "The arguments of a REQUEST are JSON in a string.",
        |ask| format!(
            r#"{{"op":4,"w":{},"a":{},"n":{}}}"#,
            ask.w,
            ask.quoted(),
            ask.n
        )
    ),
    request!(
        "request-w-a-number",
        "What is requested is a number of a table.",
        |ask| format!(r#"{{"op":4,"w":17,"a":{},"n":{}}}"#, ask.a, ask.n)
    ),
    request!(
        "request-w-null-again",
        "What is requested is null from the second REQUEST of a connection on.",
        |ask| {
            let w = if ask.count == 0 { &ask.w } else { "null" };
            format!(r#"{{"op":4,"w":{w},"a":{},"n":{}}}"#, ask.a, ask.n)
        }
    ),
    request!(
        "request-n-left-out",
        "The first REQUEST of a connection, whose nonce would be zero, has none.",
        |ask| match ask.count {
            0 => format!(r#"{{"op":4,"w":{},"a":{}}}"#, ask.w, ask.a),
            _ => format!(r#"{{"op":4,"w":{},"a":{},"n":{}}}"#, ask.w, ask.a, ask.n),
        }
    ),
    request!(
        "request-nested",
        "What belongs in a REQUEST is in an object inside of it.",
        |ask| format!(
            r#"{{"op":4,"d":{{"w":{},"a":{},"n":{}}}}}"#,
            ask.w, ask.a, ask.n
        )
    ),
    dispatch!(
        "dispatch-a-left-out",
        DISPATCH,
        "A DISPATCH without arguments has no `a`.",
        |ask| match ask.has_arguments() {
            true => format!(r#"{{"op":6,"w":{},"a":{}}}"#, ask.w, ask.a),
            false => format!(r#"{{"op":6,"w":{}}}"#, ask.w),
        }
    ),
    dispatch!(
        "dispatch-a-quoted",
        DISPATCH,
        "The arguments of a DISPATCH are JSON in a string.",
        |ask| format!(r#"{{"op":6,"w":{},"a":{}}}"#, ask.w, ask.quoted())
    ),
    dispatch!(
        "dispatch-a-bare",
        DISPATCH,
        "A single argument of a DISPATCH is not put into a list.",
        |ask| format!(r#"{{"op":6,"w":{},"a":{}}}"#, ask.w, ask.bare())
    ),
    dispatch!(
        "dispatch-w-left-out",
        DISPATCH,
        "A DISPATCH says its name under `t`.",
        |ask| format!(r#"{{"op":6,"t":{},"a":{}}}"#, ask.w, ask.a)
    ),
    dispatch!(
        "dispatch-n-null",
        NONCE,
        "A DISPATCH has null for a nonce.",
        |ask| format!(r#"{{"op":6,"w":{},"a":{},"n":null}}"#, ask.w, ask.a)
    ),
    dispatch!(
        "dispatch-n-counted",
        NONCE,
        "A DISPATCH has a nonce as if it were a REQUEST.",
        |ask| format!(
            r#"{{"op":6,"w":{},"a":{},"n":{}}}"#,
            ask.w,
            ask.a,
            ask.count + 1_000_000
        )
    ),
];
