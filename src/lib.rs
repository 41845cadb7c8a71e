//! litespec tells whether an implementation of Litecord's *Common Protocol* is right, and why.
//!
//! # The house
//!
//! A module imports only from the floors below its own; modules that share a floor do not know
//! each other. `tests/house.rs` holds the code to this map.
//!
//! ```text
//! cli          arguments, one file per subcommand, exit codes
//! selftest     the suite against the whole zoo: which defects are caught, and by what
//! runner   fuzzer   report
//! zoo          right servers that look different, and servers with one planted defect each
//! reference    the right server and client, on tokio-tungstenite
//! play         carries out one scenario over the wire: sends, expects, stamps, records
//! process      targets as child processes
//! wire         RFC 6455 frames as they are, streams, upgrade requests and responses
//! event
//! outcome
//! session  scenario  oracle
//! protocol     packets, opcodes, close codes, JSON, the rules catalogue
//! ```

pub mod cli;
pub mod event;
pub mod fuzzer;
pub mod oracle;
pub mod outcome;
pub mod play;
pub mod process;
pub mod protocol;
pub mod reference;
pub mod report;
pub mod runner;
pub mod scenario;
pub mod selftest;
pub mod session;
pub mod wire;
pub mod zoo;
