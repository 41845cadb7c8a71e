//! One connection of a scenario: the wire, what has come in, our background traffic.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::budget::{Budget, Share};
use super::item::{Got, Item};
use crate::protocol::json::Json;
use crate::scenario::syntax::{Manual, Step};
use crate::wire::{Conn, UpgradeRequest};

/// Bytes that may wait to meet an expectation; beyond them the connection is not read on.
const INBOX_BYTES: usize = 8 * 1024 * 1024;
/// Arrivals that may wait.
const INBOX_ITEMS: usize = 65_536;
/// PINGs and PONGs that may wait; the oldest go first.
const CONTROLS: usize = 1024;
/// Arrivals that are looked at on a connection that we are about to leave.
const LAST_ITEMS: usize = 4096;
/// Bytes that a connection may make us hold even when all together hold too much.
const ALWAYS: usize = 64 * 1024;
/// Bytes of our own automatic answers that may wait for a target that does not read.
pub(crate) const AUTO_QUEUE: usize = 256 * 1024;

/// A connection of a scenario.
pub(crate) struct Link {
    /// Its name in the scenario.
    pub(crate) name: String,
    /// Its index in the oracle.
    pub(crate) watch: usize,
    pub(crate) conn: Conn,
    /// Start and end of our last send that was not automatic; before any, of the TCP connect.
    pub(crate) last_send: (Instant, Instant),
    /// Nothing on it is judged any more.
    pub(crate) ignored: bool,
    pub(crate) beat: Option<Beat>,
    pub(crate) every: Option<Every>,
    pub(crate) inbox: Inbox,
    /// Our sending side is to end once everything is written.
    pub(crate) eof_wanted: bool,
    /// A send failed or did not go through.
    pub(crate) broken_send: Option<String>,
    /// A close frame has met an expectation: what is left is the end of the stream.
    pub(crate) close_taken: bool,
    /// The end of the stream has met an expectation.
    pub(crate) end_taken: bool,
    /// Nothing can come in any more: we reset it, or its bytes are out of step.
    pub(crate) gone: bool,
    /// We sent a close frame.
    pub(crate) close_sent: bool,
    /// When we echoed the peer's close frame.
    pub(crate) echoed: Option<Instant>,
    /// The peer sent a close frame.
    pub(crate) close_received: bool,
    /// Its HELLO's interval has been looked at.
    pub(crate) interval_known: bool,
    /// It was not read for a while, because all connections together held too much.
    pub(crate) waited_for_room: bool,
    /// What it holds, as far as all together know.
    pub(crate) counted: Share,
    /// For each HEARTBEAT without ACK, in order: whether it was a background one.
    pub(crate) beats_waiting: VecDeque<bool>,
    /// Bytes went out below WebSocket: a frame may be half written.
    pub(crate) raw: bool,
    /// TCP alone: no upgrade was asked for, and its end is no news.
    pub(crate) tcp: bool,
    /// Nonce keys of background REQUESTs whose RESPONSE is passed over.
    pub(crate) background_nonces: HashSet<String>,
    /// Nonces of a driven client's REQUESTs that have no RESPONSE.
    pub(crate) in_flight: VecDeque<Json>,
    pub(crate) manual: Manual,
    /// Whether a client's upgrade request has its answer.
    pub(crate) upgrade: Upgrade,
    /// A line has met it. A client's connection waits until one does.
    pub(crate) taken: bool,
    /// When it was dialed or accepted.
    pub(crate) accepted: Instant,
    /// When we began to end it, unasked by the peer.
    pub(crate) parted: Option<Instant>,
}

/// How far the upgrade is.
#[derive(Debug)]
pub(crate) enum Upgrade {
    /// The WebSocket is open.
    Done,
    /// A client waits for our answer.
    Asked(UpgradeRequest),
    /// We have refused it.
    Refused,
}

/// Background heartbeats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beat {
    pub(crate) period: Duration,
    pub(crate) next: Instant,
    pub(crate) last: Option<Instant>,
}

/// A background block of sends.
#[derive(Clone, Debug)]
pub(crate) struct Every {
    pub(crate) period: Duration,
    pub(crate) next: Instant,
    pub(crate) last: Option<Instant>,
    pub(crate) round: u64,
    /// The variable that counts the rounds.
    pub(crate) var: Option<Arc<str>>,
    pub(crate) steps: Arc<Vec<Step>>,
}

/// What has come in and waits to meet an expectation. PINGs and PONGs wait apart: they meet only
/// lines that name them.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    items: VecDeque<Item>,
    bytes: usize,
    controls: VecDeque<Item>,
    /// Nobody waits any more: what comes is only counted.
    shut: Option<usize>,
    /// The first arrival that ends the connection; it is among the items too.
    end: Option<Item>,
}

impl Inbox {
    pub(crate) fn push(&mut self, item: Item) {
        if let Some(count) = &mut self.shut {
            *count += 1;
            self.bytes += weight(&item);
            return;
        }
        if matches!(item.got, Got::Ping(_) | Got::Pong(_)) {
            if self.controls.len() == CONTROLS {
                self.controls.pop_front();
            }
            self.controls.push_back(item);
            return;
        }
        if item.got.ends() && self.end.is_none() {
            self.end = Some(item.clone());
        }
        self.bytes += weight(&item);
        self.items.push_back(item);
    }

    /// Drops what is in it and what will come.
    pub(crate) fn shut(&mut self) {
        *self = Inbox {
            shut: Some(0),
            ..Inbox::default()
        };
    }

    /// How many arrivals wait.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing more is to be read.
    pub(crate) fn full(&self) -> bool {
        self.shut.is_some_and(|count| count >= LAST_ITEMS)
            || self.bytes >= INBOX_BYTES
            || self.items.len() >= INBOX_ITEMS
    }

    /// The next arrival that an expectation of packets and ends can meet.
    pub(crate) fn front(&self) -> Option<&Item> {
        self.items.front()
    }

    /// Takes what [`Inbox::front`] showed.
    pub(crate) fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.bytes -= weight(&item);
        Some(item)
    }

    /// The first PING or PONG that fits.
    pub(crate) fn control(&self, fits: impl Fn(&Got) -> bool) -> Option<&Item> {
        self.controls.iter().find(|item| fits(&item.got))
    }

    /// Takes the first PING or PONG that fits.
    pub(crate) fn take_control(&mut self, fits: impl Fn(&Got) -> bool) -> Option<Item> {
        let at = self.controls.iter().position(|item| fits(&item.got))?;
        self.controls.remove(at)
    }

    /// Takes arrivals up to the first that fits, which is returned.
    pub(crate) fn skip_to(&mut self, fits: impl Fn(&Got) -> bool) -> Option<Item> {
        while let Some(item) = self.pop() {
            if fits(&item.got) {
                return Some(item);
            }
        }
        None
    }

    /// Bytes in memory.
    fn held(&self) -> usize {
        if self.shut.is_some() { 0 } else { self.bytes }
    }

    /// The first arrival that ended the connection.
    pub(crate) fn end(&self) -> Option<&Item> {
        self.end.as_ref()
    }
}

/// How much an arrival makes us hold: a packet is kept as bytes and as a tree.
fn weight(item: &Item) -> usize {
    64 + match &item.got {
        Got::Packet { bytes, packet, .. } => bytes.capacity() + packet.held(),
        Got::Message { bytes, .. } | Got::Ping(bytes) | Got::Pong(bytes) => bytes.len(),
        Got::Close { reason, .. } => reason.len(),
        Got::Fault(_) | Got::Eof | Got::Reset(_) => 0,
    }
}

impl Link {
    /// A connection on which nothing has happened; `opened` is from when to when it was opened.
    pub(crate) fn new(
        name: &str,
        watch: usize,
        conn: Conn,
        opened: (Instant, Instant),
        manual: Manual,
        counted: Share,
    ) -> Link {
        Link {
            name: name.to_owned(),
            watch,
            conn,
            last_send: opened,
            ignored: false,
            beat: None,
            every: None,
            inbox: Inbox::default(),
            broken_send: None,
            eof_wanted: false,
            close_taken: false,
            end_taken: false,
            close_sent: false,
            gone: false,
            raw: false,
            tcp: false,
            echoed: None,
            close_received: false,
            interval_known: false,
            waited_for_room: false,
            counted,
            beats_waiting: VecDeque::new(),
            background_nonces: HashSet::new(),
            in_flight: VecDeque::new(),
            manual,
            upgrade: Upgrade::Done,
            taken: true,
            accepted: opened.0,
            parted: None,
        }
    }

    /// Whether no line has met it and one still can.
    pub(crate) fn waits(&self) -> bool {
        !self.taken && self.ended_at().is_none()
    }

    /// When it began to end, whoever ended it.
    pub(crate) fn ended_at(&self) -> Option<Instant> {
        let theirs = self.inbox.end().map(|item| item.at);
        self.parted.into_iter().chain(theirs).min()
    }

    /// When its background traffic is due next.
    pub(crate) fn next_background(&self) -> Option<Instant> {
        if self.over() {
            return None;
        }
        let beat = self.beat.map(|beat| beat.next);
        let every = self.every.as_ref().map(|every| every.next);
        beat.into_iter().chain(every).min()
    }

    /// Whether more may be read: there is room for what would come.
    pub(crate) fn room(&mut self, budget: &Budget) -> bool {
        let held = self.inbox.held() + self.conn.held();
        self.counted.set(held);
        let scarce = held > ALWAYS && budget.full();
        self.waited_for_room |= scarce;
        !scarce && !self.inbox.full()
    }

    /// Something waits to be written.
    pub(crate) fn writing(&self) -> bool {
        self.conn.queued() > 0 || self.eof_wanted
    }

    /// Writes as much as goes at once. A failure is noted; it does not end the reading.
    pub(crate) fn write(&mut self, cx: &mut Context<'_>) {
        let written = if self.eof_wanted {
            self.conn.poll_shutdown(cx)
        } else {
            self.conn.poll_flush(cx)
        };
        match written {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => {
                if std::mem::take(&mut self.eof_wanted) {
                    self.broken_send
                        .get_or_insert("we ended our side".to_owned());
                }
            }
            Poll::Ready(Err(error)) => {
                self.eof_wanted = false;
                self.broken_send.get_or_insert(error.to_string());
            }
        }
    }

    /// Nothing can be sent on it any more.
    pub(crate) fn over(&self) -> bool {
        self.gone
            || self.conn.ended()
            || self.close_sent
            || self.close_received
            || self.broken_send.is_some()
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
