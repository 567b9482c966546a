//! What an engine does beside others on the same store.

use std::fmt;
use std::str::FromStr;

use crate::{Error, codes};

/// The share of the work that is an engine's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EngineRole {
    /// Answers callers; what is queued is done by others.
    Api,
    /// Does what is queued and what follows from events, and answers nobody.
    Worker,
    #[default]
    All,
}

impl EngineRole {
    /// By the word for each.
    pub const ALL: [(&'static str, Self); 3] = [
        ("api", Self::Api),
        ("worker", Self::Worker),
        ("all", Self::All),
    ];

    /// Whether it answers callers.
    pub fn serves(self) -> bool {
        self != Self::Worker
    }

    /// Whether it does what nobody waits for.
    pub fn works(self) -> bool {
        self != Self::Api
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::All => "all",
        }
    }
}

impl fmt::Display for EngineRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EngineRole {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|(word, _)| *word == text);
        known.map(|(_, role)| role).ok_or_else(|| {
            let message =
                format!("`{text}` is no role of an engine; take `api`, `worker` or `all`");
            Error::new(&codes::INVALID_INPUT, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for (word, role) in EngineRole::ALL {
            assert_eq!(word.parse::<EngineRole>().unwrap(), role);
            assert_eq!(role.to_string(), word);
        }
        assert!("workers".parse::<EngineRole>().is_err());
    }
}
