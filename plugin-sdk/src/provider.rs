//! AI providers: a function from a request to an iterator of chunks.
//!
//! ```
//! use inkstone_plugin::provider::*;
//!
//! struct Echo;
//!
//! impl Provider for Echo {
//!     fn models(&self) -> Result<Vec<Model>> {
//!         Ok(vec![Model::chat("echo")])
//!     }
//!
//!     fn complete(&self, request: Request) -> Result<impl Iterator<Item = Result<Chunk>> + 'static> {
//!         let text = request.messages.last().map(|m| m.text()).unwrap_or_default();
//!         Ok([Ok(Chunk::text(text)), Ok(Chunk::Finish(FinishReason::Stop))].into_iter())
//!     }
//! }
//!
//! inkstone_plugin::export_provider!(Echo);
//! ```

use std::cell::RefCell;
use std::marker::PhantomData;

use crate::bindings::provider_world::exports::inkstone::plugin::provider as wit;
pub use crate::bindings::provider_world::exports::inkstone::plugin::provider::{Model, ModelKind};
pub use crate::chat::*;
pub use crate::{Error, ErrorKind, Result, Source, Usage};

/// An AI provider. `request.model` is one of the names that `models` gives.
pub trait Provider {
    /// The models there are.
    fn models(&self) -> Result<Vec<Model>>;

    /// Answers a conversation. Pieces are pulled; when the caller leaves, the iterator is dropped. Pieces that
    /// [`Iterator::size_hint`] promises are handed over together with the one before: promise only what is there.
    fn complete(&self, request: Request) -> Result<impl Iterator<Item = Result<Chunk>> + 'static>;

    /// One vector per input. Without an own implementation embeddings are not supported.
    fn embed(&self, _request: EmbedRequest) -> Result<EmbedReply> {
        Err(Error::unsupported("this provider makes no embeddings"))
    }

    /// The best documents first. Without an own implementation reranking is not supported.
    fn rerank(&self, _request: RerankRequest) -> Result<RerankReply> {
        Err(Error::unsupported("this provider does not rerank"))
    }

    /// Checks address and credential with the cheapest call there is, and says what was reached.
    fn validate_connection(&self) -> Result<String> {
        let models = self.models()?;
        let names: Vec<&str> = models.iter().map(|model| model.id.as_str()).collect();
        Ok(format!("{} models: {}", names.len(), names.join(", ")))
    }
}

impl Model {
    /// A chat model.
    pub fn chat(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind: ModelKind::Chat,
            context_length: None,
        }
    }

    /// A model that makes vectors of texts.
    pub fn embedding(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind: ModelKind::Embedding,
            context_length: None,
        }
    }

    /// A model that puts documents in order.
    pub fn rerank(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind: ModelKind::Rerank,
            context_length: None,
        }
    }

    /// Tokens that fit into one call.
    pub fn with_context_length(mut self, tokens: u32) -> Self {
        self.context_length = Some(tokens);
        self
    }
}

/// Makes a unit struct that is a [`Provider`] the component's provider.
#[macro_export]
macro_rules! export_provider {
    ($provider:ident) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            impl $crate::provider::Exported for Exported {
                type Provider = $provider;
                fn provider() -> &'static $provider {
                    &$provider
                }
            }
            type Guest = $crate::provider::Adapter<Exported>;
            $crate::bindings::provider_world::export_provider_world!(
                Guest with_types_in $crate::bindings::provider_world
            );
        };
    };
}

/// What the export macro says about the plugin.
#[doc(hidden)]
pub trait Exported: 'static {
    type Provider: Provider;
    fn provider() -> &'static Self::Provider;
}

#[doc(hidden)]
pub struct Adapter<E>(PhantomData<E>);

#[doc(hidden)]
pub struct Chunks(RefCell<Batches>);

/// Hands chunks over together where several are there.
struct Batches {
    chunks: Box<dyn Iterator<Item = Result<Chunk>>>,
    /// Comes after the chunks that were before it.
    failed: Option<Error>,
}

/// More than this are never handed over at once: they are copied as one piece.
const MAX_BATCH: usize = 256;

impl Batches {
    fn next(&mut self) -> Result<Vec<Chunk>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let Some(first) = self.chunks.next().transpose()? else {
            return Ok(Vec::new());
        };
        let mut batch = vec![first];
        while self.chunks.size_hint().0 > 0 && batch.len() < MAX_BATCH {
            match self.chunks.next() {
                Some(Ok(chunk)) => batch.push(chunk),
                Some(Err(error)) => {
                    self.failed = Some(error);
                    break;
                }
                None => break,
            }
        }
        Ok(batch)
    }
}

impl wit::GuestCompletion for Chunks {
    fn next(&self) -> Result<Vec<Chunk>> {
        self.0.borrow_mut().next()
    }
}

impl<E: Exported> wit::Guest for Adapter<E> {
    type Completion = Chunks;

    fn models() -> Result<Vec<Model>> {
        crate::guest::enter();
        E::provider().models()
    }

    fn validate_connection() -> Result<String> {
        crate::guest::enter();
        E::provider().validate_connection()
    }

    fn complete(request: Request) -> Result<wit::Completion> {
        crate::guest::enter();
        let chunks = E::provider().complete(request)?;
        let batches = Batches {
            chunks: Box::new(chunks),
            failed: None,
        };
        Ok(wit::Completion::new(Chunks(RefCell::new(batches))))
    }

    fn embed(request: EmbedRequest) -> Result<EmbedReply> {
        crate::guest::enter();
        E::provider().embed(request)
    }

    fn rerank(request: RerankRequest) -> Result<RerankReply> {
        crate::guest::enter();
        E::provider().rerank(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promises what is left of `ready`.
    struct Known {
        items: std::vec::IntoIter<Result<Chunk>>,
        ready: usize,
    }

    impl Iterator for Known {
        type Item = Result<Chunk>;

        fn next(&mut self) -> Option<Self::Item> {
            self.ready = self.ready.saturating_sub(1);
            self.items.next()
        }

        fn size_hint(&self) -> (usize, Option<usize>) {
            (self.ready, None)
        }
    }

    fn batches(items: Vec<Result<Chunk>>, ready: usize) -> Batches {
        let items = items.into_iter();
        Batches {
            chunks: Box::new(Known { items, ready }),
            failed: None,
        }
    }

    #[test]
    fn what_is_there_comes_together_and_nothing_is_waited_for() {
        let text = |word: &str| Ok(Chunk::text(word));
        let mut all = batches(vec![text("a"), text("b"), text("c")], 2);
        assert_eq!(all.next().unwrap().len(), 2);
        assert_eq!(all.next().unwrap().len(), 1);
        assert!(all.next().unwrap().is_empty());
    }

    #[test]
    fn an_error_comes_after_what_was_before_it() {
        let items = vec![Ok(Chunk::text("a")), Err(Error::upstream("broken"))];
        let mut all = batches(items, 2);
        assert_eq!(all.next().unwrap().len(), 1);
        assert!(all.next().is_err());
        assert!(all.next().unwrap().is_empty());
    }
}
