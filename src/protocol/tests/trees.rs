//! The judging side's tree: exact numbers, equality by meaning, printing.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::generate;
use crate::protocol::json::{Json, Number, Text};

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn number(spelling: &str) -> Number {
    Number::parse(spelling).unwrap_or_else(|| panic!("{spelling}"))
}

#[track_caller]
fn same(a: &str, b: &str, expected: bool) {
    assert_eq!(json(a).same_as(&json(b)), expected, "{a} and {b}");
    assert_eq!(json(b).same_as(&json(a)), expected, "{b} and {a}");
}

#[test]
fn numbers_mean_the_same_exactly_or_as_the_same_finite_double() {
    for (a, b) in [
        ("1", "1.0"),
        ("1", "1e0"),
        ("100", "1e2"),
        ("0", "-0"),
        ("0", "0e99999"),
        ("-0.0", "0"),
        ("0.1", "1e-1"),
        ("9007199254740993", "9007199254740992"),
        ("0.1", "0.1000000000000000055511151231257827"),
        ("1e400", "10e399"),
        ("1e400", "1000e397"),
        ("-1e400", "-0.1e401"),
        ("1e-999", "0"),
        ("1E400", "1e+0400"),
    ] {
        same(a, b, true);
    }
    for (a, b) in [
        ("1", "2"),
        ("1", "-1"),
        ("1e400", "1e401"),
        ("1e400", "-1e400"),
        ("1", "\"1\""),
        ("0", "false"),
        ("0", "null"),
        ("9007199254740993", "9007199254740991"),
        ("1e400", "1.7976931348623157e308"),
        ("1e400", "1e4000"),
    ] {
        same(a, b, false);
    }
}

#[test]
fn exponents_of_ten_thousand_digits_are_compared_exactly() {
    let nines = "9".repeat(10_000);
    let one_and_zeros = format!("1{}", "0".repeat(10_000));
    let one_and_one = format!("1{}1", "0".repeat(9_999));
    // 10e(99..9) is 1e(100..0).
    same(&format!("10e{nines}"), &format!("1e{one_and_zeros}"), true);
    same(
        &format!("0.1e-{nines}"),
        &format!("1e-{one_and_zeros}"),
        true,
    );
    assert_eq!(
        number(&format!("1e{nines}")).cmp_value(&number(&format!("1e{one_and_zeros}"))),
        Ordering::Less
    );
    assert_eq!(
        number(&format!("1e-{nines}")).cmp_value(&number(&format!("1e-{one_and_zeros}"))),
        Ordering::Greater
    );
    assert_eq!(
        number(&format!("0.1e{one_and_one}")).cmp_value(&number(&format!("1e{one_and_zeros}"))),
        Ordering::Equal
    );
    assert_eq!(
        number(&format!("-1e{nines}")).cmp_value(&number("-1")),
        Ordering::Less
    );
    assert_eq!(
        number(&format!("1e-{nines}")).cmp_value(&number("0")),
        Ordering::Greater
    );
    assert_eq!(
        number(&format!("0e{nines}")).cmp_value(&number("-0")),
        Ordering::Equal
    );
    // The mantissa can be as long as the exponent is large.
    let long = format!("1{}", "0".repeat(10_000));
    assert_eq!(number(&long).cmp_value(&number("1e10000")), Ordering::Equal);
    assert_eq!(number(&format!("{long}e-10000")).to_u64(), Some(1));
    assert_eq!(
        number(&format!("{long}e-9999999999999999999999"))
            .cmp_value(&number("1e-9999999999999999989999")),
        Ordering::Equal
    );
    assert_eq!(
        number("1e00000000000000000000000001").cmp_value(&number("10")),
        Ordering::Equal
    );
    assert_eq!(
        number("1234e-99999999999999999999").cmp_value(&number("1.234e-99999999999999999996")),
        Ordering::Equal
    );
    assert_eq!(
        number("123e999999999999999999").cmp_value(&number("1.23e1000000000000000001")),
        Ordering::Equal
    );
}

#[test]
fn integers_are_integers_by_value() {
    for (spelling, value) in [
        ("2", Some(2)),
        ("2.0", Some(2)),
        ("2e0", Some(2)),
        ("20e-1", Some(2)),
        ("0.2e1", Some(2)),
        ("-0", Some(0)),
        ("-0.000e-7", Some(0)),
        ("0e9999999999999999999999", Some(0)),
        ("1e19", Some(10_000_000_000_000_000_000)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("1844674407370955161.5e1", Some(u64::MAX)),
        ("1e20", None),
        ("1e400", None),
        ("-1", None),
        ("99999999999999999999", None),
        ("12345678901234567890", Some(12_345_678_901_234_567_890)),
    ] {
        assert!(number(spelling).is_integer(), "{spelling}");
        assert_eq!(number(spelling).to_u64(), value, "{spelling}");
    }
    for spelling in [
        "1.5",
        "0.1",
        "1e-1",
        "15e-1",
        "1e-400",
        "123.4560e2",
        "-0.5",
        "1e-99999999999999999999999",
    ] {
        assert!(!number(spelling).is_integer(), "{spelling}");
        assert_eq!(number(spelling).to_u64(), None, "{spelling}");
    }
}

#[test]
fn what_is_no_number_does_not_parse_as_one() {
    for spelling in [
        "", " 1", "1 ", "+1", "01", "1.", ".5", "-", "1e", "NaN", "inf", "null", "\"1\"", "0x1",
        "1,", "１",
    ] {
        assert_eq!(Number::parse(spelling), None, "{spelling:?}");
    }
}

#[test]
fn objects_mean_the_same_in_any_order_and_with_the_last_of_repeated_members() {
    same(r#"{"a":1,"b":[2,{}]}"#, r#"{"b":[2.0,{}],"a":1e0}"#, true);
    same(r#"{"a":1,"a":2}"#, r#"{"a":2}"#, true);
    same(
        r#"{"a":1,"\u0061":2,"b":0}"#,
        r#"{"b":0,"a":2,"b":0}"#,
        true,
    );
    same(r#"{"a":1,"a":2}"#, r#"{"a":1}"#, false);
    same(r#"{"a":1}"#, r#"{"A":1}"#, false);
    same(r#"{"a":1,"b":1}"#, r#"{"a":1}"#, false);
    same(r#"{"a":null}"#, r#"{}"#, false);
    same("[1,2]", "[2,1]", false);
    same("[1]", "[1,1]", false);
    same("[]", "{}", false);
}

#[test]
fn strings_mean_the_same_code_point_by_code_point() {
    same(r#""\u0041\/\n""#, r#""A/\u000a""#, true);
    same(r#""\ud83d\ude00""#, "\"😀\"", true);
    same(r#""\ud800""#, r#""\uD800""#, true);
    same(r#""\ud800""#, r#""\ud801""#, false);
    same(r#""\ud800""#, "\"\u{fffd}\"", false);
    same("\"\u{e9}\"", "\"e\u{301}\"", false);
    same(r#""a""#, r#""a\u0000""#, false);
}

#[test]
fn a_member_is_found_by_its_characters_and_the_last_one_wins() {
    let tree = json(r#"{"op":1,"\u006fp":2,"x":{"op":3}}"#);
    assert_eq!(tree.get("op"), Some(&Json::from(2)));
    assert_eq!(tree.get("OP"), None);
    assert_eq!(json("[1]").get("op"), None);
}

#[test]
fn each_accessor_gives_its_own_type_and_nothing_of_the_others() {
    let all = json(r#"[null,true,false,-12.50,"ab",[1],{"a":1}]"#);
    let all = all.as_array().unwrap();
    let which = |is: &dyn Fn(&Json) -> bool| -> Vec<usize> {
        (0..all.len()).filter(|index| is(&all[*index])).collect()
    };
    assert_eq!(which(&Json::is_null), [0]);
    assert_eq!(which(&|json| json.as_bool().is_some()), [1, 2]);
    assert_eq!(which(&|json| json.as_bool() == Some(true)), [1]);
    assert_eq!(which(&|json| json.as_number().is_some()), [3]);
    assert_eq!(which(&|json| json.as_text().is_some()), [4]);
    assert_eq!(which(&|json| json.as_array().is_some()), [5]);
    assert_eq!(which(&|json| json.as_object().is_some()), [6]);
    assert_eq!(all[4].as_str(), Some("ab"));
    assert_eq!(all[4].as_text().unwrap().as_bytes(), b"ab");
    assert_eq!(all[5].as_array(), Some(&[Json::from(1)][..]));
    assert_eq!(all[3].as_number().unwrap().spelling(), "-12.50");
    assert_eq!(format!("{:?}", all[3].as_number().unwrap()), "-12.50");
}

#[test]
fn printing_keeps_what_was_spelled_but_the_blanks() {
    let text = r#" { "a" : [ 1.0 , -0, 1e400,9007199254740993 ] , "a" : "\ud800\u0041\/\"\u0001é" ,"":{ },"b":[ ]} "#;
    let printed = r#"{"a":[1.0,-0,1e400,9007199254740993],"a":"\ud800A/\"\u0001é","":{},"b":[]}"#;
    assert_eq!(json(text).to_string(), printed);
}

#[test]
fn printing_escapes_what_must_be_escaped_and_as_short_as_can_be() {
    let text = r#""\u0022\u005c\u002f\u000a\u000d\u0009\u0008\u000c\u000b\u001f\u007f\u00e9""#;
    let printed = "\"\\\"\\\\/\\n\\r\\t\\b\\f\\u000b\\u001f\u{7f}é\"";
    assert_eq!(json(text).to_string(), printed);
}

#[test]
fn code_points_end_at_10ffff() {
    let text = Text::from_code_points([0x61, 0x10_fffe, 0x10_ffff, 0x11_0000, u32::MAX]);
    assert_eq!(text.as_str(), Some("a\u{10fffe}\u{10ffff}\u{fffd}\u{fffd}"));
}

#[test]
fn a_text_is_shown_in_quotes_whatever_it_was_made_of() {
    let text = Text::from("a\n".to_owned());
    assert_eq!(text, Text::from("a\n"));
    assert_eq!(format!("{text} {text:?}"), r#""a\n" "a\n""#);
}

#[test]
fn a_hundred_thousand_members_are_compared_in_passing() {
    let object = |indices: &mut dyn Iterator<Item = u32>| {
        json(&format!(
            "{{{}}}",
            indices
                .map(|index| format!("\"{index}\":{index}"))
                .collect::<Vec<_>>()
                .join(",")
        ))
    };
    let up = object(&mut (0..100_000));
    let down = object(&mut (0..100_000).rev());
    // A comparison of each with each would be ten thousand million steps.
    assert!(up.same_as(&down));
    assert!(!up.same_as(&object(&mut (1..100_001))));
}

/// The value times 10^40, for numbers small enough that this is an integer of 127 bits.
fn scaled(mantissa: i64, exponent: i32) -> i128 {
    i128::from(mantissa) * 10i128.pow((20 + exponent) as u32)
}

proptest! {
    #![proptest_config(generate::config(1500))]

    #[test]
    fn order_and_integrity_of_numbers_agree_with_exact_arithmetic(
        (a, x) in (-9999i64..9999, -6i32..6), (b, y) in (-9999i64..9999, -6i32..6), zeros in 0..4usize,
    ) {
        let zeros = "0".repeat(zeros);
        let left = number(&format!("{a}.{zeros}0e{x}"));
        let right = number(&format!("{b}e{}{zeros}{}", if y < 0 { "-" } else { "+" }, y.abs()));
        prop_assert_eq!(left.cmp_value(&right), scaled(a, x).cmp(&scaled(b, y)));
        prop_assert_eq!(left.same_as(&right), scaled(a, x) == scaled(b, y));
        let whole = scaled(a, x) % 10i128.pow(20) == 0;
        prop_assert_eq!(left.is_integer(), whole);
        let value = u64::try_from(scaled(a, x) / 10i128.pow(20)).ok().filter(|_| whole);
        prop_assert_eq!(left.to_u64(), value);
    }

    #[test]
    fn a_moved_point_does_not_change_a_number(digits in "[1-9][0-9]{0,30}", shift in 0..31usize, exponent in "[0-9]{1,40}", minus: bool) {
        let shift = shift.min(digits.len());
        let sign = if minus { "-" } else { "" };
        let (front, back) = digits.split_at(digits.len() - shift);
        let front = if front.is_empty() { "0" } else { front };
        let back = if back.is_empty() { "0" } else { back };
        // digits e E = front.back e (E + shift)
        let moved = plus(&exponent, shift);
        let a = number(&format!("{digits}e{exponent}"));
        let b = number(&format!("{front}.{back}e{moved}"));
        prop_assert_eq!(a.cmp_value(&b), Ordering::Equal);
        let further = number(&format!("{front}.{back}1e{moved}"));
        prop_assert_eq!(a.cmp_value(&further), Ordering::Less);
        // And below one: 0.00…digits e-E.
        let a = number(&format!("{sign}{digits}e-{moved}"));
        let b = number(&format!("{sign}{digits}{}e-{}", "0".repeat(7), plus(&moved, 7)));
        prop_assert_eq!(a.cmp_value(&b), Ordering::Equal);
        let tenth = number(&format!("{sign}{digits}e-{}", plus(&moved, 1)));
        prop_assert_eq!(a.cmp_value(&tenth), if minus { Ordering::Less } else { Ordering::Greater });
    }

    #[test]
    fn what_is_printed_parses_to_the_same_tree(text in generate::value()) {
        let tree = json(&text);
        let printed = json(&tree.to_string());
        prop_assert_eq!(&printed, &tree);
        prop_assert!(printed.same_as(&tree));
    }

    #[test]
    fn members_in_any_order_mean_the_same(
        members in proptest::collection::btree_map(generate::characters(), generate::value(), 0..6), seed: u64,
    ) {
        let spelled: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let mut tree = json(&format!("{{{}}}", spelled.join(",")));
        let copy = tree.clone();
        // Different spellings can be one name: then the order counts.
        let names: std::collections::HashSet<_> = copy.as_object().unwrap().iter().map(|(name, _)| name.clone()).collect();
        if let (Json::Object(members), true) = (&mut tree, names.len() == members.len()) {
            fastrand::Rng::with_seed(seed).shuffle(members);
        }
        prop_assert!(tree.same_as(&copy));
    }

    #[test]
    fn code_points_survive_printing_and_parsing(points in proptest::collection::vec(prop_oneof![0..0x110000u32, 0xd700..0xe100u32, 0..0x80u32], 0..12)) {
        let text = Text::from_code_points(points.iter().copied());
        let Json::String(parsed) = json(&text.to_string()) else { panic!() };
        prop_assert_eq!(&parsed, &text);
        prop_assert_eq!(text.as_str().is_some(), text.code_points().all(|point| char::from_u32(point).is_some()));
        // Pairs count as one, all else is kept: spelled out in UTF-16, nothing is lost.
        let units = |points: &mut dyn Iterator<Item = u32>| points.flat_map(|point| match char::from_u32(point) {
            Some(char) => char.encode_utf16(&mut [0; 2]).to_vec(),
            None => vec![point as u16],
        }).collect::<Vec<_>>();
        prop_assert_eq!(units(&mut text.code_points()), units(&mut points.iter().copied()));
    }
}

/// A decimal plus a small number, the way it is done on paper.
fn plus(decimal: &str, small: usize) -> String {
    let mut carry = small as u32;
    let mut digits: Vec<u32> = decimal.bytes().map(|byte| u32::from(byte - b'0')).collect();
    for digit in digits.iter_mut().rev() {
        let sum = *digit + carry;
        (*digit, carry) = (sum % 10, sum / 10);
    }
    let rest: String = digits
        .into_iter()
        .map(|digit| char::from(b'0' + digit as u8))
        .collect();
    format!("{carry}{rest}")
}
