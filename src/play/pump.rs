//! The loop under every wait: writes what is queued, reads all connections, answers what is
//! answered unasked, sends background traffic when it is due.

use std::future::{Future, poll_fn};
use std::task::Poll;

use tokio::time::Instant;

use super::ended::Ended;
use super::host::Came;
use super::item::{Beside, Got, Item};
use super::link::AUTO_QUEUE;
use super::player::Player;
use super::record::hex;
use super::send::{How, Ready};
use crate::oracle::{self, Received, Sent};
use crate::outcome::{Dir, EntryKind};
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::wire::{Incoming, Stamped};
use crate::wire::{OutFrame, opcode};

/// So many arrivals are read behind the end of a wait: they may have come in time, and we were late.
/// A target that sends without end gets no more time by it.
pub(crate) const BEHIND: u32 = 1000;
/// A client's heartbeats and unasked requests wait for a line as long as no more than this wait.
const BESIDE: usize = 4096;
/// A message with more values is not read: each takes many times the bytes it was sent in.
pub(crate) const VALUES: usize = 262_144;

/// Why the pump came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woke {
    /// Something came in on the connection with this index.
    Arrival(usize),
    /// A client has turned up, or a driven one has said something.
    Beside,
    /// The time is over.
    TimeOver,
}

impl Player<'_> {
    /// Waits until something has come in or `until` is reached.
    pub(crate) async fn pump(&mut self, until: Instant) -> Result<Woke, Ended> {
        loop {
            let now = Instant::now();
            if now >= self.limit {
                return Err(Ended::Error(format!(
                    "it did not end within its time limit of {:.1} s",
                    self.limit
                        .saturating_duration_since(self.began())
                        .as_secs_f64()
                )));
            }
            self.look_for_hunger();
            self.send_background(now)?;
            let wake = self
                .links
                .iter()
                .filter_map(super::link::Link::next_background)
                .fold(until.min(self.limit), Instant::min);
            match self.wait(wake).await {
                Event::Came(came) => {
                    self.came(came)?;
                    return Ok(Woke::Beside);
                }
                Event::Arrival(link, stamped) => {
                    let late = stamped.at > until;
                    self.behind = if late { self.behind + 1 } else { 0 };
                    self.take_in(link, stamped);
                    // A client's intervals are the scenario's own.
                    if self.hosting.is_none() {
                        self.refuse_longer_wait(link)?;
                    }
                    if self.behind > BEHIND {
                        self.behind = 0;
                        return Ok(Woke::TimeOver);
                    }
                    return Ok(Woke::Arrival(link));
                }
                Event::Time => {
                    let now = Instant::now();
                    self.settings
                        .lateness
                        .note(now, now.saturating_duration_since(wake));
                    if now >= until {
                        return Ok(Woke::TimeOver);
                    }
                }
            }
        }
    }

    /// A connection with an interval of its own can make the scenario longer than its time limit:
    /// that is known as soon as HELLO says so.
    fn refuse_longer_wait(&mut self, index: usize) -> Result<(), Ended> {
        let link = &mut self.links[index];
        let Some(interval) = self.oracle.interval(link.watch) else {
            return Ok(());
        };
        if std::mem::replace(&mut link.interval_known, true) {
            return Ok(());
        }
        let need = self.scenario.need(interval, self.settings.grace);
        let limit = self.limit.saturating_duration_since(self.began());
        if need <= limit {
            return Ok(());
        }
        let reason = format!(
            "this connection's hb_interval is {} ms: with it the scenario would wait longer than \
             its time limit of {:.1} s",
            interval.as_millis(),
            limit.as_secs_f64()
        );
        Err(Ended::Inconclusive {
            reason,
            timing: false,
        })
    }

    /// Writes and reads until something comes in or the time is over; arrivals go first, and each
    /// connection has its turn.
    async fn wait(&mut self, wake: Instant) -> Event {
        let mut sleep = std::pin::pin!(tokio::time::sleep_until(wake));
        let links = &mut self.links;
        let hosting = &mut self.hosting;
        let budget = &*self.settings.budget;
        let count = links.len();
        self.turn = self.turn.wrapping_add(1);
        let first = self.turn;
        poll_fn(|cx| {
            for step in 0..count {
                let index = first.wrapping_add(step) % count;
                let link = &mut links[index];
                if link.writing() {
                    link.write(cx);
                }
                if !link.room(budget) {
                    continue;
                }
                if let Poll::Ready(stamped) = link.conn.poll_incoming(cx) {
                    return Poll::Ready(Event::Arrival(index, stamped));
                }
            }
            // Behind the connections: one that has ended was not open beside a new one.
            if let Some(hosting) = hosting
                && let Poll::Ready(came) = hosting.poll(cx)
            {
                return Poll::Ready(Event::Came(came));
            }
            sleep.as_mut().poll(cx).map(|()| Event::Time)
        })
        .await
    }

    fn came(&mut self, came: Came) -> Result<(), Ended> {
        match came {
            Came::Visit(visitor, accepted) => self.turned_up(visitor, accepted),
            Came::Line(line) => self.driver_said(&line),
            // Whoever waits for it finds that it is deserted.
            Came::Gone => {}
            Came::Failed(error) => {
                return Err(Ended::Error(format!("cannot accept connections: {error}")));
            }
        }
        Ok(())
    }

    /// Records an arrival, lets the watch judge it, answers it if that is our part, and keeps it
    /// for the expectations.
    fn take_in(&mut self, index: usize, stamped: Stamped) {
        let at = stamped.at;
        let got = match stamped.incoming {
            Incoming::Text { text: Ok(text), .. } => message(text.into_bytes(), false),
            Incoming::Text {
                text: Err(bytes), ..
            } => Got::Message {
                bytes,
                binary: false,
                not_json: true,
                why: "not UTF-8".to_owned(),
            },
            Incoming::Binary { bytes, .. } => message(bytes, true),
            Incoming::Ping(bytes) => Got::Ping(bytes),
            Incoming::Pong(bytes) => Got::Pong(bytes),
            Incoming::Close(body) => Got::Close {
                code: body.code,
                reason: body.reason,
                fault: body.fault.map(|fault| fault.to_string()),
            },
            Incoming::Fault(fault) => {
                self.links[index].gone |= fault.fatal();
                Got::Fault(fault.to_string())
            }
            // Of a connection without a WebSocket: shown, and met by no line.
            Incoming::Bytes(bytes) => {
                let name = self.links[index].name.clone();
                let text = self.settings.redactor.shown(first_line(&bytes));
                let text = serde_json::Value::from(text).to_string();
                self.recorder
                    .add(at, &name, Dir::Received, EntryKind::Raw, text, false);
                return;
            }
            Incoming::Eof => Got::Eof,
            Incoming::Reset(how) => Got::Reset(how),
        };
        let got = match self.hosting {
            Some(_) => self.hide_password(got),
            None => got,
        };
        let passed_over = self.hosting.is_none() && self.passes_over(index, &got);
        let beside = self.beside(index, &got);
        if let (Got::Packet { packet, .. }, Some(hosting)) = (&got, &self.hosting)
            && hosting.drives
        {
            self.links[index].asked(packet);
        }
        self.record_arrival(index, at, &got, passed_over);
        self.watch_arrival(index, at, &got);
        self.answer(index, at, &got);
        if self.hosting.is_some() && got.ends() {
            self.hang_up(index);
        }
        match beside {
            Some(Beside::Heartbeat) => self.acknowledge(index, at),
            Some(Beside::Unasked) if !self.answers_itself => self.reply(index, at, &got),
            _ => {}
        }
        // What few lines ask for must not fill the inbox: a full one is not read on.
        let crowd =
            beside.is_some_and(Beside::named_only) && self.links[index].inbox.len() >= BESIDE;
        if !passed_over && !crowd {
            self.links[index].inbox.push(Item { at, got, beside });
        }
    }

    /// Whether an arrival answers our own background traffic.
    fn passes_over(&mut self, index: usize, got: &Got) -> bool {
        let link = &mut self.links[index];
        let Got::Packet { packet, .. } = got else {
            return false;
        };
        match op(packet) {
            Some(3) => link.beats_waiting.pop_front().unwrap_or(false),
            Some(5) if !link.background_nonces.is_empty() => packet
                .get("n")
                .is_some_and(|nonce| link.background_nonces.remove(&oracle::key(nonce))),
            _ => false,
        }
    }

    /// Whether an arrival, not yet seen by the watch, is one that lines pass over.
    fn beside(&self, index: usize, got: &Got) -> Option<Beside> {
        let Got::Packet { packet, .. } = got else {
            return None;
        };
        let Some(Json::Number(number)) = packet.get("op") else {
            return None;
        };
        let link = &self.links[index];
        if let Some(hosting) = &self.hosting {
            let greeted = self.oracle.authenticated(link.watch);
            return match number.to_u64().and_then(Op::from_number) {
                None if number.is_integer() => Some(Beside::StrangeOp),
                Some(Op::Heartbeat) if greeted && !link.manual.ack => Some(Beside::Heartbeat),
                Some(Op::Request | Op::Dispatch) if greeted && !hosting.drives => {
                    Some(Beside::Unasked)
                }
                _ => None,
            };
        }
        let greeted = self.oracle.interval(link.watch).is_some();
        match number.to_u64().and_then(Op::from_number) {
            None if number.is_integer() => Some(Beside::StrangeOp),
            Some(Op::Hello) if greeted => Some(Beside::SecondHello),
            Some(Op::Request | Op::Dispatch) if self.oracle.may_ask(link.watch) => {
                Some(Beside::Unasked)
            }
            _ => None,
        }
    }

    fn record_arrival(&mut self, index: usize, at: Instant, got: &Got, auto: bool) {
        let redactor = &self.settings.redactor;
        let (kind, text) = match got {
            Got::Packet {
                bytes,
                binary: true,
                ..
            }
            | Got::Message {
                bytes,
                binary: true,
                ..
            } => (EntryKind::Binary, redactor.redact(&hex(bytes))),
            Got::Packet { bytes, .. } | Got::Message { bytes, .. } => {
                (EntryKind::Text, redactor.shown(bytes))
            }
            Got::Ping(bytes) => (EntryKind::Ping, redactor.shown(bytes)),
            Got::Pong(bytes) => (EntryKind::Pong, redactor.shown(bytes)),
            Got::Close { .. } => {
                let said = got.describe();
                let said = said.trim_start_matches("close").trim_start();
                (EntryKind::Close, redactor.redact(said))
            }
            Got::Fault(what) => (EntryKind::Raw, redactor.redact(what)),
            Got::Eof => (EntryKind::Eof, String::new()),
            Got::Reset(how) => (EntryKind::Reset, redactor.redact(how)),
        };
        let name = self.links[index].name.clone();
        self.recorder
            .add(at, &name, Dir::Received, kind, text, auto);
    }

    fn watch_arrival(&mut self, index: usize, at: Instant, got: &Got) {
        let watch = self.links[index].watch;
        let received = match got {
            Got::Packet { packet, binary, .. } => Received::Packet {
                packet,
                binary: *binary,
            },
            Got::Message {
                why,
                binary,
                not_json: true,
                ..
            } => Received::NotJson {
                why,
                binary: *binary,
            },
            Got::Close { code, .. } => {
                self.links[index].close_received = true;
                Received::Close { code: *code }
            }
            Got::Eof | Got::Reset(_) => Received::End,
            Got::Message { .. } | Got::Ping(_) | Got::Pong(_) | Got::Fault(_) => return,
        };
        let findings = self.oracle.received(watch, received, at);
        self.note_findings(findings);
    }

    /// A server ends the TCP connection once both close frames are out, or the client has ended it.
    fn hang_up(&mut self, index: usize) {
        let link = &mut self.links[index];
        let by_hand = link.manual.close && !link.conn.ended();
        if (link.close_sent || link.conn.ended()) && !by_hand && !link.gone {
            link.eof_wanted = true;
        }
    }

    /// Acknowledges a client's HEARTBEAT.
    fn acknowledge(&mut self, index: usize, at: Instant) {
        const ACK: &[u8] = br#"{"op": 3}"#;
        let link = &self.links[index];
        if link.over() || link.conn.queued() > AUTO_QUEUE {
            return;
        }
        let ack = Ready {
            kind: EntryKind::Text,
            shown: String::from_utf8_lossy(ACK).into_owned(),
            how: How::Frame(opcode::TEXT, ACK.to_vec()),
        };
        self.put(index, ack, at, true);
    }

    /// Answers pings and echoes closes, unless the scenario does that by hand.
    fn answer(&mut self, index: usize, at: Instant, got: &Got) {
        let link = &mut self.links[index];
        if link.close_sent || link.conn.queued() > AUTO_QUEUE {
            return;
        }
        let (code, payload, kind, text) = match got {
            Got::Ping(bytes) if !link.manual.pong && bytes.len() <= 125 => {
                (opcode::PONG, bytes.clone(), EntryKind::Pong, lossy(bytes))
            }
            Got::Close { code, .. } if !link.manual.close => {
                link.close_sent = true;
                link.echoed = Some(at);
                // The connection was given up by the peer: nothing of ours ends it.
                let _ = self.oracle.sent(link.watch, Sent::Close, at);
                let body = code
                    .map(|code| code.to_be_bytes().to_vec())
                    .unwrap_or_default();
                let text = code.map(|code| code.to_string()).unwrap_or_default();
                (opcode::CLOSE, body, EntryKind::Close, text)
            }
            _ => return,
        };
        link.conn.queue(&OutFrame::new(code, &payload));
        let name = link.name.clone();
        let text = self.settings.redactor.redact(&text);
        self.recorder.add(at, &name, Dir::Sent, kind, text, true);
    }
}

/// What a wait ends with.
enum Event {
    /// Something came in on the connection with this index.
    Arrival(usize, Stamped),
    /// Something came in beside the connections.
    Came(Came),
    /// The time is over.
    Time,
}

/// The op of a packet, if it is one of the table's numbers.
pub(crate) fn op(packet: &Json) -> Option<u64> {
    match packet.get("op") {
        Some(Json::Number(number)) => number.to_u64(),
        _ => None,
    }
}

fn message(bytes: Vec<u8>, binary: bool) -> Got {
    match Json::parse_within(&bytes, VALUES) {
        Ok(packet) => Got::Packet {
            packet,
            bytes,
            binary,
        },
        // What is deeper or has more values than we read may still be JSON.
        Err(error) => Got::Message {
            bytes,
            binary,
            not_json: !error.is_limit(),
            why: if error.is_limit() {
                format!("beyond what litespec reads: {error}")
            } else {
                format!("not JSON: {error}")
            },
        },
    }
}

/// What is shown of an HTTP response: its headers may hold what is nobody's business.
fn first_line(bytes: &[u8]) -> &[u8] {
    match bytes.iter().position(|byte| *byte == b'\r') {
        Some(end) if bytes.starts_with(b"HTTP/") => &bytes[..end],
        _ => bytes,
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
