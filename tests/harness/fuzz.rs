//! The fuzzer against the zoo, in memory and on virtual time.

use std::time::Duration;

use litespec::selftest::hunt::{Hunt, hunt};
use litespec::zoo::server;

const INTERVAL: Duration = Duration::from_secs(1);

fn against(name: &str, cases: u64) -> Hunt {
    let member = server::find(name).or_else(|| server::find_variant(name));
    let member = member.unwrap_or_else(|| panic!("no {name} in the zoo"));
    hunt(member, INTERVAL, cases, Duration::from_secs(600))
}

#[test]
#[ignore = "a table for people"]
fn table() {
    let wanted = std::env::var("HUNT").unwrap_or_default();
    for member in server::all().filter(|m| !m.asks && m.name.contains(&wanted)) {
        let began = std::time::SystemTime::now();
        let hunt = hunt(member, INTERVAL, 2000, Duration::from_secs(600));
        let real = began.elapsed().unwrap_or_default().as_millis();
        let found = hunt.found.as_ref().map(|f| {
            format!(
                "{} case {} at {} ms steps {}",
                f.rule, f.case, f.after_ms, f.steps
            )
        });
        println!(
            "{:36} {} {} [{real} ms]",
            member.name,
            found.unwrap_or_else(|| format!(
                "NOT FOUND {:?} cases {} unrepeated {}",
                hunt.ended, hunt.cases, hunt.unrepeated
            )),
            hunt.rule.unwrap_or_default()
        );
    }
    for member in server::variants().filter(|m| !m.asks && m.name.contains(&wanted)) {
        let began = std::time::SystemTime::now();
        let hunt = hunt(member, INTERVAL, 2000, Duration::from_secs(600));
        let real = began.elapsed().unwrap_or_default().as_millis();
        println!(
            "{:36} {} [{real} ms]",
            member.name,
            hunt.found.map_or("clean".to_owned(), |f| f.scenario)
        );
    }
}

#[test]
fn planted_defects_are_found_and_made_small() {
    for (name, steps) in [
        ("any-password", 3),
        ("nonce-zero-lost", 3),
        ("early-request-ignored", 3),
        ("timeout-early", 3),
        ("response-to-the-newest", 6),
        ("dies-of-garbage", 4),
        ("hangs-on-garbage", 5),
    ] {
        let hunt = against(name, 3000);
        let found = hunt
            .found
            .unwrap_or_else(|| panic!("{name}: {:?}", hunt.ended));
        assert!(found.steps <= steps, "{name}: {}", found.scenario);
    }
}
