//! `check-client`: clients as processes, whatever they do; and those that somebody else starts.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use tokio::time::Instant;

use super::*;

/// What a whole run may take here, on a busy machine too.
const BOUNDED: Duration = Duration::from_secs(60);

fn rogue(mode: &str, token: &str) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/rogue.py");
    let script = script.to_string_lossy().into_owned();
    vec![
        "python3".to_owned(),
        script,
        mode.to_owned(),
        token.to_owned(),
    ]
}

fn check_client(folder: &Path, options: &[&str], command: &[String]) -> Output {
    let mut args = vec!["check-client", "--triage", "0", "--hb-interval", "500ms"];
    args.extend(options);
    args.push("--");
    args.extend(command.iter().map(String::as_str));
    let began = Instant::now();
    let output = run(folder, &args);
    assert!(began.elapsed() < BOUNDED, "{}", told(&output));
    output
}

/// The reference client as a command.
fn reference(options: &[&str]) -> Vec<String> {
    let program = env!("CARGO_BIN_EXE_litespec").to_owned();
    let given = options.iter().map(|&option| option.to_owned());
    [program, "client".to_owned(), "{url}".to_owned()]
        .into_iter()
        .chain(given)
        .collect()
}

/// Whether no process has this word on its command line any more.
fn is_gone(token: &str) -> bool {
    let lives = |id: &str| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let own = id == std::process::id().to_string();
        !own && String::from_utf8_lossy(&line).contains(token)
    };
    !fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .any(|id| lives(&id))
}

/// One scenario that is over soon.
const SHORT: [&str; 6] = [
    "--filter",
    "client/hello/waits-for-hello",
    "--ready-within",
    "5s",
    "--reconnect-within",
    "4s",
];

#[test]
fn the_reference_client_is_started_driven_and_ended() {
    let folder = folder("clients");
    let options = ["--filter", "client/request/out-of-order"];
    let output = check_client(&folder, &options, &reference(&[]));
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let undriven = check_client(
        &folder,
        &["--driver", "off", "--filter", "client/request/out-of-order"],
        &reference(&[]),
    );
    assert_eq!(undriven.status.code(), Some(0), "{}", told(&undriven));
    assert!(
        text(&undriven.stdout).contains("skip"),
        "{}",
        told(&undriven)
    );
}

#[test]
fn the_password_is_told_and_never_shown() {
    let folder = folder("clients-password");
    let mut command = reference(&["--password", "{password}"]);
    command.extend(["--seed".to_owned(), "1".to_owned()]);
    let options = [
        &SHORT[..],
        &["--password", "hunter2-hunter2", "--format", "json"],
    ]
    .concat();
    let output = check_client(&folder, &options, &command);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(!told(&output).contains("hunter2"), "{}", told(&output));
    let wrong = reference(&["--password", "another-one"]);
    let refused = check_client(&folder, &SHORT, &wrong);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    let said = told(&refused);
    assert!(said.contains("HELLO_ACK with another password"), "{said}");
    assert!(said.contains("--password"), "{said}");
}

#[test]
fn a_client_that_never_connects_or_ends_at_once_is_exit_4() {
    let folder = folder("clients-absent");
    let options = [&SHORT[..2], &["--ready-within", "1s"]].concat();
    for (mode, why) in [
        ("never", "no connection within 1000 ms"),
        (
            "dies-at-once",
            "no connection: the client ended (exit status 7); it wrote: no configuration",
        ),
    ] {
        let output = check_client(&folder, &options, &rogue(mode, "rogue-absent"));
        assert_eq!(output.status.code(), Some(4), "{}", told(&output));
        assert!(text(&output.stdout).contains(why), "{}", told(&output));
    }
    let missing = check_client(&folder, &options, &["/no/such/program".to_owned()]);
    assert_eq!(missing.status.code(), Some(4), "{}", told(&missing));
    assert!(told(&missing).contains("cannot start /no/such/program"));
    let undriven = check_client(
        &folder,
        &[&SHORT[..], &["--driver", "required", "--timeout", "2s"]].concat(),
        &rogue("right", "rogue-undriven"),
    );
    assert_eq!(undriven.status.code(), Some(4), "{}", told(&undriven));
    assert!(told(&undriven).contains("--driver required asks for"));
}

#[test]
fn whatever_a_client_does_there_is_a_verdict_and_nothing_is_left_behind() {
    let folder = folder("clients-rogue");
    for (mode, exit, why) in [
        ("right", 0, "PASS"),
        ("garbage", 0, "PASS"),
        ("endless", 0, "PASS"),
        ("stubborn", 0, "PASS"),
        ("leaves", 0, "PASS"),
        ("forks", 0, "PASS"),
        ("twice", 0, "client.one-connection"),
    ] {
        let token = format!("rogue-{mode}");
        let output = check_client(&folder, &SHORT, &rogue(mode, &token));
        let said = told(&output);
        assert_eq!(output.status.code(), Some(exit), "{mode}: {said}");
        assert!(said.contains(why), "{mode}: {said}");
        if cfg!(target_os = "linux") {
            assert!(is_gone(&token), "{mode}");
        }
    }
}

#[test]
fn a_client_that_dies_or_floods_is_failed_and_says_its_last_words() {
    let folder = folder("clients-dying");
    let options = ["--filter", "client/heartbeat/one-by-one"];
    for (mode, why) in [
        ("dies", "the client ended: exit status 3"),
        ("floods", "client.heartbeat-rate"),
        ("giant", "over the limit of"),
    ] {
        let token = format!("rogue-{mode}");
        let output = check_client(&folder, &options, &rogue(mode, &token));
        let said = told(&output);
        let exit = if mode == "floods" { 0 } else { 1 };
        assert_eq!(output.status.code(), Some(exit), "{mode}: {said}");
        assert!(said.contains(why), "{mode}: {said}");
        assert_eq!(said.contains("out of cheese"), mode == "dies", "{said}");
        assert!(!cfg!(target_os = "linux") || is_gone(&token), "{mode}");
    }
}

#[test]
fn a_client_that_somebody_else_starts_comes_to_every_scenario_in_turn() {
    let folder = folder("clients-attached");
    let args = [
        "check-client",
        "--listen",
        "127.0.0.1:0",
        "--filter",
        "client/hello/waits-for-hello",
        "--filter",
        "client/heartbeat/one-by-one",
    ];
    let mut run = program(&folder, &args);
    let mut run = run
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(run.stderr.take().unwrap());
    let mut first = String::new();
    stderr.read_line(&mut first).unwrap();
    let url = first
        .split_whitespace()
        .find(|word| word.starts_with("ws://"))
        .unwrap_or_else(|| panic!("no URL in {first}"));
    let mut client = program(&folder, &["client", url])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = run.wait_with_output().unwrap();
    client.kill().unwrap();
    client.wait().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(text(&output.stdout).contains("2 scenarios passed"));
}

#[test]
fn a_command_line_that_names_no_client_says_what_to_do() {
    let folder = folder("clients-usage");
    let lines: [&[&str]; 5] = [
        &["check-client"],
        &["check-client", "--listen", "127.0.0.1:0", "--", "true"],
        &[
            "check-client",
            "--listen",
            "127.0.0.1:0",
            "--driver",
            "required",
        ],
        &["check-client", "--filter", "server/auth/*", "--", "true"],
        &["check", "ws://127.0.0.1:1/", "--filter", "client/hello/*"],
    ];
    snapshot!("check_client_usage", each_told(&folder, &lines));
}
