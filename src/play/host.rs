//! The client role: where clients come in, and the line to a client that can be told what to do.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::delay::Hunger;
use crate::protocol::json::Json;
use crate::wire::{Accept, Limits, OpenError, Visitor, receive};

/// TCP connections whose upgrade request is being read; beyond them none is accepted.
const ARRIVING: usize = 64;
/// TCP connections that one scenario accepts.
const VISITS: u32 = 1024;
/// Lines of the driven client that may wait to meet an expectation.
const LINES: usize = 65_536;
/// Bytes of them. A client that prints more waits.
const LINES_BYTES: usize = 8 << 20;

/// A client that obeys: one line of JSON a command, one line of JSON an answer.
pub trait Driver: Send {
    /// Sends one line, given without its end. It is taken at once; how it gets there is the
    /// driver's business. An error says that the client takes no commands any more.
    fn send(&mut self, line: &str) -> io::Result<()>;

    /// The next line the client printed, without its end; none once there will be no more.
    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>>;
}

/// What a scenario against a client is played with, beside the settings of the run.
pub struct Host {
    /// Where the client's connections come in.
    pub accept: Box<dyn Accept>,
    /// The line to the client, if it obeys one.
    pub driver: Option<Box<dyn Driver>>,
    /// The client has said that it obeys.
    pub greeted: bool,
    /// Ends when the client can never connect any more, and says why; none where nobody could know.
    pub gone: Option<Gone>,
    /// Tells how long the client was ready to run and had no processor; none where nobody could know.
    pub starved: Option<Starved>,
    /// How long the client's first connection is awaited.
    pub ready_within: Duration,
    /// How long a client that has lost its connection is awaited.
    pub reconnect_within: Duration,
}

/// How long a client has waited for a processor so far: it only grows.
pub type Starved = Box<dyn Fn() -> Duration + Send + Sync>;

/// Ends when a client is no more, and says how it ended.
pub type Gone = Pin<Box<dyn Future<Output = String> + Send>>;

impl Host {
    /// A host without a driver, which awaits a first connection for 30 s and further ones for 20 s.
    pub fn new(accept: impl Accept + 'static) -> Host {
        Host {
            accept: Box::new(accept),
            driver: None,
            greeted: false,
            gone: None,
            starved: None,
            ready_within: Duration::from_secs(30),
            reconnect_within: Duration::from_secs(20),
        }
    }

    /// The same host with a client that obeys.
    #[must_use]
    pub fn with_driver(mut self, driver: impl Driver + 'static) -> Host {
        self.driver = Some(Box::new(driver));
        self
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host")
            .field("driven", &self.driver.is_some())
            .field("ready_within", &self.ready_within)
            .field("reconnect_within", &self.reconnect_within)
            .finish_non_exhaustive()
    }
}

/// A host during one scenario.
pub(crate) struct Hosting<'a> {
    pub(crate) host: &'a mut Host,
    limits: Limits,
    arriving: Vec<Arriving>,
    accepted: u32,
    /// Why the last TCP connection that brought no upgrade request brought none.
    pub(crate) strange: Option<OpenError>,
    /// The name of the connection that a line awaits.
    pub(crate) awaited: Option<String>,
    /// What the driven client said and no line has met yet, each with its length in bytes.
    lines: VecDeque<(Json, usize)>,
    lines_bytes: usize,
    /// How the client ended, once it has.
    pub(crate) gone: Option<String>,
    /// The driven client says nothing any more.
    pub(crate) silent: bool,
    /// The scenario is over.
    pub(crate) leaving: bool,
    /// How long the client has waited for a processor.
    pub(crate) hunger: Hunger,
    /// The scenario drives the client: it does nothing on its own account.
    pub(crate) drives: bool,
}

/// A TCP connection whose upgrade request is being read.
struct Arriving {
    at: Instant,
    reading: Pin<Box<dyn Future<Output = Result<Visitor, OpenError>> + Send>>,
}

/// What came in beside what comes on the connections.
pub(crate) enum Came {
    /// A client with its upgrade request, and when it was accepted.
    Visit(Visitor, Instant),
    /// A line of the driven client's.
    Line(String),
    /// The client is no more.
    Gone,
    /// No more connections can be accepted.
    Failed(io::Error),
}

impl<'a> Hosting<'a> {
    pub(crate) fn new(host: &'a mut Host, limits: &Limits, drives: bool) -> Hosting<'a> {
        Hosting {
            host,
            limits: limits.clone(),
            arriving: Vec::new(),
            accepted: 0,
            strange: None,
            awaited: None,
            lines: VecDeque::new(),
            lines_bytes: 0,
            gone: None,
            silent: false,
            leaving: false,
            drives,
            hunger: Hunger::default(),
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        while self.arriving.len() < ARRIVING && self.accepted < VISITS {
            match self.host.accept.poll_accept(cx) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Poll::Ready(Came::Failed(error)),
                Poll::Ready(Ok(accepted)) => {
                    self.accepted += 1;
                    let limits = self.limits.clone();
                    self.arriving.push(Arriving {
                        at: accepted.at,
                        reading: Box::pin(async move { receive(accepted.stream, &limits).await }),
                    });
                }
            }
        }
        let mut at = 0;
        while at < self.arriving.len() {
            match self.arriving[at].reading.as_mut().poll(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(read) => {
                    let arrived = self.arriving.remove(at);
                    match read {
                        Ok(visitor) => return Poll::Ready(Came::Visit(visitor, arrived.at)),
                        Err(error) => self.strange = Some(error),
                    }
                }
            }
        }
        if let Poll::Ready(came) = self.poll_driver(cx) {
            return Poll::Ready(came);
        }
        // Behind all that it has still brought about.
        match self.host.gone.as_mut().map(|gone| gone.as_mut().poll(cx)) {
            Some(Poll::Ready(how)) => {
                self.host.gone = None;
                self.gone = Some(how);
                Poll::Ready(Came::Gone)
            }
            Some(Poll::Pending) | None => Poll::Pending,
        }
    }

    /// Whether no connection can come any more that is not there.
    pub(crate) fn deserted(&self) -> bool {
        self.gone.is_some() && self.arriving.is_empty()
    }

    /// Keeps what the driven client said until a line meets it.
    pub(crate) fn keep(&mut self, said: Json, bytes: usize) {
        self.lines_bytes += bytes;
        self.lines.push_back((said, bytes));
    }

    /// Takes the first of what the client said that fits.
    pub(crate) fn take_line(&mut self, mut fits: impl FnMut(&Json) -> bool) -> Option<Json> {
        let at = self.lines.iter().position(|(line, _)| fits(line))?;
        let (line, bytes) = self.lines.remove(at)?;
        self.lines_bytes -= bytes;
        Some(line)
    }

    fn poll_driver(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        let Some(driver) = &mut self.host.driver else {
            return Poll::Pending;
        };
        if self.silent || self.lines.len() >= LINES || self.lines_bytes >= LINES_BYTES {
            return Poll::Pending;
        }
        match driver.poll_line(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(line)) => Poll::Ready(Came::Line(line)),
            Poll::Ready(None) => {
                self.silent = true;
                Poll::Pending
            }
        }
    }
}
