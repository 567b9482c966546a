//! One engine among others on the same store: what it hears of them, and what it reads anew by itself, so that
//! nothing it keeps is old for long, whether it hears anything or not.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use inkstone_domain::ports::{EngineBus, Heard, LimitCounter, News, NoOthers, TryCounter};
use inkstone_domain::{Error, Result};
use tokio::time::{Instant, MissedTickBehavior};

use crate::Services;

/// How old what is kept of keys, allowances and spendings may become where nobody tells of changes.
pub const KEPT_FOR: Duration = Duration::from_secs(5);
/// Several changes at once are read once.
const GATHER: Duration = Duration::from_millis(20);

/// What engines share beside the store. What is `None` each does alone.
#[derive(Clone)]
pub struct EnginePorts {
    pub bus: Arc<dyn EngineBus>,
    pub limits: Option<Arc<dyn LimitCounter>>,
    pub tries: Option<Arc<dyn TryCounter>>,
}

impl EnginePorts {
    /// Of an engine that shares nothing but the store, if that.
    pub fn alone() -> Self {
        Self {
            bus: Arc::new(NoOthers),
            limits: None,
            tries: None,
        }
    }
}

/// What must be read anew.
#[derive(Default)]
struct Old {
    keys: bool,
    /// Which sign-ins were ended.
    sessions: bool,
    /// Allowances and spendings.
    limits: bool,
}

impl Services {
    /// Hears what other engines tell, and drops or reads anew what it is about.
    pub(crate) async fn hear_others(self: Arc<Self>) {
        let mut heard = self.bus.listen();
        let mut old = Old::default();
        let mut at = None;
        loop {
            let gathered = async move {
                match at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => return,
                news = heard.next() => match news {
                    Some(news) => self.take(news, &mut old),
                    None => return,
                },
                () = gathered => {
                    at = None;
                    self.read_anew(std::mem::take(&mut old)).await;
                }
            }
            if old.keys || old.sessions || old.limits {
                at.get_or_insert_with(|| Instant::now() + GATHER);
            }
        }
    }

    /// Reads anew every few seconds what other engines change and nobody asks the store for; and shows the
    /// shared counter that this engine lives. Where there are no others, it reads what this engine owes its memory.
    pub(crate) async fn keep_up(self: Arc<Self>) {
        let mut looks = tokio::time::interval(KEPT_FOR);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Once between two looks: whoever leaves in the middle of calls, again and again, makes no work of it.
        let mut may_wake = true;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                _ = looks.tick() => may_wake = true,
                () = self.auth.owed().wait(), if may_wake => may_wake = false,
            }
            let owes = self.auth.owed().take();
            if self.has_others || owes {
                let old = Old {
                    keys: true,
                    sessions: true,
                    limits: self.has_others,
                };
                self.read_anew(old).await;
            }
            if self.has_others {
                self.limits.keep_shared().await;
            }
        }
    }

    fn take(&self, heard: Heard, old: &mut Old) {
        match heard {
            Heard::News(News::Events) => self.events.look(),
            Heard::News(News::Jobs) => self.jobs.look(),
            Heard::News(News::Keys) => old.keys = true,
            Heard::News(News::Allowances) => old.limits = true,
            Heard::News(News::Member { user, project }) => {
                self.access.forget_here(user, &project);
            }
            Heard::News(News::Lexicon { project }) => self.search.lexicons.forget(&project),
            Heard::News(News::SessionEnded { session }) => self.auth.end_here(session),
            Heard::Gap => {
                self.events.look();
                self.jobs.look();
                self.access.forget_all();
                self.search.lexicons.forget_all();
                (old.keys, old.sessions, old.limits) = (true, true, true);
            }
        }
    }

    async fn read_anew(&self, old: Old) {
        let read = async {
            if old.sessions {
                self.auth.load_ended().await?;
            }
            if old.keys {
                self.keys.reload().await?;
                self.api_keys.reload().await?;
            }
            if old.limits {
                self.load_limits().await?;
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = read.await {
            self.auth.owed().remember();
            tracing::warn!(
                ?error,
                "what was changed could not be read; it is tried again"
            );
        }
    }

    /// Allowances and spendings, as the store has them.
    pub(crate) async fn load_limits(&self) -> Result<()> {
        let spent = self.ledger.spent_since(self.limits.first_day()).await?;
        self.limits.load(self.key_store.allowances().await?, &spent);
        Ok(())
    }
}
