//! What a browser carries between start and way back, sealed: nobody reads it, changes it, or makes one up.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use inkstone_domain::digest::hex;
use inkstone_domain::ids::UserId;
use inkstone_domain::{Error, Result, codes};
use serde::{Deserialize, Serialize};

use super::refused;
use crate::auth::{SealingKey, token_hash};

const OWNER: &str = "inkstone sign-in elsewhere";

#[derive(Serialize, Deserialize)]
pub(super) struct Flow {
    /// The short word of the issuer it was begun at.
    pub issuer: String,
    pub state: String,
    pub nonce: String,
    /// Of PKCE.
    pub verifier: String,
    pub return_to: Option<String>,
    /// Whose the identity shall be; a sign-in where it is `None`.
    pub link: Option<UserId>,
    pub expires_at: DateTime<Utc>,
}

impl Flow {
    pub fn seal(&self, key: &SealingKey) -> Result<String> {
        let text = serde_json::to_vec(self).map_err(|error| {
            Error::new(&codes::INTERNAL, "the sign-in could not be begun").with_source(error)
        })?;
        Ok(URL_SAFE_NO_PAD.encode(key.seal(OWNER, &text)?))
    }

    /// `sign_in_refused` where it is not ours, or too old.
    pub fn open(key: &SealingKey, sealed: &str, now: DateTime<Utc>) -> Result<Self> {
        let opened = URL_SAFE_NO_PAD
            .decode(sealed)
            .ok()
            .and_then(|sealed| key.open(OWNER, &sealed).ok())
            .and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        opened
            .filter(|flow| now < flow.expires_at)
            .ok_or_else(|| refused("the sign-in was begun too long ago, or not here; begin again"))
    }
}

/// One for each start, so that several can be under way in one browser.
pub(super) fn cookie_name(state: &str) -> String {
    let digest = hex(&token_hash(state));
    format!("inkstone_oidc_{}", digest.get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_here_and_lately_is_opened() {
        let key = SealingKey::new([7; 32]);
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let flow = Flow {
            issuer: "corp".to_owned(),
            state: "s".to_owned(),
            nonce: "n".to_owned(),
            verifier: "v".to_owned(),
            return_to: None,
            link: None,
            expires_at: now + chrono::Duration::seconds(1),
        };
        let sealed = flow.seal(&key).unwrap();
        assert!(!sealed.contains("corp"));
        assert_eq!(Flow::open(&key, &sealed, now).unwrap().state, "s");
        let late = now + chrono::Duration::seconds(1);
        let other = SealingKey::new([8; 32]);
        let of_another_use = URL_SAFE_NO_PAD.encode(key.seal("ada", b"{}").unwrap());
        let tries = [
            (&key, sealed.as_str(), late),
            (&other, sealed.as_str(), now),
            (&key, &sealed[1..], now),
            (&key, "", now),
            (&key, "%%%", now),
            (&key, &of_another_use, now),
        ];
        for (key, sealed, now) in tries {
            let code = Flow::open(key, sealed, now).err().map(|it| it.code().name);
            assert_eq!(code, Some("sign_in_refused"), "{sealed}");
        }
    }
}
