//! A user's own scenarios: a file, a folder, or standard input.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::ParseError;
use super::parse::MAX_FILE;
use super::resolve::{Opened, Resolver, Shelf};
use super::syntax::{Origin, Scenario, Source};

/// How many files a folder holds at most.
const MAX_FILES: usize = 10_000;
/// How deep folders are searched.
const MAX_FOLDERS: usize = 32;

/// Why scenarios could not be loaded: the first error of every file that has one.
#[derive(Debug)]
pub struct LoadError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// What is wrong with one file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Its text is no scenario.
    #[error("{0}")]
    Parse(Box<ParseError>),
    /// It cannot be read.
    #[error("{path}: {error}")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        error: io::Error,
    },
    /// It is longer than [`MAX_FILE`].
    #[error("{path}: a file longer than {MAX_FILE} bytes")]
    TooLong {
        /// The file.
        path: String,
    },
    /// It is no UTF-8.
    #[error("{path}: no UTF-8 at line {line}")]
    NotUtf8 {
        /// The file.
        path: String,
        /// The first line that is none, counted from 1.
        line: usize,
    },
    /// A folder without scenarios: more likely a mistake than a wish.
    #[error("{path}: no file here ends in `.scenario`")]
    Nothing {
        /// The folder.
        path: String,
    },
    /// A folder with more than fits.
    #[error("{path}: more than {MAX_FILES} scenarios, or folders deeper than {MAX_FOLDERS}")]
    TooMany {
        /// The folder.
        path: String,
    },
    /// Two files make the same id.
    #[error("{path}: the id `{id}` is that of another file too")]
    SameId {
        /// The second file.
        path: String,
        /// The id.
        id: String,
    },
}

impl LoadError {
    /// All problems, quoted, with a blank line between them.
    pub fn render(&self, color: bool) -> String {
        let one = |problem: &Problem| match problem {
            Problem::Parse(error) => error.render(color),
            other => format!("error: {other}"),
        };
        self.problems
            .iter()
            .map(one)
            .collect::<Vec<_>>()
            .join("\n\n")
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for LoadError {}

impl From<Problem> for LoadError {
    fn from(problem: Problem) -> LoadError {
        LoadError {
            problems: vec![problem],
        }
    }
}

/// Reads a file, a folder (every `*.scenario` in it and below, by path), or `-` for standard input.
/// Ids are `own/` and the path below the folder, without its ending; of a single file its name.
///
/// # Errors
/// What is wrong with each file that something is wrong with.
pub fn load(path: &Path) -> Result<Vec<Scenario>, LoadError> {
    if path == Path::new("-") {
        return stdin(&mut io::stdin().lock());
    }
    let metadata = fs::metadata(path).map_err(|error| Problem::Read {
        path: shown(path),
        error,
    })?;
    let files = if metadata.is_dir() {
        let mut files = Vec::new();
        search(path, 0, &mut files)?;
        files.sort();
        if files.is_empty() {
            return Err(Problem::Nothing { path: shown(path) }.into());
        }
        files
            .into_iter()
            .map(|file| (id(file.strip_prefix(path).unwrap_or(&file)), file))
            .collect()
    } else {
        vec![(
            id(Path::new(path.file_name().unwrap_or_default())),
            path.to_owned(),
        )]
    };
    read_all(files)
}

/// Reads one scenario from a stream; the files it uses are looked for in the current folder.
fn stdin(stream: &mut dyn Read) -> Result<Vec<Scenario>, LoadError> {
    let path = "<stdin>".to_owned();
    let text = text(stream, &path)?;
    let source = Arc::new(Source {
        path: path.clone(),
        origin: Origin::Stdin,
        text,
    });
    let file = Opened {
        key: path,
        id: "own/stdin".to_owned(),
        source,
    };
    match Resolver::new(Disk).read(file) {
        Ok(scenario) => Ok(vec![Scenario::clone(&scenario)]),
        Err(error) => Err(Problem::Parse(Box::new(error)).into()),
    }
}

fn read_all(files: Vec<(String, PathBuf)>) -> Result<Vec<Scenario>, LoadError> {
    let mut resolver = Resolver::new(Disk);
    let (mut scenarios, mut problems) = (Vec::<Scenario>::new(), Vec::new());
    for (id, path) in files {
        match opened(&path, Some(id)).and_then(|file| {
            resolver
                .read(file)
                .map_err(|error| Problem::Parse(Box::new(error)))
        }) {
            Err(problem) if problems.iter().any(|earlier| same(earlier, &problem)) => {}
            Err(problem) => problems.push(problem),
            Ok(scenario) if scenarios.iter().any(|earlier| earlier.id == scenario.id) => {
                problems.push(Problem::SameId {
                    path: shown(&path),
                    id: scenario.id.clone(),
                });
            }
            Ok(scenario) => scenarios.push(Scenario::clone(&scenario)),
        }
    }
    if problems.is_empty() {
        Ok(scenarios)
    } else {
        Err(LoadError { problems })
    }
}

/// An error in a used file turns up once for each file that uses it.
fn same(a: &Problem, b: &Problem) -> bool {
    match (a, b) {
        (Problem::Parse(a), Problem::Parse(b)) => {
            a.source.path == b.source.path && a.span.start == b.span.start
        }
        _ => false,
    }
}

fn search(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let failed = |error| Problem::Read {
        path: shown(folder),
        error,
    };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        // Linked folders are not followed: they may lead in a circle.
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        if is_folder && depth < MAX_FOLDERS {
            search(&path, depth + 1, files)?;
        } else if !is_folder && path.extension().is_some_and(|ending| ending == "scenario") {
            files.push(path);
        }
        if files.len() > MAX_FILES || (is_folder && depth == MAX_FOLDERS) {
            return Err(Problem::TooMany {
                path: shown(folder),
            });
        }
    }
    Ok(())
}

/// Files on disk; relative paths count from the file that uses them.
struct Disk;

impl Shelf for Disk {
    fn open(&self, from: &Source, path: &str) -> Result<Opened, String> {
        let folder = match from.origin {
            Origin::File => Path::new(&from.path).parent().unwrap_or(Path::new("")),
            Origin::Stdin | Origin::Embedded => Path::new(""),
        };
        let plain = path.strip_prefix("./").unwrap_or(path);
        opened(&folder.join(plain), None).map_err(|problem| match problem {
            Problem::Read { error, .. } => format!("`{path}` cannot be read: {error}"),
            other => other.to_string(),
        })
    }
}

fn opened(path: &Path, name: Option<String>) -> Result<Opened, Problem> {
    let failed = |error| Problem::Read {
        path: shown(path),
        error,
    };
    let key = fs::canonicalize(path).map_err(failed)?;
    let mut file = File::open(&key).map_err(failed)?;
    let text = text(&mut file, &shown(path))?;
    let source = Source {
        path: shown(path),
        origin: Origin::File,
        text,
    };
    let id = name.unwrap_or_else(|| id(Path::new(path.file_name().unwrap_or_default())));
    Ok(Opened {
        key: shown(&key),
        id,
        source: Arc::new(source),
    })
}

/// A stream's text, read no further than a scenario may be long.
fn text(stream: &mut dyn Read, path: &str) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    let limit = MAX_FILE as u64 + 1;
    stream
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| Problem::Read {
            path: path.to_owned(),
            error,
        })?;
    if bytes.len() > MAX_FILE {
        return Err(Problem::TooLong {
            path: path.to_owned(),
        });
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        Problem::NotUtf8 {
            path: path.to_owned(),
            line: good.iter().filter(|byte| **byte == b'\n').count() + 1,
        }
    })
}

/// `own/` and a path without its ending; what cannot stand in an id becomes `-`.
fn id(path: &Path) -> String {
    let stem = path.with_extension("");
    let parts: Vec<String> = stem
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let allowed = |c: char| {
        if c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-') {
            c
        } else {
            '-'
        }
    };
    format!("own/{}", parts.join("/"))
        .chars()
        .map(allowed)
        .collect()
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
