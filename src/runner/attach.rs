//! A client that somebody else starts: it comes to one port, and comes again for every scenario.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::play::{Client, Guest, Guests, Host, Inviting, Telling};
use crate::wire::{Accept, Accepted, TcpAccept};

/// Waits for a client at one address.
#[derive(Debug)]
pub struct Attached {
    accept: Arc<Mutex<TcpAccept>>,
    address: SocketAddr,
    ready_within: Duration,
    reconnect_within: Duration,
}

impl Attached {
    /// Listens. The client's first connection, and further ones, are awaited so long.
    ///
    /// # Errors
    /// The address is in use, or not this machine's.
    pub async fn listen(
        address: SocketAddr,
        ready_within: Duration,
        reconnect_within: Duration,
    ) -> io::Result<Attached> {
        let accept = TcpAccept::bind(address).await?;
        Ok(Attached {
            address: accept.local_addr()?,
            accept: Arc::new(Mutex::new(accept)),
            ready_within,
            reconnect_within,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Guests for Attached {
    fn invite(&self, _scenario: &str) -> Inviting<'_> {
        let mut host = Host::new(Shared(Arc::clone(&self.accept)));
        host.ready_within = self.ready_within;
        host.reconnect_within = self.reconnect_within;
        Box::pin(async move {
            Ok(Guest {
                host,
                client: Box::new(Stranger),
            })
        })
    }

    fn many(&self) -> bool {
        false
    }
}

/// The one listener in the hands of the scenario that is played.
struct Shared(Arc<Mutex<TcpAccept>>);

impl Accept for Shared {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let mut accept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accept.poll_accept(cx)
    }
}

/// A client that somebody else has started, and ends.
struct Stranger;

impl Client for Stranger {
    fn last_lines(&mut self) -> Telling<'_, Vec<String>> {
        Box::pin(async { Vec::new() })
    }

    fn ended(&self) -> Telling<'_, Option<String>> {
        Box::pin(async { None })
    }

    fn end(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async {})
    }
}
