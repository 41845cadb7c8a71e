//! The two sides of a conversation as state machines: no I/O, no clock, no randomness of their own.
//!
//! Whoever owns a connection tells its session what arrived and what time it is; the session says
//! what to send, what to hand to whom, when to close, and when it wants to be asked again
//! ([`Deadline`], which names its reason). [`server::ServerSession`] gives one [`server::Step`] for
//! each input. [`client::ClientSession`], which has more to say at once, is drained with
//! [`client::ClientSession::poll_output`]. [`backoff::Backoff`] draws the waits between connections.
//!
//! What the protocol's text leaves open is decided here, once; each decision is written at
//! the type that carries it.

mod asks;
pub mod backoff;
mod breach;
pub mod client;
mod event;
mod password;
pub mod server;
mod timer;

pub use breach::{Breach, Closing};
pub use password::Password;
pub use timer::{Deadline, Timer};

#[cfg(test)]
mod tests;
