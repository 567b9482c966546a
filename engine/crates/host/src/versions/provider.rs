//! The provider's world in every version, in the words of the latest.

use inkstone_bindings::latest::imports::{chat, types};
use inkstone_bindings::latest::provider::exports::inkstone::plugin::provider as wit;
use inkstone_bindings::{v0_1_0, v0_2_0};
use wasmtime::component::ResourceAny;
use wasmtime::{Result, Store};

use super::v0_1_0::Same;
use super::{ApiVersion, Linked};
use crate::call::World;
use crate::state::CallState;

/// A provider's component, ready to be instantiated.
pub(crate) enum ProviderWorld {
    V0_1_0(v0_1_0::provider::ProviderPluginPre<CallState>),
    V0_2_0(v0_2_0::provider::ProviderPluginPre<CallState>),
}

/// An instance of one.
pub(crate) enum ProviderInstance {
    V0_1_0(v0_1_0::provider::ProviderPlugin),
    V0_2_0(v0_2_0::provider::ProviderPlugin),
}

impl ProviderWorld {
    /// Fails where the exports do not fit the version's contract.
    pub fn new(linked: Linked) -> Result<Self> {
        let component = linked.component;
        Ok(match linked.api {
            ApiVersion::V0_1_0 => {
                Self::V0_1_0(v0_1_0::provider::ProviderPluginPre::new(component)?)
            }
            ApiVersion::V0_2_0 => {
                Self::V0_2_0(v0_2_0::provider::ProviderPluginPre::new(component)?)
            }
        })
    }
}

impl World for ProviderWorld {
    type Instance = ProviderInstance;

    async fn instantiate(&self, store: &mut Store<CallState>) -> Result<ProviderInstance> {
        Ok(match self {
            Self::V0_1_0(world) => ProviderInstance::V0_1_0(world.instantiate_async(store).await?),
            Self::V0_2_0(world) => ProviderInstance::V0_2_0(world.instantiate_async(store).await?),
        })
    }
}

impl ProviderInstance {
    pub async fn models(
        &self,
        store: &mut Store<CallState>,
    ) -> Result<Result<Vec<wit::Model>, types::Error>> {
        match self {
            Self::V0_1_0(instance) => {
                let provider = instance.inkstone_plugin_provider();
                Ok(provider.call_models(store).await?.same())
            }
            Self::V0_2_0(instance) => {
                let provider = instance.inkstone_plugin_provider();
                provider.call_models(store).await
            }
        }
    }

    pub async fn validate_connection(
        &self,
        store: &mut Store<CallState>,
    ) -> Result<Result<String, types::Error>> {
        match self {
            Self::V0_1_0(instance) => {
                let provider = instance.inkstone_plugin_provider();
                Ok(provider.call_validate_connection(store).await?.same())
            }
            Self::V0_2_0(instance) => {
                let provider = instance.inkstone_plugin_provider();
                provider.call_validate_connection(store).await
            }
        }
    }

    pub async fn complete(
        &self,
        store: &mut Store<CallState>,
        request: chat::Request,
    ) -> Result<Result<ResourceAny, types::Error>> {
        match self {
            Self::V0_1_0(_) if request.logprobs.is_some() && !request.drop_unsupported => {
                Ok(Err(unsupported("`logprobs`")))
            }
            Self::V0_1_0(instance) => {
                let provider = instance.inkstone_plugin_provider();
                Ok(provider.call_complete(store, &request.same()).await?.same())
            }
            Self::V0_2_0(instance) => {
                let provider = instance.inkstone_plugin_provider();
                provider.call_complete(store, &request).await
            }
        }
    }

    /// The next chunks of what `complete` gave; none at the end.
    pub async fn next(
        &self,
        store: &mut Store<CallState>,
        completion: ResourceAny,
    ) -> Result<Result<Vec<chat::Chunk>, types::Error>> {
        match self {
            Self::V0_1_0(instance) => {
                let completions = instance.inkstone_plugin_provider().completion();
                let next = completions.call_next(store, completion).await?;
                Ok(next.map(Vec::from_iter).same())
            }
            Self::V0_2_0(instance) => {
                let completions = instance.inkstone_plugin_provider().completion();
                completions.call_next(store, completion).await
            }
        }
    }

    pub async fn embed(
        &self,
        store: &mut Store<CallState>,
        request: chat::EmbedRequest,
    ) -> Result<Result<chat::EmbedReply, types::Error>> {
        match self {
            Self::V0_1_0(instance) => {
                let provider = instance.inkstone_plugin_provider();
                Ok(provider.call_embed(store, &request.same()).await?.same())
            }
            Self::V0_2_0(instance) => {
                let provider = instance.inkstone_plugin_provider();
                provider.call_embed(store, &request).await
            }
        }
    }

    pub async fn rerank(
        &self,
        store: &mut Store<CallState>,
        request: chat::RerankRequest,
    ) -> Result<Result<chat::RerankReply, types::Error>> {
        match self {
            Self::V0_1_0(_) => Ok(Err(unsupported("reranking"))),
            Self::V0_2_0(instance) => {
                let provider = instance.inkstone_plugin_provider();
                provider.call_rerank(store, &request).await
            }
        }
    }
}

/// What a plugin of 0.1.0 has no word for.
fn unsupported(what: &str) -> types::Error {
    types::Error {
        kind: types::ErrorKind::Unsupported,
        message: format!(
            "{what}: this plugin was built for version 0.1.0 of the contract, which has no such thing"
        ),
        retry_after_ms: None,
        upstream_status: None,
        code: None,
    }
}
