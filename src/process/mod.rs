//! Targets as child processes: started in a process group of their own, listened to, and ended
//! with everything they have started.

mod tail;

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

pub use tail::Tail;

/// The groups of all children that live.
#[cfg(unix)]
static GROUPS: Mutex<Vec<rustix::process::Pid>> = Mutex::new(Vec::new());

/// Kills all children with their groups: for a program that ends at once.
pub fn kill_all() {
    #[cfg(unix)]
    for group in GROUPS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .drain(..)
    {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

/// Why a command could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no command.
    #[error("no command")]
    Empty,
    /// The system refuses to run it.
    #[error("cannot start {program}: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
}

/// A running child with a process group of its own. Dropping it kills the group.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// What it has written, on standard error and standard output alike.
    tail: Arc<Mutex<Tail>>,
    readers: Vec<tokio::task::JoinHandle<()>>,
    #[cfg(unix)]
    group: Option<rustix::process::Pid>,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts a command with nothing on its standard input. Must run within a tokio runtime.
    ///
    /// # Errors
    /// The program cannot be run.
    pub fn start(command: &[OsString]) -> Result<Process, StartError> {
        let (program, args) = command.split_first().ok_or(StartError::Empty)?;
        let mut command = Command::new(program);
        command
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|source| StartError::Spawn {
            program: program.to_string_lossy().into_owned(),
            source,
        })?;
        let tail = Arc::new(Mutex::new(Tail::default()));
        let mut readers = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            readers.push(tokio::spawn(listen(stderr, Arc::clone(&tail))));
        }
        if let Some(stdout) = child.stdout.take() {
            readers.push(tokio::spawn(drain(stdout)));
        }
        #[cfg(unix)]
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw);
        #[cfg(unix)]
        GROUPS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(group);
        Ok(Process {
            child,
            tail,
            readers,
            #[cfg(unix)]
            group,
            ended: None,
        })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        if self.ended.is_none() {
            // A child that cannot be asked about is as good as running.
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended.map(in_words)
    }

    /// Waits until it has ended, no longer than this.
    pub async fn ends_within(&mut self, patience: Duration) -> Option<String> {
        if self.ended.is_none()
            && let Ok(Ok(status)) = timeout(patience, self.child.wait()).await
        {
            self.ended = Some(status);
        }
        self.ended()
    }

    /// The last lines it wrote on standard error.
    pub fn last_lines(&self) -> Vec<String> {
        lock(&self.tail).lines()
    }

    /// Asks the whole group to end, and kills what has not after this time.
    pub async fn end(mut self, patience: Duration) {
        let until = Instant::now() + patience;
        self.signal(false);
        if self.ended.is_none() {
            let _ = tokio::time::timeout_at(until, self.child.wait()).await;
        }
        self.signal(true);
        // Reaped, so that nothing is left; a killed child ends at once.
        let _ = timeout(Duration::from_secs(1), self.child.wait()).await;
    }

    /// Waits until what a child that has ended wrote has been read.
    pub async fn heard_out(&mut self) {
        for reader in &mut self.readers {
            // A grandchild can hold the pipe open for ever.
            let _ = timeout(Duration::from_millis(200), reader).await;
        }
        self.readers.clear();
    }

    fn signal(&mut self, kill: bool) {
        #[cfg(unix)]
        if let Some(group) = self.group {
            use rustix::process::{Signal, kill_process_group};
            let signal = if kill { Signal::KILL } else { Signal::TERM };
            // None is left to be told: that is what is wanted.
            let _ = kill_process_group(group, signal);
        }
        #[cfg(not(unix))]
        if kill {
            let _ = self.child.start_kill();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(true);
        #[cfg(unix)]
        GROUPS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|group| Some(*group) != self.group);
        for reader in &self.readers {
            reader.abort();
        }
    }
}

fn lock(tail: &Mutex<Tail>) -> MutexGuard<'_, Tail> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(mut from: impl AsyncRead + Unpin, tail: Arc<Mutex<Tail>>) {
    let mut buffer = vec![0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        lock(&tail).take(&buffer[..read]);
    }
}

/// Reads what nobody wants, so that its writer never waits.
async fn drain(mut from: impl AsyncRead + Unpin) {
    let mut buffer = vec![0; 4096];
    while let Ok(1..) = from.read(&mut buffer).await {}
}

/// `exit status 1`, `signal 9`.
fn in_words(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        if let Some(signal) = status.signal() {
            return format!("signal {signal}");
        }
    }
    match status.code() {
        Some(code) => format!("exit status {code}"),
        None => "an unknown status".to_owned(),
    }
}

#[cfg(all(test, unix))]
mod tests;
