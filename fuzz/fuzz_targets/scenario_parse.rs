//! See `src/scenario_parse.rs`.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use litespec_fuzz::{Input, scenario_parse};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    match scenario_parse::check(bytes) {
        Input::Used => Corpus::Keep,
        Input::Refused => Corpus::Reject,
    }
});
