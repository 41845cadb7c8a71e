//! The Common Protocol as data: packets and their codec, opcodes, close codes, JSON, the rules.

pub mod json;
pub mod rules;
