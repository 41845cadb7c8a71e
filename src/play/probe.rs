//! `probe`: records what a target does about something the text leaves open.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::ended::Ended;
use super::item::{Beside, Got, Item};
use super::player::Player;
use super::pump::{Woke, op};
use super::record::Redactor;
use crate::protocol::codec;
use crate::protocol::json::Json;
use crate::protocol::packet::Packet;
use crate::scenario::syntax::Offered;
use crate::wire::OpenError;

/// A nonce is recorded as it is spelled, up to so many characters.
const SPELLING: usize = 80;

/// What came while a probe waited.
#[derive(Debug, Default)]
struct Seen {
    /// The first message: when, its op, and what a RESPONSE carried.
    first: Option<Map<String, Value>>,
    messages: u64,
    end: Option<Map<String, Value>>,
}

impl Player<'_> {
    /// `< probe 1s`: everything that comes in this time. `what` is answered, ignored, hung, or the
    /// way in which the connection ended; an end behind an answer is in `then`.
    pub(crate) async fn probe(&mut self, link: usize, time: Duration) -> Result<(), Ended> {
        let from = self.links[link].last_send.0;
        if self.hosting.is_some() && self.links[link].ended_at().is_some() {
            return self.probe_visit(link, time).await;
        }
        let until = Instant::now() + time;
        let mut seen = Seen::default();
        while seen.end.is_none() {
            let Some(item) = self.next_item(link, until).await? else {
                break;
            };
            if item.beside.is_some_and(Beside::named_only) {
                continue;
            }
            seen.add(&item, from, &self.settings.redactor);
            self.take(link, &item);
        }
        let observed = match (seen.first, seen.end) {
            (None, None) => return self.ignored_or_hung(link, time).await,
            (None, Some(end)) => end,
            (Some(mut first), end) => {
                if seen.messages > 1 {
                    first.insert("answers".to_owned(), seen.messages.into());
                }
                if let Some(mut end) = end {
                    let what = end.remove("what").unwrap_or_default();
                    first.insert("then".to_owned(), what);
                    if let Some(code) = end.remove("code") {
                        first.insert("code".to_owned(), code);
                    }
                    if let Some(after) = end.remove("after_ms") {
                        first.insert("then_after_ms".to_owned(), after);
                    }
                }
                first
            }
        };
        self.observed = Some(Value::Object(observed));
        Ok(())
    }

    /// `offer extension permessage-deflate`: a connection of its own whose upgrade offers this.
    /// `what` is accepted, declined or refused. It is left politely, and what comes over it is not
    /// looked at: an accepted extension changes the frames.
    pub(crate) async fn offer(&mut self, what: Offered, name: &str) -> Result<(), Ended> {
        let mut offer = self.settings.offer.clone();
        match what {
            Offered::Extension => {
                let header = (what.header().to_owned(), name.to_owned());
                offer.headers.push(header);
            }
            Offered::Subprotocol => offer.subprotocols.push(name.to_owned()),
        }
        let observed = match self.open(offer).await? {
            Ok(opened) => {
                let answer = opened.response.header(what.header()).map(str::to_owned);
                let link = self.opened("a", opened);
                self.oracle.ignore(self.links[link].watch);
                match answer {
                    Some(answer) => json!({"what": "accepted", "answer": answer}),
                    None => json!({"what": "declined"}),
                }
            }
            Err(OpenError::Status { code, .. }) => json!({"what": "refused", "status": code}),
            Err(error @ OpenError::BadUpgrade { .. }) => {
                json!({"what": "bad_upgrade", "why": error.to_string()})
            }
            Err(error) => return Err(self.unreachable(&error.to_string())),
        };
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
                let reconnected = [("what", "reconnected".into())].into_iter();
                let members = reconnected.chain(shape(self.oracle.waits()));
                self.observed = Some(Value::Object(object(members, ms(after))));
                return Ok(());
            }
            let deserted = self.hosting.as_ref().filter(|hosting| hosting.deserted());
            if let Some(how) = deserted.and_then(|hosting| hosting.gone.as_ref()) {
                self.observed = Some(json!({"what": "ended", "how": how}));
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
            let until = Instant::now() + time;
            let alive = loop {
                match self.next_item(link, until).await? {
                    None => break false,
                    // What a server asks on its own account is no sign that it has heard us.
                    Some(item) if item.beside.is_some_and(Beside::named_only) => {}
                    Some(_) => break true,
                }
            };
            if !alive {
                what = "hung";
            }
        }
        self.observed = Some(json!({"what": what}));
        Ok(())
    }
}

/// The least and the most of several waits, and what is between them.
fn shape(waits: &[Duration]) -> Vec<(&'static str, Value)> {
    let (Some(least), Some(most)) = (waits.iter().min(), waits.iter().max()) else {
        return Vec::new();
    };
    match waits.len() {
        1 => Vec::new(),
        count => vec![
            ("waits", count.into()),
            ("least_ms", ms(*least).into()),
            ("most_ms", ms(*most).into()),
            ("spread_ms", ms(*most - *least).into()),
        ],
    }
}

/// Milliseconds, to the microsecond.
fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

impl Seen {
    fn add(&mut self, item: &Item, from: Instant, redactor: &Redactor) {
        let after_ms = ms(item.at.saturating_duration_since(from));
        let (what, extra) = match &item.got {
            Got::Packet { packet, bytes, .. } => {
                let n = spelling(bytes, redactor);
                return self.message(packet, n, after_ms);
            }
            Got::Message { .. } => {
                self.messages += 1;
                self.first.get_or_insert_with(|| {
                    object([("what", "answered".into()), ("op", Value::Null)], after_ms)
                });
                return;
            }
            Got::Ping(_) | Got::Pong(_) => return,
            Got::Close { code, .. } => ("closed", Some(("code", json!(code)))),
            Got::Eof => ("eof", None),
            Got::Reset(_) => ("reset", None),
            Got::Fault(fault) => ("broken_frame", Some(("fault", json!(fault)))),
        };
        let members = [("what", what.into())].into_iter().chain(extra);
        self.end = Some(object(members, after_ms));
    }

    fn message(&mut self, packet: &Json, n: Value, after_ms: f64) {
        self.messages += 1;
        if self.first.is_some() {
            return;
        }
        let mut members = vec![("what", "answered".into()), ("op", json!(op(packet)))];
        if op(packet) == Some(5) {
            members.push(("n", n));
            members.push(("r", json!(packet.get("r").map(type_name))));
        }
        self.first = Some(object(members, after_ms));
    }
}

fn type_name(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "list",
        Json::Object(_) => "object",
    }
}

/// How a RESPONSE's nonce is spelled, cut.
fn spelling(response: &[u8], redactor: &Redactor) -> Value {
    let Ok(Packet::Response { n, .. }) = codec::decode_within(response, usize::MAX) else {
        return Value::Null;
    };
    let spelled = redactor.redact(n.as_str());
    match spelled.char_indices().nth(SPELLING) {
        Some((end, _)) => json!(format!("{}...", &spelled[..end])),
        None => json!(spelled),
    }
}

fn object<'k>(
    members: impl IntoIterator<Item = (&'k str, Value)>,
    after_ms: f64,
) -> Map<String, Value> {
    let mut object: Map<String, Value> = members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    object.insert("after_ms".to_owned(), json!(after_ms));
    object
}
