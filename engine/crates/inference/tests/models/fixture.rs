//! Where the models are, and short ways to ask them.

use std::path::Path;
use std::sync::Once;

use futures::StreamExt;
use inkstone_domain::Result;
use inkstone_domain::inference::{GenerateEvent, GenerateFinish, GenerateRequest, TokenStream};
use inkstone_inference::{CandleModels, EmbeddingModel, GgufModel, InferenceConfig};

use crate::location::{models_dir, text_model};

pub const TEXT_MODEL: &str = "smollm2-135m-instruct";
pub const SENTENCE_MODEL: &str = "all-minilm-l6-v2";

pub fn config() -> InferenceConfig {
    let dir = models_dir();
    InferenceConfig {
        generation: Some(GgufModel {
            id: TEXT_MODEL.to_owned(),
            path: text_model(&dir),
        }),
        embedding: Some(EmbeddingModel {
            id: SENTENCE_MODEL.to_owned(),
            dir: dir.join(SENTENCE_MODEL),
        }),
        // Kept between runs, as in real life.
        cache_dir: Path::new(env!("CARGO_TARGET_TMPDIR")).join("inference"),
        max_waiting: 16,
    }
}

pub fn models() -> CandleModels {
    use_one_thread();
    CandleModels::new(config()).unwrap()
}

/// As the engine's `main` does it first thing.
#[allow(unsafe_code)]
pub fn use_one_thread() {
    static ONCE: Once = Once::new();
    // SAFETY: nothing in this binary reads the environment outside of Rust's own lock.
    ONCE.call_once(|| unsafe { inkstone_inference::limit_threads(1) });
}

/// Greedy, a dozen tokens.
pub fn request(prompt: &str) -> GenerateRequest {
    GenerateRequest {
        model: TEXT_MODEL.to_owned(),
        prompt: prompt.to_owned(),
        max_tokens: 12,
        temperature: 0.0,
        top_p: None,
        top_k: None,
        repeat_penalty: 1.0,
        seed: 1,
        stop: Vec::new(),
    }
}

pub const QUESTION: &str =
    "<|im_start|>user\nTell me about the sea.<|im_end|>\n<|im_start|>assistant\n";

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub pieces: Vec<String>,
    pub finish: GenerateFinish,
    pub input_tokens: u32,
    pub output_tokens: u32,
}

impl Answer {
    pub fn text(&self) -> String {
        self.pieces.concat()
    }
}

/// Reads to the end and checks the order of events.
pub async fn answer(stream: Result<TokenStream>) -> Answer {
    let mut stream = stream.unwrap();
    let mut pieces = Vec::new();
    while let Some(event) = stream.next().await {
        match event.unwrap() {
            GenerateEvent::Text(text) => {
                assert!(!text.is_empty(), "an empty piece");
                pieces.push(text);
            }
            GenerateEvent::Done {
                finish,
                input_tokens,
                output_tokens,
            } => {
                assert!(stream.next().await.is_none(), "something after the end");
                return Answer {
                    pieces,
                    finish,
                    input_tokens,
                    output_tokens,
                };
            }
        }
    }
    panic!("no last event");
}
