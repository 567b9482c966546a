//! AI providers: models, connection check, embeddings, and answers as streams.

use async_trait::async_trait;
use inkstone_bindings::v0_1_0::provider::exports::inkstone::plugin::provider as wit;
use inkstone_bindings::v0_1_0::provider::{ProviderPlugin, ProviderPluginPre};
use inkstone_domain::Result;
use inkstone_domain::chat::{
    Chunk, ChunkStream, EmbedReply, EmbedRequest, Model, ModelKind, Request,
};
use inkstone_domain::ports::{GuestCall, Probe, Provider};
use tracing::Instrument;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::call::{Guest, Session, World};
use crate::convert;
use crate::observe::Function;
use crate::state::CallState;
use crate::stream::{self, Pull};

impl World for ProviderPluginPre<CallState> {
    type Instance = ProviderPlugin;

    async fn instantiate(&self, store: &mut Store<CallState>) -> wasmtime::Result<ProviderPlugin> {
        self.instantiate_async(store).await
    }
}

/// A loaded provider.
pub(crate) struct WasmProvider {
    guest: Guest<ProviderPluginPre<CallState>>,
    models: Function,
    validate_connection: Function,
    complete: Function,
    embed: Function,
}

impl WasmProvider {
    pub fn new(guest: Guest<ProviderPluginPre<CallState>>) -> Self {
        let function = |name| Function::new(&guest.plugin, name);
        Self {
            models: function("models"),
            validate_connection: function("validate-connection"),
            complete: function("complete"),
            embed: function("embed"),
            guest,
        }
    }
}

#[async_trait]
impl Provider for WasmProvider {
    async fn models(&self, call: &GuestCall) -> Result<Vec<Model>> {
        let work = async {
            let mut session = self.guest.open(call).await?;
            let provider = session.instance.inkstone_plugin_provider();
            let step = provider.call_models(&mut session.store);
            let outcome = session.watch.bound(step).await;
            let models = session.settle(outcome)?;
            Ok(models.into_iter().map(model).collect())
        };
        self.models.begin(call).around(work).await
    }

    async fn validate_connection(&self, call: &GuestCall) -> Result<String> {
        let work = async {
            let mut session = self.guest.open(call).await?;
            let provider = session.instance.inkstone_plugin_provider();
            let step = provider.call_validate_connection(&mut session.store);
            let outcome = session.watch.bound(step).await;
            session.settle(outcome)
        };
        self.validate_connection.begin(call).around(work).await
    }

    async fn complete(&self, call: &GuestCall, request: Request) -> Result<ChunkStream> {
        let mut observation = self.complete.begin(call);
        let start = async {
            let mut session = self.guest.open(call).await?;
            let request = convert::chat::request_to_guest(request);
            let provider = session.instance.inkstone_plugin_provider();
            let step = provider.call_complete(&mut session.store, &request);
            let outcome = session.watch.bound(step).await;
            let completion = session.settle(outcome)?;
            Ok(Completion {
                session,
                completion,
            })
        };
        let started = start.instrument(observation.span().clone()).await;
        match started {
            Ok(completion) => Ok(stream::spawn(
                &self.guest.plugin.tasks,
                completion,
                observation,
            )),
            Err(error) => {
                observation.failed(&error);
                Err(error)
            }
        }
    }

    async fn embed(&self, call: &GuestCall, request: EmbedRequest) -> Result<EmbedReply> {
        let work = async {
            let inputs = request.inputs.len();
            let request = convert::chat::embed_request_to_guest(request);
            let mut session = self.guest.open(call).await?;
            let provider = session.instance.inkstone_plugin_provider();
            let step = provider.call_embed(&mut session.store, &request);
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
        self.embed.begin(call).around(work).await
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
}

/// An answer under way in its own store.
struct Completion {
    session: Session<ProviderPlugin>,
    completion: ResourceAny,
}

impl Pull for Completion {
    type Item = Chunk;

    async fn pull(&mut self) -> Result<Option<Chunk>> {
        let session = &mut self.session;
        session.watch.restart();
        let provider = session.instance.inkstone_plugin_provider();
        let completion = provider.completion();
        let step = completion.call_next(&mut session.store, self.completion);
        let outcome = session.watch.bound(step).await;
        let chunk = session.settle(outcome)?;
        Ok(chunk.map(convert::chat::chunk_from_guest))
    }
}

fn model(model: wit::Model) -> Model {
    Model {
        id: model.id,
        kind: match model.kind {
            wit::ModelKind::Chat => ModelKind::Chat,
            wit::ModelKind::Embedding => ModelKind::Embedding,
        },
        context_length: model.context_length,
    }
}
