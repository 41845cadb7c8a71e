//! Defects that end or stop the whole server: one bad input, and nobody is served any more.

use super::super::bend::{Bend, Ctx, Facts, Heard};
use super::super::fate::Life;
use super::super::wire::{AS_IS, AtTheDoor, Knock, Watch, Wire};
use super::super::world::Act;
use super::{Member, defect};
use crate::protocol::codec;
use crate::protocol::error::{DecodeFault, JsonFault};
use crate::protocol::opcode::Op;
use crate::protocol::packet::Packet;
use crate::wire::{FrameFault, Incoming};

const RULE: &str = "robust.isolation";

/// Suffers from texts. `inside`: of authenticated clients, of others, or of both.
struct Suffers {
    life: Life,
    inside: Option<bool>,
    from: fn(&Heard<'_>) -> bool,
}

impl Suffers {
    fn dies(from: fn(&Heard<'_>) -> bool) -> Box<dyn Bend> {
        Box::new(Suffers {
            life: Life::Dead,
            inside: Some(true),
            from,
        })
    }

    fn hangs(from: fn(&Heard<'_>) -> bool) -> Box<dyn Bend> {
        Box::new(Suffers {
            life: Life::Hung,
            inside: Some(true),
            from,
        })
    }

    fn at_the_door(from: fn(&Heard<'_>) -> bool) -> Box<dyn Bend> {
        Box::new(Suffers {
            life: Life::Dead,
            inside: Some(false),
            from,
        })
    }
}

impl Bend for Suffers {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let here = self.inside.is_none_or(|inside| inside == ctx.is_in());
        match here && (self.from)(&heard) {
            true => ctx.facts.world.fate.suffer(self.life),
            false => ctx.hear(heard.text),
        }
    }
}

/// Suffers from binary messages.
struct Binary(Life);

impl Bend for Binary {
    fn binary(&mut self, ctx: &mut Ctx<'_, '_>) {
        ctx.facts.world.fate.suffer(self.0);
    }
}

/// Suffers from more than so many heartbeats or pings at once.
struct Flood {
    beats: usize,
    pings: usize,
    count: usize,
}

impl Flood {
    fn count(&mut self, most: usize, ctx: &mut Ctx<'_, '_>) {
        self.count += 1;
        if self.count > most {
            ctx.facts.world.fate.suffer(Life::Dead);
        }
    }
}

impl Bend for Flood {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if heard.is(Op::Heartbeat) {
            self.count(self.beats, ctx);
        }
        ctx.hear(heard.text);
    }

    fn control(&mut self, ctx: &mut Ctx<'_, '_>) {
        self.count(self.pings, ctx);
    }
}

/// Suffers from a client that goes with requests unanswered, or before it has answered HELLO.
struct Gone {
    requests: bool,
}

impl Bend for Gone {
    fn leaves(&mut self, facts: &Facts, _: &mut Vec<Act>) {
        let hit = match self.requests {
            true => facts.requests >= 100 && facts.last_beat.is_none(),
            false => facts.last_packet.is_none(),
        };
        if hit {
            facts.world.fate.suffer(Life::Dead);
        }
    }
}

/// Suffers from somebody who has no WebSocket yet.
const fn door(life: Life, watch: AtTheDoor) -> Wire {
    Wire {
        door: Some((watch, life)),
        ..AS_IS
    }
}

fn asks_for_a_websocket(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    text.starts_with("get ") && text.contains("\r\nsec-websocket-key:")
}

fn fault(heard: &Heard<'_>) -> Option<DecodeFault> {
    codec::decode(heard.text.as_bytes()).err().map(|e| e.fault)
}

fn is_garbage(heard: &Heard<'_>) -> bool {
    matches!(fault(heard), Some(DecodeFault::Json(fault)) if !matches!(fault, JsonFault::TooDeep | JsonFault::TooLarge(_)))
}

fn is_deep(heard: &Heard<'_>) -> bool {
    matches!(fault(heard), Some(DecodeFault::Json(JsonFault::TooDeep)))
}

fn is_no_object(heard: &Heard<'_>) -> bool {
    matches!(
        fault(heard),
        Some(DecodeFault::NotAnObject(_) | DecodeFault::NoOp)
    )
}

fn is_unknown(heard: &Heard<'_>) -> bool {
    let fault = fault(heard);
    matches!(
        fault,
        Some(DecodeFault::UnknownOp | DecodeFault::OpType(_) | DecodeFault::OpNotInteger)
    )
}

fn has_wrong_types(heard: &Heard<'_>) -> bool {
    heard.packet.is_none() && matches!(heard.meant(), Some(Op::Request | Op::Dispatch))
}

fn is_the_servers(heard: &Heard<'_>) -> bool {
    matches!(
        heard.meant(),
        Some(Op::Hello | Op::HeartbeatAck | Op::Response)
    )
}

fn asks_for_a_name(heard: &Heard<'_>) -> bool {
    let (Some(Packet::Request { w, .. }) | Some(Packet::Dispatch { w, .. })) = heard.packet else {
        return false;
    };
    w.decode().is_ok_and(|w| {
        matches!(
            &*w,
            "__proto__" | "constructor" | "toString" | "__class__" | "../.." | "\0"
        )
    })
}

fn has_a_lone_surrogate(heard: &Heard<'_>) -> bool {
    heard.text.contains("\"\\ud800") || heard.text.contains("\\udc00\\ud800")
}

fn has_an_odd_number(heard: &Heard<'_>) -> bool {
    heard.text.contains("e400") || heard.text.contains(&"9".repeat(1000))
}

/// Suffers from what comes below the session.
macro_rules! below {
    ($life:ident, $watch:expr) => {{
        const WATCH: Watch = $watch;
        Wire {
            suffers: Some((WATCH, Life::$life)),
            ..AS_IS
        }
    }};
}

pub(super) const DEFECTS: &[Member] = &[
    defect(
        "dies-of-garbage",
        RULE,
        "A text that is no JSON ends the process.",
    )
    .bend(|_, _| Suffers::dies(is_garbage)),
    defect(
        "hangs-on-garbage",
        RULE,
        "A text that is no JSON stops the event loop.",
    )
    .bend(|_, _| Suffers::hangs(is_garbage)),
    defect(
        "dies-of-a-strangers-garbage",
        RULE,
        "What is no packet ends the process if it comes before HELLO_ACK.",
    )
    .bend(|_, _| Suffers::at_the_door(|heard| heard.packet.is_none())),
    defect(
        "dies-of-no-object",
        RULE,
        "JSON that is no object, or has no op, ends the process.",
    )
    .bend(|_, _| Suffers::dies(is_no_object)),
    defect(
        "dies-of-wrong-types",
        RULE,
        "A request with a member of a wrong type, or without one, ends the process.",
    )
    .bend(|_, _| Suffers::dies(has_wrong_types)),
    defect(
        "dies-of-unknown-ops",
        RULE,
        "An op that the table lacks ends the process.",
    )
    .bend(|_, _| Suffers::dies(is_unknown)),
    defect(
        "dies-of-its-own-packets",
        RULE,
        "A packet that only the server sends ends the process.",
    )
    .bend(|_, _| Suffers::dies(is_the_servers)),
    defect(
        "dies-of-names",
        RULE,
        "A request for a name of the server's language ends the process.",
    )
    .bend(|_, _| Suffers::dies(asks_for_a_name)),
    defect(
        "dies-of-lone-surrogates",
        RULE,
        "A lone surrogate ends the process.",
    )
    .bend(|_, _| Suffers::dies(has_a_lone_surrogate)),
    defect(
        "dies-of-odd-numbers",
        RULE,
        "A number beyond the range of doubles, or of thousands of digits, ends the process.",
    )
    .bend(|_, _| Suffers::dies(has_an_odd_number)),
    defect(
        "dies-of-depth",
        RULE,
        "Deep nesting ends the process: its stack overflows.",
    )
    .bend(|_, _| Suffers::dies(is_deep)),
    defect(
        "dies-of-size",
        RULE,
        "A message of a megabyte ends the process.",
    )
    .bend(|_, _| Suffers::dies(|heard| heard.text.len() >= 1_000_000)),
    defect(
        "hangs-on-size",
        RULE,
        "A message of a megabyte stops the event loop.",
    )
    .bend(|_, _| Suffers::hangs(|heard| heard.text.len() >= 1_000_000)),
    defect("dies-of-binary", RULE, "A binary message ends the process.")
        .bend(|_, _| Box::new(Binary(Life::Dead))),
    defect(
        "hangs-on-binary",
        RULE,
        "A binary message stops the event loop.",
    )
    .bend(|_, _| Box::new(Binary(Life::Hung))),
    defect(
        "dies-of-heartbeats",
        RULE,
        "A flood of heartbeats ends the process.",
    )
    .bend(|_, _| {
        Box::new(Flood {
            beats: 1000,
            pings: usize::MAX,
            count: 0,
        })
    }),
    defect("dies-of-pings", RULE, "A flood of pings ends the process.").bend(|_, _| {
        Box::new(Flood {
            beats: usize::MAX,
            pings: 500,
            count: 0,
        })
    }),
    defect(
        "dies-of-unanswered-requests",
        RULE,
        "A client that goes with a hundred requests on their way ends the process.",
    )
    .bend(|_, _| Box::new(Gone { requests: true })),
    defect(
        "dies-of-early-leaves",
        RULE,
        "A client that goes without having said anything ends the process.",
    )
    .bend(|_, _| Box::new(Gone { requests: false })),
    defect(
        "dies-of-mute-visitors",
        RULE,
        "A connection that ends before it has asked for anything ends the process.",
    )
    .wire(door(Life::Dead, |knock| matches!(knock, Knock::Gone([])))),
    defect(
        "dies-of-bad-upgrades",
        RULE,
        "An HTTP request that asks for no WebSocket ends the process.",
    )
    .wire(door(
        Life::Dead,
        |knock| matches!(knock, Knock::Whole(head) if !asks_for_a_websocket(head)),
    )),
    defect(
        "dies-of-long-upgrades",
        RULE,
        "An upgrade request of more than sixteen kilobytes ends the process.",
    )
    .wire(door(
        Life::Dead,
        |knock| matches!(knock, Knock::Part(head) if head.len() > 16_384),
    )),
    defect(
        "hangs-on-half-an-upgrade",
        RULE,
        "An upgrade request's end is waited for, and nobody is served meanwhile.",
    )
    .wire(door(
        Life::Hung,
        |knock| matches!(knock, Knock::Waits(head) if !head.is_empty()),
    )),
    defect(
        "dies-of-bad-utf8",
        RULE,
        "Text that is no UTF-8 ends the process.",
    )
    .wire(below!(Dead, |incoming, _| matches!(
        incoming,
        Incoming::Text { text: Err(_), .. }
    ))),
    defect(
        "dies-of-reserved-bits",
        RULE,
        "A frame with reserved bits ends the process.",
    )
    .wire(below!(Dead, |incoming, _| matches!(
        incoming,
        Incoming::Fault(FrameFault::ReservedBits { .. })
    ))),
    defect(
        "dies-of-unknown-opcodes",
        RULE,
        "A frame with an unknown opcode ends the process.",
    )
    .wire(below!(Dead, |incoming, _| matches!(
        incoming,
        Incoming::Fault(FrameFault::ReservedOpcode { .. })
    ))),
    defect(
        "dies-of-unmasked-frames",
        RULE,
        "A frame that is not masked ends the process.",
    )
    .wire(below!(Dead, |incoming, _| matches!(
        incoming,
        Incoming::Fault(FrameFault::UnmaskedFromClient)
    ))),
    defect(
        "dies-of-bad-control-frames",
        RULE,
        "A control frame that is too long or in parts ends the process.",
    )
    .wire(below!(Dead, |incoming, _| matches!(
        incoming,
        Incoming::Fault(FrameFault::LongControl { .. } | FrameFault::FragmentedControl { .. })
    ))),
    defect(
        "dies-of-bad-close-frames",
        RULE,
        "A close frame whose body is against the rules ends the process.",
    )
    .wire(below!(
        Dead,
        |incoming, _| matches!(incoming, Incoming::Close(body) if body.fault.is_some())
    )),
    defect(
        "dies-of-stray-fragments",
        RULE,
        "A continuation of nothing ends the process.",
    )
    .wire(below!(Dead, |incoming, _| matches!(
        incoming,
        Incoming::Fault(
            FrameFault::ContinuationWithoutStart | FrameFault::DataInsideMessage { .. }
        )
    ))),
    defect(
        "dies-of-lying-lengths",
        RULE,
        "A frame that declares an impossible length ends the process.",
    )
    .wire(below!(Dead, |incoming, _| matches!(
        incoming,
        Incoming::Fault(
            FrameFault::LengthTopBit { .. }
                | FrameFault::LengthNotShortest { .. }
                | FrameFault::TooLong { .. }
        )
    ))),
    defect(
        "dies-of-fragments",
        RULE,
        "A message of more than ten thousand frames ends the process.",
    )
    .wire(below!(Dead, |incoming, _| matches!(
        incoming,
        Incoming::Text {
            frames: 10_000..,
            ..
        }
    ))),
    defect(
        "dies-of-cut-frames",
        RULE,
        "A stream that ends in the middle of a frame ends the process.",
    )
    .wire(below!(Dead, |incoming, _| matches!(
        incoming,
        Incoming::Fault(FrameFault::CutShort { what: "frame" })
    ))),
    defect(
        "hangs-on-half-a-frame",
        RULE,
        "Half a frame is waited for, and nobody is served meanwhile.",
    )
    .wire(below!(Hung, |incoming, _| matches!(
        incoming,
        Incoming::Fault(FrameFault::CutShort { what: "read" })
    ))),
    defect(
        "dies-of-resets",
        RULE,
        "A connection that is reset ends the process.",
    )
    .wire(below!(Dead, |incoming, _| matches!(
        incoming,
        Incoming::Reset(_)
    ))),
    defect(
        "dies-of-packets-behind-a-close",
        RULE,
        "A packet behind the client's close frame ends the process.",
    )
    .wire(below!(Dead, |incoming, seen| seen.closed
        && matches!(incoming, Incoming::Text { .. }))),
];
