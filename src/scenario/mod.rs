//! The scenario language: syntax tree, parser, printer, patterns, and the embedded library.
//!
//! Text becomes a [`Scenario`] by [`parse()`] and text again by [`print()`]; `parse(print(s)) == s`.
//! [`fill`] turns what a line sends into bytes, [`matching`] compares what came.

pub mod analysis;
pub mod error;
pub mod fill;
pub mod library;
pub mod load;
pub mod matching;
mod names;
pub mod overlap;
pub mod parse;
pub mod print;
mod resolve;
#[cfg(test)]
mod strategies;
pub mod syntax;
#[cfg(test)]
mod tests;
pub mod time;
pub mod values;

pub use error::ParseError;
pub use load::{LoadError, load};
pub use parse::parse;
pub use print::print;
pub use syntax::Scenario;
