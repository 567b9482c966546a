//! Passwords: hashing and checking with Argon2id, away from the async threads and only so many at a
//! time, because each takes memory and tens of milliseconds. Hashes of bcrypt, as imported accounts have
//! them, and of other parameters are checked too and made anew when their password is shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::{
    Error as HashError, PasswordHash, PasswordHasher, PasswordVerifier, SaltString,
};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use inkstone_domain::{Error, Result, codes};
use tokio::sync::Semaphore;

/// What a hash costs to make, and so to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashingCost {
    pub memory_kib: u32,
    pub iterations: u32,
    pub parallelism: u32,
}

impl Default for HashingCost {
    /// 19 MiB, two iterations, one lane: what OWASP asks for.
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
        }
    }
}

/// What a shown password is.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right, and this is its hash with the cost of today: the stored one is of another time.
    Stale(String),
}

/// Hashes passwords.
pub struct Passwords {
    permits: Arc<Semaphore>,
    params: Params,
    /// A hash no password fits, of the same cost as real ones: checking against it takes as long, so
    /// that an unknown e-mail cannot be told from a wrong password.
    nobody: String,
    /// Since the start.
    work: AtomicU64,
}

impl Passwords {
    /// As many at a time as there are processors. `invalid_config` for a cost that Argon2id does not know.
    pub fn new(cost: HashingCost) -> Result<Self> {
        let HashingCost {
            memory_kib,
            iterations,
            parallelism,
        } = cost;
        let params = Params::new(memory_kib, iterations, parallelism, None).map_err(|error| {
            Error::new(
                &codes::INVALID_CONFIG,
                format!("[auth] asks for a hash that Argon2id cannot make: {error}"),
            )
        })?;
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            permits: Arc::new(Semaphore::new(processors)),
            params,
            nobody: format!(
                "$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}$aW5rc3RvbmUtbm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            ),
            work: AtomicU64::new(0),
        })
    }

    /// How many hashes were computed since the start.
    pub fn work(&self) -> u64 {
        self.work.load(Ordering::Relaxed)
    }

    /// The PHC string of a password with a fresh salt.
    pub async fn hash(&self, password: String) -> Result<String> {
        let params = self.params.clone();
        self.work.fetch_add(1, Ordering::Relaxed);
        self.blocking(move || hash(params, &password)).await
    }

    /// Whether the password fits the stored hash. Without one it takes as long and is `Wrong`.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<Verdict> {
        let stored = stored.filter(|stored| !stored.is_empty());
        let is_known = stored.is_some();
        let phc = stored.unwrap_or_else(|| self.nobody.clone());
        let params = self.params.clone();
        self.work.fetch_add(1, Ordering::Relaxed);
        self.blocking(move || {
            let fits = match is_bcrypt(&phc) {
                true => bcrypt::verify(&password, &phc).map_err(internal)?,
                false => fits_argon2(&password, &phc)?,
            };
            match fits && is_known {
                false => Ok(Verdict::Wrong),
                true if is_of_today(&params, &phc) => Ok(Verdict::Right),
                true => Ok(Verdict::Stale(hash(params, &password)?)),
            }
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(internal)?;
        let result = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        result.await.map_err(internal)?
    }
}

/// A password of 120 random bits.
pub fn generate() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 15]>())
}

/// Whether a hash of another system can be checked here, at a cost that is bearable: Argon2id as a PHC
/// string, or bcrypt.
pub fn is_importable(stored: &str) -> bool {
    const MOST_MEMORY_KIB: u32 = 256 * 1024;
    const MOST_ITERATIONS: u32 = 16;
    const MOST_BCRYPT_COST: u32 = 15;
    if is_bcrypt(stored) {
        let cost = stored.get(4..6).and_then(|cost| cost.parse::<u32>().ok());
        let is_whole = stored.len() == 60 && stored.as_bytes().get(6) == Some(&b'$');
        return is_whole && cost.is_some_and(|cost| (4..=MOST_BCRYPT_COST).contains(&cost));
    }
    let Ok(parsed) = PasswordHash::new(stored) else {
        return false;
    };
    let params = Params::try_from(&parsed);
    let is_argon2id = parsed.algorithm == argon2::ARGON2ID_IDENT;
    is_argon2id
        && parsed.hash.is_some()
        && params.is_ok_and(|params| {
            params.m_cost() <= MOST_MEMORY_KIB && params.t_cost() <= MOST_ITERATIONS
        })
}

fn is_bcrypt(stored: &str) -> bool {
    ["$2a$", "$2b$", "$2y$"]
        .iter()
        .any(|prefix| stored.starts_with(prefix))
}

fn hash(params: Params, password: &str) -> Result<String> {
    let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).map_err(internal)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes(), &salt);
    Ok(hash.map_err(internal)?.to_string())
}

fn fits_argon2(password: &str, phc: &str) -> Result<bool> {
    let hash = PasswordHash::new(phc).map_err(internal)?;
    match Argon2::default().verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(HashError::Password) => Ok(false),
        Err(error) => Err(internal(error)),
    }
}

fn is_of_today(today: &Params, phc: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(phc) else {
        return false;
    };
    let is_argon2id = parsed.algorithm == argon2::ARGON2ID_IDENT;
    let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    is_argon2id && Params::try_from(&parsed).is_ok_and(|stored| cost(&stored) == cost(today))
}

fn internal(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(&codes::INTERNAL, "the password could not be checked").with_source(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LITTLE: HashingCost = HashingCost {
        memory_kib: 8,
        iterations: 1,
        parallelism: 1,
    };

    fn passwords(cost: HashingCost) -> Passwords {
        Passwords::new(cost).unwrap()
    }

    async fn verdict(passwords: &Passwords, password: &str, stored: &str) -> Verdict {
        let verdict = passwords.verify(password.to_owned(), Some(stored.to_owned()));
        verdict.await.unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let passwords = passwords(HashingCost::default());
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let right = verdict(&passwords, "correct horse", &hash).await;
        assert_eq!(right, Verdict::Right);
        let wrong = verdict(&passwords, "wrong horse", &hash).await;
        assert_eq!(wrong, Verdict::Wrong);
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let passwords = passwords(LITTLE);
        for stored in [None, Some(String::new())] {
            let verdict = passwords.verify(String::new(), stored).await.unwrap();
            assert_eq!(verdict, Verdict::Wrong);
        }
    }

    #[tokio::test]
    async fn hashes_of_other_times_and_systems_are_made_anew() {
        let today = passwords(LITTLE);
        let before = passwords(HashingCost {
            iterations: 2,
            ..LITTLE
        });
        let bcrypt = bcrypt::hash_with_result("correct horse", 4).unwrap();
        let stored = [
            before.hash("correct horse".to_owned()).await.unwrap(),
            bcrypt.format_for_version(bcrypt::Version::TwoA),
            bcrypt.format_for_version(bcrypt::Version::TwoB),
            bcrypt.format_for_version(bcrypt::Version::TwoY),
        ];
        for old in &stored {
            assert!(is_importable(old), "{old}");
            let Verdict::Stale(new) = verdict(&today, "correct horse", old).await else {
                panic!("{old} must be made anew");
            };
            let again = verdict(&today, "correct horse", &new).await;
            assert_eq!(again, Verdict::Right);
            assert_eq!(verdict(&today, "wrong", old).await, Verdict::Wrong);
        }
    }

    #[test]
    fn only_bearable_hashes_are_imported() {
        let bcrypt = format!("$2b$31${}", "a".repeat(53));
        for refused in [
            "",
            "correct horse",
            "$1$abc$def",
            &bcrypt,
            "$2b$10$short",
            "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=9999999,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ",
        ] {
            assert!(!is_importable(refused), "{refused}");
        }
    }

    #[test]
    fn a_cost_that_is_none_is_refused() {
        let refused = Passwords::new(HashingCost {
            memory_kib: 1,
            ..LITTLE
        });
        assert_eq!(refused.err().unwrap().code().name, "invalid_config");
    }
}
