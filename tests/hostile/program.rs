//! Runs `litespec check` against a hostile target, with a watchdog and a limit on its memory, and
//! looks at everything it leaves behind.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, SystemTime};

use jsonschema::Validator;
use serde_json::Value;

/// A run that lasts longer hangs: nothing that these tests ask for takes more than seconds.
const HANGS: Duration = Duration::from_secs(60);
/// What the whole program may take.
const MEMORY_KIB: u64 = 256 * 1024;
/// How often the process is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// Short limits, so that silence does not take long; long enough for a busy machine.
pub(crate) const SHORT: [&str; 6] = ["--answer-within", "1s", "--grace", "300ms", "--jobs", "8"];

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) name: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The JSON report.
    pub(crate) report: Value,
    pub(crate) took: Duration,
    /// The largest memory seen, in KiB; 0 where it cannot be seen.
    pub(crate) peak: u64,
    /// What is wrong with it, whatever the target did.
    pub(crate) wrong: Vec<String>,
}

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO_BIN_EXE_litespec"))
        .args(["list", "schema"])
        .output()
        .unwrap();
    jsonschema::validator_for(&serde_json::from_slice(&output.stdout).unwrap()).unwrap()
});

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("hostile")
        .join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The program, its memory limited from outside where the system does that.
fn program() -> Command {
    let path = env!("CARGO_BIN_EXE_litespec");
    let mut command = if cfg!(target_os = "linux") {
        let mut shell = Command::new("sh");
        let limited = format!("ulimit -d {MEMORY_KIB} && exec \"$0\" \"$@\"");
        shell.args(["-c", &limited, path]);
        shell
    } else {
        Command::new(path)
    };
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LITESPEC_") {
            command.env_remove(&name);
        }
    }
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Runs `check` against `url`. `begun` gets the process id once the process runs.
pub(crate) fn check_with(name: &str, url: &str, args: &[&str], begun: impl FnOnce(u32)) -> Ran {
    let folder = folder(name);
    let out = |file: &str| File::create(folder.join(file)).unwrap();
    let reports = ["json=r.json", "jsonl=r.jsonl", "human=r.txt"];
    let mut command = program();
    command
        .current_dir(&folder)
        .args(["check", url, "--verbose"])
        .args(args)
        .args(reports.iter().flat_map(|report| ["--report", report]))
        .stdout(out("stdout"))
        .stderr(out("stderr"));
    let began = SystemTime::now();
    let mut child = command.spawn().unwrap();
    let id = child.id();
    let (send, ended) = channel();
    std::thread::spawn(move || send.send(child.wait().unwrap()));
    begun(id);
    let mut peak = 0;
    let status = loop {
        match ended.recv_timeout(LOOK) {
            Ok(status) => break Some(status),
            Err(RecvTimeoutError::Disconnected) => break None,
            Err(RecvTimeoutError::Timeout) => peak = peak.max(memory(id)),
        }
        if began.elapsed().unwrap() > HANGS {
            kill(id, "KILL");
            let _ = ended.recv();
            break None;
        }
    };
    let took = began.elapsed().unwrap();
    let read = |file: &str| {
        let bytes = fs::read(folder.join(file)).unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_else(|error| format!("NOT UTF-8: {error}"))
    };
    let mut ran = Ran {
        name: name.to_owned(),
        code: status.and_then(|status| status.code()),
        stdout: read("stdout"),
        stderr: read("stderr"),
        report: serde_json::from_str(&read("r.json")).unwrap_or_default(),
        took,
        peak,
        wrong: Vec::new(),
    };
    let files = ["stdout", "stderr", "r.json", "r.jsonl", "r.txt"].map(|file| (file, read(file)));
    ran.look(status.is_some(), &files);
    ran
}

pub(crate) fn check(name: &str, url: &str, args: &[&str]) -> Ran {
    check_with(name, url, args, |_| {})
}

pub(crate) fn kill(id: u32, signal: &str) {
    let status = Command::new("kill")
        .args([format!("-{signal}"), id.to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// The most memory a process has had so far, in KiB.
fn memory(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

impl Ran {
    fn look(&mut self, ended: bool, files: &[(&str, String)]) {
        if !ended {
            self.wrong.push(format!("hangs: killed after {HANGS:?}"));
        }
        if self.peak > MEMORY_KIB {
            self.wrong.push(format!("takes {} KiB", self.peak));
        }
        if self.code.is_none() {
            self.wrong.push("ended by a signal".to_owned());
        }
        for (file, text) in files {
            if text.is_empty() && *file != "stderr" {
                self.wrong.push(format!("{file} is empty"));
            }
            if text.contains("panicked") || text.contains("litespec itself failed") {
                self.wrong.push(format!("{file} tells of a panic"));
            }
            if let Some((line, c)) = raw(text) {
                self.wrong.push(format!("{file}:{line} holds a raw {c:?}"));
            }
        }
        let broken: Vec<String> = SCHEMA
            .iter_errors(&self.report)
            .map(|error| error.to_string())
            .collect();
        if !broken.is_empty() {
            self.wrong.push(format!("r.json: {broken:?}"));
        }
    }

    /// Notes a property that does not hold.
    pub(crate) fn expect(&mut self, holds: bool, what: &str) {
        if !holds {
            self.wrong.push(what.to_owned());
        }
    }

    /// Everything that is wrong, with what explains it.
    pub(crate) fn complaint(&self) -> Option<String> {
        if self.wrong.is_empty() {
            return None;
        }
        let start = |text: &str| text.chars().take(1500).collect::<String>();
        Some(format!(
            "{} (exit {:?}, {:?}, {} KiB)\n  {}\n  stdout: {}\n  stderr: {}",
            self.name,
            self.code,
            self.took,
            self.peak,
            self.wrong.join("\n  "),
            start(&self.stdout),
            start(&self.stderr)
        ))
    }
}

/// The first character that could act on a terminal, and its line.
fn raw(text: &str) -> Option<(usize, char)> {
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.split('\n')
        .enumerate()
        .find_map(|(line, text)| text.chars().find(|c| acts(*c)).map(|c| (line + 1, c)))
}

/// Runs jobs side by side, most of whose time is waiting, and fails with all that is wrong.
pub(crate) fn all<T: Sync>(jobs: &[T], at_once: usize, run: impl Fn(&T) -> Ran + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let complaints = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(job) =
                    jobs.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    let ran = run(job);
                    println!(
                        "{:28} exit {:?}  {:5} ms  {:6} KiB",
                        ran.name,
                        ran.code,
                        ran.took.as_millis(),
                        ran.peak
                    );
                    complaints.lock().unwrap().extend(ran.complaint());
                }
            });
        }
    });
    let complaints = complaints.into_inner().unwrap();
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}
