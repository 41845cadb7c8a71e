//! Tree to text, in the one canonical form.

use super::syntax::{Expectation, Pattern, Payload, Scenario, Send, Template};

/// The canonical text.
pub fn print(scenario: &Scenario) -> String {
    todo!()
}
/// A send line, for example `b> ping "x"`.
pub fn send(conn: &str, send: &Send) -> String {
    todo!()
}
/// An expectation line without its mark.
pub fn expectation(expectation: &Expectation) -> String {
    todo!()
}
/// A pattern.
pub fn pattern(pattern: &Pattern) -> String {
    todo!()
}
/// A payload.
pub fn payload(payload: &Payload) -> String {
    todo!()
}
/// A template.
pub fn template(template: &Template) -> String {
    todo!()
}
