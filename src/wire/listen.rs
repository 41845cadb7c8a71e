//! Accepting connections: the streams that clients open to us, over TCP or in memory.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::time::Instant;

use super::stream::{BoxStream, TcpWire};

/// A connection that somebody has opened to us.
pub struct Accepted {
    /// The connection.
    pub stream: BoxStream,
    /// When it was accepted.
    pub at: Instant,
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accepted")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Takes the connections that clients open.
pub trait Accept: Send {
    /// The next connection. Pending for ever, without a wake-up, when nobody can open one any
    /// more. An error is this machine's, too many open files for example.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>>;
}

/// Accepts TCP connections.
#[derive(Debug)]
pub struct TcpAccept {
    listener: TcpListener,
}

impl TcpAccept {
    /// Listens at an address; port 0 is any free one.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<TcpAccept> {
        let listener = TcpListener::bind(address).await?;
        Ok(TcpAccept { listener })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Accept for TcpAccept {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        loop {
            match ready!(self.listener.poll_accept(cx)) {
                Ok((tcp, _)) => {
                    return Poll::Ready(Ok(Accepted {
                        stream: Box::new(TcpWire::from(tcp)),
                        at: Instant::now(),
                    }));
                }
                // Whoever was there has gone again.
                Err(error) if gone(&error) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

fn gone(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted | Kind::ConnectionReset | Kind::Interrupted
    )
}
