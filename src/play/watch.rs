//! The watch over a scenario's connections, whichever side the target is.

use std::time::Duration;

use tokio::time::Instant;

use super::settings::Settings;
use crate::oracle::{Beats, ClientOracle, Finding, Oracle, Received, Sent};

/// The judge for the role at hand.
#[derive(Debug)]
pub(crate) enum Watch {
    Server(Oracle),
    Client(ClientOracle),
}

impl Watch {
    pub(crate) fn server(settings: &Settings) -> Watch {
        Watch::Server(Oracle::new(&settings.password, settings.dialect))
    }

    pub(crate) fn client(settings: &Settings) -> Watch {
        Watch::Client(ClientOracle::new(settings.dialect))
    }

    /// A connection that we dialed, or took, at this time; at the second, it can be used.
    pub(crate) fn opened(
        &mut self,
        name: &str,
        began: Instant,
        now: Instant,
    ) -> (usize, Vec<Finding>) {
        match self {
            Watch::Server(oracle) => (oracle.opened(name, began), Vec::new()),
            Watch::Client(oracle) => oracle.opened(name, began, now),
        }
    }

    pub(crate) fn rename(&mut self, conn: usize, name: &str) {
        if let Watch::Client(oracle) = self {
            oracle.rename(conn, name);
        }
    }

    /// We have accepted the client's upgrade.
    pub(crate) fn upgraded(&mut self, conn: usize) {
        if let Watch::Client(oracle) = self {
            oracle.upgraded(conn);
        }
    }

    /// We began to end the connection otherwise than by a close frame.
    pub(crate) fn parted(&mut self, conn: usize, started: Instant) -> Vec<Finding> {
        match self {
            Watch::Server(_) => Vec::new(),
            Watch::Client(oracle) => oracle.parted(conn, started),
        }
    }

    pub(crate) fn ignore(&mut self, conn: usize) {
        match self {
            Watch::Server(oracle) => oracle.ignore(conn),
            Watch::Client(oracle) => oracle.ignore(conn),
        }
    }

    /// Whether the handshake on the connection is done: the password has been given.
    pub(crate) fn authenticated(&self, conn: usize) -> bool {
        match self {
            Watch::Server(oracle) => oracle.authenticated(conn),
            Watch::Client(oracle) => oracle.greeted(conn),
        }
    }

    /// Whether a server may send REQUESTs and DISPATCHes on the connection.
    pub(crate) fn may_ask(&self, conn: usize) -> bool {
        match self {
            Watch::Server(oracle) => oracle.may_ask(conn),
            Watch::Client(_) => false,
        }
    }

    pub(crate) fn heard(&self, conn: usize) -> bool {
        match self {
            Watch::Server(oracle) => oracle.heard(conn),
            Watch::Client(oracle) => oracle.heard(conn),
        }
    }

    pub(crate) fn judges(&self, conn: usize) -> bool {
        match self {
            Watch::Server(oracle) => oracle.judges(conn),
            Watch::Client(oracle) => oracle.judges(conn),
        }
    }

    pub(crate) fn interval(&self, conn: usize) -> Option<Duration> {
        match self {
            Watch::Server(oracle) => oracle.interval(conn),
            Watch::Client(oracle) => oracle.interval(conn),
        }
    }

    /// Our own heartbeats, where we are the client.
    pub(crate) fn beats(&self, conn: usize) -> Option<&Beats> {
        match self {
            Watch::Server(oracle) => Some(oracle.beats(conn)),
            Watch::Client(_) => None,
        }
    }

    /// Whether a close for our silence may be right. A client does not close for that.
    pub(crate) fn timeout_may_be_right(&self, conn: usize, now: Instant) -> Option<bool> {
        match self {
            Watch::Server(oracle) => oracle.timeout_may_be_right(conn, now),
            Watch::Client(_) => None,
        }
    }

    pub(crate) fn sent(&mut self, conn: usize, sent: Sent<'_>, started: Instant) -> Vec<Finding> {
        match self {
            Watch::Server(oracle) => {
                oracle.sent(conn, sent, started);
                Vec::new()
            }
            Watch::Client(oracle) => oracle.sent(conn, sent, started),
        }
    }

    pub(crate) fn received(
        &mut self,
        conn: usize,
        received: Received<'_>,
        at: Instant,
    ) -> Vec<Finding> {
        match self {
            Watch::Server(oracle) => oracle.received(conn, received, at),
            Watch::Client(oracle) => oracle.received(conn, received, at),
        }
    }

    /// The scenario is over: what should have come by now and did not.
    pub(crate) fn finish(
        &mut self,
        conn: usize,
        now: Instant,
        settings: &Settings,
    ) -> Vec<Finding> {
        let answer_within = settings.answer_within;
        match self {
            Watch::Server(oracle) => oracle.finish(conn, now, answer_within, settings.grace),
            Watch::Client(oracle) => oracle.finish(conn, now, answer_within),
        }
    }

    /// The waits before a client's reconnections.
    pub(crate) fn waits(&self) -> &[Duration] {
        match self {
            Watch::Server(_) => &[],
            Watch::Client(oracle) => oracle.waits(),
        }
    }
}
