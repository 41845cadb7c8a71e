//! What a member of the zoo does otherwise than the reference, as one small trait; and the tap that
//! keeps the books for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

pub(super) use super::heard::{Heard, read};
use super::world::{Act, World};
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::reference::layer::{Closing, Door, Tap};

/// What is known of a connection.
pub(super) struct Facts {
    pub(super) id: usize,
    pub(super) world: Arc<World>,
    pub(super) now: Instant,
    pub(super) opened: Instant,
    pub(super) let_in: Option<Instant>,
    pub(super) beats: u32,
    pub(super) first_beat: Option<Instant>,
    pub(super) last_beat: Option<Instant>,
    /// The last packet of any kind.
    pub(super) last_packet: Option<Instant>,
    pub(super) last_request: Option<Instant>,
    pub(super) last_dispatch: Option<Instant>,
    /// The last ping or pong.
    pub(super) last_control: Option<Instant>,
    pub(super) requests: u32,
}

impl Facts {
    /// So many intervals.
    pub(super) fn hb(&self, share: f64) -> Duration {
        self.world.interval.mul_f64(share)
    }

    fn heard(&mut self, heard: &Heard<'_>) {
        let now = Some(self.now);
        self.last_packet = now;
        match heard.op() {
            Some(Op::Heartbeat) if self.let_in.is_some() => {
                self.beats += 1;
                self.last_beat = now;
                self.first_beat = self.first_beat.or(now);
            }
            Some(Op::Request) => {
                self.requests += 1;
                self.last_request = now;
            }
            Some(Op::Dispatch) => self.last_dispatch = now,
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
        self.door.hear(text);
    }

    pub(super) fn hear_binary(&mut self) {
        self.door.hear_binary();
    }

    /// Lets the session see that time has passed.
    pub(super) fn time_out(&mut self) {
        self.door.time_out();
    }

    /// Sends a text.
    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.door.say(text.into());
    }

    /// Sends a RESPONSE.
    pub(super) fn respond(&mut self, n: &str, r: &str) {
        self.say(format!(r#"{{"op":5,"n":{n},"r":{r}}}"#));
    }

    /// Closes with a code and the reason of a server that says little.
    pub(super) fn close(&mut self, code: u16) {
        self.close_saying(code, "closed");
    }

    pub(super) fn close_saying(&mut self, code: u16, reason: &'static str) {
        self.door.close(Closing { code, reason });
    }

    /// Does something later, if the connection lives so long.
    pub(super) fn later(&mut self, wait: Duration, act: Act) {
        self.later.push((self.facts.now + wait, act));
    }

    /// Whether the client is authenticated.
    pub(super) fn is_in(&self) -> bool {
        self.door.authenticated()
    }

    /// Authenticates the client with the session.
    pub(super) fn let_in(&mut self) {
        let ack = hello_ack(&self.facts.world.password);
        self.hear(&ack);
        self.note_let_in();
    }

    fn note_let_in(&mut self) {
        if self.facts.let_in.is_none() && self.is_in() {
            self.facts.let_in = Some(self.facts.now);
            let mut world = self.facts.world.state();
            world.inside.insert(self.facts.id);
            world.known.insert(self.facts.id);
        }
    }
}

/// HELLO_ACK with this password.
pub(super) fn hello_ack(password: &str) -> String {
    format!(r#"{{"op":1,"password":{}}}"#, Json::from(password))
}

/// What one kind of server does otherwise on one connection. The defaults are the reference.
pub(super) trait Bend: Send {
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

    /// Another connection, or this one some time ago, tells it something ([`Act::Tell`]).
    fn told(&mut self, _text: &str, _ctx: &mut Ctx<'_, '_>) {}

    /// The session sends a packet.
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        ctx.say(packet);
    }

    /// The session closes.
    fn closes(&mut self, closing: Closing, ctx: &mut Ctx<'_, '_>) {
        ctx.close_saying(closing.code, closing.reason);
    }

    /// When the connection is given up. `session` is when the session would.
    fn deadline(&self, _facts: &Facts, session: Option<Instant>) -> Option<Instant> {
        session
    }

    /// That time has come.
    fn timeout(&mut self, ctx: &mut Ctx<'_, '_>) {
        ctx.time_out();
    }

    /// All that had come has been heard.
    fn batch(&mut self, _ctx: &mut Ctx<'_, '_>) {}

    /// The connection is over; what was still to be said by it.
    fn leaves(&mut self, _facts: &Facts, _unsaid: &mut Vec<Act>) {}
}

/// Nothing otherwise.
pub(super) struct Plain;

impl Bend for Plain {}

/// A bend as a tap: keeps the facts, the acts to come and the mail from other connections.
pub(super) struct Bent {
    bend: Box<dyn Bend>,
    facts: Facts,
    later: Vec<(Instant, Act)>,
    mail: UnboundedReceiver<Act>,
    /// A deadline that was acted upon and did not move: not acted upon again.
    spent: Option<Instant>,
    gone: bool,
}

impl Bent {
    pub(super) fn new(
        bend: Box<dyn Bend>,
        world: &Arc<World>,
        id: usize,
        mail: UnboundedReceiver<Act>,
    ) -> Bent {
        let now = Instant::now();
        Bent {
            bend,
            facts: Facts {
                id,
                world: Arc::clone(world),
                now,
                opened: now,
                let_in: None,
                beats: 0,
                first_beat: None,
                last_beat: None,
                last_packet: None,
                last_request: None,
                last_dispatch: None,
                last_control: None,
                requests: 0,
            },
            later: Vec::new(),
            mail,
            spent: None,
            gone: false,
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
        ctx.note_let_in();
    }

    fn act(&mut self, act: Act, door: &mut Door<'_>) {
        match act {
            Act::Say(text) => door.say(text),
            Act::Tell(text) => self.with(door, |bend, ctx| bend.told(&text, ctx)),
            Act::Close(code) => door.close(Closing {
                code,
                reason: "closed",
            }),
        }
    }

    fn own_deadline(&self, session: Option<Instant>) -> Option<Instant> {
        let due = self.bend.deadline(&self.facts, session)?;
        (self.spent != Some(due)).then_some(due)
    }
}

impl Tap for Bent {
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
        self.facts.last_control = Some(door.now());
        self.with(door, |bend, ctx| bend.control(ctx));
    }

    fn packet(&mut self, packet: String, door: &mut Door<'_>) {
        self.with(door, |bend, ctx| bend.says(packet, ctx));
    }

    fn close(&mut self, closing: Closing, door: &mut Door<'_>) {
        self.with(door, |bend, ctx| bend.closes(closing, ctx));
    }

    fn deadline(&self, session: Option<Instant>) -> Option<Instant> {
        let later = self.later.iter().map(|(at, _)| *at);
        later.chain(self.own_deadline(session)).min()
    }

    fn timeout(&mut self, door: &mut Door<'_>) {
        let now = door.now();
        let mut due = VecDeque::new();
        while let Some(at) = self.later.iter().position(|(at, _)| *at <= now) {
            // Those of one time in the order in which they were set.
            due.push_back(self.later.remove(at));
        }
        due.make_contiguous().sort_by_key(|(at, _)| *at);
        for (_, act) in due {
            self.act(act, door);
        }
        let session = door.deadline();
        if let Some(due) = self.own_deadline(session).filter(|due| *due <= now) {
            self.with(door, |bend, ctx| bend.timeout(ctx));
            self.spent = Some(due);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, door: &mut Door<'_>) {
        while let Poll::Ready(Some(act)) = self.mail.poll_recv(cx) {
            self.act(act, door);
        }
        self.with(door, |bend, ctx| bend.batch(ctx));
    }

    fn ended(&mut self) {
        self.leave();
    }
}

impl Bent {
    /// Takes leave of the others, once.
    fn leave(&mut self) {
        if std::mem::replace(&mut self.gone, true) {
            return;
        }
        let mut unsaid = self.later.drain(..).map(|(_, act)| act).collect();
        self.bend.leaves(&self.facts, &mut unsaid);
        self.facts.world.leave(self.facts.id);
    }
}

/// A connection can end without a word, when its whole server does.
impl Drop for Bent {
    fn drop(&mut self) {
        self.leave();
    }
}
