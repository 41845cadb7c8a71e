//! Replays what the fuzz targets have: every seed and every crash that was found, through the same
//! checks, without nightly. Beyond that, the suite's own scenarios are inputs of the session targets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use litespec::scenario::syntax::Role;
use litespec::scenario::{library, print};

/// Part of the fuzz workspace, which this package does not depend on: it needs nightly.
#[path = "../fuzz/src/lib.rs"]
pub mod fuzz;

use fuzz::{Check, Input, TARGETS, mutate, script};

/// Bytes that all seeds may take together, and how many there may be.
const MOST_BYTES: u64 = 1 << 20;
const MOST_FILES: usize = 300;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(name)
}

/// The files of a folder, sorted; none if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn run(name: &str, check: Check, of: &Path) -> Vec<Input> {
    let replay = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap();
        catch_unwind(|| check(&bytes))
            .unwrap_or_else(|_| panic!("{name}: {} fails, as above", path.display()))
    };
    files(of).iter().map(replay).collect()
}

fn replay(name: &str) {
    let (name, check) = *TARGETS.iter().find(|(other, _)| *other == name).unwrap();
    let seeds = run(name, check, &folder("corpus").join(name));
    assert!(seeds.len() >= 10, "{name} has {} seeds", seeds.len());
    assert!(
        seeds.iter().all(|input| *input == Input::Used),
        "{name} refuses a seed of its own"
    );
    run(name, check, &folder("regressions").join(name));
}

#[test]
fn the_seeds_of_packet_decode_pass() {
    replay("packet_decode");
}

#[test]
fn the_seeds_of_frame_decode_pass() {
    replay("frame_decode");
}

#[test]
fn the_seeds_of_upgrade_pass() {
    replay("upgrade");
}

#[test]
fn the_seeds_of_scenario_parse_pass() {
    replay("scenario_parse");
}

#[test]
fn the_seeds_of_server_session_pass() {
    replay("server_session");
}

#[test]
fn the_seeds_of_client_session_pass() {
    replay("client_session");
}

#[test]
fn the_seeds_of_conversation_pass() {
    replay("conversation");
}

#[test]
fn every_target_has_its_file_its_dictionary_and_its_folder_and_no_folder_is_left_over() {
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for name in &names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        for file in [
            format!("fuzz_targets/{name}.rs"),
            format!("dictionaries/{name}.dict"),
        ] {
            assert!(folder(&file).is_file(), "{file} is missing");
        }
    }
    for of in ["corpus", "regressions"] {
        for path in files(&folder(of)) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(names.contains(&name), "{} is of no target", path.display());
        }
    }
}

#[test]
fn the_seeds_are_few_and_small() {
    let all: Vec<PathBuf> = files(&folder("corpus"))
        .iter()
        .flat_map(|of| files(of))
        .collect();
    let bytes: u64 = all
        .iter()
        .map(|path| fs::metadata(path).unwrap().len())
        .sum();
    assert!(all.len() <= MOST_FILES, "{} files", all.len());
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
}

#[test]
fn the_suite_itself_is_an_input_of_the_session_targets() {
    let (mut servers, mut clients) = (0, 0);
    for scenario in library::all() {
        let text = print(scenario);
        let check = if scenario.id.starts_with("server/") {
            servers += 1;
            fuzz::server_session::check
        } else {
            clients += 1;
            fuzz::client_session::check
        };
        let input = catch_unwind(|| check(text.as_bytes()));
        assert_eq!(input.ok(), Some(Input::Used), "{}", scenario.id);
    }
    assert!(servers > 100 && clients > 100, "{servers} and {clients}");
}

#[test]
fn what_is_mutated_and_crossed_is_a_scenario_of_its_role_and_differs() {
    for (role, from) in [
        (Role::Server, "server_session"),
        (Role::Client, "client_session"),
    ] {
        let seeds: Vec<Vec<u8>> = files(&folder("corpus").join(from))
            .iter()
            .map(|path| fs::read(path).unwrap())
            .collect();
        let (mut tried, mut changed) = (0, 0);
        for (number, seed) in seeds.iter().enumerate() {
            for turn in 0..50_u32 {
                let turn = turn * 1000 + u32::try_from(number).unwrap();
                tried += 1;
                if let Some(text) = mutate::scenario(seed, role, 4096, turn) {
                    assert!(text.len() <= 4096);
                    assert!(script::scenario(text.as_bytes(), role).is_some(), "{text}");
                    changed += u32::from(text.as_bytes() != seed);
                }
                let other = &seeds[(number + 1) % seeds.len()];
                if let Some(text) = mutate::cross(seed, other, role, 4096, turn) {
                    assert!(script::scenario(text.as_bytes(), role).is_some(), "{text}");
                }
            }
        }
        assert!(changed * 10 > tried * 7, "{changed} of {tried}");
    }
}

#[test]
fn bytes_that_are_no_scenario_are_left_to_the_fuzzer() {
    for bytes in [&b""[..], b"\xff", b"title x"] {
        for seed in 0..20 {
            assert_eq!(mutate::scenario(bytes, Role::Server, 4096, seed), None);
        }
        assert_eq!(fuzz::server_session::check(bytes), Input::Refused);
    }
}
