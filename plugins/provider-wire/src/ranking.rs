//! Documents in order, as services that rerank send them: whatever came is checked before it is believed.

use inkstone_plugin::provider::{Ranked, RerankRequest};
use inkstone_plugin::{Error, Result};
use serde::Deserialize;

/// One document's place in the request, and its score.
#[derive(Debug, Deserialize)]
pub struct ResultBody {
    pub index: usize,
    pub relevance_score: f32,
}

/// The best first, no more than were asked for, and each document of the request at most once.
pub fn in_order(request: &RerankRequest, results: Vec<ResultBody>) -> Result<Vec<Ranked>> {
    let mut is_new = vec![true; request.documents.len()];
    for result in &results {
        let is_known = match is_new.get_mut(result.index) {
            Some(is_new) => std::mem::take(is_new),
            None => false,
        };
        if !is_known || !result.relevance_score.is_finite() {
            return Err(Error::upstream(format!(
                "the upstream ranked a document that was not sent, twice, or without a score (`index` {})",
                result.index
            )));
        }
    }
    let mut ranked: Vec<Ranked> = results
        .into_iter()
        .map(|result| Ranked {
            index: result.index as u32,
            score: result.relevance_score,
        })
        .collect();
    ranked.sort_by(|one, other| other.score.total_cmp(&one.score));
    if let Some(top_n) = request.top_n {
        ranked.truncate(top_n as usize);
    }
    Ok(ranked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(top_n: Option<u32>) -> RerankRequest {
        let documents = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        RerankRequest {
            top_n,
            ..RerankRequest::new("m", "q", documents)
        }
    }

    fn results(results: &[(usize, f32)]) -> Vec<ResultBody> {
        let bodies = results.iter().map(|&(index, relevance_score)| ResultBody {
            index,
            relevance_score,
        });
        bodies.collect()
    }

    #[test]
    fn the_best_come_first_and_no_more_than_asked() {
        let sent = || results(&[(2, 0.1), (0, 0.9), (1, -3.5)]);
        let indexes = |top_n| {
            let ranked = in_order(&request(top_n), sent()).unwrap();
            ranked.iter().map(|ranked| ranked.index).collect::<Vec<_>>()
        };
        assert_eq!(indexes(None), [0, 2, 1]);
        assert_eq!(indexes(Some(2)), [0, 2]);
        assert_eq!(indexes(Some(9)), [0, 2, 1]);
    }

    #[test]
    fn what_cannot_be_is_an_upstream_error() {
        for sent in [
            results(&[(3, 0.5)]),
            results(&[(1, 0.5), (1, 0.4)]),
            results(&[(1, f32::INFINITY)]),
        ] {
            let error = in_order(&request(None), sent).unwrap_err();
            assert_eq!(error.kind, inkstone_plugin::ErrorKind::Upstream);
        }
    }
}
