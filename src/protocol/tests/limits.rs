//! What is long, wide or deep: taken up to the stated limits, refused beyond them.

use super::{check, is_json};
use crate::protocol::codec;
use crate::protocol::error::{JsonError, JsonFault};
use crate::protocol::json::Json;
use crate::protocol::limits::{MAX_DEPTH, MAX_SIZE};
use crate::protocol::packet::Raw;

fn nested(depth: usize, front: &str, middle: &str, back: &str) -> Vec<u8> {
    format!("{}{middle}{}", front.repeat(depth), back.repeat(depth)).into_bytes()
}

#[test]
fn depth_is_taken_up_to_the_limit_and_not_beyond() {
    for (front, middle, back, step) in [
        ("[", "", "]", 1),
        ("{\"a\":", "1", "}", 5),
        ("[1, {\"x\":", "[]", "}]", 5),
    ] {
        let levels = front.matches(['[', '{']).count();
        let most = (MAX_DEPTH - middle.matches('[').count()) / levels;
        assert_eq!(check(&nested(most - 1, front, middle, back)), Some(true));
        assert_eq!(check(&nested(most, front, middle, back)), Some(true));
        assert_eq!(check(&nested(most + 1, front, middle, back)), None);
        assert!(
            is_json(&nested(most + 1, front, middle, back)),
            "the limit is ours alone"
        );
        for depth in [10_000, 100_000] {
            assert_eq!(check(&nested(depth, front, middle, back)), None);
            assert_eq!(check(front.repeat(depth).as_bytes()), None);
        }
        if levels == 1 {
            let error = codec::validate(&nested(MAX_DEPTH + 1, front, middle, back));
            assert_eq!(
                error,
                Err(JsonError {
                    offset: MAX_DEPTH * step,
                    fault: JsonFault::TooDeep
                })
            );
        }
    }
}

#[test]
fn the_packets_own_object_counts_as_depth() {
    let packet = |depth| [b"{\"op\":2,\"x\":", &nested(depth, "[", "", "]")[..], b"}"].concat();
    assert_eq!(check(&packet(MAX_DEPTH - 1)), Some(true));
    assert!(codec::decode(&packet(MAX_DEPTH - 1)).is_ok());
    assert_eq!(check(&packet(MAX_DEPTH)), None);
    // What a packet is to hold leaves room for it.
    let value = |depth| "[".repeat(depth) + &"]".repeat(depth);
    assert!(Raw::parse(&value(MAX_DEPTH - 1)).is_ok());
    assert!(Raw::parse(&value(MAX_DEPTH)).is_err_and(|error| error.is_limit()));
}

#[test]
fn a_tree_can_be_given_a_limit_of_values() {
    let most = |text: &str, most| Json::parse_within(text.as_bytes(), most);
    for (text, values) in [
        ("1", 1),
        ("[]", 1),
        ("[1,[2],{}]", 5),
        (r#"{"a":{"b":null}}"#, 3),
    ] {
        assert!(most(text, values).is_ok(), "{text}");
        let error = most(text, values - 1).unwrap_err();
        assert_eq!(error.fault, JsonFault::TooMany(values - 1), "{text}");
        assert!(error.is_limit());
    }
}

#[test]
fn what_a_tree_holds_is_counted() {
    let held = |text: &str| Json::parse(text.as_bytes()).unwrap().held();
    let word = size_of::<usize>();
    assert!(held(&format!("[{}0]", "0,".repeat(999))) > 1000 * 3 * word);
    let text = format!(r#"{{"a":"{}"}}"#, "x".repeat(10_000));
    assert!((10_000..10_400).contains(&held(&text)), "{}", held(&text));
}

/// What a tree keeps outside its own value: each allocation's bytes and 16 for the allocator.
fn heap(tree: &Json) -> usize {
    match tree {
        Json::Null | Json::Bool(_) => 0,
        Json::Number(number) => number.spelling().len() + 16,
        Json::String(text) => text.as_bytes().len() + 16,
        Json::Array(items) => {
            items.iter().map(heap).sum::<usize>() + items.capacity() * size_of::<Json>() + 16
        }
        Json::Object(members) => {
            let inside = members
                .iter()
                .map(|(name, value)| name.as_bytes().len() + 16 + heap(value));
            inside.sum::<usize>() + members.capacity() * size_of_val(&members[0]) + 16
        }
    }
}

#[test]
fn what_a_tree_holds_is_counted_to_the_byte() {
    for text in [
        "null",
        "true",
        "-12.50",
        r#""abc""#,
        "[]",
        "[1,22,[333],\"x\"]",
        r#"{"a":1}"#,
        r#"{"abc":[{"de":null}],"f":"gh","i":[1,2,3,4,5]}"#,
    ] {
        let tree = Json::parse(text.as_bytes()).unwrap();
        assert_eq!(tree.held(), size_of::<Json>() + heap(&tree), "{text}");
    }
}

#[test]
fn what_is_no_json_at_all_is_no_matter_of_limits() {
    for text in ["[1", "{]", "\"\\x\""] {
        assert!(
            !Json::parse(text.as_bytes()).unwrap_err().is_limit(),
            "{text}"
        );
    }
}

#[test]
fn siblings_do_not_add_up_to_depth() {
    let wide = format!("[{}1]", "[[[]]],{\"a\":[{}]},".repeat(2_000));
    assert_eq!(check(wide.as_bytes()), Some(true));
}

#[test]
fn long_strings_and_many_members_are_json() {
    let string = format!("\"{}\"", "x".repeat(1_000_000));
    assert_eq!(check(string.as_bytes()), Some(true));
    assert_eq!(
        check(format!("{{\"op\":5,\"n\":{string},\"r\":1}}").as_bytes()),
        Some(true)
    );
    assert_eq!(check(&string.as_bytes()[..string.len() - 1]), Some(false));
    let members: Vec<_> = (0..100_000).map(|index| format!("\"{index}\":0")).collect();
    assert_eq!(
        check(format!("{{{}}}", members.join(",")).as_bytes()),
        Some(true)
    );
}

#[test]
fn size_is_taken_up_to_the_limit_and_not_beyond() {
    let packet = |size: usize| format!("{{\"op\":2{}}}", " ".repeat(size - 8));
    assert!(codec::decode(packet(MAX_SIZE).as_bytes()).is_ok());
    let error = codec::decode(packet(MAX_SIZE + 1).as_bytes()).unwrap_err();
    assert_eq!(error.offset, MAX_SIZE);
    assert!(codec::decode_within(packet(100).as_bytes(), 99).is_err());
    assert!(codec::decode_within(packet(100).as_bytes(), 100).is_ok());
    assert!(
        Json::parse(packet(MAX_SIZE + 1).as_bytes()).is_ok(),
        "trees leave the size to their caller"
    );
}
