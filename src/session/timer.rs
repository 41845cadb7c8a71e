//! Every timer of both sides, in one enum, and a deadline that says which of them it is.

use std::time::Instant;

/// Why somebody wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Server: the client has not authenticated in time.
    Handshake,
    /// Server: no HEARTBEAT has come for an interval and its slack.
    Heartbeat,
    /// Client: no HELLO has come.
    Hello,
    /// Client: the next HEARTBEAT is due.
    Beat,
    /// Client: a request has waited long enough.
    Request,
}

/// When to call a session's `timeout`, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[must_use]
pub struct Deadline {
    /// The instant from which on the timer has fired.
    pub at: Instant,
    /// What fires then.
    pub timer: Timer,
}

impl Deadline {
    pub(super) fn new(at: Instant, timer: Timer) -> Deadline {
        Deadline { at, timer }
    }
}
