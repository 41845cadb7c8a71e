//! Runs a suite against one target: preflight, the scenarios, the verdicts.

mod options;

pub use options::{Declared, Dialect, Options};
