//! The frame codec against tungstenite's, on any valid traffic under any chopping.

use std::io::{self, Read, Write};

use proptest::collection::vec;
use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::frame::coding::OpCode;
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

use super::{decode, encode};
use crate::wire::fault::FrameFault;
use crate::wire::frame::{Header, Length, OutFrame, Side, opcode};
use crate::wire::limits::Limits;
use crate::wire::message::Incoming;

/// One message of valid traffic; data in its fragments, each with a ping in front of it or not.
#[derive(Clone, Debug)]
enum Traffic {
    Data {
        text: bool,
        fragments: Vec<(Vec<u8>, bool)>,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

/// A frame of valid traffic.
#[derive(Clone, Debug)]
struct Plain {
    fin: bool,
    opcode: u8,
    payload: Vec<u8>,
}

fn control_payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..=4), vec(any::<u8>(), 120..=125)]
}

/// Lengths around the places where the header changes.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0..=40usize, 2 => 120..=130usize, 1 => 65_530..=65_540usize]
}

fn message() -> impl Strategy<Value = Traffic> {
    let cuts = vec((any::<prop::sample::Index>(), any::<bool>()), 0..4);
    let data = (any::<bool>(), size(), any::<char>(), cuts).prop_map(|(text, size, c, cuts)| {
        let bytes = match text {
            true => c.to_string().repeat(size / c.len_utf8()).into_bytes(),
            false => (0..size).map(|at| at as u8).collect(),
        };
        // Cuts may fall inside of a character: only the whole has to be UTF-8.
        let mut at: Vec<_> = cuts
            .iter()
            .map(|(i, ping)| (i.index(bytes.len() + 1), *ping))
            .collect();
        at.sort_unstable();
        let mut fragments = Vec::new();
        let mut from = 0;
        for (to, ping) in at {
            fragments.push((bytes[from..to].to_vec(), ping));
            from = to;
        }
        fragments.push((bytes[from..].to_vec(), false));
        Traffic::Data { text, fragments }
    });
    prop_oneof![
        4 => data,
        1 => control_payload().prop_map(Traffic::Ping),
        1 => control_payload().prop_map(Traffic::Pong),
    ]
}

fn frames_of(traffic: &[Traffic]) -> Vec<Plain> {
    let mut frames = Vec::new();
    for message in traffic {
        match message {
            Traffic::Ping(payload) => {
                frames.push(Plain {
                    fin: true,
                    opcode: opcode::PING,
                    payload: payload.clone(),
                });
            }
            Traffic::Pong(payload) => {
                frames.push(Plain {
                    fin: true,
                    opcode: opcode::PONG,
                    payload: payload.clone(),
                });
            }
            Traffic::Data { text, fragments } => {
                let first = if *text { opcode::TEXT } else { opcode::BINARY };
                for (at, (payload, ping)) in fragments.iter().enumerate() {
                    if *ping {
                        let payload = vec![at as u8];
                        frames.push(Plain {
                            fin: true,
                            opcode: opcode::PING,
                            payload,
                        });
                    }
                    let opcode = if at == 0 { first } else { opcode::CONTINUATION };
                    let fin = at + 1 == fragments.len();
                    frames.push(Plain {
                        fin,
                        opcode,
                        payload: payload.clone(),
                    });
                }
            }
        }
    }
    frames
}

/// What a reader has to make of the traffic.
fn expected(traffic: &[Traffic]) -> Vec<Incoming> {
    let mut items = Vec::new();
    for message in traffic {
        match message {
            Traffic::Ping(payload) => items.push(Incoming::Ping(payload.clone())),
            Traffic::Pong(payload) => items.push(Incoming::Pong(payload.clone())),
            Traffic::Data { text, fragments } => {
                let pings = fragments.iter().enumerate().filter(|(_, (_, ping))| *ping);
                items.extend(pings.map(|(at, _)| Incoming::Ping(vec![at as u8])));
                let bytes: Vec<u8> = fragments.iter().flat_map(|(b, _)| b).copied().collect();
                let frames = fragments.len() as u32;
                items.push(match text {
                    true => Incoming::Text {
                        text: Ok(String::from_utf8(bytes).unwrap()),
                        frames,
                    },
                    false => Incoming::Binary { bytes, frames },
                });
            }
        }
    }
    items
}

/// Gives bytes in pieces and drops what is written.
struct Chopped<'a> {
    pieces: Box<dyn Iterator<Item = &'a [u8]> + 'a>,
    rest: &'a [u8],
}

impl Read for Chopped<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.pieces.next().unwrap_or_default();
        }
        let count = self.rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

impl Write for Chopped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What tungstenite reads, as the items it stands for but for the number of frames, which it hides.
fn tungstenite_reads(role: Role, bytes: &[u8], cuts: &[usize]) -> (Vec<Incoming>, Error) {
    let pieces = Box::new(super::chop(bytes, cuts));
    let stream = Chopped { pieces, rest: &[] };
    let config = WebSocketConfig::default()
        .max_message_size(None)
        .max_frame_size(None);
    let mut socket = WebSocket::from_raw_socket(stream, role, Some(config));
    let mut items = Vec::new();
    loop {
        items.push(match socket.read() {
            Ok(Message::Text(text)) => Incoming::Text {
                text: Ok(text.as_str().to_owned()),
                frames: 0,
            },
            Ok(Message::Binary(bytes)) => Incoming::Binary {
                bytes: bytes.to_vec(),
                frames: 0,
            },
            Ok(Message::Ping(payload)) => Incoming::Ping(payload.to_vec()),
            Ok(Message::Pong(payload)) => Incoming::Pong(payload.to_vec()),
            Ok(other) => panic!("unexpected {other:?}"),
            Err(error) => return (items, error),
        });
    }
}

fn without_counts(items: Vec<Incoming>) -> Vec<Incoming> {
    let without = |item| match item {
        Incoming::Text { text, .. } => Incoming::Text { text, frames: 0 },
        Incoming::Binary { bytes, .. } => Incoming::Binary { bytes, frames: 0 },
        other => other,
    };
    items.into_iter().map(without).collect()
}

/// The bytes that tungstenite writes for these frames.
fn tungstenite_writes(frames: &[Plain], masks: Option<[u8; 4]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for Plain {
        fin,
        opcode,
        payload,
    } in frames
    {
        let header = FrameHeader {
            is_final: *fin,
            opcode: OpCode::from(*opcode),
            mask: masks,
            ..FrameHeader::default()
        };
        Frame::from_payload(header, payload.clone().into())
            .format(&mut bytes)
            .unwrap();
    }
    bytes
}

fn ours(frames: &[Plain], mask: Option<[u8; 4]>) -> Vec<u8> {
    let frames: Vec<_> = frames
        .iter()
        .map(|f| OutFrame {
            fin: f.fin,
            mask,
            ..OutFrame::new(f.opcode, &f.payload)
        })
        .collect();
    encode(&frames)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tungstenite_reads_what_we_write(
        traffic in vec(message(), 0..6), key: [u8; 4], cuts in vec(1..200usize, 1..5),
    ) {
        let frames = frames_of(&traffic);
        for (mask, role) in [(Some(key), Role::Server), (None, Role::Client)] {
            let (items, error) = tungstenite_reads(role, &ours(&frames, mask), &cuts);
            prop_assert_eq!(&items, &without_counts(expected(&traffic)));
            let at_the_end = error.to_string().contains("without closing handshake");
            prop_assert!(at_the_end, "{}", error);
        }
    }

    #[test]
    fn we_read_what_tungstenite_writes(
        traffic in vec(message(), 0..6), key: [u8; 4], cuts in vec(1..200usize, 1..5),
    ) {
        let frames = frames_of(&traffic);
        for (mask, side) in [(Some(key), Side::Server), (None, Side::Client)] {
            let bytes = tungstenite_writes(&frames, mask);
            let (items, _) = decode(side, &Limits::default(), &bytes, &cuts);
            prop_assert_eq!(items, expected(&traffic));
        }
    }

    #[test]
    fn both_write_the_same_bytes(traffic in vec(message(), 0..6), mask: Option<[u8; 4]>) {
        let frames = frames_of(&traffic);
        prop_assert_eq!(ours(&frames, mask), tungstenite_writes(&frames, mask));
    }

    #[test]
    fn both_read_the_same_header_from_any_bytes(bytes in vec(any::<u8>(), 0..16)) {
        let mut cursor = io::Cursor::new(&bytes[..]);
        let parsed = Header::parse(&bytes);
        match FrameHeader::parse(&mut cursor) {
            Ok(Some((theirs, len))) => {
                let own = parsed.expect("a header that tungstenite reads");
                let rsv = u8::from(theirs.rsv1) << 2 | u8::from(theirs.rsv2) << 1 | u8::from(theirs.rsv3);
                prop_assert_eq!(own.fin, theirs.is_final);
                prop_assert_eq!(own.rsv, rsv);
                prop_assert_eq!(own.opcode, u8::from(theirs.opcode));
                prop_assert_eq!(own.mask, theirs.mask);
                prop_assert_eq!(own.len, len);
                prop_assert_eq!(u64::from(own.size), cursor.position());
            }
            Ok(None) => prop_assert_eq!(parsed, None),
            Err(_) => prop_assert!(opcode::is_reserved(parsed.expect("a whole header").opcode)),
        }
    }

    #[test]
    fn a_header_says_what_was_written(
        fin: bool, rsv in 0..8u8, opcode in 0..16u8, mask: Option<[u8; 4]>, size in size(),
        length in prop_oneof![
            Just(Length::Shortest), Just(Length::In16Bits), Just(Length::In64Bits),
            any::<u64>().prop_map(Length::Declared),
        ],
    ) {
        let payload = vec![7; size];
        let frame = OutFrame { fin, rsv, opcode, payload: &payload, mask, length };
        let bytes = encode(&[frame]);
        let header = Header::parse(&bytes).expect("a whole header");
        let (len, longer) = match length {
            Length::Shortest => (size as u64, false),
            Length::In16Bits => (size as u64 & 0xffff, size & 0xffff < 126),
            Length::In64Bits => (size as u64, size <= 0xffff),
            Length::Declared(len) => (len, false),
        };
        prop_assert_eq!(header, Header { fin, rsv, opcode, mask, len, size: header.size });
        prop_assert_eq!(header.is_longer_than_needed(), longer);
        let mut body = bytes[usize::from(header.size)..].to_vec();
        crate::wire::frame::apply_mask(&mut body, mask.unwrap_or_default(), 0);
        prop_assert_eq!(body, payload);
    }
}

#[test]
fn tungstenite_refuses_what_has_a_fault() {
    let bent = [
        OutFrame {
            rsv: 4,
            ..OutFrame::text(b"a")
        },
        OutFrame {
            fin: false,
            ..OutFrame::ping(b"a")
        },
        OutFrame::new(opcode::CONTINUATION, b"a"),
        OutFrame::ping(&[0; 126]),
        OutFrame {
            mask: Some([1, 2, 3, 4]),
            ..OutFrame::text(b"a")
        },
        OutFrame::new(3, b"a"),
    ];
    for frame in bent {
        let bytes = encode(&[frame]);
        let (items, _) = decode(Side::Client, &Limits::default(), &bytes, &[]);
        assert!(
            matches!(&items[0], Incoming::Fault(fault) if !fault.fatal()),
            "{items:?}"
        );
        let (read, error) = tungstenite_reads(Role::Client, &bytes, &[]);
        assert_eq!(read, []);
        assert!(matches!(error, Error::Protocol(_)), "{error}");
    }
    let unmasked = encode(&[OutFrame::text(b"a")]);
    let (items, _) = decode(Side::Server, &Limits::default(), &unmasked, &[]);
    assert_eq!(items[0], Incoming::Fault(FrameFault::UnmaskedFromClient));
    assert!(matches!(
        tungstenite_reads(Role::Server, &unmasked, &[]).1,
        Error::Protocol(_)
    ));
}
