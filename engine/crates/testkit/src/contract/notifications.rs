//! The suite of [`NotificationStore`].

use std::time::Duration;

use chrono::{SubsecRound, TimeDelta};
use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::ids::{ArticleId, CommentId, NotificationId, SavedSearchId, UserId};
use inkstone_domain::notification::{
    About, Digest, DigestPeriod, Notification, NotificationFilter, NotificationKind,
    NotificationSettings,
};
use inkstone_domain::ports::NotificationStore;
use inkstone_domain::search::DocumentId;

use super::{CROWD, assert_code};
use crate::sample::{self, notification};

const LEASE: Duration = Duration::from_secs(60);

/// No digest of the store may be due.
pub async fn run(store: &dyn NotificationStore) {
    people_are_told_once_and_have_their_own(store).await;
    what_is_read_stays_read(store).await;
    what_a_search_finds_is_told_once(store).await;
    old_ones_are_forgotten(store).await;
    settings_are_replaced_in_turn(store).await;
    a_digest_is_due_at_its_time(store).await;
    one_hand_at_a_time_has_a_digest(store).await;
}

async fn people_are_told_once_and_have_their_own(store: &dyn NotificationStore) {
    let (ada, bob) = (UserId::new(), UserId::new());
    let comment = About {
        article: Some(ArticleId::new()),
        comment: Some(CommentId::new()),
        ..About::default()
    };
    let first = Notification {
        about: comment,
        ..notification(ada)
    };
    let second = notification(ada);
    let of_bob = Notification {
        about: comment,
        project: None,
        ..notification(bob)
    };
    let all = [first.clone(), second.clone(), of_bob.clone()];
    store.put_notifications(&all).await.unwrap();
    // Under another id, of another event, but of the same comment; and all of them again, by many.
    let again = Notification {
        about: comment,
        ..notification(ada)
    };
    let puts = (0..CROWD).map(|_| async {
        store.put_notifications(&all).await.unwrap();
        store
            .put_notifications(std::slice::from_ref(&again))
            .await
            .unwrap();
    });
    join_all(puts).await;

    let listed = list(store, ada, NotificationFilter::All).await;
    assert_eq!(listed, [second.clone(), first.clone()]);
    let listed = list(store, bob, NotificationFilter::All).await;
    assert_eq!(listed, [of_bob]);
    let own = store.notification(ada, first.id).await.unwrap();
    assert_eq!(own, Some(first.clone()));
    assert_eq!(store.notification(bob, first.id).await.unwrap(), None);
    assert_eq!(store.notification(ada, again.id).await.unwrap(), None);

    let all = NotificationFilter::All;
    let mut page = sample::first_page(1);
    let newest = store.list_notifications(ada, all, page.clone()).await;
    let newest = newest.unwrap();
    assert_eq!(newest.items, [second]);
    page.cursor = newest.next_cursor;
    let rest = store.list_notifications(ada, all, page).await.unwrap();
    assert_eq!((rest.items, rest.next_cursor), (vec![first], None));
}

async fn what_is_read_stays_read(store: &dyn NotificationStore) {
    let (ada, bob) = (UserId::new(), UserId::new());
    let all: Vec<_> = (0..4).map(|_| notification(ada)).collect();
    store.put_notifications(&all).await.unwrap();
    store.put_notifications(&[notification(bob)]).await.unwrap();
    assert_eq!(store.count_unread(ada).await.unwrap(), 4);
    assert_eq!(store.count_unread(UserId::new()).await.unwrap(), 0);
    let now = sample::now();
    let read = store.mark_notification(ada, all[0].id, Some(now)).await;
    assert_eq!(read.unwrap().read_at, Some(now));
    let later = now + TimeDelta::hours(1);
    let read = store.mark_notification(ada, all[0].id, Some(later)).await;
    assert_eq!(read.unwrap().read_at, Some(now));
    let unread = list(store, ada, NotificationFilter::Unread).await;
    assert_eq!(unread.len(), 3);
    let again = store.mark_notification(ada, all[0].id, None).await;
    assert_eq!(again.unwrap().read_at, None);
    assert_eq!(store.count_unread(ada).await.unwrap(), 4);
    for (user, id) in [(bob, all[0].id), (ada, NotificationId::new())] {
        let refused = store.mark_notification(user, id, Some(now)).await;
        assert_code(refused, &codes::NOT_FOUND);
    }

    let marked = store.mark_all_read(ada, Some(all[1].id), now).await;
    assert_eq!(marked.unwrap(), 2);
    let unread = list(store, ada, NotificationFilter::Unread).await;
    assert_eq!(unread, [all[3].clone(), all[2].clone()]);
    assert_eq!(store.mark_all_read(ada, None, later).await.unwrap(), 2);
    assert_eq!(store.mark_all_read(ada, None, later).await.unwrap(), 0);
    let read = store.notification(ada, all[0].id).await.unwrap().unwrap();
    assert_eq!(read.read_at, Some(now));
    assert_eq!(store.count_unread(bob).await.unwrap(), 1);
}

async fn old_ones_are_forgotten(store: &dyn NotificationStore) {
    let ada = UserId::new();
    let long_ago = sample::now() - TimeDelta::days(20_000);
    let old = |_| Notification {
        created_at: long_ago,
        ..notification(ada)
    };
    let old: Vec<_> = (0..3).map(old).collect();
    store.put_notifications(&old).await.unwrap();
    let new = notification(ada);
    store
        .put_notifications(std::slice::from_ref(&new))
        .await
        .unwrap();
    let before = long_ago + TimeDelta::days(1);
    assert_eq!(store.forget_notifications(before, 2).await.unwrap(), 2);
    assert_eq!(store.forget_notifications(before, 2).await.unwrap(), 1);
    assert_eq!(store.forget_notifications(before, 2).await.unwrap(), 0);
    assert_eq!(list(store, ada, NotificationFilter::All).await, [new]);
}

async fn settings_are_replaced_in_turn(store: &dyn NotificationStore) {
    let (ada, bob) = (UserId::new(), UserId::new());
    assert_eq!(store.notification_settings(ada).await.unwrap(), None);
    let first = NotificationSettings {
        muted_kinds: [NotificationKind::JobSucceeded].into(),
        muted_projects: ["noise".to_owned()].into(),
        revision: 1,
        ..NotificationSettings::of(ada)
    };
    store.put_notification_settings(&first, None).await.unwrap();
    let stored = store.notification_settings(ada).await.unwrap();
    assert_eq!(stored, Some(first.clone()));
    let twice = store.put_notification_settings(&first, None).await;
    assert_code(twice, &codes::REVISION_MISMATCH);
    let next = NotificationSettings {
        muted_projects: Default::default(),
        revision: 2,
        ..first
    };
    store.put_notification_settings(&next, None).await.unwrap();
    let ahead = NotificationSettings {
        revision: 9,
        ..next.clone()
    };
    let ahead = store.put_notification_settings(&ahead, None).await;
    assert_code(ahead, &codes::REVISION_MISMATCH);
    let found = store.notification_settings_of(&[bob, ada]).await.unwrap();
    assert_eq!(found, [next]);
    assert_eq!(store.notification_settings_of(&[]).await.unwrap(), []);
}

/// At the whole second that people choose, and what comes later within it is not first.
async fn a_digest_is_due_at_its_time(store: &dyn NotificationStore) {
    let second = sample::now().trunc_subsecs(0) + TimeDelta::hours(1);
    let later = second + TimeDelta::milliseconds(500);
    let mut due = Vec::new();
    for at in [later, second] {
        let settings = NotificationSettings {
            digest: Some(Digest {
                period: DigestPeriod::Daily,
                hour: 7,
            }),
            revision: 1,
            ..NotificationSettings::of(UserId::new())
        };
        store
            .put_notification_settings(&settings, Some(at))
            .await
            .unwrap();
        due.push(settings);
    }
    let claim = async |at| {
        let claimed = store.claim_digest(LEASE, at).await.unwrap();
        claimed.map(|claimed| claimed.settings)
    };
    let early = second - TimeDelta::milliseconds(1);
    assert_eq!(claim(early).await, None);
    let soon = second + TimeDelta::milliseconds(250);
    assert_eq!(claim(soon).await.as_ref(), Some(&due[1]));
    assert_eq!(claim(soon).await, None);
    assert_eq!(claim(later).await.as_ref(), Some(&due[0]));
    // A lease ends at its time, too, and so does a wait after a settlement.
    let free = soon + LEASE;
    let held = store.claim_digest(LEASE, free).await.unwrap().unwrap();
    assert_eq!(held.settings, due[1]);
    let whole = free.trunc_subsecs(0) + TimeDelta::hours(1);
    store.settle_digest(&held, None, whole).await.unwrap();
    assert_eq!(claim(later + LEASE).await.as_ref(), Some(&due[0]));
    assert_eq!(claim(whole).await.as_ref(), Some(&due[0]));
    let soon = whole + TimeDelta::milliseconds(250);
    assert_eq!(claim(soon).await.as_ref(), Some(&due[1]));
    for settings in due {
        let ended = NotificationSettings {
            digest: None,
            revision: 2,
            ..settings
        };
        store.put_notification_settings(&ended, None).await.unwrap();
    }
}

async fn one_hand_at_a_time_has_a_digest(store: &dyn NotificationStore) {
    let ada = UserId::new();
    let now = sample::now();
    let settings = NotificationSettings {
        digest: Some(Digest {
            period: DigestPeriod::Weekly,
            hour: 23,
        }),
        revision: 1,
        ..NotificationSettings::of(ada)
    };
    let soon = now + TimeDelta::hours(1);
    store
        .put_notification_settings(&settings, Some(soon))
        .await
        .unwrap();
    assert_eq!(store.claim_digest(LEASE, now).await.unwrap(), None);
    let claims = join_all((0..CROWD).map(|_| store.claim_digest(LEASE, soon))).await;
    let claims: Vec<_> = claims.into_iter().filter_map(|it| it.unwrap()).collect();
    assert_eq!(claims.len(), 1);
    let stalled = &claims[0];
    assert_eq!((&stalled.settings, stalled.after), (&settings, None));

    // A lease that ran out.
    let then = soon + LEASE * 2;
    let other = store.claim_digest(LEASE, then).await.unwrap().unwrap();
    let next_at = then + TimeDelta::days(1);
    let newest = Some(NotificationId::new());
    let late = store.settle_digest(stalled, newest, next_at).await;
    assert_code(late, &codes::LEASE_LOST);
    store.settle_digest(&other, newest, next_at).await.unwrap();
    let twice = store.settle_digest(&other, newest, next_at).await;
    assert_code(twice, &codes::LEASE_LOST);
    assert_eq!(store.claim_digest(LEASE, then).await.unwrap(), None);

    // A change takes it out of the hands that have it, and forgets nothing of what was told.
    let held = store.claim_digest(LEASE, next_at).await.unwrap().unwrap();
    assert_eq!(held.after, newest);
    let changed = NotificationSettings {
        revision: 2,
        ..settings
    };
    store
        .put_notification_settings(&changed, Some(next_at))
        .await
        .unwrap();
    let late = store.settle_digest(&held, None, next_at).await;
    assert_code(late, &codes::LEASE_LOST);
    let held = store.claim_digest(LEASE, next_at).await.unwrap().unwrap();
    assert_eq!((held.after, held.settings.revision), (newest, 2));
    let ended = NotificationSettings {
        digest: None,
        revision: 3,
        ..changed
    };
    store.put_notification_settings(&ended, None).await.unwrap();
    let far = next_at + TimeDelta::days(400);
    assert_eq!(store.claim_digest(LEASE, far).await.unwrap(), None);
}

async fn list(
    store: &dyn NotificationStore,
    user: UserId,
    filter: NotificationFilter,
) -> Vec<Notification> {
    let page = sample::first_page(100);
    let listed = store.list_notifications(user, filter, page).await;
    listed.unwrap().items
}

async fn what_a_search_finds_is_told_once(store: &dyn NotificationStore) {
    let ada = UserId::new();
    let article = ArticleId::new();
    let about = About {
        article: Some(article),
        search: Some(SavedSearchId::new()),
        document: Some(DocumentId::Article(article)),
        ..About::default()
    };
    let found = |about| Notification {
        about,
        kind: NotificationKind::SearchMatched,
        ..notification(ada)
    };
    let first = found(about);
    let by_another = found(About {
        search: Some(SavedSearchId::new()),
        ..about
    });
    for told in [&first, &found(about), &by_another] {
        store
            .put_notifications(std::slice::from_ref(told))
            .await
            .unwrap();
    }
    let page = inkstone_domain::content::PageRequest {
        limit: 10,
        cursor: None,
    };
    let all = NotificationFilter::All;
    let listed = store.list_notifications(ada, all, page).await.unwrap();
    let mut listed = listed.items;
    listed.sort_by_key(|one| one.id);
    assert_eq!(listed, [first, by_another]);
}
