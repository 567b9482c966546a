//! Invitations, made by admins and sent by mail.

use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::InvitationId;
use inkstone_domain::people::Invitation;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::{Error, Result, codes};

use super::{Signup, SignupMode, fault, new_mail_token};
use crate::auth::{check_fields, email_fault, normalize};
use crate::keys::check_admin;

/// Whom an admin invites, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationWish {
    pub email: String,
    pub role: Role,
}

impl Signup {
    /// Sends a mail with a token to sign up with. It replaces an older one to the same address. `conflict`
    /// where sign-up is off, `already_exists` where the address has an account.
    pub async fn invite(&self, principal: &Principal, wish: InvitationWish) -> Result<Invitation> {
        self.auth.check_still_admin(principal).await?;
        if self.config.mode == SignupMode::Off {
            return Err(Error::new(
                &codes::CONFLICT,
                "nobody can sign up here; set `[accounts] signup` to \"invitation\"",
            ));
        }
        let email = normalize(&wish.email);
        check_fields(email_fault(&email))?;
        let account = self.users.account_by_email(&email).await?;
        if account.is_some_and(|account| !account.user.is_pending()) {
            return Err(Error::new(
                &codes::ALREADY_EXISTS,
                "a user with this e-mail exists already",
            )
            .with_fields(vec![fault("/email", "has an account already")]));
        }
        let now = self.clock.now();
        let (token, token_hash) = new_mail_token();
        let invitation = Invitation {
            id: InvitationId::new(),
            email,
            role: wish.role,
            token_hash,
            invited_by: principal.user,
            created_at: now,
            expires_at: now + self.config.invitation_ttl,
        };
        let audit = self.told(principal, actions::INVITATION_CREATED, invitation.id);
        let detail = format!("{} as {}", invitation.email, invitation.role.as_str());
        let audit = audit.with_detail(detail);
        self.people.put_invitation(&invitation, &audit).await?;
        self.mail(self.config.links.invitation(&invitation.email, &token))?;
        Ok(invitation)
    }

    /// Newest first, expired ones too. For admins.
    pub async fn invitations(
        &self,
        principal: &Principal,
        page: PageRequest,
    ) -> Result<Page<Invitation>> {
        check_admin(principal)?;
        self.people.invitations(page).await
    }

    /// Takes an invitation back; `not_found` where it was used or there is none. For admins.
    pub async fn withdraw(&self, principal: &Principal, id: InvitationId) -> Result<()> {
        check_admin(principal)?;
        let audit = self.told(principal, actions::INVITATION_WITHDRAWN, id);
        self.people.remove_invitation(id, &audit).await
    }

    fn told(&self, principal: &Principal, action: &str, id: InvitationId) -> AuditRecord {
        let subject = format!("invitation:{id}");
        AuditRecord::by(principal, self.clock.now(), action, subject)
    }
}
