//! Does nothing: what an execution costs by itself. A yardstick, no test.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|_bytes: &[u8]| {});
