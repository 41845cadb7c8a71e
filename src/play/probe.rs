//! `probe`: records what a target does about something the text leaves open.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::ended::Ended;
use super::item::{Beside, Got};
use super::player::Player;
use super::pump::{Woke, op};

impl Player<'_> {
    /// `< probe 1s`: answered, ignored, closed, eof, reset or hung.
    pub(crate) async fn probe(&mut self, link: usize, time: Duration) -> Result<(), Ended> {
        let from = self.links[link].last_send.0;
        if self.hosting.is_some() && self.links[link].ended_at().is_some() {
            return self.probe_visit(link, time).await;
        }
        let until = Instant::now() + time;
        let item = loop {
            let item = self.next_item(link, until).await?;
            let beside = item.as_ref().and_then(|item| item.beside);
            if !beside.is_some_and(Beside::named_only) {
                break item;
            }
        };
        let after =
            |at: Instant| (at.saturating_duration_since(from).as_secs_f64() * 1e6).round() / 1e3;
        let observed = match &item {
            None => return self.ignored_or_hung(link, time).await,
            Some(item) => {
                let after_ms = after(item.at);
                match &item.got {
                    Got::Packet { packet, .. } => {
                        json!({"what": "answered", "op": op(packet), "after_ms": after_ms})
                    }
                    Got::Message { .. } => {
                        json!({"what": "answered", "op": null, "after_ms": after_ms})
                    }
                    Got::Close { code, .. } => {
                        json!({"what": "closed", "code": code, "after_ms": after_ms})
                    }
                    Got::Eof => json!({"what": "eof", "after_ms": after_ms}),
                    Got::Reset(_) => json!({"what": "reset", "after_ms": after_ms}),
                    Got::Fault(fault) => json!({"what": "broken_frame", "fault": fault}),
                    Got::Ping(_) | Got::Pong(_) => json!({"what": "ignored"}),
                }
            }
        };
        if let Some(item) = &item {
            self.take(link, item);
        }
        self.observed = Some(observed);
        Ok(())
    }

    /// The connection is over: whether the client comes again, and when.
    async fn probe_visit(&mut self, link: usize, time: Duration) -> Result<(), Ended> {
        let until = Instant::now() + time;
        let name = self.links[link].name.clone();
        let ended = self.links[link].ended_at().unwrap_or(until);
        loop {
            if let Some(visit) = self.take_visit(&name) {
                let after = self.links[visit].accepted.saturating_duration_since(ended);
                let after_ms = (after.as_secs_f64() * 1e6).round() / 1e3;
                self.observed = Some(json!({"what": "reconnected", "after_ms": after_ms}));
                return Ok(());
            }
            if self.pump(until).await? == Woke::TimeOver && !self.visit_waits() {
                self.observed = Some(json!({"what": "stayed_away"}));
                return Ok(());
            }
        }
    }

    /// Nothing came. Whether the connection still works is asked with a HEARTBEAT where one would
    /// be acknowledged.
    async fn ignored_or_hung(&mut self, link: usize, time: Duration) -> Result<(), Ended> {
        let watch = self.links[link].watch;
        let mut what = "ignored";
        if self.hosting.is_none() && self.oracle.authenticated(watch) && !self.links[link].over() {
            self.send_literal(link, r#"{"op": 2}"#).await?;
            if self.next_item(link, Instant::now() + time).await?.is_none() {
                what = "hung";
            }
        }
        self.observed = Some(json!({"what": what}));
        Ok(())
    }
}
