//! Any bytes: the three readers agree with the JSON policy, with serde_json and with each other, on
//! what is JSON and on every value in it, and what decodes survives being encoded.

mod same;

use litespec::protocol::codec::{decode, encode, validate};
use litespec::protocol::error::{DecodeError, DecodeFault};
use litespec::protocol::json::{Json, JsonError};
use litespec::protocol::limits::MAX_SIZE;
use litespec::protocol::packet::{Packet, Raw, Str};
use serde::de::IgnoredAny;

use super::Input;

/// The policy in its own words.
fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// One input in so many, by its content, is looked at thoroughly, values and all. Of the others only
/// whether they are JSON is compared: a search is more than twice as fast by that.
const THOROUGHLY: usize = 8;

/// Reads bytes; now and then in every way there is.
pub fn check(bytes: &[u8]) -> Input {
    // Its last bytes and its length say which inputs those are: to read them all would take as long again.
    let last = bytes.iter().rev().take(8);
    let sum = last.fold(bytes.len(), |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(*byte))
    });
    if bytes.len() > MAX_SIZE {
        return Input::Refused;
    }
    if sum % THOROUGHLY == 0 {
        return thoroughly(bytes);
    }
    let limit = |offset, fault| JsonError { offset, fault }.is_limit();
    match decode(bytes) {
        Err(DecodeError {
            fault: DecodeFault::Json(fault),
            offset,
        }) => assert!(
            limit(offset, fault) || !is_json(bytes),
            "refused, but JSON: {fault}"
        ),
        Ok(_) | Err(_) => assert!(is_json(bytes), "taken, but not JSON"),
    }
    Input::Used
}

/// Reads bytes in every way there is.
pub fn thoroughly(bytes: &[u8]) -> Input {
    if bytes.len() > MAX_SIZE {
        return Input::Refused;
    }
    let verdict = validate(bytes);
    let tree = Json::parse(bytes);
    assert_eq!(
        tree.as_ref().err(),
        verdict.as_ref().err(),
        "tree and scanner differ"
    );
    match &tree {
        Ok(tree) => {
            values(bytes, tree);
            printed(tree);
        }
        Err(error) if error.is_limit() => {}
        Err(error) => assert!(!is_json(bytes), "refused, but JSON: {error}"),
    }
    packet(bytes, tree.as_ref());
    Input::Used
}

/// What the tree takes is JSON and has serde_json's values.
fn values(bytes: &[u8], tree: &Json) {
    let text = std::str::from_utf8(bytes).expect("taken, but not UTF-8");
    // Whatever serde_json reads into values, it takes for JSON: one reading does for both.
    if !same::values(text, tree) {
        assert!(is_json(bytes), "taken, but not JSON");
        assert!(same::beyond_values(tree, 1), "serde_json takes no values");
    }
}

/// Printing changes nothing.
fn printed(tree: &Json) {
    let printed = tree.to_string();
    let again = Json::parse(printed.as_bytes()).expect("what is printed is JSON");
    assert_eq!(&again, tree, "printing changed the tree");
    assert!(again.same_as(tree), "equal, but not the same");
}

/// The codec agrees with the tree.
fn packet(bytes: &[u8], tree: Result<&Json, &JsonError>) {
    match (decode(bytes), tree) {
        (Ok(packet), Ok(tree)) => {
            members(&packet, tree);
            let text = encode(&packet);
            assert_eq!(
                decode(text.as_bytes()),
                Ok(packet),
                "encoding changed the packet"
            );
        }
        (Ok(packet), Err(error)) => panic!("decoded, but not JSON: {packet:?}, {error}"),
        (
            Err(DecodeError {
                offset,
                fault: DecodeFault::Json(fault),
            }),
            tree,
        ) => {
            let expected = tree.expect_err("the codec calls it no JSON");
            assert_eq!(
                (offset, fault),
                (expected.offset, expected.fault),
                "codec and scanner differ"
            );
        }
        (Err(_), tree) => assert!(tree.is_ok(), "an error of the packet in what is not JSON"),
    }
}

/// The packet's members are the tree's.
fn members(packet: &Packet<'_>, tree: &Json) {
    let number = u64::from(packet.op().number());
    assert_eq!(tree.get("op").and_then(Json::as_u64), Some(number));
    let raw = |name: &str, raw: &Raw<'_>| {
        let read = Json::parse(raw.as_bytes());
        assert_eq!(read.as_ref().ok(), tree.get(name), "another {name}");
    };
    let string = |name: &str, text: &Str<'_>| {
        let text = text.to_text();
        let read = tree.get(name).and_then(Json::as_text);
        assert_eq!(Some(&text), read, "another {name}");
    };
    match packet {
        Packet::Hello { hb_interval } => assert_eq!(
            litespec::oracle::interval(tree),
            Some(hb_interval.duration()),
            "another interval"
        ),
        Packet::HelloAck { password } => string("password", password),
        Packet::Heartbeat | Packet::HeartbeatAck => {}
        Packet::Request { w, a, n } => {
            string("w", w);
            raw("a", a);
            raw("n", n);
        }
        Packet::Response { n, r } => {
            raw("n", n);
            raw("r", r);
        }
        Packet::Dispatch { w, a } => {
            string("w", w);
            raw("a", a);
        }
    }
}
