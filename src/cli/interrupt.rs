//! Ctrl-C and SIGTERM: the first ends the run with its reports, the second ends the program.

use std::future::Future;

use tokio::sync::oneshot;

use super::exit::Exit;
use super::screen::say;

/// A future that is ready at the first signal. From then on, or once the run is over, a signal
/// ends the program at once. Signals are heard from this call on, which must be made within a
/// tokio runtime; where they cannot be heard, the future never ends.
pub(crate) fn first_signal() -> impl Future<Output = ()> {
    let (send, receive) = oneshot::channel();
    if let Ok(mut signals) = Signals::listen() {
        tokio::spawn(async move {
            signals.next().await;
            if send.send(()).is_ok() {
                say("interrupted: the reports of what has run follow (once more ends at once)");
                signals.next().await;
            }
            crate::process::kill_all();
            std::process::exit(Exit::Interrupted as i32);
        });
    }
    async move {
        if receive.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn listen() -> std::io::Result<Signals> {
        tokio::signal::windows::ctrl_c().map(Signals)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
