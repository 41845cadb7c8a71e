//! The fuzzer against the zoo's clients, in memory and on virtual time.

use std::time::Duration;

use litespec::selftest::hunt::{Hunt, HuntTerms, hunt_client};
use litespec::zoo::client;

fn against(name: &str, cases: u64) -> Hunt {
    let member = client::find(name).or_else(|| client::find_variant(name));
    let member = member.unwrap_or_else(|| panic!("no {name} in the zoo"));
    let terms = HuntTerms {
        interval: Duration::from_secs(1),
        cases,
        time: Duration::from_secs(1800),
        jobs: 1,
    };
    hunt_client(member, terms)
}

#[test]
fn planted_defects_of_clients_are_found_and_made_small() {
    for (name, rule, steps) in [
        ("answers-to-the-oldest", "client.correlates", 16),
        ("nonces-all-one", "client.nonce-unique", 8),
        ("request-a-left-out", "client.request-fields", 6),
        ("hello-torn-by-a-ping", "client.hello-ack", 6),
    ] {
        let hunt = against(name, 1000);
        let found = hunt
            .found
            .unwrap_or_else(|| panic!("{name}: {:?}", hunt.ended));
        assert_eq!(found.rule, rule, "{name}: {}", found.scenario);
        assert!(found.steps <= steps, "{name}: {}", found.scenario);
    }
}

#[test]
fn nothing_is_found_where_clients_are_right() {
    for member in client::variants() {
        let hunt = against(member.name, 60);
        assert_eq!(hunt.ended, None, "{}", member.name);
        if let Some(found) = hunt.found {
            panic!("{}: {}", member.name, found.scenario);
        }
        assert!(hunt.cases >= 50, "{}: {} cases", member.name, hunt.cases);
    }
}

#[test]
fn one_seed_finds_the_same_in_a_client() {
    let one = against("answers-to-the-oldest", 500);
    assert!(one.found.is_some());
    assert_eq!(one, against("answers-to-the-oldest", 500));
}
