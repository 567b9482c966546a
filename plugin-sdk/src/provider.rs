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

    /// Answers a conversation. Pieces are pulled one by one; when the caller leaves, the iterator is dropped.
    fn complete(&self, request: Request) -> Result<impl Iterator<Item = Result<Chunk>> + 'static>;

    /// One vector per input. Without an own implementation embeddings are not supported.
    fn embed(&self, _request: EmbedRequest) -> Result<EmbedReply> {
        Err(Error::unsupported("this provider makes no embeddings"))
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
pub struct Chunks(RefCell<Box<dyn Iterator<Item = Result<Chunk>>>>);

impl wit::GuestCompletion for Chunks {
    fn next(&self) -> Result<Option<Chunk>> {
        self.0.borrow_mut().next().transpose()
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
        Ok(wit::Completion::new(Chunks(RefCell::new(Box::new(chunks)))))
    }

    fn embed(request: EmbedRequest) -> Result<EmbedReply> {
        crate::guest::enter();
        E::provider().embed(request)
    }
}
