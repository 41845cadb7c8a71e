//! Packets: what is encoded decodes, what is decoded is what the text says, and every error says
//! where and what.

use proptest::prelude::*;

use super::generate;
use crate::protocol::codec::{decode, encode, encode_into};
use crate::protocol::error::{DecodeError, DecodeFault, Field, JsonType};
use crate::protocol::json::Json;
use crate::protocol::opcode::Op;
use crate::protocol::packet::{Interval, Packet, Raw, Str};

/// The texts that a packet is made of; the packet itself borrows.
#[derive(Clone, Debug)]
struct Owned {
    op: u64,
    w: String,
    a: String,
    n: String,
    r: String,
    hb_interval: Option<u64>,
}

impl Owned {
    fn packet(&self) -> Packet<'_> {
        let raw = |text| Raw::parse(text).unwrap();
        let w = Str::plain(&self.w);
        match Op::from_number(self.op).unwrap() {
            Op::Hello => Packet::Hello {
                hb_interval: self
                    .hb_interval
                    .and_then(Interval::from_millis)
                    .unwrap_or(Interval::BEYOND),
            },
            Op::HelloAck => Packet::HelloAck { password: w },
            Op::Heartbeat => Packet::Heartbeat,
            Op::HeartbeatAck => Packet::HeartbeatAck,
            Op::Request => Packet::Request {
                w,
                a: raw(&self.a),
                n: raw(&self.n),
            },
            Op::Response => Packet::Response {
                n: raw(&self.n),
                r: raw(&self.r),
            },
            Op::Dispatch => Packet::Dispatch { w, a: raw(&self.a) },
        }
    }
}

fn owned() -> impl Strategy<Value = Owned> {
    let list = proptest::collection::vec(generate::value(), 0..3)
        .prop_map(|items| format!("[{}]", items.join(" ,")));
    let string = prop_oneof![any::<String>(), "[a-zA-Z\"\\\\\u{0}-\u{1f}é😀]{0,20}"];
    (
        0..7u64,
        string,
        list,
        generate::value(),
        generate::value(),
        any::<Option<u64>>(),
    )
        .prop_map(|(op, w, a, n, r, hb_interval)| Owned {
            op,
            w,
            a,
            n,
            r,
            hb_interval,
        })
}

proptest! {
    #![proptest_config(generate::config(1500))]

    #[test]
    fn what_is_encoded_decodes_to_the_same_packet(owned in owned()) {
        let packet = owned.packet();
        let text = encode(&packet);
        let decoded = decode(text.as_bytes()).unwrap();
        prop_assert_eq!(decoded, packet);
        prop_assert_eq!(encode(&decoded), text.clone());
        match decoded {
            Packet::Request { n, .. } => prop_assert_eq!(n.as_str(), owned.n.trim()),
            Packet::HelloAck { password } => prop_assert_eq!(password.decode().unwrap(), owned.w.as_str()),
            _ => {}
        }
        let mut appended = b"before".to_vec();
        encode_into(&packet, &mut appended);
        prop_assert_eq!(&appended[6..], text.as_bytes());
    }

    #[test]
    fn decoding_finds_what_the_tree_finds(text in generate::near_packet()) {
        let tree = Json::parse(text.as_bytes()).unwrap();
        let expected = by_the_tree(&tree);
        let found = decode(text.as_bytes());
        match (&found, &expected) {
            (Ok(packet), Some(expected)) => prop_assert!(tree_of(packet) == *expected, "{:?} against {:?}", packet, expected),
            (Err(error), None) => prop_assert!(!matches!(error.fault, DecodeFault::Json(_)), "{}", error),
            _ => prop_assert!(false, "{:?} against {:?} in {}", found, expected, text),
        }
    }
}

/// Op and members in a fixed order, as trees.
fn tree_of(packet: &Packet<'_>) -> Vec<Json> {
    let raw = |raw: &Raw<'_>| Json::parse(raw.as_bytes()).unwrap();
    let string = |string: &Str<'_>| Json::String(string.to_text());
    let mut parts = vec![Json::from(u64::from(packet.op().number()))];
    match packet {
        Packet::Hello { hb_interval } => {
            parts.push(Json::Bool(hb_interval.saturated()));
            parts.push(Json::from(hb_interval.millis()));
        }
        Packet::HelloAck { password } => parts.push(string(password)),
        Packet::Heartbeat | Packet::HeartbeatAck => {}
        Packet::Request { w, a, n } => parts.extend([string(w), raw(a), raw(n)]),
        Packet::Response { n, r } => parts.extend([raw(n), raw(r)]),
        Packet::Dispatch { w, a } => parts.extend([string(w), raw(a)]),
    }
    parts
}

/// The same, read from the tree by the words of the policy.
fn by_the_tree(tree: &Json) -> Option<Vec<Json>> {
    let members = tree.as_object()?;
    if members.iter().filter(|(name, _)| *name == *"op").count() != 1 {
        return None;
    }
    let op = tree.get("op")?.as_u64()?;
    let of_type = |name, wanted| {
        tree.get(name)
            .filter(|value| value.json_type() == wanted)
            .cloned()
    };
    let mut parts = vec![Json::from(op)];
    match op {
        0 => {
            let interval = of_type("hb_interval", JsonType::Number)?;
            let number = interval.as_number()?;
            if !number.is_integer() || number.to_f64() <= 0.0 {
                return None;
            }
            parts.push(Json::Bool(number.to_u64().is_none()));
            parts.push(Json::from(number.to_u64().unwrap_or(u64::MAX)));
        }
        1 => parts.push(of_type("password", JsonType::String)?),
        2 | 3 => {}
        4 => {
            parts.extend([
                of_type("w", JsonType::String)?,
                of_type("a", JsonType::List)?,
            ]);
            parts.push(tree.get("n")?.clone());
        }
        5 => parts.extend([tree.get("n")?.clone(), tree.get("r")?.clone()]),
        6 => parts.extend([
            of_type("w", JsonType::String)?,
            of_type("a", JsonType::List)?,
        ]),
        _ => return None,
    }
    Some(parts)
}

#[test]
fn each_packet_has_one_compact_spelling() {
    let list = Raw::parse("[1, 2.0]").unwrap();
    let nonce = Raw::parse(" 9007199254740993 ").unwrap();
    let w = Str::plain("A\"B\n");
    let spellings = [
        (
            Packet::Hello {
                hb_interval: Interval::from_millis(10_000).unwrap(),
            },
            r#"{"op":0,"hb_interval":10000}"#,
        ),
        (
            Packet::Hello {
                hb_interval: Interval::BEYOND,
            },
            r#"{"op":0,"hb_interval":18446744073709551616}"#,
        ),
        (
            Packet::HelloAck {
                password: Str::plain(""),
            },
            r#"{"op":1,"password":""}"#,
        ),
        (Packet::Heartbeat, r#"{"op":2}"#),
        (Packet::HeartbeatAck, r#"{"op":3}"#),
        (
            Packet::Request {
                w,
                a: list,
                n: nonce,
            },
            r#"{"op":4,"w":"A\"B\n","a":[1, 2.0],"n":9007199254740993}"#,
        ),
        (
            Packet::Response {
                n: nonce,
                r: Raw::NULL,
            },
            r#"{"op":5,"n":9007199254740993,"r":null}"#,
        ),
        (
            Packet::Dispatch {
                w,
                a: Raw::EMPTY_LIST,
            },
            r#"{"op":6,"w":"A\"B\n","a":[]}"#,
        ),
    ];
    for (packet, spelling) in spellings {
        assert_eq!(encode(&packet), spelling);
        assert_eq!(decode(spelling.as_bytes()), Ok(packet));
    }
}

#[test]
fn an_op_is_taken_by_its_value_and_a_name_by_its_characters() {
    for op in [
        "2",
        "2.0",
        "2e0",
        "2.000E-0",
        "20e-1",
        "0.2e1",
        "200000e-00005",
    ] {
        assert_eq!(
            decode(format!(" {{ \"op\" : {op} }} ").as_bytes()),
            Ok(Packet::Heartbeat),
            "{op}"
        );
    }
    for name in [r"\u006f\u0070", r"o\u0070", r"\u006Fp"] {
        assert_eq!(
            decode(format!("{{\"{name}\":3}}").as_bytes()),
            Ok(Packet::HeartbeatAck),
            "{name}"
        );
    }
    let hello = decode(br#"{"hb\u005finterval":1e3,"op":-0}"#);
    assert_eq!(
        hello,
        Ok(Packet::Hello {
            hb_interval: Interval::from_millis(1000).unwrap()
        })
    );
}

#[test]
fn nonces_keep_their_spelling() {
    for nonce in [
        "null",
        "1.0",
        "1e400",
        "-0",
        "9007199254740993",
        r#""\ud800\u0041""#,
        r#"{ "b":1,"a":[ ] }"#,
        "\"\"",
        r#"{"$serde_json::private::Number":"1"}"#,
        r#"{"$serde_json::private::RawValue":"[1]"}"#,
    ] {
        let text = format!("{{\"n\": {nonce} , \"r\":[{nonce}],\"op\":5}}");
        let Ok(Packet::Response { n, r }) = decode(text.as_bytes()) else {
            panic!("{text}")
        };
        assert_eq!(n.as_str(), nonce);
        assert_eq!([n.to_string(), format!("{n:?}")], [nonce, nonce]);
        assert_eq!(r.as_str(), format!("[{nonce}]"));
    }
}

#[test]
fn of_repeated_members_the_last_counts() {
    let text = br#"{"op":5,"n":1,"r":[],"n":2,"\u006e":3,"r":null}"#;
    assert_eq!(
        decode(text),
        Ok(Packet::Response {
            n: Raw::parse("3").unwrap(),
            r: Raw::NULL
        })
    );
}

#[test]
fn intervals_are_integers_above_zero_of_any_size() {
    let interval = |spelling: &str| match decode(
        format!("{{\"op\":0,\"hb_interval\":{spelling}}}").as_bytes(),
    ) {
        Ok(Packet::Hello { hb_interval }) => Ok((hb_interval.millis(), hb_interval.saturated())),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    for (spelling, millis) in [
        ("1", 1),
        ("1.0", 1),
        ("10e3", 10_000),
        ("18446744073709551615", u64::MAX),
    ] {
        assert_eq!(interval(spelling), Ok((millis, false)));
    }
    let long = format!("1e{}", "9".repeat(10_000));
    for spelling in [
        "18446744073709551616",
        "1e400",
        "99999999999999999999999",
        &long,
    ] {
        assert_eq!(interval(spelling), Ok((u64::MAX, true)));
    }
    let tiny = format!("1e-{}", "9".repeat(10_000));
    for spelling in ["0", "-0", "0e5", "-5", "1.5", "-1e400", "1e-400", &tiny] {
        assert_eq!(
            interval(spelling),
            Err(DecodeError {
                offset: 22,
                fault: DecodeFault::Interval
            }),
            "{spelling}"
        );
    }
    for spelling in ["\"10\"", "null", "[10]", "true", "{}"] {
        let error = interval(spelling).unwrap_err();
        assert!(matches!(
            error.fault,
            DecodeFault::FieldType {
                op: Op::Hello,
                field: Field::HbInterval,
                ..
            }
        ));
    }
}

#[test]
fn every_missing_member_is_named() {
    let members = [
        ("w", "\"X\""),
        ("a", "[]"),
        ("n", "null"),
        ("r", "null"),
        ("password", "\"\""),
        ("hb_interval", "1"),
    ];
    let needs: [(u8, &[Field]); 7] = [
        (0, &[Field::HbInterval]),
        (1, &[Field::Password]),
        (2, &[]),
        (3, &[]),
        (4, &[Field::W, Field::A, Field::N]),
        (5, &[Field::N, Field::R]),
        (6, &[Field::W, Field::A]),
    ];
    for (op, needs) in needs {
        for left_out in members {
            let rest: String = members
                .iter()
                .filter(|member| **member != left_out)
                .map(|(name, value)| format!(",\"{name}\":{value}"))
                .collect();
            let text = format!("{{\"op\":{op}{rest}}}");
            let missing = needs.iter().find(|field| field.name() == left_out.0);
            let expected = missing.map(|field| DecodeError {
                offset: text.len() - 1,
                fault: DecodeFault::Missing(Op::from_number(u64::from(op)).unwrap(), *field),
            });
            assert_eq!(decode(text.as_bytes()).err(), expected, "{text}");
        }
    }
}

#[test]
fn a_lone_surrogate_is_a_fault_of_the_string_and_not_of_the_packet() {
    let Ok(Packet::HelloAck { password }) = decode(br#"{"op":1,"password":"ab\udc00"}"#) else {
        panic!()
    };
    assert_eq!(password.decode().unwrap_err().offset, 2);
    assert_ne!(password, Str::plain("ab\u{fffd}"));
}

#[test]
fn strings_are_equal_by_their_characters_however_they_are_spelled() {
    let forms = |text: &'static str, spelled: &'static str| {
        [Str::plain(text), Str::from_scanned(spelled.as_bytes())]
    };
    for mine in forms("aé", r"a\u00e9") {
        for same in forms("aé", "aé") {
            assert_eq!(mine, same);
        }
        for other in forms("ae", r"\u0061e") {
            assert_ne!(mine, other);
        }
    }
    assert_eq!(Str::plain("a\"\n").to_string(), r#""a\"\n""#);
    assert_eq!(
        format!("{:?}", Str::from_scanned(br"\u0061")),
        r#""\u0061""#
    );
}

#[test]
fn an_interval_is_shown_and_measured_in_milliseconds() {
    let interval = Interval::from_millis(1500).unwrap();
    assert_eq!(interval.duration(), std::time::Duration::from_millis(1500));
    assert_eq!(format!("{interval} {interval:?}"), "1500 1500");
    assert_eq!(
        Interval::BEYOND.duration(),
        std::time::Duration::from_millis(u64::MAX)
    );
}

/// What people read when a packet is wrong, all of it in one snapshot.
#[test]
fn errors_say_where_and_what_was_expected() {
    let texts: [&[u8]; 43] = [
        b"",
        b"  ",
        b"nul",
        b"{",
        b"{\"op\"",
        b"{\"op\":",
        b"{\"op\":2",
        b"{\"op\":2,",
        b"{\"op\":2,}",
        b"{\"op\" 2}",
        b"{op:2}",
        b"{\"op\":2} x",
        b"{\"op\":02}",
        b"{\"op\":-}",
        b"{\"op\":2.}",
        b"{\"op\":2e}",
        b"{\"op\":2,\"x\":\"\\x\"}",
        b"{\"op\":2,\"x\":\"\\u12g4\"}",
        b"{\"op\":2,\"x\":\"a\tb\"}",
        b"{\"op\":2,\"x\":\"abc",
        b"{\"op\":2,\"x\":\"\xc0\x80\"}",
        b"{\"op\":2,\"x\":[1 2]}",
        b"{\"op\":2,\"x\":[",
        b"{\"op\":2,\"x\":[,]}",
        b"{\"op\":2,\"x\":[1,]}",
        b"{\"op\":2,\"x\":tru}",
        b"\xef\xbb\xbf{\"op\":2}",
        b"[4,null]",
        b" null",
        b"{}",
        b"{\"op\":2,\"o\\u0070\":2}",
        b"{\"op\":2,\"op\":2,\"op\":2}",
        b"{\"op\":\"2\"}",
        b"{\"op\":null}",
        b"{\"op\":1.5}",
        b"{\"op\":7}",
        b"{\"op\":-1}",
        b"{\"op\":4}",
        b"{\"op\":4,\"w\":\"X\",\"a\":[]}",
        b"{\"op\":4,\"w\":\"X\",\"a\":{},\"n\":1}",
        b"{\"op\":6,\"w\":null,\"a\":[]}",
        b"{\"op\":1,\"password\":5}",
        b"{\"op\":0,\"hb_interval\":-5}",
    ];
    let mut lines: Vec<_> = texts
        .iter()
        .map(|text| format!("{}\n    {}", text.escape_ascii(), decode(text).unwrap_err()))
        .collect();
    lines.push(format!(
        "(deep)\n    {}",
        decode("[".repeat(300).as_bytes()).unwrap_err()
    ));
    lines.push(format!(
        "(long)\n    {}",
        decode(&vec![b' '; 1 << 21]).unwrap_err()
    ));
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots");
    insta::with_settings!({snapshot_path => folder, prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("decode_errors", lines.join("\n"));
    });
}
