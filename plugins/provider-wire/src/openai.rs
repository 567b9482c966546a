//! OpenAI's HTTP API, for OpenAI itself and for everybody who speaks it: what is sent and read stands in [`wire`],
//! the reading of streams in [`stream`].

mod embeddings;
pub mod hosted;
mod models;
mod rerank;
mod stream;
mod wire;

use inkstone_plugin::provider::{
    Chunk, EmbedReply, EmbedRequest, Model, Request, RerankReply, RerankRequest, Result,
};

use crate::upstream::Upstream;

/// A server that speaks OpenAI's API.
pub struct Server {
    pub upstream: Upstream,
    pub options: Options,
}

/// What servers differ in, and what the admin chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub dialect: Dialect,
    pub local_sampling: LocalSampling,
    pub thoughts: Thoughts,
    pub key_check: KeyCheck,
    /// Further fields of a request that are refused, since they may choose another model than the named one.
    pub routing: &'static [&'static str],
    /// Ask for token counts in streams.
    pub include_usage: bool,
    /// Chat models to offer; together with `embedding_models` they replace the server's own list.
    pub models: Vec<String>,
    /// Models that make embeddings, where their names do not tell.
    pub embedding_models: Vec<String>,
    /// Models that put documents in order, where their names do not tell.
    pub rerank_models: Vec<String>,
    /// Texts in one embeddings request at most; 0 counts as 1.
    pub embedding_batch_size: usize,
}

/// Which words the server understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI itself: `max_completion_tokens`.
    OpenAi,
    /// Most others: `max_tokens`.
    Compatible,
    /// Mistral: `max_tokens`, and `random_seed` for `seed`.
    Mistral,
}

/// What becomes of `top_k` and `repeat_penalty`, which OpenAI's API lacks and local runtimes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalSampling {
    /// They go to the server.
    Send,
    /// They are left out, and the server's own defaults hold.
    Drop,
    /// They are an `unsupported` error.
    Refuse,
}

/// What becomes of a thought of the assistant's that comes back with the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thoughts {
    /// It is left out: OpenAI's API has no place for it.
    LeftOut,
    /// `reasoning` of the message: OpenRouter.
    Reasoning,
    /// `reasoning_content` of a message that calls tools: DeepSeek wants it there, and nowhere else.
    ReasoningContentOfCalls,
}

/// The cheapest call that shows whether the credential is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyCheck {
    /// The list of models is for those who have a key.
    Models,
    /// The list of models is for everybody; this path, by a GET, is not.
    Path(&'static str),
    /// The list of models is for everybody, and nothing else costs nothing.
    None,
}

impl Server {
    /// Sends the request; returns once the server answers with something that is no error.
    pub fn complete(
        &self,
        request: &Request,
    ) -> Result<impl Iterator<Item = Result<Chunk>> + use<>> {
        stream::open(self, request)
    }

    /// One vector per input, in their order, in as many requests as the batch size asks.
    pub fn embed(&self, request: &EmbedRequest) -> Result<EmbedReply> {
        embeddings::embed(self, request)
    }

    /// The best documents first.
    pub fn rerank(&self, request: &RerankRequest) -> Result<RerankReply> {
        rerank::rerank(self, request)
    }

    /// The models to offer: what the admin listed, else what the server lists.
    pub fn models(&self) -> Result<Vec<Model>> {
        models::list(self)
    }

    /// Checks the credential as [`KeyCheck`] says, and asks the server for its models; neither costs anything.
    pub fn validate(&self) -> Result<String> {
        models::validate(self)
    }
}
