//! The JSON policy: a table with an opinion on every kind of odd input, and properties that compare
//! with the policy's own definition.

use proptest::prelude::*;

use super::check;
use super::generate;
use crate::protocol::codec;
use crate::protocol::error::{Expected, JsonError, JsonFault};

/// A fragment by itself, and inside packets: as nonce, answer, argument, member nobody asked for.
fn envelopes(fragment: &[u8]) -> Vec<Vec<u8>> {
    let around = [
        ("", ""),
        (" ", "\n"),
        ("{\"op\":5,\"n\":", ",\"r\":null}"),
        ("{\"op\":5,\"n\":1,\"r\":", "}"),
        ("{\"op\":4,\"w\":\"X\",\"a\":[", "],\"n\":1}"),
        ("{\"op\":6,\"w\":\"X\",\"a\":[1,", ",{}]}"),
        ("{ \"x\" : {\"deep\":[[ ", " ]]} , \"op\" : 2 }"),
    ];
    around
        .iter()
        .map(|(front, back)| [front.as_bytes(), fragment, back.as_bytes()].concat())
        .collect()
}

#[track_caller]
fn all_are(right: bool, fragments: &[&[u8]]) {
    for fragment in fragments {
        for text in envelopes(fragment) {
            assert_eq!(
                check(&text),
                Some(right),
                "{:?}",
                String::from_utf8_lossy(&text)
            );
        }
    }
}

#[test]
fn scalars_and_containers_of_every_kind_are_json() {
    all_are(
        true,
        &[
            b"null",
            b"true",
            b"false",
            b"[]",
            b"{}",
            b"[[]]",
            b"[{}]",
            b"{\"\":0}",
            b"[ ]",
            b"{ }",
            b"[1 , 2]",
            b"[null, 1, \"1\", {}]",
            b"{\"a\":{\"a\":{}}}",
            b"\t[\r\n1\t]",
            b"[[[[[[[[[[1]]]]]]]]]]",
            b"{\"a\":1,\"a\":1}",
            b"{\"a\":1,\"a\":2}",
            b"{\"\\u0061\":1,\"a\":2}",
            b"{\"__proto__\":{\"x\":1}}",
            b"{\"constructor\":null}",
            b"{\"OP\":1,\"Op\":2}",
            b"{\"$serde_json::private::Number\":\"1\"}",
            b"{\"$serde_json::private::Number\":\"x\"}",
            b"{\"$serde_json::private::RawValue\":\"[\"}",
            b"{\"$serde_json::private::RawValue\":1}",
            b"{\"$sonic::LazyValue\":1}",
        ],
    );
}

#[test]
fn numbers_of_any_size_are_json() {
    let mut long = b"1e".to_vec();
    long.extend([b'9'; 10_000]);
    let mut small = b"-1.5E-".to_vec();
    small.extend([b'9'; 10_000]);
    let digits = vec![b'7'; 20_000];
    all_are(
        true,
        &[
            b"0",
            b"-0",
            b"1",
            b"-1",
            b"1.0",
            b"1e0",
            b"2E+1",
            b"2e-0",
            b"0e0",
            b"0e+1",
            b"0E1",
            b"1e00000000000001",
            b"-0.0",
            b"9007199254740993",
            b"18446744073709551616",
            b"-9223372036854775809",
            b"1e999",
            b"-1e999",
            b"1e-999",
            b"1e400",
            b"123.456e78",
            b"0.4e00669999999999999999999999999999999999999999999999999999969",
            b"1.7976931348623157e309",
            &long,
            &small,
            &digits,
        ],
    );
}

#[test]
fn near_numbers_are_not_json() {
    all_are(
        false,
        &[
            b"01",
            b"-01",
            b"00",
            b"+1",
            b"++1",
            b"1.",
            b"-1.",
            b".5",
            b"-.5",
            b"1.e1",
            b"1e",
            b"1e+",
            b"1E-",
            b"1e1.5",
            b"--1",
            b"-",
            b"- 1",
            b"1_000",
            b"0x10",
            b"0b1",
            b"1e1e1",
            b"1.2.3",
            b"1 000",
            b"NaN",
            b"-NaN",
            b"Infinity",
            b"-Infinity",
            b"inf",
            b"1f",
            b"0.1.2",
            b"2.e3",
            b"1a",
            b"1+2",
            b"0e",
            b"0e+",
            b"1eE2",
            b"\xef\xbc\x91",
            b"-foo",
            b"1\0",
            b".",
            b"e5",
            b"0-1",
        ],
    );
}

#[test]
fn escapes_of_every_kind_are_json_lone_surrogates_too() {
    all_are(
        true,
        &[
            br#""""#,
            br#""\"\\\/\b\f\n\r\t""#,
            br#""\u0041""#,
            br#""\uFfFf""#,
            br#""\u0000""#,
            br#""\ud83d\ude00""#,
            br#""\ud800""#,
            br#""\udc00""#,
            br#""\ude00\ud83d""#,
            br#""\ud800\ud800\n""#,
            br#""\ud800abc""#,
            br#""\\u""#,
            br#""\\\"""#,
            br#""\u005c\u0022""#,
            br#"{"\u006f\u0070":2}"#,
            br#"{"\u0000":"\u0000"}"#,
            b"\"\x7f\"",
            br#""\uDBFF\uDFFF""#,
            br#""a\\""#,
            br#""/*..*/""#,
        ],
    );
}

#[test]
fn broken_strings_are_not_json() {
    let mut raw_controls: Vec<Vec<u8>> =
        (0..0x20).map(|byte| vec![b'"', b'a', byte, b'"']).collect();
    raw_controls
        .extend((0..0x20).map(|byte| [b"\"seven..", &[byte][..], b"more than eight\""].concat()));
    all_are(
        false,
        &raw_controls.iter().map(Vec::as_slice).collect::<Vec<_>>(),
    );
    all_are(
        false,
        &[
            br#""\x41""#,
            br#""\U0041""#,
            br#""\u""#,
            br#""\u1""#,
            br#""\u12""#,
            br#""\u123""#,
            br#""\u123g""#,
            br#""\u 123""#,
            br#""\ud800\u""#,
            br#""\ud800\u1""#,
            br#""\a""#,
            br#""\'""#,
            br#""\0""#,
            br#""\ ""#,
            br#""\"#,
            b"\"\\\n\"",
            b"\"\\\xc3\xa9\"",
            b"\"\\u00\xc3\xa9\"",
            b"'a'",
            b"a",
            b"\xe2\x80\x9ca\xe2\x80\x9d",
            b"\"a\"b",
            b"\"a\"\"b\"",
            br#"{'a':1}"#,
            br#"{a:1}"#,
        ],
    );
}

#[test]
fn well_formed_utf8_is_json_inside_strings_only() {
    all_are(
        true,
        &[
            "\"é\"".as_bytes(),
            "\"e\u{301}\"".as_bytes(),
            "\"😀\"".as_bytes(),
            "\"\u{2028}\u{2029}\"".as_bytes(),
            "\"\u{fffe}\u{ffff}\u{10ffff}\u{fdd0}\"".as_bytes(),
            "\"\u{feff}\"".as_bytes(),
            "\"\u{80}\u{9f}\"".as_bytes(),
            "\"\u{d7ff}\u{e000}\"".as_bytes(),
            "{\"ключ\":\"значение, и ещё немного\"}".as_bytes(),
            "\"0123456é0123456é01234567é\\n\"".as_bytes(),
            "\"é\\ud800é\"".as_bytes(),
        ],
    );
    all_are(
        false,
        &[
            b"\xef\xbb\xbf1",
            b"\xef\xbb\xbf{}",
            "é".as_bytes(),
            "[\u{a0}1]".as_bytes(),
            "[1\u{2028}]".as_bytes(),
            "[\u{2060}]".as_bytes(),
            b"[\x0c1]",
            b"[\x0b]",
            b"[\x85]",
            b"[\0]",
            b"[\x7f]",
        ],
    );
}

#[test]
fn ill_formed_utf8_is_not_json_anywhere() {
    let broken: [&[u8]; 16] = [
        b"\x80",
        b"\xbf",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
        b"\xfe",
        b"\xff",
        b"\xc3",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
    ];
    for bytes in broken {
        let in_strings: Vec<Vec<u8>> = (0..18)
            .flat_map(|before| (0..10).map(move |behind| (before, behind)))
            .map(|(before, behind)| {
                [
                    b"\"",
                    &b"abcdefghijklmnopq"[..before],
                    bytes,
                    &b"rstuvwxyz"[..behind],
                    b"\"",
                ]
                .concat()
            })
            .collect();
        all_are(
            false,
            &in_strings.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        );
        all_are(
            false,
            &[
                bytes,
                &[b"[", bytes, b"]"].concat(),
                &[b"{\"", bytes, b"\":1}"].concat(),
            ],
        );
        all_are(
            false,
            &[&[b"\"\xc3\xa9 \\n", bytes, b" \xc3\xa9\""].concat()],
        );
    }
    let utf16: Vec<u8> = "{\"op\":2}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(check(&utf16), Some(false));
    assert_eq!(check(&[b"\xff\xfe", &utf16[..]].concat()), Some(false));
}

#[test]
fn broken_structure_is_not_json() {
    all_are(
        false,
        &[
            b"[",
            b"]",
            b"{",
            b"}",
            b"[1",
            b"[1,",
            b"[1,]",
            b"[,1]",
            b"[,]",
            b"[1,,2]",
            b"[1 2]",
            b"[1:2]",
            b"[\"a\":1]",
            b"[1}",
            b"{]",
            b"{\"a\"}",
            b"{\"a\":}",
            b"{\"a\" 1}",
            b"{\"a\"::1}",
            b"{\"a\":1,}",
            b"{,\"a\":1}",
            b"{\"a\":1,,\"b\":2}",
            b"{\"a\":1 \"b\":2}",
            b"{1:2}",
            b"{null:1}",
            b"{[]:1}",
            b"{\"a\":1]",
            b"{\"a\":1}}",
            b"[]]",
            b"[][]",
            b"1 2",
            b"{}{}",
            b"{} x",
            b"nul",
            b"nulll",
            b"Null",
            b"TRUE",
            b"tru",
            b"truE",
            b"fals",
            b"falsy",
            b"undefined",
            b"[1] // no",
            b"/* no */ 1",
            b"# no",
            b"1;",
            b"<null>",
            b"[*]",
            b"{\"a\":1/*x*/}",
            b"()",
            b"@",
            b"\\",
            b"\\u0031",
            b"[\"a\"",
            b"{\"a\":\"b\"",
            b"{\"op\":2,}",
        ],
    );
}

#[test]
fn nothing_and_blanks_are_not_json() {
    for text in ["", " ", "\n\t\r ", "\u{feff}", "\0"] {
        assert_eq!(check(text.as_bytes()), Some(false), "{text:?}");
        assert_eq!(
            codec::validate(text.trim_start().as_bytes()).map_err(|error| error.offset),
            Err(0)
        );
    }
    assert_eq!(
        codec::validate(b"  "),
        Err(JsonError {
            offset: 2,
            fault: JsonFault::Ended(Expected::Value)
        })
    );
}

proptest! {
    #![proptest_config(generate::config(1500))]

    #[test]
    fn generated_json_is_taken(text in generate::value()) {
        prop_assert_eq!(check(text.as_bytes()), Some(true));
    }

    #[test]
    fn changed_packets_are_judged_by_the_policy(bytes in generate::changed(generate::near_packet())) {
        check(&bytes);
    }

    #[test]
    fn changed_json_is_judged_by_the_policy(bytes in generate::changed(generate::value())) {
        check(&bytes);
    }

    #[test]
    fn tokens_in_any_order_are_judged_by_the_policy(bytes in generate::tokens()) {
        check(&bytes);
    }

    #[test]
    fn no_bytes_at_all_cause_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        check(&bytes);
        check(&[b"{\"op\":2,\"", &bytes[..]].concat());
        check(&[b"\"", &bytes[..], b"\""].concat());
    }
}
