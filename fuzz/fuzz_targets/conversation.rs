//! See `src/conversation.rs`. Inputs are scenarios, and are changed step by step (`src/mutate.rs`).

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_crossover, fuzz_mutator, fuzz_target, fuzzer_mutate};
use litespec::scenario::syntax::Role;
use litespec_fuzz::{Input, conversation, mutate};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    match conversation::check(bytes) {
        Input::Used => Corpus::Keep,
        Input::Refused => Corpus::Reject,
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    match mutate::scenario(&data[..size], Role::Client, max_size, seed) {
        Some(text) => mutate::put(&text, data),
        // Now and then, and where the input is no scenario, byte by byte.
        None => fuzzer_mutate(data, size, max_size),
    }
});

fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| {
    match mutate::cross(one, other, Role::Client, out.len(), seed) {
        Some(text) => mutate::put(&text, out),
        None => mutate::put(one, out),
    }
});
