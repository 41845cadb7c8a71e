//! The judge without a clock: from what was sent, received and when, it tells what always has to
//! hold on a connection, whatever a scenario is about. It shares no code with the peers it judges.
//!
//! [`Oracle`] watches all connections of one scenario. It is told every send and every arrival,
//! and returns what it found as [`Breach`]es, each of which knows its rule. A connection is judged
//! until our own first send on it that the text does not plainly allow: what a target does after
//! that is for the scenario to say. [`ClientOracle`] does the same where the target is a client, which
//! has rules about all its connections together too.

mod asked;
mod beats;
mod breach;
mod client;
mod client_breach;
mod key;
mod requests;
mod watch;

pub use beats::{Beats, Silence, early_by, tolerance};
pub use breach::Breach;
pub use client::{ClientOracle, RECONNECT_WAIT, longest_gap};
pub use client_breach::ClientBreach;
pub(crate) use key::key;
pub use watch::{Finding, Oracle, Received, Sent, interval};

/// Which reading of the protocol is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// The text alone.
    #[default]
    Text,
    /// The server may send REQUEST and DISPATCH too.
    Bidirectional,
}
