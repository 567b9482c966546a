//! Reading an archive: first whether all of it is there and as its manifest has it, then what it holds.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use bytes::BytesMut;
use inkstone_domain::Result;
use inkstone_domain::digest::hex;
use inkstone_domain::ids::MediaId;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::{
    ARTICLES, ArticleLine, CONTENT_TYPES, FORMAT, FileDigest, MANIFEST, MAX_ARTICLE_BYTES,
    MAX_MANIFEST_BYTES, MEMBERS, Manifest, MediaFile, PROJECT, PROMPTS, VERSION, damaged,
};
use crate::transfer::json_lines::{Line, next_line};
use crate::transfer::limits::{MAX_ENTRY_BYTES, TransferLimits, too_long};
use crate::transfer::medium::{ArrivingMedium, ArrivingVersion, MediaRecord};
use crate::transfer::piece::{Content, Piece, Sink, shown, wrong};
use crate::transfer::record::ArticlePiece;
use crate::transfer::zip_entries::{self, ZipEntry, is_bomb, unreadable_entry};

/// Of the bytes of media.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that wait for whoever keeps them.
const PIECES: usize = 4;

/// Reads an archive.
pub fn read(path: &Path, limits: &TransferLimits, sink: &mut Sink<'_>) -> Result<()> {
    check_whole(path, limits)?;
    let mut open: Option<OpenMedium> = None;
    zip_entries::each(path, limits, |entry| {
        let name = entry.name.clone();
        match MediaFile::named(&name) {
            Some(MediaFile::Record(id)) => return read_medium(id, entry, sink, &mut open),
            Some(MediaFile::Version(id, version)) => {
                return read_version(id, version, entry, sink, &mut open);
            }
            // Whoever takes a medium waits for its last version.
            None => open = None,
        }
        let mut lines = BufReader::new(entry);
        match name.as_str() {
            MANIFEST => Ok(()),
            PROJECT => read_lines(&name, &mut lines, sink, Piece::Project),
            MEMBERS => read_lines(&name, &mut lines, sink, Piece::Member),
            CONTENT_TYPES => read_lines(&name, &mut lines, sink, Piece::ContentType),
            PROMPTS => read_lines(&name, &mut lines, sink, Piece::Prompt),
            _ => read_articles(&name, &mut lines, sink),
        }
    })
}

/// Whether all files are there, and as the manifest has them, and no others.
fn check_whole(path: &Path, limits: &TransferLimits) -> Result<()> {
    let mut found = BTreeMap::new();
    let mut manifest: Option<Manifest> = None;
    zip_entries::each(path, limits, |mut entry| {
        let name = entry.name.clone();
        if let Some(why) = entry.refused {
            return Err(damaged(format!("`{}`: {why}", shown(&name))));
        }
        if name == MANIFEST && manifest.is_none() {
            let bytes = entry.all(MAX_MANIFEST_BYTES)?;
            manifest = Some(read_manifest(&bytes)?);
            return Ok(());
        }
        let is_known = [PROJECT, MEMBERS, CONTENT_TYPES, PROMPTS].contains(&name.as_str())
            || is_article_file(&name)
            || MediaFile::named(&name).is_some();
        if !is_known {
            let name = shown(&name);
            return Err(damaged(format!("`{name}` is no file of an archive")));
        }
        let digest = digest_of(&mut entry)?;
        match found.insert(name.clone(), digest) {
            None => Ok(()),
            Some(_) => Err(damaged(format!("it holds two files `{name}`"))),
        }
    })?;
    let manifest = manifest.ok_or_else(|| damaged(format!("it has no `{MANIFEST}`")))?;
    let names = manifest.files.keys().chain(found.keys());
    let differs = |name: &&String| manifest.files.get(*name) != found.get(*name);
    match names.into_iter().find(differs) {
        None => Ok(()),
        Some(name) => Err(damaged(format!(
            "`{}` is not as its manifest has it",
            shown(name)
        ))),
    }
}

fn is_article_file(name: &str) -> bool {
    let number = name
        .strip_prefix(ARTICLES)
        .and_then(|rest| rest.strip_suffix(".jsonl"));
    number.is_some_and(|number| {
        matches!(number.len(), 5..=9) && number.bytes().all(|b| b.is_ascii_digit())
    })
}

fn read_manifest(bytes: &[u8]) -> Result<Manifest> {
    let manifest: Manifest = serde_json::from_slice(bytes)
        .map_err(|error| damaged(format!("its `{MANIFEST}` cannot be read: {error}")))?;
    if manifest.format != FORMAT {
        return Err(damaged(format!("its `{MANIFEST}` is not of `{FORMAT}`")));
    }
    if !(1..=VERSION).contains(&manifest.version) {
        return Err(damaged(format!(
            "it is of version {}, and this engine reads 1 to {VERSION}; import it with the engine that wrote it, or a newer one",
            manifest.version
        )));
    }
    Ok(manifest)
}

fn digest_of(entry: &mut ZipEntry<'_>) -> Result<FileDigest> {
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = entry.read(&mut buffer).map_err(unreadable_entry)?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        hash.update(&buffer[..read]);
    }
    Ok(FileDigest {
        bytes,
        sha256: hex(&hash.finalize()),
    })
}

/// A medium whose versions follow.
struct OpenMedium {
    id: MediaId,
    /// Those that are still to come, the next last.
    awaited: Vec<u32>,
    /// Closed where nobody wants them.
    versions: mpsc::Sender<ArrivingVersion>,
}

fn read_medium(
    id: MediaId,
    mut entry: ZipEntry<'_>,
    sink: &mut Sink<'_>,
    open: &mut Option<OpenMedium>,
) -> Result<()> {
    *open = None;
    let bytes = entry.all(MAX_ENTRY_BYTES);
    let found = match bytes {
        Err(error) if is_bomb(&error) => return Err(error),
        Err(error) => Err(error),
        Ok(bytes) => parse::<MediaRecord>(&bytes),
    };
    let found = found.and_then(|record| match record.id == id {
        true => Ok(record),
        false => Err(wrong("is of another medium than its name says")),
    });
    let name = entry.name;
    let found = found.map(|record| {
        let (versions, arriving) = mpsc::channel(1);
        let awaited = record.versions.iter().rev().map(|one| one.version);
        *open = Some(OpenMedium {
            id,
            awaited: awaited.collect(),
            versions,
        });
        let medium = ArrivingMedium::new(record, arriving);
        (Content::Medium(Box::new(medium)), Vec::new())
    });
    sink.put(name, found)
}

/// Hands the bytes to whoever takes the medium, as fast as that one can.
fn read_version(
    id: MediaId,
    version: u32,
    mut entry: ZipEntry<'_>,
    sink: &mut Sink<'_>,
    open: &mut Option<OpenMedium>,
) -> Result<()> {
    let mut of_it = open.as_mut().filter(|medium| medium.id == id);
    let is_next = of_it
        .as_mut()
        .is_some_and(|medium| medium.awaited.pop() == Some(version));
    let Some(medium) = of_it.filter(|_| is_next) else {
        // Whoever waits for the version that should be here waits no longer.
        *open = None;
        let why = "is no version of the medium before it, or not in its place";
        return sink.put(entry.name, Err(wrong(why)));
    };
    let (pieces, bytes) = mpsc::channel(PIECES);
    let arriving = ArrivingVersion { version, bytes };
    if medium.versions.blocking_send(arriving).is_err() {
        return Ok(());
    }
    loop {
        let mut piece = BytesMut::zeroed(PIECE_BYTES);
        let read = match entry.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) => return Err(unreadable_entry(error)),
        };
        piece.truncate(read);
        if pieces.blocking_send(Ok(piece.freeze())).is_err() {
            return Ok(());
        }
    }
}

fn read_lines<T: DeserializeOwned>(
    file: &str,
    lines: &mut impl BufRead,
    sink: &mut Sink<'_>,
    piece: fn(T) -> Piece,
) -> Result<()> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        let found = match next_line(lines, &mut line)? {
            Line::End => break,
            Line::TooLong => Err(too_long()),
            Line::Whole => {
                parse::<T>(&line).map(|value| (Content::Piece(piece(value)), Vec::new()))
            }
        };
        sink.put(format!("{file} line {number}"), found)?;
    }
    Ok(())
}

fn read_articles(file: &str, lines: &mut impl BufRead, sink: &mut Sink<'_>) -> Result<()> {
    let mut line = Vec::new();
    let mut gathered: Option<(u64, Result<ArticlePiece>)> = None;
    let mut held_bytes = 0;
    let put = |gathered: Option<(u64, Result<ArticlePiece>)>, sink: &mut Sink<'_>| {
        let Some((number, piece)) = gathered else {
            return Ok(());
        };
        let found = piece.map(|piece| {
            let piece = Piece::Article(Box::new(piece));
            (Content::Piece(piece), Vec::new())
        });
        sink.put(format!("{file} line {number}"), found)
    };
    for number in 1_u64.. {
        let found = match next_line(lines, &mut line)? {
            Line::End => break,
            Line::TooLong => Err(too_long()),
            Line::Whole => parse::<ArticleLine>(&line),
        };
        held_bytes += line.len();
        match (found, &mut gathered) {
            (Ok(ArticleLine::Article(record)), _) => {
                put(gathered.take(), sink)?;
                held_bytes = line.len();
                let piece = ArticlePiece {
                    record: *record,
                    ..ArticlePiece::default()
                };
                gathered = Some((number, Ok(piece)));
            }
            (_, Some((_, Err(_)))) => {}
            (_, Some((_, piece))) if held_bytes > MAX_ARTICLE_BYTES => *piece = Err(too_long()),
            (Ok(ArticleLine::Revision(revision)), Some((_, Ok(piece)))) => {
                piece.revisions.push(*revision);
            }
            (Ok(ArticleLine::Provenance(provenance)), Some((_, Ok(piece)))) => {
                piece.provenance = Some(*provenance);
            }
            (Err(error), Some((_, piece))) => *piece = Err(error),
            (Err(error), None) => gathered = Some((number, Err(error))),
            (Ok(_), None) => {
                gathered = Some((
                    number,
                    Err(wrong("belongs to an article that is not there")),
                ));
            }
        }
    }
    put(gathered, sink)
}

fn parse<T: DeserializeOwned>(line: &[u8]) -> Result<T> {
    let mut source = serde_json::Deserializer::from_slice(line);
    serde_path_to_error::deserialize(&mut source)
        .map_err(|error| wrong(format!("is not what this file holds: {error}")))
}
