//! What people do with accounts: change their own, look at their sessions, and, as admins, everybody's.
//! Signing in is in `auth`; how people come to have an account is in `signup`.

use std::sync::Arc;

use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{Clock, UserStore};
use inkstone_domain::principal::{Account, Principal, Role, Session, User};
use inkstone_domain::{Error, FieldError, Result, codes};
use serde_json::json;
use tokio::sync::Mutex;

use crate::api_keys::ApiKeys;
use crate::auth::{
    Auth, PasswordWish, check_fields, email_fault, is_importable, name_fault, normalize,
    subject_of, subject_of_session,
};
use crate::keys::{Keys, check_admin};

/// A user that an admin makes.
#[derive(Clone)]
pub struct UserWish {
    pub email: String,
    pub name: String,
    pub role: Role,
    pub proof: Proof,
}

/// How a new user will prove who they are.
#[derive(Clone)]
pub enum Proof {
    Password(String),
    /// A hash of another system: Argon2id as a PHC string, or bcrypt.
    Imported(String),
}

/// What shall change; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    pub name: Option<String>,
    pub role: Option<Role>,
    pub disabled: Option<bool>,
}

/// A sign-in that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    pub session: Session,
    /// Whether the request came from it.
    pub is_current: bool,
}

/// Changes accounts.
pub struct Accounts {
    auth: Arc<Auth>,
    users: Arc<dyn UserStore>,
    keys: Arc<Keys>,
    api_keys: Arc<ApiKeys>,
    clock: Arc<dyn Clock>,
    /// One change of a role at a time, so that no two admins take each other's away at once.
    changing: Mutex<()>,
}

impl Accounts {
    pub fn new(
        auth: Arc<Auth>,
        users: Arc<dyn UserStore>,
        keys: Arc<Keys>,
        api_keys: Arc<ApiKeys>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            auth,
            users,
            keys,
            api_keys,
            clock,
            changing: Mutex::default(),
        }
    }

    /// Newest first. For admins.
    pub async fn list_users(&self, principal: &Principal, page: PageRequest) -> Result<Page<User>> {
        check_admin(principal)?;
        self.users.list_users(page).await
    }

    /// For admins.
    pub async fn show_user(&self, principal: &Principal, id: UserId) -> Result<User> {
        check_admin(principal)?;
        self.existing(id).await
    }

    /// Makes a user whose address the admin vouches for. `already_exists` where it is taken.
    pub async fn create_user(&self, principal: &Principal, wish: UserWish) -> Result<User> {
        self.auth.check_still_admin(principal).await?;
        let email = normalize(&wish.email);
        let proof_fault = match &wish.proof {
            Proof::Password(password) => self.auth.policy().fault("/password", &email, password),
            Proof::Imported(hash) if is_importable(hash) => None,
            Proof::Imported(_) => Some(FieldError {
                pointer: "/password_hash".to_owned(),
                detail: "must be a PHC string of Argon2id, or a hash of bcrypt (`$2a$`, `$2b$`, `$2y$`), of a bearable cost".to_owned(),
            }),
        };
        let faults = [email_fault(&email), name_fault(&wish.name), proof_fault];
        check_fields(faults.into_iter().flatten())?;
        let password_hash = match wish.proof {
            Proof::Password(password) => self.auth.passwords().hash(password).await?,
            Proof::Imported(hash) => hash,
        };
        let user = User::new(email, wish.name, wish.role, self.clock.now());
        let account = Account {
            user: user.clone(),
            password_hash,
        };
        let now = self.clock.now();
        let audit = AuditRecord::by(principal, now, actions::USER_CREATED, subject_of(user.id))
            .with_detail(format!("{} by an admin", user.role.as_str()))
            .with_states(None, Some(&json!(user)));
        self.users.create_user(account, &audit).await?;
        Ok(user)
    }

    /// For admins, who cannot take their own role or access away. Disabling and a lower role end all
    /// sessions; no key of a disabled user holds any more. `revision` is the one that is changed, whichever there is for `None`.
    pub async fn change_user(
        &self,
        principal: &Principal,
        id: UserId,
        revision: Option<u64>,
        change: UserChange,
    ) -> Result<User> {
        check_admin(principal)?;
        let _changing = self.changing.lock().await;
        // The token may be older than what another admin did.
        self.auth.check_still_admin(principal).await?;
        let is_own = id == principal.user;
        let takes_away =
            change.role.is_some_and(|role| role != Role::Admin) || change.disabled == Some(true);
        if is_own && takes_away {
            return Err(Error::new(
                &codes::CONFLICT,
                "nobody takes the role of an admin away from themselves; another admin can",
            ));
        }
        let before = self.existing(id).await?;
        let told = |changed: &User| self.told(principal, &before, changed);
        let concerns_keys = change.role.is_some() || change.disabled.is_some();
        let owing = self.auth.owed().begin();
        let changed = self.apply(&before, revision, change, told).await?;
        // Even where nothing has changed: the time before, this may be as far as it came.
        if concerns_keys {
            self.keys.owner_changed().await?;
            self.api_keys.reload().await?;
        }
        owing.paid();
        Ok(changed)
    }

    /// The caller's own name.
    pub async fn change_me(
        &self,
        principal: &Principal,
        revision: Option<u64>,
        name: Option<String>,
    ) -> Result<User> {
        let me = self.auth.me(principal).await?;
        let change = UserChange {
            name,
            ..UserChange::default()
        };
        self.apply(&me, revision, change, |_| Vec::new()).await
    }

    /// Needs the present password, and ends every other session.
    pub async fn change_password(
        &self,
        principal: &Principal,
        current: String,
        new: String,
    ) -> Result<()> {
        let account = self.auth.confirm_password(principal.user, current).await?;
        let user = account.user;
        let (now, subject) = (self.clock.now(), subject_of(user.id));
        let audit = AuditRecord::by(principal, now, actions::PASSWORD_CHANGED, subject);
        let wish = PasswordWish {
            pointer: "/new_password",
            password: new,
            instead_of: Some(&account.password_hash),
            but: principal.session,
        };
        self.auth.set_password(&user, wish, &audit).await
    }

    /// The caller's sign-ins that go on, newest first.
    pub async fn sessions(&self, principal: &Principal) -> Result<Vec<SignedIn>> {
        let now = self.clock.now();
        let sessions = self.users.sessions(principal.user, now).await?;
        let signed_in = sessions.into_iter().map(|session| SignedIn {
            is_current: principal.session == Some(session.family),
            session,
        });
        Ok(signed_in.collect())
    }

    /// Ends one of them; `not_found` for those of others.
    pub async fn end_session(&self, principal: &Principal, family: SessionId) -> Result<()> {
        let sessions = self.sessions(principal).await?;
        if sessions.iter().all(|own| own.session.family != family) {
            return Err(Error::new(
                &codes::NOT_FOUND,
                format!("there is no session `{family}`; `GET /v1/me/sessions` lists yours"),
            ));
        }
        let (now, subject) = (self.clock.now(), subject_of_session(family));
        let audit = AuditRecord::by(principal, now, actions::SESSION_ENDED, subject);
        self.auth.end_session(family, Some(&audit)).await
    }

    /// Ends all of them but the one that the request came from.
    pub async fn end_other_sessions(&self, principal: &Principal) -> Result<()> {
        let (now, subject) = (self.clock.now(), subject_of(principal.user));
        let audit = AuditRecord::by(principal, now, actions::SESSIONS_ENDED, subject)
            .with_detail("all but the one that asked");
        self.auth
            .end_sessions(principal.user, principal.session, Some(&audit))
            .await
    }

    /// What an admin did to an account, an entry for each act.
    fn told(&self, principal: &Principal, before: &User, after: &User) -> Vec<AuditRecord> {
        let mut acts = Vec::new();
        if before.name != after.name {
            acts.push((actions::USER_CHANGED, Some("name".to_owned())));
        }
        if before.role != after.role {
            let (from, to) = (before.role.as_str(), after.role.as_str());
            acts.push((actions::ROLE_CHANGED, Some(format!("{from} to {to}"))));
        }
        match (before.is_disabled(), after.is_disabled()) {
            (false, true) => acts.push((actions::USER_DISABLED, None)),
            (true, false) => acts.push((actions::USER_ENABLED, None)),
            _ => {}
        }
        let (now, owner) = (self.clock.now(), after.id);
        let (before, after) = (json!(before), json!(after));
        let records = acts.into_iter().map(|(action, detail)| AuditRecord {
            detail,
            ..AuditRecord::by(principal, now, action, subject_of(owner))
                .on_behalf_of(owner)
                .with_states(Some(&before), Some(&after))
        });
        records.collect()
    }

    async fn apply(
        &self,
        before: &User,
        revision: Option<u64>,
        change: UserChange,
        told: impl FnOnce(&User) -> Vec<AuditRecord>,
    ) -> Result<User> {
        check_fields(change.name.as_deref().and_then(name_fault))?;
        if revision.is_some_and(|revision| revision != before.revision) {
            return Err(Error::new(
                &codes::REVISION_MISMATCH,
                format!(
                    "the user is at revision {} by now; read it again and repeat the change",
                    before.revision
                ),
            ));
        }
        let mut changed = before.clone();
        if let Some(name) = change.name {
            changed.name = name;
        }
        if let Some(role) = change.role {
            changed.role = role;
        }
        match change.disabled {
            Some(true) if !before.is_disabled() => changed.disabled_at = Some(self.clock.now()),
            Some(false) => changed.disabled_at = None,
            _ => {}
        }
        if changed == *before {
            return Ok(changed);
        }
        changed.revision += 1;
        let audit = told(&changed);
        // Their access tokens say otherwise.
        let loses_rights = changed.is_disabled() || changed.role < before.role;
        let ending = loses_rights.then(|| self.auth.ending(None));
        let updated = self.users.update_user(&changed, ending, &audit);
        self.auth.sessions_ended(updated.await?);
        Ok(changed)
    }

    async fn existing(&self, id: UserId) -> Result<User> {
        let user = self.users.user(id).await?;
        user.ok_or_else(|| Error::new(&codes::NOT_FOUND, format!("there is no user `{id}`")))
    }
}
