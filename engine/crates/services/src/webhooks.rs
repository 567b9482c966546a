//! Webhooks: who may make them and for what, their secrets, and what was sent to them. What happens
//! becomes messages in `fan_out`, and messages are sent by `courier`.

mod address;
mod courier;
mod fan_out;
mod signature;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::capability::OutboundHost;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::EventKind;
use inkstone_domain::ids::{EventId, WebhookId};
use inkstone_domain::ports::{Clock, Egress, Mailer, UserStore, WebhookStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::webhook::{Delivery, DeliveryState, Webhook, WebhookSecret};
use inkstone_domain::{Error, FieldError, Result, codes};
use serde_json::json;
use tokio::sync::Notify;

use self::address::Addresses;
pub use self::courier::RETRY_WAITS;
pub use self::fan_out::FanOut;
use crate::access::Access;
use crate::auth::SealingKey;
use crate::content::check_page;
use crate::policy::{Act, check_open};

const MAX_URL_BYTES: usize = 2_000;
const MAX_DESCRIPTION_BYTES: usize = 1_000;
/// Secrets that hold at a time.
const MAX_SECRETS: usize = 5;
/// Changes of a webhook that somebody else changes at the same time.
const CHANGE_ATTEMPTS: usize = 5;
/// The type of a message that only tries whether one arrives.
pub const PING: &str = "webhook.ping";

/// How webhooks are told.
#[derive(Debug, Clone)]
pub struct WebhooksConfig {
    /// Origins that may lie in private networks, or be without TLS, because the admin says so.
    pub allowed_origins: Vec<OutboundHost>,
    /// For an answer.
    pub timeout: Duration,
    /// Messages that are sent at the same time.
    pub senders: usize,
    /// A webhook that nothing reaches for so long is told nothing more.
    pub disable_after: TimeDelta,
    /// How long what was sent can be read.
    pub kept: TimeDelta,
    /// How often to look for what other engines put up.
    pub poll_interval: Duration,
}

impl Default for WebhooksConfig {
    /// No private origins, 15 seconds, four at a time, five days, 30 days, a second.
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            timeout: Duration::from_secs(15),
            senders: 4,
            disable_after: TimeDelta::days(5),
            kept: TimeDelta::days(30),
            poll_interval: Duration::from_secs(1),
        }
    }
}

/// A webhook to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewWebhook {
    pub url: String,
    pub description: String,
    /// Empty for all types.
    pub kinds: Vec<EventKind>,
}

/// What is to be otherwise; `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookPatch {
    pub url: Option<String>,
    pub description: Option<String>,
    pub kinds: Option<Vec<EventKind>>,
    pub is_enabled: Option<bool>,
}

/// A webhook with a secret that is shown this once.
pub struct WithSecret {
    pub webhook: Webhook,
    /// `whsec_…`
    pub secret: String,
}

/// What webhooks are told with.
pub struct WebhookParts {
    pub store: Arc<dyn WebhookStore>,
    pub users: Arc<dyn UserStore>,
    pub mailer: Arc<dyn Mailer>,
    pub egress: Arc<dyn Egress>,
    pub access: Arc<Access>,
    pub clock: Arc<dyn Clock>,
    pub sealing: SealingKey,
    pub config: WebhooksConfig,
}

/// Keeps webhooks.
pub struct Webhooks {
    store: Arc<dyn WebhookStore>,
    users: Arc<dyn UserStore>,
    mailer: Arc<dyn Mailer>,
    egress: Arc<dyn Egress>,
    access: Arc<Access>,
    clock: Arc<dyn Clock>,
    sealing: SealingKey,
    addresses: Addresses,
    config: WebhooksConfig,
    /// Told of messages that are put up here.
    wake: Arc<Notify>,
}

impl Webhooks {
    /// Fails where the powers that all webhooks share cannot be written down.
    pub fn new(parts: WebhookParts) -> Result<Self> {
        Ok(Self {
            addresses: Addresses::new(&parts.config.allowed_origins)?,
            store: parts.store,
            users: parts.users,
            mailer: parts.mailer,
            egress: parts.egress,
            access: parts.access,
            clock: parts.clock,
            sealing: parts.sealing,
            config: parts.config,
            wake: Arc::new(Notify::new()),
        })
    }

    /// Newest first: those of a project, for its owners, or those of the whole engine, for admins.
    pub async fn list(
        &self,
        principal: &Principal,
        project: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Webhook>> {
        check_page(&page)?;
        self.check_keeper(principal, project).await?;
        self.store.list_webhooks(project, page).await
    }

    /// Makes one for a project or, without, for all that happens here; for the same.
    pub async fn create(
        &self,
        principal: &Principal,
        project: Option<&str>,
        new: NewWebhook,
    ) -> Result<WithSecret> {
        self.check_keeper(principal, project).await?;
        if let Some(project) = project {
            self.access.check_open(project).await?;
        }
        let now = self.clock.now();
        let id = WebhookId::new();
        let (secret, sealed) = self.new_secret(id, now)?;
        let webhook = Webhook {
            id,
            project: project.map(str::to_owned),
            url: new.url,
            description: new.description,
            kinds: new.kinds,
            secrets: vec![sealed],
            owner: principal.user,
            is_enabled: true,
            failing_since: None,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        self.check(&webhook)?;
        let audit = self.record(principal, actions::WEBHOOK_CREATED, &webhook);
        self.store.create_webhook(&webhook, &audit).await?;
        Ok(WithSecret { webhook, secret })
    }

    /// One of them; `not_found` for all but its keepers.
    pub async fn get(&self, principal: &Principal, id: WebhookId) -> Result<Webhook> {
        let found = self.store.webhook(id).await?;
        let webhook = found.ok_or_else(|| not_found(id))?;
        let keeper = self.check_keeper(principal, webhook.project.as_deref());
        keeper.await.map_err(|_| not_found(id))?;
        Ok(webhook)
    }

    /// Changes it; whoever enables it begins anew, without the failures there were.
    pub async fn update(
        &self,
        principal: &Principal,
        id: WebhookId,
        patch: WebhookPatch,
        expected: Option<u64>,
    ) -> Result<Webhook> {
        let begins_anew = patch.is_enabled == Some(true);
        let change = self.change(principal, id, expected, |webhook| {
            let patch = patch.clone();
            webhook.url = patch.url.unwrap_or_else(|| webhook.url.clone());
            if let Some(description) = patch.description {
                webhook.description = description;
            }
            if let Some(kinds) = patch.kinds {
                webhook.kinds = kinds;
            }
            if let Some(is_enabled) = patch.is_enabled {
                webhook.is_enabled = is_enabled;
                if is_enabled {
                    webhook.failing_since = None;
                }
            }
            Ok(())
        });
        let changed = change.await?;
        if begins_anew {
            self.release(id).await?;
        }
        Ok(changed)
    }

    /// All that was sent to it goes, too, once this has returned: there may be much of it.
    pub async fn remove(self: &Arc<Self>, principal: &Principal, id: WebhookId) -> Result<()> {
        let webhook = self.get(principal, id).await?;
        let audit = self.record(principal, actions::WEBHOOK_REMOVED, &webhook);
        self.store.remove_webhook(id, &audit).await?;
        let webhooks = Arc::clone(self);
        tokio::spawn(async move { webhooks.forget_deliveries_of(id).await });
        Ok(())
    }

    /// Adds a secret. Those of before are signed with for `overlap` more, so that a receiver can change
    /// over in peace.
    pub async fn rotate_secret(
        &self,
        principal: &Principal,
        id: WebhookId,
        overlap: Duration,
    ) -> Result<WithSecret> {
        let now = self.clock.now();
        let (secret, sealed) = self.new_secret(id, now)?;
        let webhook = self
            .change(principal, id, None, |webhook| {
                webhook.secrets.retain(|one| holds(one, now));
                if webhook.secrets.len() >= MAX_SECRETS {
                    return Err(Error::new(
                        &codes::CONFLICT,
                        format!("{MAX_SECRETS} secrets hold already; wait until one runs out"),
                    ));
                }
                for one in &mut webhook.secrets {
                    let end = now + overlap;
                    one.expires_at = Some(one.expires_at.map_or(end, |at| at.min(end)));
                }
                webhook.secrets.push(sealed.clone());
                Ok(())
            })
            .await?;
        Ok(WithSecret { webhook, secret })
    }

    /// Sends a message that only tries whether one arrives.
    pub async fn ping(&self, principal: &Principal, id: WebhookId) -> Result<Delivery> {
        let webhook = self.get(principal, id).await?;
        let (now, event) = (self.clock.now(), EventId::new());
        let payload = json!({
            "id": event,
            "v": inkstone_domain::event::EVENT_VERSION,
            "type": PING,
            "at": now,
            "data": { "webhook": id },
        });
        let delivery = Delivery {
            webhook: webhook.id,
            event,
            kind: PING.to_owned(),
            payload: payload.to_string(),
            state: DeliveryState::Pending,
            next_at: now,
            attempts: 0,
            tries: Vec::new(),
            created_at: now,
        };
        let audit = self.record(principal, actions::WEBHOOK_PINGED, &webhook);
        self.access.audit().append(&audit).await?;
        self.put(std::slice::from_ref(&delivery)).await?;
        self.release(id).await?;
        Ok(delivery)
    }

    /// What was sent, newest first.
    pub async fn deliveries(
        &self,
        principal: &Principal,
        id: WebhookId,
        page: PageRequest,
    ) -> Result<Page<Delivery>> {
        check_page(&page)?;
        self.get(principal, id).await?;
        self.store.list_deliveries(id, page).await
    }

    /// Sends a message again, under the same id.
    pub async fn redeliver(
        &self,
        principal: &Principal,
        id: WebhookId,
        event: EventId,
    ) -> Result<Delivery> {
        let webhook = self.get(principal, id).await?;
        let audit = self.record(principal, actions::WEBHOOK_REDELIVERED, &webhook);
        self.access.audit().append(&audit).await?;
        let delivery = self.store.redeliver(id, event, self.clock.now()).await?;
        self.wake.notify_one();
        Ok(delivery)
    }

    /// Somebody asks: what rests is tried at once.
    async fn release(&self, id: WebhookId) -> Result<()> {
        let now = self.clock.now();
        self.store.release_deliveries(id, now).await?;
        self.wake.notify_one();
        Ok(())
    }

    async fn put(&self, deliveries: &[Delivery]) -> Result<()> {
        self.store.put_deliveries(deliveries).await?;
        self.wake.notify_one();
        Ok(())
    }

    async fn change(
        &self,
        principal: &Principal,
        id: WebhookId,
        expected: Option<u64>,
        edit: impl Fn(&mut Webhook) -> Result<()>,
    ) -> Result<Webhook> {
        for _ in 0..CHANGE_ATTEMPTS {
            let before = self.get(principal, id).await?;
            crate::projects::check_revision(&format!("webhook `{id}`"), before.revision, expected)?;
            let mut after = before.clone();
            edit(&mut after)?;
            if after == before {
                return Ok(before);
            }
            self.check(&after)?;
            after.revision += 1;
            after.updated_at = self.clock.now();
            let audit = self.record(principal, actions::WEBHOOK_CHANGED, &after);
            match self.store.update_webhook(&after, &audit).await {
                Ok(()) => return Ok(after),
                Err(error) if crate::projects::retries(&error, expected) => {}
                Err(error) => return Err(error),
            }
        }
        Err(crate::projects::contended("webhook", &id.to_string()))
    }

    async fn check_keeper(&self, principal: &Principal, project: Option<&str>) -> Result<()> {
        match project {
            Some(slug) => {
                let act = Act::ChangeProject;
                self.access.enter(principal, slug, act).await.map(drop)
            }
            None => {
                let why = "webhooks of the whole engine are for admins; make one for a project";
                check_open(principal, Act::ChangePlugins, why)
            }
        }
    }

    fn check(&self, webhook: &Webhook) -> Result<()> {
        let mut wrong = Vec::new();
        let mut add = |pointer: &str, detail: String| {
            wrong.push(FieldError {
                pointer: pointer.to_owned(),
                detail,
            });
        };
        if webhook.url.len() > MAX_URL_BYTES {
            add("/url", format!("must have at most {MAX_URL_BYTES} bytes"));
        } else if let Err(why) = self.addresses.check(&webhook.url) {
            add("/url", why);
        }
        if webhook.description.len() > MAX_DESCRIPTION_BYTES {
            let detail = format!("must have at most {MAX_DESCRIPTION_BYTES} bytes");
            add("/description", detail);
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => {
                let message = format!(
                    "the webhook is not valid: `{}` {}",
                    wrong[0].pointer, wrong[0].detail
                );
                Err(Error::new(&codes::INVALID_INPUT, message).with_fields(wrong))
            }
        }
    }

    fn new_secret(&self, id: WebhookId, now: DateTime<Utc>) -> Result<(String, WebhookSecret)> {
        let key = signature::new_key();
        let sealed = self.sealing.seal(&seal_of(id), &key)?;
        let secret = WebhookSecret {
            sealed,
            created_at: now,
            expires_at: None,
        };
        Ok((signature::shown(&key), secret))
    }

    fn record(&self, principal: &Principal, action: &str, webhook: &Webhook) -> AuditRecord {
        let subject = format!("webhook:{}", webhook.id);
        let place = webhook.project.as_deref().unwrap_or("all projects");
        AuditRecord::by(principal, self.clock.now(), action, subject)
            .with_detail(format!("of {place}"))
    }
}

fn holds(secret: &WebhookSecret, now: DateTime<Utc>) -> bool {
    secret.expires_at.is_none_or(|end| end > now)
}

/// What a secret is bound to.
fn seal_of(id: WebhookId) -> String {
    format!("webhook:{id}")
}

fn not_found(id: WebhookId) -> Error {
    Error::new(&codes::NOT_FOUND, format!("there is no webhook `{id}`"))
}
