//! How people come to have an account, and back into it: sign-up, invitations, verified addresses, forgotten
//! passwords. What depends on whether an address is known is done after the answer, by `errands`, so that
//! neither the answer nor its time tells.

mod errands;
mod invitations;
mod letters;
mod pending;
mod second_factor;

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::audit::actions;
use inkstone_domain::people::{Mail, MailPurpose, MailToken};
use inkstone_domain::ports::{Clock, Mailer, PeopleStore, UserStore};
use inkstone_domain::principal::{Account, Role, User};
use inkstone_domain::{Error, FieldError, Result, codes};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::invitations::InvitationWish;
pub use self::letters::Links;

use self::errands::{Desk, Errand, Errands};
use crate::auth::{
    Attempt, Auth, PasswordWish, Visit, check_fields, email_fault, name_fault, normalize,
    random_token, subject_of, token_hash,
};

/// Who may make an account for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignupMode {
    /// Nobody: admins make accounts.
    #[default]
    Off,
    /// Who was invited.
    Invitation,
    /// Everybody.
    Open,
}

/// Rules of sign-up and of what is sent by mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignupConfig {
    pub mode: SignupMode,
    /// Of those who sign up without an invitation.
    pub role: Role,
    pub invitation_ttl: Duration,
    pub verification_ttl: Duration,
    pub reset_ttl: Duration,
    pub links: Links,
}

impl Default for SignupConfig {
    /// Off; viewers; a week, a day, an hour; no links.
    fn default() -> Self {
        Self {
            mode: SignupMode::Off,
            role: Role::Viewer,
            invitation_ttl: Duration::from_secs(7 * 24 * 60 * 60),
            verification_ttl: Duration::from_secs(24 * 60 * 60),
            reset_ttl: Duration::from_secs(60 * 60),
            links: Links::default(),
        }
    }
}

/// What somebody gives to sign up.
#[derive(Clone)]
pub struct SignupWish {
    pub email: String,
    pub name: String,
    pub password: String,
    /// The token of an invitation.
    pub invitation: Option<String>,
    pub visit: Visit,
}

/// What it stands on.
pub struct SignupPorts {
    pub users: Arc<dyn UserStore>,
    pub people: Arc<dyn PeopleStore>,
    pub mailer: Arc<dyn Mailer>,
    pub clock: Arc<dyn Clock>,
}

/// Lets people in.
pub struct Signup {
    auth: Arc<Auth>,
    users: Arc<dyn UserStore>,
    people: Arc<dyn PeopleStore>,
    clock: Arc<dyn Clock>,
    config: SignupConfig,
    errands: Errands,
}

impl Signup {
    /// Starts what works behind the answers, in `tasks`, until `stop`. Must be called within a tokio runtime.
    pub fn new(
        auth: Arc<Auth>,
        ports: SignupPorts,
        config: SignupConfig,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let SignupPorts {
            users,
            people,
            mailer,
            clock,
        } = ports;
        let desk = Desk {
            auth: Arc::clone(&auth),
            users: Arc::clone(&users),
            people: Arc::clone(&people),
            mailer,
            clock: Arc::clone(&clock),
            config: config.clone(),
        };
        Self {
            errands: Errands::start(desk, tasks, stop),
            auth,
            users,
            people,
            clock,
            config,
        }
    }

    /// Makes an account. With an invitation it is there when this returns; else a mail says how it goes on,
    /// whether or not the address has an account already. `forbidden` where sign-up is off.
    pub async fn sign_up(&self, wish: SignupWish) -> Result<()> {
        let email = normalize(&wish.email);
        let password = self
            .auth
            .policy()
            .fault("/password", &email, &wish.password);
        let faults = [email_fault(&email), name_fault(&wish.name), password];
        match (self.config.mode, &wish.invitation) {
            (SignupMode::Off, _) => {
                return Err(Error::new(
                    &codes::FORBIDDEN,
                    "nobody can sign up here; an admin makes accounts",
                ));
            }
            (SignupMode::Invitation, None) => {
                return Err(Error::new(
                    &codes::FORBIDDEN,
                    "only who was invited can sign up; send the token of the mail as `invitation`",
                ));
            }
            _ => check_fields(faults.into_iter().flatten())?,
        }
        let attempt = Attempt::of("sign-up", &email, wish.visit.seen.address);
        self.auth.throttle().begin(&attempt).await?;
        match wish.invitation.clone() {
            Some(token) => self.accept(&token, email, wish).await,
            None => self.errands.add(Errand::SignUp {
                email,
                name: wish.name,
                password: wish.password,
                visit: wish.visit,
            }),
        }
    }

    async fn accept(&self, token: &str, email: String, wish: SignupWish) -> Result<()> {
        let now = self.clock.now();
        let hash = token_hash(token);
        let invitation = self.people.invitation_by_token(hash, now).await?;
        // Whoever has the token may not use it for another address: it proves this one.
        let invitation = invitation.filter(|invitation| invitation.email == email);
        let Some(invitation) = invitation else {
            return Err(Error::new(
                &codes::INVALID_TOKEN,
                "the invitation is not valid for this address, was used, or has expired; ask for a new one",
            ));
        };
        let account = Account {
            password_hash: self.auth.passwords().hash(wish.password).await?,
            user: User::new(email, wish.name, invitation.role, now),
        };
        let user = &account.user;
        let audit = wish
            .visit
            .record(
                Some(user.id),
                now,
                actions::USER_CREATED,
                subject_of(user.id),
            )
            .with_detail(format!(
                "{} by the invitation {}",
                user.role.as_str(),
                invitation.id
            ));
        self.people
            .accept_invitation(invitation.id, account, &audit)
            .await
    }

    /// Shows that an address is its user's. `invalid_token` where the token is unknown, spent or too old.
    pub async fn verify_email(&self, token: &str, visit: Visit) -> Result<()> {
        let (hash, now) = (token_hash(token), self.clock.now());
        let purpose = MailPurpose::VerifyEmail;
        let spent = self.people.spend_mail_token(hash, purpose, now).await?;
        let token = spent.ok_or_else(bad_mail_token)?;
        self.mark_verified(&token, &visit).await
    }

    /// Sends a token to reset the password with, if the address has an account; nobody is told which.
    pub async fn forgot_password(&self, email: &str, visit: Visit) -> Result<()> {
        let email = normalize(email);
        check_fields(email_fault(&email))?;
        let attempt = Attempt::of("forgot", &email, visit.seen.address);
        self.auth.throttle().begin(&attempt).await?;
        self.errands.add(Errand::Forgot { email })
    }

    /// Sets a new password with a token that came by mail, and ends all sessions. `invalid_token` where it
    /// is unknown, spent or too old; a password that is refused does not spend it.
    pub async fn reset_password(&self, token: &str, password: String, visit: Visit) -> Result<()> {
        let (hash, now) = (token_hash(token), self.clock.now());
        let purpose = MailPurpose::ResetPassword;
        let seen = self.people.mail_token(hash, purpose, now).await?;
        let user = self.user_of(&seen.ok_or_else(bad_mail_token)?).await?;
        let fault = self
            .auth
            .policy()
            .fault("/new_password", &user.email, &password);
        check_fields(fault)?;
        let spent = self.people.spend_mail_token(hash, purpose, now).await?;
        let token = spent.ok_or_else(bad_mail_token)?;
        let subject = subject_of(user.id);
        let audit = visit.record(Some(user.id), now, actions::PASSWORD_RESET, subject);
        let wish = PasswordWish {
            pointer: "/new_password",
            password,
            instead_of: None,
            but: None,
        };
        self.auth.set_password(&user, wish, &audit).await?;
        // The mail reached them.
        self.mark_verified(&token, &visit).await
    }

    async fn mark_verified(&self, token: &MailToken, visit: &Visit) -> Result<()> {
        let mut user = self.user_of(token).await?;
        if user.email_verified {
            return Ok(());
        }
        user.email_verified = true;
        user.revision += 1;
        let (now, subject) = (self.clock.now(), subject_of(user.id));
        let audit = visit.record(Some(user.id), now, actions::USER_VERIFIED, subject);
        self.users.update_user(&user, None, &[audit]).await?;
        Ok(())
    }

    async fn user_of(&self, token: &MailToken) -> Result<User> {
        let user = self.users.user(token.user).await?;
        let user = user.filter(|user| !user.is_disabled());
        user.ok_or_else(bad_mail_token)
    }

    fn mail(&self, mail: Mail) -> Result<()> {
        self.errands.add(Errand::Mail(mail))
    }
}

fn bad_mail_token() -> Error {
    Error::new(
        &codes::INVALID_TOKEN,
        "the token is unknown, was used, or has expired; ask for a new mail",
    )
}

/// A field that is wrong.
fn fault(pointer: &str, detail: &str) -> FieldError {
    FieldError {
        pointer: pointer.to_owned(),
        detail: detail.to_owned(),
    }
}

/// A fresh token for a mail, and what the store keeps of it.
fn new_mail_token() -> (String, [u8; 32]) {
    random_token("")
}
