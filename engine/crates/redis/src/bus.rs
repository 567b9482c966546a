//! News by publish and subscribe. A subscription that broke off begins anew, and then whoever listens hears of
//! a gap: what was said meanwhile is lost.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use inkstone_domain::ports::{EngineBus, Heard, News, NewsFeed};
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, mpsc};
use tokio::time::{MissedTickBehavior, timeout};
use tokio_stream::wrappers::BroadcastStream;
use tokio_util::sync::CancellationToken;
use ulid::Ulid;

use crate::connection::Connection;
use crate::error::Fault;

/// What waits to be told; more is lost.
const WAITING: usize = 1_024;
/// What a listener may lag behind before it hears of a gap.
const KEPT: usize = 1_024;
/// Between two looks at whether the subscription is alive, and between two tries to have one.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// One engine's end of the channel. It tells and hears nothing before [`RedisBus::run`].
pub struct RedisBus {
    connection: Connection,
    channel: String,
    /// Of this process: who speaks does not hear themselves.
    me: String,
    sender: mpsc::Sender<News>,
    waiting: Mutex<Option<mpsc::Receiver<News>>>,
    heard: broadcast::Sender<Heard>,
}

#[derive(Serialize, Deserialize)]
struct Message {
    from: String,
    #[serde(flatten)]
    news: News,
}

impl RedisBus {
    pub fn new(connection: Connection) -> Self {
        let (sender, waiting) = mpsc::channel(WAITING);
        Self {
            channel: connection.name("news"),
            connection,
            me: Ulid::new().to_string(),
            sender,
            waiting: Mutex::new(Some(waiting)),
            heard: broadcast::Sender::new(KEPT),
        }
    }

    /// Tells and hears until `stop`. Once.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let waiting = self.waiting.lock();
        let waiting = waiting.unwrap_or_else(PoisonError::into_inner).take();
        let Some(waiting) = waiting else {
            return;
        };
        let work = async { tokio::join!(self.publish(waiting), self.subscribe()) };
        stop.run_until_cancelled(work).await;
    }

    async fn publish(&self, mut waiting: mpsc::Receiver<News>) {
        while let Some(news) = waiting.recv().await {
            let from = self.me.clone();
            let Ok(text) = serde_json::to_string(&Message { from, news }) else {
                continue;
            };
            let mut commands = self.connection.commands();
            let publish = async {
                let mut publish = redis::cmd("PUBLISH");
                publish.arg(&self.channel).arg(text);
                publish.query_async::<()>(&mut commands).await
            };
            // What is away was logged; the others find out by looking.
            let _ = self.connection.ask(publish).await;
        }
    }

    async fn subscribe(&self) {
        loop {
            if let Err(fault) = self.hear().await {
                tracing::debug!(?fault, "news of other engines break off");
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    async fn hear(&self) -> Result<(), Fault> {
        let subscribed = timeout(CONNECT_PATIENCE, async {
            let mut subscription = self.connection.client().get_async_pubsub().await?;
            subscription.subscribe(&self.channel).await?;
            Ok::<_, Fault>(subscription)
        });
        let subscription = subscribed
            .await
            .map_err(|_| Fault::Silent(CONNECT_PATIENCE))??;
        tracing::info!("news of other engines are heard at once");
        // Also for the first time: what is kept may be older than the subscription.
        self.pass_on(Heard::Gap);
        let (mut sink, mut messages) = subscription.split();
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(message) => self.take(message.get_payload_bytes()),
                    None => return Ok(()),
                },
                _ = looks.tick() => {
                    let alive = timeout(CONNECT_PATIENCE, sink.ping::<redis::Value>()).await;
                    alive.map_err(|_| Fault::Silent(CONNECT_PATIENCE))??;
                }
            }
        }
    }

    fn take(&self, payload: &[u8]) {
        match serde_json::from_slice::<Message>(payload) {
            Ok(message) if message.from == self.me => {}
            Ok(message) => self.pass_on(Heard::News(message.news)),
            // An engine of another version knows other news.
            Err(_) => self.pass_on(Heard::Gap),
        }
    }

    fn pass_on(&self, heard: Heard) {
        // An error only says that nobody listens.
        let _ = self.heard.send(heard);
    }
}

impl EngineBus for RedisBus {
    fn tell(&self, news: News) {
        if self.sender.try_send(news).is_err() {
            metrics::counter!("inkstone_engine_news_lost_total").increment(1);
        }
    }

    fn listen(&self) -> NewsFeed {
        let heard = BroadcastStream::new(self.heard.subscribe());
        heard.map(|heard| heard.unwrap_or(Heard::Gap)).boxed()
    }
}
