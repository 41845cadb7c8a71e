//! Clients as processes: one for each scenario, on a port of its own.

use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::guests::{Client, Guest, Guests, Inviting, Telling};
use super::host::{Driver, Gone, Host, Starved};
use crate::process::{self, Lines, Process, Talk};
use crate::wire::{Accept, Accepted, TcpAccept};

/// How long a client that is asked to end may take.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a client that starts keeps others from starting, when it does not connect.
const STARTING: Duration = Duration::from_secs(3);
/// A connection's end is seen a little before its process's.
const BEHIND: Duration = Duration::from_millis(100);
/// How often it is looked whether a client that has ended has left something that goes on.
const LOOK: Duration = Duration::from_millis(100);

/// How clients are started.
#[derive(Clone, Debug)]
pub struct Spawning {
    /// The program and its arguments; `{url}` and `{password}` in them are filled in.
    pub command: Vec<OsString>,
    /// The shared password, which they are told.
    pub password: String,
    /// They are listened to, because they may obey.
    pub driven: bool,
    /// How many may be starting at once, at least 1: a runtime that starts takes a whole processor, and
    /// would make those that run already late.
    pub starting: usize,
    /// How long a client's first connection is awaited.
    pub ready_within: Duration,
    /// How long a client that has lost its connection is awaited.
    pub reconnect_within: Duration,
}

/// Starts a client for each scenario.
#[derive(Debug)]
pub struct Spawned {
    spawning: Spawning,
    starting: Arc<Semaphore>,
    number: AtomicU64,
}

impl Spawned {
    /// Nothing is started yet.
    pub fn new(spawning: Spawning) -> Spawned {
        #[cfg(target_os = "linux")]
        process::adopt();
        let starting = Arc::new(Semaphore::new(spawning.starting.max(1)));
        Spawned {
            spawning,
            starting,
            number: AtomicU64::new(1),
        }
    }

    async fn start(&self, scenario: &str) -> Result<Guest, String> {
        let starting = Arc::clone(&self.starting).acquire_owned().await;
        let starting = starting.map_err(|error| error.to_string())?;
        let loopback = SocketAddr::from((IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
        let cannot = |error: io::Error| format!("cannot listen for the client: {error}");
        let accept = TcpAccept::bind(loopback).await.map_err(cannot)?;
        let url = format!("ws://{}/", accept.local_addr().map_err(cannot)?);
        let mut variables = vec![
            ("LITESPEC_URL", url.clone()),
            ("LITESPEC_PASSWORD", self.spawning.password.clone()),
            ("LITESPEC_SCENARIO", scenario.to_owned()),
        ];
        #[cfg(target_os = "linux")]
        let descent = process::Descent::new(self.number.fetch_add(1, Ordering::Relaxed));
        #[cfg(target_os = "linux")]
        variables.push(descent.variable());
        let talk = if self.spawning.driven {
            Talk::Lines
        } else {
            Talk::Heard
        };
        let command: Vec<OsString> = self
            .spawning
            .command
            .iter()
            .map(|word| filled(word, &url, &self.spawning.password))
            .collect();
        let mut process =
            Process::start_with(&command, &variables, talk).map_err(|error| error.to_string())?;
        let mut host = Host::new(Doorway::new(accept, starting));
        host.ready_within = self.spawning.ready_within;
        host.reconnect_within = self.spawning.reconnect_within;
        host.driver = process
            .lines()
            .map(|lines| Box::new(lines) as Box<dyn Driver>);
        host.starved = process.starved().map(|told| Box::new(told) as Starved);
        let ended = process.end_of();
        #[cfg(target_os = "linux")]
        let client = Spawn {
            process,
            descent: descent.clone(),
        };
        #[cfg(target_os = "linux")]
        let gone: Gone = Box::pin(async move {
            let how = ended.await;
            // What it has started may be the client.
            while descent.lives() {
                sleep(LOOK).await;
            }
            how
        });
        #[cfg(not(target_os = "linux"))]
        let (client, gone): (_, Gone) = (Spawn { process }, Box::pin(ended));
        host.gone = Some(gone);
        Ok(Guest {
            host,
            client: Box::new(client),
        })
    }
}

impl Guests for Spawned {
    fn invite(&self, scenario: &str) -> Inviting<'_> {
        let scenario = scenario.to_owned();
        Box::pin(async move { self.start(&scenario).await })
    }

    fn many(&self) -> bool {
        true
    }

    #[cfg(target_os = "linux")]
    fn clear(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(process::end_adopted())
    }
}

/// A word of the command with the URL and the password in their places.
fn filled(word: &OsString, url: &str, password: &str) -> OsString {
    match word.to_str() {
        // The password last: it may hold anything.
        Some(text) => text
            .replace("{url}", url)
            .replace("{password}", password)
            .into(),
        None => word.clone(),
    }
}

/// A started client.
struct Spawn {
    process: Process,
    #[cfg(target_os = "linux")]
    descent: process::Descent,
}

impl Client for Spawn {
    fn last_lines(&mut self) -> Telling<'_, Vec<String>> {
        Box::pin(async {
            if self.process.ends_within(Duration::ZERO).await.is_some() {
                self.process.heard_out().await;
            }
            self.process.last_lines()
        })
    }

    fn ended(&self) -> Telling<'_, Option<String>> {
        Box::pin(self.process.ends_within(BEHIND))
    }

    fn end(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            self.process.end(PATIENCE).await;
            #[cfg(target_os = "linux")]
            self.descent.end().await;
        })
    }
}

impl Driver for Lines {
    fn send(&mut self, line: &str) -> io::Result<()> {
        Lines::send(self, line)
    }

    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        Lines::poll_line(self, cx)
    }
}

/// Where one client comes in. Others may start once it has.
struct Doorway {
    accept: TcpAccept,
    starting: Option<tokio::task::JoinHandle<()>>,
}

impl Doorway {
    fn new(accept: TcpAccept, starting: OwnedSemaphorePermit) -> Doorway {
        let held = tokio::spawn(async move {
            sleep(STARTING).await;
            drop(starting);
        });
        Doorway {
            accept,
            starting: Some(held),
        }
    }

    fn started(&mut self) {
        if let Some(held) = self.starting.take() {
            held.abort();
        }
    }
}

impl Accept for Doorway {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let accepted = ready!(self.accept.poll_accept(cx));
        self.started();
        Poll::Ready(accepted)
    }
}

impl Drop for Doorway {
    fn drop(&mut self) {
        self.started();
    }
}
