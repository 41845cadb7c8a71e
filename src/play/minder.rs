//! Minds a target that the run starts itself: waits until it says HELLO, notices when it ends, and
//! starts it again.

use std::ffi::OsString;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::record::Redactor;
use super::run::greets;
use super::settings::Settings;
use crate::process::{Process, with_last_word};

/// How long a target that is asked to end may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it is looked whether the target is ready.
const LOOK: Duration = Duration::from_millis(25);
/// A run that starts its target so often is not worth another start.
const STARTS: u32 = 64;

/// How a target is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// How long it may take until it says HELLO.
    pub ready_within: Duration,
}

/// A target that the run has started.
#[derive(Debug)]
pub struct Minder {
    launch: Launch,
    /// None where it could not be started again.
    process: Option<Process>,
    starts: u32,
}

/// Why a target that was started cannot be tested.
#[derive(Debug)]
pub struct NotReady {
    /// The cause.
    pub why: String,
    /// The last lines that it wrote, without secrets.
    pub lines: Vec<String>,
}

impl NotReady {
    fn silent(why: String) -> NotReady {
        NotReady {
            why,
            lines: Vec::new(),
        }
    }
}

impl Minder {
    /// Starts the target and waits for its HELLO; says why that cannot be.
    pub async fn start(launch: &Launch, settings: &Settings) -> Result<Minder, NotReady> {
        if let Some(reach) = &settings.reach
            && reach.dial.dial().await.is_ok()
        {
            let why = format!(
                "something listens at {} already: end it, or leave out the command",
                reach.target.shown()
            );
            return Err(NotReady::silent(why));
        }
        let process =
            Process::start(&launch.command).map_err(|error| NotReady::silent(error.to_string()))?;
        let mut minder = Minder {
            launch: launch.clone(),
            process: Some(process),
            starts: 1,
        };
        match minder.ready(settings).await {
            Ok(()) => Ok(minder),
            Err(why) => {
                let lines = minder.last_lines(&settings.redactor);
                minder.end().await;
                Err(NotReady { why, lines })
            }
        }
    }

    /// Ends what is left of the target and starts it anew.
    pub async fn restart(&mut self, settings: &Settings) -> Result<(), String> {
        if self.starts >= STARTS {
            return Err(format!("it has been started {STARTS} times"));
        }
        self.starts += 1;
        // The old one goes first: both want the same port.
        if let Some(old) = self.process.take() {
            old.end(PATIENCE).await;
        }
        let new = Process::start(&self.launch.command).map_err(|error| error.to_string())?;
        self.process = Some(new);
        self.ready(settings).await
    }

    async fn ready(&mut self, settings: &Settings) -> Result<(), String> {
        let until = Instant::now() + self.launch.ready_within;
        loop {
            if let Some(how) = self.ended_within(Duration::ZERO).await {
                return Err(self.said(format!("the target ended ({how}) before it said HELLO")));
            }
            if let Ok(true) = timeout_at(until, greets(settings)).await {
                return Ok(());
            }
            if Instant::now() >= until {
                let within = self.launch.ready_within.as_millis();
                return Err(self.said(format!(
                    "the target said no HELLO within {within} ms (--ready-within)"
                )));
            }
            sleep(LOOK).await;
        }
    }

    /// A message with the target's own last words.
    fn said(&self, message: String) -> String {
        let lines = self.process.as_ref().map(Process::last_lines);
        with_last_word(message, &lines.unwrap_or_default())
    }

    /// How the target ended, if it has or does within this time.
    pub async fn ended_within(&mut self, patience: Duration) -> Option<String> {
        let process = self.process.as_mut()?;
        let how = process.ends_within(patience).await?;
        process.heard_out().await;
        Some(how)
    }

    /// The target's last lines on standard error.
    pub fn last_lines(&self, redactor: &Redactor) -> Vec<String> {
        let lines = self.process.as_ref().map(Process::last_lines);
        lines
            .iter()
            .flatten()
            .map(|line| redactor.redact(line))
            .collect()
    }

    /// Ends the target and all it has started.
    pub async fn end(self) {
        if let Some(process) = self.process {
            process.end(PATIENCE).await;
        }
    }
}
