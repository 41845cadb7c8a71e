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
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

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

#[test]
fn every_example_of_the_language_reference_is_right() {
    let reference = include_str!("../../../scenarios/README.md");
    let mut seen = 0;
    for (index, example) in reference
        .split("```\n")
        .enumerate()
        .filter(|(index, _)| index % 2 == 1)
    {
        seen += 1;
        let text = match example {
            _ if example.starts_with("title") => example.to_owned(),
            _ if example.starts_with("each") => {
                format!("title  t\nrule   auth.reject\n{example}\nalive\n")
            }
            _ => body(example),
        };
        if let Err(error) = read_as("own/x", &text) {
            panic!("example {index}: {error}");
        }
    }
    assert!(seen > 8, "the reference lost its examples");
}

#[test]
fn every_seed_of_the_fuzzer_is_a_scenario() {
    for seed in [
        include_str!("../../../fuzz/corpus/scenario_parse/wrong-password"),
        include_str!("../../../fuzz/corpus/scenario_parse/flow"),
        include_str!("../../../fuzz/corpus/scenario_parse/bytes"),
    ] {
        read(seed);
    }
}

#[test]
fn a_send_keeps_its_spelling() {
    let packet = r#"{ "\u006fp":2e0 ,"a": [1.0,  1E5],"n":"$${x}\/"}"#;
    let scenario = read(&body(&format!("> {packet}")));
    assert!(print(&scenario).ends_with(&format!("\n> {packet}\n")));
    let StepKind::Send {
        send: Send::Packet(template),
        ..
    } = &scenario.steps[0].kind
    else {
        panic!()
    };
    assert_eq!(
        template.pieces,
        [Piece::Literal(packet.replace("$${", "${"))]
    );
}

#[test]
fn places_count_characters_and_bytes() {
    let scenario = read(&body("> {\"é\": $n}  # why"));
    let step = &scenario.steps[0];
    assert_eq!((step.span.line, step.span.column), (4, 1));
    assert_eq!(
        &scenario.source.text[step.span.start..step.span.end],
        "> {\"é\": $n}"
    );
    assert_eq!(step.trail.as_deref(), Some("why"));
    let StepKind::Send {
        send: Send::Packet(template),
        ..
    } = &step.kind
    else {
        panic!()
    };
    let Piece::Value(hole) = &template.pieces[1] else {
        panic!()
    };
    assert_eq!(
        (hole.span.line, hole.span.column),
        (4, 9),
        "columns are characters"
    );
    assert_eq!(&scenario.source.text[hole.span.start..hole.span.end], "$n");
}

#[test]
fn the_canonical_form_is_one_whatever_was_written() {
    let written = "\n\n# on top\nrule auth.reject   close.frame # first\n\ntitle   Ends in #5\nwas a/b\n\
                   manual ack pong\nrule response.fields\n\n\n# above\n\n\na>ping   \"x\"*1   0xFF # here\n\
                   < {\"op\":5,\"n\":[1,any],\"e\":\"e\\u0301\"}   within  1hb..  @response.fields   should\n\
                   either\n\n  < close 4001\n # of the branch\nor # too\n  < nothing for 0.50hb\n    # end\n\n";
    let canonical = "\
# on top
# first
title   Ends in #5
rule    auth.reject close.frame response.fields
manual  pong ack
was     a/b

# above

> ping \"x\" 0xff  # here
< {\"op\": 5, \"n\": [1, any], \"e\": \"e\\u0301\"} within 1hb..  @response.fields should
either
  < close 4001
or
  # of the branch
  # too
  < nothing for 0.5hb
# end
";
    assert_eq!(print(&read(written)), canonical);
    assert_eq!(print(&read(canonical)), canonical);
}

#[test]
fn nested_values_without_holes_are_literals_and_the_packet_is_open_unless_exactly() {
    let scenario = read(&body(
        "< {\"op\": 5, \"n\": {\"a\": [1]}, \"r\": [$x]}\n< exactly {\"op\": 3}",
    ));
    let pattern = |step: &Step| match &step.kind {
        StepKind::Expect(Expectation {
            what: Expect::Packet(Pattern::Members { open, members }),
            ..
        }) => (
            *open,
            members
                .iter()
                .map(|(_, pattern)| matches!(pattern, Pattern::Literal(_)))
                .collect::<Vec<_>>(),
        ),
        other => panic!("{other:?}"),
    };
    assert_eq!(pattern(&scenario.steps[0]), (true, vec![true, true, false]));
    assert_eq!(pattern(&scenario.steps[1]), (false, vec![true]));
}

#[test]
fn blocks_nest_to_the_limit_and_no_deeper() {
    let nested = |depth: usize| {
        let mut text = String::new();
        for level in 0..depth {
            text += &format!("{}repeat 1\n", "  ".repeat(level));
        }
        body(&format!("{text}{}> ping", "  ".repeat(depth)))
    };
    assert!(read_as("own/x", &nested(32)).is_ok());
    let error = read_as("own/x", &nested(33)).unwrap_err();
    assert!(
        error.message.contains("deeper than 32"),
        "{}",
        error.message
    );
}

#[test]
fn json_nests_to_the_limit_and_no_deeper() {
    for arrow in ['>', '<'] {
        let nested = |depth: usize| {
            body(&format!(
                "{arrow} {{\"n\": {}{}}}",
                "[".repeat(depth),
                "]".repeat(depth)
            ))
        };
        assert!(read_as("own/x", &nested(127)).is_ok());
        assert!(
            read_as("own/x", &nested(128))
                .unwrap_err()
                .message
                .contains("deeper than 128")
        );
    }
}

#[test]
fn a_million_turns_are_the_limit_and_ten_million_of_nested_ones() {
    assert!(read_as("own/x", &body("repeat 1000000\n  > ping")).is_ok());
    assert!(read_as("own/x", &body("repeat 1000001\n  > ping")).is_err());
    assert!(read_as("own/x", &body("repeat 10000\n  repeat 1000\n    > ping")).is_ok());
    assert!(read_as("own/x", &body("repeat 10000\n  repeat 1001\n    > ping")).is_err());
}

#[test]
fn a_file_beyond_the_limit_is_refused_before_it_is_read() {
    let text = body(&format!("> ping  # {}", "x".repeat(super::MAX_FILE)));
    assert!(
        read_as("own/x", &text)
            .unwrap_err()
            .message
            .contains("longer than")
    );
}

#[test]
fn what_is_missing_at_the_end_is_missed_behind_the_last_line() {
    for (text, place) in [
        ("rule   auth.reject", (1, 19)),
        ("rule   auth.reject\n", (1, 19)),
        ("rule   auth.reject\n# é", (2, 4)),
        ("", (1, 1)),
    ] {
        let error = read_as("own/x", text).unwrap_err();
        assert_eq!(
            (error.span.line, error.span.column),
            place,
            "{text:?}: {error}"
        );
    }
}

#[test]
fn a_key_is_a_word_of_its_own() {
    for text in ["title\tt", "title:t", "title=t"] {
        let error = read_as("own/x", text).unwrap_err();
        let said = error.expected.as_deref().unwrap_or_default();
        assert!(said.contains("a blank behind `title`"), "{error}");
    }
    for text in ["title", "title  t\nrule"] {
        let error = read_as("own/x", text).unwrap_err();
        let said = error.expected.as_deref().unwrap_or_default();
        assert!(!said.contains("a blank"), "{error}");
    }
}

#[test]
fn a_word_that_is_neither_a_key_nor_a_step_is_unknown() {
    let error = read_as("own/x", "title  t\nrlue   auth.reject\n\n> ping\n").unwrap_err();
    assert_eq!((error.span.line, error.span.column), (2, 1), "{error}");
    assert!(error.message.contains("`rlue`"), "{error}");
    assert!(error.suggestion.is_some_and(|said| said.contains("`rule`")));
}

#[test]
fn behind_a_used_file_any_connection_may_be_open() {
    let scenario = read(&body("use ./x.scenario\nb> ping"));
    assert_eq!(scenario.connections(), ["b"]);
}

#[test]
fn names_times_and_bounds_reach_as_far_as_the_language_says() {
    for text in [
        "a_1 connect\na_1> ping",
        "> {\"n\": $a, \"m\": \"$1.50. \"}",
        "> {\"a\": $request.a}",
        "> text $a",
        "wait 1000000000s",
        "wait 0.25hb+1.5s+grace",
        // Which is longer depends on the interval, on the grace, or is the same.
        "< close within 1hb..1s",
        "< close within grace..1s",
        "< close within 1s..1s",
        "< close within 1s..1000ms",
        "< close within 1hb+1s..2hb+200ms",
        "< close within 200ms+1hb..1s+1hb",
        "< close within grace..grace+grace",
        "< close within 1hb+1hb..2hb",
        "< close within 1s+1s..2000ms",
        "< close within 300ms+300ms..600ms",
        "< close within grace+1s..1s+grace",
    ] {
        read(&body(text));
    }
}
