//! The streams that frames travel over, and how they are opened.

use std::future::Future;
use std::pin::Pin;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};

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
    /// No way to the host: no route, or no answer within the system's time.
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

/// Opens TCP connections.
#[derive(Clone, Debug)]
pub struct TcpDial {
    #[expect(dead_code)]
    target: Target,
}

impl TcpDial {
    /// A dialer for the target's host and port.
    pub fn new(target: &Target) -> Self {
        Self {
            target: target.clone(),
        }
    }
}

impl Dial for TcpDial {
    fn dial(&self) -> Dialing<'_> {
        todo!()
    }
}

/// A TCP connection, dialed or accepted, with NODELAY.
#[derive(Debug)]
pub struct TcpWire {
    /// `None` once it was reset.
    #[expect(dead_code)]
    tcp: Option<tokio::net::TcpStream>,
}

impl From<tokio::net::TcpStream> for TcpWire {
    fn from(tcp: tokio::net::TcpStream) -> Self {
        // Without NODELAY small frames are late, but they come.
        let _ = tcp.set_nodelay(true);
        Self { tcp: Some(tcp) }
    }
}
