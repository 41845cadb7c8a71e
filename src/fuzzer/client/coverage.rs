//! Where a campaign against clients has been: state x what was sent x nasty class x kind of reply.

use std::collections::{BTreeMap, BTreeSet};

use super::super::coverage::{Place, Reached};
use super::super::nasty::Class;
use super::moves::{Case, Move};
use super::nasty;
use super::script::{HAIL, Script, Sent, State};
use crate::outcome::{Dir, Entry, EntryKind};

/// Cases that went where none had been are kept to be changed; so many at most.
const KEPT: usize = 256;

/// What came behind a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reply {
    /// Nothing, until the next send or the end.
    Nothing,
    /// HELLO_ACK.
    HelloAck,
    /// HEARTBEAT.
    Heartbeat,
    /// REQUEST.
    Request,
    /// DISPATCH.
    Dispatch,
    /// Another message.
    Message,
    /// What a driven client tells.
    Told,
    /// A close frame.
    Closed,
    /// The end of the stream, or a reset.
    Cut,
    /// Another connection.
    Reconnect,
    /// The client ended.
    Gone,
}

impl Reply {
    /// The reply in a word.
    pub fn word(self) -> &'static str {
        match self {
            Reply::Nothing => "nothing",
            Reply::HelloAck => "HELLO_ACK",
            Reply::Heartbeat => "HEARTBEAT",
            Reply::Request => "REQUEST",
            Reply::Dispatch => "DISPATCH",
            Reply::Message => "another message",
            Reply::Told => "told",
            Reply::Closed => "close",
            Reply::Cut => "cut off",
            Reply::Reconnect => "reconnect",
            Reply::Gone => "gone",
        }
    }
}

/// Where a campaign has been.
#[derive(Debug, Default)]
pub struct Coverage {
    cells: BTreeMap<(Sent, Reply), u64>,
    tried: BTreeMap<Sent, u64>,
    kept: Vec<Case>,
    next: usize,
}

impl Coverage {
    /// Counts what a case reached; keeps it if it is the first there.
    pub fn add(&mut self, case: &Case, replies: &[(Sent, Reply)]) {
        let mut fresh = false;
        for (sent, reply) in replies {
            *self.tried.entry(*sent).or_insert(0) += 1;
            let count = self.cells.entry((*sent, *reply)).or_insert(0);
            *count += 1;
            fresh |= *count == 1;
        }
        if !fresh {
            return;
        }
        if self.kept.len() < KEPT {
            self.kept.push(case.clone());
        } else {
            self.kept[self.next] = case.clone();
            self.next = (self.next + 1) % KEPT;
        }
    }

    /// One of the kept cases.
    pub fn pick(&self, rng: &mut fastrand::Rng) -> Option<&Case> {
        let at = (!self.kept.is_empty()).then(|| rng.usize(..self.kept.len()))?;
        self.kept.get(at)
    }

    /// How often what a move sends in this state was tried.
    pub(super) fn tried(&self, state: State, step: &Move) -> u64 {
        let Some((what, class)) = sent_by(step) else {
            return u64::MAX;
        };
        let sent = Sent { state, what, class };
        self.tried.get(&sent).copied().unwrap_or(0)
    }

    /// How many cells were reached.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// All of it in words; the kinds of send that were never made, of those that there are for these
    /// clients.
    pub fn reached(&self, driven: bool) -> Reached {
        let cells = self.cells.iter();
        Reached {
            cells: cells
                .map(|((sent, reply), count)| (place(sent), reply.word().to_owned(), *count))
                .collect(),
            never: every_kind(driven)
                .iter()
                .filter(|sent| !self.tried.contains_key(sent))
                .map(place)
                .collect(),
        }
    }
}

fn place(sent: &Sent) -> Place {
    Place {
        state: sent.state.word(),
        sent: sent.what,
        class: sent.class.map(Class::word),
    }
}

/// What a move is known by.
fn sent_by(step: &Move) -> Option<(&'static str, Option<Class>)> {
    Some(match step {
        Move::Refuse(_) => ("refusal", None),
        Move::Drop(_) | Move::End(_) => ("end", None),
        Move::Greet(_) => ("HELLO", None),
        Move::Acks { .. } => ("HEARTBEAT_ACK", None),
        Move::Ask { .. } | Move::Many(_) => ("request", None),
        Move::Answer { again: true, .. } => ("RESPONSE again", None),
        Move::Answer { .. } => ("RESPONSE", None),
        Move::Dispatch(_) => ("dispatch", None),
        Move::Strangers(_) => ("stranger", None),
        Move::Bend(bend) => ("nasty", Some(bend.class)),
        Move::Leave(_) => ("leave", None),
        Move::Hold { .. } => ("upgrade", None),
        Move::Quiet { .. } | Move::WaitsDiffer => return None,
    })
}

/// Every kind of send that the generator can make.
fn every_kind(driven: bool) -> BTreeSet<Sent> {
    let mut all = BTreeSet::new();
    let mut add = |state, what, class| {
        all.insert(Sent { state, what, class });
    };
    for what in ["end", "HELLO"] {
        for state in [State::Asked, State::Open] {
            add(state, what, None);
        }
    }
    for state in [State::Away, State::Asked] {
        add(state, "refusal", None);
    }
    add(State::Asked, "upgrade", None);
    for what in ["HEARTBEAT_ACK", "stranger", "end", "leave"] {
        add(State::In, what, None);
    }
    if driven {
        for what in ["request", "dispatch", "RESPONSE", "RESPONSE again"] {
            add(State::In, what, None);
        }
        add(State::Open, "request", None);
    }
    for bend in nasty::anytime() {
        add(State::Open, "nasty", Some(bend.class));
        add(State::In, "nasty", Some(bend.class));
    }
    for bend in nasty::hellos() {
        add(State::Open, "nasty", Some(bend.class));
    }
    all
}

/// What came behind each send of a case, before the next one. `gone`: the client ended.
pub fn replies(script: &Script, transcript: &[Entry], gone: bool) -> Vec<(Sent, Reply)> {
    let mut entries = transcript.iter().filter(|entry| !is_hail(entry)).peekable();
    let mut found = Vec::with_capacity(script.sends.len());
    while entries.next_if(|entry| !is_send(entry)).is_some() {}
    for sent in &script.sends {
        if entries.next_if(|entry| is_send(entry)).is_none() {
            break;
        }
        let ends = matches!(sent.what, "end" | "leave" | "refusal");
        let mut reply = Reply::Nothing;
        while let Some(entry) = entries.next_if(|entry| !is_send(entry)) {
            let came = if entry.dir == Dir::Received {
                kind_of(entry)
            } else {
                None
            };
            match came {
                Some(Reply::Reconnect) if ends => reply = Reply::Reconnect,
                Some(came) if reply == Reply::Nothing => reply = came,
                _ => {}
            }
        }
        found.push((*sent, reply));
    }
    if gone && let Some((_, reply)) = found.last_mut() {
        *reply = Reply::Gone;
    }
    found
}

/// Whether it is one of many that go out beside a case's own sends.
fn is_hail(entry: &Entry) -> bool {
    let strangers = entry.dir == Dir::Sent && entry.text.contains(HAIL);
    strangers || matches!(entry.kind, EntryKind::Ping | EntryKind::Pong)
}

fn is_send(entry: &Entry) -> bool {
    entry.dir == Dir::Sent && !entry.auto
}

fn kind_of(entry: &Entry) -> Option<Reply> {
    Some(match entry.kind {
        EntryKind::Text if entry.conn == "driver" => Reply::Told,
        EntryKind::Text => {
            let text: String = entry.text.chars().filter(|c| !c.is_whitespace()).collect();
            let ops = [
                ("\"op\":1", Reply::HelloAck),
                ("\"op\":2", Reply::Heartbeat),
                ("\"op\":4", Reply::Request),
                ("\"op\":6", Reply::Dispatch),
            ];
            let known = ops.iter().find(|(op, _)| text.contains(op));
            known.map_or(Reply::Message, |(_, reply)| *reply)
        }
        EntryKind::Binary | EntryKind::Raw => Reply::Message,
        EntryKind::Close => Reply::Closed,
        EntryKind::Eof | EntryKind::Reset => Reply::Cut,
        EntryKind::Connect => Reply::Reconnect,
        EntryKind::Ping | EntryKind::Pong => return None,
    })
}
