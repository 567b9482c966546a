//! Sign-ins from their beginning to their end: a pair of tokens, its successors, and families of refresh
//! tokens that end when a spent one is shown.

use std::fmt;

use chrono::{DateTime, Utc};
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{Rotation, Successor};
use inkstone_domain::principal::{Session, User};
use inkstone_domain::{Error, Result, codes};

use super::token::{self, Bearer, RefreshToken};
use super::{Auth, Visit, subject_of_session};

/// What a sign-in hands out.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenPair {
    /// A JWT, signed with Ed25519.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    pub expires_in_s: u64,
    /// Good for one use.
    pub refresh_token: String,
}

impl fmt::Debug for TokenPair {
    /// Without the tokens: they must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenPair({} s)", self.expires_in_s)
    }
}

impl Auth {
    /// Hands out a pair to somebody whose identity is certain.
    pub(crate) async fn begin_session(&self, user: &User, visit: Visit) -> Result<TokenPair> {
        let now = self.clock.now();
        let refresh_token = RefreshToken::generate();
        let id = SessionId::new();
        let session = Session {
            id,
            family: id,
            user: user.id,
            token_hash: refresh_token.hash(),
            signed_in_at: now,
            created_at: now,
            expires_at: now + self.config.refresh_ttl,
            seen: visit.seen.clone(),
        };
        let subject = subject_of_session(id);
        let audit = visit.record(Some(user.id), now, actions::SESSION_STARTED, subject);
        self.users.create_session(session, &audit).await?;
        self.pair(user, id, refresh_token, now)
    }

    /// Spends a refresh token for a new pair. `token_reused` where it was spent before (that ends
    /// the whole sign-in), `invalid_token` where it is unknown or has run out.
    pub async fn refresh(&self, refresh_token: &str, visit: Visit) -> Result<TokenPair> {
        let now = self.clock.now();
        let (next, shown) = (
            RefreshToken::generate(),
            RefreshToken::parse(refresh_token)?,
        );
        let session = match self.rotate(&shown, &next, &visit, now).await? {
            Rotation::Rotated(session) => session,
            Rotation::Unknown => return Err(token::unknown_refresh_token()),
            Rotation::Reused { .. } => {
                return Err(Error::new(
                    &codes::TOKEN_REUSED,
                    "this refresh token was used before, so every token of its sign-in has been ended; sign in again",
                ));
            }
        };
        let user = self.existing_user(session.user).await?;
        if user.is_disabled() {
            self.end_session(session.family, None).await?;
            return Err(token::unknown_refresh_token());
        }
        self.pair(&user, session.family, next, now)
    }

    /// Ends the sign-in a refresh token belongs to. An unknown token is no error.
    pub async fn logout(&self, refresh_token: &str, visit: Visit) -> Result<()> {
        let Ok(shown) = RefreshToken::parse(refresh_token) else {
            return Ok(());
        };
        let now = self.clock.now();
        // A family is found by spending the token; the successor never leaves this function.
        let next = RefreshToken::generate();
        match self.rotate(&shown, &next, &visit, now).await? {
            Rotation::Rotated(session) => {
                let (user, subject) = (session.user, subject_of_session(session.family));
                let audit = visit.record(Some(user), now, actions::SESSION_ENDED, subject);
                self.end_session(session.family, Some(&audit)).await
            }
            Rotation::Unknown | Rotation::Reused { .. } => Ok(()),
        }
    }

    async fn rotate(
        &self,
        shown: &RefreshToken,
        next: &RefreshToken,
        visit: &Visit,
        now: DateTime<Utc>,
    ) -> Result<Rotation> {
        let successor = Successor {
            id: SessionId::new(),
            token_hash: next.hash(),
            expires_at: now + self.config.refresh_ttl,
            seen: visit.seen.clone(),
        };
        let rotation = self.users.rotate_session(shown.hash(), successor, now);
        let rotation = rotation.await?;
        if let Rotation::Reused { user, family } = rotation {
            // Whoever stole a token may have an access token as well.
            self.session_ended(family);
            // Whether the thief or the owner came second, nobody knows.
            let subject = subject_of_session(family);
            let audit = visit.record(None, now, actions::SESSION_REUSED, subject);
            self.audit.append(&audit.on_behalf_of(user)).await?;
        }
        Ok(rotation)
    }

    /// Ends one sign-in: its access tokens hold no longer in this engine.
    pub(crate) async fn end_session(
        &self,
        family: SessionId,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        self.users.end_family(family, audit).await?;
        self.session_ended(family);
        Ok(())
    }

    /// Ends all sign-ins of a user but one.
    pub(crate) async fn end_sessions(
        &self,
        user: UserId,
        but: Option<SessionId>,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let sessions = self.users.sessions(user, self.clock.now()).await?;
        self.users.end_sessions(user, but, audit).await?;
        for session in sessions {
            if Some(session.family) != but {
                self.session_ended(session.family);
            }
        }
        Ok(())
    }

    fn pair(
        &self,
        user: &User,
        session: SessionId,
        refresh_token: RefreshToken,
        now: DateTime<Utc>,
    ) -> Result<TokenPair> {
        let bearer = Bearer {
            user: user.id,
            role: user.role,
            session: Some(session),
        };
        Ok(TokenPair {
            access_token: self.access_tokens.issue(bearer, now)?,
            token_type: "Bearer",
            expires_in_s: self.config.access_ttl.as_secs(),
            refresh_token: refresh_token.into_text(),
        })
    }
}
