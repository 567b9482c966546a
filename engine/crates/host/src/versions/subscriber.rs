//! The world of subscribers, which is in the contract since 0.2.0, in the words of the latest.

use inkstone_bindings::latest::imports::types;
use inkstone_bindings::latest::subscriber::exports::inkstone::plugin::subscriber as wit;
use inkstone_bindings::v0_2_0;
use wasmtime::{Result, Store, bail};

use super::{ApiVersion, Linked};
use crate::call::World;
use crate::state::CallState;

/// A subscriber's component, ready to be instantiated.
pub(crate) enum SubscriberWorld {
    V0_2_0(v0_2_0::subscriber::SubscriberPluginPre<CallState>),
}

/// An instance of one.
pub(crate) enum SubscriberInstance {
    V0_2_0(v0_2_0::subscriber::SubscriberPlugin),
}

impl SubscriberWorld {
    /// Fails where the exports do not fit the version's contract.
    pub fn new(linked: Linked) -> Result<Self> {
        let component = linked.component;
        Ok(match linked.api {
            ApiVersion::V0_1_0 => bail!("version 0.1.0 of the contract has no subscribers"),
            ApiVersion::V0_2_0 => {
                Self::V0_2_0(v0_2_0::subscriber::SubscriberPluginPre::new(component)?)
            }
        })
    }
}

impl World for SubscriberWorld {
    type Instance = SubscriberInstance;

    async fn instantiate(&self, store: &mut Store<CallState>) -> Result<SubscriberInstance> {
        Ok(match self {
            Self::V0_2_0(world) => {
                SubscriberInstance::V0_2_0(world.instantiate_async(store).await?)
            }
        })
    }
}

impl SubscriberInstance {
    pub async fn handle(
        &self,
        store: &mut Store<CallState>,
        event: &wit::Event,
    ) -> Result<Result<(), types::Error>> {
        match self {
            Self::V0_2_0(instance) => {
                let subscriber = instance.inkstone_plugin_subscriber();
                subscriber.call_handle(store, event).await
            }
        }
    }
}
