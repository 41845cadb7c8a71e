//! What a member of the zoo does otherwise below the session: a stream that cuts, respells and ends
//! what the WebSocket layer writes, and looks at what it reads.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::fate::{Fate, Life};
use super::reading::{Read, Seen};
use crate::wire::frame::{FrameReader, Piece, apply_mask};
use crate::wire::{BoxStream, FrameFault, Incoming, OutFrame, Side, Stream, opcode};

/// A frame on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) fin: bool,
    pub(super) opcode: u8,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    pub(super) fn new(fin: bool, opcode: u8, payload: &[u8]) -> Frame {
        Frame {
            fin,
            opcode,
            payload: payload.to_vec(),
        }
    }

    fn bytes(&self, side: Side) -> Vec<u8> {
        let mut bytes = Vec::new();
        let frame = OutFrame::new(self.opcode, &self.payload);
        OutFrame {
            fin: self.fin,
            mask: (side == Side::Client).then_some(KEY),
            ..frame
        }
        .encode_into(&mut bytes);
        bytes
    }

    /// The code of a close frame.
    pub(super) fn code(&self) -> Option<u16> {
        let code = self.payload.first_chunk()?;
        (self.opcode == opcode::CLOSE).then(|| u16::from_be_bytes(*code))
    }
}

/// What becomes of the connection behind a close frame of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As the reference does it: the echo is awaited for a second.
    Awaited,
    /// FIN at once, and nothing read any more.
    Fin,
    /// RST at once.
    Reset,
    /// FIN where the close frame would be.
    NoFrame,
    /// RST where the close frame would be.
    ResetInstead,
    /// RST instead of the close frame if there is something unread, as the system does it.
    ResetIfUnread,
    /// The TCP connection stays.
    LeftOpen,
}

/// How writes are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// As they come.
    Whole,
    /// An octet at a time.
    Octets,
    /// The upgrade's answer together with what follows it.
    Joined,
}

/// What befalls the peer because of something that was read.
pub(super) type Watch = fn(&Incoming, &Seen) -> bool;

/// How much of an upgrade request's head has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knock<'a> {
    /// Part of it.
    Part(&'a [u8]),
    /// Part of it, and for now no more.
    Waits(&'a [u8]),
    /// All of it.
    Whole(&'a [u8]),
    /// Part of it, and nothing will follow.
    Gone(&'a [u8]),
}

/// What befalls the peer because of an upgrade request, or of what should have been one.
pub(super) type AtTheDoor = fn(Knock<'_>) -> bool;

/// What a member's streams do otherwise.
#[derive(Clone, Copy)]
pub(super) struct Wire {
    /// What is written for a frame.
    pub(super) frames: Option<fn(Frame) -> Vec<Frame>>,
    /// The end behind a close frame of this code.
    pub(super) end: fn(Option<u16>) -> End,
    pub(super) cut: Cut,
    /// The head of the upgrade's answer.
    pub(super) head: Option<fn(&str) -> String>,
    /// What is lost of the messages that come in.
    pub(super) loses: Option<fn(&Incoming, &Seen) -> bool>,
    /// What is lost of frames that do not come in one read.
    pub(super) loses_parts: bool,
    /// Reads little at a time, so that what is not dealt with stays unread.
    pub(super) sips: bool,
    /// How often it sends a ping, whatever else there is, from its first frame on.
    pub(super) pings: Option<Duration>,
    /// What ends or stops the whole peer.
    pub(super) suffers: Option<(Watch, Life)>,
    /// What does so ahead of the WebSocket.
    pub(super) door: Option<(AtTheDoor, Life)>,
}

/// The key of every masked frame. What it hides is read by nobody else.
pub(super) const KEY: [u8; 4] = [0x1a, 0x2b, 0x3c, 0x4d];

/// Bytes of a small read.
const SIP: usize = 64;

/// What is told when half a message is there and nothing more for now.
pub(super) const PART: Incoming = Incoming::Fault(FrameFault::CutShort { what: "read" });

/// The reference's own.
pub(super) const AS_IS: Wire = Wire {
    frames: None,
    end: |_| End::Awaited,
    cut: Cut::Whole,
    head: None,
    loses: None,
    loses_parts: false,
    sips: false,
    pings: None,
    suffers: None,
    door: None,
};

/// Splits what is written into the upgrade's head and frames.
#[derive(Default)]
struct Written {
    head: Option<Vec<u8>>,
    reader: FrameReader,
    frame: Option<Frame>,
    mask: Option<[u8; 4]>,
}

/// A stream of a bent peer.
pub(super) struct BentStream {
    /// None once it has been dropped, reset or given away.
    inner: Option<BoxStream>,
    fate: Arc<Fate>,
    wire: Wire,
    side: Side,
    written: Written,
    out: VecDeque<Vec<u8>>,
    read: Read,
    /// What happens when all is out.
    end: Option<End>,
    /// When the next ping is due.
    ping: Option<Pin<Box<Sleep>>>,
    changed: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl BentStream {
    pub(super) fn new(inner: BoxStream, fate: &Arc<Fate>, wire: Wire, side: Side) -> BentStream {
        let mut life = fate.watch();
        BentStream {
            inner: Some(inner),
            fate: Arc::clone(fate),
            wire,
            side,
            written: Written {
                head: Some(Vec::new()),
                ..Written::default()
            },
            out: VecDeque::new(),
            read: Read::new(side),
            end: None,
            ping: None,
            changed: Box::pin(async move {
                // The stream holds the sender.
                let _ = life.wait_for(|life| *life != Life::Alive).await;
            }),
        }
    }

    /// Whether the connection still stands; hangs where the peer does.
    fn poll_alive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fate.life() == Life::Alive && self.changed.as_mut().poll(cx).is_pending() {
            return Poll::Ready(Ok(()));
        }
        match self.fate.life() {
            Life::Dead => {
                self.inner = None;
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
            // Waits, and never spins: nothing will wake it.
            _ => Poll::Pending,
        }
    }

    /// Takes what was written apart and puts it together as this peer would.
    fn take(&mut self, bytes: &[u8]) {
        let Some(head) = &mut self.written.head else {
            return self.take_frames(bytes);
        };
        head.extend_from_slice(bytes);
        let Some(end) = head.windows(4).position(|end| end == b"\r\n\r\n") else {
            return;
        };
        let rest = head.split_off(end + 4);
        let head = self.written.head.take().unwrap_or_default();
        let head = match (self.wire.head, std::str::from_utf8(&head)) {
            (Some(respell), Ok(text)) => respell(text).into_bytes(),
            _ => head,
        };
        self.out.push_back(head);
        self.take_frames(&rest);
    }

    fn take_frames(&mut self, mut bytes: &[u8]) {
        while let Some(piece) = self.written.reader.next(&mut bytes) {
            match piece {
                Piece::Header(header) => {
                    self.written.mask = header.mask;
                    self.written.frame = Some(Frame::new(header.fin, header.opcode, b""));
                }
                Piece::Payload { bytes, offset } => {
                    if let Some(frame) = &mut self.written.frame {
                        let start = frame.payload.len();
                        frame.payload.extend_from_slice(bytes);
                        if let Some(key) = self.written.mask {
                            apply_mask(&mut frame.payload[start..], key, offset);
                        }
                    }
                }
                Piece::End => {
                    if let Some(frame) = self.written.frame.take() {
                        self.frame(frame);
                    }
                }
            }
        }
    }

    fn frame(&mut self, frame: Frame) {
        if self.end.is_some() {
            return;
        }
        if frame.opcode == opcode::CLOSE && frame.code() != Some(1000) {
            let mut end = (self.wire.end)(frame.code());
            if end == End::ResetIfUnread {
                end = match self.has_unread() {
                    true => End::ResetInstead,
                    false => End::Fin,
                };
            }
            self.end = (end != End::Awaited).then_some(end);
            if matches!(end, End::NoFrame | End::ResetInstead) {
                return;
            }
        }
        if self.ping.is_none() {
            self.ping = self.wire.pings.map(|every| Box::pin(sleep(every)));
        }
        if frame.opcode == opcode::CLOSE {
            (self.ping, self.wire.pings) = (None, None);
        }
        let frames = match self.wire.frames {
            Some(respell) => respell(frame),
            None => vec![frame],
        };
        for frame in frames {
            let bytes = frame.bytes(self.side);
            match self.wire.cut {
                Cut::Octets => self.out.extend(bytes.into_iter().map(|byte| vec![byte])),
                Cut::Whole => self.out.push_back(bytes),
                Cut::Joined => match self.out.back_mut() {
                    Some(before) => before.extend(bytes),
                    None => self.out.push_back(bytes),
                },
            }
        }
    }

    /// Writes a ping if one is due.
    fn poll_ping(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (Some(ping), Some(every)) = (&mut self.ping, self.wire.pings) else {
            return Poll::Pending;
        };
        while ping.as_mut().poll(cx).is_ready() {
            ping.as_mut().reset(Instant::now() + every);
            let frame = Frame::new(true, opcode::PING, b"are you there?");
            self.out.push_back(frame.bytes(self.side));
        }
        self.poll_out(cx)
    }

    /// Whether the other side has sent something that was not read.
    fn has_unread(&mut self) -> bool {
        let Some(inner) = &mut self.inner else {
            return false;
        };
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let read = Pin::new(inner).poll_read(&mut cx, &mut buffer);
        matches!(read, Poll::Ready(Ok(()))) && !buffer.filled().is_empty()
    }

    /// Writes what is there, and ends as is to be ended.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The upgrade's answer waits for HELLO.
        if self.wire.cut == Cut::Joined && self.out.len() == 1 && self.written.head.is_none() {
            let hello = self
                .out
                .front()
                .is_some_and(|out| out.ends_with(b"\r\n\r\n"));
            if hello {
                return Poll::Ready(Ok(()));
            }
        }
        while let Some(chunk) = self.out.front_mut() {
            let Some(inner) = &mut self.inner else {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            };
            let count = ready!(Pin::new(&mut *inner).poll_write(cx, chunk))?;
            chunk.drain(..count);
            if chunk.is_empty() {
                self.out.pop_front();
                if self.wire.cut == Cut::Octets {
                    ready!(Pin::new(inner).poll_flush(cx))?;
                }
            }
        }
        if let Some(inner) = &mut self.inner {
            ready!(Pin::new(inner).poll_flush(cx))?;
        }
        self.finish();
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self) {
        match self.end {
            None | Some(End::Awaited | End::ResetIfUnread) => {}
            Some(End::Fin | End::NoFrame) => self.inner = None,
            Some(End::Reset | End::ResetInstead) => {
                if let Some(mut inner) = self.inner.take() {
                    inner.reset();
                }
            }
            Some(End::LeftOpen) => {
                if let Some(inner) = self.inner.take() {
                    self.fate.keep(inner);
                }
            }
        }
    }
}

impl Wire {
    /// What a message does to the peer.
    pub(super) fn befalls(&self, incoming: &Incoming, seen: &Seen) -> Option<Life> {
        let (watch, life) = self.suffers?;
        watch(incoming, seen).then_some(life)
    }

    /// What somebody at the door does to the peer.
    pub(super) fn knocked(&self, knock: Knock<'_>) -> Option<Life> {
        let (watch, life) = self.door?;
        watch(knock).then_some(life)
    }

    /// Whether what comes in has to be looked at.
    fn looks(&self) -> bool {
        self.loses.is_some() || self.suffers.is_some() || self.door.is_some()
    }
}

impl AsyncRead for BentStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_alive(cx))?;
        // A write that fails is no end to the reading.
        let _ = this.poll_ping(cx);
        let Some(inner) = &mut this.inner else {
            // The end of a stream that is not ours any more.
            return Poll::Ready(Ok(()));
        };
        if this.wire.sips {
            let mut room = [0; SIP];
            let most = buffer.remaining().min(SIP);
            let mut sip = ReadBuf::new(&mut room[..most]);
            ready!(Pin::new(inner).poll_read(cx, &mut sip))?;
            buffer.put_slice(sip.filled());
            return Poll::Ready(Ok(()));
        }
        if !this.wire.looks() {
            return Pin::new(inner).poll_read(cx, buffer);
        }
        while this.read.ready.is_empty() {
            let mut room = [0; 4096];
            let mut got = ReadBuf::new(&mut room);
            let Poll::Ready(read) = Pin::new(&mut *inner).poll_read(cx, &mut got) else {
                if let Some(life) = this.read.waits(&this.wire) {
                    this.fate.suffer(life);
                }
                return Poll::Pending;
            };
            let life = match read {
                Err(error) => {
                    let reset = Incoming::Reset(error.to_string());
                    if let Some(life) = this.read.ended(&reset, &this.wire) {
                        this.fate.suffer(life);
                    }
                    return Poll::Ready(Err(error));
                }
                Ok(()) if got.filled().is_empty() => {
                    let cut = this.read.decoder.cut_short();
                    let end = cut.map_or(Incoming::Eof, Incoming::Fault);
                    if let Some(life) = this.read.ended(&end, &this.wire) {
                        this.fate.suffer(life);
                    }
                    return Poll::Ready(Ok(()));
                }
                Ok(()) => this.read.take(got.filled(), &this.wire),
            };
            if let Some(life) = life {
                this.fate.suffer(life);
                return self.poll_read(cx, buffer);
            }
        }
        let count = this.read.ready.len().min(buffer.remaining());
        let bytes: Vec<u8> = this.read.ready.drain(..count).collect();
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for BentStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_alive(cx))?;
        // What waits already has to go first: this is no place to pile up output.
        ready!(self.poll_out(cx))?;
        if self.inner.is_none() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_alive(cx))?;
        self.poll_out(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_alive(cx))?;
        ready!(self.poll_out(cx))?;
        match &mut self.inner {
            Some(inner) => Pin::new(inner).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl Stream for BentStream {
    fn reset(&mut self) {
        if let Some(mut inner) = self.inner.take() {
            inner.reset();
        }
    }
}
