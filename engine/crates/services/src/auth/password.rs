//! Passwords: hashing and checking with Argon2id, away from the async threads and only so many at a
//! time, because each takes 19 MiB and tens of milliseconds.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use inkstone_domain::{Error, Result, codes};
use tokio::sync::Semaphore;

/// A hash no password fits, made with the same parameters as real ones: checking against it takes
/// as long, so that an unknown e-mail cannot be told from a wrong password.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$aW5rc3RvbmUtbm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes passwords.
pub struct Passwords {
    permits: Arc<Semaphore>,
}

impl Passwords {
    /// As many at a time as there are processors.
    pub fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            permits: Arc::new(Semaphore::new(processors)),
        }
    }

    /// The PHC string of a password with a fresh salt.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.blocking(move || {
            let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>())?;
            let hash = Argon2::default().hash_password(password.as_bytes(), &salt)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password fits the stored hash. Without one it takes as long and is `false`.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool> {
        self.blocking(move || {
            let is_known = stored.is_some();
            let phc = stored.unwrap_or_else(|| NOBODY.to_owned());
            let hash = PasswordHash::new(&phc)?;
            match Argon2::default().verify_password(password.as_bytes(), &hash) {
                Ok(()) => Ok(is_known),
                Err(argon2::password_hash::Error::Password) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> argon2::password_hash::Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(internal)?;
        let result = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        })
        .await
        .map_err(internal)?;
        result.map_err(internal)
    }
}

/// A password of 120 random bits.
pub fn generate() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 15]>())
}

fn internal(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(&codes::INTERNAL, "the password could not be checked").with_source(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let right = passwords.verify("correct horse".to_owned(), Some(hash.clone()));
        assert!(right.await.unwrap());
        let wrong = passwords.verify("wrong horse".to_owned(), Some(hash));
        assert!(!wrong.await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        assert!(!Passwords::new().verify(String::new(), None).await.unwrap());
    }
}
