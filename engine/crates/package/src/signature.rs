//! `signature.json`: who signed a package's index, and thereby, through the digests in it, everything
//! else. A signature names its whole public key, so that it can be checked by who has never seen it;
//! whether the key is trusted is the policy's question.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::error::PackageError;
use crate::key::{KeyId, PublicKey, SigningKey};

/// Stands before the signed bytes, so that a signature fits nothing else.
const CONTEXT: &[u8] = b"inkstone plugin package index v1\0";
const ALGORITHM: &str = "ed25519";
const MAX_SIGNATURES: usize = 32;

/// One signature over a package's index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub key: PublicKey,
    signature: ed25519_dalek::Signature,
}

/// As it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSignature {
    key_id: String,
    algorithm: String,
    public_key: String,
    /// Base64 of 64 bytes.
    signature: String,
}

impl Signature {
    pub(crate) fn new(key: &SigningKey, index: &[u8]) -> Self {
        Self {
            key: key.public(),
            signature: key.sign(&message(index)),
        }
    }

    pub(crate) fn is_valid(&self, index: &[u8]) -> bool {
        self.key.verifies(&message(index), &self.signature)
    }
}

fn message(index: &[u8]) -> Vec<u8> {
    [CONTEXT, index].concat()
}

/// Reads `signature.json`; whether the signatures are valid is not looked at.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Signature>, PackageError> {
    let refused = |why: String| PackageError::Refused(format!("signature.json: {why}"));
    let raw: Vec<RawSignature> =
        serde_json::from_slice(bytes).map_err(|error| refused(error.to_string()))?;
    if raw.len() > MAX_SIGNATURES {
        return Err(refused(format!(
            "it holds {} signatures, and {MAX_SIGNATURES} is the most",
            raw.len()
        )));
    }
    let mut signatures: Vec<Signature> = Vec::with_capacity(raw.len());
    for one in &raw {
        let signature = parse_one(one).map_err(refused)?;
        if signatures.iter().any(|other| other.key == signature.key) {
            return Err(refused(format!("the key {} signs twice", one.key_id)));
        }
        signatures.push(signature);
    }
    Ok(signatures)
}

fn parse_one(raw: &RawSignature) -> Result<Signature, String> {
    let key_id: KeyId = raw.key_id.parse().map_err(told)?;
    if raw.algorithm != ALGORITHM {
        return Err(format!(
            "the signature by {key_id} is made with another algorithm than {ALGORITHM}"
        ));
    }
    let key: PublicKey = raw.public_key.parse().map_err(told)?;
    if key.id() != key_id {
        return Err(format!(
            "the signature says key id {key_id}, but its public key has {}",
            key.id()
        ));
    }
    let bytes = STANDARD.decode(&raw.signature).ok();
    let signature = bytes
        .and_then(|bytes| ed25519_dalek::Signature::from_slice(&bytes).ok())
        .ok_or_else(|| format!("the signature by {key_id} is not the base64 of 64 bytes"))?;
    Ok(Signature { key, signature })
}

fn told(error: PackageError) -> String {
    error.to_string()
}

/// The bytes of `signature.json`.
pub(crate) fn write(signatures: &[Signature]) -> Result<Vec<u8>, PackageError> {
    let raw: Vec<RawSignature> = signatures
        .iter()
        .map(|one| RawSignature {
            key_id: one.key.id().to_string(),
            algorithm: ALGORITHM.to_owned(),
            public_key: one.key.to_string(),
            signature: STANDARD.encode(one.signature.to_bytes()),
        })
        .collect();
    serde_json::to_vec_pretty(&raw)
        .map_err(|error| PackageError::Refused(format!("signature.json: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_signature_holds_for_its_bytes_and_its_key_alone() {
        let key = SigningKey::generate();
        let signature = Signature::new(&key, b"index");
        assert!(signature.is_valid(b"index"));
        assert!(!signature.is_valid(b"Index"));
        let foreign = Signature {
            key: SigningKey::generate().public(),
            ..signature.clone()
        };
        assert!(!foreign.is_valid(b"index"));
        // What is signed without our context is no signature of a package.
        let bare = Signature {
            key: key.public(),
            signature: key.sign(b"index"),
        };
        assert!(!bare.is_valid(b"index"));
        let written = write(std::slice::from_ref(&signature)).unwrap();
        assert_eq!(parse(&written).unwrap(), [signature]);
    }

    #[test]
    fn what_is_no_list_of_signatures_is_refused() {
        let key = SigningKey::generate();
        let fine = write(&[Signature::new(&key, b"index")]).unwrap();
        let fine: Value = serde_json::from_slice(&fine).unwrap();
        let with = |name: &str, value: Value| {
            let mut changed = fine.clone();
            changed[0][name] = value;
            changed
        };
        for (json, words) in [
            (json!({}), "signature.json"),
            (with("algorithm", json!("rsa")), "another algorithm"),
            (with("key_id", json!("0000000000000000")), "says key id"),
            (with("key_id", json!("../../x")), "is no key id"),
            (with("public_key", json!("ed25519:AAAA")), "no public key"),
            (with("signature", json!("AAAA")), "64 bytes"),
            (with("signature", json!("?")), "64 bytes"),
            (with("trusted", json!(true)), "unknown field"),
            (json!([fine[0], fine[0]]), "signs twice"),
            (json!(vec![fine[0].clone(); 33]), "33 signatures"),
        ] {
            let error = parse(json.to_string().as_bytes()).unwrap_err();
            assert!(error.to_string().contains(words), "{words}: {error}");
        }
    }
}
