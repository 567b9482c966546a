//! Writes a file whole or not at all: beside, then renamed over the old one.

use std::fs::Permissions;
use std::io::{Error, ErrorKind, Result, Write};
use std::path::Path;

/// Replaces `path`, keeping the old file's mode. A file, or a folder, that may not be written is left
/// alone. Through a symbolic link the file it leads to is replaced.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let target = match std::fs::canonicalize(path) {
        Ok(target) => target,
        Err(error) if error.kind() == ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    let mode = match std::fs::metadata(&target) {
        Ok(metadata) if metadata.permissions().readonly() => {
            return Err(Error::new(ErrorKind::PermissionDenied, "it is read-only"));
        }
        Ok(metadata) => Some(metadata.permissions()),
        Err(_) => None,
    };
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".new");
    // Like any new file: as far as the process's mask allows.
    #[cfg(unix)]
    let new_file = <Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666);
    #[cfg(unix)]
    builder.permissions(new_file);
    let mut beside = builder.tempfile_in(folder)?;
    beside.write_all(content)?;
    if let Some(mode) = mode {
        std::fs::set_permissions(beside.path(), mode)?;
    }
    beside.as_file().sync_all()?;
    beside.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_and_nothing_is_left_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.toml");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn modes_and_links_stay() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.toml");
        let link = folder.path().join("link.toml");
        std::fs::write(&path, "one").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write(&link, b"two").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);

        std::fs::set_permissions(&path, Permissions::from_mode(0o440)).unwrap();
        let error = write(&path, b"three").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
    }
}
