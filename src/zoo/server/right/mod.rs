//! Right variants: servers that keep every rule and look different.

mod bends;

use std::time::Duration;

use super::super::spell::{escaped, parts, pretty, reordered, small, with_numbers};
use super::super::wire::{AS_IS, Cut, End, Frame, Wire};
use super::super::world::Act;
use super::dialect::ClosesForEarlyResponse;
use super::timers::{Clock, behind, last};
use super::{Member, variant};
use crate::protocol::close;
use crate::protocol::opcode::Op;
use crate::protocol::packet::Interval;
use crate::wire::opcode;
use bends::{
    Greets, Hears, LastFirst, Members, NewOps, Open, Reasons, Slow, Spells, Windows, unknown,
};

/// Ends behind its own close frames in another way.
macro_rules! ends {
    ($end:ident) => {
        Wire {
            end: |_| End::$end,
            ..AS_IS
        }
    };
}

const LONG: &str = "\
    bye: 01234567890123456789012345678901234567890123456789\
    01234567890123456789012345678901234567890123456789012345678901234567";

pub(super) const VARIANTS: &[Member] = &[
    variant("plain", "The reference, with nothing changed."),
    variant(
        "asks-its-clients",
        "In the bidirectional dialect: it sends DISPATCH and REQUEST to whoever is authenticated.",
    )
    .asks(),
    variant(
        "early-response-closes",
        "In the bidirectional dialect: a RESPONSE before HELLO_ACK ends the connection.",
    )
    .asks()
    .bend(|_, _| Box::new(ClosesForEarlyResponse)),
    variant("pretty-printed", "Packets are spread over lines.")
        .bend(|_, _| Box::new(Spells(|packet| pretty(packet, 0) + "\n"))),
    variant("escaped", "Every character of every string is escaped.")
        .bend(|_, _| Box::new(Spells(escaped))),
    variant("reordered", "Members come in the opposite order.")
        .bend(|_, _| Box::new(Spells(|packet| reordered(packet).to_string()))),
    variant(
        "extra-members",
        "Packets have members that the text does not speak of.",
    )
    .bend(|_, _| {
        Box::new(Members(|inner| {
            format!(r#"{{"t":1234,{inner},"server":{{"op":5,"n":[null]}},"w":"ANYTHING","":null}}"#)
        }))
    }),
    variant(
        "blanks-around",
        "There are blanks before and behind every packet.",
    )
    .bend(|_, _| Box::new(Members(|inner| format!(" {{{inner}}}\t\r\n")))),
    variant(
        "integers-as-floats",
        "Integers are written with a decimal point, those of op and interval too.",
    )
    .bend(|_, _| {
        Box::new(Spells(|packet| {
            with_numbers(packet, &|n| small(n).map(|n| format!("{n}.0")))
        }))
    }),
    variant(
        "integers-with-exponents",
        "Integers are written with an exponent, those of op and interval too.",
    )
    .bend(|_, _| {
        Box::new(Spells(|packet| {
            with_numbers(packet, &|n| small(n).map(|n| format!("{n}E+0")))
        }))
    }),
    variant("numbers-as-doubles", "Numbers go through double precision.").bend(|_, _| {
        Box::new(Spells(|packet| {
            with_numbers(packet, &|n| {
                let double = n.to_f64();
                double
                    .is_finite()
                    .then(|| match double.fract() == 0.0 && double.abs() < 1e15 {
                        true => format!("{double:.0}"),
                        false => format!("{double:e}"),
                    })
            })
        }))
    }),
    variant("slow-answers", "Every answer takes a second and a half.")
        .bend(|_, _| Slow::boxed(Op::Response, |_, _| Duration::from_millis(1500))),
    variant(
        "answers-in-turn",
        "Answers are worked out one after the other, 25 ms each.",
    )
    .bend(|_, _| {
        Slow::boxed(Op::Response, |this, facts| {
            let from = this.busy.map_or(facts.now, |busy| busy.max(facts.now));
            from + Duration::from_millis(25) - facts.now
        })
    }),
    variant(
        "answers-jittered",
        "Each answer takes another time, so that they come in any order.",
    )
    .bend(|_, _| {
        Slow::boxed(Op::Response, |this, _| {
            Duration::from_millis(u64::from(this.count * 37 % 19 * 12))
        })
    }),
    variant(
        "answers-last-first",
        "What is asked together is answered in the opposite order.",
    )
    .bend(|_, _| Box::new(LastFirst::default())),
    variant(
        "slow-acknowledgements",
        "Heartbeats are acknowledged after 200 ms.",
    )
    .bend(|_, _| Slow::boxed(Op::HeartbeatAck, |_, _| Duration::from_millis(200))),
    variant(
        "fixed-windows",
        "Whether there was a heartbeat is looked at every interval and a second.",
    )
    .bend(|_, _| Windows::boxed(Duration::from_secs(1))),
    variant(
        "fixed-windows-without-grace",
        "Whether there was a heartbeat is looked at every interval.",
    )
    .bend(|_, _| Windows::boxed(Duration::ZERO)),
    variant(
        "prompt",
        "A silent client is closed after exactly one interval.",
    )
    .bend(|_, _| Box::new(Clock(|facts| behind(facts, last(facts), 1.0)))),
    variant("patient", "A silent client is closed after 1.95 intervals.")
        .bend(|_, _| Box::new(Clock(|facts| behind(facts, last(facts), 1.95)))),
    variant(
        "timer-from-the-opening",
        "Before the first heartbeat the timer runs from the opening of the connection.",
    )
    .bend(|_, _| {
        Box::new(Clock(|facts| {
            behind(facts, facts.last_beat.or(Some(facts.opened)), 1.05)
        }))
    }),
    variant("fragmented", "Every packet comes in frames of three bytes.").wire(Wire {
        frames: Some(|frame| parts(&frame, 3, None)),
        ..AS_IS
    }),
    variant(
        "pings-between-fragments",
        "Every packet comes in frames of seven bytes with pings between them.",
    )
    .wire(Wire {
        frames: Some(|frame| parts(&frame, 7, Some(&Frame::new(true, opcode::PING, b"between")))),
        ..AS_IS
    }),
    variant(
        "empty-fragments",
        "Every packet comes in three frames, of which the first and the last are empty.",
    )
    .wire(Wire {
        frames: Some(|frame| match frame.opcode {
            opcode::TEXT => vec![
                Frame::new(false, opcode::TEXT, b""),
                Frame {
                    fin: false,
                    opcode: opcode::CONTINUATION,
                    ..frame
                },
                Frame::new(true, opcode::CONTINUATION, b""),
            ],
            _ => vec![frame],
        }),
        ..AS_IS
    }),
    variant(
        "pings-and-pongs",
        "Every packet is followed by a ping and a pong that nobody asked for.",
    )
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
    variant(
        "one-octet-writes",
        "Everything is written an octet at a time.",
    )
    .wire(Wire {
        cut: Cut::Octets,
        ..AS_IS
    }),
    variant(
        "joined-writes",
        "Packets are written together, HELLO with the answer to the upgrade.",
    )
    .wire(Wire {
        cut: Cut::Joined,
        ..AS_IS
    }),
    variant(
        "odd-upgrade",
        "The answer to the upgrade has lower-case names, other words and more headers.",
    )
    .wire(Wire {
        head: Some(|head| {
            let lower = |line: &str| match line.split_once(':') {
                Some((name, value)) => format!("{}:  {}", name.to_lowercase(), value.trim()),
                None => line.to_owned(),
            };
            let lines: Vec<String> = head.trim_end().lines().skip(1).map(lower).collect();
            let start = "HTTP/1.1 101 Web Socket Protocol Handshake\r\nserver: zoo/1.0";
            format!("{start}\r\nx-empty:\r\n{}\r\n\r\n", lines.join("\r\n"))
        }),
        ..AS_IS
    }),
    variant("reason-empty", "Close frames have no reason.").bend(|_, _| Box::new(Reasons(""))),
    variant("reason-long", "Close frames have a reason of 123 bytes.")
        .bend(|_, _| Box::new(Reasons(LONG))),
    variant(
        "reason-odd",
        "Close frames have a reason of letters from everywhere and control characters.",
    )
    .bend(|_, _| {
        Box::new(Reasons(
            "gr\u{fc}\u{df} dich \u{1f600}\u{7}\u{1b}[31m\r\n\0",
        ))
    }),
    variant(
        "fin-behind-close",
        "The TCP connection ends right behind the close frame.",
    )
    .wire(ends!(Fin)),
    variant(
        "reset-behind-close",
        "The TCP connection is reset right behind the close frame.",
    )
    .wire(ends!(Reset)),
    variant("close-twice", "The close frame comes twice.").wire(Wire {
        frames: Some(|frame| match frame.opcode {
            opcode::CLOSE => vec![frame.clone(), frame],
            _ => vec![frame],
        }),
        ..AS_IS
    }),
    variant(
        "closes-on-what-is-open",
        "Whatever the text leaves open closes with 4000.",
    )
    .bend(|_, _| Box::new(Open(|_, ctx| ctx.close(4000)))),
    variant(
        "ignores-what-is-open",
        "Whatever the text leaves open is ignored.",
    )
    .bend(|_, _| Box::new(Open(|_, _| ()))),
    variant(
        "unknown-requests-ignored",
        "A request for what is not known gets no answer.",
    )
    .bend(|_, _| {
        Box::new(Hears(|heard, ctx| {
            if !(ctx.is_in() && unknown(heard)) {
                ctx.hear(heard.text);
            }
        }))
    }),
    variant(
        "unknown-requests-close",
        "A request for what is not known closes with 1008.",
    )
    .bend(|_, _| {
        Box::new(Hears(|heard, ctx| match ctx.is_in() && unknown(heard) {
            true => ctx.close(1008),
            false => ctx.hear(heard.text),
        }))
    }),
    variant(
        "early-heartbeat-acknowledged-and-closed",
        "A heartbeat before HELLO_ACK is acknowledged, and closes with 4003.",
    )
    .bend(|_, _| {
        Box::new(Hears(|heard, ctx| {
            match !ctx.is_in() && heard.is(Op::Heartbeat) {
                true => {
                    ctx.say(r#"{"op":3}"#);
                    ctx.close(close::HEARTBEAT_TIMEOUT);
                }
                false => ctx.hear(heard.text),
            }
        }))
    }),
    variant(
        "second-hello-ack-closes",
        "A second HELLO_ACK closes with 4005, with whatever password.",
    )
    .bend(|_, _| {
        Box::new(Hears(|heard, ctx| {
            match ctx.is_in() && heard.is(Op::HelloAck) {
                true => ctx.close(4005),
                false => ctx.hear(heard.text),
            }
        }))
    }),
    variant(
        "undeclared-dispatch-closes",
        "A dispatch closes with 1008, as nobody said that there are any.",
    )
    .bend(|_, _| {
        Box::new(Hears(|heard, ctx| {
            match ctx.is_in() && heard.is(Op::Dispatch) {
                true => ctx.close(1008),
                false => ctx.hear(heard.text),
            }
        }))
    }),
    variant("slow-hello", "HELLO comes 400 ms behind the upgrade.").bend(|_, _| {
        Box::new(Greets(|hello, ctx| {
            ctx.later(Duration::from_millis(400), Act::Say(hello))
        }))
    }),
    variant(
        "hurried-handshake",
        "Whoever has not authenticated after a second is closed with 4001.",
    )
    .config(|config| config.limits.handshake = Duration::from_secs(1)),
    variant(
        "new-ops",
        "There are packets with ops beyond the table, behind others and ahead of a close.",
    )
    .bend(|_, _| Box::new(NewOps)),
    variant(
        "interval-varies",
        "HELLO gives each connection another interval, a little longer than the last.",
    )
    .bend(|_, _| {
        Box::new(Greets(|_, ctx| {
            let ms = ctx.facts.hb(1.0).as_millis() as usize + ctx.facts.id % 7 * 20;
            ctx.say(format!(r#"{{"hb_interval":{ms},"op":0}}"#));
        }))
    }),
    variant(
        "interval-shorter",
        "The interval is an odd number of milliseconds.",
    )
    .config(|config| {
        if let Some(interval) = Interval::from_millis(config.hb_interval.millis() / 3 * 2 + 1) {
            config.hb_interval = interval;
        }
    }),
];
