//! Lines of a case: packets, what they must bring, and how they are spelled.

use super::super::moves::{Conn, Packet, Pass, Said, Spelling};
use std::time::Duration;

use super::super::nasty::Class;
use super::super::values::{Family, Value};
use super::{Misfit, Sent, State, Writer};

/// Names and values of a packet's members, as JSON templates.
type Members = Vec<(&'static str, String)>;

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

    pub(super) fn both_are_in(&self, one: Conn, other: Conn) -> bool {
        [one, other]
            .iter()
            .all(|conn| self.model.of(*conn).state == State::In)
    }

    /// Packets on two connections, one write behind the other; what is owed is awaited behind both.
    pub(super) fn cross(
        &mut self,
        one: (Conn, &[Said]),
        other: (Conn, &[Said]),
        wait: bool,
    ) -> Result<(), Misfit> {
        for (conn, packets) in [one, other] {
            self.keep_alive(conn, packets);
        }
        for (conn, packets) in [one, other] {
            self.account(conn, packets)?;
            self.write_packets(conn, packets)?;
        }
        self.collect(one.0);
        if wait {
            self.collect(other.0);
        }
        Ok(())
    }

    /// Where an answer may take longer than the interval, whoever asks has to stay in meanwhile. An
    /// acknowledgement is owed at once: there a heartbeat in the background would only blur whose it is.
    fn keep_alive(&mut self, conn: Conn, packets: &[Said]) {
        let asks = |said: &Said| matches!(said.packet, Packet::Request { .. });
        if !packets.iter().any(asks) {
            return;
        }
        let patience = self.facts.answer_within + Duration::from_secs(1);
        let known = self.model.of_mut(conn);
        if known.state == State::In && !known.beating && self.facts.interval <= patience {
            known.beating = true;
            self.line(&format!("{} beat every 0.5hb", conn.prefix()));
        }
    }

    /// What the packets make the model know, and whether they end the connection.
    fn account(&mut self, conn: Conn, packets: &[Said]) -> Result<Option<Ending>, Misfit> {
        for (at, said) in packets.iter().enumerate() {
            let state = self.model.of(conn).state;
            let ending = match (state, &said.packet) {
                (State::Greeted | State::In, Packet::Ping | Packet::Pong) => continue,
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
        for said in packets {
            self.send_packet(conn, said)?;
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
        for nonce in &nonces {
            let what = format!("{{\"op\": 5, \"n\": {}}}", hole_free(&nonce.text));
            self.expect(conn, &what, rule_of(nonce, together));
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
