//! Streams in memory: no sockets and no reactor, so that a paused clock moves them. They behave
//! like TCP on a fast machine, but that unread bytes at a drop make no reset, and that everything
//! dialed is accepted at once.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio::task::coop;
use tokio::time::Instant;

use super::listen::{Accept, Accepted};
use super::stream::{BoxStream, Dial, DialError, Dialing, Stream};

/// How many bytes wait in one direction before writing does, unless [`pipe_of`] says otherwise.
pub const CAPACITY: usize = 64 << 20;
/// A direction that grew beyond this gives its memory back once it is empty, in bytes.
const KEPT: usize = 64 << 10;

/// One direction.
#[derive(Debug, Default)]
struct Lane {
    bytes: VecDeque<u8>,
    /// The writer will write no more.
    ended: bool,
    /// Nobody will read any more.
    abandoned: bool,
    /// One of the ends was reset.
    reset: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Lane {
    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()]
            .into_iter()
            .flatten()
        {
            waker.wake();
        }
    }
}

/// Both directions; the number of an end is that of the lane it writes to.
#[derive(Debug)]
struct Shared {
    lanes: Mutex<[Lane; 2]>,
    capacity: usize,
}

impl Shared {
    fn lanes(&self) -> MutexGuard<'_, [Lane; 2]> {
        // A panic elsewhere cannot leave a lane half changed.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One end of a connection in memory. Dropping it is an orderly end: the peer reads what was
/// written, then end of stream, and its writes fail with `BrokenPipe`.
#[derive(Debug)]
pub struct MemoryStream {
    shared: Arc<Shared>,
    end: usize,
    was_reset: bool,
}

/// A connection in memory: its two ends.
pub fn pipe() -> (MemoryStream, MemoryStream) {
    pipe_of(CAPACITY)
}

/// A connection in memory that holds at most `capacity` bytes in each direction, at least 1.
pub fn pipe_of(capacity: usize) -> (MemoryStream, MemoryStream) {
    let shared = Arc::new(Shared {
        lanes: Mutex::default(),
        capacity: capacity.max(1),
    });
    let end = |end| MemoryStream {
        shared: Arc::clone(&shared),
        end,
        was_reset: false,
    };
    (end(0), end(1))
}

impl AsyncRead for MemoryStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.was_reset {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        }
        let turn = ready!(coop::poll_proceed(cx));
        let mut lanes = self.shared.lanes();
        let lane = &mut lanes[1 - self.end];
        if lane.bytes.is_empty() {
            if !lane.reset && !lane.ended {
                lane.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            turn.made_progress();
            let result = if lane.reset {
                Err(io::ErrorKind::ConnectionReset.into())
            } else {
                Ok(())
            };
            return Poll::Ready(result);
        }
        turn.made_progress();
        let count = buffer.remaining().min(lane.bytes.len());
        let (front, back) = lane.bytes.as_slices();
        let from_front = count.min(front.len());
        buffer.put_slice(&front[..from_front]);
        buffer.put_slice(&back[..count - from_front]);
        lane.bytes.drain(..count);
        if lane.bytes.is_empty() && lane.bytes.capacity() > KEPT {
            lane.bytes = VecDeque::new();
        }
        if let Some(waker) = lane.writer.take() {
            waker.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.was_reset {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        }
        let turn = ready!(coop::poll_proceed(cx));
        let mut lanes = self.shared.lanes();
        let lane = &mut lanes[self.end];
        let result = if lane.reset {
            Err(io::ErrorKind::ConnectionReset.into())
        } else if lane.ended || lane.abandoned {
            Err(io::ErrorKind::BrokenPipe.into())
        } else {
            let count = bytes.len().min(self.shared.capacity - lane.bytes.len());
            if count == 0 && !bytes.is_empty() {
                lane.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            lane.bytes.extend(&bytes[..count]);
            if let Some(waker) = lane.reader.take() {
                waker.wake();
            }
            Ok(count)
        };
        turn.made_progress();
        Poll::Ready(result)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut lanes = self.shared.lanes();
        let lane = &mut lanes[self.end];
        if self.was_reset || lane.reset {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        }
        lane.ended = true;
        lane.wake();
        Poll::Ready(Ok(()))
    }
}

impl Stream for MemoryStream {
    fn reset(&mut self) {
        self.was_reset = true;
        let mut lanes = self.shared.lanes();
        lanes[1 - self.end].bytes = VecDeque::new();
        for lane in lanes.iter_mut() {
            lane.reset = true;
            lane.wake();
        }
    }
}

impl Drop for MemoryStream {
    fn drop(&mut self) {
        let mut lanes = self.shared.lanes();
        lanes[self.end].ended = true;
        lanes[self.end].wake();
        let lane = &mut lanes[1 - self.end];
        lane.abandoned = true;
        lane.bytes = VecDeque::new();
        lane.wake();
    }
}

/// Opens connections to a [`MemoryListener`].
#[derive(Clone, Debug)]
pub struct MemoryDial {
    dialed: mpsc::UnboundedSender<MemoryStream>,
}

/// Takes the connections of a [`MemoryDial`] and its clones.
#[derive(Debug)]
pub struct MemoryListener {
    dialed: mpsc::UnboundedReceiver<MemoryStream>,
}

/// A place to dial in memory, and who listens there.
pub fn listen() -> (MemoryDial, MemoryListener) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (
        MemoryDial { dialed: sender },
        MemoryListener { dialed: receiver },
    )
}

impl MemoryListener {
    /// The next connection; `None` when nobody can dial any more. Dropping the listener makes
    /// later dials refused.
    pub async fn accept(&mut self) -> Option<MemoryStream> {
        self.dialed.recv().await
    }
}

impl Accept for MemoryListener {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match ready!(self.dialed.poll_recv(cx)) {
            Some(stream) => Poll::Ready(Ok(Accepted {
                stream: Box::new(stream),
                at: Instant::now(),
            })),
            None => Poll::Pending,
        }
    }
}

impl Dial for MemoryDial {
    fn dial(&self) -> Dialing<'_> {
        let (ours, theirs) = pipe();
        let result = match self.dialed.send(theirs) {
            Ok(()) => Ok(Box::new(ours) as BoxStream),
            Err(_) => Err(DialError::Refused {
                address: "memory".to_owned(),
            }),
        };
        Box::pin(std::future::ready(result))
    }
}
