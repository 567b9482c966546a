//! Giving a project's articles out as they are read: a page at a time from the store, through a writer on
//! a thread of its own, into pieces of a body. At no time more than a few articles are in memory.

use std::io::Write;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use inkstone_domain::content::{Article, ArticleFilter, PageRequest, Status};
use inkstone_domain::ports::{
    ArticleStore, ContentTypeStore, ProjectStore, PromptStore, TransferStore, UserStore,
};
use inkstone_domain::project::Project;
use inkstone_domain::transfer::Format;
use inkstone_domain::{Error, Result, codes};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::archive::MAX_ARTICLE_BYTES;
use super::piece::{ContentTypePiece, MemberPiece, Piece, ProjectPiece, PromptPiece};
use super::record::{ArticlePiece, ArticleRecord, RevisionRecord};
use super::writer::writer;

/// Articles that are read ahead of the writer.
const AHEAD: usize = 4;
/// Pieces of the body that wait for the reader.
const PIECES: usize = 4;
const PIECE_BYTES: usize = 64 << 10;
const PAGE: usize = 50;

/// What is to be given out.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub transfers: Arc<dyn TransferStore>,
    pub projects: Arc<dyn ProjectStore>,
    pub prompts: Arc<dyn PromptStore>,
    pub content_types: Arc<dyn ContentTypeStore>,
    pub users: Arc<dyn UserStore>,
}

/// A body that grows while it is read. An error in it ends it early.
pub type Body = ReceiverStream<Result<Bytes>>;

/// Starts an export of what the filter lets through; `project` says of what, whole, for an archive.
pub fn start(
    powers: ExportPowers,
    wish: ExportWish,
    filter: ArticleFilter,
    project: Project,
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

/// Reads all that is to be written.
struct Gather {
    powers: ExportPowers,
    wish: ExportWish,
    filter: ArticleFilter,
    project: Project,
    pieces: mpsc::Sender<Result<Found>>,
}

impl Gather {
    async fn run(&self) {
        let end = self.gather().await.map(|()| Found::End);
        // Where the writer has ended, it knows why.
        let _ = self.pieces.send(end).await;
    }

    async fn gather(&self) -> Result<()> {
        if self.wish.format == Format::Archive {
            self.belongings().await?;
        }
        // Originals before their translations, so that an import knows them.
        let has_translations = self
            .articles(|article| article.translation_of.is_none())
            .await?;
        if has_translations {
            self.articles(|article| article.translation_of.is_some())
                .await?;
        }
        Ok(())
    }

    async fn put(&self, piece: Piece) -> Result<()> {
        let put = self.pieces.send(Ok(Found::Piece(piece))).await;
        put.map_err(|_| Error::new(&codes::CANCELLED, "nobody reads the export any more"))
    }

    /// Whether others were passed over.
    async fn articles(&self, is_wanted: impl Fn(&Article) -> bool) -> Result<bool> {
        let mut page = PageRequest {
            limit: PAGE,
            cursor: None,
        };
        let mut others = false;
        loop {
            let articles = &self.powers.articles;
            let found = articles.list_articles(self.filter.clone(), page.clone());
            let found = found.await?;
            for article in found.items {
                let language = &article.text.language;
                let wanted = self.wish.language.as_ref();
                if wanted.is_some_and(|wanted| !wanted.eq_ignore_ascii_case(language)) {
                    continue;
                }
                match is_wanted(&article) {
                    true => self.article(article).await?,
                    false => others = true,
                }
            }
            match found.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => return Ok(others),
            }
        }
    }

    async fn article(&self, article: Article) -> Result<()> {
        let former_slugs = self.powers.transfers.former_slugs(&article).await?;
        let mut piece = ArticlePiece::default();
        if self.wish.format == Format::Archive {
            piece.revisions = self.revisions(&article).await?;
            piece.provenance = self.powers.articles.provenance(article.id).await?;
        }
        piece.record = ArticleRecord::of(article, former_slugs);
        self.put(Piece::Article(Box::new(piece))).await
    }

    /// Oldest first; of very many or very long ones the newest.
    async fn revisions(&self, article: &Article) -> Result<Vec<RevisionRecord>> {
        let mut revisions: Vec<RevisionRecord> = Vec::new();
        let mut bytes = 0;
        let mut page = PageRequest {
            limit: PAGE,
            cursor: None,
        };
        loop {
            let found = self.powers.articles.revisions(article.id, page.clone());
            let found = found.await?;
            for revision in found.items {
                // Somebody may have saved it since it was read.
                if revision.revision > article.revision {
                    continue;
                }
                // Escaped, a text may be twice as long.
                bytes += 2 * revision.text.body.len() + 4_096;
                if bytes > MAX_ARTICLE_BYTES / 2 {
                    revisions.reverse();
                    return Ok(revisions);
                }
                revisions.push(revision.into());
            }
            match found.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => break,
            }
        }
        revisions.reverse();
        Ok(revisions)
    }

    /// What an archive holds beside articles.
    async fn belongings(&self) -> Result<()> {
        let project = self.project.clone();
        let slug = project.slug.clone();
        self.put(Piece::Project(ProjectPiece::from(project)))
            .await?;
        let mut page = PageRequest {
            limit: 100,
            cursor: None,
        };
        loop {
            let found = self.powers.projects.members(&slug, page.clone()).await?;
            for member in found.items {
                let user = self.powers.users.user(member.user).await?;
                let piece = MemberPiece {
                    user: member.user.to_string(),
                    name: user.map(|user| user.name).unwrap_or_default(),
                    role: member.role,
                };
                self.put(Piece::Member(piece)).await?;
            }
            match found.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => break,
            }
        }
        for kind in self.powers.content_types.content_types().await? {
            self.put(Piece::ContentType(ContentTypePiece::from(kind)))
                .await?;
        }
        self.prompts(&slug).await
    }

    async fn prompts(&self, slug: &str) -> Result<()> {
        let mut page = PageRequest {
            limit: 100,
            cursor: None,
        };
        loop {
            let found = self.powers.prompts.list_prompts(slug, page.clone()).await?;
            for prompt in found.items {
                let mut versions = Vec::new();
                for version in 1..=prompt.version {
                    let found = self.powers.prompts.prompt_version(prompt.id, version);
                    versions.extend(found.await?.map(|version| version.text));
                }
                let piece = PromptPiece {
                    name: prompt.name,
                    versions,
                };
                self.put(Piece::Prompt(piece)).await?;
            }
            match found.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => return Ok(()),
            }
        }
    }
}
