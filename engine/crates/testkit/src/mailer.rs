//! A mailer that keeps what it is given, for tests to read.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use inkstone_domain::people::Mail;
use inkstone_domain::ports::Mailer;
use inkstone_domain::{Error, Result};
use tokio::sync::Notify;

/// Clones share one box.
#[derive(Clone, Default)]
pub struct MemMailer {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    sent: Mutex<Vec<Mail>>,
    failures: Mutex<Vec<Error>>,
    arrived: Notify,
}

impl MemMailer {
    /// All mails until now, oldest first.
    pub fn sent(&self) -> Vec<Mail> {
        lock(&self.shared.sent).clone()
    }

    /// The last of `count` mails, once there are so many.
    pub async fn nth(&self, count: usize) -> Mail {
        loop {
            let arrived = self.shared.arrived.notified();
            if let Some(mail) = self.sent().get(count - 1) {
                return mail.clone();
            }
            arrived.await;
        }
    }

    /// The next mail fails like this, and is not kept.
    pub fn fail_once(&self, error: Error) {
        lock(&self.shared.failures).push(error);
    }

    /// The token of a mail: its one line that is long and has no space.
    pub fn token_of(mail: &Mail) -> String {
        let mut lines = mail.text.lines();
        let token = lines.find(|line| line.len() > 40 && !line.contains(' '));
        token.unwrap().to_owned()
    }
}

#[async_trait]
impl Mailer for MemMailer {
    async fn send(&self, mail: &Mail) -> Result<()> {
        if let Some(error) = lock(&self.shared.failures).pop() {
            return Err(error);
        }
        lock(&self.shared.sent).push(mail.clone());
        self.shared.arrived.notify_waiters();
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
