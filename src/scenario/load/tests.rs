//! A user's files: found, read, put together, and what is said of wrong ones.

use super::*;

const HEAD: &str = "title  t\nrule   auth.reject\n\n";

/// A folder of its own that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Folder {
        let path =
            std::env::temp_dir().join(format!("litespec-load-{name}-{}", std::process::id()));
        let folder = Folder(path);
        for (file, body) in files {
            let path = folder.0.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{HEAD}{body}\n")).unwrap();
        }
        folder
    }

    fn load(&self) -> Result<Vec<Scenario>, LoadError> {
        load(&self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn messages(result: Result<Vec<Scenario>, LoadError>) -> Vec<String> {
    let message = |problem: &Problem| match problem {
        Problem::Parse(error) => format!(
            "{}:{} {}",
            error.span.line, error.span.column, error.message
        ),
        other => other.to_string(),
    };
    result
        .expect_err("an error")
        .problems
        .iter()
        .map(message)
        .collect()
}

#[test]
fn a_folder_is_read_whole_and_in_order() {
    let folder = Folder::new(
        "whole",
        &[
            ("b.scenario", "alive"),
            ("a/z y.scenario", "alive"),
            ("a/note.txt", "?"),
        ],
    );
    let ids: Vec<String> = folder
        .load()
        .unwrap()
        .into_iter()
        .map(|scenario| scenario.id)
        .collect();
    assert_eq!(ids, ["own/a/z-y", "own/b"]);
    let one = load(&folder.0.join("b.scenario")).unwrap();
    assert_eq!(one[0].id, "own/b");
}

#[test]
fn used_files_are_found_beside_the_file_that_uses_them_and_put_in() {
    let folder = Folder::new(
        "uses",
        &[
            (
                "main.scenario",
                "use ./parts/login.scenario\n> {\"n\": $bound}",
            ),
            (
                "parts/login.scenario",
                "use ../common.scenario\n< {\"n\": $bound}",
            ),
            ("common.scenario", "b connect\nwait 1s"),
        ],
    );
    let scenarios = folder.load().unwrap();
    let main = scenarios
        .iter()
        .find(|scenario| scenario.id == "own/main")
        .unwrap();
    assert_eq!(main.connections(), ["b", "a"]);
    assert!(main.free_vars().is_empty(), "the used file binds it");
    assert_eq!(
        main.need(std::time::Duration::ZERO, std::time::Duration::ZERO)
            .as_millis(),
        1000
    );
}

#[test]
fn what_a_use_does_wrong_is_said_at_its_line() {
    let folder = Folder::new(
        "wrong",
        &[
            ("circle.scenario", "alive\nuse ./circle.scenario"),
            ("gone.scenario", "use ./nowhere.scenario"),
            ("one.scenario", "use ./two.scenario"),
            ("two.scenario", "use ./one.scenario"),
        ],
    );
    let messages = messages(folder.load());
    assert_eq!(
        messages[0],
        "5:5 this file uses itself: `./circle.scenario`"
    );
    assert!(
        messages[1].starts_with("4:5 `./nowhere.scenario` cannot be read"),
        "{}",
        messages[1]
    );
    assert_eq!(
        messages[2],
        "4:5 this file uses a file that uses it: `./one.scenario`"
    );
}

#[test]
fn uses_go_sixteen_files_deep_and_no_deeper() {
    let chain = |length: usize| {
        let names: Vec<String> = (0..=length).map(|n| format!("{n:02}.scenario")).collect();
        let bodies: Vec<String> = (0..=length)
            .map(|n| {
                if n == length {
                    "alive".to_owned()
                } else {
                    format!("use ./{:02}.scenario", n + 1)
                }
            })
            .collect();
        let files: Vec<_> = names
            .iter()
            .map(String::as_str)
            .zip(bodies.iter().map(String::as_str))
            .collect();
        let folder = Folder::new(&format!("chain{length}"), &files);
        load(&folder.0.join("00.scenario"))
    };
    assert!(chain(16).is_ok());
    assert_eq!(
        messages(chain(17)),
        ["4:5 files use one another deeper than 16"]
    );
}

#[test]
fn words_of_both_roles_are_refused_wherever_they_stand() {
    let folder = Folder::new(
        "roles",
        &[
            ("a.scenario", "< connects\nuse ./b.scenario"),
            ("b.scenario", "b connect"),
        ],
    );
    assert_eq!(
        messages(folder.load()),
        ["5:1 `connect` in a scenario that has words of the other role"]
    );
}

#[test]
fn every_file_says_its_first_error_and_says_it_once() {
    let folder = Folder::new(
        "errors",
        &[
            ("a.scenario", "pign"),
            ("b.scenario", "use ./a.scenario"),
            ("c.scenario", "> {"),
            ("d.scenario", "alive"),
        ],
    );
    let result = folder.load();
    assert!(format!("{}", result.as_ref().unwrap_err()).contains("a.scenario:4:1"));
    let messages = messages(result);
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(
        messages[0].starts_with("4:1 unknown word `pign`") && messages[1].starts_with("4:4"),
        "{messages:?}"
    );
}

#[test]
fn files_that_are_no_text_or_not_there_are_said_to_be() {
    let folder = Folder::new("bytes", &[("a.scenario", "alive")]);
    fs::write(folder.0.join("b.scenario"), b"title  t\n\xff").unwrap();
    fs::write(folder.0.join("c.scenario"), vec![b'#'; MAX_FILE + 1]).unwrap();
    let said = messages(folder.load());
    assert!(
        said[0].ends_with("b.scenario: no UTF-8 at line 2"),
        "{said:?}"
    );
    assert!(
        said[1].ends_with(&format!("a file longer than {MAX_FILE} bytes")),
        "{said:?}"
    );
    assert_eq!(messages(load(&folder.0.join("nowhere"))).len(), 1);
    let empty = Folder::new("empty", &[("sub/note.scenario", "alive")]);
    fs::remove_file(empty.0.join("sub/note.scenario")).unwrap();
    assert!(messages(empty.load())[0].contains("no file here"));
}

#[test]
fn two_files_with_one_id_are_refused() {
    let folder = Folder::new(
        "same",
        &[("a b.scenario", "alive"), ("a-b.scenario", "alive")],
    );
    assert!(messages(folder.load())[0].ends_with("the id `own/a-b` is that of another file too"));
}

#[test]
fn a_stream_is_a_scenario_too() {
    let text = format!("{HEAD}alive\n");
    let scenarios = stdin(&mut text.as_bytes()).unwrap();
    assert_eq!(
        (scenarios[0].id.as_str(), scenarios[0].source.origin),
        ("own/stdin", Origin::Stdin)
    );
    assert!(stdin(&mut "x".as_bytes()).is_err());
}

#[test]
fn a_file_may_be_as_long_as_the_limit() {
    let folder = Folder::new("longest", &[("a.scenario", "> ping")]);
    let path = folder.0.join("a.scenario");
    let mut text = fs::read_to_string(&path).unwrap();
    while text.len() < MAX_FILE {
        let left = MAX_FILE - text.len();
        text += &format!("#{}\n", "x".repeat(left.min(100).saturating_sub(2)));
    }
    text.truncate(MAX_FILE);
    fs::write(&path, text).unwrap();
    assert_eq!(folder.load().map(|scenarios| scenarios.len()).ok(), Some(1));
}

#[test]
fn folders_are_searched_to_a_depth_and_up_to_a_number_of_files() {
    let deepest = |name: &str, depth: usize| {
        let file = format!("{}a.scenario", "f/".repeat(depth));
        let folder = Folder::new(name, &[(&file, "> ping")]);
        let mut files = Vec::new();
        search(&folder.0, 0, &mut files).map(|()| files.len())
    };
    assert_eq!(deepest("deep", MAX_FOLDERS).ok(), Some(1));
    assert!(deepest("deeper", MAX_FOLDERS + 1).is_err());
    let folder = Folder::new("many", &[("a.scenario", "> ping")]);
    for number in 1..MAX_FILES {
        fs::write(folder.0.join(format!("{number}.scenario")), "").unwrap();
    }
    let count = || {
        let mut files = Vec::new();
        search(&folder.0, 0, &mut files).map(|()| files.len())
    };
    assert_eq!(count().ok(), Some(MAX_FILES));
    fs::write(folder.0.join("more.scenario"), "").unwrap();
    assert!(count().is_err());
}
