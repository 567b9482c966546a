//! Signing keys in memory.

use std::sync::{Mutex, PoisonError};

use inkstone_domain::Result;
use inkstone_domain::people::StoredSigningKey;
use inkstone_domain::ports::SigningKeyStore;

/// Begins with the key it is given.
pub struct MemSigningKeys(Mutex<Vec<StoredSigningKey>>);

impl MemSigningKeys {
    /// `pkcs8` is an Ed25519 key.
    pub fn of(pkcs8: Vec<u8>) -> Self {
        Self(Mutex::new(vec![StoredSigningKey {
            pkcs8,
            retired_at: None,
        }]))
    }
}

impl SigningKeyStore for MemSigningKeys {
    fn signing_keys(&self) -> Result<Vec<StoredSigningKey>> {
        Ok(self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }

    fn put_signing_keys(&self, keys: &[StoredSigningKey]) -> Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = keys.to_vec();
        Ok(())
    }
}
