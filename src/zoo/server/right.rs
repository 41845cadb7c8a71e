//! Right variants: servers that keep every rule and look different.

use std::time::Duration;

use tokio::time::Instant;

use super::super::bend::{Bend, Ctx, Facts, Heard, read};
use super::super::wire::{AS_IS, Cut, End, Frame, Wire};
use super::super::world::Act;
use super::timers::{Clock, behind, last};
use super::{Member, variant};
use crate::protocol::close;
use crate::protocol::json::{Json, Number};
use crate::protocol::opcode::Op;
use crate::protocol::packet::{Interval, Packet};
use crate::reference::layer::Closing;
use crate::wire::opcode;

/// Spells every packet otherwise.
struct Spells(fn(&Json) -> String);

impl Bend for Spells {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match Json::parse(packet.as_bytes()) {
            Ok(value) => ctx.say((self.0)(&value)),
            Err(_) => ctx.say(packet),
        }
    }
}

/// Puts members around those of every packet.
struct Members(fn(&str) -> String);

impl Bend for Members {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        let inner = packet.trim_start_matches('{').strip_suffix('}');
        match inner {
            Some(inner) => ctx.say((self.0)(inner)),
            None => ctx.say(packet),
        }
    }
}

/// Takes its time over packets of one op.
struct Slow {
    op: Op,
    /// How long the next one takes.
    wait: fn(&Slow, &Facts) -> Duration,
    count: u32,
    /// When the last one will be done.
    busy: Option<Instant>,
}

impl Slow {
    fn boxed(op: Op, wait: fn(&Slow, &Facts) -> Duration) -> Box<dyn Bend> {
        Box::new(Slow {
            op,
            wait,
            count: 0,
            busy: None,
        })
    }
}

impl Bend for Slow {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        if read(&packet).0 != Some(self.op) {
            return ctx.say(packet);
        }
        let wait = (self.wait)(self, ctx.facts);
        self.count += 1;
        self.busy = Some(ctx.facts.now + wait);
        ctx.later(wait, Act::Say(packet));
    }
}

/// Answers what came together in the opposite order.
#[derive(Default)]
struct LastFirst(Vec<String>);

impl Bend for LastFirst {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 {
            Some(Op::Response) => self.0.push(packet),
            _ => ctx.say(packet),
        }
    }

    fn batch(&mut self, ctx: &mut Ctx<'_, '_>) {
        while let Some(packet) = self.0.pop() {
            ctx.say(packet);
        }
    }
}

/// Looks at fixed times whether there was a heartbeat in between.
struct Windows {
    grace: Duration,
    end: Option<Instant>,
    alive: bool,
}

impl Bend for Windows {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        self.end = self.end.or(Some(ctx.facts.now + ctx.facts.hb(1.0) + self.grace));
        ctx.say(packet);
    }

    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        self.alive |= heard.is(Op::Heartbeat);
        ctx.hear(heard.text);
    }

    fn deadline(&self, _: &Facts, _: Option<Instant>) -> Option<Instant> {
        self.end
    }

    fn timeout(&mut self, ctx: &mut Ctx<'_, '_>) {
        match std::mem::take(&mut self.alive) || ctx.facts.let_in.is_none() {
            true => self.end = Some(ctx.facts.now + ctx.facts.hb(1.0) + self.grace),
            false => ctx.close(close::HEARTBEAT_TIMEOUT),
        }
    }
}

/// Closes in its own words.
struct Reasons(&'static str);

impl Bend for Reasons {
    fn closes(&mut self, closing: Closing, ctx: &mut Ctx<'_, '_>) {
        ctx.close_saying(closing.code, self.0);
    }
}

/// Closes for what the text leaves open with another code, or not at all.
struct Open(fn(&Heard<'_>, &mut Ctx<'_, '_>));

impl Bend for Open {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        let refused = matches!(heard.meant(), Some(Op::HelloAck))
            || !ctx.is_in() && matches!(heard.meant(), Some(Op::Request | Op::Dispatch));
        match heard.packet.is_none() && !refused || the_servers(&heard) {
            true => (self.0)(&heard, ctx),
            false => ctx.hear(heard.text),
        }
    }

    fn binary(&mut self, ctx: &mut Ctx<'_, '_>) {
        let heard = Heard {
            text: "",
            packet: None,
        };
        (self.0)(&heard, ctx);
    }
}

fn the_servers(heard: &Heard<'_>) -> bool {
    matches!(
        heard.meant(),
        Some(Op::Hello | Op::HeartbeatAck | Op::Response)
    )
}

/// Does something else with some texts.
struct Hears(fn(&Heard<'_>, &mut Ctx<'_, '_>));

impl Bend for Hears {
    fn heard(&mut self, heard: Heard<'_>, ctx: &mut Ctx<'_, '_>) {
        (self.0)(&heard, ctx);
    }
}

/// Does something else with HELLO.
struct Greets(fn(String, &mut Ctx<'_, '_>));

impl Bend for Greets {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        match read(&packet).0 {
            Some(Op::Hello) => (self.0)(packet, ctx),
            _ => ctx.say(packet),
        }
    }
}

/// Speaks in ops of its own, which the text does not speak of.
struct NewOps;

impl Bend for NewOps {
    fn says(&mut self, packet: String, ctx: &mut Ctx<'_, '_>) {
        let greeted = read(&packet).0 == Some(Op::Hello);
        ctx.say(packet);
        if !greeted {
            ctx.say(r#"{"op":9,"event":"tick"}"#);
        }
    }

    fn closes(&mut self, closing: Closing, ctx: &mut Ctx<'_, '_>) {
        ctx.say(r#"{"op":7,"error":"going to close"}"#);
        ctx.close_saying(closing.code, closing.reason);
    }
}

fn with_numbers(value: &Json, respell: &dyn Fn(&Number) -> Option<String>) -> String {
    match value {
        Json::Number(number) => respell(number).unwrap_or_else(|| number.spelling().to_owned()),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(|i| with_numbers(i, respell)).collect();
            format!("[{}]", items.join(","))
        }
        Json::Object(members) => {
            let members = members.iter().map(|(name, value)| {
                let name = Json::String(name.clone());
                format!("{name}:{}", with_numbers(value, respell))
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// An integer that is one as a double too.
fn small(number: &Number) -> Option<u64> {
    number.to_u64().filter(|n| *n < 1 << 53)
}

fn pretty(value: &Json, depth: usize) -> String {
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    match value {
        Json::Array(items) if !items.is_empty() => {
            let items = items.iter().map(|item| format!("{inner}{}", pretty(item, depth + 1)));
            format!("[\r\n{}\r\n{outer}]", items.collect::<Vec<_>>().join(",\r\n"))
        }
        Json::Object(members) if !members.is_empty() => {
            let members = members.iter().map(|(name, value)| {
                let name = Json::String(name.clone());
                format!("{inner}{name} : {}", pretty(value, depth + 1))
            });
            format!("{{\r\n{}\r\n{outer}}}", members.collect::<Vec<_>>().join(",\r\n"))
        }
        other => other.to_string(),
    }
}

fn escaped(value: &Json) -> String {
    let string = |text: &crate::protocol::json::Text| {
        let mut out = String::from("\"");
        for unit in text.to_str_lossy().encode_utf16() {
            out.push_str(&format!("\\u{unit:04X}"));
        }
        out + "\""
    };
    match value {
        Json::String(text) => string(text),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(escaped).collect();
            format!("[{}]", items.join(","))
        }
        Json::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{}:{}", string(name), escaped(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// Members in the opposite order, in objects inside of the packet too.
fn reordered(value: &Json) -> Json {
    match value {
        Json::Object(members) => Json::Object(
            members
                .iter()
                .rev()
                .map(|(name, value)| (name.clone(), reordered(value)))
                .collect(),
        ),
        Json::Array(items) => Json::Array(items.iter().map(reordered).collect()),
        other => other.clone(),
    }
}

/// Cuts a data frame into parts of so many bytes, with something between them.
fn parts(frame: &Frame, size: usize, between: Option<&Frame>) -> Vec<Frame> {
    if !matches!(frame.opcode, opcode::TEXT | opcode::BINARY) || frame.payload.is_empty() {
        return vec![frame.clone()];
    }
    let count = frame.payload.len().div_ceil(size);
    let mut out = Vec::new();
    for (at, part) in frame.payload.chunks(size).enumerate() {
        let opcode = if at == 0 { frame.opcode } else { opcode::CONTINUATION };
        out.push(Frame::new(at + 1 == count, opcode, part));
        out.extend(between.filter(|_| at + 1 < count).cloned());
    }
    out
}

/// Ends behind its own close frames in another way.
macro_rules! ends {
    ($end:ident) => {
        Wire {
            end: |_| End::$end,
            ..AS_IS
        }
    };
}

const LONG: &str = "bye: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567";

pub(super) const VARIANTS: &[Member] = &[
    variant("plain", "The reference, with nothing changed."),
    variant("pretty-printed", "Packets are spread over lines.")
        .bend(|_, _| Box::new(Spells(|packet| pretty(packet, 0) + "\n"))),
    variant("escaped", "Every character of every string is escaped.")
        .bend(|_, _| Box::new(Spells(escaped))),
    variant("reordered", "Members come in the opposite order.")
        .bend(|_, _| Box::new(Spells(|packet| reordered(packet).to_string()))),
    variant("extra-members", "Packets have members that the text does not speak of.")
        .bend(|_, _| Box::new(Members(|inner| format!(
            r#"{{"t":1234,{inner},"server":{{"op":5,"n":[null]}},"w":"ANYTHING","":null}}"#
        )))),
    variant("blanks-around", "There are blanks before and behind every packet.")
        .bend(|_, _| Box::new(Members(|inner| format!(" {{{inner}}}\t\r\n")))),
    variant("integers-as-floats", "Integers are written with a decimal point, those of op and interval too.")
        .bend(|_, _| Box::new(Spells(|packet| with_numbers(packet, &|n| small(n).map(|n| format!("{n}.0")))))),
    variant("integers-with-exponents", "Integers are written with an exponent, those of op and interval too.")
        .bend(|_, _| Box::new(Spells(|packet| with_numbers(packet, &|n| small(n).map(|n| format!("{n}E+0")))))),
    variant("numbers-as-doubles", "Numbers go through double precision.")
        .bend(|_, _| Box::new(Spells(|packet| with_numbers(packet, &|n| {
            let double = n.to_f64();
            double.is_finite().then(|| match double.fract() == 0.0 && double.abs() < 1e15 {
                true => format!("{double:.0}"),
                false => format!("{double:e}"),
            })
        })))),
    variant("slow-answers", "Every answer takes a second and a half.")
        .bend(|_, _| Slow::boxed(Op::Response, |_, _| Duration::from_millis(1500))),
    variant("answers-in-turn", "Answers are worked out one after the other, 25 ms each.")
        .bend(|_, _| Slow::boxed(Op::Response, |this, facts| {
            let from = this.busy.map_or(facts.now, |busy| busy.max(facts.now));
            from + Duration::from_millis(25) - facts.now
        })),
    variant("answers-jittered", "Each answer takes another time, so that they come in any order.")
        .bend(|_, _| Slow::boxed(Op::Response, |this, _| {
            Duration::from_millis(u64::from(this.count * 37 % 19 * 12))
        })),
    variant("answers-last-first", "What is asked together is answered in the opposite order.")
        .bend(|_, _| Box::new(LastFirst::default())),
    variant("slow-acknowledgements", "Heartbeats are acknowledged after 200 ms.")
        .bend(|_, _| Slow::boxed(Op::HeartbeatAck, |_, _| Duration::from_millis(200))),
    variant("fixed-windows", "Whether there was a heartbeat is looked at every interval and a second.")
        .bend(|_, _| Box::new(Windows { grace: Duration::from_secs(1), end: None, alive: false })),
    variant("fixed-windows-without-grace", "Whether there was a heartbeat is looked at every interval.")
        .bend(|_, _| Box::new(Windows { grace: Duration::ZERO, end: None, alive: false })),
    variant("prompt", "A silent client is closed after exactly one interval.")
        .bend(|_, _| Box::new(Clock(|facts| behind(facts, last(facts), 1.0)))),
    variant("patient", "A silent client is closed after 1.95 intervals.")
        .bend(|_, _| Box::new(Clock(|facts| behind(facts, last(facts), 1.95)))),
    variant("timer-from-the-opening", "Before the first heartbeat the timer runs from the opening of the connection.")
        .bend(|_, _| Box::new(Clock(|facts| behind(facts, facts.last_beat.or(Some(facts.opened)), 1.05)))),
    variant("fragmented", "Every packet comes in frames of three bytes.")
        .wire(Wire { frames: Some(|frame| parts(&frame, 3, None)), ..AS_IS }),
    variant("pings-between-fragments", "Every packet comes in frames of seven bytes with pings between them.")
        .wire(Wire { frames: Some(|frame| parts(&frame, 7, Some(&Frame::new(true, opcode::PING, b"between")))), ..AS_IS }),
    variant("empty-fragments", "Every packet comes in three frames, of which the first and the last are empty.")
        .wire(Wire {
            frames: Some(|frame| match frame.opcode {
                opcode::TEXT => vec![
                    Frame::new(false, opcode::TEXT, b""),
                    Frame { fin: false, opcode: opcode::CONTINUATION, ..frame },
                    Frame::new(true, opcode::CONTINUATION, b""),
                ],
                _ => vec![frame],
            }),
            ..AS_IS
        }),
    variant("pings-and-pongs", "Every packet is followed by a ping and a pong that nobody asked for.")
        .wire(Wire {
            frames: Some(|frame| match frame.opcode {
                opcode::TEXT => vec![
                    frame,
                    Frame::new(true, opcode::PING, b"are you there?"),
                    Frame::new(true, opcode::PONG, b""),
                ],
                _ => vec![frame],
            }),
            ..AS_IS
        }),
    variant("one-octet-writes", "Everything is written an octet at a time.").wire(Wire { cut: Cut::Octets, ..AS_IS }),
    variant("joined-writes", "Packets are written together, HELLO with the answer to the upgrade.").wire(Wire { cut: Cut::Joined, ..AS_IS }),
    variant("odd-upgrade", "The answer to the upgrade has lower-case names, other words and more headers.")
        .wire(Wire {
            head: Some(|head| {
                let lower = |line: &str| match line.split_once(':') {
                    Some((name, value)) => format!("{}:  {}", name.to_lowercase(), value.trim()),
                    None => line.to_owned(),
                };
                let lines: Vec<String> = head.trim_end().lines().skip(1).map(lower).collect();
                format!("HTTP/1.1 101 Web Socket Protocol Handshake\r\nserver: zoo/1.0\r\nx-empty:\r\n{}\r\n\r\n", lines.join("\r\n"))
            }),
            ..AS_IS
        }),
    variant("reason-empty", "Close frames have no reason.").bend(|_, _| Box::new(Reasons(""))),
    variant("reason-long", "Close frames have a reason of 123 bytes.").bend(|_, _| Box::new(Reasons(LONG))),
    variant("reason-odd", "Close frames have a reason of letters from everywhere and control characters.")
        .bend(|_, _| Box::new(Reasons("gr\u{fc}\u{df} dich \u{1f600}\u{7}\u{1b}[31m\r\n\0"))),
    variant("fin-behind-close", "The TCP connection ends right behind the close frame.").wire(ends!(Fin)),
    variant("reset-behind-close", "The TCP connection is reset right behind the close frame.").wire(ends!(Reset)),
    variant("close-twice", "The close frame comes twice.").wire(Wire {
        frames: Some(|frame| match frame.opcode {
            opcode::CLOSE => vec![frame.clone(), frame],
            _ => vec![frame],
        }),
        ..AS_IS
    }),
    variant("closes-on-what-is-open", "Whatever the text leaves open closes with 4000.")
        .bend(|_, _| Box::new(Open(|_, ctx| ctx.close(4000)))),
    variant("ignores-what-is-open", "Whatever the text leaves open is ignored.")
        .bend(|_, _| Box::new(Open(|_, _| ()))),
    variant("unknown-requests-ignored", "A request for what is not known gets no answer.")
        .bend(|_, _| Box::new(Hears(|heard, ctx| {
            if !(ctx.is_in() && unknown(heard)) {
                ctx.hear(heard.text);
            }
        }))),
    variant("unknown-requests-close", "A request for what is not known closes with 1008.")
        .bend(|_, _| Box::new(Hears(|heard, ctx| match ctx.is_in() && unknown(heard) {
            true => ctx.close(1008),
            false => ctx.hear(heard.text),
        }))),
    variant("early-heartbeat-acknowledged", "A heartbeat before HELLO_ACK is acknowledged, and closes with 4003.")
        .bend(|_, _| Box::new(Hears(|heard, ctx| match !ctx.is_in() && heard.is(Op::Heartbeat) {
            true => {
                ctx.say(r#"{"op":3}"#);
                ctx.close(close::HEARTBEAT_TIMEOUT);
            }
            false => ctx.hear(heard.text),
        }))),
    variant("second-hello-ack-closes", "A second HELLO_ACK closes with 4005, with whatever password.")
        .bend(|_, _| Box::new(Hears(|heard, ctx| match ctx.is_in() && heard.is(Op::HelloAck) {
            true => ctx.close(4005),
            false => ctx.hear(heard.text),
        }))),
    variant("undeclared-dispatch-closes", "A dispatch closes with 1008, as nobody said that there are any.")
        .bend(|_, _| Box::new(Hears(|heard, ctx| match ctx.is_in() && heard.is(Op::Dispatch) {
            true => ctx.close(1008),
            false => ctx.hear(heard.text),
        }))),
    variant("slow-hello", "HELLO comes 400 ms behind the upgrade.")
        .bend(|_, _| Box::new(Greets(|hello, ctx| ctx.later(Duration::from_millis(400), Act::Say(hello))))),
    variant("hurried-handshake", "Whoever has not authenticated after a second is closed with 4001.")
        .config(|config| config.limits.handshake = Duration::from_secs(1)),
    variant("new-ops", "There are packets with ops beyond the table, behind others and ahead of a close.")
        .bend(|_, _| Box::new(NewOps)),
    variant("interval-varies", "HELLO gives each connection another interval, a little longer than the last.")
        .bend(|_, _| Box::new(Greets(|_, ctx| {
            let ms = ctx.facts.hb(1.0).as_millis() as usize + ctx.facts.id % 7 * 20;
            ctx.say(format!(r#"{{"hb_interval":{ms},"op":0}}"#));
        }))),
    variant("interval-shorter", "The interval is an odd number of milliseconds.")
        .config(|config| {
            if let Some(interval) = Interval::from_millis(config.hb_interval.millis() / 3 * 2 + 1) {
                config.hb_interval = interval;
            }
        }),
];

/// Whether a request is for what the reference has no handler for.
fn unknown(heard: &Heard<'_>) -> bool {
    match heard.packet {
        Some(Packet::Request { w, .. }) => !w
            .decode()
            .is_ok_and(|w| matches!(&*w, "ECHO" | "LATE" | "NULL")),
        _ => false,
    }
}
