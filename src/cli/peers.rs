//! What `serve`, `client` and `request` share: the password, times, the runtime, signals, logs.

use std::future::Future;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use super::exit::Exit;
use crate::session::Password;
use clap::Args;

/// Where the shared secret comes from. `--password-file` counts before the variable.
#[derive(Args, Clone)]
pub(crate) struct PasswordArgs {
    /// The shared password [default: helloworld]
    #[arg(
        long,
        value_name = "P",
        env = "LITESPEC_PASSWORD",
        hide_env_values = true
    )]
    password: Option<String>,
    /// Reads the password from a file; a line break at its end is left out
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Never the password.
impl std::fmt::Debug for PasswordArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordArgs")
            .field("password_file", &self.password_file)
            .finish()
    }
}

impl PasswordArgs {
    /// The password, or what is wrong with the file.
    pub(crate) fn read(&self) -> Result<Password, String> {
        let Some(path) = &self.password_file else {
            return Ok(Password::from(
                self.password.as_deref().unwrap_or("helloworld"),
            ));
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            format!("cannot read the password file {}: {error}", path.display())
        })?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        Ok(Password::from(text.strip_suffix('\r').unwrap_or(text)))
    }
}

/// A time such as `10s`, `400ms`, `1m 30s`; at least a millisecond, in whole ones.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("expected a time such as 10s or 400ms, found {text:?}");
    let parsed: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    let time = Duration::try_from(parsed).map_err(|_| wrong())?;
    if time < Duration::from_millis(1) || time.subsec_nanos() % 1_000_000 != 0 {
        return Err("expected at least a millisecond, in whole milliseconds".to_owned());
    }
    if time > Duration::from_secs(365 * 86_400) {
        return Err("expected a year at most".to_owned());
    }
    Ok(time)
}

/// One line on stderr.
pub(crate) fn complain(message: &str) {
    // Without stderr there is nobody to tell.
    let _ = writeln!(io::stderr(), "error: {message}");
}

/// One line on stdout, flushed. False if nobody reads it.
#[must_use]
pub(crate) fn say(line: &str) -> bool {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .is_ok()
}

/// Runs a future to its end on all cores, and lets nothing that hangs hold up the process.
pub(crate) fn block_on<F>(future: F) -> Exit
where
    F: Future<Output = Exit>,
{
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("cannot start: {error}"));
            return Exit::CouldNotRun;
        }
    };
    let code = runtime.block_on(future);
    runtime.shutdown_background();
    code
}

/// Ends at SIGINT or SIGTERM.
pub(crate) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        // No signal can be caught; the default action is left to end the process.
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_milliseconds_above_zero() {
        assert_eq!(time("400ms"), Ok(Duration::from_millis(400)));
        assert_eq!(time("1m 30s"), Ok(Duration::from_secs(90)));
        for wrong in ["", "0s", "-1s", "10", "100us", "1.5ms", "9000000h", "x"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
