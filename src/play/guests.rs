//! Where the clients of a run come from: one for each scenario, whoever starts it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::ended::{Ended, Played};
use super::host::Host;
use super::record::Redactor;
use super::run::run_client;
use super::settings::Settings;
use crate::scenario::Scenario;
use crate::scenario::values::Env;

/// What an invitation gives.
pub type Inviting<'a> = Pin<Box<dyn Future<Output = Result<Guest, String>> + Send + 'a>>;

/// What is told of a client.
pub type Telling<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where clients come from.
pub trait Guests: Send + Sync {
    /// A client for one scenario, named by its id. An error is why there can be none.
    fn invite(&self, scenario: &str) -> Inviting<'_>;

    /// Whether each scenario has a client of its own. If not, one client is there for all of them, which
    /// come to it one after another.
    fn many(&self) -> bool;

    /// Ends whatever the clients have left behind.
    fn clear(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }
}

/// A client that is about to connect, and what receives it.
pub struct Guest {
    /// Where it comes in, and how it is told what to do.
    pub host: Host,
    /// The client itself.
    pub client: Box<dyn Client>,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// A client while its scenario is played.
pub trait Client: Send + Sync {
    /// The last lines that it wrote, as it wrote them; none where nobody can know. Of one that has ended
    /// these are all to the last.
    fn last_lines(&mut self) -> Telling<'_, Vec<String>>;

    /// How it ended, if it has, or does within a moment.
    fn ended(&self) -> Telling<'_, Option<String>>;

    /// Ends it, with all that it has started.
    fn end(self: Box<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// Plays one scenario, named by its id, against a client of its own, and ends that.
pub async fn run_guest(
    settings: &Settings,
    guests: &dyn Guests,
    id: &str,
    scenario: &Arc<Scenario>,
    env: Env,
    limit: Duration,
) -> Played {
    let Guest {
        mut host,
        mut client,
    } = match guests.invite(id).await {
        Ok(guest) => guest,
        Err(why) => return Played::not_played(Ended::Error(settings.redactor.redact(&why))),
    };
    let mut played = run_client(settings, &mut host, id, scenario, env, limit).await;
    if let Ended::Failed(broken) = &mut played.ended
        && let Some(how) = client.ended().await
        && !broken.actual.contains(&how)
    {
        broken.actual = format!("{}; the client ended: {how}", broken.actual);
    }
    played.target_output = said(&mut *client, &settings.redactor).await;
    // Its standard input ends first.
    drop(host);
    client.end().await;
    played
}

/// A client's last lines without secrets.
pub(crate) async fn said(client: &mut dyn Client, redactor: &Redactor) -> Vec<String> {
    let lines = client.last_lines().await;
    lines.iter().map(|line| redactor.redact(line)).collect()
}
