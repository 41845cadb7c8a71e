//! Reads the bytes into serde_json's tree and does nothing with it. A yardstick, no test.

#![no_main]

use std::hint::black_box;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let _ = black_box(serde_json::from_slice::<Value>(black_box(bytes)));
});
