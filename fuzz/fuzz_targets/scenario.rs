//! Any text: the scenario parser never panics, and what it takes it prints as the same again.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use litespec::scenario::syntax::{Origin, Scenario, Source};
use litespec::scenario::{ParseError, parse, print};

fn read(text: &str) -> Result<Scenario, ParseError> {
    let source = Source {
        path: "fuzz.scenario".to_owned(),
        origin: Origin::File,
        text: text.to_owned(),
    };
    parse("own/fuzz", Arc::new(source))
}

fuzz_target!(|text: &str| {
    match read(text) {
        Ok(scenario) => {
            let printed = print(&scenario);
            let again = read(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
            assert_eq!(again, scenario, "{printed}");
            assert_eq!(print(&again), printed);
        }
        Err(error) => {
            assert!(error.span.start <= error.span.end && error.span.end <= text.len());
            let _ = error.render(true);
        }
    }
});
