//! The scenario language: syntax tree, parser, printer, patterns, and the embedded library.

pub mod syntax;
