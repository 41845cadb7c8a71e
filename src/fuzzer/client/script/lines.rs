//! Lines of a case: how packets are written, silence, heartbeats, acknowledgements by hand.

use std::fmt::Write as _;

use super::super::super::nasty::{Class, hex};
use super::super::super::script::Misfit;
use super::super::moves::{Ack, Hello, Spelling};
use super::super::nasty::frame;
use super::{Sent, State, WAITED_FOR_MS, Writer};

impl Writer<'_> {
    pub(super) fn line(&mut self, line: &str) {
        let indent = "  ".repeat(self.depth);
        // Writing to a string does not fail.
        let _ = writeln!(self.body, "{indent}{line}");
    }

    /// A line about this rule.
    pub(super) fn expect(&mut self, line: &str, rule: &str) {
        if self.head.rule == rule {
            self.line(line);
        } else {
            self.line(&format!("{line}  @{rule}"));
        }
    }

    pub(super) fn note(&mut self, what: &'static str, class: Option<Class>) {
        let state = self.model.state;
        self.sends.push(Sent { state, what, class });
    }

    pub(super) fn send(&mut self, send: &str, what: &'static str, class: Option<Class>) {
        self.note(what, class);
        self.line(&format!("> {send}"));
    }

    pub(super) fn wait(&mut self, ms: f64) {
        self.waits_ms += ms;
        self.line(&format!("wait {ms:.0}ms"));
    }

    pub(super) fn nothing(&mut self, ms: f64, rule: &str) {
        self.waits_ms += ms;
        self.expect(&format!("< nothing for {ms:.0}ms"), rule);
    }

    /// How long a HEARTBEAT may take at the most, in milliseconds: what the watch lets pass, and what
    /// starting takes.
    fn beat_within(&self) -> u64 {
        self.model.interval_ms + self.model.interval_ms / 4 + 1000
    }

    /// So many HEARTBEATs: the first whenever it comes, because lines before may have let some pass, and
    /// each other in its time. Of long intervals none is awaited.
    pub(super) fn beats(&mut self, count: u32, rule: &str) {
        let longest = WAITED_FOR_MS.min(self.facts.answer_within_ms / 4 * 3);
        if self.model.interval_ms > longest {
            return;
        }
        self.waits_ms += self.model.interval_ms as f64;
        self.expect("< {\"op\": 2}", rule);
        if count > 2 {
            self.line(&format!("repeat {}", count - 1));
            self.depth += 1;
            self.beat_in_time(rule);
            self.depth -= 1;
            self.waits_ms += f64::from(count - 2) * self.model.interval_ms as f64;
        } else if count == 2 {
            self.beat_in_time(rule);
        }
    }

    /// A HEARTBEAT within its time behind our last send.
    fn beat_in_time(&mut self, rule: &str) {
        self.waits_ms += self.model.interval_ms as f64;
        let within = self.beat_within();
        self.expect(&format!("< {{\"op\": 2}} within ..{within}ms"), rule);
    }

    pub(super) fn say_hello(&mut self, hello: Hello) {
        let members = [
            ("op", "0".to_owned()),
            ("hb_interval", hello.interval_ms.to_string()),
        ];
        self.say(&members, hello.spelling, "HELLO");
    }

    /// A packet whose members hold no holes unless it is written in one frame.
    fn say(&mut self, members: &[(&str, String)], spelling: Spelling, what: &'static str) {
        let whole = spelled(members, Spelling::Plain);
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match spelling {
            Spelling::Fragments => {
                let (first, second) = whole.split_at(whole.len() / 2);
                let send = format!("fragments {} \"\" {}", quoted(first), quoted(second));
                self.send(&send, what, None);
            }
            Spelling::Pieces => {
                self.in_pieces = true;
                let bytes = frame(0x81, whole.as_bytes());
                for (at, piece) in bytes.chunks(bytes.len().div_ceil(3)).enumerate() {
                    if at > 0 {
                        self.wait(20.0);
                    }
                    self.send(&format!("raw {}", hex(piece)), what, None);
                }
            }
            Spelling::Torn => {
                let (first, second) = whole.split_at(whole.len() / 2);
                let first = hex(&frame(0x01, first.as_bytes()));
                self.send(&format!("raw {first}"), what, None);
                self.line("> ping \"between\"");
                let second = hex(&frame(0x80, second.as_bytes()));
                self.send(&format!("raw {second}"), what, None);
            }
            _ => {
                let send = spelled(members, spelling);
                self.send(&send, what, None);
            }
        }
    }

    pub(super) fn acks(&mut self, count: u32, style: Ack) -> Result<(), Misfit> {
        self.needs_in()?;
        if self.model.interval_ms > WAITED_FOR_MS {
            return Err(Misfit("that is too long"));
        }
        let rule = match style {
            Ack::Spelled(Spelling::Extra) => "client.survives-strangers",
            _ => "client.heartbeat-interval",
        };
        let ack = [("op", "3".to_owned())];
        match style {
            Ack::Spelled(Spelling::Reordered) => return Err(Misfit("one member has one order")),
            Ack::Prompt | Ack::Spelled(_) | Ack::Late => {
                let spelling = match style {
                    Ack::Spelled(spelling) => spelling,
                    _ => Spelling::Plain,
                };
                for _ in 0..count {
                    self.beat_in_time(rule);
                    if style == Ack::Late {
                        self.wait(self.model.interval_ms as f64 * 0.4);
                    }
                    self.say(&ack, spelling, "HEARTBEAT_ACK");
                }
                // The one behind the last of them shows that it was taken.
                self.beat_in_time(rule);
                self.say(&ack, Spelling::Plain, "HEARTBEAT_ACK");
                self.model.watched &= !matches!(style, Ack::Spelled(_));
            }
            Ack::Doubled => {
                self.beat_in_time(rule);
                self.line("together");
                self.depth += 1;
                self.say(&ack, Spelling::Plain, "HEARTBEAT_ACK");
                self.say(&ack, Spelling::Plain, "HEARTBEAT_ACK");
                self.depth -= 1;
                self.beats_or_closed(2, rule);
                self.model.state = State::Done;
            }
            Ack::Withheld => {
                self.beat_in_time(rule);
                let ms = self.model.interval_ms * 4;
                self.waits_ms += ms as f64;
                self.line(&format!("< probe {ms}ms"));
                self.model.state = State::Done;
            }
        }
        Ok(())
    }

    /// It goes on beating, or ends the connection.
    fn beats_or_closed(&mut self, count: u32, rule: &str) {
        self.line("either");
        self.depth += 1;
        self.beat_in_time(rule);
        self.send("{\"op\": 3}", "HEARTBEAT_ACK", None);
        if count > 1 {
            self.beats_or_closed(count - 1, rule);
        }
        self.depth -= 1;
        self.line("or");
        self.depth += 1;
        self.line("< closed");
        self.depth -= 1;
    }
}

/// A packet in one frame, as a send of a scenario; what takes several is written elsewhere.
pub(super) fn spelled(members: &[(&str, String)], spelling: Spelling) -> String {
    let all = |members: &mut dyn Iterator<Item = String>, between: &str| {
        let members: Vec<String> = members.collect();
        format!("{{{}}}", members.join(between))
    };
    let plain = |(name, value): &(&str, String)| format!("\"{name}\": {value}");
    match spelling {
        Spelling::Reordered => all(&mut members.iter().rev().map(plain), ", "),
        Spelling::Spaced => {
            let spaced = |(name, value): &(&str, String)| format!("  \"{name}\"  :  {value}  ");
            all(&mut members.iter().map(spaced), ",")
        }
        Spelling::Escaped => {
            let escaped = |(name, value): &(&str, String)| {
                let codes = name
                    .chars()
                    .map(|letter| format!("\\u{:04x}", u32::from(letter)));
                format!("\"{}\": {value}", codes.collect::<String>())
            };
            all(&mut members.iter().map(escaped), ", ")
        }
        Spelling::Extra => {
            let strange = [
                ("server", "\"litespec\"".to_owned()),
                ("", "[[]]".to_owned()),
            ];
            let (first, rest) = strange.split_at(1);
            let all_members = first.iter().chain(members).chain(rest);
            all(&mut all_members.map(plain), ", ")
        }
        Spelling::Plain | Spelling::Fragments | Spelling::Pieces | Spelling::Torn => {
            all(&mut members.iter().map(plain), ", ")
        }
    }
}
