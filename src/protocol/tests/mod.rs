//! What holds for every input: the JSON policy, the packets, the numbers.

mod generate;
mod limits;
mod packets;
mod policy;
mod trees;

use serde::de::IgnoredAny;

use super::codec;
use super::error::{DecodeError, DecodeFault, JsonFault};
use super::json::Json;
use super::limits::{MAX_DEPTH, MAX_SIZE};

/// The policy itself.
fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// Checks that every reader here takes what the policy takes and gives one and the same error
/// otherwise; whether it is JSON, or none where the depth limit answered.
#[track_caller]
fn check(bytes: &[u8]) -> Option<bool> {
    let shown = || String::from_utf8_lossy(&bytes[..bytes.len().min(400)]).into_owned();
    let verdict = codec::validate(bytes);
    assert_eq!(
        Json::parse(bytes).err(),
        verdict.err(),
        "tree and scanner differ: {}",
        shown()
    );
    if bytes.len() <= MAX_SIZE {
        let as_packet = match codec::decode(bytes) {
            Err(DecodeError {
                offset,
                fault: DecodeFault::Json(fault),
            }) => Some((offset, fault)),
            _ => None,
        };
        let expected = verdict.err().map(|error| (error.offset, error.fault));
        assert_eq!(as_packet, expected, "codec and scanner differ: {}", shown());
    }
    match verdict {
        Ok(()) => assert!(is_json(bytes), "taken, but not JSON: {}", shown()),
        Err(error) if error.fault == JsonFault::TooDeep => {
            let brackets = bytes[..=error.offset]
                .iter()
                .filter(|byte| matches!(byte, b'[' | b'{'))
                .count();
            assert!(brackets > MAX_DEPTH, "called too deep: {}", shown());
            return None;
        }
        Err(error) => {
            assert!(!is_json(bytes), "refused ({error}), but JSON: {}", shown());
            assert!(error.offset <= bytes.len());
        }
    }
    Some(verdict.is_ok())
}
