//! Holds the code to the map in `src/lib.rs`: floors, files of a readable size, libraries in their
//! place.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, the highest first. Modules that share a floor do not know each other.
const FLOORS: [&[&str]; 12] = [
    &["cli"],
    &["selftest"],
    &["runner", "fuzzer", "report"],
    &["zoo"],
    &["reference"],
    &["play"],
    &["process"],
    &["wire"],
    &["event"],
    &["outcome"],
    &["session", "scenario", "oracle"],
    &["protocol"],
];

/// A file with more lines is two files.
const LONGEST_FILE: usize = 600;

/// A library and the only places (below `src/`) that may name it.
const PLACES: [(&str, &[&str]); 4] = [
    ("clap", &["cli/"]),
    ("indicatif", &["cli/progress.rs"]),
    ("tungstenite", &["reference/"]),
    ("tokio_tungstenite", &["reference/"]),
];

/// What must never be imported by whom, floors apart: what judges shares no code with what is judged.
const STRANGERS: [(&str, &[&str]); 4] = [
    ("oracle", &["session", "reference", "zoo"]),
    ("play", &["session", "reference", "zoo"]),
    ("runner", &["session", "reference", "zoo"]),
    ("fuzzer", &["session", "reference", "zoo"]),
];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// A source file: its path below `src/` and its text without comments and string contents.
struct File {
    path: String,
    code: String,
    lines: usize,
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    assert!(paths.len() > 20, "the sources were not found");
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let path = path
                .strip_prefix(&root)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            File {
                path,
                code: bare(&text),
                lines: text.lines().count(),
            }
        })
        .collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The text with comments, strings and character literals blanked out. Knows Rust well enough for
/// searching: nested comments, escapes, raw strings, lifetimes.
fn bare(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let starts = |at: usize, word: &str| {
        word.chars()
            .enumerate()
            .all(|(i, c)| chars.get(at + i) == Some(&c))
    };
    while at < chars.len() {
        if starts(at, "//") {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if starts(at, "/*") {
            let mut depth = 0;
            while at < chars.len() {
                if starts(at, "/*") {
                    depth += 1;
                    at += 2;
                } else if starts(at, "*/") {
                    depth -= 1;
                    at += 2;
                } else {
                    at += 1;
                }
                if depth == 0 {
                    break;
                }
            }
        } else if let Some(behind) = raw_string(&chars, at) {
            out.push_str("\"\"");
            at = behind;
        } else if chars[at] == '"' {
            out.push_str("\"\"");
            at += 1;
            while at < chars.len() && chars[at] != '"' {
                at += if chars[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
        } else if chars[at] == '\''
            && (chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\''))
        {
            out.push_str("' '");
            at += if chars[at + 1] == '\\' { 3 } else { 2 };
            while at < chars.len() && chars[at] != '\'' {
                at += 1;
            }
            at += 1;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// The place behind a raw string that begins at `at`.
fn raw_string(chars: &[char], at: usize) -> Option<usize> {
    let inside_word =
        at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_') && chars[at - 1] != 'b';
    if chars[at] != 'r' || inside_word {
        return None;
    }
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(at + 1 + hashes) != Some(&'"') {
        return None;
    }
    let mut end = at + 2 + hashes;
    while end < chars.len() {
        if chars[end] == '"'
            && chars[end + 1..]
                .iter()
                .take(hashes)
                .filter(|c| **c == '#')
                .count()
                == hashes
        {
            return Some(end + 1 + hashes);
        }
        end += 1;
    }
    Some(chars.len())
}

/// Top-level modules of the crate that the code names: `crate::x`, `crate::{x, y::z}`.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        if code[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = code[start + "crate::".len()..].trim_start();
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(group_heads(group));
        } else {
            found.push(word(rest));
        }
    }
    found.retain(|module| !module.is_empty());
    found
}

/// The first word of each item of `{a, b::{c, d}, e::f}`.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let mut depth = 0;
    let mut item = String::new();
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(word(item.trim()));
                item.clear();
                continue;
            }
            _ => {}
        }
        item.push(c);
    }
    heads.push(word(item.trim()));
    heads
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// Whether the code names the library as a path or in a `use`.
fn names(code: &str, library: &str) -> bool {
    code.match_indices(library).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        let behind = &code[start + library.len()..];
        let whole = !before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let path = behind.starts_with("::")
            || (code[..start].ends_with("use ") && !behind.starts_with('_'));
        whole && path && !code[..start].ends_with("::")
    })
}

fn module_of(path: &str) -> &str {
    path.split('/')
        .next()
        .unwrap_or(path)
        .trim_end_matches(".rs")
}

#[test]
fn every_module_imports_only_from_floors_below_its_own() {
    let mut broken = Vec::new();
    for file in files() {
        let module = module_of(&file.path);
        if ["lib", "main"].contains(&module) {
            continue;
        }
        let Some(own) = floor(module) else {
            broken.push(format!(
                "src/{}: the module {module} has no floor",
                file.path
            ));
            continue;
        };
        for import in imports(&file.code) {
            match floor(&import) {
                _ if import == module => {}
                Some(other) if other > own => {}
                Some(_) => broken.push(format!(
                    "src/{}: {module} must not import {import}",
                    file.path
                )),
                None => broken.push(format!("src/{}: crate::{import} has no floor", file.path)),
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn what_judges_shares_no_code_with_what_is_judged() {
    let mut broken = Vec::new();
    for file in files() {
        let module = module_of(&file.path);
        let strangers = STRANGERS
            .iter()
            .filter(|(who, _)| *who == module)
            .flat_map(|(_, whom)| *whom);
        let imports = imports(&file.code);
        for stranger in
            strangers.filter(|stranger| imports.iter().any(|import| import == *stranger))
        {
            broken.push(format!(
                "src/{}: {module} must never import {stranger}",
                file.path
            ));
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn the_map_in_lib_rs_names_every_module_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let text = fs::read_to_string(root).unwrap();
    let mut declared: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    declared.sort_unstable();
    let mut known: Vec<&str> = FLOORS.concat();
    known.sort_unstable();
    assert_eq!(declared, known);
    let map: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .collect::<Vec<_>>()
        .join("\n");
    let map = map.split("```").nth(1).unwrap();
    let mut last = 0;
    for (number, names) in FLOORS.iter().enumerate() {
        let line = map.lines().position(|line| {
            names
                .iter()
                .all(|name| line.split_whitespace().any(|w| w == *name))
        });
        let line = line.unwrap_or_else(|| panic!("the map has no line with {names:?}"));
        assert!(
            number == 0 || line > last,
            "the map has {names:?} in another order"
        );
        last = line;
    }
}

#[test]
fn no_file_is_too_long_to_read_and_each_says_what_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut broken = Vec::new();
    for file in files() {
        if file.lines > LONGEST_FILE {
            broken.push(format!(
                "src/{} has {} lines, more than {LONGEST_FILE}",
                file.path, file.lines
            ));
        }
        if !fs::read_to_string(root.join(&file.path))
            .unwrap()
            .starts_with("//! ")
        {
            broken.push(format!(
                "src/{} does not begin by saying what it is (//!)",
                file.path
            ));
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn libraries_stay_in_their_place() {
    let mut broken = Vec::new();
    for file in files() {
        for (library, places) in PLACES {
            let allowed = places.iter().any(|place| file.path.starts_with(place));
            // Tests may compare with it.
            let test = file
                .path
                .split('/')
                .any(|part| part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs"));
            let code = file
                .code
                .split("#[cfg(test)]\nmod tests {")
                .next()
                .unwrap_or("");
            if !allowed && !test && names(code, library) {
                broken.push(format!(
                    "src/{}: {library} belongs to {}",
                    file.path,
                    places.join(", ")
                ));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn there_is_no_unsafe_code() {
    for file in files() {
        let unsafe_code = file
            .code
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word == "unsafe");
        assert!(!unsafe_code, "src/{} has unsafe code", file.path);
    }
}

#[test]
fn the_reader_of_this_test_sees_what_the_compiler_sees() {
    let code = bare(concat!(
        "use crate::{wire, outcome::{Entry, Dir}, event as e};\n",
        "// use crate::cli;\n/* crate::cli /* nested */ crate::cli */\n",
        "let a = \"crate::cli \\\" unsafe\"; let b = r#\"crate::cli \" unsafe\"#; let c = '\"'; let d = '\\'';\n",
        "fn f<'a>(x: &'a str) -> crate::report::Record { mycrate::cli() }\n",
    ));
    assert_eq!(imports(&code), ["wire", "outcome", "event", "report"]);
    assert!(!code.contains("unsafe"));
    assert!(names("use clap::Parser;", "clap") && names("#[derive(clap::Args)]", "clap"));
    assert!(names("use clap;", "clap") && !names("let clap = 1; my_clap::x", "clap"));
    assert!(!names("use tokio_tungstenite::x", "tungstenite"));
    assert_eq!(word("a::b"), "a");
}
