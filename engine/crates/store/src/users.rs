//! The table `user`, and the port over it and over `session`.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{
    Ending, NewPassword, Rotation, ShownToken, Successor, TellReuse, UserStore,
};
use inkstone_domain::principal::{Account, Role, Session, User};
use surrealdb::types::SurrealValue;

use crate::articles::read_all;
use crate::audit::{APPEND_AUDIT, audited, audited_giving, bind_audit};
use crate::connection::SurrealStore;
use crate::pages::Place;
use crate::row::{RowResult, parse, unknown_word};
use crate::sessions::{END_SESSIONS, EndingRow, families};
use crate::statement::Statement;

const TABLE: &str = "user";

#[derive(SurrealValue)]
pub(crate) struct UserRow {
    key: String,
    email: String,
    name: String,
    role: String,
    password_hash: String,
    email_verified: bool,
    disabled_at: Option<DateTime<Utc>>,
    revision: u64,
    created_at: DateTime<Utc>,
}

/// A part of every transaction that makes the account `$user`: an account of the same address that nobody has
/// verified or disabled is gone then, with what was sent for it. Nobody has ever signed in to it.
pub(crate) const TAKE_ADDRESS: &str = "
    LET $holder = (SELECT key, email_verified, disabled_at FROM user WHERE email = $user.email)[0];
    IF $holder != NONE {
        IF $holder.email_verified OR $holder.disabled_at != NONE {
            THROW 'refused:already_exists'
        };
        DELETE type::record('mail_token', [$holder.key, 'verify_email']) RETURN NONE;
        DELETE type::record('mail_token', [$holder.key, 'reset_password']) RETURN NONE;
        DELETE type::record('user', $holder.key) RETURN NONE;
    };
";

#[async_trait]
impl UserStore for SurrealStore {
    async fn create_user(&self, account: Account, audit: &AuditRecord) -> Result<()> {
        let parts = format!(
            "{TAKE_ADDRESS} CREATE type::record('user', $user.key) CONTENT $user RETURN NONE;"
        );
        let statement = audited(&parts, audit)
            .about("user with this e-mail")
            .bind("user", UserRow::from(account));
        Ok(self.write(statement).await?)
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>> {
        let statement =
            Statement::new("SELECT * FROM user WHERE email = $email LIMIT 1").bind("email", email);
        let rows: Vec<UserRow> = self.read(statement).await?;
        let found = rows.into_iter().next();
        Ok(found.map(Account::try_from).transpose()?)
    }

    async fn user(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.account(id).await?.map(|account| account.user))
    }

    async fn account(&self, id: UserId) -> Result<Option<Account>> {
        let statement = Statement::new("SELECT * FROM ONLY type::record('user', $key)")
            .bind("key", id.to_string());
        let row: Option<UserRow> = self.read(statement).await?;
        Ok(row.map(Account::try_from).transpose()?)
    }

    async fn list_users(&self, page: PageRequest) -> Result<Page<User>> {
        let place: Place<UserId> = Place::of(&page)?;
        let text = match place.before {
            None => "SELECT * FROM user ORDER BY key DESC LIMIT $rows",
            Some(_) => "SELECT * FROM user WHERE key < $before ORDER BY key DESC LIMIT $rows",
        };
        let statement = Statement::new(text)
            .bind("before", place.before.map(|id| id.to_string()))
            .bind("rows", place.rows);
        let rows: Vec<UserRow> = self.read(statement).await?;
        let accounts: Vec<Account> = read_all(rows)?;
        let users = accounts.into_iter().map(|account| account.user);
        Ok(place.page(users.collect(), |user: &User| user.id))
    }

    async fn update_user(
        &self,
        user: &User,
        ending: Option<Ending>,
        audit: &[AuditRecord],
    ) -> Result<Vec<SessionId>> {
        let parts = format!(
            "LET $stored = SELECT VALUE revision FROM ONLY type::record('user', $user_key);
            IF $stored = NONE {{ THROW 'refused:not_found' }};
            IF $stored != $revision - 1 {{
                THROW 'refused:revision_mismatch:' + <string>$stored
            }};
            UPDATE type::record('user', $user_key) SET
                name = $name,
                role = $role,
                email_verified = $email_verified,
                disabled_at = $disabled_at,
                revision = $revision
                RETURN NONE;
            {END_SESSIONS}"
        );
        let statement = audited_giving(&parts, "$families", audit)
            .about(format!("user `{}`", user.id))
            .bind("user_key", user.id.to_string())
            .bind("name", user.name.as_str())
            .bind("role", role_word(user.role))
            .bind("email_verified", user.email_verified)
            .bind("disabled_at", user.disabled_at)
            .bind("revision", user.revision)
            .bind("ending", ending.map(EndingRow::from));
        Ok(families(self.write(statement).await?)?)
    }

    async fn set_password_hash(
        &self,
        user: UserId,
        new: NewPassword<'_>,
        audit: &AuditRecord,
    ) -> Result<Vec<SessionId>> {
        let parts = format!(
            "LET $stored = SELECT key, password_hash FROM ONLY type::record('user', $user_key);
            IF $stored = NONE {{ THROW 'refused:not_found' }};
            IF $checked != NONE AND $stored.password_hash != $checked {{
                THROW 'refused:credentials_changed'
            }};
            UPDATE type::record('user', $user_key) SET password_hash = $hash RETURN NONE;
            {END_SESSIONS}"
        );
        let statement = audited_giving(&parts, "$families", std::slice::from_ref(audit))
            .about(format!("user `{user}`"))
            .bind("user_key", user.to_string())
            .bind("hash", new.hash)
            .bind("checked", new.instead_of.map(str::to_owned))
            .bind("ending", Some(EndingRow::from(new.ending)));
        Ok(families(self.write(statement).await?)?)
    }

    async fn rehash_password(&self, user: UserId, old: &str, new: &str) -> Result<bool> {
        let statement = Statement::new(
            "{
                LET $changed = UPDATE type::record('user', $key) SET password_hash = $new
                    WHERE password_hash = $old RETURN VALUE key;
                RETURN array::len($changed) > 0;
            }",
        )
        .bind("key", user.to_string())
        .bind("old", old)
        .bind("new", new);
        Ok(self.write(statement).await?)
    }

    async fn unverified_before(&self, before: DateTime<Utc>, limit: usize) -> Result<Vec<User>> {
        let statement = Statement::new(
            "SELECT * FROM user WHERE email_verified = false AND created_at < $before \
             AND disabled_at = NONE LIMIT $limit",
        )
        .bind("before", before)
        .bind("limit", limit as u64);
        let rows: Vec<UserRow> = self.read(statement).await?;
        let accounts: Vec<Account> = read_all(rows)?;
        Ok(accounts.into_iter().map(|account| account.user).collect())
    }

    async fn remove_unverified(&self, user: UserId, audit: &AuditRecord) -> Result<bool> {
        let statement = Statement::new(format!(
            "{{
                LET $stored = SELECT email_verified, disabled_at FROM ONLY type::record('user', $key);
                IF $stored = NONE OR $stored.email_verified OR $stored.disabled_at != NONE {{
                    RETURN false;
                }};
                DELETE type::record('mail_token', [$key, 'verify_email']) RETURN NONE;
                DELETE type::record('mail_token', [$key, 'reset_password']) RETURN NONE;
                DELETE type::record('user', $key) RETURN NONE;
                {APPEND_AUDIT}
                RETURN true;
            }}"
        ))
        .bind("key", user.to_string());
        Ok(self.write(bind_audit(statement, audit)).await?)
    }

    async fn count_users(&self) -> Result<u64> {
        let statement = Statement::new(
            "SELECT VALUE count FROM ONLY (SELECT count() FROM user GROUP ALL) LIMIT 1",
        );
        let count: Option<u64> = self.read(statement).await?;
        Ok(count.unwrap_or_default())
    }

    async fn create_session(
        &self,
        session: Session,
        checked: Option<&str>,
        audit: &AuditRecord,
    ) -> Result<User> {
        Ok(self.insert_session(session, checked, audit).await?)
    }

    async fn rotate_session(
        &self,
        shown: ShownToken,
        successor: Successor,
        now: DateTime<Utc>,
        tell: TellReuse<'_>,
    ) -> Result<Rotation> {
        Ok(self.rotate(shown, successor, now, tell).await?)
    }

    async fn sessions(&self, user: UserId, now: DateTime<Utc>) -> Result<Vec<Session>> {
        Ok(self.live_sessions(user, now).await?)
    }

    async fn end_family(
        &self,
        family: SessionId,
        at: DateTime<Utc>,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        Ok(self.end_sessions_in(family, at, audit).await?)
    }

    async fn end_sessions(
        &self,
        user: UserId,
        ending: Ending,
        audit: Option<&AuditRecord>,
    ) -> Result<Vec<SessionId>> {
        Ok(self.end_sessions_of(user, ending, audit).await?)
    }

    async fn ended_since(&self, since: DateTime<Utc>, limit: usize) -> Result<Vec<SessionId>> {
        Ok(self.families_ended_since(since, limit).await?)
    }

    async fn forget_sessions(&self, now: DateTime<Utc>, limit: usize) -> Result<u64> {
        Ok(self.drop_expired_sessions(now, limit).await?)
    }
}

impl From<Account> for UserRow {
    fn from(account: Account) -> Self {
        let Account {
            user,
            password_hash,
        } = account;
        let User {
            id,
            email,
            name,
            role,
            email_verified,
            disabled_at,
            revision,
            created_at,
        } = user;
        Self {
            key: id.to_string(),
            email,
            name,
            role: role_word(role).to_owned(),
            password_hash,
            email_verified,
            disabled_at,
            revision,
            created_at,
        }
    }
}

impl TryFrom<UserRow> for Account {
    type Error = crate::failure::StoreFailure;

    fn try_from(row: UserRow) -> RowResult<Self> {
        Ok(Self {
            user: User {
                id: parse(TABLE, &row.key)?,
                email: row.email,
                name: row.name,
                role: role_of(&row.role)?,
                email_verified: row.email_verified,
                disabled_at: row.disabled_at,
                revision: row.revision,
                created_at: row.created_at,
            },
            password_hash: row.password_hash,
        })
    }
}

pub(crate) fn role_word(role: Role) -> &'static str {
    role.as_str()
}

pub(crate) fn role_of(word: &str) -> RowResult<Role> {
    match word {
        "viewer" => Ok(Role::Viewer),
        "creator" => Ok(Role::Creator),
        "admin" => Ok(Role::Admin),
        _ => Err(unknown_word(TABLE, "role", word)),
    }
}
