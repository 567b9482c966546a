//! Making vectors of articles: what is there already is not asked for again, the rest in batches, with a pause after
//! each, so that people who ask the same model are not crowded out.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use inkstone_domain::chat::EmbedRequest;
use inkstone_domain::chunks::{Chunk, EmbeddedArticle, unit};
use inkstone_domain::content::{Article, ArticleStamp};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::{Error, ErrorKind, Result, codes};

use super::cutting::{Piece, pieces};
use super::{Embeddings, engine};
use crate::chat::RequestContext;

/// Articles that are read, embedded and put together.
pub(super) const TOGETHER: usize = 16;
/// For faults that pass.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const TRIES: usize = 5;

/// A text that is to be embedded, and its digest.
struct Wanted {
    digest: String,
    text: String,
}

impl Embeddings {
    /// Brings what the model has of these articles to what they say now; of those that are gone it has nothing then.
    pub(super) async fn embed(&self, model: &str, stamps: &[ArticleStamp]) -> Result<()> {
        for some in stamps.chunks(TOGETHER) {
            let ids: Vec<ArticleId> = some.iter().map(|stamp| stamp.id).collect();
            let articles = self.articles.articles_by_id(&ids).await?;
            let there: HashSet<ArticleId> = articles.iter().map(|article| article.id).collect();
            self.embed_articles(model, &articles).await?;
            for gone in some.iter().filter(|stamp| !there.contains(&stamp.id)) {
                let nothing = EmbeddedArticle {
                    article: gone.id,
                    model: model.to_owned(),
                    revision: gone.revision,
                    chunks: Vec::new(),
                };
                self.chunks.put_chunks(&nothing).await?;
            }
        }
        Ok(())
    }

    async fn embed_articles(&self, model: &str, articles: &[Article]) -> Result<()> {
        let cut: Vec<(&Article, Vec<(String, Piece)>)> = articles
            .iter()
            .map(|article| (article, with_digests(model, pieces(&article.text))))
            .collect();
        let all = cut.iter().flat_map(|(_, pieces)| pieces);
        let texts: HashMap<&str, &Piece> = all
            .map(|(digest, piece)| (digest.as_str(), piece))
            .collect();
        let digests: Vec<String> = texts.keys().map(|digest| (*digest).to_owned()).collect();
        let mut vectors = self.chunks.vectors(&digests).await?;
        let wanted: Vec<Wanted> = texts
            .into_iter()
            .filter(|(digest, _)| !vectors.contains_key(*digest))
            .map(|(digest, piece)| Wanted {
                digest: digest.to_owned(),
                text: piece.text.clone(),
            })
            .collect();
        for batch in wanted.chunks(self.config.batch.max(1)) {
            let began = Instant::now();
            vectors.extend(self.embedded(model, batch).await?);
            self.pause(batch.len(), began.elapsed()).await;
        }
        for (article, pieces) in cut {
            let chunks = pieces.into_iter().filter_map(|(digest, piece)| {
                Some(Chunk {
                    start: piece.at.start,
                    end: piece.at.end,
                    vector: vectors.get(&digest)?.clone(),
                    digest,
                })
            });
            let embedded = EmbeddedArticle {
                article: article.id,
                model: model.to_owned(),
                revision: article.revision,
                chunks: chunks.collect(),
            };
            self.chunks.put_chunks(&embedded).await?;
        }
        Ok(())
    }

    /// Vectors by digest. A text that the model will not take has none: others must not wait for it.
    async fn embedded(&self, model: &str, batch: &[Wanted]) -> Result<Vec<(String, Vec<f32>)>> {
        let together = self.ask_patiently(model, batch).await;
        if batch.len() == 1 || !together.as_ref().is_err_and(is_refusal) {
            return or_nothing(model, together);
        }
        let mut vectors = Vec::new();
        for one in batch.chunks(1) {
            let alone = self.ask_patiently(model, one).await;
            vectors.extend(or_nothing(model, alone)?);
        }
        Ok(vectors)
    }

    async fn ask_patiently(
        &self,
        model: &str,
        batch: &[Wanted],
    ) -> Result<Vec<(String, Vec<f32>)>> {
        let patience = ExponentialBuilder::default()
            .with_min_delay(self.config.first_wait)
            .with_max_delay(LONGEST_WAIT)
            .with_max_times(TRIES)
            .with_jitter();
        let ask = || self.ask(model, batch);
        ask.retry(patience).when(Error::is_transient).await
    }

    async fn ask(&self, model: &str, batch: &[Wanted]) -> Result<Vec<(String, Vec<f32>)>> {
        let request = EmbedRequest {
            model: model.to_owned(),
            inputs: batch.iter().map(|wanted| wanted.text.clone()).collect(),
            dimensions: None,
        };
        let context = RequestContext {
            request_id: format!("embedding-{}", ulid::Ulid::new()),
            ..RequestContext::default()
        };
        let embedded = self.chat.embed(&engine(), &context, request).await?;
        check_model(model, &embedded.model)?;
        let digests = batch.iter().map(|wanted| wanted.digest.clone());
        let vectors = digests.zip(embedded.reply.vectors);
        let vectors = vectors.filter_map(|(digest, vector)| Some((digest, unit(vector)?)));
        Ok(vectors.collect())
    }

    /// At least as long as the work took, so that the model is free for others half of the time.
    async fn pause(&self, texts: usize, took: Duration) {
        let share = texts as f64 / self.config.texts_per_second.max(f64::MIN_POSITIVE);
        let least = Duration::try_from_secs_f64(share).unwrap_or(LONGEST_WAIT);
        tokio::time::sleep(took.max(least.saturating_sub(took)).min(LONGEST_WAIT)).await;
    }
}

/// It is about the text, and will be the same with the next try.
fn is_refusal(error: &Error) -> bool {
    error.kind() == ErrorKind::InvalidInput
}

fn or_nothing<T>(model: &str, embedded: Result<Vec<T>>) -> Result<Vec<T>> {
    match embedded {
        Err(error) if is_refusal(&error) => {
            tracing::warn!(?error, model, "a piece of a text cannot be embedded");
            Ok(Vec::new())
        }
        other => other,
    }
}

fn with_digests(model: &str, pieces: Vec<Piece>) -> Vec<(String, Piece)> {
    let pieces = pieces.into_iter();
    pieces.map(|piece| (piece.digest(model), piece)).collect()
}

/// Another model's vectors are no match for this one's.
pub(super) fn check_model(asked: &str, answered: &str) -> Result<()> {
    if asked == answered {
        return Ok(());
    }
    Err(Error::new(
        &codes::MODEL_UNAVAILABLE,
        format!(
            "`{answered}` answered instead of `{asked}`, and its vectors do not fit; `[search.embedding] model` must be without fallbacks"
        ),
    ))
}
