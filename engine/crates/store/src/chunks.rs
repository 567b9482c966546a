//! The tables `embedded` (what a model has of an article), `chunk` (its pieces with their vectors) and
//! `vector_state`.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::chunks::{Chunk, EmbeddedArticle, EmbeddedStamp};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::ChunkStore;
use surrealdb::types::{Bytes, SurrealValue};

use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::row::{RowResult, parse};
use crate::statement::Statement;
use crate::times;
use crate::vectors::{to_bytes, to_vector};

const EMBEDDED: &str = "embedded";
const CHUNK: &str = "chunk";
/// Above all articles.
const END: &str = "\u{10ffff}";

const PUT: &str = "{
    LET $id = type::record('embedded', [$row.model, $row.article]);
    LET $stored = SELECT revision, chunks FROM ONLY $id;
    IF $stored != NONE AND $stored.revision > $row.revision { RETURN NONE };
    DELETE ($stored.chunks ?? []).map(|$key| type::record('chunk', $key)) RETURN NONE;
    FOR $chunk IN $chunks {
        CREATE type::record('chunk', $chunk.key) CONTENT $chunk RETURN NONE;
    };
    UPSERT $id CONTENT object::extend($row, { changed_at: time::now() }) RETURN NONE;
    RETURN NONE;
}";
/// One transaction, so that no article is read with the pieces of another revision.
const READ: &str = "{
    LET $ids = $keys.map(|$key| type::record('embedded', $key));
    LET $articles = SELECT * FROM $ids;
    LET $chunk_ids = array::flatten($articles.chunks).map(|$key| type::record('chunk', $key));
    RETURN { articles: $articles, chunks: (SELECT * FROM $chunk_ids) };
}";
const FORGET: &str = "{
    FOR $article IN $articles {
        LET $id = type::record('embedded', [$model, $article]);
        LET $stored = SELECT chunks FROM ONLY $id;
        DELETE ($stored.chunks ?? []).map(|$key| type::record('chunk', $key)) RETURN NONE;
        DELETE $id RETURN NONE;
    };
    RETURN NONE;
}";
const SERVE: &str = "{
    UPSERT type::record('vector_state', 'serving') CONTENT { model: $model } RETURN NONE;
    RETURN NONE;
}";

/// `changed_at` is the database's and is never sent.
#[derive(SurrealValue)]
struct EmbeddedRow {
    model: String,
    article: String,
    revision: u64,
    /// Keys, in the order of the text.
    chunks: Vec<String>,
}

#[derive(SurrealValue)]
struct ChunkRow {
    key: String,
    from_byte: u64,
    to_byte: u64,
    digest: String,
    vector: Bytes,
}

#[derive(SurrealValue)]
struct FoundRow {
    articles: Vec<EmbeddedRow>,
    chunks: Vec<ChunkRow>,
}

#[derive(SurrealValue)]
struct VectorRow {
    digest: String,
    vector: Bytes,
}

#[derive(SurrealValue)]
struct EmbeddedStampRow {
    article: String,
    revision: u64,
    changed_at: DateTime<Utc>,
}

#[derive(SurrealValue)]
struct ServingRow {
    model: String,
}

#[async_trait]
impl ChunkStore for SurrealStore {
    async fn put_chunks(&self, embedded: &EmbeddedArticle) -> Result<()> {
        let chunks: Vec<ChunkRow> = (0..)
            .zip(&embedded.chunks)
            .map(|(number, chunk)| ChunkRow::of(embedded, number, chunk))
            .collect();
        let row = EmbeddedRow {
            model: embedded.model.clone(),
            article: embedded.article.to_string(),
            revision: embedded.revision,
            chunks: chunks.iter().map(|chunk| chunk.key.clone()).collect(),
        };
        let statement = Statement::new(PUT)
            .about(format!("chunks of `{}`", embedded.article))
            .bind("row", row)
            .bind("chunks", chunks);
        Ok(self.write(statement).await?)
    }

    async fn vectors(&self, digests: &[String]) -> Result<HashMap<String, Vec<f32>>> {
        let statement = Statement::new("SELECT digest, vector FROM chunk WHERE digest IN $digests")
            .bind("digests", digests.to_vec());
        let rows: Vec<VectorRow> = self.read(statement).await?;
        let known = rows
            .into_iter()
            .map(|row| Ok((row.digest, to_vector(CHUNK, &row.vector)?)));
        Ok(known.collect::<RowResult<_>>()?)
    }

    async fn embedded_articles(
        &self,
        model: &str,
        articles: &[ArticleId],
    ) -> Result<Vec<EmbeddedArticle>> {
        let keys: Vec<Vec<String>> = articles
            .iter()
            .map(|article| vec![model.to_owned(), article.to_string()])
            .collect();
        let statement = Statement::new(READ).bind("keys", keys);
        let found: FoundRow = self.read(statement).await?;
        let mut chunks: HashMap<String, ChunkRow> = found
            .chunks
            .into_iter()
            .map(|chunk| (chunk.key.clone(), chunk))
            .collect();
        let read = found.articles.into_iter();
        let read = read.map(|row| row.with(&mut chunks));
        let mut embedded = read.collect::<RowResult<Vec<EmbeddedArticle>>>()?;
        let place = |one: &EmbeddedArticle| articles.iter().position(|id| *id == one.article);
        embedded.sort_by_key(place);
        Ok(embedded)
    }

    async fn embedded_since(
        &self,
        model: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<EmbeddedStamp>> {
        let statement = Statement::new(
            "SELECT article, revision, changed_at FROM embedded \
             WHERE model = $model AND changed_at >= $since ORDER BY changed_at",
        )
        .bind("model", model)
        .bind("since", times::since(since));
        let rows: Vec<EmbeddedStampRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn embedded_stamps(
        &self,
        model: &str,
        after: Option<ArticleId>,
        limit: usize,
    ) -> Result<Vec<EmbeddedStamp>> {
        let statement = Statement::new(
            "SELECT article, revision, changed_at \
             FROM type::record('embedded', [$model, $after]>..[$model, $end]) LIMIT $limit",
        )
        .bind("model", model)
        .bind("after", after.map(|id| id.to_string()).unwrap_or_default())
        .bind("end", END)
        .bind("limit", limit.min(u32::MAX as usize));
        let rows: Vec<EmbeddedStampRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn forget_embedded(&self, model: &str, articles: &[ArticleId]) -> Result<()> {
        let articles: Vec<String> = articles.iter().map(ToString::to_string).collect();
        let statement = Statement::new(FORGET)
            .about(format!("chunks of `{model}`"))
            .bind("model", model)
            .bind("articles", articles);
        Ok(self.write(statement).await?)
    }

    /// One short read for each: models are few, and what they have is much.
    async fn embedding_models(&self) -> Result<Vec<String>> {
        let mut models: Vec<String> = Vec::new();
        loop {
            let last = models.last().cloned().unwrap_or_default();
            let statement = Statement::new(
                "SELECT VALUE model FROM type::record('embedded', [$last, $end]>..) LIMIT 1",
            )
            .bind("last", last)
            .bind("end", END);
            let next: Vec<String> = self.read(statement).await?;
            match next.into_iter().next() {
                Some(model) => models.push(model),
                None => return Ok(models),
            }
        }
    }

    async fn serving_model(&self) -> Result<Option<String>> {
        let row: Option<ServingRow> = self.record("vector_state", "serving".to_owned()).await?;
        Ok(row.map(|row| row.model))
    }

    async fn serve_model(&self, model: &str) -> Result<()> {
        let statement = Statement::new(SERVE)
            .about("serving model")
            .bind("model", model);
        Ok(self.write(statement).await?)
    }
}

impl ChunkRow {
    fn of(embedded: &EmbeddedArticle, number: u64, chunk: &Chunk) -> Self {
        Self {
            key: format!("{} {} {number}", embedded.model, embedded.article),
            from_byte: chunk.start as u64,
            to_byte: chunk.end as u64,
            digest: chunk.digest.clone(),
            vector: to_bytes(&chunk.vector),
        }
    }
}

impl TryFrom<ChunkRow> for Chunk {
    type Error = StoreFailure;

    fn try_from(row: ChunkRow) -> RowResult<Self> {
        Ok(Self {
            start: row.from_byte as usize,
            end: row.to_byte as usize,
            vector: to_vector(CHUNK, &row.vector)?,
            digest: row.digest,
        })
    }
}

impl EmbeddedRow {
    /// With its pieces, which are taken out of all that were read.
    fn with(self, chunks: &mut HashMap<String, ChunkRow>) -> RowResult<EmbeddedArticle> {
        let own = self.chunks.iter().filter_map(|key| chunks.remove(key));
        Ok(EmbeddedArticle {
            article: parse(EMBEDDED, &self.article)?,
            chunks: own.map(Chunk::try_from).collect::<RowResult<_>>()?,
            model: self.model,
            revision: self.revision,
        })
    }
}

impl TryFrom<EmbeddedStampRow> for EmbeddedStamp {
    type Error = StoreFailure;

    fn try_from(row: EmbeddedStampRow) -> RowResult<Self> {
        Ok(Self {
            article: parse(EMBEDDED, &row.article)?,
            revision: row.revision,
            changed_at: row.changed_at,
        })
    }
}
