//! The program as people and scripts meet it: arguments, exit codes, messages.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of its own for a test, empty at its start.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The program in a folder, with nothing of the surroundings that changes what it says.
fn program(folder: &Path, args: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_litespec"));
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy();
        if shown.starts_with("LITESPEC_")
            || ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"].contains(&&*shown)
        {
            command.env_remove(&name);
        }
    }
    command.current_dir(folder).args(args).stdin(Stdio::null());
    command
}

fn run(folder: &Path, args: &[impl AsRef<OsStr>]) -> Output {
    program(folder, args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What was said and how it ended, for a snapshot.
fn told(output: &Output) -> String {
    let mut told = format!("exit {}\n", output.status.code().unwrap_or(-1));
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            told.push_str(&format!("--- {name}\n{}", text(bytes)));
        }
    }
    told
}

macro_rules! snapshot {
    ($name:literal, $told:expr) => {
        insta::with_settings!({
            snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
            filters => vec![(r"litespec \d+\.\d+\.\d+", "litespec [version]")],
        }, { insta::assert_snapshot!($name, $told) });
    };
}

/// Several command lines and what comes of each.
fn each_told(folder: &Path, lines: &[&[&str]]) -> String {
    let mut all = String::new();
    for line in lines {
        all.push_str(&format!(
            "$ litespec {}\n{}\n",
            line.join(" "),
            told(&run(folder, line))
        ));
    }
    all
}

/// A port that nothing listens on.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

const RIGHT: &str = "title  A heartbeat is acknowledged\nrule   heartbeat.ack\n\nuse handshake\n> {\"op\": 2}\n< {\"op\": 3}\n";
const WRONG: &str = "title  A heartbeat is acknowledged\nrule   heartbeat.ack\n\nuse handshake\n> {\"op\": 2}\n< clsoe 4001\n";

#[test]
fn every_subcommand_explains_itself() {
    let folder = folder("help");
    snapshot!("cli_help", told(&run(&folder, &["--help"])));
    snapshot!("cli_help_check", told(&run(&folder, &["check", "--help"])));
    snapshot!("cli_help_list", told(&run(&folder, &["list", "--help"])));
    snapshot!(
        "cli_help_explain",
        told(&run(&folder, &["explain", "--help"]))
    );
    snapshot!("cli_help_fmt", told(&run(&folder, &["fmt", "--help"])));
    snapshot!("cli_help_serve", told(&run(&folder, &["serve", "--help"])));
    snapshot!(
        "cli_help_client",
        told(&run(&folder, &["client", "--help"]))
    );
    snapshot!(
        "cli_help_request",
        told(&run(&folder, &["request", "--help"]))
    );
    let version = run(&folder, &["--version"]);
    assert_eq!(
        text(&version.stdout),
        format!("litespec {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn help_never_shows_what_variables_hold() {
    let folder = folder("help-secrets");
    for args in [["check", "--help"], ["check", "-h"], ["help", "check"]] {
        let output = program(&folder, &args)
            .env("LITESPEC_PASSWORD", "hunter2")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(!text(&output.stdout).contains("hunter2"));
    }
}

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

#[test]
fn no_report_and_no_message_holds_a_secret() {
    let folder = folder("secrets");
    fs::write(folder.join("ack.scenario"), RIGHT).unwrap();
    let target = format!("ws://127.0.0.1:{}/?token=hunter2", closed_port());
    let args = [
        "check",
        &target,
        "--scenario",
        "ack.scenario",
        "--only-own",
        "--password",
        "hunter2",
        "--secret",
        "s=env:S",
        "-H",
        "Authorization: Bearer hunter2",
        "--report",
        "json=r.json",
        "--report",
        "jsonl=r.jsonl",
        "--report",
        "human=r.txt",
        "-vvvv",
    ];
    let output = program(&folder, &args)
        .env("S", "hunter2")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    let mut all = told(&output);
    for file in ["r.json", "r.jsonl", "r.txt"] {
        all.push_str(&fs::read_to_string(folder.join(file)).unwrap());
    }
    assert!(!all.contains("hunter2"), "{all}");
    assert!(all.contains("LITESPEC_AUTHORIZATION"), "{all}");
}

#[test]
fn a_closed_port_exits_4_in_one_line_and_the_reports_are_written() {
    let folder = folder("closed-port");
    fs::write(folder.join("ack.scenario"), RIGHT).unwrap();
    let target = format!("ws://127.0.0.1:{}/", closed_port());
    let args = [
        "check",
        &target,
        "--scenario",
        "ack.scenario",
        "--only-own",
        "--quiet",
        "--report",
        "json=report.json",
    ];
    let output = run(&folder, &args);
    assert_eq!(output.status.code(), Some(4));
    let stdout = text(&output.stdout);
    assert!(
        stdout.starts_with("could not run:") && stdout.lines().count() == 1,
        "{stdout}"
    );
    let report = fs::read_to_string(folder.join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["ending"]["kind"], "could_not_run");
    let left: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn reports_on_standard_output_are_valid_against_the_listed_schema() {
    let folder = folder("schema");
    fs::write(folder.join("ack.scenario"), RIGHT).unwrap();
    let schema: serde_json::Value =
        serde_json::from_slice(&run(&folder, &["list", "schema"]).stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let target = format!("ws://127.0.0.1:{}/", closed_port());
    let output = run(
        &folder,
        &[
            "check",
            &target,
            "--scenario",
            "ack.scenario",
            "--only-own",
            "--format",
            "json",
        ],
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn list_and_explain_show_rules() {
    let folder = folder("rules");
    let output = run(&folder, &["list", "rules"]);
    assert_eq!(output.status.code(), Some(0));
    let lines = text(&output.stdout);
    assert!(
        lines
            .lines()
            .any(|line| line.starts_with("auth.reject ") && line.contains(" must ")),
        "{lines}"
    );
    let rules: serde_json::Value =
        serde_json::from_slice(&run(&folder, &["list", "rules", "--format", "json"]).stdout)
            .unwrap();
    assert_eq!(rules.as_array().unwrap().len(), lines.lines().count());
    let listed: Vec<&str> = rules
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    for id in &listed {
        let output = run(&folder, &["explain", id]);
        let shown = text(&output.stdout);
        assert!(
            output.status.success() && shown.starts_with(&format!("{id}  (")),
            "{shown}"
        );
    }
}

#[test]
fn every_listed_scenario_can_be_explained() {
    let folder = folder("scenarios");
    let output = run(&folder, &["list", "scenarios", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let scenarios: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let human = text(&run(&folder, &["list"]).stdout);
    assert_eq!(scenarios.as_array().unwrap().len(), human.lines().count());
    for scenario in scenarios.as_array().unwrap().iter().step_by(7) {
        let id = scenario["id"].as_str().unwrap();
        let shown = text(&run(&folder, &["explain", &format!("{id}#1")]).stdout);
        assert!(shown.starts_with(&format!("# {id}\n")), "{shown}");
        assert!(
            shown.contains(scenario["title"].as_str().unwrap()),
            "{shown}"
        );
    }
}

#[test]
fn fmt_rewrites_checks_and_filters() {
    let folder = folder("fmt");
    let messy = RIGHT
        .replace("title  ", "title      ")
        .replace("{\"op\": 3}", "{\"op\":3}");
    fs::create_dir(folder.join("sub")).unwrap();
    fs::write(folder.join("messy.scenario"), &messy).unwrap();
    fs::write(folder.join("sub/right.scenario"), RIGHT).unwrap();
    fs::write(folder.join("sub/notes.txt"), "no scenario").unwrap();

    let check = run(&folder, &["fmt", ".", "--check"]);
    assert_eq!(check.status.code(), Some(1));
    assert_eq!(
        text(&check.stdout),
        "./messy.scenario is not in canonical form\n"
    );
    assert_eq!(
        fs::read_to_string(folder.join("messy.scenario")).unwrap(),
        messy,
        "--check changes nothing"
    );

    assert_eq!(run(&folder, &["fmt", "."]).status.code(), Some(0));
    assert_eq!(
        fs::read_to_string(folder.join("messy.scenario")).unwrap(),
        RIGHT
    );
    assert_eq!(
        run(&folder, &["fmt", ".", "--check"]).status.code(),
        Some(0)
    );

    let mut child = program(&folder, &["fmt", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(messy.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout), RIGHT);
}

#[test]
fn one_wrong_file_keeps_fmt_from_touching_the_others() {
    let folder = folder("fmt-wrong");
    let messy = RIGHT.replace("title  ", "title      ");
    fs::write(folder.join("a.scenario"), &messy).unwrap();
    fs::write(folder.join("b.scenario"), WRONG).unwrap();
    assert_eq!(
        run(&folder, &["fmt", "a.scenario", "b.scenario"])
            .status
            .code(),
        Some(3)
    );
    assert_eq!(
        fs::read_to_string(folder.join("a.scenario")).unwrap(),
        messy
    );
}

#[test]
fn colours_come_only_when_asked_for() {
    let folder = folder("colours");
    let target = format!("ws://127.0.0.1:{}/", closed_port());
    fs::write(folder.join("ack.scenario"), RIGHT).unwrap();
    let coloured = |extra: &[&str], vars: &[(&str, &str)]| {
        let base = ["check", &target, "--scenario", "ack.scenario", "--only-own"];
        let mut command = program(&folder, &[&base[..], extra].concat());
        command
            .envs(vars.iter().copied())
            .output()
            .unwrap()
            .stdout
            .contains(&0x1b)
    };
    assert!(!coloured(&[], &[]), "not into a pipe");
    assert!(coloured(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(coloured(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(
        &[],
        &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]
    ));
    assert!(!coloured(&["--color=never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(coloured(&[], &[("LITESPEC_COLOR", "always")]));
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_is_no_panic() {
    let folder = folder("pipe");
    let binary = env!("CARGO_BIN_EXE_litespec");
    for line in ["list rules", "list schema", "--help", "explain auth.reject"] {
        // The reader is gone before the first byte: its end of the pipe is closed at once.
        let script = format!("{{ sleep 0.2; {binary} {line}; echo code $? >&2; }} | true");
        let output = Command::new("sh")
            .current_dir(&folder)
            .args(["-c", &script])
            .output()
            .unwrap();
        let stderr = text(&output.stderr);
        assert!(
            stderr.contains("code 0") && !stderr.contains("panicked"),
            "{line}: {stderr}"
        );
    }
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_the_run_with_its_reports_and_exit_130() {
    let folder = folder("ctrl-c");
    fs::write(folder.join("ack.scenario"), RIGHT).unwrap();
    // It accepts and says nothing, so that the run cannot get on.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("ws://{}/", listener.local_addr().unwrap());
    let args = [
        "check",
        &target,
        "--scenario",
        "ack.scenario",
        "--only-own",
        "--answer-within",
        "1m",
        "--report",
        "json=report.json",
    ];
    let child = program(&folder, &args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its connection says that it has begun, and that it listens for signals.
    let _connection = listener.accept().unwrap();
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", told(&output));
    assert!(
        text(&output.stdout).starts_with("INTERRUPTED"),
        "{}",
        told(&output)
    );
    let report = fs::read_to_string(folder.join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["ending"]["kind"], "interrupted");
}

/// Expects what no right server does.
const UNFULFILLABLE: &str = "title  It's a heartbeat that asks for too much\nrule   heartbeat.ack\n\nuse handshake\n> {\"op\": 2}\n< {\"op\": $op}\n";

#[test]
#[cfg(unix)]
fn the_command_of_a_failure_repeats_it_when_pasted() {
    let folder = folder("repeat it's");
    fs::write(folder.join("too much.scenario"), UNFULFILLABLE).unwrap();
    let args = [
        "check",
        "--reference",
        "--hb-interval",
        "900ms",
        "--scenario",
        "too much.scenario",
        "--var",
        "op=77",
        "--request",
        "ECHO [\"it's $HOME\"]",
        "--password",
        "hunter2",
        "--seed",
        "5",
        "--format",
        "json",
        "--filter",
        "own/*",
        "--filter",
        "server/auth/r*",
    ];
    let output = run(&folder, &args);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed = |report: &serde_json::Value| -> Vec<serde_json::Value> {
        let scenarios = report["scenarios"].as_array().unwrap();
        scenarios
            .iter()
            .filter(|s| s["verdict"] == "fail")
            .map(|s| s["failure"].clone())
            .collect()
    };
    let failures = failed(&report);
    assert_eq!(failures.len(), 1, "{failures:?}");
    let command = failures[0]["repeat"].as_str().unwrap();
    assert!(!command.contains("hunter2"), "{command}");

    let program = Path::new(env!("CARGO_BIN_EXE_litespec")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let pasted = Command::new("sh")
        .current_dir(&folder)
        .args(["-c", &format!("{command} --format json")])
        .env("PATH", path)
        .env("LITESPEC_PASSWORD", "hunter2")
        .output()
        .unwrap();
    assert_eq!(
        pasted.status.code(),
        Some(1),
        "{command}\n{}",
        told(&pasted)
    );
    let again: serde_json::Value = serde_json::from_slice(&pasted.stdout).unwrap();
    assert_eq!(
        again["scenarios"].as_array().unwrap().len(),
        1,
        "only the failed one is run again"
    );
    assert_eq!(failed(&again), failures);
    for member in ["password", "hb-interval", "request", "var", "scenario"] {
        assert_eq!(
            again["options"][member], report["options"][member],
            "{member}"
        );
    }
}

#[test]
fn the_reference_server_passes_and_its_reports_are_valid() {
    let folder = folder("reference");
    let schema: serde_json::Value =
        serde_json::from_slice(&run(&folder, &["list", "schema"]).stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let args = [
        "check",
        "--reference",
        "--filter",
        "server/auth/*",
        "--filter",
        "server/open/*",
        "--hb-interval",
        "400ms",
        "--grace",
        "1s",
        "--format",
        "json",
        "--report",
        "jsonl=events.jsonl",
        "--report",
        "human=screen.txt",
    ];
    let output = run(&folder, &args);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert!(report["summary"]["pass"].as_u64().unwrap() > 10);

    let events = fs::read(folder.join("events.jsonl")).unwrap();
    let record = litespec::report::rebuild(&events[..]).unwrap();
    assert_eq!(
        litespec::report::json::render(&record).unwrap(),
        text(&output.stdout)
    );
    let screen = fs::read_to_string(folder.join("screen.txt")).unwrap();
    assert_eq!(
        litespec::report::human::render(&record, &Default::default()),
        screen
    );
    assert!(screen.starts_with("PASS  ws://127.0.0.1:"), "{screen}");
}

#[test]
fn json_lines_come_while_the_run_goes_on() {
    let folder = folder("jsonl");
    let output = run(
        &folder,
        &[
            "check",
            "--reference",
            "--filter",
            "server/auth/*",
            "--format",
            "jsonl",
        ],
    );
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let lines = text(&output.stdout);
    let kind = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["event"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let kinds: Vec<String> = lines.lines().map(kind).collect();
    assert_eq!(kinds.first().map(String::as_str), Some("run_started"));
    assert_eq!(kinds.last().map(String::as_str), Some("run_finished"));
    let finished = kinds
        .iter()
        .filter(|kind| *kind == "scenario_finished")
        .count();
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| *kind == "scenario_started")
            .count(),
        finished
    );
    assert!(finished > 10);
}

/// Serves every connection of a listener in a thread that ends with the test program.
fn listener(serve: impl Fn(std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("ws://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
    target
}

#[test]
fn what_is_no_server_of_the_protocol_exits_4_and_says_what_it_is() {
    let folder = folder("no-server");
    let http = listener(|mut stream| {
        // The test is about what the harness says; if it hangs up first, that shows there.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    });
    let held = std::sync::Mutex::new(Vec::new());
    let silent = listener(move |stream| held.lock().unwrap().push(stream));
    let closing = listener(drop);
    for (target, name) in [(http, "HTTP"), (silent, "silent"), (closing, "closing")] {
        let began = std::time::SystemTime::now();
        let args = [
            "check",
            &target,
            "--answer-within",
            "500ms",
            "--quiet",
            "--report",
            "json=report.json",
        ];
        let output = run(&folder, &args);
        let took = began.elapsed().unwrap();
        assert_eq!(output.status.code(), Some(4), "{name}: {}", told(&output));
        let stdout = text(&output.stdout);
        assert!(
            stdout.starts_with("could not run:") && stdout.lines().count() == 1,
            "{name}: {stdout}"
        );
        assert!(took.as_secs() < 10, "{name} took {took:?}");
        let report: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(folder.join("report.json")).unwrap()).unwrap();
        assert_eq!(report["ending"]["kind"], "could_not_run", "{name}");
        fs::remove_file(folder.join("report.json")).unwrap();
    }
}
