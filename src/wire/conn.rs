//! One WebSocket connection as the harness sees it: items with the time they were read, and an
//! output queue. It never answers, never closes, and reads on after a write that failed.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop;
use tokio::time::Instant;

use super::frame::{OutFrame, Side};
use super::limits::Limits;
use super::message::{Decoder, Incoming};
use super::stream::BoxStream;

/// After so many reads without an item, a poll lets others have their turn.
const READS_A_POLL: u32 = 32;
/// An output buffer that grew beyond this is given back once it is empty, in bytes.
const KEPT_OUTPUT: usize = 64 << 10;

/// An item and when its last byte was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// The time of the read that completed it.
    pub at: Instant,
    /// The item.
    pub incoming: Incoming,
}

/// How far the reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// More may come.
    On,
    /// The peer's side has ended, which is yet to be told.
    AtEof,
    /// `Eof` or `Reset` was delivered.
    Ended,
    /// A fatal fault was delivered, or we have reset the connection.
    GivenUp,
}

/// Frames over any stream, from either side.
pub struct Conn {
    stream: BoxStream,
    side: Side,
    /// None where there is no WebSocket: what comes is told as bytes.
    decoder: Option<Decoder>,
    reading: Reading,
    input: Vec<u8>,
    /// The part of `input` that is not yet decoded.
    unread: std::ops::Range<usize>,
    read_at: Instant,
    read_buffer: usize,
    output: Vec<u8>,
    /// How much of `output` is written.
    written: usize,
    /// The text of a write's `ConnectionReset`: the system tells it only once, so reading may find
    /// nothing but an end.
    reset_on_write: Option<String>,
    masks: fastrand::Rng,
}

impl Conn {
    /// A connection whose upgrade is done. `already_read` are bytes that came behind the upgrade;
    /// they are stamped with the present.
    pub fn new(stream: BoxStream, side: Side, limits: Limits, already_read: Vec<u8>) -> Self {
        Self {
            decoder: Some(Decoder::new(side, &limits)),
            unread: 0..already_read.len(),
            input: already_read,
            ..Self::tcp(stream, side, &limits)
        }
    }

    /// A connection without a WebSocket: what comes is told as [`Incoming::Bytes`].
    pub fn tcp(stream: BoxStream, side: Side, limits: &Limits) -> Self {
        Self {
            stream,
            side,
            decoder: None,
            reading: Reading::On,
            unread: 0..0,
            input: Vec::new(),
            read_at: Instant::now(),
            read_buffer: limits.read_buffer.max(1),
            output: Vec::new(),
            written: 0,
            reset_on_write: None,
            masks: fastrand::Rng::with_seed(0),
        }
    }

    /// The same connection with masking keys from `rng`.
    #[must_use]
    pub fn with_masks(mut self, rng: fastrand::Rng) -> Self {
        self.masks = rng;
        self
    }

    /// The next item. After `Eof`, `Reset`, a fatal fault or our own [`reset`](Self::reset) it is
    /// pending for ever, without a wake-up.
    pub fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Stamped> {
        if matches!(self.reading, Reading::Ended | Reading::GivenUp) {
            return Poll::Pending;
        }
        // A caller who takes items in a loop still lets the runtime's other tasks run.
        let turn = ready!(coop::poll_proceed(cx));
        for _ in 0..READS_A_POLL {
            let incoming = self.decode();
            let incoming = match (incoming, self.reading) {
                (Some(incoming), _) => incoming,
                (None, Reading::On) => match ready!(self.poll_read(cx)) {
                    Some(incoming) => incoming,
                    None => continue,
                },
                (None, _) => self.end(),
            };
            match &incoming {
                Incoming::Fault(fault) if fault.fatal() => self.reading = Reading::GivenUp,
                Incoming::Eof | Incoming::Reset(_) => self.reading = Reading::Ended,
                _ => {}
            }
            if self.reading != Reading::On && self.reading != Reading::AtEof {
                self.input = Vec::new();
                self.unread = 0..0;
            }
            turn.made_progress();
            return Poll::Ready(Stamped {
                at: self.read_at,
                incoming,
            });
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The next item of what has been read.
    fn decode(&mut self) -> Option<Incoming> {
        let mut rest = &self.input[self.unread.clone()];
        let incoming = match &mut self.decoder {
            Some(decoder) => decoder.next(&mut rest),
            None if rest.is_empty() => None,
            None => Some(Incoming::Bytes(std::mem::take(&mut rest).to_vec())),
        };
        self.unread.start = self.unread.end - rest.len();
        incoming
    }

    /// The next item; [`poll_incoming`](Self::poll_incoming) as a future, which can be dropped
    /// without loss.
    pub async fn next(&mut self) -> Stamped {
        poll_fn(|cx| self.poll_incoming(cx)).await
    }

    /// Reads once into the empty input buffer. `Some`: the stream has ended.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        if self.input.len() != self.read_buffer {
            self.input = vec![0; self.read_buffer];
        }
        let mut buffer = ReadBuf::new(&mut self.input);
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
        let count = buffer.filled().len();
        self.read_at = Instant::now();
        self.unread = 0..count;
        Poll::Ready(match result {
            Ok(()) if count > 0 => None,
            Ok(()) => {
                self.reading = Reading::AtEof;
                match self.decoder.as_ref().and_then(Decoder::cut_short) {
                    Some(fault) if self.reset_on_write.is_none() => Some(Incoming::Fault(fault)),
                    _ => Some(self.end()),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
            Err(error) => Some(Incoming::Reset(error.to_string())),
        })
    }

    fn end(&mut self) -> Incoming {
        self.reset_on_write
            .take()
            .map_or(Incoming::Eof, Incoming::Reset)
    }

    /// Queues a frame. A client's frame without a mask gets one; see
    /// [`queue_exactly`](Self::queue_exactly).
    pub fn queue(&mut self, frame: &OutFrame<'_>) {
        let mut frame = *frame;
        if self.side == Side::Client && frame.mask.is_none() {
            frame.mask = Some(self.masks.u32(..).to_ne_bytes());
        }
        self.queue_exactly(&frame);
    }

    /// Queues a frame exactly as it is, unmasked where it has no mask.
    pub fn queue_exactly(&mut self, frame: &OutFrame<'_>) {
        self.compact();
        frame.encode_into(&mut self.output);
    }

    /// Queues bytes below WebSocket.
    pub fn queue_raw(&mut self, bytes: &[u8]) {
        self.compact();
        self.output.extend_from_slice(bytes);
    }

    /// How many queued bytes are not yet written.
    pub fn queued(&self) -> usize {
        self.output.len() - self.written
    }

    /// Forgets what is written once it is the larger part.
    fn compact(&mut self) {
        if self.written > self.output.len() / 2 {
            self.output.drain(..self.written);
            self.written = 0;
        }
    }

    /// Writes all that is queued. An error drops the queue; reading goes on.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.output.len() {
            let bytes = &self.output[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, bytes)) {
                Ok(0) => {
                    return Poll::Ready(Err(self.write_failed(io::ErrorKind::WriteZero.into())));
                }
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(self.write_failed(error))),
            }
        }
        self.empty_output();
        let result = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        Poll::Ready(result.map_err(|error| self.write_failed(error)))
    }

    /// Writes all that is queued; [`poll_flush`](Self::poll_flush) as a future. Dropping it leaves
    /// the rest queued.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn empty_output(&mut self) {
        self.written = 0;
        self.output.clear();
        if self.output.capacity() > KEPT_OUTPUT {
            self.output = Vec::new();
        }
    }

    fn write_failed(&mut self, error: io::Error) -> io::Error {
        self.empty_output();
        if error.kind() == io::ErrorKind::ConnectionReset {
            self.reset_on_write = Some(error.to_string());
        }
        error
    }

    /// Writes all that is queued and ends our side of the stream (FIN). Reading goes on.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    /// Ends our side of the stream; [`poll_shutdown`](Self::poll_shutdown) as a future.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_shutdown(cx)).await
    }

    /// Drops what is queued and ends the connection at once (RST). Nothing comes after this.
    pub fn reset(&mut self) {
        self.empty_output();
        self.stream.reset();
        if self.reading != Reading::Ended {
            self.reading = Reading::GivenUp;
        }
    }

    /// Whether `Eof` or `Reset` was delivered.
    pub fn ended(&self) -> bool {
        self.reading == Reading::Ended
    }

    /// Which end we are.
    pub fn side(&self) -> Side {
        self.side
    }

    /// How many bytes it holds in memory, buffers and unfinished messages together.
    pub fn held(&self) -> usize {
        let decoding = self.decoder.as_ref().map_or(0, Decoder::held);
        self.input.capacity() + self.output.capacity() + decoding
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn")
            .field("side", &self.side)
            .field("reading", &self.reading)
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
