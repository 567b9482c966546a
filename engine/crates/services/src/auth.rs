//! Who somebody is: sign-in by password, short access tokens, rotating refresh tokens, and the
//! first admin. What a role may do is decided where it is done, not here.

mod password;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{Clock, Rotation, UserStore};
use inkstone_domain::principal::{Account, Principal, Role, Session, User};
use inkstone_domain::{Error, FieldError, Result, codes};

use self::password::Passwords;
pub use self::token::SigningKey;
use self::token::{AccessTokens, RefreshToken};

/// How long tokens live, and who issues them.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    pub access_ttl: Duration,
    pub refresh_ttl: Duration,
    /// The `iss` claim; tokens of another issuer are refused.
    pub issuer: String,
}

impl Default for AuthConfig {
    /// A quarter of an hour, thirty days, `inkstone`.
    fn default() -> Self {
        Self {
            access_ttl: Duration::from_secs(15 * 60),
            refresh_ttl: Duration::from_secs(30 * 24 * 60 * 60),
            issuer: "inkstone".to_owned(),
        }
    }
}

impl AuthConfig {
    /// An access token of an admin, for the operator of this machine, who holds the key anyway.
    pub fn operator_token(
        &self,
        key: &SigningKey,
        admin: UserId,
        now: DateTime<Utc>,
    ) -> Result<String> {
        token::issue(key, &self.issuer, admin, Role::Admin, now, self.access_ttl)
    }
}

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

/// What became of the first admin.
#[derive(Clone, PartialEq, Eq)]
pub enum AdminSetup {
    Created {
        email: String,
        /// Shown once, if none was given.
        generated_password: Option<String>,
    },
    /// There are users already; nothing was changed.
    Exists,
}

impl fmt::Debug for AdminSetup {
    /// Without the password: it must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created { email, .. } => write!(f, "Created({email})"),
            Self::Exists => f.write_str("Exists"),
        }
    }
}

/// A user to be.
#[derive(Clone)]
pub struct NewUser {
    pub email: String,
    pub name: String,
    pub role: Role,
    /// 8 to 1,024 bytes.
    pub password: String,
}

/// Signs people in.
pub struct Auth {
    users: Arc<dyn UserStore>,
    clock: Arc<dyn Clock>,
    config: AuthConfig,
    access_tokens: AccessTokens,
    passwords: Passwords,
}

impl Auth {
    /// `key` signs the access tokens.
    pub fn new(
        users: Arc<dyn UserStore>,
        clock: Arc<dyn Clock>,
        config: AuthConfig,
        key: SigningKey,
    ) -> Self {
        Self {
            users,
            clock,
            access_tokens: AccessTokens::new(key, &config.issuer),
            config,
            passwords: Passwords::new(),
        }
    }

    /// `invalid_credentials` where e-mail or password is wrong; which of the two is not told, not
    /// even by the time it takes.
    pub async fn login(&self, email: &str, password: &str) -> Result<TokenPair> {
        let account = self.users.account_by_email(&normalize(email)).await?;
        let stored_hash = account.as_ref().map(|found| found.password_hash.clone());
        let matches = self
            .passwords
            .verify(password.to_owned(), stored_hash)
            .await?;
        let user = match account {
            Some(account) if matches => account.user,
            _ => {
                return Err(Error::new(
                    &codes::INVALID_CREDENTIALS,
                    "e-mail or password is wrong",
                ));
            }
        };
        let now = self.clock.now();
        let refresh_token = RefreshToken::generate();
        let id = SessionId::new();
        let session = Session {
            id,
            family: id,
            user: user.id,
            token_hash: refresh_token.hash(),
            created_at: now,
            expires_at: now + self.config.refresh_ttl,
        };
        self.users.create_session(session).await?;
        self.pair(&user, refresh_token, now)
    }

    /// Spends a refresh token for a new pair. `token_reused` where it was spent before (that ends
    /// the whole sign-in), `invalid_token` where it is unknown or has run out.
    pub async fn refresh(&self, refresh_token: &str) -> Result<TokenPair> {
        let now = self.clock.now();
        let successor = RefreshToken::generate();
        let shown = RefreshToken::parse(refresh_token)?;
        let rotation = self
            .users
            .rotate_session(
                shown.hash(),
                SessionId::new(),
                successor.hash(),
                now,
                now + self.config.refresh_ttl,
            )
            .await?;
        let session = match rotation {
            Rotation::Rotated(session) => session,
            Rotation::Unknown => return Err(token::unknown_refresh_token()),
            Rotation::Reused => {
                return Err(Error::new(
                    &codes::TOKEN_REUSED,
                    "this refresh token was used before, so every token of its sign-in has been ended; sign in again",
                ));
            }
        };
        let user = self.existing_user(session.user).await?;
        self.pair(&user, successor, now)
    }

    /// Ends the sign-in a refresh token belongs to. An unknown token is no error.
    pub async fn logout(&self, refresh_token: &str) -> Result<()> {
        let Ok(shown) = RefreshToken::parse(refresh_token) else {
            return Ok(());
        };
        let now = self.clock.now();
        // A family is found by spending the token; the successor never leaves this function.
        let rotation = self
            .users
            .rotate_session(
                shown.hash(),
                SessionId::new(),
                RefreshToken::generate().hash(),
                now,
                now + self.config.refresh_ttl,
            )
            .await?;
        match rotation {
            Rotation::Rotated(session) => self.users.end_family(session.family).await,
            Rotation::Unknown | Rotation::Reused => Ok(()),
        }
    }

    /// Checks an access token: `token_expired`, else `invalid_token`.
    pub fn authenticate(&self, access_token: &str) -> Result<Principal> {
        self.access_tokens.verify(access_token, self.clock.now())
    }

    /// The user behind a principal; `invalid_token` where they are gone.
    pub async fn me(&self, principal: &Principal) -> Result<User> {
        self.existing_user(principal.user).await
    }

    /// Creates a user; `already_exists` where the e-mail is taken. The caller has checked who asks.
    pub async fn create_user(&self, user: NewUser) -> Result<User> {
        let email = normalize(&user.email);
        check_sign_in(&email, &user.password)?;
        let password_hash = self.passwords.hash(user.password).await?;
        let account = Account {
            user: User {
                id: UserId::new(),
                email,
                name: user.name,
                role: user.role,
                created_at: self.clock.now(),
            },
            password_hash,
        };
        let user = account.user.clone();
        self.users.create_user(account).await?;
        Ok(user)
    }

    /// Creates the first admin where there is no user yet, with a generated password if none is given.
    pub async fn ensure_admin(&self, email: &str, password: Option<String>) -> Result<AdminSetup> {
        if self.users.count_users().await? > 0 {
            return Ok(AdminSetup::Exists);
        }
        let generated_password = password.is_none().then(password::generate);
        let Some(password) = password.or_else(|| generated_password.clone()) else {
            return Err(Error::new(&codes::INTERNAL, "no password for the admin"));
        };
        let user = self
            .create_user(NewUser {
                email: email.to_owned(),
                name: "Admin".to_owned(),
                role: Role::Admin,
                password,
            })
            .await?;
        Ok(AdminSetup::Created {
            email: user.email,
            generated_password,
        })
    }

    fn pair(
        &self,
        user: &User,
        refresh_token: RefreshToken,
        now: DateTime<Utc>,
    ) -> Result<TokenPair> {
        let access_token = self
            .access_tokens
            .issue(user, now, self.config.access_ttl)?;
        Ok(TokenPair {
            access_token,
            token_type: "Bearer",
            expires_in_s: self.config.access_ttl.as_secs(),
            refresh_token: refresh_token.into_text(),
        })
    }

    async fn existing_user(&self, id: UserId) -> Result<User> {
        self.users.user(id).await?.ok_or_else(|| {
            Error::new(
                &codes::INVALID_TOKEN,
                "the user of this token does not exist any more; sign in again",
            )
        })
    }
}

fn normalize(email: &str) -> String {
    email.trim().to_lowercase()
}

fn check_sign_in(email: &str, password: &str) -> Result<()> {
    let mut fields = Vec::new();
    let is_address = email.len() <= 254
        && !email.contains(char::is_whitespace)
        && email
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if !is_address {
        fields.push(FieldError {
            pointer: "/email".to_owned(),
            detail: "must be an e-mail address, such as `name@example.org`".to_owned(),
        });
    }
    if !(8..=1024).contains(&password.len()) {
        fields.push(FieldError {
            pointer: "/password".to_owned(),
            detail: "must be 8 to 1024 bytes long".to_owned(),
        });
    }
    if fields.is_empty() {
        return Ok(());
    }
    Err(
        Error::new(&codes::INVALID_INPUT, "the user cannot be created as given")
            .with_fields(fields),
    )
}
