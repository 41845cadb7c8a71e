//! Writes files whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Whether a later [`write()`] can succeed: finds out now what would be a pity to find out after a run.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a folder",
        )),
        Ok(meta) if !meta.is_file() => fs::OpenOptions::new().write(true).open(path).map(drop),
        Ok(_) | Err(_) => {
            let place = Place::of(path)?;
            fs::File::create(&place.temporary)?;
            fs::remove_file(&place.temporary)
        }
    }
}

/// Replaces the file's content. A reader sees the old content or the new, never half of it.
/// Symbolic links stay; devices and pipes are written to as they are.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir()) {
        return fs::OpenOptions::new()
            .write(true)
            .open(path)?
            .write_all(content);
    }
    let place = Place::of(path)?;
    let done = write_and_rename(&place, content);
    if done.is_err() {
        // It may never have been made; the first error is the one to tell.
        let _ = fs::remove_file(&place.temporary);
    }
    done
}

fn write_and_rename(place: &Place, content: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(&place.temporary)?;
    if let Ok(meta) = fs::metadata(&place.real) {
        file.set_permissions(meta.permissions())?;
    }
    file.write_all(content)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&place.temporary, &place.real)
}

/// Where a file really is, and the name beside it that it is written under first.
struct Place {
    real: PathBuf,
    temporary: PathBuf,
}

impl Place {
    fn of(path: &Path) -> io::Result<Place> {
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_path_buf(),
            Err(error) => return Err(error),
        };
        let name = real
            .file_name()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
        let temporary = real.with_file_name(format!(
            ".{}.{}.tmp",
            name.to_string_lossy(),
            std::process::id()
        ));
        Ok(Place { real, temporary })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("litespec-files-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn content_is_replaced_and_nothing_else_is_left_behind() {
        let folder = folder("replace");
        let path = folder.join("report.json");
        check_writable(&path).unwrap();
        assert!(!path.exists(), "asking makes no file");
        write(&path, b"one").unwrap();
        check_writable(&path).unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_and_a_path_without_one_are_refused_beforehand() {
        let folder = folder("refuse");
        assert!(check_writable(&folder).is_err());
        assert!(check_writable(&folder.join("missing/report.json")).is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn links_and_permissions_survive() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder("links");
        let real = folder.join("real");
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&real, folder.join("link")).unwrap();
        write(&folder.join("link"), b"new").unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert!(
            fs::symlink_metadata(folder.join("link"))
                .unwrap()
                .is_symlink()
        );
        assert_eq!(
            fs::metadata(&real).unwrap().permissions().mode() & 0o777,
            0o600
        );
        write(Path::new("/dev/null"), b"gone").unwrap();
        fs::remove_dir_all(folder).unwrap();
    }
}
