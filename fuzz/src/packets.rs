//! Lines of scenarios to mutate with: packets that are right, nearly right and nasty, and everything
//! else that a peer can do.

use fastrand::Rng;
use litespec::scenario::syntax::Role;

/// Spellings of `op`: right ones, unusual ones, wrong ones.
const OPS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "2.0",
    "2e0",
    "40e-1",
    "-1",
    "-0",
    "\"4\"",
    "4.5",
    "null",
    "[]",
    "1e400",
    "18446744073709551616",
    "4.00000000000000000000000001",
];
const PASSWORDS: &[&str] = &[
    "\"helloworld\"",
    "\"${password}\"",
    "$password",
    r#""\u0068elloworld""#,
    "\"\"",
    "\"helloworl\"",
    "\"helloworld \"",
    "\"Helloworld\"",
    r#""helloworld\u0000""#,
    r#""\ud800""#,
    "1",
    "null",
];
const INTERVALS: &[&str] = &[
    "1000",
    "1",
    "2",
    "600",
    "250",
    "10000",
    "1e3",
    "1000.0",
    "0",
    "-1",
    "1.5",
    "1e400",
    "null",
    "\"1000\"",
    "18446744073709551615",
    "18446744073709551616",
    "4294967296",
    "31536000000",
];
const WS: &[&str] = &[
    "\"ECHO\"",
    "\"NULL\"",
    "\"LATE\"",
    "\"ASK\"",
    "\"FORGET\"",
    "\"\"",
    r#""\ud800""#,
    "\"NOBODY\"",
    r#""\u0045CHO""#,
    "1",
    "null",
];
const LISTS: &[&str] = &[
    "[]",
    "[1]",
    "[0]",
    "[50]",
    "[999]",
    "[1000]",
    "[1250]",
    "[60000]",
    "[[[]]]",
    "[1.0, 1e400]",
    "[\"a\", {\"op\": 2}]",
    "[null, null]",
    "{}",
    "null",
    "\"[]\"",
];
const NONCES: &[&str] = &[
    "1",
    "2",
    "3",
    "1.0",
    "10e-1",
    "\"1\"",
    "0",
    "-0",
    "null",
    "true",
    "\"\"",
    "[]",
    "{}",
    "[1]",
    "{\"a\": 1, \"b\": 2}",
    "{\"b\": 2, \"a\": 1}",
    "{\"a\": 0, \"a\": 1}",
    "9007199254740993",
    "9007199254740992",
    "1e400",
    "1e401",
    "1e-999",
    r#""\ud83d\ude00""#,
    r#""\ud800""#,
    "\"é\"",
    "$n",
    "$m",
    "1.00000000000000000000000000000001",
    "18446744073709551616",
    "\"${n}\"",
];
const TIMES: &[&str] = &[
    "0ms",
    "1ms",
    "200ms",
    "0.25hb",
    "0.5hb",
    "0.9hb",
    "0.999hb",
    "1hb",
    "1.001hb",
    "1.249hb",
    "1.25hb",
    "1.26hb",
    "2hb",
    "4hb+grace",
    "1s",
    "9.999s",
    "10s",
    "25s",
    "60s",
    "1000hb",
];
/// What is no packet, in quotes as the language has them.
const TEXTS: &[&str] = &[
    r#""""#,
    r#""null""#,
    r#""[]""#,
    r#""{}""#,
    r#""{\"op\":""#,
    r#""{\"op\": 4}""#,
    r#""{\"op\": 2,}""#,
    r#""{\"op\": 2} ""#,
    r#""{\"op\": 2}x""#,
    r#""\ufeff{\"op\": 2}""#,
    r#""{\"op\": 4, \"w\": \"ECHO\", \"a\": ["  "[" * 300"#,
    r#""{\"op\": 4, \"w\": \"ECHO\", \"a\": [" "0," * 100 "0], \"n\": 1}""#,
    "0xff",
    r#""{\"op\": 2, \"x\": \"" 0xeda080 "\"}""#,
];

fn one(rng: &mut Rng, of: &[&str]) -> String {
    of[rng.usize(..of.len())].to_owned()
}

/// Mostly what fits, now and then anything.
fn mostly(rng: &mut Rng, fits: &str, of: &[&str]) -> String {
    if rng.u8(..4) == 0 {
        one(rng, of)
    } else {
        fits.to_owned()
    }
}

/// A packet, right in most of its parts.
pub fn packet(rng: &mut Rng) -> String {
    let kind = rng.usize(..8);
    let mut members = vec![("op", mostly(rng, OPS[kind], OPS))];
    match kind {
        0 => members.push(("hb_interval", one(rng, INTERVALS))),
        1 => members.push(("password", mostly(rng, "\"helloworld\"", PASSWORDS))),
        4 | 6 => {
            let known = if rng.bool() { 5 } else { WS.len() };
            members.push(("w", one(rng, &WS[..known])));
            let fits = LISTS[rng.usize(..8)];
            members.push(("a", mostly(rng, fits, LISTS)));
            if kind == 4 {
                members.push(("n", one(rng, NONCES)));
            }
        }
        5 => {
            members.push(("n", one(rng, NONCES)));
            members.push(("r", one(rng, NONCES)));
        }
        _ => {}
    }
    match rng.u8(..16) {
        // One that is missing, doubled, spelled otherwise, or strange.
        0 => drop(members.remove(rng.usize(..members.len()))),
        1 => {
            let again = members[rng.usize(..members.len())].0;
            members.push((again, one(rng, NONCES)));
        }
        2 => members[0].0 = r"\u006fp",
        3 => members.insert(0, ("__proto__", one(rng, NONCES))),
        _ => {}
    }
    if rng.u8(..8) == 0 {
        members.reverse();
    }
    let spelled: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("\"{name}\": {value}"))
        .collect();
    format!("{{{}}}", spelled.join(", "))
}

/// A length of time.
pub fn time(rng: &mut Rng) -> String {
    one(rng, TIMES)
}

/// A step, as it is written.
pub fn line(rng: &mut Rng, role: Role) -> String {
    let conn = ["", "", "", "b"][rng.usize(..4)];
    let prefix = if conn.is_empty() { "" } else { "b " };
    match rng.u8(..24) {
        0..=8 => format!("{conn}> {}", packet(rng)),
        9..=12 => format!("wait {}", time(rng)),
        13 => format!("{conn}> text {}", one(rng, TEXTS)),
        14 => format!("{prefix}use handshake{}", hello(rng, role)),
        15 => match rng.u8(..6) {
            0 => format!("{conn}> binary 0x00"),
            1 => format!("{conn}> close 1000"),
            2 => format!("{conn}> eof"),
            3 => format!("{conn}> reset"),
            _ => format!("{conn}> ping"),
        },
        16 => match role {
            Role::Server => "b connect".to_owned(),
            Role::Client => format!("{conn}< connects"),
        },
        17 => format!("{prefix}beat every {}", time(rng)),
        18 => format!("{prefix}beat off"),
        19 => format!("{conn}< close within ..{}", time(rng)),
        20 => format!("{conn}< nothing for {}", time(rng)),
        21 => format!(
            "{conn}< {{\"op\": 4, \"n\": {}}}",
            ["$n", "$m"][rng.usize(..2)]
        ),
        _ => match role {
            Role::Server => format!("{conn}> {}", packet(rng)),
            Role::Client => format!("driver> {}", order(rng)),
        },
    }
}

fn hello(rng: &mut Rng, role: Role) -> String {
    match role {
        Role::Client if rng.bool() => format!(" {{\"hb_interval\": {}}}", one(rng, INTERVALS)),
        _ => String::new(),
    }
}

/// What a user tells a client to do.
fn order(rng: &mut Rng) -> String {
    let what = ["request", "request", "request", "dispatch"][rng.usize(..4)];
    let (w, a) = (one(rng, &WS[..6]), one(rng, LISTS));
    let mut order = format!("{{\"do\": \"{what}\", \"id\": 1, \"w\": {w}, \"a\": {a}");
    if rng.u8(..3) == 0 {
        order += &format!(", \"n\": {}", one(rng, NONCES));
    }
    if rng.u8(..3) == 0 {
        let ms = [0, 1, 500, 1000, 60_000][rng.usize(..5)];
        order += &format!(", \"within_ms\": {ms}");
    }
    order + "}"
}
