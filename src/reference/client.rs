//! The reference client: one connection at a time, and another one after a random wait when it fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;

use super::conversation::{Command, Conversation, NORMAL};
use super::dial;
pub use super::dial::{Address, AddressError, ByteStream, Dial, Dialing};
use super::layer::{ClientLayer, Layered};
use super::link::{self, Ending, LinkLimits, Outbox};
use crate::protocol::limits::MAX_SIZE;
use crate::session::Password;
use crate::session::backoff::Backoff;
use crate::session::client::{ClientSession, Settings};
pub use crate::session::client::{Ignored, Refused};

/// Bounds on what a server can make the client hold or wait for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest message, in bytes; a longer one ends the connection.
    pub message_bytes: usize,
    /// Requests in flight at once; further ones wait.
    pub pending: usize,
    /// Unsent output in bytes from which on nothing more is read.
    pub unsent_bytes: usize,
    /// How long output may stay beyond that before the connection is given up.
    pub stalled: Duration,
    /// How long a connection may take to come to an open WebSocket.
    pub open: Duration,
    /// How long HELLO may take from then on.
    pub hello: Duration,
    /// How long a closing may take.
    pub close: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message_bytes: MAX_SIZE,
            pending: 1024,
            unsent_bytes: 256 << 10,
            stalled: Duration::from_secs(10),
            open: Duration::from_secs(10),
            hello: Duration::from_secs(10),
            close: Duration::from_secs(1),
        }
    }
}

/// What a client is given.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The shared secret.
    pub password: Password,
    /// How long a request waits for its RESPONSE, its way to an open connection included.
    pub request_timeout: Duration,
    /// The longest wait before connecting again ([`Backoff`]); none: the first failure is the end.
    pub reconnect: Option<Duration>,
    /// What the server's REQUESTs are answered, by their `w`, as texts of JSON values; others get null.
    /// With it, the client speaks the bidirectional dialect. Without it, the text alone: what the
    /// server asks is passed over.
    pub answers: Option<BTreeMap<String, String>>,
    /// Seed of the waits; none: other waits in every process.
    pub seed: Option<u64>,
    /// Bounds.
    pub limits: Limits,
}

/// The password `helloworld`, requests of 30 s, waits of at most 16 s.
impl Default for ClientConfig {
    fn default() -> ClientConfig {
        ClientConfig {
            password: Password::from("helloworld"),
            request_timeout: Duration::from_secs(30),
            reconnect: Some(Duration::from_secs(16)),
            answers: None,
            seed: None,
            limits: Limits::default(),
        }
    }
}

/// Why there is no connection (any more).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Down {
    /// No stream.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// The upgrade request was answered with this HTTP status.
    #[error("the upgrade was refused with HTTP status {0}")]
    Status(u16),
    /// What answered the upgrade request is no WebSocket server.
    #[error("not a WebSocket: {0}")]
    Upgrade(String),
    /// No open WebSocket in time.
    #[error("no open WebSocket in time")]
    TimedOut,
    /// The server sent a close frame.
    #[error("closed by the server with {}", shown(*code, reason))]
    Closed {
        /// Its code, if it has one.
        code: Option<u16>,
        /// Its reason, as the server sent it.
        reason: String,
    },
    /// The client closed, because of something the server did or did not do.
    #[error("closed: {0}")]
    Breach(&'static str),
    /// The stream ended without a close frame.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The server broke the WebSocket protocol.
    #[error("the server broke the WebSocket protocol: {0}")]
    Broken(String),
    /// The server does not read.
    #[error("the server does not read what it is sent")]
    Stalled,
    /// The user ended it.
    #[error("the client was closed")]
    ByUser,
}

/// A close code and its reason, without anything that a terminal would obey.
fn shown(code: Option<u16>, reason: &str) -> String {
    let code = code.map_or_else(|| "no code".to_owned(), |code| format!("code {code}"));
    if reason.is_empty() {
        code
    } else {
        format!("{code}, {reason:?}")
    }
}

/// What happens to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// HELLO came and HELLO_ACK went out.
    Greeted {
        /// The interval of this connection.
        hb_interval: Duration,
    },
    /// A HEARTBEAT was acknowledged.
    HeartbeatAck,
    /// A RESPONSE came that no request in flight asked for.
    Stranger {
        /// The text of its nonce.
        nonce: String,
    },
    /// In the bidirectional dialect: the server asked for something, and is answered.
    Asked {
        /// What it asked for.
        w: String,
        /// The arguments: the text of a JSON list.
        a: String,
    },
    /// In the bidirectional dialect: the server sent a DISPATCH.
    Told {
        /// What it is about.
        w: String,
        /// The arguments: the text of a JSON list.
        a: String,
    },
    /// Something else was passed over.
    Ignored(Ignored),
    /// The connection, or the attempt at one, is over.
    Down(Down),
    /// The next attempt is made after this wait.
    Waiting(Duration),
}

/// Why a request or dispatch did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It cannot be sent.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No RESPONSE, or no connection, in time.
    #[error("no response in time")]
    TimedOut,
    /// The connection ended first; the server may have carried it out.
    #[error("the connection ended before the response came")]
    Disconnected,
    /// There is no connection and there will be none.
    #[error(transparent)]
    Over(Down),
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What to request.
    pub w: &'a str,
    /// The arguments: the text of a JSON list.
    pub a: &'a str,
    /// The nonce: the text of a JSON value; none: one of the client's own.
    pub nonce: Option<&'a str>,
    /// How long to wait; none: as configured.
    pub timeout: Option<Duration>,
}

/// Where a client stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Status {
    Connecting,
    Ready,
    Over(Down),
}

/// A handle to a client, which runs as a task of its own and ends with its last handle.
///
/// ```
/// use litespec::reference::client::{Address, Client, ClientConfig};
/// use litespec::reference::server::{Server, ServerConfig};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::bind(ServerConfig::default()).await?;
/// let url = format!("ws://{}/", server.local_addr());
/// tokio::spawn(server.run(std::future::pending()));
///
/// let client = Client::connect(Address::parse(&url)?, ClientConfig::default()).await?;
/// assert_eq!(client.request("ECHO", "[1, 2]").await?, "[1, 2]");
/// client.dispatch("NULL", "[]").await?;
/// client.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    events: broadcast::Sender<Event>,
    status: watch::Receiver<Status>,
    /// The task ends when this is gone or true.
    stop: Arc<watch::Sender<bool>>,
    request_timeout: Duration,
}

impl Client {
    /// Starts a client that connects over TCP, and again whenever its connection fails (if the
    /// configuration says so). Must be called within a tokio runtime.
    pub fn start(address: Address, config: ClientConfig) -> Client {
        let dial = address.clone();
        Client::start_over(dial, address, config)
    }

    /// As [`Client::start`], over streams of the caller's. `address` is what the upgrade request says.
    pub fn start_over(dial: impl Dial, address: Address, config: ClientConfig) -> Client {
        let (client, life) = Client::new(dial, address, config);
        tokio::spawn(life.run());
        client
    }

    /// As [`Client::start_over`], with something between the session and the wire.
    pub fn start_through(
        layer: Arc<dyn ClientLayer>,
        dial: impl Dial,
        address: Address,
        config: ClientConfig,
    ) -> Client {
        let (client, mut life) = Client::new(dial, address, config);
        life.layer = Some(layer);
        tokio::spawn(life.run());
        client
    }

    /// Starts a client and waits for its first HELLO.
    ///
    /// # Errors
    /// The first connection failed; the client is gone then.
    pub async fn connect(address: Address, config: ClientConfig) -> Result<Client, Down> {
        let dial = address.clone();
        Client::connect_over(dial, address, config).await
    }

    /// As [`Client::connect`], over streams of the caller's.
    ///
    /// # Errors
    /// The first connection failed; the client is gone then.
    pub async fn connect_over(
        dial: impl Dial,
        address: Address,
        config: ClientConfig,
    ) -> Result<Client, Down> {
        let (client, life) = Client::new(dial, address, config);
        let mut events = client.events();
        tokio::spawn(life.run());
        loop {
            match events.recv().await {
                Ok(Event::Greeted { .. }) => return Ok(client),
                Ok(Event::Down(why)) => return Err(why),
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Err(Down::ByUser),
            }
        }
    }

    /// What happens from now on. A reader that falls 256 events behind misses the oldest.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Sends a REQUEST, as soon as there is a connection, and waits for its RESPONSE: the text of `r`.
    ///
    /// # Errors
    /// Exactly one, in the configured time at the latest, where no RESPONSE comes.
    pub async fn request(&self, w: &str, a: &str) -> Result<String, RequestError> {
        self.request_with(&Request {
            w,
            a,
            nonce: None,
            timeout: None,
        })
        .await
    }

    /// As [`Client::request`], with a nonce or a time limit of one's own.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn request_with(&self, request: &Request<'_>) -> Result<String, RequestError> {
        let wait = request.timeout.unwrap_or(self.request_timeout);
        let until = link::later(Instant::now(), wait);
        let (reply, answer) = oneshot::channel();
        let command = Command::Request {
            w: request.w.to_owned(),
            a: request.a.to_owned(),
            nonce: request.nonce.map(str::to_owned),
            until,
            reply,
        };
        self.command(command, answer, until).await
    }

    /// Sends a DISPATCH, as soon as there is a connection; ends when it is on its way.
    ///
    /// # Errors
    /// It could not be sent within the time that a request has.
    pub async fn dispatch(&self, w: &str, a: &str) -> Result<(), RequestError> {
        let until = link::later(Instant::now(), self.request_timeout);
        let (reply, sent) = oneshot::channel();
        let command = Command::Dispatch {
            w: w.to_owned(),
            a: a.to_owned(),
            reply,
        };
        self.command(command, sent, until).await
    }

    /// Closes the connection with 1000 and ends the client, for all its handles.
    ///
    /// # Errors
    /// There was no connection to close, and why; or the server closed it with a code of its own
    /// before it took notice.
    pub async fn close(self) -> Result<(), Down> {
        self.stop.send_replace(true);
        let mut status = self.status.clone();
        match status
            .wait_for(|status| matches!(status, Status::Over(_)))
            .await
            .as_deref()
        {
            Ok(Status::Over(why)) if *why != Down::ByUser => Err(why.clone()),
            _ => Ok(()),
        }
    }

    fn new<D: Dial>(dial: D, address: Address, config: ClientConfig) -> (Client, Life<D>) {
        let (commands, inbox) = mpsc::channel(config.limits.pending.max(1));
        let (events, _) = broadcast::channel(256);
        let (report, status) = watch::channel(Status::Connecting);
        let (stop, stopped) = watch::channel(false);
        let request_timeout = config.request_timeout;
        let life = Life {
            dial,
            address,
            config,
            layer: None,
            inbox,
            events: events.clone(),
            report,
            stopped,
        };
        (
            Client {
                commands,
                events,
                status,
                stop: Arc::new(stop),
                request_timeout,
            },
            life,
        )
    }

    async fn command<T>(
        &self,
        command: Command,
        answer: oneshot::Receiver<Result<T, RequestError>>,
        until: Instant,
    ) -> Result<T, RequestError> {
        let done = async {
            if self.commands.send(command).await.is_err() {
                return Err(self.over());
            }
            // A command that is dropped unread was waiting for a connection that never came.
            answer.await.unwrap_or_else(|_| Err(self.over()))
        };
        timeout_at(until, done)
            .await
            .unwrap_or(Err(RequestError::TimedOut))
    }

    fn over(&self) -> RequestError {
        match &*self.status.borrow() {
            Status::Over(why) => RequestError::Over(why.clone()),
            Status::Connecting | Status::Ready => RequestError::Disconnected,
        }
    }
}

/// The client's task.
struct Life<D> {
    dial: D,
    address: Address,
    config: ClientConfig,
    layer: Option<Arc<dyn ClientLayer>>,
    inbox: mpsc::Receiver<Command>,
    events: broadcast::Sender<Event>,
    report: watch::Sender<Status>,
    stopped: watch::Receiver<bool>,
}

impl<D: Dial> Life<D> {
    async fn run(mut self) {
        let rng = self
            .config
            .seed
            .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let mut backoff = Backoff::new(self.config.reconnect.unwrap_or_default(), rng);
        let over = loop {
            self.report.send_replace(Status::Connecting);
            let why = self.connection(&mut backoff).await;
            tracing::info!("down: {why}");
            self.tell(Event::Down(why.clone()));
            if *self.stopped.borrow() || why == Down::ByUser || self.config.reconnect.is_none() {
                break why;
            }
            let wait = match (&self.layer, backoff.next_wait()) {
                (None, wait) => wait,
                (Some(layer), wait) => match layer.again(&why, wait) {
                    Some(wait) => wait,
                    None => break why,
                },
            };
            tracing::info!("connecting again in {wait:.1?}");
            self.tell(Event::Waiting(wait));
            let mut stopped = self.stopped.clone();
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => break why,
                () = sleep(wait) => {}
            }
        };
        // First the status, then the inbox: whoever finds the inbox gone looks up why.
        self.report.send_replace(Status::Over(over));
    }

    /// One connection from its dialing to its end, which is when nothing is left of it.
    async fn connection(&mut self, backoff: &mut Backoff) -> Down {
        let limits = self.config.limits;
        let link = LinkLimits {
            message: limits.message_bytes,
            unsent: limits.unsent_bytes,
            stalled: limits.stalled,
            close: limits.close,
        };
        let mut stopped = self.stopped.clone();
        let opening = timeout(
            limits.open,
            dial::open(&self.dial, &self.address, link.config()),
        );
        let mut ws = tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return Down::ByUser,
            opened = opening => match opened {
                Ok(Ok(ws)) => ws,
                Ok(Err(why)) => return why,
                Err(_) => return Down::TimedOut,
            },
        };
        let settings = Settings {
            hello_limit: limits.hello,
            max_pending: limits.pending.max(1),
            bidirectional: self.config.answers.is_some(),
        };
        let mut session = ClientSession::new(settings, self.config.password.clone());
        session.open(Instant::now().into_std());
        let (events, report) = (&self.events, &self.report);
        let answers = self.config.answers.as_ref();
        let stop = Box::pin(async move {
            // An error means that the last handle has gone.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        });
        let ready = || {
            report.send_replace(Status::Ready);
        };
        let mut side = Conversation::new(session, &mut self.inbox, events, backoff, stop, &ready);
        side.answers = answers;
        let (ending, side) = match &self.layer {
            None => {
                let ending = link::run(&mut ws, &mut side, link, Outbox::default()).await;
                (ending, side)
            }
            Some(layer) => {
                let (mut side, first) = Layered::begin(side, layer.connection(), Outbox::default());
                // Boxed: a client without a layer would carry the room for it.
                let ending = Box::pin(link::run(&mut ws, &mut side, link, first)).await;
                (ending, side.into_behind())
            }
        };
        side.over();
        down(ending)
    }

    fn tell(&self, event: Event) {
        // Nobody need listen.
        let _ = self.events.send(event);
    }
}

fn down(ending: Ending) -> Down {
    match ending {
        // The server had closed before it could see our close, and its code says why.
        Ending::Ours(_, Some(theirs)) if u16::from(theirs.code) >= 4000 => closed(Some(theirs)),
        Ending::Ours(closing, _) if closing == NORMAL => Down::ByUser,
        Ending::Ours(closing, _) => Down::Breach(closing.reason),
        Ending::Theirs(frame) => closed(frame),
        Ending::Lost(error) => Down::Lost(error.to_string()),
        Ending::Broken(error) => Down::Broken(error.to_string()),
        Ending::Stalled => Down::Stalled,
    }
}

fn closed(frame: Option<CloseFrame>) -> Down {
    let code = frame.as_ref().map(|frame| u16::from(frame.code));
    Down::Closed {
        code,
        reason: frame
            .map(|frame| frame.reason.to_string())
            .unwrap_or_default(),
    }
}
