//! The reference server that `check --reference` tests: in a thread and a runtime of its own, on a
//! free port, so that it is as far away from the harness as a real server is.

use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::dialect::Dialect;
use super::exit::{Exit, Stop};
use crate::protocol::packet::Interval;
use crate::reference::server::{Server, ServerConfig, Talk};
use crate::session::Password;
use crate::zoo::keeper::Keeper;
use crate::zoo::server::Member;

/// The interval where `--hb-interval` says nothing: short, so that a run is.
pub(super) const DEFAULT_HB_INTERVAL: Duration = Duration::from_secs(1);

/// A running reference server; dropping it stops it.
#[derive(Debug)]
pub(super) struct Local {
    /// Where it listens.
    pub(super) url: String,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Local {
    /// Starts it.
    pub(super) fn start(
        hb_interval: Duration,
        dialect: Dialect,
        password: &str,
        member: Option<&'static Member>,
    ) -> Result<Local, Stop> {
        let millis = u64::try_from(hb_interval.as_millis()).unwrap_or(u64::MAX);
        let hb_interval = Interval::from_millis(millis).ok_or_else(|| {
            Stop::usage("--hb-interval is counted in milliseconds and must be at least 1ms")
        })?;
        let config = ServerConfig {
            hb_interval,
            password: Password::from(password),
            talk: talk(dialect, hb_interval.duration()),
            ..ServerConfig::default()
        };
        let (shutdown, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("reference".to_owned())
            .spawn(move || serve(config, member, stopped, &tell))
            .map_err(|error| cannot_start(&error))?;
        match told.recv() {
            Ok(Ok(url)) => Ok(Local {
                url,
                shutdown: Some(shutdown),
                thread: Some(thread),
            }),
            Ok(Err(error)) => Err(cannot_start(&error)),
            Err(_) => Err(cannot_start(&io::Error::other("its thread ended"))),
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Some(shutdown) = self.shutdown.take() {
            // It may have ended by itself.
            let _ = shutdown.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn cannot_start(error: &io::Error) -> Stop {
    Stop::new(
        Exit::CouldNotRun,
        format!("cannot start the reference server: {error}"),
    )
}

/// What a server of our own says unasked in a dialect.
pub(super) fn talk(dialect: Dialect, hb_interval: Duration) -> Option<Talk> {
    (dialect == Dialect::Bidirectional).then(|| Talk::every(hb_interval / 2))
}

/// The server's thread: tells where it listens, then serves until told to stop.
fn serve(
    config: ServerConfig,
    member: Option<&'static Member>,
    stopped: oneshot::Receiver<()>,
    tell: &mpsc::Sender<io::Result<String>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = tell.send(Err(error));
            return;
        }
    };
    runtime.block_on(async {
        let keeper = member.map(|member| Keeper::new(member, config.clone()));
        let bound = match &keeper {
            Some(keeper) => keeper.bind().await,
            None => Server::bind(config).await,
        };
        match bound {
            Ok(server) => {
                let _ = tell.send(Ok(format!("ws://{}/", server.local_addr())));
                let died = Keeper::died_of(keeper.as_ref());
                server
                    .run(async {
                        tokio::select! {
                            biased;
                            // A sender that is gone means the same.
                            _ = stopped => {}
                            () = died => {}
                        }
                    })
                    .await;
            }
            Err(error) => {
                let _ = tell.send(Err(error));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn it_listens_while_it_lives_and_no_longer() {
        let local = Local::start(Duration::from_secs(1), Dialect::Text, "x", None).unwrap();
        let address = local
            .url
            .trim_start_matches("ws://")
            .trim_end_matches('/')
            .to_owned();
        assert!(TcpStream::connect(&address).is_ok());
        drop(local);
        assert!(TcpStream::connect(&address).is_err());
    }

    #[test]
    fn an_interval_below_a_millisecond_is_refused() {
        let stop = Local::start(Duration::from_micros(500), Dialect::Text, "x", None).unwrap_err();
        assert_eq!(stop.exit, Exit::Usage);
    }
}
