//! Ed25519 keys as people handle them: the public one as a line of text, the private one as a PEM
//! file, and the short id that names both.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use ed25519_dalek::{PUBLIC_KEY_LENGTH, Signer, VerifyingKey};

use crate::error::PackageError;
use crate::names::shown;

/// Stands before the base64 of a public key.
const SCHEME: &str = "ed25519:";
const KEY_ID_CHARS: usize = 16;

/// Names a key: the first 16 hex digits of the SHA-256 of the public key's 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyId {
    type Err = PackageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_id = text.len() == KEY_ID_CHARS
            && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if is_id {
            return Ok(Self(text.to_owned()));
        }
        Err(PackageError::Key(format!(
            "`{}` is no key id, which is {KEY_ID_CHARS} small hex digits; `inkstone plugin key list` shows them",
            shown(text)
        )))
    }
}

/// The half of a key that checks signatures. Written `ed25519:BASE64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    pub fn id(&self) -> KeyId {
        let mut digest = inkstone_domain::digest::sha256(self.0.as_bytes());
        digest.truncate(KEY_ID_CHARS);
        KeyId(digest)
    }

    /// Strict: one signature has one form, and keys that anybody could sign with are refused.
    pub(crate) fn verifies(&self, message: &[u8], signature: &ed25519_dalek::Signature) -> bool {
        self.0.verify_strict(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", STANDARD.encode(self.0.as_bytes()))
    }
}

impl FromStr for PublicKey {
    type Err = PackageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            PackageError::Key(format!(
                "`{}` is no public key; it is written ed25519:BASE64, as `inkstone plugin key new` prints it",
                shown(text)
            ))
        };
        let encoded = text.trim().strip_prefix(SCHEME).ok_or_else(wrong)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| wrong())?;
        let bytes: [u8; PUBLIC_KEY_LENGTH] = bytes.try_into().map_err(|_| wrong())?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| wrong())?;
        if key.is_weak() {
            return Err(wrong());
        }
        Ok(Self(key))
    }
}

/// The half of a key that signs. It is never printed, and wiped from memory when dropped.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A new key from the system's randomness.
    pub fn generate() -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&rand::random()))
    }

    /// Reads PKCS#8 as PEM, which other tools write too.
    pub fn from_pem(text: &str) -> Result<Self, PackageError> {
        ed25519_dalek::SigningKey::from_pkcs8_pem(text)
            .map(Self)
            .map_err(|_| {
                PackageError::Key(
                    "this is no Ed25519 key in PKCS#8 PEM; `inkstone plugin key new NAME` makes one"
                        .to_owned(),
                )
            })
    }

    /// PKCS#8 as PEM, for a file that only its owner may read.
    pub fn to_pem(&self) -> Result<impl std::ops::Deref<Target = String>, PackageError> {
        self.0
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|error| PackageError::Key(format!("the key cannot be written: {error}")))
    }

    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> ed25519_dalek::Signature {
        self.0.sign(message)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public().id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_file_and_its_line() {
        let key = SigningKey::generate();
        let pem = key.to_pem().unwrap().clone();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"), "no PEM");
        let again = SigningKey::from_pem(&pem).unwrap();
        assert_eq!(again.public(), key.public());
        let line = key.public().to_string();
        assert_eq!(line.parse::<PublicKey>().unwrap(), key.public());
        let id = key.public().id();
        assert_eq!(id.as_str().parse::<KeyId>().unwrap(), id);
        assert!(!format!("{key:?}").contains(pem.lines().nth(1).unwrap()));
    }

    #[test]
    fn the_id_is_part_of_the_sha256() {
        // The public key of RFC 8032, test 1.
        let line = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        let key: PublicKey = line.parse().unwrap();
        assert_eq!(key.id().as_str(), "21fe31dfa154a261");
        assert_eq!(key.to_string(), line);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        // The last one is the neutral element, with which anything verifies.
        for text in [
            "",
            "ed25519:",
            "ed25519:????",
            "ed25519:AAAA",
            "rsa:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
            "ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ] {
            let message = text.parse::<PublicKey>().unwrap_err().to_string();
            assert!(message.contains("is no public key"), "{text}: {message}");
        }
        for text in ["", "21fe", "21FE31DFA154A261", "../../etc/passwd"] {
            let message = text.parse::<KeyId>().unwrap_err().to_string();
            assert!(message.contains("is no key id"), "{text}: {message}");
        }
        assert!(SigningKey::from_pem("-----BEGIN PRIVATE KEY-----\n").is_err());
    }
}
