//! The HTTP methods that a plugin may use, as a set. CONNECT and TRACE are none of them, ever.

use std::fmt;
use std::str::FromStr;

/// In the order in which they are written.
const NAMES: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// A set of methods, one bit each in the order of `NAMES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Methods(u8);

impl Methods {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self((1 << NAMES.len()) - 1);

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// `name` in upper case.
    pub fn contains(self, name: &str) -> bool {
        Self::one(name).is_some_and(|one| self.0 & one.0 != 0)
    }

    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn one(name: &str) -> Option<Self> {
        let index = NAMES.iter().position(|known| *known == name)?;
        Some(Self(1 << index))
    }
}

impl FromStr for Methods {
    type Err = String;

    /// Names between commas, in upper case.
    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').try_fold(Self::NONE, |all, name| {
            let one = Self::one(name)
                .ok_or_else(|| format!("the method `{name}` is none of {}", NAMES.join(", ")))?;
            Ok(all.union(one))
        })
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = NAMES
            .into_iter()
            .filter(|name| self.contains(name))
            .collect();
        f.write_str(&names.join(","))
    }
}
