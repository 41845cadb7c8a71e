//! The harness at work, in memory, on virtual time: the language line by line against scripted
//! servers, and the whole suite against the reference server.

mod clients;
mod controls;
mod debug;
mod dialect;
mod dying;
mod fuzz;
mod fuzz_client;
mod known;
mod play;
mod suite;
mod support;
mod triage;
mod verdicts;
mod zoo;
