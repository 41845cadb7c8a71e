//! Targets as child processes: started in a process group of their own, listened to, and ended
//! with everything they have started.

#[cfg(target_os = "linux")]
mod descent;
mod lines;
#[cfg(target_os = "linux")]
mod starved;
mod tail;

use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{ChildStdin, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

#[cfg(target_os = "linux")]
pub use descent::{Descent, adopt, end_adopted};
pub use lines::Lines;
pub use tail::{Tail, with_last_word};

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

/// What becomes of a child's standard input and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// It is given nothing, and what it prints is dropped.
    None,
    /// It is given nothing, and yet its input does not end; what it prints belongs to its last lines.
    Heard,
    /// It is given lines, and its lines are read ([`Process::lines`]).
    Lines,
}

/// A running child with a process group of its own. Dropping it kills the group.
#[derive(Debug)]
pub struct Process {
    /// What it has written, on standard error and standard output alike.
    tail: Arc<Mutex<Tail>>,
    readers: Vec<JoinHandle<()>>,
    lines: Option<Lines>,
    /// Held open, and never written to.
    input: Option<ChildStdin>,
    #[cfg(unix)]
    group: Option<rustix::process::Pid>,
    /// Waits for its end.
    reaper: JoinHandle<()>,
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// Starts a command with nothing on its standard input. Must run within a tokio runtime.
    ///
    /// # Errors
    /// The program cannot be run.
    pub fn start(command: &[OsString]) -> Result<Process, StartError> {
        Process::start_with(command, &[], Talk::None)
    }

    /// Starts a command with further environment variables. Must run within a tokio runtime.
    ///
    /// # Errors
    /// The program cannot be run.
    pub fn start_with(
        command: &[OsString],
        variables: &[(&str, String)],
        talk: Talk,
    ) -> Result<Process, StartError> {
        let (program, args) = command.split_first().ok_or(StartError::Empty)?;
        let mut command = Command::new(program);
        command
            .args(args)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(match talk {
                Talk::Lines | Talk::Heard => Stdio::piped(),
                Talk::None => Stdio::null(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|source| StartError::Spawn {
            program: program.to_string_lossy().into_owned(),
            source,
        })?;
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
        let tail = Arc::new(Mutex::new(Tail::default()));
        let mut readers = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            readers.push(tokio::spawn(listen(stderr, Arc::clone(&tail))));
        }
        let (mut lines, mut input) = (None, None);
        if let Some(stdout) = child.stdout.take() {
            readers.push(match (talk, child.stdin.take()) {
                (Talk::Lines, Some(stdin)) => {
                    let (made, reader) = Lines::new(stdin, stdout, Arc::clone(&tail));
                    lines = Some(made);
                    reader
                }
                (Talk::Heard, stdin) => {
                    input = stdin;
                    tokio::spawn(listen(stdout, Arc::clone(&tail)))
                }
                _ => tokio::spawn(drain(stdout)),
            });
        }
        let (tell, ended) = watch::channel(None);
        let reaper = tokio::spawn(async move {
            // A child that cannot be waited for is as good as running.
            if let Ok(status) = child.wait().await {
                tell.send_replace(Some(status));
            } else {
                std::future::pending::<()>().await;
            }
        });
        Ok(Process {
            tail,
            readers,
            lines,
            input,
            #[cfg(unix)]
            group,
            reaper,
            ended,
        })
    }

    /// The way to talk to it, once, where it was started for that.
    pub fn lines(&mut self) -> Option<Lines> {
        self.lines.take()
    }

    /// Waits for its end, as long as it takes, and says how it was.
    pub fn end_of(&self) -> impl Future<Output = String> + Send + use<> {
        let mut ended = self.ended.clone();
        async move {
            match ended.wait_for(Option::is_some).await.map(|status| *status) {
                Ok(Some(status)) => in_words(status),
                // Nobody waits for it any more: it is never heard of.
                Ok(None) | Err(_) => std::future::pending().await,
            }
        }
    }

    /// Waits until it has ended, no longer than this, and says how it was.
    pub async fn ends_within(&self, patience: Duration) -> Option<String> {
        let known = *self.ended.borrow();
        match known {
            Some(status) => Some(in_words(status)),
            None => timeout(patience, self.end_of()).await.ok(),
        }
    }

    /// What tells how long it was ready to run and had no processor, so far; none where the system does
    /// not count that.
    pub fn starved(&self) -> Option<impl Fn() -> Duration + Send + Sync + use<>> {
        #[cfg(target_os = "linux")]
        return self.group.map(|group| move || starved::starved(group));
        #[cfg(not(target_os = "linux"))]
        None::<fn() -> Duration>
    }

    /// The last lines it wrote on standard error.
    pub fn last_lines(&self) -> Vec<String> {
        lock(&self.tail).lines()
    }

    /// Asks the whole group to end, and kills what has not after this time.
    pub async fn end(mut self, patience: Duration) {
        self.lines = None;
        self.input = None;
        self.signal(false);
        let _ = self.ends_within(patience).await;
        self.signal(true);
        // Reaped, so that nothing is left; a killed child ends at once.
        let _ = self.ends_within(Duration::from_secs(1)).await;
    }

    /// Waits until what a child that has ended wrote has been read.
    pub async fn heard_out(&mut self) {
        for reader in &mut self.readers {
            // A grandchild can hold the pipe open for ever.
            let _ = timeout(Duration::from_millis(200), reader).await;
        }
        self.readers.clear();
    }

    fn signal(&self, kill: bool) {
        #[cfg(unix)]
        if let Some(group) = self.group {
            use rustix::process::{Signal, kill_process_group};
            let signal = if kill { Signal::KILL } else { Signal::TERM };
            // None is left to be told: that is what is wanted.
            let _ = kill_process_group(group, signal);
        }
        #[cfg(not(unix))]
        if kill {
            // Dropped, its reaper drops the child, which kills it.
            self.reaper.abort();
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
        // Left to itself it reaps the child that has just been killed.
        let _ = &self.reaper;
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
