//! The suite of [`ArticleStore`], with the events its writes leave in the [`EventLog`].

pub mod audited;
pub mod lists;
pub mod slugs;
pub mod translations;
pub mod trash;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use futures::future::{join, join_all};
use inkstone_domain::codes;
use inkstone_domain::content::{
    Article, ArticleFilter, ArticleStamp, Facet, Page, PageRequest, Status,
};
use inkstone_domain::event::EventBody;
use inkstone_domain::following::Span;
use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::ports::{ArticleStore, AuditLog, EventLog, TagStore};
use tokio::time::timeout;

use super::events::all_events;
use super::{CROWD, assert_code};
use crate::sample;

pub async fn run<S: ArticleStore + TagStore>(store: &S, events: &dyn EventLog, log: &dyn AuditLog) {
    keeps_articles_and_revisions(store, events).await;
    refuses_a_second_creation(store, events).await;
    refuses_old_revisions(store, events).await;
    one_of_many_updates(store, events).await;
    slugs::belong_to_one_article(store).await;
    slugs::lead_to_where_the_article_is(store).await;
    slugs::are_given_to_one_of_many(store).await;
    deletes_and_keeps_revisions(store, events).await;
    trash::gives_back_what_it_holds(store, events).await;
    trash::is_emptied_for_good(store, events).await;
    trash::knows_what_is_oldest(store).await;
    audited::with_the_change(store, log).await;
    audited::never_without_it(store, log).await;
    translations_belong_together(store).await;
    translations::have_one_article_in_a_language(store).await;
    translations::however_many_come_at_once(store).await;
    filters_lists(store).await;
    lists::by_one_thing(store).await;
    lists::in_their_order(store).await;
    lists::follow_every_change(store, store).await;
    lists::of_tags_are_counted(store, store).await;
    lists::without_an_index_are_refused(store).await;
    pages_stand_still_under_writes(store).await;
    refuses_foreign_cursors(store).await;
    stamps_see_everything(store).await;
    followers_miss_nothing(store).await;
    nudges_on_every_write(store).await;
}

pub async fn keeps_articles_and_revisions(store: &dyn ArticleStore, events: &dyn EventLog) {
    let article = sample::article(UserId::new());
    let creation = sample::creation(&article);
    store.create_article(creation.clone()).await.unwrap();
    assert_eq!(
        store.article(article.id).await.unwrap(),
        Some(article.clone())
    );
    assert_eq!(store.provenance(article.id).await.unwrap(), None);

    let mut update = sample::retitling(&article, "Ebb & “flow”");
    update.author = UserId::new();
    update.article.text.status = Status::Scheduled;
    update.article.text.publish_at = Some(sample::now());
    update.article.text.extras = sample::extras();
    update.comment = Some("Tomorrow — not earlier".to_owned());
    update.article.text.tags.clear();
    store.update_article(update.clone()).await.unwrap();
    let stored = store.article(article.id).await.unwrap();
    assert_eq!(stored, Some(update.article.clone()));

    let page = store
        .revisions(article.id, sample::first_page(10))
        .await
        .unwrap();
    assert_eq!(page.next_cursor, None);
    let [newest, oldest] = page.items.as_slice() else {
        panic!("two revisions were written, not {:?}", page.items);
    };
    assert_eq!((newest.revision, oldest.revision), (2, 1));
    assert_eq!(newest.text, update.article.text);
    assert_eq!(newest.author, update.author);
    assert_eq!(newest.comment, update.comment);
    assert_eq!(newest.created_at, update.article.updated_at);
    assert_eq!(oldest.text, article.text);
    assert_eq!(oldest.cause, creation.cause);

    let first = store
        .revisions(article.id, sample::first_page(1))
        .await
        .unwrap();
    assert_eq!(first.items, vec![newest.clone()]);
    let second = PageRequest {
        limit: 1,
        cursor: first.next_cursor,
    };
    let second = store.revisions(article.id, second).await.unwrap();
    assert_eq!(second.items, vec![oldest.clone()]);
    assert_eq!(second.next_cursor, None);

    for kept in [newest, oldest] {
        let one = store.revision(article.id, kept.revision).await.unwrap();
        assert_eq!(one.as_ref(), Some(kept));
    }
    for none in [0, 3, u64::MAX] {
        assert_eq!(store.revision(article.id, none).await.unwrap(), None);
    }

    let written = all_events(events).await;
    assert!(written.contains(&creation.event));
    assert!(written.contains(&update.event));
}

pub async fn refuses_a_second_creation(store: &dyn ArticleStore, events: &dyn EventLog) {
    let article = sample::article(UserId::new());
    store
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    let mut again = sample::creation(&article);
    again.article.text.title = "Another".to_owned();
    let event = again.event.clone();
    assert_code(store.create_article(again).await, &codes::ALREADY_EXISTS);
    assert_eq!(store.article(article.id).await.unwrap(), Some(article));
    assert!(!all_events(events).await.contains(&event));
}

pub async fn refuses_old_revisions(store: &dyn ArticleStore, events: &dyn EventLog) {
    let article = sample::article(UserId::new());
    store
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    let second = sample::retitling(&article, "Second");
    store.update_article(second.clone()).await.unwrap();

    let stale = sample::retitling(&article, "Also second");
    let refused = store.update_article(stale.clone()).await;
    assert_code(refused, &codes::REVISION_MISMATCH);
    let mut early = sample::retitling(&second.article, "Fourth");
    early.article.revision = 4;
    assert_code(store.update_article(early).await, &codes::REVISION_MISMATCH);
    let refused = store.delete_article(sample::deletion(&article)).await;
    assert_code(refused, &codes::REVISION_MISMATCH);

    let stored = store.article(article.id).await.unwrap();
    assert_eq!(stored, Some(second.article));
    assert!(!all_events(events).await.contains(&stale.event));

    let unknown = sample::article(UserId::new());
    let refused = store.update_article(sample::retitling(&unknown, "?")).await;
    assert_code(refused, &codes::NOT_FOUND);
    let refused = store.delete_article(sample::deletion(&unknown)).await;
    assert_code(refused, &codes::NOT_FOUND);
}

pub async fn one_of_many_updates(store: &dyn ArticleStore, events: &dyn EventLog) {
    let article = sample::article(UserId::new());
    store
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    let attempts = (0..CROWD).map(|number| {
        store.update_article(sample::retitling(&article, &format!("Title {number}")))
    });
    let (written, refused): (Vec<_>, Vec<_>) = join_all(attempts)
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!(written.len(), 1);
    for result in refused {
        assert_code(result, &codes::REVISION_MISMATCH);
    }
    let page = sample::first_page(100);
    let revisions = store.revisions(article.id, page).await.unwrap().items;
    assert_eq!(revisions.len(), 2);
    let stored = store.article(article.id).await.unwrap().unwrap();
    assert_eq!(
        (stored.revision, stored.text),
        (2, revisions[0].text.clone())
    );
    let told = all_events(events).await.into_iter().filter(|event| {
        matches!(event.body, EventBody::ArticleUpdated { article: id, .. } if id == article.id)
    });
    assert_eq!(told.count(), 1);
}

pub async fn deletes_and_keeps_revisions(store: &dyn ArticleStore, events: &dyn EventLog) {
    let article = sample::article(UserId::new());
    let kept = sample::article(article.owner);
    store
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    store.create_article(sample::creation(&kept)).await.unwrap();
    let deletion = sample::deletion(&article);
    store.delete_article(deletion.clone()).await.unwrap();

    assert_eq!(store.article(article.id).await.unwrap(), None);
    let both = [article.id, kept.id];
    let read = store.articles_by_id(&both).await.unwrap();
    assert_eq!(read, vec![kept.clone()]);
    assert_eq!(list_of(store, article.owner, 10).await.items, vec![kept]);
    let page = sample::first_page(10);
    let revisions = store.revisions(article.id, page).await.unwrap().items;
    assert_eq!(revisions.last().unwrap().text, article.text);
    let again = store.delete_article(deletion.clone()).await;
    assert_code(again, &codes::NOT_FOUND);
    let update = sample::retitling(&deletion.article, "Back?");
    assert_code(store.update_article(update).await, &codes::NOT_FOUND);
    let again = store.create_article(sample::creation(&article)).await;
    assert_code(again, &codes::ALREADY_EXISTS);
    assert!(all_events(events).await.contains(&deletion.event));

    let stamp = stamp_of(store, article.id).await;
    assert_eq!((stamp.revision, stamp.deleted), (2, true));
}

pub async fn translations_belong_together(store: &dyn ArticleStore) {
    let original = sample::article(UserId::new());
    let mut group = vec![original.clone()];
    for language in ["de", "ar", "pt-BR"] {
        let mut translation = sample::article(original.owner);
        translation.translation_of = Some(original.id);
        translation.text.language = language.to_owned();
        group.push(translation);
    }
    let alone = sample::article(original.owner);
    for article in group.iter().chain([&alone]) {
        let creation = sample::creation(article);
        store.create_article(creation).await.unwrap();
    }
    group.sort_by(|a, b| a.text.language.cmp(&b.text.language));
    assert_eq!(store.translations(original.id).await.unwrap(), group);
    assert_eq!(store.translations(alone.id).await.unwrap(), [alone]);
    let deletion = sample::deletion(&group[0]);
    store.delete_article(deletion).await.unwrap();
    assert_eq!(store.translations(original.id).await.unwrap(), group[1..]);
}

pub async fn filters_lists(store: &dyn ArticleStore) {
    let owner = UserId::new();
    let mut published = sample::article(owner);
    published.text.status = Status::Published;
    let mut elsewhere = sample::article(owner);
    elsewhere.project = "elsewhere".to_owned();
    let mut tagged = sample::article(owner);
    tagged.text.tags = vec!["a \"quoted\" tag".to_owned()];
    for article in [&published, &elsewhere, &tagged] {
        store
            .create_article(sample::creation(article))
            .await
            .unwrap();
    }
    let own = ArticleFilter {
        owner: Some(owner),
        ..ArticleFilter::default()
    };
    let cases = [
        (
            own.clone(),
            BTreeSet::from([published.id, elsewhere.id, tagged.id]),
        ),
        (
            ArticleFilter {
                status: Some(Status::Published),
                ..own.clone()
            },
            BTreeSet::from([published.id]),
        ),
        (
            ArticleFilter {
                project: Some("elsewhere".to_owned()),
                ..own.clone()
            },
            BTreeSet::from([elsewhere.id]),
        ),
        (
            ArticleFilter {
                project: Some("default".to_owned()),
                facet: Some(Facet::Tag("a \"quoted\" tag".to_owned())),
                ..own.clone()
            },
            BTreeSet::from([tagged.id]),
        ),
        (
            ArticleFilter {
                project: Some("elsewhere".to_owned()),
                status: Some(Status::Published),
                ..own
            },
            BTreeSet::new(),
        ),
    ];
    for (filter, expected) in cases {
        let page = sample::first_page(100);
        let page = store.list_articles(filter.clone(), page).await.unwrap();
        let ids: BTreeSet<ArticleId> = page.items.iter().map(|article| article.id).collect();
        assert_eq!(ids, expected, "{filter:?}");
        assert_eq!(page.next_cursor, None);
    }

    let wanted = [tagged.id, ArticleId::new(), published.id];
    let read = store.articles_by_id(&wanted).await.unwrap();
    assert_eq!(read, vec![tagged, published]);
    assert_eq!(store.articles_by_id(&[]).await.unwrap(), vec![]);
}

pub async fn pages_stand_still_under_writes(store: &dyn ArticleStore) {
    let owner = UserId::new();
    let mut articles: Vec<Article> = (0..7).map(|_| sample::article(owner)).collect();
    articles.sort_by_key(|article| std::cmp::Reverse(article.id));
    for article in &articles {
        store
            .create_article(sample::creation(article))
            .await
            .unwrap();
    }
    let first = list_of(store, owner, 3).await;
    assert_eq!(first.items, articles[..3]);

    // Newer ones appear, shown ones go away, one yet to be shown is changed.
    let newer = Article {
        id: ArticleId(ulid_after(articles[0].id)),
        ..sample::article(owner)
    };
    store
        .create_article(sample::creation(&newer))
        .await
        .unwrap();
    let gone = sample::deletion(&articles[1]);
    store.delete_article(gone).await.unwrap();
    let change = sample::retitling(&articles[4], "Changed");
    store.update_article(change.clone()).await.unwrap();

    let mut shown = Vec::new();
    let mut cursor = first.next_cursor;
    while let Some(place) = cursor {
        let page = PageRequest {
            limit: 2,
            cursor: Some(place),
        };
        let filter = ArticleFilter {
            owner: Some(owner),
            ..ArticleFilter::default()
        };
        let page = store.list_articles(filter, page).await.unwrap();
        assert!(page.items.len() <= 2);
        shown.extend(page.items);
        cursor = page.next_cursor;
    }
    let mut rest = articles[3..].to_vec();
    rest[1] = change.article;
    assert_eq!(shown, rest);
    assert_eq!(list_of(store, owner, 1).await.items, vec![newer]);
}

pub async fn refuses_foreign_cursors(store: &dyn ArticleStore) {
    let page = PageRequest {
        limit: 10,
        cursor: Some("; DELETE article".to_owned()),
    };
    let refused = store
        .list_articles(ArticleFilter::default(), page.clone())
        .await;
    assert_code(refused, &codes::INVALID_INPUT);
    let refused = store.revisions(ArticleId::new(), page).await;
    assert_code(refused, &codes::INVALID_INPUT);
}

pub async fn stamps_see_everything(store: &dyn ArticleStore) {
    let owner = UserId::new();
    let start = store.now().await.unwrap();
    let articles: Vec<Article> = (0..5).map(|_| sample::article(owner)).collect();
    for article in &articles {
        store
            .create_article(sample::creation(article))
            .await
            .unwrap();
    }
    let retitling = sample::retitling(&articles[0], "Again");
    store.update_article(retitling).await.unwrap();
    store
        .delete_article(sample::deletion(&articles[1]))
        .await
        .unwrap();

    let mut walked = Vec::new();
    let mut after = None;
    loop {
        let part = store.stamps(after, 3).await.unwrap();
        assert!(part.len() <= 3);
        let Some(last) = part.last() else { break };
        after = Some(last.id);
        walked.extend(part);
    }
    assert!(walked.is_sorted_by(|a, b| a.id < b.id));
    let expected: BTreeMap<ArticleId, (u64, bool)> = articles
        .iter()
        .enumerate()
        .map(|(place, article)| {
            let state = match place {
                0 => (2, false),
                1 => (2, true),
                _ => (1, false),
            };
            (article.id, state)
        })
        .collect();
    assert_eq!(states_of(&walked, &expected), expected);

    let changed = store.changed_articles(Span::since(start)).await.unwrap();
    assert!(changed.is_sorted_by_key(|stamp| stamp.changed_at));
    assert_eq!(states_of(&changed, &expected), expected);
    let end = store.now().await.unwrap();
    assert!(
        changed
            .iter()
            .all(|it| start <= it.changed_at && it.changed_at <= end)
    );
    let later = end + Duration::from_secs(60);
    assert_eq!(
        store.changed_articles(Span::since(later)).await.unwrap(),
        vec![]
    );
    // The bounds themselves belong to it.
    for stamp in &changed {
        let span = Span {
            since: start,
            until: Some(stamp.changed_at),
        };
        let mut until = changed.clone();
        until.retain(|it| span.holds(it.changed_at));
        assert_eq!(
            store.changed_articles(span).await.unwrap().len(),
            until.len()
        );
    }
    let newest = changed.last().unwrap().changed_at;
    assert!(
        !store
            .changed_articles(Span::since(newest))
            .await
            .unwrap()
            .is_empty()
    );
}

/// A follower that reads with an overlap sees the last revision of every article that concurrent writers left.
pub async fn followers_miss_nothing(store: &dyn ArticleStore) {
    const OVERLAP: Duration = Duration::from_secs(30);
    let owner = UserId::new();
    let mut seen: BTreeMap<ArticleId, u64> = BTreeMap::new();
    let mut since = store.now().await.unwrap() - OVERLAP;
    let writers = join_all((0..CROWD).map(|_| async move {
        let mut ids = Vec::new();
        for _ in 0..3 {
            let article = sample::article(owner);
            store
                .create_article(sample::creation(&article))
                .await
                .unwrap();
            let update = sample::retitling(&article, "Twice");
            store.update_article(update).await.unwrap();
            ids.push(article.id);
        }
        ids
    }));
    let mut writers = std::pin::pin!(writers);
    let written = loop {
        let read = store.changed_articles(Span::since(since));
        let (finished, stamps) = join(futures::future::poll_immediate(&mut writers), read).await;
        for stamp in stamps.unwrap() {
            since = since.max(stamp.changed_at - OVERLAP);
            let newest = seen.entry(stamp.id).or_default();
            *newest = stamp.revision.max(*newest);
        }
        if let Some(ids) = finished {
            break ids;
        }
        tokio::task::yield_now().await;
    };
    for stamp in store.changed_articles(Span::since(since)).await.unwrap() {
        let newest = seen.entry(stamp.id).or_default();
        *newest = stamp.revision.max(*newest);
    }
    for id in written.into_iter().flatten() {
        assert_eq!(seen.get(&id), Some(&2), "{id} was missed");
    }
}

pub async fn nudges_on_every_write(store: &dyn ArticleStore) {
    let article = sample::article(UserId::new());
    let mut changes = store.changes();
    store
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    expect_nudge(&mut changes, "create").await;
    let update = sample::retitling(&article, "New");
    store.update_article(update.clone()).await.unwrap();
    expect_nudge(&mut changes, "update").await;
    let deletion = sample::deletion(&update.article);
    store.delete_article(deletion).await.unwrap();
    expect_nudge(&mut changes, "delete").await;
}

/// Waits for one nudge; the limit is for the failing case alone.
pub(super) async fn expect_nudge(changes: &mut inkstone_domain::ports::ChangeSignal, cause: &str) {
    let nudge = timeout(Duration::from_secs(20), changes.next()).await;
    assert_eq!(nudge, Ok(Some(())), "no nudge after {cause}");
}

async fn list_of(store: &dyn ArticleStore, owner: UserId, limit: usize) -> Page<Article> {
    let filter = ArticleFilter {
        owner: Some(owner),
        ..ArticleFilter::default()
    };
    let page = sample::first_page(limit);
    store.list_articles(filter, page).await.unwrap()
}

pub(super) async fn stamp_of(store: &dyn ArticleStore, id: ArticleId) -> ArticleStamp {
    let all = store.stamps(None, usize::MAX).await.unwrap();
    all.into_iter().find(|stamp| stamp.id == id).unwrap()
}

/// Revision and deletion by id, of those that are in `wanted`.
fn states_of<T>(
    stamps: &[ArticleStamp],
    wanted: &BTreeMap<ArticleId, T>,
) -> BTreeMap<ArticleId, (u64, bool)> {
    let known = stamps.iter().filter(|stamp| wanted.contains_key(&stamp.id));
    known
        .map(|stamp| (stamp.id, (stamp.revision, stamp.deleted)))
        .collect()
}

/// An id that sorts after `id`, whatever the clock says.
fn ulid_after(id: ArticleId) -> ulid::Ulid {
    ulid::Ulid::from(u128::from(id.0) + 1)
}
