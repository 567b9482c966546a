//! Who somebody is: sign-in by password and second factor, short access tokens, rotating refresh tokens, and
//! the first admin. Sign-in at other issuers is in `oidc`. What a role may do is decided where it is done, not here; what people change about
//! themselves and each other is in `accounts`.

mod fields;
mod first_admin;
mod password;
mod policy;
mod sealing;
mod sessions;
mod signing;
mod throttle;
mod token;
mod totp;
mod trail;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::ids::{SessionId, UserId};
use inkstone_domain::ports::{
    Clock, EngineBus, NewPassword, PeopleStore, SigningKeyStore, TryCounter, UserStore,
};
use inkstone_domain::principal::{Account, Principal, Role, User};
use inkstone_domain::{Error, Result, codes};
use quick_cache::sync::Cache;

use crate::audit::Audit;
use crate::keys::check_admin;
use crate::owed::Owed;

pub use self::first_admin::AdminSetup;
pub use self::password::{HashingCost, is_importable};
pub use self::policy::PasswordPolicy;
pub use self::sealing::SealingKey;
pub use self::sessions::TokenPair;
pub use self::signing::PublicKey;
pub use self::throttle::{LocalTries, ThrottleConfig};
pub use self::token::SigningKey;
pub use self::totp::{NewSecondFactor, SecondFactorState};
pub use self::trail::Visit;

pub(crate) use self::fields::{check_fields, email_fault, name_fault, normalize};
pub(crate) use self::password::{Passwords, Verdict};
pub(crate) use self::throttle::{Attempt, Throttle};
use self::token::{AccessTokens, Bearer};
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
    pub password_sign_in: PasswordSignIn,
}

/// Whether people sign in with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PasswordSignIn {
    #[default]
    On,
    /// At other issuers only.
    Off,
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
            password_sign_in: PasswordSignIn::default(),
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
    pub bus: Arc<dyn EngineBus>,
    /// Counts tries of all engines.
    pub tries: Option<Arc<dyn TryCounter>>,
    pub clock: Arc<dyn Clock>,
}

/// Signs people in.
pub struct Auth {
    users: Arc<dyn UserStore>,
    people: Arc<dyn PeopleStore>,
    signing_keys: Arc<dyn SigningKeyStore>,
    audit: Audit,
    failures: Failures,
    bus: Arc<dyn EngineBus>,
    clock: Arc<dyn Clock>,
    config: AuthConfig,
    access_tokens: AccessTokens,
    passwords: Passwords,
    throttle: Throttle,
    sealing: SealingKey,
    /// Sign-ins that were ended while their access tokens may still hold.
    ended: Cache<SessionId, ()>,
    owed: Arc<Owed>,
}

/// A password to be, in the place of the one there is.
pub(crate) struct PasswordWish<'w> {
    /// Its field.
    pub pointer: &'w str,
    pub password: String,
    /// The hash that the present one was checked against, where it had to be shown.
    pub instead_of: Option<&'w str>,
    /// The sign-in that goes on.
    pub but: Option<SessionId>,
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
            bus,
            tries,
            clock,
        } = ports;
        let ring = signing::read(&*signing_keys)?;
        Ok(Self {
            users,
            people,
            signing_keys,
            audit,
            failures: Failures::new(),
            bus,
            throttle: Throttle::new(config.throttle, Arc::clone(&clock), tries),
            clock,
            access_tokens: AccessTokens::new(ring, &config.issuer, config.access_ttl),
            passwords: Passwords::new(config.hashing)?,
            sealing,
            ended: Cache::new(REMEMBERED_ENDS),
            owed: Arc::default(),
            config,
        })
    }

    /// `invalid_credentials` where e-mail or password is wrong; which of the two is not told, not even
    /// by the time it takes. `totp_required` where a code is missing or wrong, `forbidden` where the
    /// account is disabled or its e-mail not verified, or passwords are not taken; `rate_limit_exceeded`
    /// after too many tries.
    pub async fn login(&self, shown: SignIn) -> Result<TokenPair> {
        if !self.takes_passwords() {
            return Err(Error::new(
                &codes::FORBIDDEN,
                "nobody signs in with a password here; `GET /v1/auth/oidc` lists where people sign in",
            ));
        }
        let email = normalize(&shown.email);
        let attempt = Attempt::of("sign-in", &email, shown.visit.seen.address);
        self.throttle.begin(&attempt).await?;
        let account = self.users.account_by_email(&email).await?;
        let known = account.as_ref().map(|account| account.user.id);
        let proof = (shown.password, shown.totp.as_deref());
        let pair = match self.sign_in(account, proof, &shown.visit).await {
            Ok(pair) => pair,
            Err(error) => {
                // Nobody has failed yet who is asked for the code only now.
                let is_half = error.code() == &codes::TOTP_REQUIRED && shown.totp.is_none();
                if !is_half {
                    self.note_refusal(&email, known, &shown.visit, &error)
                        .await?;
                }
                return Err(error);
            }
        };
        self.throttle.forgive(&attempt).await;
        Ok(pair)
    }

    /// Writes a sign-in down that failed; `shown` is what somebody showed, of which one a minute is kept.
    pub(crate) async fn note_refusal(
        &self,
        shown: &str,
        known: Option<UserId>,
        visit: &Visit,
        error: &Error,
    ) -> Result<()> {
        let now = self.clock.now();
        if error.is_transient() || !self.failures.is_first(shown, now) {
            return Ok(());
        }
        let audit = visit.failed_sign_in(known, now, error.code().name);
        self.audit.append(&audit).await
    }

    async fn sign_in(
        &self,
        account: Option<Account>,
        (password, totp): (String, Option<&str>),
        visit: &Visit,
    ) -> Result<TokenPair> {
        let Account {
            user,
            password_hash,
        } = self.check_password(account, password).await?;
        check_may_sign_in(&user)?;
        self.check_second_factor(user.id, totp).await?;
        self.begin_session(user.id, Some(&password_hash), visit)
            .await
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

    /// For what lasts longer than an access token: `forbidden` where the store says that who acts is no admin any
    /// more, or disabled, whatever their token says.
    pub(crate) async fn check_still_admin(&self, principal: &Principal) -> Result<()> {
        check_admin(principal)?;
        let acting = self.users.user(principal.user).await?;
        match acting.is_some_and(|user| user.role == Role::Admin && !user.is_disabled()) {
            true => Ok(()),
            false => Err(Error::new(&codes::FORBIDDEN, "you are no admin any more")),
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

    /// Somebody signed in shows their password again, for something that must not be done with a stolen
    /// token alone. Throttled as sign-in is.
    pub(crate) async fn confirm_password(&self, user: UserId, password: String) -> Result<Account> {
        let account = self.users.account(user).await?;
        let name = user.to_string();
        let attempt = Attempt::of("password", &name, None);
        self.throttle.begin(&attempt).await?;
        let account = self.check_password(account, password).await?;
        self.throttle.forgive(&attempt).await;
        Ok(account)
    }

    /// Sets a password that the policy takes, and ends all sign-ins but one with it. `invalid_credentials` where
    /// the present one is another by now.
    pub(crate) async fn set_password(
        &self,
        user: &User,
        wish: PasswordWish<'_>,
        audit: &AuditRecord,
    ) -> Result<()> {
        let policy = self.config.passwords;
        check_fields(policy.fault(wish.pointer, &user.email, &wish.password))?;
        let hash = self.passwords.hash(wish.password).await?;
        let new = NewPassword {
            hash: &hash,
            instead_of: wish.instead_of,
            ending: self.ending(wish.but),
        };
        let owing = self.owed.begin();
        let ended = self.users.set_password_hash(user.id, new, audit).await?;
        self.sessions_ended(ended);
        owing.paid();
        Ok(())
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    pub(crate) fn policy(&self) -> PasswordPolicy {
        self.config.passwords
    }

    /// How many passwords were hashed or checked since the start, imported hashes included: whoever measures
    /// how long an answer takes learns no more than this.
    pub fn hashing_work(&self) -> u64 {
        self.passwords.work()
    }

    /// Whether people sign in with passwords.
    pub fn takes_passwords(&self) -> bool {
        self.config.password_sign_in == PasswordSignIn::On
    }

    /// What memory still has to follow of changes of the store.
    pub(crate) fn owed(&self) -> &Arc<Owed> {
        &self.owed
    }

    pub(crate) fn sealing(&self) -> &SealingKey {
        &self.sealing
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    /// The account with the hash that the password fits now.
    async fn check_password(
        &self,
        mut account: Option<Account>,
        password: String,
    ) -> Result<Account> {
        // Twice where somebody else has made the same hash anew meanwhile.
        for _ in 0..2 {
            let stored = account.as_ref().map(|found| found.password_hash.clone());
            let verdict = self.passwords.verify(password.clone(), stored).await?;
            match (account, verdict) {
                (Some(account), Verdict::Right) => return Ok(account),
                (Some(known), Verdict::Stale(hash)) => {
                    let (id, old) = (known.user.id, &known.password_hash);
                    if self.users.rehash_password(id, old, &hash).await? {
                        return Ok(Account {
                            password_hash: hash,
                            ..known
                        });
                    }
                    account = self.users.account(id).await?;
                }
                _ => break,
            }
        }
        Err(Error::new(
            &codes::INVALID_CREDENTIALS,
            "e-mail or password is wrong",
        ))
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
