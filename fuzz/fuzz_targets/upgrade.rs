//! Heads out of any bytes, read as a response and as a request: however they are cut the judgement
//! is the same, no more bytes are used than there are, and no error prints control characters.
//!
//! The first byte of an input says how the bytes are cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use litespec::wire::accept::ServerHandshake;
use litespec::wire::upgrade::ClientHandshake;
use litespec::wire::{Limits, Offer, OpenError, Target};

fuzz_target!(|input: &[u8]| {
    let Some((&cut, bytes)) = input.split_first() else {
        return;
    };
    let limits = Limits {
        head: 4096,
        headers: 20,
        ..Limits::default()
    };
    let target = Target::parse("ws://h/").expect("a right URL");

    let response = |cut| {
        // The same seed, so the same key each time: a seed of the corpus has its answer.
        let mut rng = fastrand::Rng::with_seed(0);
        let handshake = ClientHandshake::new(&target, &Offer::default(), &limits, &mut rng);
        let mut handshake = handshake.expect("a right offer");
        read(bytes, cut, |piece| handshake.read(piece))
    };
    assert_eq!(
        response(usize::from(cut)),
        response(bytes.len()),
        "cutting changed a response"
    );

    let request = |cut| {
        let mut handshake = ServerHandshake::new(&limits);
        read(bytes, cut, |piece| handshake.read(piece))
    };
    let whole = request(bytes.len());
    assert_eq!(
        request(usize::from(cut)),
        whole,
        "cutting changed a request"
    );
    if let Ok(Some((request, _))) = whole {
        let _ = request.acceptance(&[]).expect("no header but ours");
        for fault in &request.faults {
            assert_prints(&fault.to_string());
        }
    }
});

/// What comes of `bytes` in pieces of `cut` bytes. How a peer that speaks no HTTP begins depends on
/// the cuts, so it is left out.
fn read<T>(
    bytes: &[u8],
    cut: usize,
    mut read: impl FnMut(&[u8]) -> Result<Option<(T, usize)>, OpenError>,
) -> Result<Option<(T, usize)>, OpenError> {
    let mut before = 0;
    for piece in bytes.chunks(cut.max(1)) {
        match read(piece) {
            Ok(None) => before += piece.len(),
            Ok(Some((head, used))) => {
                assert!(used <= piece.len(), "used {used} of {} bytes", piece.len());
                return Ok(Some((head, before + used)));
            }
            Err(error) => {
                assert_prints(&error.to_string());
                error.hint().iter().for_each(|hint| assert_prints(hint));
                return Err(match error {
                    OpenError::NotHttp { .. } => OpenError::NotHttp {
                        start: String::new(),
                    },
                    other => other,
                });
            }
        }
    }
    Ok(None)
}

fn assert_prints(text: &str) {
    assert!(
        !text.chars().any(char::is_control),
        "control characters in {text:?}"
    );
}
