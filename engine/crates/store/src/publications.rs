//! The table `publication`: the agenda of articles that are to be published.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::content::{ClaimedPublication, Publication};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::PublicationStore;
use surrealdb::types::SurrealValue;

use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, parse};
use crate::statement::Statement;
use crate::times;

const TABLE: &str = "publication";

const PUT: &str = "{
    LET $id = type::record('publication', $article);
    LET $stored = SELECT at, by, fence FROM ONLY $id;
    IF $stored.at = $at AND $stored.by = $by { RETURN NONE };
    UPSERT $id CONTENT {
        article: $article, at: $at, by: $by, next_at: $at, fence: ($stored.fence ?? 0) + 1
    } RETURN NONE;
    RETURN NONE;
}";
const CLAIM: &str = "{
    LET $due = (SELECT id, next_at FROM publication
        WHERE next_at <= $through ORDER BY next_at LIMIT 1)[0];
    IF $due = NONE OR $due.next_at > $now { RETURN NONE };
    LET $taken = UPDATE ONLY $due.id SET next_at = $lease_until, fence += 1 RETURN AFTER;
    RETURN { publication: $taken, due_at: $due.next_at };
}";
const SETTLE: &str = "{
    LET $id = type::record('publication', $article);
    LET $stored = SELECT fence FROM ONLY $id;
    IF $stored.fence = $fence { DELETE $id RETURN NONE };
    RETURN NONE;
}";

const POSTPONE: &str = "{
    LET $id = type::record('publication', $article);
    LET $stored = SELECT fence FROM ONLY $id;
    IF $stored.fence = $fence { UPDATE $id SET next_at = $until RETURN NONE };
    RETURN NONE;
}";
const RECALL: &str = "{
    UPDATE $articles.map(|$article| type::record('publication', $article))
        SET next_at = at, fence += 1 WHERE next_at != at RETURN NONE;
    RETURN NONE;
}";

#[derive(SurrealValue)]
struct PublicationRow {
    article: String,
    at: DateTime<Utc>,
    by: String,
    fence: u64,
}

/// What a claim gives back.
#[derive(SurrealValue)]
struct ClaimedRow {
    publication: PublicationRow,
    due_at: DateTime<Utc>,
}

#[async_trait]
impl PublicationStore for SurrealStore {
    async fn put_publication(&self, publication: &Publication) -> Result<()> {
        let statement = Statement::new(PUT)
            .about(subject(publication.article))
            .bind("article", publication.article.to_string())
            .bind("at", publication.at)
            .bind("by", publication.by.to_string());
        Ok(self.write(statement).await?)
    }

    async fn drop_publication(&self, article: ArticleId) -> Result<()> {
        let statement = Statement::new(
            "{ DELETE type::record('publication', $article) RETURN NONE; RETURN NONE; }",
        )
        .about(subject(article))
        .bind("article", article.to_string());
        Ok(self.write(statement).await?)
    }

    async fn publication(&self, article: ArticleId) -> Result<Option<Publication>> {
        let row: Option<PublicationRow> = self.record("publication", article.to_string()).await?;
        Ok(row.map(Publication::try_from).transpose()?)
    }

    async fn claim_publication(
        &self,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedPublication>> {
        let statement = Statement::new(CLAIM)
            .about("publications")
            .bind("now", now)
            .bind("through", times::through(now))
            .bind("lease_until", now + lease);
        let row: Option<ClaimedRow> = self.write(statement).await?;
        Ok(row.map(ClaimedPublication::try_from).transpose()?)
    }

    async fn settle_publication(&self, claimed: &ClaimedPublication) -> Result<()> {
        let article = claimed.publication.article;
        let statement = Statement::new(SETTLE)
            .about(subject(article))
            .bind("article", article.to_string())
            .bind("fence", claimed.fence);
        Ok(self.write(statement).await?)
    }

    async fn postpone_publication(
        &self,
        claimed: &ClaimedPublication,
        until: DateTime<Utc>,
    ) -> Result<()> {
        let article = claimed.publication.article;
        let statement = Statement::new(POSTPONE)
            .about(subject(article))
            .bind("article", article.to_string())
            .bind("fence", claimed.fence)
            .bind("until", until);
        Ok(self.write(statement).await?)
    }

    async fn recall_publications(&self, articles: &[ArticleId]) -> Result<()> {
        let keys: Vec<String> = articles.iter().map(ToString::to_string).collect();
        let statement = Statement::new(RECALL)
            .about("publications")
            .bind("articles", keys);
        Ok(self.write(statement).await?)
    }
}

impl TryFrom<PublicationRow> for Publication {
    type Error = StoreFailure;

    fn try_from(row: PublicationRow) -> RowResult<Self> {
        Ok(Self {
            article: parse(TABLE, &row.article)?,
            at: row.at,
            by: parse(TABLE, &row.by)?,
        })
    }
}

impl TryFrom<ClaimedRow> for ClaimedPublication {
    type Error = StoreFailure;

    fn try_from(row: ClaimedRow) -> RowResult<Self> {
        Ok(Self {
            fence: row.publication.fence,
            publication: Publication::try_from(row.publication)?,
            due_at: row.due_at,
        })
    }
}

fn subject(article: ArticleId) -> String {
    format!("publication of `{article}`")
}
