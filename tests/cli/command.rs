//! `check URL -- CMD`: the run starts its target, minds it and ends it.

use std::net::TcpStream;

use super::*;

/// A port that was free a moment ago.
fn port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn url(port: u16) -> String {
    format!("ws://127.0.0.1:{port}/")
}

/// The reference server as a command that says something first.
fn server(port: u16) -> Vec<String> {
    let program = env!("CARGO_BIN_EXE_litespec");
    let script = format!(
        "echo starting >&2; exec '{program}' serve --listen 127.0.0.1:{port} --hb-interval 400ms"
    );
    ["sh", "-c", &script].map(str::to_owned).to_vec()
}

fn check(folder: &Path, port: u16, options: &[&str], command: &[String]) -> Output {
    let url = url(port);
    let mut args = vec!["check", &url];
    args.extend(options);
    args.push("--");
    args.extend(command.iter().map(String::as_str));
    run(folder, &args)
}

/// Whether nobody listens any more.
fn closes(port: u16) -> bool {
    for _ in 0..1_000_000 {
        if TcpStream::connect(("127.0.0.1", port)).is_err() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

#[test]
fn a_target_is_started_awaited_tested_and_ended() {
    let (folder, port) = (folder("command"), port());
    let options = ["--request", "ECHO [1]", "--filter", "server/auth/*"];
    let output = check(&folder, port, &options, &server(port));
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(
        text(&output.stdout).starts_with("PASS"),
        "{}",
        told(&output)
    );
    assert!(closes(port), "the target is still there");
}

#[test]
fn a_command_that_cannot_serve_is_exit_4_with_its_own_words() {
    let (folder, port) = (folder("command-bad"), port());
    let sh = |script: &str| ["sh", "-c", script].map(str::to_owned).to_vec();
    for (command, why) in [
        (
            vec!["/no/such/program".to_owned()],
            "cannot start /no/such/program",
        ),
        (
            sh("echo booting >&2; echo no database >&2; exit 3"),
            "the target ended (exit status 3) before it said HELLO; it wrote: no database",
        ),
    ] {
        let output = check(&folder, port, &[], &command);
        assert_eq!(output.status.code(), Some(4), "{}", told(&output));
        assert!(text(&output.stdout).contains(why), "{}", told(&output));
    }
    let output = check(
        &folder,
        port,
        &["--ready-within", "200ms"],
        &sh("exec sleep 600"),
    );
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    assert!(
        text(&output.stdout).contains("said no HELLO within 200 ms"),
        "{}",
        told(&output)
    );
}

#[test]
fn what_listens_already_is_not_tested_by_accident() {
    let folder = folder("command-taken");
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let output = check(&folder, port, &[], &server(port));
    assert_eq!(output.status.code(), Some(4), "{}", told(&output));
    assert!(
        text(&output.stdout).contains("something listens at"),
        "{}",
        told(&output)
    );
}

#[test]
fn the_reference_server_takes_no_command() {
    let folder = folder("command-reference");
    let output = run(&folder, &["check", "--reference", "--", "true"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
}

/// A server that dies of a binary frame, in Python's own words; everything else it does is right.
const MORTAL: &str = include_str!("mortal.py");

#[test]
fn a_target_that_dies_is_started_again_and_only_its_killer_is_blamed() {
    let (folder, port) = (folder("command-mortal"), port());
    fs::write(folder.join("mortal.py"), MORTAL).unwrap();
    let command = ["python3", "mortal.py", &port.to_string()].map(str::to_owned);
    let options = [
        "--filter",
        "server/open/binary-frame",
        "--filter",
        "server/open/not-an-object",
        "--filter",
        "server/open/unknown-op",
        "--filter",
        "server/auth/right-password",
        "--format",
        "json",
    ];
    let output = check(&folder, port, &options, &command);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let with = |verdict: &str| -> Vec<&str> {
        let scenarios = report["scenarios"].as_array().unwrap();
        let hit = scenarios.iter().filter(|s| s["verdict"] == verdict);
        hit.map(|s| s["id"].as_str().unwrap()).collect()
    };
    assert_eq!(
        with("fail"),
        ["server/open/binary-frame"],
        "{}",
        told(&output)
    );
    assert_eq!(with("inconclusive"), [] as [&str; 0]);
    assert_eq!(with("info").len(), 7, "{}", told(&output));
    let scenarios = report["scenarios"].as_array().unwrap();
    let failed = scenarios.iter().find(|s| s["verdict"] == "fail").unwrap();
    let failure = &failed["failure"];
    assert_eq!(failure["rule"], "robust.isolation");
    let actual = failure["actual"].as_str().unwrap();
    assert!(
        actual.ends_with("the target ended: exit status 7"),
        "{actual}"
    );
    let lines = failure["target_output"].as_array().unwrap();
    assert_eq!(lines.last().unwrap(), "fatal: a binary frame");
    let repeat = failure["repeat"].as_str().unwrap();
    assert!(
        repeat.ends_with(&format!("-- python3 mortal.py {port}")),
        "{repeat}"
    );
    assert!(closes(port), "the target is still there");
}

#[test]
fn the_look_whether_a_target_is_ready_is_nothing_that_it_may_die_of() {
    let (folder, port) = (folder("command-early-leaves"), port());
    let mut command = server(port);
    for word in &mut command {
        *word = word.replace(
            "--hb-interval",
            "--defect dies-of-early-leaves --hb-interval",
        );
    }
    let scenario = "server/robust/reset-before-the-handshake";
    let options = ["--request", "ECHO [1]", "--filter", scenario];
    let output = check(&folder, port, &options, &command);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(
        text(&output.stdout).contains("robust.isolation"),
        "{}",
        told(&output)
    );
}
