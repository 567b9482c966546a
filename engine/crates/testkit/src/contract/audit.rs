//! The suite of [`AuditLog`], and what ports promise that take records along.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use inkstone_domain::audit::{AuditEntry, AuditFilter, AuditRecord, ChainCheck, Origin, Stage};
use inkstone_domain::codes;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::AuditLog;

use super::{CROWD, assert_code};
use crate::sample;

pub async fn run(log: &dyn AuditLog) {
    keeps_all_of_a_record(log).await;
    many_writers_make_one_chain(log).await;
    filters_and_pages(log).await;
}

/// A record with all that it can have.
fn full(actor: UserId, subject: &str) -> AuditRecord {
    let at: DateTime<Utc> = "2026-03-01T12:34:56.123456789Z".parse().unwrap();
    let mut record = AuditRecord::of_engine(at, "key.rotated", subject)
        .on_behalf_of(UserId::new())
        .with_detail("viewer → “owner”\n潮")
        .with_states(Some(&1.into()), Some(&"after".into()))
        .at_stage(Stage::Intended);
    record.actor = Some(actor);
    record.origin = Origin {
        address: Some("2001:db8::1".to_owned()),
        user_agent: Some("curl/8 'quoted' \\ back".to_owned()),
        request_id: Some("req-1".to_owned()),
    };
    record
}

pub async fn keeps_all_of_a_record(log: &dyn AuditLog) {
    let before = log.audit_head().await.unwrap();
    let (one, other) = (full(UserId::new(), "key:a"), sample::audit(UserId::new()));
    log.append_audit(&one).await.unwrap();
    log.append_audit(&other).await.unwrap();
    let filter = AuditFilter::default();
    let entries = log.audit_after(&filter, before.seq, 10).await.unwrap();
    let first = one.follow(&before);
    assert_eq!(entries[0], first, "what is read is what was hashed");
    assert_eq!(entries[1].record, other);
    assert_eq!(entries[1].previous, first.hash);
    let head = log.audit_head().await.unwrap();
    assert_eq!((head.seq, &head.hash), (before.seq + 2, &entries[1].hash));
}

pub async fn many_writers_make_one_chain(log: &dyn AuditLog) {
    let actor = UserId::new();
    let write = |number: usize| async move {
        for _ in 0..3 {
            let record = full(actor, &format!("key:{number}"));
            log.append_audit(&record).await.unwrap();
        }
    };
    join_all((0..CROWD).map(write)).await;
    let whole = whole_chain(log).await;
    let own = whole
        .iter()
        .filter(|entry| entry.record.actor == Some(actor));
    assert_eq!(own.count(), 3 * CROWD);
}

/// Reads all there is, in small steps, and checks it.
pub async fn whole_chain(log: &dyn AuditLog) -> Vec<AuditEntry> {
    let mut check = ChainCheck::default();
    let mut whole: Vec<AuditEntry> = Vec::new();
    loop {
        let after = whole.last().map_or(0, |last| last.seq);
        let next = log
            .audit_after(&AuditFilter::default(), after, 7)
            .await
            .unwrap();
        assert!(next.len() <= 7);
        for entry in &next {
            check.push(entry).unwrap();
        }
        if next.is_empty() {
            break;
        }
        whole.extend(next);
    }
    assert_eq!(log.audit_head().await.unwrap(), *check.head());
    whole
}

pub async fn filters_and_pages(log: &dyn AuditLog) {
    let (actor, other) = (UserId::new(), UserId::new());
    let start = sample::now();
    let mut written = Vec::new();
    for number in 0..5 {
        let mut record = sample::audit(if number == 3 { other } else { actor });
        record.at = start + TimeDelta::seconds(number);
        record.subject = format!("key:{actor}-{number}");
        if number == 1 {
            record.action = "key.revoked".to_owned();
        }
        log.append_audit(&record).await.unwrap();
        written.push(record);
    }
    let found = async |filter: AuditFilter| {
        let entries = log
            .list_audit(&filter, sample::first_page(100))
            .await
            .unwrap();
        let forward = log.audit_after(&filter, 0, 100).await.unwrap();
        let mut backward = entries.items.clone();
        backward.reverse();
        assert_eq!(forward, backward);
        let numbers = forward.iter().map(|entry| {
            let place = written.iter().position(|record| *record == entry.record);
            place.unwrap()
        });
        numbers.collect::<Vec<usize>>()
    };
    let of_actor = AuditFilter {
        actor: Some(actor),
        ..AuditFilter::default()
    };
    assert_eq!(found(of_actor.clone()).await, [0, 1, 2, 4]);
    let revoked = AuditFilter {
        action: Some("key.revoked".to_owned()),
        ..of_actor.clone()
    };
    assert_eq!(found(revoked).await, [1]);
    let of_subject = AuditFilter {
        subject: Some(format!("key:{actor}-3")),
        ..AuditFilter::default()
    };
    assert_eq!(found(of_subject).await, [3]);
    let between = AuditFilter {
        from: Some(start + TimeDelta::seconds(1)),
        to: Some(start + TimeDelta::seconds(4)),
        ..of_actor.clone()
    };
    assert_eq!(found(between).await, [1, 2]);

    let mut page = sample::first_page(3);
    let first = log.list_audit(&of_actor, page.clone()).await.unwrap();
    page.cursor = first.next_cursor.clone();
    // What is written meanwhile moves nothing.
    log.append_audit(&sample::audit(actor)).await.unwrap();
    let second = log.list_audit(&of_actor, page.clone()).await.unwrap();
    assert_eq!((first.items.len(), second.items.len()), (3, 1));
    assert_eq!(second.next_cursor, None);
    assert_eq!(second.items[0].record, written[0]);
    page.cursor = Some("nonsense".to_owned());
    assert_code(log.list_audit(&of_actor, page).await, &codes::INVALID_INPUT);
}
