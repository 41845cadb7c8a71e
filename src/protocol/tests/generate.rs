//! Strategies: JSON texts in every spelling, packets, and what becomes of them when bytes change.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Failures print their shrunk input; no file keeps them, a test of its own does.
pub(super) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Blanks, mostly none.
pub(super) fn blanks() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(String::new()), 1 => "[ \t\r\n]{1,3}"]
}

/// A JSON number, small or beyond everything.
pub(super) fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,3})",
        "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,4})?",
        "-?(0|[1-9][0-9]?)(\\.0{1,3})?([eE][+-]?0{0,2}[0-9]{1,25})?",
    ]
}

/// What stands between the quotes of a string: characters, escapes, halves of pairs.
pub(super) fn characters() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9 _/']{1,12}",
        2 => any::<char>().prop_map(|char| serde_json::to_string(&char.to_string()).unwrap().trim_matches('"').to_owned())
            .prop_filter("an escaped quote loses its backslash", |spelled| !spelled.ends_with('\\') || spelled == r"\\"),
        1 => r#"\\["\\/bfnrt]"#,
        1 => r"\\u[0-9a-fA-F]{4}",
        1 => r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9A-F]{2}",
        1 => "[é-ü€-ⅿ𐀀-𐀟]{1,9}",
    ];
    vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

fn quoted() -> impl Strategy<Value = String> {
    characters().prop_map(|characters| format!("\"{characters}\""))
}

/// Any JSON value in any spelling.
pub(super) fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        number(),
        quoted(),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            (vec((blanks(), inner.clone(), blanks()), 0..5)).prop_map(|items| {
                let items: Vec<_> = items
                    .into_iter()
                    .map(|(a, item, b)| format!("{a}{item}{b}"))
                    .collect();
                format!("[{}]", items.join(","))
            }),
            vec((blanks(), quoted(), blanks(), inner), 0..5).prop_map(|members| {
                let members: Vec<_> = members
                    .into_iter()
                    .map(|(a, name, b, value)| format!("{a}{name}{b}:{b}{value}{a}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// A text that is often a packet and always close to one: the members of packets, with right and
/// wrong values, some twice, some with escaped names, in any order.
pub(super) fn near_packet() -> impl Strategy<Value = String> {
    let op = prop_oneof![
        8 => "[0-6]",
        1 => select(vec!["2.0", "2e0", "20e-1", "-0", "0.0e9", "4E0", "400e-2", "7", "-1", "1.5", "1e999", "1e-999", "null", "\"2\"", "[2]", "true"])
            .prop_map(str::to_owned),
    ];
    let interval = prop_oneof![
        4 => "[1-9][0-9]{0,6}",
        1 => select(vec!["0", "-5", "1.5", "1e3", "1.0", "18446744073709551615", "18446744073709551616", "1e400", "\"10\"", "null", "0e9"])
            .prop_map(str::to_owned),
    ];
    let list = vec(value(), 0..3).prop_map(|items| format!("[{}]", items.join(",")));
    let member = prop_oneof![
        4 => op.prop_map(|value| ("op", value)),
        2 => quoted().prop_map(|value| ("w", value)),
        2 => list.prop_map(|value| ("a", value)),
        3 => value().prop_map(|value| ("n", value)),
        2 => value().prop_map(|value| ("r", value)),
        1 => quoted().prop_map(|value| ("password", value)),
        1 => interval.prop_map(|value| ("hb_interval", value)),
        1 => (select(vec!["w", "a", "password", "hb_interval", "OP", "", "x", "nn", "opp"]), value()),
    ];
    let spelled =
        (member, 0..6u32, blanks(), blanks()).prop_map(|((name, value), escape, a, b)| {
            let name: String = match escape {
                0 => name
                    .chars()
                    .map(|char| format!("\\u{:04x}", u32::from(char)))
                    .collect(),
                1 if !name.is_empty() => format!("\\u{:04X}{}", name.as_bytes()[0], &name[1..]),
                _ => name.to_owned(),
            };
            format!("{a}\"{name}\"{b}:{a}{value}{b}")
        });
    (blanks(), vec(spelled, 0..7))
        .prop_map(|(around, members)| format!("{around}{{{}}}{around}", members.join(",")))
}

/// One change of a text.
#[derive(Clone, Debug)]
enum Change {
    Cut(usize, usize),
    Double(usize, usize),
    Replace(usize, u8),
    Insert(usize, Vec<u8>),
    End(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let tokens = vec![
        &b"{"[..],
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\\",
        b"null",
        b"nul",
        b"true",
        b"0",
        b"-",
        b".",
        b"e",
        b"+",
        b"01",
        b"1.",
        b"NaN",
        b"'",
        b"//",
        b"/**/",
        b"\\u",
        b"\\ud800",
        b"\\x",
        b"\0",
        b"\x1f",
        b"\x7f",
        b"\n",
        b"\xc3",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xef\xbb\xbf",
        b"\xe2\x80\xa8",
        b"\xff",
        b"\"op\":2",
    ];
    let place = any::<proptest::sample::Index>().prop_map(|index| index.index(1 << 16));
    prop_oneof![
        (place.clone(), 1..9usize).prop_map(|(at, length)| Change::Cut(at, length)),
        (place.clone(), 1..9usize).prop_map(|(at, length)| Change::Double(at, length)),
        (place.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (place.clone(), select(tokens)).prop_map(|(at, token)| Change::Insert(at, token.to_vec())),
        place.prop_map(Change::End),
    ]
}

/// A text after some changes.
pub(super) fn changed(text: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<u8>> {
    (text, vec(change(), 1..4)).prop_map(|(text, changes)| {
        let mut bytes = text.into_bytes();
        for change in changes {
            let size = bytes.len();
            let within = |at: usize| at % (size + 1);
            let stretch = |at: usize, length: usize| within(at)..(within(at) + length).min(size);
            match change {
                Change::Cut(at, length) => drop(bytes.drain(stretch(at, length))),
                Change::Double(at, length) => {
                    let copy = bytes[stretch(at, length)].to_vec();
                    bytes.splice(within(at)..within(at), copy);
                }
                Change::Replace(at, byte) => {
                    if let Some(old) = bytes.get_mut(within(at)) {
                        *old = byte;
                    }
                }
                Change::Insert(at, token) => drop(bytes.splice(within(at)..within(at), token)),
                Change::End(at) => bytes.truncate(within(at)),
            }
        }
        bytes
    })
}

/// Tokens in a row, most of them in the wrong place.
pub(super) fn tokens() -> impl Strategy<Value = Vec<u8>> {
    let token = select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"op\"",
        "\"n\"",
        "\"\"",
        "2",
        "-0",
        "1e5",
        "0.",
        "null",
        "true",
        "false",
        "tru",
        " ",
        "\t",
        "\"\\u00",
        "\"\\ud800\"",
        "é",
        "\u{feff}",
        "\\",
    ]);
    vec(token, 0..24).prop_map(|tokens| tokens.concat().into_bytes())
}
