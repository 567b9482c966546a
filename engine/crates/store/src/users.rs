//! The table `user`, and the port over it and over `session`.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{Rotation, UserStore};
use inkstone_domain::principal::{Account, Role, Session, User};
use surrealdb::types::SurrealValue;

use crate::connection::SurrealStore;
use crate::row::{RowResult, parse, unknown_word};
use crate::statement::Statement;

const TABLE: &str = "user";

#[derive(SurrealValue)]
struct UserRow {
    key: String,
    email: String,
    name: String,
    role: String,
    password_hash: String,
    created_at: DateTime<Utc>,
}

#[async_trait]
impl UserStore for SurrealStore {
    async fn create_user(&self, account: Account) -> Result<()> {
        let statement = Statement::new(
            "{
                IF (SELECT VALUE key FROM user WHERE email = $user.email)[0] != NONE {
                    THROW 'refused:already_exists'
                };
                CREATE type::record('user', $user.key) CONTENT $user RETURN NONE;
                RETURN NONE;
            }",
        )
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
        let statement = Statement::new("SELECT * FROM ONLY type::record('user', $key)")
            .bind("key", id.to_string());
        let row: Option<UserRow> = self.read(statement).await?;
        let account = row.map(Account::try_from).transpose()?;
        Ok(account.map(|account| account.user))
    }

    async fn count_users(&self) -> Result<u64> {
        let statement = Statement::new(
            "SELECT VALUE count FROM ONLY (SELECT count() FROM user GROUP ALL) LIMIT 1",
        );
        let count: Option<u64> = self.read(statement).await?;
        Ok(count.unwrap_or_default())
    }

    async fn create_session(&self, session: Session) -> Result<()> {
        Ok(self.insert_session(session).await?)
    }

    async fn rotate_session(
        &self,
        token_hash: [u8; 32],
        successor_id: SessionId,
        successor_hash: [u8; 32],
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<Rotation> {
        let rotation = self.rotate(token_hash, successor_id, successor_hash, now, expires_at);
        Ok(rotation.await?)
    }

    async fn end_family(&self, family: SessionId) -> Result<()> {
        Ok(self.end_sessions(family).await?)
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
            created_at,
        } = user;
        Self {
            key: id.to_string(),
            email,
            name,
            role: role_word(role).to_owned(),
            password_hash,
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
                created_at: row.created_at,
            },
            password_hash: row.password_hash,
        })
    }
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Creator => "creator",
        Role::Admin => "admin",
    }
}

fn role_of(word: &str) -> RowResult<Role> {
    match word {
        "viewer" => Ok(Role::Viewer),
        "creator" => Ok(Role::Creator),
        "admin" => Ok(Role::Admin),
        _ => Err(unknown_word(TABLE, "role", word)),
    }
}
