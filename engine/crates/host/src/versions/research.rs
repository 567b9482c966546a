//! The world of research plugins in every version, in the words of the latest.

use inkstone_bindings::latest::imports::types;
use inkstone_bindings::latest::research::exports::inkstone::plugin::research as wit;
use inkstone_bindings::{v0_1_0, v0_2_0};
use wasmtime::{Result, Store};

use super::v0_1_0::Same;
use super::{ApiVersion, Linked};
use crate::call::World;
use crate::state::CallState;

/// A research plugin's component, ready to be instantiated.
pub(crate) enum ResearchWorld {
    V0_1_0(v0_1_0::research::ResearchPluginPre<CallState>),
    V0_2_0(v0_2_0::research::ResearchPluginPre<CallState>),
}

/// An instance of one.
pub(crate) enum ResearchInstance {
    V0_1_0(v0_1_0::research::ResearchPlugin),
    V0_2_0(v0_2_0::research::ResearchPlugin),
}

impl ResearchWorld {
    /// Fails where the exports do not fit the version's contract.
    pub fn new(linked: Linked) -> Result<Self> {
        let component = linked.component;
        Ok(match linked.api {
            ApiVersion::V0_1_0 => {
                Self::V0_1_0(v0_1_0::research::ResearchPluginPre::new(component)?)
            }
            ApiVersion::V0_2_0 => {
                Self::V0_2_0(v0_2_0::research::ResearchPluginPre::new(component)?)
            }
        })
    }
}

impl World for ResearchWorld {
    type Instance = ResearchInstance;

    async fn instantiate(&self, store: &mut Store<CallState>) -> Result<ResearchInstance> {
        Ok(match self {
            Self::V0_1_0(world) => ResearchInstance::V0_1_0(world.instantiate_async(store).await?),
            Self::V0_2_0(world) => ResearchInstance::V0_2_0(world.instantiate_async(store).await?),
        })
    }
}

impl ResearchInstance {
    pub async fn tools(&self, store: &mut Store<CallState>) -> Result<Vec<wit::Tool>> {
        match self {
            Self::V0_1_0(instance) => {
                let research = instance.inkstone_plugin_research();
                Ok(research.call_tools(store).await?.same())
            }
            Self::V0_2_0(instance) => {
                let research = instance.inkstone_plugin_research();
                research.call_tools(store).await
            }
        }
    }

    pub async fn call(
        &self,
        store: &mut Store<CallState>,
        tool: &str,
        input: &types::Json,
    ) -> Result<Result<wit::Answer, types::Error>> {
        match self {
            Self::V0_1_0(instance) => {
                let research = instance.inkstone_plugin_research();
                Ok(research.call_call(store, tool, input).await?.same())
            }
            Self::V0_2_0(instance) => {
                let research = instance.inkstone_plugin_research();
                research.call_call(store, tool, input).await
            }
        }
    }
}
