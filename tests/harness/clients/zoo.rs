//! The bent clients of the zoo: each is caught under its rule, and no right one is blamed.

use std::sync::Arc;
use std::time::Duration;

use super::{PASSWORD, blamed, found, settings};
use litespec::play::{Ended, Host, Played, run_client};
use litespec::reference::client::{Address, ClientConfig};
use litespec::scenario::syntax::Role;
use litespec::scenario::values::Env;
use litespec::scenario::{Scenario, library};
use litespec::session::Password;
use litespec::wire::memory;
use litespec::zoo::client::{self, Keeper, Member};

fn config() -> ClientConfig {
    ClientConfig {
        password: Password::from(PASSWORD),
        seed: Some(3),
        ..ClientConfig::default()
    }
}

/// Plays a scenario against a member.
async fn play(member: &'static Member, scenario: &Arc<Scenario>) -> Played {
    let (dial, listener) = memory::listen();
    let address = Address::parse("ws://memory/").expect("an address");
    let running = Keeper::new(member, config()).start(dial, address);
    let mut host = Host::new(listener);
    if member.obeys {
        host = host.with_driver(running);
        return played(&mut host, scenario).await;
    }
    let played = played(&mut host, scenario).await;
    drop(running);
    played
}

async fn played(host: &mut Host, scenario: &Arc<Scenario>) -> Played {
    let limit = Duration::from_secs(600);
    let env = Env::new(PASSWORD);
    run_client(&settings(), host, &scenario.id, scenario, env, limit).await
}

fn scenarios() -> impl Iterator<Item = &'static Arc<Scenario>> {
    let client = |s: &&Arc<Scenario>| s.role() == Some(Role::Client);
    library::all().iter().filter(client)
}

#[tokio::test(start_paused = true)]
async fn no_right_client_is_blamed_by_a_scenario_that_is_built_in() {
    for member in client::variants() {
        for scenario in scenarios() {
            let played = play(member, scenario).await;
            let told = format!("{} at {}: {:?}", member.name, scenario.id, played.ended);
            assert!(
                matches!(played.ended, Ended::Passed | Ended::Skipped(_)),
                "{told}"
            );
            assert_eq!(found(&played), [] as [&str; 0], "{told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_beats_is_blamed_for_that() {
    let member = client::find("beats-never").expect("a defect");
    let mut rules = Vec::new();
    for scenario in scenarios() {
        let played = play(member, scenario).await;
        rules.extend(found(&played));
        if let Ended::Failed(_) = &played.ended {
            rules.push(blamed(&played).0.to_owned().leak());
        }
    }
    assert!(rules.contains(&"client.heartbeat-interval"), "{rules:?}");
}
