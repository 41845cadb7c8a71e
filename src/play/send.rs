//! Sending: what a line says, bytes as they are, stamps from the start to the end of the write.

use std::future::poll_fn;
use std::task::Poll;

use tokio::time::Instant;

use super::ended::Ended;
use super::link::Link;
use super::player::Player;
use super::pump::{Woke, op};
use crate::oracle::{self, Sent};
use crate::outcome::{Dir, EntryKind};
use crate::protocol::json::Json;
use crate::scenario::fill::{self, FillError, FilledPart};
use crate::scenario::syntax::{Hole, Payload, Piece, Send, Span, Step, StepKind, Template};
use crate::wire::{OutFrame, close_body, opcode};

/// One send, filled in and ready to be written.
pub(super) struct Ready {
    pub(super) kind: EntryKind,
    /// As people see it.
    pub(super) shown: String,
    pub(super) how: How,
}

/// What is done with the connection.
pub(super) enum How {
    Frame(u8, Vec<u8>),
    Fragments(Vec<FilledPart>),
    Raw(Vec<u8>),
    Eof,
    Reset,
}

impl Player<'_> {
    /// `> ...`
    pub(crate) async fn send(&mut self, conn: &str, send: &Send) -> Result<(), Ended> {
        if let (Send::Http(status), Some(_)) = (send, &self.hosting) {
            return self.http(conn, *status).await;
        }
        let link = match (send, &self.hosting) {
            // These end a connection whether its upgrade has an answer or not.
            (Send::Reset | Send::Eof, Some(_)) => self.visitor(conn).await?,
            _ => self.link(conn).await?,
        };
        let ready = self.ready(send)?;
        self.delay().await?;
        self.at_the_gate(&[(conn, &ready)]).await?;
        let started = Instant::now();
        self.put(link, ready, started, false);
        self.flush(&[link], started).await
    }

    /// Sends a packet on a connection; `text` may hold `${password}`.
    pub(crate) async fn send_packet(&mut self, link: usize, text: &str) -> Result<(), Ended> {
        let password = text.split_once("${password}");
        let template = match password {
            None => Template {
                pieces: vec![Piece::Literal(text.to_owned())],
            },
            Some((before, after)) => Template {
                pieces: vec![
                    Piece::Literal(before.to_owned()),
                    Piece::InString(Hole {
                        name: "password".to_owned(),
                        filter: None,
                        span: Span::default(),
                    }),
                    Piece::Literal(after.to_owned()),
                ],
            },
        };
        let name = self.links[link].name.clone();
        self.send(&name, &Send::Packet(template)).await
    }

    /// Sends a packet spelled as it is.
    pub(crate) async fn send_literal(&mut self, link: usize, text: &str) -> Result<(), Ended> {
        let template = Template {
            pieces: vec![Piece::Literal(text.to_owned())],
        };
        let name = self.links[link].name.clone();
        self.send(&name, &Send::Packet(template)).await
    }

    /// `together`: everything in the block is queued first and written at once.
    pub(crate) async fn together(&mut self, steps: &[Step]) -> Result<(), Ended> {
        let mut sends = Vec::new();
        self.collect_sends(steps, &mut sends)?;
        let mut touched = Vec::new();
        for (conn, _) in &sends {
            let link = self.link(conn).await?;
            if !touched.contains(&link) {
                touched.push(link);
            }
        }
        self.delay().await?;
        let shown: Vec<_> = sends.iter().map(|(c, ready)| (c.as_str(), ready)).collect();
        self.at_the_gate(&shown).await?;
        let started = Instant::now();
        for (conn, ready) in sends {
            let link = self.link(&conn).await?;
            self.put(link, ready, started, false);
        }
        self.flush(&touched, started).await
    }

    pub(super) fn collect_sends(
        &mut self,
        steps: &[Step],
        sends: &mut Vec<(String, Ready)>,
    ) -> Result<(), Ended> {
        for step in steps {
            self.span = step.span;
            match &step.kind {
                StepKind::Send { conn, send } => sends.push((conn.clone(), self.ready(send)?)),
                StepKind::Repeat { count, var, steps } => {
                    for turn in 1..=*count {
                        self.env.push();
                        if let Some(var) = var {
                            self.env.bind(var, Json::from(u64::from(turn)));
                        }
                        let collected = self.collect_sends(steps, sends);
                        self.env.pop();
                        collected?;
                    }
                }
                _ => return Err(Ended::Error("this block takes sends only".to_owned())),
            }
        }
        Ok(())
    }

    /// Fills a send's holes.
    fn ready(&self, send: &Send) -> Result<Ready, Ended> {
        let (kind, how, shown) = match send {
            Send::Packet(template) => {
                let filled = fill::template(template, &self.env).map_err(cannot_fill)?;
                let how = How::Frame(opcode::TEXT, filled.wire.into_bytes());
                (EntryKind::Text, how, filled.shown)
            }
            Send::Text(payload) => {
                let (bytes, shown) = self.bytes(Some(payload))?;
                let shown = format!("text {shown}");
                (EntryKind::Text, How::Frame(opcode::TEXT, bytes), shown)
            }
            Send::Binary(payload) => {
                let (bytes, shown) = self.bytes(Some(payload))?;
                (EntryKind::Binary, How::Frame(opcode::BINARY, bytes), shown)
            }
            Send::Ping(payload) => {
                let (bytes, shown) = self.bytes(payload.as_ref())?;
                (EntryKind::Ping, How::Frame(opcode::PING, bytes), shown)
            }
            Send::Pong(payload) => {
                let (bytes, shown) = self.bytes(payload.as_ref())?;
                (EntryKind::Pong, How::Frame(opcode::PONG, bytes), shown)
            }
            Send::Close { code, reason } => {
                let (reason, shown) = self.bytes(reason.as_ref())?;
                let number = code.map(|code| code.to_string()).unwrap_or_default();
                let shown = format!("{number} {shown}").trim().to_owned();
                let how = How::Frame(opcode::CLOSE, close_body(*code, &reason));
                (EntryKind::Close, how, shown)
            }
            Send::Eof => (EntryKind::Eof, How::Eof, String::new()),
            Send::Reset => (EntryKind::Reset, How::Reset, String::new()),
            Send::Raw(payload) => {
                let (bytes, shown) = self.bytes(Some(payload))?;
                (EntryKind::Raw, How::Raw(bytes), shown)
            }
            Send::Fragments(payload) => {
                let parts = fill::parts(payload, &self.env).map_err(cannot_fill)?;
                let shown: Vec<&str> = parts.iter().map(|part| part.shown.as_str()).collect();
                let shown = format!("fragments {}", shown.join(" "));
                (EntryKind::Text, How::Fragments(parts), shown)
            }
            Send::Http(_) => {
                return Err(super::player::needs_client());
            }
        };
        Ok(Ready { kind, shown, how })
    }

    /// A payload's bytes, and the payload as people see it.
    fn bytes(&self, payload: Option<&Payload>) -> Result<(Vec<u8>, String), Ended> {
        let Some(payload) = payload else {
            return Ok((Vec::new(), String::new()));
        };
        let filled = fill::payload(payload, &self.env).map_err(cannot_fill)?;
        Ok((filled.bytes, filled.shown))
    }

    /// Records a send, tells the watch, and queues its bytes.
    pub(super) fn put(&mut self, index: usize, ready: Ready, started: Instant, auto: bool) {
        let link = &mut self.links[index];
        let name = link.name.clone();
        self.recorder
            .add(started, &name, Dir::Sent, ready.kind, ready.shown, auto);
        match ready.how {
            How::Frame(code, bytes) => {
                link.conn.queue(&OutFrame::new(code, &bytes));
                link.close_sent |= code == opcode::CLOSE;
                if code == opcode::CLOSE {
                    self.part(index, started);
                }
                self.tell_watch(index, code, &bytes, started, auto);
            }
            How::Fragments(parts) => {
                let frames = parts
                    .iter()
                    .flat_map(|part| std::iter::repeat_n(&part.bytes, part.times as usize));
                let last = frames.clone().count().saturating_sub(1);
                let mut message = Vec::new();
                for (at, bytes) in frames.enumerate() {
                    let code = if at == 0 {
                        opcode::TEXT
                    } else {
                        opcode::CONTINUATION
                    };
                    link.conn.queue(&OutFrame {
                        fin: at == last,
                        ..OutFrame::new(code, bytes)
                    });
                    message.extend_from_slice(bytes);
                }
                self.tell_watch(index, opcode::TEXT, &message, started, auto);
            }
            How::Raw(bytes) => {
                link.conn.queue_raw(&bytes);
                link.raw = true;
                self.tell(index, Sent::Bent, started);
            }
            How::Eof => {
                link.eof_wanted = true;
                self.part(index, started);
                self.tell(index, Sent::Bent, started);
            }
            How::Reset => {
                link.conn.reset();
                link.gone = true;
                self.part(index, started);
                self.tell(index, Sent::Bent, started);
            }
        }
    }

    fn tell(&mut self, index: usize, sent: Sent<'_>, at: Instant) {
        let findings = self.oracle.sent(self.links[index].watch, sent, at);
        self.note_findings(findings);
    }

    /// Tells the watch what a message is, and keeps account of our heartbeats.
    fn tell_watch(&mut self, index: usize, op_code: u8, bytes: &[u8], at: Instant, auto: bool) {
        let link = &mut self.links[index];
        let sent = match op_code {
            opcode::PING | opcode::PONG if bytes.len() <= 125 => Sent::Control,
            opcode::CLOSE => Sent::Close,
            opcode::TEXT => match Json::parse(bytes) {
                Ok(packet) => {
                    match op(&packet) {
                        Some(2) => {
                            link.beats_waiting.push_back(auto);
                            if let Some(jitter) = &mut self.jitter {
                                jitter.beat(index);
                            }
                        }
                        Some(4) if auto => {
                            if let Some(nonce) = packet.get("n") {
                                link.background_nonces.insert(oracle::key(nonce));
                            }
                        }
                        _ => {}
                    }
                    let size = bytes.len();
                    let packet = &packet;
                    link.answered(packet);
                    return self.tell(index, Sent::Packet { packet, size }, at);
                }
                Err(_) => Sent::Bent,
            },
            _ => Sent::Bent,
        };
        self.tell(index, sent, at);
    }

    /// Writes what is queued, reading meanwhile. A target that does not take it within the answer
    /// time is noted; the reading goes on.
    pub(super) async fn flush(&mut self, links: &[usize], started: Instant) -> Result<(), Ended> {
        let until = started + self.settings.answer_within;
        loop {
            self.flush_now(links).await;
            // For a target that was waited for in vain before, nobody waits again.
            let patient = |link: &Link| link.writing() && link.broken_send.is_none();
            if !links.iter().any(|&link| patient(&self.links[link])) {
                break;
            }
            if self.pump(until).await? == Woke::TimeOver {
                for &link in links {
                    let link = &mut self.links[link];
                    if link.writing() {
                        link.broken_send
                            .get_or_insert("the target does not read".to_owned());
                    }
                }
                break;
            }
        }
        let ended = Instant::now();
        for &link in links {
            self.links[link].last_send = (started, ended);
        }
        Ok(())
    }

    /// Writes as much as goes at once.
    async fn flush_now(&mut self, links: &[usize]) {
        let all = &mut self.links;
        poll_fn(|cx| {
            for &link in links {
                let link: &mut Link = &mut all[link];
                link.write(cx);
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Closes a connection at a scenario's end; nobody waits for the write.
    pub(crate) fn farewell(&mut self, index: usize, now: Instant) {
        // A server that goes away is one that a client comes back to, which others may wait for.
        let code: u16 = match self.hosting {
            Some(_) => 1001,
            None => 1000,
        };
        let body = code.to_be_bytes().to_vec();
        let shown = code.to_string();
        let ready = Ready {
            kind: EntryKind::Close,
            shown,
            how: How::Frame(opcode::CLOSE, body),
        };
        self.put(index, ready, now, true);
    }
}

/// A hole that cannot be filled: a bend that bends nothing is a skip, all else is ours.
pub fn cannot_fill(error: FillError) -> Ended {
    match error {
        FillError::Unchanged { .. } => Ended::Skipped(error.to_string()),
        FillError::Unbound { .. } | FillError::TooLong | FillError::NotJson { .. } => {
            Ended::Error(error.to_string())
        }
    }
}
