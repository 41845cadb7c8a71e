//! Where a campaign has been: state x packet x nasty class x kind of reply, seen from outside.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Model;
use super::moves::{Act, Case, Crossed, Move, Packet};
use super::nasty::Class;
use super::script::{Script, Sent, State};
use crate::outcome::{Dir, Entry, EntryKind};

/// Cases that went where none had been are kept to be changed; so many at most.
const KEPT: usize = 256;

/// What came behind a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reply {
    /// Nothing, until the next send or the end.
    Nothing,
    /// HEARTBEAT_ACK.
    Ack,
    /// RESPONSE.
    Response,
    /// Another message.
    Message,
    /// A close frame of these codes: 1000 to 1015, 4001, 4002, 4003, or another.
    Closed(u16),
    /// The end of the stream, or a reset, without a close frame.
    Cut,
}

impl Reply {
    /// The reply in a word.
    pub fn word(self) -> String {
        match self {
            Reply::Nothing => "nothing".to_owned(),
            Reply::Ack => "HEARTBEAT_ACK".to_owned(),
            Reply::Response => "RESPONSE".to_owned(),
            Reply::Message => "another message".to_owned(),
            Reply::Closed(0) => "close".to_owned(),
            Reply::Closed(code) => format!("close {code}"),
            Reply::Cut => "cut off".to_owned(),
        }
    }
}

/// A kind of send: the connection's state, what was sent, where it is nasty.
pub type Kind = (State, &'static str, Option<Class>);

/// Where a campaign has been, and where not, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Kinds of send with what came behind them, and how often.
    pub cells: Vec<(Place, String, u64)>,
    /// Kinds of send that were never made.
    pub never: Vec<Place>,
}

/// A kind of send in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The connection's state.
    pub state: &'static str,
    /// What was sent.
    pub sent: &'static str,
    /// Where it is nasty, if it is.
    pub class: Option<&'static str>,
}

/// Where a campaign has been.
#[derive(Debug, Default)]
pub struct Coverage {
    cells: BTreeMap<(Kind, Reply), u64>,
    tried: BTreeMap<Kind, u64>,
    kept: Vec<Case>,
    next: usize,
}

impl Coverage {
    /// Counts what a case reached; keeps it if it is the first there.
    pub fn add(&mut self, case: &Case, script: &Script, transcript: &[Entry]) {
        let mut fresh = false;
        for (sent, reply) in replies(script, transcript) {
            let kind = (sent.state, sent.what, sent.class);
            *self.tried.entry(kind).or_insert(0) += 1;
            let count = self.cells.entry((kind, reply)).or_insert(0);
            *count += 1;
            fresh |= *count == 1;
        }
        if fresh {
            self.keep(case.clone());
        }
    }

    fn keep(&mut self, case: Case) {
        if self.kept.len() < KEPT {
            self.kept.push(case);
        } else {
            self.kept[self.next] = case;
            self.next = (self.next + 1) % KEPT;
        }
    }

    /// One of the kept cases.
    pub fn pick(&self, rng: &mut fastrand::Rng) -> Option<&Case> {
        if self.kept.is_empty() {
            return None;
        }
        self.kept.get(rng.usize(..self.kept.len()))
    }

    /// How often the rarest kind of send of a move was tried.
    pub(super) fn tried(&self, model: &Model, step: &Move) -> u64 {
        let state = model.of(step.conn).state;
        kinds(&step.act)
            .into_iter()
            .map(|(what, class)| self.tried.get(&(state, what, class)).copied().unwrap_or(0))
            .min()
            .unwrap_or(u64::MAX)
    }

    /// The cells reached, with how often.
    pub fn cells(&self) -> impl Iterator<Item = (Kind, Reply, u64)> + '_ {
        self.cells
            .iter()
            .map(|((kind, reply), count)| (*kind, *reply, *count))
    }

    /// The kinds of sends that were never made, of those that there are.
    pub fn never(&self) -> Vec<Kind> {
        let all = every_kind();
        all.into_iter()
            .filter(|kind| !self.tried.contains_key(kind))
            .collect()
    }

    /// All of it in words.
    pub fn reached(&self) -> Reached {
        let cells = self.cells();
        Reached {
            cells: cells
                .map(|(kind, reply, count)| (place(kind), reply.word(), count))
                .collect(),
            never: self.never().into_iter().map(place).collect(),
        }
    }
}

fn place((state, sent, class): Kind) -> Place {
    Place {
        state: state.word(),
        sent,
        class: class.map(Class::word),
    }
}

/// Every kind of send that the generator can make.
fn every_kind() -> BTreeSet<Kind> {
    let mut all = BTreeSet::new();
    for what in [
        "HELLO_ACK",
        "HEARTBEAT",
        "REQUEST",
        "DISPATCH",
        "ping",
        "pong",
    ] {
        all.insert((State::Greeted, what, None));
        if what != "HELLO_ACK" {
            all.insert((State::In, what, None));
        }
    }
    all.insert((State::In, "HEARTBEAT", Some(Class::Frame)));
    all.insert((State::Absent, "upgrade", Some(Class::Connection)));
    all.insert((State::In, "stranger", Some(Class::Packet)));
    for state in [State::Absent, State::Greeted, State::In, State::Unjudged] {
        for class in Class::ALL {
            all.insert((state, "nasty", Some(class)));
        }
        if state != State::Absent {
            all.insert((state, "leave", Some(Class::Connection)));
        }
    }
    all
}

fn kinds(act: &Act) -> Vec<(&'static str, Option<Class>)> {
    match act {
        Act::LogIn(_) => vec![("HELLO_ACK", None)],
        Act::Say { packets, .. } => packets
            .iter()
            .map(|said| {
                let what = match said.packet {
                    Packet::HelloAck(_) => "HELLO_ACK",
                    Packet::Heartbeat => "HEARTBEAT",
                    Packet::Request { .. } | Packet::UnknownRequest => "REQUEST",
                    Packet::Dispatch => "DISPATCH",
                    Packet::Response => "RESPONSE",
                    Packet::Ping => "ping",
                    Packet::Pong => "pong",
                };
                (what, None)
            })
            .collect(),
        Act::Cross { what, .. } => match what {
            Crossed::Heartbeats => vec![("HEARTBEAT", None)],
            Crossed::Requests | Crossed::SameNonces => vec![("REQUEST", None)],
        },
        Act::Trickle { .. } => vec![("HEARTBEAT", Some(Class::Frame))],
        Act::Unanswered { .. } => vec![("stranger", Some(Class::Packet))],
        Act::Bend(bend) => vec![("nasty", Some(bend.class))],
        Act::Knock(bend) => vec![("upgrade", Some(bend.class))],
        Act::Leave(_) => vec![("leave", Some(Class::Connection))],
        Act::Greet
        | Act::Quiet(_)
        | Act::TimeOut { .. }
        | Act::Keep { .. }
        | Act::Ends
        | Act::Alive
        | Act::Pause(_)
        | Act::Settle(_) => Vec::new(),
    }
}

/// What came behind each send of a case: the first thing on its connection before the next send there.
pub fn replies(script: &Script, transcript: &[Entry]) -> Vec<(Sent, Reply)> {
    let mut found = Vec::with_capacity(script.sends.len());
    for conn in 0..super::moves::NAMES.len() {
        let name = super::moves::NAMES[conn];
        let mut entries = transcript
            .iter()
            .filter(|entry| entry.conn == name)
            .peekable();
        // What comes before the first send answers nothing.
        while entries.next_if(|entry| !is_send(entry)).is_some() {}
        for sent in script.sends.iter().filter(|sent| sent.conn == conn) {
            if entries.next_if(|entry| is_send(entry)).is_none() {
                break;
            }
            let mut reply = Reply::Nothing;
            while let Some(entry) = entries.next_if(|entry| !is_send(entry)) {
                if reply == Reply::Nothing && entry.dir == Dir::Received && !entry.auto {
                    reply = kind_of(entry).unwrap_or(Reply::Nothing);
                }
            }
            found.push((*sent, reply));
        }
    }
    found
}

fn is_send(entry: &Entry) -> bool {
    entry.dir == Dir::Sent && !entry.auto && entry.kind != EntryKind::Connect
}

fn kind_of(entry: &Entry) -> Option<Reply> {
    let compact = |text: &str| {
        text.chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
    };
    Some(match entry.kind {
        EntryKind::Text => {
            let text = compact(&entry.text);
            if text.contains("\"op\":3") {
                Reply::Ack
            } else if text.contains("\"op\":5") {
                Reply::Response
            } else {
                Reply::Message
            }
        }
        EntryKind::Binary | EntryKind::Raw => Reply::Message,
        EntryKind::Close => {
            let code = entry
                .text
                .split_whitespace()
                .next()
                .and_then(|code| code.parse().ok());
            let known = |code: &u16| matches!(code, 1000..=1015 | 4001..=4003);
            Reply::Closed(code.filter(known).unwrap_or(0))
        }
        EntryKind::Eof | EntryKind::Reset => Reply::Cut,
        EntryKind::Ping | EntryKind::Pong | EntryKind::Connect => return None,
    })
}
