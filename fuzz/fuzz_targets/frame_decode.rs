//! See `src/frame_decode.rs`.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use litespec_fuzz::{Input, frame_decode};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    match frame_decode::check(bytes) {
        Input::Used => Corpus::Keep,
        Input::Refused => Corpus::Reject,
    }
});
