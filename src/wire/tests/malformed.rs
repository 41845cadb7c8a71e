//! Every malformed frame has its fault, and what is behind it is still read.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{decode, encode, fault, text};
use crate::wire::fault::FrameFault as F;
use crate::wire::frame::{Length, OutFrame, Side, close_body, opcode};
use crate::wire::limits::Limits;
use crate::wire::message::{CloseBody, CloseFault, Incoming, MAX_DELIVERED_CONTROL};

const KEY: Option<[u8; 4]> = Some([1, 2, 3, 4]);

/// What a client reads from these frames with a right text message behind them.
fn read(frames: &[OutFrame<'_>]) -> Vec<Incoming> {
    let mut frames = frames.to_vec();
    frames.push(OutFrame::text(b"behind"));
    let bytes = encode(&frames);
    let (mut items, _) = decode(Side::Client, &Limits::default(), &bytes, &[]);
    assert_eq!(
        items,
        decode(Side::Client, &Limits::default(), &bytes, &[1]).0
    );
    assert_eq!(items.pop(), Some(text("behind", 1)), "{items:?}");
    items
}

#[test]
fn reserved_bits_are_a_fault_and_the_frame_is_delivered() {
    for rsv in 1..=7 {
        let frame = OutFrame {
            rsv,
            ..OutFrame::text(b"a")
        };
        let expected = F::ReservedBits {
            rsv,
            opcode: opcode::TEXT,
        };
        assert_eq!(read(&[frame]), [fault(expected), text("a", 1)]);
    }
}

#[test]
fn reserved_opcodes_are_a_fault_and_the_frame_is_skipped() {
    for opcode in (3..=7).chain(11..=15) {
        let frame = OutFrame {
            opcode,
            ..OutFrame::text(b"skipped")
        };
        assert_eq!(read(&[frame]), [fault(F::ReservedOpcode { opcode })]);
    }
    // One inside a fragmented message leaves the message alone.
    let frames = [
        OutFrame {
            fin: false,
            ..OutFrame::text(b"a")
        },
        OutFrame::new(5, b"skipped"),
        OutFrame::new(opcode::CONTINUATION, b"b"),
    ];
    assert_eq!(
        read(&frames),
        [fault(F::ReservedOpcode { opcode: 5 }), text("ab", 2)]
    );
}

#[test]
fn a_masked_server_frame_is_a_fault_and_unmasked() {
    for mask in [KEY, Some([0; 4])] {
        let frame = OutFrame {
            mask,
            ..OutFrame::text(b"hello")
        };
        assert_eq!(
            read(&[frame]),
            [fault(F::MaskedFromServer), text("hello", 1)]
        );
    }
}

#[test]
fn an_unmasked_client_frame_is_a_fault_and_a_zero_mask_is_none() {
    let bytes = encode(&[
        OutFrame::text(b"a"),
        OutFrame {
            mask: Some([0; 4]),
            ..OutFrame::text(b"b")
        },
        OutFrame {
            mask: KEY,
            ..OutFrame::text(b"c")
        },
    ]);
    let (items, _) = decode(Side::Server, &Limits::default(), &bytes, &[]);
    assert_eq!(
        items,
        [
            fault(F::UnmaskedFromClient),
            text("a", 1),
            text("b", 1),
            text("c", 1)
        ]
    );
}

#[test]
fn a_length_that_is_longer_than_needed_is_a_fault_and_the_frame_is_delivered() {
    for length in [Length::In16Bits, Length::In64Bits] {
        let frame = OutFrame {
            length,
            ..OutFrame::text(b"ab")
        };
        assert_eq!(
            read(&[frame]),
            [fault(F::LengthNotShortest { len: 2 }), text("ab", 1)]
        );
    }
    let long = "x".repeat(126);
    let frame = OutFrame {
        length: Length::In64Bits,
        ..OutFrame::text(long.as_bytes())
    };
    assert_eq!(
        read(&[frame]),
        [fault(F::LengthNotShortest { len: 126 }), text(&long, 1)]
    );
    assert_eq!(
        read(&[OutFrame {
            length: Length::In16Bits,
            ..frame
        }]),
        [text(&long, 1)]
    );
}

#[test]
fn a_length_with_its_top_bit_set_is_the_end() {
    for len in [1 << 63, 0xffff_ffff_ffff_fffc, u64::MAX] {
        let length = Length::Declared(len);
        let frame = OutFrame {
            length,
            rsv: 2,
            ..OutFrame::text(b"")
        };
        let bytes = encode(&[OutFrame::text(b"a"), frame, OutFrame::text(b"never read")]);
        for cuts in [&[][..], &[1], &[3]] {
            let (items, held) = decode(Side::Client, &Limits::default(), &bytes, cuts);
            let bits = F::ReservedBits {
                rsv: 2,
                opcode: opcode::TEXT,
            };
            assert_eq!(
                items,
                [text("a", 1), fault(bits), fault(F::LengthTopBit { len })]
            );
            assert_eq!(held, 0);
        }
    }
    assert!(F::LengthTopBit { len: u64::MAX }.fatal());
}

#[test]
fn gigabytes_that_are_only_declared_cost_nothing() {
    for len in [4 << 20, 1 << 30, 4 << 30, (1 << 63) - 1] {
        let limit = 4 << 20;
        for fin in [true, false] {
            let frame = OutFrame {
                fin,
                length: Length::Declared(len),
                ..OutFrame::binary(b"few")
            };
            let (items, held) = decode(Side::Client, &Limits::default(), &encode(&[frame]), &[]);
            let cut = fault(F::CutShort { what: "frame" });
            if len == limit as u64 {
                assert_eq!(items, [cut]);
            } else {
                assert_eq!(items, [fault(F::TooLong { len, limit }), cut]);
            }
            assert!(held <= 16, "{held}");
        }
    }
}

#[test]
fn a_message_over_the_limit_is_skipped_and_reading_goes_on() {
    let limits = Limits {
        message: 10,
        ..Limits::default()
    };
    for (payload, over) in [
        (&b"123456789"[..], false),
        (b"1234567890", false),
        (b"12345678901", true),
    ] {
        let half = payload.len() / 2;
        let whole = vec![OutFrame::binary(payload)];
        let fragments = vec![
            OutFrame {
                fin: false,
                ..OutFrame::binary(&payload[..half])
            },
            OutFrame::ping(b"between"),
            OutFrame {
                fin: false,
                ..OutFrame::new(opcode::CONTINUATION, &payload[half..])
            },
            OutFrame::new(opcode::CONTINUATION, b""),
        ];
        for mut frames in [whole, fragments] {
            let count = if frames.len() == 1 { 1 } else { 3 };
            frames.push(OutFrame::text(b"behind"));
            let (mut items, held) = decode(Side::Client, &limits, &encode(&frames), &[2]);
            items.retain(|item| *item != Incoming::Ping(b"between".to_vec()));
            let came = match over {
                true => fault(F::TooLong { len: 11, limit: 10 }),
                false => Incoming::Binary {
                    bytes: payload.to_vec(),
                    frames: count,
                },
            };
            assert_eq!(items, [came, text("behind", 1)]);
            assert!(held <= 10 + "between".len(), "{held}");
        }
    }
}

#[test]
fn a_fragmented_control_frame_is_a_fault_and_delivered() {
    let frame = OutFrame {
        fin: false,
        ..OutFrame::ping(b"p")
    };
    let expected = fault(F::FragmentedControl {
        opcode: opcode::PING,
    });
    assert_eq!(read(&[frame]), [expected, Incoming::Ping(b"p".to_vec())]);
}

#[test]
fn a_long_control_frame_is_a_fault_and_delivered_unless_it_is_huge() {
    assert_eq!(
        read(&[OutFrame::pong(&[1; 125])]),
        [Incoming::Pong(vec![1; 125])]
    );
    let long = fault(F::LongControl {
        opcode: opcode::PONG,
        len: 126,
    });
    assert_eq!(
        read(&[OutFrame::pong(&[1; 126])]),
        [long, Incoming::Pong(vec![1; 126])]
    );
    let huge = vec![1; MAX_DELIVERED_CONTROL + 1];
    let len = huge.len() as u64;
    let faults = [
        fault(F::LongControl {
            opcode: opcode::PING,
            len,
        }),
        fault(F::TooLong {
            len,
            limit: MAX_DELIVERED_CONTROL,
        }),
    ];
    assert_eq!(read(&[OutFrame::ping(&huge)]), faults);
    // A reason of 124 bytes makes a body of 126.
    let body = close_body(Some(1000), &[b'r'; 124]);
    let close = CloseBody {
        code: Some(1000),
        reason: vec![b'r'; 124],
        fault: None,
    };
    let long = fault(F::LongControl {
        opcode: opcode::CLOSE,
        len: 126,
    });
    assert_eq!(
        read(&[OutFrame::close(&body)]),
        [long, Incoming::Close(close)]
    );
}

#[test]
fn a_continuation_of_nothing_is_a_fault_and_skipped() {
    let frame = OutFrame::new(opcode::CONTINUATION, b"skipped");
    let unfinished = OutFrame {
        fin: false,
        ..frame
    };
    let once = fault(F::ContinuationWithoutStart);
    assert_eq!(read(&[unfinished, frame]), [once.clone(), once.clone()]);
    assert_eq!(read(&[frame]), [once]);
}

#[test]
fn a_text_inside_a_fragmented_message_is_a_fault_and_begins_anew() {
    let frames = [
        OutFrame {
            fin: false,
            ..OutFrame::binary(b"given up")
        },
        OutFrame {
            fin: false,
            ..OutFrame::text(b"a")
        },
        OutFrame::new(opcode::CONTINUATION, b"b"),
    ];
    let expected = fault(F::DataInsideMessage {
        opcode: opcode::TEXT,
    });
    assert_eq!(read(&frames), [expected, text("ab", 2)]);
}

#[test]
fn all_faults_of_one_frame_are_told() {
    let frame = OutFrame {
        fin: false,
        rsv: 7,
        opcode: 11,
        payload: &[0; 126],
        mask: KEY,
        length: Length::In64Bits,
    };
    let expected = [
        F::ReservedBits { rsv: 7, opcode: 11 },
        F::ReservedOpcode { opcode: 11 },
        F::MaskedFromServer,
        F::FragmentedControl { opcode: 11 },
        F::LongControl {
            opcode: 11,
            len: 126,
        },
        F::LengthNotShortest { len: 126 },
    ];
    assert_eq!(read(&[frame]), expected.map(fault));
}

#[test]
fn close_bodies_come_as_they_are() {
    let close = |payload: &[u8]| match &read(&[OutFrame::close(payload)])[..] {
        [Incoming::Close(body)] => body.clone(),
        other => panic!("{other:?}"),
    };
    let of = |code, fault| CloseBody {
        code,
        reason: Vec::new(),
        fault,
    };
    assert_eq!(close(b""), of(None, None));
    assert_eq!(
        close(b"\x03"),
        of(None, Some(CloseFault::OneByte { byte: 3 }))
    );
    for code in [
        1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 4001, 4003, 4999,
    ] {
        assert_eq!(close(&close_body(Some(code), b"")), of(Some(code), None));
    }
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
    ] {
        let forbidden = Some(CloseFault::ForbiddenCode { code });
        assert_eq!(
            close(&close_body(Some(code), b"")),
            of(Some(code), forbidden)
        );
    }
    let expected = CloseBody {
        code: Some(1000),
        reason: b"\xff\x1b".to_vec(),
        fault: Some(CloseFault::ReasonNotUtf8),
    };
    assert_eq!(close(&close_body(Some(1000), b"\xff\x1b")), expected);
}

#[test]
fn what_is_behind_a_close_frame_still_comes() {
    let body = close_body(Some(4001), b"");
    let close = Incoming::Close(CloseBody {
        code: Some(4001),
        reason: vec![],
        fault: None,
    });
    let frames = [
        OutFrame::close(&body),
        OutFrame::ping(b""),
        OutFrame::text(b"late"),
        OutFrame::close(&body),
    ];
    let expected = [
        close.clone(),
        Incoming::Ping(vec![]),
        text("late", 1),
        close,
    ];
    assert_eq!(read(&frames), expected);
}

/// A frame that is wrong in any way, or right.
fn bent_frame() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![
        6 => Just(Length::Shortest),
        1 => Just(Length::In16Bits),
        1 => Just(Length::In64Bits),
        1 => (0..300u64).prop_map(Length::Declared),
        1 => any::<u64>().prop_map(Length::Declared),
    ];
    let rsv = prop_oneof![8 => Just(0), 1 => 0..8u8];
    let opcode = prop_oneof![8 => 0..3u8, 3 => 8..11u8, 1 => 0..16u8];
    let payload = prop_oneof![6 => vec(any::<u8>(), 0..20), 1 => vec(any::<u8>(), 100..300)];
    (
        any::<bool>(),
        rsv,
        opcode,
        payload,
        any::<Option<[u8; 4]>>(),
        length,
    )
        .prop_map(|(fin, rsv, opcode, payload, mask, length)| {
            encode(&[OutFrame {
                fin,
                rsv,
                opcode,
                payload: &payload,
                mask,
                length,
            }])
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_read_the_same_however_they_are_cut_and_within_the_limits(
        pieces in vec(prop_oneof![8 => bent_frame(), 1 => vec(any::<u8>(), 0..40)], 0..12),
        cuts in vec(1..40usize, 1..4), client: bool,
    ) {
        let side = if client { Side::Client } else { Side::Server };
        let limits = Limits { message: 200, fragments: 4, ..Limits::default() };
        let bytes = pieces.concat();
        let (whole, held) = decode(side, &limits, &bytes, &[]);
        prop_assert!(held <= 400, "{} bytes held", held);
        for cuts in [&cuts[..], &[1]] {
            let (chopped, held) = decode(side, &limits, &bytes, cuts);
            prop_assert!(held <= 400, "{} bytes held", held);
            prop_assert_eq!(&chopped, &whole);
        }
        let fatal = whole.iter().position(|i| matches!(i, Incoming::Fault(f) if f.fatal()));
        prop_assert!(fatal.is_none_or(|at| at + 1 == whole.len()));
    }
}
