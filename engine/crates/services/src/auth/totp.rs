//! The second factor: codes of an authenticator app (RFC 6238; SHA-1, six digits, thirty seconds, which is
//! what all apps do), and recovery codes for whoever lost it. A code is good once. Secrets are stored sealed.

use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::ids::UserId;
use inkstone_domain::people::SecondFactor;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};
use totp_rs::{Algorithm, TOTP};

use super::{Auth, subject_of, token_hash};

const STEP_S: u64 = 30;
const DIGITS: usize = 6;
/// 160 bits, as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;
const RECOVERY_CODES: usize = 10;
/// What recovery codes are written in: nothing that looks like something else.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// A secret to be put into an app, told once.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSecondFactor {
    /// Base32, for typing.
    pub secret: String,
    /// `otpauth://…`, for a QR code.
    pub uri: String,
}

/// What a user may know about their second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondFactorState {
    /// Whether sign-in asks for it.
    pub is_on: bool,
    pub recovery_codes_left: usize,
}

impl Auth {
    /// Whether sign-in asks for a second factor.
    pub async fn second_factor(&self, principal: &Principal) -> Result<SecondFactorState> {
        let factor = self.people.second_factor(principal.user).await?;
        let factor = factor.filter(|factor| factor.confirmed_at.is_some());
        Ok(SecondFactorState {
            is_on: factor.is_some(),
            recovery_codes_left: factor.map_or(0, |factor| factor.recovery_hashes.len()),
        })
    }

    /// Makes a secret. It counts for nothing until a first code is shown. Needs the password; `conflict`
    /// where a second factor is on.
    pub async fn begin_second_factor(
        &self,
        principal: &Principal,
        password: String,
    ) -> Result<NewSecondFactor> {
        let user = self.confirm_password(principal.user, password).await?.user;
        if self.second_factor(principal).await?.is_on {
            return Err(Error::new(
                &codes::CONFLICT,
                "the second factor is on already; remove it first to set up another app",
            ));
        }
        let secret: [u8; SECRET_BYTES] = rand::random();
        let totp = self.totp(secret.to_vec(), &user.email)?;
        let owner = owner_of(user.id);
        let begun = SecondFactor {
            user: user.id,
            sealed_secret: self.sealing.seal(&owner, &secret)?,
            confirmed_at: None,
            last_step: 0,
            recovery_hashes: Vec::new(),
        };
        self.people.put_second_factor(&begun, None).await?;
        Ok(NewSecondFactor {
            secret: totp.get_secret_base32(),
            uri: totp.get_url(),
        })
    }

    /// Turns it on with a first code of the app; the recovery codes are told here and never again.
    /// `invalid_input` where the code is wrong, `conflict` where none was begun or it is on already.
    pub async fn confirm_second_factor(
        &self,
        principal: &Principal,
        code: &str,
    ) -> Result<Vec<String>> {
        let begun = self.people.second_factor(principal.user).await?;
        let begun = begun.filter(|factor| factor.confirmed_at.is_none());
        let Some(factor) = begun else {
            return Err(Error::new(
                &codes::CONFLICT,
                "no second factor was begun, or it is on already",
            ));
        };
        let attempt = super::Attempt::of("totp", &principal.user.to_string(), None);
        self.throttle.begin(&attempt).await?;
        let Some(step) = self.step_of(&factor, code)? else {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                "`/code` is not the code that the app shows now; look at the clock of the device",
            ));
        };
        self.throttle.forgive(&attempt).await;
        let recovery: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
        let confirmed = SecondFactor {
            confirmed_at: Some(self.clock.now()),
            last_step: step,
            recovery_hashes: recovery.iter().map(|code| recovery_hash(code)).collect(),
            ..factor
        };
        let audit = self.told(principal, actions::SECOND_FACTOR_ENABLED);
        self.people
            .put_second_factor(&confirmed, Some(&audit))
            .await?;
        Ok(recovery)
    }

    /// Turns it off, and forgets secret and recovery codes. Needs the password.
    pub async fn remove_second_factor(
        &self,
        principal: &Principal,
        password: String,
    ) -> Result<()> {
        let user = self.confirm_password(principal.user, password).await?.user;
        // One that was begun only was never on.
        let is_on = self.second_factor(principal).await?.is_on;
        let audit = is_on.then(|| self.told(principal, actions::SECOND_FACTOR_DISABLED));
        self.people
            .remove_second_factor(user.id, audit.as_ref())
            .await
    }

    fn told(&self, principal: &Principal, action: &str) -> AuditRecord {
        let subject = subject_of(principal.user);
        AuditRecord::by(principal, self.clock.now(), action, subject)
    }

    /// `totp_required` where a code is asked for, and none or a wrong or spent one is shown.
    pub(crate) async fn check_second_factor(
        &self,
        user: UserId,
        shown: Option<&str>,
    ) -> Result<()> {
        let factor = self.people.second_factor(user).await?;
        let Some(factor) = factor.filter(|factor| factor.confirmed_at.is_some()) else {
            return Ok(());
        };
        let Some(shown) = shown else {
            return Err(totp_required(
                "this account has a second factor; send the code of the app, or a recovery code, as `totp`",
            ));
        };
        let is_good = match self.step_of(&factor, shown)? {
            Some(step) => self.people.spend_step(user, step).await?,
            None => {
                let hash = recovery_hash(shown);
                self.people.spend_recovery_code(user, hash).await?
            }
        };
        match is_good {
            true => Ok(()),
            false => Err(totp_required(
                "the code is wrong or was used before; send the one that the app shows now, or a recovery code",
            )),
        }
    }

    /// The time step whose code this is: the present one, or one of its neighbours, as clocks differ.
    fn step_of(&self, factor: &SecondFactor, code: &str) -> Result<Option<u64>> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        if code.len() != DIGITS {
            return Ok(None);
        }
        let secret = self
            .sealing
            .open(&owner_of(factor.user), &factor.sealed_secret)?;
        let totp = self.totp(secret, "")?;
        let now = u64::try_from(self.clock.now().timestamp()).unwrap_or_default();
        let present = now / STEP_S;
        let steps = present.saturating_sub(1)..=present + 1;
        Ok(steps
            .into_iter()
            .find(|step| totp.check(&code, step * STEP_S)))
    }

    fn totp(&self, secret: Vec<u8>, account: &str) -> Result<TOTP> {
        // No skew: the steps around the present one are tried one by one, to know which it was.
        let issuer = self.config.issuer.replace(':', " ");
        let totp = TOTP::new(
            Algorithm::SHA1,
            DIGITS,
            0,
            STEP_S,
            secret,
            Some(issuer),
            account.replace(':', " "),
        );
        totp.map_err(|error| {
            Error::new(
                &codes::INTERNAL,
                "the secret of the second factor cannot be used",
            )
            .with_source(error)
        })
    }
}

/// What a sealed secret belongs to.
fn owner_of(user: UserId) -> String {
    format!("inkstone second factor: {user}")
}

/// 80 random bits in four groups, `abcd-efgh-jkmn-pqrs`.
fn recovery_code() -> String {
    let letters =
        rand::random::<[u8; 16]>().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    let groups: Vec<String> = letters.chunks(4).map(String::from_iter).collect();
    groups.join("-")
}

/// However people write it.
fn recovery_hash(code: &str) -> [u8; 32] {
    let letters: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    token_hash(&letters)
}

fn totp_required(message: &str) -> Error {
    Error::new(&codes::TOTP_REQUIRED, message)
}
