//! The table `article_revision`: a copy of the text for every version.

use chrono::{DateTime, Utc};
use inkstone_domain::content::{ArticleText, Cause, Page, PageRequest, Revision};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::ArticleWrite;
use surrealdb::types::SurrealValue;

use crate::article_text::TextRow;
use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::row::{RowResult, parse};
use crate::statement::Statement;

const TABLE: &str = "article_revision";

#[derive(SurrealValue)]
pub(crate) struct RevisionRow {
    article: String,
    revision: u64,
    author: String,
    job: Option<String>,
    plugin: Option<String>,
    comment: Option<String>,
    text: TextRow,
    created_at: DateTime<Utc>,
}

impl SurrealStore {
    pub(crate) async fn one_revision(
        &self,
        article: ArticleId,
        revision: u64,
    ) -> Result<Option<Revision>, StoreFailure> {
        // Beyond this there is none, nor a number of the database.
        let Ok(revision) = i64::try_from(revision) else {
            return Ok(None);
        };
        let statement = Statement::new(
            "SELECT * FROM ONLY type::record('article_revision', [$article, $revision])",
        )
        .bind("article", article.to_string())
        .bind("revision", revision);
        let row: Option<RevisionRow> = self.read(statement).await?;
        row.map(Revision::try_from).transpose()
    }

    pub(crate) async fn list_revisions(
        &self,
        article: ArticleId,
        page: PageRequest,
    ) -> Result<Page<Revision>, StoreFailure> {
        let place: Place<u64> = Place::of(&page)?;
        let text = match place.before {
            None => {
                "SELECT * FROM article_revision WHERE article = $article \
                 ORDER BY revision DESC LIMIT $rows"
            }
            Some(_) => {
                "SELECT * FROM article_revision WHERE article = $article AND revision < $before \
                 ORDER BY revision DESC LIMIT $rows"
            }
        };
        let statement = Statement::new(text)
            .bind("article", article.to_string())
            .bind("before", place.before)
            .bind("rows", place.rows);
        let rows: Vec<RevisionRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |revision: &Revision| revision.revision))
    }
}

impl From<&ArticleWrite> for RevisionRow {
    fn from(write: &ArticleWrite) -> Self {
        let (job, plugin) = match &write.cause {
            Cause::Person => (None, None),
            Cause::Job { job, plugin } => (Some(job.to_string()), Some(plugin.clone())),
        };
        Self {
            article: write.article.id.to_string(),
            revision: write.article.revision,
            author: write.author.to_string(),
            job,
            plugin,
            comment: write.comment.clone(),
            text: TextRow::from(write.article.text.clone()),
            created_at: write.article.updated_at,
        }
    }
}

impl From<Revision> for RevisionRow {
    fn from(revision: Revision) -> Self {
        let (job, plugin) = match revision.cause {
            Cause::Person => (None, None),
            Cause::Job { job, plugin } => (Some(job.to_string()), Some(plugin)),
        };
        Self {
            article: revision.article.to_string(),
            revision: revision.revision,
            author: revision.author.to_string(),
            job,
            plugin,
            comment: revision.comment,
            text: TextRow::from(revision.text),
            created_at: revision.created_at,
        }
    }
}

impl TryFrom<RevisionRow> for Revision {
    type Error = StoreFailure;

    fn try_from(row: RevisionRow) -> RowResult<Self> {
        let cause = match (row.job, row.plugin) {
            (Some(job), Some(plugin)) => Cause::Job {
                job: parse(TABLE, &job)?,
                plugin,
            },
            _ => Cause::Person,
        };
        Ok(Self {
            article: parse(TABLE, &row.article)?,
            revision: row.revision,
            author: parse(TABLE, &row.author)?,
            cause,
            comment: row.comment,
            text: ArticleText::try_from(row.text)?,
            created_at: row.created_at,
        })
    }
}
