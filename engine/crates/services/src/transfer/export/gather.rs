//! What an export reads, page after page: no more of it than the writer has room for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use inkstone_domain::content::{Article, ArticleFilter, PageRequest};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::project::Project;
use inkstone_domain::prompt::Prompt;
use inkstone_domain::transfer::Format;
use inkstone_domain::{Error, Result, codes};
use tokio::sync::mpsc;

use super::{ExportPowers, ExportWish, Found};
use crate::transfer::archive::MAX_ARTICLE_BYTES;
use crate::transfer::json_lines::unwritable;
use crate::transfer::lines::{PromptPiece, PromptRecord, VersionRecord};
use crate::transfer::piece::{ContentTypePiece, MemberPiece, Piece, ProjectPiece};
use crate::transfer::record::{ArticlePiece, ArticleRecord, RevisionRecord};

const PAGE: usize = 50;

/// Reads all that is to be written.
pub(super) struct Gather {
    pub powers: ExportPowers,
    pub wish: ExportWish,
    pub filter: ArticleFilter,
    pub project: Project,
    pub pieces: mpsc::Sender<Result<Found>>,
    /// Articles and media so far.
    pub done: Arc<AtomicU64>,
}

impl Gather {
    pub async fn run(&self) {
        let end = self.gather().await.map(|()| Found::End);
        // Where the writer has ended, it knows why.
        let _ = self.pieces.send(end).await;
    }

    async fn gather(&self) -> Result<()> {
        if self.wish.format == Format::Archive {
            self.belongings().await?;
            self.media().await?;
            // Behind the media that they may name.
            self.notes().await?;
        }
        // Originals before their translations, so that an import knows them.
        let mut given = Vec::new();
        let has_translations = self
            .articles(&mut given, |article| article.translation_of.is_none())
            .await?;
        if has_translations {
            self.articles(&mut given, |article| article.translation_of.is_some())
                .await?;
        }
        match self.wish.format {
            Format::Archive => self.comments(&given).await,
            _ => Ok(()),
        }
    }

    pub(super) async fn put(&self, piece: Piece) -> Result<()> {
        let put = self.pieces.send(Ok(Found::Piece(piece))).await;
        put.map_err(|_| Error::new(&codes::CANCELLED, "nobody reads the export any more"))
    }

    /// Whether others were passed over; those that were not are added to `given`.
    async fn articles(
        &self,
        given: &mut Vec<ArticleId>,
        is_wanted: impl Fn(&Article) -> bool,
    ) -> Result<bool> {
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
                if !is_wanted(&article) {
                    others = true;
                    continue;
                }
                given.push(article.id);
                self.article(article).await?;
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
        self.put(Piece::Article(Box::new(piece))).await?;
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
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
        let words = self.powers.search_settings.search_settings(&slug).await?;
        if let Some(settings) = words {
            self.put(Piece::SearchSettings(settings.lexicon)).await?;
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
                let versions = self.prompt_versions(&prompt).await?;
                let piece = PromptPiece {
                    record: PromptRecord {
                        id: Some(prompt.id),
                        name: prompt.name,
                    },
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

    /// Oldest first; of very many or very long ones the newest.
    async fn prompt_versions(&self, prompt: &Prompt) -> Result<Vec<VersionRecord>> {
        let mut versions = Vec::new();
        let mut bytes = 0;
        for version in (1..=prompt.version).rev() {
            let found = self.powers.prompts.prompt_version(prompt.id, version);
            let Some(found) = found.await?.map(VersionRecord::from) else {
                continue;
            };
            bytes += serde_json::to_vec(&found).map_err(unwritable)?.len();
            if bytes > MAX_ARTICLE_BYTES / 2 {
                break;
            }
            versions.push(found);
        }
        versions.reverse();
        Ok(versions)
    }

    async fn notes(&self) -> Result<()> {
        let slug = &self.project.slug;
        let mut page = PageRequest {
            limit: PAGE,
            cursor: None,
        };
        loop {
            let author = self.filter.owner;
            let found = self.powers.notes.list_notes(slug, author, page.clone());
            let found = found.await?;
            for note in found.items {
                self.put(Piece::Note(Box::new(note.into()))).await?;
            }
            match found.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => return Ok(()),
            }
        }
    }
}
