//! Folders of files as ZIP files and back, for the command line: what an engine takes and gives is one
//! file. Links are not followed, and nothing is written outside the folder.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use inkstone_domain::{Error, Result, codes};
use zip::ZipWriter;

use super::limits::TransferLimits;
use super::writer::file_options;
use super::zip_entries::{self, unreadable_entry};

/// Folders within folders.
const MAX_DEPTH: usize = 64;

/// Puts the files of a folder that end in one of these into a ZIP file, in the order of their names. How
/// many.
pub fn pack(folder: &Path, extensions: &[&str], zip: &Path) -> Result<usize> {
    let file = File::create(zip).map_err(|error| failed(zip, error))?;
    let mut writer = ZipWriter::new(BufWriter::new(file));
    let mut names = Vec::new();
    walk(folder, "", &mut names, 0)?;
    names.sort();
    names.retain(|name| {
        let end = name
            .rsplit_once('.')
            .map(|(_, end)| end.to_ascii_lowercase());
        end.is_some_and(|end| extensions.contains(&end.as_str()))
    });
    for name in &names {
        let path = folder.join(name);
        let mut source = File::open(&path).map_err(|error| failed(&path, error))?;
        let began = writer.start_file(name.as_str(), file_options());
        began.map_err(|error| failed(zip, std::io::Error::other(error)))?;
        std::io::copy(&mut source, &mut writer).map_err(|error| failed(&path, error))?;
    }
    let done = writer.finish();
    let mut file = done.map_err(|error| failed(zip, std::io::Error::other(error)))?;
    file.flush().map_err(|error| failed(zip, error))?;
    Ok(names.len())
}

/// Puts the files of a ZIP file into a folder, in place of those that are there. How many.
pub fn unpack(zip: &Path, folder: &Path) -> Result<usize> {
    let limits = TransferLimits {
        file_bytes: u64::MAX,
        unpacked_bytes: u64::MAX,
        entries: usize::MAX,
    };
    let mut files = 0;
    zip_entries::each(zip, &limits, |mut entry| {
        if let Some(why) = entry.refused {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                format!(
                    "`{}` cannot be unpacked: {why}",
                    super::piece::shown(&entry.name)
                ),
            ));
        }
        let path = folder.join(&entry.name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        }
        let mut file = File::create(&path).map_err(|error| failed(&path, error))?;
        std::io::copy(&mut entry, &mut file).map_err(unreadable_entry)?;
        files += 1;
        Ok(())
    })?;
    Ok(files)
}

fn walk(folder: &Path, prefix: &str, names: &mut Vec<String>, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let entry = entry.map_err(|error| failed(folder, error))?;
        let kind = entry.file_type().map_err(|error| failed(folder, error))?;
        // Names that are no text are nobody's articles.
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{name}");
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), names, depth + 1)?;
        } else if kind.is_file() {
            names.push(name);
        }
    }
    Ok(())
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::new(
        &codes::INVALID_INPUT,
        format!("`{}` cannot be used: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_there_and_back() {
        let home = tempfile::tempdir().unwrap();
        let (from, to) = (home.path().join("from"), home.path().join("to"));
        fs::create_dir_all(from.join("de")).unwrap();
        fs::create_dir_all(from.join(".git")).unwrap();
        for name in ["a.md", "de/b.MD", "image.png", ".git/c.md"] {
            fs::write(from.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("/etc", from.join("etc")).unwrap();
        let zip = home.path().join("files.zip");
        assert_eq!(pack(&from, &["md"], &zip).unwrap(), 2);
        assert_eq!(unpack(&zip, &to).unwrap(), 2);
        assert_eq!(fs::read_to_string(to.join("de/b.MD")).unwrap(), "de/b.MD");
        assert_eq!(fs::read_dir(&to).unwrap().count(), 2);
        assert!(pack(&home.path().join("none"), &["md"], &zip).is_err());
    }
}
