//! The suite of [`PublicationStore`].

use std::time::Duration;

use chrono::TimeDelta;
use futures::future::join_all;
use inkstone_domain::content::Publication;
use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::ports::PublicationStore;

use super::CROWD;
use crate::sample;

const LEASE: Duration = Duration::from_secs(60);

/// Nothing on the agenda may be due.
pub async fn run(store: &dyn PublicationStore) {
    let now = sample::now();
    let first = Publication {
        article: ArticleId::new(),
        at: now + TimeDelta::hours(1),
        by: UserId::new(),
    };
    let second = Publication {
        article: ArticleId::new(),
        at: now + TimeDelta::hours(2),
        ..first.clone()
    };
    for publication in [&second, &first] {
        store.put_publication(publication).await.unwrap();
    }
    let stored = store.publication(first.article).await.unwrap();
    assert_eq!(stored, Some(first.clone()));
    assert_eq!(store.claim_publication(LEASE, now).await.unwrap(), None);

    // One hand at a time, and the first that is due.
    let then = second.at;
    let claims = join_all((0..CROWD).map(|_| store.claim_publication(LEASE, then))).await;
    let claims: Vec<_> = claims.into_iter().filter_map(|it| it.unwrap()).collect();
    let claimed: Vec<_> = claims.iter().map(|it| it.publication.clone()).collect();
    assert_eq!(claimed.len(), 2);
    assert!(claimed.contains(&first) && claimed.contains(&second));
    let of = |one: &Publication| claims.iter().find(|it| it.publication == *one).unwrap();
    let stalled = of(&first);

    // What stands there already does not change by being put again.
    store.put_publication(&first).await.unwrap();
    assert_eq!(store.claim_publication(LEASE, then).await.unwrap(), None);
    // A lease that ran out.
    let later = then + LEASE * 2;
    store.settle_publication(of(&second)).await.unwrap();
    assert_eq!(store.publication(second.article).await.unwrap(), None);
    let again = store.claim_publication(LEASE, later).await.unwrap();
    let again = again.unwrap();
    assert_eq!(again.publication, first);
    store.settle_publication(stalled).await.unwrap();
    assert!(store.publication(first.article).await.unwrap().is_some());

    // To another time: the claim before is lost.
    let moved = Publication {
        at: later + TimeDelta::hours(1),
        ..first.clone()
    };
    store.put_publication(&moved).await.unwrap();
    store.settle_publication(&again).await.unwrap();
    assert_eq!(
        store.publication(first.article).await.unwrap(),
        Some(moved.clone())
    );
    assert_eq!(store.claim_publication(LEASE, later).await.unwrap(), None);
    let claimed = store.claim_publication(LEASE, moved.at).await.unwrap();
    let claimed = claimed.unwrap();
    assert_eq!((&claimed.publication, claimed.due_at), (&moved, moved.at));

    // Put off, by who has it alone.
    let until = moved.at + TimeDelta::hours(1);
    let almost = until - TimeDelta::milliseconds(1);
    store.postpone_publication(&again, until).await.unwrap();
    let retaken = store.claim_publication(LEASE, almost).await.unwrap();
    let retaken = retaken.unwrap();
    assert_eq!(retaken.due_at, moved.at + LEASE, "its lease ran out");
    store.postpone_publication(&retaken, until).await.unwrap();
    assert_eq!(store.claim_publication(LEASE, almost).await.unwrap(), None);
    let claimed = store.claim_publication(LEASE, until).await.unwrap();
    let claimed = claimed.unwrap();
    assert_eq!((&claimed.publication, claimed.due_at), (&moved, until));
    // Recalled, whoever has it; what is not on the agenda stays so.
    let late = until + TimeDelta::hours(1);
    let all = [first.article, second.article];
    store.recall_publications(&all).await.unwrap();
    store.postpone_publication(&claimed, late).await.unwrap();
    store.settle_publication(&claimed).await.unwrap();
    assert_eq!(store.publication(second.article).await.unwrap(), None);
    let recalled = store.claim_publication(LEASE, moved.at).await.unwrap();
    let recalled = recalled.unwrap();
    assert_eq!((&recalled.publication, recalled.due_at), (&moved, moved.at));
    assert_eq!(
        store.claim_publication(LEASE, moved.at).await.unwrap(),
        None
    );
    store.postpone_publication(&recalled, late).await.unwrap();
    store.recall_publications(&[]).await.unwrap();
    assert_eq!(store.claim_publication(LEASE, almost).await.unwrap(), None);
    store.drop_publication(first.article).await.unwrap();
    store.drop_publication(first.article).await.unwrap();
    let far = moved.at + TimeDelta::days(1);
    assert_eq!(store.claim_publication(LEASE, far).await.unwrap(), None);
}
