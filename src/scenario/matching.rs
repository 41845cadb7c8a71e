//! Patterns against what came.

use super::syntax::Pattern;
use super::values::Env;
use crate::protocol::json::Json;

/// Why a value does not match, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where, as `a[0].b`; empty for the packet itself.
    pub path: String,
    /// What the pattern asks for.
    pub expected: String,
    /// What is there.
    pub actual: String,
}

/// Compares; bindings are kept only where everything matches.
pub fn matches(pattern: &Pattern, json: &Json, env: &mut Env) -> Result<(), Mismatch> {
    todo!()
}
