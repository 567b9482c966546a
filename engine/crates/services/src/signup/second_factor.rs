//! Back into an account whose second factor is lost: an admin takes it away, and its user hears of it.

use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::ids::UserId;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use super::Signup;
use crate::auth::subject_of;

impl Signup {
    /// Turns somebody's second factor off. `not_found` where they have none, `conflict` for the admin's own:
    /// a stolen token must not do what needs their password. For admins.
    pub async fn take_second_factor(&self, principal: &Principal, user: UserId) -> Result<()> {
        self.auth.check_still_admin(principal).await?;
        if principal.user == user {
            return Err(Error::new(
                &codes::CONFLICT,
                "it is your own; turn it off with your password, `POST /v1/me/totp/disable`",
            ));
        }
        let account = self.users.user(user).await?;
        let factor = self.people.second_factor(user).await?;
        let is_on = factor.is_some_and(|factor| factor.confirmed_at.is_some());
        let Some(account) = account.filter(|_| is_on) else {
            return Err(Error::new(
                &codes::NOT_FOUND,
                format!("there is no user `{user}` with a second factor"),
            ));
        };
        let (now, subject) = (self.clock.now(), subject_of(user));
        let audit = AuditRecord::by(principal, now, actions::SECOND_FACTOR_TAKEN_AWAY, subject)
            .on_behalf_of(user);
        self.people.remove_second_factor(user, Some(&audit)).await?;
        self.mail(self.config.links.second_factor_gone(&account.email))
    }
}
