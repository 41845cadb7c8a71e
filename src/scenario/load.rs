//! A user's own scenarios: a file, a folder, or standard input.

use std::path::Path;

use super::syntax::Scenario;

/// Why scenarios could not be loaded: the first error of each file.
#[derive(Debug)]
pub struct LoadError {}

/// Reads a file, a folder (all `*.scenario` below it, sorted), or `-` for standard input.
pub fn load(path: &Path) -> Result<Vec<Scenario>, LoadError> {
    todo!()
}
