//! The generator's world in every version, in the words of the latest.

use inkstone_bindings::latest::generator::exports::inkstone::plugin::generator as wit;
use inkstone_bindings::latest::imports::types;
use inkstone_bindings::{v0_1_0, v0_2_0};
use wasmtime::component::ResourceAny;
use wasmtime::{Result, Store};

use super::v0_1_0::Same;
use super::{ApiVersion, Linked};
use crate::call::World;
use crate::state::CallState;

/// A generator's component, ready to be instantiated.
pub(crate) enum GeneratorWorld {
    V0_1_0(v0_1_0::generator::GeneratorPluginPre<CallState>),
    V0_2_0(v0_2_0::generator::GeneratorPluginPre<CallState>),
}

/// An instance of one.
pub(crate) enum GeneratorInstance {
    V0_1_0(v0_1_0::generator::GeneratorPlugin),
    V0_2_0(v0_2_0::generator::GeneratorPlugin),
}

impl GeneratorWorld {
    /// Fails where the exports do not fit the version's contract.
    pub fn new(linked: Linked) -> Result<Self> {
        let component = linked.component;
        Ok(match linked.api {
            ApiVersion::V0_1_0 => {
                Self::V0_1_0(v0_1_0::generator::GeneratorPluginPre::new(component)?)
            }
            ApiVersion::V0_2_0 => {
                Self::V0_2_0(v0_2_0::generator::GeneratorPluginPre::new(component)?)
            }
        })
    }
}

impl World for GeneratorWorld {
    type Instance = GeneratorInstance;

    async fn instantiate(&self, store: &mut Store<CallState>) -> Result<GeneratorInstance> {
        Ok(match self {
            Self::V0_1_0(world) => GeneratorInstance::V0_1_0(world.instantiate_async(store).await?),
            Self::V0_2_0(world) => GeneratorInstance::V0_2_0(world.instantiate_async(store).await?),
        })
    }
}

impl GeneratorInstance {
    pub async fn templates(&self, store: &mut Store<CallState>) -> Result<Vec<wit::Template>> {
        match self {
            Self::V0_1_0(instance) => {
                let generator = instance.inkstone_plugin_generator();
                Ok(generator.call_templates(store).await?.same())
            }
            Self::V0_2_0(instance) => {
                let generator = instance.inkstone_plugin_generator();
                generator.call_templates(store).await
            }
        }
    }

    pub async fn start(
        &self,
        store: &mut Store<CallState>,
        template: &str,
        input: &types::Json,
        resume: Option<&[u8]>,
    ) -> Result<Result<ResourceAny, types::Error>> {
        match self {
            Self::V0_1_0(instance) => {
                let generator = instance.inkstone_plugin_generator();
                let started = generator.call_start(store, template, input, resume).await?;
                Ok(started.same())
            }
            Self::V0_2_0(instance) => {
                let generator = instance.inkstone_plugin_generator();
                generator.call_start(store, template, input, resume).await
            }
        }
    }

    /// The next event of what `start` gave.
    pub async fn next(
        &self,
        store: &mut Store<CallState>,
        run: ResourceAny,
    ) -> Result<Result<Option<wit::Event>, types::Error>> {
        match self {
            Self::V0_1_0(instance) => {
                let runs = instance.inkstone_plugin_generator().run();
                Ok(runs.call_next(store, run).await?.same())
            }
            Self::V0_2_0(instance) => {
                let runs = instance.inkstone_plugin_generator().run();
                runs.call_next(store, run).await
            }
        }
    }
}
