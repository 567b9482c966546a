//! What is done after the answer: a bounded queue and one task that works it off. Whoever asked knows only
//! that it was taken; so known and unknown addresses look alike.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use inkstone_domain::audit::actions;
use inkstone_domain::people::{Mail, MailPurpose, MailToken};
use inkstone_domain::ports::{Clock, Mailer, PeopleStore, UserStore};
use inkstone_domain::principal::{Account, User};
use inkstone_domain::{Error, Result, codes};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{SignupConfig, new_mail_token};
use crate::auth::{Auth, Visit, subject_of};

/// Waiting at most; one more is refused.
const MOST_WAITING: usize = 1024;
/// At the same time.
const HANDS: usize = 4;

/// Something to be done.
pub(super) enum Errand {
    Mail(Mail),
    Forgot {
        email: String,
    },
    SignUp {
        email: String,
        name: String,
        password: String,
        visit: Visit,
    },
}

/// The way to whoever does it.
pub(super) struct Errands(mpsc::Sender<Errand>);

/// Who does it.
pub(super) struct Desk {
    pub auth: Arc<Auth>,
    pub users: Arc<dyn UserStore>,
    pub people: Arc<dyn PeopleStore>,
    pub mailer: Arc<dyn Mailer>,
    pub clock: Arc<dyn Clock>,
    pub config: SignupConfig,
}

impl Errands {
    pub(super) fn start(desk: Desk, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        tasks.spawn(work(desk, receiver, stop));
        Self(sender)
    }

    /// `overloaded` where too much waits.
    pub(super) fn add(&self, errand: Errand) -> Result<()> {
        self.0.try_send(errand).map_err(|_| {
            Error::new(
                &codes::OVERLOADED,
                "too many mails wait to be sent; try again later",
            )
            .with_retry_after(Some(Duration::from_secs(30)))
        })
    }
}

/// Until `stop`; what waits then is still done.
async fn work(desk: Desk, receiver: mpsc::Receiver<Errand>, stop: CancellationToken) {
    let errands = futures::stream::unfold((receiver, stop), |(mut receiver, stop)| async move {
        let errand = tokio::select! {
            errand = receiver.recv() => errand,
            () = stop.cancelled() => {
                receiver.close();
                receiver.recv().await
            }
        };
        Some((errand?, (receiver, stop)))
    });
    errands
        .for_each_concurrent(HANDS, |errand| async {
            if let Err(error) = desk.run(errand).await {
                tracing::warn!(
                    ?error,
                    "something that was to be done about an account failed"
                );
            }
        })
        .await;
}

impl Desk {
    async fn run(&self, errand: Errand) -> Result<()> {
        match errand {
            Errand::Mail(mail) => self.send(mail).await,
            Errand::Forgot { email } => self.forgot(&email).await,
            Errand::SignUp {
                email,
                name,
                password,
                visit,
            } => {
                let password_hash = self.auth.passwords().hash(password).await?;
                self.sign_up(email, name, password_hash, &visit).await
            }
        }
    }

    async fn forgot(&self, email: &str) -> Result<()> {
        let account = self.users.account_by_email(email).await?;
        let Some(account) = account.filter(|account| !account.user.is_disabled()) else {
            return Ok(());
        };
        let ttl = self.config.reset_ttl;
        let token = self
            .new_token(&account.user, MailPurpose::ResetPassword, ttl)
            .await?;
        self.send(self.config.links.reset(email, &token)).await
    }

    async fn sign_up(
        &self,
        email: String,
        name: String,
        password_hash: String,
        visit: &Visit,
    ) -> Result<()> {
        let now = self.clock.now();
        if let Some(waiting) = self.waiting(&email, now).await? {
            return self.sign_up_again(&waiting).await;
        }
        let user = User {
            email_verified: false,
            ..User::new(email, name, self.config.role, now)
        };
        // Whose address it is shows later.
        let subject = subject_of(user.id);
        let audit = visit.record(None, user.created_at, actions::USER_CREATED, subject);
        let audit = audit.with_detail(format!("{} by sign-up", user.role.as_str()));
        let account = Account {
            user: user.clone(),
            password_hash,
        };
        match self.users.create_user(account, &audit).await {
            Ok(()) => {}
            Err(error) if error.code() == &codes::ALREADY_EXISTS => {
                return self
                    .send(self.config.links.account_exists(&user.email))
                    .await;
            }
            Err(error) => return Err(error),
        }
        let ttl = self.config.verification_ttl;
        let token = self.new_token(&user, MailPurpose::VerifyEmail, ttl).await?;
        let mail = self.config.links.verification(&user.email, &token);
        self.send(mail).await
    }

    /// The account of a sign-up whose mail can still be followed. Of two in the same moment, which both find none, the
    /// later takes the place of the other, with the mail that was sent for it.
    async fn waiting(&self, email: &str, now: DateTime<Utc>) -> Result<Option<User>> {
        let account = self.users.account_by_email(email).await?;
        let user = account.map(|account| account.user).filter(|user| {
            user.is_pending() && now < user.created_at + self.config.verification_ttl
        });
        Ok(user)
    }

    /// The account stays as it is, and what was given now is not kept: whose sign-up it was nobody knows, and who has
    /// the mail says which password holds.
    async fn sign_up_again(&self, user: &User) -> Result<()> {
        let ttl = self.config.reset_ttl;
        let token = self
            .new_token(user, MailPurpose::ResetPassword, ttl)
            .await?;
        let mail = self.config.links.signed_up_again(&user.email, &token);
        self.send(mail).await
    }

    async fn new_token(&self, user: &User, purpose: MailPurpose, ttl: Duration) -> Result<String> {
        let (token, token_hash) = new_mail_token();
        self.people
            .put_mail_token(&MailToken {
                token_hash,
                purpose,
                user: user.id,
                expires_at: self.clock.now() + ttl,
            })
            .await?;
        Ok(token)
    }

    async fn send(&self, mail: Mail) -> Result<()> {
        let patience = ExponentialBuilder::default()
            .with_min_delay(Duration::from_secs(1))
            .with_max_times(3)
            .with_jitter();
        let send = || self.mailer.send(&mail);
        send.retry(patience).when(Error::is_transient).await
    }
}
