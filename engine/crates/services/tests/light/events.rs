//! Feeds and handlers of events.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use futures::StreamExt;
use inkstone_domain::engine::EngineRole;
use inkstone_domain::event::{EventKind, Told};
use inkstone_domain::ids::{EventId, WebhookId};
use inkstone_domain::ports::{Clock, EventLog, HandlerStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_domain::{Error, Result, codes};
use inkstone_services::Services;
use inkstone_services::content::NewArticle;
use inkstone_services::events::{Beginning, EventHandler, Feed, FeedEnd, FeedFilter};
use inkstone_services::webhooks::NewWebhook;
use tokio::time::timeout;

use crate::world::{PATIENCE, World, handbook, join, page};

async fn write(services: &Services, who: &Principal, project: Option<&str>, title: &str) {
    let new = NewArticle {
        title: title.to_owned(),
        project: project.map(str::to_owned),
        ..NewArticle::default()
    };
    services.articles.create(who, new).await.unwrap();
}

/// What they hear of all that has happened.
async fn heard(world: &World, who: &Principal, filter: FeedFilter) -> Vec<EventKind> {
    let beginning = Beginning::Since(chrono::DateTime::UNIX_EPOCH);
    let events = &world.services.events;
    let feed = events.feed(who, filter, beginning, FeedEnd::Present).await;
    let told: Vec<_> = feed.unwrap().collect().await;
    told.into_iter()
        .map(|told| told.unwrap().event.body.kind())
        .collect()
}

#[tokio::test]
async fn everybody_hears_what_they_may_read() {
    use EventKind::{ArticleCreated, MemberRemoved, MemberSet, ProjectCreated};
    let world = World::new().await;
    let (owner, member) = (
        world.somebody(Role::Creator).await,
        world.somebody(Role::Creator).await,
    );
    let (stranger, admin) = (
        world.somebody(Role::Creator).await,
        world.somebody(Role::Admin).await,
    );
    handbook(&world, &owner).await;
    join(&world, &owner, &member, ProjectRole::Viewer).await;
    write(&world.services, &owner, Some("handbook"), "shared").await;
    write(&world.services, &owner, None, "own").await;

    let all = FeedFilter::default;
    let shared = [ProjectCreated, MemberSet, ArticleCreated];
    let with_own = [ProjectCreated, MemberSet, ArticleCreated, ArticleCreated];
    assert_eq!(heard(&world, &owner, all()).await, with_own);
    assert_eq!(heard(&world, &admin, all()).await, with_own);
    assert_eq!(heard(&world, &member, all()).await, shared);
    assert_eq!(heard(&world, &stranger, all()).await, []);
    let only = FeedFilter {
        kinds: vec![ArticleCreated],
        project: Some("handbook".to_owned()),
    };
    assert_eq!(heard(&world, &owner, only).await, [ArticleCreated]);

    let projects = &world.services.projects;
    let removed = projects.remove_member(&owner, "handbook", member.user, None);
    removed.await.unwrap();
    assert_eq!(heard(&world, &member, all()).await, []);
    assert_eq!(
        heard(&world, &owner, all()).await.last(),
        Some(&MemberRemoved)
    );
}

async fn next(feed: &mut Feed) -> Arc<Told> {
    let told = timeout(PATIENCE, feed.next()).await.expect("nothing came");
    told.unwrap().unwrap()
}

#[tokio::test]
async fn a_feed_goes_on_where_one_before_ended() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    world.services.start(EngineRole::All, 0);
    let events = &world.services.events;
    let follow = |beginning| events.feed(&owner, FeedFilter::default(), beginning, FeedEnd::Never);
    write(&world.services, &owner, None, "before").await;
    let mut live = follow(Beginning::Now).await.unwrap();
    write(&world.services, &owner, None, "first").await;
    let first = next(&mut live).await;
    write(&world.services, &owner, None, "second").await;
    let second = next(&mut live).await;
    assert_eq!(second.number, first.number + 1);
    drop(live);

    let mut again = follow(Beginning::After(first.event.id)).await.unwrap();
    assert_eq!(next(&mut again).await, second);
    // Another engine on the same store tells the same story.
    let other = world.another_engine().await;
    write(&other, &owner, None, "third").await;
    let third = next(&mut again).await;
    assert_eq!(third.number, second.number + 1);

    let unknown = follow(Beginning::After(EventId::new())).await.err();
    assert_eq!(unknown.unwrap().code(), &codes::NOT_FOUND);
    world.services.shutdown(PATIENCE).await;
    assert!(again.next().await.is_none());
}

/// Keeps what it was given; fails as often as it is told.
#[derive(Default)]
struct Noting {
    faults: AtomicU32,
    noted: Mutex<Vec<u64>>,
}

#[async_trait]
impl EventHandler for Noting {
    fn name(&self) -> &str {
        "noting"
    }

    async fn handle(&self, told: &[Arc<Told>]) -> Result<()> {
        let left = self.faults.load(Ordering::SeqCst);
        if left > 0 {
            self.faults.store(left - 1, Ordering::SeqCst);
            return Err(Error::new(&codes::STORE_UNAVAILABLE, "not now"));
        }
        let mut noted = self.noted.lock().unwrap();
        noted.extend(told.iter().map(|told| told.number));
        Ok(())
    }
}

impl Noting {
    async fn until(&self, count: usize) -> Vec<u64> {
        let look = async {
            loop {
                let noted = self.noted.lock().unwrap().clone();
                if noted.len() >= count {
                    return noted;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, look).await.expect("it was not handled")
    }
}

async fn has_place(world: &World, handler: &str) -> bool {
    let states = world.store.handlers().await.unwrap();
    states.iter().any(|state| state.name == handler)
}

#[tokio::test]
async fn a_handler_gets_each_event_in_order_and_goes_on_in_another_engine() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    write(&world.services, &owner, None, "before").await;
    world.services.events.number().await.unwrap();
    let noting = Arc::new(Noting {
        faults: AtomicU32::new(2),
        ..Noting::default()
    });
    world.services.start(EngineRole::All, 0);
    let events = Arc::clone(&world.services.events);
    let running = tokio::spawn(events.run_handler(noting.clone()));
    let claimed = async {
        while !has_place(&world, "noting").await {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, claimed).await.unwrap();
    for number in 0..5 {
        write(&world.services, &owner, None, &format!("article {number}")).await;
    }
    let noted = noting.until(5).await;
    assert!(noted.is_sorted_by(|a, b| a + 1 == *b), "{noted:?}");
    world.services.shutdown(PATIENCE).await;
    running.await.unwrap();

    let other = world.another_engine().await;
    write(&other, &owner, None, "after").await;
    other.start(EngineRole::All, 0);
    let going_on = tokio::spawn(Arc::clone(&other.events).run_handler(noting.clone()));
    assert_eq!(noting.until(6).await.last(), Some(&(noted[4] + 1)));

    let since = world.store.told_after(noted[4], 1).await.unwrap()[0]
        .event
        .at;
    let refused = other.events.replay(&owner, "noting", since).await;
    assert_eq!(refused.unwrap_err().code(), &codes::FORBIDDEN);
    let nobody = other.events.replay(&admin, "nobody", since).await;
    assert_eq!(nobody.unwrap_err().code(), &codes::NOT_FOUND);
    other.events.replay(&admin, "noting", since).await.unwrap();
    let again = noting.until(7).await;
    let mut counts: HashMap<u64, u32> = HashMap::new();
    for number in again {
        *counts.entry(number).or_default() += 1;
    }
    assert!(counts[&(noted[4] + 1)] >= 2, "{counts:?}");
    other.shutdown(PATIENCE).await;
    going_on.await.unwrap();
}

#[tokio::test]
async fn old_events_are_forgotten_once_every_handler_had_them() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    for title in ["one", "two", "three"] {
        write(&world.services, &owner, None, title).await;
    }
    let events = &world.services.events;
    events.number().await.unwrap();
    let first = world.store.told_after(0, 1).await.unwrap()[0].number;
    let lease = std::time::Duration::from_secs(1);
    let now = chrono::Utc::now();
    let claim = world
        .store
        .claim_handler("slow", "engine", first, lease, now);
    claim.await.unwrap();
    assert_eq!(events.forget().await.unwrap(), 0);
    let days = TimeDelta::days(31).to_std().unwrap();
    world.clock.advance(days);
    let now = world.clock.now();
    let claim = world
        .store
        .claim_handler("slow", "engine", first, lease, now);
    claim.await.unwrap();
    assert_eq!(events.forget().await.unwrap(), 1);
    world.store.rewind_handler("slow", u64::MAX).await.unwrap();
    assert_eq!(events.forget().await.unwrap(), 2);
}

#[tokio::test]
async fn a_handler_that_nobody_runs_holds_up_nothing_for_ever() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    for title in ["one", "two", "three"] {
        write(&world.services, &owner, None, title).await;
    }
    let events = &world.services.events;
    events.number().await.unwrap();
    let (lease, now) = (std::time::Duration::from_secs(1), world.clock.now());
    let claim = world
        .store
        .claim_handler("switched-off", "engine", 0, lease, now);
    claim.await.unwrap();
    let days = |days| TimeDelta::days(days).to_std().unwrap();
    world.clock.advance(days(29));
    assert_eq!(events.forget().await.unwrap(), 0);
    assert!(has_place(&world, "switched-off").await);
    world.clock.advance(days(2));
    assert_eq!(events.forget().await.unwrap(), 3);
    assert!(!has_place(&world, "switched-off").await);
}

/// A webhook that is told of new articles in `handbook`.
async fn hook(services: &Services, owner: &Principal) -> WebhookId {
    let new = NewWebhook {
        url: "https://example.org/hook".to_owned(),
        kinds: vec![EventKind::ArticleCreated],
        ..NewWebhook::default()
    };
    let made = services.webhooks.create(owner, Some("handbook"), new);
    made.await.unwrap().webhook.id
}

/// Waits until so many messages were put up for it.
async fn messages(services: &Services, owner: &Principal, id: WebhookId, count: usize) {
    let look = async {
        loop {
            let page = services.webhooks.deliveries(owner, id, page(100)).await;
            if page.unwrap().items.len() == count {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, look).await.expect("nothing was put up");
}

#[tokio::test]
async fn what_happens_before_there_is_a_worker_waits_for_it() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    world.services.start(EngineRole::Api, 0);
    handbook(&world, &owner).await;
    let hook = hook(&world.services, &owner).await;
    write(&world.services, &owner, Some("handbook"), "before").await;
    while world.services.events.number().await.unwrap() {}

    // However long that takes, as long as there is an engine now and then.
    for _ in 0..3 {
        world.clock.advance(TimeDelta::days(20).to_std().unwrap());
        world.another_engine().await;
        assert_eq!(world.services.events.forget().await.unwrap(), 0);
    }
    let worker = world.another_engine().await;
    worker.start(EngineRole::Worker, 0);
    messages(&worker, &owner, hook, 1).await;
    write(&world.services, &owner, Some("handbook"), "after").await;
    messages(&worker, &owner, hook, 2).await;
    worker.shutdown(PATIENCE).await;
    world.services.shutdown(PATIENCE).await;
}
