//! Whose an identity is: it is linked already, or its verified address is somebody's, or it is a stranger's.

use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::ids::UserId;
use inkstone_domain::people::Identity;
use inkstone_domain::principal::{Account, Principal, User};
use inkstone_domain::{Error, Result, codes};

use super::issuer::Person;
use super::{IssuerConfig, LinkRule, Oidc, Strangers, refused, unknown_person};
use crate::auth::{Visit, check_may_sign_in, email_fault, subject_of};

const MOST_NAME_CHARS: usize = 100;

impl Oidc {
    /// Whose account it is, made or linked now where the issuer's rules say so.
    pub(super) async fn account_of(
        &self,
        issuer: &IssuerConfig,
        person: Person,
        visit: &Visit,
    ) -> Result<User> {
        let known = self
            .identities
            .identity(&issuer.issuer, &person.subject)
            .await?;
        if let Some(identity) = known {
            let user = self.users.user(identity.user).await?;
            return user.ok_or_else(|| unknown_person(None, &issuer.id));
        }
        // An address that nobody verified is anybody's.
        let Some(email) = person.verified_email() else {
            return Err(unknown_person(None, &issuer.id));
        };
        let account = self.users.account_by_email(email).await?;
        // Neither has one whom nobody has verified: it gives way to who shows that the address is theirs.
        let account = account.filter(|account| !account.user.is_pending());
        match (account, issuer.link, issuer.strangers) {
            // Whoever made an account for an address that is not theirs would share it with its owner.
            (Some(account), LinkRule::VerifiedEmail, _) if account.user.email_verified => {
                check_may_sign_in(&account.user)?;
                self.link(issuer, account.user.id, &person, visit).await?;
                Ok(account.user)
            }
            (Some(account), _, _) => Err(unknown_person(Some(account.user), &issuer.id)),
            (None, _, Strangers::SignUp(role)) => {
                let user = User::new(email.to_owned(), name_of(&person), role, self.clock.now());
                self.sign_up(issuer, user, &person, visit).await
            }
            (None, _, Strangers::Refuse) => Err(unknown_person(None, &issuer.id)),
        }
    }

    async fn sign_up(
        &self,
        issuer: &IssuerConfig,
        user: User,
        person: &Person,
        visit: &Visit,
    ) -> Result<User> {
        if email_fault(&user.email).is_some() {
            return Err(refused("the issuer gave an e-mail address that is none"));
        }
        let (now, subject) = (user.created_at, subject_of(user.id));
        let audit = visit
            .record(Some(user.id), now, actions::USER_CREATED, subject)
            .with_detail(format!(
                "{} by the issuer {}",
                user.role.as_str(),
                issuer.id
            ));
        let account = Account {
            user: user.clone(),
            password_hash: String::new(),
        };
        let identity = identity_of(issuer, user.id, person, now);
        self.identities
            .create_linked_user(account, &identity, &audit)
            .await?;
        Ok(user)
    }

    /// `conflict` where it is somebody else's; nothing happens where it is theirs already.
    pub(super) async fn link(
        &self,
        issuer: &IssuerConfig,
        user: UserId,
        person: &Person,
        visit: &Visit,
    ) -> Result<()> {
        let account = self.users.user(user).await?;
        let account = account.ok_or_else(|| refused("the account is gone"))?;
        check_may_sign_in(&account)?;
        let known = self.identities.identity(&issuer.issuer, &person.subject);
        match known.await? {
            Some(identity) if identity.user == user => return Ok(()),
            Some(_) => return Err(taken()),
            None => {}
        }
        let now = self.clock.now();
        let audit = visit
            .record(Some(user), now, actions::IDENTITY_LINKED, subject_of(user))
            .with_detail(issuer.id.clone());
        let identity = identity_of(issuer, user, person, now);
        match self.identities.link_identity(&identity, &audit).await {
            Err(error) if error.code() == &codes::ALREADY_EXISTS => Err(taken()),
            linked => linked,
        }
    }

    /// Takes an identity away. `conflict` where it is the last way in.
    pub async fn unlink(&self, principal: &Principal, issuer: &str) -> Result<()> {
        let _unlinking = self.unlinking.lock().await;
        let linked = self.identities(principal).await?;
        let (own, others): (Vec<_>, Vec<_>) = linked
            .into_iter()
            .filter(|linked| linked.issuer_id.is_some())
            .partition(|linked| linked.issuer_id.as_deref() == Some(issuer));
        let Some(own) = own.first() else {
            return Err(Error::new(
                &codes::NOT_FOUND,
                "nothing of yours is linked at this issuer; `GET /v1/me/identities` lists what is",
            ));
        };
        let account = self.users.account(principal.user).await?;
        let has_password = account.is_some_and(|account| !account.password_hash.is_empty());
        if others.is_empty() && !(has_password && self.auth.takes_passwords()) {
            return Err(Error::new(
                &codes::CONFLICT,
                "it is the last way into this account; link another issuer or set a password first",
            ));
        }
        let (now, subject) = (self.clock.now(), subject_of(principal.user));
        let audit = AuditRecord::by(principal, now, actions::IDENTITY_UNLINKED, subject)
            .with_detail(issuer);
        self.identities
            .unlink_identity(principal.user, &own.identity.issuer, &audit)
            .await
    }
}

fn identity_of(
    issuer: &IssuerConfig,
    user: UserId,
    person: &Person,
    now: chrono::DateTime<chrono::Utc>,
) -> Identity {
    Identity {
        issuer: issuer.issuer.clone(),
        subject: person.subject.clone(),
        user,
        linked_at: now,
    }
}

/// On one line, and not longer than names are.
fn name_of(person: &Person) -> String {
    let name = person.name.as_deref().unwrap_or_default();
    let name = name.chars().filter(|c| !c.is_control());
    name.take(MOST_NAME_CHARS).collect()
}

fn taken() -> Error {
    Error::new(
        &codes::CONFLICT,
        "this identity is linked to another account",
    )
}
