//! Ctrl-C and SIGTERM: the first ends the run with its reports, the second ends the program.

use std::future::Future;

use tokio::sync::oneshot;

use super::exit::Exit;
use super::screen::say;

/// A future that is ready at the first signal. From then on, or once the run is over, a signal
/// ends the program at once. Must be called within a tokio runtime.
pub(crate) fn first_signal() -> impl Future<Output = ()> {
    let (send, receive) = oneshot::channel();
    tokio::spawn(async move {
        signal().await;
        if send.send(()).is_ok() {
            say("interrupted: the reports of what has run follow (once more ends at once)");
            signal().await;
        }
        std::process::exit(Exit::Interrupted as i32);
    });
    async move {
        // The sender goes away only with the program.
        let _ = receive.await;
    }
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                biased;
                done = tokio::signal::ctrl_c() => wait_if_deaf(done).await,
                _ = terminate.recv() => {}
            }
        }
        Err(_) => wait_if_deaf(tokio::signal::ctrl_c().await).await,
    }
}

#[cfg(not(unix))]
async fn signal() {
    wait_if_deaf(tokio::signal::ctrl_c().await).await;
}

/// Where signals cannot be heard, none ever comes.
async fn wait_if_deaf(heard: std::io::Result<()>) {
    if heard.is_err() {
        std::future::pending::<()>().await;
    }
}
