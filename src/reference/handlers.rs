//! What the server answers to which `w`.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::error::JsonError;
use crate::protocol::json::Json;
use crate::protocol::packet::Raw;

/// `LATE` waits no longer than this, whatever it is asked for.
pub const LONGEST_LATE: Duration = Duration::from_secs(60);

/// How long `LATE` waits that is not told.
pub const DEFAULT_LATE: Duration = Duration::from_millis(200);

/// What a RESPONSE carries as `r`: the text of a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer(String);

impl Answer {
    /// `null`
    #[must_use]
    pub fn null() -> Answer {
        Answer("null".to_owned())
    }

    /// The JSON value of a text, which is sent as it is spelled.
    ///
    /// # Errors
    /// The text is not JSON, or nested too deep for a packet.
    pub fn parse(text: &str) -> Result<Answer, JsonError> {
        Ok(Answer(Raw::parse(text)?.as_str().to_owned()))
    }

    /// An object whose one member `error` is a message. The protocol has no errors of its own.
    #[must_use]
    pub fn error(message: &str) -> Answer {
        Answer(serde_json::json!({ "error": message }).to_string())
    }

    pub(super) fn raw(&self) -> Raw<'_> {
        // Texts from `serde_json` can be deeper than a packet may be; null is then the whole answer.
        Raw::parse(&self.0).unwrap_or(Raw::NULL)
    }
}

/// The value, compact. One that is nested too deep for a packet is sent as `null`.
impl From<&serde_json::Value> for Answer {
    fn from(value: &serde_json::Value) -> Answer {
        Answer(value.to_string())
    }
}

/// A REQUEST or DISPATCH on its way to a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    w: String,
    a: String,
}

impl Call {
    pub(super) fn new(w: &str, a: Raw<'_>) -> Call {
        Call {
            w: w.to_owned(),
            a: a.as_str().to_owned(),
        }
    }

    /// What is requested.
    pub fn w(&self) -> &str {
        &self.w
    }

    /// The arguments: the text of a JSON list, as it was sent.
    pub fn a(&self) -> &str {
        &self.a
    }

    /// The arguments as values.
    pub fn arguments(&self) -> Vec<Json> {
        arguments(&self.a)
    }
}

pub(super) type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

type Handle = Arc<dyn Fn(Call) -> Answering + Send + Sync>;

/// A handler: three are built in, because they need no allocation or show a case of their own.
#[derive(Clone)]
pub(super) enum Handler {
    Echo,
    Late,
    Null,
    Own(Handle),
}

/// The handlers of a server, by `w`.
///
/// Starts with `ECHO` (answers its arguments), `LATE` (answers its arguments so many milliseconds
/// later as its first one says, at most [`LONGEST_LATE`]; [`DEFAULT_LATE`] without one) and `NULL`
/// (answers `null`). What has no handler is answered `{"error":"unknown request"}`.
///
/// ```
/// use litespec::reference::server::{Answer, Handlers};
///
/// let handlers = Handlers::default().on("COUNT", |call| async move {
///     Answer::from(&serde_json::json!(call.arguments().len()))
/// });
/// ```
#[derive(Clone)]
pub struct Handlers(BTreeMap<String, Handler>);

impl Default for Handlers {
    fn default() -> Handlers {
        let built_in = [
            ("ECHO", Handler::Echo),
            ("LATE", Handler::Late),
            ("NULL", Handler::Null),
        ];
        Handlers(
            built_in
                .into_iter()
                .map(|(w, handler)| (w.to_owned(), handler))
                .collect(),
        )
    }
}

impl Handlers {
    /// Answers requests for `w` with what the closure's future gives, and runs it for dispatches too,
    /// whose answers go nowhere. Takes the place of a handler that `w` had.
    ///
    /// Answers are sent as they become ready, in any order. A handler that panics is answered
    /// `{"error":"the handler failed"}`. One that never ends holds a place of its connection's
    /// bound on requests in flight until the connection ends.
    #[must_use]
    pub fn on<H, F>(mut self, w: &str, handler: H) -> Handlers
    where
        H: Fn(Call) -> F + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let handle: Handle = Arc::new(move |call| Box::pin(handler(call)));
        self.0.insert(w.to_owned(), Handler::Own(handle));
        self
    }

    pub(super) fn find(&self, w: &str) -> Option<&Handler> {
        self.0.get(w)
    }
}

/// The names.
impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// How long `LATE` waits for these arguments.
pub(super) fn late_for(a: &str) -> Duration {
    let ms = arguments(a).first().and_then(Json::as_u64);
    ms.map_or(DEFAULT_LATE, Duration::from_millis)
        .min(LONGEST_LATE)
}

fn arguments(a: &str) -> Vec<Json> {
    match Json::parse(a.as_bytes()) {
        Ok(Json::Array(values)) => values,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_is_told_how_late_and_has_a_bound() {
        assert_eq!(late_for("[50]"), Duration::from_millis(50));
        assert_eq!(late_for("[5e1, 2]"), Duration::from_millis(50));
        assert_eq!(late_for("[1e400]"), DEFAULT_LATE);
        assert_eq!(late_for("[18446744073709551615]"), LONGEST_LATE);
        for untold in ["[]", "[-5]", "[1.5]", "[\"50\"]"] {
            assert_eq!(late_for(untold), DEFAULT_LATE, "{untold}");
        }
    }

    #[test]
    fn answers_are_json_and_keep_their_spelling() {
        assert_eq!(Answer::parse(" 1.0 ").unwrap().raw().as_str(), "1.0");
        assert!(Answer::parse("nul").is_err());
        assert_eq!(
            Answer::error("a \"b\"").raw().as_str(),
            r#"{"error":"a \"b\""}"#
        );
    }
}
