//! A member of either half of the zoo.

use super::{client, server};
use crate::protocol::rules::RoleOf;

/// A server or a client of the zoo. No two of one kind, defect or variant, share a name.
#[derive(Clone, Copy)]
pub enum Peer {
    /// A server.
    Server(&'static server::Member),
    /// A client.
    Client(&'static client::Member),
}

impl Peer {
    /// What it is.
    pub fn role(self) -> RoleOf {
        match self {
            Peer::Server(_) => RoleOf::Server,
            Peer::Client(_) => RoleOf::Client,
        }
    }

    /// Its name, words with hyphens between them.
    pub fn name(self) -> &'static str {
        match self {
            Peer::Server(member) => member.name,
            Peer::Client(member) => member.name,
        }
    }

    /// The rule it breaks; none for a variant, which is right.
    pub fn rule(self) -> Option<&'static str> {
        match self {
            Peer::Server(member) => member.rule,
            Peer::Client(member) => member.rule,
        }
    }

    /// What it does, in one sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Peer::Server(member) => member.sentence,
            Peer::Client(member) => member.sentence,
        }
    }

    /// Whether what it breaks is a "should", so that a warning is all it deserves.
    pub fn breaks_should(self) -> bool {
        match self {
            Peer::Server(member) => member.breaks_should(),
            Peer::Client(member) => member.breaks_should(),
        }
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Peer").field(&self.name()).finish()
    }
}

/// The defects: servers, then clients, those of one area together.
pub fn defects() -> impl Iterator<Item = Peer> {
    let servers = server::all().map(Peer::Server);
    servers.chain(client::all().map(Peer::Client))
}

/// The right variants: servers, then clients.
pub fn variants() -> impl Iterator<Item = Peer> {
    let servers = server::variants().map(Peer::Server);
    servers.chain(client::variants().map(Peer::Client))
}
