//! A usage journal in memory. Clones share one, as a process and its successor share a folder.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use inkstone_domain::ports::UsageJournal;
use inkstone_domain::usage::UsageRecord;

#[derive(Clone, Default)]
pub struct MemUsageJournal(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    waiting: VecDeque<UsageRecord>,
    noted: usize,
}

impl MemUsageJournal {
    /// How many records were noted so far, settled or not.
    pub fn noted(&self) -> usize {
        self.state().noted
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UsageJournal for MemUsageJournal {
    fn note(&self, record: &UsageRecord) {
        let mut state = self.state();
        state.waiting.push_back(record.clone());
        state.noted += 1;
    }

    fn settled(&self, count: usize) {
        let waiting = &mut self.state().waiting;
        let count = count.min(waiting.len());
        waiting.drain(..count);
    }

    fn left_over(&self) -> Vec<UsageRecord> {
        self.state().waiting.iter().cloned().collect()
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
        contract::journal::stays_small(&shared, || shared.state().waiting.len() as u64);
    }
}
