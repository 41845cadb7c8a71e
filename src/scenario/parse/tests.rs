//! The parser and the printer against each other, and against what users write.

use std::sync::Arc;

use proptest::prelude::*;

use super::parse;
use crate::scenario::strategies;
use crate::scenario::syntax::*;
use crate::scenario::{ParseError, print};

fn read_as(id: &str, text: &str) -> Result<Scenario, ParseError> {
    let source = Source {
        path: format!("scenarios/{id}.scenario"),
        origin: Origin::File,
        text: text.to_owned(),
    };
    parse(id, Arc::new(source))
}

fn read(text: &str) -> Scenario {
    read_as("own/x", text).unwrap_or_else(|error| panic!("{error}"))
}

const HEAD: &str = "title  t\nrule   auth.reject\n\n";

fn body(text: &str) -> String {
    format!("{HEAD}{text}\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_parses_to_the_same_tree(scenario in strategies::scenario()) {
        let text = print(&scenario);
        let again = read_as("own/x", &text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&again, &scenario, "{}", text);
        prop_assert_eq!(print(&again), text);
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_do_not_matter(scenario in strategies::scenario()) {
        let text = format!("\u{feff}{}", print(&scenario).replace('\n', "\r\n"));
        let again = read_as("own/x", &text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(again, scenario);
    }

    #[test]
    fn no_damage_to_a_scenario_makes_the_parser_panic(
        scenario in strategies::scenario(),
        at in any::<prop::sample::Index>(),
        length in 0..8_usize,
        insert in any::<String>(),
    ) {
        let mut chars: Vec<char> = print(&scenario).chars().collect();
        let at = at.index(chars.len());
        let end = (at + length).min(chars.len());
        chars.splice(at..end, insert.chars().take(4));
        let text: String = chars.into_iter().collect();
        match read_as("own/x", &text) {
            Ok(scenario) => {
                let printed = print(&scenario);
                let again = read_as("own/x", &printed).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
                prop_assert_eq!(again, scenario, "{}\n{}", text, printed);
            }
            Err(error) => {
                prop_assert!(error.span.start <= error.span.end && error.span.end <= text.len());
                prop_assert!(!error.render(true).is_empty());
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = read_as("own/x", &text);
        let _ = read_as("own/x", &body(&text));
    }
}
