//! Lists of known failures and flaky scenarios, shards, and what may stay unjudged.

use super::*;

/// A scenario of the user's own that no right server passes.
const FAILS: &str = "title  A heartbeat is acknowledged with another op\nrule   heartbeat.ack\n\nuse handshake\n> {\"op\": 2}\n< {\"op\": 77}\n";

fn entry(id: &str, more: &str) -> String {
    format!(
        "[[known]]\nid = \"{id}\"\nrule = \"heartbeat.ack\"\nreason = \"the server of 2019\"\n{more}\n"
    )
}

/// A run of two scenarios of the user's own against the reference server: `fails` and `ack`.
fn check(folder: &Path, more: &[&str]) -> (Option<i32>, serde_json::Value) {
    let args = [
        "check",
        "--reference",
        "--scenario",
        "fails.scenario",
        "--scenario",
        "ack.scenario",
        "--only-own",
        "--format",
        "json",
    ];
    let triage: &[&str] = match more {
        ["--triage", ..] => &[],
        _ => &["--triage", "0"],
    };
    let output = run(folder, &[&args[..], triage, more].concat());
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), report)
}

fn two(name: &str) -> PathBuf {
    let folder = folder(name);
    fs::write(folder.join("fails.scenario"), FAILS).unwrap();
    fs::write(folder.join("ack.scenario"), RIGHT).unwrap();
    folder
}

fn result<'r>(report: &'r serde_json::Value, id: &str) -> &'r serde_json::Value {
    let scenarios = report["scenarios"].as_array().unwrap();
    scenarios.iter().find(|result| result["id"] == id).unwrap()
}

#[test]
fn a_known_failure_does_not_fail_the_run_and_is_counted_apart() {
    let folder = two("known-failure");
    assert_eq!(check(&folder, &[]).0, Some(1));
    fs::write(folder.join("known.toml"), entry("own/fails", "")).unwrap();
    let (exit, report) = check(&folder, &["--known-failing", "known.toml"]);
    assert_eq!(exit, Some(0), "{report}");
    assert_eq!(report["summary"]["fail"], 0);
    assert_eq!(report["summary"]["expected_fail"], 1);
    let failed = result(&report, "own/fails");
    assert_eq!(failed["verdict"], "fail");
    assert_eq!(failed["expected"]["status"], "expected_fail");
    assert_eq!(failed["expected"]["reason"], "the server of 2019");
    assert_eq!(report["known"][0]["status"], "held");
    // The same by the other two ways of giving an option.
    fs::write(
        folder.join("litespec.toml"),
        "known-failing = \"known.toml\"\n",
    )
    .unwrap();
    assert_eq!(check(&folder, &[]).0, Some(0));
    fs::remove_file(folder.join("litespec.toml")).unwrap();
    let args = [
        "check",
        "--reference",
        "--scenario",
        "fails.scenario",
        "--only-own",
    ];
    let output = program(&folder, &args)
        .env("LITESPEC_KNOWN_FAILING", "known.toml")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(
        text(&output.stdout).starts_with("PASS"),
        "{}",
        told(&output)
    );
}

#[test]
fn an_entry_is_bound_to_its_reason() {
    let folder = two("known-reason");
    let other_rule = entry("own/fails", "").replace("heartbeat.ack", "heartbeat.timeout");
    for list in [entry("own/fails", "text = \"close 1008\"\n"), other_rule] {
        fs::write(folder.join("known.toml"), &list).unwrap();
        let (exit, report) = check(&folder, &["--known-failing", "known.toml"]);
        assert_eq!(exit, Some(1), "{list}");
        assert_eq!(report["summary"]["fail"], 1, "{list}");
        assert_eq!(report["summary"]["stale"], 1, "{list}");
    }
    fs::write(
        folder.join("known.toml"),
        entry("own/fails", "text = '\"op\":3'\n"),
    )
    .unwrap();
    let (exit, report) = check(&folder, &["--known-failing", "known.toml"]);
    assert_eq!(exit, Some(0), "{report}");
}

#[test]
fn what_passes_or_fits_nothing_fails_the_run_until_its_entry_is_gone() {
    let folder = two("known-passes");
    let passes = entry("own/fails", "") + &entry("own/ack", "");
    fs::write(folder.join("known.toml"), passes).unwrap();
    let (exit, report) = check(&folder, &["--known-failing", "known.toml"]);
    assert_eq!(exit, Some(1));
    let summary = &report["summary"];
    assert_eq!(
        (&summary["fail"], &summary["unexpected_pass"]),
        (&0.into(), &1.into())
    );
    assert_eq!(
        result(&report, "own/ack")["expected"]["status"],
        "unexpected_pass"
    );

    let stale = entry("own/fails", "") + &entry("own/ack", "").replace(".ack", ".timeout");
    fs::write(folder.join("known.toml"), stale).unwrap();
    let (exit, report) = check(&folder, &["--known-failing", "known.toml"]);
    assert_eq!(exit, Some(1));
    assert_eq!(report["summary"]["stale"], 1);
    assert_eq!(report["known"][1]["status"], "stale");
    // What was not selected is not stale.
    let more = ["--known-failing", "known.toml", "--filter", "own/fails"];
    let (exit, report) = check(&folder, &more);
    assert_eq!(exit, Some(0), "{report}");
    assert_eq!(report["known"][1]["status"], "not_judged");
}

#[test]
fn an_entry_whose_last_day_is_over_excuses_nothing_and_says_so() {
    let folder = two("known-expired");
    fs::write(
        folder.join("known.toml"),
        entry("own/fails", "expires = 2020-02-29\n"),
    )
    .unwrap();
    let (exit, report) = check(&folder, &["--known-failing", "known.toml"]);
    assert_eq!(exit, Some(1));
    assert_eq!(report["summary"]["fail"], 1);
    let expected = &result(&report, "own/fails")["expected"];
    assert_eq!(expected["status"], "expired");
    assert_eq!(expected["expires"], "2020-02-29");
    fs::write(
        folder.join("known.toml"),
        entry("own/fails", "expires = 2999-12-31\n"),
    )
    .unwrap();
    assert_eq!(
        check(&folder, &["--known-failing", "known.toml"]).0,
        Some(0)
    );
}

#[test]
fn a_flaky_entry_may_pass_or_fail() {
    let folder = two("known-flaky");
    let both = entry("own/*", "");
    fs::write(folder.join("flaky.toml"), both).unwrap();
    let (exit, report) = check(&folder, &["--known-flaky", "flaky.toml"]);
    assert_eq!(exit, Some(0), "{report}");
    let entry = &report["known"][0];
    assert_eq!(
        (&entry["list"], &entry["status"]),
        (&"flaky".into(), &"held".into())
    );
    assert_eq!((&entry["failed"], &entry["passed"]), (&1.into(), &1.into()));
}

#[test]
fn a_wrong_list_exits_3_and_is_quoted() {
    let folder = two("known-wrong");
    let right = entry("server/auth/wrong-password", "");
    let lists = [
        ("key.toml", right.replace("reason", "raeson")),
        ("rule.toml", right.replace("heartbeat.ack", "heartbeat.akc")),
        ("id.toml", right.replace("wrong-password", "wrong-pasword")),
        ("date.toml", format!("{right}expires = \"soon\"\n")),
        ("toml.toml", "[[known]\n".to_owned()),
    ];
    let mut all = String::new();
    for (name, list) in lists {
        fs::write(folder.join(name), list).unwrap();
        let line = ["check", "ws://localhost:9001/", "--known-failing", name];
        all.push_str(&each_told(&folder, &[&line]));
    }
    let line = [
        "check",
        "ws://localhost:9001/",
        "--known-flaky",
        "missing.toml",
    ];
    all.push_str(&each_told(&folder, &[&line]));
    snapshot!("cli_known_wrong", all);
}

#[test]
fn what_failed_can_be_written_as_a_list_that_excuses_it() {
    let folder = two("known-write");
    let (exit, _) = check(&folder, &["--write-known-failing", "known.toml"]);
    assert_eq!(exit, Some(1), "the run failed, whatever was written");
    let first = fs::read_to_string(folder.join("known.toml")).unwrap();
    assert!(
        first.contains("id = \"own/fails\"\nrule = \"heartbeat.ack\"\n"),
        "{first}"
    );
    assert!(first.contains("reason = \"as seen on 20"), "{first}");
    assert_eq!(
        check(&folder, &["--known-failing", "known.toml"]).0,
        Some(0)
    );

    // A reason that somebody wrote stays, what passes goes, what was not judged stays.
    let list = entry("own/fails", "expires = 2999-12-31\n")
        + &entry("own/ack", "")
        + &entry("server/heartbeat/burst", "");
    fs::write(folder.join("known.toml"), list).unwrap();
    check(&folder, &["--write-known-failing", "known.toml"]);
    let second = fs::read_to_string(folder.join("known.toml")).unwrap();
    assert!(second.contains("id = \"own/fails\"\nrule = \"heartbeat.ack\"\nreason = \"the server of 2019\"\nexpires = 2999-12-31\n"), "{second}");
    assert!(!second.contains("own/ack"), "{second}");
    assert!(second.contains("server/heartbeat/burst"), "{second}");
    let more = [
        "--known-failing",
        "known.toml",
        "--write-known-failing",
        "known.toml",
    ];
    assert_eq!(check(&folder, &more).0, Some(0));
    assert_eq!(
        fs::read_to_string(folder.join("known.toml")).unwrap(),
        second,
        "written again, it is the same"
    );
}

#[test]
fn shards_are_disjoint_and_together_everything() {
    let folder = folder("shards");
    let ids = |shard: &str| -> Vec<String> {
        let args = [
            "check",
            "--reference",
            "--filter",
            "server/auth/*",
            "--shard",
            shard,
            "--format",
            "json",
        ];
        let output = run(&folder, &args);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["options"]["shard"], shard);
        let scenarios = report["scenarios"].as_array().unwrap();
        scenarios
            .iter()
            .map(|s| s["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let whole = ids("1/1");
    let mut parts: Vec<String> = ["1/3", "2/3", "3/3"]
        .iter()
        .flat_map(|shard| ids(shard))
        .collect();
    parts.sort();
    let mut sorted = whole.clone();
    sorted.sort();
    assert_eq!(parts, sorted);
}

#[test]
fn a_shard_that_has_nothing_is_no_error_and_one_that_is_none_is() {
    let folder = folder("shard-usage");
    let args = [
        "check",
        "--reference",
        "--filter",
        "server/auth/wrong-password",
        "--shard",
    ];
    let codes: Vec<i32> = ["1/2", "2/2"]
        .iter()
        .map(|shard| {
            run(&folder, &[&args[..], &[shard]].concat())
                .status
                .code()
                .unwrap()
        })
        .collect();
    assert_eq!(codes, [0, 0]);
    let lines =
        ["0/3", "4/3", "1/0", "x"].map(|shard| ["check", "ws://localhost:9001/", "--shard", shard]);
    let lines: Vec<&[&str]> = lines.iter().map(|line| &line[..]).collect();
    snapshot!("cli_shard", each_told(&folder, &lines));
}

#[test]
fn what_the_target_declares_it_lacks_is_skipped_and_leaves_nothing_unjudged() {
    let folder = folder("without");
    let check = |more: &[&str]| {
        let args = [
            "check",
            "--reference",
            "--filter",
            "server/request/*",
            "--filter",
            "server/auth/*",
            "--filter",
            "server/dispatch/*",
            "--hb-interval",
            "400ms",
            "--format",
            "json",
        ];
        let output = run(&folder, &[&args[..], more].concat());
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), report)
    };
    let (exit, report) = check(&["--without", "request,dispatch"]);
    assert_eq!(exit, Some(0), "{}", report["summary"]);
    let allowed = report["summary"]["untested_allowed"].as_array().unwrap();
    assert!(allowed.contains(&"request.nonce-any".into()), "{allowed:?}");
    let skipped = result(&report, "server/request/one-after-another");
    assert_eq!(skipped["verdict"], "skip");
    assert_eq!(skipped["blocked_by"], "--without request");
    assert_eq!(
        report["options"]["without"],
        serde_json::json!(["request", "dispatch"])
    );
    let steps = report["preflight"]["steps"].as_array().unwrap();
    assert!(
        steps.iter().all(|step| step["step"] != "request"),
        "{steps:?}"
    );
}

#[test]
fn rules_can_be_allowed_to_stay_unjudged() {
    let folder = folder("allow-untested");
    // Everything that waits is skipped.
    let args = [
        "check",
        "--reference",
        "--filter",
        "server/heartbeat/timeout-*",
        "--max-wait",
        "100ms",
        "--format",
        "json",
    ];
    assert_eq!(run(&folder, &args).status.code(), Some(5));
    let output = run(
        &folder,
        &[&args[..], &["--allow-untested", "heartbeat.*"]].concat(),
    );
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["summary"]["untested"], serde_json::json!([]));
    assert!(
        report["summary"]["untested_allowed"]
            .as_array()
            .unwrap()
            .contains(&"heartbeat.timeout".into())
    );
    let lines: [&[&str]; 2] = [
        &[
            "check",
            "ws://localhost:9001/",
            "--allow-untested",
            "heartbeat.timeot",
        ],
        &[
            "check",
            "ws://localhost:9001/",
            "--without",
            "request",
            "--request",
            "ECHO [1]",
        ],
    ];
    snapshot!("cli_untested", each_told(&folder, &lines));
}

#[test]
fn the_preflight_alone_says_what_it_found() {
    let folder = folder("preflight");
    let output = run(
        &folder,
        &[
            "check",
            "--reference",
            "--preflight",
            "--hb-interval",
            "700ms",
        ],
    );
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let shown = text(&output.stdout);
    assert!(
        shown.starts_with("PASS") && shown.contains("hb_interval 700 ms"),
        "{shown}"
    );
    let target = format!("ws://127.0.0.1:{}/", closed_port());
    assert_eq!(
        run(&folder, &["check", &target, "--preflight"])
            .status
            .code(),
        Some(4)
    );
}

#[test]
fn a_failure_is_played_again_and_told_what_kind_it_is() {
    let folder = two("triage");
    let (exit, report) = check(&folder, &["--triage", "3"]);
    assert_eq!(exit, Some(1));
    let triage = &result(&report, "own/fails")["triage"];
    assert_eq!(triage["label"], "deterministic");
    assert_eq!(triage["rate"], "4 of 4");
    assert_eq!(triage["attempts"].as_array().unwrap().len(), 4);
    assert_eq!(triage["attempts"][3]["rule"], "heartbeat.ack");
    assert_eq!(
        result(&report, "own/ack")["triage"],
        serde_json::Value::Null
    );
    let repeat = result(&report, "own/fails")["failure"]["repeat"]
        .as_str()
        .unwrap();
    assert!(repeat.contains("--triage 3"), "{repeat}");
    let args = [
        "check",
        "--reference",
        "--scenario",
        "fails.scenario",
        "--only-own",
    ];
    let args = [&args[..], &["--report", "jsonl=events.jsonl"]].concat();
    let shown = text(&run(&folder, &args).stdout);
    assert!(
        shown.contains("deterministic: failed the same way in 3 of 3 runs"),
        "{shown}"
    );
    let events = fs::read(folder.join("events.jsonl")).unwrap();
    let record = litespec::report::rebuild(&events[..]).unwrap();
    assert_eq!(
        litespec::report::human::render(&record, &Default::default()),
        shown
    );
}

#[test]
fn stepping_needs_a_terminal_and_debugging_does_not() {
    let folder = two("step");
    let line = ["check", "ws://localhost:9001/", "--step"];
    snapshot!("cli_step", each_told(&folder, &[&line]));
    let (exit, report) = check(&folder, &["--debug"]);
    assert_eq!(exit, Some(1));
    let failed = result(&report, "own/fails");
    assert_eq!(failed["triage"], serde_json::Value::Null);
    let repeat = failed["failure"]["repeat"].as_str().unwrap();
    assert!(repeat.contains("--debug"), "{repeat}");
}
