//! What a client of the zoo does otherwise than the reference, as one small trait; and the tap that
//! keeps the books for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::fate::Life;
pub(super) use super::super::heard::{Heard, read};
use super::world::World;
use crate::protocol::codec;
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::protocol::packet::Packet;
use crate::reference::layer::{Closing, Door, Tap};
use crate::session::client::LONGEST_INTERVAL;

pub(super) const HEARTBEAT: &str = r#"{"op":2}"#;

/// Something to be done later.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Send this text.
    Say(String),
    /// Hear this text.
    Hear(String),
}

/// What is known of a connection.
pub(super) struct Facts {
    /// Its number, the first being 0; one whose upgrade was refused has none.
    pub(super) conn: usize,
    pub(super) world: Arc<World>,
    pub(super) now: Instant,
    pub(super) opened: Instant,
    /// The interval of its HELLO.
    pub(super) interval: Option<Duration>,
    /// When HELLO_ACK went out.
    pub(super) greeted: Option<Instant>,
    /// HEARTBEATs that went out.
    pub(super) beats: u32,
    pub(super) last_beat: Option<Instant>,
    /// HEARTBEAT_ACKs that came.
    pub(super) acks: u32,
    pub(super) last_ack: Option<Instant>,
    /// The last packet that came, of whatever kind.
    pub(super) last_heard: Option<Instant>,
    /// The last packet that went out.
    pub(super) last_said: Option<Instant>,
    /// The session's requests in flight, the oldest first.
    pub(super) pending: Vec<Asked>,
}

/// A request in flight.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The text of the nonce that the session gave it.
    pub(super) n: String,
    /// The packet.
    pub(super) packet: String,
}

impl Facts {
    /// So many intervals; none before HELLO.
    pub(super) fn hb(&self, share: f64) -> Option<Duration> {
        Some(self.interval?.mul_f64(share))
    }

    /// The last HEARTBEAT, or HELLO_ACK where there was none yet.
    pub(super) fn since(&self) -> Option<Instant> {
        self.last_beat.max(self.greeted)
    }

    fn heard(&mut self, heard: &Heard<'_>) {
        self.last_heard = Some(self.now);
        match heard.packet {
            Some(Packet::Hello { hb_interval }) if self.interval.is_none() => {
                let interval = hb_interval.duration().min(LONGEST_INTERVAL);
                self.interval = Some(interval);
                self.world.state().intervals.push(interval);
            }
            Some(Packet::HeartbeatAck) => {
                self.acks += 1;
                self.last_ack = Some(self.now);
            }
            _ => {}
        }
    }

    fn said(&mut self, text: &str) {
        self.last_said = Some(self.now);
        match read(text).0 {
            Some(Op::HelloAck) => self.greeted = self.greeted.or(Some(self.now)),
            Some(Op::Heartbeat) => {
                self.beats += 1;
                self.last_beat = Some(self.now);
            }
            _ => {}
        }
    }
}

/// What a bend works with: the facts, the session behind it and the wire before it.
pub(super) struct Ctx<'c, 'd> {
    pub(super) facts: &'c mut Facts,
    later: &'c mut Vec<(Instant, Act)>,
    door: &'c mut Door<'d>,
}

impl Ctx<'_, '_> {
    /// Gives the session a text.
    pub(super) fn hear(&mut self, text: &str) {
        if let Some((n, _)) = read(text).1 {
            let same = |asked: &Asked| equal(&asked.n, n.as_str());
            self.facts.pending.retain(|asked| !same(asked));
        }
        self.door.hear(text);
    }

    /// Gives the session a RESPONSE.
    pub(super) fn hear_answer(&mut self, n: &str, r: &str) {
        self.hear(&format!(r#"{{"op":5,"n":{n},"r":{r}}}"#));
    }

    pub(super) fn hear_binary(&mut self) {
        self.door.hear_binary();
    }

    /// Sends a text.
    pub(super) fn say(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.facts.said(&text);
        self.door.say(text);
    }

    /// Ends the connection from this side.
    pub(super) fn close(&mut self, code: u16, reason: &'static str) {
        self.door.close(Closing { code, reason });
    }

    /// Stops the whole client in mid-step.
    pub(super) fn hang(&mut self) {
        self.facts.world.fate.suffer(Life::Hung);
    }

    /// Does something later, if the connection lives so long.
    pub(super) fn later(&mut self, wait: Duration, act: Act) {
        self.later.push((self.facts.now + wait, act));
    }

    /// Whether the session has sent HELLO_ACK.
    pub(super) fn is_in(&self) -> bool {
        self.door.authenticated()
    }

    /// The request in flight with that nonce.
    pub(super) fn asker(&self, n: &str) -> Option<Asked> {
        let pending = &self.facts.pending;
        pending.iter().find(|asked| equal(&asked.n, n)).cloned()
    }
}

/// Whether two texts are of equal JSON values.
pub(super) fn equal(one: &str, other: &str) -> bool {
    match (Json::parse(one.as_bytes()), Json::parse(other.as_bytes())) {
        (Ok(one), Ok(other)) => one.same_as(&other),
        _ => false,
    }
}

/// What one kind of client does otherwise on one connection. The defaults are the reference.
pub(super) trait Bend: Send {
    /// The WebSocket is open.
    fn opens(&mut self, _ctx: &mut Ctx<'_, '_>) {}

    /// A text has come.
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        ctx.hear(heard.text);
    }

    /// A binary message has come.
    fn binary(&mut self, ctx: &mut Ctx<'_, '_>) {
        ctx.hear_binary();
    }

    /// A ping or pong has come.
    fn control(&mut self, _ctx: &mut Ctx<'_, '_>) {}

    /// The session sends a packet.
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        ctx.say(packet);
    }

    /// When it does something of its own accord.
    fn due(&self, _facts: &Facts) -> Option<Instant> {
        None
    }

    /// That time has come.
    fn rings(&mut self, _ctx: &mut Ctx<'_, '_>) {}
}

/// Nothing otherwise.
pub(super) struct Plain;

impl Bend for Plain {}

/// A bend as a tap: keeps the facts and the acts to come.
pub(super) struct Bent {
    bend: Box<dyn Bend>,
    facts: Facts,
    later: Vec<(Instant, Act)>,
    /// A time that was acted upon and did not move: not acted upon again.
    spent: Option<Instant>,
}

impl Bent {
    pub(super) fn new(bend: Box<dyn Bend>, world: &Arc<World>, conn: usize) -> Bent {
        let now = Instant::now();
        Bent {
            bend,
            facts: Facts {
                conn,
                world: Arc::clone(world),
                now,
                opened: now,
                interval: None,
                greeted: None,
                beats: 0,
                last_beat: None,
                acks: 0,
                last_ack: None,
                last_heard: None,
                last_said: None,
                pending: Vec::new(),
            },
            later: Vec::new(),
            spent: None,
        }
    }

    fn with(&mut self, door: &mut Door<'_>, act: impl FnOnce(&mut dyn Bend, &mut Ctx<'_, '_>)) {
        self.facts.now = door.now();
        let mut ctx = Ctx {
            facts: &mut self.facts,
            later: &mut self.later,
            door,
        };
        act(&mut *self.bend, &mut ctx);
    }

    /// The act whose time came first.
    fn next_act(&mut self, now: Instant) -> Option<Act> {
        let times = self.later.iter().enumerate();
        let (at, (when, _)) = times.min_by_key(|(_, (when, _))| *when)?;
        (*when <= now).then(|| self.later.remove(at).1)
    }

    fn due(&self) -> Option<Instant> {
        let due = self.bend.due(&self.facts)?;
        (self.spent != Some(due)).then_some(due)
    }
}

impl Tap for Bent {
    fn opened(&mut self, door: &mut Door<'_>) {
        self.with(door, |bend, ctx| bend.opens(ctx));
    }

    fn text(&mut self, text: &str, door: &mut Door<'_>) {
        let heard = Heard::new(text);
        self.facts.now = door.now();
        self.facts.heard(&heard);
        self.with(door, |bend, ctx| bend.heard(heard, ctx));
    }

    fn binary(&mut self, door: &mut Door<'_>) {
        self.with(door, |bend, ctx| bend.binary(ctx));
    }

    fn control(&mut self, door: &mut Door<'_>) {
        self.with(door, |bend, ctx| bend.control(ctx));
    }

    fn packet(&mut self, packet: String, door: &mut Door<'_>) {
        if let Ok(Packet::Request { n, .. }) = codec::decode(packet.as_bytes()) {
            self.facts.pending.push(Asked {
                n: n.as_str().to_owned(),
                packet: packet.clone(),
            });
        }
        self.with(door, |bend, ctx| bend.says(packet, ctx));
    }

    fn deadline(&self, session: Option<Instant>) -> Option<Instant> {
        let later = self.later.iter().map(|(at, _)| *at);
        later.chain(session).chain(self.due()).min()
    }

    fn timeout(&mut self, door: &mut Door<'_>) {
        let now = door.now();
        self.facts.now = now;
        while let Some(next) = self.next_act(now) {
            match next {
                Act::Say(text) => self.with(door, |_, ctx| ctx.say(text)),
                Act::Hear(text) => self.with(door, |_, ctx| ctx.hear(&text)),
            }
        }
        if door.deadline().is_some_and(|due| due <= now) {
            door.time_out();
        }
        if let Some(due) = self.due().filter(|due| *due <= now) {
            self.with(door, |bend, ctx| bend.rings(ctx));
            self.spent = Some(due);
        }
    }

    fn ended(&mut self) {
        let pending = self.facts.pending.drain(..).map(|asked| asked.packet);
        self.facts.world.state().unanswered = pending.collect();
    }
}
