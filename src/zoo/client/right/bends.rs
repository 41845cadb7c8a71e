//! What right variants do otherwise between session and wire.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::super::bend::{Bend, Ctx, Facts, HEARTBEAT, Heard, equal, read};
use super::super::bends::hello_ack;
use crate::protocol::codec;
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::protocol::packet::Packet;
use crate::session::client::LONGEST_INTERVAL;

/// Spells every packet otherwise.
pub(super) struct Spells(pub(super) fn(&Json) -> String);

impl Bend for Spells {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match Json::parse(packet.as_bytes()) {
            Ok(value) => ctx.say((self.0)(&value)),
            Err(_) => ctx.say(packet),
        }
    }
}

/// Puts members around those of every packet.
pub(super) struct Members(pub(super) fn(&str) -> String);

impl Bend for Members {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        let inner = packet.trim_start_matches('{').strip_suffix('}');
        match inner {
            Some(inner) => ctx.say((self.0)(inner)),
            None => ctx.say(packet),
        }
    }
}

/// Sends a REQUEST only when the one before it has its answer.
#[derive(Default)]
pub(super) struct InTurn {
    /// The nonce of the one that is out.
    out: Option<String>,
    waiting: VecDeque<String>,
}

impl InTurn {
    fn send(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        self.out = match codec::decode(packet.as_bytes()) {
            Ok(Packet::Request { n, .. }) => Some(n.as_str().to_owned()),
            _ => None,
        };
        ctx.say(packet);
    }
}

impl Bend for InTurn {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 {
            Some(Op::Request) if self.out.is_some() => self.waiting.push_back(packet),
            Some(Op::Request) => self.send(packet, ctx),
            _ => ctx.say(packet),
        }
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let nonce = heard.answer().map(|(n, _)| n.as_str().to_owned());
        ctx.hear(heard.text);
        let answered = |out: &String| nonce.as_ref().is_some_and(|nonce| equal(out, nonce));
        if self.out.as_ref().is_some_and(answered) {
            self.out = None;
            if let Some(next) = self.waiting.pop_front() {
                self.send(next, ctx);
            }
        }
    }
}

/// Closes the connection over what the text leaves open.
struct Open;

pub(super) fn closes_on_what_is_open() -> Box<dyn Bend> {
    Box::new(Open)
}

impl Bend for Open {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let open = match heard.op() {
            None => true,
            Some(Op::Hello) => ctx.is_in(),
            Some(Op::HeartbeatAck | Op::Response) => false,
            Some(Op::HelloAck | Op::Heartbeat | Op::Request | Op::Dispatch) => true,
        };
        match open {
            true => ctx.close(1008, "unexpected"),
            false => ctx.hear(heard.text),
        }
    }

    fn binary(&mut self, ctx: &mut Ctx<'_, '_>) {
        ctx.close(1003, "binary");
    }
}

/// Closes when two heartbeats have not been acknowledged.
pub(super) struct Unacknowledged;

impl Bend for Unacknowledged {
    fn due(&self, facts: &Facts) -> Option<Instant> {
        let missing = facts.beats >= facts.acks.saturating_add(2);
        let last = facts.last_beat.filter(|_| missing)?;
        Some(last + facts.hb(0.5)?)
    }

    fn rings(&mut self, ctx: &mut Ctx<'_, '_>) {
        ctx.close(1000, "no acknowledgement");
    }
}

/// Takes every HELLO for a first one.
#[derive(Default)]
pub(super) struct Acts {
    interval: Option<Duration>,
}

impl Bend for Acts {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        if let Some(Packet::Hello { hb_interval }) = heard.packet {
            self.interval = Some(hb_interval.duration().min(LONGEST_INTERVAL));
            if ctx.is_in() {
                let ack = hello_ack(&ctx.facts.world.password);
                return ctx.say(ack);
            }
        }
        ctx.hear(heard.text);
    }

    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if read(&packet).0 != Some(Op::Heartbeat) {
            ctx.say(packet);
        }
    }

    fn due(&self, facts: &Facts) -> Option<Instant> {
        facts.greeted?;
        Some(facts.since()? + self.interval?.mul_f64(0.8))
    }

    fn rings(&mut self, ctx: &mut Ctx<'_, '_>) {
        ctx.say(HEARTBEAT);
    }
}

/// Has business of its own.
#[derive(Default)]
pub(super) struct Talks {
    count: u32,
    last: Option<Instant>,
}

/// How often it asks something.
const TALK: Duration = Duration::from_millis(150);

impl Bend for Talks {
    fn due(&self, facts: &Facts) -> Option<Instant> {
        Some(self.last.max(facts.greeted)? + TALK).filter(|_| facts.greeted.is_some())
    }

    fn rings(&mut self, ctx: &mut Ctx<'_, '_>) {
        self.last = Some(ctx.facts.now);
        self.count += 1;
        let count = self.count;
        match count % 3 {
            0 => ctx.say(format!(r#"{{"op":6,"w":"SEEN","a":[{count},null]}}"#)),
            _ => ctx.say(format!(
                r#"{{"op":4,"w":"STATUS","a":[{count}],"n":"own-{count}"}}"#
            )),
        }
    }
}
