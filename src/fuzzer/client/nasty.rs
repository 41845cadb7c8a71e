//! What a server may send that the text leaves open for clients: frames that break RFC 6455, text that is
//! no packet, packets of the other direction, intervals that are none.

use std::sync::LazyLock;

use super::super::nasty::{Bend, Class, hex};

/// What is nasty before HELLO has been answered.
pub(super) fn hellos() -> &'static [Bend] {
    static ALL: LazyLock<Vec<Bend>> = LazyLock::new(|| {
        let hello = |what: &str, interval: &str| {
            bend(
                Class::Size,
                &format!("HELLO with an interval {what}"),
                &format!("{{\"op\": 0, \"hb_interval\": {interval}}}"),
            )
        };
        let mut all: Vec<Bend> = [
            ("of zero", "0"),
            ("below zero", "-1"),
            ("that is a fraction", "0.5"),
            ("that is written as 1000.0", "1000.0"),
            ("that is written as 1e3", "1e3"),
            ("of 2^31", "2147483648"),
            ("of 2^64", "18446744073709551616"),
            ("beyond all doubles", "1e999"),
            ("of null", "null"),
            ("that is a string", "\"1000\""),
            ("that is a list", "[1000]"),
            ("that is true", "true"),
        ]
        .into_iter()
        .map(|(what, interval)| hello(what, interval))
        .collect();
        all.push(bend(
            Class::Packet,
            "HELLO without an interval",
            "{\"op\": 0}",
        ));
        all.push(bend(
            Class::Json,
            "HELLO with two intervals",
            "text \"{\\\"op\\\":0,\\\"hb_interval\\\":300,\\\"hb_interval\\\":3000}\"",
        ));
        all.push(bend(
            Class::Frame,
            "HELLO in a binary frame",
            "binary 0x7b226f70223a302c2268625f696e74657276616c223a3430307d",
        ));
        all
    });
    &ALL
}

/// What is nasty at any time.
pub(super) fn anytime() -> &'static [Bend] {
    static ALL: LazyLock<Vec<Bend>> = LazyLock::new(|| {
        let mut all = frames();
        all.extend(texts());
        all.extend(packets());
        all
    });
    &ALL
}

fn bend(class: Class, what: &str, send: &str) -> Bend {
    Bend {
        class,
        what: what.to_owned(),
        sends: vec![send.to_owned()],
        heavy: false,
    }
}

const ACK: &[u8] = b"{\"op\":3}";

/// A server's frame: first byte, payload below 126 bytes.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap_or(125).min(125);
    let mut bytes = vec![first, length];
    bytes.extend_from_slice(&payload[..usize::from(length)]);
    bytes
}

fn frames() -> Vec<Bend> {
    let raw = |what: &str, bytes: &[u8]| bend(Class::Frame, what, &format!("raw {}", hex(bytes)));
    let mut masked = vec![0x81, 0x88, 1, 2, 3, 4];
    masked.extend(
        ACK.iter()
            .zip([1, 2, 3, 4].iter().cycle())
            .map(|(a, b)| a ^ b),
    );
    let mut long_form = vec![0x81, 126, 0, 8];
    long_form.extend_from_slice(ACK);
    let mut all = vec![
        raw("a masked frame of a server's", &masked),
        raw("a length that is longer than it must be", &long_form),
        raw(
            "a frame that declares 2^63 bytes",
            &[0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ),
        raw(
            "a frame that declares 4 GiB",
            &[0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0],
        ),
        raw(
            "a ping of 126 bytes",
            &[&[0x89, 126, 0, 126][..], &[b'x'; 126]].concat(),
        ),
        raw("a fragmented ping", &frame(0x09, b"x")),
        raw("a continuation of nothing", &frame(0x80, ACK)),
        raw(
            "a message inside a message",
            &[frame(0x01, b"{\"op\""), frame(0x81, ACK)].concat(),
        ),
        raw("a close of one byte", &[0x88, 1, 3]),
        raw("a close with code 999", &frame(0x88, &[0x03, 0xe7])),
        raw("a close with code 1005", &frame(0x88, &[0x03, 0xed])),
        raw(
            "a close with a reason that is no UTF-8",
            &frame(0x88, &[0x03, 0xe8, 0xff]),
        ),
        raw(
            "data behind a close",
            &[frame(0x88, &[0x03, 0xf3]), frame(0x81, ACK)].concat(),
        ),
        raw("twenty beginnings of a message", &[0x01, 0].repeat(20)),
    ];
    for bit in 0..3 {
        let what = format!("RSV{} without an extension", bit + 1);
        all.push(raw(&what, &frame(0x81 | (0x40 >> bit), ACK)));
    }
    for opcode in [3, 7, 11, 15] {
        let what = format!("a frame with opcode {opcode}");
        all.push(raw(&what, &frame(0x80 | opcode, ACK)));
    }
    all
}

fn texts() -> Vec<Bend> {
    let mut all: Vec<Bend> = [
        ("an empty text", ""),
        ("a word", "litespec"),
        ("half a packet", "{\"op\":"),
        ("a trailing comma", "{\"op\":3,}"),
        ("two packets in one text", "{\"op\":3}{\"op\":3}"),
        ("NaN", "{\"op\":NaN}"),
        ("single quotes", "{'op':3}"),
        ("a list", "[]"),
        ("null", "null"),
        ("a number", "3"),
        ("a string", "\"op\""),
        ("an empty object", "{}"),
        ("a raw control character", "{\"op\":3,\"x\":\"\u{1}\"}"),
        ("two ops", "{\"op\":3,\"op\":5}"),
        ("a cut escape", "{\"op\":3,\"x\":\"\\u00\"}"),
        ("a lone surrogate", "{\"op\":3,\"x\":\"\\ud800\"}"),
    ]
    .into_iter()
    .map(|(what, text)| {
        let quoted = serde_json::Value::from(text);
        bend(Class::Json, what, &format!("text {quoted}"))
    })
    .collect();
    let deep = format!(
        "{{\"op\":3,\"x\":{}{}}}",
        "[".repeat(2000),
        "]".repeat(2000)
    );
    all.push(bend(
        Class::Size,
        "2000 lists in lists",
        &format!("text {}", serde_json::Value::from(deep)),
    ));
    let long = format!("{{\"op\":3,\"x\":\"{}\"}}", "x".repeat(100_000));
    all.push(bend(
        Class::Size,
        "100 KB",
        &format!("text {}", serde_json::Value::from(long)),
    ));
    for (what, bytes) in [
        ("the byte ff", "0xff"),
        (
            "an overlong NUL",
            "\"{\\\"op\\\":3,\\\"x\\\":\\\"\" 0xc080 \"\\\"}\"",
        ),
        (
            "an encoded surrogate",
            "\"{\\\"op\\\":3,\\\"x\\\":\\\"\" 0xeda080 \"\\\"}\"",
        ),
        ("a character that is cut off", "0xe282"),
        ("a byte order mark", "0xefbbbf \"{\\\"op\\\":3}\""),
    ] {
        all.push(bend(Class::Utf8, what, &format!("text {bytes}")));
    }
    all
}

fn packets() -> Vec<Bend> {
    let mut all: Vec<Bend> = [
        ("no op", "{\"n\": 1}"),
        ("an op of null", "{\"op\": null}"),
        ("an op that is a string", "{\"op\": \"3\"}"),
        ("an op that is a list", "{\"op\": [3]}"),
        ("an op with a fraction", "{\"op\": 3.5}"),
        ("op 3.0", "{\"op\": 3.0}"),
        ("op -1", "{\"op\": -1}"),
        ("op 7", "{\"op\": 7}"),
        ("op 2^64", "{\"op\": 18446744073709551616}"),
        ("op 1e999", "{\"op\": 1e999}"),
        ("a RESPONSE without members", "{\"op\": 5}"),
        (
            "a RESPONSE without a result",
            "{\"op\": 5, \"n\": \"litespec-nobody\"}",
        ),
        ("a RESPONSE without a nonce", "{\"op\": 5, \"r\": null}"),
    ]
    .into_iter()
    .map(|(what, packet)| bend(Class::Packet, what, packet))
    .collect();
    for (what, packet) in [
        (
            "a HELLO_ACK of a server's",
            "{\"op\": 1, \"password\": \"litespec\"}",
        ),
        ("a HEARTBEAT of a server's", "{\"op\": 2}"),
        (
            "a REQUEST of a server's",
            "{\"op\": 4, \"w\": \"LITESPEC\", \"a\": [], \"n\": 1}",
        ),
        (
            "a DISPATCH of a server's",
            "{\"op\": 6, \"w\": \"LITESPEC\", \"a\": []}",
        ),
        ("a second HELLO", "{\"op\": 0, \"hb_interval\": 1000}"),
        ("an ACK that nobody asked for", "{\"op\": 3}"),
    ] {
        all.push(bend(Class::Sequence, what, packet));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::scenario::parse;
    use crate::scenario::syntax::{Origin, Source};

    #[test]
    fn every_nasty_input_is_scenario_text_and_names_differ() {
        let mut names = std::collections::BTreeSet::new();
        for bend in hellos().iter().chain(anytime()) {
            assert!(names.insert(&bend.what), "twice: {}", bend.what);
            let mut text = "title  t\nrule  client.reconnects\n\nignore\n".to_owned();
            for send in &bend.sends {
                text.push_str(&format!("> {send}\n"));
            }
            let source = Source {
                path: bend.what.clone(),
                origin: Origin::Embedded,
                text,
            };
            if let Err(error) = parse("own/nasty", Arc::new(source)) {
                panic!("{}: {error}", bend.what);
            }
        }
    }
}
