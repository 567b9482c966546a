//! The best of a search in the order of a model that reranks, within a bound of time: what is late or fails leaves the
//! order as it was.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::chat::{Ranked, RerankRequest};
use inkstone_domain::principal::Principal;
use inkstone_domain::search::RerankUse;
use inkstone_domain::{Error, Result, codes};
use ulid::Ulid;

use crate::chat::{Chat, RequestContext};

/// Who reranks, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RerankConfig {
    /// `provider/model` or an alias of one, where a search names none.
    pub model: String,
    /// So many of the best are looked at, 1 to 100.
    pub depth: usize,
    pub timeout: Duration,
}

impl Default for RerankConfig {
    fn default() -> Self {
        Self {
            model: String::new(),
            depth: 50,
            timeout: Duration::from_millis(1_500),
        }
    }
}

/// Who shall rerank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RerankBy {
    /// As it is configured.
    Configured,
    Model(String),
}

/// Asks models for an order.
pub(crate) struct Reranking {
    chat: Arc<Chat>,
    config: RerankConfig,
}

/// What became of it.
pub(super) enum Order {
    /// Places among what was asked about, best first, with what the model says of each.
    Of(Vec<(usize, f32)>),
    AsItWas(RerankUse),
}

impl Reranking {
    pub fn new(chat: Arc<Chat>, config: RerankConfig) -> Self {
        Self { chat, config }
    }

    /// How many of the best are looked at.
    pub(super) fn depth(&self) -> usize {
        self.config.depth
    }

    /// `invalid_input` where nobody is named.
    pub(super) fn model(&self, by: RerankBy) -> Result<String> {
        let model = match by {
            RerankBy::Configured => self.config.model.clone(),
            RerankBy::Model(model) => model,
        };
        match model.is_empty() {
            true => Err(Error::new(
                &codes::INVALID_INPUT,
                "no model reranks searches here; name one in `rerank`, or set `[search.rerank] model`",
            )),
            false => Ok(model),
        }
    }

    /// The texts in the order in which they answer, in the name of the principal. What the principal may not ask for,
    /// and a model that there is not, are errors; all else leaves the order.
    pub(super) async fn order(
        &self,
        principal: &Principal,
        model: String,
        query: String,
        documents: Vec<String>,
    ) -> Result<Order> {
        let count = documents.len();
        if count < 2 {
            return Ok(Order::Of((0..count).map(|place| (place, 1.0)).collect()));
        }
        let request = RerankRequest {
            model,
            query,
            documents,
            top_n: None,
        };
        let context = RequestContext {
            request_id: format!("search-{}", Ulid::new()),
            ..RequestContext::default()
        };
        let asked = self.chat.rerank(principal, &context, request);
        let ranked = match tokio::time::timeout(self.config.timeout, asked).await {
            Ok(Ok(ranked)) => ranked.reply.results,
            Ok(Err(error)) if is_of_the_caller(&error) => return Err(error),
            Ok(Err(error)) => {
                tracing::warn!(?error, "a search is not reranked");
                return Ok(Order::AsItWas(RerankUse::Unavailable));
            }
            Err(_elapsed) => return Ok(Order::AsItWas(RerankUse::TimedOut)),
        };
        Ok(Order::Of(whole(ranked, count)))
    }
}

fn is_of_the_caller(error: &Error) -> bool {
    [&codes::FORBIDDEN, &codes::UNKNOWN_MODEL].contains(&error.code())
}

/// Each place once: what the model left out comes last, in the order in which it was.
fn whole(ranked: Vec<Ranked>, count: usize) -> Vec<(usize, f32)> {
    let mut is_seen = vec![false; count];
    let mut order = Vec::with_capacity(count);
    for one in ranked {
        let place = one.index as usize;
        if is_seen.get(place) == Some(&false) {
            is_seen[place] = true;
            order.push((place, one.score));
        }
    }
    let least = order.iter().map(|(_, score)| *score).fold(0.0, f32::min);
    order.extend(
        (0..count)
            .filter(|place| !is_seen[*place])
            .map(|place| (place, least)),
    );
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_comes_once() {
        let ranked = |pairs: &[(u32, f32)]| -> Vec<Ranked> {
            let all = pairs.iter();
            all.map(|(index, score)| Ranked {
                index: *index,
                score: *score,
            })
            .collect()
        };
        assert_eq!(
            whole(ranked(&[(2, 0.9), (0, 0.5), (2, 0.4), (7, 0.3)]), 4),
            [(2, 0.9), (0, 0.5), (1, 0.0), (3, 0.0)]
        );
        assert_eq!(whole(ranked(&[(1, -2.0)]), 2), [(1, -2.0), (0, -2.0)]);
        assert_eq!(whole(Vec::new(), 1), [(0, 0.0)]);
    }
}
