//! The bus between engines of one process.

use futures::StreamExt;
use inkstone_domain::ports::{EngineBus, Heard, News, NewsFeed};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use ulid::Ulid;

/// One engine's end; [`MemBus::end`] makes another.
pub struct MemBus {
    me: Ulid,
    told: broadcast::Sender<(Ulid, Heard)>,
}

impl Default for MemBus {
    fn default() -> Self {
        Self {
            me: Ulid::new(),
            told: broadcast::Sender::new(256),
        }
    }
}

impl MemBus {
    /// Of another engine.
    pub fn end(&self) -> Self {
        Self {
            me: Ulid::new(),
            told: self.told.clone(),
        }
    }

    /// As if the others had missed something.
    pub fn break_off(&self) {
        let _ = self.told.send((self.me, Heard::Gap));
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.told.receiver_count()
    }
}

impl EngineBus for MemBus {
    fn tell(&self, news: News) {
        // An error only says that nobody listens.
        let _ = self.told.send((self.me, Heard::News(news)));
    }

    fn listen(&self) -> NewsFeed {
        let me = self.me;
        let told = BroadcastStream::new(self.told.subscribe());
        let heard = told.filter_map(move |told| async move {
            match told {
                Ok((from, _)) if from == me => None,
                Ok((_, heard)) => Some(heard),
                Err(_) => Some(Heard::Gap),
            }
        });
        heard.boxed()
    }
}
