//! The server's session played upon by a scenario, on a clock of its own. Each of its steps is
//! compared with what a second reading of the packet and a small account of the connection say, all
//! that it sends is shown to the oracle, which has to find nothing, and every deadline lies ahead.
//!
//! A scenario whose first rule is `dialect.bidirectional` is played in that dialect, with small
//! bounds. What is asked for by `ECHO` and `NULL` is answered at once, by `LATE` as many milliseconds
//! later as its first argument says, and everything else with an error.

mod account;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use litespec::oracle::{Dialect, Oracle, Received, Sent};
use litespec::protocol::json::Json;
use litespec::protocol::packet::{Interval, Raw};
use litespec::scenario::syntax::Role;
use litespec::session::server::{AskId, NotAsked, ServerSession, Settings, Step, Ticket};
use litespec::session::{Breach, Timer};

use self::account::{Account, Wanted};
use super::Input;
use super::heard::{Heard, no_breach, same};
use super::script::{self, PASSWORD, Sending, Stage, play};

/// `LATE` waits no longer.
const LONGEST_LATE: u64 = 60_000;

/// Plays a scenario against the server's session.
pub fn check(bytes: &[u8]) -> Input {
    let Some(scenario) = script::scenario(bytes, Role::Server) else {
        return Input::Refused;
    };
    let bidirectional = scenario.of_dialect();
    play(&scenario, || Server::new(bidirectional));
    Input::Used
}

fn settings(bidirectional: bool) -> Settings {
    let (hb_interval, max_in_flight, max_in_flight_bytes, max_asked) = if bidirectional {
        (20_000, 3, 300, 2)
    } else {
        (1_000, 64, 1 << 20, 0)
    };
    Settings {
        hb_interval: Interval::from_millis(hb_interval).expect("above zero"),
        handshake_limit: Duration::from_secs(10),
        max_in_flight,
        max_in_flight_bytes,
        max_asked,
    }
}

/// A server with all connections of a scenario.
struct Server {
    now: Instant,
    settings: Settings,
    oracle: Oracle,
    conns: Vec<Conn>,
}

struct Conn {
    name: String,
    /// Its index for the oracle.
    watched: usize,
    session: ServerSession,
    account: Account,
    /// What has come and was not taken.
    said: VecDeque<Json>,
    late: Vec<Late>,
    /// What the server has asked, and the nonces it did so with.
    asked: Vec<(AskId, u64)>,
}

/// A request whose answer is to come.
struct Late {
    at: Instant,
    ticket: Ticket<'static>,
    n: Json,
    weight: usize,
    r: String,
}

impl Server {
    fn new(bidirectional: bool) -> Server {
        let dialect = if bidirectional {
            Dialect::Bidirectional
        } else {
            Dialect::Text
        };
        let mut server = Server {
            now: tokio::time::Instant::now().into_std(),
            settings: settings(bidirectional),
            oracle: Oracle::new(PASSWORD, dialect),
            conns: Vec::new(),
        };
        server.connect("a");
        server
    }

    /// The connection that has this name now.
    fn find(&self, name: &str) -> Option<usize> {
        self.conns.iter().rposition(|conn| conn.name == name)
    }

    /// The server sends a packet: the oracle has nothing against it.
    fn says(&mut self, index: usize, text: &str) -> Json {
        let packet = Json::parse(text.as_bytes()).expect("what a session sends is JSON");
        let received = Received::Packet {
            packet: &packet,
            binary: false,
        };
        self.received(index, received);
        self.conns[index].said.push_back(packet.clone());
        packet
    }

    fn received(&mut self, index: usize, received: Received<'_>) {
        let watched = self.conns[index].watched;
        let found = self.oracle.received(watched, received, self.now.into());
        no_breach(&found);
    }

    fn closes(&mut self, index: usize, breach: Breach) {
        let code = Some(breach.code());
        self.received(index, Received::Close { code });
        self.received(index, Received::End);
        self.conns[index].account.over();
    }

    /// Whatever has happened, these hold.
    fn invariants(&self, index: usize) {
        let Conn {
            session, account, ..
        } = &self.conns[index];
        assert_eq!(session.in_flight(), account.in_flight(), "in flight");
        assert_eq!(session.is_authenticated(), account.is_in(), "authenticated");
        match session.deadline() {
            None => assert!(account.is_over(), "an open connection without a deadline"),
            Some(deadline) => {
                assert!(
                    !account.is_over(),
                    "a deadline of a connection that is over"
                );
                assert!(
                    deadline.at > self.now,
                    "a deadline in the past: {deadline:?}"
                );
            }
        }
    }

    fn text(&mut self, index: usize, text: &str) {
        let heard = Heard::of(text);
        self.tell_oracle(index, &heard, text.len());
        let conn = &mut self.conns[index];
        let wanted = conn.account.hears(&heard, text.len(), self.now);
        let step = conn.session.text(self.now, text, |given| given == PASSWORD);
        assert!(
            wanted.allows(&step),
            "wanted {wanted:?}, got {step:?} for {text}"
        );
        self.follow(index, step, &heard, text.len());
    }

    fn tell_oracle(&mut self, index: usize, heard: &Heard, size: usize) {
        let sent = match &heard.json {
            Some(packet) => Sent::Packet { packet, size },
            None => Sent::Bent,
        };
        let watched = self.conns[index].watched;
        self.oracle.sent(watched, sent, self.now.into());
    }

    fn follow(&mut self, index: usize, step: Step<'_>, heard: &Heard, weight: usize) {
        match step {
            Step::Nothing | Step::Ignored => {}
            Step::Send(packet) => {
                let _ = self.says(index, &packet);
            }
            Step::Authenticated => self.talk(index),
            Step::Request(request) => {
                let (w, a) = (heard.member("w").as_str(), heard.member("a"));
                same_call(
                    request.call.w.decode().ok().as_deref(),
                    request.call.a,
                    heard,
                );
                let late = Late {
                    at: self.now,
                    ticket: request.ticket.into_owned(),
                    n: heard.member("n").clone(),
                    weight,
                    r: answer(w, a),
                };
                if w == Some("LATE") {
                    let first = a.as_array().and_then(|a| a.first()).and_then(Json::as_u64);
                    let ms = first.unwrap_or(200).min(LONGEST_LATE);
                    let at = self.now + Duration::from_millis(ms);
                    self.conns[index].late.push(Late { at, ..late });
                } else {
                    self.answer(index, late);
                }
            }
            Step::Refuse(ticket) => {
                let late = Late {
                    at: self.now,
                    ticket: ticket.into_owned(),
                    n: heard.member("n").clone(),
                    weight,
                    r: r#"{"error":"too many requests in flight"}"#.to_owned(),
                };
                self.answer(index, late);
            }
            Step::Dispatch(call) => {
                same_call(call.w.decode().ok().as_deref(), call.a, heard);
                match heard.member("w").as_str() {
                    Some("ASK") => self.ask(index, call.a.as_str()),
                    Some("FORGET") => self.forget(index),
                    _ => {}
                }
            }
            Step::Answered(id, r) => {
                let nonce = heard.member("n").as_u64();
                let conn = &mut self.conns[index];
                let asked = conn.asked.iter().position(|asked| Some(asked.1) == nonce);
                let asked = asked.expect("an answer to what was never asked, or twice");
                assert_eq!(
                    conn.asked.remove(asked).0,
                    id,
                    "the answer to another request"
                );
                assert!(
                    same(r.as_str(), heard.member("r")),
                    "the answer was changed: {r}"
                );
            }
            Step::Close(breach) => self.closes(index, breach),
        }
    }

    /// A request ends, with one RESPONSE while its connection is open.
    fn answer(&mut self, index: usize, late: Late) {
        let conn = &mut self.conns[index];
        let r = Raw::parse(&late.r).expect("answers are JSON");
        let packet = conn.session.answer(late.ticket, r);
        conn.account.answered(late.weight);
        let over = conn.account.is_over();
        let Some(packet) = packet else {
            return assert!(over, "no answer on an open connection");
        };
        assert!(!over, "an answer on a connection that is over");
        let packet = self.says(index, &packet);
        assert_eq!(packet.get("op").and_then(Json::as_u64), Some(5));
        // By spelling: a nonce comes back as it came.
        assert_eq!(packet.get("n"), Some(&late.n), "the nonce was changed");
        assert!(same(&late.r, packet.get("r").unwrap_or(&Json::Null)));
    }

    /// What the server says to a client that it has just let in.
    fn talk(&mut self, index: usize) {
        let told = self.conns[index].session.tell("WELCOME", "[]");
        match told {
            Ok(packet) => {
                let _ = self.says(index, &packet);
                self.ask(index, "[1]");
            }
            Err(why) => {
                assert_eq!(why, NotAsked::NotSpoken);
                assert_eq!(self.settings.max_asked, 0);
            }
        }
    }

    fn ask(&mut self, index: usize, a: &str) {
        let conn = &mut self.conns[index];
        let before = conn.asked.len();
        assert_eq!(conn.session.asked(), before, "requests of the server's");
        match conn.session.ask("STATUS", a) {
            Ok((id, packet)) => {
                assert!(before < self.settings.max_asked);
                let packet = self.says(index, &packet);
                let nonce = packet.get("n").and_then(Json::as_u64);
                let nonce = nonce.expect("the server's nonces are numbers");
                let conn = &mut self.conns[index];
                assert!(
                    conn.asked
                        .iter()
                        .all(|asked| asked.1 != nonce && asked.0 != id),
                    "a nonce or an id twice"
                );
                conn.asked.push((id, nonce));
            }
            Err(NotAsked::Full) => assert_eq!(before, self.settings.max_asked),
            Err(why) => assert_eq!(
                (why, self.settings.max_asked),
                (NotAsked::NotSpoken, 0),
                "not asked"
            ),
        }
    }

    fn forget(&mut self, index: usize) {
        let conn = &mut self.conns[index];
        if !conn.asked.is_empty() {
            let (id, _) = conn.asked.remove(0);
            conn.session.forget(id);
        }
    }

    /// Answers that have become ready.
    fn answer_late(&mut self, index: usize) {
        loop {
            let late = &mut self.conns[index].late;
            let Some(ready) = late.iter().position(|late| late.at <= self.now) else {
                return;
            };
            let late = late.remove(ready);
            self.answer(index, late);
        }
    }

    /// Time has passed on a connection.
    fn time_out(&mut self, index: usize) {
        let conn = &mut self.conns[index];
        let before = conn.session.deadline();
        let step = conn.session.timeout(self.now);
        let Some(due) = before.filter(|before| before.at <= self.now) else {
            assert!(matches!(step, Step::Nothing), "a timeout before its time");
            assert_eq!(
                conn.session.deadline(),
                before,
                "time alone moved a deadline"
            );
            return;
        };
        let Step::Close(breach) = step else {
            panic!("a deadline without consequence: {step:?}");
        };
        let (timer, limit) = match breach {
            Breach::HeartbeatTimeout => (Timer::Heartbeat, self.settings.hb_interval.duration()),
            Breach::HandshakeTimeout => (Timer::Handshake, self.settings.handshake_limit),
            other => panic!("time passed, and the close is for {other}"),
        };
        assert_eq!(due.timer, timer);
        conn.account.timed_out(timer, self.now, limit);
        self.closes(index, breach);
    }
}

fn answer(w: Option<&str>, a: &Json) -> String {
    match w {
        Some("ECHO" | "LATE") => a.to_string(),
        Some("NULL") => "null".to_owned(),
        _ => r#"{"error":"unknown request"}"#.to_owned(),
    }
}

/// What is handed on is what was sent.
fn same_call(w: Option<&str>, a: Raw<'_>, heard: &Heard) {
    assert_eq!(w, heard.member("w").as_str(), "another w");
    assert!(same(a.as_str(), heard.member("a")), "other arguments: {a}");
}

impl Stage for Server {
    fn now(&self) -> Instant {
        self.now
    }

    fn due(&self) -> Option<Instant> {
        let deadlines = self.conns.iter().filter_map(|conn| conn.session.deadline());
        let late = self.conns.iter().flat_map(|conn| &conn.late);
        let late = late.map(|late| late.at);
        deadlines.map(|deadline| deadline.at).chain(late).min()
    }

    fn advance(&mut self, to: Instant) {
        self.now = to;
        for index in 0..self.conns.len() {
            // What was asked in time is answered before the silence is judged.
            self.answer_late(index);
            self.time_out(index);
            self.invariants(index);
        }
    }

    fn connect(&mut self, name: &str) {
        let watched = self.oracle.opened(name, self.now.into());
        let mut conn = Conn {
            name: name.to_owned(),
            watched,
            session: ServerSession::new(self.settings),
            account: Account::new(&self.settings, self.now),
            said: VecDeque::new(),
            late: Vec::new(),
            asked: Vec::new(),
        };
        assert_eq!(conn.session.deadline(), None, "a deadline before the start");
        let Step::Send(hello) = conn.session.open(self.now) else {
            panic!("no HELLO");
        };
        assert!(matches!(conn.session.open(self.now), Step::Nothing));
        self.conns.push(conn);
        let index = self.conns.len() - 1;
        let hello = self.says(index, &hello);
        let interval = litespec::oracle::interval(&hello);
        assert_eq!(interval, Some(self.settings.hb_interval.duration()));
        self.invariants(index);
    }

    fn handshake(&mut self, name: &str, _: Option<&str>) {
        let _hello = self.take(name);
        let text = format!(r#"{{"op": 1, "password": "{PASSWORD}"}}"#);
        self.send(name, &Sending::Text(text.as_bytes()));
    }

    fn send(&mut self, name: &str, sending: &Sending<'_>) {
        let Some(index) = self.find(name) else {
            return;
        };
        let text = match sending {
            Sending::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        };
        let watched = self.conns[index].watched;
        let now = self.now.into();
        match (sending, text) {
            (_, Some(text)) => self.text(index, text),
            (Sending::Control, _) => self.oracle.sent(watched, Sent::Control, now),
            (Sending::Binary, _) => {
                self.oracle.sent(watched, Sent::Bent, now);
                let conn = &mut self.conns[index];
                let wanted = conn.account.hears_binary();
                let step = conn.session.binary();
                assert!(wanted.allows(&step), "wanted {wanted:?}, got {step:?}");
                if let Wanted::Close(_) = wanted {
                    self.closes(index, Breach::Binary);
                }
            }
            (Sending::Close, _) => self.part(index, Sent::Close),
            (Sending::Cut | Sending::Text(_), _) => self.part(index, Sent::Bent),
        }
        self.invariants(index);
    }

    fn take(&mut self, name: &str) -> Option<Json> {
        let index = self.find(name)?;
        self.conns[index].said.pop_front()
    }

    fn over(&self, name: &str) -> bool {
        self.find(name)
            .is_none_or(|index| self.conns[index].account.is_over())
    }

    fn interval(&self, _: &str) -> Duration {
        self.settings.hb_interval.duration()
    }

    fn finish(mut self) {
        // Nobody waits for ever: time passes until all has been answered.
        while let Some(at) = self
            .conns
            .iter()
            .flat_map(|conn| &conn.late)
            .map(|late| late.at)
            .min()
        {
            let next = self.due().map_or(at, |due| due.min(at));
            self.advance(next.max(self.now));
        }
        for index in 0..self.conns.len() {
            let conn = &self.conns[index];
            assert_eq!(conn.session.in_flight(), 0, "a request was never answered");
            let at = self.now.into();
            let grace = Duration::from_secs(1);
            no_breach(&self.oracle.finish(conn.watched, at, Duration::ZERO, grace));
        }
    }
}

impl Server {
    /// The client ends the connection.
    fn part(&mut self, index: usize, sent: Sent<'_>) {
        let conn = &mut self.conns[index];
        self.oracle.sent(conn.watched, sent, self.now.into());
        conn.session.closed();
        conn.account.over();
        self.received(index, Received::End);
    }
}
