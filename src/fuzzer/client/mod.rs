//! The live fuzzer against clients: we are the server, each case has a client of its own.
//!
//! A [`moves::Case`] is what a server does to one client, from its first connection on. [`script`] writes
//! it as a scenario, with what each move must bring; [`generate`] makes cases up; [`coverage`] tells where
//! a campaign has been; [`shrink`] makes a failing case small; [`campaign`] runs it all.

pub mod campaign;
pub mod coverage;
mod features;
pub mod generate;
mod investigate;
pub mod moves;
mod nasty;
pub mod script;
pub mod shrink;

pub use moves::{Case, Move};
