//! One direction of a connection, its bytes in pieces.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use litespec::wire::memory::MemoryStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::sleep;

/// How long all delays of one direction may take together: far less than any timer of the peers.
const DELAYS: Duration = Duration::from_secs(1);

/// Pieces of the HTTP heads are no smaller: the client's tungstenite takes a head in more than 64 small
/// ones for an attack.
const OF_HEAD: usize = 8;

/// So many bytes, so much later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// At least 1.
    pub(super) bytes: usize,
    /// How long they are held back; what comes meanwhile travels with them.
    pub(super) delay: Duration,
}

/// Passes bytes on, in these pieces over and over; as they come if there are none. Ends with either
/// end of the stream, and when the connection is cut.
pub(super) async fn relay(
    mut from: ReadHalf<MemoryStream>,
    mut to: WriteHalf<MemoryStream>,
    pieces: Arc<[Piece]>,
    mut cut: watch::Receiver<()>,
) {
    let passing = pass(&mut from, &mut to, &pieces);
    tokio::select! {
        biased;
        _ = cut.changed() => {}
        () = passing => {
            let _ = to.shutdown().await;
        }
    }
}

async fn pass(
    from: &mut ReadHalf<MemoryStream>,
    to: &mut WriteHalf<MemoryStream>,
    pieces: &[Piece],
) {
    let mut held = VecDeque::new();
    let mut buffer = [0; 4096];
    let mut patience = DELAYS;
    let mut next = 0;
    // The HTTP head, until it has ended.
    let mut head = Some(Vec::<u8>::new());
    loop {
        if held.is_empty() {
            match from.read(&mut buffer).await {
                Ok(count @ 1..) => held.extend(&buffer[..count]),
                _ => return,
            }
        }
        let size = match pieces {
            [] => held.len(),
            pieces => {
                let piece = pieces[next % pieces.len()];
                next += 1;
                let delay = piece.delay.min(patience);
                if !delay.is_zero() {
                    patience -= delay;
                    sleep(delay).await;
                    more(from, &mut held, &mut buffer).await;
                }
                let least = if head.is_some() { OF_HEAD } else { 1 };
                piece.bytes.max(least).min(held.len())
            }
        };
        let piece: Vec<u8> = held.drain(..size).collect();
        if let Some(bytes) = &mut head {
            bytes.extend(&piece);
            if bytes.windows(4).any(|end| end == b"\r\n\r\n") {
                head = None;
            }
        }
        if to.write_all(&piece).await.is_err() {
            return;
        }
        // The reader gets its turn before the next piece joins this one.
        yield_now().await;
    }
}

/// Takes what has come meanwhile.
async fn more(from: &mut ReadHalf<MemoryStream>, held: &mut VecDeque<u8>, buffer: &mut [u8]) {
    tokio::select! {
        biased;
        Ok(count) = from.read(buffer) => held.extend(&buffer[..count]),
        () = std::future::ready(()) => {}
    }
}
