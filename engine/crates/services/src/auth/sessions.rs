//! Sign-ins from their beginning to their end: a pair of tokens, its successors, and families of refresh
//! tokens that end when a spent one is shown.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{Ending, News, Rotation, ShownToken, Successor};
use inkstone_domain::principal::{Session, User};
use inkstone_domain::{Error, Result, codes};
use tokio_util::sync::CancellationToken;

use super::token::{self, Bearer, RefreshToken};
use super::{Auth, REMEMBERED_ENDS, Visit, subject_of_session};
use crate::rounds::Rounds;
use crate::sweep::in_pieces;

/// Between two looks for sign-ins that ran out.
const TIDY_EVERY: Duration = Duration::from_secs(10 * 60);
/// What clocks of engines may differ by.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);
/// Dropped in one transaction.
const AT_A_TIME: usize = 500;

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
    /// Hands out a pair to somebody whose identity is certain; `checked` is the hash that their password was checked
    /// against, where they showed one. `invalid_credentials` where it is another one by now, or they are disabled.
    pub(crate) async fn begin_session(
        &self,
        user: UserId,
        checked: Option<&str>,
        visit: &Visit,
    ) -> Result<TokenPair> {
        let now = self.clock.now();
        let refresh_token = RefreshToken::generate();
        let id = SessionId::new();
        let session = Session {
            id,
            family: id,
            user,
            token_hash: refresh_token.hash(),
            family_hash: refresh_token.family_hash(),
            signed_in_at: now,
            created_at: now,
            expires_at: now + self.config.refresh_ttl,
            seen: visit.seen.clone(),
        };
        let subject = subject_of_session(id);
        let audit = visit.record(Some(user), now, actions::SESSION_STARTED, subject);
        let begun = self.users.create_session(session, checked, &audit);
        // The role they have now, whatever it was when they began.
        let user = begun.await?;
        self.pair(&user, id, refresh_token, now)
    }

    /// Spends a refresh token for a new pair. `token_reused` where it was spent before (that ends
    /// the whole sign-in), `invalid_token` where it is unknown or has run out.
    pub async fn refresh(&self, refresh_token: &str, visit: Visit) -> Result<TokenPair> {
        let now = self.clock.now();
        let shown = RefreshToken::parse(refresh_token)?;
        let next = shown.next();
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
        let next = shown.next();
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
            family_hash: next.family_hash().unwrap_or_default(),
            expires_at: now + self.config.refresh_ttl,
            seen: visit.seen.clone(),
        };
        let shown = ShownToken {
            token_hash: shown.hash(),
            family_hash: shown.family_hash(),
        };
        // Whether the thief or the owner came second, nobody knows.
        let tell = |user: UserId, family: SessionId| {
            let subject = subject_of_session(family);
            let audit = visit.record(None, now, actions::SESSION_REUSED, subject);
            audit.on_behalf_of(user)
        };
        let owing = self.owed.begin();
        let rotation = self.users.rotate_session(shown, successor, now, &tell);
        let rotation = rotation.await?;
        if let Rotation::Reused { family, .. } = rotation {
            // Whoever stole a token may have an access token as well.
            self.sessions_ended([family]);
        }
        owing.paid();
        Ok(rotation)
    }

    /// Ends one sign-in: its access tokens hold no longer in this engine.
    pub(crate) async fn end_session(
        &self,
        family: SessionId,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let owing = self.owed.begin();
        let now = self.clock.now();
        self.users.end_family(family, now, audit).await?;
        self.sessions_ended([family]);
        owing.paid();
        Ok(())
    }

    /// Ends all sign-ins of a user but one.
    pub(crate) async fn end_sessions(
        &self,
        user: UserId,
        but: Option<SessionId>,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let owing = self.owed.begin();
        let ending = self.ending(but);
        let ended = self.users.end_sessions(user, ending, audit).await?;
        self.sessions_ended(ended);
        owing.paid();
        Ok(())
    }

    /// All sign-ins of a user but one, from now on.
    pub(crate) fn ending(&self, but: Option<SessionId>) -> Ending {
        Ending {
            but,
            at: self.clock.now(),
        }
    }

    /// Their access tokens hold no longer, here and elsewhere. After a change of the store that has ended them.
    pub(crate) fn sessions_ended(&self, families: impl IntoIterator<Item = SessionId>) {
        for session in families {
            self.end_here(session);
            self.bus.tell(News::SessionEnded { session });
        }
    }

    pub(crate) fn end_here(&self, session: SessionId) {
        self.ended.insert(session, ());
    }

    /// Takes in what was ended while this engine was not there, or did not hear of it: access tokens of before may
    /// still hold.
    pub(crate) async fn load_ended(&self) -> Result<()> {
        let since = self.clock.now() - self.config.access_ttl - CLOCKS_DIFFER;
        let ended = self.users.ended_since(since, REMEMBERED_ENDS).await?;
        for session in ended {
            self.end_here(session);
        }
        Ok(())
    }

    /// Drops what has run out now and then until it is stopped.
    pub(crate) async fn keep_tidy(self: Arc<Self>, stop: CancellationToken) {
        let mut rounds = Rounds::every(TIDY_EVERY, stop.clone());
        while rounds.next().await {
            let now = self.clock.now();
            let forget = |piece| self.users.forget_sessions(now, piece);
            if let Err(error) = in_pieces(AT_A_TIME, &stop, forget).await {
                tracing::warn!(?error, "sign-ins that ran out could not be dropped");
            }
        }
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
