//! Going through what is due, a batch at a time from its front, and past what cannot be done: one thing that always
//! fails holds up nothing behind it.

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;

use inkstone_domain::{Error, Result};
use tokio_util::sync::CancellationToken;

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

/// Forgets in small transactions, between which others get their turn, until one of them finds less than a whole
/// `piece`, or `stop`. How many.
pub(crate) async fn in_pieces<F: Future<Output = Result<u64>>>(
    piece: usize,
    stop: &CancellationToken,
    forget: impl Fn(usize) -> F,
) -> Result<u64> {
    let mut forgotten = 0;
    while !stop.is_cancelled() {
        let gone = forget(piece).await?;
        forgotten += gone;
        if gone < piece as u64 {
            break;
        }
    }
    Ok(forgotten)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::ready;

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

    #[tokio::test]
    async fn pieces_are_forgotten_until_one_is_short() {
        let stop = CancellationToken::new();
        for (there, pieces) in [(0, 1), (9, 1), (10, 2), (25, 3)] {
            let (left, asked) = (Cell::new(there), Cell::new(0));
            let forget = |piece: usize| {
                let gone = left.get().min(piece as u64);
                left.set(left.get() - gone);
                asked.set(asked.get() + 1);
                ready(Ok(gone))
            };
            let forgotten = in_pieces(10, &stop, forget).await.unwrap();
            assert_eq!((forgotten, asked.get()), (there, pieces), "{there}");
        }
        let broken = |_| ready(Err(Error::new(&codes::STORE_UNAVAILABLE, "away")));
        assert!(in_pieces(10, &stop, broken).await.is_err());
    }

    #[tokio::test]
    async fn who_stops_waits_for_one_piece_at_most() {
        let stop = CancellationToken::new();
        let forget = |piece: usize| {
            stop.cancel();
            ready(Ok(piece as u64))
        };
        assert_eq!(in_pieces(10, &stop, forget).await.unwrap(), 10);
        assert_eq!(in_pieces(10, &stop, forget).await.unwrap(), 0);
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
