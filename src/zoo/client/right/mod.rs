//! Right variants: clients that keep every rule and look different.

mod bends;

use std::time::Duration;

use self::bends::{Acts, InTurn, Members, Spells, Talks, Unacknowledged, closes_on_what_is_open};
use super::beats::{Beats, each};
use super::bend::{Act, Bend, Facts};
use super::bends::Hears;
use super::nonce::Nonces;
use super::world::Ended;
use super::{Member, variant};
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::reference::client::Down;
use crate::wire::opcode;
use crate::zoo::spell::{escaped, parts, pretty, reordered, small, with_numbers};
use crate::zoo::wire::{AS_IS, Cut, End, Frame, Wire};

/// Ends behind its own close frames in another way.
macro_rules! ends {
    ($name:literal, $sentence:literal, $end:ident) => {
        variant($name, $sentence).wire(Wire {
            end: |_| End::$end,
            ..AS_IS
        })
    };
}

/// Cuts its packets into frames in another way.
macro_rules! frames {
    ($name:literal, $sentence:literal, $frames:expr) => {
        variant($name, $sentence).wire(Wire {
            frames: Some($frames),
            ..AS_IS
        })
    };
}

/// Beats by another clock.
macro_rules! beats {
    ($name:literal, $sentence:literal, $clock:expr) => {
        variant($name, $sentence).bend(|_, _| Box::new(Beats($clock)))
    };
}

/// Spells its packets otherwise.
macro_rules! spells {
    ($name:literal, $sentence:literal, $spell:expr) => {
        variant($name, $sentence).bend(|_, _| Box::new(Spells($spell)))
    };
}

/// Has other nonces.
macro_rules! nonces {
    ($name:literal, $sentence:literal, $nonce:expr) => {
        variant($name, $sentence).bend(|_, _| Nonces::boxed($nonce))
    };
}

/// A wait between these times, in milliseconds: by chance, but never near the one before.
fn between(ended: &Ended<'_>, least: u64, most: u64) -> Option<Duration> {
    let chance = f64::from(ended.wait.subsec_nanos()) / 1e9;
    let place = (f64::from(ended.count) * 0.618 + chance * 0.2).fract();
    let spread = Duration::from_millis(most - least);
    Some(Duration::from_millis(least) + spread.mul_f64(place))
}

/// More headers than anybody needs.
fn long_head(head: &str) -> String {
    let mut more = String::new();
    for at in 0..60 {
        more.push_str(&format!("x-forwarded-{at}: {}\r\n", "10.0.0.1, ".repeat(8)));
    }
    let usual = "user-agent: zoo/1.0 (client)\r\norigin: http://localhost\r\ncookie: a=1; b=2\r\n\
                 accept-language: *\r\nsec-websocket-protocol: litecord.v0, litecord.v1\r\n\
                 Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    format!(
        "{}{usual}{more}\r\n",
        head.trim_end_matches("\r\n").to_owned() + "\r\n"
    )
}

fn uneven(facts: &Facts) -> Option<tokio::time::Instant> {
    let shares = [0.55, 1.0, 0.7, 0.95];
    each(facts, shares[facts.beats as usize % shares.len()])
}

pub(super) const VARIANTS: &[Member] = &[
    variant("plain-client", "The reference, with nothing changed."),
    beats!(
        "beats-at-once",
        "The first heartbeat follows HELLO_ACK at once.",
        |facts| each(facts, if facts.beats == 0 { 0.0 } else { 0.8 })
    ),
    beats!(
        "beats-to-the-millisecond",
        "Heartbeats come exactly an interval apart, the first an interval after HELLO_ACK.",
        |facts| each(facts, 1.0)
    ),
    beats!(
        "beats-twice",
        "Heartbeats come twice an interval.",
        |facts| each(facts, 0.5)
    ),
    beats!(
        "beats-unevenly",
        "Heartbeats come between half an interval and an interval apart.",
        uneven
    ),
    spells!(
        "says-it-pretty",
        "Packets are spread over lines.",
        |packet| { pretty(packet, 0) + "\n" }
    ),
    spells!(
        "says-it-escaped",
        "Every character of every string is escaped.",
        escaped
    ),
    spells!(
        "says-it-backwards",
        "Members come in the opposite order.",
        |packet| reordered(packet).to_string()
    ),
    spells!(
        "says-it-with-fractions",
        "Integers are written with a decimal point, those of op too.",
        |packet| with_numbers(packet, &|n| small(n).map(|n| format!("{n}.0")))
    ),
    spells!(
        "says-it-with-exponents",
        "Integers are written with an exponent, those of op too.",
        |packet| with_numbers(packet, &|n| small(n).map(|n| format!("{n}E+0")))
    ),
    variant(
        "says-more",
        "Packets have members that the text does not speak of.",
    )
    .bend(|_, _| {
        Box::new(Members(|inner| {
            format!(r#"{{"t":1234,{inner},"client":{{"op":4,"n":[null]}},"r":null,"":0}}"#)
        }))
    }),
    variant(
        "says-it-with-blanks",
        "There are blanks before and behind every packet.",
    )
    .bend(|_, _| Box::new(Members(|inner| format!(" \t{{{inner}}}\r\n ")))),
    nonces!(
        "nonces-of-text",
        "Nonces are strings, with characters that have to be escaped.",
        |making| Json::from(format!("\"{}\u{0}\u{e9}\\", making.count).as_str()).to_string()
    ),
    nonces!(
        "nonces-of-digits",
        "Nonces are strings of digits.",
        |making| format!(r#""{}""#, making.count)
    ),
    nonces!("nonces-of-objects", "Nonces are objects.", |making| {
        format!(r#"{{"id":{},"by":["client",null]}}"#, making.count)
    }),
    nonces!("nonces-of-lists", "Nonces are lists.", |making| {
        format!("[[{}]]", making.count)
    }),
    nonces!(
        "nonces-of-fractions",
        "Nonces are numbers with a fraction.",
        |making| format!("{}.5", making.count)
    ),
    nonces!(
        "nonces-from-null",
        "The first nonce is null, the second false, the third an empty string, and then numbers.",
        |making| match making.count {
            0 => "null".to_owned(),
            1 => "false".to_owned(),
            2 => r#""""#.to_owned(),
            count => (count - 3).to_string(),
        }
    ),
    nonces!(
        "nonces-of-many-digits",
        "Nonces are integers beyond what a double holds exactly.",
        |making| (1_152_921_504_606_846_976 + u64::from(making.count) * 4096).to_string()
    ),
    nonces!(
        "nonces-used-again",
        "The nonce is the smallest number that no request in flight has.",
        |making| making.smallest()
    ),
    nonces!("nonces-below-zero", "Nonces are negative.", |making| {
        format!("-{}", making.count + 1)
    }),
    variant(
        "comes-again-late",
        "It connects again after ten to twelve seconds.",
    )
    .again(|ended| between(ended, 10_000, 12_000)),
    variant(
        "comes-again-soon",
        "It connects again after 1 to 1.3 seconds.",
    )
    .again(|ended| between(ended, 1000, 1300)),
    variant(
        "comes-again-after-a-while",
        "It connects again after three to nine seconds.",
    )
    .again(|ended| between(ended, 3000, 9000)),
    variant(
        "stays-away-when-told",
        "After a close with 1000, 4001 or 4002 it does not connect again.",
    )
    .again(|ended| match ended.why {
        Down::Closed {
            code: Some(1000 | 4001 | 4002),
            ..
        } => None,
        _ => Some(ended.wait),
    }),
    frames!(
        "sends-fragments",
        "Every packet goes out in frames of three bytes.",
        |frame| parts(&frame, 3, None)
    ),
    frames!(
        "sends-pings-between-fragments",
        "Every packet goes out in frames of seven bytes with pings between them.",
        |frame| parts(&frame, 7, Some(&Frame::new(true, opcode::PING, b"between")))
    ),
    frames!(
        "sends-empty-fragments",
        "Every packet goes out in three frames, of which the first and the last are empty.",
        |frame| match frame.opcode {
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
        }
    ),
    frames!(
        "sends-pongs",
        "Every packet is followed by a pong that nobody asked for.",
        |frame| match frame.opcode {
            opcode::TEXT => vec![frame, Frame::new(true, opcode::PONG, b"")],
            _ => vec![frame],
        }
    ),
    variant("sends-octets", "Everything is written an octet at a time.").wire(Wire {
        cut: Cut::Octets,
        ..AS_IS
    }),
    variant("sends-pings", "It sends a ping every 200 ms.").wire(Wire {
        pings: Some(Duration::from_millis(200)),
        ..AS_IS
    }),
    variant("reads-little", "It reads a few bytes at a time.").wire(Wire {
        sips: true,
        ..AS_IS
    }),
    variant(
        "asks-for-much",
        "Its upgrade request has many headers, and offers compression and subprotocols.",
    )
    .wire(Wire {
        head: Some(long_head),
        ..AS_IS
    }),
    ends!(
        "ends-at-once",
        "The TCP connection ends right behind the echo of a close frame.",
        Fin
    ),
    ends!(
        "ends-without-an-echo",
        "A close frame is answered with the end of the TCP connection.",
        NoFrame
    ),
    ends!(
        "ends-with-a-reset",
        "The TCP connection is reset right behind the echo of a close frame.",
        Reset
    ),
    variant(
        "closes-on-what-is-open-to-it",
        "Whatever the text leaves open makes it close the connection, and come again.",
    )
    .bend(|_, _| closes_on_what_is_open()),
    variant(
        "closes-without-acks",
        "Two heartbeats without HEARTBEAT_ACK make it close with 1000, and come again.",
    )
    .bend(|_, _| Box::new(Unacknowledged)),
    variant(
        "acts-on-every-hello",
        "A second HELLO is answered like the first, and its interval counts.",
    )
    .bend(|_, _| Box::new(Acts::default())),
    variant(
        "beats-by-default",
        "Where HELLO has no interval that is one, it beats as for ten seconds.",
    )
    .bend(|_, _| {
        Box::new(Hears(|heard, ctx| {
            let none = heard.packet.is_none() && heard.meant() == Some(Op::Hello);
            match none && !ctx.is_in() {
                true => ctx.hear(r#"{"op":0,"hb_interval":10000}"#),
                false => ctx.hear(heard.text),
            }
        }))
    }),
    variant("answers-hello-slowly", "HELLO_ACK takes 450 ms.").bend(|_, _| {
        Box::new(Hears(|heard, ctx| match heard.is(Op::Hello) {
            true => ctx.later(Duration::from_millis(450), Act::Hear(heard.text.to_owned())),
            false => ctx.hear(heard.text),
        }))
    }),
    variant(
        "asks-in-turn",
        "It sends a REQUEST only when the one before it has been answered.",
    )
    .bend(|_, _| Box::<InTurn>::default()),
    Member {
        resends: true,
        ..variant(
            "asks-again",
            "What was in flight when its connection ended is asked again on the next.",
        )
    },
    Member {
        obeys: false,
        ..variant(
            "talks",
            "It asks and dispatches what it likes, and does not obey.",
        )
    }
    .bend(|_, _| Box::new(Talks::default()) as Box<dyn Bend>),
];
