//! Reports: pure folds over the events of a run. Whatever format, the same [`Record`] is behind it.

pub mod diff;
pub mod escape;
pub mod human;
pub mod json;
pub mod jsonl;
pub mod junit;
mod markdown;
mod observed;
pub mod profile;
mod record;
#[cfg(test)]
mod sample;

pub use jsonl::rebuild;
pub use record::Record;
