//! Running a text model: prompt in pieces, then token by token, on the worker's thread. The stream
//! that the caller holds is the reins: once it is dropped, the model stops at the next step.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use candle_core::{Device, Tensor};
use candle_transformers::models::quantized_llama::ModelWeights;
use futures::Stream;
use inkstone_domain::Result as DomainResult;
use inkstone_domain::inference::{GenerateEvent, GenerateFinish};
use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::gguf::Gguf;
use crate::requantise;
use crate::sampling::Sampler;
use crate::text::{Characters, Passed, Stops};
use crate::threads;
use crate::vocabulary::Vocabulary;

/// Prompt tokens per step; between steps a dropped stream is noticed.
const PROMPT_STEP: usize = 32;

/// One text to write.
pub(crate) struct GenerateJob {
    pub vocabulary: Arc<Vocabulary>,
    pub prompt: Vec<u32>,
    pub sampler: Sampler,
    pub stops: Stops,
    /// Of the answer; prompt and answer together fit into the context.
    pub max_tokens: usize,
    /// Has room for every event there can be, so that a slow reader never holds up the model.
    pub events: mpsc::Sender<DomainResult<GenerateEvent>>,
}

/// The model as its worker holds it. Weights come on the first job.
pub(crate) struct Generator {
    pub model: String,
    pub path: PathBuf,
    pub cache_dir: PathBuf,
    pub weights: Option<ModelWeights>,
}

/// Why a run ended before its last event.
enum Interrupted {
    /// Nobody listens any more.
    Deserted,
    Failed(Failure),
}

impl From<candle_core::Error> for Interrupted {
    fn from(error: candle_core::Error) -> Self {
        Self::Failed(Failure::broken("", error))
    }
}

impl Generator {
    /// Does one job from beginning to end.
    pub fn run(&mut self, job: GenerateJob) {
        if job.events.is_closed() {
            return;
        }
        let events = job.events.clone();
        let error = match self.generate(job) {
            Ok(()) | Err(Interrupted::Deserted) => return,
            Err(Interrupted::Failed(Failure::Broken { source, .. })) => {
                Failure::broken(&self.model, source)
            }
            Err(Interrupted::Failed(failure)) => failure,
        };
        let _ = events.try_send(Err(error.into()));
    }

    fn generate(&mut self, job: GenerateJob) -> Result<(), Interrupted> {
        let GenerateJob {
            vocabulary,
            prompt,
            mut sampler,
            mut stops,
            max_tokens,
            events,
        } = job;
        // A copy shares the weights and begins with an empty memory.
        let mut model = self.weights().map_err(Interrupted::Failed)?.clone();
        let mut position = 0;
        let mut scores = None;
        for step in prompt.chunks(PROMPT_STEP) {
            if events.is_closed() {
                return Err(Interrupted::Deserted);
            }
            scores = Some(forward(&mut model, step, position)?);
            position += step.len();
        }
        let mut scores = scores.ok_or_else(|| {
            Interrupted::Failed(Failure::InvalidRequest("the prompt is empty".to_owned()))
        })?;
        sampler.saw(&prompt);

        let mut characters = Characters::default();
        let mut output_tokens = 0;
        let finish = loop {
            if output_tokens == max_tokens {
                break GenerateFinish::Length;
            }
            let token = sampler.next(&scores)?;
            if vocabulary.ends.contains(&token) {
                break GenerateFinish::Stop;
            }
            output_tokens += 1;
            sampler.saw(&[token]);
            match stops.push(&characters.push(&vocabulary.bytes(token))) {
                Passed::On(text) => send_text(&events, text)?,
                Passed::Stop(text) => {
                    send_text(&events, text)?;
                    break GenerateFinish::Stop;
                }
            }
            if output_tokens < max_tokens {
                scores = forward(&mut model, &[token], position)?;
                position += 1;
            }
        };
        send_text(&events, stops.finish())?;
        let done = GenerateEvent::Done {
            finish,
            input_tokens: prompt.len() as u32,
            output_tokens: output_tokens as u32,
        };
        send(&events, done)
    }

    fn weights(&mut self) -> Result<&ModelWeights, Failure> {
        let weights = match self.weights.take() {
            Some(weights) => weights,
            None => self.load()?,
        };
        Ok(self.weights.insert(weights))
    }

    fn load(&self) -> Result<ModelWeights, Failure> {
        threads::warn_if_unlimited();
        let started = std::time::Instant::now();
        let file = requantise::fast_file(&self.model, &self.path, &self.cache_dir)?;
        let weights = match self.load_from(&file) {
            Err(_) if file != self.path => {
                // A conversion that cannot be read is made again, once.
                let _ = std::fs::remove_file(&file);
                let file = requantise::fast_file(&self.model, &self.path, &self.cache_dir)?;
                self.load_from(&file)?
            }
            loaded => loaded?,
        };
        tracing::info!(
            model = self.model,
            elapsed_ms = started.elapsed().as_millis() as u64,
            "the local model was loaded"
        );
        Ok(weights)
    }

    fn load_from(&self, file: &std::path::Path) -> Result<ModelWeights, Failure> {
        let Gguf {
            mut reader,
            content,
        } = Gguf::open(&self.model, file)?;
        ModelWeights::from_gguf(content, &mut reader, &Device::Cpu)
            .map_err(|error| Failure::unusable(&self.model, "its weights cannot be read", error))
    }
}

fn forward(
    model: &mut ModelWeights,
    tokens: &[u32],
    position: usize,
) -> candle_core::Result<Tensor> {
    let input = Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?;
    model.forward(&input, position)?.squeeze(0)
}

fn send_text(
    events: &mpsc::Sender<DomainResult<GenerateEvent>>,
    text: String,
) -> Result<(), Interrupted> {
    if text.is_empty() {
        // Also while text is held back, a dropped stream is noticed at every token.
        return if events.is_closed() {
            Err(Interrupted::Deserted)
        } else {
            Ok(())
        };
    }
    send(events, GenerateEvent::Text(text))
}

fn send(
    events: &mpsc::Sender<DomainResult<GenerateEvent>>,
    event: GenerateEvent,
) -> Result<(), Interrupted> {
    events
        .try_send(Ok(event))
        .map_err(|_| Interrupted::Deserted)
}

/// The caller's end. An end without a last event is told as an error.
pub(crate) struct Generation {
    pub model: String,
    pub events: mpsc::Receiver<DomainResult<GenerateEvent>>,
    pub ended: bool,
}

impl Stream for Generation {
    type Item = DomainResult<GenerateEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let event = match self.events.poll_recv(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(event)) => event,
            Poll::Ready(None) => Err(Failure::Stopped {
                model: self.model.clone(),
            }
            .into()),
        };
        self.ended = matches!(event, Err(_) | Ok(GenerateEvent::Done { .. }));
        Poll::Ready(Some(event))
    }
}
