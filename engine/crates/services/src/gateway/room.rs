//! Memory that calls of all users share for a while. Nobody takes all of it: somebody may have more only while others are
//! left enough, by how much is free (dynamic thresholds, Choudhury and Hahne 1998).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use inkstone_domain::ids::UserId;

/// Nobody has more than so many times what is free: one alone three quarters of all, two three sevenths each.
const TIMES_FREE: usize = 3;

/// So many bytes.
pub(crate) struct Room(Mutex<Shares>);

struct Shares {
    free: usize,
    /// Of those who have some.
    held: HashMap<UserId, usize>,
}

/// What somebody has of it, until it is dropped.
pub(crate) struct Share {
    room: Arc<Room>,
    user: UserId,
    bytes: usize,
}

/// Why there is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// What is left is for others.
    ForYou,
    ForAnybody,
}

impl Room {
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Shares {
            free: bytes,
            held: HashMap::new(),
        })))
    }

    /// Nothing of it as yet.
    pub fn share(self: &Arc<Self>, user: UserId) -> Share {
        Share {
            room: Arc::clone(self),
            user,
            bytes: 0,
        }
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes so many bytes more, or none.
    pub fn take(&mut self, more: usize) -> Result<(), NoRoom> {
        let mut shares = self.room.shares();
        let held = shares.held.get(&self.user).copied().unwrap_or_default();
        let Some(left) = shares.free.checked_sub(more) else {
            return Err(NoRoom::ForAnybody);
        };
        if held.saturating_add(more) > shares.free.saturating_mul(TIMES_FREE) {
            return Err(NoRoom::ForYou);
        }
        shares.free = left;
        shares.held.insert(self.user, held + more);
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut shares = self.room.shares();
        shares.free += self.bytes;
        let held = shares.held.get(&self.user).copied().unwrap_or_default();
        match held.checked_sub(self.bytes) {
            Some(rest) if rest > 0 => shares.held.insert(self.user, rest),
            _ => shares.held.remove(&self.user),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As much as there is for them, one by one.
    fn take_all(share: &mut Share) -> (usize, NoRoom) {
        loop {
            if let Err(why) = share.take(1) {
                return (share.bytes, why);
            }
        }
    }

    #[test]
    fn nobody_has_all_of_it() {
        let room = Room::new(16_000);
        let mut one = room.share(UserId::new());
        assert_eq!(take_all(&mut one), (12_000, NoRoom::ForYou));
        let mut again = room.share(one.user);
        assert_eq!(again.take(1), Err(NoRoom::ForYou), "by whatever call");
        let mut other = room.share(UserId::new());
        assert_eq!(take_all(&mut other), (3_000, NoRoom::ForYou));
        assert_eq!(other.take(2_000), Err(NoRoom::ForAnybody));
        drop(one);
        assert_eq!(take_all(&mut other).0, 12_000);
    }

    #[test]
    fn what_is_given_back_is_there_again() {
        let room = Room::new(1_000);
        let user = UserId::new();
        for _ in 0..3 {
            let (mut one, mut other) = (room.share(user), room.share(user));
            one.take(300).unwrap();
            other.take(300).unwrap();
            drop(one);
            assert_eq!(room.shares().held[&user], 300);
            drop(other);
            let shares = room.shares();
            assert_eq!((shares.free, shares.held.len()), (1_000, 0));
        }
    }
}
