//! Any text: the scenario parser never panics, what it takes it prints as the same again, and a role
//! takes nothing that is refused without one.

use std::sync::Arc;

use litespec::scenario::syntax::{Origin, Scenario, Source};
use litespec::scenario::{ParseError, parse, print};

use super::Input;

/// Reads a scenario by that id, which decides its role.
pub fn read(id: &str, text: &str) -> Result<Scenario, ParseError> {
    let source = Source {
        path: format!("{id}.scenario"),
        origin: Origin::File,
        text: text.to_owned(),
    };
    parse(id, Arc::new(source))
}

/// Reads, prints and reads again.
pub fn check(bytes: &[u8]) -> Input {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Input::Refused;
    };
    let taken = read("own/fuzz", text);
    match &taken {
        Ok(scenario) => {
            let printed = print(scenario);
            let again = read("own/fuzz", &printed)
                .unwrap_or_else(|error| panic!("what is printed is refused: {error}\n{printed}"));
            assert_eq!(&again, scenario, "{printed}");
            assert_eq!(print(&again), printed);
        }
        Err(error) => {
            assert!(error.span.start <= error.span.end && error.span.end <= text.len());
            let _ = error.render(true);
        }
    }
    // One of the roles, by the text: both would make it slow.
    let role = ["server/fuzz", "client/fuzz"][text.len() % 2];
    match (read(role, text), &taken) {
        (Ok(of_role), Ok(scenario)) => assert_eq!(&of_role, scenario, "a role changed it"),
        (Ok(_), Err(error)) => panic!("taken as {role}, refused without a role: {error}"),
        (Err(_), _) => {}
    }
    Input::Used
}
