//! Runs a suite against one target: preflight, the scenarios, the verdicts.

mod options;

pub use crate::oracle::Dialect;
pub use options::{Declared, Options};
