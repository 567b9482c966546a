//! The suite of [`UsageJournal`]. `reopen` gives the journal as the next process finds it.

use inkstone_domain::ids::UserId;
use inkstone_domain::ports::UsageJournal;
use inkstone_domain::usage::UsageRecord;

use crate::sample;

pub fn run<J: UsageJournal>(reopen: impl Fn() -> J) {
    let user = UserId::new();
    let records: Vec<UsageRecord> = (0..5).map(|_| sample::usage_record(user)).collect();
    let journal = reopen();
    assert!(journal.left_over().is_empty());
    for record in &records {
        journal.note(record);
    }
    drop(journal);
    let next = reopen();
    assert_eq!(next.left_over(), records);
    // More than was noted does no harm: a ledger passes over what it has.
    next.settled(100);
}

/// What was settled long ago is not left over for ever: a journal does not grow with the ledger.
pub fn stays_small<J: UsageJournal>(journal: &J, size_bytes: impl Fn() -> u64) {
    let record = sample::usage_record(UserId::new());
    for _ in 0..200 {
        for _ in 0..256 {
            journal.note(&record);
        }
        journal.settled(256);
    }
    let size = size_bytes();
    assert!(size < 16 << 20, "{size} bytes");
}
