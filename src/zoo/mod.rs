//! The zoo: servers and clients that are bent on purpose. Each *defect* breaks one rule in one way; each
//! *variant* is right and looks different. What the suite says of them tells what its verdicts are
//! worth.
//!
//! A member is the reference server or client with something between its session and its wire (a
//! bend) and something between its WebSocket layer and its TCP stream (a wire), so that the reference
//! itself stays free of it. One server of a member is a [`keeper::Keeper`], one client a
//! [`client::Keeper`].

mod bend;
pub mod client;
mod fate;
mod heard;
pub mod keeper;
mod peer;
mod reading;
pub mod server;
mod spell;
mod wire;
mod world;

pub use fate::Life;
pub use peer::{Peer, defects, variants};
