//! What may stand between a reference peer's session and its wire: the one place where its behaviour
//! can be changed from outside, so that the session itself need not know of it.
//!
//! A peer without a layer has a connection loop of its own and pays nothing for this one.

use std::task::Context;
use std::time::Duration;

use tokio::time::Instant;

use super::client::Down;
use super::link::{Outbox, Side};
pub use crate::session::Closing;
use crate::wire::BoxStream;

/// Stands between session and wire on every connection of one server.
pub trait Layer: Send + Sync {
    /// A connection begins: what its stream becomes (ahead of the upgrade), and what taps it.
    fn connection(&self, stream: BoxStream) -> (BoxStream, Box<dyn Tap>);
}

/// Stands between session and wire on every connection of one client, and between its connections.
pub trait ClientLayer: Send + Sync {
    /// A connection's WebSocket has opened: what taps it. (What its stream becomes is up to the
    /// [`Dial`](super::client::Dial) that it comes from.)
    fn connection(&self) -> Box<dyn Tap>;

    /// A connection, or the attempt at one, is over, and the client would wait so long before the
    /// next. What it waits instead; none: it never connects again.
    fn again(&self, _why: &Down, wait: Duration) -> Option<Duration> {
        Some(wait)
    }
}

/// Stands between session and wire on one connection. Whatever it does not define goes through
/// unchanged.
pub trait Tap: Send {
    /// The WebSocket is open. Comes first.
    fn opened(&mut self, _door: &mut Door<'_>) {}

    /// A text message has come.
    fn text(&mut self, text: &str, door: &mut Door<'_>) {
        door.hear(text);
    }

    /// A binary message has come.
    fn binary(&mut self, door: &mut Door<'_>) {
        door.hear_binary();
    }

    /// A WebSocket ping or pong has come; it has been answered.
    fn control(&mut self, _door: &mut Door<'_>) {}

    /// The session sends a packet.
    fn packet(&mut self, packet: String, door: &mut Door<'_>) {
        door.say(packet);
    }

    /// The session closes the connection and takes nothing any more.
    fn close(&mut self, closing: Closing, door: &mut Door<'_>) {
        door.close(closing);
    }

    /// When to call [`Tap::timeout`]. `session` is when the session wants it.
    fn deadline(&self, session: Option<Instant>) -> Option<Instant> {
        session
    }

    /// The deadline has passed.
    fn timeout(&mut self, door: &mut Door<'_>) {
        door.time_out();
    }

    /// Called whenever all that was there to be read has been; leaves the waker with whatever is to
    /// wake the connection.
    fn poll(&mut self, _cx: &mut Context<'_>, _door: &mut Door<'_>) {}

    /// Nothing more is read or sent; what is left is the closing.
    fn ended(&mut self) {}
}

/// A side that a layer can stand before.
pub(super) trait Behind: Side {
    /// Whether the handshake is through.
    fn is_in(&self) -> bool;
}

/// Both sides of a tap: the session behind it and the wire before it.
pub struct Door<'d> {
    now: Instant,
    behind: &'d mut dyn Behind,
    session: &'d mut Outbox,
    wire: &'d mut Outbox,
}

impl Door<'_> {
    /// What time it is.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Whether the session takes the client for authenticated: a server's has let it in, a client's
    /// has sent HELLO_ACK.
    pub fn authenticated(&self) -> bool {
        self.behind.is_in()
    }

    /// When the session wants to know that time has passed.
    pub fn deadline(&self) -> Option<Instant> {
        self.behind.deadline()
    }

    /// Gives the session a text message. What it says to it goes through the tap.
    pub fn hear(&mut self, text: &str) {
        self.behind.text(self.now, text, self.session);
    }

    /// Gives the session a binary message.
    pub fn hear_binary(&mut self) {
        self.behind.binary(self.session);
    }

    /// Tells the session that time has passed.
    pub fn time_out(&mut self) {
        self.behind.timeout(self.now, self.session);
    }

    /// Sends a text message.
    pub fn say(&mut self, text: String) {
        self.wire.send(text);
    }

    /// Closes the connection behind what has been said. The first close counts.
    pub fn close(&mut self, closing: Closing) {
        self.wire.close(closing);
    }
}

/// A side with a tap.
pub(super) struct Layered<B> {
    behind: B,
    tap: Box<dyn Tap>,
    session: Outbox,
}

impl<B: Behind> Layered<B> {
    /// The side with a tap, and what goes out first. `first` is what the session says as soon as the
    /// WebSocket is open; it goes through the tap.
    pub(super) fn begin(behind: B, tap: Box<dyn Tap>, first: Outbox) -> (Layered<B>, Outbox) {
        let mut layered = Layered {
            behind,
            tap,
            session: first,
        };
        let mut out = Outbox::default();
        layered.with(Instant::now(), &mut out, |tap, door| tap.opened(door));
        (layered, out)
    }

    /// The side without the tap.
    pub(super) fn into_behind(self) -> B {
        self.behind
    }

    /// Lets the tap act, and then pass on what the session has to say to it.
    fn with(
        &mut self,
        now: Instant,
        out: &mut Outbox,
        act: impl FnOnce(&mut dyn Tap, &mut Door<'_>),
    ) {
        let mut door = Door {
            now,
            behind: &mut self.behind,
            session: &mut self.session,
            wire: out,
        };
        act(&mut *self.tap, &mut door);
        loop {
            let (packets, close) = door.session.take();
            if packets.is_empty() && close.is_none() {
                return;
            }
            for packet in packets {
                self.tap.packet(packet.as_str().to_owned(), &mut door);
            }
            if let Some(closing) = close {
                self.tap.close(closing, &mut door);
            }
        }
    }
}

impl<B: Behind> Side for Layered<B> {
    fn text(&mut self, now: Instant, text: &str, out: &mut Outbox) {
        self.with(now, out, |tap, door| tap.text(text, door));
    }

    fn binary(&mut self, out: &mut Outbox) {
        self.with(Instant::now(), out, |tap, door| tap.binary(door));
    }

    fn control(&mut self, now: Instant, out: &mut Outbox) {
        self.with(now, out, |tap, door| tap.control(door));
    }

    fn poll_work(&mut self, cx: &mut Context<'_>, out: &mut Outbox) {
        self.behind.poll_work(cx, &mut self.session);
        self.with(Instant::now(), out, |tap, door| tap.poll(cx, door));
    }

    fn flushed(&mut self) {
        self.behind.flushed();
    }

    fn deadline(&self) -> Option<Instant> {
        self.tap.deadline(self.behind.deadline())
    }

    fn timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.with(now, out, |tap, door| tap.timeout(door));
    }

    fn ended(&mut self) {
        self.tap.ended();
    }
}
