//! Running a sentence model: texts in small groups of like length, mean over the tokens, unit
//! length. On the worker's thread; a caller who went away is noticed between groups.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use inkstone_domain::inference::{LocalEmbeddings, LocalModelInfo, LocalModelKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokenizers::Tokenizer;
use tokio::sync::oneshot;

use crate::config::EmbeddingModel;
use crate::failure::Failure;

/// Texts computed together, at most.
const GROUP_TEXTS: usize = 8;

/// Tokens computed together, padding included, unless one text has more.
const GROUP_TOKENS: usize = 512;

const WEIGHTS: &str = "model.safetensors";
const TOKENIZER: &str = "tokenizer.json";

/// Texts to embed.
pub(crate) struct EmbedJob {
    pub tokenizer: Arc<Tokenizer>,
    pub inputs: Vec<String>,
    pub reply: oneshot::Sender<Result<LocalEmbeddings, Failure>>,
}

/// The model as its worker holds it. Weights come on the first job.
pub(crate) struct Embedder {
    pub model: EmbeddingModel,
    pub loaded: Option<Loaded>,
}

pub(crate) struct Loaded {
    bert: BertModel,
    /// Tokens per text.
    max_tokens: usize,
}

impl Embedder {
    /// Does one job from beginning to end.
    pub fn run(&mut self, job: EmbedJob) {
        let EmbedJob {
            tokenizer,
            inputs,
            reply,
        } = job;
        let answer = self.embed(&tokenizer, &inputs, &reply);
        // Whoever asked may have left.
        let _ = reply.send(answer);
    }

    fn embed(
        &mut self,
        tokenizer: &Tokenizer,
        inputs: &[String],
        reply: &oneshot::Sender<Result<LocalEmbeddings, Failure>>,
    ) -> Result<LocalEmbeddings, Failure> {
        let id = self.model.id.clone();
        let loaded = self.loaded()?;
        let mut texts = Vec::with_capacity(inputs.len());
        for (index, input) in inputs.iter().enumerate() {
            let mut encoding = tokenizer
                .encode(input.as_str(), true)
                .map_err(|source| Failure::broken(&id, source))?;
            encoding.truncate(loaded.max_tokens, 0, tokenizers::TruncationDirection::Right);
            texts.push((index, encoding.get_ids().to_vec()));
        }
        let input_tokens: usize = texts.iter().map(|(_, ids)| ids.len()).sum();
        texts.sort_by_key(|(_, ids)| ids.len());

        let mut vectors = vec![Vec::new(); inputs.len()];
        for group in groups(&texts) {
            if reply.is_closed() {
                return Err(Failure::Stopped { model: id });
            }
            let embedded = loaded
                .embed_group(group)
                .map_err(|error| Failure::broken(&id, error))?;
            for ((index, _), vector) in group.iter().zip(embedded) {
                vectors[*index] = vector;
            }
        }
        Ok(LocalEmbeddings {
            vectors,
            input_tokens: input_tokens as u32,
        })
    }

    fn loaded(&mut self) -> Result<&Loaded, Failure> {
        let loaded = match self.loaded.take() {
            Some(loaded) => loaded,
            None => load(&self.model)?,
        };
        Ok(self.loaded.insert(loaded))
    }
}

impl Loaded {
    /// One vector of unit length per text.
    fn embed_group(&self, group: &[(usize, Vec<u32>)]) -> candle_core::Result<Vec<Vec<f32>>> {
        let longest = group.iter().map(|(_, ids)| ids.len()).max().unwrap_or(0);
        let mut ids = Vec::with_capacity(group.len() * longest);
        let mut mask = Vec::with_capacity(group.len() * longest);
        for (_, text) in group {
            ids.extend_from_slice(text);
            ids.resize(ids.len() + longest - text.len(), 0);
            mask.resize(mask.len() + text.len(), 1f32);
            mask.resize(mask.len() + longest - text.len(), 0f32);
        }
        let shape = (group.len(), longest);
        let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
        let tokens = self.bert.forward(&ids, &ids.zeros_like()?, Some(&mask))?;

        let mask = mask.unsqueeze(2)?;
        let sums = tokens.broadcast_mul(&mask)?.sum(1)?;
        let means = sums.broadcast_div(&mask.sum(1)?)?;
        let lengths = means.sqr()?.sum_keepdim(1)?.sqrt()?;
        means.broadcast_div(&lengths)?.to_vec2()
    }
}

/// Describes the model by its small files alone.
pub(crate) fn info(model: &EmbeddingModel) -> Result<LocalModelInfo, Failure> {
    let weights = model.dir.join(WEIGHTS);
    std::fs::metadata(&weights).map_err(|source| Failure::opening(&model.id, &weights, source))?;
    let config: Config = read_json(model, "config.json")?;
    Ok(LocalModelInfo {
        id: model.id.clone(),
        kind: LocalModelKind::Embedding,
        context_length: max_tokens(model, &config)? as u32,
        chat_template: None,
        bos_token: None,
        eos_token: None,
    })
}

/// Without the file's own truncation and padding: cutting and grouping are ours.
pub(crate) fn tokenizer(model: &EmbeddingModel) -> Result<Tokenizer, Failure> {
    let path = model.dir.join(TOKENIZER);
    let bytes =
        std::fs::read(&path).map_err(|source| Failure::opening(&model.id, &path, source))?;
    let unusable = |source| Failure::unusable(&model.id, "its tokenizer cannot be read", source);
    let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(unusable)?;
    tokenizer.with_truncation(None).map_err(unusable)?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

fn load(model: &EmbeddingModel) -> Result<Loaded, Failure> {
    let started = std::time::Instant::now();
    let config: Config = read_json(model, "config.json")?;
    let max_tokens = max_tokens(model, &config)?;
    let path = model.dir.join(WEIGHTS);
    // Opened first, for an error that tells missing from unreadable.
    File::open(&path).map_err(|source| Failure::opening(&model.id, &path, source))?;
    let bert = candle_core::safetensors::load(&path, &Device::Cpu)
        .map(|tensors| VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu))
        .and_then(|weights| BertModel::load(weights, &config))
        .map_err(|error| Failure::unusable(&model.id, "its weights cannot be read", error))?;
    tracing::info!(
        model = model.id,
        elapsed_ms = started.elapsed().as_millis() as u64,
        "the local model was loaded"
    );
    Ok(Loaded { bert, max_tokens })
}

#[derive(Deserialize)]
struct SentenceConfig {
    max_seq_length: usize,
}

fn max_tokens(model: &EmbeddingModel, config: &Config) -> Result<usize, Failure> {
    let limit = config.max_position_embeddings;
    match read_json::<SentenceConfig>(model, "sentence_bert_config.json") {
        Ok(sentence) => Ok(limit.min(sentence.max_seq_length)),
        Err(Failure::Missing { .. }) => Ok(limit),
        Err(other) => Err(other),
    }
}

fn read_json<T: DeserializeOwned>(model: &EmbeddingModel, name: &str) -> Result<T, Failure> {
    let path = model.dir.join(name);
    let text = read(model, &path)?;
    serde_json::from_slice(&text).map_err(|source| {
        Failure::unusable(&model.id, format!("its `{name}` cannot be read"), source)
    })
}

fn read(model: &EmbeddingModel, path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|source| Failure::opening(&model.id, path, source))
}

/// Cuts a list that is sorted by length.
fn groups(texts: &[(usize, Vec<u32>)]) -> Vec<&[(usize, Vec<u32>)]> {
    let mut groups = Vec::new();
    let mut from = 0;
    for at in 1..=texts.len() {
        let is_full = texts.get(at).is_none_or(|(_, ids)| {
            let texts = at + 1 - from;
            texts > GROUP_TEXTS || texts * ids.len() > GROUP_TOKENS
        });
        if is_full {
            groups.push(&texts[from..at]);
            from = at;
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stay_small_and_hold_everything() {
        for (lengths, want) in [
            (vec![], vec![]),
            (vec![5], vec![1]),
            (vec![5; 20], vec![8, 8, 4]),
            (vec![100; 12], vec![5, 5, 2]),
            (vec![10, 10, 400, 400], vec![2, 1, 1]),
            (vec![900, 900], vec![1, 1]),
        ] {
            let texts: Vec<(usize, Vec<u32>)> = lengths
                .iter()
                .enumerate()
                .map(|(index, length)| (index, vec![0; *length]))
                .collect();
            let got: Vec<usize> = groups(&texts).iter().map(|group| group.len()).collect();
            assert_eq!(got, want, "{lengths:?}");
        }
    }
}
