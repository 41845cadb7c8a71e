//! Templates and payloads become bytes.

use super::syntax::{Filter, Payload, Template};
use super::values::{Env, Value};

/// A filled template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The JSON text as it goes out.
    pub wire: String,
    /// The same for people: secrets stay as holes.
    pub shown: String,
}

/// A filled payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilledPayload {
    /// The bytes as they go out, repetitions written out.
    pub bytes: Vec<u8>,
    /// The payload as the scenario wrote it, other variables than secrets filled in.
    pub shown: String,
}

/// Why a hole cannot be filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// Nothing has given the variable a value.
    #[error("`${name}` has no value")]
    Unbound {
        /// The variable.
        name: String,
    },
    /// The filter leaves the value as it is: the line would not be a near miss.
    #[error("`{}` changes nothing in `${name}`", .filter.word())]
    Unchanged {
        /// The variable.
        name: String,
        /// The filter.
        filter: Filter,
    },
    /// The payload is beyond [`MAX_PAYLOAD`].
    #[error("the payload would be longer than {MAX_PAYLOAD} bytes")]
    TooLong,
}

/// Longest payload in bytes.
pub const MAX_PAYLOAD: usize = 64 << 20;

/// Fills a template.
pub fn template(template: &Template, env: &Env) -> Result<Filled, FillError> {
    todo!()
}

/// Fills a payload, its parts joined.
pub fn payload(payload: &Payload, env: &Env) -> Result<FilledPayload, FillError> {
    todo!()
}

/// Fills a payload part by part, a repeated part that many times: the frames of `fragments`.
pub fn parts(payload: &Payload, env: &Env) -> Result<Vec<Vec<u8>>, FillError> {
    todo!()
}

/// Fills one value of `each`.
pub fn value(template: &Template, env: &Env) -> Result<Value, FillError> {
    todo!()
}
