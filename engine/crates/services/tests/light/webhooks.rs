//! Webhooks: who keeps them, what they are told, and what becomes of those that nothing reaches.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::codes;
use inkstone_domain::event::{Event, EventBody, EventKind, Scope};
use inkstone_domain::ids::{BatchId, ConversationId, EventId, JobId, ScheduleId, WebhookId};
use inkstone_domain::job::BatchCounts;
use inkstone_domain::outbound::{OutboundRequest, Redirects};
use inkstone_domain::ports::{EventLog, WebhookStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_domain::webhook::{Delivery, DeliveryState, Webhook};
use inkstone_services::content::NewArticle;
use inkstone_services::events::EventHandler;
use inkstone_services::webhooks::{FanOut, NewWebhook, RETRY_WAITS, WebhookPatch, WithSecret};
use inkstone_testkit::sample;
use tokio_util::sync::CancellationToken;

use crate::world::{PATIENCE, World, handbook, join, page};

const HOOK: &str = "https://example.org/hook";

fn hook(kinds: &[EventKind]) -> NewWebhook {
    NewWebhook {
        url: HOOK.to_owned(),
        kinds: kinds.to_vec(),
        ..NewWebhook::default()
    }
}

async fn write(world: &World, who: &Principal, title: &str) {
    let new = NewArticle {
        title: title.to_owned(),
        project: Some("handbook".to_owned()),
        ..NewArticle::default()
    };
    world.services.articles.create(who, new).await.unwrap();
}

/// All that has happened, handled twice: that must come to the same.
async fn fan_out(world: &World) {
    while world.services.events.number().await.unwrap() {}
    world.store.number_events(1_000).await.unwrap();
    let told = world.store.told_after(0, 1_000).await.unwrap();
    let told: Vec<_> = told.into_iter().map(Arc::new).collect();
    let fan_out = FanOut(Arc::clone(&world.services.webhooks));
    fan_out.handle(&told).await.unwrap();
    fan_out.handle(&told).await.unwrap();
}

async fn deliver_all(world: &World) {
    while world.services.webhooks.deliver_one().await.unwrap() {}
}

/// A webhook that was told of one new article, and answered so.
async fn told_of_one(world: &World, owner: &Principal, answer: (u16, &'static str)) -> WithSecret {
    let created = [EventKind::ArticleCreated];
    let made = world
        .services
        .webhooks
        .create(owner, Some("handbook"), hook(&created))
        .await
        .unwrap();
    world.egress.will_answer(HOOK, answer.0, answer.1);
    write(world, owner, "One").await;
    fan_out(world).await;
    deliver_all(world).await;
    made
}

async fn deliveries(world: &World, who: &Principal, id: WebhookId) -> Vec<Delivery> {
    let webhooks = &world.services.webhooks;
    webhooks.deliveries(who, id, page(100)).await.unwrap().items
}

fn header<'a>(request: &'a OutboundRequest, name: &str) -> &'a str {
    let mut headers = request.headers.iter();
    let found = headers.find(|(other, _)| other == name);
    &found.unwrap_or_else(|| panic!("no `{name}`")).1
}

#[tokio::test]
async fn owners_and_admins_keep_them_and_strangers_hear_of_none() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    let (editor, stranger) = (
        world.somebody(Role::Creator).await,
        world.somebody(Role::Creator).await,
    );
    let admin = world.somebody(Role::Admin).await;
    handbook(&world, &owner).await;
    join(&world, &owner, &editor, ProjectRole::Editor).await;
    let webhooks = &world.services.webhooks;
    let made = webhooks
        .create(&owner, Some("handbook"), hook(&[]))
        .await
        .unwrap();
    assert!(made.secret.starts_with("whsec_"));
    let id = made.webhook.id;
    for (who, code) in [(&editor, &codes::FORBIDDEN), (&stranger, &codes::NOT_FOUND)] {
        let refused = webhooks
            .create(who, Some("handbook"), hook(&[]))
            .await
            .err();
        assert_eq!(refused.unwrap().code(), code);
        let hidden = webhooks.get(who, id).await.unwrap_err();
        assert_eq!(hidden.code(), &codes::NOT_FOUND);
    }
    let refused = webhooks.create(&owner, None, hook(&[])).await.err();
    assert_eq!(refused.unwrap().code(), &codes::FORBIDDEN);
    webhooks.create(&admin, None, hook(&[])).await.unwrap();
    let listed = webhooks
        .list(&owner, Some("handbook"), page(9))
        .await
        .unwrap();
    assert_eq!(listed.items, [made.webhook]);
    let own = NewWebhook {
        url: "http://127.0.0.1:9/hook".to_owned(),
        ..hook(&[])
    };
    let private = webhooks.create(&admin, None, own).await.err().unwrap();
    assert_eq!(private.code(), &codes::INVALID_INPUT);
    assert_eq!(private.fields()[0].pointer, "/url");
    webhooks.remove(&owner, id).await.unwrap();
    assert!(webhooks.get(&owner, id).await.is_err());
}

#[tokio::test]
async fn what_a_webhook_was_sent_goes_after_it() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let webhooks = &world.services.webhooks;
    let id = told_of_one(&world, &owner, (204, "")).await.webhook.id;
    let sent = deliveries(&world, &owner, id).await.remove(0);
    webhooks.remove(&owner, id).await.unwrap();
    let kept = || async { world.store.list_deliveries(id, page(9)).await.unwrap() };
    let all_gone = async {
        while !kept().await.items.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, all_gone).await.unwrap();

    // What was put up at the very end is told to nobody.
    let late = Delivery {
        state: DeliveryState::Pending,
        ..sent
    };
    world.store.put_deliveries(&[late]).await.unwrap();
    let told = world.egress.sent().len();
    deliver_all(&world).await;
    assert_eq!(world.egress.sent().len(), told);
    assert!(kept().await.items.is_empty());
}

#[tokio::test]
async fn each_message_is_sent_signed_and_once() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let webhooks = &world.services.webhooks;
    let made = told_of_one(&world, &owner, (204, "")).await;
    let id = made.webhook.id;

    let sent = deliveries(&world, &owner, id).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (sent[0].state, sent[0].attempts),
        (DeliveryState::Delivered, 1)
    );
    assert_eq!(sent[0].tries[0].status, Some(204));
    let requests = world.egress.sent();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!(
        (request.method.as_str(), request.url.as_str()),
        ("POST", HOOK)
    );
    assert_eq!(request.redirects, Redirects::Answer);
    assert_eq!(header(request, "webhook-id"), sent[0].event.to_string());
    assert_eq!(request.body.as_deref(), Some(sent[0].payload.as_bytes()));
    let body: serde_json::Value = serde_json::from_str(&sent[0].payload).unwrap();
    assert_eq!(
        (&body["type"], &body["project"]),
        (&"article.created".into(), &"handbook".into())
    );
    assert_eq!(header(request, "webhook-signature").split(' ').count(), 1);

    // Both secrets are signed with until the old one has run out.
    let hour = Duration::from_secs(3600);
    let rotated = webhooks.rotate_secret(&owner, id, hour).await.unwrap();
    assert_ne!(rotated.secret, made.secret);
    let again = webhooks.redeliver(&owner, id, sent[0].event).await.unwrap();
    assert_eq!(again.state, DeliveryState::Pending);
    deliver_all(&world).await;
    world.clock.advance(hour * 2);
    webhooks.redeliver(&owner, id, sent[0].event).await.unwrap();
    deliver_all(&world).await;
    let requests = world.egress.sent();
    let signatures =
        |request: &OutboundRequest| header(request, "webhook-signature").split(' ').count();
    let counts: Vec<usize> = requests.iter().map(signatures).collect();
    assert_eq!(counts, [1, 2, 1]);
    assert!(
        requests
            .iter()
            .all(|it| header(it, "webhook-id") == sent[0].event.to_string())
    );

    let ping = webhooks.ping(&owner, id).await.unwrap();
    deliver_all(&world).await;
    let sent = deliveries(&world, &owner, id).await;
    assert_eq!(
        (sent[0].event, sent[0].kind.as_str()),
        (ping.event, "webhook.ping")
    );
    assert_eq!(sent[0].state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_failure_is_tried_again_for_a_day_and_a_long_one_disables() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let webhooks = &world.services.webhooks;
    let id = told_of_one(&world, &owner, (500, "no")).await.webhook.id;
    let first = deliveries(&world, &owner, id).await.remove(0);
    assert_eq!((first.state, first.attempts), (DeliveryState::Pending, 1));
    assert_eq!(first.tries[0].error.as_deref(), Some("upstream_error"));
    for wait in RETRY_WAITS {
        // A fifth longer is the longest.
        world.clock.advance(wait.mul_f64(1.2));
        deliver_all(&world).await;
    }
    let last = deliveries(&world, &owner, id).await.remove(0);
    assert_eq!(last.state, DeliveryState::Failed);
    assert_eq!(last.attempts as usize, RETRY_WAITS.len() + 1);
    let failing = webhooks.get(&owner, id).await.unwrap();
    assert!(failing.is_enabled && failing.failing_since.is_some());

    world.clock.advance(Duration::from_secs(5 * 24 * 3600));
    write(&world, &owner, "Two").await;
    fan_out(&world).await;
    deliver_all(&world).await;
    let disabled = webhooks.get(&owner, id).await.unwrap();
    assert!(!disabled.is_enabled);
    let mails = world.mailer.sent();
    assert!(mails.iter().any(|mail| mail.text.contains(&id.to_string())));

    write(&world, &owner, "Three").await;
    fan_out(&world).await;
    assert_eq!(deliveries(&world, &owner, id).await.len(), 2);
    let enable = WebhookPatch {
        is_enabled: Some(true),
        ..WebhookPatch::default()
    };
    let enabled = webhooks.update(&owner, id, enable, None).await.unwrap();
    assert_eq!((enabled.is_enabled, enabled.failing_since), (true, None));
    world.egress.will_answer(HOOK, 410, "");
    webhooks.ping(&owner, id).await.unwrap();
    deliver_all(&world).await;
    assert!(!webhooks.get(&owner, id).await.unwrap().is_enabled);
}

const OTHER: &str = "https://example.net/hook";

/// A webhook that hears of new articles here.
async fn listening_at(world: &World, owner: &Principal, url: &str) -> WebhookId {
    let new = NewWebhook {
        url: url.to_owned(),
        ..hook(&[EventKind::ArticleCreated])
    };
    let webhooks = &world.services.webhooks;
    let made = webhooks.create(owner, Some("handbook"), new).await.unwrap();
    made.webhook.id
}

async fn enable(world: &World, who: &Principal, id: WebhookId, is_enabled: bool) -> Webhook {
    let patch = WebhookPatch {
        is_enabled: Some(is_enabled),
        ..WebhookPatch::default()
    };
    let webhooks = &world.services.webhooks;
    webhooks.update(who, id, patch, None).await.unwrap()
}

/// A try that hangs for 15 seconds, with what somebody does meanwhile. Whoever comes then is answered.
async fn while_it_hangs(world: &World, meanwhile: impl Future<Output = ()>) {
    world.egress.will_hang(HOOK);
    let asked = world.egress.sent().len();
    let webhooks = Arc::clone(&world.services.webhooks);
    let trying = tokio::spawn(async move { webhooks.deliver_one().await });
    while world.egress.sent().len() == asked {
        tokio::task::yield_now().await;
    }
    meanwhile.await;
    world.clock.advance(Duration::from_secs(15));
    world.egress.will_answer(HOOK, 204, "");
    world.egress.give_up();
    assert!(trying.await.unwrap().unwrap());
}

#[tokio::test]
async fn one_that_hangs_holds_up_no_other() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    world.egress.will_hang(HOOK);
    world.egress.will_answer(OTHER, 204, "");
    let silent = listening_at(&world, &owner, HOOK).await;
    for number in 0..40 {
        write(&world, &owner, &format!("Old {number}")).await;
    }
    fan_out(&world).await;
    let well = listening_at(&world, &owner, OTHER).await;
    world.clock.advance(Duration::from_secs(1));
    for number in 0..5 {
        write(&world, &owner, &format!("New {number}")).await;
    }
    fan_out(&world).await;

    let stop = CancellationToken::new();
    let webhooks = Arc::clone(&world.services.webhooks);
    let senders = tokio::spawn(webhooks.deliver(stop.clone()));
    let all_told = async {
        loop {
            let sent = deliveries(&world, &owner, well).await;
            let is_told = |one: &Delivery| one.state == DeliveryState::Delivered;
            if sent.iter().filter(|one| is_told(one)).count() >= 45 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, all_told).await.unwrap();
    let begun = deliveries(&world, &owner, silent).await;
    let begun = begun.iter().filter(|one| one.attempts > 0).count();
    assert_eq!(begun, 3, "one sender is left to the others");
    stop.cancel();
    world.egress.give_up();
    senders.await.unwrap();
}

#[tokio::test]
async fn what_waits_for_a_silent_one_is_not_tried_and_flows_when_it_speaks() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let id = listening_at(&world, &owner, HOOK).await;
    for number in 0..40 {
        write(&world, &owner, &format!("{number}")).await;
    }
    fan_out(&world).await;
    // It rests longer and longer, and at the end five minutes.
    let rests = [5, 60, 300, 300, 300];
    for (tried, rest) in (1..).zip(rests) {
        while_it_hangs(&world, async {}).await;
        for more in [0, rest - 1] {
            world.clock.advance(Duration::from_secs(more));
            deliver_all(&world).await;
            assert_eq!(world.egress.sent().len(), tried);
        }
        world.clock.advance(Duration::from_secs(1));
    }
    deliver_all(&world).await;
    let sent = deliveries(&world, &owner, id).await;
    assert_eq!(sent.len(), 40);
    assert!(sent.iter().all(|one| one.state == DeliveryState::Delivered));
    // Whoever asks waits for no rest.
    write(&world, &owner, "Late").await;
    fan_out(&world).await;
    while_it_hangs(&world, async {}).await;
    let ping = world.services.webhooks.ping(&owner, id).await.unwrap();
    deliver_all(&world).await;
    let sent = deliveries(&world, &owner, id).await;
    let ping = sent.iter().find(|one| one.event == ping.event).unwrap();
    assert_eq!(ping.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn one_that_refuses_at_once_keeps_nobody_waiting() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let id = listening_at(&world, &owner, HOOK).await;
    world.egress.will_answer(HOOK, 500, "no");
    for number in 0..10 {
        write(&world, &owner, &format!("{number}")).await;
    }
    fan_out(&world).await;
    deliver_all(&world).await;
    let sent = deliveries(&world, &owner, id).await;
    assert!(sent.iter().all(|one| one.attempts == 1), "{sent:?}");
}

#[tokio::test]
async fn a_try_undoes_nothing_that_somebody_did_meanwhile() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let id = listening_at(&world, &owner, HOOK).await;
    let read = || async { world.store.webhook(id).await.unwrap().unwrap() };
    write(&world, &owner, "One").await;
    fan_out(&world).await;
    while_it_hangs(&world, async {
        enable(&world, &owner, id, false).await;
    })
    .await;
    assert!(!read().await.is_enabled);

    // Failures of before it was enabled anew do not disable it.
    enable(&world, &owner, id, true).await;
    world.clock.advance(RETRY_WAITS[0] * 2);
    while_it_hangs(&world, async {}).await;
    assert!(read().await.failing_since.is_some());
    world.clock.advance(Duration::from_secs(5 * 24 * 3600));
    while_it_hangs(&world, async {
        enable(&world, &owner, id, false).await;
        enable(&world, &owner, id, true).await;
    })
    .await;
    let enabled = read().await;
    assert_eq!((enabled.is_enabled, enabled.failing_since), (true, None));
    assert!(world.mailer.sent().is_empty());
}

#[tokio::test]
async fn a_disabled_one_is_told_nothing_but_pings() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let webhooks = &world.services.webhooks;
    let id = told_of_one(&world, &owner, (500, "no")).await.webhook.id;
    write(&world, &owner, "Two").await;
    fan_out(&world).await;
    enable(&world, &owner, id, false).await;
    world.egress.will_answer(HOOK, 204, "");
    let asked = world.egress.sent().len();
    world.clock.advance(RETRY_WAITS[0] * 2);
    deliver_all(&world).await;
    assert_eq!(world.egress.sent().len(), asked);
    let sent = deliveries(&world, &owner, id).await;
    assert_eq!(sent.len(), 2);
    for one in &sent {
        assert_eq!(one.state, DeliveryState::Failed);
        let last = one.tries.last().unwrap();
        assert_eq!(last.error.as_deref(), Some("webhook_disabled"));
    }
    webhooks.ping(&owner, id).await.unwrap();
    deliver_all(&world).await;
    assert_eq!(world.egress.sent().len(), asked + 1);

    // What was not sent can be, once it is enabled.
    enable(&world, &owner, id, true).await;
    let event = sent[0].event;
    webhooks.redeliver(&owner, id, event).await.unwrap();
    deliver_all(&world).await;
    assert_eq!(world.egress.sent().len(), asked + 2);

    // One that is gone is told nothing more of what waits.
    world.egress.will_answer(HOOK, 410, "");
    for title in ["Three", "Four"] {
        write(&world, &owner, title).await;
    }
    fan_out(&world).await;
    deliver_all(&world).await;
    assert_eq!(world.egress.sent().len(), asked + 3);
}

#[tokio::test]
async fn jobs_and_schedules_of_others_are_not_told_to_a_project() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    let (editor, admin) = (
        world.somebody(Role::Creator).await,
        world.somebody(Role::Admin).await,
    );
    handbook(&world, &owner).await;
    join(&world, &owner, &editor, ProjectRole::Editor).await;
    let kinds = [
        EventKind::JobQueued,
        EventKind::BatchEnded,
        EventKind::ScheduleRemoved,
        EventKind::ChatDeleted,
    ];
    let webhooks = &world.services.webhooks;
    let of_project = webhooks.create(&owner, Some("handbook"), hook(&kinds));
    let of_project = of_project.await.unwrap().webhook.id;
    let of_all = webhooks.create(&admin, None, hook(&kinds)).await.unwrap();
    let of_all = of_all.webhook.id;
    let mut own = Vec::new();
    for whose in [&owner, &editor] {
        let bodies = [
            EventBody::JobQueued {
                job: JobId::new(),
                kind: "generate".to_owned(),
            },
            EventBody::BatchEnded {
                batch: BatchId::new(),
                counts: BatchCounts::default(),
            },
            EventBody::ScheduleRemoved {
                schedule: ScheduleId::new(),
            },
            EventBody::ChatDeleted {
                chat: ConversationId::new(),
            },
        ];
        for body in bodies {
            let is_chat = body.kind() == EventKind::ChatDeleted;
            let scope = Scope {
                project: Some("handbook".to_owned()),
                owner: Some(whose.user),
            };
            let event = Event::new(sample::now(), whose.user, body).within(scope);
            if whose.user == owner.user && !is_chat {
                own.push(event.event.id);
            }
            world.store.append_event(&event).await.unwrap();
        }
    }
    fan_out(&world).await;
    let told = deliveries(&world, &owner, of_project).await;
    let mut told: Vec<EventId> = told.iter().map(|one| one.event).collect();
    told.sort();
    own.sort();
    assert_eq!(told, own);
    assert_eq!(deliveries(&world, &admin, of_all).await.len(), 6);
}
