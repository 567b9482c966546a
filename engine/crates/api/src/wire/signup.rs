//! Sign-up, invitations, and what goes with tokens that come by mail.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::{InvitationId, UserId};
use inkstone_domain::people::Invitation;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::account::RoleWord;

/// An account to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignupBody {
    #[schema(example = "ada@example.org")]
    pub email: String,
    #[serde(default)]
    pub name: String,
    #[schema(format = Password)]
    pub password: String,
    /// The token of an invitation to this very address.
    #[serde(default)]
    pub invitation: Option<String>,
}

/// A token that came by mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenBody {
    pub token: String,
}

/// Whose password is forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForgotBody {
    #[schema(example = "ada@example.org")]
    pub email: String,
}

/// A new password, and the token that came by mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetBody {
    pub token: String,
    #[schema(format = Password)]
    pub new_password: String,
}

/// Whom to invite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationBody {
    #[schema(example = "ada@example.org")]
    pub email: String,
    /// What they will be.
    pub role: RoleWord,
}

/// An invitation, without its token: that is in the mail and nowhere else.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationReply {
    #[schema(value_type = String, example = "inv_01J9ZQ7Y3M5T8V2W4X6A8B0C2D")]
    pub id: InvitationId,
    pub email: String,
    pub role: RoleWord,
    #[schema(value_type = String)]
    pub invited_by: UserId,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

impl From<Invitation> for InvitationReply {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id,
            email: invitation.email,
            role: invitation.role.into(),
            invited_by: invitation.invited_by,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}
