//! The client's session played upon by a scenario, on a clock of its own, in both dialects. The
//! scenario is the server (`>`) and the user (`driver>`). All that the session sends is shown to the
//! oracle, which has to find nothing; every request ends exactly once and with its own answer; every
//! deadline lies ahead once it has been dealt with.
//!
//! Beside what the driver protocol knows, a request may have `n`, its nonce, and `within_ms`, the time
//! that it waits at most.

mod account;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use litespec::oracle::{ClientOracle, Dialect, Received, Sent};
use litespec::protocol::json::Json;
use litespec::protocol::opcode::Op;
use litespec::scenario::syntax::Role;
use litespec::session::Password;
use litespec::session::backoff::{Backoff, MINIMUM};
use litespec::session::client::{Ask, ClientSession, Event, Output, Refused, Settings};

use self::account::{Account, Asked};
use super::Input;
use super::heard::{Heard, no_breach};
use super::script::{self, PASSWORD, Sending, Stage, play};

/// Requests that may be pending at once: few, so that scenarios reach the bound.
const PENDING: usize = 8;

/// Plays a scenario against the client's session.
pub fn check(bytes: &[u8]) -> Input {
    let Some(scenario) = script::scenario(bytes, Role::Client) else {
        return Input::Refused;
    };
    let acks = !scenario.header.manual.ack;
    for dialect in [Dialect::Text, Dialect::Bidirectional] {
        play(&scenario, || Client::new(dialect, acks));
    }
    Input::Used
}

/// A client with all the connections that it has had.
struct Client {
    now: Instant,
    dialect: Dialect,
    /// HEARTBEATs are acknowledged.
    acks: bool,
    oracle: ClientOracle,
    backoff: Backoff,
    conns: Vec<Conn>,
}

/// A connection. Only the last one can be open.
struct Conn {
    name: String,
    watched: usize,
    session: ClientSession,
    account: Account,
    interval: Duration,
    said: VecDeque<Json>,
}

impl Client {
    fn new(dialect: Dialect, acks: bool) -> Client {
        let mut client = Client {
            now: tokio::time::Instant::now().into_std(),
            dialect,
            acks,
            oracle: ClientOracle::new(dialect),
            backoff: Backoff::new(Duration::from_secs(16), fastrand::Rng::with_seed(1)),
            conns: Vec::new(),
        };
        client.connect("a");
        client
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.conns.iter().rposition(|conn| conn.name == name)
    }

    /// Does what the session says, `heard` being what it was told.
    fn drain(&mut self, index: usize, heard: Option<&Heard>) {
        while let Some(output) = self.conns[index].session.poll_output() {
            match output {
                Output::Send(packet) => self.says(index, &packet),
                Output::Event(event) => self.event(index, event, heard),
                Output::Close(breach) => {
                    assert!(!self.conns[index].account.is_over(), "closed twice");
                    self.conns[index].account.over();
                    let code = Some(breach.code());
                    self.received(index, Received::Close { code });
                }
            }
        }
        self.invariants(index);
    }

    fn says(&mut self, index: usize, text: &str) {
        let heard = Heard::of(text);
        let op = heard.packet().expect("what a session sends is a packet");
        self.conns[index].account.sends(op, &heard);
        let packet = heard.json.as_ref().expect("a packet is JSON");
        let received = Received::Packet {
            packet,
            binary: false,
        };
        self.received(index, received);
        if op == Op::Heartbeat && self.acks {
            self.conns[index].account.acks += 1;
        } else {
            self.conns[index].said.push_back(packet.clone());
        }
    }

    fn received(&mut self, index: usize, received: Received<'_>) {
        let watched = self.conns[index].watched;
        no_breach(&self.oracle.received(watched, received, self.now.into()));
    }

    fn event(&mut self, index: usize, event: Event, heard: Option<&Heard>) {
        let conn = &mut self.conns[index];
        let op = heard.and_then(Heard::packet);
        match event {
            Event::Settled { id, outcome } => conn.account.settled(id, &outcome, heard, self.now),
            Event::Greeted { hb_interval } => {
                assert_eq!(op, Some(Op::Hello), "greeted by something else");
                conn.interval = hb_interval;
            }
            Event::HeartbeatAck => {
                assert_eq!(op, Some(Op::HeartbeatAck), "acknowledged by something else");
            }
            Event::Stranger { .. } => {
                assert_eq!(op, Some(Op::Response), "a stranger that is no RESPONSE");
                let nonce = heard.map(|heard| heard.member("n").clone());
                conn.account.knows_not(&nonce.unwrap_or(Json::Null));
            }
            Event::Asked(asked) => {
                assert_eq!(
                    (op, self.dialect),
                    (Some(Op::Request), Dialect::Bidirectional)
                );
                conn.account.answers += 1;
                conn.session.answer(&asked, &asked.a);
            }
            Event::Told { .. } => {
                assert_eq!(
                    (op, self.dialect),
                    (Some(Op::Dispatch), Dialect::Bidirectional)
                );
            }
            Event::Ignored(_) => {}
        }
    }

    /// Whatever has happened, these hold.
    fn invariants(&self, index: usize) {
        let Conn {
            session, account, ..
        } = &self.conns[index];
        assert_eq!(session.pending(), account.pending(), "pending requests");
        assert_eq!(session.is_ready(), account.is_ready(), "ready");
        assert_eq!(
            account.answers, 0,
            "a request of the server's without an answer"
        );
        match session.deadline() {
            None => assert!(account.is_over(), "an open connection without a deadline"),
            Some(_) => assert!(
                !account.is_over(),
                "a deadline of a connection that is over"
            ),
        }
        if account.is_over() {
            assert_eq!(session.pending(), 0, "pending on a connection that is over");
        }
    }

    fn text(&mut self, index: usize, text: &str) {
        let heard = Heard::of(text);
        let sent = match &heard.json {
            Some(packet) => Sent::Packet {
                packet,
                size: text.len(),
            },
            None => Sent::Bent,
        };
        let conn = &mut self.conns[index];
        let watched = conn.watched;
        no_breach(&self.oracle.sent(watched, sent, self.now.into()));
        let wanted = conn.account.hears(&heard);
        conn.session.text(self.now, text);
        self.drain(index, Some(&heard));
        self.conns[index].account.did(&wanted, text);
        self.acknowledge(index);
    }

    /// The server's share of the heartbeats.
    fn acknowledge(&mut self, index: usize) {
        while self.conns[index].account.acks > 0 {
            self.conns[index].account.acks -= 1;
            if !self.conns[index].account.is_over() {
                self.text(index, r#"{"op": 3}"#);
            }
        }
    }

    fn time_out(&mut self, index: usize) {
        let conn = &mut self.conns[index];
        let before = conn.session.deadline();
        conn.session.timeout(self.now);
        if before.is_none_or(|before| before.at > self.now) {
            assert_eq!(
                conn.session.poll_output(),
                None,
                "something before its time"
            );
            assert_eq!(
                conn.session.deadline(),
                before,
                "time alone moved a deadline"
            );
            return;
        }
        self.drain(index, None);
        if let Some(deadline) = self.conns[index].session.deadline() {
            assert!(
                deadline.at > self.now,
                "a deadline in the past: {deadline:?}"
            );
        }
        self.acknowledge(index);
    }

    fn part(&mut self, index: usize, sent: Sent<'_>) {
        let conn = &mut self.conns[index];
        no_breach(&self.oracle.sent(conn.watched, sent, self.now.into()));
        no_breach(&self.oracle.parted(conn.watched, self.now.into()));
        conn.session.closed();
        conn.account.over();
        self.drain(index, None);
    }

    fn request(&mut self, index: usize, order: &Json) {
        let conn = &mut self.conns[index];
        let text = |name: &str| order.get(name).map(Json::to_string);
        let (w, a) = (order.get("w").and_then(Json::as_str), text("a"));
        let (w, a) = (w.unwrap_or("ECHO"), a.unwrap_or_else(|| "[]".to_owned()));
        let ask = Ask { w, a: &a };
        let nonce = text("n");
        let within = order.get("within_ms").and_then(Json::as_u64);
        let within = within.map(|ms| Duration::from_millis(ms.min(1 << 40)));
        let until = within.map(|within| self.now + within);
        let room = conn.session.has_room();
        let list = order.get("a").is_none_or(|a| a.as_array().is_some());
        match conn.session.request(&ask, nonce.as_deref(), until) {
            Ok(id) => {
                assert!(room && list && !conn.account.is_over(), "taken: {order}");
                let nonce = order.get("n").cloned();
                let asked = Asked::new(w, order.get("a").cloned(), nonce, until);
                conn.account.asked(id, asked);
            }
            Err(why) => match why {
                Refused::Closed => assert!(conn.account.is_over()),
                Refused::Full => assert!(!room),
                Refused::Arguments => assert!(!list, "refused arguments: {a}"),
                Refused::Nonce => panic!("refused nonce: {nonce:?}"),
                Refused::NonceInUse => {
                    let nonce = order.get("n").expect("a nonce of its own is not in use");
                    conn.account.uses(nonce);
                }
            },
        }
    }

    fn dispatch(&mut self, index: usize, order: &Json) {
        let conn = &mut self.conns[index];
        let a = order.get("a").map(Json::to_string);
        let ask = Ask {
            w: order.get("w").and_then(Json::as_str).unwrap_or("NOTE"),
            a: a.as_deref().unwrap_or("[]"),
        };
        if conn.session.dispatch(&ask).is_ok() {
            conn.account.dispatched();
        }
    }
}

impl Stage for Client {
    fn now(&self) -> Instant {
        self.now
    }

    fn due(&self) -> Option<Instant> {
        let deadlines = self.conns.iter().filter_map(|conn| conn.session.deadline());
        deadlines.map(|deadline| deadline.at).min()
    }

    fn advance(&mut self, to: Instant) {
        self.now = to;
        for index in 0..self.conns.len() {
            self.time_out(index);
        }
    }

    /// Connects again behind the wait that is due, if nothing is open.
    fn connect(&mut self, name: &str) {
        if let Some(last) = self.conns.last() {
            if !last.account.is_over() {
                return;
            }
            let wait = self.backoff.next_wait();
            assert!(wait >= MINIMUM, "a wait of {wait:?}");
            self.now += wait;
        }
        let now = self.now.into();
        let (watched, found) = self.oracle.opened(name, now, now);
        no_breach(&found);
        self.oracle.upgraded(watched);
        let settings = Settings {
            hello_limit: Duration::from_secs(10),
            max_pending: PENDING,
            bidirectional: self.dialect == Dialect::Bidirectional,
        };
        let mut session = ClientSession::new(settings, Password::from(PASSWORD));
        assert_eq!(session.deadline(), None, "a deadline before the start");
        session.open(self.now);
        session.open(self.now);
        self.conns.push(Conn {
            name: name.to_owned(),
            watched,
            session,
            account: Account::new(settings.bidirectional),
            interval: Duration::from_secs(1),
            said: VecDeque::new(),
        });
        self.drain(self.conns.len() - 1, None);
    }

    fn handshake(&mut self, name: &str, hello: Option<&str>) {
        let hello = hello.unwrap_or(r#"{"hb_interval": 1000}"#);
        let rest = hello.trim_start().strip_prefix('{').unwrap_or_default();
        let text = match Heard::of(hello).member("op") {
            Json::Null if rest.starts_with('}') => r#"{"op": 0}"#.to_owned(),
            Json::Null => format!(r#"{{"op": 0, {rest}"#),
            _ => hello.to_owned(),
        };
        self.send(name, &Sending::Text(text.as_bytes()));
        let _ack = self.take(name);
    }

    fn send(&mut self, name: &str, sending: &Sending<'_>) {
        let Some(index) = self.find(name) else {
            return;
        };
        if self.conns[index].account.is_over() {
            // Nothing has an effect any more.
            let session = &mut self.conns[index].session;
            session.text(self.now, r#"{"op": 0, "hb_interval": 1}"#);
            session.binary();
            return self.drain(index, None);
        }
        let watched = self.conns[index].watched;
        match sending {
            Sending::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => self.text(index, text),
                Err(_) => self.part(index, Sent::Bent),
            },
            Sending::Control => {
                no_breach(&self.oracle.sent(watched, Sent::Control, self.now.into()));
            }
            Sending::Binary => {
                no_breach(&self.oracle.sent(watched, Sent::Bent, self.now.into()));
                self.conns[index].session.binary();
                self.drain(index, None);
            }
            Sending::Close => self.part(index, Sent::Close),
            Sending::Cut => self.part(index, Sent::Bent),
        }
    }

    fn take(&mut self, name: &str) -> Option<Json> {
        let index = self.find(name)?;
        self.conns[index].said.pop_front()
    }

    fn over(&self, name: &str) -> bool {
        self.find(name)
            .is_none_or(|index| self.conns[index].account.is_over())
    }

    fn interval(&self, name: &str) -> Duration {
        self.find(name)
            .map_or(Duration::from_secs(1), |index| self.conns[index].interval)
    }

    fn order(&mut self, order: &Json) {
        let index = self.conns.len() - 1;
        match order.get("do").and_then(Json::as_str) {
            Some("request") => self.request(index, order),
            Some("dispatch") => self.dispatch(index, order),
            _ => return,
        }
        self.drain(index, None);
        // A request may have no time at all.
        self.advance(self.now);
    }

    fn finish(mut self) {
        for index in 0..self.conns.len() {
            let watched = self.conns[index].watched;
            let patience = Duration::ZERO;
            no_breach(&self.oracle.finish(watched, self.now.into(), patience));
            self.part(index, Sent::Control);
        }
    }
}
