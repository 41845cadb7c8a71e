//! `use handshake` and `alive` against a client: HELLO goes out, HELLO_ACK comes back.

use tokio::time::Instant;

use super::ended::Ended;
use super::item::{Got, Item};
use super::player::Player;
use super::pump::op;
use crate::oracle::longest_gap;
use crate::protocol::json::{Json, Text};
use crate::protocol::opcode::Op;
use crate::protocol::rules::{self, Level};
use crate::scenario::fill;
use crate::scenario::syntax::{Mark, Piece, Send, Template};

/// What stands for a password that is not ours.
const ANOTHER: &str = "(another password)";

impl Player<'_> {
    /// `use handshake {"hb_interval": 600}`: it blames its own rules.
    pub(crate) async fn greet(
        &mut self,
        conn: &str,
        hello: Option<&Template>,
    ) -> Result<(), Ended> {
        let link = self.visited(conn).await?;
        let hello = self.hello(hello)?;
        let first = self.oracle.interval(self.links[link].watch).is_none();
        if let Some(item) = self.links[link].inbox.front()
            && first
            && item.beside.is_none()
        {
            let actual = self.client_said(&item.got);
            return Err(self.ungreeted("client.waits-for-hello", "nothing before HELLO", &actual));
        }
        self.send(conn, &Send::Packet(hello)).await?;
        let until = Instant::now() + self.settings.answer_within;
        // HEARTBEATs that came first: what they break depends on whether HELLO_ACK comes at all.
        let mut beaten = None;
        let item = loop {
            match self.next_item(link, until).await? {
                Some(item) if item.beside.is_some() => {}
                Some(item) if is_beat(&item.got) => beaten = Some(item),
                other => break other,
            }
        };
        let expected = r#"{"op": 1, "password": "${password}"}"#;
        if let (
            Some(beat),
            Some(Item {
                got: Got::Packet { packet, .. },
                ..
            }),
        ) = (&beaten, &item)
            && op(packet) == Some(1)
        {
            let actual = self.client_said(&beat.got);
            return Err(self.ungreeted("client.heartbeat-after-ack", expected, &actual));
        }
        let Some(item) = item else {
            let waited = self.settings.answer_within.as_millis();
            let what = if beaten.is_some() {
                "HEARTBEAT and no HELLO_ACK"
            } else {
                "nothing"
            };
            let actual = format!("{what} within {waited} ms");
            return Err(self.ungreeted("client.hello-ack", expected, &actual));
        };
        let actual = self.client_said(&item.got);
        let Got::Packet { packet, .. } = &item.got else {
            return Err(self.ungreeted("client.hello-ack", expected, &actual));
        };
        match op(packet) {
            Some(1) => {}
            Some(0 | 3 | 5) => {
                return Err(self.ungreeted("client.packet-sender", expected, &actual));
            }
            _ => return Err(self.ungreeted("client.hello-ack", expected, &actual)),
        }
        match packet.get("password") {
            Some(Json::String(password)) if self.is_password(password) => {
                // What a client owes from here on it owes from its HELLO_ACK, however late that was.
                let sent = &mut self.links[link].last_send.1;
                *sent = (*sent).max(item.at);
                Ok(())
            }
            Some(Json::String(_)) => {
                let mut ended = self.ungreeted(
                    "client.hello-ack",
                    expected,
                    "HELLO_ACK with another password",
                );
                if let Ended::Prerequisite(broken) = &mut ended {
                    broken.hint =
                        Some("litespec must know the client's password: --password".to_owned());
                }
                Err(ended)
            }
            _ => Err(self.ungreeted("client.hello-ack", expected, &actual)),
        }
    }

    fn client_said(&self, got: &Got) -> String {
        self.settings.redactor.redact(&got.describe())
    }

    fn is_password(&self, text: &Text) -> bool {
        text.as_bytes() == self.settings.password.as_bytes()
    }

    /// The handshake broke a rule of its own.
    fn ungreeted(&self, rule: &str, expected: &str, actual: &str) -> Ended {
        let mut broken = self.broken(None, actual);
        broken.rule = rule.to_owned();
        broken.level = rules::find(rule).map_or(Level::Must, |rule| rule.level);
        broken.expected = expected.to_owned();
        Ended::Prerequisite(Box::new(broken))
    }

    /// HELLO with what a scenario wants in it; without that, with the interval of the run.
    fn hello(&self, wanted: Option<&Template>) -> Result<Template, Ended> {
        let Some(wanted) = wanted else {
            let hb = self.settings.interval.as_millis();
            let text = format!(r#"{{"op": 0, "hb_interval": {hb}}}"#);
            return Ok(Template {
                pieces: vec![Piece::Literal(text)],
            });
        };
        let filled = fill::template(wanted, &self.env).map_err(super::send::cannot_fill)?;
        let json = Json::parse(filled.wire.as_bytes());
        let members = json.as_ref().ok().and_then(Json::as_object);
        let Some(members) = members else {
            return Err(Ended::Error("HELLO is an object".to_owned()));
        };
        let mut hello = wanted.clone();
        if members.iter().any(|(name, _)| *name == *"op") {
            return Ok(hello);
        }
        let comma = if members.is_empty() { "" } else { ", " };
        if let Some(Piece::Literal(text)) = hello.pieces.first_mut()
            && let Some(rest) = text.trim_start().strip_prefix('{')
        {
            *text = format!("{{\"op\": 0{comma}{}", rest.trim_start());
        }
        Ok(hello)
    }

    /// `alive`: the client sends its heartbeats, on the connection it has or on a new one.
    pub(crate) async fn client_alive(&mut self, mark: Option<&Mark>) -> Result<(), Ended> {
        let dead = |player: &Self, actual: &str| {
            let mut broken = player.broken(mark, actual);
            broken.expected =
                "the client sends heartbeats, on its connection or on a new one".to_owned();
            Ended::Failed(Box::new(broken))
        };
        let mut link = self.visited("a").await?;
        let mut fresh = false;
        loop {
            let over = self.links[link].over() || self.links[link].parted.is_some();
            if over && fresh {
                return Err(dead(self, "the new connection ended too"));
            }
            if over {
                let window = self.visit_window(None);
                if self.await_visit("a", window).await?.is_none() {
                    return Err(dead(self, "no new connection"));
                }
                match self.greet("a", None).await {
                    Err(Ended::Prerequisite(broken)) => return Err(dead(self, &broken.actual)),
                    other => other?,
                }
                link = self.visitor("a").await?;
                fresh = true;
            }
            // What came before shows nothing about now.
            while self.links[link].inbox.pop().is_some() {}
            let interval = self.oracle.interval(self.links[link].watch);
            let most = longest_gap(interval.unwrap_or(self.settings.interval));
            let until = Instant::now() + most + self.settings.answer_within;
            let beat = |packet: &Json| op(packet) == Some(Op::Heartbeat as u64);
            match self.seek(link, until, beat).await? {
                Some(Item {
                    got: Got::Packet { .. },
                    ..
                }) => {
                    self.hold(mark);
                    return Ok(());
                }
                Some(item) if item.got.ends() => {}
                Some(item) => return Err(dead(self, &item.got.describe())),
                None => return Err(dead(self, "no HEARTBEAT")),
            }
        }
    }

    /// A client's message as it is kept: a password that is not ours is nobody's business.
    pub(super) fn hide_password(&self, got: Got) -> Got {
        let Got::Packet {
            packet,
            bytes,
            binary,
        } = got
        else {
            return got;
        };
        let bytes = match packet.get("password") {
            Some(Json::String(password)) if op(&packet) == Some(1) => {
                if self.is_password(password) {
                    // However the client spells it: what is told of it is found by its value.
                    without_password(&packet, &self.settings.password)
                } else {
                    without_password(&packet, ANOTHER)
                }
            }
            _ => bytes,
        };
        Got::Packet {
            packet,
            bytes,
            binary,
        }
    }
}

fn is_beat(got: &Got) -> bool {
    matches!(got, Got::Packet { packet, .. } if op(packet) == Some(Op::Heartbeat as u64))
}

/// The packet's text with another password in it.
fn without_password(packet: &Json, shown: &str) -> Vec<u8> {
    let mut packet = packet.clone();
    if let Json::Object(members) = &mut packet {
        for (name, value) in members {
            if *name == *"password" {
                *value = Json::String(Text::from(shown));
            }
        }
    }
    packet.to_string().into_bytes()
}
