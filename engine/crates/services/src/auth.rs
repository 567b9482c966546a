//! Who somebody is: sign-in by password and second factor, short access tokens, rotating refresh tokens, and
//! the first admin. What a role may do is decided where it is done, not here; what people change about
//! themselves and each other is in `accounts`.

mod password;
mod policy;
mod sealing;
mod signing;
mod throttle;
mod token;
mod totp;
mod trail;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{Clock, PeopleStore, Rotation, SigningKeyStore, Successor, UserStore};
use inkstone_domain::principal::{Account, Principal, Role, Session, User};
use inkstone_domain::{Error, FieldError, Result, codes};
use quick_cache::sync::Cache;

use crate::audit::Audit;

pub use self::password::{HashingCost, is_importable};
pub use self::policy::PasswordPolicy;
pub use self::sealing::SealingKey;
pub use self::signing::PublicKey;
pub use self::throttle::ThrottleConfig;
pub use self::token::SigningKey;
pub use self::totp::{NewSecondFactor, SecondFactorState};
pub use self::trail::Visit;

pub(crate) use self::password::{Passwords, Verdict};
pub(crate) use self::throttle::{Attempt, Throttle};
use self::token::{AccessTokens, Bearer, RefreshToken};
pub(crate) use self::token::{random_token, token_hash, token_hint};
use self::trail::Failures;
pub(crate) use self::trail::{subject_of, subject_of_session};

/// How long tokens live, who issues them, and what passwords must be and cost.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    pub access_ttl: Duration,
    pub refresh_ttl: Duration,
    /// The `iss` claim; tokens of another issuer are refused. Authenticator apps show it too.
    pub issuer: String,
    pub passwords: PasswordPolicy,
    pub hashing: HashingCost,
    pub throttle: ThrottleConfig,
}

impl Default for AuthConfig {
    /// Ten minutes, thirty days, `inkstone`.
    fn default() -> Self {
        Self {
            access_ttl: Duration::from_secs(10 * 60),
            refresh_ttl: Duration::from_secs(30 * 24 * 60 * 60),
            issuer: "inkstone".to_owned(),
            passwords: PasswordPolicy::default(),
            hashing: HashingCost::default(),
            throttle: ThrottleConfig::default(),
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
        let bearer = Bearer {
            user: admin,
            role: Role::Admin,
            session: None,
        };
        token::issue(key, &self.issuer, bearer, now, self.access_ttl)
    }
}

/// What somebody shows to sign in.
#[derive(Clone, Default)]
pub struct SignIn {
    pub email: String,
    pub password: String,
    /// A code of the second factor, or a recovery code.
    pub totp: Option<String>,
    pub visit: Visit,
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
    pub password: String,
}

/// What signing in stands on.
pub struct AuthPorts {
    pub users: Arc<dyn UserStore>,
    pub people: Arc<dyn PeopleStore>,
    pub signing_keys: Arc<dyn SigningKeyStore>,
    pub audit: Audit,
    pub clock: Arc<dyn Clock>,
}

/// Signs people in.
pub struct Auth {
    users: Arc<dyn UserStore>,
    people: Arc<dyn PeopleStore>,
    signing_keys: Arc<dyn SigningKeyStore>,
    audit: Audit,
    failures: Failures,
    clock: Arc<dyn Clock>,
    config: AuthConfig,
    access_tokens: AccessTokens,
    passwords: Passwords,
    throttle: Throttle,
    sealing: SealingKey,
    /// Sign-ins that were ended while their access tokens may still hold.
    ended: Cache<SessionId, ()>,
}

/// Beyond this the least used are forgotten; their access tokens run out by themselves.
const REMEMBERED_ENDS: usize = 16_384;

impl Auth {
    /// `sealing` encrypts what must be read again, such as the secrets of second factors.
    pub fn new(ports: AuthPorts, config: AuthConfig, sealing: SealingKey) -> Result<Self> {
        let AuthPorts {
            users,
            people,
            signing_keys,
            audit,
            clock,
        } = ports;
        let ring = signing::read(&*signing_keys)?;
        Ok(Self {
            users,
            people,
            signing_keys,
            audit,
            failures: Failures::new(),
            clock,
            access_tokens: AccessTokens::new(ring, &config.issuer, config.access_ttl),
            passwords: Passwords::new(config.hashing)?,
            throttle: Throttle::new(config.throttle),
            sealing,
            ended: Cache::new(REMEMBERED_ENDS),
            config,
        })
    }

    /// `invalid_credentials` where e-mail or password is wrong; which of the two is not told, not even
    /// by the time it takes. `totp_required` where a code is missing or wrong, `forbidden` where the
    /// account is disabled or its e-mail not verified, `rate_limit_exceeded` after too many tries.
    pub async fn login(&self, shown: SignIn) -> Result<TokenPair> {
        let email = normalize(&shown.email);
        let attempt = Attempt::of("sign-in", &email, shown.visit.seen.address);
        self.throttle.begin(&attempt, self.clock.now())?;
        let account = self.users.account_by_email(&email).await?;
        let known = account.as_ref().map(|account| account.user.id);
        let proof = (shown.password, shown.totp.as_deref());
        let user = match self.check_sign_in(account, proof).await {
            Ok(user) => user,
            Err(error) => {
                // Nobody has failed yet who is asked for the code only now.
                let is_half = error.code() == &codes::TOTP_REQUIRED && shown.totp.is_none();
                let now = self.clock.now();
                if !is_half && !error.is_transient() && self.failures.is_first(&email, now) {
                    let code = error.code().name;
                    let audit = shown.visit.failed_sign_in(known, now, code);
                    self.audit.append(&audit).await?;
                }
                return Err(error);
            }
        };
        self.throttle.forgive(&attempt);
        self.begin_session(&user, shown.visit).await
    }

    async fn check_sign_in(
        &self,
        account: Option<Account>,
        (password, totp): (String, Option<&str>),
    ) -> Result<User> {
        let user = self.check_password(account, password).await?;
        check_may_sign_in(&user)?;
        self.check_second_factor(user.id, totp).await?;
        Ok(user)
    }

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
            self.ended.insert(family, ());
            // Whether the thief or the owner came second, nobody knows.
            let subject = subject_of_session(family);
            let audit = visit.record(None, now, actions::SESSION_REUSED, subject);
            self.audit.append(&audit.on_behalf_of(user)).await?;
        }
        Ok(rotation)
    }

    /// Checks an access token: `token_expired`, else `invalid_token`.
    pub fn authenticate(&self, access_token: &str) -> Result<Principal> {
        let principal = self.access_tokens.verify(access_token, self.clock.now())?;
        match principal.session {
            Some(session) if self.ended.get(&session).is_some() => {
                Err(token::invalid_access_token())
            }
            _ => Ok(principal),
        }
    }

    /// The user behind a principal; `invalid_token` where they are gone.
    pub async fn me(&self, principal: &Principal) -> Result<User> {
        self.existing_user(principal.user).await
    }

    /// Creates a user for the engine's operator; `already_exists` where the e-mail is taken.
    pub async fn create_user(&self, user: NewUser) -> Result<User> {
        let email = normalize(&user.email);
        let password = self
            .config
            .passwords
            .fault("/password", &email, &user.password);
        check_fields(email_fault(&email).into_iter().chain(password))?;
        let password_hash = self.passwords.hash(user.password).await?;
        let user = User::new(email, user.name, user.role, self.clock.now());
        let account = Account {
            user: user.clone(),
            password_hash,
        };
        let now = self.clock.now();
        let audit = AuditRecord::of_engine(now, actions::USER_CREATED, subject_of(user.id));
        let audit = audit.with_detail(format!("{} by the operator", user.role.as_str()));
        self.users.create_user(account, &audit).await?;
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

    /// Ends one sign-in: its access tokens hold no longer in this engine.
    pub(crate) async fn end_session(
        &self,
        family: SessionId,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        self.users.end_family(family, audit).await?;
        self.ended.insert(family, ());
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
                self.ended.insert(session.family, ());
            }
        }
        Ok(())
    }

    /// Somebody signed in shows their password again, for something that must not be done with a stolen
    /// token alone. Throttled as sign-in is.
    pub(crate) async fn confirm_password(&self, user: UserId, password: String) -> Result<User> {
        let account = self.users.account(user).await?;
        let name = user.to_string();
        let attempt = Attempt::of("password", &name, None);
        self.throttle.begin(&attempt, self.clock.now())?;
        let user = self.check_password(account, password).await?;
        self.throttle.forgive(&attempt);
        Ok(user)
    }

    /// Sets a password that the policy takes; `pointer` is its field. Sessions are left to the caller.
    pub(crate) async fn set_password(
        &self,
        user: &User,
        pointer: &str,
        password: String,
        audit: &AuditRecord,
    ) -> Result<()> {
        let fault = self.config.passwords.fault(pointer, &user.email, &password);
        check_fields(fault)?;
        let hash = self.passwords.hash(password).await?;
        self.users.set_password_hash(user.id, &hash, audit).await
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    pub(crate) fn policy(&self) -> PasswordPolicy {
        self.config.passwords
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    async fn check_password(&self, account: Option<Account>, password: String) -> Result<User> {
        let stored = account.as_ref().map(|found| found.password_hash.clone());
        let verdict = self.passwords.verify(password, stored).await?;
        let (account, new_hash) = match (account, verdict) {
            (Some(account), Verdict::Right) => (account, None),
            (Some(account), Verdict::Stale(hash)) => (account, Some(hash)),
            _ => {
                return Err(Error::new(
                    &codes::INVALID_CREDENTIALS,
                    "e-mail or password is wrong",
                ));
            }
        };
        if let Some(hash) = new_hash {
            let (id, old) = (account.user.id, &account.password_hash);
            self.users.rehash_password(id, old, &hash).await?;
        }
        Ok(account.user)
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

    async fn existing_user(&self, id: UserId) -> Result<User> {
        self.users.user(id).await?.ok_or_else(|| {
            Error::new(
                &codes::INVALID_TOKEN,
                "the user of this token does not exist any more; sign in again",
            )
        })
    }
}

/// Told only to those who have shown the password.
pub(crate) fn check_may_sign_in(user: &User) -> Result<()> {
    if user.is_disabled() {
        return Err(Error::new(
            &codes::FORBIDDEN,
            "this account is disabled; an admin can enable it",
        ));
    }
    if !user.email_verified {
        return Err(Error::new(
            &codes::EMAIL_NOT_VERIFIED,
            "the e-mail address is not verified; follow the mail that was sent to it, or reset the password for a new one",
        ));
    }
    Ok(())
}

/// As addresses are kept and compared.
pub(crate) fn normalize(email: &str) -> String {
    email.trim().to_lowercase()
}

/// What is wrong with a normalized address.
pub(crate) fn email_fault(email: &str) -> Option<FieldError> {
    let is_plain = |text: &str| {
        !text.is_empty()
            && !text.contains(|c: char| {
                c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c)
            })
    };
    let is_address = email.len() <= 254
        && email.split_once('@').is_some_and(|(local, domain)| {
            is_plain(local) && is_plain(domain) && !domain.contains('@')
        });
    match is_address {
        true => None,
        false => Some(FieldError {
            pointer: "/email".to_owned(),
            detail: "must be an e-mail address, such as `name@example.org`".to_owned(),
        }),
    }
}

/// What is wrong with a name for people.
pub(crate) fn name_fault(name: &str) -> Option<FieldError> {
    let is_name = name.chars().count() <= 100 && !name.contains(char::is_control);
    match is_name {
        true => None,
        false => Some(FieldError {
            pointer: "/name".to_owned(),
            detail: "must have at most 100 characters, on one line".to_owned(),
        }),
    }
}

/// `invalid_input` with these fields, if there are any.
pub(crate) fn check_fields(faults: impl IntoIterator<Item = FieldError>) -> Result<()> {
    let fields: Vec<FieldError> = faults.into_iter().collect();
    let Some(first) = fields.first() else {
        return Ok(());
    };
    let message = format!("`{}` {}", first.pointer, first.detail);
    Err(Error::new(&codes::INVALID_INPUT, message).with_fields(fields))
}
