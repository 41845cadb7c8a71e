//! The zoo as people meet it: listed, served, checked, and examined as a whole.

use super::*;

#[test]
fn defects_are_listed_with_the_rules_they_break_and_variants_without() {
    let folder = folder("zoo-list");
    for (what, least) in [("defects", 90), ("variants", 22)] {
        let lines = run(&folder, &["list", what]);
        assert_eq!(lines.status.code(), Some(0));
        let json = run(&folder, &["list", what, "--format", "json"]);
        let members: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        let members = members.as_array().unwrap();
        assert!(members.len() >= least);
        assert_eq!(members.len(), text(&lines.stdout).lines().count());
        for member in members {
            assert_eq!(member["rule"].is_string(), what == "defects", "{member}");
            assert_eq!(member["level"].is_string(), what == "defects", "{member}");
        }
    }
}

#[test]
fn a_defect_that_does_not_exist_is_told_what_is_near() {
    let lines: [&[&str]; 6] = [
        &["serve", "--defect", "timeout-nevr"],
        &["serve", "--variant", "pretty-print"],
        &["check", "--reference", "--defect", "nonce-int-32"],
        &["check", "ws://127.0.0.1:1/", "--defect", "nonce-int32"],
        &["selftest", "--defect", "timeout-nevr"],
        &["selftest", "--filter", "server/no-such/*"],
    ];
    snapshot!("cli_zoo_usage", each_told(&folder("zoo-usage"), &lines));
}

#[test]
fn a_planted_defect_fails_a_run_over_a_real_socket_under_its_rule() {
    let line = [
        "check",
        "--reference",
        "--hb-interval",
        "300ms",
        "--defect",
        "nonce-int32",
        "--filter",
        "server/request/nonce-number",
        "--format",
        "json",
    ];
    let output = run(&folder("zoo-check"), &line);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed: Vec<&str> = report["scenarios"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|scenario| scenario["verdict"] == "fail")
        .map(|scenario| scenario["failure"]["rule"].as_str().unwrap())
        .collect();
    assert!(!failed.is_empty());
    assert!(failed.iter().all(|rule| *rule == "request.nonce-any"));
}

#[test]
fn a_right_variant_passes_over_a_real_socket() {
    let line = [
        "check",
        "--reference",
        "--variant",
        "pings-between-fragments",
        "--filter",
        "server/request/*",
        "--quiet",
    ];
    let output = run(&folder("zoo-variant"), &line);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

#[test]
fn selftest_tells_first_what_came_of_it_and_fails_on_a_survivor() {
    let folder = folder("zoo-selftest");
    let caught = [
        "selftest", "--defect", "early-d*", "--defect", "plain", "-q",
    ];
    let output = run(&folder, &caught);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert_eq!(
        text(&output.stdout),
        "clean: 2 of 2 defects caught by a scenario about their rule, \
         0 alarms over 1 right peers\n"
    );
    let survives = [
        "selftest",
        "--defect",
        "early-dispatch-ignored",
        "--filter",
        "server/hello/first",
        "--format",
        "json",
    ];
    let output = run(&folder, &survives);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let matrix: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(matrix["schema_version"], 1);
    assert_eq!(
        matrix["summary"]["survivors"],
        serde_json::json!(["early-dispatch-ignored"])
    );
}
