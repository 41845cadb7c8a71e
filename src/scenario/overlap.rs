//! Whether two expectations could take the same thing.

use super::syntax::Expectation;

/// True unless it is certain that nothing matches both.
pub fn overlap(a: &Expectation, b: &Expectation) -> bool {
    todo!()
}
