//! `litespec fuzz` as people use it, over real sockets.

use super::*;

/// A server of the zoo that the campaign starts itself, on a port that nobody else has.
fn campaign(folder: &Path, options: &[&str], server: &[&str]) -> Output {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let url = format!("ws://{address}/");
    let program = env!("CARGO_BIN_EXE_litespec");
    let mut line = vec!["fuzz", &url, "--request", "ECHO [1]"];
    line.extend(options);
    line.extend([
        "--",
        program,
        "serve",
        "-q",
        "--hb-interval",
        "10s",
        "--listen",
        &address,
    ]);
    line.extend(server);
    run(folder, &line)
}

#[test]
fn a_find_is_a_scenario_that_fails_until_it_is_fixed() {
    let folder = folder("fuzz-find");
    let broken = ["--defect", "nonce-zero-lost"];
    let found = campaign(&folder, &["--first", "--cases", "5000"], &broken);
    assert_eq!(found.status.code(), Some(1), "{}", text(&found.stderr));
    let screen = text(&found.stdout);
    assert!(screen.starts_with("found 1 failure in ws://"), "{screen}");
    assert!(screen.contains("\"n\": 0}"), "{screen}");
    let files: Vec<_> = std::fs::read_dir(folder.join("litespec-finds"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [file] = &files[..] else {
        panic!("one find, one file: {files:?}");
    };
    let file = file.to_str().unwrap();
    let check = ["check", "--reference", "--only-own", "--scenario", file];
    let checked = run(&folder, &[&check[..], &broken].concat());
    assert_eq!(checked.status.code(), Some(1), "{}", text(&checked.stdout));
    let right = run(&folder, &check);
    assert_ne!(right.status.code(), Some(1), "{}", text(&right.stdout));

    let replay = ["--replay", "litespec-finds"];
    let still = campaign(&folder, &replay, &broken);
    assert_eq!(still.status.code(), Some(1));
    assert!(
        text(&still.stdout).contains("STILL FAILING"),
        "{}",
        text(&still.stdout)
    );
    let fixed = campaign(&folder, &replay, &[]);
    assert_eq!(fixed.status.code(), Some(0), "{}", text(&fixed.stderr));
    assert!(
        text(&fixed.stdout).contains("FIXED"),
        "{}",
        text(&fixed.stdout)
    );

    let known = [
        "--first",
        "--cases",
        "5000",
        "--known",
        "litespec-finds",
        "--save",
        "new",
    ];
    let known = campaign(&folder, &known, &broken);
    assert_eq!(known.status.code(), Some(0), "{}", text(&known.stdout));
    assert!(
        text(&known.stdout).starts_with("found 1 known"),
        "{}",
        text(&known.stdout)
    );
}

#[test]
fn a_right_server_is_left_in_peace() {
    let folder = folder("fuzz-right");
    let options = ["--cases", "800", "--format", "json"];
    let output = campaign(&folder, &options, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["finds"], serde_json::json!([]));
    assert!(report["cases"].as_u64() >= Some(800), "{report}");
    assert_eq!(report["vacuous"], false);
}

#[test]
fn what_kills_a_server_is_found_and_the_server_started_again() {
    let folder = folder("fuzz-dies");
    let options = ["--first", "--cases", "20000", "--format", "json"];
    let output = campaign(&folder, &options, &["--defect", "dies-of-garbage"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let find = &report["finds"][0];
    assert_eq!(find["rule"], "robust.isolation");
    assert_eq!(find["target"], "is dead");
    assert!(
        find["scenario"].as_str().unwrap().ends_with("alive\n"),
        "{find}"
    );
}

#[test]
fn what_cannot_be_fuzzed_is_told() {
    let folder = folder("fuzz-refused");
    for (line, code, told) in [
        (&["fuzz", "ws://8.8.8.8/"][..], 2, "--allow-remote 8.8.8.8"),
        (&["fuzz"], 2, "no target"),
        (&["fuzz", "ws://127.0.0.1:1/"], 4, "refuses connections"),
        (
            &["fuzz", "ws://127.0.0.1:1/", "--replay", "nowhere"],
            2,
            "nowhere",
        ),
        (
            &["fuzz", "ws://127.0.0.1:1/", "--known", "nowhere"],
            2,
            "nowhere",
        ),
    ] {
        let output = run(&folder, line);
        assert_eq!(output.status.code(), Some(code), "{line:?}");
        let said = text(&output.stderr);
        assert!(said.contains(told), "{line:?}: {said}");
    }
}

/// A server of its own, ended with the test.
struct Served(std::process::Child, String);

impl Served {
    fn new(folder: &Path, options: &[&str]) -> Served {
        use std::io::{BufRead, BufReader};
        let line = ["serve", "--listen", "127.0.0.1:0", "--format", "json"];
        let line = [&line[..], &["--hb-interval", "400ms"]].concat();
        let mut command = program(folder, &[&line[..], options].concat());
        command.stdout(std::process::Stdio::piped());
        command.stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut first = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut first).unwrap();
        let at = first.find("ws://").unwrap_or_else(|| panic!("{first}"));
        let url = first[at..].split('"').next().unwrap_or_default();
        let url = url.trim().to_owned();
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Served(child, url)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn two_servers_are_compared_and_only_a_broken_rule_is_a_failure() {
    let folder = folder("fuzz-against");
    let right = Served::new(&folder, &[]);
    let compared = |other: &Served, cases: &str| {
        let line = ["fuzz", &right.1, "--against", &other.1];
        let more = ["--request", "ECHO [1]", "--cases", cases];
        let output = run(&folder, &[&line[..], &more].concat());
        let told = text(&output.stdout).to_owned();
        (output.status.code(), told)
    };
    let same = Served::new(&folder, &[]);
    let (code, told) = compared(&same, "250");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.starts_with("no difference between A, ws://"), "{told}");
    // The sweep through what is nasty comes first, and then what a defect needs.
    let broken = Served::new(&folder, &["--defect", "reject-1008"]);
    let (code, told) = compared(&broken, "900");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("close 4001"), "{told}");
    assert!(told.contains("close 1008"), "{told}");
    assert!(told.contains("(breaks auth.reject)"), "{told}");
}
