//! Background traffic: heartbeats and blocks of sends that go out while a scenario does other things.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::ended::Ended;
use super::link::{AUTO_QUEUE, Beat, Every};
use super::player::Player;
use super::send::{How, Ready};
use crate::outcome::EntryKind;
use crate::protocol::json::Json;
use crate::scenario::syntax::{Step, Time};
use crate::wire::opcode;

impl Player<'_> {
    /// Begins to send HEARTBEATs in the background.
    pub(crate) fn beat_from_now(&mut self, link: usize, period: Duration) {
        let period = period.max(Duration::from_millis(1));
        let next = Instant::now() + period;
        self.links[link].beat = Some(Beat {
            period,
            next,
            last: None,
        });
    }

    /// `beat every ..`
    pub(crate) async fn beat_every(&mut self, conn: &str, period: &Time) -> Result<(), Ended> {
        let link = self.link(conn).await?;
        let period = self.length(period, Some(link));
        self.beat_from_now(link, period);
        Ok(())
    }

    /// `every ..`
    pub(crate) async fn every(
        &mut self,
        conn: &str,
        period: &Time,
        var: Option<&str>,
        steps: &[Step],
    ) -> Result<(), Ended> {
        let link = self.link(conn).await?;
        let period = self
            .length(period, Some(link))
            .max(Duration::from_millis(1));
        let next = Instant::now() + period;
        let steps = Arc::new(steps.to_vec());
        self.links[link].every = Some(Every {
            period,
            next,
            round: 0,
            var: var.map(Arc::from),
            last: None,
            steps,
        });
        Ok(())
    }

    /// `beat off` and `every off`: from here on bounds count from the last background send.
    pub(crate) async fn background_off(&mut self, conn: &str, beats: bool) -> Result<(), Ended> {
        let link = self.link(conn).await?;
        let link = &mut self.links[link];
        let last = if beats {
            link.beat.take().and_then(|beat| beat.last)
        } else {
            link.every.take().and_then(|every| every.last)
        };
        if let Some(last) = last.filter(|last| *last > link.last_send.0) {
            link.last_send = (last, last);
        }
        Ok(())
    }

    /// Sends the background traffic that is due.
    pub(crate) fn send_background(&mut self, now: Instant) -> Result<(), Ended> {
        for index in 0..self.links.len() {
            // A target that does not read is not sent more and more.
            if self.links[index].over() || self.links[index].conn.queued() > AUTO_QUEUE {
                continue;
            }
            if let Some(beat) = self.links[index].beat
                && beat.next <= now
            {
                let packet = Ready {
                    kind: EntryKind::Text,
                    shown: r#"{"op": 2}"#.to_owned(),
                    how: How::Frame(opcode::TEXT, br#"{"op": 2}"#.to_vec()),
                };
                self.put(index, packet, now, true);
                let next = (beat.next + beat.period).max(now);
                self.links[index].beat = Some(Beat {
                    next,
                    last: Some(now),
                    ..beat
                });
            }
            self.send_every(index, now)?;
        }
        Ok(())
    }

    fn send_every(&mut self, index: usize, now: Instant) -> Result<(), Ended> {
        let Some(every) = self.links[index].every.clone() else {
            return Ok(());
        };
        if every.next > now {
            return Ok(());
        }
        let round = every.round + 1;
        let next = (every.next + every.period).max(now);
        self.links[index].every = Some(Every {
            next,
            round,
            last: Some(now),
            ..every.clone()
        });
        let span = self.span;
        let mut sends = Vec::new();
        self.env.push();
        if let Some(var) = &every.var {
            self.env.bind(var, Json::from(round));
        }
        let collected = self.collect_sends(&every.steps, &mut sends);
        self.env.pop();
        self.span = span;
        collected?;
        for (_, ready) in sends {
            self.put(index, ready, now, true);
        }
        Ok(())
    }
}
