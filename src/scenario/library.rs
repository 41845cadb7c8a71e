//! The embedded scenarios.

use std::sync::Arc;

use super::syntax::Scenario;

/// All, sorted by id.
pub fn all() -> &'static [Arc<Scenario>] {
    todo!()
}
/// One by its id.
pub fn find(id: &str) -> Option<&'static Arc<Scenario>> {
    todo!()
}
/// SHA-1 over ids and texts, hexadecimal.
pub fn suite_hash() -> &'static str {
    todo!()
}
