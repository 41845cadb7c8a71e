//! What a member of the zoo sees of what comes in, below the WebSocket layer: whole messages, and
//! what is wrong with frames.

use std::collections::VecDeque;

use super::fate::Life;
use super::wire::{KEY, Knock, PART, Wire};
use crate::wire::message::Decoder;
use crate::wire::{Incoming, Limits, OutFrame, Side};

/// What came before.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// A ping came since the last message.
    pub(super) pinged: bool,
    /// A close frame has come.
    pub(super) closed: bool,
}

/// Reads messages out of what comes in, behind the upgrade's head.
pub(super) struct Read {
    side: Side,
    head_seen: bool,
    tail: Vec<u8>,
    pub(super) decoder: Decoder,
    pub(super) seen: Seen,
    /// Broken frames have come: the rest passes as it is.
    raw: bool,
    /// What passes on to the reader.
    pub(super) ready: VecDeque<u8>,
}

impl Read {
    /// What a peer of this side reads.
    pub(super) fn new(side: Side) -> Read {
        Read {
            side,
            head_seen: false,
            tail: Vec::new(),
            decoder: Decoder::new(side, &Limits::default()),
            seen: Seen::default(),
            raw: false,
            ready: VecDeque::new(),
        }
    }

    /// Takes what came in; tells what befalls the peer.
    pub(super) fn take(&mut self, bytes: &[u8], wire: &Wire) -> Option<Life> {
        if self.head_seen {
            return self.frames(bytes, wire);
        }
        let seen = self.tail.len().saturating_sub(3);
        self.tail.extend_from_slice(bytes);
        let mut ends = self.tail[seen..].windows(4);
        let Some(end) = ends.position(|end| end == b"\r\n\r\n") else {
            return wire.knocked(Knock::Part(&self.tail));
        };
        let rest = self.tail.split_off(seen + end + 4);
        self.head_seen = true;
        let life = wire.knocked(Knock::Whole(&self.tail));
        self.ready.extend(std::mem::take(&mut self.tail));
        life.or(self.frames(&rest, wire))
    }

    /// Nothing more comes for now; tells what befalls the peer.
    pub(super) fn waits(&self, wire: &Wire) -> Option<Life> {
        if !self.head_seen {
            return wire.knocked(Knock::Waits(&self.tail));
        }
        self.decoder.cut_short()?;
        wire.befalls(&PART, &self.seen)
    }

    /// Nothing will come any more; tells what befalls the peer.
    pub(super) fn ended(&self, end: &Incoming, wire: &Wire) -> Option<Life> {
        if !self.head_seen {
            return wire.knocked(Knock::Gone(&self.tail));
        }
        wire.befalls(end, &self.seen)
    }

    fn frames(&mut self, bytes: &[u8], wire: &Wire) -> Option<Life> {
        if self.raw {
            self.ready.extend(bytes);
            return None;
        }
        if wire.loses.is_none() {
            self.ready.extend(bytes);
        }
        let mut life = None;
        let mut input = bytes;
        while let Some(incoming) = self.decoder.next(&mut input) {
            life = life.or(wire.befalls(&incoming, &self.seen));
            if wire
                .loses
                .is_some_and(|loses| !loses(&incoming, &self.seen))
            {
                self.pass(&incoming);
            }
            self.seen.pinged = matches!(incoming, Incoming::Ping(_));
            self.seen.closed |= matches!(incoming, Incoming::Close(_));
        }
        if wire.loses_parts && self.decoder.cut_short().is_some() {
            self.decoder = Decoder::new(self.side, &Limits::default());
        }
        life
    }

    /// Puts a message into frames again.
    fn pass(&mut self, incoming: &Incoming) {
        let mut bytes = Vec::new();
        let close;
        let frame = match incoming {
            Incoming::Text { text: Ok(text), .. } => OutFrame::text(text.as_bytes()),
            Incoming::Text {
                text: Err(text), ..
            } => OutFrame::text(text),
            Incoming::Binary { bytes, .. } => OutFrame::binary(bytes),
            Incoming::Ping(payload) => OutFrame::ping(payload),
            Incoming::Pong(payload) => OutFrame::pong(payload),
            Incoming::Close(body) => {
                close = crate::wire::close_body(body.code, &body.reason);
                OutFrame::close(&close)
            }
            // A frame that breaks RFC 6455 ends the connection with the reference too.
            Incoming::Fault(_) | Incoming::Bytes(_) | Incoming::Eof | Incoming::Reset(_) => {
                self.raw = true;
                OutFrame {
                    rsv: 7,
                    ..OutFrame::text(b"")
                }
            }
        };
        let mask = (self.side == Side::Server).then_some(KEY);
        OutFrame { mask, ..frame }.encode_into(&mut bytes);
        self.ready.extend(bytes);
    }
}
