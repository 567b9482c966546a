//! The table `comment`: comments on articles, replies and suggestions.

use async_trait::async_trait;
use chrono::Utc;
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::comment::Comment;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::{Scope, ScopedEvent};
use inkstone_domain::ids::{ArticleId, CommentId, UserId};
use inkstone_domain::ports::{CommentArrival, CommentStore};
use surrealdb::types::SurrealValue;

use crate::articles::read_all;
use crate::audit::transaction;
use crate::connection::SurrealStore;
use crate::events::tell;
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::row::{RowResult, from_json, to_json};
use crate::statement::Statement;

const TABLE: &str = "comment";

/// Told where its article is, and whose.
macro_rules! tell_of_article {
    () => {
        concat!(
            "
    LET $about = SELECT project, owner FROM ONLY type::record('article', $event_article);
",
            tell!("$event", "{ project: $about.project, owner: $about.owner }")
        )
    };
}
const CREATE: &str = concat!(
    "CREATE type::record('comment', $row.key) CONTENT $row RETURN NONE;",
    tell_of_article!()
);
const UPDATE: &str = concat!(
    "
    LET $stored = SELECT VALUE revision FROM ONLY type::record('comment', $row.key);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored != $row.revision - 1 { THROW 'refused:revision_mismatch:' + <string>$stored };
    UPDATE type::record('comment', $row.key) CONTENT $row RETURN NONE;
",
    tell_of_article!()
);
const DELETE: &str = concat!(
    "
    LET $stored = SELECT VALUE key FROM ONLY type::record('comment', $key);
    IF $stored = NONE { THROW 'refused:not_found' };
    DELETE type::record('comment', $key) RETURN NONE;
    DELETE comment WHERE reply_to = $key RETURN NONE;
",
    tell_of_article!()
);

#[derive(SurrealValue)]
struct CommentRow {
    key: String,
    article: String,
    reply_to: Option<String>,
    revision: u64,
    /// The whole of it as JSON text.
    document: String,
}

#[async_trait]
impl CommentStore for SurrealStore {
    async fn create_comment(&self, new: &Comment, audit: Option<&AuditRecord>) -> Result<()> {
        let told = ScopedEvent::comment_written(new, Scope::default());
        let statement = transaction(CREATE, audit)
            .about(subject(new.id))
            .bind("row", CommentRow::of(new)?)
            .bind("event_article", new.article.to_string())
            .tell(told)?;
        Ok(self.write(statement).await?)
    }

    async fn update_comment(
        &self,
        next: &Comment,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let told = ScopedEvent::comment_changed(next, by, Scope::default());
        let statement = transaction(UPDATE, audit)
            .about(subject(next.id))
            .bind("row", CommentRow::of(next)?)
            .bind("event_article", next.article.to_string())
            .tell(told)?;
        Ok(self.write(statement).await?)
    }

    async fn delete_comment(
        &self,
        id: CommentId,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        // What the event tells of it never changes; whether it is still there the transaction says.
        let stored = self.comment(id).await?;
        let stored = stored.ok_or_else(|| StoreFailure::not_found(subject(id)))?;
        let told = ScopedEvent::comment_deleted(&stored, by, Utc::now(), Scope::default());
        let statement = transaction(DELETE, audit)
            .about(subject(id))
            .bind("key", id.to_string())
            .bind("event_article", stored.article.to_string())
            .tell(told)?;
        Ok(self.write(statement).await?)
    }

    async fn comment(&self, id: CommentId) -> Result<Option<Comment>> {
        let statement = Statement::new("SELECT * FROM ONLY type::record('comment', $key)")
            .bind("key", id.to_string());
        let row: Option<CommentRow> = self.read(statement).await?;
        Ok(row.map(Comment::try_from).transpose()?)
    }

    async fn comments(&self, article: ArticleId, page: PageRequest) -> Result<Page<Comment>> {
        let place: Place<CommentId> = Place::of(&page)?;
        let beginning = match place.before {
            Some(_) => "AND key < $before",
            None => "",
        };
        let text = format!(
            "SELECT * FROM comment WHERE article = $article {beginning} ORDER BY key DESC LIMIT $rows"
        );
        let statement = Statement::new(text)
            .bind("article", article.to_string())
            .bind("before", place.before.map(|id| id.to_string()))
            .bind("rows", place.rows);
        let rows: Vec<CommentRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |comment: &Comment| comment.id))
    }
}

/// `step` of an import and a comment that is new, in one transaction.
pub(crate) fn creating(step: &str, arrival: CommentArrival) -> RowResult<Statement> {
    arriving(&format!("{step} {CREATE}"), arrival)
}

/// The same for one that is there.
pub(crate) fn updating(step: &str, arrival: CommentArrival) -> RowResult<Statement> {
    arriving(&format!("{step} {UPDATE}"), arrival)
}

fn arriving(parts: &str, arrival: CommentArrival) -> RowResult<Statement> {
    let CommentArrival {
        comment,
        event,
        audit,
    } = arrival;
    transaction(parts, audit.as_ref())
        .about(subject(comment.id))
        .bind("row", CommentRow::of(&comment)?)
        .bind("event_article", comment.article.to_string())
        .tell(event.within(Scope::default()))
}

fn subject(id: CommentId) -> String {
    format!("comment `{id}`")
}

impl CommentRow {
    fn of(comment: &Comment) -> RowResult<Self> {
        Ok(Self {
            key: comment.id.to_string(),
            article: comment.article.to_string(),
            reply_to: comment.reply_to.map(|id| id.to_string()),
            revision: comment.revision,
            document: to_json(TABLE, comment)?,
        })
    }
}

impl TryFrom<CommentRow> for Comment {
    type Error = StoreFailure;

    fn try_from(row: CommentRow) -> RowResult<Self> {
        from_json(TABLE, &row.document)
    }
}
