//! Changes of the list of plugins: what admins send, and what a reload tells.

use inkstone_domain::plugin::RemoteSource;
use inkstone_domain::{Error, FieldError};
use inkstone_services::plugins::{InstallGrants, Installation, ReloadFailure, ReloadReport};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::invalid_fields;
use crate::wire::plugin::PluginReply;

/// Where a package lies: `url` and `digest`, or `oci`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InstallBody {
    /// Such as `https://example.org/research-x-1.2.0.inkplug`.
    url: Option<String>,
    /// SHA-256 of the package, hex.
    digest: Option<String>,
    /// `registry/repository:tag` or `registry/repository@sha256:…`.
    #[schema(example = "registry.example.org/plugins/research-x:1.2.0")]
    oci: Option<String>,
}

/// Whether a plugin is to serve.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnabledBody {
    pub enabled: bool,
}

/// What an installed plugin is granted.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GrantWord {
    /// Everything its manifest asks for.
    All,
    /// What it was granted before, which is nothing for a new one.
    None,
}

/// What a reload did; plugin ids throughout.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReloadReply {
    pub added: Vec<String>,
    pub updated: Vec<String>,
    pub removed: Vec<String>,
    pub unchanged: Vec<String>,
    pub failed: Vec<ReloadFailureReply>,
}

/// A plugin that could not be made ready.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReloadFailureReply {
    pub id: String,
    /// Stable, the same codes as in problem details.
    pub code: &'static str,
    pub message: String,
    /// Whether the version before it goes on serving.
    pub still_serving: bool,
}

/// An installed plugin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InstallReply {
    pub plugin: PluginReply,
    /// The version that was installed; a version before may still serve, as `report` tells.
    #[schema(example = "1.2.0")]
    pub version: String,
    /// Asked by its manifest and not granted, in words: what an admin would have to consent to.
    pub consent: Vec<String>,
    pub report: ReloadReply,
}

impl TryFrom<InstallBody> for RemoteSource {
    type Error = Error;

    fn try_from(body: InstallBody) -> Result<Self, Error> {
        match (body.url, body.digest, body.oci) {
            (Some(url), Some(digest), None) => Self::at_url(&url, &digest),
            (None, None, Some(reference)) => Self::in_registry(&reference),
            (Some(_), None, None) => Err(invalid_fields(
                "the body is not what this route takes",
                vec![FieldError {
                    pointer: "/digest".to_owned(),
                    detail: "is missing: the SHA-256 of the package, hex".to_owned(),
                }],
            )),
            _ => Err(invalid_fields(
                "the body is not what this route takes",
                vec![FieldError {
                    pointer: String::new(),
                    detail: "send `url` and `digest`, or `oci`, or the package itself as application/octet-stream".to_owned(),
                }],
            )),
        }
    }
}

impl From<GrantWord> for InstallGrants {
    fn from(word: GrantWord) -> Self {
        match word {
            GrantWord::All => Self::Asked,
            GrantWord::None => Self::Present,
        }
    }
}

impl From<ReloadReport> for ReloadReply {
    fn from(report: ReloadReport) -> Self {
        Self {
            added: report.added,
            updated: report.updated,
            removed: report.removed,
            unchanged: report.unchanged,
            failed: report.failed.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<ReloadFailure> for ReloadFailureReply {
    fn from(failure: ReloadFailure) -> Self {
        Self {
            code: failure.error.code().name,
            message: failure.error.message().to_owned(),
            id: failure.id,
            still_serving: failure.still_serving,
        }
    }
}

impl From<Installation> for InstallReply {
    fn from(installation: Installation) -> Self {
        Self {
            plugin: PluginReply::for_admins(installation.plugin),
            version: installation.package.manifest.version,
            consent: installation.consent,
            report: installation.report.into(),
        }
    }
}
