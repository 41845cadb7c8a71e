//! Playing a whole scenario, against a server or a client; and whether a server is alive.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::time::Instant;

use super::drive::undriven;
use super::ended::{Broken, Ended, Played};
use super::handshake::HELLO_ACK;
use super::host::Host;
use super::item::{Got, Item};
use super::player::Player;
use super::pump::op;
use super::settings::Settings;
use crate::scenario::syntax::{Origin, Role, Source};
use crate::scenario::values::Env;
use crate::scenario::{self, Scenario};

/// Plays a scenario to its end. `env` holds what its variables stand for; `limit` is the time at
/// which it is ended from outside, whatever it waits for.
pub async fn run(
    settings: &Settings,
    id: &str,
    scenario: &Arc<Scenario>,
    env: Env,
    limit: Duration,
) -> Played {
    let mut player = Player::new(settings, id, scenario, env, limit);
    let ended = player.steps(&scenario.steps).await;
    // What the watch still sees counts; how the leave-taking itself goes does not.
    let _ = player.settle().await;
    player.finish(ended.err().unwrap_or(Ended::Passed))
}

/// Plays a scenario against a client to its end: as [`run`], but the connections come from `host`.
/// The settings' way to a target is not used.
pub async fn run_client(
    settings: &Settings,
    host: &mut Host,
    id: &str,
    scenario: &Arc<Scenario>,
    env: Env,
    limit: Duration,
) -> Played {
    let drives = scenario.needs().driver;
    let driven = host.driver.is_some();
    let mut player = Player::hosting(settings, host, id, scenario, env, limit);
    if scenario.role() == Some(Role::Server) {
        let why = "this scenario needs a server as its target".to_owned();
        return player.finish(Ended::Error(why));
    }
    if drives && !driven {
        return player.finish(undriven());
    }
    let ended = player.steps(&scenario.steps).await;
    let _ = player.settle().await;
    player.finish(ended.err().unwrap_or(Ended::Passed))
}

/// Whether a new connection gets through handshake and heartbeat; if not, what broke.
pub async fn alive(settings: &Settings) -> Result<(), Box<Broken>> {
    let limit = settings.answer_within * 4;
    let env = Env::new(&settings.password);
    let mut player = Player::new(settings, "alive", &ALIVE, env, limit);
    let ended = player.steps(&ALIVE.steps).await;
    let _ = player.settle().await;
    match ended {
        Ok(()) => Ok(()),
        Err(Ended::Failed(broken) | Ended::Unreachable(broken) | Ended::Prerequisite(broken)) => {
            Err(broken)
        }
        Err(other) => Err(Box::new(player.broken(None, &other.in_words()))),
    }
}

/// Whether the target opens a WebSocket and says HELLO on it.
pub async fn greets(settings: &Settings) -> bool {
    let limit = settings.answer_within * 2;
    let env = Env::new(&settings.password);
    let mut player = Player::new(settings, "alive", &ALIVE, env, limit);
    let until = Instant::now() + settings.answer_within;
    let link = player.connect("a").await;
    let greeted = match link {
        Ok(link) => matches!(
            player.next_item(link, until).await,
            Ok(Some(Item { got: Got::Packet { packet, .. }, .. })) if op(&packet) == Some(0)
        ),
        Err(_) => false,
    };
    if let Ok(link) = link
        && greeted
    {
        // As a client would, so that the look itself is nothing that a server may not bear.
        let _ = player.send_packet(link, HELLO_ACK).await;
    }
    let _ = player.settle().await;
    greeted
}

static ALIVE: LazyLock<Arc<Scenario>> = LazyLock::new(|| {
    let text = "title  A new connection gets through handshake and heartbeat\n\
                rule   robust.isolation\n\nalive\n";
    let path = "alive".to_owned();
    let source = Source {
        path,
        origin: Origin::Embedded,
        text: text.to_owned(),
    };
    // The text is a constant; a test parses it.
    Arc::new(scenario::parse("alive", Arc::new(source)).expect("the text of `alive` parses"))
});
