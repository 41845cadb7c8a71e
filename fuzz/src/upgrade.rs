//! Heads out of any bytes, read as a response and as a request: however they are cut the judgement
//! is the same, no more bytes are used than there are, and no error prints control characters.
//!
//! The first byte of an input says how the bytes are cut.

use litespec::wire::accept::ServerHandshake;
use litespec::wire::upgrade::ClientHandshake;
use litespec::wire::{Limits, Offer, OpenError, Target};

use super::Input;
use super::cut::pieces;

/// Reads heads.
pub fn check(input: &[u8]) -> Input {
    let Some((&how, bytes)) = input.split_first() else {
        return Input::Refused;
    };
    let limits = Limits {
        head: 4096,
        headers: 20,
        ..Limits::default()
    };
    let target = Target::parse("ws://h/").expect("a right URL");

    let response = |how| {
        // The same seed, so the same key each time: a seed of the corpus has its answer.
        let mut rng = fastrand::Rng::with_seed(0);
        let handshake = ClientHandshake::new(&target, &Offer::default(), &limits, &mut rng);
        let mut handshake = handshake.expect("a right offer");
        read(bytes, how, |piece| handshake.read(piece))
    };
    assert_eq!(
        response(Some(how)),
        response(None),
        "cutting changed a response"
    );

    let request = |how| {
        let mut handshake = ServerHandshake::new(&limits);
        read(bytes, how, |piece| handshake.read(piece))
    };
    let whole = request(None);
    assert_eq!(request(Some(how)), whole, "cutting changed a request");
    if let Ok(Some((request, _))) = whole {
        let _ = request.acceptance(&[]).expect("no header but ours");
        for fault in &request.faults {
            assert_prints(&fault.to_string());
        }
    }
    Input::Used
}

/// What comes of the bytes, whole or cut. How a peer that speaks no HTTP begins depends on the cuts, so
/// it is left out.
fn read<T>(
    bytes: &[u8],
    how: Option<u8>,
    mut read: impl FnMut(&[u8]) -> Result<Option<(T, usize)>, OpenError>,
) -> Result<Option<(T, usize)>, OpenError> {
    let cut: Vec<&[u8]> = match how {
        Some(how) => pieces(bytes, how).collect(),
        None if bytes.is_empty() => Vec::new(),
        None => vec![bytes],
    };
    let mut before = 0;
    for piece in cut {
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
