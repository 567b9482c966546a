//! What was spent and is not in the ledger yet, as lines of JSON in the data folder. A line that was
//! written outlives the process, not a loss of power; the ledger outlives both.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use inkstone_domain::ports::UsageJournal;
use inkstone_domain::usage::UsageRecord;

use crate::cli::Failure;

/// One file after the other: a new one is begun when one is this large, and one goes when all in it
/// is in the ledger.
const FILE_BYTES: u64 = 4 << 20;

/// A folder of its own.
pub(crate) struct FileUsageJournal {
    folder: PathBuf,
    left_over: Vec<UsageRecord>,
    /// Files of an engine before, gone once what is in them is settled.
    state: Mutex<State>,
}

struct State {
    /// Oldest first; the last is written to.
    files: VecDeque<Open>,
    next_number: u64,
}

struct Open {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// Records that are not in the ledger.
    waiting: usize,
}

impl FileUsageJournal {
    /// Reads what an engine before has left, and begins a new file.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, Failure> {
        let folder = data_dir.join("usage-journal");
        fs::create_dir_all(&folder)?;
        let mut old: Vec<PathBuf> = fs::read_dir(&folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        old.sort();
        let mut left_over = Vec::new();
        for path in &old {
            let text = fs::read_to_string(path)?;
            for line in text.lines() {
                match serde_json::from_str(line) {
                    Ok(record) => left_over.push(record),
                    // The last one, cut off with the process: its call was not settled.
                    Err(error) => {
                        tracing::warn!(%error, "a line of the usage journal cannot be read")
                    }
                }
            }
        }
        let next_number = old
            .iter()
            .filter_map(|path| number_of(path))
            .max()
            .unwrap_or(0)
            + 1;
        Ok(Self {
            folder,
            left_over,
            state: Mutex::new(State {
                files: VecDeque::new(),
                next_number,
            }),
        })
    }

    /// What an engine before has left is in the ledger now.
    pub(crate) fn forget_left_over(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let own: Vec<&PathBuf> = state.files.iter().map(|open| &open.path).collect();
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if !own.contains(&&path) {
                remove(&path);
            }
        }
    }
}

impl UsageJournal for FileUsageJournal {
    fn note(&self, record: &UsageRecord) {
        let mut line = match serde_json::to_vec(record) {
            Ok(line) => line,
            Err(error) => {
                return tracing::error!(%error, "a line of the usage journal cannot be made");
            }
        };
        line.push(b'\n');
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = state
            .files
            .back()
            .is_none_or(|open| open.bytes >= FILE_BYTES);
        if is_full && let Err(error) = state.begin(&self.folder) {
            return tracing::error!(%error, "the usage journal cannot be written");
        }
        if let Some(open) = state.files.back_mut() {
            open.waiting += 1;
            open.bytes += line.len() as u64;
            if let Err(error) = open.file.write_all(&line) {
                tracing::error!(%error, "the usage journal cannot be written");
            }
        }
    }

    fn settled(&self, count: usize) {
        let mut left = count;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let is_last = state.files.len() == 1;
            let Some(open) = state.files.front_mut() else {
                return;
            };
            let of_this = open.waiting.min(left);
            open.waiting -= of_this;
            left -= of_this;
            // What is settled in a small file is passed over by the ledger after a start.
            let is_kept = open.waiting > 0 || (is_last && open.bytes < FILE_BYTES / 4);
            if is_kept {
                return;
            }
            if let Some(open) = state.files.pop_front() {
                remove(&open.path);
            }
        }
    }

    fn left_over(&self) -> Vec<UsageRecord> {
        self.left_over.clone()
    }
}

impl State {
    fn begin(&mut self, folder: &Path) -> std::io::Result<()> {
        let path = folder.join(format!("{:016}.jsonl", self.next_number));
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)?;
        self.next_number += 1;
        self.files.push_back(Open {
            path,
            file,
            bytes: 0,
            waiting: 0,
        });
        Ok(())
    }
}

fn number_of(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.parse().ok()
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(%error, file = %path.display(), "a file of the usage journal cannot be removed");
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use inkstone_testkit::{contract, sample};

    use super::*;

    fn size_of(folder: &Path) -> u64 {
        let files = fs::read_dir(folder.join("usage-journal")).unwrap();
        files
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum()
    }

    #[test]
    fn it_keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        contract::journal::run(|| FileUsageJournal::open(folder.path()).unwrap());
        let journal = FileUsageJournal::open(folder.path()).unwrap();
        contract::journal::stays_small(&journal, || size_of(folder.path()));
    }

    #[test]
    fn a_line_that_was_cut_off_is_passed_over_and_what_is_settled_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let record = sample::usage_record(inkstone_domain::ids::UserId::new());
        let journal = FileUsageJournal::open(folder.path()).unwrap();
        journal.note(&record);
        drop(journal);
        let path = folder.path().join("usage-journal/0000000000000001.jsonl");
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"{\"id\":\"use_0").unwrap();
        let journal = FileUsageJournal::open(folder.path()).unwrap();
        assert_eq!(journal.left_over(), std::slice::from_ref(&record));
        journal.note(&record);
        journal.forget_left_over();
        let next = FileUsageJournal::open(folder.path()).unwrap();
        assert_eq!(next.left_over(), [record]);
    }
}
