//! Variables and their values.

use std::collections::HashMap;

use crate::protocol::json::Json;

/// The names the target's URL and its declaration give. Nothing in a scenario binds them.
pub const DECLARED: [&str; 7] = [
    "password",
    "target.host",
    "target.path",
    "request.w",
    "request.a",
    "dispatch.w",
    "dispatch.a",
];

/// What a variable stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The value.
    pub json: Json,
    /// Its JSON text as it goes out.
    pub text: String,
    /// Its JSON text for people, in the language's own writing: secrets stay as holes.
    pub shown: String,
    /// Whether it is a secret or made of one.
    pub secret: bool,
}

impl Value {
    /// A value that may be shown, spelled compactly.
    pub fn new(json: Json) -> Value {
        let text = json.to_string();
        Value {
            json,
            shown: literal(&text),
            text,
            secret: false,
        }
    }

    /// A value that is shown as its variable's hole.
    pub fn secret(name: &str, json: Json) -> Value {
        Value {
            text: json.to_string(),
            json,
            shown: format!("${name}"),
            secret: true,
        }
    }
}

/// JSON text as the language writes it: a `${` in it is no hole.
pub(super) fn literal(text: &str) -> String {
    text.replace("${", "$${")
}

/// Variables in scopes, the innermost last. The outermost scope holds what a run begins with
/// (declaration, `--var`, `--secret`, the value of `each`); each turn of a `repeat` has one of its
/// own.
#[derive(Clone, Debug)]
pub struct Env {
    scopes: Vec<HashMap<String, Value>>,
}

impl Env {
    /// Without any variable, not even the password.
    pub fn empty() -> Env {
        Env {
            scopes: vec![HashMap::new()],
        }
    }

    /// With the password, which is a secret.
    pub fn new(password: &str) -> Env {
        let mut env = Env::empty();
        env.set_secret("password", Json::from(password));
        env
    }

    /// Gives a variable a value in the outermost scope.
    pub fn set(&mut self, name: &str, json: Json) {
        self.set_value(name, Value::new(json));
    }

    /// As [`Env::set`], with spelling and secrecy kept: what [`value`](super::fill::value) makes of
    /// a value of `each`.
    pub fn set_value(&mut self, name: &str, value: Value) {
        if let Some(outermost) = self.scopes.first_mut() {
            outermost.insert(name.to_owned(), value);
        }
    }

    /// As [`Env::set`], never shown.
    pub fn set_secret(&mut self, name: &str, json: Json) {
        self.set_value(name, Value::secret(name, json));
    }

    /// Gives a variable a value in the innermost scope.
    pub fn bind(&mut self, name: &str, json: Json) {
        if let Some(innermost) = self.scopes.last_mut() {
            innermost.insert(name.to_owned(), Value::new(json));
        }
    }

    /// A variable's value, the innermost one.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name))
    }

    /// Opens a scope: a turn of a `repeat` begins.
    pub fn push(&mut self) {
        self.scopes.push(HashMap::new());
    }

    /// Closes the innermost scope and forgets what was bound in it; the outermost one stays.
    pub fn pop(&mut self) {
        if self.scopes.len() > 1 {
            self.scopes.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(env: &Env, name: &str) -> Option<u64> {
        env.get(name).and_then(|value| value.json.as_u64())
    }

    #[test]
    fn a_scope_hides_what_is_outside_until_it_is_closed() {
        let mut env = Env::new("pw");
        env.set("n", Json::from(1));
        env.push();
        env.bind("n", Json::from(2));
        assert_eq!(number(&env, "n"), Some(2));
        env.pop();
        assert_eq!(number(&env, "n"), Some(1));
        env.pop();
        assert_eq!(number(&env, "n"), Some(1), "the outermost scope stays");
    }

    #[test]
    fn what_is_set_while_a_scope_is_open_outlives_it() {
        let mut env = Env::empty();
        env.push();
        env.set("outer", Json::from(1));
        env.bind("inner", Json::from(2));
        env.pop();
        assert_eq!(
            (number(&env, "outer"), number(&env, "inner")),
            (Some(1), None)
        );
    }

    #[test]
    fn a_secret_is_shown_as_its_hole_and_a_literal_hole_as_no_hole() {
        let mut env = Env::new("hunter2");
        env.set("n", Json::from("${x}"));
        assert_eq!(
            env.get("password").map(|value| value.shown.as_str()),
            Some("$password")
        );
        assert_eq!(
            env.get("n").map(|value| value.shown.as_str()),
            Some("\"$${x}\"")
        );
    }
}
