//! Text to tree.

use std::sync::Arc;

use super::error::ParseError;
use super::syntax::{Scenario, Source};

/// Reads a scenario. The id decides the role: `server/..`, `client/..`, or unknown.
pub fn parse(id: &str, source: Arc<Source>) -> Result<Scenario, ParseError> {
    todo!()
}
