//! A tree against serde_json, value by value while serde_json reads: no second tree is built.

use std::fmt;

use litespec::protocol::json::{Json, Number, Text};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Whether serde_json reads values out of a text. They are the tree's.
pub(super) fn values(text: &str, tree: &Json) -> bool {
    let mut reader = serde_json::Deserializer::from_str(text);
    Same(tree).deserialize(&mut reader).is_ok() && reader.end().is_ok()
}

/// Whether a tree holds what serde_json has no values for: numbers beyond a double, lone surrogates,
/// depth. The policy calls it JSON all the same.
pub(super) fn beyond_values(tree: &Json, depth: u32) -> bool {
    if depth > 127 {
        return true;
    }
    match tree {
        Json::Null | Json::Bool(_) => false,
        // serde_json rounds a little differently, so at the very end of the range either may be right.
        Json::Number(number) => number.to_f64().abs() > 1e308,
        Json::String(text) => text.as_str().is_none(),
        Json::Array(items) => items.iter().any(|item| beyond_values(item, depth + 1)),
        Json::Object(members) => members
            .iter()
            .any(|(name, value)| name.as_str().is_none() || beyond_values(value, depth + 1)),
    }
}

struct Same<'j>(&'j Json);

impl<'de> DeserializeSeed<'de> for Same<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl Same<'_> {
    #[track_caller]
    fn number(&self, is: impl FnOnce(&Number) -> bool) {
        let number = self.0.as_number();
        assert!(number.is_some_and(is), "serde_json reads another number");
    }
}

impl<'de> Visitor<'de> for Same<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the same value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        assert!(self.0.is_null(), "serde_json reads null");
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        assert_eq!(self.0.as_bool(), Some(value));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.number(|number| number.to_u64() == Some(value));
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.number(|number| number.spelling().parse() == Ok(value));
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        // Without its feature `float_roundtrip`, serde_json is off by a last digit or two.
        const LAST: u64 = 4;
        self.number(|number| {
            let ours = number.to_f64();
            let (a, b) = (ours.abs().to_bits(), value.abs().to_bits());
            a.abs_diff(b) <= LAST && ours.is_sign_negative() == value.is_sign_negative()
        });
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        let text = self.0.as_text();
        assert!(
            text.is_some_and(|text| *text == *value),
            "serde_json reads another string"
        );
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let ours = self.0.as_array().expect("serde_json reads a list");
        for item in ours {
            if items.next_element_seed(Same(item))?.is_none() {
                panic!("serde_json reads a shorter list");
            }
        }
        let more = items.next_element::<serde::de::IgnoredAny>()?;
        assert!(more.is_none(), "serde_json reads a longer list");
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let ours = self.0.as_object().expect("serde_json reads an object");
        for (name, value) in ours {
            if members.next_key_seed(Name(name))?.is_none() {
                panic!("serde_json reads fewer members");
            }
            members.next_value_seed(Same(value))?;
        }
        let more = members.next_key::<serde::de::IgnoredAny>()?;
        assert!(more.is_none(), "serde_json reads more members");
        Ok(())
    }
}

struct Name<'j>(&'j Text);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the same name")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        assert!(*self.0 == *value, "serde_json reads another name");
        Ok(())
    }
}
