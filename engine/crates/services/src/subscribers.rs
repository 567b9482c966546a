//! Plugins that subscribe to events: each is a handler with its own place in the log, so that none of them holds up
//! another, nor anything of the engine. Which events a plugin is told of are those its manifest asks for and the admin
//! grants. Nobody calls it, so it asks models and searches in the name of the account that the list names, or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use inkstone_domain::event::Told;
use inkstone_domain::plugin::LoadedPlugin;
use inkstone_domain::ports::{Ai, DocumentSearch, GuestCall, UserStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ai::{CallLog, CallerAi};
use crate::chat::{Chat, RequestContext};
use crate::events::{EventHandler, Events};
use crate::plugins::{Choice, Plugins, Snapshot, is_not_loaded};
use crate::search::Search;
use crate::toolbox::CallerSearch;

/// How long an event is tried whose faults may pass: as long as a message to a webhook.
const PATIENCE: TimeDelta = TimeDelta::hours(24);
/// Between two tries: where a plugin is mended, it goes on soon.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The subscribers of this engine.
pub struct Subscribers {
    plugins: Arc<Plugins>,
    events: Arc<Events>,
    chat: Arc<Chat>,
    search: Arc<Search>,
    users: Arc<dyn UserStore>,
}

/// One plugin that subscribes.
struct Subscription {
    plugin: String,
    handler: String,
    of: Arc<Subscribers>,
}

/// One that follows the log here.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Subscribers {
    /// Those that ask models do it through `chat`, those that search through `search`.
    pub(crate) fn new(
        plugins: &Arc<Plugins>,
        events: &Arc<Events>,
        chat: &Arc<Chat>,
        search: &Arc<Search>,
        users: &Arc<dyn UserStore>,
    ) -> Self {
        Self {
            plugins: Arc::clone(plugins),
            events: Arc::clone(events),
            chat: Arc::clone(chat),
            search: Arc::clone(search),
            users: Arc::clone(users),
        }
    }

    /// Lets each subscriber that is loaded follow the log, and no other, until the engine stops.
    pub(crate) async fn keep(self: Arc<Self>, tasks: TaskTracker, stop: CancellationToken) {
        let mut swaps = self.plugins.swaps();
        let mut running: BTreeMap<String, Running> = BTreeMap::new();
        loop {
            swaps.mark_unchanged();
            let wanted = self.plugins.snapshot().subscribers();
            for (plugin, one) in &running {
                if !wanted.contains(plugin) {
                    one.stop.cancel();
                }
            }
            running.retain(|_, one| !one.task.is_finished());
            for plugin in wanted {
                let before = match running.remove(&plugin) {
                    Some(one) if !one.stop.is_cancelled() => {
                        running.insert(plugin, one);
                        continue;
                    }
                    ending => ending.map(|one| one.task),
                };
                let own_stop = stop.child_token();
                let follow = Arc::clone(&self).follow(plugin.clone(), before, own_stop.clone());
                let one = Running {
                    task: tasks.spawn(follow),
                    stop: own_stop,
                };
                running.insert(plugin, one);
            }
            tokio::select! {
                () = stop.cancelled() => return,
                _ = swaps.changed() => {}
            }
        }
    }

    /// `before` is the same one, which is at its last event.
    async fn follow(
        self: Arc<Self>,
        plugin: String,
        before: Option<JoinHandle<()>>,
        stop: CancellationToken,
    ) {
        if let Some(before) = before {
            // It broke off or it did not: the place in the log says how far it came.
            let _ = before.await;
        }
        let subscription = Subscription {
            handler: handler_of(&plugin),
            plugin,
            of: Arc::clone(&self),
        };
        let events = Arc::clone(&self.events);
        events.run_handler_until(Arc::new(subscription), stop).await;
    }

    async fn tell(&self, plugin: &str, told: &Told) -> Result<()> {
        let snapshot = self.plugins.snapshot();
        let choice = Choice::of_event(told.event.id);
        let subscriber = snapshot.subscriber(plugin, &choice)?;
        // Another version may be told of more.
        if !subscriber.plugin.effective.hears(told) {
            return Ok(());
        }
        let call = self.call(&snapshot, &subscriber.plugin, told).await?;
        subscriber.port.handle(&call, told).await
    }

    /// With the powers of the account in whose name it runs.
    async fn call(
        &self,
        snapshot: &Snapshot,
        plugin: &LoadedPlugin,
        told: &Told,
    ) -> Result<GuestCall> {
        let context = RequestContext {
            request_id: told.event.id.to_string(),
            ..RequestContext::default()
        };
        let alone = GuestCall {
            request_id: context.request_id.clone(),
            ..GuestCall::default()
        };
        let powers = &plugin.effective.permissions;
        let id = &plugin.manifest.id;
        let run_as = snapshot.status(id)?.run_as.as_deref();
        let Some(email) = run_as.filter(|_| powers.ai || powers.search) else {
            return Ok(alone);
        };
        let account = self.users.account_by_email(email).await?;
        let user = account.map(|account| account.user);
        let Some(user) = user.filter(|user| !user.is_disabled()) else {
            tracing::warn!(
                plugin.id = id,
                "the account that `run_as` names is not there, or disabled: the plugin asks no models and finds nothing"
            );
            return Ok(alone);
        };
        let principal = Principal::of(user.id, user.role);
        let search = CallerSearch::new(Arc::clone(&self.search), principal.clone());
        let ai = CallerAi::new(
            Arc::clone(&self.chat),
            principal,
            context,
            None,
            CallLog::default(),
        );
        Ok(GuestCall {
            ai: Some(Arc::new(ai) as Arc<dyn Ai>),
            search: Some(Arc::new(search) as Arc<dyn DocumentSearch>),
            ..alone
        })
    }
}

/// The name of its place in the log.
fn handler_of(plugin: &str) -> String {
    format!("plugin:{plugin}")
}

#[async_trait]
impl EventHandler for Subscription {
    fn name(&self) -> &str {
        &self.handler
    }

    fn takes(&self, told: &Told) -> bool {
        // One that is not loaded at this moment misses nothing.
        let heard = self.of.plugins.snapshot().hears(&self.plugin, told);
        heard.unwrap_or(true)
    }

    /// Each is done with before the next one comes.
    fn at_once(&self) -> usize {
        1
    }

    async fn handle(&self, told: &[Arc<Told>]) -> Result<()> {
        for told in told {
            self.of.tell(&self.plugin, told).await?;
        }
        Ok(())
    }

    fn may_pass(&self, error: &Error) -> bool {
        let code = error.code();
        // That it does not come to an end is its own doing, and that it is not there is not.
        let is_own = code == &codes::PLUGIN_DEADLINE;
        (error.is_transient() && !is_own) || is_not_loaded(error)
    }

    fn patience(&self) -> Option<TimeDelta> {
        Some(PATIENCE)
    }

    fn longest_wait(&self) -> Duration {
        LONGEST_WAIT
    }
}
