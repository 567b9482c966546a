//! Signatures by Standard Webhooks: HMAC-SHA256 over id, time and body, one for each secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use inkstone_domain::ids::EventId;
use inkstone_domain::{Error, Result, codes};
use sha2::Sha256;

const KEY_BYTES: usize = 32;
const PREFIX: &str = "whsec_";

pub(super) fn new_key() -> [u8; KEY_BYTES] {
    rand::random()
}

/// As receivers keep it.
pub(super) fn shown(key: &[u8]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(key))
}

/// The value of `webhook-signature`.
pub(super) fn sign(keys: &[Vec<u8>], id: EventId, at: DateTime<Utc>, body: &str) -> Result<String> {
    let signed = format!("{id}.{}.{body}", at.timestamp());
    let signatures = keys.iter().map(|key| {
        let mac = <Hmac<Sha256> as Mac>::new_from_slice(key);
        let mut mac = mac.map_err(|error| {
            Error::new(&codes::INTERNAL, "a secret is no key").with_source(error)
        })?;
        mac.update(signed.as_bytes());
        Ok(format!(
            "v1,{}",
            STANDARD.encode(mac.finalize().into_bytes())
        ))
    });
    let signatures: Result<Vec<String>> = signatures.collect();
    Ok(signatures?.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the Python package `standardwebhooks` makes of the same.
    #[test]
    fn a_signature_is_that_of_the_standard() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let id = "evt_01J9ZQ7V8M3K5N2P4R6T8W0Y1C".parse().unwrap();
        let at = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let body = r#"{"test": 2432232314}"#;
        let one = sign(std::slice::from_ref(&key), id, at, body).unwrap();
        assert_eq!(one, "v1,LSOaOaJz0m2+sBeqs1D+n8exNB+egvfZWGmakV73TwU=");
        let both = sign(&[key, vec![7; 32]], id, at, body).unwrap();
        let (first, second) = both.split_once(' ').unwrap();
        assert_eq!(first, one);
        assert!(second.starts_with("v1,") && second != first);
    }

    #[test]
    fn secrets_are_random_and_shown_as_the_standard_says() {
        let (one, other) = (new_key(), new_key());
        assert_ne!(one, other);
        let shown = shown(&one);
        assert_eq!(
            STANDARD
                .decode(shown.strip_prefix("whsec_").unwrap())
                .unwrap(),
            one
        );
    }
}
