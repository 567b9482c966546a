//! What inference is told at start. Plain values; reading files is the config crate's work.

use std::path::PathBuf;

/// Which models there are, and where.
#[derive(Debug, Clone)]
pub struct InferenceConfig {
    pub generation: Option<GgufModel>,
    pub embedding: Option<EmbeddingModel>,
    /// Where converted weights are kept; everything in it can be made again.
    pub cache_dir: PathBuf,
    /// Calls per model that may wait for the running one; more are refused as `overloaded`.
    pub max_waiting: usize,
}

/// A text model of the Llama architecture in one GGUF file, its tokenizer inside.
#[derive(Debug, Clone)]
pub struct GgufModel {
    pub id: String,
    pub path: PathBuf,
}

/// A sentence model of the BERT architecture: a folder with `config.json`, `tokenizer.json` and
/// `model.safetensors`; `sentence_bert_config.json` may lower the tokens per text.
#[derive(Debug, Clone)]
pub struct EmbeddingModel {
    pub id: String,
    pub dir: PathBuf,
}
