//! Virtual keys.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use inkstone_domain::ids::UserId;
use inkstone_domain::key::VirtualKey;
use inkstone_services::KeyWish;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::allowance::{AllowanceBody, PeriodWord};

/// A key to be, or what a key shall be from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyBody {
    /// 1 to 100 characters.
    #[schema(example = "ci", min_length = 1, max_length = 100)]
    pub name: String,
    /// Whose bounds hold too, and who is told in the ledger.
    #[serde(default)]
    pub project: Option<String>,
    /// `provider/model` or an alias, a `*` at the end stands for any rest; none is any model.
    #[serde(default)]
    #[schema(example = json!(["openai/*", "fast"]))]
    pub models: Vec<String>,
    /// For admins, of a new key: whose it is; their own where it is left out. It never changes.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub owner: Option<UserId>,
    #[serde(default)]
    #[schema(example = "2099-01-01T00:00:00Z")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Yours to fill.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// Requests in a minute, as a token bucket. This and the following bound what may be used with the
    /// key, beside what its owner and project may use; what is left out is not bounded.
    #[serde(default)]
    #[schema(example = 60)]
    pub rpm_limit: Option<u32>,
    /// Tokens in a minute, input and output together, as a token bucket.
    #[serde(default)]
    #[schema(example = 100_000)]
    pub tpm_limit: Option<u64>,
    /// Calls at the same time.
    #[serde(default)]
    #[schema(example = 8)]
    pub max_parallel_requests: Option<u32>,
    /// US dollars in each period.
    #[serde(default, deserialize_with = "crate::wire::allowance::dollars")]
    #[schema(example = 20.0, minimum = 0)]
    pub budget: Option<f64>,
    /// Tokens in each period.
    #[serde(default)]
    pub token_budget: Option<u64>,
    /// Of the calendar in UTC; `month` where it is left out.
    #[serde(default)]
    pub budget_period: Option<PeriodWord>,
}

/// How to rotate.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotationBody {
    /// How long the old token holds beside the new one, in seconds, up to thirty days; a day where it is
    /// left out.
    #[serde(default)]
    #[schema(example = 3600, maximum = 2592000)]
    pub overlap_s: Option<u32>,
}

/// A key, without its token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyReply {
    #[schema(example = "key_01J9ZQ7Y3M5T8V2W4X6A8B0C2D")]
    pub id: String,
    pub name: String,
    /// `usr_…`
    pub owner: String,
    pub project: Option<String>,
    pub models: Vec<String>,
    #[serde(flatten)]
    pub limits: AllowanceBody,
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// The last characters of the token.
    #[schema(example = "x3Fg")]
    pub hint: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    /// Until when the token before the last rotation holds.
    pub previous_holds_until: Option<DateTime<Utc>>,
}

/// A key with its token, which is never shown again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewKeyReply {
    /// Send it as `Authorization: Bearer …`, or as `x-api-key`.
    #[schema(example = "sk-ink-…")]
    pub token: String,
    #[serde(flatten)]
    pub key: KeyReply,
}

impl KeyBody {
    pub(crate) fn into_domain(self) -> KeyWish {
        KeyWish {
            name: self.name,
            project: self.project,
            models: self.models,
            allowance: AllowanceBody {
                rpm_limit: self.rpm_limit,
                tpm_limit: self.tpm_limit,
                max_parallel_requests: self.max_parallel_requests,
                budget: self.budget,
                token_budget: self.token_budget,
                budget_period: self.budget_period,
            }
            .into_domain(),
            metadata: self.metadata,
            expires_at: self.expires_at,
        }
    }
}

impl From<Arc<VirtualKey>> for KeyReply {
    fn from(key: Arc<VirtualKey>) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            owner: key.owner.to_string(),
            project: key.project.clone(),
            models: key.models.clone(),
            limits: key.allowance.into(),
            metadata: key.metadata.clone(),
            hint: key.hint.clone(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            previous_holds_until: key.previous.map(|previous| previous.holds_until),
        }
    }
}
