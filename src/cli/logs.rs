//! Logs on standard error: nothing but warnings unless asked for with `-vv` or LITESPEC_LOG.

use tracing_subscriber::EnvFilter;

use super::Globals;

/// What no setting turns up: at their finest these print whole messages, passwords too.
const CAPPED: &str = "tungstenite=info,tokio_tungstenite=info";

/// Starts logging for the rest of the process.
pub(crate) fn start(globals: &Globals) {
    let wished = std::env::var("LITESPEC_LOG").unwrap_or_else(|_| level(globals).to_owned());
    let Ok(filter) = EnvFilter::try_new(format!("{wished},{CAPPED}")) else {
        super::screen::say(
            "warning: LITESPEC_LOG is not a filter that can be read; only warnings are logged",
        );
        return init(EnvFilter::new(format!("warn,{CAPPED}")), globals);
    };
    init(filter, globals);
}

/// Whether standard error will carry logs, so that nothing else should draw there.
pub(crate) fn busy(globals: &Globals) -> bool {
    globals.verbose >= 2 || std::env::var_os("LITESPEC_LOG").is_some()
}

fn level(globals: &Globals) -> &'static str {
    match globals.verbose {
        0 | 1 => "warn",
        2 => "info",
        3 => "debug",
        _ => "trace",
    }
}

fn init(filter: EnvFilter, globals: &Globals) {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(globals.color.on(&std::io::stderr()))
        .with_writer(std::io::stderr);
    // Only a second start in one process fails, and then logs are on already.
    let _ = subscriber.try_init();
}
