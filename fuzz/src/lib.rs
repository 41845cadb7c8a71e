//! What the fuzz targets check, one module a target. Nothing in here needs libFuzzer or nightly: the
//! library's `tests/corpus.rs` compiles this very file and replays the corpus with it.
//!
//! A check panics where something is wrong.

pub mod client_session;
pub mod conversation;
pub mod cut;
pub mod frame_decode;
pub mod heard;
pub mod mutate;
pub mod packet_decode;
pub mod packets;
pub mod scenario_parse;
pub mod script;
pub mod server_session;
pub mod upgrade;

/// What a check made of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// It was looked at.
    Used,
    /// It is not of the kind that this target takes: not worth keeping.
    Refused,
}

/// A target's check.
pub type Check = fn(&[u8]) -> Input;

/// Every target and its check, the thorough one where it has two.
pub const TARGETS: [(&str, Check); 7] = [
    ("client_session", client_session::check),
    ("conversation", conversation::check),
    ("frame_decode", frame_decode::check),
    ("packet_decode", packet_decode::thoroughly),
    ("scenario_parse", scenario_parse::check),
    ("server_session", server_session::check),
    ("upgrade", upgrade::check),
];
