//! Variables and their values.

use crate::protocol::json::Json;

/// What a variable stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The value.
    pub json: Json,
    /// Its JSON text as it goes out.
    pub text: String,
    /// Its JSON text for people: secrets stay as holes.
    pub shown: String,
    /// Whether it is a secret or made of one.
    pub secret: bool,
}

/// The names the target's declaration gives.
pub const DECLARED: [&str; 5] = ["password", "request.w", "request.a", "dispatch.w", "dispatch.a"];

/// Variables in scopes, the innermost last.
#[derive(Clone, Debug)]
pub struct Env {}

impl Env {
    /// Only the password, which is a secret.
    pub fn new(password: &str) -> Env {
        todo!()
    }
    /// Gives a variable a value in the outermost scope (`--var`, `each`, the declaration).
    pub fn set(&mut self, name: &str, json: Json) {
        todo!()
    }
    /// As `set`, with the spelling kept.
    pub fn set_value(&mut self, name: &str, value: Value) {
        todo!()
    }
    /// As `set`, never shown.
    pub fn set_secret(&mut self, name: &str, json: Json) {
        todo!()
    }
    /// Gives a variable a value in the innermost scope.
    pub fn bind(&mut self, name: &str, json: Json) {
        todo!()
    }
    /// A variable's value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        todo!()
    }
    /// Opens a scope: one turn of a `repeat`.
    pub fn push(&mut self) {
        todo!()
    }
    /// Closes the innermost scope and forgets what was bound in it.
    pub fn pop(&mut self) {
        todo!()
    }
}
