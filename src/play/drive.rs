//! `driver>` and `driver<`: what a driven client is told to do, and what it answers.

use tokio::time::Instant;

use super::ended::Ended;
use super::player::Player;
use super::pump::{VALUES, Woke};
use crate::outcome::{Dir, EntryKind};
use crate::protocol::json::Json;
use crate::scenario::fill;
use crate::scenario::matching::matches;
use crate::scenario::syntax::{Bound, Mark, Pattern, Template};

/// Stands for the driver where a connection's name would stand.
const NAME: &str = "driver";

impl Player<'_> {
    /// `driver> ..`
    pub(crate) fn driver_send(&mut self, packet: &Template) -> Result<(), Ended> {
        let filled = fill::template(packet, &self.env).map_err(super::send::cannot_fill)?;
        let now = Instant::now();
        self.recorder
            .add(now, NAME, Dir::Sent, EntryKind::Text, filled.shown, false);
        self.driver_sent = Some(now);
        let Some(driver) = self.hosting.as_mut().and_then(|h| h.host.driver.as_mut()) else {
            return Err(undriven());
        };
        driver.send(&filled.wire).map_err(|error| {
            let actual = format!("the client takes no commands any more: {error}");
            Ended::Failed(Box::new(self.broken(None, &actual)))
        })
    }

    /// `driver< ..`: the next line, and where the line names an `id` the next with that one. Bounds
    /// count from the last command or packet we sent.
    pub(crate) async fn driver_expect(
        &mut self,
        pattern: &Pattern,
        bound: Option<&Bound>,
        mark: Option<&Mark>,
    ) -> Result<(), Ended> {
        let begun = Instant::now();
        let sends = self.links.iter().map(|link| link.last_send.0);
        let anchor = sends.chain(self.driver_sent).max().unwrap_or(begun);
        let length = |time| self.length(time, None);
        let least = bound.and_then(|bound| bound.min.as_ref()).map(length);
        let most = bound.and_then(|bound| bound.max.as_ref()).map(length);
        let until = match most {
            Some(most) => anchor + most,
            None => (anchor + least.unwrap_or_default()).max(begun) + self.settings.answer_within,
        };
        let mut over = false;
        loop {
            if let Some(line) = self.driver_line(pattern) {
                let now = Instant::now();
                let early = least.is_some_and(|least| now.duration_since(anchor) < least);
                if early || now > until {
                    let waited = now.saturating_duration_since(anchor).as_millis();
                    let how = if early { "early" } else { "late" };
                    let actual = format!("{line} after {waited} ms: too {how}");
                    return Err(Ended::Failed(Box::new(self.broken(mark, &actual))));
                }
                return self.driver_judge(pattern, &line, mark);
            }
            let silent = match &self.hosting {
                None => return Err(undriven()),
                Some(hosting) if hosting.host.driver.is_none() => return Err(undriven()),
                Some(hosting) => hosting.silent,
            };
            if silent {
                let actual = "the client has ended its answers";
                return Err(Ended::Failed(Box::new(self.broken(mark, actual))));
            }
            if over {
                let waited = Instant::now().saturating_duration_since(begun).as_millis();
                let actual = format!("no such answer within {waited} ms");
                return Err(Ended::Failed(Box::new(self.broken(mark, &actual))));
            }
            // What has come by then is looked at once more.
            over = self.pump(until).await? == Woke::TimeOver;
        }
    }

    /// Whether there is a line to the client, on which it could obey.
    pub(crate) fn has_driver(&self) -> bool {
        let host = self.hosting.as_ref().map(|hosting| &*hosting.host);
        host.is_some_and(|host| host.driver.is_some())
    }

    /// Waits for the client's greeting, no longer than this.
    pub(crate) async fn greeted(&mut self, until: Instant) -> Result<bool, Ended> {
        loop {
            let hosting = self.hosting.as_ref();
            if hosting.is_none_or(|hosting| hosting.host.greeted || hosting.silent) {
                break;
            }
            if self.pump(until).await? == Woke::TimeOver {
                break;
            }
        }
        Ok(self
            .hosting
            .as_ref()
            .is_some_and(|hosting| hosting.host.greeted))
    }

    fn driver_judge(
        &mut self,
        pattern: &Pattern,
        line: &Json,
        mark: Option<&Mark>,
    ) -> Result<(), Ended> {
        match matches(pattern, line, &mut self.env) {
            Ok(()) => {
                self.hold(mark);
                Ok(())
            }
            Err(mismatch) => {
                let broken = self.broken(mark, &line.to_string());
                Err(Ended::Failed(Box::new(broken)).with_mismatch(Some(mismatch)))
            }
        }
    }

    /// Takes the line that an expectation is to be compared with.
    fn driver_line(&mut self, pattern: &Pattern) -> Option<Json> {
        let id = match pattern {
            Pattern::Members { members, .. } => members.iter().find(|(name, _)| name == "id"),
            _ => None,
        };
        let env = &self.env;
        self.hosting.as_mut()?.take_line(|line| match id {
            None => true,
            Some((_, id)) => {
                let given = line.get("id");
                given.is_some_and(|given| matches(id, given, &mut env.clone()).is_ok())
            }
        })
    }

    /// The driven client has printed a line. What is no JSON object is its log.
    pub(super) fn driver_said(&mut self, line: &str) {
        let Ok(json @ Json::Object(_)) = Json::parse_within(line.as_bytes(), VALUES) else {
            return;
        };
        let text = self.settings.redactor.shown(line.as_bytes());
        let now = Instant::now();
        self.recorder
            .add(now, NAME, Dir::Received, EntryKind::Text, text, false);
        let Some(hosting) = &mut self.hosting else {
            return;
        };
        // The greeting answers no command.
        if json.get("driver").is_some() && json.get("id").is_none() {
            hosting.host.greeted = true;
        } else {
            hosting.keep(json, line.len());
        }
    }
}

/// Why a scenario with driver lines is not played.
pub(super) fn undriven() -> Ended {
    Ended::Skipped("needs a driven client".to_owned())
}
