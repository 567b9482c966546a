//! Which passwords are taken: long enough, not among those that everybody tries first, and not made of
//! the e-mail address.

use std::collections::HashSet;
use std::sync::LazyLock;

use inkstone_domain::FieldError;

/// One per line, lower case; lines that begin with `#` are its head.
const COMMON: &str = include_str!("../../data/common-passwords.txt");

/// Also what hashing a password may cost at most, beside its own cost.
const MOST_BYTES: usize = 1024;

static COMMON_PASSWORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let lines = COMMON.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
});

/// The rules for new passwords. Those that were set before are not looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// In characters.
    pub min_length: u32,
}

impl Default for PasswordPolicy {
    /// Eight characters.
    fn default() -> Self {
        Self { min_length: 8 }
    }
}

impl PasswordPolicy {
    /// What is wrong with a password of this person, `None` where nothing is. `pointer` is its field.
    pub fn fault(&self, pointer: &str, email: &str, password: &str) -> Option<FieldError> {
        self.reason(email, password).map(|detail| FieldError {
            pointer: pointer.to_owned(),
            detail,
        })
    }

    fn reason(&self, email: &str, password: &str) -> Option<String> {
        let min = self.min_length;
        if password.chars().count() < min as usize || password.len() > MOST_BYTES {
            return Some(format!(
                "must have at least {min} characters, and at most {MOST_BYTES} bytes"
            ));
        }
        let lower = password.to_lowercase();
        if COMMON_PASSWORDS.contains(lower.as_str()) {
            return Some(
                "is one of the most common passwords, which are tried first; take another"
                    .to_owned(),
            );
        }
        let local = email.split('@').next().unwrap_or_default().to_lowercase();
        // Shorter names are part of too many words.
        let is_telling = local.chars().count() >= 4;
        if is_telling && lower.contains(&local) {
            return Some("must not contain the name of the e-mail address".to_owned());
        }
        let mut others = lower.chars().skip_while(|c| lower.starts_with(*c));
        if others.next().is_none() {
            return Some("must not be one character again and again".to_owned());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_easily_guessed_is_refused() {
        let check = |password: &str| {
            let fault = PasswordPolicy::default().fault("/password", "Adams@example.org", password);
            fault.map(|fault| fault.detail)
        };
        for (password, reason) in [
            ("short", "at least 8 characters"),
            ("潮汐潮汐潮汐潮", "at least 8 characters"),
            ("password", "most common"),
            ("PassWord1", "most common"),
            ("iloveyou", "most common"),
            ("1234567890", "most common"),
            ("my-adams-words", "e-mail"),
            ("ADAMS-and-eves", "e-mail"),
            ("zzzzzzzzzzzzzz", "one character"),
        ] {
            let found = check(password).unwrap_or_default();
            assert!(found.contains(reason), "{password}: {found}");
        }
        assert!(check(&"x1".repeat(513)).unwrap().contains("1024 bytes"));
        assert_eq!(check("correct horse"), None);
        assert_eq!(check("潮汐潮汐潮汐潮汐"), None);
    }

    #[test]
    fn a_short_name_is_no_reason() {
        let fault = PasswordPolicy::default().fault("/password", "al@example.org", "tidal waves");
        assert_eq!(fault, None);
    }

    #[test]
    fn the_list_is_clean() {
        assert!(
            COMMON_PASSWORDS.len() > 30_000,
            "{}",
            COMMON_PASSWORDS.len()
        );
        for word in COMMON_PASSWORDS.iter() {
            assert_eq!(*word, word.to_lowercase());
        }
    }

    #[test]
    fn what_is_common_is_refused_however_it_is_written() {
        let long = COMMON_PASSWORDS
            .iter()
            .filter(|word| word.chars().count() >= 8);
        let taken: Vec<_> = long
            .filter(|word| {
                let policy = PasswordPolicy::default();
                policy
                    .fault("/password", "ada@example.org", &word.to_uppercase())
                    .is_none()
            })
            .collect();
        assert_eq!(taken, Vec::<&&str>::new());
    }
}
