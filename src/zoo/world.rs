//! What all connections of one bent server share, and what they can do to each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;

use super::fate::Fate;

/// What a connection is told to do, now or later, by itself or by another one.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Send this text.
    Say(String),
    /// Tell the bend this, which knows what it means.
    Tell(String),
    /// Close with this code.
    Close(u16),
}

/// What connections know of each other. Which defect uses what is written there.
#[derive(Debug, Default)]
pub(super) struct State {
    next: usize,
    pub(super) live: BTreeMap<usize, UnboundedSender<Act>>,
    /// Who is authenticated.
    pub(super) inside: BTreeSet<usize>,
    /// Who is or was authenticated.
    pub(super) known: BTreeSet<usize>,
    /// The last HEARTBEAT of anybody.
    pub(super) beaten: Option<Instant>,
    /// Nonces that were seen.
    pub(super) nonces: BTreeSet<String>,
    /// Who asked last.
    pub(super) asker: Option<usize>,
    /// Answers without a connection.
    pub(super) undelivered: Vec<String>,
    /// Who has come and not authenticated yet.
    pub(super) strangers: BTreeSet<usize>,
}

/// One bent server as its connections share it.
pub(super) struct World {
    pub(super) interval: Duration,
    pub(super) password: String,
    pub(super) fate: Arc<Fate>,
    state: Mutex<State>,
}

impl World {
    pub(super) fn new(interval: Duration, password: &str) -> Arc<World> {
        Arc::new(World {
            interval,
            password: password.to_owned(),
            fate: Fate::new(),
            state: Mutex::default(),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A connection that panics cannot leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for a new connection, and what it is told by others.
    pub(super) fn join(&self) -> (usize, UnboundedReceiver<Act>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.live.insert(id, sender);
        (id, receiver)
    }

    pub(super) fn leave(&self, id: usize) {
        let mut state = self.state();
        state.live.remove(&id);
        state.strangers.remove(&id);
        state.inside.remove(&id);
    }

    /// Tells one connection; one that has gone does not mind.
    pub(super) fn tell(&self, id: usize, act: Act) {
        if let Some(sender) = self.state().live.get(&id) {
            let _ = sender.send(act);
        }
    }

    /// Tells every connection but this one.
    pub(super) fn tell_others(&self, id: usize, act: &Act) {
        for (_, sender) in self.state().live.iter().filter(|(other, _)| **other != id) {
            let _ = sender.send(act.clone());
        }
    }

    /// The connection that came last.
    pub(super) fn newest(&self) -> usize {
        self.state().live.keys().next_back().copied().unwrap_or(0)
    }
}
