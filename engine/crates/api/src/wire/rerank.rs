//! `POST /v1/rerank`: documents put in the order in which they answer a query, as clients of Cohere and
//! Jina know it.

use inkstone_domain::Result;
use inkstone_domain::chat::{RerankReply, RerankRequest};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refusals::Refusals;
use super::schema;

/// Documents to rank.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RerankBody {
    /// `provider/model` or an alias.
    #[serde(default)]
    pub model: String,
    /// What the documents are to answer.
    #[schema(example = "What pulls the sea?", min_length = 1)]
    pub query: String,
    /// Texts, or `{"text": …}`.
    #[schema(schema_with = schema::texts_or_objects)]
    pub documents: Vec<DocumentBody>,
    /// Only tell so many of the best; at least 1.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub top_n: Option<u32>,
    /// Tell the documents again with their places.
    #[serde(default)]
    pub return_documents: Option<bool>,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocumentBody(pub String);

/// The documents, best first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RankingReply {
    #[schema(example = "rerank-01J9ZQ7")]
    pub id: String,
    /// `provider/model` that answered.
    pub model: String,
    pub results: Vec<RankedReply>,
    pub usage: RankingUsageReply,
    pub meta: RankingMetaReply,
}

/// Where a document ended up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RankedReply {
    /// Its place in the request, counted from 0.
    pub index: u32,
    /// Higher is better, mostly 0 to 1.
    pub relevance_score: f32,
    /// If `return_documents` asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<RankedDocumentReply>,
}

/// A document of the request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RankedDocumentReply {
    pub text: String,
}

/// What it cost, as Jina tells it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RankingUsageReply {
    pub prompt_tokens: u64,
    pub total_tokens: u64,
}

/// What it cost, as Cohere tells it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RankingMetaReply {
    pub billed_units: BilledUnitsReply,
}

/// What some services bill instead of tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BilledUnitsReply {
    pub search_units: u64,
}

/// More documents than this in one call are refused.
const MAX_DOCUMENTS: usize = 2048;

impl RerankBody {
    /// The documents, where they are to be told again.
    pub(crate) fn returned_documents(&self) -> Vec<DocumentBody> {
        match self.return_documents {
            Some(true) => self.documents.clone(),
            _ => Vec::new(),
        }
    }

    /// Checks and converts; the error names every wrong field.
    pub(crate) fn into_domain(self) -> Result<RerankRequest> {
        let mut wrong = Refusals::default();
        if self.query.trim().is_empty() {
            wrong.refuse("/query", "must not be empty");
        }
        if self.documents.is_empty() {
            wrong.refuse("/documents", "at least one document is needed");
        }
        if self.documents.len() > MAX_DOCUMENTS {
            wrong.refuse(
                "/documents",
                format!("at most {MAX_DOCUMENTS} documents are possible in one call"),
            );
        }
        wrong.check_count("top_n", self.top_n);
        wrong.into_result()?;
        Ok(RerankRequest {
            model: self.model,
            query: self.query,
            documents: self.documents.into_iter().map(|body| body.0).collect(),
            top_n: self.top_n,
        })
    }
}

impl RankingReply {
    /// `documents` are those to tell again, or none.
    pub(crate) fn new(
        reply: RerankReply,
        id: String,
        model: String,
        mut documents: Vec<DocumentBody>,
    ) -> Self {
        let mut document = |index: u32| {
            let text = &mut documents.get_mut(index as usize)?.0;
            Some(RankedDocumentReply {
                text: std::mem::take(text),
            })
        };
        Self {
            id,
            model,
            results: reply
                .results
                .into_iter()
                .map(|ranked| RankedReply {
                    index: ranked.index,
                    relevance_score: ranked.score,
                    document: document(ranked.index),
                })
                .collect(),
            usage: RankingUsageReply {
                prompt_tokens: reply.usage.input_tokens,
                total_tokens: reply
                    .usage
                    .input_tokens
                    .saturating_add(reply.usage.output_tokens),
            },
            meta: RankingMetaReply {
                billed_units: BilledUnitsReply {
                    search_units: reply.search_units,
                },
            },
        }
    }
}

impl<'de> Deserialize<'de> for DocumentBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

struct DocumentVisitor;

#[derive(Deserialize)]
struct DocumentObject {
    text: String,
}

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = DocumentBody;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text or `{\"text\": …}`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(DocumentBody(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(DocumentBody(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let object = DocumentObject::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(DocumentBody(object.text))
    }
}

#[cfg(test)]
mod tests {
    use inkstone_domain::Error;
    use inkstone_domain::chat::{Ranked, Usage};
    use serde_json::{Value, json};

    use super::*;

    fn request(json: Value) -> Result<RerankRequest, String> {
        let body = serde_json::from_value::<RerankBody>(json).map_err(|error| error.to_string())?;
        let shown = |error: Error| -> String {
            let fields = error.fields().iter();
            let fields = fields.map(|field| format!("{} {}; ", field.pointer, field.detail));
            fields.collect()
        };
        body.into_domain().map_err(shown)
    }

    #[test]
    fn documents_are_texts_or_carry_one() {
        let request = request(json!({
            "model": "m", "query": "größte Stadt?", "documents": ["a", {"text": "b 🏙", "id": 7}],
            "top_n": 1, "rank_fields": ["text"],
        }));
        assert_eq!(
            request,
            Ok(RerankRequest {
                model: "m".to_owned(),
                query: "größte Stadt?".to_owned(),
                documents: vec!["a".to_owned(), "b 🏙".to_owned()],
                top_n: Some(1),
            })
        );
    }

    #[test]
    fn all_wrong_fields_are_told() {
        assert_eq!(
            request(json!({"query": " ", "documents": [], "top_n": 0})),
            Err(
                "/query must not be empty; /documents at least one document is needed; \
                 /top_n must be at least 1; "
                    .to_owned()
            )
        );
        let many = vec!["a"; MAX_DOCUMENTS + 1];
        assert_eq!(
            request(json!({"query": "a", "documents": many})),
            Err("/documents at most 2048 documents are possible in one call; ".to_owned())
        );
        let number = request(json!({"query": "a", "documents": [7]})).unwrap_err();
        assert!(
            number.contains("expected a text or `{\"text\": …}`"),
            "{number}"
        );
        let nameless = request(json!({"query": "a", "documents": [{"title": "b"}]})).unwrap_err();
        assert!(nameless.contains("missing field `text`"), "{nameless}");
    }

    #[test]
    fn the_best_come_first_with_their_places() {
        let reply = || RerankReply {
            results: vec![
                Ranked {
                    index: 1,
                    score: 0.5,
                },
                Ranked {
                    index: 0,
                    score: 0.25,
                },
                Ranked {
                    index: 9,
                    score: 0.0,
                },
            ],
            usage: Usage {
                input_tokens: 7,
                ..Usage::default()
            },
            search_units: 1,
        };
        let json = |documents| {
            let reply =
                RankingReply::new(reply(), "rerank-1".to_owned(), "m".to_owned(), documents);
            serde_json::to_value(reply).unwrap()
        };
        assert_eq!(
            json(Vec::new()),
            json!({"id": "rerank-1", "model": "m", "results": [
                       {"index": 1, "relevance_score": 0.5}, {"index": 0, "relevance_score": 0.25},
                       {"index": 9, "relevance_score": 0.0}],
                   "usage": {"prompt_tokens": 7, "total_tokens": 7},
                   "meta": {"billed_units": {"search_units": 1}}})
        );
        let documents = ["a", "b"].map(|text| DocumentBody(text.to_owned()));
        let told = json(documents.into());
        assert_eq!(told["results"][0]["document"], json!({"text": "b"}));
        assert_eq!(told["results"][1]["document"], json!({"text": "a"}));
        assert_eq!(
            told["results"][2].get("document"),
            None,
            "there is no such one"
        );
    }
}
