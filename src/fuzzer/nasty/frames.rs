//! Nasty frames and nasty ends of connections, as bytes below WebSocket.

use super::{Bend, Class, hex};

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A client's frame: first byte, payload, masked as it should be.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = head(first, payload.len(), 0x80);
    bytes.extend_from_slice(&MASK);
    bytes.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    bytes
}

/// The head of a frame in its shortest form.
fn head(first: u8, length: usize, mask_bit: u8) -> Vec<u8> {
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..126), _) => vec![first, mask_bit | length],
        (_, Ok(length)) => {
            let [high, low] = length.to_be_bytes();
            vec![first, mask_bit | 126, high, low]
        }
        _ => {
            let mut bytes = vec![first, mask_bit | 127];
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
            bytes
        }
    }
}

/// A frame that declares a length and has nothing behind its mask.
fn declares(first: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first, 0xff];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&MASK);
    bytes
}

const HEARTBEAT: &[u8] = b"{\"op\":2}";

fn raw(class: Class, what: &str, frames: &[Vec<u8>]) -> Bend {
    Bend {
        class,
        what: what.to_owned(),
        sends: vec![format!("raw {}", hex(&frames.concat()))],
        heavy: false,
    }
}

pub(super) fn all() -> Vec<Bend> {
    let mut all = headers();
    all.extend(fragments());
    all.extend(closes());
    all.extend(connections());
    all
}

fn headers() -> Vec<Bend> {
    let one = |what: &str, bytes: Vec<u8>| raw(Class::Frame, what, &[bytes]);
    let mut all: Vec<Bend> = (0..3)
        .map(|bit| {
            let what = format!("RSV{} without an extension", bit + 1);
            one(&what, frame(0x81 | (0x40 >> bit), HEARTBEAT))
        })
        .collect();
    for opcode in [3, 7, 11, 15] {
        let what = format!("a frame with opcode {opcode}");
        all.push(one(&what, frame(0x80 | opcode, HEARTBEAT)));
    }
    let mut unmasked = head(0x81, HEARTBEAT.len(), 0);
    unmasked.extend_from_slice(HEARTBEAT);
    all.push(one("a client's frame without a mask", unmasked));
    let mut zero = head(0x81, HEARTBEAT.len(), 0x80);
    zero.extend_from_slice(&[0; 4]);
    zero.extend_from_slice(HEARTBEAT);
    all.push(one("a mask of zero", zero));
    let mut wide = vec![0x81, 0xfe, 0, 8];
    wide.extend_from_slice(&MASK);
    wide.extend(
        HEARTBEAT
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    all.push(one("a length that is not in its shortest form", wide));
    for (what, length) in [
        ("a length with its top bit set", u64::MAX),
        ("a length of 2^63 - 4", 0x7fff_ffff_ffff_fffc),
        ("four gigabytes declared", 4 << 30),
        ("a gigabyte declared", 1 << 30),
    ] {
        all.push(one(what, declares(0x81, length)));
    }
    all.push(one("a ping of 126 bytes", frame(0x89, &[b'p'; 126])));
    all.push(one("a ping in parts", frame(0x09, b"part")));
    all.push(one("a close frame in parts", frame(0x08, &[3, 232])));
    all.push(one(
        "half a frame, then silence",
        frame(0x81, HEARTBEAT)[..7].to_vec(),
    ));
    all.push(one("one byte of a frame, then silence", vec![0x81]));
    all.push(one(
        "a head without its mask, then silence",
        vec![0x81, 0x88],
    ));
    all.push(one(
        "bytes that are no frames",
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ));
    all.push(Bend::new(
        Class::Frame,
        "a heartbeat in a binary frame",
        &["binary \"{\\\"op\\\":2}\""],
    ));
    all.push(Bend::new(Class::Frame, "an empty text", &["text \"\""]));
    all.push(Bend::new(
        Class::Frame,
        "an empty binary message",
        &["binary \"\""],
    ));
    all.push(Bend::new(
        Class::Frame,
        "bytes in a binary frame",
        &["binary 0x00ff80c3285a"],
    ));
    all.push(Bend::new(
        Class::Frame,
        "a burst of pings",
        &["raw 0x898037fa213d * 300"],
    ));
    all.push(
        Bend::new(
            Class::Size,
            "thousands of pings",
            &["raw 0x898037fa213d * 20000"],
        )
        .heavy(),
    );
    all
}

fn fragments() -> Vec<Bend> {
    let raws = |what: &str, frames: &[Vec<u8>]| raw(Class::Frame, what, frames);
    vec![
        raws("a continuation of nothing", &[frame(0x80, HEARTBEAT)]),
        raws(
            "a continuation of nothing that goes on",
            &[frame(0x00, HEARTBEAT)],
        ),
        raws(
            "a text inside a text",
            &[frame(0x01, b"{\"op\""), frame(0x81, HEARTBEAT)],
        ),
        raws(
            "a binary message inside a text",
            &[frame(0x01, b"{\"op\""), frame(0x82, b"x")],
        ),
        raws("a message without its end", &[frame(0x01, b"{\"op\":")]),
        raws(
            "a close frame inside a message",
            &[frame(0x01, b"{\"op\":"), frame(0x88, &[3, 232])],
        ),
        Bend::new(
            Class::Size,
            "thousands of fragments without an end",
            &["raw 0x018137fa213d56 0x008137fa213d56 * 12000"],
        )
        .heavy(),
        Bend::new(
            Class::Size,
            "a hundred thousand fragments without an end",
            &["raw 0x018137fa213d56 0x008137fa213d56 * 131000"],
        )
        .heavy(),
        Bend::new(
            Class::Size,
            "empty fragments without an end",
            &["raw 0x018037fa213d 0x008037fa213d * 20000"],
        )
        .heavy(),
        Bend::new(
            Class::Size,
            "a message in twelve thousand fragments",
            &["fragments \"{\\\"op\\\":2,\\\"x\\\":\\\"\" \"a\" * 12000 \"\\\"}\""],
        )
        .heavy(),
    ]
}

fn closes() -> Vec<Bend> {
    let mut all = vec![
        raw(
            Class::Frame,
            "a close frame of one byte",
            &[frame(0x88, &[3])],
        ),
        raw(
            Class::Frame,
            "a close reason that is no UTF-8",
            &[frame(0x88, &[3, 232, 0xff, 0xfe])],
        ),
        raw(
            Class::Frame,
            "a close reason that is too long",
            &[frame(0x88, &[&[3, 232][..], &[b'r'; 124]].concat())],
        ),
        raw(
            Class::Frame,
            "two close frames",
            &[frame(0x88, &[3, 232]), frame(0x88, &[3, 233])],
        ),
        raw(
            Class::Frame,
            "a ping behind a close frame",
            &[frame(0x88, &[3, 232]), frame(0x89, b"late")],
        ),
        raw(
            Class::Frame,
            "heartbeats behind a close frame",
            &[
                frame(0x88, &[3, 232]),
                frame(0x81, HEARTBEAT),
                frame(0x81, HEARTBEAT),
            ],
        ),
    ];
    for code in [
        0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 4001, 5000, 65535,
    ] {
        let what = format!("a close frame with code {code}");
        all.push(raw(
            Class::Frame,
            &what,
            &[frame(0x88, &code.to_be_bytes())],
        ));
    }
    all
}

fn connections() -> Vec<Bend> {
    let half = hex(&frame(0x81, HEARTBEAT)[..7]);
    let body = hex(&declares(0x81, 1 << 20));
    vec![
        Bend::new(Class::Connection, "the end of our side, at once", &["eof"]),
        Bend::new(Class::Connection, "a reset, at once", &["reset"]),
        Bend::new(
            Class::Connection,
            "a close frame without a code",
            &["close"],
        ),
        Bend::new(
            Class::Connection,
            "a close frame with 1001",
            &["close 1001 \"bye\""],
        ),
        Bend::new(
            Class::Connection,
            "the end of our side in mid-frame",
            &[&format!("raw {half}"), "eof"],
        ),
        Bend::new(
            Class::Connection,
            "a reset in mid-frame",
            &[&format!("raw {half}"), "reset"],
        ),
        Bend::new(
            Class::Connection,
            "a reset in mid-message",
            &[&format!("raw {body}"), "reset"],
        ),
        Bend::new(
            Class::Connection,
            "a close frame and the end of our side",
            &["close 1000", "eof"],
        ),
    ]
}
