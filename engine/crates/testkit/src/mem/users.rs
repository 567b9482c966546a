//! Users and refresh tokens in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{
    Ending, NewPassword, Rotation, ShownToken, Successor, TellReuse, UserStore,
};
use inkstone_domain::principal::{Account, Session, User};
use inkstone_domain::{Error, Result, codes};

use super::{MemStore, State, already_exists, not_found, page_of};

pub(super) struct SessionEntry {
    session: Session,
    spent: bool,
    ended_at: Option<DateTime<Utc>>,
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

    async fn update_user(
        &self,
        user: &User,
        ending: Option<Ending>,
        audit: &[AuditRecord],
    ) -> Result<Vec<SessionId>> {
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
        let ended = ending.map(|ending| state.end_sessions(user.id, ending));
        Ok(ended.unwrap_or_default())
    }

    async fn set_password_hash(
        &self,
        user: UserId,
        new: NewPassword<'_>,
        audit: &AuditRecord,
    ) -> Result<Vec<SessionId>> {
        let mut state = self.state();
        let known = state.users.get_mut(&user);
        let known = known.ok_or_else(|| not_found("user", user))?;
        if new.instead_of.is_some_and(|old| old != known.password_hash) {
            return Err(changed_meanwhile());
        }
        known.password_hash = new.hash.to_owned();
        state.append_audit(audit);
        Ok(state.end_sessions(user, new.ending))
    }

    async fn rehash_password(&self, user: UserId, old: &str, new: &str) -> Result<bool> {
        match self.state().users.get_mut(&user) {
            Some(known) if known.password_hash == old => {
                known.password_hash = new.to_owned();
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn unverified_before(&self, before: DateTime<Utc>, limit: usize) -> Result<Vec<User>> {
        let state = self.state();
        let users = state.users.values().map(|known| &known.user);
        let pending = users.filter(|user| user.is_pending() && user.created_at < before);
        Ok(pending.take(limit).cloned().collect())
    }

    async fn remove_unverified(&self, user: UserId, audit: &AuditRecord) -> Result<bool> {
        let mut state = self.state();
        let known = state.users.get(&user);
        let is_there = known.is_some_and(|known| known.user.is_pending());
        if is_there {
            state.remove_pending(user);
            state.append_audit(audit);
        }
        Ok(is_there)
    }

    async fn count_users(&self) -> Result<u64> {
        Ok(self.state().users.len() as u64)
    }

    async fn create_session(
        &self,
        session: Session,
        checked: Option<&str>,
        audit: &AuditRecord,
    ) -> Result<User> {
        let mut state = self.state();
        let known = state.users.get(&session.user);
        let known = known.filter(|known| {
            !known.user.is_disabled() && checked.is_none_or(|hash| hash == known.password_hash)
        });
        let user = known.ok_or_else(changed_meanwhile)?.user.clone();
        state.insert_session(session)?;
        state.append_audit(audit);
        Ok(user)
    }

    async fn rotate_session(
        &self,
        shown: ShownToken,
        successor: Successor,
        now: DateTime<Utc>,
        tell: TellReuse<'_>,
    ) -> Result<Rotation> {
        let mut state = self.state();
        let entries = state.sessions.values();
        let known = entries
            .clone()
            .find(|entry| entry.session.token_hash == shown.token_hash);
        let live = match (known, shown.family_hash) {
            (Some(entry), _) => entries
                .clone()
                .find(|it| !it.spent && it.session.family == entry.session.family),
            (None, Some(hash)) => entries
                .clone()
                .find(|it| it.session.family_hash == Some(hash)),
            (None, None) => None,
        };
        let live = live.filter(|it| it.ended_at.is_none() && it.session.expires_at > now);
        let Some(live) = live.map(|it| it.session.clone()) else {
            return Ok(Rotation::Unknown);
        };
        if live.token_hash != shown.token_hash {
            let (user, family) = (live.user, live.family);
            state.end_family(family, now);
            state.append_audit(&tell(user, family));
            return Ok(Rotation::Reused { user, family });
        }
        let successor = Session {
            id: successor.id,
            family: live.family,
            user: live.user,
            token_hash: successor.token_hash,
            family_hash: Some(successor.family_hash),
            signed_in_at: live.signed_in_at,
            created_at: now,
            expires_at: successor.expires_at,
            seen: successor.seen,
        };
        state.insert_session(successor.clone())?;
        match live.family_hash {
            Some(_) => drop(state.sessions.remove(&live.id)),
            None => {
                let spent = state.sessions.get_mut(&live.id);
                spent.into_iter().for_each(|entry| entry.spent = true);
            }
        }
        Ok(Rotation::Rotated(successor))
    }

    async fn sessions(&self, user: UserId, now: DateTime<Utc>) -> Result<Vec<Session>> {
        let state = self.state();
        let live = state.sessions.values().filter(|entry| {
            entry.session.user == user
                && !entry.spent
                && entry.ended_at.is_none()
                && entry.session.expires_at > now
        });
        let mut live: Vec<Session> = live.map(|entry| entry.session.clone()).collect();
        live.sort_by_key(|session| std::cmp::Reverse(session.family));
        Ok(live)
    }

    async fn end_family(
        &self,
        family: SessionId,
        at: DateTime<Utc>,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let mut state = self.state();
        state.end_family(family, at);
        state.append_some_audit(audit);
        Ok(())
    }

    async fn end_sessions(
        &self,
        user: UserId,
        ending: Ending,
        audit: Option<&AuditRecord>,
    ) -> Result<Vec<SessionId>> {
        let mut state = self.state();
        state.append_some_audit(audit);
        Ok(state.end_sessions(user, ending))
    }

    async fn ended_since(&self, since: DateTime<Utc>, limit: usize) -> Result<Vec<SessionId>> {
        let state = self.state();
        let ended = state.sessions.values().filter_map(|entry| {
            let ended_at = entry.ended_at.filter(|at| *at > since)?;
            Some((ended_at, entry.session.family))
        });
        let mut ended: Vec<_> = ended.collect();
        ended.sort_by(|one, other| other.cmp(one));
        let families = ended.into_iter().map(|(_, family)| family);
        Ok(families.take(limit).collect())
    }

    async fn forget_sessions(&self, now: DateTime<Utc>, limit: usize) -> Result<u64> {
        let mut state = self.state();
        let sessions = state.sessions.values().map(|entry| &entry.session);
        let expired = sessions.filter(|session| session.expires_at <= now);
        let expired: Vec<SessionId> = expired.map(|session| session.id).take(limit).collect();
        for id in &expired {
            state.sessions.remove(id);
        }
        Ok(expired.len() as u64)
    }
}

impl State {
    pub(super) fn insert_account(&mut self, account: Account) -> Result<()> {
        let email = &account.user.email;
        let mut users = self.users.values().map(|known| &known.user);
        if let Some(holder) = users.find(|user| user.email == *email) {
            if !holder.is_pending() {
                return Err(Error::new(
                    &codes::ALREADY_EXISTS,
                    "a user with this e-mail exists already",
                ));
            }
            let holder = holder.id;
            self.remove_pending(holder);
        }
        if self.users.contains_key(&account.user.id) {
            return Err(already_exists("user", account.user.id));
        }
        self.users.insert(account.user.id, account);
        Ok(())
    }

    fn remove_pending(&mut self, user: UserId) {
        self.users.remove(&user);
        self.mail_tokens.retain(|token| token.user != user);
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
            ended_at: None,
        };
        self.sessions.insert(entry.session.id, entry);
        Ok(())
    }

    fn end_family(&mut self, family: SessionId, at: DateTime<Utc>) {
        for entry in self.sessions.values_mut() {
            if entry.session.family == family && !entry.spent {
                entry.ended_at.get_or_insert(at);
            }
        }
    }

    fn end_sessions(&mut self, user: UserId, ending: Ending) -> Vec<SessionId> {
        let own = self.sessions.values_mut().filter(|entry| {
            entry.session.user == user
                && Some(entry.session.family) != ending.but
                && !entry.spent
                && entry.ended_at.is_none()
        });
        own.map(|entry| {
            entry.ended_at = Some(ending.at);
            entry.session.family
        })
        .collect()
    }
}

fn changed_meanwhile() -> Error {
    Error::new(
        &codes::INVALID_CREDENTIALS,
        "the account was changed in this moment; sign in again",
    )
}
