//! Virtual keys: made, shown once, rotated with overlap, revoked; and whom a token stands for. All keys
//! are in memory, since every call asks; the store is the truth.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use inkstone_domain::allowance::Allowance;
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::ids::{KeyId, UserId};
use inkstone_domain::key::{EndedKey, PreviousToken, VirtualKey};
use inkstone_domain::ports::{Clock, EngineBus, KeyStore, News, UserStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::{Error, FieldError, Result, codes};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use crate::access::Access;
use crate::auth::{random_token, token_hash, token_hint};
use crate::owners::Owners;
use crate::policy::{self, Act, Standing, check_open};
use crate::projects::{CHANGE_ATTEMPTS, check_revision, contended};

/// What every token of a key begins with.
const PREFIX: &str = "sk-ink-";

/// What is wanted of a key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyWish {
    pub name: String,
    pub project: Option<String>,
    pub models: Vec<String>,
    pub allowance: Allowance,
    pub metadata: Map<String, Value>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// Knows the keys.
pub struct Keys {
    store: Arc<dyn KeyStore>,
    users: Arc<dyn UserStore>,
    access: Arc<Access>,
    bus: Arc<dyn EngineBus>,
    clock: Arc<dyn Clock>,
    known: ArcSwap<Known>,
    /// One change at a time: each reads all keys anew.
    changing: Mutex<()>,
}

#[derive(Default)]
struct Known {
    by_id: HashMap<KeyId, Arc<VirtualKey>>,
    by_hash: HashMap<[u8; 32], Holder>,
}

/// Whom a token stands for.
struct Holder {
    key: Arc<VirtualKey>,
    /// Of the owner.
    role: Role,
    /// Of a token that was replaced.
    until: Option<DateTime<Utc>>,
}

impl Keys {
    pub fn new(
        store: Arc<dyn KeyStore>,
        users: Arc<dyn UserStore>,
        access: Arc<Access>,
        bus: Arc<dyn EngineBus>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            users,
            access,
            bus,
            clock,
            known: ArcSwap::default(),
            changing: Mutex::default(),
        }
    }

    /// Whether this is a token of a key, good or not.
    pub fn is_token(token: &str) -> bool {
        token.starts_with(PREFIX)
    }

    /// Reads all keys from the store.
    pub async fn load(&self) -> Result<()> {
        let mut known = Known::default();
        let mut owners = Owners::new(self.users.as_ref());
        for key in self.store.keys().await? {
            let role = owners.role_of(key.owner).await?;
            let key = Arc::new(key);
            known.by_id.insert(key.id, Arc::clone(&key));
            let (Some(role), None) = (role, key.revoked_at) else {
                continue;
            };
            let holder = |until| Holder {
                key: Arc::clone(&key),
                role: role.min(Role::Creator),
                until,
            };
            known.by_hash.insert(key.token_hash, holder(None));
            if let Some(previous) = key.previous {
                let until = Some(previous.holds_until);
                known.by_hash.insert(previous.hash, holder(until));
            }
        }
        self.known.store(Arc::new(known));
        Ok(())
    }

    /// Reads them again, after what other engines may have changed.
    pub(crate) async fn reload(&self) -> Result<()> {
        let _changing = self.changing.lock().await;
        self.load().await
    }

    /// What an owner of keys is has changed through this engine.
    pub(crate) async fn owner_changed(&self) -> Result<()> {
        self.bus.tell(News::Keys);
        self.reload().await
    }

    /// After a change of the store through this engine.
    async fn changed(&self) -> Result<()> {
        self.bus.tell(News::Keys);
        self.load().await
    }

    /// Whom a token stands for; `invalid_token`, `token_expired`.
    pub fn authenticate(&self, token: &str) -> Result<Principal> {
        let known = self.known.load();
        let Some(holder) = known.by_hash.get(&token_hash(token)) else {
            return Err(Error::new(
                &codes::INVALID_TOKEN,
                "there is no such key, or it was revoked; `POST /v1/keys` makes one",
            ));
        };
        let now = self.clock.now();
        let end = holder.until.into_iter().chain(holder.key.expires_at).min();
        if end.is_some_and(|end| end <= now) {
            let why = match holder.until {
                Some(_) => "the key was rotated; use its new token",
                None => "the key has expired; make a new one",
            };
            return Err(Error::new(&codes::TOKEN_EXPIRED, why));
        }
        Ok(Principal {
            key: Some(Arc::clone(&holder.key)),
            ..Principal::of(holder.key.owner, holder.role)
        })
    }

    /// Makes a key of `owner`, which is the principal unless an admin says otherwise. The token is told
    /// here and never again. Needs the role creator.
    pub async fn create(
        &self,
        principal: &Principal,
        owner: Option<UserId>,
        wish: KeyWish,
    ) -> Result<(Arc<VirtualKey>, String)> {
        let why = "your role may read only; keys need the role `creator`";
        check_open(principal, Act::MakeKey, why)?;
        let owner = owner.unwrap_or(principal.user);
        if owner != principal.user {
            check_open(principal, Act::MakeKeyForOthers, NEEDS_ADMIN)?;
            if self.users.user(owner).await?.is_none() {
                return Err(Error::new(
                    &codes::NOT_FOUND,
                    format!("there is no user `{owner}`"),
                ));
            }
        }
        let now = self.clock.now();
        check(&wish, now)?;
        self.check_project(principal, None, &wish).await?;
        let (token, hash) = random_token(PREFIX);
        let key = VirtualKey {
            id: KeyId::new(),
            name: wish.name,
            owner,
            project: wish.project,
            models: wish.models,
            allowance: wish.allowance,
            metadata: wish.metadata,
            token_hash: hash,
            hint: token_hint(&token),
            previous: None,
            revision: 1,
            created_at: now,
            expires_at: wish.expires_at,
            revoked_at: None,
        };
        let changing = self.changing.lock().await;
        let audit = audit_of(principal, now, actions::KEY_CREATED, None, &key);
        self.store.create_key(&key, &audit).await?;
        self.changed().await?;
        drop(changing);
        self.check_project_still(principal, None, &key).await?;
        Ok((Arc::new(key), token))
    }

    /// Own keys and those of the projects that one owns, of everybody for admins; newest first, without
    /// revoked ones.
    pub async fn list(&self, principal: &Principal) -> Result<Vec<Arc<VirtualKey>>> {
        let known = self.known.load_full();
        let live = known.by_id.values().filter(|key| key.revoked_at.is_none());
        let mut keys = Vec::new();
        for key in live {
            let standing = self.standing(principal, key).await?;
            if policy::decide(standing, Act::SeeKey).is_allowed() {
                keys.push(Arc::clone(key));
            }
        }
        keys.sort_by_key(|key| std::cmp::Reverse(key.id));
        Ok(keys)
    }

    /// One of them.
    pub async fn show(&self, principal: &Principal, id: KeyId) -> Result<Arc<VirtualKey>> {
        let known = self.known.load().by_id.get(&id).cloned();
        let key = known.filter(|key| key.revoked_at.is_none());
        let key = key.ok_or_else(|| not_found(id))?;
        self.check(principal, &key, Act::SeeKey).await?;
        Ok(key)
    }

    /// Replaces what is wanted of a key; its token stays. With `expected` the stored revision must be that
    /// one, else `revision_mismatch`.
    pub async fn change(
        &self,
        principal: &Principal,
        id: KeyId,
        wish: KeyWish,
        expected: Option<u64>,
    ) -> Result<Arc<VirtualKey>> {
        check(&wish, self.clock.now())?;
        self.show(principal, id).await?;
        let stored = self.store.key(id).await?;
        let present = stored.and_then(|key| key.project);
        self.check_project(principal, present.as_ref(), &wish)
            .await?;
        let how = (Act::ChangeKey, actions::KEY_CHANGED);
        let changed = self.update(principal, id, how, expected, |key| {
            key.name.clone_from(&wish.name);
            key.project.clone_from(&wish.project);
            key.models.clone_from(&wish.models);
            key.allowance = wish.allowance;
            key.metadata.clone_from(&wish.metadata);
            key.expires_at = wish.expires_at;
        });
        let (before, key) = changed.await?;
        self.check_project_still(principal, before.project.as_ref(), &key)
            .await?;
        Ok(key)
    }

    /// Gives a key a new token. The old one holds for `overlap` more, so that users can change over.
    pub async fn rotate(
        &self,
        principal: &Principal,
        id: KeyId,
        overlap: Duration,
    ) -> Result<(Arc<VirtualKey>, String)> {
        let (token, hash) = random_token(PREFIX);
        let holds_until = self.clock.now() + overlap;
        let how = (Act::ChangeKey, actions::KEY_ROTATED);
        let rotated = self.update(principal, id, how, None, |key| {
            key.previous = Some(PreviousToken {
                hash: key.token_hash,
                holds_until,
            });
            key.token_hash = hash;
            key.hint = token_hint(&token);
        });
        let (_, key) = rotated.await?;
        Ok((key, token))
    }

    /// Ends a key at once, one's own or one of a project that one owns. Its usage stays in the ledger.
    pub async fn revoke(&self, principal: &Principal, id: KeyId) -> Result<()> {
        let now = self.clock.now();
        let how = (Act::RevokeKey, actions::KEY_REVOKED);
        self.update(principal, id, how, None, |key| key.revoked_at = Some(now))
            .await?;
        Ok(())
    }

    /// The keys that end with what `holder` was in a project, for the transaction of that change; call
    /// [`Self::owner_changed`] after it.
    pub(crate) async fn ended(
        &self,
        principal: &Principal,
        holder: UserId,
        project: &str,
    ) -> Result<Vec<EndedKey>> {
        let now = self.clock.now();
        let all = self.store.keys().await?.into_iter();
        let live = all.filter(|key| key.revoked_at.is_none() && key.owner == holder);
        let of_project = live.filter(|key| key.project.as_deref() == Some(project));
        let ended = of_project.map(|before| {
            let key = VirtualKey {
                revoked_at: Some(now),
                revision: before.revision + 1,
                ..before.clone()
            };
            let audit = audit_of(principal, now, actions::KEY_REVOKED, Some(&before), &key)
                .with_detail(format!("its owner is no owner of `{project}` any more"));
            EndedKey { key, audit }
        });
        Ok(ended.collect())
    }

    /// Changes a key as it is stored, not as it is known here: another engine may have changed it, and what
    /// it revoked stays so. Returns what it was, too.
    async fn update(
        &self,
        principal: &Principal,
        id: KeyId,
        (act, action): (Act, &str),
        expected: Option<u64>,
        change: impl Fn(&mut VirtualKey),
    ) -> Result<(VirtualKey, Arc<VirtualKey>)> {
        let _changing = self.changing.lock().await;
        for _ in 0..CHANGE_ATTEMPTS {
            let stored = self.store.key(id).await?;
            let before = stored.filter(|key| key.revoked_at.is_none());
            let Some(before) = before else {
                // It is gone, whatever is known here.
                self.load().await?;
                return Err(not_found(id));
            };
            self.check(principal, &before, act).await?;
            if let Err(stale) = check_revision(&format!("key `{id}`"), before.revision, expected) {
                // Who reads it again finds what others made of it.
                self.load().await?;
                return Err(stale);
            }
            let mut key = before.clone();
            change(&mut key);
            key.revision += 1;
            let audit = audit_of(principal, self.clock.now(), action, Some(&before), &key);
            match self.store.update_key(&key, &audit).await {
                Ok(()) => {
                    self.changed().await?;
                    return Ok((before, Arc::new(key)));
                }
                Err(error) if error.code() == &codes::REVISION_MISMATCH => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended("key", &id.to_string()))
    }

    /// What somebody is to a key.
    async fn standing(&self, principal: &Principal, key: &VirtualKey) -> Result<Standing> {
        let owns = key.owner == principal.user;
        match &key.project {
            // Nothing depends on the project.
            Some(project) if !owns && !principal.is_admin() => {
                self.access.standing(principal, project, owns).await
            }
            _ => Ok(Standing::of(principal, owns)),
        }
    }

    /// `not_found` for who may not know of it.
    async fn check(&self, principal: &Principal, key: &VirtualKey, act: Act) -> Result<()> {
        let standing = self.standing(principal, key).await?;
        let why = "owners of its project may revoke a key; only its own owner changes it";
        policy::check(standing, act, why, || not_found(key.id)).map(drop)
    }

    /// Once more, after a key came into a project: whoever was taken out of it in the meantime had no key there
    /// that could have been revoked.
    async fn check_project_still(
        &self,
        principal: &Principal,
        present: Option<&String>,
        key: &VirtualKey,
    ) -> Result<()> {
        let Some(wanted) = key.project.as_ref().filter(|name| present != Some(name)) else {
            return Ok(());
        };
        self.access.forget_here(principal.user, wanted);
        let still = self.check_put(principal, wanted).await;
        if still.is_err() {
            let how = (Act::RevokeKey, actions::KEY_REVOKED);
            let now = self.clock.now();
            self.update(principal, key.id, how, None, |key| {
                key.revoked_at = Some(now);
            })
            .await?;
        }
        still
    }

    /// A key of a project spends the project's budget and reads its cached answers, so its owners say
    /// which keys are theirs.
    async fn check_project(
        &self,
        principal: &Principal,
        present: Option<&String>,
        wish: &KeyWish,
    ) -> Result<()> {
        let Some(wanted) = wish.project.as_ref().filter(|name| present != Some(name)) else {
            return Ok(());
        };
        self.check_put(principal, wanted).await
    }

    async fn check_put(&self, principal: &Principal, wanted: &str) -> Result<()> {
        let why = "only an owner of a project or an admin puts a key into it";
        let standing = self.access.standing(principal, wanted, true).await?;
        let forbidden = || Error::new(&codes::FORBIDDEN, why);
        policy::check(standing, Act::PutKeyIntoProject, why, forbidden).map(drop)
    }
}

fn not_found(id: KeyId) -> Error {
    Error::new(
        &codes::NOT_FOUND,
        format!("there is no key `{id}`; `GET /v1/keys` lists yours"),
    )
}

fn audit_of(
    principal: &Principal,
    at: DateTime<Utc>,
    action: &str,
    before: Option<&VirtualKey>,
    after: &VirtualKey,
) -> AuditRecord {
    AuditRecord::by(principal, at, action, format!("key:{}", after.id))
        .on_behalf_of(after.owner)
        .with_states(before.map(state).as_ref(), Some(&state(after)))
}

/// What is digested of a key: what its owner sees of it, so that they can compute the same.
fn state(key: &VirtualKey) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "owner": key.owner,
        "project": key.project,
        "models": key.models,
        "allowance": key.allowance,
        "metadata": key.metadata,
        "hint": key.hint,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    })
}

const NEEDS_ADMIN: &str = "this needs the role `admin`";

/// `forbidden` for everybody else.
pub(crate) fn check_admin(principal: &Principal) -> Result<()> {
    match principal.is_admin() {
        true => Ok(()),
        false => Err(Error::new(&codes::FORBIDDEN, NEEDS_ADMIN)),
    }
}

fn check(wish: &KeyWish, now: DateTime<Utc>) -> Result<()> {
    let mut wrong = Vec::new();
    let mut refuse = |pointer: &str, detail: &str| {
        wrong.push(FieldError {
            pointer: pointer.to_owned(),
            detail: detail.to_owned(),
        });
    };
    if wish.name.trim().is_empty() || wish.name.chars().count() > 100 {
        refuse("/name", "must have 1 to 100 characters");
    }
    let is_name = |name: &String| !name.trim().is_empty() && name.len() <= 100;
    if wish.project.as_ref().is_some_and(|name| !is_name(name)) {
        refuse("/project", "must have 1 to 100 bytes");
    }
    if wish.models.len() > 100 || !wish.models.iter().all(is_name) {
        refuse("/models", "must be at most 100 names of 1 to 100 bytes");
    }
    if wish.expires_at.is_some_and(|end| end <= now) {
        refuse("/expires_at", "must lie in the future");
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Error::new(&codes::INVALID_INPUT, "the key is not valid").with_fields(wrong)),
    }
}
