//! Defects of the shape of packets, and of who sends them.

use super::super::bend::{Bend, Ctx, Heard, read};
use super::super::wire::{AS_IS, Frame, Wire};
use super::super::world::Act;
use super::{Member, defect};
use crate::protocol::codec;
use crate::protocol::opcode::Op;
use crate::wire::opcode;

const OBJECT: &str = "packet.object";
const TEXT: &str = "packet.text";
const SENDER: &str = "packet.sender";

/// Spells packets of one op otherwise, from the second connection on.
struct Spells(Op, fn(String) -> String);

impl Bend for Spells {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match ctx.facts.id > 0 && read(&packet).0 == Some(self.0) {
            true => ctx.say((self.1)(packet)),
            false => ctx.say(packet),
        }
    }
}

/// Puts what is said together into one text.
struct Together {
    said: Vec<String>,
    join: fn(&[String]) -> String,
}

impl Bend for Together {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match ctx.is_in() {
            true => self.said.push(packet),
            false => ctx.say(packet),
        }
    }

    fn batch(&mut self, ctx: &mut Ctx<'_, '_>) {
        let said = std::mem::take(&mut self.said);
        match &said[..] {
            [] => {}
            [one] => ctx.say(one.clone()),
            several => ctx.say((self.join)(several)),
        }
    }
}

/// Says something of its own when it hears an op, or a while after it let its client in.
struct Speaks {
    /// None: of itself.
    when: Option<Op>,
    what: fn(&Heard<'_>) -> String,
}

impl Speaks {
    fn when(op: Op, what: fn(&Heard<'_>) -> String) -> Box<dyn Bend> {
        Box::new(Speaks {
            when: Some(op),
            what,
        })
    }

    fn unasked(what: fn(&Heard<'_>) -> String) -> Box<dyn Bend> {
        Box::new(Speaks { when: None, what })
    }
}

impl Bend for Speaks {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let before = ctx.is_in();
        ctx.hear(heard.text);
        if self.when.is_some() && self.when == heard.op() && ctx.is_in() {
            ctx.say((self.what)(&heard));
        }
        if self.when.is_none() && !before && ctx.is_in() {
            ctx.later(ctx.facts.hb(0.2), Act::Say((self.what)(&heard)));
        }
    }
}

/// Packets of one op in binary frames.
macro_rules! binary {
    ($op:ident) => {
        Wire {
            frames: Some(|frame| {
                let packet = codec::decode(&frame.payload);
                let hit = packet.is_ok_and(|packet| packet.op() == Op::$op);
                match hit && frame.opcode == opcode::TEXT {
                    true => vec![Frame {
                        opcode: opcode::BINARY,
                        ..frame
                    }],
                    false => vec![frame],
                }
            }),
            ..AS_IS
        }
    };
}

pub(super) const DEFECTS: &[Member] = &[
    defect(
        "ack-as-list",
        OBJECT,
        "From the second connection on HEARTBEAT_ACK comes in a list.",
    )
    .bend(|_, _| Box::new(Spells(Op::HeartbeatAck, |packet| format!("[{packet}]")))),
    defect(
        "ack-op-string",
        OBJECT,
        "From the second connection on the op of HEARTBEAT_ACK is a string.",
    )
    .bend(|_, _| Box::new(Spells(Op::HeartbeatAck, |_| r#"{"op":"3"}"#.to_owned()))),
    defect(
        "ack-op-missing",
        OBJECT,
        "From the second connection on HEARTBEAT_ACK has no op.",
    )
    .bend(|_, _| Box::new(Spells(Op::HeartbeatAck, |_| "{}".to_owned()))),
    defect(
        "response-as-list",
        OBJECT,
        "From the second connection on RESPONSE comes in a list.",
    )
    .bend(|_, _| Box::new(Spells(Op::Response, |packet| format!("[{packet}]")))),
    defect(
        "response-op-string",
        OBJECT,
        "From the second connection on the op of RESPONSE is a string.",
    )
    .bend(|_, _| {
        Box::new(Spells(Op::Response, |packet| {
            packet.replacen(":5,", ":\"5\",", 1)
        }))
    }),
    defect(
        "response-op-name",
        OBJECT,
        "From the second connection on the op of RESPONSE is its name.",
    )
    .bend(|_, _| {
        Box::new(Spells(Op::Response, |packet| {
            packet.replacen(":5,", ":\"RESPONSE\",", 1)
        }))
    }),
    defect(
        "response-no-json",
        OBJECT,
        "From the second connection on RESPONSE is spelled with single quotes.",
    )
    .bend(|_, _| Box::new(Spells(Op::Response, |packet| packet.replace('"', "'")))),
    defect(
        "packets-concatenated",
        OBJECT,
        "Packets that are sent together come in one text, one behind the other.",
    )
    .bend(|_, _| {
        Box::new(Together {
            said: Vec::new(),
            join: |said| said.join("\n"),
        })
    }),
    defect(
        "packets-in-a-list",
        OBJECT,
        "Packets that are sent together come in one list.",
    )
    .bend(|_, _| {
        Box::new(Together {
            said: Vec::new(),
            join: |said| format!("[{}]", said.join(",")),
        })
    }),
    defect("hello-binary", TEXT, "HELLO comes in a binary frame.").wire(binary!(Hello)),
    defect("ack-binary", TEXT, "HEARTBEAT_ACK comes in a binary frame.")
        .wire(binary!(HeartbeatAck)),
    defect("response-binary", TEXT, "RESPONSE comes in a binary frame.").wire(binary!(Response)),
    defect(
        "server-heartbeats",
        SENDER,
        "The server sends heartbeats itself.",
    )
    .bend(|_, _| Speaks::unasked(|_| r#"{"op":2}"#.to_owned())),
    defect(
        "server-requests",
        SENDER,
        "The server sends a request to a client that is in.",
    )
    .bend(|_, _| Speaks::unasked(|_| r#"{"op":4,"w":"WHO","a":[],"n":1}"#.to_owned())),
    defect(
        "server-dispatches",
        SENDER,
        "The server dispatches to whoever asks it something.",
    )
    .bend(|_, _| Speaks::when(Op::Request, |_| r#"{"op":6,"w":"ASKED","a":[]}"#.to_owned())),
    defect(
        "server-says-hello-ack",
        SENDER,
        "The server answers HELLO_ACK with HELLO_ACK.",
    )
    .bend(|_, _| Speaks::when(Op::HelloAck, |_| r#"{"op":1,"password":""}"#.to_owned())),
    defect(
        "server-echoes-requests",
        SENDER,
        "The server sends requests back, besides answering them.",
    )
    .bend(|_, _| Speaks::when(Op::Request, |heard| heard.text.to_owned())),
];
