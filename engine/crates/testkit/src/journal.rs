//! A usage journal in memory. Clones share one, as a process and its successor share a folder.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use inkstone_domain::ports::UsageJournal;
use inkstone_domain::usage::UsageRecord;

#[derive(Clone, Default)]
pub struct MemUsageJournal(Arc<Mutex<VecDeque<UsageRecord>>>);

impl MemUsageJournal {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<UsageRecord>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UsageJournal for MemUsageJournal {
    fn note(&self, record: &UsageRecord) {
        self.waiting().push_back(record.clone());
    }

    fn settled(&self, count: usize) {
        let mut waiting = self.waiting();
        let count = count.min(waiting.len());
        waiting.drain(..count);
    }

    fn left_over(&self) -> Vec<UsageRecord> {
        self.waiting().iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    #[test]
    fn it_keeps_the_contract() {
        let shared = MemUsageJournal::default();
        contract::journal::run(|| shared.clone());
        contract::journal::stays_small(&shared, || shared.waiting().len() as u64);
    }
}
