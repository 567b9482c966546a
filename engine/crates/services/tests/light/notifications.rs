//! Notifications: whom what concerns, what they do not want to hear, and mails with what is unread.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::codes;
use inkstone_domain::content::{Article, Status};
use inkstone_domain::event::{Event, EventBody};
use inkstone_domain::ids::UserId;
use inkstone_domain::job::{JobError, JobLimits, Task, WorkTask};
use inkstone_domain::notification::{
    Digest, DigestPeriod, Notification, NotificationFilter, NotificationKind as Kind,
    NotificationSettings,
};
use inkstone_domain::ports::{EventLog, JobStore, UserStore, WebhookStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_services::content::{NewArticle, NewComment, Transition};
use inkstone_services::events::EventHandler;
use inkstone_services::media::MediaVariants;
use inkstone_services::notifications::Notices;
use inkstone_testkit::sample;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::world::{World, handbook, join, page};

/// All that has happened, handled twice: that must come to the same.
async fn hear(world: &World) {
    world.store.number_events(1_000).await.unwrap();
    let told = world.store.told_after(0, 1_000).await.unwrap();
    let told: Vec<_> = told.into_iter().map(Arc::new).collect();
    let notices = Notices(Arc::clone(&world.services.notifications));
    notices.handle(&told).await.unwrap();
    notices.handle(&told).await.unwrap();
}

/// Oldest first.
async fn of(world: &World, who: &Principal) -> Vec<Notification> {
    let notifications = &world.services.notifications;
    let all = NotificationFilter::All;
    let listed = notifications.list(who, all, page(100)).await.unwrap();
    listed.items.into_iter().rev().collect()
}

async fn kinds(world: &World, who: &Principal) -> Vec<Kind> {
    let all = of(world, who).await;
    all.iter().map(|one| one.kind).collect()
}

async fn draft(world: &World, author: &Principal) -> Article {
    let new = NewArticle {
        title: "Tides".to_owned(),
        project: Some("handbook".to_owned()),
        ..NewArticle::default()
    };
    world.services.articles.create(author, new).await.unwrap()
}

async fn step(world: &World, who: &Principal, article: &Article, to: Status) {
    let step = Transition {
        to,
        at: None,
        comment: None,
    };
    let articles = &world.services.articles;
    articles
        .transition(who, article.id, step, None)
        .await
        .unwrap();
}

/// A boss, who owns the project, an author and a reviewer in it, and a stranger.
async fn cast(world: &World) -> [Principal; 4] {
    let boss = world.somebody(Role::Creator).await;
    let author = world.somebody(Role::Creator).await;
    let reviewer = world.somebody(Role::Creator).await;
    let stranger = world.somebody(Role::Creator).await;
    handbook(world, &boss).await;
    join(world, &boss, &author, ProjectRole::Editor).await;
    join(world, &boss, &reviewer, ProjectRole::Reviewer).await;
    [boss, author, reviewer, stranger]
}

fn saying(words: &str) -> NewComment {
    NewComment {
        body: words.to_owned(),
        place: None,
    }
}

#[tokio::test]
async fn comments_concern_those_they_name_answer_and_are_about() {
    let world = World::new().await;
    let [boss, author, reviewer, stranger] = cast(&world).await;
    let article = draft(&world, &author).await;
    let comments = &world.services.comments;
    let words = format!("@{} and @{}, look", boss.user, stranger.user);
    let first = comments.write(&reviewer, article.id, saying(&words));
    let first = first.await.unwrap().comment;
    hear(&world).await;
    assert_eq!(kinds(&world, &boss).await, [Kind::CommentMentioned]);
    assert_eq!(kinds(&world, &author).await, [Kind::CommentWritten]);
    // Who may not read the article hears nothing of it, and who wrote it knows.
    assert_eq!(kinds(&world, &stranger).await, []);
    assert_eq!(kinds(&world, &reviewer).await, []);
    let told = of(&world, &boss).await.remove(0);
    assert_eq!(told.about.article, Some(article.id));
    assert_eq!(told.about.comment, Some(first.id));
    assert_eq!(told.actor, reviewer.user);
    assert_eq!(told.project.as_deref(), Some("handbook"));

    let answer = comments.reply(&author, article.id, first.id, "Done".to_owned());
    let answer = answer.await.unwrap().comment;
    hear(&world).await;
    assert_eq!(kinds(&world, &reviewer).await, [Kind::CommentReplied]);
    assert_eq!(kinds(&world, &author).await.len(), 1);
    // Whom the changed words name, too, hears of it; the others have heard.
    let words = format!("Done, @{} @{}", boss.user, reviewer.user);
    let edited = comments.edit(&author, article.id, answer.id, words, None);
    edited.await.unwrap();
    hear(&world).await;
    let mentioned = Kind::CommentMentioned;
    assert_eq!(kinds(&world, &boss).await, [mentioned, mentioned]);
    assert_eq!(kinds(&world, &reviewer).await, [Kind::CommentReplied]);
}

#[tokio::test]
async fn reviews_concern_reviewers_and_then_the_author() {
    let world = World::new().await;
    let [boss, author, reviewer, stranger] = cast(&world).await;
    let article = draft(&world, &author).await;
    step(&world, &author, &article, Status::InReview).await;
    hear(&world).await;
    assert_eq!(kinds(&world, &reviewer).await, [Kind::ReviewAsked]);
    assert_eq!(kinds(&world, &boss).await, [Kind::ReviewAsked]);
    assert_eq!(kinds(&world, &author).await, []);
    step(&world, &reviewer, &article, Status::Approved).await;
    step(&world, &boss, &article, Status::Published).await;
    hear(&world).await;
    let decided = [Kind::ReviewDecided, Kind::ArticlePublished];
    assert_eq!(kinds(&world, &author).await, decided);
    assert_eq!(kinds(&world, &reviewer).await, [Kind::ReviewAsked]);
    assert_eq!(kinds(&world, &stranger).await, []);
}

#[tokio::test]
async fn the_ends_of_jobs_and_webhooks_concern_whose_they_are() {
    let world = World::new().await;
    let [boss, author, ..] = cast(&world).await;
    for (kind, is_failed) in [
        ("export", false),
        ("export", true),
        (MediaVariants::KIND, false),
        (MediaVariants::KIND, true),
    ] {
        let work = WorkTask {
            kind: kind.to_owned(),
            project: "handbook".to_owned(),
            input: json!({}),
        };
        let queue = world.services.jobs.queue();
        queue.add(author.user, work).await.unwrap();
        let lease = Duration::from_secs(60);
        let now = sample::now() + lease;
        let limits = JobLimits::default();
        let claimed = world.store.claim("w", lease, &limits, now).await;
        let claimed = claimed.unwrap().unwrap();
        assert!(matches!(&claimed.job.task, Task::Work(work) if work.kind == kind));
        let job = claimed.job.id;
        let event = |body| Event::new(now, author.user, body);
        let ended = match is_failed {
            true => {
                let code = codes::INTERNAL.name.to_owned();
                let error = JobError {
                    code: code.clone(),
                    message: "no".to_owned(),
                };
                let failed = event(EventBody::JobFailed { job, code });
                world.store.fail(job, claimed.fence, &error, failed).await
            }
            false => {
                let done = event(EventBody::JobSucceeded { job, article: None });
                let result = json!({});
                world.store.finish(job, claimed.fence, &result, done).await
            }
        };
        ended.unwrap();
    }
    let webhook = sample::webhook(Some("handbook"));
    for owner in [boss.user, author.user] {
        let webhook = inkstone_domain::webhook::Webhook {
            id: inkstone_domain::ids::WebhookId::new(),
            owner,
            ..webhook.clone()
        };
        let audit = sample::some_audit();
        world.store.create_webhook(&webhook, audit).await.unwrap();
        let noted = world.store.note_reached(
            &webhook,
            inkstone_domain::webhook::Reached::Gone,
            chrono::TimeDelta::days(5),
            sample::now(),
        );
        assert!(noted.await.unwrap());
    }
    hear(&world).await;
    let ends = [Kind::JobSucceeded, Kind::JobFailed, Kind::JobFailed];
    // An editor keeps no webhooks, whoever made them.
    assert_eq!(kinds(&world, &author).await, ends);
    assert_eq!(kinds(&world, &boss).await, [Kind::WebhookDisabled]);
}

#[tokio::test]
async fn what_is_muted_is_not_told_and_settings_change_in_turn() {
    let world = World::new().await;
    let [boss, author, reviewer, _] = cast(&world).await;
    let notifications = &world.services.notifications;
    let first = notifications.settings(&reviewer).await.unwrap();
    assert_eq!(first, NotificationSettings::of(reviewer.user));
    let by_kind = NotificationSettings {
        muted_kinds: [Kind::ReviewAsked].into(),
        ..first.clone()
    };
    let set = notifications.set_settings(&reviewer, by_kind.clone(), Some(0));
    let set = set.await.unwrap();
    assert_eq!(set.revision, 1);
    let late = notifications.set_settings(&reviewer, first, Some(0)).await;
    assert_eq!(late.unwrap_err().code(), &codes::REVISION_MISMATCH);
    let same = notifications.set_settings(&reviewer, by_kind, None).await;
    assert_eq!(same.unwrap().revision, 1);
    let by_project = NotificationSettings {
        muted_projects: ["handbook".to_owned()].into(),
        // Whose they are is the caller's, whatever is said.
        ..NotificationSettings::of(author.user)
    };
    let set = notifications.set_settings(&boss, by_project, None).await;
    assert_eq!(set.unwrap().user, boss.user);

    let article = draft(&world, &author).await;
    step(&world, &author, &article, Status::InReview).await;
    step(&world, &reviewer, &article, Status::Approved).await;
    hear(&world).await;
    assert_eq!(kinds(&world, &reviewer).await, []);
    assert_eq!(kinds(&world, &boss).await, []);
    assert_eq!(kinds(&world, &author).await, [Kind::ReviewDecided]);
    let wrong = NotificationSettings {
        digest: Some(Digest {
            period: DigestPeriod::Daily,
            hour: 24,
        }),
        ..NotificationSettings::of(boss.user)
    };
    let refused = notifications.set_settings(&boss, wrong, None).await;
    assert_eq!(refused.unwrap_err().fields()[0].pointer, "/digest/hour");
}

#[tokio::test]
async fn a_digest_tells_once_of_what_is_unread() {
    let world = World::new().await;
    let [_, author, reviewer, _] = cast(&world).await;
    let notifications = &world.services.notifications;
    let daily = NotificationSettings {
        digest: Some(Digest {
            period: DigestPeriod::Daily,
            hour: 7,
        }),
        ..NotificationSettings::of(reviewer.user)
    };
    let set = notifications.set_settings(&reviewer, daily, None);
    set.await.unwrap();
    let mails = async || {
        while notifications.send_digest().await.unwrap() {}
        let address = address(&world, reviewer.user).await;
        let sent = world.mailer.sent();
        let own = sent.into_iter().filter(|mail| mail.to == address);
        own.collect::<Vec<_>>()
    };
    let day = Duration::from_secs(24 * 3600);
    let (one, two) = (draft(&world, &author).await, draft(&world, &author).await);
    step(&world, &author, &one, Status::InReview).await;
    step(&world, &author, &two, Status::InReview).await;
    hear(&world).await;
    let seen = of(&world, &reviewer).await.remove(0).id;
    notifications.mark(&reviewer, seen, true).await.unwrap();
    assert_eq!(mails().await, []);

    world.clock.advance(day);
    let sent = mails().await;
    assert_eq!(sent.len(), 1);
    assert!(sent[0].subject.starts_with("1 "), "{:?}", sent[0]);
    assert!(sent[0].text.contains(&two.id.to_string()));
    assert!(!sent[0].text.contains(&one.id.to_string()));
    // The next one tells of what came since; without anything there is none.
    world.clock.advance(day);
    assert_eq!(mails().await.len(), 1);
    let three = draft(&world, &author).await;
    step(&world, &author, &three, Status::InReview).await;
    hear(&world).await;
    world.clock.advance(day);
    let sent = mails().await;
    assert_eq!(sent.len(), 2);
    assert!(sent[1].text.contains(&three.id.to_string()));
    assert!(!sent[1].text.contains(&two.id.to_string()));

    world.clock.advance(day * 91);
    let never = CancellationToken::new();
    assert_eq!(notifications.forget_old(&never).await.unwrap(), 3 * 2);
    assert_eq!(of(&world, &reviewer).await, []);
    // What is too old to be kept is not told of again, either.
    hear(&world).await;
    assert_eq!(of(&world, &reviewer).await, []);
}

async fn address(world: &World, user: UserId) -> String {
    world.store.user(user).await.unwrap().unwrap().email
}
