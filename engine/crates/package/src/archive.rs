//! The ZIP file around a package, without trust: bytes in, the known entries out, all in memory. The
//! layout is narrower than ZIP allows, so that every reader sees the same entries: deflate only, no
//! comment, nothing before, between or behind, every local header like its line in the directory.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipArchive, ZipWriter};

use crate::error::PackageError;
use crate::names::shown;
use crate::{MAX_COMPONENT_BYTES, MAX_PACKAGE_BYTES, MAX_TEXT_BYTES};

pub(crate) const INDEX: &str = "inkplug.json";
pub(crate) const SIGNATURES: &str = "signature.json";
pub(crate) const MANIFEST: &str = "plugin.toml";
pub(crate) const README: &str = "README.md";
pub(crate) const LICENSE: &str = "LICENSE";
pub(crate) const COMPONENT: &str = "plugin.wasm";

/// Every name there is, in the order in which they are written.
const NAMES: [&str; 6] = [INDEX, SIGNATURES, MANIFEST, README, LICENSE, COMPONENT];

/// Unpacked entries by name.
pub(crate) type Entries = BTreeMap<&'static str, Vec<u8>>;

/// The record at the end of a ZIP file that carries no comment, bytes.
const END_BYTES: usize = 22;
const END_MAGIC: &[u8] = b"PK\x05\x06";
const ENTRY_MAGIC: &[u8] = b"PK\x03\x04";
/// Of a file in the directory's line, octal as in `stat`.
const REGULAR_FILE: u32 = 0o100_000;
const FILE_TYPE: u32 = 0o170_000;

pub(crate) fn read(bytes: &[u8]) -> Result<Entries, PackageError> {
    if bytes.len() as u64 > MAX_PACKAGE_BYTES {
        return Err(PackageError::Refused(format!(
            "it has {} bytes, and {MAX_PACKAGE_BYTES} is the most",
            bytes.len()
        )));
    }
    check_end(bytes)?;
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(told)?;
    if archive.offset() != 0 || !archive.comment().is_empty() {
        return Err(damaged("it holds more than its entries"));
    }
    let mut entries = Entries::new();
    let mut packed_bytes = 0;
    for position in 0..archive.len() {
        let (name, size) = check_entry(&mut archive, position)?;
        let mut entry = archive.by_index(position).map_err(told)?;
        packed_bytes += entry.compressed_size();
        // One byte more than is declared shows a lie without following it.
        let mut content = Vec::new();
        entry
            .by_ref()
            .take(size + 1)
            .read_to_end(&mut content)
            .map_err(|error| damaged(format!("`{name}` cannot be unpacked: {error}")))?;
        if content.len() as u64 != size {
            return Err(damaged(format!(
                "`{name}` is said to have {size} bytes and has {}",
                if content.len() as u64 > size {
                    "more".to_owned()
                } else {
                    content.len().to_string()
                }
            )));
        }
        entries.insert(name, content);
    }
    if archive.has_duplicate_names() {
        return Err(PackageError::Refused(
            "it holds two entries of one name".to_owned(),
        ));
    }
    archive.validate_header_consistency().map_err(told)?;
    check_no_gaps(&mut archive, packed_bytes)?;
    Ok(entries)
}

/// Always the same bytes for the same entries.
pub(crate) fn write(entries: &Entries) -> Result<Vec<u8>, PackageError> {
    let failed = |error: ZipError| PackageError::Refused(format!("it cannot be written: {error}"));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix)
        .unix_permissions(0o644);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for name in NAMES {
        let Some(content) = entries.get(name) else {
            continue;
        };
        check_size(name, content.len() as u64)?;
        writer.start_file(name, options).map_err(failed)?;
        writer
            .write_all(content)
            .map_err(|error| failed(ZipError::Io(error)))?;
    }
    let bytes = writer.finish().map_err(failed)?.into_inner();
    if bytes.len() as u64 > MAX_PACKAGE_BYTES {
        return Err(PackageError::Refused(format!(
            "it would have {} bytes, and {MAX_PACKAGE_BYTES} is the most",
            bytes.len()
        )));
    }
    Ok(bytes)
}

/// What bounds the work of the ZIP reader: few entries, and a directory that ends where the file does.
fn check_end(bytes: &[u8]) -> Result<(), PackageError> {
    if !bytes.starts_with(ENTRY_MAGIC) {
        return Err(damaged("it does not begin with an entry"));
    }
    let start = bytes.len().saturating_sub(END_BYTES);
    let end = bytes
        .get(start..)
        .filter(|end| {
            end.len() == END_BYTES && end.starts_with(END_MAGIC) && end.ends_with(&[0, 0])
        })
        .ok_or_else(|| damaged("its end is missing, or something follows it"))?;
    let short = |at: usize| usize::from(u16::from_le_bytes([end[at], end[at + 1]]));
    let long = |at: usize| u32::from_le_bytes([end[at], end[at + 1], end[at + 2], end[at + 3]]);
    let (disk, directory_disk) = (short(4), short(6));
    let (here, in_all) = (short(8), short(10));
    let directory_end = u64::from(long(16)) + u64::from(long(12));
    if disk != 0 || directory_disk != 0 || here != in_all || directory_end != start as u64 {
        return Err(damaged("its directory is not where its end says"));
    }
    // Two of one name are told as that.
    if in_all > NAMES.len() + 1 {
        return Err(PackageError::Refused(format!(
            "it holds {in_all} entries; there are only {}",
            NAMES.join(", ")
        )));
    }
    Ok(())
}

/// The entry's name, one of ours, and the size it is said to have; nothing of it is unpacked yet.
fn check_entry(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    position: usize,
) -> Result<(&'static str, u64), PackageError> {
    let entry = archive.by_index_data(position).map_err(told)?;
    let raw_name = String::from_utf8_lossy(entry.name_raw());
    let refused = |why: &str| PackageError::Refused(format!("`{}` {why}", shown(&raw_name)));
    let name = NAMES.into_iter().find(|name| *name == raw_name);
    let name = name.ok_or_else(|| {
        refused(&format!(
            "is in it; there are only {}, all without a folder",
            NAMES.join(", ")
        ))
    })?;
    let file_type = entry.unix_mode().unwrap_or(0) & FILE_TYPE;
    if file_type != 0 && file_type != REGULAR_FILE {
        return Err(refused("is no plain file but a link or a folder"));
    }
    if entry.encrypted() {
        return Err(refused("is encrypted"));
    }
    if entry.compression() != CompressionMethod::Deflated {
        return Err(refused("is packed in another way than deflate"));
    }
    check_size(name, entry.size())?;
    Ok((name, entry.size()))
}

fn check_size(name: &str, size: u64) -> Result<(), PackageError> {
    let most = match name {
        COMPONENT => MAX_COMPONENT_BYTES,
        _ => MAX_TEXT_BYTES,
    };
    if size <= most {
        return Ok(());
    }
    Err(PackageError::Refused(format!(
        "`{name}` has {size} bytes unpacked, and {most} is the most"
    )))
}

/// Entries do not overlap (checked before), so their lengths tell whether anything lies between them.
fn check_no_gaps(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    packed_bytes: u64,
) -> Result<(), PackageError> {
    let mut header_bytes = 0;
    for position in 0..archive.len() {
        let entry = archive.by_index_raw(position).map_err(told)?;
        let data_start = entry.data_start().unwrap_or_default();
        header_bytes += data_start.saturating_sub(entry.header_start());
    }
    if header_bytes + packed_bytes != archive.central_directory_start() {
        return Err(damaged("something lies between its entries"));
    }
    Ok(())
}

fn damaged(why: impl Into<String>) -> PackageError {
    PackageError::Damaged(why.into())
}

fn told(error: ZipError) -> PackageError {
    match error {
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => {
            PackageError::Refused(format!("it is a ZIP file of another kind: {error}"))
        }
        other => damaged(format!("it is no whole ZIP file: {other}")),
    }
}
