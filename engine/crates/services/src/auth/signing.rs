//! The keys of access tokens: several at a time, so that a new one can take over while tokens of the old one
//! hold. Everybody may know their public halves.

use chrono::{DateTime, Utc};
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::people::StoredSigningKey;
use inkstone_domain::ports::SigningKeyStore;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use super::Auth;
use super::token::{RingKey, SigningKey};

/// What others need to check our access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// `kid`
    pub id: String,
    /// `x`: the Ed25519 public key in base64url.
    pub x: String,
}

/// Reads the stored keys; there must be one that signs.
pub(super) fn read(store: &dyn SigningKeyStore) -> Result<Vec<RingKey>> {
    let stored = store.signing_keys()?;
    match stored.first() {
        Some(first) if first.retired_at.is_none() => stored.iter().map(RingKey::read).collect(),
        _ => Err(Error::new(
            &codes::INVALID_CONFIG,
            "there is no key that signs access tokens",
        )),
    }
}

impl Auth {
    /// The keys whose tokens hold, the one that signs first.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        let keys = self.access_tokens.keys(self.clock.now());
        let public = keys.iter().map(|known| PublicKey {
            id: known.key.id().to_owned(),
            x: known.key.public_text(),
        });
        public.collect()
    }

    /// Makes a new key that signs from now on. The one before verifies until its last token has run out.
    /// The keys are files, so that the intent is written down first.
    pub async fn rotate_signing_key(&self, principal: &Principal) -> Result<Vec<PublicKey>> {
        self.check_still_admin(principal).await?;
        let now = self.clock.now();
        let new = StoredSigningKey {
            pkcs8: SigningKey::generate(),
            retired_at: None,
        };
        let subject = format!("signing_key:{}", RingKey::read(&new)?.key.id());
        let audit = AuditRecord::by(principal, now, actions::SIGNING_KEY_ROTATED, subject);
        let change = async { self.replace_signing_key(new, now) };
        self.audit.around(audit, change).await?;
        Ok(self.public_keys())
    }

    fn replace_signing_key(&self, new: StoredSigningKey, now: DateTime<Utc>) -> Result<()> {
        let mut stored = self.signing_keys.signing_keys()?;
        for old in &mut stored {
            old.retired_at.get_or_insert(now);
        }
        let ttl = self.config.access_ttl;
        stored.retain(|old| old.retired_at.is_none_or(|retired| now < retired + ttl));
        stored.insert(0, new);
        self.signing_keys.put_signing_keys(&stored)?;
        self.access_tokens.set_keys(read(&*self.signing_keys)?);
        Ok(())
    }
}
