//! Questions answered from what their asker may read: passages are looked for, a model answers from them and from nothing
//! else, and what it says it has from where is checked against what it was given. Where nothing is found, no model is
//! asked.

mod prompt;
mod reading;

use std::sync::Arc;

use inkstone_domain::chat::Request;
use inkstone_domain::principal::Principal;
use inkstone_domain::search::{Passage, RerankUse, SemanticUse};
use inkstone_domain::{ErrorKind, FieldError, Result, codes};

pub use self::reading::NOTHING_FOUND;
use crate::access::Access;
use crate::chat::{Chat, ChatStream, RequestContext, check_may_spend};
use crate::citing::{Numbered, cited};
use crate::models::Models;
use crate::policy::Act;
use crate::search::{Found, Search, SearchRequest};

/// A question, and where to look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Question {
    /// What is asked, and where; the page that it asks for does not matter.
    pub search: SearchRequest,
    /// As the project has it, or else the engine, where it is left out.
    pub model: Option<String>,
    /// 1 to 50.
    pub passages: usize,
    /// Whether pieces of the answer are wanted as they come.
    pub stream: bool,
}

/// What was found, as far as the model was given it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// The first is number 1.
    pub passages: Vec<Passage>,
    /// Where meaning was asked for, or is on.
    pub semantic: Option<SemanticUse>,
    /// Where it was asked for.
    pub reranked: Option<RerankUse>,
}

/// What becomes of a question.
pub enum Asked {
    /// Nothing was found, and nobody was asked: [`NOTHING_FOUND`].
    Nothing(Given),
    /// The text of the answer as it comes, with marks of passages that were given and no others; and nothing else of
    /// what the model says.
    Begun {
        given: Given,
        stream: Box<ChatStream>,
    },
}

/// What a whole answer comes to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Whether the passages had an answer, as far as the model says.
    pub is_found: bool,
    /// By their numbers, each once.
    pub citations: Vec<PassageCitation>,
}

/// A passage that an answer has something from.
#[derive(Debug, Clone, PartialEq)]
pub struct PassageCitation {
    /// As it stands in the answer, in square brackets.
    pub marker: u32,
    /// Words that the answer quotes and the passage has.
    pub quote: Option<String>,
    pub passage: Passage,
}

/// Answers questions in the name of a principal.
pub struct Answers {
    search: Arc<Search>,
    chat: Arc<Chat>,
    models: Arc<Models>,
    access: Arc<Access>,
}

impl Answers {
    pub(crate) fn new(
        search: Arc<Search>,
        chat: Arc<Chat>,
        models: Arc<Models>,
        access: Arc<Access>,
    ) -> Self {
        Self {
            search,
            chat,
            models,
            access,
        }
    }

    /// Looks for passages that the principal may read, and begins the answer. Needs the role creator, since it costs
    /// tokens, whether anything is found or not.
    pub async fn ask(
        &self,
        principal: &Principal,
        context: &RequestContext,
        question: Question,
    ) -> Result<Asked> {
        check_may_spend(principal)?;
        let text = question.search.text.trim().to_owned();
        if text.is_empty() {
            let field = FieldError {
                pointer: "/question".to_owned(),
                detail: "must not be empty".to_owned(),
            };
            let error = inkstone_domain::Error::new(&codes::INVALID_INPUT, "there is no question");
            return Err(error.with_fields(vec![field]));
        }
        let project = question.search.project.clone();
        let found = self
            .search
            .passages(principal, question.search, question.passages);
        let Found {
            page,
            passages,
            reranked,
        } = found.await?;
        let mut given = Given {
            passages,
            semantic: page.semantic,
            reranked,
        };
        if given.passages.is_empty() {
            return Ok(Asked::Nothing(given));
        }
        let model = match question.model {
            Some(model) => model,
            None => self.model_of(principal, project.as_deref()).await?,
        };
        let window = self
            .models
            .context_length(principal, context, &model)
            .await?;
        let request = Request {
            model,
            messages: prompt::messages(&text, &mut given.passages, window),
            stream: question.stream,
            ..Request::default()
        };
        let mut stream = self.chat.stream(principal, context, request).await?;
        stream.chunks = reading::clean(stream.chunks, given.passages.len());
        Ok(Asked::Begun {
            given,
            stream: Box::new(stream),
        })
    }

    /// What a project asks where nobody says, for those who may see the project; empty for the engine's.
    async fn model_of(&self, principal: &Principal, project: Option<&str>) -> Result<String> {
        let Some(slug) = project else {
            return Ok(String::new());
        };
        match self.access.enter(principal, slug, Act::SeeProject).await {
            Ok((project, _)) => Ok(project.settings.model.unwrap_or_default()),
            Err(error) if [ErrorKind::NotFound, ErrorKind::Forbidden].contains(&error.kind()) => {
                Ok(String::new())
            }
            Err(error) => Err(error),
        }
    }
}

impl Given {
    /// What a whole answer comes to that was given these.
    pub fn outcome(&self, answer: &str) -> Outcome {
        if answer == NOTHING_FOUND {
            return Outcome::default();
        }
        let sources: Vec<Numbered<'_>> = (1..)
            .zip(&self.passages)
            .map(|(number, passage)| Numbered {
                number,
                text: &passage.text,
            })
            .collect();
        let citations = cited(answer, &sources).into_iter().filter_map(|cited| {
            let place = (cited.number as usize).checked_sub(1)?;
            Some(PassageCitation {
                marker: cited.number,
                quote: cited.quote,
                passage: self.passages.get(place)?.clone(),
            })
        });
        Outcome {
            is_found: true,
            citations: citations.collect(),
        }
    }
}
