//! The subcommands that need no target: help, list, explain, fmt.

use super::*;

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
    snapshot!("cli_help_fuzz", told(&run(&folder, &["fuzz", "--help"])));
    snapshot!(
        "cli_help_fuzz_client",
        told(&run(&folder, &["fuzz-client", "--help"]))
    );
    snapshot!(
        "cli_help_selftest",
        told(&run(&folder, &["selftest", "--help"]))
    );
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
