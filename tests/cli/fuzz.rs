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

#[test]
fn a_server_that_takes_one_client_at_a_time_is_fuzzed_one_case_at_a_time() {
    let folder = folder("fuzz-alone");
    let options = ["--first", "--format", "json"];
    let output = campaign(&folder, &options, &["--defect", "hello-one-at-a-time"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["finds"][0]["rule"], "robust.isolation", "{report}");
}

#[test]
fn finds_are_replayed_in_json_and_folders_of_something_else_are_refused() {
    let folder = folder("fuzz-replay-json");
    let broken = ["--defect", "nonce-zero-lost"];
    let found = campaign(&folder, &["--first", "--cases", "5000"], &broken);
    assert_eq!(found.status.code(), Some(1), "{}", text(&found.stderr));
    let replay = ["--replay", "litespec-finds", "--format", "json"];
    for (server, state, code) in [(&broken[..], "still_failing", 1), (&[][..], "fixed", 0)] {
        let output = campaign(&folder, &replay, server);
        assert_eq!(output.status.code(), Some(code));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["replayed"][0]["state"], state, "{report}");
        assert_eq!(report["still_failing"], code);
    }

    std::fs::create_dir(folder.join("other")).unwrap();
    let other = "title  t\nrule   auth.reject\n\nuse handshake\n";
    std::fs::write(folder.join("other/one.scenario"), other).unwrap();
    let refused = campaign(&folder, &["--known", "other"], &[]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(text(&refused.stderr).contains("is no find"));

    let refused = campaign(&folder, &["--save", "other/one.scenario/y"], &[]);
    assert_eq!(refused.status.code(), Some(2));
    let refused = campaign(&folder, &["--save", "/proc/litespec-finds"], &[]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
}

#[test]
fn a_target_that_fails_the_preflight_is_told_in_json_too() {
    let folder = folder("fuzz-preflight-json");
    let server = ["--defect", "interval-zero"];
    let output = campaign(&folder, &["--format", "json"], &server);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ending"], "preflight_failed", "{report}");
    assert_eq!(report["finds"], serde_json::json!([]));
}

/// Interrupts a campaign once it goes, and gives its exit code and what it wrote.
#[cfg(unix)]
fn interrupted(folder: &Path, line: &[&str]) -> (Option<i32>, serde_json::Value) {
    use std::io::Read;
    let mut campaign = Command::new(env!("CARGO_BIN_EXE_litespec"))
        .args(line)
        .current_dir(folder)
        .env("LITESPEC_TIME", "60s")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The look for a place to save to is over when the target has been started.
    let started = folder.join("started");
    while !started.exists() {
        std::thread::yield_now();
    }
    let id = campaign.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(killed.success());
    let mut report = String::new();
    campaign
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut report)
        .unwrap();
    let code = campaign.wait().unwrap().code();
    (code, serde_json::from_str(&report).unwrap_or_default())
}

#[cfg(unix)]
#[test]
fn an_interrupted_campaign_against_a_client_writes_its_report() {
    let folder = folder("fuzz-client-interrupted");
    // The second client is one of the campaign's own.
    let client = format!(
        "[ -e first ] && touch started; touch first; exec {} client \"$LITESPEC_URL\"",
        env!("CARGO_BIN_EXE_litespec")
    );
    let line = ["fuzz-client", "--format", "json", "--", "sh", "-c", &client];
    let (code, report) = interrupted(&folder, &line);
    assert_eq!(code, Some(130));
    assert_eq!(report["ending"], "interrupted", "{report}");
}
