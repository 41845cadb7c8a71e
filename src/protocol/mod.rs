//! The Common Protocol as data: packets and their codec, opcodes, close codes, JSON, the rules.
//!
//! # What counts as JSON
//!
//! A text is JSON if [`std::str::from_utf8`] takes its bytes and `serde_json` reads it into
//! `IgnoredAny`, which is the grammar of RFC 8259 to the letter. So these are JSON: lone and
//! inverted surrogate escapes (`"\ud800"`), numbers beyond every machine type (`1e400`), repeated
//! members, every control character spelled as an escape. These are not: a byte order mark,
//! trailing commas, comments, `01`, `1.`, `.5`, `+1`, `NaN`, raw control characters in strings,
//! overlong or surrogate UTF-8. No member name has a magic meaning.
//!
//! # What counts as a packet
//!
//! One JSON object with `op`, a number that is an integer *by value* (`2`, `2.0` and `2e0` are the
//! same op), and the members that op needs; other members are ignored. Member names are compared
//! after their escapes are resolved, so `"\u006f\u0070"` is `op`. A second `op` is refused, however
//! it is spelled; of any other repeated member the last counts. `"n": null` is a nonce, a missing
//! `n` is an error. `a` must be a list, `w` and `password` strings, `hb_interval` an integer by
//! value above zero. A list is no packet, whatever is in it.
//!
//! Errors of the text come before errors of the packet: bytes that are not JSON are reported as
//! such even if an unknown op stands in front of the bad byte. Each error has the byte offset at
//! which it was noticed.
//!
//! # Limits
//!
//! Beyond the policy there are two limits, stated in [`limits`]: how deep values may nest (packets
//! and trees) and how long a packet may be (packets only; what reads trees has its own limit on
//! messages).
//!
//! # The parts
//!
//! [`codec`] reads and writes packets in one pass and copies nothing: `n`, `a` and `r` stay the
//! exact text they came as. [`json`] is the judging side's tree, which keeps what other trees lose.
//! Both stand on one scanner, so they cannot disagree about what is JSON.

pub mod close;
pub mod codec;
pub mod error;
mod escape;
pub mod json;
pub mod limits;
mod number;
pub mod opcode;
pub mod packet;
pub mod rules;
mod scan;
#[cfg(test)]
mod tests;
mod text;
