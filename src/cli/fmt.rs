//! `litespec fmt`: brings scenario files into their one canonical form.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::Globals;
use super::exit::{Exit, Stop};
use super::files;
use super::screen::Stdout;
use crate::scenario::syntax::{Origin, Source};
use crate::scenario::{parse, print};

pub(super) const EXAMPLES: &str = "\
Examples:
  litespec fmt my.scenario             rewrite the file
  litespec fmt scenarios --check       exit 1 and name the files that would change
  litespec fmt - < my.scenario         from standard input to standard output";

/// Arguments of `litespec fmt`.
#[derive(Args, Debug)]
pub(super) struct FmtArgs {
    /// Files, folders (every *.scenario below), or - for standard input
    #[arg(value_name = "FILE|DIR|-", required = true)]
    files: Vec<PathBuf>,
    /// Change nothing; exit 1 if something would change, and name it
    #[arg(long)]
    check: bool,
}

pub(super) fn run(globals: &Globals, args: &FmtArgs) -> Result<Exit, Stop> {
    let mut stdout = Stdout::new(globals.color);
    let mut paths = Vec::new();
    for path in &args.files {
        find(path, &mut paths)?;
    }
    // All are read and parsed before the first is written.
    let texts = paths
        .iter()
        .map(|path| formatted(path))
        .collect::<Result<Vec<_>, _>>()?;
    let mut changed = false;
    for (path, (old, new)) in paths.iter().zip(&texts) {
        changed |= old != new;
        let shown = path.display();
        if args.check {
            if old != new && !globals.quiet {
                stdout.write(&format!("{shown} is not in canonical form\n"))?;
            }
        } else if path == Path::new("-") {
            stdout.write(new)?;
        } else if old != new {
            files::write(path, new.as_bytes())
                .map_err(|error| Stop::usage(format!("cannot write {shown}: {error}")))?;
            if globals.verbose > 0 {
                stdout.write(&format!("{shown}\n"))?;
            }
        }
    }
    Ok(if args.check && changed {
        Exit::Failure
    } else {
        Exit::Success
    })
}

/// The path itself, or every scenario below a folder, sorted.
fn find(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), Stop> {
    if path == Path::new("-") || !path.is_dir() {
        found.push(path.to_path_buf());
        return Ok(());
    }
    let unreadable = |error: std::io::Error| {
        Stop::usage(format!(
            "cannot read the folder {}: {error}",
            path.display()
        ))
    };
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    let mut inside = entries
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    inside.sort();
    for entry in inside {
        let link = entry.is_symlink();
        if entry.is_dir() && !link {
            find(&entry, found)?;
        } else if entry.extension().is_some_and(|ending| ending == "scenario") {
            found.push(entry);
        }
    }
    Ok(())
}

/// A file's text and its canonical form.
fn formatted(path: &Path) -> Result<(String, String), Stop> {
    let from_stdin = path == Path::new("-");
    let (shown, origin) = if from_stdin {
        ("<stdin>".to_owned(), Origin::Stdin)
    } else {
        (path.display().to_string(), Origin::File)
    };
    let mut text = String::new();
    let read = if from_stdin {
        std::io::stdin().lock().read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return Err(Stop::bad_input(format!("{shown} is not UTF-8")));
        }
        Err(error) => return Err(Stop::usage(format!("cannot read {shown}: {error}"))),
    }
    let source = Arc::new(Source {
        path: shown,
        origin,
        text: text.clone(),
    });
    let scenario = parse("own/fmt", source).map_err(|error| Stop::bad_input(error.to_string()))?;
    Ok((text, print(&scenario)))
}
