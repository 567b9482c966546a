//! Reading an archive: first whether all of it is there and as its manifest has it, then what it holds.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use bytes::BytesMut;
use inkstone_domain::digest::hex;
use inkstone_domain::ids::MediaId;
use inkstone_domain::{Error, Result};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::{
    ARTICLES, ArticleLine, COMMENTS, CONTENT_TYPES, FORMAT, FileDigest, MANIFEST,
    MAX_ARTICLE_BYTES, MAX_MANIFEST_BYTES, MEMBERS, Manifest, MediaFile, NOTES, PROJECT, PROMPTS,
    SEARCH, VERSION, damaged,
};
use crate::transfer::json_lines::{Line, next_line};
use crate::transfer::limits::{MAX_ENTRY_BYTES, TransferLimits, longer_than, too_long};
use crate::transfer::lines::{PromptLine, PromptPiece, WholePrompt};
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
            SEARCH => read_lines(&name, &mut lines, sink, Piece::SearchSettings),
            PROMPTS => read_prompts(&name, &mut lines, sink),
            _ if is_numbered(&name, NOTES) => {
                read_lines(&name, &mut lines, sink, |note| Piece::Note(Box::new(note)))
            }
            _ if is_numbered(&name, COMMENTS) => {
                let piece = |comment| Piece::Comment(Box::new(comment));
                read_lines(&name, &mut lines, sink, piece)
            }
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
        let is_known = [PROJECT, MEMBERS, CONTENT_TYPES, SEARCH, PROMPTS].contains(&name.as_str())
            || [NOTES, ARTICLES, COMMENTS]
                .iter()
                .any(|kind| is_numbered(&name, kind))
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

fn is_numbered(name: &str, kind: &str) -> bool {
    let number = name
        .strip_prefix(kind)
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

/// Lines of which some begin a piece, and those behind one belong to it. Such a piece is one entry, named after
/// its first line; where one of its lines is wrong, it is.
struct Gathered<P> {
    piece: Option<(u64, Result<P>)>,
    held_bytes: usize,
    make: fn(P) -> Piece,
}

impl<P> Gathered<P> {
    fn new(make: fn(P) -> Piece) -> Self {
        Self {
            piece: None,
            held_bytes: 0,
            make,
        }
    }

    /// The one before is whole.
    fn begin(&mut self, file: &str, number: u64, piece: P, sink: &mut Sink<'_>) -> Result<()> {
        self.put(file, sink)?;
        self.piece = Some((number, Ok(piece)));
        self.held_bytes = 0;
        Ok(())
    }

    /// `add` puts a line into the piece it belongs to.
    fn add(&mut self, number: u64, bytes: usize, add: impl FnOnce(&mut P)) {
        self.held_bytes += bytes;
        let is_too_long = self.held_bytes > MAX_ARTICLE_BYTES;
        match &mut self.piece {
            Some((_, Err(_))) => {}
            Some((_, piece)) if is_too_long => *piece = Err(longer_than(MAX_ARTICLE_BYTES as u64)),
            Some((_, Ok(piece))) => add(piece),
            None => {
                let error = wrong("belongs to something that is not before it");
                self.piece = Some((number, Err(error)));
            }
        }
    }

    /// A line that belongs to the piece cannot be read.
    fn fail(&mut self, number: u64, error: Error) {
        match &mut self.piece {
            Some((_, Err(_))) => {}
            Some((_, piece)) => *piece = Err(error.context(format!("line {number}"))),
            None => self.piece = Some((number, Err(error))),
        }
    }

    /// A line that begins one cannot be read.
    fn fail_anew(
        &mut self,
        file: &str,
        number: u64,
        error: Error,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        self.put(file, sink)?;
        self.fail(number, error);
        Ok(())
    }

    fn put(&mut self, file: &str, sink: &mut Sink<'_>) -> Result<()> {
        let Some((number, piece)) = self.piece.take() else {
            return Ok(());
        };
        let found = piece.map(|piece| (Content::Piece((self.make)(piece)), Vec::new()));
        sink.put(format!("{file} line {number}"), found)
    }
}

fn read_prompts(file: &str, lines: &mut impl BufRead, sink: &mut Sink<'_>) -> Result<()> {
    let mut line = Vec::new();
    let mut gathered = Gathered::new(Piece::Prompt);
    for number in 1_u64.. {
        let read = next_line(lines, &mut line)?;
        // As engines wrote them that knew no authors.
        let is_whole = begins(&line, "name");
        let found = match read {
            Line::End => break,
            Line::TooLong => Err(too_long()),
            Line::Whole if is_whole => parse::<WholePrompt>(&line).map(PromptPiece::from),
            Line::Whole => match parse::<PromptLine>(&line) {
                Ok(PromptLine::Version(version)) => {
                    gathered.add(number, line.len(), |piece| piece.versions.push(*version));
                    continue;
                }
                Ok(PromptLine::Prompt(record)) => Ok(PromptPiece {
                    record,
                    versions: Vec::new(),
                }),
                Err(error) => Err(error),
            },
        };
        match found {
            Ok(piece) => gathered.begin(file, number, piece, sink)?,
            Err(error) if is_whole || begins(&line, "prompt") => {
                gathered.fail_anew(file, number, error, sink)?;
            }
            Err(error) => gathered.fail(number, error),
        }
    }
    gathered.put(file, sink)
}

/// Whether this is the first key of a line, as every writer of archives writes it.
fn begins(line: &[u8], key: &str) -> bool {
    let start = line.trim_ascii_start().strip_prefix(b"{\"");
    let rest = start.and_then(|rest| rest.strip_prefix(key.as_bytes()));
    rest.is_some_and(|rest| rest.starts_with(b"\""))
}

fn read_articles(file: &str, lines: &mut impl BufRead, sink: &mut Sink<'_>) -> Result<()> {
    let mut line = Vec::new();
    let mut gathered = Gathered::new(|piece| Piece::Article(Box::new(piece)));
    for number in 1_u64.. {
        let found = match next_line(lines, &mut line)? {
            Line::End => break,
            Line::TooLong => Err(too_long()),
            Line::Whole => parse::<ArticleLine>(&line),
        };
        match found {
            Ok(ArticleLine::Article(record)) => {
                let piece = ArticlePiece {
                    record: *record,
                    ..ArticlePiece::default()
                };
                gathered.begin(file, number, piece, sink)?;
            }
            Ok(ArticleLine::Revision(revision)) => {
                gathered.add(number, line.len(), |piece| piece.revisions.push(*revision));
            }
            Ok(ArticleLine::Provenance(provenance)) => {
                let told = Some(*provenance);
                gathered.add(number, line.len(), |piece| piece.provenance = told);
            }
            Err(error) if begins(&line, "article") => {
                gathered.fail_anew(file, number, error, sink)?;
            }
            Err(error) => gathered.fail(number, error),
        }
    }
    gathered.put(file, sink)
}

fn parse<T: DeserializeOwned>(line: &[u8]) -> Result<T> {
    let mut source = serde_json::Deserializer::from_slice(line);
    serde_path_to_error::deserialize(&mut source)
        .map_err(|error| wrong(format!("is not what this file holds: {error}")))
}
