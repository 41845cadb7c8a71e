//! `check` before it connects: usage, configuration, filters, bad scenarios.

use super::*;

#[test]
fn usage_errors_exit_2_and_say_what_to_do() {
    let folder = folder("usage");
    snapshot!(
        "cli_usage",
        each_told(
            &folder,
            &[
                &["check"],
                &["check", "localhost:9001"],
                &["check", "http://localhost:9001/"],
                &["check", "ws://localhost:9001/", "--reference"],
                &["check", "ws://localhost:9001/", "--hb-interval", "1s"],
                &["check", "ws://localhost:9001/", "--grace", "10"],
                &["check", "ws://localhost:9001/", "--jobs", "0"],
                &["check", "ws://localhost:9001/", "--request", "[1]"],
                &["check", "ws://localhost:9001/", "--var", "user=bob"],
                &["check", "ws://localhost:9001/", "--secret", "token=hunter2"],
                &["check", "ws://localhost:9001/", "-H", "Upgrade: h2c"],
                &["check", "ws://localhost:9001/", "--only-own"],
                &[
                    "check",
                    "ws://localhost:9001/",
                    "--password",
                    "a",
                    "--password-file",
                    "b"
                ],
                &[
                    "check",
                    "ws://localhost:9001/",
                    "--password-file",
                    "missing"
                ],
                &[
                    "check",
                    "ws://localhost:9001/",
                    "--scenario",
                    "missing.scenario"
                ],
                &[
                    "check",
                    "ws://localhost:9001/",
                    "--report",
                    "json=missing/report.json"
                ],
                &[
                    "check",
                    "ws://localhost:9001/",
                    "--report",
                    "json=a",
                    "--report",
                    "jsonl=a"
                ],
                &["check", "ws://localhost:9001/", "--report", "xml=a"],
                &["check", "ws://localhost:9001/", "--frmat", "json"],
                &["explain", "auth.rejct"],
                &["explain", "zzzzz"],
                &["list", "rulez"],
                &["fmt"],
                &["fmt", "missing.scenario"],
            ]
        )
    );
}

#[test]
fn an_unset_variable_never_tests_the_built_in_server() {
    let folder = folder("unset");
    let output = program(&folder, &["check", ""]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let output = program(&folder, &["check"])
        .env("LITESPEC_TARGET", "")
        .env("LITESPEC_REFERENCE", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    fs::write(folder.join("litespec.toml"), "reference = true\n").unwrap();
    let output = run(&folder, &["check"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("reference cannot be set in a file"));
}

#[test]
fn a_scenario_with_an_unknown_word_exits_3_with_its_place() {
    let folder = folder("bad-scenario");
    fs::write(folder.join("wrong.scenario"), WRONG).unwrap();
    let target = "ws://localhost:9001/";
    snapshot!(
        "cli_bad_scenario",
        each_told(
            &folder,
            &[
                &["check", target, "--scenario", "wrong.scenario"],
                &["fmt", "wrong.scenario"]
            ]
        )
    );
    fs::write(
        folder.join("wrong.scenario"),
        WRONG.replace("clsoe", "\u{1b}[2J"),
    )
    .unwrap();
    let output = run(&folder, &["fmt", "wrong.scenario"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(!output.stderr.contains(&0x1b), "{}", text(&output.stderr));
    fs::write(folder.join("binary.scenario"), [0xff, 0xfe]).unwrap();
    assert_eq!(
        run(&folder, &["fmt", "binary.scenario"]).status.code(),
        Some(3)
    );
}

#[test]
fn a_filter_that_matches_nothing_exits_2_with_near_ids() {
    let folder = folder("filters");
    fs::write(folder.join("ack.scenario"), RIGHT).unwrap();
    let base = [
        "check",
        "ws://localhost:9001/",
        "--scenario",
        "ack.scenario",
        "--only-own",
    ];
    let line = |more: &[&'static str]| [&base[..], more].concat();
    snapshot!(
        "cli_filters",
        each_told(
            &folder,
            &[
                &line(&["--filter", "own/akc"]),
                &line(&["--filter", "ack"]),
                &line(&["--filter", "zzz*"]),
                &line(&["--filter", "!zzz*"]),
                &line(&["--filter", "own/*", "--filter", "!own/ack"]),
                &line(&["--filter", "own/[a"]),
            ]
        )
    );
}

#[test]
fn a_wrong_configuration_exits_3_with_its_place() {
    let folder = folder("config");
    let mut all = String::new();
    for config in [
        "target = \"ws://localhost:9001/\"\nanwser-within = \"2s\"\n",
        "grace = 10\n",
        "strict = \"yes\"\n",
        "# comment\n\njobs = [1, 2]\n",
        "seed = 1\nseed = 2\n",
        "grace = \n",
        "[secret]\ntoken = 7\n",
        "answer_within = \"1s\"\n",
    ] {
        fs::write(folder.join("litespec.toml"), config).unwrap();
        all.push_str(&format!(
            "$ cat litespec.toml\n{config}\n{}\n",
            told(&run(&folder, &["check"]))
        ));
    }
    snapshot!("cli_config", all);
    let output = run(&folder, &["check", "--config", "missing.toml"]);
    assert_eq!(output.status.code(), Some(2));
}

/// The options that a run says it had, and its seed and target.
fn options(command: &mut Command) -> serde_json::Value {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut options = report["options"].clone();
    options["seed"] = report["seed"].clone();
    options["target"] = report["target"].clone();
    options
}

#[test]
fn the_command_line_beats_the_variable_and_the_variable_beats_the_file() {
    let folder = folder("precedence");
    let target = format!("ws://127.0.0.1:{}/", closed_port());
    fs::write(folder.join("ack.scenario"), RIGHT).unwrap();
    let config = format!(
        "target = {target:?}\ngrace = \"1s\"\nanswer-within = \"1s\"\ntimeout = \"1s\"\nseed = 9\nstrict = true\nscenario = ['ack.scenario']\nonly-own = true\n[var]\nuser = 7\n"
    );
    fs::write(folder.join("litespec.toml"), config).unwrap();
    let args = ["check", "--format", "json", "--grace", "3s"];
    let mut command = program(&folder, &args);
    command
        .env("LITESPEC_GRACE", "2s")
        .env("LITESPEC_ANSWER_WITHIN", "2s");
    let expected = serde_json::json!({
        "answer-within": "2s", "timeout": "1s", "strict": true, "scenario": ["ack.scenario"], "only-own": true,
        "var": ["user=7"], "seed": 9, "target": target,
    });
    assert_eq!(options(&mut command), expected);
    let elsewhere = folder.join("elsewhere.toml");
    fs::write(
        &elsewhere,
        "seed = 3\nonly-own = true\nscenario = 'ack.scenario'\n",
    )
    .unwrap();
    let args = [
        "check",
        &target,
        "--format",
        "json",
        "--config",
        "elsewhere.toml",
    ];
    let expected = serde_json::json!({"scenario": ["ack.scenario"], "only-own": true, "seed": 3, "target": target});
    assert_eq!(options(&mut program(&folder, &args)), expected);
}
