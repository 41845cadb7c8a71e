//! JSON values that are nonces: each is plain, so that it must come back equal.

/// A value as it is spelled, and the family of mistakes it is meant for.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// JSON text.
    pub text: String,
    /// The family.
    pub family: Family,
}

/// What implementers get wrong about a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Nothing: any string or small number.
    Simple,
    /// False in some languages.
    Falsy,
    /// Numbers: width, sign, precision, type.
    Number,
    /// Strings: trimmed, cut, normalised, escaped.
    Text,
    /// Lists and objects.
    Composite,
    /// Long ones.
    Long,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 6] = [
        Family::Simple,
        Family::Falsy,
        Family::Number,
        Family::Text,
        Family::Composite,
        Family::Long,
    ];

    /// The family in a word.
    pub fn word(self) -> &'static str {
        match self {
            Family::Simple => "simple",
            Family::Falsy => "falsy",
            Family::Number => "number",
            Family::Text => "text",
            Family::Composite => "composite",
            Family::Long => "long",
        }
    }

    fn known(self) -> &'static [&'static str] {
        match self {
            Family::Simple => &["\"n\"", "1", "7", "\"first\""],
            Family::Falsy => &["0", "\"\"", "false", "null", "[]", "{}", "\"0\"", "0.0"],
            Family::Number => NUMBERS,
            Family::Text => TEXTS,
            Family::Composite => COMPOSITES,
            Family::Long => &[],
        }
    }
}

const NUMBERS: &[&str] = &[
    "-1",
    "1.5",
    "-1.5",
    "0.1",
    "1.0",
    "1e2",
    "1E+2",
    "255",
    "256",
    "-128",
    "65536",
    "2147483647",
    "2147483648",
    "-2147483649",
    "4294967296",
    "16777217",
    "9007199254740991",
    "9007199254740992",
    "-9007199254740991",
    "123456789012",
    "1234567.891",
    "3.141592653589793",
    "1e21",
    "1e-7",
    "1.7976931348623157e308",
    "5e-324",
    "true",
    "false",
];

const TEXTS: &[&str] = &[
    "\" \"",
    "\" x\"",
    "\"x \"",
    "\"\\t\"",
    "\"\\n\"",
    "\"\\u0000\"",
    "\"a\\u0000b\"",
    "\"1\"",
    "\"01\"",
    "\"1.0\"",
    "\"1e3\"",
    "\"-5\"",
    "\"true\"",
    "\"null\"",
    "\"ABC\"",
    "\"\\\\\"",
    "\"\\\"\"",
    "\"/\"",
    "\"\\/\"",
    "\"\\u2028\"",
    "\"\\u007f\"",
    "\"<b>&amp;</b>\"",
    "\"%s %d %n\"",
    "\"{}\"",
    "\"[1]\"",
    "\"e\\u0301\"",
    "\"\\u00e9\"",
    "\"Gr\u{fc}\u{df}e\"",
    "\"\u{1f600}\"",
    "\"\\ud83d\\ude00\"",
    "\"\u{65e5}\u{672c}\"",
    "\"\\ufeff\"",
    "\"\\uffff\"",
    "\"__proto__\"",
    "\"constructor\"",
    "\"a,b\"",
    "\"a:b\"",
    "\"'\"",
    "\"\\u001b[0m\"",
    "\"2026-11-23T10:00:00.000Z\"",
    "\"2026-11-23\"",
    "\"10:00\"",
    "\"100%\"",
    "\"%d\"",
];

const COMPOSITES: &[&str] = &[
    "[null]",
    "[0]",
    "[[]]",
    "[[1],[2,[3]]]",
    "[1,2,3]",
    "[{}]",
    "{\"a\":null}",
    "{\"a\":1}",
    "{\"b\":1,\"a\":2}",
    "{\"op\":4,\"n\":{}}",
    "{\"\":0}",
    "{\"n\":null,\"r\":1}",
    "{\"__proto__\":1}",
    "{\"constructor\":{\"prototype\":1}}",
    "{\"1\":1,\"01\":2}",
    "{\"toString\":1}",
    "{\"a\":{\"b\":{\"c\":{\"d\":[1,[2]]}}}}",
    "[\"\",false,null,0]",
    "{\"A\":1,\"a\":2}",
    "{\"$serde_json::private::Number\":\"1\"}",
    "[[[[[[[[[[1]]]]]]]]]]",
];

impl Value {
    /// A number as it is: those from 1 on are written as the turns of a `repeat`.
    pub fn numbered(at: u64) -> Value {
        Value {
            text: at.to_string(),
            family: Family::Simple,
        }
    }

    /// A value that nobody gets wrong, different for each number.
    pub fn simple(number: u64) -> Value {
        Value {
            text: format!("\"n{number}\""),
            family: Family::Simple,
        }
    }

    /// A number that is whole, small, and spelled in another way, as everybody spells it; zero for minus
    /// zero.
    pub fn plainly_spelled(&self) -> Option<Value> {
        let number: f64 = self.text.parse().ok()?;
        let whole = number.fract() == 0.0 && number.abs() < 1e9;
        let text = format!("{:.0}", number + 0.0);
        let family = self.family;
        (whole && text != self.text).then_some(Value { text, family })
    }

    /// A value of this family.
    pub fn of(family: Family, rng: &mut fastrand::Rng) -> Value {
        if family == Family::Long {
            return long(rng);
        }
        let known = family.known();
        let text = if family > Family::Falsy && rng.u8(..4) == 0 {
            made_up(family, rng)
        } else {
            known[rng.usize(..known.len())].to_owned()
        };
        Value { text, family }
    }
}

/// A long string. How long a message may be is open, so that none is longer than a few kilobytes; what it
/// holds is no secret of anybody's.
fn long(rng: &mut fastrand::Rng) -> Value {
    const LENGTHS: [usize; 9] = [33, 64, 65, 127, 128, 129, 255, 256, 1024];
    let length = LENGTHS[rng.usize(..LENGTHS.len())];
    let letter = ["x", "\u{e4}", "0"][rng.usize(..3)];
    Value {
        text: format!("\"{}\"", letter.repeat(length / letter.len())),
        family: Family::Long,
    }
}

fn made_up(family: Family, rng: &mut fastrand::Rng) -> String {
    match family {
        Family::Number => match rng.u8(..4) {
            0 => rng.i32(..).to_string(),
            1 => (rng.i64(..) >> rng.u32(11..63)).to_string(),
            2 => format!("{}.{}", rng.i16(..), rng.u16(1..)),
            _ => format!("{}e{}", rng.i8(1..), rng.i8(-99..100)),
        },
        Family::Composite => composite(rng, 3),
        _ => {
            let length = rng.usize(1..20);
            let letters: String = (0..length).map(|_| spelled(letter(rng))).collect();
            format!("\"{letters}\"")
        }
    }
}

/// A character in a JSON string: as it is where people can read it, else escaped.
fn spelled(letter: char) -> String {
    let plain = letter.is_ascii_graphic() && !matches!(letter, '"' | '\\');
    if plain || letter == ' ' || letter.is_alphanumeric() {
        return letter.to_string();
    }
    let mut units = [0; 2];
    let units = letter.encode_utf16(&mut units);
    units.iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

fn letter(rng: &mut fastrand::Rng) -> char {
    match rng.u8(..6) {
        0 => char::from(rng.u8(..0x20)),
        1 => rng.char('\u{80}'..'\u{800}'),
        2 => rng.char('\u{800}'..),
        _ => char::from(rng.u8(0x20..0x7f)),
    }
}

fn composite(rng: &mut fastrand::Rng, depth: u32) -> String {
    let count = rng.usize(..4);
    let item = |rng: &mut fastrand::Rng| match rng.u8(..5) {
        0 if depth > 0 => composite(rng, depth - 1),
        1 => "null".to_owned(),
        2 => rng.bool().to_string(),
        3 => rng.i16(..).to_string(),
        _ => format!("\"{}\"", rng.alphanumeric()),
    };
    if rng.bool() {
        let items: Vec<_> = (0..count).map(|_| item(rng)).collect();
        return format!("[{}]", items.join(","));
    }
    // Names differ by their number: a repeated one is open.
    let members: Vec<_> = (0..count)
        .map(|at| format!("\"{}{at}\":{}", rng.alphabetic(), item(rng)))
        .collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::json::Json;

    #[test]
    fn every_value_is_json_within_the_double_range() {
        let mut rng = fastrand::Rng::with_seed(1);
        for family in Family::ALL {
            for _ in 0..500 {
                let value = Value::of(family, &mut rng);
                let json = Json::parse(value.text.as_bytes());
                let json = json.unwrap_or_else(|error| panic!("{}: {error}", value.text));
                let finite = json.as_number().is_none_or(|n| n.to_f64().is_finite());
                assert!(finite, "{}", value.text);
            }
        }
    }

    #[test]
    fn whole_numbers_have_one_plain_spelling() {
        let plain = |text: &str| {
            let (text, family) = (text.to_owned(), Family::Number);
            let value = Value { text, family };
            value.plainly_spelled().map(|value| value.text)
        };
        assert_eq!(plain("0.0").as_deref(), Some("0"));
        assert_eq!(plain("-0.0").as_deref(), Some("0"));
        assert_eq!(plain("1E2").as_deref(), Some("100"));
        for text in ["0", "100", "1.5", "1e300", "\"1.0\"", "[1.0]", "null"] {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    #[test]
    fn simple_values_differ_by_their_number() {
        assert_ne!(Value::simple(1), Value::simple(2));
    }
}
