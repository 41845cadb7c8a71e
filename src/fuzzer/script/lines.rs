//! Lines of a case: packets, what they must bring, and how they are spelled.

use super::super::moves::{Conn, Crossed, Packet, Pass, Said, Spelling};
use std::time::Duration;

use super::super::nasty::Class;
use super::super::values::{Family, Value};
use super::{Misfit, Sent, State, Writer};
use crate::oracle::Dialect;

/// Names and values of a packet's members, as JSON templates.
type Members = Vec<(&'static str, String)>;

/// PINGs and PONGs on one connection that nobody may take offence at.
const PINGS: u32 = 24;

/// How a segment ends a connection.
enum Ending {
    /// With this close code, by this rule.
    Code(u16, &'static str),
    /// Somehow, by this rule; an acknowledgement may come first.
    Somehow { rule: &'static str, ack: bool },
}

impl Writer<'_> {
    pub(super) fn line(&mut self, text: &str) {
        for _ in 0..self.depth {
            self.body.push_str("  ");
        }
        self.body.push_str(text.trim_start());
        self.body.push('\n');
    }

    pub(super) fn send(&mut self, conn: Conn, what: &str) {
        self.line(&format!("{}> {what}", conn.prefix()));
    }

    /// An expectation, with its mark where the title's rule is another.
    pub(super) fn expect(&mut self, conn: Conn, what: &str, rule: &str) {
        let mark = if rule == self.head.rule {
            String::new()
        } else {
            format!("  @{rule}")
        };
        self.line(&format!("{}< {what}{mark}", conn.prefix()));
    }

    pub(super) fn note(
        &mut self,
        conn: Conn,
        state: State,
        what: &'static str,
        class: Option<Class>,
    ) {
        self.sends.push(Sent {
            conn: conn.0,
            state,
            what,
            class,
        });
    }

    /// Packets in one write, and what they must bring.
    pub(super) fn say(&mut self, conn: Conn, packets: &[Said], wait: bool) -> Result<(), Misfit> {
        if packets.is_empty() {
            return Err(Misfit("nothing is said"));
        }
        if self.model.of(conn).state == State::Unjudged {
            self.ignore(conn)?;
            return self.write_packets(conn, packets);
        }
        self.keep_alive(conn, packets);
        self.beat_alone(conn, packets);
        let ending = self.account(conn, packets)?;
        self.write_packets(conn, packets)?;
        self.keep_alive(conn, packets);
        match ending {
            Some(Ending::Code(code, rule)) => {
                self.expect(conn, &format!("close {code}"), rule);
                self.model.of_mut(conn).closing = true;
            }
            Some(Ending::Somehow { rule, ack }) => self.ends_somehow(conn, rule, ack),
            None if wait => self.collect(conn),
            None => {}
        }
        Ok(())
    }

    /// Packets on two connections in turn, and what they must bring.
    pub(super) fn cross(
        &mut self,
        pair: [Conn; 2],
        rounds: u32,
        what: Crossed,
    ) -> Result<(), Misfit> {
        if pair[0] == pair[1] || rounds == 0 {
            return Err(Misfit("two connections cross"));
        }
        let chosen = self.facts.requests.first().cloned();
        for conn in pair {
            self.needs(conn, State::In)?;
            self.collect(conn);
        }
        if what != Crossed::Heartbeats {
            chosen.as_ref().ok_or(Misfit("no request is known"))?;
        }
        for conn in pair {
            match what {
                Crossed::Heartbeats => self.beat_no_more(conn),
                Crossed::Requests | Crossed::SameNonces => self.beat_meanwhile(conn),
            }
        }
        let (w, a) = chosen.unwrap_or_default();
        let turn = if rounds == 1 { "1" } else { "$i" };
        let nonce = |conn: Conn| match what {
            Crossed::SameNonces => turn.to_owned(),
            _ => format!("[\"{}\", {turn}]", conn.name()),
        };
        let (name, sends) = match what {
            Crossed::Heartbeats => ("HEARTBEAT", pair.map(|_| "{\"op\": 2}".to_owned())),
            _ => (
                "REQUEST",
                pair.map(|conn| {
                    let n = nonce(conn);
                    format!("{{\"op\": 4, \"w\": {w}, \"a\": {a}, \"n\": {n}}}")
                }),
            ),
        };
        let (rule, comes) = match what {
            Crossed::Heartbeats => ("heartbeat.ack", pair.map(|_| "{\"op\": 3}".to_owned())),
            _ => (
                "response.to-sender",
                pair.map(|conn| format!("{{\"op\": 5, \"n\": {}}}", nonce(conn))),
            ),
        };
        self.in_turns(rounds, |writer| {
            for (conn, send) in pair.into_iter().zip(&sends) {
                writer.send(conn, send);
            }
        });
        self.line("in any order");
        self.depth += 1;
        self.in_turns(rounds, |writer| {
            for (conn, what) in pair.into_iter().zip(&comes) {
                writer.expect(conn, what, rule);
                writer.model.beat(conn);
            }
        });
        self.depth -= 1;
        for conn in pair.into_iter().cycle().take(2 * rounds as usize) {
            self.note(conn, State::In, name, None);
        }
        Ok(())
    }

    /// Lines that are gone through so often.
    fn in_turns(&mut self, rounds: u32, lines: impl FnOnce(&mut Self)) {
        let many = usize::from(rounds > 1);
        if many > 0 {
            self.line(&format!("repeat {rounds} as $i"));
        }
        self.depth += many;
        lines(self);
        self.depth -= many;
    }

    /// Where an answer may take longer than the interval, whoever asks has to stay in meanwhile. An
    /// acknowledgement is owed at once: there a heartbeat in the background would only blur whose it is.
    fn keep_alive(&mut self, conn: Conn, packets: &[Said]) {
        let asks = |said: &Said| matches!(said.packet, Packet::Request { .. });
        if packets.iter().any(asks) {
            self.beat_meanwhile(conn);
        }
    }

    fn beat_meanwhile(&mut self, conn: Conn) {
        let patience = self.facts.answer_within + Duration::from_secs(1);
        let known = self.model.of_mut(conn);
        if known.state == State::In && !known.beating && self.facts.interval <= patience {
            known.beating = true;
            self.line(&format!("{} beat every 0.5hb", conn.prefix()));
        }
    }

    /// Heartbeats alone are counted exactly: one in the background could stand for one that is lost.
    fn beat_alone(&mut self, conn: Conn, packets: &[Said]) {
        if packets.iter().all(|said| said.packet == Packet::Heartbeat) {
            self.beat_no_more(conn);
        }
    }

    fn beat_no_more(&mut self, conn: Conn) {
        let known = self.model.of_mut(conn);
        if known.state == State::In && std::mem::take(&mut known.beating) {
            self.line(&format!("{} beat off", conn.prefix()));
        }
    }

    /// What the packets make the model know, and whether they end the connection.
    fn account(&mut self, conn: Conn, packets: &[Said]) -> Result<Option<Ending>, Misfit> {
        for (at, said) in packets.iter().enumerate() {
            let state = self.model.of(conn).state;
            let ending = match (state, &said.packet) {
                (State::Greeted | State::In, Packet::Ping | Packet::Pong) => {
                    let pings = &mut self.model.of_mut(conn).pings;
                    *pings += 1;
                    if *pings > PINGS {
                        // Libraries bound the pongs that wait, and end who asks for more.
                        return Err(Misfit("what is done about a flood of pings is open"));
                    }
                    continue;
                }
                (State::Greeted, Packet::HelloAck(Pass::Right)) => {
                    self.model.of_mut(conn).state = State::In;
                    continue;
                }
                (State::Greeted, Packet::HelloAck(Pass::Wrong(_))) => {
                    Ending::Code(4001, "auth.reject")
                }
                (State::Greeted, Packet::HelloAck(Pass::NoString(_) | Pass::Missing)) => {
                    let asks = |said: &Said| matches!(said.packet, Packet::Request { .. });
                    if packets[at..].iter().any(asks) {
                        Ending::Somehow {
                            rule: "auth.password-type",
                            ack: false,
                        }
                    } else {
                        Ending::Code(4001, "auth.password-type-code")
                    }
                }
                (State::Greeted, Packet::Request { .. } | Packet::UnknownRequest) => {
                    Ending::Code(4002, "auth.gate-request")
                }
                (State::Greeted, Packet::Dispatch) => Ending::Code(4002, "auth.gate-dispatch"),
                (State::Greeted, Packet::Heartbeat) => Ending::Somehow {
                    rule: "auth.gate-heartbeat",
                    ack: true,
                },
                (State::Greeted, Packet::Response)
                    if self.facts.dialect == Dialect::Bidirectional =>
                {
                    let gated = packets[at..]
                        .iter()
                        .find(|said| said.packet != Packet::Response);
                    let ack = match gated.map(|said| &said.packet) {
                        Some(Packet::Heartbeat) => true,
                        Some(Packet::Request { .. } | Packet::UnknownRequest) => false,
                        // It counts for nothing; whether it is closed for is open.
                        _ => return Err(Misfit("what comes of it is open")),
                    };
                    Ending::Somehow {
                        rule: "dialect.bidirectional",
                        ack,
                    }
                }
                (State::In, Packet::Heartbeat) => {
                    self.model.of_mut(conn).acks += 1;
                    self.model.beat(conn);
                    continue;
                }
                (State::In, Packet::Request { nonce, .. }) => {
                    if self.facts.requests.is_empty() || self.model.in_flight(conn, nonce) {
                        return Err(Misfit("the request cannot be judged"));
                    }
                    self.model.of_mut(conn).nonces.push(nonce.clone());
                    continue;
                }
                (State::In, Packet::Dispatch) if self.facts.takes_dispatches => continue,
                _ => return Err(Misfit("the packet does not fit the connection")),
            };
            self.model.of_mut(conn).state = State::Over;
            return Ok(Some(ending));
        }
        Ok(None)
    }

    fn write_packets(&mut self, conn: Conn, packets: &[Said]) -> Result<(), Misfit> {
        if let [said] = packets {
            return self.send_packet(conn, said);
        }
        self.line("together");
        self.depth += 1;
        let mut rest = packets;
        while let [first, ..] = rest {
            let (count, said) = match run_of(rest) {
                0..3 => (1, first.clone()),
                count => (count, counted(first)),
            };
            if count > 1 {
                let turns = match &said.packet {
                    Packet::Request { .. } => " as $i",
                    _ => "",
                };
                self.line(&format!("repeat {count}{turns}"));
                self.depth += 1;
            }
            self.send_packet(conn, &said)?;
            if count > 1 {
                self.depth -= 1;
                let last = self.sends.last().copied();
                self.sends.extend(last.into_iter().cycle().take(count - 1));
            }
            rest = &rest[count..];
        }
        self.depth -= 1;
        Ok(())
    }

    pub(super) fn send_packet(&mut self, conn: Conn, said: &Said) -> Result<(), Misfit> {
        let state = self.model.of(conn).state;
        let (what, members) = self.members(&said.packet)?;
        self.note(conn, state, what, None);
        let send = match what {
            "ping" | "pong" => format!("{what} \"litespec\""),
            _ => spelled(&members, said.spelling)?,
        };
        self.send(conn, &send);
        Ok(())
    }

    /// A packet's name and its members, names and values as JSON templates.
    fn members(&self, packet: &Packet) -> Result<(&'static str, Members), Misfit> {
        let op = |op: u8| ("op", op.to_string());
        let any = ("\"ANYTHING\"".to_owned(), "[]".to_owned());
        Ok(match packet {
            Packet::Heartbeat => ("HEARTBEAT", vec![op(2)]),
            Packet::HelloAck(Pass::Right) => (
                "HELLO_ACK",
                vec![op(1), ("password", "\"${password}\"".to_owned())],
            ),
            Packet::HelloAck(Pass::Wrong(password) | Pass::NoString(password)) => (
                "HELLO_ACK",
                vec![op(1), ("password", (*password).to_owned())],
            ),
            Packet::HelloAck(Pass::Missing) => ("HELLO_ACK", vec![op(1)]),
            Packet::UnknownRequest => {
                let (w, a) = ("\"no-such-request\"".to_owned(), "[null]".to_owned());
                (
                    "REQUEST",
                    vec![op(4), ("w", w), ("a", a), ("n", "1".to_owned())],
                )
            }
            Packet::Request { nonce, which } => {
                let requests = &self.facts.requests;
                let chosen = requests.get(which % requests.len().max(1));
                let (w, a) = chosen.cloned().unwrap_or(any);
                let nonce = hole_free(&nonce.text);
                ("REQUEST", vec![op(4), ("w", w), ("a", a), ("n", nonce)])
            }
            Packet::Dispatch => {
                let (w, a) = self.facts.dispatch.clone();
                ("DISPATCH", vec![op(6), ("w", w), ("a", a)])
            }
            Packet::Response => {
                let (n, r) = ("1".to_owned(), "null".to_owned());
                ("RESPONSE", vec![op(5), ("n", n), ("r", r)])
            }
            Packet::Ping => ("ping", Vec::new()),
            Packet::Pong => ("pong", Vec::new()),
        })
    }

    /// Awaits all that is owed on a connection.
    pub(super) fn collect(&mut self, conn: Conn) {
        let known = self.model.of_mut(conn);
        let acks = std::mem::take(&mut known.acks);
        let nonces = std::mem::take(&mut known.nonces);
        let together = nonces.len() > 1;
        let all = acks as usize + nonces.len();
        if all > 1 {
            self.line("in any order");
            self.depth += 1;
        }
        if acks > 3 {
            self.line(&format!("repeat {acks}"));
            self.depth += 1;
            self.expect(conn, "{\"op\": 3}", "heartbeat.ack");
            self.depth -= 1;
        } else {
            for _ in 0..acks {
                self.expect(conn, "{\"op\": 3}", "heartbeat.ack");
            }
        }
        let mut rest = &nonces[..];
        while let [first, ..] = rest {
            let numbered = rest.iter().zip(1_u32..);
            let count = numbered.take_while(|(nonce, at)| nonce.text == at.to_string());
            let count = match count.count() {
                0..3 => 1,
                count => count,
            };
            let rule = rule_of(first, together);
            if count > 1 {
                self.line(&format!("repeat {count} as $i"));
                self.depth += 1;
                self.expect(conn, "{\"op\": 5, \"n\": $i}", rule);
                self.depth -= 1;
            } else {
                let what = format!("{{\"op\": 5, \"n\": {}}}", hole_free(&first.text));
                self.expect(conn, &what, rule);
            }
            rest = &rest[count..];
        }
        if all > 1 {
            self.depth -= 1;
        }
    }

    /// The connection ends, whichever way.
    fn ends_somehow(&mut self, conn: Conn, rule: &str, ack: bool) {
        // One that stays must not be ended by its timer.
        self.line(&format!("{} beat every 0.4hb", conn.prefix()));
        if !ack {
            return self.expect(conn, "closed", rule);
        }
        self.line("either");
        self.depth += 1;
        self.expect(conn, "closed", rule);
        self.depth -= 1;
        self.line("or");
        self.depth += 1;
        self.expect(conn, "{\"op\": 3}", rule);
        self.expect(conn, "closed", rule);
        self.depth -= 1;
    }
}

/// How many of the first packets are one line said again: alike, or requests numbered from 1 on.
fn run_of(packets: &[Said]) -> usize {
    let Some(first) = packets.first() else {
        return 0;
    };
    let alike = |(at, said): (usize, &Said)| match (&first.packet, &said.packet) {
        (
            Packet::Request { which, .. },
            Packet::Request {
                nonce,
                which: other,
            },
        ) => {
            let plain = said.spelling == Spelling::Plain;
            plain && which == other && nonce.text == (at + 1).to_string()
        }
        _ => said == first,
    };
    let count = packets.iter().enumerate().map(alike);
    count.take_while(|alike| *alike).count()
}

/// A packet of a run, its nonce the number of its turn.
fn counted(said: &Said) -> Said {
    let mut said = said.clone();
    if let Packet::Request { nonce, .. } = &mut said.packet {
        "$i".clone_into(&mut nonce.text);
    }
    said
}

/// The rule that an answer with this nonce is about.
fn rule_of(nonce: &Value, together: bool) -> &'static str {
    match nonce.family {
        Family::Simple if together => "request.independent",
        Family::Simple => "request.response",
        _ => "request.nonce-any",
    }
}

/// JSON text in which nothing is a hole.
fn hole_free(text: &str) -> String {
    text.replace("${", "$${")
}

/// A packet with these members, as a send of a scenario.
fn spelled(members: &[(&str, String)], spelling: Spelling) -> Result<String, Misfit> {
    let object = |members: &mut dyn Iterator<Item = String>| {
        let members: Vec<String> = members.collect();
        format!("{{{}}}", members.join(", "))
    };
    let plain = |(name, value): &(&str, String)| format!("\"{name}\": {value}");
    Ok(match spelling {
        Spelling::Plain => object(&mut members.iter().map(plain)),
        Spelling::Reordered if members.len() < 2 => return Err(Misfit("one member has one order")),
        Spelling::Reordered => object(&mut members.iter().rev().map(plain)),
        Spelling::Escaped => object(&mut members.iter().map(|(name, value)| {
            let name = name.replace('o', "\\u006f").replace('n', "\\u006e");
            format!("\"{name}\": {value}")
        })),
        Spelling::Padded => {
            let whole = object(&mut members.iter().map(plain));
            if whole.contains("${") {
                return Err(Misfit("a hole is not escaped in a text"));
            }
            let padded = serde_json::Value::from(format!(" \t{whole}\r\n "));
            format!("text {padded}")
        }
        Spelling::Spaced => {
            let spaced = |(name, value): &(&str, String)| format!("\"{name}\"  :  {value}  ");
            let members: Vec<String> = members.iter().map(spaced).collect();
            format!("{{  {}}}", members.join(",  "))
        }
        Spelling::Fragments | Spelling::EmptyFragment => {
            let whole = object(&mut members.iter().map(plain));
            if whole.contains("${") {
                return Err(Misfit("a hole is not escaped in a fragment"));
            }
            let at = whole.char_indices().nth(whole.chars().count() / 2);
            let (first, second) = whole.split_at(at.map_or(0, |(at, _)| at));
            let quoted = |text: &str| serde_json::Value::from(text).to_string();
            let between = match spelling {
                Spelling::EmptyFragment => " \"\" ",
                _ => " ",
            };
            format!("fragments {}{between}{}", quoted(first), quoted(second))
        }
    })
}
