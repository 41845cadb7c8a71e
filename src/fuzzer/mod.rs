//! The live fuzzer: makes up cases, plays them against a real target, judges them by the oracle, and
//! hands back the smallest scenario that shows what is wrong.
//!
//! A [`moves::Case`] is a list of moves. [`generate`] adds one move at a time, by what the model says
//! that the target's connections are in; [`script`] writes a case out as scenario text, with what each
//! move must bring, so that a case is played, judged and kept as any scenario is. [`verdict`] tells what
//! a played case comes to, [`pulse`] whether the target lives, [`coverage`] where a campaign has been,
//! [`shrink`] how a case can be smaller, [`find`] what is kept of a failure; [`campaign`] runs it all. [`differ`] plays
//! the same cases against two targets.

pub mod campaign;
pub mod client;
pub mod coverage;
pub mod differ;
pub mod dispatches;
mod fallen;
pub mod features;
pub mod find;
pub mod generate;
mod investigate;
mod lanes;
mod model;
pub mod moves;
pub mod nasty;
pub mod pulse;
pub mod script;
mod series;
pub mod shrink;
mod suspicion;
pub mod values;
pub mod verdict;

pub use moves::{Case, Move};
