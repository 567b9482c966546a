//! The native local model.

use async_trait::async_trait;

use crate::Result;
use crate::inference::{GenerateRequest, LocalEmbeddings, LocalModelInfo, TokenStream};

#[async_trait]
pub trait LocalModels: Send + Sync {
    /// The models whose files are there. Does not load weights.
    async fn models(&self) -> Result<Vec<LocalModelInfo>>;
    /// Loads the model on first use. The prompt counts as given; too long is `context_too_long`.
    async fn generate(&self, request: GenerateRequest) -> Result<TokenStream>;
    async fn embed(&self, model: &str, inputs: Vec<String>) -> Result<LocalEmbeddings>;
    async fn count_tokens(&self, model: &str, text: &str) -> Result<u32>;
}
