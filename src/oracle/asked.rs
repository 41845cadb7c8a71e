//! What the target has asked us in the bidirectional dialect: which RESPONSE of ours answers something.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// REQUESTs of one connection that are remembered until we answer them.
const REMEMBERED: usize = 65_536;

/// The target's REQUESTs that wait for us. Nonces are kept as hashes: the target chooses their number
/// and their size, and all that two with one hash could do is to let an answer of ours count.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    open: HashMap<u64, u32>,
}

impl Asked {
    /// A REQUEST with this nonce key came.
    pub(crate) fn came(&mut self, key: &str) {
        let hash = hash(key);
        if self.open.len() < REMEMBERED || self.open.contains_key(&hash) {
            *self.open.entry(hash).or_insert(0) += 1;
        }
    }

    /// We answer the REQUEST with this nonce key. False if none waits.
    pub(crate) fn answered(&mut self, key: &str) -> bool {
        let hash = hash(key);
        let Some(count) = self.open.get_mut(&hash) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.open.remove(&hash);
        }
        true
    }
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_answered_once() {
        let mut asked = Asked::default();
        asked.came("1");
        asked.came("1");
        assert!(!asked.answered("2"));
        assert!(asked.answered("1") && asked.answered("1") && !asked.answered("1"));
    }

    #[test]
    fn a_flood_is_not_remembered() {
        let mut asked = Asked::default();
        for n in 0..REMEMBERED + 10 {
            asked.came(&n.to_string());
        }
        assert_eq!(asked.open.len(), REMEMBERED);
        asked.came("0");
        assert!(asked.answered("0") && asked.answered("0"));
    }
}
