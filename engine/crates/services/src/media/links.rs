//! Links that open one version of a file, or one variant of it, without sign-in and until they expire. A
//! link is its claim and an HMAC-SHA256 over it; nothing is stored, and nothing of a link can be changed.

use std::fmt;

use chrono::{DateTime, Utc};
use inkstone_domain::ids::MediaId;
use inkstone_domain::{Error, Result, codes};

use crate::auth::SealingKey;
use crate::signatures::Signatures;

/// What a link opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkClaim {
    pub media: MediaId,
    pub version: u32,
    /// The version itself where `None`.
    pub variant: Option<String>,
    /// Unix seconds.
    pub expires: i64,
}

/// A claim with what proves it.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    pub claim: LinkClaim,
    /// Base64 for addresses, without padding.
    pub signature: String,
}

impl fmt::Debug for Link {
    /// Without the signature: who has it may read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("claim", &self.claim)
            .finish_non_exhaustive()
    }
}

/// Makes and checks links.
pub(super) struct Signer(Signatures);

impl Signer {
    pub(super) fn new(key: &SealingKey) -> Self {
        Self(Signatures::new(key, "inkstone links to media 1"))
    }

    pub(super) fn sign(&self, claim: LinkClaim) -> Link {
        let signature = self.0.sign(&signed(&claim));
        Link { claim, signature }
    }

    /// `invalid_link` where it is not ours or has expired. Takes as long for every wrong signature.
    pub(super) fn check(&self, link: &Link, now: DateTime<Utc>) -> Result<()> {
        if !self.0.is_of(&signed(&link.claim), &link.signature) {
            return Err(invalid("the link was not made here, or was changed"));
        }
        match now.timestamp() < link.claim.expires {
            true => Ok(()),
            false => Err(invalid("the link has expired; ask for a new one")),
        }
    }
}

fn signed(claim: &LinkClaim) -> Vec<u8> {
    let LinkClaim {
        media,
        version,
        variant,
        expires,
    } = claim;
    // What comes from outside stands last, behind what has one form only.
    let mut signed = format!("{media}\n{version}\n{expires}\n").into_bytes();
    if let Some(variant) = variant {
        signed.extend_from_slice(b"variant\n");
        signed.extend_from_slice(variant.as_bytes());
    }
    signed
}

fn invalid(message: &str) -> Error {
    Error::new(&codes::INVALID_LINK, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_one_thing_until_it_expires() {
        let signer = Signer::new(&SealingKey::new([7; 32]));
        let now = DateTime::from_timestamp(1_000, 0).unwrap();
        let claim = LinkClaim {
            media: MediaId::new(),
            version: 2,
            variant: None,
            expires: 1_001,
        };
        let link = signer.sign(claim.clone());
        let code = |link: &Link, now| signer.check(link, now).map_err(|error| error.code().name);
        assert_eq!(code(&link, now), Ok(()));
        let later = DateTime::from_timestamp(1_001, 0).unwrap();
        assert_eq!(code(&link, later), Err("invalid_link"));
        let changes: [fn(&mut Link); 7] = [
            |link| link.claim.media = MediaId::new(),
            |link| link.claim.version = 1,
            |link| link.claim.variant = Some("thumbnail".to_owned()),
            |link| link.claim.variant = Some(String::new()),
            |link| link.claim.expires += 1,
            |link| link.signature.clear(),
            |link| link.signature = link.signature.replace(|_| true, "A"),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut changed = link.clone();
            change(&mut changed);
            assert_eq!(code(&changed, now), Err("invalid_link"), "{number}");
        }
        let stranger = Signer::new(&SealingKey::new([8; 32]));
        assert!(stranger.check(&link, now).is_err());
        assert!(!format!("{link:?}").contains(&link.signature));
    }
}
