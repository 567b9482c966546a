//! The suite of [`EventLog`]. That changes and their events are written together is checked by the
//! suites of the stores that write them.

use futures::future::join_all;
use inkstone_domain::event::Event;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{ArticleStore, EventLog};

use super::CROWD;
use crate::sample;

pub async fn run(log: &dyn EventLog, articles: &dyn ArticleStore) {
    gives_all_in_order(log, articles).await;
}

pub async fn gives_all_in_order(log: &dyn EventLog, articles: &dyn ArticleStore) {
    let writes: Vec<_> = (0..CROWD)
        .map(|_| sample::creation(&sample::article(UserId::new())))
        .collect();
    let stored = writes.iter().map(|it| articles.create_article(it.clone()));
    for result in join_all(stored).await {
        result.unwrap();
    }

    let events = all_events(log).await;
    assert!(events.is_sorted_by(|a, b| a.id < b.id));
    for write in &writes {
        assert!(events.contains(&write.event));
    }
    let [.., before_last, last] = events.as_slice() else {
        panic!("at least {CROWD} events were written");
    };
    let rest = log.events(Some(before_last.id), 10).await.unwrap();
    assert_eq!(rest, vec![last.clone()]);
    assert_eq!(log.events(Some(last.id), 10).await.unwrap(), vec![]);
    let first = log.events(None, 1).await.unwrap();
    assert_eq!(first, events[..1]);
}

/// The whole log, read in small steps.
pub(super) async fn all_events(log: &dyn EventLog) -> Vec<Event> {
    const STEP: usize = 25;
    let mut events: Vec<Event> = Vec::new();
    loop {
        let after = events.last().map(|event| event.id);
        let part = log.events(after, STEP).await.unwrap();
        assert!(part.len() <= STEP);
        let is_last = part.len() < STEP;
        events.extend(part);
        if is_last {
            return events;
        }
    }
}
