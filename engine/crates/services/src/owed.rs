//! What this engine still owes its own memory. A change of the store is followed in memory by whoever made it; where that
//! is cut short, because the caller has left or a read fails, it is remembered here and made good behind the calls.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether keys and ended sign-ins must be read anew.
#[derive(Default)]
pub(crate) struct Owed {
    is_owed: AtomicBool,
    wake: Notify,
}

/// A change that is under way: something is owed unless it comes to [`Owing::paid`].
pub(crate) struct Owing<'o>(Option<&'o Owed>);

impl Owed {
    /// Before a change of the store.
    pub fn begin(&self) -> Owing<'_> {
        Owing(Some(self))
    }

    /// Something is to be tried again, but not at once.
    pub fn remember(&self) {
        self.is_owed.store(true, Ordering::Release);
    }

    /// Whether there was something, which is the caller's to do now.
    pub fn take(&self) -> bool {
        self.is_owed.swap(false, Ordering::AcqRel)
    }

    /// Until something comes to be owed.
    pub async fn wait(&self) {
        self.wake.notified().await;
    }
}

impl Owing<'_> {
    /// Memory has followed.
    pub fn paid(mut self) {
        self.0 = None;
    }
}

impl Drop for Owing<'_> {
    fn drop(&mut self) {
        if let Some(owed) = self.0 {
            owed.remember();
            owed.wake.notify_one();
        }
    }
}
