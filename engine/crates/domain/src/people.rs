//! What belongs to people beside their accounts: invitations, tokens that come by mail, second factors,
//! who they are at other issuers, the mail itself, and the keys that sign their access tokens.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::ids::{InvitationId, UserId};
use crate::principal::Role;

/// An admin's word that somebody may sign up. Its token is in the mail and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    pub id: InvitationId,
    /// Lower case; the only one that may sign up with it.
    pub email: String,
    /// What they will be.
    pub role: Role,
    /// SHA-256.
    pub token_hash: [u8; 32],
    pub invited_by: UserId,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// What a token is good for that came by mail, or by the way back from another issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailPurpose {
    /// To show that the address is theirs.
    VerifyEmail,
    ResetPassword,
    /// To begin a session: another issuer has just said who they are.
    FinishSignIn,
}

/// A token that was given to a user, good for one use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailToken {
    /// SHA-256.
    pub token_hash: [u8; 32],
    pub purpose: MailPurpose,
    pub user: UserId,
    pub expires_at: DateTime<Utc>,
}

/// Time-based one-time passwords (RFC 6238) of a user.
#[derive(Clone, PartialEq, Eq)]
pub struct SecondFactor {
    pub user: UserId,
    /// The shared secret, encrypted.
    pub sealed_secret: Vec<u8>,
    /// Sign-in asks for a code from then on; `None` until the user has shown a first one.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// The last time step whose code was spent: no code of it or before it is taken again.
    pub last_step: u64,
    /// SHA-256 of the recovery codes that are left.
    pub recovery_hashes: Vec<[u8; 32]>,
}

impl fmt::Debug for SecondFactor {
    /// Without the secret, sealed or not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = self.recovery_hashes.len();
        write!(f, "SecondFactor({}, {codes} recovery codes)", self.user)
    }
}

/// Who somebody is at another issuer (OpenID Connect).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its address, as its tokens name it.
    pub issuer: String,
    /// The issuer's name for the person, which never changes.
    pub subject: String,
    pub user: UserId,
    pub linked_at: DateTime<Utc>,
}

/// A mail in plain text to one address.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
}

impl fmt::Debug for Mail {
    /// Without the text: it has tokens in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mail({} to {})", self.subject, self.to)
    }
}

/// A key that signs or has signed access tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSigningKey {
    /// Ed25519 as PKCS#8 DER.
    pub pkcs8: Vec<u8>,
    /// Since when it signs no more.
    pub retired_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for StoredSigningKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredSigningKey(retired {:?})", self.retired_at)
    }
}
