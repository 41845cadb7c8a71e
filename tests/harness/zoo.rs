//! The suite against the zoo: every defect is caught by a scenario about its rule, no right variant
//! is blamed, and the whole matrix is as recorded.

use std::collections::BTreeSet;
use std::time::Duration;

use litespec::protocol::rules::{self, Level, RoleOf};
use litespec::selftest::human::{self, Telling};
use litespec::selftest::{self, Options};
use litespec::zoo::{self, Peer, client, server};

#[test]
fn the_kill_matrix_is_clean_and_as_recorded() {
    let matrix = selftest::run(&Options::default(), |_, _| ()).expect("everything is selected");
    let telling = Telling {
        color: false,
        full: true,
    };
    let text = human::text(&matrix, telling);
    assert!(matrix.summary.clean(), "{text}");
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("kill_matrix", text);
    });
}

#[test]
fn every_member_has_a_name_of_its_own_in_words_with_hyphens() {
    let mut names = BTreeSet::new();
    for member in zoo::defects().chain(zoo::variants()) {
        let name = member.name();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(name.chars().all(plain), "{name}");
        assert!(!name.contains("--"), "{name}");
        assert!(member.sentence().ends_with('.'), "{name}");
        assert!(names.insert(name), "{name} is there twice");
    }
}

#[test]
fn every_rule_that_binds_is_broken_by_a_defect_of_its_role_and_no_other_is() {
    for role in [RoleOf::Server, RoleOf::Client] {
        let binding = |rule: &&rules::Rule| rule.role == role && rule.level != Level::Open;
        let bound: BTreeSet<&str> = rules::all().iter().filter(binding).map(|r| r.id).collect();
        let of_role = |member: &Peer| member.role() == role;
        let broken: BTreeSet<&str> = zoo::defects()
            .filter(of_role)
            .filter_map(Peer::rule)
            .collect();
        assert_eq!(broken, bound);
        assert!(zoo::variants().all(|member| member.rule().is_none()));
    }
    assert!(server::all().count() >= 90 && server::variants().count() >= 22);
    assert!(client::all().count() >= 150 && client::variants().count() >= 40);
}

#[test]
fn no_right_variant_is_blamed_at_other_intervals() {
    for ms in [400, 10_000] {
        let options = Options {
            members: zoo::variants().map(|m| m.name().to_owned()).collect(),
            interval: Duration::from_millis(ms),
            ..Options::default()
        };
        let matrix = selftest::run(&options, |_, _| ()).expect("there are variants");
        assert_eq!(matrix.summary.variants, options.members.len());
        let text = human::text(&matrix, Telling::default());
        assert!(matrix.summary.clean(), "at {ms} ms: {text}");
    }
}

/// What a scenario catches does not depend on the company it runs in.
#[test]
fn a_part_of_the_zoo_gives_the_same_as_the_whole() {
    let part = |jobs| {
        let options = Options {
            members: vec!["dies-of-b*".to_owned(), "reason-*".to_owned()],
            jobs,
            ..Options::default()
        };
        selftest::run(&options, |_, _| ()).expect("there are such members")
    };
    let alone = part(1);
    assert_eq!(alone, part(4));
    assert!(alone.summary.clean());
    assert!(alone.summary.defects >= 3 && alone.summary.variants >= 3);
}

#[test]
fn what_is_not_selected_cannot_catch() {
    let options = Options {
        members: vec!["timeout-never".to_owned(), "plain".to_owned()],
        filters: vec!["server/auth/*".to_owned()],
        ..Options::default()
    };
    let matrix = selftest::run(&options, |_, _| ()).expect("there are such scenarios");
    assert_eq!(matrix.summary.survivors, ["timeout-never"]);
    assert!(!matrix.summary.clean());
    assert_eq!(matrix.summary.alarms, 0);
}
