//! What `serve`, `client` and `request` share: the password, times, the runtime, signals, logs.

use std::future::Future;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use super::exit::Exit;
use crate::protocol::json::Json;
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

/// A JSON text as one line that a terminal shows and does not obey: compact, numbers as spelled, and
/// characters beyond ASCII that control or reorder a line as escapes. The value stays equal.
pub(crate) fn json_line(text: &str) -> String {
    let compact = Json::parse(text.as_bytes()).map(|json| json.to_string());
    let mut line = String::with_capacity(text.len());
    for c in compact.as_deref().unwrap_or("null").chars() {
        if c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            line.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            line.push(c);
        }
    }
    line
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
    fn an_answer_is_one_harmless_line_of_the_same_value() {
        let text = "{ \"a\" :\n[1.0, 1e400, \"\u{9b}2J\u{202e}é\u{7f}\"] }";
        let line = json_line(text);
        assert_eq!(line, r#"{"a":[1.0,1e400,"\u009b2J\u202eé\u007f"]}"#);
        let same = |text: &str| Json::parse(text.as_bytes()).unwrap();
        assert!(same(text).same_as(&same(&line)));
    }

    #[test]
    fn times_are_whole_milliseconds_above_zero() {
        assert_eq!(time("400ms"), Ok(Duration::from_millis(400)));
        assert_eq!(time("1m 30s"), Ok(Duration::from_secs(90)));
        for wrong in ["", "0s", "-1s", "10", "100us", "1.5ms", "9000000h", "x"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
