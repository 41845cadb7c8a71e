//! The memory budget: what all connections of a run together make us hold: each may send as much as a right target ever
//! would, but not all of them at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that wait in memory over all connections before those that hold much are not read on.
const MOST: usize = 96 << 20;

/// The bytes held by all connections of a run.
#[derive(Debug, Default)]
pub struct Budget {
    held: AtomicUsize,
}

impl Budget {
    /// Whether there is no room for more.
    pub(crate) fn full(&self) -> bool {
        self.held.load(Ordering::Relaxed) >= MOST
    }

    /// A connection's share, nothing yet.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share {
            budget: Arc::clone(self),
            bytes: 0,
        }
    }
}

/// What one connection holds; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Share {
    /// It now holds so many bytes.
    pub(crate) fn set(&mut self, bytes: usize) {
        // Added first: the sum is never below what is held.
        self.budget.held.fetch_add(bytes, Ordering::Relaxed);
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_are_given_back() {
        let budget = Arc::new(Budget::default());
        let (mut one, mut two) = (budget.share(), budget.share());
        one.set(MOST / 2);
        two.set(MOST / 2);
        assert!(budget.full());
        one.set(100);
        assert!(!budget.full());
        one.set(MOST);
        assert!(budget.full());
        drop(one);
        drop(two);
        assert_eq!(budget.held.load(Ordering::Relaxed), 0);
    }
}
