//! The harness at work, in memory, on virtual time: the language line by line against scripted
//! servers, and the whole suite against the reference server.

mod controls;
mod dying;
mod play;
mod suite;
mod support;
mod verdicts;
mod zoo;
