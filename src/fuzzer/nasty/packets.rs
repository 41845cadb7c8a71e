//! JSON that is no packet of the table, and packets that are right and come at the wrong time.

use super::{Bend, Class, text};

pub(super) fn all() -> Vec<Bend> {
    let mut all = shapes();
    all.extend(fields());
    all.extend(sequences());
    all
}

fn one(what: &str, packet: &str) -> Bend {
    Bend::new(Class::Packet, what, &[&text(packet)])
}

fn shapes() -> Vec<Bend> {
    vec![
        one("null", "null"),
        one("true", "true"),
        one("a number", "2"),
        one("a string", "\"op\""),
        one("an empty list", "[]"),
        one("a packet in a list", "[{\"op\":2}]"),
        one("an empty object", "{}"),
        one("no op", "{\"n\":1}"),
        one("an op of null", "{\"op\":null}"),
        one("an op that is a string", "{\"op\":\"2\"}"),
        one("an op that is a list", "{\"op\":[2]}"),
        one("an op that is an object", "{\"op\":{}}"),
        one("an op that is true", "{\"op\":true}"),
        one("an op with a fraction", "{\"op\":2.5}"),
        one("an op as a float", "{\"op\":2.0}"),
        one("an op with an exponent", "{\"op\":2e0}"),
        one("an op below zero", "{\"op\":-1}"),
        one("op 7", "{\"op\":7}"),
        one("op 255", "{\"op\":255}"),
        one("op 2^32", "{\"op\":4294967296}"),
        one("op 2^53 + 1", "{\"op\":9007199254740993}"),
        one("an op beyond the double range", "{\"op\":1e999}"),
        one("OP in capitals", "{\"OP\":2}"),
        one("a prototype", "{\"op\":2,\"__proto__\":{\"op\":4}}"),
        one(
            "a constructor",
            "{\"op\":2,\"constructor\":{\"prototype\":1}}",
        ),
        one(
            "a magic number",
            "{\"op\":{\"$serde_json::private::Number\":\"2\"}}",
        ),
        one("an empty name", "{\"op\":2,\"\":2}"),
        one("a name with a NUL", "{\"op\":2,\"\\u0000\":1}"),
        one("HELLO from a client", "{\"op\":0,\"hb_interval\":1000}"),
        one("HEARTBEAT_ACK from a client", "{\"op\":3}"),
        one("a heartbeat with members", "{\"op\":2,\"n\":1,\"d\":{}}"),
    ]
}

fn fields() -> Vec<Bend> {
    vec![
        one("a request of nothing", "{\"op\":4}"),
        one("a request without w", "{\"op\":4,\"a\":[],\"n\":1}"),
        one("a request without a", "{\"op\":4,\"w\":\"ANYTHING\",\"n\":1}"),
        one("a request without n", "{\"op\":4,\"w\":\"ANYTHING\",\"a\":[]}"),
        one("a request of nulls", "{\"op\":4,\"w\":null,\"a\":null,\"n\":null}"),
        one("a request whose w is a number", "{\"op\":4,\"w\":1,\"a\":[],\"n\":1}"),
        one("a request whose w is a list", "{\"op\":4,\"w\":[],\"a\":[],\"n\":1}"),
        one("a request whose w is an object", "{\"op\":4,\"w\":{},\"a\":[],\"n\":1}"),
        one("a request whose w is empty", "{\"op\":4,\"w\":\"\",\"a\":[],\"n\":1}"),
        one("a request whose a is an object", "{\"op\":4,\"w\":\"ANYTHING\",\"a\":{},\"n\":1}"),
        one("a request whose a is a string", "{\"op\":4,\"w\":\"ANYTHING\",\"a\":\"a\",\"n\":1}"),
        one("a request whose a is a number", "{\"op\":4,\"w\":\"ANYTHING\",\"a\":0,\"n\":1}"),
        one("a request for nobody's thing", "{\"op\":4,\"w\":\"no-such-thing\",\"a\":[1],\"n\":1}"),
        one("a request for __proto__", "{\"op\":4,\"w\":\"__proto__\",\"a\":[],\"n\":1}"),
        one("a request for constructor", "{\"op\":4,\"w\":\"constructor\",\"a\":[],\"n\":1}"),
        one("a request for toString", "{\"op\":4,\"w\":\"toString\",\"a\":[],\"n\":1}"),
        one("a request for __class__", "{\"op\":4,\"w\":\"__class__\",\"a\":[],\"n\":1}"),
        one("a request for hasOwnProperty", "{\"op\":4,\"w\":\"hasOwnProperty\",\"a\":[],\"n\":1}"),
        one("a nonce of 2^64", "{\"op\":4,\"w\":\"ANYTHING\",\"a\":[],\"n\":18446744073709551616}"),
        one("a nonce of 1e400", "{\"op\":4,\"w\":\"ANYTHING\",\"a\":[],\"n\":1e400}"),
        one("a nonce with a lone surrogate", "{\"op\":4,\"w\":\"ANYTHING\",\"a\":[],\"n\":\"\\ud800\"}"),
        one("a nonce with a name twice", "{\"op\":4,\"w\":\"ANYTHING\",\"a\":[],\"n\":{\"a\":1,\"a\":2}}"),
        one("a request with two nonces", "{\"op\":4,\"w\":\"ANYTHING\",\"a\":[],\"n\":1,\"n\":2}"),
        one("a dispatch of nothing", "{\"op\":6}"),
        one("a dispatch whose w is an object", "{\"op\":6,\"w\":{},\"a\":1}"),
        one("a dispatch without a", "{\"op\":6,\"w\":\"ANYTHING\"}"),
        one("a dispatch with a nonce", "{\"op\":6,\"w\":\"ANYTHING\",\"a\":[],\"n\":1}"),
        one("a dispatch of nulls", "{\"op\":6,\"w\":null,\"a\":null}"),
        one("HELLO_ACK of nothing", "{\"op\":1}"),
        one("a password of null", "{\"op\":1,\"password\":null}"),
        one("a password that is a list", "{\"op\":1,\"password\":[]}"),
        Bend::new(
            Class::Size,
            "a nonce of a megabyte",
            &["text \"{\\\"op\\\":4,\\\"w\\\":\\\"ANYTHING\\\",\\\"a\\\":[],\\\"n\\\":\\\"\" \"n\" * 1048576 \"\\\"}\""],
        )
        .heavy(),
        Bend::new(
            Class::Size,
            "a password of a megabyte",
            &["text \"{\\\"op\\\":1,\\\"password\\\":\\\"\" \"p\" * 1048576 \"\\\"}\""],
        )
        .heavy(),
        Bend::new(
            Class::Size,
            "a deep nonce",
            &["text \"{\\\"op\\\":4,\\\"w\\\":\\\"ANYTHING\\\",\\\"a\\\":[],\\\"n\\\":\" \"[\" * 5000 \"]\" * 5000 \"}\""],
        ),
    ]
}

fn sequences() -> Vec<Bend> {
    let request = "{\"op\": 4, \"w\": \"ANYTHING\", \"a\": [], \"n\": \"same\"}";
    vec![
        Bend::new(
            Class::Sequence,
            "a second HELLO_ACK",
            &["{\"op\": 1, \"password\": \"${password}\"}"],
        ),
        Bend::new(
            Class::Sequence,
            "a second HELLO_ACK with a wrong password",
            &["{\"op\": 1, \"password\": \"not-${password}\"}"],
        ),
        Bend::new(
            Class::Sequence,
            "one nonce twice in flight",
            &[request, request],
        ),
        Bend::new(
            Class::Sequence,
            "an answer that nobody asked for",
            &["{\"op\": 5, \"n\": \"same\", \"r\": null}"],
        ),
        Bend::new(
            Class::Sequence,
            "an answer to our own request",
            &[request, "{\"op\": 5, \"n\": \"same\", \"r\": 1}"],
        ),
        Bend::new(
            Class::Sequence,
            "a request and at once a close",
            &[request, "close 1000"],
        ),
        Bend::new(
            Class::Sequence,
            "a request and at once the end",
            &[request, "eof"],
        ),
        Bend::new(
            Class::Sequence,
            "a heartbeat behind a close",
            &["close 1000", "{\"op\": 2}"],
        ),
        Bend::new(
            Class::Size,
            "a flood of heartbeats",
            &["raw 0x818837fa213d4cd84e4d15c01340 * 3000"],
        )
        .heavy(),
    ]
}

/// A packet with a member bent at random, or a JSON text with an edit at random.
pub(super) fn made_up(class: Class, rng: &mut fastrand::Rng) -> Bend {
    const PACKETS: [&str; 6] = [
        "{\"op\":2}",
        "{\"op\":4,\"w\":\"ANYTHING\",\"a\":[1,\"x\"],\"n\":\"m\"}",
        "{\"op\":6,\"w\":\"ANYTHING\",\"a\":[]}",
        "{\"op\":5,\"n\":1,\"r\":null}",
        "{\"op\":3}",
        "{\"op\":7,\"x\":{\"y\":[]}}",
    ];
    let packet = PACKETS[rng.usize(..PACKETS.len())];
    let (what, made) = match class {
        Class::Json => ("a packet with a typing error", misspelt(packet, rng)),
        _ => ("a packet with a bent member", bent(packet, rng)),
    };
    Bend::new(class, what, &[&text(&made)])
}

/// One to three characters dropped, doubled or replaced.
fn misspelt(packet: &str, rng: &mut fastrand::Rng) -> String {
    let mut letters: Vec<char> = packet.chars().collect();
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..letters.len());
        match rng.u8(..3) {
            0 if letters.len() > 1 => {
                letters.remove(at);
            }
            1 => letters.insert(at, letters[at]),
            _ => letters[at] = char::from(rng.u8(0x20..0x7f)),
        }
    }
    letters.into_iter().collect()
}

/// One member gone, or with another value.
fn bent(packet: &str, rng: &mut fastrand::Rng) -> String {
    const VALUES: [&str; 12] = [
        "null", "true", "0", "-1", "1.5", "\"\"", "\"x\"", "[]", "{}", "[null]", "1e999", "\"2\"",
    ];
    let Ok(serde_json::Value::Object(members)) = serde_json::from_str(packet) else {
        return packet.to_owned();
    };
    let chosen = rng.usize(..members.len());
    let gone = rng.u8(..4) == 0;
    let written: Vec<String> = members
        .iter()
        .enumerate()
        .filter(|(at, _)| !(gone && *at == chosen))
        .map(|(at, (name, value))| {
            if at == chosen {
                format!("\"{name}\":{}", VALUES[rng.usize(..VALUES.len())])
            } else {
                format!("\"{name}\":{value}")
            }
        })
        .collect();
    format!("{{{}}}", written.join(","))
}
