//! The table `article`, and the port over it and over its revisions and provenance.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::content::listing::{RowCursor, Walk, created_place};
use inkstone_domain::content::{
    Article, ArticleFilter, ArticleSort, ArticleStamp, ArticleText, Page, PageRequest, Revision,
};
use inkstone_domain::event::Scope;
use inkstone_domain::following::Span;
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::{ArticleStore, ArticleWrite, ChangeSignal};
use inkstone_domain::provenance::Provenance;
use surrealdb::types::{RecordId, SurrealValue};
use tokio_stream::wrappers::WatchStream;

use crate::article_claims::claim_language;
use crate::article_lists::{RowKey, begin_lists, keep_lists, keys_of};
use crate::article_text::TextRow;
use crate::audit::transaction;
use crate::connection::SurrealStore;
use crate::events::tell;
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::revisions::RevisionRow;
use crate::row::{RowResult, parse, parse_option};
use crate::statement::Statement;
use crate::times;

const TABLE: &str = "article";

/// The slug becomes the article's, and stays it: the record's id makes it unique. Takes `$article`.
macro_rules! claim_slug {
    () => {
        "
    LET $slug_id = type::record('article_slug', [
        $article.project, string::lowercase($article.text.language), $article.slug
    ]);
    LET $holder = SELECT article FROM ONLY $slug_id;
    IF $holder = NONE {
        CREATE $slug_id CONTENT { article: $article.key } RETURN NONE
    } ELSE IF $holder.article != $article.key {
        THROW 'refused:slug_taken:' + $article.slug
    };
"
    };
}

/// Writes the article's row, by `CREATE` or `UPDATE`. Followers read by `changed_at`, the database's own clock.
/// Takes `$article`.
macro_rules! put_article {
    ($verb:literal) => {
        concat!(
            "
    ",
            $verb,
            " type::record('article', $article.key)
        CONTENT object::extend($article, { changed_at: time::now() }) RETURN NONE;"
        )
    };
}

/// Parts of the transactions that create or replace an article, here and in the end of a job. They
/// take `$article`, `$revision` and `$event`.
pub(crate) const CREATE_ARTICLE: &str = concat!(
    claim_slug!(),
    claim_language!("$article.translation_of != NONE"),
    put_article!("CREATE"),
    "
    CREATE type::record('article_revision', [$article.key, $article.revision]) CONTENT $revision RETURN NONE;
",
    tell!(),
    begin_lists!()
);
pub(crate) const REPLACE_ARTICLE: &str = concat!(
    "
    LET $stored = SELECT revision, deleted, lists, translation_of, text.language AS language
        FROM ONLY type::record('article', $article.key);
    IF $stored = NONE OR $stored.deleted { THROW 'refused:article_not_found:' + $article.key };
    IF $stored.revision != $article.revision - 1 {
        THROW 'refused:revision_mismatch:' + <string>$stored.revision
    };
",
    claim_language!(
        "(string::lowercase($article.text.language) != string::lowercase($stored.language)
        OR $article.translation_of != $stored.translation_of)"
    ),
    put_article!("UPDATE"),
    "
    CREATE type::record('article_revision', [$article.key, $article.revision]) CONTENT $revision RETURN NONE;
",
    tell!(),
    keep_lists!(),
    claim_slug!()
);
const BY_SLUG: &str = "{
    LET $holder = SELECT article FROM ONLY type::record('article_slug', [
        $project, string::lowercase($language), $slug
    ]);
    IF $holder = NONE { RETURN NONE };
    RETURN SELECT * FROM ONLY type::record('article', $holder.article);
}";
/// First part of the transactions about what is in the trash.
macro_rules! hold_trashed {
    () => {
        "
    LET $stored = SELECT revision, trashed_at, translation_of, text.language AS language
        FROM ONLY type::record('article', $article.key);
    IF $stored = NONE OR $stored.trashed_at = NONE {
        THROW 'refused:article_not_found:' + $article.key
    };
    IF $stored.revision != $article.revision - 1 {
        THROW 'refused:revision_mismatch:' + <string>$stored.revision
    };
"
    };
}
const RESTORE_ARTICLE: &str = concat!(
    hold_trashed!(),
    claim_language!("true"),
    put_article!("UPDATE"),
    "
    CREATE type::record('article_revision', [$article.key, $article.revision]) CONTENT $revision RETURN NONE;
",
    tell!(),
    begin_lists!(),
    claim_slug!()
);
/// The row stays as a stamp, without its text.
const REMOVE_ARTICLE: &str = concat!(
    hold_trashed!(),
    put_article!("UPDATE"),
    "
    DELETE article_revision WHERE article = $article.key RETURN NONE;
    DELETE provenance WHERE article = $article.key RETURN NONE;
    DELETE article_slug WHERE article = $article.key RETURN NONE;
    DELETE type::record('article_language', [
        $stored.translation_of ?? $article.key, string::lowercase($stored.language ?? '')
    ]) WHERE article = $article.key RETURN NONE;
    DELETE comment WHERE article = $article.key RETURN NONE;
",
    tell!()
);
/// Nothing was put into the trash before this, and `NONE` is less than any time.
const BEGINNING: &str = "d'1970-01-01T00:00:00Z'";
const DELETE_ARTICLE: &str = concat!(
    "
    LET $stored = SELECT revision, deleted, lists FROM ONLY type::record('article', $article.key);
    IF $stored = NONE OR $stored.deleted { THROW 'refused:article_not_found:' + $article.key };
    IF $stored.revision != $article.revision - 1 {
        THROW 'refused:revision_mismatch:' + <string>$stored.revision
    };
    UPDATE type::record('article', $article.key)
        SET deleted = true, trashed_at = $article.updated_at, revision = $article.revision, updated_at = $article.updated_at, lists = NONE, changed_at = time::now() RETURN NONE;
    DELETE ($stored.lists ?? []).map(|$row| type::record('article_list', $row)) RETURN NONE;
",
    tell!()
);

/// For [`times::bind`].
pub(crate) const CHANGED: &str = "SELECT key, revision, deleted, changed_at FROM article \
     WHERE changed_at >= $since AND changed_at <= $until ORDER BY changed_at";

/// An article as it stands. `changed_at` is the database's and is never sent.
#[derive(SurrealValue)]
pub(crate) struct ArticleRow {
    pub(crate) key: String,
    project: String,
    owner: String,
    slug: String,
    text: TextRow,
    pub(crate) revision: u64,
    job: Option<String>,
    translation_of: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Out of sight: in the trash, or removed.
    pub(crate) deleted: bool,
    trashed_at: Option<DateTime<Utc>>,
    removed_at: Option<DateTime<Utc>>,
    /// Where it stands by its creation. Of a row of before, the engine's start gives it.
    place: Option<String>,
    /// Its rows in `article_list`; none out of sight.
    lists: Option<Vec<RowKey>>,
}

#[derive(SurrealValue)]
struct StampRow {
    key: String,
    revision: u64,
    deleted: bool,
    changed_at: DateTime<Utc>,
}

#[async_trait]
impl ArticleStore for SurrealStore {
    async fn create_article(&self, write: ArticleWrite) -> Result<()> {
        Ok(self.write_article(CREATE_ARTICLE, write).await?)
    }

    async fn update_article(&self, write: ArticleWrite) -> Result<()> {
        Ok(self.write_article(REPLACE_ARTICLE, write).await?)
    }

    async fn delete_article(&self, write: ArticleWrite) -> Result<()> {
        Ok(self.write_article(DELETE_ARTICLE, write).await?)
    }

    async fn restore_article(&self, write: ArticleWrite) -> Result<()> {
        Ok(self.write_article(RESTORE_ARTICLE, write).await?)
    }

    async fn remove_article(&self, write: ArticleWrite) -> Result<()> {
        let scope = Scope::of_article(&write.article);
        let statement = transaction(REMOVE_ARTICLE, write.audit.as_ref())
            .about(format!("article `{}`", write.article.id))
            .bind("article", ArticleRow::removed(write.article))
            .tell(write.event.within(scope))?;
        self.write::<()>(statement).await?;
        self.nudge();
        Ok(())
    }

    async fn trashed_article(&self, id: ArticleId) -> Result<Option<Article>> {
        let row = self.article_row(id).await?;
        let trashed = row.filter(|row| row.trashed_at.is_some());
        Ok(trashed.map(Article::try_from).transpose()?)
    }

    async fn trashed_before(&self, before: DateTime<Utc>, limit: usize) -> Result<Vec<Article>> {
        let statement = Statement::new(format!(
            "SELECT * FROM article WHERE trashed_at > {BEGINNING} AND trashed_at < $before \
             ORDER BY trashed_at LIMIT $limit"
        ))
        .bind("before", before)
        .bind("limit", limit.min(u32::MAX as usize));
        let rows: Vec<ArticleRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn forget_removed(&self, before: DateTime<Utc>) -> Result<u64> {
        let statement = Statement::new(format!(
            "RETURN array::len((DELETE article \
             WHERE removed_at > {BEGINNING} AND removed_at < $before RETURN BEFORE))"
        ))
        .bind("before", before);
        Ok(self.write(statement).await?)
    }

    async fn article(&self, id: ArticleId) -> Result<Option<Article>> {
        let row = self.article_row(id).await?;
        let visible = row.filter(|row| !row.deleted);
        Ok(visible.map(Article::try_from).transpose()?)
    }

    async fn article_by_slug(
        &self,
        project: &str,
        language: &str,
        slug: &str,
    ) -> Result<Option<Article>> {
        let statement = Statement::new(BY_SLUG)
            .bind("project", project)
            .bind("language", language)
            .bind("slug", slug);
        let row: Option<ArticleRow> = self.read(statement).await?;
        let visible = row.filter(|row| !row.deleted);
        Ok(visible.map(Article::try_from).transpose()?)
    }

    async fn translations(&self, original: ArticleId) -> Result<Vec<Article>> {
        let statement = Statement::new(
            "{
                LET $own = SELECT * FROM type::record('article', $original) WHERE deleted = false;
                LET $others = SELECT * FROM article
                    WHERE translation_of = $original AND deleted = false LIMIT 199;
                RETURN array::concat($own, $others);
            }",
        )
        .bind("original", original.to_string());
        let rows: Vec<ArticleRow> = self.read(statement).await?;
        let mut group: Vec<Article> = read_all(rows)?;
        group.sort_by(|a, b| (&a.text.language, a.id).cmp(&(&b.text.language, b.id)));
        Ok(group)
    }

    async fn articles_by_id(&self, ids: &[ArticleId]) -> Result<Vec<Article>> {
        let records: Vec<RecordId> = ids
            .iter()
            .map(|id| RecordId::new(TABLE, id.to_string()))
            .collect();
        let statement =
            Statement::new("SELECT * FROM $records WHERE deleted = false").bind("records", records);
        let rows: Vec<ArticleRow> = self.read(statement).await?;
        let mut articles: Vec<Article> = read_all(rows)?;
        let place = |article: &Article| ids.iter().position(|id| *id == article.id);
        articles.sort_by_key(place);
        Ok(articles)
    }

    async fn list_articles(
        &self,
        filter: ArticleFilter,
        page: PageRequest,
    ) -> Result<Page<Article>> {
        match filter.walk()? {
            Walk::Rows { list, from, until } => {
                Ok(self.walk_rows(&filter, list, (from, until), &page).await?)
            }
            Walk::Created { from, until } => {
                let place = Place::of(&page)?;
                let statement = by_creation(&filter, (from, until), &place);
                let rows: Vec<ArticleRow> = self.read(statement).await?;
                Ok(place.page(read_all(rows)?, |article| filter.place_of(article)))
            }
        }
    }

    async fn revisions(&self, article: ArticleId, page: PageRequest) -> Result<Page<Revision>> {
        Ok(self.list_revisions(article, page).await?)
    }

    async fn revision(&self, article: ArticleId, revision: u64) -> Result<Option<Revision>> {
        Ok(self.one_revision(article, revision).await?)
    }

    async fn provenance(&self, article: ArticleId) -> Result<Option<Provenance>> {
        Ok(self.newest_provenance(article).await?)
    }

    async fn changed_articles(&self, within: Span) -> Result<Vec<ArticleStamp>> {
        let statement = times::bind(Statement::new(CHANGED), within);
        let mut rows: Vec<StampRow> = self.read(statement).await?;
        rows.retain(|row| within.holds(row.changed_at));
        Ok(read_all(rows)?)
    }

    async fn stamps(&self, after: Option<ArticleId>, limit: usize) -> Result<Vec<ArticleStamp>> {
        let statement = Statement::new(
            "SELECT key, revision, deleted, changed_at \
             FROM type::record('article', $after>..) LIMIT $limit",
        )
        .bind("after", after.map(|id| id.to_string()).unwrap_or_default())
        .bind("limit", limit.min(u32::MAX as usize));
        let rows: Vec<StampRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn now(&self) -> Result<DateTime<Utc>> {
        Ok(self.read(Statement::new("RETURN time::now()")).await?)
    }

    fn changes(&self) -> ChangeSignal {
        Box::pin(WatchStream::from_changes(self.nudges()))
    }
}

impl SurrealStore {
    async fn article_row(&self, id: ArticleId) -> Result<Option<ArticleRow>, StoreFailure> {
        self.record(TABLE, id.to_string()).await
    }

    async fn write_article(
        &self,
        parts: &'static str,
        write: ArticleWrite,
    ) -> Result<(), StoreFailure> {
        let statement = transaction(parts, write.audit.as_ref())
            .about(format!("article `{}`", write.article.id));
        self.write::<()>(bind_write(statement, write)?).await?;
        self.nudge();
        Ok(())
    }
}

/// Gives the parts above what they take.
pub(crate) fn bind_write(statement: Statement, write: ArticleWrite) -> RowResult<Statement> {
    let revision = RevisionRow::from(&write);
    let scope = Scope::of_article(&write.article);
    statement
        .bind("article", ArticleRow::from(write.article))
        .bind("revision", revision)
        .tell(write.event.within(scope))
}

/// A page by creation, along the index of just what is named. It reads as many entries, whatever the table has.
pub(crate) fn by_creation(
    filter: &ArticleFilter,
    (from, until): (Option<String>, Option<String>),
    place: &Place<RowCursor>,
) -> Statement {
    let (beyond, direction) = match filter.sort {
        ArticleSort::Oldest => ("place < $after", "DESC"),
        _ => ("place > $after", "ASC"),
    };
    let named = [
        ("_project", "project = $project", filter.project.is_some()),
        ("_owner", "owner = $owner", filter.owner.is_some()),
        ("_status", "text.status = $status", filter.status.is_some()),
    ];
    let named = named.into_iter().filter(|(_, _, is_named)| *is_named);
    let index: String = named.clone().map(|(part, _, _)| part).collect();
    // Those that were removed are few: they are dropped after a day.
    let more = [
        ("removed_at = NONE", filter.trashed),
        ("place >= $from", from.is_some()),
        ("place < $until", until.is_some()),
        (beyond, place.before.is_some()),
    ];
    let more = more.into_iter().filter(|(_, is_given)| *is_given);
    let conditions: Vec<&str> = ["deleted = $trashed"]
        .into_iter()
        .chain(named.map(|(_, condition, _)| condition))
        .chain(more.map(|(condition, _)| condition))
        .collect();
    let text = format!(
        "SELECT * FROM article WITH INDEX article{index}_created WHERE {} \
         ORDER BY place {direction} LIMIT $rows",
        conditions.join(" AND ")
    );
    Statement::new(text)
        .bind("trashed", filter.trashed)
        .bind("owner", filter.owner.map(|owner| owner.to_string()))
        .bind("project", filter.project.clone())
        .bind(
            "status",
            filter.status.map(|status| status.as_str().to_owned()),
        )
        .bind("from", from)
        .bind("until", until)
        .bind(
            "after",
            place.before.as_ref().map(|last| last.place.clone()),
        )
        .bind("rows", place.rows)
}

/// Turns rows into words of the domain, or names the first that cannot be read.
pub(crate) fn read_all<R, T>(rows: Vec<R>) -> RowResult<Vec<T>>
where
    T: TryFrom<R, Error = StoreFailure>,
{
    rows.into_iter().map(T::try_from).collect()
}

impl ArticleRow {
    /// What is left of an article that was removed.
    fn removed(article: Article) -> Self {
        Self {
            slug: String::new(),
            text: TextRow::from(ArticleText::default()),
            deleted: true,
            trashed_at: None,
            removed_at: Some(article.updated_at),
            lists: None,
            ..Self::from(article)
        }
    }
}

impl From<Article> for ArticleRow {
    fn from(article: Article) -> Self {
        let lists = keys_of(&article);
        let place = Some(created_place(&article));
        let Article {
            id,
            project,
            owner,
            slug,
            text,
            revision,
            job,
            translation_of,
            created_at,
            updated_at,
            trashed_at,
        } = article;
        Self {
            key: id.to_string(),
            project,
            owner: owner.to_string(),
            slug,
            text: TextRow::from(text),
            revision,
            job: job.map(|job| job.to_string()),
            translation_of: translation_of.map(|id| id.to_string()),
            created_at,
            updated_at,
            deleted: trashed_at.is_some(),
            trashed_at,
            removed_at: None,
            place,
            lists,
        }
    }
}

impl TryFrom<ArticleRow> for Article {
    type Error = StoreFailure;

    fn try_from(row: ArticleRow) -> RowResult<Self> {
        Ok(Self {
            id: parse(TABLE, &row.key)?,
            project: row.project,
            owner: parse(TABLE, &row.owner)?,
            slug: row.slug,
            text: ArticleText::try_from(row.text)?,
            revision: row.revision,
            job: parse_option(TABLE, row.job)?,
            translation_of: parse_option(TABLE, row.translation_of)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
            trashed_at: row.trashed_at,
        })
    }
}

impl TryFrom<StampRow> for ArticleStamp {
    type Error = StoreFailure;

    fn try_from(row: StampRow) -> RowResult<Self> {
        Ok(Self {
            id: parse(TABLE, &row.key)?,
            revision: row.revision,
            deleted: row.deleted,
            changed_at: row.changed_at,
        })
    }
}
