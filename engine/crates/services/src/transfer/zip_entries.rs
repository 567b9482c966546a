//! ZIP files of strangers, read without trust: entry by entry, never onto the disk, and never more of
//! them than the limits say, whatever their headers say.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use inkstone_domain::{Error, Result, codes};
use zip::read::{Config, ZipFile};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;
use zip::{CompressionMethod, ZipReadOptions};

use super::limits::{FREE_BYTES, MAX_RATIO, TransferLimits};
use super::piece::unreadable;

/// How a ZIP file begins, an empty one too.
const MAGICS: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// Whether these first bytes are those of a ZIP file.
pub fn is_zip(start: &[u8]) -> bool {
    MAGICS.iter().any(|magic| start.starts_with(magic))
}

/// An entry while it is read. What is not read of it is passed over.
pub struct ZipEntry<'a> {
    /// With `/` between its parts.
    pub name: String,
    /// Why it is not to be read, if so: its name leads elsewhere, or it is no plain file.
    pub refused: Option<&'static str>,
    file: ZipFile<'a, BufReader<File>>,
    budget: &'a mut Budget,
}

/// What all entries together may still come to.
struct Budget {
    left: u64,
}

/// Goes through all entries but folders, in the order of the directory.
pub fn each(
    path: &Path,
    limits: &TransferLimits,
    mut take: impl FnMut(ZipEntry<'_>) -> Result<()>,
) -> Result<()> {
    let directory = File::open(path).map_err(unreadable)?;
    let bodies = File::open(path).map_err(unreadable)?;
    let packed_bytes = directory.metadata().map_err(unreadable)?.len();
    let directory = BufReader::new(directory);
    let zip = ZipIterable::try_new(directory, Config::default()).map_err(told)?;
    if zip.len() > limits.entries {
        return Err(bomb(format!(
            "it holds {} entries, and {} are the most",
            zip.len(),
            limits.entries
        )));
    }
    let most = packed_bytes.saturating_mul(MAX_RATIO).max(FREE_BYTES);
    let mut budget = Budget {
        left: most.min(limits.unpacked_bytes),
    };
    let mut zip = zip.enforce_header_consistency(true);
    let mut entries = zip
        .files_with_reader(BufReader::new(bodies), ZipReadOptions::default())
        .map_err(told)?;
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(told)?;
        let raw = String::from_utf8_lossy(entry.name_raw()).into_owned();
        if entry.is_dir() {
            continue;
        }
        take(ZipEntry {
            refused: refusal(&entry, &raw),
            name: raw,
            file: entry,
            budget: &mut budget,
        })?;
    }
    Ok(())
}

impl ZipEntry<'_> {
    /// All of it; `body_too_large` where that is more than `most` bytes.
    pub fn all(&mut self, most: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // Headers lie; one byte more shows it.
        self.take(most + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable_entry)?;
        match bytes.len() as u64 > most {
            true => Err(Error::new(
                &codes::BODY_TOO_LARGE,
                format!("it has more than {most} bytes unpacked"),
            )),
            false => Ok(bytes),
        }
    }
}

/// Counts against the budget of the whole file.
impl Read for ZipEntry<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        match self.budget.left.checked_sub(read as u64) {
            Some(left) => self.budget.left = left,
            None => return Err(std::io::Error::other(TooMuch)),
        }
        Ok(read)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the ZIP file unpacks to more than it may")]
struct TooMuch;

/// The error of reading an entry; a spent budget ends the whole file.
pub fn unreadable_entry(error: std::io::Error) -> Error {
    match error.get_ref().is_some_and(|inner| inner.is::<TooMuch>()) {
        true => bomb(TooMuch.to_string()),
        false => Error::new(
            &codes::INVALID_INPUT,
            format!("it cannot be unpacked: {error}"),
        ),
    }
}

/// Whether an error is about the whole file and not about one of its entries.
pub fn is_bomb(error: &Error) -> bool {
    error.code() == &codes::QUOTA_EXCEEDED
}

fn refusal(entry: &ZipFile<'_, BufReader<File>>, name: &str) -> Option<&'static str> {
    let leaves = name.split('/').any(|part| part == ".." || part == ".");
    let is_absolute = name.starts_with('/') || name.contains(':') || name.contains('\\');
    if leaves || is_absolute || name.contains(char::is_control) || entry.enclosed_name().is_none() {
        return Some("its name leads out of the archive");
    }
    if entry.is_symlink() {
        return Some("it is a link");
    }
    if entry.encrypted() {
        return Some("it is encrypted");
    }
    let is_known = matches!(
        entry.compression(),
        CompressionMethod::Stored | CompressionMethod::Deflated
    );
    (!is_known).then_some("it is packed in another way than deflate")
}

fn bomb(why: String) -> Error {
    Error::new(
        &codes::QUOTA_EXCEEDED,
        format!("the file is refused: {why}"),
    )
}

fn told(error: ZipError) -> Error {
    unreadable(format!("it is no whole ZIP file: {error}"))
}
