//! `litespec fuzz-client` as people use it: real processes, real sockets.

use super::*;

/// A campaign against the reference client, right or with a defect.
fn campaign(folder: &Path, options: &[&str], client: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_litespec");
    let mut line = vec!["fuzz-client"];
    line.extend(options);
    line.extend(["--", program, "client", "-q", "{url}"]);
    line.extend(client);
    run(folder, &line)
}

#[test]
fn a_clients_find_is_a_scenario_that_fails_until_it_is_fixed() {
    let folder = folder("fuzz-client-find");
    let broken = ["--defect", "nonces-all-one"];
    let found = campaign(&folder, &["--first", "--cases", "200"], &broken);
    assert_eq!(found.status.code(), Some(1), "{}", text(&found.stderr));
    let screen = text(&found.stdout);
    assert!(screen.starts_with("found 1 failure in "), "{screen}");
    assert!(
        screen.contains("litespec check-client --only-own --scenario"),
        "{screen}"
    );
    let files: Vec<_> = std::fs::read_dir(folder.join("litespec-finds"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [file] = &files[..] else {
        panic!("one find, one file: {files:?}");
    };
    let program = env!("CARGO_BIN_EXE_litespec");
    let file = file.to_str().unwrap();
    let check = [
        "check-client",
        "--only-own",
        "--scenario",
        file,
        "--",
        program,
        "client",
        "{url}",
    ];
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
}

#[test]
fn a_right_client_is_left_in_peace() {
    let folder = folder("fuzz-client-right");
    let output = campaign(&folder, &["--cases", "12", "--format", "json"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["finds"], serde_json::json!([]));
    assert_eq!(report["cases"], 12);
    assert_eq!(report["vacuous"], false);
}

#[test]
fn a_client_that_cannot_be_fuzzed_is_told_of() {
    let folder = folder("fuzz-client-refused");
    let never = ["fuzz-client", "--ready-within", "1s", "--", "sleep", "30"];
    for (line, code, told) in [
        (&["fuzz-client"][..], 2, "no client"),
        (
            &["fuzz-client", "--known", "nowhere", "--", "x"],
            2,
            "nowhere",
        ),
        (
            &["fuzz-client", "--replay", "nowhere", "--", "x"],
            2,
            "nowhere",
        ),
        (&never, 4, "no connection"),
    ] {
        let output = run(&folder, line);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{line:?}: {}",
            text(&output.stderr)
        );
        let said = text(&output.stderr);
        assert!(said.contains(told), "{line:?}: {said}");
    }
}
