//! Reports: pure folds over the events of a run. Whatever format, the same [`Record`] is behind it.

pub mod escape;
pub mod human;
pub mod json;
pub mod jsonl;
mod record;
#[cfg(test)]
mod sample;

pub use jsonl::rebuild;
pub use record::Record;
