//! The one connection loop of both reference peers: read all that is ready, feed all answers into the
//! output buffer, flush once.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as WsError, Message, Utf8Bytes};

use crate::session::Closing;

/// Messages read in one pass before the answers are flushed and the other connections get a turn.
const MESSAGES_A_PASS: usize = 256;

/// The size of the read buffer that every connection keeps.
const READ_BUFFER: usize = 4096;

/// Output beyond this is written out before a pass ends.
const WRITE_BUFFER: usize = 16 * 1024;

/// How long a deadline that has passed waits for a read that does not come to its end. Whatever
/// the session waits for may be in what is still unread.
const OVERDUE: Duration = Duration::from_millis(250);

/// Bounds on one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkLimits {
    /// The longest message that is read, in bytes.
    pub(super) message: usize,
    /// Unsent output, in bytes, from which on nothing more is read.
    pub(super) unsent: usize,
    /// How long output may stay beyond that bound before the peer is given up.
    pub(super) stalled: Duration,
    /// How long a close may take: the peer's echo, and its end of the TCP connection.
    pub(super) close: Duration,
}

impl LinkLimits {
    /// The same bounds for tungstenite, whose own defaults cost 256 KiB a connection.
    pub(super) fn config(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            // Reading stops at `unsent`; one answer more and the control frames must still fit.
            .max_write_buffer_size(self.unsent.saturating_add(64 << 20))
            .max_message_size(Some(self.message))
            .max_frame_size(Some(self.message))
    }
}

/// What a side wants sent.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    packets: Vec<Utf8Bytes>,
    close: Option<Closing>,
}

/// Nothing but one packet.
impl From<String> for Outbox {
    fn from(packet: String) -> Outbox {
        Outbox {
            packets: vec![packet.into()],
            close: None,
        }
    }
}

impl Outbox {
    /// Queues a packet.
    pub(super) fn send(&mut self, packet: impl Into<Utf8Bytes>) {
        self.packets.push(packet.into());
    }

    /// Ends the connection behind what is queued. The first close counts.
    pub(super) fn close(&mut self, closing: Closing) {
        self.close.get_or_insert(closing);
    }

    /// All that is queued, which is then not queued any more.
    pub(super) fn take(&mut self) -> (Vec<Utf8Bytes>, Option<Closing>) {
        (std::mem::take(&mut self.packets), self.close.take())
    }
}

/// What the two peers do differently.
pub(super) trait Side {
    /// A text message has come.
    fn text(&mut self, now: Instant, text: &str, out: &mut Outbox);
    /// A binary message has come.
    fn binary(&mut self, out: &mut Outbox);
    /// A WebSocket ping or pong has come, which the protocol's packets have nothing to do with.
    fn control(&mut self, _now: Instant, _out: &mut Outbox) {}
    /// Does what has become ready besides messages, and leaves the waker with what has not.
    fn poll_work(&mut self, cx: &mut Context<'_>, out: &mut Outbox);
    /// Everything queued so far is with the operating system.
    fn flushed(&mut self) {}
    /// When to call `timeout`.
    fn deadline(&self) -> Option<Instant>;
    /// The deadline has passed.
    fn timeout(&mut self, now: Instant, out: &mut Outbox);
    /// Nothing more is read or sent; what is left is the closing.
    fn ended(&mut self) {}
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// This side closed it. What the peer sent as its close frame, if it did: an echo, or a close of its
    /// own that crossed ours.
    Ours(Closing, Option<CloseFrame>),
    /// The peer sent a close frame; none: one without a code.
    Theirs(Option<CloseFrame>),
    /// The stream ended without a close frame.
    Lost(io::Error),
    /// The peer broke the WebSocket protocol, or a limit of it.
    Broken(WsError),
    /// The peer does not read what it is sent.
    Stalled,
}

/// The loop's own state, which is next to nothing while a connection is idle.
struct Loop<'l, S, P> {
    ws: &'l mut WebSocketStream<S>,
    side: &'l mut P,
    limits: LinkLimits,
    out: Outbox,
    /// Bytes fed since the output was last flushed to the end: at least what is unsent.
    fed: usize,
    /// Set while nothing is read because too much is unsent: when the peer is given up.
    stalled_until: Option<Instant>,
    sleep: Pin<Box<Sleep>>,
}

/// How the loop goes on behind a pass.
enum Next {
    /// With another pass at once.
    Again,
    /// With another pass behind the other tasks' turn.
    Yield,
    /// When something wakes it.
    Wait,
}

/// Runs a connection until it has to be closed, and closes it. `first` goes out before anything is
/// read.
pub(super) async fn run<S, P>(
    ws: &mut WebSocketStream<S>,
    side: &mut P,
    limits: LinkLimits,
    first: Outbox,
) -> Ending
where
    S: AsyncRead + AsyncWrite + Unpin,
    P: Side,
{
    let mut ending = {
        let mut this = Loop {
            ws: &mut *ws,
            side: &mut *side,
            limits,
            out: first,
            fed: 0,
            stalled_until: None,
            sleep: Box::pin(sleep_until(Instant::now())),
        };
        poll_fn(|cx| this.poll(cx)).await
    };
    side.ended();
    // Boxed: closing needs more room than idling, and every idle connection would carry it.
    let echo = Box::pin(finish(ws, &ending, limits.close)).await;
    if let Ending::Ours(_, theirs) = &mut ending {
        *theirs = echo;
    }
    ending
}

impl<S, P> Loop<'_, S, P>
where
    S: AsyncRead + AsyncWrite + Unpin,
    P: Side,
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        loop {
            match self.pass(cx) {
                Ok(Next::Again) => {}
                Ok(Next::Yield) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Ok(Next::Wait) => return Poll::Pending,
                Err(ending) => return Poll::Ready(ending),
            }
        }
    }

    fn pass(&mut self, cx: &mut Context<'_>) -> Result<Next, Ending> {
        let now = Instant::now();
        let stalled = self.stalled_until.is_some();
        let (mut drained, mut fired) = (true, false);
        if !stalled {
            self.feed(cx)?;
            drained = self.read(cx, now)?;
            self.side.poll_work(cx, &mut self.out);
            self.feed(cx)?;
            fired = self.check_deadline(cx, now, drained)?;
        }
        self.flush(cx, now)?;
        if let Some(closing) = self.out.close {
            return Err(Ending::Ours(closing, None));
        }
        match self.stalled_until {
            Some(until) if now >= until => return Err(Ending::Stalled),
            None if stalled => return Ok(Next::Again),
            _ => {}
        }
        if fired {
            // A request that has timed out leaves room for the next one's work.
            return Ok(Next::Again);
        }
        if !drained && self.stalled_until.is_none() {
            return Ok(Next::Yield);
        }
        Ok(self.rest(cx))
    }

    /// Reads what is ready; tells whether that was all.
    fn read(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<bool, Ending> {
        for _ in 0..MESSAGES_A_PASS {
            match Pin::new(&mut *self.ws).poll_next(cx) {
                Poll::Pending => return Ok(tokio::task::coop::has_budget_remaining()),
                Poll::Ready(Some(Ok(Message::Text(text)))) => {
                    self.side.text(now, &text, &mut self.out);
                }
                Poll::Ready(Some(Ok(Message::Binary(_)))) => self.side.binary(&mut self.out),
                Poll::Ready(Some(Ok(Message::Close(frame)))) => return Err(Ending::Theirs(frame)),
                // tungstenite answers pings itself.
                Poll::Ready(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => {
                    self.side.control(now, &mut self.out);
                }
                Poll::Ready(Some(Err(error))) => return Err(ending_of(error)),
                Poll::Ready(None) => {
                    return Err(Ending::Lost(io::ErrorKind::UnexpectedEof.into()));
                }
            }
            self.feed(cx)?;
            if self.out.close.is_some() {
                return Ok(true);
            }
            if self.fed > self.limits.unsent {
                break;
            }
        }
        Ok(false)
    }

    /// Moves what is queued into tungstenite's buffer.
    fn feed(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        let mut result = Ok(());
        for packet in self.out.packets.drain(..) {
            self.fed += packet.len();
            result = Pin::new(&mut *self.ws).start_send(Message::Text(packet));
            if result.is_err() {
                break;
            }
        }
        result.map_err(|error| self.last_words(cx, error))
    }

    fn flush(&mut self, cx: &mut Context<'_>, now: Instant) -> Result<(), Ending> {
        match Pin::new(&mut *self.ws).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                if self.fed > 0 {
                    self.side.flushed();
                }
                self.fed = 0;
                self.stalled_until = None;
            }
            Poll::Ready(Err(error)) => return Err(self.last_words(cx, error)),
            Poll::Pending => {
                if self.fed > self.limits.unsent {
                    self.stalled_until
                        .get_or_insert(later(now, self.limits.stalled));
                }
            }
        }
        Ok(())
    }

    /// Writing has failed: what the peer sent before it went, its close frame above all, says
    /// more than the failure.
    fn last_words(&mut self, cx: &mut Context<'_>, error: WsError) -> Ending {
        if matches!(error, WsError::WriteBufferFull(_)) {
            return Ending::Stalled;
        }
        let now = Instant::now();
        for _ in 0..MESSAGES_A_PASS {
            match Pin::new(&mut *self.ws).poll_next(cx) {
                Poll::Ready(Some(Ok(Message::Close(frame)))) => return Ending::Theirs(frame),
                Poll::Ready(Some(Ok(Message::Text(text)))) => {
                    self.side.text(now, &text, &mut Outbox::default());
                }
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) | Poll::Pending => break,
            }
        }
        ending_of(error)
    }

    /// Tells the side if its deadline has passed, but not while what it waits for may be unread.
    fn check_deadline(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        drained: bool,
    ) -> Result<bool, Ending> {
        let patience = if drained { Duration::ZERO } else { OVERDUE };
        let due = self
            .side
            .deadline()
            .is_some_and(|due| now >= due + patience);
        if due {
            self.side.timeout(now, &mut self.out);
            self.feed(cx)?;
        }
        Ok(due)
    }

    /// Sleeps until the next deadline.
    fn rest(&mut self, cx: &mut Context<'_>) -> Next {
        let Some(until) = self.stalled_until.or_else(|| self.side.deadline()) else {
            return Next::Wait;
        };
        // A deadline moves with every heartbeat, nearly always to later: the timer is left where it
        // is until it fires, and set anew only then.
        if until < self.sleep.deadline() {
            self.sleep.as_mut().reset(until);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if self.sleep.deadline() >= until {
                return Next::Again;
            }
            self.sleep.as_mut().reset(until);
        }
        Next::Wait
    }
}

/// Closes the connection as its ending asks for, within a time limit. Gives the peer's close frame, if
/// there is one that the ending does not hold already.
async fn finish<S>(
    ws: &mut WebSocketStream<S>,
    ending: &Ending,
    limit: Duration,
) -> Option<CloseFrame>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let until = later(Instant::now(), limit);
    let mut theirs = None;
    let closed = timeout_at(until, async {
        match ending {
            Ending::Lost(_) | Ending::Stalled => return,
            Ending::Ours(closing, _) => {
                if ws
                    .close(Some(frame(closing.code, closing.reason)))
                    .await
                    .is_err()
                {
                    return;
                }
                drain(ws, &mut theirs).await;
            }
            // tungstenite has queued the echo; reading on sends it.
            Ending::Theirs(_) => drain(ws, &mut theirs).await,
            Ending::Broken(error) => {
                let (code, reason) = code_of(error);
                if ws.close(Some(frame(code, reason))).await.is_err() {
                    return;
                }
            }
        }
        linger(ws.get_mut()).await;
    });
    // A peer that does not take part in the closing is dropped all the same.
    let _ = closed.await;
    theirs
}

/// Reads to the end of the WebSocket, and keeps the close frame.
async fn drain<S>(ws: &mut WebSocketStream<S>, theirs: &mut Option<CloseFrame>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|cx| Pin::new(&mut *ws).poll_next(cx)).await {
        if let Message::Close(frame) = message {
            *theirs = frame;
        }
    }
}

/// Ends our side of a stream and reads to the end of the other: to drop a stream with something
/// unread in it sends a reset, which can destroy a close frame on its way.
pub(super) async fn linger<S>(stream: &mut S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut sink = vec![0; 1024];
    while let Ok(1..) = stream.read(&mut sink).await {}
}

/// `now + wait`, or a year on if that is beyond what an instant can hold.
pub(super) fn later(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait)
        .unwrap_or_else(|| now + Duration::from_secs(365 * 86_400))
}

fn frame(code: u16, reason: &'static str) -> CloseFrame {
    CloseFrame {
        code: code.into(),
        reason: Utf8Bytes::from_static(reason),
    }
}

fn ending_of(error: WsError) -> Ending {
    match error {
        WsError::Io(error) => Ending::Lost(error),
        WsError::ConnectionClosed
        | WsError::AlreadyClosed
        | WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            Ending::Lost(io::ErrorKind::UnexpectedEof.into())
        }
        error => Ending::Broken(error),
    }
}

/// The close code for a breach of the WebSocket protocol.
fn code_of(error: &WsError) -> (u16, &'static str) {
    match error {
        WsError::Utf8(_) => (1007, "text that is not UTF-8"),
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => (1009, "message too long"),
        _ => (1002, "not as RFC 6455 has it"),
    }
}
