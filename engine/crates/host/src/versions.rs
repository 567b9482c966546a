//! The versions of the contract that plugins may be built for, all served at once. The host's own
//! code speaks the latest; a module per older version converts its words and hands on, and checks
//! nothing itself: powers, limits and errors have one place each, behind the latest.

mod analytics;
mod generator;
mod provider;
mod research;
mod subscriber;
mod v0_1_0;

#[cfg(test)]
mod tests;

use inkstone_domain::plugin::PluginKind;
use wasmtime::component::{HasSelf, InstancePre, Linker};

use crate::state::CallState;

pub(crate) use analytics::AnalyticsWorld;
pub(crate) use generator::{GeneratorInstance, GeneratorWorld};
pub(crate) use provider::{ProviderInstance, ProviderWorld};
pub(crate) use research::ResearchWorld;
pub(crate) use subscriber::SubscriberWorld;

/// A version of the contract, as the SDK stamps it into a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApiVersion {
    V0_1_0,
    V0_2_0,
}

impl ApiVersion {
    /// From old to new.
    pub const ALL: &[Self] = &[Self::V0_1_0, Self::V0_2_0];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_1_0 => "0.1.0",
            Self::V0_2_0 => "0.2.0",
        }
    }

    /// The error says what a plugin with this stamp needs.
    pub fn parse(stamp: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|version| version.as_str() == stamp);
        found.copied().ok_or_else(|| {
            let spoken: Vec<&str> = Self::ALL.iter().map(|version| version.as_str()).collect();
            format!(
                "it was built for version {stamp} of the plugin contract, and this engine speaks {}; take an engine that speaks {stamp}, or build the plugin again with an SDK for one of these",
                spoken.join(" and ")
            )
        })
    }

    /// The full name of an interface of this version.
    pub fn interface(self, name: &str) -> String {
        format!("inkstone:plugin/{name}@{}", self.as_str())
    }

    /// Gives a linker the imports of this kind's world in this version, and no more.
    pub fn add_imports(
        self,
        kind: PluginKind,
        linker: &mut Linker<CallState>,
    ) -> wasmtime::Result<()> {
        use inkstone_bindings::latest;
        type Own = HasSelf<CallState>;
        match (self, kind) {
            (Self::V0_1_0, kind) => v0_1_0::add_imports(kind, linker),
            (Self::V0_2_0, PluginKind::Provider) => {
                latest::provider::ProviderPlugin::add_to_linker::<_, Own>(linker, |state| state)
            }
            (Self::V0_2_0, PluginKind::Generator) => {
                latest::generator::GeneratorPlugin::add_to_linker::<_, Own>(linker, |state| state)
            }
            (Self::V0_2_0, PluginKind::Research) => {
                latest::research::ResearchPlugin::add_to_linker::<_, Own>(linker, |state| state)
            }
            (Self::V0_2_0, PluginKind::Analytics) => {
                latest::analytics::AnalyticsPlugin::add_to_linker::<_, Own>(linker, |state| state)
            }
            (Self::V0_2_0, PluginKind::Subscriber) => {
                latest::subscriber::SubscriberPlugin::add_to_linker::<_, Own>(linker, |state| state)
            }
        }
    }
}

/// A component whose imports are resolved, and the version it speaks.
pub(crate) struct Linked {
    pub api: ApiVersion,
    pub component: InstancePre<CallState>,
}
