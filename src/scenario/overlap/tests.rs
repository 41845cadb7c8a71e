//! Which first lines of branches can be told apart.

use proptest::prelude::*;

use super::*;
use crate::scenario::matching::matches;
use crate::scenario::strategies;
use crate::scenario::tests::expect;

#[test]
fn what_cannot_come_twice_does_not_overlap() {
    for (a, b) in [
        ("close 4001", "close 4002"),
        ("close", "{\"op\": 3}"),
        ("{\"op\": 3}", "{\"op\": 5}"),
        ("{\"op\": 5, \"n\": 1}", "{\"op\": 5, \"n\": \"1\"}"),
        ("{\"n\": int 1..5}", "{\"n\": int 6..}"),
        ("{\"n\": int}", "{\"n\": 1.5}"),
        ("{\"n\": [1, any]}", "{\"n\": [2, any]}"),
        ("{\"n\": [any]}", "{\"n\": [any, any]}"),
        ("{\"n\": {\"a\": any}}", "{\"n\": {}}"),
        ("exactly {\"op\": 3}", "{\"n\": any}"),
        ("nothing for 1s", "{\"op\": 3}"),
        ("nothing for 1s", "closed"),
        ("text \"a\"", "text \"b\""),
        ("text \"a\"", "any"),
        ("text \"{\\\"op\\\": 3}\"", "{\"op\": 4}"),
        ("ping \"a\"", "ping \"b\""),
        ("ping", "pong"),
        ("binary 0xff", "text 0xff"),
        ("connects", "{\"op\": 3}"),
        ("{\"n\": [any]}", "{\"n\": [1, 2]}"),
        ("{\"n\": number 5..}", "{\"n\": 4.5}"),
    ] {
        assert!(!overlap(&expect(a), &expect(b)), "{a} | {b}");
        assert!(!overlap(&expect(b), &expect(a)), "{b} | {a}");
    }
}

#[test]
fn what_could_come_for_both_overlaps() {
    for (a, b) in [
        ("close", "close 4002"),
        ("closed", "close"),
        ("{\"op\": 3}", "{\"n\": 1}"),
        ("{\"n\": 1}", "{\"n\": 1.0}"),
        ("{\"n\": int 1..5}", "{\"n\": number 5..}"),
        ("{\"n\": $x}", "{\"n\": 7}"),
        ("{\"n\": \"${x}\"}", "{\"n\": \"a\"}"),
        ("{\"n\": {\"a\": any}}", "{\"n\": {\"a\": 1}}"),
        ("{\"n\": list}", "{\"n\": [1]}"),
        ("any", "object"),
        ("text \"{\\\"op\\\": 3}\"", "{\"op\": 3}"),
        ("text $x", "{\"op\": 3}"),
        ("ping", "ping \"b\""),
        ("nothing for 1s", "nothing for 2s"),
        ("probe 1s", "close 4001"),
        ("connects", "connects"),
        ("text \"a\"", "text \"a\""),
        ("binary 0xff", "binary 0xff"),
        ("{\"n\": number 5..}", "{\"n\": 7.5}"),
    ] {
        assert!(overlap(&expect(a), &expect(b)), "{a} | {b}");
        assert!(overlap(&expect(b), &expect(a)), "{b} | {a}");
    }
}

#[test]
fn two_connections_do_not_overlap() {
    let other = Expectation {
        conn: "b".to_owned(),
        ..expect("close")
    };
    assert!(!overlap(&expect("close"), &other));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_matches_a_pattern_overlaps_with_it(
        pattern in strategies::inner_pattern(),
        json in strategies::json(),
    ) {
        if matches(&pattern, &json, &mut Env::new("pw")).is_ok() {
            prop_assert!(patterns(&pattern, &Pattern::Literal(json.clone())), "{:?}", json);
            prop_assert!(patterns(&Pattern::Literal(json), &pattern));
        }
        prop_assert!(patterns(&pattern, &pattern));
    }
}
