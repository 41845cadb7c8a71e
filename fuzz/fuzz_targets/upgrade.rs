//! See `src/upgrade.rs`.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use litespec_fuzz::{Input, upgrade};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    match upgrade::check(bytes) {
        Input::Used => Corpus::Keep,
        Input::Refused => Corpus::Reject,
    }
});
