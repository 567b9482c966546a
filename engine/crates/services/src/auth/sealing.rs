//! Encryption of what must be read again, by XChaCha20-Poly1305 under the key of the data folder, bound to
//! what it belongs to: a value that is moved to somebody else's record stays closed.

use std::fmt;

use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use inkstone_domain::{Error, Result, codes};
use sha2::Sha256;

const NONCE_BYTES: usize = 24;

/// A key of 256 bits, the same for all engines on one store.
#[derive(Clone)]
pub struct SealingKey {
    cipher: XChaCha20Poly1305,
    bytes: [u8; 32],
}

impl SealingKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self {
            cipher: XChaCha20Poly1305::new(&Key::from(bytes)),
            bytes,
        }
    }

    /// A key for one purpose alone: from it nobody comes to this one, or to that of another purpose.
    pub(crate) fn derived(&self, purpose: &str) -> [u8; 32] {
        // A key shorter than the block of SHA-256 is filled up with zeros, by definition of HMAC.
        let mut block = [0; 64];
        block[..self.bytes.len()].copy_from_slice(&self.bytes);
        let mut mac = <Hmac<Sha256> as Mac>::new(&block.into());
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// `owner` is what the value belongs to.
    pub(crate) fn seal(&self, owner: &str, value: &[u8]) -> Result<Vec<u8>> {
        let nonce = XNonce::generate();
        let payload = Payload {
            msg: value,
            aad: owner.as_bytes(),
        };
        let sealed = self.cipher.encrypt(&nonce, payload);
        let sealed = sealed.map_err(|_| closed("the secret could not be encrypted"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(crate) fn open(&self, owner: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let opened = sealed
            .split_at_checked(NONCE_BYTES)
            .and_then(|(nonce, sealed)| {
                let nonce = XNonce::try_from(nonce).ok()?;
                let payload = Payload {
                    msg: sealed,
                    aad: owner.as_bytes(),
                };
                self.cipher.decrypt(&nonce, payload).ok()
            });
        opened.ok_or_else(|| {
            closed("a stored secret cannot be opened with this engine's `sealing.key`; put the one back it was sealed with")
        })
    }
}

impl fmt::Debug for SealingKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey")
    }
}

fn closed(message: &str) -> Error {
    Error::new(&codes::INTERNAL, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_purposes_differ() {
        let key = SealingKey::new([7; 32]);
        assert_eq!(key.derived("links"), key.derived("links"));
        assert_ne!(key.derived("links"), key.derived("others"));
        assert_ne!(
            key.derived("links"),
            SealingKey::new([8; 32]).derived("links")
        );
    }

    #[test]
    fn only_the_owner_and_the_key_open_it() {
        let key = SealingKey::new([7; 32]);
        let sealed = key.seal("ada", b"secret").unwrap();
        assert_ne!(sealed, key.seal("ada", b"secret").unwrap());
        assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"));
        assert_eq!(key.open("ada", &sealed).unwrap(), b"secret");
        assert!(key.open("bob", &sealed).is_err());
        assert!(SealingKey::new([8; 32]).open("ada", &sealed).is_err());
        for at in [0, NONCE_BYTES, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open("ada", &changed).is_err());
        }
        assert!(key.open("ada", b"short").is_err());
    }
}
