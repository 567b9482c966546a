//! Lines for the log of a job: gathered while an attempt goes on, written with its heartbeat and at its end.
//! An attempt that has nothing to say writes nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use inkstone_domain::job::{KEPT_LOG_LINES, LogLine};
use inkstone_domain::ports::Clock;

/// What an attempt has to say.
pub(super) struct Notes {
    attempt: u32,
    clock: Arc<dyn Clock>,
    lines: Mutex<Vec<LogLine>>,
}

impl Notes {
    pub(super) fn new(attempt: u32, clock: Arc<dyn Clock>) -> Self {
        Self {
            attempt,
            clock,
            lines: Mutex::default(),
        }
    }

    pub(super) fn add(&self, message: &str) {
        let line = LogLine::new(self.clock.now(), self.attempt, message);
        let mut lines = self.lines();
        // More are not kept in the end.
        if lines.len() == KEPT_LOG_LINES {
            lines.remove(0);
        }
        lines.push(line);
    }

    /// What was not written yet.
    pub(super) fn take(&self) -> Vec<LogLine> {
        std::mem::take(&mut *self.lines())
    }

    /// What could not be written: before all that was said since.
    pub(super) fn put_back(&self, mut unwritten: Vec<LogLine>) {
        let mut lines = self.lines();
        unwritten.append(&mut lines);
        let surplus = unwritten.len().saturating_sub(KEPT_LOG_LINES);
        unwritten.drain(..surplus);
        *lines = unwritten;
    }

    fn lines(&self) -> MutexGuard<'_, Vec<LogLine>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
