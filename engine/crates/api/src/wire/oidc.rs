//! Issuers, identities, and what stands between a way back and its tokens.

use chrono::{DateTime, Utc};
use inkstone_services::oidc::{Arrival, IssuerConfig, LinkedIdentity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An issuer one can sign in at.
#[derive(Serialize, ToSchema)]
pub(crate) struct IssuerReply {
    /// Its short word, for `/v1/auth/oidc/{id}/start`.
    #[schema(example = "corp")]
    pub id: String,
    /// For people.
    pub name: String,
    pub issuer: String,
}

/// How a way back ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct ArrivalReply {
    /// For `POST /v1/auth/oidc/tokens`, once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Seconds until the ticket expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// Whether the identity was linked to who was signed in.
    pub linked: bool,
}

/// A ticket, and a code where one is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TicketBody {
    pub ticket: String,
    /// The code of the app, or a recovery code. Good once.
    #[serde(default)]
    #[schema(example = "492039")]
    pub totp: Option<String>,
}

/// What it takes to link an identity.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkIdentityBody {
    /// The account's own, where it has one.
    #[serde(default)]
    #[schema(format = Password)]
    pub password: Option<String>,
    /// Where the browser goes on afterwards: a path here, or an address that is allowed.
    #[serde(default)]
    pub return_to: Option<String>,
}

/// Where to send the browser.
#[derive(Serialize, ToSchema)]
pub(crate) struct DepartureReply {
    pub url: String,
}

/// Who the user is at an issuer.
#[derive(Serialize, ToSchema)]
pub(crate) struct IdentityReply {
    /// The issuer's short word; null where it is configured no more.
    pub id: Option<String>,
    pub issuer: String,
    /// The issuer's name for the user.
    pub subject: String,
    pub linked_at: DateTime<Utc>,
}

impl From<&IssuerConfig> for IssuerReply {
    fn from(issuer: &IssuerConfig) -> Self {
        Self {
            id: issuer.id.clone(),
            name: issuer.name.clone(),
            issuer: issuer.issuer.clone(),
        }
    }
}

impl From<Arrival> for ArrivalReply {
    fn from(arrival: Arrival) -> Self {
        match arrival {
            Arrival::SignedIn { ticket, ttl_s } => Self {
                ticket: Some(ticket),
                expires_in: Some(ttl_s),
                linked: false,
            },
            Arrival::Linked => Self {
                ticket: None,
                expires_in: None,
                linked: true,
            },
        }
    }
}

impl From<LinkedIdentity> for IdentityReply {
    fn from(linked: LinkedIdentity) -> Self {
        Self {
            id: linked.issuer_id,
            issuer: linked.identity.issuer,
            subject: linked.identity.subject,
            linked_at: linked.identity.linked_at,
        }
    }
}
