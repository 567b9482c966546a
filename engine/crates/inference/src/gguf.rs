//! The head of a GGUF file: what the model is, without its weights.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use candle_core::quantized::gguf_file::{Content, Value};
use candle_transformers::models::quantized_llama;
use inkstone_domain::inference::{LocalModelInfo, LocalModelKind};

use crate::config::GgufModel;
use crate::failure::Failure;

/// What `quantized_llama` can load.
const ARCHITECTURE: &str = "llama";

/// An open file with its head read.
pub(crate) struct Gguf {
    pub reader: BufReader<File>,
    pub content: Content,
}

impl Gguf {
    pub fn open(model: &str, path: &Path) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|source| Failure::opening(model, path, source))?;
        let mut reader = BufReader::new(file);
        let content = Content::read(&mut reader)
            .map_err(|source| Failure::unusable(model, "its file is no valid GGUF", source))?;
        Ok(Self { reader, content })
    }

    /// Describes the model, or says why it cannot be loaded.
    pub fn info(&self, model: &GgufModel) -> Result<LocalModelInfo, Failure> {
        let architecture = self.text("general.architecture").unwrap_or_default();
        if architecture != ARCHITECTURE {
            return Err(Failure::unusable(
                &model.id,
                format!(
                    "its architecture is `{architecture}`, and only `{ARCHITECTURE}` is supported"
                ),
                "unsupported architecture",
            ));
        }
        let trained_for = self.number("llama.context_length").unwrap_or(2048);
        // candle computes its rotary tables up to here and no further.
        let supported = quantized_llama::MAX_SEQ_LEN as u32;
        Ok(LocalModelInfo {
            id: model.id.clone(),
            kind: LocalModelKind::Generation,
            context_length: trained_for.min(supported),
            chat_template: self.text("tokenizer.chat_template").map(str::to_owned),
            bos_token: self.token("tokenizer.ggml.bos_token_id"),
            eos_token: self.token("tokenizer.ggml.eos_token_id"),
        })
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        let value = self.content.metadata.get(key)?;
        value.to_string().ok().map(String::as_str)
    }

    pub fn number(&self, key: &str) -> Option<u32> {
        match self.content.metadata.get(key)? {
            Value::U32(number) => Some(*number),
            Value::I32(number) => u32::try_from(*number).ok(),
            other => other.to_u64().ok()?.try_into().ok(),
        }
    }

    fn token(&self, key: &str) -> Option<String> {
        let id = self.number(key)? as usize;
        let tokens = self.content.metadata.get("tokenizer.ggml.tokens")?;
        let token = tokens.to_vec().ok()?.get(id)?;
        token.to_string().ok().cloned()
    }
}
