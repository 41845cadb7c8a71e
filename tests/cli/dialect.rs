//! The bidirectional dialect on the command line.

use super::*;

#[test]
fn usage_errors_of_the_dialect_say_what_to_do() {
    let folder = folder("dialect-usage");
    let url = "ws://localhost:9001/";
    let check = |more: &[&'static str]| [&["check", url], more].concat();
    snapshot!(
        "cli_dialect",
        each_told(
            &folder,
            &[
                &check(&["--answer", "WHO 1"]),
                &check(&["--dialect", "text", "--answer", "WHO 1"]),
                &check(&["--dialect", "bidirectional", "--answer", "WHO"]),
                &check(&["--dialect", "bidirectional", "--answer", "WHO me"]),
                &check(&[
                    "--dialect",
                    "bidirectional",
                    "--answer",
                    "WHO 1",
                    "--answer",
                    "\"WHO\" 2"
                ]),
                &check(&["--dialect", "both"]),
                &check(&["--filter", "server/dialect/*"]),
                &check(&["--filter", "server/hello/*", "--filter", "*same-nonce"]),
                &["client", url, "--answer", "WHO 1"],
                &["explain", "server/dialect/nothing-before"],
                &["explain", "dialect.bidirectional"],
            ]
        )
    );
}

#[test]
fn a_file_may_hold_answers_for_runs_in_the_dialect() {
    let folder = folder("dialect-file");
    let target = format!("ws://127.0.0.1:{}/", closed_port());
    let config = "dialect = \"bidirectional\"\nanswer = ['WHO \"me\"']\n";
    fs::write(folder.join("litespec.toml"), config).unwrap();
    let output = run(&folder, &["check", &target, "--format", "json"]);
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!({"dialect": "bidirectional", "answer": ["WHO \"me\""]});
    assert_eq!(report["options"], expected);
    // A run against the choice of the file has no use for them, and no quarrel with them.
    let output = run(&folder, &["check", &target, "--dialect", "text"]);
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    fs::write(folder.join("litespec.toml"), "answer = ['WHO \"me\"']\n").unwrap();
    let output = run(&folder, &["check", &target]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    let mut command = program(&folder, &["check", &target]);
    let output = command.env("LITESPEC_DIALECT", "bidirectional").output();
    assert_eq!(output.unwrap().status.code(), Some(4));
}

#[test]
fn the_reference_server_asks_in_the_dialect_and_passes() {
    let folder = folder("dialect-reference");
    let line = [
        "check",
        "--reference",
        "--hb-interval",
        "400ms",
        "--dialect",
        "bidirectional",
        "--answer",
        "STATUS {\"up\": true}",
        "--filter",
        "server/dialect/*",
        "--filter",
        "server/packet/sender*",
    ];
    let output = run(&folder, &line);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

#[test]
fn a_served_server_that_asks_fails_by_the_text_alone_and_passes_in_its_dialect() {
    let folder = folder("dialect-served");
    let port = closed_port();
    let url = format!("ws://127.0.0.1:{port}/");
    let listen = format!("127.0.0.1:{port}");
    let check = |more: &[&str]| {
        let filter = ["--filter", "server/packet/sender"];
        let program = env!("CARGO_BIN_EXE_litespec");
        let serve = ["--", program, "serve", "--listen", &listen];
        let serve = [
            &serve[..],
            &["--hb-interval", "400ms", "--dialect", "bidirectional"],
        ];
        let line = [&["check", &url][..], &filter, more, &serve.concat()].concat();
        run(&folder, &line)
    };
    let output = check(&["--triage", "0"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let said = text(&output.stdout);
    assert!(said.contains("packet.sender"), "{said}");
    let output = check(&["--dialect", "bidirectional"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}
