//! The suite of [`EventLog`]. That changes and their events are written together is checked by the
//! suites of the stores that write them.

use chrono::{TimeDelta, Utc};
use futures::StreamExt;
use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::event::{Event, EventBody, Scope};
use inkstone_domain::ids::{EventId, JobId, UserId};
use inkstone_domain::ports::{ArticleStore, EventLog};

pub mod tells;

use super::{CROWD, assert_code};
use crate::sample;

pub async fn run(log: &dyn EventLog, articles: &dyn ArticleStore) {
    gives_all_in_order(log, articles).await;
    numbers_each_once_in_a_crowd(log, articles).await;
    keeps_the_order_of_one_thing(log, articles).await;
    nudges_and_appends(log).await;
    forgets_what_is_old(log).await;
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

/// Writers and those who give numbers meet; whoever reads by numbers meanwhile misses nothing.
pub async fn numbers_each_once_in_a_crowd(log: &dyn EventLog, articles: &dyn ArticleStore) {
    let begin = number_all(log).await;
    let writes: Vec<_> = (0..CROWD * 3)
        .map(|_| sample::creation(&sample::article(UserId::new())))
        .collect();
    let writing = join_all(writes.iter().map(|write| async {
        articles.create_article(write.clone()).await.unwrap();
        log.number_events(2).await.unwrap();
    }));
    let reading = async {
        let mut seen = Vec::new();
        let mut last = begin;
        while seen.len() < writes.len() {
            log.number_events(3).await.unwrap();
            for told in log.told_after(last, 4).await.unwrap() {
                assert_eq!(told.number, last + 1);
                last = told.number;
                seen.push(told);
            }
            tokio::task::yield_now().await;
        }
        seen
    };
    let (_, seen) = futures::join!(writing, reading);
    for write in &writes {
        let of = seen.iter().filter(|told| told.event == write.event);
        let of: Vec<_> = of.collect();
        assert_eq!(of.len(), 1);
        assert_eq!(of[0].scope, Scope::of_article(&write.article));
        let number = log.event_number(write.event.id).await.unwrap();
        assert_eq!(number, Some(of[0].number));
    }
    assert_eq!(log.event_number(EventId::new()).await.unwrap(), None);
    let end = number_all(log).await;
    assert!(log.told_after(end, 9).await.unwrap().is_empty());
    assert!(log.told_after(u64::MAX, 9).await.unwrap().is_empty());
}

pub async fn keeps_the_order_of_one_thing(log: &dyn EventLog, articles: &dyn ArticleStore) {
    let begin = number_all(log).await;
    let mut article = sample::article(UserId::new());
    let mut expected = Vec::new();
    let creation = sample::creation(&article);
    expected.push(creation.event.clone());
    articles.create_article(creation).await.unwrap();
    for _ in 0..CROWD {
        let update = sample::retitling(&article, "again");
        article = update.article.clone();
        expected.push(update.event.clone());
        articles.update_article(update).await.unwrap();
    }
    number_all(log).await;
    let told = log.told_after(begin, 100).await.unwrap();
    let own = told.into_iter().map(|told| told.event);
    let own = own.filter(|event| event.body.aggregate().id == article.id.to_string());
    assert_eq!(own.collect::<Vec<_>>(), expected);
}

pub async fn nudges_and_appends(log: &dyn EventLog) {
    let mut nudges = log.tellings();
    let event = queued().within(Scope::default());
    log.append_event(&event).await.unwrap();
    assert_eq!(nudges.next().await, Some(()));
    let again = log.append_event(&event).await;
    assert_code(again, &codes::ALREADY_EXISTS);
    let end = number_all(log).await;
    let told = log.told_after(end - 1, 1).await.unwrap();
    assert_eq!((told[0].number, &told[0].event), (end, &event.event));
    assert_eq!(told[0].scope, event.scope);
}

pub async fn forgets_what_is_old(log: &dyn EventLog) {
    let begin = number_all(log).await;
    for _ in 0..3 {
        let event = queued().within(Scope::default());
        log.append_event(&event).await.unwrap();
    }
    let end = number_all(log).await;
    assert_eq!(end, begin + 3);
    let future = Utc::now() + TimeDelta::days(9_000);
    assert_eq!(log.number_before(future).await.unwrap(), end);
    let past = "1971-01-01T00:00:00Z".parse().unwrap();
    let first = log.number_before(past).await.unwrap();
    let oldest = log.told_after(first, 1).await.unwrap();
    assert_eq!(oldest[0].number, first + 1);

    assert_eq!(log.forget_events(past, end, 9).await.unwrap(), 0);
    let all_before = begin + 1 - first;
    let mut gone = 0;
    while gone < all_before {
        gone += log.forget_events(future, begin + 1, 7).await.unwrap();
    }
    assert_eq!(gone, all_before);
    assert_eq!(log.forget_events(future, begin + 1, 7).await.unwrap(), 0);
    let left = log.told_after(0, 9).await.unwrap();
    let left: Vec<u64> = left.iter().map(|told| told.number).collect();
    assert_eq!(left, [begin + 2, begin + 3]);
    assert_eq!(log.number_events(9).await.unwrap(), end);
}

fn queued() -> Event {
    let body = EventBody::JobQueued {
        job: JobId::new(),
        kind: "work".to_owned(),
    };
    sample::event(UserId::new(), body)
}

/// The highest number once all have one.
pub(super) async fn number_all(log: &dyn EventLog) -> u64 {
    let mut highest = 0;
    loop {
        let next = log.number_events(100).await.unwrap();
        if next == highest {
            return highest;
        }
        highest = next;
    }
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
