//! Plugins that subscribe to events.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use inkstone_domain::capability::Permissions;
use inkstone_domain::engine::EngineRole;
use inkstone_domain::event::EventKind;
use inkstone_domain::plugin::{PluginBody, PluginSpec};
use inkstone_domain::ports::{
    Clock, EventLog, HandlerFault, HandlerState, HandlerStore, UserStore,
};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::{Error, codes};
use inkstone_services::content::NewArticle;
use inkstone_testkit::{FakeSubscriber, Gate, Heard, loaded_plugin, plugin_spec, sample};
use tokio::time::timeout;

use crate::world::{PATIENCE, World, handbook};

const ID: &str = "subscriber-fake";

struct Trial {
    world: World,
    owner: Principal,
}

impl Trial {
    /// With a project `handbook`. Nobody subscribes yet.
    async fn new() -> Self {
        let world = World::new().await;
        let owner = world.somebody(Role::Creator).await;
        handbook(&world, &owner).await;
        world.services.start(EngineRole::All, 0);
        Self { world, owner }
    }

    /// From now on this id is prepared to this subscriber.
    fn put(&self, id: &str, version: &str, events: &[&str], fake: &Arc<FakeSubscriber>) {
        let body = PluginBody::Subscriber(fake.clone());
        let mut plugin = Arc::into_inner(loaded_plugin(id, version, body)).unwrap();
        plugin.effective.permissions = Permissions {
            events: events.iter().map(|text| text.parse().unwrap()).collect(),
            ai: true,
            search: true,
            ..Permissions::default()
        };
        self.world.loader.put(Arc::new(plugin));
    }

    async fn apply(&self, specs: impl IntoIterator<Item = PluginSpec>) {
        let specs = specs.into_iter().collect();
        let report = self.world.services.plugins.apply(specs).await;
        assert!(report.failed.is_empty(), "{report:?}");
    }

    async fn subscribe(&self, events: &[&str], fake: FakeSubscriber) -> Arc<FakeSubscriber> {
        let fake = Arc::new(fake);
        self.put(ID, "1.0.0", events, &fake);
        self.apply([plugin_spec(ID)]).await;
        self.until(ID, |state| state.holder.is_some()).await;
        fake
    }

    async fn state(&self, id: &str) -> Option<HandlerState> {
        let states = self.world.store.handlers().await.unwrap();
        let name = format!("plugin:{id}");
        states.into_iter().find(|state| state.name == name)
    }

    /// How it stands, once it stands so.
    async fn until(&self, id: &str, is_so: impl Fn(&HandlerState) -> bool) -> HandlerState {
        let look = async {
            loop {
                if let Some(state) = self.state(id).await
                    && is_so(&state)
                {
                    return state;
                }
                tokio::task::yield_now().await;
            }
        };
        let found = timeout(PATIENCE, look).await;
        match found {
            Ok(found) => found,
            Err(_) => panic!("{:?}", self.state(id).await),
        }
    }

    async fn write(&self, project: Option<&str>, title: &str) -> String {
        let new = NewArticle {
            title: title.to_owned(),
            project: project.map(str::to_owned),
            ..NewArticle::default()
        };
        let articles = &self.world.services.articles;
        let article = articles.create(&self.owner, new).await.unwrap();
        article.id.to_string()
    }

    /// A handler that has failed before, in another engine.
    async fn failed_before(&self, fault: &HandlerFault) {
        let (lease, now) = (Duration::from_secs(30), self.world.clock.now());
        let (store, name) = (&self.world.store, format!("plugin:{ID}"));
        let number = store.number_events(1_000).await.unwrap();
        let claim = store.claim_handler(&name, "another", number - 1, lease, now);
        let fence = claim.await.unwrap().unwrap().fence;
        let noted = store.note_fault(&name, fence, fault, lease, now);
        noted.await.unwrap();
        store.release_handler(&name, fence).await.unwrap();
    }

    async fn newest(&self) -> inkstone_domain::event::Told {
        let store = &self.world.store;
        let highest = store.number_events(1_000).await.unwrap();
        let told = store.told_after(highest - 1, 1).await.unwrap();
        told.into_iter().next().unwrap()
    }

    async fn end(self) {
        assert!(self.world.services.shutdown(PATIENCE).await);
    }
}

async fn heard(fake: &FakeSubscriber, count: usize) -> Vec<Heard> {
    let look = async {
        loop {
            let heard = fake.heard();
            if heard.len() >= count {
                return heard;
            }
            tokio::task::yield_now().await;
        }
    };
    let found = timeout(PATIENCE, look).await;
    found.unwrap_or_else(|_| panic!("{count} of {:?}", fake.heard()))
}

fn things(heard: &[Heard]) -> Vec<String> {
    let bodies = heard.iter().map(|one| one.told.event.body.aggregate().id);
    bodies.collect()
}

#[tokio::test]
async fn it_is_told_in_order_of_what_it_was_granted_and_of_nothing_else() {
    let trial = Trial::new().await;
    trial.write(Some("handbook"), "before it was there").await;
    trial.world.services.events.number().await.unwrap();
    let granted = &["article.created in handbook"];
    let fake = trial.subscribe(granted, FakeSubscriber::new()).await;
    let mut written = Vec::new();
    for title in ["one", "two", "three"] {
        trial.write(None, "elsewhere").await;
        written.push(trial.write(Some("handbook"), title).await);
    }
    let found = heard(&fake, 3).await;
    assert_eq!(things(&found), written);
    for one in &found {
        assert_eq!(one.told.event.body.kind(), EventKind::ArticleCreated);
        // Nobody called it.
        assert!(!one.had_ai && !one.had_search);
    }
    let newest = trial.newest().await.number;
    trial.until(ID, |state| state.number == newest).await;
    trial.end().await;
}

#[tokio::test]
async fn it_asks_models_and_searches_in_the_name_of_an_account_or_not_at_all() {
    let trial = Trial::new().await;
    let fake = Arc::new(FakeSubscriber::new());
    trial.put(ID, "1.0.0", &["article.*"], &fake);
    let bot = trial.world.somebody(Role::Creator).await;
    let account = trial.world.store.account(bot.user).await.unwrap().unwrap();
    let run_as = |email: &str| PluginSpec {
        run_as: Some(email.to_owned()),
        ..plugin_spec(ID)
    };
    trial.apply([run_as(&account.user.email)]).await;
    let status = trial.world.services.plugins.get(ID).unwrap();
    assert_eq!(status.run_as.as_deref(), Some(account.user.email.as_str()));
    trial.until(ID, |state| state.holder.is_some()).await;
    trial.write(None, "one").await;
    let found = heard(&fake, 1).await;
    assert!(found[0].had_ai && found[0].had_search);

    trial.apply([run_as("nobody@example.org")]).await;
    trial.write(None, "two").await;
    let found = heard(&fake, 2).await;
    assert!(!found[1].had_ai && !found[1].had_search);
    trial.end().await;
}

#[tokio::test]
async fn one_that_hangs_holds_up_nobody_else() {
    let trial = Trial::new().await;
    let gate = Gate::closed();
    let hanging = Arc::new(FakeSubscriber::new().at(gate.clone()));
    let quick = Arc::new(FakeSubscriber::new());
    trial.put("subscriber-hanging", "1.0.0", &["*"], &hanging);
    trial.put("subscriber-quick", "1.0.0", &["article.*"], &quick);
    let both = ["subscriber-hanging", "subscriber-quick"];
    trial.apply(both.map(plugin_spec)).await;
    for id in both {
        trial.until(id, |state| state.holder.is_some()).await;
    }
    let mut written = Vec::new();
    for title in ["one", "two", "three"] {
        written.push(trial.write(None, title).await);
    }
    assert_eq!(things(&heard(&quick, 3).await), written);
    assert_eq!(hanging.heard().len(), 1);
    let newest = trial.newest().await.number;
    for own in ["webhooks", "notifications", "publications"] {
        let stands_at = |states: &[HandlerState]| {
            let state = states.iter().find(|state| state.name == own);
            state.map(|state| state.number)
        };
        let handlers = async {
            loop {
                let states = trial.world.store.handlers().await.unwrap();
                if stands_at(&states) == Some(newest) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        if timeout(PATIENCE, handlers).await.is_err() {
            panic!("{own}: {:?}", trial.world.store.handlers().await);
        }
    }
    gate.open();
    assert_eq!(things(&heard(&hanging, 3).await), written);
    trial.end().await;
}

#[tokio::test]
async fn an_event_that_always_fails_is_passed_over_and_comes_again_by_replay() {
    let trial = Trial::new().await;
    let poison = trial.write(None, "poison").await;
    let told = trial.newest().await;
    let fault = HandlerFault {
        event: told.event.id,
        // The last one before the engine that had it died.
        lasting: 9,
        ..sample::handler_fault()
    };
    trial.failed_before(&fault).await;
    let bad = poison.clone();
    let fake = FakeSubscriber::answering(move |told| match told.event.body.aggregate().id == bad {
        true => Err(Error::new(&codes::PLUGIN_TRAPPED, "it crashed")),
        false => Ok(()),
    });
    let fake = trial.subscribe(&["article.*"], fake).await;
    let next = trial.write(None, "next").await;
    let found = heard(&fake, 2).await;
    assert_eq!(things(&found), [poison.clone(), next.clone()]);
    let newest = trial.newest().await.number;
    let state = trial.until(ID, |state| state.number == newest).await;
    assert_eq!(state.failing, None);
    let [passed] = state.passed_over.as_slice() else {
        panic!("{state:?}");
    };
    assert_eq!((passed.event, passed.lasting), (told.event.id, 10));
    assert_eq!(
        (passed.code.as_str(), passed.message.as_str()),
        ("plugin_trapped", "it crashed")
    );

    let admin = trial.world.somebody(Role::Admin).await;
    let events = &trial.world.services.events;
    let name = format!("plugin:{ID}");
    let replayed = events.replay(&admin, &name, told.event.at);
    replayed.await.unwrap();
    let again = heard(&fake, 3).await;
    assert_eq!(things(&again)[2], poison);
    let state = trial.until(ID, |state| state.failing.is_some()).await;
    assert_eq!(state.failing.unwrap().tries, 1);
    trial.end().await;
}

#[tokio::test]
async fn what_may_pass_is_tried_for_a_day_and_no_longer() {
    for (age, is_passed_over) in [(TimeDelta::hours(23), false), (TimeDelta::hours(24), true)] {
        let trial = Trial::new().await;
        trial.write(None, "one").await;
        let told = trial.newest().await;
        let fault = HandlerFault {
            event: told.event.id,
            since: trial.world.clock.now() - age,
            tries: 1_000,
            lasting: 0,
            ..sample::handler_fault()
        };
        trial.failed_before(&fault).await;
        let down = |_: &_| Err(Error::new(&codes::UPSTREAM_UNREACHABLE, "it is down"));
        let fake = trial
            .subscribe(&["article.*"], FakeSubscriber::answering(down))
            .await;
        heard(&fake, 1).await;
        let is_noted = |state: &HandlerState| {
            let failing = state.failing.as_ref().map(|fault| fault.tries);
            !state.passed_over.is_empty() || failing.is_some_and(|tries| tries > 1_000)
        };
        let state = trial.until(ID, is_noted).await;
        assert_eq!(
            state.passed_over.len(),
            usize::from(is_passed_over),
            "{state:?}"
        );
        trial.end().await;
    }
}

#[tokio::test]
async fn nothing_is_lost_while_it_is_swapped_or_off() {
    let trial = Trial::new().await;
    let gate = Gate::closed();
    let old = FakeSubscriber::new().at(gate.clone());
    let old = trial.subscribe(&["article.*"], old).await;
    let first = trial.write(None, "one").await;
    gate.reached().await;

    // The call under way goes on with the old version, what follows goes to the new one.
    let new = Arc::new(FakeSubscriber::new());
    trial.put(ID, "1.1.0", &["article.*"], &new);
    let with_another_setting = PluginSpec {
        settings: serde_json::json!({ "depth": 2 }),
        ..plugin_spec(ID)
    };
    trial.apply([with_another_setting]).await;
    let second = trial.write(None, "two").await;
    gate.open();
    assert_eq!(things(&heard(&new, 1).await), std::slice::from_ref(&second));
    assert_eq!(things(&old.heard()), [first]);

    // It takes up where it was.
    let off = PluginSpec {
        enabled: false,
        ..plugin_spec(ID)
    };
    trial.apply([off]).await;
    trial.until(ID, |state| state.holder.is_none()).await;
    let third = trial.write(None, "three").await;
    trial.apply([plugin_spec(ID)]).await;
    assert_eq!(things(&heard(&new, 2).await), [second, third]);
    trial.end().await;
}

#[tokio::test]
async fn of_two_engines_one_tells_it_and_the_other_goes_on() {
    let trial = Trial::new().await;
    let fake = trial.subscribe(&["article.*"], FakeSubscriber::new()).await;
    let other = trial.world.another_engine().await;
    let report = other.plugins.apply(vec![plugin_spec(ID)]).await;
    assert!(report.failed.is_empty(), "{report:?}");
    other.start(EngineRole::All, 0);
    let mut written = Vec::new();
    for title in ["one", "two", "three"] {
        written.push(trial.write(None, title).await);
    }
    assert_eq!(things(&heard(&fake, 3).await), written);
    let first = trial.state(ID).await.unwrap().holder;

    // What happens after the end of the first is told by the second, and nothing twice.
    let Trial { world, owner } = trial;
    assert!(world.services.shutdown(PATIENCE).await);
    let new = NewArticle {
        title: "four".to_owned(),
        ..NewArticle::default()
    };
    let article = other.articles.create(&owner, new).await.unwrap();
    written.push(article.id.to_string());
    assert_eq!(things(&heard(&fake, 4).await), written);
    let states = world.store.handlers().await.unwrap();
    let name = format!("plugin:{ID}");
    let state = states.into_iter().find(|state| state.name == name);
    assert_ne!(state.unwrap().holder, first);
    assert!(other.shutdown(PATIENCE).await);
}
