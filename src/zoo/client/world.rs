//! What all connections of one bent client share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;

use super::super::fate::Fate;
use crate::reference::client::Down;

/// What a connection knows of those before it. Which member uses what is written there.
#[derive(Debug, Default)]
pub(super) struct State {
    /// WebSockets that have opened.
    opened: usize,
    /// Attempts at a connection that are over, one way or the other.
    ended: u32,
    /// There is another client beside this one.
    twin: bool,
    /// When the last attempt began.
    dialed: Option<Instant>,
    /// The intervals of all HELLOs, in order.
    pub(super) intervals: Vec<Duration>,
    /// The last HEARTBEAT and the time to the next, as of the connection before.
    pub(super) timer: Option<(Instant, Duration)>,
    /// A wait that was drawn for all times.
    pub(super) drawn: Option<Duration>,
    /// The REQUESTs that were unanswered when their connection ended.
    pub(super) unanswered: Vec<String>,
}

/// One bent client as its connections share it.
pub(super) struct World {
    pub(super) password: String,
    pub(super) fate: Arc<Fate>,
    state: Mutex<State>,
    twins: UnboundedSender<()>,
}

/// A connection, or the attempt at one, that is over, and what the reference would do next.
pub(super) struct Ended<'e> {
    pub(super) world: &'e World,
    pub(super) why: &'e Down,
    /// What the reference would wait.
    pub(super) wait: Duration,
    /// How many are over, this one included.
    pub(super) count: u32,
    /// How long ago it was begun.
    pub(super) lasted: Duration,
}

impl World {
    /// A world, and where it asks for a twin: one more client like this one.
    pub(super) fn new(password: &str) -> (Arc<World>, UnboundedReceiver<()>) {
        let (twins, asked) = mpsc::unbounded_channel();
        let world = World {
            password: password.to_owned(),
            fate: Fate::new(),
            state: Mutex::default(),
            twins,
        };
        (Arc::new(world), asked)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A connection that panics cannot leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt at a connection begins.
    pub(super) fn dials(&self) {
        self.state().dialed = Some(Instant::now());
    }

    /// A WebSocket has opened: its number, the first being 0.
    pub(super) fn opens(&self) -> usize {
        let mut state = self.state();
        state.opened += 1;
        state.opened - 1
    }

    /// An attempt is over.
    pub(super) fn ends<'e>(&'e self, why: &'e Down, wait: Duration) -> Ended<'e> {
        let mut state = self.state();
        state.ended += 1;
        Ended {
            world: self,
            why,
            wait,
            count: state.ended,
            lasted: state.dialed.map(|at| at.elapsed()).unwrap_or_default(),
        }
    }

    /// Asks for one more client beside this one, the only one.
    pub(super) fn twin(&self) {
        self.state().twin = true;
        // A client that is ending needs none.
        let _ = self.twins.send(());
    }

    pub(super) fn has_twin(&self) -> bool {
        self.state().twin
    }
}
