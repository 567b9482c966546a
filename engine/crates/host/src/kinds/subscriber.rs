//! Subscribers: told of events, one at a time.

use std::time::Duration;

use async_trait::async_trait;
use chrono::SecondsFormat;
use inkstone_bindings::latest::subscriber::exports::inkstone::plugin::subscriber as wit;
use inkstone_domain::Result;
use inkstone_domain::event::{Notice, Told};
use inkstone_domain::ports::{GuestCall, Probe, Subscriber};

use crate::call::{Guest, Shape};
use crate::observe::Function;
use crate::versions::SubscriberWorld;

/// A loaded subscriber.
pub(crate) struct WasmSubscriber {
    guest: Guest<SubscriberWorld>,
    handle: Function,
}

impl WasmSubscriber {
    pub fn new(guest: Guest<SubscriberWorld>) -> Self {
        Self {
            handle: Function::new(&guest.plugin, "handle"),
            guest,
        }
    }
}

#[async_trait]
impl Probe for WasmSubscriber {
    /// It has nothing that could be asked of it: that it can be instantiated must do.
    async fn check(&self) -> Result<()> {
        let call = GuestCall::default();
        let asked = Function::new(&self.guest.plugin, "instantiate").begin_own(&call);
        let instruments = asked.instruments();
        let work = async {
            let opened = self.guest.open(&call, instruments, Shape::Plain).await;
            opened.map(drop)
        };
        asked.around_own(work).await
    }

    fn retire(&self, grace: Duration) {
        self.guest.plugin.retire(grace);
    }
}

#[async_trait]
impl Subscriber for WasmSubscriber {
    async fn handle(&self, call: &GuestCall, told: &Told) -> Result<()> {
        let observation = self.handle.begin(call, told);
        let instruments = observation.instruments();
        let work = async {
            let event = event(told.notice());
            let mut session = self.guest.open(call, instruments, Shape::Plain).await?;
            let step = session.instance.handle(&mut session.store, &event);
            let outcome = session.watch.bound(step).await;
            session.settle(outcome)
        };
        observation.around(work).await
    }
}

fn event(notice: Notice<'_>) -> wit::Event {
    // Ids, numbers and words, which always can be written.
    let mut body = serde_json::to_value(notice.body).unwrap_or_default();
    wit::Event {
        id: notice.id.to_string(),
        version: notice.v,
        type_: notice.body.kind().as_str().to_owned(),
        at: notice.at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        actor: notice.actor.to_string(),
        project: notice.project.map(str::to_owned),
        aggregate: wit::Aggregate {
            kind: notice.aggregate.kind.to_owned(),
            id: notice.aggregate.id,
            revision: notice.aggregate.revision,
        },
        data: body["data"].take().to_string(),
    }
}
