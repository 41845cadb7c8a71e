//! Messages out of fragments: UTF-8, many fragments, interleaved control frames.

use super::{decode, encode, fault, text};
use crate::wire::fault::FrameFault;
use crate::wire::frame::{OutFrame, Side, opcode};
use crate::wire::limits::Limits;
use crate::wire::message::Incoming;

fn read(bytes: &[u8]) -> Vec<Incoming> {
    decode(Side::Client, &Limits::default(), bytes, &[4096]).0
}

/// A text message in these fragments.
fn fragments<'a>(parts: &[&'a [u8]]) -> Vec<OutFrame<'a>> {
    let frame = |(at, part): (usize, &&'a [u8])| {
        let opcode = if at == 0 {
            opcode::TEXT
        } else {
            opcode::CONTINUATION
        };
        OutFrame {
            fin: at + 1 == parts.len(),
            ..OutFrame::new(opcode, part)
        }
    };
    parts.iter().enumerate().map(frame).collect()
}

#[test]
fn a_character_may_be_cut_by_fragments() {
    let clef = "\u{1d11e}".as_bytes();
    let parts: Vec<&[u8]> = clef.chunks(1).collect();
    assert_eq!(read(&encode(&fragments(&parts))), [text("\u{1d11e}", 4)]);
}

#[test]
fn bad_utf8_comes_as_bytes_and_ends_nothing() {
    let bad: [&[u8]; 7] = [
        b"\xf4\x90\x80\x80",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
        b"cut \xf0\x9d\x84",
        b"\xff\xfe{\0}\0",
    ];
    for bytes in bad {
        for parts in [vec![bytes], vec![b"".as_slice(), bytes, b""]] {
            let mut frames = fragments(&parts);
            frames.push(OutFrame::text(b"behind"));
            let broken = parts.concat();
            let expected = Incoming::Text {
                text: Err(broken),
                frames: parts.len() as u32,
            };
            assert_eq!(read(&encode(&frames)), [expected, text("behind", 1)]);
        }
    }
}

#[test]
fn odd_but_valid_utf8_comes_unchanged() {
    for odd in [
        "\u{feff}{}",
        "\0",
        "\u{2028}",
        "\u{fffe}\u{10ffff}",
        "e\u{301}",
        "",
    ] {
        assert_eq!(
            read(&encode(&[OutFrame::text(odd.as_bytes())])),
            [text(odd, 1)]
        );
    }
}

#[test]
fn control_frames_come_out_between_the_fragments() {
    let message = fragments(&[b"a", b"b", b"c"]);
    let frames = [
        message[0],
        OutFrame::ping(b"1"),
        message[1],
        OutFrame::pong(b"2"),
        message[2],
    ];
    let expected = [
        Incoming::Ping(b"1".to_vec()),
        Incoming::Pong(b"2".to_vec()),
        text("abc", 3),
    ];
    assert_eq!(read(&encode(&frames)), expected);
}

#[test]
fn many_one_byte_fragments_make_a_message() {
    let parts = vec![&b"a"[..]; 131_000];
    let frames = fragments(&parts);
    assert_eq!(
        read(&encode(&frames)),
        [text(&"a".repeat(131_000), 131_000)]
    );
    // Without its end it is a message cut short, and has cost its bytes but little more.
    let unfinished = encode(&frames[..130_999]);
    let (items, held) = decode(Side::Client, &Limits::default(), &unfinished, &[4096]);
    assert_eq!(items, [fault(FrameFault::CutShort { what: "message" })]);
    assert!((130_999..=262_144).contains(&held), "{held}");
}

#[test]
fn endless_empty_fragments_are_a_fault_once() {
    let limit = Limits::default().fragments;
    let mut bytes = encode(&fragments(&[b"begun", b""])[..1]);
    for _ in 0..limit + 1000 {
        OutFrame {
            fin: false,
            ..OutFrame::new(opcode::CONTINUATION, b"")
        }
        .encode_into(&mut bytes);
    }
    let endless = fault(FrameFault::TooManyFragments { limit });
    let (items, _) = decode(Side::Client, &Limits::default(), &bytes, &[4096]);
    assert_eq!(
        items,
        [
            endless.clone(),
            fault(FrameFault::CutShort { what: "message" })
        ]
    );
    // Should they end after all, the next message is read.
    OutFrame::new(opcode::CONTINUATION, b"").encode_into(&mut bytes);
    OutFrame::text(b"behind").encode_into(&mut bytes);
    assert_eq!(read(&bytes), [endless, text("behind", 1)]);
}

#[test]
fn many_messages_in_one_piece_come_one_by_one() {
    let frames = vec![OutFrame::text(b"{}"); 1000];
    let (items, _) = decode(Side::Client, &Limits::default(), &encode(&frames), &[]);
    assert_eq!(items, vec![text("{}", 1); 1000]);
}
