//! The fuzzer against the zoo, in memory and on virtual time.

use std::time::Duration;

use litespec::selftest::hunt::{Hunt, HuntTerms, hunt};
use litespec::zoo::server;

fn against(name: &str, cases: u64) -> Hunt {
    let member = server::find(name).or_else(|| server::find_variant(name));
    let member = member.unwrap_or_else(|| panic!("no {name} in the zoo"));
    let terms = HuntTerms {
        interval: Duration::from_secs(1),
        cases,
        time: Duration::from_secs(600),
        jobs: 1,
    };
    hunt(member, terms)
}

#[test]
fn planted_defects_are_found_and_made_small() {
    for (name, rule, steps) in [
        ("any-password", "auth.reject", 3),
        ("nonce-int32", "request.nonce-any", 4),
        ("early-request-ignored", "auth.gate-request", 3),
        ("timeout-early", "heartbeat.timeout", 3),
        ("response-to-the-newest", "response.to-sender", 8),
        ("dies-of-garbage", "robust.isolation", 5),
        ("hangs-on-garbage", "robust.isolation", 6),
        ("dies-of-mute-visitors", "robust.isolation", 6),
        ("dies-of-bad-upgrades", "robust.isolation", 6),
        ("hangs-on-half-an-upgrade", "robust.isolation", 6),
        // Requests that go unanswered together go unanswered alone.
        ("response-late", "request.response", 6),
        ("nonce-once", "request.response", 6),
        ("nonce-one-behind", "request.response", 6),
        // A server that asks its clients.
        ("response-authenticates", "dialect.bidirectional", 10),
    ] {
        let hunt = against(name, 3000);
        let found = hunt
            .found
            .unwrap_or_else(|| panic!("{name}: {:?}", hunt.ended));
        assert_eq!(found.rule, rule, "{name}: {}", found.scenario);
        assert!(found.steps <= steps, "{name}: {}", found.scenario);
    }
}

#[test]
fn a_server_that_answers_one_packet_and_no_more_is_not_called_dead() {
    let found = against("one-op-only", 3000).found.expect("it is found");
    let rules = ["heartbeat.ack", "request.response"];
    assert!(rules.contains(&found.rule.as_str()), "{}", found.scenario);
    assert!(found.steps <= 8, "{}", found.scenario);
}

#[test]
fn nothing_is_found_where_nothing_is() {
    for member in server::variants() {
        let hunt = against(member.name, 300);
        assert_eq!(hunt.ended, None, "{}", member.name);
        if let Some(found) = hunt.found {
            panic!("{}: {}", member.name, found.scenario);
        }
        assert!(hunt.cases > 200, "{}: {} cases", member.name, hunt.cases);
    }
}

#[test]
fn one_seed_finds_the_same() {
    let one = against("nonce-float32", 1000);
    assert!(one.found.is_some());
    assert_eq!(one, against("nonce-float32", 1000));
}
