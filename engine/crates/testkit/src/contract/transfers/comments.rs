//! Comments that come with an import: in its step or not at all, told of by whoever brings them.

use chrono::TimeDelta;
use inkstone_domain::codes;
use inkstone_domain::comment::{Anchor, Comment, Resolution};
use inkstone_domain::event::{Event, EventBody, Scope};
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{
    ArticleStore, AuditLog, CommentArrival, CommentStore, EventLog, ImportChange, ImportStep,
    TransferStore,
};
use inkstone_domain::transfer::Outcome;

use super::{created, line, step};
use crate::contract::assert_code;
use crate::contract::audit::whole_chain;
use crate::contract::events::number_all;
use crate::sample;

pub async fn run(
    store: &dyn TransferStore,
    articles: &dyn ArticleStore,
    comments: &dyn CommentStore,
    events: &dyn EventLog,
    log: &dyn AuditLog,
) {
    let import = created(store).await;
    let article = sample::article(UserId::new());
    let creation = sample::creation(&article);
    articles.create_article(creation).await.unwrap();
    let begin = number_all(events).await;
    let author = UserId::new();
    let comment = Comment {
        anchor: Anchor::at("The moon “pulls” 水.", 3, 4..8),
        resolved: Some(Resolution {
            by: UserId::new(),
            at: sample::now(),
        }),
        revision: 7,
        ..sample::comment(article.id, author)
    };
    let audit = sample::audit(import.owner);
    let arrival = |comment: &Comment, body: EventBody| CommentArrival {
        comment: comment.clone(),
        event: Event::new(sample::now() + TimeDelta::days(1), import.owner, body),
        audit: Some(audit.clone()),
    };
    let first = arrival(&comment, EventBody::comment_written(&comment));
    let taking = |after: u64, change: ImportChange| ImportStep {
        change: Some(change),
        ..step(&import, after, vec![line(after + 1, Outcome::Created)])
    };
    let create = taking(0, ImportChange::CreateComment(Box::new(first.clone())));
    store.take_step(create.clone()).await.unwrap();
    assert_code(store.take_step(create).await, &codes::LEASE_LOST);
    let kept = comments.comment(comment.id).await.unwrap();
    assert_eq!(kept, Some(comment.clone()));
    let listed = comments.comments(article.id, sample::first_page(9)).await;
    assert_eq!(listed.unwrap().items, std::slice::from_ref(&comment));

    // What is there already, and what is stale or nowhere, come to nothing, their lines too.
    let next = Comment {
        body: "Settled.".to_owned(),
        resolved: None,
        revision: 8,
        ..comment.clone()
    };
    let stale = Comment {
        revision: 10,
        ..next.clone()
    };
    let nowhere = sample::comment(article.id, author);
    let update = |comment: &Comment| {
        let arrival = arrival(comment, EventBody::comment_changed(comment));
        ImportChange::UpdateComment(Box::new(arrival))
    };
    for (change, code) in [
        (
            ImportChange::CreateComment(Box::new(first)),
            &codes::ALREADY_EXISTS,
        ),
        (update(&stale), &codes::REVISION_MISMATCH),
        (update(&nowhere), &codes::NOT_FOUND),
    ] {
        assert_code(store.take_step(taking(1, change)).await, code);
    }
    assert_eq!(store.import(import.id).await.unwrap().unwrap().position, 1);
    let kept = comments.comment(comment.id).await.unwrap();
    assert_eq!(kept, Some(comment.clone()));

    store.take_step(taking(1, update(&next))).await.unwrap();
    let kept = comments.comment(comment.id).await.unwrap();
    assert_eq!(kept, Some(next.clone()));

    number_all(events).await;
    let told = events.told_after(begin, 100).await.unwrap();
    let bodies: Vec<EventBody> = told.iter().map(|it| it.event.body.clone()).collect();
    let expected = [
        EventBody::comment_written(&comment),
        EventBody::comment_changed(&next),
    ];
    assert_eq!(bodies, expected);
    for one in &told {
        assert_eq!(one.event.actor, import.owner);
        assert_eq!(one.scope, Scope::of_article(&article));
    }
    assert!(told.iter().all(|one| one.event.at > comment.updated_at));
    // One that is written here is told of at its own time, to the nanosecond: so both can be told apart.
    let begin = number_all(events).await;
    let at = sample::now() + TimeDelta::nanoseconds(123);
    let native = Comment {
        created_at: at,
        updated_at: at,
        ..sample::comment(article.id, author)
    };
    comments.create_comment(&native, None).await.unwrap();
    number_all(events).await;
    let told = events.told_after(begin, 9).await.unwrap();
    let kept = comments.comment(native.id).await.unwrap().unwrap();
    assert_eq!((told[0].event.at, kept.updated_at), (at, at));

    let chain = whole_chain(log).await;
    let own = chain.iter().filter(|entry| entry.record == audit);
    assert_eq!(own.count(), 2);
}
