//! What a played case comes to.

use std::collections::BTreeSet;

use crate::outcome::{Dir, Entry, EntryKind};
use crate::play::{Broken, Ended, Played, Redactor};
use crate::protocol::rules::Level;

/// A HELLO that waits no longer than this, in milliseconds, was answered at once.
const PROMPT_MS: f64 = 200.0;

/// What a played case comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Everything that must come came.
    Pass,
    /// No judgement, for this reason.
    Unknown(String),
    /// A rule was broken.
    Fail(Box<Broken>),
    /// The target did not take a connection, or cut one off: whether it lives has to be seen first.
    CutOff(Box<Broken>),
}

/// Judges a played case: of all that is broken, what binds most, and of those what the watch saw, which
/// knows the rule better than the line that stumbled over it.
pub fn judge(played: &Played, redactor: &Redactor) -> Verdict {
    let watched = played.breaches.iter().map(|(breach, place)| Broken {
        rule: breach.rule().to_owned(),
        level: breach.level(),
        expected: breach.expected(),
        actual: redactor.redact(&breach.actual()),
        hint: None,
        place: place.clone(),
    });
    let line = match &played.ended {
        Ended::Failed(broken) | Ended::Prerequisite(broken) => Some((**broken).clone()),
        _ => None,
    };
    let mut broken: Vec<Broken> = watched.chain(line).collect();
    broken.retain(|broken| broken.level != Level::Open);
    // Stable: among equals the first stays first.
    broken.sort_by_key(|broken| broken.level != Level::Must);
    if let Some(worst) = broken.into_iter().next() {
        if kept_waiting(played) {
            let why = "closed before we had answered HELLO: how long it waits for that is open";
            return Verdict::Unknown(why.to_owned());
        }
        let cut = cut_off(played) && matches!(played.ended, Ended::Failed(_));
        return if cut {
            Verdict::CutOff(Box::new(worst))
        } else {
            Verdict::Fail(Box::new(worst))
        };
    }
    match &played.ended {
        Ended::Passed | Ended::Skipped(_) => Verdict::Pass,
        Ended::Unreachable(broken) => Verdict::CutOff(broken.clone()),
        Ended::Failed(broken) | Ended::Prerequisite(broken) => Verdict::Unknown(format!(
            "expected {}, got {}",
            broken.expected, broken.actual
        )),
        Ended::Inconclusive { reason, .. } | Ended::Error(reason) => {
            Verdict::Unknown(reason.clone())
        }
    }
}

/// Whether the target ended a connection whose HELLO we had left unanswered for a while, as cases of several
/// connections do where others are slow to come about.
fn kept_waiting(played: &Played) -> bool {
    let of = |name: &str| {
        let name = name.to_owned();
        played.transcript.iter().filter(move |e| e.conn == name)
    };
    let names: BTreeSet<&str> = played.transcript.iter().map(|e| e.conn.as_str()).collect();
    names.into_iter().any(|name| {
        let theirs = |entry: &&Entry| entry.dir == Dir::Received && !entry.auto;
        let ours = |entry: &&Entry| {
            entry.dir == Dir::Sent && !entry.auto && entry.kind != EntryKind::Connect
        };
        let Some(hello) = of(name).find(theirs).filter(|e| e.kind == EntryKind::Text) else {
            return false;
        };
        let Some(end) = of(name).find(|entry| theirs(entry) && ends(entry)) else {
            return false;
        };
        let answered = of(name).find(ours).map_or(f64::INFINITY, |sent| sent.at_ms);
        answered.min(end.at_ms) - hello.at_ms >= PROMPT_MS
    })
}

fn ends(entry: &Entry) -> bool {
    matches!(
        entry.kind,
        EntryKind::Close | EntryKind::Eof | EntryKind::Reset
    )
}

/// Whether a connection ended without a close frame.
fn cut_off(played: &Played) -> bool {
    played
        .transcript
        .iter()
        .any(|entry| matches!(entry.kind, EntryKind::Eof | EntryKind::Reset))
}
