//! API keys: made, shown once, removed; and whom a token stands for. All keys are in memory, since every
//! call asks; the store is the truth. What a scope opens is decided at the edge, what the role in it may do
//! where it is done.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use inkstone_domain::api_key::{ApiKey, Scope};
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::ids::ApiKeyId;
use inkstone_domain::ports::{Clock, EngineBus, News, PeopleStore, UserStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::{Error, FieldError, Result, codes};
use tokio::sync::Mutex;

use crate::auth::{check_fields, random_token, token_hash, token_hint};
use crate::owed::Owed;
use crate::owners::Owners;

/// What every token begins with.
const PREFIX: &str = "ink_";
/// Of one user.
const MOST_KEYS: usize = 100;

/// What is wanted of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyWish {
    pub name: String,
    pub scopes: BTreeSet<Scope>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// Knows the keys.
pub struct ApiKeys {
    people: Arc<dyn PeopleStore>,
    users: Arc<dyn UserStore>,
    bus: Arc<dyn EngineBus>,
    clock: Arc<dyn Clock>,
    owed: Arc<Owed>,
    known: ArcSwap<Known>,
    /// One change at a time: each reads all keys anew.
    changing: Mutex<()>,
}

#[derive(Default)]
struct Known {
    all: Vec<Arc<ApiKey>>,
    /// Without those of disabled owners.
    by_hash: HashMap<[u8; 32], Holder>,
}

#[derive(Clone)]
struct Holder {
    key: Arc<ApiKey>,
    /// Of the owner, as far as the scopes go.
    role: Role,
}

impl ApiKeys {
    pub(crate) fn new(
        people: Arc<dyn PeopleStore>,
        users: Arc<dyn UserStore>,
        bus: Arc<dyn EngineBus>,
        clock: Arc<dyn Clock>,
        owed: Arc<Owed>,
    ) -> Self {
        Self {
            people,
            users,
            bus,
            clock,
            owed,
            known: ArcSwap::default(),
            changing: Mutex::default(),
        }
    }

    /// Whether this is a token of an API key, good or not.
    pub fn is_token(token: &str) -> bool {
        token.starts_with(PREFIX)
    }

    /// Reads all keys from the store.
    pub async fn load(&self) -> Result<()> {
        let mut known = Known::default();
        let mut owners = Owners::new(self.users.as_ref());
        for key in self.people.api_keys().await? {
            let role = owners.role_of(key.owner).await?;
            let key = Arc::new(key);
            known.all.push(Arc::clone(&key));
            if let Some(role) = role {
                let role = key.role_of(role);
                known.by_hash.insert(key.token_hash, Holder { key, role });
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
                "there is no such API key, or it was removed; `POST /v1/me/api-keys` makes one",
            ));
        };
        let now = self.clock.now();
        if holder.key.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::new(
                &codes::TOKEN_EXPIRED,
                "the API key has expired; make a new one",
            ));
        }
        Ok(Principal {
            api_key: Some(Arc::clone(&holder.key)),
            ..Principal::of(holder.key.owner, holder.role)
        })
    }

    /// Makes a key of the caller. The token is told here and never again. `forbidden` where a scope needs
    /// a higher role than the caller's.
    pub async fn create(
        &self,
        principal: &Principal,
        wish: ApiKeyWish,
    ) -> Result<(Arc<ApiKey>, String)> {
        let now = self.clock.now();
        check(&wish, now)?;
        let (token, token_hash) = random_token(PREFIX);
        let key = ApiKey {
            id: ApiKeyId::new(),
            owner: principal.user,
            name: wish.name,
            scopes: wish.scopes,
            token_hash,
            hint: token_hint(&token),
            created_at: now,
            expires_at: wish.expires_at,
        };
        if key.role_of(Role::Admin) > principal.role {
            return Err(Error::new(
                &codes::FORBIDDEN,
                "a key cannot do more than its owner; leave out the scopes that need a higher role",
            ));
        }
        let _changing = self.changing.lock().await;
        if self.list(principal).len() >= MOST_KEYS {
            return Err(Error::new(
                &codes::CONFLICT,
                format!("you have {MOST_KEYS} API keys, which is the most; remove some"),
            ));
        }
        let scopes: Vec<String> = key.scopes.iter().map(Scope::to_string).collect();
        let audit = audit(principal, now, actions::API_KEY_CREATED, key.id);
        let audit = audit.with_detail(scopes.join(" "));
        let owing = self.owed.begin();
        self.people.create_api_key(&key, &audit).await?;
        self.changed().await?;
        owing.paid();
        Ok((Arc::new(key), token))
    }

    /// The caller's keys, newest first, expired ones too.
    pub fn list(&self, principal: &Principal) -> Vec<Arc<ApiKey>> {
        let known = self.known.load();
        let newest_first = known.all.iter().rev();
        let own = newest_first.filter(|key| key.owner == principal.user);
        own.cloned().collect()
    }

    /// Ends a key at once and for good; `not_found` for those of others.
    pub async fn remove(&self, principal: &Principal, id: ApiKeyId) -> Result<()> {
        let _changing = self.changing.lock().await;
        if self.list(principal).iter().all(|key| key.id != id) {
            return Err(Error::new(
                &codes::NOT_FOUND,
                format!("there is no API key `{id}`; `GET /v1/me/api-keys` lists yours"),
            ));
        }
        let audit = audit(principal, self.clock.now(), actions::API_KEY_REVOKED, id);
        let owing = self.owed.begin();
        let removed = self.people.remove_api_key(id, &audit).await;
        let is_gone = match &removed {
            Ok(()) => true,
            Err(error) => error.code() == &codes::NOT_FOUND,
        };
        if is_gone {
            // Reading all anew may fail.
            self.forget(id);
            self.changed().await?;
            owing.paid();
        }
        removed
    }

    /// It holds no longer.
    fn forget(&self, id: ApiKeyId) {
        let known = self.known.load();
        let all = known.all.iter().filter(|key| key.id != id);
        let holders = known.by_hash.iter().filter(|(_, it)| it.key.id != id);
        self.known.store(Arc::new(Known {
            all: all.cloned().collect(),
            by_hash: holders
                .map(|(hash, holder)| (*hash, holder.clone()))
                .collect(),
        }));
    }
}

fn audit(principal: &Principal, at: DateTime<Utc>, action: &str, id: ApiKeyId) -> AuditRecord {
    AuditRecord::by(principal, at, action, format!("api_key:{id}"))
}

fn check(wish: &ApiKeyWish, now: DateTime<Utc>) -> Result<()> {
    let fault = |pointer: &str, detail: &str| FieldError {
        pointer: pointer.to_owned(),
        detail: detail.to_owned(),
    };
    let is_named = !wish.name.trim().is_empty() && wish.name.chars().count() <= 100;
    let faults = [
        (!is_named).then(|| fault("/name", "must have 1 to 100 characters")),
        wish.scopes
            .is_empty()
            .then(|| fault("/scopes", "must name at least one scope")),
        wish.expires_at
            .is_some_and(|end| end <= now)
            .then(|| fault("/expires_at", "must lie in the future")),
    ];
    check_fields(faults.into_iter().flatten())
}
