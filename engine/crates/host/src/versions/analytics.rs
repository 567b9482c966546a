//! The world of analytics plugins in every version, in the words of the latest.

use inkstone_bindings::latest::analytics::exports::inkstone::plugin::analytics as wit;
use inkstone_bindings::latest::imports::types;
use inkstone_bindings::{v0_1_0, v0_2_0};
use wasmtime::{Result, Store};

use super::v0_1_0::Same;
use super::{ApiVersion, Linked};
use crate::call::World;
use crate::state::CallState;

/// An analytics plugin's component, ready to be instantiated.
pub(crate) enum AnalyticsWorld {
    V0_1_0(v0_1_0::analytics::AnalyticsPluginPre<CallState>),
    V0_2_0(v0_2_0::analytics::AnalyticsPluginPre<CallState>),
}

/// An instance of one.
pub(crate) enum AnalyticsInstance {
    V0_1_0(v0_1_0::analytics::AnalyticsPlugin),
    V0_2_0(v0_2_0::analytics::AnalyticsPlugin),
}

impl AnalyticsWorld {
    /// Fails where the exports do not fit the version's contract.
    pub fn new(linked: Linked) -> Result<Self> {
        let component = linked.component;
        Ok(match linked.api {
            ApiVersion::V0_1_0 => {
                Self::V0_1_0(v0_1_0::analytics::AnalyticsPluginPre::new(component)?)
            }
            ApiVersion::V0_2_0 => {
                Self::V0_2_0(v0_2_0::analytics::AnalyticsPluginPre::new(component)?)
            }
        })
    }
}

impl World for AnalyticsWorld {
    type Instance = AnalyticsInstance;

    async fn instantiate(&self, store: &mut Store<CallState>) -> Result<AnalyticsInstance> {
        Ok(match self {
            Self::V0_1_0(world) => AnalyticsInstance::V0_1_0(world.instantiate_async(store).await?),
            Self::V0_2_0(world) => AnalyticsInstance::V0_2_0(world.instantiate_async(store).await?),
        })
    }
}

impl AnalyticsInstance {
    pub async fn reports(&self, store: &mut Store<CallState>) -> Result<Vec<wit::ReportInfo>> {
        match self {
            Self::V0_1_0(instance) => {
                let analytics = instance.inkstone_plugin_analytics();
                Ok(analytics.call_reports(store).await?.same())
            }
            Self::V0_2_0(instance) => {
                let analytics = instance.inkstone_plugin_analytics();
                analytics.call_reports(store).await
            }
        }
    }

    pub async fn run(
        &self,
        store: &mut Store<CallState>,
        report: &str,
        input: &types::Json,
    ) -> Result<Result<Vec<wit::Block>, types::Error>> {
        match self {
            Self::V0_1_0(instance) => {
                let analytics = instance.inkstone_plugin_analytics();
                Ok(analytics.call_run(store, report, input).await?.same())
            }
            Self::V0_2_0(instance) => {
                let analytics = instance.inkstone_plugin_analytics();
                analytics.call_run(store, report, input).await
            }
        }
    }
}
