//! Finds as files: one find, one scenario, named by rule and fingerprint.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::cli::exit::Stop;
use crate::cli::files;
use crate::fuzzer::find::Find;

/// What the comment with the fingerprint begins with.
const FINGERPRINT: &str = "# Fingerprint ";

/// A find's file.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Kept {
    /// Where it is, unless it could not be written or was known before.
    pub(in crate::cli) path: Option<PathBuf>,
    /// The scenario.
    pub(in crate::cli) text: String,
    /// It was known before.
    pub(in crate::cli) known: bool,
}

/// Writes finds to a folder.
pub(in crate::cli) struct Keeper<'a> {
    folder: &'a Path,
    known: BTreeSet<String>,
    kept: BTreeMap<String, Kept>,
    failed: Option<Stop>,
}

impl<'a> Keeper<'a> {
    pub(in crate::cli) fn new(folder: &'a Path, known: BTreeSet<String>) -> Keeper<'a> {
        Keeper {
            folder,
            known,
            kept: BTreeMap::new(),
            failed: None,
        }
    }

    /// Writes a find's scenario at once: a campaign that is killed has lost nothing.
    pub(in crate::cli) fn keep(&mut self, find: &Find) -> Kept {
        let fingerprint = find.fingerprint();
        let text = find.scenario();
        if self.known.contains(&fingerprint) {
            let kept = Kept {
                path: None,
                text,
                known: true,
            };
            self.kept.insert(fingerprint, kept.clone());
            return kept;
        }
        let path = self.folder.join(find.file_name());
        let written = std::fs::create_dir_all(self.folder)
            .and_then(|()| files::write(&path, text.as_bytes()));
        if let Err(error) = &written {
            let shown = path.display();
            self.failed
                .get_or_insert(Stop::usage(format!("cannot write {shown}: {error}")));
        }
        let kept = Kept {
            path: written.is_ok().then_some(path),
            text,
            known: false,
        };
        self.kept.insert(fingerprint, kept.clone());
        kept
    }

    /// The files, by fingerprint.
    pub(in crate::cli) fn kept(&self) -> BTreeMap<String, Kept> {
        self.kept.clone()
    }

    /// Says what could not be written.
    pub(in crate::cli) fn finish(self) -> Result<(), Stop> {
        self.failed.map_or(Ok(()), Err)
    }
}

/// Refuses a folder that cannot be written to, before anything is sent. Leaves none where none was.
pub(in crate::cli) fn writable(folder: &Path) -> Result<(), Stop> {
    let shown = folder.display();
    let was_there = folder.exists();
    if was_there && !folder.is_dir() {
        return Err(Stop::usage(format!("--save {shown} is no folder")));
    }
    let probe = folder.join(format!(".litespec-{}", std::process::id()));
    let tried = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&probe, b""))
        .and_then(|()| std::fs::remove_file(&probe));
    if !was_there {
        // One that somebody has filled meanwhile stays.
        let _ = std::fs::remove_dir(folder);
    }
    tried.map_err(|error| Stop::usage(format!("cannot write to --save {shown}: {error}")))
}

/// The fingerprints in these folders.
pub(in crate::cli) fn known(folders: &[PathBuf]) -> Result<BTreeSet<String>, Stop> {
    let mut found = BTreeSet::new();
    for folder in folders {
        let shown = folder.display();
        let unreadable = |error| Stop::usage(format!("cannot read --known {shown}: {error}"));
        for path in scenarios(folder).map_err(unreadable)? {
            let text = std::fs::read_to_string(&path).map_err(unreadable)?;
            let fingerprint = text.lines().find_map(|line| line.strip_prefix(FINGERPRINT));
            let Some(fingerprint) = fingerprint else {
                let shown = path.display();
                return Err(Stop::bad_input(format!(
                    "{shown} is no find: it has no line `{FINGERPRINT}..`"
                ))
                .hint("--known takes folders that litespec fuzz has written (--save)"));
            };
            found.insert(fingerprint.trim().to_owned());
        }
    }
    Ok(found)
}

/// The scenario files of a folder, in order.
pub(in crate::cli) fn scenarios(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "scenario") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
