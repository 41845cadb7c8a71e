//! The reference server.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tracing::{Instrument, Span, field};

use super::connection::Connection;
pub use super::handlers::{Answer, Call, DEFAULT_LATE, Handlers, LONGEST_LATE};
use super::layer::{Layer, Layered};
use super::link::{self, Ending, LinkLimits, Outbox, Side};
use super::talk;
pub use super::talk::{NotAsked, Peer, Talk};
use super::upgrade::{self, UpgradeError, Upgraded};
use crate::protocol::limits::MAX_SIZE;
use crate::protocol::packet::Interval;
use crate::session::Password;
use crate::session::server::Settings;
use crate::wire::{BoxStream, TcpWire};

/// Bounds on everything that a stranger can make the server hold or wait for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; one more is answered 503. Every connection takes a file descriptor.
    pub connections: usize,
    /// The longest message, in bytes; a longer one closes its connection with 1009.
    pub message_bytes: usize,
    /// Requests in flight on one connection; one more is answered with an error at once.
    pub in_flight: usize,
    /// Bytes of those requests together.
    pub in_flight_bytes: usize,
    /// Unsent output of one connection, in bytes, from which on nothing more is read from it.
    pub unsent_bytes: usize,
    /// How long output may stay beyond that before the connection is dropped.
    pub stalled: Duration,
    /// How long the upgrade request may take.
    pub upgrade: Duration,
    /// How long after HELLO a client may take to authenticate.
    pub handshake: Duration,
    /// How long a closing may take once the close frame is out.
    pub close: Duration,
    /// How long all connections together may take to close when the server stops.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 16_384,
            message_bytes: MAX_SIZE,
            in_flight: 1024,
            in_flight_bytes: 8 << 20,
            unsent_bytes: 256 << 10,
            stalled: Duration::from_secs(10),
            upgrade: Duration::from_secs(10),
            handshake: Duration::from_secs(10),
            close: Duration::from_secs(1),
            stop: Duration::from_secs(3),
        }
    }
}

/// What a server is given.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The interval that HELLO announces.
    pub hb_interval: Interval,
    /// The shared secret.
    pub password: Password,
    /// What answers requests.
    pub handlers: Handlers,
    /// What it says to its clients unasked. With it, the server speaks the bidirectional dialect: it
    /// takes RESPONSEs from authenticated clients, and ignores those of others. Without it, the text
    /// alone: a RESPONSE closes the connection.
    pub talk: Option<Talk>,
    /// Bounds.
    pub limits: Limits,
}

/// Loopback, a port that the system chooses, ten seconds, the password `helloworld`.
impl Default for ServerConfig {
    fn default() -> ServerConfig {
        ServerConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            hb_interval: Interval::from_millis(10_000).expect("ten seconds is above zero"),
            password: Password::from("helloworld"),
            handlers: Handlers::default(),
            talk: None,
            limits: Limits::default(),
        }
    }
}

/// What all connections share.
pub(super) struct Shared {
    config: ServerConfig,
    stop: watch::Sender<bool>,
    open: AtomicUsize,
}

impl Shared {
    pub(super) fn session(&self) -> Settings {
        Settings {
            hb_interval: self.config.hb_interval,
            handshake_limit: self.config.limits.handshake,
            max_in_flight: self.config.limits.in_flight,
            max_in_flight_bytes: self.config.limits.in_flight_bytes,
            max_asked: match self.config.talk {
                Some(_) => talk::ASKED,
                None => 0,
            },
        }
    }

    pub(super) fn talk(&self) -> Option<&Talk> {
        self.config.talk.as_ref()
    }

    pub(super) fn handlers(&self) -> &Handlers {
        &self.config.handlers
    }

    pub(super) fn password(&self) -> &Password {
        &self.config.password
    }

    /// Ends when the server stops.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stop = self.stop.subscribe();
        async move {
            // The sender is gone only when the server is.
            let _ = stop.wait_for(|stopped| *stopped).await;
        }
    }

    fn link(&self) -> LinkLimits {
        LinkLimits {
            message: self.config.limits.message_bytes,
            unsent: self.config.limits.unsent_bytes,
            stalled: self.config.limits.stalled,
            close: self.config.limits.close,
        }
    }
}

/// The server without a socket of its own: serves whatever stream it is given.
///
/// Cheap to clone; clones are the same server.
#[derive(Clone)]
pub struct Service {
    shared: Arc<Shared>,
}

impl Service {
    /// A service; `listen` of the configuration is not looked at.
    pub fn new(config: ServerConfig) -> Service {
        let (stop, _) = watch::channel(false);
        Service {
            shared: Arc::new(Shared {
                config,
                stop,
                open: AtomicUsize::new(0),
            }),
        }
    }

    /// Serves one connection from the upgrade request to its end. Must run within a tokio runtime.
    ///
    /// ```
    /// use litespec::reference::server::{ServerConfig, Service};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let service = Service::new(ServerConfig::default());
    /// let (ours, theirs) = tokio::io::duplex(1 << 16);
    /// let serving = tokio::spawn(async move { service.serve_stream(ours).await });
    /// drop(theirs);
    /// serving.await.expect("serving does not panic");
    /// # }
    /// ```
    pub async fn serve_stream<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let span = tracing::info_span!("connection", scenario = field::Empty);
        self.serve(stream, plain).instrument(span).await;
    }

    /// As [`Service::serve_stream`], with something between the session and the wire.
    pub async fn serve_through(&self, layer: &dyn Layer, stream: BoxStream) {
        let span = tracing::info_span!("connection", scenario = field::Empty);
        self.layered(layer, stream).instrument(span).await;
    }

    async fn layered(&self, layer: &dyn Layer, stream: BoxStream) {
        let (stream, tap) = layer.connection(stream);
        self.serve(stream, |connection, hello| {
            Layered::begin(connection, tap, Outbox::from(hello))
        })
        .await;
    }

    /// Closes every connection with 1001, the ones still to come too.
    pub fn stop(&self) {
        self.shared.stop.send_replace(true);
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// `begin` makes the side that the loop talks to, and what goes out first.
    async fn serve<S, P>(
        &self,
        mut stream: S,
        begin: impl FnOnce(Connection, String) -> (P, Outbox),
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send,
        P: Side,
    {
        let _open = Open::new(&self.shared);
        // Boxed, as all that is needed at the start or the end only: an idle connection pays for the
        // room of whatever its task has ever to hold.
        let upgraded = match Box::pin(self.upgrade(&mut stream)).await {
            Ok(upgraded) => upgraded,
            Err(why) => return tracing::debug!("no upgrade: {why}"),
        };
        if let Some(scenario) = &upgraded.scenario {
            Span::current().record("scenario", scenario.as_str());
        }
        tracing::debug!("open");
        let limits = self.shared.link();
        let config = Some(limits.config());
        let mut ws =
            WebSocketStream::from_partially_read(stream, upgraded.rest, Role::Server, config).await;
        let (connection, hello) = Connection::open(Arc::clone(&self.shared), Instant::now());
        let (mut side, first) = begin(connection, hello);
        let ending = link::run(&mut ws, &mut side, limits, first).await;
        tell(&ending);
    }

    async fn upgrade<S>(&self, stream: &mut S) -> Result<Upgraded, NoUpgrade>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let limits = self.shared.config.limits;
        let accepted = async {
            let result = upgrade::accept(stream).await;
            if result.is_err() {
                let _ = timeout(limits.close, link::linger(stream)).await;
            }
            result
        };
        tokio::select! {
            biased;
            () = self.shared.stopped() => Err(NoUpgrade::Stopped),
            result = timeout(limits.upgrade, accepted) => match result {
                Ok(result) => Ok(result?),
                Err(_) => Err(NoUpgrade::TimedOut),
            },
        }
    }
}

/// Nothing between the session and the wire.
fn plain(connection: Connection, hello: String) -> (Connection, Outbox) {
    (connection, Outbox::from(hello))
}

#[derive(Debug, thiserror::Error)]
enum NoUpgrade {
    #[error(transparent)]
    Failed(#[from] UpgradeError),
    #[error("no whole upgrade request in time")]
    TimedOut,
    #[error("the server is stopping")]
    Stopped,
}

/// Counts a connection while it lives.
struct Open<'s>(&'s Shared);

impl Open<'_> {
    fn new(shared: &Shared) -> Open<'_> {
        shared.open.fetch_add(1, Ordering::Relaxed);
        Open(shared)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The reference server on a TCP port.
///
/// ```
/// use litespec::reference::server::{Server, ServerConfig};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let server = Server::bind(ServerConfig::default()).await?;
/// println!("ws://{}/", server.local_addr());
/// server.run(async { /* e.g. tokio::signal::ctrl_c().await */ }).await;
/// # Ok(())
/// # }
/// ```
pub struct Server {
    service: Service,
    layer: Option<Arc<dyn Layer>>,
    listener: TcpListener,
    local_addr: SocketAddr,
}

impl Server {
    /// Listens; connections wait until [`Server::run`].
    ///
    /// # Errors
    /// The address is in use, or not this machine's.
    pub async fn bind(config: ServerConfig) -> io::Result<Server> {
        let listener = TcpListener::bind(config.listen).await?;
        let local_addr = listener.local_addr()?;
        Ok(Server {
            service: Service::new(config),
            layer: None,
            listener,
            local_addr,
        })
    }

    /// Serves what comes through the port with something between the session and the wire.
    #[must_use]
    pub fn through(mut self, layer: Arc<dyn Layer>) -> Server {
        self.layer = Some(layer);
        self
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The service behind the port.
    pub fn service(&self) -> Service {
        self.service.clone()
    }

    /// Serves one connection that did not come through the port.
    pub async fn serve_stream<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        self.service.serve_stream(stream).await;
    }

    /// Serves until `shutdown` ends, or [`Service::stop`] is called; then closes every connection with
    /// 1001 and waits for them, no longer than the limit.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let mut tasks = JoinSet::new();
        let stopped = self.service.shared.stopped();
        tokio::pin!(shutdown, stopped);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = &mut stopped => break,
                Some(ended) = tasks.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!("a connection's task failed: {error}");
                    }
                }
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => self.accepted(stream, peer, &mut tasks),
                    Err(error) => {
                        // Out of file descriptors, or a connection that went before it came.
                        tracing::warn!("cannot accept: {error}");
                        sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        }
        drop(self.listener);
        self.service.stop();
        tracing::info!(connections = tasks.len(), "stopping");
        let all = async { while tasks.join_next().await.is_some() {} };
        if timeout(self.service.shared.config.limits.stop, all)
            .await
            .is_err()
        {
            tracing::warn!(
                connections = tasks.len(),
                "dropped connections that would not close"
            );
        }
    }

    fn accepted(&self, stream: TcpStream, peer: SocketAddr, tasks: &mut JoinSet<()>) {
        if self.service.connections() >= self.service.shared.config.limits.connections {
            tracing::warn!(%peer, "refused a connection: too many are open");
            let busy = upgrade::http_error("503 Service Unavailable", "", "too many connections");
            // As far as it goes at once: a stranger who is turned away is not waited for.
            let _ = stream.try_write(busy.as_bytes());
            return;
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, "cannot set NODELAY: {error}");
        }
        let service = self.service.clone();
        let span = tracing::info_span!("connection", %peer, scenario = field::Empty);
        match self.layer.clone() {
            None => {
                tasks.spawn(async move { service.serve(stream, plain).await }.instrument(span));
            }
            Some(layer) => {
                let stream = Box::new(TcpWire::from(stream));
                let layered = async move { service.layered(&*layer, stream).await };
                tasks.spawn(layered.instrument(span));
            }
        }
    }
}

/// Logs how a connection ended. What the server closed for has been told already.
fn tell(ending: &Ending) {
    match ending {
        Ending::Ours(closing, _) => tracing::debug!(code = closing.code, "closed"),
        Ending::Theirs(frame) => {
            let code = frame.as_ref().map(|frame| u16::from(frame.code));
            tracing::debug!(?code, "closed by the client");
        }
        Ending::Lost(error) => tracing::debug!("lost: {error}"),
        Ending::Broken(error) => tracing::info!("closed: {error}"),
        Ending::Stalled => tracing::info!("dropped: the client does not read"),
    }
}
