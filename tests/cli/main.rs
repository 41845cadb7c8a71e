//! The program as people and scripts meet it: arguments, exit codes, messages.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of its own for a test, empty at its start.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The program in a folder, with nothing of the surroundings that changes what it says.
fn program(folder: &Path, args: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_litespec"));
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy();
        if shown.starts_with("LITESPEC_")
            || ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"].contains(&&*shown)
        {
            command.env_remove(&name);
        }
    }
    command.current_dir(folder).args(args).stdin(Stdio::null());
    command
}

fn run(folder: &Path, args: &[impl AsRef<OsStr>]) -> Output {
    program(folder, args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What was said and how it ended, for a snapshot.
fn told(output: &Output) -> String {
    let mut told = format!("exit {}\n", output.status.code().unwrap_or(-1));
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            told.push_str(&format!("--- {name}\n{}", text(bytes)));
        }
    }
    told
}

macro_rules! snapshot {
    ($name:literal, $told:expr) => {
        insta::with_settings!({
            snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
            filters => vec![(r"litespec \d+\.\d+\.\d+", "litespec [version]")],
        }, { insta::assert_snapshot!($name, $told) });
    };
}

mod check;
mod clients;
mod command;
mod dialect;
mod fuzz;
mod fuzz_client;
mod known;
mod profile;
mod target;
mod words;
mod zoo;

/// Several command lines and what comes of each.
fn each_told(folder: &Path, lines: &[&[&str]]) -> String {
    let mut all = String::new();
    for line in lines {
        all.push_str(&format!(
            "$ litespec {}\n{}\n",
            line.join(" "),
            told(&run(folder, line))
        ));
    }
    all
}

/// A port that nothing listens on.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

const RIGHT: &str = "title  A heartbeat is acknowledged\nrule   heartbeat.ack\n\nuse handshake\n> {\"op\": 2}\n< {\"op\": 3}\n";
const WRONG: &str = "title  A heartbeat is acknowledged\nrule   heartbeat.ack\n\nuse handshake\n> {\"op\": 2}\n< clsoe 4001\n";
