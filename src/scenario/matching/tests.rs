//! Patterns against packets, and the words for a difference.

use super::*;
use crate::scenario::tests::{expectation, json};

/// Matches a packet against a pattern as it is written behind `<`.
fn try_match(pattern: &str, packet: &str, env: &mut Env) -> Result<(), String> {
    matches(&expectation(pattern), &json(packet), env).map_err(|mismatch| mismatch.to_string())
}

fn check(pattern: &str, packet: &str) -> Result<(), String> {
    try_match(pattern, packet, &mut Env::new("hunter2"))
}

#[test]
fn a_packet_is_open_and_what_is_in_it_is_closed() {
    assert_eq!(check(r#"{"op": 3}"#, r#"{"op": 3, "x": 1}"#), Ok(()));
    let nested = r#"{"n": {"a": 1, "b": any}}"#;
    assert_eq!(check(nested, r#"{"n": {"b": 2, "a": 1.0}}"#), Ok(()));
    assert_eq!(
        check(nested, r#"{"n": {"a": 1, "b": 2, "c": 3}}"#),
        Err("`n.c` is 3, expected no such member".to_owned())
    );
    assert_eq!(
        check(r#"exactly {"op": 3}"#, r#"{"op": 3, "x": null}"#),
        Err("`x` is null, expected no such member".to_owned())
    );
}

#[test]
fn a_named_member_must_be_there_even_if_it_may_be_null() {
    assert_eq!(check(r#"{"r": any}"#, r#"{"r": null}"#), Ok(()));
    assert_eq!(
        check(r#"{"r": any}"#, r#"{"op": 5}"#),
        Err("`r` is missing, expected any value".to_owned())
    );
    assert_eq!(
        check(r#"{"r": null}"#, r#"{}"#),
        Err("`r` is missing, expected null".to_owned())
    );
}

#[test]
fn integers_are_integers_by_value_and_ranges_include_their_ends() {
    let interval = r#"{"hb_interval": int 1..}"#;
    for good in ["1", "1.0", "1e0", "1e400", "18446744073709551616"] {
        assert_eq!(
            check(interval, &format!("{{\"hb_interval\": {good}}}")),
            Ok(()),
            "{good}"
        );
    }
    for (bad, said) in [
        ("0", "0"),
        ("-5", "-5"),
        ("1.5", "1.5"),
        ("1e-1", "1e-1"),
        ("\"1\"", "\"1\""),
    ] {
        assert_eq!(
            check(interval, &format!("{{\"hb_interval\": {bad}}}")),
            Err(format!(
                "`hb_interval` is {said}, expected an integer of at least 1"
            ))
        );
    }
    assert_eq!(check(r#"{"n": number 0..1.5}"#, r#"{"n": 1.50}"#), Ok(()));
    assert!(
        check(
            r#"{"n": number 0..1.5}"#,
            r#"{"n": 1.5000000000000000000001}"#
        )
        .is_err()
    );
}

#[test]
fn types_are_told_apart() {
    for (word, good) in [
        ("string", "\"\""),
        ("bool", "false"),
        ("list", "[]"),
        ("object", "{}"),
        ("number", "0.5"),
    ] {
        for value in ["\"\"", "false", "[]", "{}", "0.5", "null"] {
            let right = check(
                &format!("{{\"n\": {word}}}"),
                &format!("{{\"n\": {value}}}"),
            )
            .is_ok();
            assert_eq!(right, value == good, "{word} against {value}");
        }
    }
}

#[test]
fn a_variable_binds_the_first_time_and_must_be_equal_after_that() {
    let mut env = Env::new("hunter2");
    assert_eq!(
        try_match(r#"{"n": $n}"#, r#"{"n": [1.0]}"#, &mut env),
        Ok(())
    );
    assert_eq!(try_match(r#"{"n": $n}"#, r#"{"n": [1]}"#, &mut env), Ok(()));
    assert_eq!(
        try_match(r#"{"n": $n}"#, r#"{"n": [2]}"#, &mut env),
        Err("`n` is [2], expected [1.0]".to_owned())
    );
    let twice = try_match(r#"{"a": $m, "b": [$m]}"#, r#"{"a": 1, "b": [2]}"#, &mut env);
    assert_eq!(
        twice,
        Err("`b[0]` is 2, expected 1, as `$m` was before".to_owned())
    );
}

#[test]
fn nothing_is_bound_by_a_packet_that_does_not_match() {
    let mut env = Env::new("hunter2");
    assert!(try_match(r#"{"n": $n, "op": 5}"#, r#"{"op": 4, "n": 1}"#, &mut env).is_err());
    assert!(env.get("n").is_none());
}

#[test]
fn a_secret_is_in_no_mismatch_and_neither_is_what_came_for_it() {
    let mut env = Env::new("hunter2");
    for pattern in [
        r#"{"password": $password}"#,
        r#"{"x": "${password|chop}!"}"#,
        r#"{"password": "x"}"#,
    ] {
        let said = try_match(
            pattern,
            r#"{"password": "hunter3", "x": "hunter3"}"#,
            &mut env,
        )
        .unwrap_err();
        assert!(!said.contains("hunter"), "{said}");
    }
}

#[test]
fn what_came_in_a_passwords_place_is_told_by_its_kind() {
    for (came, kind) in [
        ("\"hunter3\"", "another string"),
        ("null", "null"),
        ("true", "true or false"),
        ("7", "a number"),
        ("[7]", "a list"),
        ("{\"a\": 7}", "an object"),
    ] {
        assert_eq!(
            check(r#"{"n": $password}"#, &format!("{{\"n\": {came}}}")),
            Err(format!("`n` is {kind}, expected `$password`"))
        );
    }
}

#[test]
fn strings_are_compared_by_code_points_and_quoted_so_that_they_can_be_told_apart() {
    assert_eq!(check(r#"{"n": "\ud800"}"#, r#"{"n": "\uD800"}"#), Ok(()));
    assert_eq!(
        check(r#"{"n": "é"}"#, r#"{"n": "e\u0301"}"#),
        Err(r#"`n` is "e\u0301", expected "é""#.to_owned())
    );
}

#[test]
fn what_is_no_object_and_what_is_long_is_said_shortly() {
    assert_eq!(
        check("{}", "[1]"),
        Err("the packet is [1], expected an object".to_owned())
    );
    let long = check(
        r#"{"n": 1}"#,
        &format!("{{\"n\": \"{}\"}}", "x".repeat(100_000)),
    )
    .unwrap_err();
    assert!(
        long.len() < 300 && long.contains("(100002 bytes)"),
        "{long}"
    );
    assert_eq!(
        check(r#"{"n": [1]}"#, r#"{"n": [1, 2]}"#),
        Err("`n` is [1, 2], expected [1]".to_owned())
    );
    assert_eq!(
        check(r#"{"a b": [1, {"c": int}]}"#, r#"{"a b": [1, {"c": ""}]}"#),
        Err(r#"`["a b"][1].c` is "", expected an integer"#.to_owned())
    );
}
