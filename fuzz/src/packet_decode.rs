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

/// One input in so many, by its content, is looked at thoroughly; see [`check`].
const THOROUGHLY: u64 = 64;

/// Reads bytes: whether they are JSON, and if so, every value in them. What the readers say among
/// themselves (where the fault is, which members a packet has, that printing and encoding change
/// nothing) is looked at on one input in [`THOROUGHLY`]: an execution costs what it covers.
pub fn check(bytes: &[u8]) -> Input {
    // Its last bytes and its length say which inputs those are: to read them all would take longer.
    let last = bytes
        .last_chunk()
        .map_or(0, |last| u64::from_le_bytes(*last));
    let sum = (last ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    read(bytes, sum <= u64::MAX / THOROUGHLY)
}

/// Reads bytes in every way there is.
pub fn thoroughly(bytes: &[u8]) -> Input {
    read(bytes, true)
}

fn read(bytes: &[u8], thoroughly: bool) -> Input {
    if bytes.len() > MAX_SIZE {
        return Input::Refused;
    }
    let decoded = decode(bytes);
    if let Err(DecodeError {
        fault: DecodeFault::Json(fault),
        offset,
    }) = decoded
    {
        let error = JsonError { offset, fault };
        refused(bytes, &error);
        if thoroughly {
            assert_eq!(validate(bytes), Err(error), "codec and scanner differ");
            assert_eq!(Json::parse(bytes), Err(error), "codec and tree differ");
        }
        return Input::Used;
    }
    let tree = Json::parse(bytes).expect("the codec takes it for JSON, the tree does not");
    values(bytes, &tree);
    if thoroughly {
        assert_eq!(validate(bytes), Ok(()), "codec and scanner differ");
        printed(&tree);
        if let Ok(packet) = decoded {
            members(&packet, &tree);
            encoded(packet);
        }
    }
    Input::Used
}

/// What is refused is no JSON, or beyond a stated limit.
fn refused(bytes: &[u8], error: &JsonError) {
    assert!(
        error.is_limit() || !is_json(bytes),
        "refused, but JSON: {error}"
    );
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

/// Encoding changes nothing.
fn encoded(packet: Packet<'_>) {
    let text = encode(&packet);
    assert_eq!(
        decode(text.as_bytes()),
        Ok(packet),
        "encoding changed the packet"
    );
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
