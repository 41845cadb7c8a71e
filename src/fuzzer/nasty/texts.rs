//! Nasty text: what is no UTF-8, what is no JSON, and JSON that libraries read differently.

use super::{Bend, Class, hex, text};

pub(super) fn all() -> Vec<Bend> {
    let mut all = utf8();
    all.extend(json());
    all.extend(numbers());
    all.extend(deep_and_long());
    all
}

/// Bytes between two halves of a packet's string.
fn inside(what: &str, bytes: &[u8]) -> Bend {
    let send = format!(
        "text \"{{\\\"op\\\":2,\\\"x\\\":\\\"\" {} \"\\\"}}\"",
        hex(bytes)
    );
    Bend::new(Class::Utf8, what, &[&send])
}

fn utf8() -> Vec<Bend> {
    vec![
        inside("an overlong NUL", &[0xc0, 0x80]),
        inside("an encoded surrogate", &[0xed, 0xa0, 0x80]),
        inside("a code point beyond the last", &[0xf4, 0x90, 0x80, 0x80]),
        inside("a five-byte form", &[0xf8, 0x88, 0x80, 0x80, 0x80]),
        inside("a six-byte form", &[0xfc, 0x84, 0x80, 0x80, 0x80, 0x80]),
        inside("a lone continuation byte", &[0x80]),
        inside("the byte ff", &[0xff]),
        Bend::new(
            Class::Utf8,
            "a character that is cut off",
            &["text 0xe2 0x82"],
        ),
        Bend::new(Class::Utf8, "nothing but ff", &["text 0xff"]),
        Bend::new(
            Class::Utf8,
            "bad bytes in a middle fragment",
            &["fragments \"{\\\"op\\\":2,\\\"x\\\":\\\"\" 0xf4908080 \"\\\"}\""],
        ),
        Bend::new(
            Class::Utf8,
            "UTF-16",
            &["text 0xfeff007b0022006f00700022003a0032007d"],
        ),
        Bend::new(
            Class::Utf8,
            "a byte order mark",
            &["text 0xefbbbf \"{\\\"op\\\":2}\""],
        ),
    ]
}

fn json() -> Vec<Bend> {
    let texts = [
        ("white space only", " \n\t "),
        ("an open brace", "{"),
        ("half a packet", "{\"op\":"),
        ("a packet without its brace", "{\"op\":2"),
        ("a brace too many", "{\"op\":2}}"),
        ("two documents", "{\"op\":2}{\"op\":2}"),
        ("trailing garbage", "{\"op\":2} x"),
        ("a trailing comma", "{\"op\":2,}"),
        ("a comment", "{\"op\":2/**/}"),
        ("single quotes", "{'op':2}"),
        ("a name without quotes", "{op:2}"),
        ("NaN", "{\"op\":NaN}"),
        ("Infinity", "{\"op\":2,\"x\":-Infinity}"),
        ("a hexadecimal number", "{\"op\":0x2}"),
        ("a plus sign", "{\"op\":+2}"),
        ("a leading zero", "{\"op\":02}"),
        ("a number that ends in a point", "{\"op\":2.}"),
        ("a number that begins with a point", "{\"op\":2,\"x\":.5}"),
        ("an unknown escape", "{\"op\":2,\"x\":\"\\x41\"}"),
        ("a capital escape", "{\"op\":2,\"x\":\"\\U00000041\"}"),
        ("an escape that is cut off", "{\"op\":2,\"x\":\"\\u12\"}"),
        ("a raw control character", "{\"op\":2,\"x\":\"\u{1}\"}"),
        ("a NUL", "\u{0}"),
        ("a NUL behind a packet", "{\"op\":2}\u{0}"),
        ("a lone surrogate", "{\"op\":2,\"x\":\"\\ud800\"}"),
        (
            "an inverted pair of surrogates",
            "{\"op\":2,\"x\":\"\\udc00\\ud800\"}",
        ),
        ("a lone surrogate as a name", "{\"op\":2,\"\\udfff\":1}"),
        ("the same op twice", "{\"op\":2,\"op\":2}"),
        ("two ops in conflict", "{\"op\":2,\"op\":4}"),
        ("two ops, one escaped", "{\"op\":2,\"\\u006f\\u0070\":4}"),
        ("a colon too many", "{\"op\"::2}"),
        ("words that are no JSON", "hello"),
        ("capital literals", "{\"op\":2,\"x\":True}"),
        ("a string that does not end", "{\"op\":2,\"x\":\"abc"),
    ];
    texts
        .into_iter()
        .map(|(what, json)| Bend::new(Class::Json, what, &[&text(json)]))
        .collect()
}

fn numbers() -> Vec<Bend> {
    let member = |what: &str, number: &str| {
        let send = text(&format!("{{\"op\":2,\"x\":{number}}}"));
        Bend::new(Class::Json, what, &[&send])
    };
    let mut all = vec![
        member("a number beyond the double range", "1e999"),
        member("a number far below zero", "-1e999"),
        member("a number too small for doubles", "1e-999"),
        member("2^64", "18446744073709551616"),
        member("-2^63 - 1", "-9223372036854775809"),
        member("minus zero", "-0"),
    ];
    let long = |what: &str, before: &str, after: &str| {
        let send = format!(
            "text {} \"9\" * 10000 {}",
            super::quoted(before),
            super::quoted(after)
        );
        Bend::new(Class::Json, what, &[&send])
    };
    all.push(long(
        "a number of ten thousand digits",
        "{\"op\":2,\"x\":",
        "}",
    ));
    all.push(long(
        "an exponent of ten thousand digits",
        "{\"op\":2,\"x\":1e",
        "}",
    ));
    all
}

fn deep_and_long() -> Vec<Bend> {
    let nested = |what: &str, depth: usize| {
        let send =
            format!("text \"{{\\\"op\\\":2,\\\"x\\\":\" \"[\" * {depth} \"]\" * {depth} \"}}\"");
        Bend::new(Class::Size, what, &[&send])
    };
    let string = |what: &str, length: usize| {
        let send = format!("text \"{{\\\"op\\\":2,\\\"x\\\":\\\"\" \"a\" * {length} \"\\\"}}\"");
        Bend::new(Class::Size, what, &[&send])
    };
    vec![
        nested("lists a hundred deep", 100),
        nested("lists a thousand deep", 1000),
        nested("lists ten thousand deep", 10_000),
        nested("lists a hundred thousand deep", 100_000).heavy(),
        Bend::new(
            Class::Size,
            "brackets that never close",
            &["text \"[\" * 100000"],
        )
        .heavy(),
        Bend::new(
            Class::Size,
            "objects a thousand deep",
            &["text \"{\\\"a\\\":\" * 1000 \"1\" \"}\" * 1000"],
        ),
        string("a string of 64 KiB", 65_536),
        string("a string of a megabyte", 1 << 20).heavy(),
        string("a string of four megabytes", 4 << 20).heavy(),
        Bend::new(
            Class::Size,
            "a list of a hundred thousand values",
            &["text \"{\\\"op\\\":2,\\\"x\\\":[0\" \",0\" * 100000 \"]}\""],
        )
        .heavy(),
        Bend::new(
            Class::Size,
            "no JSON, of a megabyte",
            &["text \"x\" * 1048576"],
        )
        .heavy(),
        Bend::new(
            Class::Size,
            "a binary message of a megabyte",
            &["binary 0x00 * 1048576"],
        )
        .heavy(),
    ]
}
