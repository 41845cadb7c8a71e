//! Streams in memory: no sockets and no reactor, so that a paused clock moves them.

use super::stream::{Dial, Dialing};

/// One end of a connection in memory.
#[derive(Debug)]
pub struct MemoryStream {}

/// A connection in memory: its two ends.
pub fn pipe() -> (MemoryStream, MemoryStream) {
    todo!()
}

/// Opens connections to a [`MemoryListener`].
#[derive(Clone, Debug)]
pub struct MemoryDial {}

/// Takes the connections of a [`MemoryDial`] and its clones.
#[derive(Debug)]
pub struct MemoryListener {}

/// A place to dial in memory, and who listens there.
pub fn listen() -> (MemoryDial, MemoryListener) {
    todo!()
}

impl MemoryListener {
    /// The next connection; `None` when nobody can dial any more. Dropping the listener makes
    /// later dials refused.
    pub async fn accept(&mut self) -> Option<MemoryStream> {
        todo!()
    }
}

impl Dial for MemoryDial {
    fn dial(&self) -> Dialing<'_> {
        todo!()
    }
}
