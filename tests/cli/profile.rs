//! `profile` and `diff` as people and scripts meet them.

use super::*;

const FEW: [&str; 6] = [
    "--hb-interval",
    "400ms",
    "--filter",
    "server/open/unknown-op",
    "--filter",
    "server/open/subprotocol",
];

fn profile(folder: &Path, more: &[&str]) -> Output {
    let args = [&["profile", "--reference"][..], &FEW, more].concat();
    run(folder, &args)
}

#[test]
fn two_profiles_of_one_server_are_the_same_and_another_code_is_told() {
    let folder = folder("profile");
    let output = profile(&folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    fs::write(folder.join("a.json"), &output.stdout).unwrap();
    let output = profile(&folder, &["--label", "again", "--output", "b.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert_eq!(text(&output.stdout), "");

    let output = run(&folder, &["diff", "a.json", "b.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(
        text(&output.stdout).starts_with("SAME  A ws://127.0.0.1:"),
        "{}",
        told(&output)
    );

    let changed = fs::read_to_string(folder.join("b.json"))
        .unwrap()
        .replace("\"ignored\"", "\"closed\", \"code\": 1008");
    fs::write(folder.join("c.json"), changed).unwrap();
    let output = run(&folder, &["diff", "a.json", "c.json", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let diff: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(diff["differs"].as_array().unwrap().len(), 2, "{diff}");
    assert_eq!(diff["differs"][0]["b"], "closed, 1008");
    assert_eq!(diff["differs"][0]["with"], "$op = 7");
}

#[test]
fn a_profile_is_also_for_people_and_for_a_page() {
    let folder = folder("profile-forms");
    let human = text(&profile(&folder, &["--format", "human"]).stdout);
    assert!(human.starts_with("PROFILE  ws://127.0.0.1:"), "{human}");
    assert!(
        human.contains("  unknown-op#2 ($op = -1)  ignored\n"),
        "{human}"
    );
    let page = text(&profile(&folder, &["--format", "markdown"]).stdout);
    assert!(
        page.contains("| `open.subprotocol` | `subprotocol` | `declined` |\n"),
        "{page}"
    );
}

#[test]
fn a_client_has_a_profile_too() {
    let folder = folder("profile-client");
    let client = [env!("CARGO_BIN_EXE_litespec"), "client", "{url}"];
    let profile = |more: &[&str]| {
        let few = ["--filter", "client/open/unknown-op", "--filter"];
        let few = [&["profile-client"][..], &few, &["client/heartbeat/*"]].concat();
        run(&folder, &[&few, more, &["--"], &client].concat())
    };
    let output = profile(&["--output", "a.json"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(text(&output.stderr).contains("client/heartbeat/*"));

    let profile = |more: &[&str]| {
        let few = ["profile-client", "--filter", "client/open/unknown-op"];
        run(&folder, &[&few, more, &["--"], &client].concat())
    };
    let output = profile(&["--output", "a.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let written = fs::read_to_string(folder.join("a.json")).unwrap();
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(
        (&written["kind"], &written["role"]),
        (&"profile".into(), &"client".into())
    );
    assert_eq!(written["points"].as_array().unwrap().len(), 4, "{written}");
    let human = text(&profile(&["--format", "human"]).stdout);
    assert!(human.starts_with("PROFILE  "), "{human}");
    assert!(human.contains("  unknown-op#2 ("), "{human}");
    let output = run(&folder, &["diff", "a.json", "a.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));

    let absent = run(&folder, &["profile-client", "--", "/no/such/program"]);
    assert_eq!(absent.status.code(), Some(4), "{}", told(&absent));
    let nobody = run(&folder, &["profile-client"]);
    assert_eq!(nobody.status.code(), Some(2), "{}", told(&nobody));
}

#[test]
fn a_report_that_became_worse_is_exit_1() {
    let folder = folder("diff-worse");
    let args = [
        "check",
        "--reference",
        "--filter",
        "server/auth/wrong-password",
        "--report",
        "json=a.json",
        "--format",
        "jsonl",
    ];
    let output = run(&folder, &args);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    fs::write(folder.join("a.jsonl"), &output.stdout).unwrap();
    let worse = fs::read_to_string(folder.join("a.json")).unwrap();
    let worse = worse.replace("\"verdict\": \"pass\"", "\"verdict\": \"fail\"");
    fs::write(folder.join("b.json"), worse).unwrap();
    let code = |a: &str, b: &str| run(&folder, &["diff", a, b]).status.code();
    assert_eq!(code("a.json", "b.json"), Some(1));
    assert_eq!(code("b.json", "a.json"), Some(0));
    assert_eq!(code("a.json", "a.jsonl"), Some(0));
}

#[test]
fn what_cannot_be_compared_is_said() {
    let folder = folder("diff-bad");
    fs::write(folder.join("odd.json"), "{}").unwrap();
    fs::write(folder.join("newer.json"), r#"{"schema_version": 9}"#).unwrap();
    fs::write(folder.join("binary.json"), b"\xff\xfe").unwrap();
    snapshot!(
        "cli_diff_bad_input",
        each_told(
            &folder,
            &[
                &["diff", "odd.json", "missing.json"],
                &["diff", "odd.json", "odd.json"],
                &["diff", "newer.json", "odd.json"],
                &["diff", "binary.json", "odd.json"],
                &["diff", "-", "-"],
                &["diff", "odd.json"],
                &["profile", "ws://127.0.0.1:9/", "--format", "jsonl"],
                &["profile", "--reference", "--filter", "server/auth/*"],
                &["profile", "--reference", "--output", "missing/a.json"],
            ]
        )
    );
}

#[test]
fn one_configuration_file_serves_check_and_profile() {
    let folder = folder("profile-config");
    fs::write(
        folder.join("litespec.toml"),
        "format = \"jsonl\"\nreport = [\"json=r.json\"]\nlabel = \"mine\"\n",
    )
    .unwrap();
    let output = profile(&folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let profile: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(profile["label"], "mine");
    assert!(!folder.join("r.json").exists());
}
