//! Giving a project's articles out as they are read: a page at a time from the store, through a writer on
//! a thread of its own, into pieces of a body. At no time more than a few articles are in memory.

mod comments;
mod files;
mod gather;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::{Bytes, BytesMut};
use inkstone_domain::content::{ArticleFilter, Facet, Status};
use inkstone_domain::ports::{
    ArticleStore, BlobStore, CommentStore, ContentTypeStore, MediaStore, NoteStore, ProjectStore,
    PromptStore, SearchSettingsStore, TransferStore, UserStore,
};
use inkstone_domain::principal::Principal;
use inkstone_domain::project::{DEFAULT_PROJECT, Project};
use inkstone_domain::transfer::Format;
use inkstone_domain::{Error, Result, codes};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use self::gather::Gather;
use super::piece::Piece;
use super::writer::writer;
use crate::access::Access;
use crate::policy::{Act, Verdict};

/// Articles that are read ahead of the writer.
const AHEAD: usize = 4;
/// Pieces of the body that wait for the reader.
const PIECES: usize = 4;
const PIECE_BYTES: usize = 64 << 10;

/// What is to be given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportWish {
    pub format: Format,
    pub status: Option<Status>,
    pub tag: Option<String>,
    /// BCP 47; the case does not matter.
    pub language: Option<String>,
}

/// Where exports read.
#[derive(Clone)]
pub struct ExportPowers {
    pub articles: Arc<dyn ArticleStore>,
    pub comments: Arc<dyn CommentStore>,
    pub transfers: Arc<dyn TransferStore>,
    pub projects: Arc<dyn ProjectStore>,
    pub prompts: Arc<dyn PromptStore>,
    pub notes: Arc<dyn NoteStore>,
    pub search_settings: Arc<dyn SearchSettingsStore>,
    pub content_types: Arc<dyn ContentTypeStore>,
    pub users: Arc<dyn UserStore>,
    pub media: Arc<dyn MediaStore>,
    pub blobs: Arc<dyn BlobStore>,
}

/// What somebody may have of a project.
pub struct Scope {
    pub filter: ArticleFilter,
    pub project: Project,
    pub verdict: Verdict,
}

/// What the principal may have of a project: editors all articles, owners the whole archive, and in `default`
/// everybody their own. `unindexed_filter` where no list has what is wanted.
pub async fn scope(
    access: &Access,
    principal: &Principal,
    slug: &str,
    wish: &ExportWish,
) -> Result<Scope> {
    let act = match wish.format {
        Format::Archive => Act::MoveArchive,
        _ => Act::ExportArticles,
    };
    let (project, verdict) = access.enter(principal, slug, act).await?;
    let is_own_only = slug == DEFAULT_PROJECT && !principal.is_admin();
    let filter = ArticleFilter {
        owner: is_own_only.then_some(principal.user),
        project: Some(slug.to_owned()),
        status: wish.status,
        facet: wish.tag.clone().map(Facet::Tag),
        ..ArticleFilter::default()
    };
    filter.walk()?;
    Ok(Scope {
        filter,
        project,
        verdict,
    })
}

/// Of a file, plain ASCII as slugs are.
pub fn file_name(slug: &str, format: Format) -> String {
    format!("{slug}-{}.{}", format.as_str(), format.extension())
}

/// A body that grows while it is read. An error in it ends it early.
pub type Body = ReceiverStream<Result<Bytes>>;

/// Starts an export of what the filter lets through; `project` says of what, whole, for an archive. `done`
/// counts articles and media as they are read.
pub fn start(
    powers: ExportPowers,
    wish: ExportWish,
    filter: ArticleFilter,
    project: Project,
    done: Arc<AtomicU64>,
) -> Body {
    let (pieces, taken) = mpsc::channel(AHEAD);
    let (body, read) = mpsc::channel(PIECES);
    let format = wish.format;
    let reader = body.clone();
    tokio::spawn(async move {
        let gather = Gather {
            powers,
            wish,
            filter,
            project,
            pieces,
            done,
        };
        // Where nobody reads any more, nothing is gathered.
        tokio::select! {
            () = gather.run() => {}
            () = reader.closed() => {}
        }
    });
    tokio::task::spawn_blocking(move || write_all(format, taken, body));
    ReceiverStream::new(read)
}

fn write_all(
    format: Format,
    mut pieces: mpsc::Receiver<Result<Found>>,
    body: mpsc::Sender<Result<Bytes>>,
) {
    let out = BodyWriter {
        held: BytesMut::with_capacity(PIECE_BYTES),
        body: body.clone(),
    };
    let written = writer(format, out).and_then(|mut writer| {
        loop {
            match pieces.blocking_recv() {
                Some(Ok(Found::Piece(piece))) => writer.write(&piece)?,
                Some(Ok(Found::End)) => return writer.finish(),
                Some(Err(error)) => return Err(error),
                // What is not whole must not end as if it were.
                None => return Err(Error::new(&codes::INTERNAL, "the export ended early")),
            }
        }
    });
    if let Err(error) = written {
        // Whoever went away does not need to know.
        let _ = body.blocking_send(Err(error));
    }
}

/// Sends what is written, in pieces.
struct BodyWriter {
    held: BytesMut,
    body: mpsc::Sender<Result<Bytes>>,
}

impl BodyWriter {
    fn send(&mut self) -> std::io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let piece = self.held.split().freeze();
        let sent = self.body.blocking_send(Ok(piece));
        sent.map_err(|_| std::io::Error::from(std::io::ErrorKind::BrokenPipe))
    }
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.send()
    }
}

/// What was written last; a writer that failed has said so before.
impl Drop for BodyWriter {
    fn drop(&mut self) {
        let _ = self.send();
    }
}

/// What the writer is given.
enum Found {
    Piece(Piece),
    /// That was all.
    End,
}
