//! Whom an engine trusts: keys by name, keys that are revoked, digests that are pinned, and whether a
//! signature is wanted at all. Pure: where the policy is written is told elsewhere.

use std::collections::BTreeMap;

use inkstone_domain::plugin::{Signer, Standing};

use crate::error::Untrusted;
use crate::key::{KeyId, PublicKey};
use crate::package::Package;

/// What is asked of a plugin before it is loaded. The default asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustPolicy {
    /// Whether a plugin must be signed by a trusted key.
    pub require_signature: bool,
    pub trusted: Vec<TrustedKey>,
    /// Goes before `trusted`.
    pub revoked: Vec<Revocation>,
    /// By plugin id: the SHA-256 that its file must have, in small hex digits.
    pub pins: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// Whose it is, in the admin's words.
    pub name: String,
    pub key: PublicKey,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    pub key_id: KeyId,
    pub reason: Option<String>,
}

impl TrustPolicy {
    /// Who signed the package, if it may be loaded. A signature that is not valid is never passed over.
    pub fn check(&self, package: &Package) -> Result<Vec<Signer>, Untrusted> {
        let broken = package
            .signatures
            .iter()
            .find(|one| !one.is_valid(&package.index_bytes));
        if let Some(signature) = broken {
            return Err(Untrusted::BadSignature {
                key_id: signature.key.id().to_string(),
            });
        }
        let signers = package
            .signatures
            .iter()
            .map(|one| self.signer(&one.key))
            .collect();
        self.check_again(&package.index.id, &package.digest, Some(signers))
    }

    /// The same for a bare component, which nobody can have signed.
    pub fn check_bare(&self, id: &str, digest: &str) -> Result<(), Untrusted> {
        self.check_again(id, digest, None).map(drop)
    }

    /// Asks anew for a plugin that was checked before, since keys are trusted and revoked meanwhile.
    /// `signers` is `None` for a bare component.
    pub fn check_again(
        &self,
        id: &str,
        digest: &str,
        signers: Option<Vec<Signer>>,
    ) -> Result<Vec<Signer>, Untrusted> {
        if let Some(pinned) = self.pins.get(id)
            && !pinned.eq_ignore_ascii_case(digest)
        {
            return Err(Untrusted::Pin {
                id: id.to_owned(),
                pinned: pinned.clone(),
                found: digest.to_owned(),
            });
        }
        let signers = signers.map(|signers| {
            let keys = signers
                .iter()
                .filter_map(|one| one.public_key.parse::<PublicKey>().ok());
            keys.map(|key| self.signer(&key)).collect::<Vec<_>>()
        });
        if self.require_signature {
            require(signers.as_deref())?;
        }
        Ok(signers.unwrap_or_default())
    }

    /// What this engine thinks of a key.
    pub fn signer(&self, key: &PublicKey) -> Signer {
        let key_id = key.id();
        let known = self.trusted.iter().find(|one| one.key == *key);
        let is_revoked = self.revoked.iter().any(|one| one.key_id == key_id);
        Signer {
            key_id: key_id.to_string(),
            public_key: key.to_string(),
            name: known.map(|one| one.name.clone()),
            standing: match (is_revoked, known) {
                (true, _) => Standing::Revoked,
                (false, Some(_)) => Standing::Trusted,
                (false, None) => Standing::Unknown,
            },
        }
    }
}

fn require(signers: Option<&[Signer]>) -> Result<(), Untrusted> {
    let signers = match signers {
        None => return Err(Untrusted::Bare),
        Some([]) => return Err(Untrusted::Unsigned),
        Some(signers) => signers,
    };
    if signers.iter().any(|one| one.standing == Standing::Trusted) {
        return Ok(());
    }
    let ids: Vec<&str> = signers.iter().map(|one| one.key_id.as_str()).collect();
    let unknown = signers.iter().find(|one| one.standing == Standing::Unknown);
    Err(match unknown {
        Some(one) => Untrusted::UnknownSigners {
            signers: ids.join(", "),
            example: one.public_key.clone(),
        },
        None => Untrusted::RevokedSigners {
            signers: ids.join(", "),
        },
    })
}

#[cfg(test)]
mod tests;
