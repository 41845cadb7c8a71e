//! Defects of the close frame and of the end behind it.

use super::super::wire::{AS_IS, End, Frame, Wire};
use super::{Member, defect};

const FRAME: &str = "close.frame";
const ENDS: &str = "close.ends";

/// Ends behind one code in another way.
macro_rules! ends {
    ($code:literal, $end:ident) => {
        Wire {
            end: |code| match code {
                Some($code) => End::$end,
                _ => End::Awaited,
            },
            ..AS_IS
        }
    };
}

/// Writes another body into the close frame of one code.
macro_rules! bodies {
    ($code:literal, $body:expr) => {
        Wire {
            frames: Some(|frame| {
                let body: fn(&[u8]) -> Vec<u8> = $body;
                match frame.code() {
                    Some($code) => vec![Frame {
                        payload: body(&frame.payload),
                        ..frame
                    }],
                    _ => vec![frame],
                }
            }),
            ..AS_IS
        }
    };
}

pub(super) const DEFECTS: &[Member] = &[
    defect(
        "no-frame-4001",
        FRAME,
        "A wrong password ends the TCP connection without a close frame.",
    )
    .wire(ends!(4001, NoFrame)),
    defect(
        "no-frame-4002",
        FRAME,
        "An early request ends the TCP connection without a close frame.",
    )
    .wire(ends!(4002, NoFrame)),
    defect(
        "no-frame-4003",
        FRAME,
        "A silent client's TCP connection is ended without a close frame.",
    )
    .wire(ends!(4003, NoFrame)),
    defect(
        "reset-4003",
        FRAME,
        "A silent client's TCP connection is reset.",
    )
    .wire(ends!(4003, ResetInstead)),
    defect(
        "frame-lost-under-traffic",
        FRAME,
        "The socket is closed with data unread, so that a reset takes the close frame with it.",
    )
    .wire(Wire {
        sips: true,
        ..ends!(4001, ResetIfUnread)
    }),
    defect(
        "no-code-4001",
        FRAME,
        "A wrong password closes with a frame that has no code.",
    )
    .wire(bodies!(4001, |_| Vec::new())),
    defect(
        "no-code-4003",
        FRAME,
        "A silent client is closed with a frame that has no code.",
    )
    .wire(bodies!(4003, |_| Vec::new())),
    defect(
        "code-byte-order",
        FRAME,
        "The code of 4002 is written with its low byte first.",
    )
    .wire(bodies!(4002, |body| body[..2]
        .iter()
        .rev()
        .chain(&body[2..])
        .copied()
        .collect())),
    defect(
        "code-in-the-reason",
        FRAME,
        "A silent client is closed with 1000 and the real code in the reason.",
    )
    .wire(bodies!(4003, |_| b"\x03\xe84003".to_vec())),
    defect(
        "left-open-4001",
        ENDS,
        "Behind the refusal of a password the TCP connection stays open.",
    )
    .wire(ends!(4001, LeftOpen)),
    defect(
        "left-open-4003",
        ENDS,
        "Behind a heartbeat timeout the TCP connection stays open.",
    )
    .wire(ends!(4003, LeftOpen)),
];
