//! The embedded scenarios: every `*.scenario` file below `scenarios/server` and `scenarios/client`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Component, Path};
use std::sync::{Arc, LazyLock};

use include_dir::{Dir, include_dir};
use sha1::{Digest, Sha1};

use super::error::ParseError;
use super::resolve::{Opened, Resolver, Shelf};
use super::syntax::{Origin, Scenario, Source};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/scenarios");
const ENDING: &str = ".scenario";

static ALL: LazyLock<Vec<Arc<Scenario>>> =
    LazyLock::new(|| read(&texts()).expect("the tests below read every embedded scenario"));

static HASH: LazyLock<String> = LazyLock::new(|| hash(&texts()));

/// All embedded scenarios, sorted by id.
pub fn all() -> &'static [Arc<Scenario>] {
    &ALL
}

/// The embedded scenario of that id, today's or a former one.
pub fn find(id: &str) -> Option<&'static Arc<Scenario>> {
    find_in(&ALL, id)
}

/// Of scenarios sorted by id.
fn find_in<'s>(scenarios: &'s [Arc<Scenario>], id: &str) -> Option<&'s Arc<Scenario>> {
    let was = |scenario: &&Arc<Scenario>| scenario.header.was.iter().any(|was| was.value == id);
    match scenarios.binary_search_by(|scenario| scenario.id.as_str().cmp(id)) {
        Ok(at) => scenarios.get(at),
        Err(_) => scenarios.iter().find(was),
    }
}

/// SHA-1 over the ids and texts of all embedded scenarios, hexadecimal: two programs with the same
/// hash run the same suite.
pub fn suite_hash() -> &'static str {
    &HASH
}

/// Texts by id.
fn texts() -> BTreeMap<String, &'static str> {
    let mut texts = BTreeMap::new();
    for folder in ["server", "client"]
        .iter()
        .filter_map(|name| FILES.get_dir(name))
    {
        collect(folder, &mut texts);
    }
    texts
}

fn collect(folder: &'static Dir<'static>, texts: &mut BTreeMap<String, &'static str>) {
    for file in folder.files() {
        let path = slashes(file.path());
        if let (Some(id), Some(text)) = (path.strip_suffix(ENDING), file.contents_utf8()) {
            texts.insert(id.to_owned(), text);
        }
    }
    for inner in folder.dirs() {
        collect(inner, texts);
    }
}

/// A path with `/` between its parts, whatever the platform; `..` goes up.
fn slashes(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => {
                parts.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    parts.join("/")
}

fn read(texts: &BTreeMap<String, &str>) -> Result<Vec<Arc<Scenario>>, ParseError> {
    let mut resolver = Resolver::new(Embedded { texts });
    texts
        .iter()
        .map(|(id, text)| resolver.read(opened(id, text)))
        .collect()
}

fn opened(id: &str, text: &str) -> Opened {
    let path = format!("scenarios/{id}{ENDING}");
    let source = Source {
        path,
        origin: Origin::Embedded,
        text: text.to_owned(),
    };
    Opened {
        key: id.to_owned(),
        id: id.to_owned(),
        source: Arc::new(source),
    }
}

struct Embedded<'t> {
    texts: &'t BTreeMap<String, &'t str>,
}

impl Shelf for Embedded<'_> {
    fn open(&self, from: &Source, path: &str) -> Result<Opened, String> {
        let folder = Path::new(&from.path).parent().unwrap_or(Path::new(""));
        let path = slashes(&folder.join(path));
        let id = path
            .strip_prefix("scenarios/")
            .and_then(|path| path.strip_suffix(ENDING))
            .unwrap_or(&path);
        match self.texts.get(id) {
            Some(text) => Ok(opened(id, text)),
            None => Err(format!("no embedded scenario `{id}`")),
        }
    }
}

fn hash(texts: &BTreeMap<String, &str>) -> String {
    let mut hasher = Sha1::new();
    for (id, text) in texts {
        // Lengths in front, so that no id can run over into its text.
        hasher.update(format!("{} {id} {} ", id.len(), text.len()));
        hasher.update(text);
    }
    hasher
        .finalize()
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::scenario::{parse, print};

    #[test]
    fn every_embedded_scenario_is_right_and_in_canonical_form() {
        for (id, text) in texts() {
            let source = opened(&id, text).source;
            let scenario = parse(&id, source).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(
                print(&scenario),
                text,
                "`litespec fmt scenarios/{id}.scenario` changes it"
            );
        }
        read(&texts()).unwrap_or_else(|error| panic!("{error}"));
    }

    #[test]
    fn every_scenario_on_disk_is_embedded() {
        fn count(folder: &Path) -> usize {
            let Ok(entries) = std::fs::read_dir(folder) else {
                return 0;
            };
            entries
                .map(|entry| entry.unwrap().path())
                .map(|path| match path.is_dir() {
                    true => count(&path),
                    false => {
                        usize::from(path.extension().is_some_and(|ending| ending == "scenario"))
                    }
                })
                .sum()
        }
        let disk = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios"));
        let on_disk = count(&disk.join("server")) + count(&disk.join("client"));
        assert_eq!(
            texts().len(),
            on_disk,
            "a file came or went: `touch src/scenario/library.rs`"
        );
    }

    #[test]
    fn controls_exist_and_lead_nowhere_in_a_circle() {
        for scenario in all() {
            let mut seen = HashSet::from([scenario.id.as_str()]);
            let mut here = scenario;
            while let Some(control) = &here.header.control {
                here = find(&control.value)
                    .unwrap_or_else(|| panic!("{}: no scenario `{}`", here.id, control.value));
                assert!(
                    seen.insert(&here.id),
                    "{}: a circle of controls through {}",
                    scenario.id,
                    here.id
                );
            }
        }
    }

    #[test]
    fn former_ids_are_nobodys_ids() {
        let mut ids: HashSet<&str> = all().iter().map(|scenario| scenario.id.as_str()).collect();
        for scenario in all() {
            for was in &scenario.header.was {
                assert!(
                    ids.insert(&was.value),
                    "{}: `was {}` is taken",
                    scenario.id,
                    was.value
                );
            }
        }
    }

    #[test]
    fn all_is_sorted_and_finds_each_by_its_id() {
        assert!(all().len() >= 150 && all().is_sorted_by(|a, b| a.id < b.id));
        for scenario in all() {
            assert_eq!(
                find(&scenario.id).map(|found| &found.id),
                Some(&scenario.id)
            );
        }
        assert!(find("server/no/such-scenario").is_none());
    }

    #[test]
    fn a_scenario_is_found_by_a_former_id_too() {
        let head = "title  t\nrule   auth.reject\n";
        let (old, new) = (
            format!("{head}\n> ping\n"),
            format!("{head}was    server/b server/c\n\n> ping\n"),
        );
        let texts = BTreeMap::from([
            ("server/a".to_owned(), old.as_str()),
            ("server/d".to_owned(), new.as_str()),
        ]);
        let scenarios = read(&texts).unwrap();
        let found = ["server/a", "server/b", "server/c", "server/d", "server/e"]
            .map(|id| find_in(&scenarios, id).map(|found| found.id.as_str()));
        let (a, d) = (Some("server/a"), Some("server/d"));
        assert_eq!(found, [a, d, d, d, None]);
    }

    #[test]
    fn the_hash_depends_on_ids_and_texts_and_on_nothing_else() {
        let texts = BTreeMap::from([("a".to_owned(), "x"), ("b".to_owned(), "y")]);
        let other_text = BTreeMap::from([("a".to_owned(), "x"), ("b".to_owned(), "z")]);
        let other_id = BTreeMap::from([("a".to_owned(), "x"), ("c".to_owned(), "y")]);
        assert_eq!(hash(&texts), hash(&texts.clone()));
        assert_ne!(hash(&texts), hash(&other_text));
        assert_ne!(hash(&texts), hash(&other_id));
        assert_eq!(suite_hash().len(), 40);
    }

    const HEAD: &str = "title  t\nrule   auth.reject\n\n";

    #[test]
    fn a_use_is_resolved_inside_the_embedded_tree() {
        let (inner, outer) = (
            format!("{HEAD}use handshake\n< {{\"op\": 5}}\n"),
            format!("{HEAD}use ../auth/inner.scenario\n"),
        );
        let texts = BTreeMap::from([
            ("server/auth/inner".to_owned(), inner.as_str()),
            ("server/outer/outer".to_owned(), outer.as_str()),
        ]);
        let scenarios = read(&texts).unwrap();
        assert_eq!(
            scenarios[1].connections(),
            ["a"],
            "the used file's connection counts"
        );
        assert!(
            scenarios[1].needs().answered_request,
            "what the used file expects counts"
        );
    }

    #[test]
    fn a_use_that_leaves_the_tree_or_goes_in_a_circle_is_an_error_at_its_line() {
        for (path, message) in [
            ("./gone.scenario", "no embedded scenario `server/gone`"),
            ("./x.scenario", "itself"),
        ] {
            let text = format!("{HEAD}use {path}\n");
            let texts = BTreeMap::from([("server/x".to_owned(), text.as_str())]);
            let error = read(&texts).unwrap_err();
            assert!(error.message.contains(message), "{}", error.message);
            assert_eq!((error.span.line, error.span.column), (4, 5));
        }
    }
}
