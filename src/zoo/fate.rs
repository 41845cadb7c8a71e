//! How a whole peer does, and what it takes along when it ends: all of its streams look at it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::watch;

use crate::wire::BoxStream;

/// How the whole peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It works.
    Alive,
    /// Its process has ended: nobody listens, every connection is gone.
    Dead,
    /// It has stopped in mid-step: connections stand, and nothing happens on them.
    Hung,
}

/// One peer's life.
pub(super) struct Fate {
    life: watch::Sender<Life>,
    /// What its process would have said last.
    words: OnceLock<&'static str>,
    /// Streams that nobody closes.
    kept: Mutex<Vec<BoxStream>>,
}

impl Fate {
    pub(super) fn new() -> Arc<Fate> {
        Arc::new(Fate {
            life: watch::Sender::new(Life::Alive),
            words: OnceLock::new(),
            kept: Mutex::default(),
        })
    }

    pub(super) fn life(&self) -> Life {
        *self.life.borrow()
    }

    /// Ends or stops the whole peer. Nothing brings it back.
    pub(super) fn suffer(&self, life: Life) {
        self.life.send_if_modified(|now| {
            let suffers = *now == Life::Alive && life != Life::Alive;
            if suffers {
                *now = life;
            }
            suffers
        });
    }

    /// Ends the whole peer, with these last words.
    pub(super) fn die(&self, words: &'static str) {
        if self.life() == Life::Alive {
            // The first ones count.
            let _ = self.words.set(words);
        }
        self.suffer(Life::Dead);
    }

    /// Ends the whole peer from outside, also one that hangs.
    pub(super) fn kill(&self) {
        self.life.send_replace(Life::Dead);
    }

    /// The last words of a peer that has died of itself.
    pub(super) fn words(&self) -> Option<&'static str> {
        self.words.get().copied()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Life> {
        self.life.subscribe()
    }

    /// Keeps a stream open for as long as the peer lives.
    pub(super) fn keep(&self, stream: BoxStream) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(stream);
    }
}
