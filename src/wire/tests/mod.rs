//! Tests of the wire, by what they are about. tungstenite is the second opinion.

mod conn;
mod frames;
mod listen;
mod malformed;
mod memory;
mod messages;
mod open;
mod target;
mod tcp;
mod upgrade;
mod visitors;

use super::fault::FrameFault;
use super::frame::{OutFrame, Side};
use super::limits::Limits;
use super::message::{Decoder, Incoming};

/// What a decoder makes of `bytes`, cut into pieces of the lengths `cuts`, over and over, and the
/// end of the stream. Also the most it held at any time.
fn decode(side: Side, limits: &Limits, bytes: &[u8], cuts: &[usize]) -> (Vec<Incoming>, usize) {
    let mut decoder = Decoder::new(side, limits);
    let (mut items, mut held) = (Vec::new(), 0);
    for mut piece in chop(bytes, cuts) {
        while let Some(item) = decoder.next(&mut piece) {
            items.push(item);
            held = held.max(decoder.held());
        }
        assert!(piece.is_empty(), "it stopped within a piece");
        held = held.max(decoder.held());
    }
    items.extend(decoder.cut_short().map(Incoming::Fault));
    (items, held)
}

/// `bytes` in pieces of the lengths `cuts`, over and over; in one piece without cuts.
fn chop<'a>(mut bytes: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut cuts = cuts.iter().cycle();
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let cut = cuts
            .next()
            .map_or(usize::MAX, |&cut| cut.max(1))
            .min(bytes.len());
        let (piece, rest) = bytes.split_at(cut);
        bytes = rest;
        Some(piece)
    })
}

/// The bytes of frames.
fn encode(frames: &[OutFrame<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        frame.encode_into(&mut bytes);
    }
    bytes
}

/// A text message as it comes.
fn text(text: &str, frames: u32) -> Incoming {
    Incoming::Text {
        text: Ok(text.to_owned()),
        frames,
    }
}

fn fault(fault: FrameFault) -> Incoming {
    Incoming::Fault(fault)
}
