//! The vector of a question, within a bound of time: a search by words never waits for a model that is slow.

use std::sync::Arc;

use inkstone_domain::chat::EmbedRequest;
use inkstone_domain::chunks::unit;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::search::{Meaning, SemanticUse};
use inkstone_domain::{Error, Result, codes};
use quick_cache::sync::Cache;

use super::EmbeddingConfig;
use super::making::check_model;
use crate::chat::{Chat, RequestContext};

/// Questions whose vectors are kept: the pages of a search must not differ by whether the model was late.
const KEPT: usize = 1_000;
/// Characters of a question that are embedded.
const LONGEST: usize = 2_000;

/// Makes vectors of questions.
pub(crate) struct Asking {
    chat: Arc<Chat>,
    config: EmbeddingConfig,
    /// By model and question.
    kept: Cache<(String, String), Arc<Vec<f32>>>,
}

/// What became of a question.
pub(crate) enum Asked {
    Ready(Meaning),
    /// It is searched for by words alone.
    Without(SemanticUse),
}

impl Asking {
    pub fn new(chat: Arc<Chat>, config: EmbeddingConfig) -> Self {
        Self {
            chat,
            config,
            kept: Cache::new(KEPT),
        }
    }

    /// What meaning counts where nothing is said.
    pub fn ratio(&self) -> f32 {
        self.config.ratio
    }

    /// Whether anything is embedded at all.
    pub fn is_on(&self) -> bool {
        self.config.is_on()
    }

    /// What is meant by `text`, as the model has it whose vectors the index has.
    pub async fn meaning(
        &self,
        principal: &Principal,
        model: Option<String>,
        text: &str,
        ratio: f32,
    ) -> Asked {
        let Some(model) = model.filter(|_| self.config.is_on()) else {
            return Asked::Without(SemanticUse::Unavailable);
        };
        let text: String = text.trim().chars().take(LONGEST).collect();
        let key = (model, text);
        let vector = match self.kept.get(&key) {
            Some(vector) => vector,
            None => {
                let asked = self.embed(principal, &key.0, &key.1);
                match tokio::time::timeout(self.config.query_timeout, asked).await {
                    Ok(Ok(vector)) => {
                        let vector = Arc::new(vector);
                        self.kept.insert(key.clone(), Arc::clone(&vector));
                        vector
                    }
                    Ok(Err(error)) => {
                        tracing::warn!(?error, "a search goes by words alone");
                        return Asked::Without(SemanticUse::Unavailable);
                    }
                    Err(_elapsed) => return Asked::Without(SemanticUse::TimedOut),
                }
            }
        };
        Asked::Ready(Meaning {
            model: key.0,
            vector: vector.to_vec(),
            ratio,
            fusion: self.config.fusion,
        })
    }

    async fn embed(&self, principal: &Principal, model: &str, text: &str) -> Result<Vec<f32>> {
        let request = EmbedRequest {
            model: model.to_owned(),
            inputs: vec![text.to_owned()],
            dimensions: None,
        };
        let context = RequestContext {
            request_id: format!("search-{}", ulid::Ulid::new()),
            ..RequestContext::default()
        };
        // The engine's own call, on their account: who may search may search by meaning.
        let asker = Principal {
            key: None,
            role: principal.role.max(Role::Creator),
            ..principal.clone()
        };
        let embedded = self.chat.embed(&asker, &context, request).await?;
        check_model(model, &embedded.model)?;
        let vector = embedded.reply.vectors.into_iter().next().and_then(unit);
        vector.ok_or_else(|| {
            Error::new(
                &codes::UPSTREAM_ERROR,
                format!("`{model}` gave a vector of no direction"),
            )
        })
    }
}
