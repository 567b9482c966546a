//! Writing an archive, file after file, without going back.

use std::collections::BTreeMap;
use std::io::Write;

use inkstone_domain::Result;
use inkstone_domain::digest::hex;
use serde::Serialize;
use sha2::{Digest, Sha256};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::{
    ARTICLES, ArticleLine, COMMENTS, CONTENT_TYPES, FORMAT, FileDigest, MANIFEST, MAX_FILE_BYTES,
    MEMBERS, Manifest, MediaFile, NOTES, PROJECT, PROMPTS, SEARCH, VERSION,
};
use crate::transfer::json_lines::unwritable;
use crate::transfer::lines::PromptLine;
use crate::transfer::piece::Piece;
use crate::transfer::record::ArticlePiece;
use crate::transfer::writer::{PieceWriter, file_options};

/// Writes an archive. Pieces come by kind: the project first, articles and their comments last.
pub struct ArchiveWriter<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
    files: BTreeMap<String, FileDigest>,
    open: Option<OpenFile>,
    /// Of the open file among those of its kind.
    number: u32,
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
            number: 0,
        }
    }

    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value).map_err(unwritable)?;
        line.push(b'\n');
        self.put(&line)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.zip.write_all(bytes).map_err(unwritable)?;
        if let Some(open) = &mut self.open {
            open.bytes += bytes.len() as u64;
            open.hash.update(bytes);
        }
        Ok(())
    }

    /// Goes on in the file of this name, or begins it.
    fn go_to(&mut self, name: &str) -> Result<()> {
        self.go_to_file(name, file_options())
    }

    fn go_to_file(&mut self, name: &str, options: SimpleFileOptions) -> Result<()> {
        if self.open.as_ref().is_some_and(|open| open.name == name) {
            return Ok(());
        }
        self.close()?;
        self.zip.start_file(name, options).map_err(unwritable)?;
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

    /// To the file of this kind that has room.
    fn go_to_numbered(&mut self, kind: &str) -> Result<()> {
        let open = self.open.as_ref();
        self.number = match open.filter(|open| open.name.starts_with(kind)) {
            None => 1,
            Some(open) if open.bytes >= MAX_FILE_BYTES => self.number + 1,
            Some(_) => self.number,
        };
        let name = format!("{kind}{:05}.jsonl", self.number);
        self.go_to(&name)
    }
}

impl<W: Write + Send> PieceWriter for ArchiveWriter<W> {
    fn write(&mut self, piece: &Piece) -> Result<()> {
        match piece {
            Piece::Project(project) => self.go_to(PROJECT).and_then(|()| self.line(project)),
            Piece::Member(member) => self.go_to(MEMBERS).and_then(|()| self.line(member)),
            Piece::ContentType(kind) => self.go_to(CONTENT_TYPES).and_then(|()| self.line(kind)),
            Piece::SearchSettings(words) => self.go_to(SEARCH).and_then(|()| self.line(words)),
            Piece::Prompt(prompt) => {
                self.go_to(PROMPTS)?;
                self.line(&PromptLine::Prompt(prompt.record.clone()))?;
                let mut versions = prompt.versions.iter();
                versions.try_for_each(|version| {
                    self.line(&PromptLine::Version(Box::new(version.clone())))
                })
            }
            Piece::Note(note) => self.go_to_numbered(NOTES).and_then(|()| self.line(note)),
            Piece::Comment(comment) => {
                self.go_to_numbered(COMMENTS)?;
                self.line(comment)
            }
            Piece::Medium(record) => {
                self.go_to(&MediaFile::Record(record.id).name())?;
                self.line(record)
            }
            Piece::MediumBytes(part) => {
                let name = MediaFile::Version(part.media, part.version).name();
                self.go_to_file(&name, media_options(part.size_bytes))?;
                self.put(&part.bytes)
            }
            Piece::Article(article) => {
                self.go_to_numbered(ARTICLES)?;
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

/// What media are is packed already, mostly; and what unpacks too well is refused where it is read.
fn media_options(size_bytes: u64) -> SimpleFileOptions {
    file_options()
        .compression_method(CompressionMethod::Stored)
        .large_file(size_bytes >= u64::from(u32::MAX))
}
