//! The streams that frames travel over, and how they are opened.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};

use super::target::Target;

/// A stream of bytes both ways that can be torn down.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// Ends the connection at once: TCP RST; in memory the peer reads what was written and then
    /// `ConnectionReset`. Nothing can be read or written afterwards.
    fn reset(&mut self);
}

/// Any stream.
pub type BoxStream = Box<dyn Stream>;

/// What a [`Dial`] gives.
pub type Dialing<'a> = Pin<Box<dyn Future<Output = Result<BoxStream, DialError>> + Send + 'a>>;

/// Opens connections to one target. Dropping the future gives the attempt up.
pub trait Dial: Send + Sync {
    /// Opens one more connection.
    fn dial(&self) -> Dialing<'_>;
}

/// Why no connection came about.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DialError {
    /// Nobody listens there.
    #[error("{address} refuses connections")]
    Refused {
        /// Host and port.
        address: String,
    },
    /// The host name has no address.
    #[error("cannot resolve {host}: {why}")]
    Unresolvable {
        /// The name.
        host: String,
        /// The resolver's words.
        why: String,
    },
    /// No way to the host: no route, no answer within the system's time, or a connection that it
    /// ended at once.
    #[error("cannot reach {address}: {why}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// The system's words.
        why: String,
    },
    /// `wss://` parses, but TLS is not built in yet.
    #[error("connect to {address} over TLS: wss:// is not built in yet")]
    NoTls {
        /// Host and port.
        address: String,
    },
    /// Anything else, such as no more file descriptors.
    #[error("cannot connect to {address}: {why}")]
    Other {
        /// Host and port.
        address: String,
        /// The system's words.
        why: String,
    },
}

/// Opens TCP connections: resolves the host each time and tries all its addresses in turn.
#[derive(Clone, Debug)]
pub struct TcpDial {
    target: Target,
}

impl TcpDial {
    /// A dialer for the target's host and port.
    pub fn new(target: &Target) -> Self {
        Self {
            target: target.clone(),
        }
    }

    async fn connect(&self) -> Result<BoxStream, DialError> {
        let (host, port) = (self.target.host(), self.target.port());
        let address = match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        if self.target.secure() {
            return Err(DialError::NoTls { address });
        }
        let unresolvable = |why: &str| DialError::Unresolvable {
            host: host.clone(),
            why: why.to_owned(),
        };
        let resolved = lookup_host((host.as_str(), port))
            .await
            .map_err(|error| unresolvable(&error.to_string()))?;
        let mut failure = unresolvable("no address");
        for candidate in resolved {
            match connect_to(candidate).await {
                Ok(tcp) => return Ok(Box::new(TcpWire::from(tcp))),
                // That a port is closed says more than what the other addresses say.
                Err(_) if matches!(failure, DialError::Refused { .. }) => {}
                Err(error) => failure = dial_error(&error, address.clone()),
            }
        }
        Err(failure)
    }
}

impl Dial for TcpDial {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(self.connect())
    }
}

async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect(address).await?;
    // Dialing a closed local port can pick that very port as its own and so meet itself.
    if tcp.local_addr()? == tcp.peer_addr()? {
        let _ = tcp.set_zero_linger();
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(tcp)
}

fn dial_error(error: &io::Error, address: String) -> DialError {
    use io::ErrorKind as Kind;
    let why = error.to_string();
    match error.kind() {
        Kind::ConnectionRefused => DialError::Refused { address },
        // The last three: it was there, and gone before we looked.
        Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::NetworkDown
        | Kind::TimedOut
        | Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::NotConnected => DialError::Unreachable { address, why },
        _ => DialError::Other { address, why },
    }
}

/// A TCP connection, dialed or accepted, with NODELAY.
#[derive(Debug)]
pub struct TcpWire {
    /// `None` once it was reset.
    tcp: Option<TcpStream>,
}

impl From<TcpStream> for TcpWire {
    fn from(tcp: TcpStream) -> Self {
        // Without NODELAY small frames are late, but they come.
        let _ = tcp.set_nodelay(true);
        Self { tcp: Some(tcp) }
    }
}

impl TcpWire {
    fn tcp(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        let tcp = self.get_mut().tcp.as_mut();
        tcp.map(Pin::new)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for TcpWire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.tcp()?.poll_read(cx, buffer)
    }
}

impl AsyncWrite for TcpWire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.tcp()?.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp()?.poll_shutdown(cx)
    }
}

impl Stream for TcpWire {
    fn reset(&mut self) {
        if let Some(tcp) = self.tcp.take() {
            // Closing without lingering is what makes the system send RST instead of FIN.
            let _ = tcp.set_zero_linger();
        }
    }
}
