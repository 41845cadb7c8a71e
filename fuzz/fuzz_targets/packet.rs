//! Any bytes: the three readers agree with the JSON policy and with each other, and what decodes
//! survives being encoded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use litespec::protocol::codec::{decode, encode, validate};
use litespec::protocol::error::{DecodeError, DecodeFault};
use litespec::protocol::json::Json;
use litespec::protocol::limits::MAX_SIZE;
use serde::de::IgnoredAny;

fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

fuzz_target!(|bytes: &[u8]| {
    if bytes.len() > MAX_SIZE {
        return;
    }
    let verdict = validate(bytes);
    match verdict {
        Ok(()) => assert!(is_json(bytes), "taken, but not JSON"),
        Err(error) => assert!(
            error.is_limit() || !is_json(bytes),
            "refused, but JSON: {error}"
        ),
    }

    let tree = Json::parse(bytes);
    assert_eq!(
        tree.as_ref().err(),
        verdict.as_ref().err(),
        "tree and scanner differ"
    );
    if let Ok(tree) = tree {
        let printed = Json::parse(tree.to_string().as_bytes()).expect("what is printed is JSON");
        assert!(
            printed == tree && printed.same_as(&tree),
            "printing changed the tree"
        );
    }

    match decode(bytes) {
        Ok(packet) => {
            let text = encode(&packet);
            assert_eq!(
                decode(text.as_bytes()),
                Ok(packet),
                "encoding changed the packet"
            );
        }
        Err(DecodeError {
            offset,
            fault: DecodeFault::Json(fault),
        }) => {
            let expected = verdict.expect_err("the codec calls it no JSON");
            assert_eq!(
                (offset, fault),
                (expected.offset, expected.fault),
                "codec and scanner differ"
            );
        }
        Err(_) => assert!(
            verdict.is_ok(),
            "an error of the packet in what is not JSON"
        ),
    }
});
