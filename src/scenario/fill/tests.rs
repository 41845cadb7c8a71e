//! Holes filled: what goes out, and what is shown of it.

use super::*;
use crate::scenario::syntax::{Send, Span};
use crate::scenario::tests::{json, send};

fn env() -> Env {
    let mut env = Env::new("pässWord");
    env.set("n", json(r#"[1.0, "a\"b"]"#));
    env.set("s", json(r#""x\ud800""#));
    env
}

fn packet(text: &str, env: &Env) -> Result<Filled, FillError> {
    match send(text) {
        Send::Packet(packet) => template(&packet, env),
        other => panic!("{other:?}"),
    }
}

fn bytes(text: &str, env: &Env) -> Result<FilledPayload, FillError> {
    match send(&format!("text {text}")) {
        Send::Text(bytes) => payload(&bytes, env),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_packet_goes_out_as_it_is_spelled_but_for_its_holes() {
    let filled = packet(
        r#"{ "op":4.0 , "n": $n, "m":"<${n}>", "l":"$${n}\/"}"#,
        &env(),
    )
    .unwrap();
    assert_eq!(
        filled.wire,
        r#"{ "op":4.0 , "n": [1.0,"a\"b"], "m":"<[1.0,\"a\\\"b\"]>", "l":"${n}\/"}"#
    );
    assert_eq!(
        filled.shown,
        r#"{ "op":4.0 , "n": [1.0,"a\"b"], "m":"<[1.0,\"a\\\"b\"]>", "l":"$${n}\/"}"#
    );
    json(&filled.wire);
}

#[test]
fn secrets_are_on_the_wire_and_never_shown() {
    let mut env = env();
    let near = packet(r#"["not-${password}", "${password|chop}"]"#, &env).unwrap();
    assert_eq!(near.wire, r#"["not-pässWord", "pässWor"]"#);
    assert_eq!(near.shown, r#"["not-${password}", "${password|chop}"]"#);

    let Send::Packet(value_of_each) = send("\"not-${password}\"") else {
        panic!()
    };
    env.set_value("pw", value(&value_of_each, &env).unwrap());
    let filled = packet(r#"{"password": $pw, "again": "${pw}"}"#, &env).unwrap();
    assert_eq!(
        filled.wire,
        r#"{"password": "not-pässWord", "again": "not-pässWord"}"#
    );
    assert_eq!(
        filled.shown,
        r#"{"password": "not-${password}", "again": "${pw}"}"#
    );
    assert_eq!(
        bytes("$pw \"${password}\"", &env).unwrap().shown,
        "$pw \"${password}\""
    );
}

#[test]
fn a_value_of_each_keeps_its_spelling() {
    let mut env = Env::empty();
    for spelled in ["2e0", r#""\u0041""#, "[ 1.50 ]"] {
        let Send::Packet(each) = send(spelled) else {
            panic!()
        };
        env.set_value("e", value(&each, &env).unwrap());
        assert_eq!(
            packet(r#"{"op": $e}"#, &env).unwrap().wire,
            format!("{{\"op\": {spelled}}}")
        );
    }
}

#[test]
fn filters_make_near_misses() {
    let bent = |text: &str, filter| bend(&Text::from(text), filter).to_str_lossy().into_owned();
    assert_eq!(bent("aé", Filter::Chop), "a");
    assert_eq!(bent("aÉ1ß", Filter::Swapcase), "Aé1SS");
    assert_eq!(bent("", Filter::Pad), " ");
    assert_eq!(bent("é", Filter::Nfd), "e\u{301}");
    assert_eq!(bent("é", Filter::Empty), "");
}

#[test]
fn a_filter_that_changes_nothing_is_an_error_of_its_own() {
    let mut env = Env::new("123");
    env.set("empty", json("\"\""));
    for (hole, filter) in [
        ("password|swapcase", Filter::Swapcase),
        ("password|nfd", Filter::Nfd),
        ("empty|chop", Filter::Chop),
        ("empty|empty", Filter::Empty),
    ] {
        let name = hole.split('|').next().unwrap().to_owned();
        let error = packet(&format!("\"${{{hole}}}\""), &env).unwrap_err();
        assert_eq!(error, FillError::Unchanged { name, filter });
    }
}

#[test]
fn lone_surrogates_survive() {
    assert_eq!(
        packet(r#""${s}${s|swapcase}""#, &env()).unwrap().wire,
        r#""x\ud800X\ud800""#
    );
    assert_eq!(
        bytes("$s \"\\udc00\"", &env()).unwrap().bytes,
        b"x\xed\xa0\x80\xed\xb0\x80"
    );
}

#[test]
fn payloads_join_strings_bytes_and_variables() {
    let filled = bytes(r#""é\n" * 2 0xff00 $n "${s|chop}""#, &env()).unwrap();
    assert_eq!(
        filled.bytes,
        b"\xc3\xa9\n\xc3\xa9\n\xff\x00[1.0,\"a\\\"b\"]x"
    );
    assert_eq!(filled.shown, r#""é\n" * 2 0xff00 "[1.0,\"a\\\"b\"]" "x""#);
}

#[test]
fn parts_stay_apart_for_fragments() {
    let Send::Fragments(fragments) = send("fragments \"ab\" \"c\" * 131000") else {
        panic!()
    };
    let parts: Vec<_> = parts(&fragments, &env())
        .unwrap()
        .into_iter()
        .map(|part| (part.bytes, part.times))
        .collect();
    assert_eq!(parts, [(b"ab".to_vec(), 1), (b"c".to_vec(), 131_000)]);
}

#[test]
fn a_payload_may_be_as_long_as_the_limit_and_no_byte_longer() {
    let length = |times: usize| {
        let Send::Fragments(fragments) = send(&format!("fragments \"abcdefgh\" * {times}")) else {
            panic!()
        };
        parts(&fragments, &env()).map(|parts| parts[0].bytes.len() * parts[0].times as usize)
    };
    assert_eq!(length(MAX_PAYLOAD / 8), Ok(MAX_PAYLOAD));
    assert_eq!(length(MAX_PAYLOAD / 8 + 1), Err(FillError::TooLong));
}

#[test]
fn a_payload_beyond_the_limit_and_a_variable_without_a_value_are_errors() {
    assert_eq!(bytes("\"ab\" * 40000000", &env()), Err(FillError::TooLong));
    assert_eq!(
        packet("$nope", &env()),
        Err(FillError::Unbound {
            name: "nope".to_owned()
        })
    );
}

#[test]
fn what_is_shown_reads_as_the_same_packet_again() {
    let mut env = env();
    env.set("dollar", json("\"$\""));
    env.set("hole", json("\"${password}\""));
    for text in [
        r#""${dollar}{x}""#,
        r#""${dollar}${password}""#,
        r#"[$hole, "${hole}", "${dollar}"]"#,
    ] {
        let filled = packet(text, &env).unwrap();
        assert_eq!(
            packet(&filled.shown, &env)
                .unwrap()
                .wire
                .replace("\\u0024", "$"),
            filled.wire,
            "{}",
            filled.shown
        );
    }
}

#[test]
fn a_filter_outside_a_string_bends_too_and_shows_no_secret() {
    let hole = Hole {
        name: "password".to_owned(),
        filter: Some(Filter::Chop),
        span: Span::default(),
    };
    let tree = Template {
        pieces: vec![Piece::Value(hole)],
    };
    let filled = template(&tree, &env()).unwrap();
    assert_eq!(
        (filled.wire.as_str(), filled.shown.as_str()),
        ("\"pässWor\"", "\"${password|chop}\"")
    );
}
