//! What is wrong with a scenario's text, quoted.

use std::sync::Arc;

use super::syntax::{Source, Span};

/// The first error in a scenario's text.
#[derive(Clone, Debug)]
pub struct ParseError {
    /// The text.
    pub source: Arc<Source>,
    /// Where it is wrong.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What was expected there, where that helps.
    pub expected: Option<String>,
    /// What may have been meant.
    pub suggestion: Option<String>,
}

impl ParseError {
    /// The error with its line quoted.
    pub fn render(&self, color: bool) -> String {
        todo!()
    }
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for ParseError {}
