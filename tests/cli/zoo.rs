//! The zoo as people meet it: listed, served, checked, and examined as a whole.

use std::io::Read as _;

use super::*;

#[test]
fn defects_are_listed_with_the_rules_they_break_and_variants_without() {
    let folder = folder("zoo-list");
    for (what, servers, clients) in [("defects", 90, 150), ("variants", 22, 40)] {
        let lines = run(&folder, &["list", what]);
        assert_eq!(lines.status.code(), Some(0));
        let json = run(&folder, &["list", what, "--format", "json"]);
        let members: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        let members = members.as_array().unwrap();
        let of_role = |role: &str| members.iter().filter(|m| m["role"] == role).count();
        assert!(of_role("server") >= servers && of_role("client") >= clients);
        assert_eq!(of_role("server") + of_role("client"), members.len());
        assert_eq!(members.len(), text(&lines.stdout).lines().count());
        for member in members {
            assert_eq!(member["rule"].is_string(), what == "defects", "{member}");
            assert_eq!(member["level"].is_string(), what == "defects", "{member}");
        }
    }
}

#[test]
fn a_defect_that_does_not_exist_is_told_what_is_near() {
    let lines: [&[&str]; 9] = [
        &["serve", "--defect", "timeout-nevr"],
        &["serve", "--variant", "pretty-print"],
        &["check", "--reference", "--defect", "nonce-int-32"],
        &["check", "ws://127.0.0.1:1/", "--defect", "nonce-int32"],
        &["client", "ws://127.0.0.1:1/", "--defect", "beats-nevr"],
        &["client", "ws://127.0.0.1:1/", "--variant", "pretty-printed"],
        &["serve", "--defect", "beats-never"],
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
fn a_bent_client_fails_a_run_under_its_rule_and_a_right_one_passes() {
    let folder = folder("zoo-client");
    let litespec = env!("CARGO_BIN_EXE_litespec");
    let check = |zoo: [&str; 2]| {
        let options = ["check-client", "--filter", "client/request/empty-results"];
        let options = options.iter().chain(&["--format", "json", "--"]).copied();
        let command = [litespec, "client", "{url}"].into_iter().chain(zoo);
        let line: Vec<&str> = options.chain(command).collect();
        let output = run(&folder, &line);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), report)
    };
    let (code, report) = check(["--defect", "answer-null-lost"]);
    assert_eq!(code, Some(1), "{report:#}");
    let failed: Vec<&serde_json::Value> = report["scenarios"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|scenario| scenario["verdict"] == "fail")
        .collect();
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert_eq!(failed[0]["failure"]["rule"], "client.correlates");
    let (code, report) = check(["--variant", "nonces-of-objects"]);
    assert_eq!(report["summary"]["fail"], 0, "{report:#}");
    assert_ne!(code, Some(1));
}

#[test]
fn a_client_that_its_defect_ends_says_its_last_words() {
    let folder = folder("zoo-client-dies");
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", busy.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = busy.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    });
    let mut client = program(&folder, &["client", &url, "--defect", "dies-of-a-refusal"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = client.stdin.take();
    let output = client.wait_with_output().unwrap();
    drop(input);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let last = "the planted defect has ended the client: Error: unexpected server response";
    assert!(text(&output.stderr).contains(last), "{}", told(&output));
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
