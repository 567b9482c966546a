//! AI providers: models, connection check, embeddings, and answers as streams.

use std::time::Duration;

use async_trait::async_trait;
use inkstone_bindings::latest::provider::exports::inkstone::plugin::provider as wit;
use inkstone_domain::Result;
use inkstone_domain::chat::{
    Chunk, ChunkStream, EmbedReply, EmbedRequest, Model, ModelKind, Request, RerankReply,
    RerankRequest,
};
use inkstone_domain::ports::{GuestCall, Probe, Provider};
use tracing::Instrument;
use wasmtime::component::ResourceAny;

use crate::call::{Guest, Session, Shape};
use crate::convert;
use crate::observe::Function;
use crate::stream::{self, Pull};
use crate::versions::{ProviderInstance, ProviderWorld};

/// A loaded provider.
pub(crate) struct WasmProvider {
    guest: Guest<ProviderWorld>,
    models: Function,
    validate_connection: Function,
    complete: Function,
    embed: Function,
    rerank: Function,
}

impl WasmProvider {
    pub fn new(guest: Guest<ProviderWorld>) -> Self {
        let function = |name| Function::new(&guest.plugin, name);
        Self {
            models: function("models"),
            validate_connection: function("validate-connection"),
            complete: function("complete"),
            embed: function("embed"),
            rerank: function("rerank"),
            guest,
        }
    }
}

#[async_trait]
impl Provider for WasmProvider {
    async fn models(&self, call: &GuestCall) -> Result<Vec<Model>> {
        let observation = self.models.begin(call, &());
        let instruments = observation.instruments();
        let work = async {
            let mut session = self.guest.open(call, instruments, Shape::Plain).await?;
            let step = session.instance.models(&mut session.store);
            let outcome = session.watch.bound(step).await;
            let models = session.settle(outcome)?;
            Ok(models.into_iter().map(model).collect())
        };
        observation.around(work).await
    }

    async fn validate_connection(&self, call: &GuestCall) -> Result<String> {
        let observation = self.validate_connection.begin(call, &());
        let instruments = observation.instruments();
        let work = async {
            let mut session = self.guest.open(call, instruments, Shape::Plain).await?;
            let step = session.instance.validate_connection(&mut session.store);
            let outcome = session.watch.bound(step).await;
            session.settle(outcome)
        };
        observation.around(work).await
    }

    async fn complete(&self, call: &GuestCall, request: Request) -> Result<ChunkStream> {
        let observation = self.complete.begin(call, &request);
        let instruments = observation.instruments();
        let start = async {
            let mut session = self.guest.open(call, instruments, Shape::Stream).await?;
            let request = convert::chat::request_to_guest(request);
            let step = session.instance.complete(&mut session.store, request);
            let outcome = session.watch.bound(step).await;
            let completion = session.settle(outcome)?;
            Ok(Completion {
                session,
                completion,
            })
        };
        let started = start.instrument(observation.span().clone()).await;
        match started {
            Ok(completion) => {
                let tasks = &self.guest.plugin.tasks;
                let batches = stream::pulled(tasks, completion, observation);
                Ok(Box::pin(stream::flatten(batches)))
            }
            Err(error) => Err(observation.refused(error)),
        }
    }

    async fn embed(&self, call: &GuestCall, request: EmbedRequest) -> Result<EmbedReply> {
        let observation = self.embed.begin(call, &request);
        let instruments = observation.instruments();
        let work = async {
            let inputs = request.inputs.len();
            let request = convert::chat::embed_request_to_guest(request);
            let mut session = self.guest.open(call, instruments, Shape::Plain).await?;
            let step = session.instance.embed(&mut session.store, request);
            let outcome = session.watch.bound(step).await;
            let reply = session.settle(outcome)?;
            if reply.vectors.len() != inputs {
                return Err(session.bad_answer(format!(
                    "it gave {} vectors for {inputs} inputs",
                    reply.vectors.len()
                )));
            }
            Ok(convert::chat::embed_reply_from_guest(reply))
        };
        observation.around(work).await
    }

    async fn rerank(&self, call: &GuestCall, request: RerankRequest) -> Result<RerankReply> {
        let observation = self.rerank.begin(call, &request);
        let instruments = observation.instruments();
        let work = async {
            let documents = request.documents.len();
            let request = convert::chat::rerank_request_to_guest(request);
            let mut session = self.guest.open(call, instruments, Shape::Plain).await?;
            let step = session.instance.rerank(&mut session.store, request);
            let outcome = session.watch.bound(step).await;
            let reply = session.settle(outcome)?;
            let strange = reply.results.iter().map(|ranked| ranked.index);
            if let Some(index) = strange.max().filter(|index| *index as usize >= documents) {
                return Err(session.bad_answer(format!(
                    "it ranked document {index} of {documents} documents"
                )));
            }
            Ok(convert::chat::rerank_reply_from_guest(reply))
        };
        observation.around(work).await
    }
}

#[async_trait]
impl Probe for WasmProvider {
    /// That its upstream cannot be reached says nothing about the plugin.
    async fn check(&self) -> Result<()> {
        match self.models(&GuestCall::default()).await {
            Err(error) if error.code().blames_plugin() => Err(error),
            _ => Ok(()),
        }
    }

    fn retire(&self, grace: Duration) {
        self.guest.plugin.retire(grace);
    }
}

/// An answer under way in its own store.
struct Completion {
    session: Session<ProviderInstance>,
    completion: ResourceAny,
}

impl Pull for Completion {
    /// What was there at once; never empty.
    type Item = Vec<Chunk>;

    async fn pull(&mut self) -> Result<Option<Vec<Chunk>>> {
        let session = &mut self.session;
        session.watch.next_item();
        let step = session.instance.next(&mut session.store, self.completion);
        let outcome = session.watch.bound(step).await;
        let chunks = session.settle(outcome)?.into_iter();
        let chunks: Vec<Chunk> = chunks.map(convert::chat::chunk_from_guest).collect();
        Ok((!chunks.is_empty()).then_some(chunks))
    }
}

fn model(model: wit::Model) -> Model {
    Model {
        id: model.id,
        kind: match model.kind {
            wit::ModelKind::Chat => ModelKind::Chat,
            wit::ModelKind::Embedding => ModelKind::Embedding,
            wit::ModelKind::Rerank => ModelKind::Rerank,
        },
        context_length: model.context_length,
    }
}
