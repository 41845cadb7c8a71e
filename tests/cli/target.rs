//! `check` against something that listens, or not: outcomes, reports, signals.

use super::*;

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
        "--report",
        "junit=junit.xml",
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
    assert_eq!(
        litespec::report::junit::render(&record).unwrap(),
        fs::read_to_string(folder.join("junit.xml")).unwrap()
    );
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

#[test]
fn a_declared_request_that_is_not_answered_fails_what_needs_it_where_nothing_else_shows_it() {
    let folder = folder("declared-unanswered");
    let own = "title  A request is answered\nrule   request.response\n\nuse handshake\n> {\"op\": 2}\n\
               < {\"op\": 3}\nbeat every 0.5hb\n> {\"op\": 4, \"w\": \"ECHO\", \"a\": [1], \"n\": 1}\n\
               < {\"op\": 5, \"n\": 1}\n";
    fs::write(folder.join("asks.scenario"), own).unwrap();
    let args = [
        "check",
        "--reference",
        "--defect",
        "one-op-only",
        "--request",
        "ECHO [1]",
        "--answer-within",
        "500ms",
        "--scenario",
        "asks.scenario",
        "--only-own",
    ];
    let output = run(&folder, &args);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("request.response"));
}
