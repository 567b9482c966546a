//! The port `LocalModels`: finds the model by name, checks the request, and hands it to the
//! model's worker. Reading files and counting tokens happen on blocking threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use inkstone_domain::inference::{GenerateRequest, LocalEmbeddings, LocalModelInfo, TokenStream};
use inkstone_domain::ports::LocalModels;
use inkstone_domain::{Error, Result, codes};
use tokenizers::Tokenizer;
use tokio::sync::{OnceCell, mpsc, oneshot};

use crate::config::{EmbeddingModel, GgufModel, InferenceConfig};
use crate::embedding::{self, EmbedJob, Embedder};
use crate::failure::Failure;
use crate::generation::{GenerateJob, Generation, Generator};
use crate::gguf::Gguf;
use crate::sampling::Sampler;
use crate::text::Stops;
use crate::vocabulary::Vocabulary;
use crate::worker::Worker;

/// Local models by candle. Weights are loaded on first use and kept until this is dropped; each
/// model computes on one thread of its own.
pub struct CandleModels {
    generation: Option<Writing>,
    embedding: Option<Embedding>,
    max_waiting: usize,
}

struct Writing {
    model: GgufModel,
    vocabulary: OnceCell<Arc<Vocabulary>>,
    info: Arc<InfoCache>,
    worker: Worker<GenerateJob>,
}

struct Embedding {
    model: EmbeddingModel,
    tokenizer: OnceCell<Arc<Tokenizer>>,
    worker: Worker<EmbedJob>,
}

impl CandleModels {
    /// Starts a thread per model, which sleeps until it is asked; reads no file.
    ///
    /// # Errors
    /// `internal` where the system gives no more threads.
    pub fn new(config: InferenceConfig) -> Result<Self> {
        let InferenceConfig {
            generation,
            embedding,
            cache_dir,
            max_waiting,
        } = config;
        Ok(Self {
            generation: generation
                .map(|model| Writing::start(model, cache_dir, max_waiting))
                .transpose()
                .map_err(no_thread)?,
            embedding: embedding
                .map(|model| Embedding::start(model, max_waiting))
                .transpose()
                .map_err(no_thread)?,
            max_waiting,
        })
    }

    fn unknown(&self, asked: &str) -> Failure {
        let known: Vec<String> = self
            .generation
            .iter()
            .map(|writing| &writing.model.id)
            .chain(self.embedding.iter().map(|embedding| &embedding.model.id))
            .map(|id| format!("`{id}`"))
            .collect();
        Failure::UnknownModel {
            asked: asked.to_owned(),
            known: if known.is_empty() {
                "none; set one under `[local_model]` in engine.toml".to_owned()
            } else {
                known.join(" and ")
            },
        }
    }

    fn writing(&self, id: &str) -> Result<&Writing, Failure> {
        match (&self.generation, &self.embedding) {
            (Some(writing), _) if writing.model.id == id => Ok(writing),
            (_, Some(embedding)) if embedding.model.id == id => Err(Failure::WrongKind {
                model: id.to_owned(),
                reason: "it embeds texts and writes none",
            }),
            _ => Err(self.unknown(id)),
        }
    }

    fn embedding(&self, id: &str) -> Result<&Embedding, Failure> {
        match (&self.embedding, &self.generation) {
            (Some(embedding), _) if embedding.model.id == id => Ok(embedding),
            (_, Some(writing)) if writing.model.id == id => Err(Failure::WrongKind {
                model: id.to_owned(),
                reason: "it writes texts and embeds none",
            }),
            _ => Err(self.unknown(id)),
        }
    }

    fn overloaded(&self, model: &str) -> Failure {
        Failure::Overloaded {
            model: model.to_owned(),
            waiting: self.max_waiting,
        }
    }
}

#[async_trait]
impl LocalModels for CandleModels {
    async fn models(&self) -> Result<Vec<LocalModelInfo>> {
        let mut infos = Vec::new();
        if let Some(writing) = &self.generation {
            infos.push(writing.info().await);
        }
        if let Some(embedding) = &self.embedding {
            let model = embedding.model.clone();
            infos.push(blocking(&embedding.model.id, move || embedding::info(&model)).await);
        }
        infos
            .into_iter()
            .filter(|info| !matches!(info, Err(Failure::Missing { .. })))
            .map(|info| info.map_err(Error::from))
            .collect()
    }

    async fn generate(&self, request: GenerateRequest) -> Result<TokenStream> {
        let writing = self.writing(&request.model)?;
        let model = writing.model.id.clone();
        if request.max_tokens == 0 {
            return Err(Failure::InvalidRequest("`max_tokens` has to be 1 or more".into()).into());
        }
        let context_length = writing.info().await?.context_length as usize;
        let vocabulary = writing.vocabulary().await?;
        let sampler = Sampler::new(&request, vocabulary.ends.clone())?;
        let prompt = encoded(&model, &vocabulary, request.prompt).await?;
        if prompt.is_empty() {
            return Err(Failure::InvalidRequest("the prompt is empty".to_owned()).into());
        }
        // At least one token of the answer has to fit, too.
        let limit = context_length.saturating_sub(1);
        if prompt.len() > limit {
            return Err(Failure::TooLong {
                model,
                tokens: prompt.len(),
                limit,
            }
            .into());
        }
        let max_tokens = (request.max_tokens as usize).min(context_length - prompt.len());
        // One event per token, what was held back, and the last.
        let (sender, events) = mpsc::channel(max_tokens + 2);
        let job = GenerateJob {
            vocabulary,
            prompt,
            sampler,
            stops: Stops::new(request.stop),
            max_tokens,
            events: sender,
        };
        writing
            .worker
            .submit(job)
            .map_err(|_| self.overloaded(&model))?;
        Ok(Box::pin(Generation {
            model,
            events,
            ended: false,
        }))
    }

    async fn embed(&self, model: &str, inputs: Vec<String>) -> Result<LocalEmbeddings> {
        let embedding = self.embedding(model)?;
        let tokenizer = embedding.tokenizer().await?;
        let (reply, answer) = oneshot::channel();
        let job = EmbedJob {
            tokenizer,
            inputs,
            reply,
        };
        embedding
            .worker
            .submit(job)
            .map_err(|_| self.overloaded(model))?;
        let stopped = |_| Failure::Stopped {
            model: model.to_owned(),
        };
        Ok(answer.await.map_err(stopped)??)
    }

    async fn count_tokens(&self, model: &str, text: &str) -> Result<u32> {
        let text = text.to_owned();
        if let Ok(embedding) = self.embedding(model) {
            let tokenizer = embedding.tokenizer().await?;
            let id = model.to_owned();
            let count = move || {
                let encoding = tokenizer.encode_fast(text.as_str(), true);
                encoding
                    .map(|encoding| encoding.len())
                    .map_err(|source| Failure::broken(&id, source))
            };
            return Ok(blocking(model, count).await? as u32);
        }
        let vocabulary = self.writing(model)?.vocabulary().await?;
        Ok(encoded(model, &vocabulary, text).await?.len() as u32)
    }
}

impl Writing {
    fn start(model: GgufModel, cache_dir: PathBuf, max_waiting: usize) -> std::io::Result<Self> {
        let mut generator = Generator {
            model: model.id.clone(),
            path: model.path.clone(),
            cache_dir,
            weights: None,
        };
        let worker = Worker::start("local-generation", max_waiting, move |job| {
            generator.run(job);
        })?;
        Ok(Self {
            model,
            vocabulary: OnceCell::new(),
            info: Arc::default(),
            worker,
        })
    }

    async fn info(&self) -> Result<LocalModelInfo, Failure> {
        let (model, cache) = (self.model.clone(), Arc::clone(&self.info));
        blocking(&self.model.id, move || cache.read(&model)).await
    }

    async fn vocabulary(&self) -> Result<Arc<Vocabulary>, Failure> {
        let read = || {
            let model = self.model.clone();
            let read = move || {
                let gguf = Gguf::open(&model.id, &model.path)?;
                Vocabulary::of(&model.id, &gguf).map(Arc::new)
            };
            blocking(&self.model.id, read)
        };
        self.vocabulary.get_or_try_init(read).await.cloned()
    }
}

impl Embedding {
    fn start(model: EmbeddingModel, max_waiting: usize) -> std::io::Result<Self> {
        let mut embedder = Embedder {
            model: model.clone(),
            loaded: None,
        };
        let worker = Worker::start("local-embedding", max_waiting, move |job| {
            embedder.run(job);
        })?;
        Ok(Self {
            model,
            tokenizer: OnceCell::new(),
            worker,
        })
    }

    async fn tokenizer(&self) -> Result<Arc<Tokenizer>, Failure> {
        let read = || {
            let model = self.model.clone();
            blocking(&self.model.id, move || {
                embedding::tokenizer(&model).map(Arc::new)
            })
        };
        self.tokenizer.get_or_try_init(read).await.cloned()
    }
}

/// The head of a GGUF file, read again only when the file has changed.
#[derive(Default)]
struct InfoCache {
    read: Mutex<Option<(FileStamp, LocalModelInfo)>>,
}

#[derive(PartialEq, Eq)]
struct FileStamp {
    size_bytes: u64,
    changed: Option<SystemTime>,
}

impl InfoCache {
    fn read(&self, model: &GgufModel) -> Result<LocalModelInfo, Failure> {
        let metadata = std::fs::metadata(&model.path)
            .map_err(|source| Failure::opening(&model.id, &model.path, source))?;
        let stamp = FileStamp {
            size_bytes: metadata.len(),
            changed: metadata.modified().ok(),
        };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, info)) = read.as_ref()
            && *known == stamp
        {
            return Ok(info.clone());
        }
        let info = Gguf::open(&model.id, &model.path)?.info(model)?;
        *read = Some((stamp, info.clone()));
        Ok(info)
    }
}

async fn encoded(
    model: &str,
    vocabulary: &Arc<Vocabulary>,
    text: String,
) -> Result<Vec<u32>, Failure> {
    let (id, vocabulary) = (model.to_owned(), Arc::clone(vocabulary));
    blocking(model, move || vocabulary.encode(&id, &text)).await
}

async fn blocking<T: Send + 'static>(
    model: &str,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Failure::broken(model, error)),
    }
}

fn no_thread(source: std::io::Error) -> Error {
    Error::new(
        &codes::INTERNAL,
        "no thread for the local model can be started",
    )
    .with_source(source)
}
