//! Whether a target takes a dispatch that nobody declared: the text leaves it open, and what is judged
//! hangs on it.

use super::lanes::play_case;
use super::moves::{Act, Case, Conn, Move, Packet, Said, Spelling};
use super::script::Facts;
use crate::outcome::{Dir, EntryKind};
use crate::play::{Ended, Settings};

/// Whether the target goes on behind the dispatch, and says nothing to it. Of one that nobody declared
/// this is open.
pub async fn takes_dispatches(settings: &Settings, facts: &Facts) -> bool {
    let acts = [
        Act::Greet,
        Act::LogIn(Spelling::Plain),
        Act::Say {
            packets: vec![
                Said::plain(Packet::Dispatch),
                Said::plain(Packet::Heartbeat),
            ],
            wait: true,
        },
    ];
    let moves = acts.into_iter().map(|act| Move { conn: Conn(0), act });
    let case = Case {
        moves: moves.collect(),
    };
    let Some(played) = play_case(settings, facts, &case).await else {
        return false;
    };
    // An answer is a failure, which the campaign finds; a close is not.
    !played.transcript.iter().any(|entry| {
        let ends = matches!(
            entry.kind,
            EntryKind::Close | EntryKind::Eof | EntryKind::Reset
        );
        ends && !entry.auto && entry.dir == Dir::Received && !matches!(played.ended, Ended::Passed)
    })
}
