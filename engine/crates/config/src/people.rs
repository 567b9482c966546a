//! `[auth]`, `[accounts]` and `[mail]`: signing in, who may have an account, and how mail reaches people.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::doors::{self, OidcIssuerConfig, WebOrigin};
use crate::engine::EngineConfig;
use crate::secret::Secret;
use crate::section::Section;

/// `[auth]`
#[derive(Debug, Clone, PartialEq)]
pub struct AuthConfig {
    /// How long an access token is valid.
    pub access_token_minutes: u32,
    /// How long a session lasts without being used.
    pub refresh_token_days: u32,
    /// The admin that the first start creates.
    pub admin_email: String,
    /// `None`: the first start makes one up and prints it once.
    pub admin_password: Option<Secret>,
    /// Of new passwords, in characters.
    pub password_min_length: u32,
    /// What Argon2id costs.
    pub argon2_memory_kib: u32,
    pub argon2_iterations: u32,
    pub argon2_parallelism: u32,
    /// Failures in a row before the first wait.
    pub tries_per_account: u32,
    pub tries_per_address: u32,
    /// It doubles with every failure.
    pub first_wait_s: u32,
    pub longest_wait_s: u32,
    /// Whether people sign in with passwords.
    pub password_sign_in: bool,
}

/// `[accounts]`
#[derive(Debug, Clone, PartialEq)]
pub struct AccountsConfig {
    pub signup: SignupConfig,
    /// Of those who sign up without an invitation: `viewer` or `creator`.
    pub signup_creates: bool,
    pub invitation_days: u32,
    pub verification_hours: u32,
    pub reset_minutes: u32,
    /// Pages that take a token, with `{token}` where it goes.
    pub invitation_link: Option<String>,
    pub verification_link: Option<String>,
    pub reset_link: Option<String>,
    /// Where people may be sent back to after they signed in elsewhere, beside here.
    pub return_origins: Vec<WebOrigin>,
    /// By the short word that stands in addresses.
    pub oidc: BTreeMap<String, OidcIssuerConfig>,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignupConfig {
    Off,
    Invitation,
    Open,
}

/// `[mail]`
#[derive(Debug, Clone, PartialEq)]
pub struct MailConfig {
    pub transport: MailTransport,
    /// A mailbox, such as `Inkstone <no-reply@example.org>`.
    pub from: String,
    /// `None` is `outbox` in the data folder.
    pub outbox: Option<PathBuf>,
    pub smtp: SmtpConfig,
}

/// Where mail goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTransport {
    /// A file for each mail.
    File,
    Smtp,
}

/// `[mail.smtp]`
#[derive(Debug, Clone, PartialEq)]
pub struct SmtpConfig {
    pub host: String,
    /// `None` is what the kind of TLS has.
    pub port: Option<u16>,
    pub tls: SmtpTls,
    /// Sign-in; both or none.
    pub username: Option<Secret>,
    pub password: Option<Secret>,
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// From its beginning.
    Tls,
    /// After the greeting, and not without.
    StartTls,
    /// For servers of this machine.
    Off,
}

const SIGNUPS: &[(&str, SignupConfig)] = &[
    ("off", SignupConfig::Off),
    ("invitation", SignupConfig::Invitation),
    ("open", SignupConfig::Open),
];
const SIGNUP_ROLES: &[(&str, bool)] = &[("viewer", false), ("creator", true)];
const TRANSPORTS: &[(&str, MailTransport)] =
    &[("file", MailTransport::File), ("smtp", MailTransport::Smtp)];
const TLS: &[(&str, SmtpTls)] = &[
    ("tls", SmtpTls::Tls),
    ("starttls", SmtpTls::StartTls),
    ("off", SmtpTls::Off),
];

const DAY_S: u32 = 86_400;

pub(crate) fn auth(mut section: Section<'_>, config: &mut AuthConfig) {
    section.number(
        "access_token_minutes",
        1..=1_440,
        &mut config.access_token_minutes,
    );
    section.number(
        "refresh_token_days",
        1..=3_650,
        &mut config.refresh_token_days,
    );
    section.parsed("admin_email", &mut config.admin_email, |text| {
        let has_both_sides = text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
        if has_both_sides {
            Ok(text.to_owned())
        } else {
            Err(format!("`{text}` is no e-mail address"))
        }
    });
    section.secret("admin_password", &mut config.admin_password);
    section.number(
        "password_min_length",
        8..=128,
        &mut config.password_min_length,
    );
    section.number(
        "argon2_memory_kib",
        8_192..=1_048_576,
        &mut config.argon2_memory_kib,
    );
    section.number("argon2_iterations", 1..=100, &mut config.argon2_iterations);
    section.number("argon2_parallelism", 1..=16, &mut config.argon2_parallelism);
    section.number(
        "tries_per_account",
        1..=1_000,
        &mut config.tries_per_account,
    );
    section.number(
        "tries_per_address",
        1..=100_000,
        &mut config.tries_per_address,
    );
    section.number("first_wait_s", 1..=DAY_S, &mut config.first_wait_s);
    section.number("longest_wait_s", 1..=DAY_S, &mut config.longest_wait_s);
    section.flag("password_sign_in", &mut config.password_sign_in);
    section.finish();
}

pub(crate) fn accounts(mut section: Section<'_>, config: &mut AccountsConfig) {
    section.choice("signup", &mut config.signup, SIGNUPS);
    section.choice("signup_role", &mut config.signup_creates, SIGNUP_ROLES);
    section.number("invitation_days", 1..=365, &mut config.invitation_days);
    section.number(
        "verification_hours",
        1..=720,
        &mut config.verification_hours,
    );
    section.number("reset_minutes", 5..=1_440, &mut config.reset_minutes);
    section.parsed("invitation_link", &mut config.invitation_link, link);
    section.parsed("verification_link", &mut config.verification_link, link);
    section.parsed("reset_link", &mut config.reset_link, link);
    doors::origins(&mut section, "return_origins", &mut config.return_origins);
    doors::issuers(&mut section, &mut config.oidc);
    section.finish();
}

/// Somebody must be able to come in.
pub(crate) fn check_way_in(top: &Section<'_>, config: &EngineConfig) {
    if !config.auth.password_sign_in && config.accounts.oidc.is_empty() {
        top.fault(
            top.place(),
            "`password_sign_in` in [auth] is off, and no [accounts.oidc.NAME] names another way to sign in",
        );
    }
}

pub(crate) fn mail(mut section: Section<'_>, config: &mut MailConfig) {
    section.choice("transport", &mut config.transport, TRANSPORTS);
    section.parsed("from", &mut config.from, |text| {
        match text.contains('@') && !text.contains(char::is_control) {
            true => Ok(text.to_owned()),
            false => Err(format!(
                "`{text}` is no sender, such as Inkstone <no-reply@example.org>"
            )),
        }
    });
    section.parsed("outbox", &mut config.outbox, |text| {
        Ok(Some(PathBuf::from(text)))
    });
    smtp(section.section("smtp"), &mut config.smtp);
    if config.transport == MailTransport::Smtp && config.smtp.host.is_empty() {
        let place = section.place().clone();
        section.fault(
            &place,
            "`transport` in [mail] is \"smtp\", but `host` in [mail.smtp] is missing",
        );
    }
    section.finish();
}

fn smtp(mut section: Section<'_>, config: &mut SmtpConfig) {
    section.text("host", &mut config.host);
    section.optional_number("port", 1..=u16::MAX, &mut config.port);
    section.choice("tls", &mut config.tls, TLS);
    section.sign_in("mail.smtp", &mut config.username, &mut config.password);
    section.finish();
}

fn link(text: &str) -> Result<Option<String>, String> {
    let is_address = text.starts_with("http://") || text.starts_with("https://");
    match is_address && text.contains("{token}") && !text.contains(char::is_whitespace) {
        true => Ok(Some(text.to_owned())),
        false => Err(format!(
            "`{text}` must be the address of a page with `{{token}}` in it, such as https://example.org/reset?token={{token}}"
        )),
    }
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            access_token_minutes: 10,
            refresh_token_days: 30,
            admin_email: "admin@localhost".to_owned(),
            admin_password: None,
            password_min_length: 8,
            argon2_memory_kib: 19_456,
            argon2_iterations: 2,
            argon2_parallelism: 1,
            tries_per_account: 5,
            tries_per_address: 20,
            first_wait_s: 1,
            longest_wait_s: 900,
            password_sign_in: true,
        }
    }
}

impl Default for AccountsConfig {
    fn default() -> Self {
        Self {
            signup: SignupConfig::Off,
            signup_creates: false,
            invitation_days: 7,
            verification_hours: 24,
            reset_minutes: 60,
            invitation_link: None,
            verification_link: None,
            reset_link: None,
            return_origins: Vec::new(),
            oidc: BTreeMap::new(),
        }
    }
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            transport: MailTransport::File,
            from: "Inkstone <no-reply@localhost>".to_owned(),
            outbox: None,
            smtp: SmtpConfig {
                host: String::new(),
                port: None,
                tls: SmtpTls::StartTls,
                username: None,
                password: None,
            },
        }
    }
}
