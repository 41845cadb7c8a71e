//! `use handshake` and `alive`: what most scenarios begin with, and what a live target manages.

use tokio::time::Instant;

use super::ended::Ended;
use super::item::{Got, Item};
use super::player::Player;
use super::pump::op;
use crate::oracle;
use crate::protocol::rules::Level;
use crate::scenario::syntax::Mark;

/// The right HELLO_ACK.
pub(crate) const HELLO_ACK: &str = r#"{"op": 1, "password": "${password}"}"#;

impl Player<'_> {
    /// `use handshake`: HELLO comes, HELLO_ACK goes. It blames its own rules.
    pub(crate) async fn handshake(&mut self, conn: &str) -> Result<(), Ended> {
        let link = self.link(conn).await?;
        let until = Instant::now() + self.settings.answer_within;
        let item = self.next_item(link, until).await?;
        let blame = |player: &Self, rule: &str, expected: &str, actual: String| {
            let mut broken = player.broken(None, &actual);
            broken.rule = rule.to_owned();
            broken.level = Level::Must;
            broken.expected = expected.to_owned();
            Err(Ended::Prerequisite(Box::new(broken)))
        };
        let hello = r#"{"op": 0, "hb_interval": int 1..}"#;
        match item {
            None if self.turned_away(link) => {
                return Err(self.unreachable("the WebSocket opened, and nothing came"));
            }
            Some(item) if item.got.ends() && self.turned_away(link) => {
                return Err(self.unexpected(link, None, &item));
            }
            None => {
                let waited = self.settings.answer_within.as_millis();
                return blame(
                    self,
                    "hello.first",
                    hello,
                    format!("nothing within {waited} ms"),
                );
            }
            Some(Item {
                got: ref got @ Got::Packet { ref packet, .. },
                ..
            }) => {
                if op(packet) != Some(0) {
                    return blame(self, "hello.first", hello, got.describe());
                }
                if oracle::interval(packet).is_none() {
                    return blame(self, "hello.interval", hello, got.describe());
                }
            }
            Some(item) => return blame(self, "hello.first", hello, item.got.describe()),
        }
        self.send_packet(link, HELLO_ACK).await
    }

    /// `alive`: a new connection gets through handshake and heartbeat.
    pub(crate) async fn alive(&mut self, mark: Option<&Mark>) -> Result<(), Ended> {
        let name = format!(
            "alive{}",
            self.links
                .iter()
                .filter(|l| l.name.starts_with("alive"))
                .count()
                + 1
        );
        let dead = |player: &Self, actual: &str| {
            let mut broken = player.broken(mark, actual);
            if mark.is_none() {
                broken.rule = "robust.isolation".to_owned();
                broken.level = Level::Must;
            }
            broken.expected = "a new connection gets through handshake and heartbeat".to_owned();
            Ended::Failed(Box::new(broken))
        };
        match self.handshake(&name).await {
            Ok(()) => {}
            Err(Ended::Prerequisite(broken)) => return Err(dead(self, &broken.actual)),
            Err(other) => return Err(other),
        }
        let link = self.link(&name).await?;
        self.send_literal(link, r#"{"op": 2}"#).await?;
        let until = Instant::now() + self.settings.answer_within;
        match self
            .seek(link, until, |packet| op(packet) == Some(3))
            .await?
        {
            Some(Item {
                got: Got::Packet { .. },
                ..
            }) => {
                self.hold(mark);
                Ok(())
            }
            Some(item) => Err(dead(self, &item.got.describe())),
            None => Err(dead(self, "no HEARTBEAT_ACK on it")),
        }
    }
}
