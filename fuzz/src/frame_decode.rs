//! Frames out of any bytes: however they are cut the items are the same, memory stays within the
//! limits, and tungstenite reads the same up to the first thing that is wrong.
//!
//! The first byte of an input says which side reads (bit 0) and how the bytes are cut (the rest).

use std::io::{self, Cursor, Read, Write};

use litespec::wire::message::Decoder;
use litespec::wire::{Incoming, Limits, Side};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

use super::Input;
use super::cut::pieces;

const LIMIT: usize = 4096;

/// Reads frames.
pub fn check(input: &[u8]) -> Input {
    let Some((&how, bytes)) = input.split_first() else {
        return Input::Refused;
    };
    let side = if how & 1 == 0 {
        Side::Client
    } else {
        Side::Server
    };
    let whole = decode(side, std::iter::once(bytes));
    assert_eq!(
        whole,
        decode(side, pieces(bytes, how >> 1)),
        "cutting changed the items"
    );

    let wrong = whole.iter().position(|item| {
        matches!(
            item,
            Incoming::Fault(_) | Incoming::Close(_) | Incoming::Text { text: Err(_), .. }
        )
    });
    let ours = &whole[..wrong.unwrap_or(whole.len())];
    let (theirs, end) = tungstenite(side, bytes);
    // It gives up at the first fragment with bad UTF-8, we tell at the message's end.
    let impatient = matches!(end, Some(Error::Utf8(_)));
    let reads_all = theirs.len() >= ours.len() || impatient;
    assert!(
        reads_all,
        "tungstenite refuses what we read: {ours:?} {theirs:?} {end:?}"
    );
    assert!(
        wrong.is_some() || theirs.len() <= ours.len(),
        "tungstenite reads more: {theirs:?}"
    );
    if impatient {
        let text = |item: &Incoming| matches!(item, Incoming::Text { .. });
        let rest = ours.get(theirs.len()..).unwrap_or_default();
        assert!(!rest.iter().any(text), "bad UTF-8 was read: {rest:?}");
    }
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(&without_count(ours), theirs);
    }
    Input::Used
}

fn decode<'b>(side: Side, pieces: impl Iterator<Item = &'b [u8]>) -> Vec<Incoming> {
    let limits = Limits {
        message: LIMIT,
        fragments: 64,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(side, &limits);
    let mut items = Vec::new();
    for mut piece in pieces {
        while let Some(item) = decoder.next(&mut piece) {
            assert!(decoder.held() <= 2 * LIMIT, "{} bytes held", decoder.held());
            items.push(item);
        }
        assert!(piece.is_empty(), "it stopped within a piece");
        assert!(decoder.held() <= 2 * LIMIT, "{} bytes held", decoder.held());
    }
    items
}

fn without_count(item: &Incoming) -> Incoming {
    match item.clone() {
        Incoming::Text { text, .. } => Incoming::Text { text, frames: 0 },
        Incoming::Binary { bytes, .. } => Incoming::Binary { bytes, frames: 0 },
        other => other,
    }
}

/// Gives bytes, drops what is written.
struct Deaf<'a>(Cursor<&'a [u8]>);

impl Read for Deaf<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Deaf<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What tungstenite reads before a close frame or an error, and the error.
fn tungstenite(side: Side, bytes: &[u8]) -> (Vec<Incoming>, Option<Error>) {
    let role = match side {
        Side::Client => Role::Client,
        Side::Server => Role::Server,
    };
    let limit = Some(LIMIT);
    let config = WebSocketConfig::default()
        .read_buffer_size(256)
        .max_message_size(limit)
        .max_frame_size(limit);
    let mut socket = WebSocket::from_raw_socket(Deaf(Cursor::new(bytes)), role, Some(config));
    let mut items = Vec::new();
    loop {
        items.push(match socket.read() {
            Ok(Message::Text(text)) => Incoming::Text {
                text: Ok(text.to_string()),
                frames: 0,
            },
            Ok(Message::Binary(bytes)) => Incoming::Binary {
                bytes: bytes.to_vec(),
                frames: 0,
            },
            Ok(Message::Ping(payload)) => Incoming::Ping(payload.to_vec()),
            Ok(Message::Pong(payload)) => Incoming::Pong(payload.to_vec()),
            Ok(Message::Close(_) | Message::Frame(_)) => return (items, None),
            Err(error) => return (items, Some(error)),
        });
    }
}
