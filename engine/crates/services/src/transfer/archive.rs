//! The archive of a project: a ZIP file of JSON Lines, with a manifest at its end that has the digest of
//! every other file. It is read twice: nothing of an archive is taken in before all of it is known to be
//! whole. Written twice from the same project, it has the same bytes.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use inkstone_domain::digest::hex;
use inkstone_domain::provenance::Provenance;
use inkstone_domain::{Error, Result, codes};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::StreamWriter;

use super::json_lines::{Line, next_line, unwritable};
use super::limits::{TransferLimits, too_long};
use super::piece::{Content, Piece, Sink, shown, wrong};
use super::record::{ArticlePiece, ArticleRecord, RevisionRecord};
use super::writer::{PieceWriter, file_options};
use super::zip_entries::{self, ZipEntry, unreadable_entry};

const MANIFEST: &str = "manifest.json";
const PROJECT: &str = "project.jsonl";
const MEMBERS: &str = "members.jsonl";
const CONTENT_TYPES: &str = "content-types.jsonl";
const PROMPTS: &str = "prompts.jsonl";
/// Followed by a number and `.jsonl`.
const ARTICLES: &str = "articles-";
const FORMAT: &str = "inkstone-archive";
/// Raised when an older engine could no longer read what is written.
const VERSION: u32 = 1;
/// Of one file of articles: where it is reached, another begins.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// One article with all its revisions, in memory.
pub const MAX_ARTICLE_BYTES: usize = 64 << 20;
const MAX_MANIFEST_BYTES: u64 = 64 << 20;

/// The end of an archive: what it holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: String,
    version: u32,
    files: BTreeMap<String, FileDigest>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileDigest {
    bytes: u64,
    /// Hex.
    sha256: String,
}

/// A line of a file of articles. What follows an article belongs to it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum ArticleLine {
    Article(Box<ArticleRecord>),
    Revision(Box<RevisionRecord>),
    Provenance(Box<Provenance>),
}

/// Reads an archive.
pub fn read(path: &Path, limits: &TransferLimits, sink: &mut Sink<'_>) -> Result<()> {
    check_whole(path, limits)?;
    zip_entries::each(path, limits, |entry| {
        let name = entry.name.clone();
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
            || is_article_file(&name);
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
    if manifest.version != VERSION {
        return Err(damaged(format!(
            "it is of version {}, and this engine reads {VERSION}; import it with the engine that wrote it, or a newer one",
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

fn damaged(why: impl std::fmt::Display) -> Error {
    Error::new(
        &codes::INVALID_INPUT,
        format!("the archive is refused, and nothing of it was taken in: {why}"),
    )
}

/// Writes an archive. Pieces come by kind: the project first, articles last.
pub struct ArchiveWriter<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
    files: BTreeMap<String, FileDigest>,
    open: Option<OpenFile>,
    article_files: u32,
}

struct OpenFile {
    name: String,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> ArchiveWriter<W> {
    pub fn new(out: W) -> Self {
        Self {
            zip: ZipWriter::new_stream(out),
            files: BTreeMap::new(),
            open: None,
            article_files: 0,
        }
    }

    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value).map_err(unwritable)?;
        line.push(b'\n');
        self.zip.write_all(&line).map_err(unwritable)?;
        if let Some(open) = &mut self.open {
            open.bytes += line.len() as u64;
            open.hash.update(&line);
        }
        Ok(())
    }

    /// Goes on in the file of this name, or begins it.
    fn go_to(&mut self, name: &str) -> Result<()> {
        if self.open.as_ref().is_some_and(|open| open.name == name) {
            return Ok(());
        }
        self.close()?;
        self.zip
            .start_file(name, file_options())
            .map_err(unwritable)?;
        self.open = Some(OpenFile {
            name: name.to_owned(),
            hash: Sha256::new(),
            bytes: 0,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        if let Some(open) = self.open.take() {
            let digest = FileDigest {
                bytes: open.bytes,
                sha256: hex(&open.hash.finalize()),
            };
            self.files.insert(open.name, digest);
        }
        Ok(())
    }

    fn go_to_articles(&mut self) -> Result<()> {
        let is_full = self
            .open
            .as_ref()
            .is_none_or(|open| open.bytes >= MAX_FILE_BYTES || !open.name.starts_with(ARTICLES));
        if is_full {
            self.article_files += 1;
        }
        let name = format!("{ARTICLES}{:05}.jsonl", self.article_files);
        self.go_to(&name)
    }
}

impl<W: Write + Send> PieceWriter for ArchiveWriter<W> {
    fn write(&mut self, piece: &Piece) -> Result<()> {
        match piece {
            Piece::Project(project) => self.go_to(PROJECT).and_then(|()| self.line(project)),
            Piece::Member(member) => self.go_to(MEMBERS).and_then(|()| self.line(member)),
            Piece::ContentType(kind) => self.go_to(CONTENT_TYPES).and_then(|()| self.line(kind)),
            Piece::Prompt(prompt) => self.go_to(PROMPTS).and_then(|()| self.line(prompt)),
            Piece::Article(article) => {
                self.go_to_articles()?;
                let ArticlePiece {
                    record,
                    revisions,
                    provenance,
                } = article.as_ref().clone();
                self.line(&ArticleLine::Article(Box::new(record)))?;
                for revision in revisions {
                    self.line(&ArticleLine::Revision(Box::new(revision)))?;
                }
                match provenance {
                    Some(one) => self.line(&ArticleLine::Provenance(Box::new(one))),
                    None => Ok(()),
                }
            }
        }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.close()?;
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            version: VERSION,
            files: std::mem::take(&mut self.files),
        };
        let manifest = serde_json::to_vec_pretty(&manifest).map_err(unwritable)?;
        self.zip
            .start_file(MANIFEST, file_options())
            .map_err(unwritable)?;
        self.zip.write_all(&manifest).map_err(unwritable)?;
        self.zip.finish().map_err(unwritable)?;
        Ok(())
    }
}
