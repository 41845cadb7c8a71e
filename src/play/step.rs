//! Stepping: somebody else says when each send of a scenario may go out.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

use super::ended::Ended;
use super::player::Player;
use super::send::Ready;
use crate::outcome::EntryKind;

/// How long a wait is that has no end of its own.
const LONG: Duration = Duration::from_secs(3600);

/// What is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The scenario's id.
    pub scenario: String,
    /// The file of the line, and the line's number from 1.
    pub place: (String, u32),
    /// The lines as a scenario spells them, one for each packet or frame; secrets as variables.
    pub lines: Vec<String>,
}

/// Says when a send may go out.
pub trait Gate: Send + Sync + std::fmt::Debug {
    /// Ready when the send may go out. Meanwhile the player reads on, and its background traffic
    /// goes on.
    fn pass(&self, sending: Sending) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

impl Player<'_> {
    /// Waits at the gate, where there is one.
    pub(super) async fn at_the_gate(&mut self, sends: &[(&str, &Ready)]) -> Result<(), Ended> {
        let Some(gate) = self.settings.gate.clone() else {
            return Ok(());
        };
        let mut passed = gate.pass(Sending {
            scenario: self.id.clone(),
            place: (self.source.path.clone(), self.span.line),
            lines: sends
                .iter()
                .map(|(conn, ready)| line(conn, ready))
                .collect(),
        });
        loop {
            tokio::select! {
                biased;
                () = passed.as_mut() => return Ok(()),
                woke = self.pump(Instant::now() + LONG) => woke?,
            };
        }
    }
}

/// A send as a line of a scenario.
fn line(conn: &str, ready: &Ready) -> String {
    let word = match ready.kind {
        EntryKind::Text | EntryKind::Connect => "",
        EntryKind::Binary => "binary ",
        EntryKind::Ping => "ping ",
        EntryKind::Pong => "pong ",
        EntryKind::Close => "close ",
        EntryKind::Raw => "raw ",
        EntryKind::Eof => "eof",
        EntryKind::Reset => "reset",
    };
    let line = format!("{conn}> {word}{}", ready.shown);
    line.trim_end().to_owned()
}
