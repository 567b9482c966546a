//! Users and refresh tokens in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{Rotation, Successor, UserStore};
use inkstone_domain::principal::{Account, Session, User};
use inkstone_domain::{Error, Result, codes};

use super::{MemStore, State, already_exists, not_found, page_of};

pub(super) struct SessionEntry {
    session: Session,
    spent: bool,
    ended: bool,
}

#[async_trait]
impl UserStore for MemStore {
    async fn create_user(&self, account: Account, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        state.insert_account(account)?;
        state.append_audit(audit);
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

    async fn account(&self, id: UserId) -> Result<Option<Account>> {
        Ok(self.state().users.get(&id).cloned())
    }

    async fn list_users(&self, page: PageRequest) -> Result<Page<User>> {
        let state = self.state();
        let newest_first = state.users.iter().rev();
        let users = newest_first.map(|(id, known)| (*id, known.user.clone()));
        page_of(users, &page, |cursor| cursor.parse().ok())
    }

    async fn update_user(&self, user: &User, audit: &[AuditRecord]) -> Result<()> {
        let mut state = self.state();
        let known = state.users.get_mut(&user.id);
        let known = known.ok_or_else(|| not_found("user", user.id))?;
        if known.user.revision + 1 != user.revision {
            return Err(Error::new(
                &codes::REVISION_MISMATCH,
                format!(
                    "the user `{}` is at revision {} by now; read it again and repeat the change",
                    user.id, known.user.revision
                ),
            ));
        }
        known.user = User {
            email: known.user.email.clone(),
            created_at: known.user.created_at,
            ..user.clone()
        };
        for record in audit {
            state.append_audit(record);
        }
        Ok(())
    }

    async fn set_password_hash(&self, user: UserId, hash: &str, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        let known = state.users.get_mut(&user);
        let known = known.ok_or_else(|| not_found("user", user))?;
        known.password_hash = hash.to_owned();
        state.append_audit(audit);
        Ok(())
    }

    async fn rehash_password(&self, user: UserId, old: &str, new: &str) -> Result<()> {
        if let Some(known) = self.state().users.get_mut(&user)
            && known.password_hash == old
        {
            known.password_hash = new.to_owned();
        }
        Ok(())
    }

    async fn count_users(&self) -> Result<u64> {
        Ok(self.state().users.len() as u64)
    }

    async fn create_session(&self, session: Session, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        state.insert_session(session)?;
        state.append_audit(audit);
        Ok(())
    }

    async fn rotate_session(
        &self,
        token_hash: [u8; 32],
        successor: Successor,
        now: DateTime<Utc>,
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
            return Ok(Rotation::Reused {
                user: shown.user,
                family: shown.family,
            });
        }
        let successor = Session {
            id: successor.id,
            family: shown.family,
            user: shown.user,
            token_hash: successor.token_hash,
            signed_in_at: shown.signed_in_at,
            created_at: now,
            expires_at: successor.expires_at,
            seen: successor.seen,
        };
        state.insert_session(successor.clone())?;
        if let Some(entry) = state.sessions.get_mut(&shown.id) {
            entry.spent = true;
        }
        Ok(Rotation::Rotated(successor))
    }

    async fn sessions(&self, user: UserId, now: DateTime<Utc>) -> Result<Vec<Session>> {
        let state = self.state();
        let live = state.sessions.values().filter(|entry| {
            entry.session.user == user
                && !entry.spent
                && !entry.ended
                && entry.session.expires_at > now
        });
        let mut live: Vec<Session> = live.map(|entry| entry.session.clone()).collect();
        live.sort_by_key(|session| std::cmp::Reverse(session.family));
        Ok(live)
    }

    async fn end_family(&self, family: SessionId, audit: Option<&AuditRecord>) -> Result<()> {
        let mut state = self.state();
        state.end_family(family);
        state.append_some_audit(audit);
        Ok(())
    }

    async fn end_sessions(
        &self,
        user: UserId,
        but: Option<SessionId>,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let mut state = self.state();
        for entry in state.sessions.values_mut() {
            if entry.session.user == user && Some(entry.session.family) != but {
                entry.ended = true;
            }
        }
        state.append_some_audit(audit);
        Ok(())
    }
}

impl State {
    pub(super) fn insert_account(&mut self, account: Account) -> Result<()> {
        let email = &account.user.email;
        if self.users.values().any(|known| known.user.email == *email) {
            return Err(Error::new(
                &codes::ALREADY_EXISTS,
                "a user with this e-mail exists already",
            ));
        }
        if self.users.contains_key(&account.user.id) {
            return Err(already_exists("user", account.user.id));
        }
        self.users.insert(account.user.id, account);
        Ok(())
    }

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
