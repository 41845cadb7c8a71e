//! What the connections of one bent server share, and how each is served.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use litespec::wire::memory::MemoryStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;

use super::quirk::{Bad, Quirk};
use super::talk::Talk;

/// What a connection is told to do, by a timer or by another connection.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    Say(String),
    /// A RESPONSE; its request is in flight until then.
    Answer(String, String),
    /// Nothing to be said: the password has been checked.
    LetIn,
    Close(u16),
    Drop,
    Hang,
}

/// What all connections share.
#[derive(Debug, Default)]
pub(crate) struct State {
    next: usize,
    pub(crate) live: BTreeMap<usize, UnboundedSender<Order>>,
    pub(crate) let_in: bool,
    pub(crate) dead: bool,
    pub(crate) hung: bool,
    pub(crate) beaten: Option<Instant>,
    pub(crate) seen: HashSet<String>,
    pub(crate) last_asker: Option<usize>,
    pub(crate) undelivered: Vec<String>,
}

/// One bent server.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) quirk: Quirk,
    pub(crate) interval: Duration,
    state: Mutex<State>,
}

impl World {
    pub(crate) fn new(quirk: Quirk, hb_ms: u64) -> Arc<World> {
        Arc::new(World {
            quirk,
            interval: Duration::from_millis(hb_ms),
            state: Mutex::default(),
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no connection panics")
    }

    /// A number for a new connection, and what it is told.
    pub(crate) fn join(&self) -> (usize, UnboundedReceiver<Order>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.live.insert(id, sender);
        (id, receiver)
    }

    /// Tells one connection; one that has gone does not mind.
    pub(crate) fn tell(&self, id: usize, order: Order) {
        if let Some(sender) = self.state().live.get(&id) {
            let _ = sender.send(order);
        }
    }

    pub(crate) fn tell_all(&self, order: &Order) {
        for sender in self.state().live.values() {
            let _ = sender.send(order.clone());
        }
    }

    pub(crate) fn newest(&self) -> usize {
        self.state().live.keys().next_back().copied().unwrap_or(0)
    }

    /// What this input does to the whole server.
    pub(crate) fn suffers(&self, bad: Bad) {
        if self.quirk == Quirk::Kills(bad) {
            self.state().dead = true;
            self.tell_all(&Order::Drop);
        }
        if self.quirk == Quirk::Hangs(bad) {
            self.state().hung = true;
            self.tell_all(&Order::Hang);
        }
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve(world: Arc<World>, stream: MemoryStream) {
    let (dead, hung) = {
        let state = world.state();
        (state.dead, state.hung)
    };
    if dead {
        return;
    }
    if hung {
        std::future::pending::<()>().await;
    }
    if let Some(mut talk) = Talk::open(Arc::clone(&world), stream).await {
        let _ = talk.run().await;
        talk.leave();
    }
}
