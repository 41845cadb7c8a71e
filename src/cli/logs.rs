//! Logs on standard error: as much as the command finds worth saying, more with `-v`, or what
//! LITESPEC_LOG says.

use tracing::Level;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::Globals;

/// Starts logging for the rest of the process. `usual` is the level of a command that was told
/// nothing; `-q` leaves errors alone, and two `-v` or more raise it.
pub(crate) fn start(globals: &Globals, usual: Level) {
    let level = level(globals, usual).to_string();
    let wished = std::env::var("LITESPEC_LOG").unwrap_or_else(|_| level.clone());
    let filter = EnvFilter::try_new(wished).unwrap_or_else(|_| {
        super::screen::say("warning: LITESPEC_LOG is not a filter that can be read");
        EnvFilter::new(level)
    });
    // Below `info` the WebSocket library prints whole messages, HELLO_ACK among them. No directive
    // may turn that on, so this is a filter of its own.
    let discreet = filter_fn(|metadata| {
        let target = metadata.target();
        let websocket =
            target.starts_with("tungstenite") || target.starts_with("tokio_tungstenite");
        !websocket || *metadata.level() <= Level::INFO
    });
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(globals.color.on(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .with_filter(discreet)
        .with_filter(filter);
    // Only a second start in one process fails, and then logs are on already.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Whether standard error will carry logs, so that nothing else should draw there.
pub(crate) fn busy(globals: &Globals) -> bool {
    globals.verbose >= 2 || std::env::var_os("LITESPEC_LOG").is_some()
}

fn level(globals: &Globals, usual: Level) -> Level {
    match globals.verbose {
        0 if globals.quiet => Level::ERROR,
        0 | 1 => usual,
        2 => usual.max(Level::INFO),
        3 => usual.max(Level::DEBUG),
        _ => Level::TRACE,
    }
}
