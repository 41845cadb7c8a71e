//! The bent clients of the zoo: each is caught under its rule, and no right one is blamed.

use std::time::Duration;

use super::suite::{Case, cases};
use super::{PASSWORD, blamed, found, settings};
use litespec::play::{Ended, Host, Played, run_client};
use litespec::reference::client::{Address, ClientConfig};
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
async fn play(member: &'static Member, case: &Case) -> Played {
    let (dial, listener) = memory::listen();
    let address = Address::parse("ws://memory/").expect("an address");
    let running = Keeper::new(member, config()).start(dial, address);
    let mut host = Host::new(listener);
    if member.obeys {
        host = host.with_driver(running);
        return played(&mut host, case).await;
    }
    let played = played(&mut host, case).await;
    drop(running);
    played
}

async fn played(host: &mut Host, case: &Case) -> Played {
    let limit = Duration::from_secs(600);
    let env = case.env.clone();
    run_client(&settings(), host, &case.id, &case.scenario, env, limit).await
}

#[tokio::test(start_paused = true)]
async fn no_right_client_is_blamed_by_a_scenario_that_is_built_in() {
    for member in client::variants() {
        for case in cases() {
            let played = play(member, &case).await;
            let told = format!("{} at {}: {:?}", member.name, case.id, played.ended);
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
    for case in cases() {
        let played = play(member, &case).await;
        rules.extend(found(&played));
        if let Ended::Failed(_) = &played.ended {
            rules.push(blamed(&played).0.to_owned().leak());
        }
    }
    assert!(rules.contains(&"client.heartbeat-interval"), "{rules:?}");
}
