//! Going through what is due, a batch at a time from its front, and past what cannot be done: one thing that always
//! fails holds up nothing behind it.

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;

use inkstone_domain::{Error, Result};

/// Then it is not about the things themselves.
const MOST_FAULTS: usize = 1_000;
/// The same of faults that may pass.
const MOST_TRANSIENT: usize = 3;

/// What a sweep left where it is. Batches begin with it again, so they are longer by as much.
pub(crate) struct LeftOver<T> {
    ids: HashSet<T>,
    transient: usize,
}

impl<T> Default for LeftOver<T> {
    fn default() -> Self {
        Self {
            ids: HashSet::new(),
            transient: 0,
        }
    }
}

impl<T: Copy + Display + Eq + Hash> LeftOver<T> {
    /// As much as to read, so that there are `batch` others among it.
    pub fn beside(&self, batch: usize) -> usize {
        self.ids.len() + batch
    }

    pub fn has(&self, id: T) -> bool {
        self.ids.contains(&id)
    }

    /// Somebody else has done it, or changed it; nothing is said of that.
    pub fn leave(&mut self, id: T) {
        self.ids.insert(id);
    }

    /// Goes past what failed, and says so; the error itself where too much does.
    pub fn pass(&mut self, what: &str, id: T, error: Error) -> Result<()> {
        self.ids.insert(id);
        self.transient += usize::from(error.is_transient());
        if self.transient >= MOST_TRANSIENT || self.ids.len() >= MOST_FAULTS {
            return Err(error);
        }
        tracing::warn!(?error, id = %id, "{what} could not be tidied up, and is left for later");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use inkstone_domain::codes;
    use inkstone_domain::ids::ArticleId;

    use super::*;

    #[test]
    fn batches_grow_by_what_is_left() {
        let mut left = LeftOver::default();
        let (one, other) = (ArticleId::new(), ArticleId::new());
        assert_eq!(left.beside(100), 100);
        left.leave(one);
        let fault = Error::new(&codes::INTERNAL, "damaged");
        left.pass("an article", other, fault).unwrap();
        assert_eq!(left.beside(100), 102);
        assert!(left.has(one) && left.has(other) && !left.has(ArticleId::new()));
    }

    #[test]
    fn what_is_about_no_single_one_ends_it() {
        for (code, most) in [
            (&codes::INTERNAL, MOST_FAULTS),
            (&codes::STORE_UNAVAILABLE, MOST_TRANSIENT),
        ] {
            let mut left = LeftOver::default();
            let mut pass = || left.pass("an article", ArticleId::new(), Error::new(code, "no"));
            let passed = std::iter::from_fn(|| pass().ok()).count();
            assert_eq!(passed, most - 1, "{}", code.name);
        }
    }
}
