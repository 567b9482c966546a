//! The suite of [`ChunkStore`].

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use inkstone_domain::chunks::{Chunk, EmbeddedArticle, EmbeddedStamp};
use inkstone_domain::digest::sha256;
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::ChunkStore;

use super::CROWD;

/// No model may serve, nor have been named by this suite before.
pub async fn run(store: &dyn ChunkStore) {
    newer_revisions_replace_older_ones(store).await;
    vectors_are_known_by_digest(store).await;
    models_stand_side_by_side(store).await;
    stamps_are_read_by_article_and_by_time(store).await;
    one_of_many_writers_wins(store).await;
    one_model_serves(store).await;
}

async fn newer_revisions_replace_older_ones(store: &dyn ChunkStore) {
    let first = embedded("contract/plain", 1, &["one", "two", "three"]);
    let second = EmbeddedArticle {
        article: first.article,
        ..embedded("contract/plain", 2, &["one", "four"])
    };
    put(store, &first).await;
    assert_eq!(of(store, &first).await, Some(first.clone()));
    put(store, &second).await;
    put(store, &second).await;
    assert_eq!(of(store, &first).await, Some(second.clone()));
    // Somebody who was slow changes nothing.
    put(store, &first).await;
    assert_eq!(of(store, &first).await, Some(second.clone()));
    // The same revision, cut otherwise.
    let again = EmbeddedArticle {
        article: first.article,
        ..embedded("contract/plain", 2, &["five"])
    };
    put(store, &again).await;
    assert_eq!(of(store, &first).await, Some(again.clone()));
    let gone = EmbeddedArticle {
        article: first.article,
        ..embedded("contract/plain", 3, &[])
    };
    put(store, &gone).await;
    assert_eq!(of(store, &first).await, Some(gone));
    let forgotten = [first.article, ArticleId::new()];
    let forget = store.forget_embedded("contract/plain", &forgotten);
    forget.await.unwrap();
    assert_eq!(of(store, &first).await, None);
}

async fn vectors_are_known_by_digest(store: &dyn ChunkStore) {
    let one = embedded("contract/cache", 1, &["shared", "own"]);
    let other = embedded("contract/cache", 1, &["shared"]);
    put(store, &one).await;
    put(store, &other).await;
    let digest = |text: &str| chunk("contract/cache", 0, text).digest;
    let asked = [digest("shared"), digest("own"), digest("nobody's")];
    let known = store.vectors(&asked).await.unwrap();
    let expected: HashMap<_, _> = one
        .chunks
        .iter()
        .map(|chunk| (chunk.digest.clone(), chunk.vector.clone()))
        .collect();
    assert_eq!(known, expected);
    assert!(store.vectors(&[]).await.unwrap().is_empty());
}

async fn models_stand_side_by_side(store: &dyn ChunkStore) {
    let old = embedded("contract/old", 4, &["text"]);
    let new = EmbeddedArticle {
        model: "contract/new".to_owned(),
        ..embedded("contract/new", 1, &["text", "more"])
    };
    let new = EmbeddedArticle {
        article: old.article,
        ..new
    };
    put(store, &old).await;
    put(store, &new).await;
    assert_eq!(of(store, &old).await, Some(old.clone()));
    assert_eq!(of(store, &new).await, Some(new.clone()));
    let models = store.embedding_models().await.unwrap();
    for model in ["contract/old", "contract/new"] {
        let named = models.iter().filter(|name| *name == model);
        assert_eq!(named.count(), 1, "{models:?}");
    }
    let forgotten = [old.article];
    let forget = store.forget_embedded("contract/old", &forgotten);
    forget.await.unwrap();
    assert_eq!(of(store, &new).await, Some(new));
    let models = store.embedding_models().await.unwrap();
    assert!(!models.contains(&"contract/old".to_owned()), "{models:?}");
}

async fn stamps_are_read_by_article_and_by_time(store: &dyn ChunkStore) {
    let model = "contract/stamps";
    let mut articles = Vec::new();
    for revision in 1..=5 {
        let one = embedded(model, revision, &["text"]);
        put(store, &one).await;
        articles.push((one.article, revision));
    }
    let all = store.embedded_stamps(model, None, 100).await.unwrap();
    assert_eq!(ids(&all), articles);
    let first = store.embedded_stamps(model, None, 2).await.unwrap();
    assert_eq!(ids(&first), articles[..2]);
    let rest = store.embedded_stamps(model, Some(articles[1].0), 100).await;
    assert_eq!(ids(&rest.unwrap()), articles[2..]);

    let since = store.embedded_since(model, beginning()).await.unwrap();
    assert_eq!(since.len(), 5);
    assert!(since.is_sorted_by_key(|stamp| stamp.changed_at));
    let newest = since[4].changed_at;
    let again = EmbeddedArticle {
        article: articles[0].0,
        ..embedded(model, 9, &["text"])
    };
    put(store, &again).await;
    let since = store.embedded_since(model, newest).await.unwrap();
    assert!(ids(&since).contains(&(articles[0].0, 9)), "{since:?}");
    assert!(
        store
            .embedded_since("contract/none", beginning())
            .await
            .unwrap()
            .is_empty()
    );

    // In the order in which they are asked for, and those that are there.
    let asked = [articles[3].0, ArticleId::new(), articles[1].0];
    let found = store.embedded_articles(model, &asked).await.unwrap();
    let found: Vec<_> = found.iter().map(|one| one.article).collect();
    assert_eq!(found, [articles[3].0, articles[1].0]);
}

async fn one_of_many_writers_wins(store: &dyn ChunkStore) {
    let model = "contract/crowd";
    let article = ArticleId::new();
    let writers: Vec<EmbeddedArticle> = (1..=CROWD as u64)
        .map(|revision| {
            let texts: Vec<String> = (0..revision).map(|at| format!("{revision} {at}")).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            EmbeddedArticle {
                article,
                ..embedded(model, revision, &texts)
            }
        })
        .collect();
    let written = join_all(writers.iter().map(|one| store.put_chunks(one))).await;
    written.into_iter().for_each(|one| one.unwrap());
    let newest = writers.last().unwrap();
    assert_eq!(of(store, newest).await.as_ref(), Some(newest));
}

async fn one_model_serves(store: &dyn ChunkStore) {
    assert_eq!(store.serving_model().await.unwrap(), None);
    for model in ["contract/first", "contract/second", "contract/second"] {
        store.serve_model(model).await.unwrap();
        let serving = store.serving_model().await.unwrap();
        assert_eq!(serving.as_deref(), Some(model));
    }
}

async fn put(store: &dyn ChunkStore, embedded: &EmbeddedArticle) {
    store.put_chunks(embedded).await.unwrap();
}

async fn of(store: &dyn ChunkStore, embedded: &EmbeddedArticle) -> Option<EmbeddedArticle> {
    let (model, article) = (&embedded.model, embedded.article);
    let found = store.embedded_articles(model, &[article]).await.unwrap();
    found.into_iter().next()
}

/// A new article whose body is these texts.
fn embedded(model: &str, revision: u64, texts: &[&str]) -> EmbeddedArticle {
    let mut start = 0;
    let chunks = texts.iter().map(|text| {
        let chunk = chunk(model, start, text);
        start = chunk.end;
        chunk
    });
    EmbeddedArticle {
        article: ArticleId::new(),
        model: model.to_owned(),
        revision,
        chunks: chunks.collect(),
    }
}

fn chunk(model: &str, start: usize, text: &str) -> Chunk {
    Chunk {
        start,
        end: start + text.len(),
        digest: sha256(format!("{model}\n{text}").as_bytes()),
        vector: vec![text.len() as f32, -0.25, f32::MIN_POSITIVE],
    }
}

fn ids(stamps: &[EmbeddedStamp]) -> Vec<(ArticleId, u64)> {
    let stamps = stamps.iter();
    stamps
        .map(|stamp| (stamp.article, stamp.revision))
        .collect()
}

fn beginning() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}
