//! `POST /v1/answer`: a question, and its answer with what it is from; whole or as events.

use inkstone_domain::chat::{Chunk, Usage};
use inkstone_domain::search::{RerankUse, SemanticUse};
use inkstone_domain::{Error, Result};
use inkstone_services::answers::{Given, NOTHING_FOUND, Outcome, PassageCitation, Question};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::object::object;
use super::openai::completion::UsageReply;
use super::passage::{PassageDocumentReply, PassageReply, parts};
use super::problem::Problem;
use super::refusals::Refusals;
use super::rerank_wish::{self, RerankWish};
use super::search::KindWord;
use super::search_form::{FilterBody, Form, HybridBody, SearchBody};
use crate::answer::{AnswerWriter, EventFrame, Said};
use crate::error::status_of;
use crate::middleware::RequestId;

/// Characters of a question.
const LONGEST: usize = 2_000;
/// Passages that a model is given.
const MOST_PASSAGES: usize = 20;
const USUAL_PASSAGES: usize = 8;

/// What is asked, and where to look.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerBody {
    #[schema(example = "Why are there tides?", min_length = 1, max_length = 2000)]
    pub question: String,
    /// What to look in; articles where it is left out.
    #[serde(default)]
    pub kinds: Vec<KindWord>,
    #[serde(default, deserialize_with = "object")]
    pub filter: FilterBody,
    /// BCP 47 of the question; where it is left out, the languages of all texts are tried.
    pub locale: Option<String>,
    /// A half where it is left out and an embedding model is configured.
    #[serde(default, deserialize_with = "object")]
    pub hybrid: HybridBody,
    #[serde(default)]
    #[schema(schema_with = rerank_wish::schema)]
    pub rerank: Option<RerankWish>,
    /// `provider/model` or an alias; as the project of `filter` has it, or else the engine, where it is left out.
    pub model: Option<String>,
    /// Passages that the model is given, at most; 8 where it is left out.
    #[schema(minimum = 1, maximum = 20)]
    pub max_passages: Option<usize>,
    /// Server-sent events: `delta`, `citations`, `done`.
    #[serde(default)]
    pub stream: bool,
    /// `true` first waits until all that was written before this request can be found.
    #[serde(default)]
    pub wait: bool,
}

/// An answer, and what it is from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnsweredReply {
    /// With the numbers of passages in square brackets, and no others than those in `citations`. Where nothing was
    /// found, it says so.
    #[schema(example = "The moon pulls the sea [1].")]
    pub answer: String,
    /// Whether there is an answer. Where no passage was found, no model is asked.
    pub found: bool,
    /// By their numbers, each once.
    pub citations: Vec<AnswerCitationReply>,
    /// `provider/model` that answered; null where none was asked.
    pub model: Option<String>,
    pub usage: UsageReply,
    /// Passages that the model was given.
    pub passages: usize,
    /// What became of the search by meaning, as in searches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantic: Option<&'static str>,
    /// What became of `rerank`, as in searches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reranked: Option<&'static str>,
}

/// A passage that the answer has something from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnswerCitationReply {
    /// As it stands in the answer, in square brackets.
    #[schema(example = 1)]
    pub marker: u32,
    /// Words that the answer quotes and the passage has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    pub document: PassageDocumentReply,
    pub passage: PassageReply,
    /// Relative, higher is better.
    pub score: f32,
}

/// `delta`: a piece of the answer.
#[derive(Debug, Serialize)]
pub(crate) struct AnswerDeltaReply {
    pub text: String,
}

/// `citations`: after the last piece.
#[derive(Debug, Serialize)]
pub(crate) struct AnswerCitationsReply {
    pub citations: Vec<AnswerCitationReply>,
}

/// `done`: the last; the rest of what stands in a whole answer.
#[derive(Debug, Serialize)]
pub(crate) struct AnswerDoneReply {
    pub found: bool,
    pub model: Option<String>,
    pub usage: UsageReply,
    pub passages: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantic: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reranked: Option<&'static str>,
}

impl AnswerBody {
    /// The form of its search, and the question. The error names what is wrong.
    pub(crate) fn checked(self) -> Result<(Form, Question)> {
        let mut wrong = Refusals::default();
        let length = self.question.trim().chars().count();
        if !(1..=LONGEST).contains(&length) {
            let detail = format!("must have 1 to {LONGEST} characters");
            wrong.refuse("/question", detail);
        }
        let passages = self.max_passages.unwrap_or(USUAL_PASSAGES);
        if !(1..=MOST_PASSAGES).contains(&passages) {
            let detail = format!("must be from 1 to {MOST_PASSAGES}");
            wrong.refuse("/max_passages", detail);
        }
        wrong.into_result()?;
        let form = SearchBody {
            q: self.question,
            kinds: self.kinds,
            filter: self.filter,
            locale: self.locale,
            hybrid: self.hybrid,
            rerank: self.rerank,
            wait: self.wait,
            ..SearchBody::default()
        };
        let form = form.checked()?;
        let question = Question {
            search: form.request.clone(),
            model: self.model,
            passages,
            stream: self.stream,
        };
        Ok((form, question))
    }
}

/// Takes an answer in, and writes its events.
pub(crate) struct AnswerEventWriter {
    given: Given,
    answer: String,
    model: Option<String>,
    usage: Usage,
    request_id: RequestId,
}

impl AnswerEventWriter {
    /// Of an answer that a model gives.
    pub(crate) fn new(given: Given, model: String, request_id: RequestId) -> Self {
        Self {
            given,
            answer: String::new(),
            model: Some(model),
            usage: Usage::default(),
            request_id,
        }
    }

    /// The whole answer, where nothing was found.
    pub(crate) fn nothing(given: Given, request_id: RequestId) -> Self {
        Self {
            given,
            answer: NOTHING_FOUND.to_owned(),
            model: None,
            usage: Usage::default(),
            request_id,
        }
    }

    /// All events of an answer that is all there.
    pub(crate) fn events(mut self) -> bytes::Bytes {
        let mut frame = EventFrame::new();
        let text = self.answer.clone();
        frame.event("delta", &AnswerDeltaReply { text });
        self.close(&mut frame);
        frame.take()
    }

    /// What it came to.
    pub(crate) fn reply(self) -> AnsweredReply {
        let outcome = self.given.outcome(&self.answer);
        AnsweredReply {
            answer: self.answer,
            found: outcome.is_found,
            citations: citations(outcome),
            model: self.model,
            usage: self.usage.into(),
            passages: self.given.passages.len(),
            semantic: self.given.semantic.map(SemanticUse::as_str),
            reranked: self.given.reranked.map(RerankUse::as_str),
        }
    }
}

impl AnswerWriter for AnswerEventWriter {
    fn open(&mut self, _frame: &mut EventFrame) {}

    fn write(&mut self, _choice: usize, said: Said, frame: &mut EventFrame) -> Result<()> {
        match said.chunk {
            Chunk::Text(text) => {
                self.answer.push_str(&text);
                frame.event("delta", &AnswerDeltaReply { text });
            }
            Chunk::Rerouted(model) => self.model = Some(model),
            Chunk::Usage(usage) => self.usage = usage,
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, frame: &mut EventFrame) {
        if frame.is_muted() {
            return;
        }
        let outcome = self.given.outcome(&self.answer);
        let found = outcome.is_found;
        let citations = citations(outcome);
        frame.event("citations", &AnswerCitationsReply { citations });
        let done = AnswerDoneReply {
            found,
            model: self.model.take(),
            usage: self.usage.into(),
            passages: self.given.passages.len(),
            semantic: self.given.semantic.map(SemanticUse::as_str),
            reranked: self.given.reranked.map(RerankUse::as_str),
        };
        frame.event("done", &done);
    }

    fn fail(&mut self, error: &Error, frame: &mut EventFrame) {
        let status = status_of(error).as_u16();
        let problem = Problem::new(error, status, self.request_id.as_str());
        frame.event("error", &problem);
    }
}

fn citations(outcome: Outcome) -> Vec<AnswerCitationReply> {
    let citations = outcome.citations.into_iter();
    citations.map(AnswerCitationReply::from).collect()
}

impl From<PassageCitation> for AnswerCitationReply {
    fn from(citation: PassageCitation) -> Self {
        let (document, passage, score) = parts(citation.passage);
        Self {
            marker: citation.marker,
            quote: citation.quote,
            document,
            passage,
            score,
        }
    }
}
