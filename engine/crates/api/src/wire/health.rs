//! Whether the engine lives and can serve.

use inkstone_services::health::{CheckReport, Readiness};
use serde::Serialize;
use utoipa::ToSchema;

/// The process answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AliveReply {
    /// Always `alive`.
    pub status: &'static str,
    /// The engine's version.
    pub version: String,
}

/// Whether everything the engine needs can be used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadyReply {
    /// `ready` or `not_ready`.
    pub status: &'static str,
    pub checks: Vec<CheckReply>,
}

/// One dependency.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckReply {
    #[schema(example = "store")]
    pub name: String,
    pub ready: bool,
    /// What is wrong, where it is not ready.
    pub detail: Option<String>,
    pub duration_ms: u64,
}

impl From<Readiness> for ReadyReply {
    fn from(readiness: Readiness) -> Self {
        Self {
            status: if readiness.ready {
                "ready"
            } else {
                "not_ready"
            },
            checks: readiness.checks.into_iter().map(CheckReply::from).collect(),
        }
    }
}

impl From<CheckReport> for CheckReply {
    fn from(report: CheckReport) -> Self {
        Self {
            name: report.name,
            ready: report.ready,
            detail: report.detail,
            duration_ms: report.duration_ms,
        }
    }
}
