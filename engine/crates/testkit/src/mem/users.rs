//! Users and refresh tokens in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{Rotation, UserStore};
use inkstone_domain::principal::{Account, Session, User};
use inkstone_domain::{Error, Result, codes};

use super::{MemStore, State, already_exists};

pub(super) struct SessionEntry {
    session: Session,
    spent: bool,
    ended: bool,
}

#[async_trait]
impl UserStore for MemStore {
    async fn create_user(&self, account: Account) -> Result<()> {
        let mut state = self.state();
        let email = &account.user.email;
        if state.users.values().any(|known| known.user.email == *email) {
            return Err(Error::new(
                &codes::ALREADY_EXISTS,
                "a user with this e-mail exists already",
            ));
        }
        if state.users.contains_key(&account.user.id) {
            return Err(already_exists("user", account.user.id));
        }
        state.users.insert(account.user.id, account);
        Ok(())
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>> {
        let state = self.state();
        let found = state.users.values().find(|known| known.user.email == email);
        Ok(found.cloned())
    }

    async fn user(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.state().users.get(&id).map(|known| known.user.clone()))
    }

    async fn count_users(&self) -> Result<u64> {
        Ok(self.state().users.len() as u64)
    }

    async fn create_session(&self, session: Session) -> Result<()> {
        self.state().insert_session(session)
    }

    async fn rotate_session(
        &self,
        token_hash: [u8; 32],
        successor_id: SessionId,
        successor_hash: [u8; 32],
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<Rotation> {
        let mut state = self.state();
        let Some(entry) = state
            .sessions
            .values()
            .find(|entry| entry.session.token_hash == token_hash)
        else {
            return Ok(Rotation::Unknown);
        };
        if entry.ended || entry.session.expires_at <= now {
            return Ok(Rotation::Unknown);
        }
        let shown = entry.session.clone();
        if entry.spent {
            state.end_family(shown.family);
            return Ok(Rotation::Reused);
        }
        let successor = Session {
            id: successor_id,
            family: shown.family,
            user: shown.user,
            token_hash: successor_hash,
            created_at: now,
            expires_at,
        };
        state.insert_session(successor.clone())?;
        if let Some(entry) = state.sessions.get_mut(&shown.id) {
            entry.spent = true;
        }
        Ok(Rotation::Rotated(successor))
    }

    async fn end_family(&self, family: SessionId) -> Result<()> {
        self.state().end_family(family);
        Ok(())
    }
}

impl State {
    fn insert_session(&mut self, session: Session) -> Result<()> {
        let taken = self.sessions.contains_key(&session.id)
            || self
                .sessions
                .values()
                .any(|entry| entry.session.token_hash == session.token_hash);
        if taken {
            return Err(already_exists("session", session.id));
        }
        let entry = SessionEntry {
            session,
            spent: false,
            ended: false,
        };
        self.sessions.insert(entry.session.id, entry);
        Ok(())
    }

    fn end_family(&mut self, family: SessionId) {
        for entry in self.sessions.values_mut() {
            if entry.session.family == family {
                entry.ended = true;
            }
        }
    }
}
