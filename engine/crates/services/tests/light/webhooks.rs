//! Webhooks: who keeps them, what they are told, and what becomes of those that nothing reaches.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::codes;
use inkstone_domain::event::EventKind;
use inkstone_domain::ids::WebhookId;
use inkstone_domain::outbound::{OutboundRequest, Redirects};
use inkstone_domain::ports::{EventLog, WebhookStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_domain::webhook::{Delivery, DeliveryState};
use inkstone_services::content::NewArticle;
use inkstone_services::events::EventHandler;
use inkstone_services::webhooks::{FanOut, NewWebhook, RETRY_WAITS, WebhookPatch, WithSecret};

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
