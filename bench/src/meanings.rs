//! Vectors of a collection by the local embedding model, cut and put as the engine does it. Left out where the
//! model is not there.

use std::path::{Path, PathBuf};
use std::time::Instant;

use inkstone_domain::chunks::{Chunk, EmbeddedArticle, unit};
use inkstone_domain::content::Article;
use inkstone_domain::ports::{ChunkStore, LocalModels};
use inkstone_domain::search::{Fusion, Meaning};
use inkstone_inference::{CandleModels, EmbeddingModel, InferenceConfig};
use inkstone_services::embedding::pieces;
use inkstone_testkit::MemStore;

use crate::Failure;

/// Another folder of models than the one that the set-up fills.
const FOLDER: &str = "INKSTONE_MODELS_DIR";
const MODEL: &str = "all-minilm-l6-v2";
const BATCH: usize = 8;

pub struct Meanings {
    models: CandleModels,
}

impl Meanings {
    /// `None`, and says so, where there is no model.
    pub fn start() -> Result<Option<Self>, Failure> {
        let home = std::env::var_os("HOME").unwrap_or_default();
        let usual = || Path::new(&home).join(".cache/inkstone/models");
        let folder = std::env::var_os(FOLDER).map_or_else(usual, PathBuf::from);
        let dir = folder.join(MODEL);
        if !dir.is_dir() {
            println!(
                "\nmeaning is left out, there is no model at {}; {FOLDER} names another folder",
                dir.display()
            );
            return Ok(None);
        }
        let models = CandleModels::new(InferenceConfig {
            generation: None,
            embedding: Some(EmbeddingModel {
                id: MODEL.to_owned(),
                dir,
            }),
            cache_dir: std::env::temp_dir(),
            max_waiting: 8,
        })?;
        Ok(Some(Self { models }))
    }

    /// Puts the vectors of all articles, and lets the model serve.
    pub async fn put(&self, store: &MemStore, articles: &[Article]) -> Result<(), Failure> {
        let began = Instant::now();
        let mut embedded = 0;
        for article in articles {
            let pieces = pieces(&article.text);
            let texts: Vec<String> = pieces.iter().map(|piece| piece.text.clone()).collect();
            embedded += texts.len();
            let vectors = self.vectors(texts).await?;
            let chunks = pieces
                .into_iter()
                .zip(vectors)
                .map(|(piece, vector)| Chunk {
                    start: piece.at.start,
                    end: piece.at.end,
                    digest: piece.digest(MODEL),
                    vector,
                });
            let whole = EmbeddedArticle {
                article: article.id,
                model: MODEL.to_owned(),
                revision: article.revision,
                chunks: chunks.collect(),
            };
            store.put_chunks(&whole).await?;
        }
        store.serve_model(MODEL).await?;
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "\n{embedded} pieces embedded, {:.1}/s",
            embedded as f64 / seconds
        );
        Ok(())
    }

    /// What a question means, without a ratio yet.
    pub async fn of_question(&self, question: &str) -> Result<Meaning, Failure> {
        let vectors = self.vectors(vec![question.to_owned()]).await?;
        Ok(Meaning {
            model: MODEL.to_owned(),
            vector: vectors.into_iter().next().ok_or("no vector")?,
            ratio: 1.0,
            fusion: Fusion::Rank,
        })
    }

    async fn vectors(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, Failure> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            let reply = self.models.embed(MODEL, batch.to_vec()).await?;
            for vector in reply.vectors {
                vectors.push(unit(vector).ok_or("a vector without a direction")?);
            }
        }
        Ok(vectors)
    }
}
