//! Writing articles out, one shape for all formats: pieces go in, bytes come out as soon as they are
//! there. ZIP files are written in one go, without going back, so that they can be sent as they grow.

use std::io::Write;

use inkstone_domain::Result;
use inkstone_domain::transfer::Format;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::archive::ArchiveWriter;
use super::json_lines::unwritable;
use super::markdown::path_of;
use super::piece::Piece;
use super::record::ArticleRecord;
use super::wxr_writer::WxrWriter;
use super::{html, json_lines, markdown};

/// Writes pieces in one format. Formats other than the archive know articles only.
pub trait PieceWriter: Send {
    fn write(&mut self, piece: &Piece) -> Result<()>;
    /// Writes what comes at the end.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// The writer of a format.
pub fn writer(format: Format, out: impl Write + Send + 'static) -> Result<Box<dyn PieceWriter>> {
    Ok(match format {
        Format::Jsonl => Box::new(JsonLinesWriter { out }),
        Format::Markdown => Box::new(FolderWriter::new(out, "md", markdown::write)),
        Format::Html => Box::new(HtmlWriter {
            folder: FolderWriter::new(out, "html", html::write),
            pages: Vec::new(),
        }),
        Format::Wxr => Box::new(WxrWriter::new(out)?),
        Format::Archive => Box::new(ArchiveWriter::new(out)),
    })
}

/// Of every file in a ZIP file: the same each time.
pub fn file_options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix)
        .unix_permissions(0o644)
}

struct JsonLinesWriter<W> {
    out: W,
}

impl<W: Write + Send> PieceWriter for JsonLinesWriter<W> {
    fn write(&mut self, piece: &Piece) -> Result<()> {
        match piece {
            Piece::Article(article) => json_lines::write(&mut self.out, &article.record),
            _ => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.out.flush().map_err(unwritable)
    }
}

type WriteFile<W> = fn(&mut ZipWriter<StreamWriter<W>>, &ArticleRecord) -> Result<()>;

/// A file for each article, in a folder for each language.
struct FolderWriter<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
    extension: &'static str,
    write: WriteFile<W>,
}

impl<W: Write> FolderWriter<W> {
    fn new(out: W, extension: &'static str, write: WriteFile<W>) -> Self {
        Self {
            zip: ZipWriter::new_stream(out),
            extension,
            write,
        }
    }
}

impl<W: Write + Send> PieceWriter for FolderWriter<W> {
    fn write(&mut self, piece: &Piece) -> Result<()> {
        let Piece::Article(article) = piece else {
            return Ok(());
        };
        let path = path_of(&article.record, self.extension);
        self.zip
            .start_file(path, file_options())
            .map_err(unwritable)?;
        (self.write)(&mut self.zip, &article.record)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.zip.finish().map_err(unwritable)?;
        Ok(())
    }
}

/// The same with a list of all pages.
struct HtmlWriter<W: Write> {
    folder: FolderWriter<W>,
    /// Path and title.
    pages: Vec<(String, String)>,
}

impl<W: Write + Send> PieceWriter for HtmlWriter<W> {
    fn write(&mut self, piece: &Piece) -> Result<()> {
        if let Piece::Article(article) = piece {
            let path = path_of(&article.record, self.folder.extension);
            let title = article.record.title.clone().unwrap_or_default();
            self.pages.push((path, title));
        }
        self.folder.write(piece)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let zip = &mut self.folder.zip;
        zip.start_file("index.html", file_options())
            .map_err(unwritable)?;
        html::write_index(zip, &self.pages)?;
        self.folder.zip.finish().map_err(unwritable)?;
        Ok(())
    }
}
