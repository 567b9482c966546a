//! Plugins: what everybody signed in may know, and what admins see beside.

use inkstone_domain::capability::Permissions;
use inkstone_domain::plugin::PluginKind;
use inkstone_services::plugins::{PluginFault, PluginState, PluginStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::plugin_version::PluginVersionReply;

/// A configured plugin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginReply {
    #[schema(example = "generator-article")]
    pub id: String,
    pub name: Option<String>,
    pub description: Option<String>,
    pub version: Option<String>,
    /// `provider`, `generator`, `research`, `analytics` or `subscriber`.
    pub kind: Option<&'static str>,
    /// `serving`, `quarantined`, `disabled` or `failed`.
    pub state: &'static str,
    /// SHA-256 of the component, hex.
    pub digest: Option<String>,
    /// For admins only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<PluginDetailsReply>,
}

/// What admins see of a plugin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginDetailsReply {
    /// Whether the configuration wants it to serve.
    pub enabled: bool,
    /// What its manifest asks for.
    pub asked: Option<PermissionsReply>,
    /// What it really has: asked and granted.
    pub granted: Option<PermissionsReply>,
    /// Asked and not granted, in words.
    pub refused: Vec<String>,
    /// The account in whose name a subscriber asks models and searches, where the list names one.
    pub run_as: Option<String>,
    /// Why the last attempt to load it failed; the version before may still be serving.
    pub error: Option<PluginFaultReply>,
    /// The stable one first, then the canary, then one that waits for consent.
    pub versions: Vec<PluginVersionReply>,
}

/// Powers of a plugin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PermissionsReply {
    #[schema(example = json!(["https://api.openai.com:443"]))]
    pub outbound_hosts: Vec<String>,
    /// Names of credentials, never their values.
    pub credentials: Vec<String>,
    pub kv_quota_bytes: u64,
    pub ai: bool,
    pub tools: bool,
    pub search: bool,
    pub inference: bool,
    /// What a subscriber is told of.
    #[schema(example = json!(["article.* in handbook"]))]
    pub events: Vec<String>,
}

/// Why a plugin could not be loaded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginFaultReply {
    /// Stable, the same codes as in problem details.
    pub code: &'static str,
    pub message: String,
}

impl PluginReply {
    /// What everybody may know.
    pub(crate) fn for_everybody(status: PluginStatus) -> Self {
        Self {
            id: status.id,
            name: status.name,
            description: status.description,
            version: status.version,
            kind: status.kind.map(kind_word),
            state: state_word(status.state),
            digest: status.digest,
            details: None,
        }
    }

    /// With the details.
    pub(crate) fn for_admins(mut status: PluginStatus) -> Self {
        let details = PluginDetailsReply {
            enabled: status.enabled,
            asked: status.asked.take().map(PermissionsReply::from),
            granted: status.effective.take().map(PermissionsReply::from),
            refused: std::mem::take(&mut status.refused),
            run_as: status.run_as.take(),
            error: status.error.take().map(PluginFaultReply::from),
            versions: std::mem::take(&mut status.versions)
                .into_iter()
                .map(PluginVersionReply::from)
                .collect(),
        };
        Self {
            details: Some(details),
            ..Self::for_everybody(status)
        }
    }
}

impl From<Permissions> for PermissionsReply {
    fn from(permissions: Permissions) -> Self {
        Self {
            outbound_hosts: permissions
                .outbound_hosts
                .iter()
                .map(ToString::to_string)
                .collect(),
            credentials: permissions.credentials.into_iter().collect(),
            kv_quota_bytes: permissions.kv_quota_bytes,
            ai: permissions.ai,
            tools: permissions.tools,
            search: permissions.search,
            inference: permissions.inference,
            events: permissions.events.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<PluginFault> for PluginFaultReply {
    fn from(fault: PluginFault) -> Self {
        Self {
            code: fault.code,
            message: fault.message,
        }
    }
}

fn kind_word(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::Provider => "provider",
        PluginKind::Generator => "generator",
        PluginKind::Research => "research",
        PluginKind::Analytics => "analytics",
        PluginKind::Subscriber => "subscriber",
    }
}

fn state_word(state: PluginState) -> &'static str {
    match state {
        PluginState::Serving => "serving",
        PluginState::Quarantined => "quarantined",
        PluginState::Disabled => "disabled",
        PluginState::Failed => "failed",
    }
}

/// A connection that works.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionReply {
    /// Id of the plugin.
    pub plugin: String,
    /// In the plugin's own words.
    #[schema(example = "https://api.openai.com/v1 answers and takes the credential")]
    pub reached: String,
}
