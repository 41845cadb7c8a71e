//! The catalogue of rules: public ids, levels and one sentence each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How binding a rule is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The text states it without a way out. Broken: `fail`.
    Must,
    /// The text says "should", or it follows by a reasonable reading. Broken: `warn`.
    Should,
    /// The text says nothing: recorded, never judged.
    Open,
}
