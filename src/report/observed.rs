//! What a probe observed, in words, and without what changes from run to run.

use serde_json::Value;

/// `closed, 1002, after 0.3 ms` out of `{"what": "closed", "code": 1002, "after_ms": 0.3}`. As the
/// target had it: not yet escaped for where it is shown.
pub(super) fn words(observed: &Value) -> String {
    let Value::Object(members) = observed else {
        return observed.to_string();
    };
    let mut said: Vec<String> = Vec::new();
    for (name, value) in members {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match name.as_str() {
            "what" => said.insert(0, value),
            "code" => said.push(value),
            _ => match name.strip_suffix("_ms") {
                Some(name) => said.push(format!("{} {value} ms", name.replace('_', " "))),
                None => said.push(format!("{name} {value}")),
            },
        }
    }
    said.join(", ")
}

/// The same without times: members that end in `_ms` are left out.
pub(super) fn timeless(observed: &Value) -> Value {
    match observed {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .filter(|(name, _)| !name.ends_with("_ms"))
                .map(|(name, value)| (name.clone(), timeless(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_comes_first_and_times_have_their_unit() {
        let seen =
            json!({"after_ms": 0.3, "code": 4002, "op": 3, "then": "closed", "what": "answered"});
        assert_eq!(
            words(&seen),
            "answered, after 0.3 ms, 4002, op 3, then closed"
        );
        assert_eq!(words(&timeless(&seen)), "answered, 4002, op 3, then closed");
    }
}
