//! What proves that a link was made here: an HMAC-SHA256 over what it says. Nothing is stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::auth::SealingKey;

/// Signs links of one kind.
pub(crate) struct Signatures([u8; 32]);

impl Signatures {
    /// `kind` keeps links of one kind from opening what is of another.
    pub(crate) fn new(key: &SealingKey, kind: &str) -> Self {
        Self(key.derived(kind))
    }

    /// In Base64 for addresses, without padding.
    pub(crate) fn sign(&self, claim: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(claim).finalize().into_bytes())
    }

    /// Takes as long for every wrong signature.
    pub(crate) fn is_of(&self, claim: &[u8], signature: &str) -> bool {
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        self.mac(claim).verify_slice(&signature).is_ok()
    }

    fn mac(&self, claim: &[u8]) -> Hmac<Sha256> {
        // A key shorter than the block of SHA-256 is filled up with zeros, by definition of HMAC.
        let mut block = [0; 64];
        block[..self.0.len()].copy_from_slice(&self.0);
        let mut mac = <Hmac<Sha256> as Mac>::new(&block.into());
        mac.update(claim);
        mac
    }
}
