//! The audit log: who did what to which thing, when and from where. Entries form a chain: each holds the
//! hash of the one before, so that nobody changes, removes or slips in an entry unseen by who knows a
//! later hash. What is hashed stands here, once for all that write and check.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::sha256;
use crate::ids::UserId;
use crate::principal::Principal;

/// What every first entry takes for the hash before it.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Where a request came from, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// IP address of the client, as trusted proxies tell it; else that of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// How far an act had come when it was written down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Written in the transaction of the change: it happened.
    #[default]
    Done,
    /// Written before a change outside the database: it happened, unless a later entry of the same
    /// request says that it failed or the engine ended in between.
    Intended,
    /// What was intended did not happen.
    Failed,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Intended => "intended",
            Self::Failed => "failed",
        }
    }
}

/// What is to be written down. Absent fields are not hashed, so that new ones can be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    pub at: DateTime<Utc>,
    /// `None` is the engine itself, or somebody it does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// Whose thing it was, where an admin acted on that of somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<UserId>,
    /// `thing.verb`, one of [`actions`].
    pub action: String,
    /// `kind:name`, such as `project:handbook` or `key:key_…`.
    pub subject: String,
    pub stage: Stage,
    /// What changed, in a few words; never a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// SHA-256 of the thing as canonical JSON, before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    #[serde(default)]
    pub origin: Origin,
}

/// A record in its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// 1, 2, 3 … without gaps.
    pub seq: u64,
    #[serde(flatten)]
    pub record: AuditRecord,
    /// Hash of the entry before, [`GENESIS`] for the first.
    pub previous: String,
    pub hash: String,
}

/// The end of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// 0 where nothing was written yet.
    pub seq: u64,
    pub hash: String,
}

/// Which entries. All that are given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub actor: Option<UserId>,
    pub action: Option<String>,
    pub subject: Option<String>,
    /// From this instant on.
    pub from: Option<DateTime<Utc>>,
    /// Before this instant.
    pub to: Option<DateTime<Utc>>,
}

/// All that is written down, as `action` has it.
pub mod actions {
    pub const PROJECT_CREATED: &str = "project.created";
    pub const PROJECT_CHANGED: &str = "project.changed";
    pub const PROJECT_ARCHIVED: &str = "project.archived";
    pub const PROJECT_RESTORED: &str = "project.restored";
    /// An admin spent tokens in a project that they are no member of.
    pub const PROJECT_ENTERED: &str = "project.entered";
    pub const MEMBER_SET: &str = "member.set";
    pub const MEMBER_REMOVED: &str = "member.removed";
    pub const PROMPT_CREATED: &str = "prompt.created";
    pub const PROMPT_CHANGED: &str = "prompt.changed";
    pub const NOTE_CREATED: &str = "note.created";
    pub const NOTE_CHANGED: &str = "note.changed";
    pub const NOTE_DELETED: &str = "note.deleted";
    pub const SEARCH_SETTINGS_CHANGED: &str = "search_settings.changed";
    pub const COMMENT_WRITTEN: &str = "comment.written";
    pub const COMMENT_CHANGED: &str = "comment.changed";
    pub const COMMENT_DELETED: &str = "comment.deleted";
    pub const CONTENT_TYPE_CREATED: &str = "content_type.created";
    pub const CONTENT_TYPE_CHANGED: &str = "content_type.changed";
    /// On all articles of a project.
    pub const TAG_RENAMED: &str = "tag.renamed";
    pub const TAG_REMOVED: &str = "tag.removed";
    pub const ARTICLE_CREATED: &str = "article.created";
    pub const ARTICLE_CHANGED: &str = "article.changed";
    /// Put into the trash.
    pub const ARTICLE_DELETED: &str = "article.deleted";
    /// Taken out of the trash.
    pub const ARTICLE_RESTORED: &str = "article.restored";
    pub const ARTICLE_REMOVED: &str = "article.removed";
    /// A link was made that opens a file for everybody.
    pub const MEDIA_LINKED: &str = "media.linked";
    pub const MEDIA_CREATED: &str = "media.created";
    pub const MEDIA_CHANGED: &str = "media.changed";
    /// Into the trash.
    pub const MEDIA_DELETED: &str = "media.deleted";
    /// From the trash.
    pub const MEDIA_RESTORED: &str = "media.restored";
    pub const MEDIA_REMOVED: &str = "media.removed";
    pub const CHAT_READ: &str = "chat.read";
    pub const CHAT_CHANGED: &str = "chat.changed";
    pub const CHAT_DELETED: &str = "chat.deleted";
    pub const IMPORT_STARTED: &str = "import.started";
    pub const IMPORT_CANCELLED: &str = "import.cancelled";
    pub const PROJECT_EXPORTED: &str = "project.exported";
    pub const KEY_CREATED: &str = "key.created";
    pub const KEY_CHANGED: &str = "key.changed";
    pub const KEY_ROTATED: &str = "key.rotated";
    pub const KEY_REVOKED: &str = "key.revoked";
    pub const LIMITS_SET: &str = "limits.set";
    pub const LIMITS_REMOVED: &str = "limits.removed";
    pub const USER_CREATED: &str = "user.created";
    /// Its name, by an admin.
    pub const USER_CHANGED: &str = "user.changed";
    pub const USER_DISABLED: &str = "user.disabled";
    pub const USER_ENABLED: &str = "user.enabled";
    /// It was shown that mail reaches them.
    pub const USER_VERIFIED: &str = "user.verified";
    /// Nobody had shown in time that mail reaches them.
    pub const USER_REMOVED: &str = "user.removed";
    pub const ROLE_CHANGED: &str = "role.changed";
    pub const PASSWORD_CHANGED: &str = "password.changed";
    /// With a token that came by mail.
    pub const PASSWORD_RESET: &str = "password.reset";
    pub const SECOND_FACTOR_ENABLED: &str = "second_factor.enabled";
    pub const SECOND_FACTOR_DISABLED: &str = "second_factor.disabled";
    /// By an admin, for somebody who lost it.
    pub const SECOND_FACTOR_TAKEN_AWAY: &str = "second_factor.taken_away";
    pub const IDENTITY_LINKED: &str = "identity.linked";
    pub const IDENTITY_UNLINKED: &str = "identity.unlinked";
    pub const API_KEY_CREATED: &str = "api_key.created";
    pub const API_KEY_REVOKED: &str = "api_key.revoked";
    pub const SESSION_STARTED: &str = "session.started";
    pub const SESSION_REFUSED: &str = "session.refused";
    pub const SESSION_ENDED: &str = "session.ended";
    /// All of a user, or all but the one that asked.
    pub const SESSIONS_ENDED: &str = "sessions.ended";
    /// A spent refresh token was shown, so its sign-in was ended.
    pub const SESSION_REUSED: &str = "session.reused";
    pub const INVITATION_CREATED: &str = "invitation.created";
    pub const INVITATION_WITHDRAWN: &str = "invitation.withdrawn";
    pub const SIGNING_KEY_ROTATED: &str = "signing_key.rotated";
    pub const JOB_CANCELLED: &str = "job.cancelled";
    pub const JOB_REQUEUED: &str = "job.requeued";
    pub const SCHEDULE_CHANGED: &str = "schedule.changed";
    pub const SCHEDULE_REMOVED: &str = "schedule.removed";
    /// At once, by hand.
    pub const SCHEDULE_RUN: &str = "schedule.run";
    pub const WEBHOOK_CREATED: &str = "webhook.created";
    /// Its secrets, too.
    pub const WEBHOOK_CHANGED: &str = "webhook.changed";
    pub const WEBHOOK_REMOVED: &str = "webhook.removed";
    pub const WEBHOOK_PINGED: &str = "webhook.pinged";
    /// A message was sent again.
    pub const WEBHOOK_REDELIVERED: &str = "webhook.redelivered";
    /// A handler was told to handle what was told before once more.
    pub const EVENTS_REPLAYED: &str = "events.replayed";
    pub const PLUGIN_INSTALLED: &str = "plugin.installed";
    pub const PLUGIN_ENABLED: &str = "plugin.enabled";
    pub const PLUGIN_DISABLED: &str = "plugin.disabled";
    pub const PLUGIN_REMOVED: &str = "plugin.removed";
    /// All of them, by the list.
    pub const PLUGINS_RELOADED: &str = "plugins.reloaded";
    pub const ROLLOUT_PROMOTED: &str = "rollout.promoted";
    pub const ROLLOUT_ROLLED_BACK: &str = "rollout.rolled_back";
    pub const ROLLOUT_RESTARTED: &str = "rollout.restarted";
    /// The next calls of everybody are kept, with what is in them.
    pub const RECORDING_ASKED: &str = "recording.asked";
    pub const RECORDING_READ: &str = "recording.read";
}

impl AuditRecord {
    /// What `principal` did, from where they asked.
    pub fn by(
        principal: &Principal,
        at: DateTime<Utc>,
        action: &str,
        subject: impl fmt::Display,
    ) -> Self {
        Self {
            actor: Some(principal.user),
            origin: principal.origin.as_deref().cloned().unwrap_or_default(),
            ..Self::of_engine(at, action, subject)
        }
    }

    /// What nobody did who is known.
    pub fn of_engine(at: DateTime<Utc>, action: &str, subject: impl fmt::Display) -> Self {
        Self {
            at,
            actor: None,
            on_behalf_of: None,
            action: action.to_owned(),
            subject: subject.to_string(),
            stage: Stage::Done,
            detail: None,
            before: None,
            after: None,
            origin: Origin::default(),
        }
    }

    /// Names whose thing it was, unless it was the actor's own.
    pub fn on_behalf_of(mut self, owner: UserId) -> Self {
        self.on_behalf_of = Some(owner).filter(|owner| Some(*owner) != self.actor);
        self
    }

    /// A few words that may be shown to admins.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Keeps the digests of the thing before and after.
    pub fn with_states(mut self, before: Option<&Value>, after: Option<&Value>) -> Self {
        self.before = before.map(digest_of);
        self.after = after.map(digest_of);
        self
    }

    pub fn at_stage(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }

    /// The text that is hashed: canonical JSON.
    pub fn canonical(&self) -> String {
        // A record is strings and dates; writing those as JSON cannot fail.
        canonical_json(&serde_json::to_value(self).unwrap_or_default())
    }

    /// This record as the next of a chain that ends in `head`.
    pub fn follow(self, head: &AuditHead) -> AuditEntry {
        let seq = head.seq + 1;
        AuditEntry {
            seq,
            hash: hash_of(&head.hash, seq, &self.canonical()),
            previous: head.hash.clone(),
            record: self,
        }
    }
}

impl Default for AuditHead {
    fn default() -> Self {
        Self {
            seq: 0,
            hash: GENESIS.to_owned(),
        }
    }
}

impl AuditFilter {
    pub fn fits(&self, record: &AuditRecord) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none() || wanted == found
        }
        is(self.actor.as_ref(), record.actor.as_ref())
            && is(self.action.as_ref(), Some(&record.action))
            && is(self.subject.as_ref(), Some(&record.subject))
            && self.from.is_none_or(|from| record.at >= from)
            && self.to.is_none_or(|to| record.at < to)
    }
}

/// Where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenChain {
    /// The first entry that is not what it must be.
    pub seq: u64,
    pub reason: String,
}

impl fmt::Display for BrokenChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}", self.seq, self.reason)
    }
}

/// Checks a chain entry by entry, from its first one on.
#[derive(Debug, Clone, Default)]
pub struct ChainCheck {
    head: AuditHead,
}

impl ChainCheck {
    /// Takes the next entry.
    pub fn push(&mut self, entry: &AuditEntry) -> Result<(), BrokenChain> {
        let broken = |reason: &str| BrokenChain {
            seq: entry.seq,
            reason: reason.to_owned(),
        };
        if entry.seq != self.head.seq + 1 {
            return Err(BrokenChain {
                seq: self.head.seq + 1,
                reason: format!("is missing; {} comes next", entry.seq),
            });
        }
        if entry.previous != self.head.hash {
            return Err(broken("does not hold the hash of the entry before it"));
        }
        if entry.hash != hash_of(&entry.previous, entry.seq, &entry.record.canonical()) {
            return Err(broken("is not what was hashed"));
        }
        self.head = AuditHead {
            seq: entry.seq,
            hash: entry.hash.clone(),
        };
        Ok(())
    }

    /// What was checked so far ends in this.
    pub fn head(&self) -> &AuditHead {
        &self.head
    }
}

/// What a principal carries: cheap to clone.
pub type SharedOrigin = Arc<Origin>;

/// The hash of an entry. Stores compute the same in their own transaction.
pub fn hash_of(previous: &str, seq: u64, canonical: &str) -> String {
    sha256(format!("{previous}\n{seq}\n{canonical}").as_bytes())
}

/// SHA-256 of a thing as canonical JSON.
pub fn digest_of(value: &Value) -> String {
    sha256(canonical_json(value).as_bytes())
}

/// JSON without spaces, the fields of objects in the order of their names' bytes, whatever the map keeps.
pub fn canonical_json(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields = fields.into_iter().map(|(name, value)| {
                format!("{}:{}", Value::from(name.as_str()), canonical_json(value))
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            let items = items.iter().map(canonical_json);
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chain(length: u64) -> Vec<AuditEntry> {
        let mut head = AuditHead::default();
        let at = "2026-03-01T00:00:00.000000001Z".parse().unwrap();
        let entries = (0..length).map(|number| {
            let record = AuditRecord::of_engine(at, actions::KEY_CREATED, format!("key:{number}"));
            let entry = record.follow(&head);
            head = AuditHead {
                seq: entry.seq,
                hash: entry.hash.clone(),
            };
            entry
        });
        entries.collect()
    }

    fn check(entries: &[AuditEntry]) -> Result<u64, String> {
        let mut check = ChainCheck::default();
        for entry in entries {
            check.push(entry).map_err(|broken| broken.to_string())?;
        }
        Ok(check.head().seq)
    }

    #[test]
    fn a_chain_shows_every_change() {
        let whole = chain(4);
        assert_eq!(check(&whole), Ok(4));

        let mut changed = whole.clone();
        changed[1].record.subject = "key:other".to_owned();
        let hashed = "entry 2: is not what was hashed";
        assert_eq!(check(&changed), Err(hashed.to_owned()));

        // Whoever hashes it anew breaks the next link.
        let head = AuditHead {
            seq: 1,
            hash: whole[0].hash.clone(),
        };
        changed[1] = changed[1].record.clone().follow(&head);
        let link = "entry 3: does not hold the hash of the entry before it";
        assert_eq!(check(&changed), Err(link.to_owned()));

        let mut shorter = whole.clone();
        shorter.remove(1);
        assert_eq!(
            check(&shorter),
            Err("entry 2: is missing; 3 comes next".to_owned())
        );
        assert_eq!(
            check(&whole[1..]),
            Err("entry 1: is missing; 2 comes next".to_owned())
        );
    }

    #[test]
    fn what_is_hashed_does_not_depend_on_the_order_of_fields() {
        let one: Value =
            serde_json::from_str(r#"{"b":[1,{"d":null,"c":"\"é"}],"a":true}"#).unwrap();
        let other: Value =
            serde_json::from_str(r#"{"a":true,"b":[1,{"c":"\"é","d":null}]}"#).unwrap();
        assert_eq!(
            canonical_json(&one),
            r#"{"a":true,"b":[1,{"c":"\"é","d":null}]}"#
        );
        assert_eq!(digest_of(&one), digest_of(&other));
        assert_ne!(digest_of(&one), digest_of(&json!({"a": true})));
    }

    #[test]
    fn absent_fields_are_not_hashed() {
        let entry = chain(1).remove(0);
        assert_eq!(
            entry.record.canonical(),
            r#"{"action":"key.created","at":"2026-03-01T00:00:00.000000001Z","origin":{},"stage":"done","subject":"key:0"}"#
        );
        let text = serde_json::to_string(&entry).unwrap();
        let read: AuditEntry = serde_json::from_str(&text).unwrap();
        assert_eq!(read, entry);
    }
}
