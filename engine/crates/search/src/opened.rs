//! One index on disk or in memory, open: where it lies, its reader and its writer. Which of the folders is
//! the one that counts stands in a file beside them, so that a new one takes over in one step.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use inkstone_domain::search::{Document, DocumentId};
use tantivy::directory::MmapDirectory;
use tantivy::indexer::IndexWriterOptions;
use tantivy::{Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Term};

use crate::error::SearchError;
use crate::index::SearchConfig;
use crate::merges::Merges;
use crate::schema::{self, Fields};

/// Names the folder that counts.
const CURRENT: &str = "current";

/// Texts are stored in blocks of this size, and each hit of a page has its block unpacked; bytes.
const STORED_TOGETHER: usize = 4_096;

pub(crate) struct Opened {
    /// Where it lies; nowhere in memory.
    pub dir: Option<PathBuf>,
    pub fields: Fields,
    pub index: Index,
    pub reader: IndexReader,
    /// Made by the first that writes. One that failed is let go with all that was not committed: its threads may be gone,
    /// and it would take deletions and lose additions. Locked on blocking threads only.
    writer: Mutex<Option<IndexWriter>>,
    writer_memory_bytes: usize,
    /// Something was committed, with its checkpoint.
    is_filled: AtomicBool,
}

impl Opened {
    /// The index that counts, or a new one where there is none, or where it is damaged or of another
    /// version.
    pub(crate) fn current(config: &SearchConfig) -> Result<Self, SearchError> {
        let Some(dir) = &config.dir else {
            return Self::in_memory(config);
        };
        std::fs::create_dir_all(dir)?;
        let current = std::fs::read_to_string(dir.join(CURRENT)).unwrap_or_default();
        let name = current.trim();
        if name.starts_with(&prefix()) && dir.join(name).is_dir() {
            match Self::in_folder(config, &dir.join(name)) {
                Ok(opened) => {
                    opened.count_alone()?;
                    return Ok(opened);
                }
                Err(error) => {
                    tracing::warn!(dir = %dir.display(), %error, "the search index is damaged and is rebuilt");
                }
            }
        }
        let opened = Self::fresh(config)?;
        opened.count_alone()?;
        Ok(opened)
    }

    /// An empty one, which does not count yet.
    pub(crate) fn fresh(config: &SearchConfig) -> Result<Self, SearchError> {
        let Some(dir) = &config.dir else {
            return Self::in_memory(config);
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let mut number = since.map_or(0, |since| since.as_millis());
        let mut folder = dir.join(format!("{}{number}", prefix()));
        while folder.exists() {
            number += 1;
            folder = dir.join(format!("{}{number}", prefix()));
        }
        std::fs::create_dir_all(&folder)?;
        Self::in_folder(config, &folder)
    }

    fn in_memory(config: &SearchConfig) -> Result<Self, SearchError> {
        let (schema, fields) = schema::build();
        Self::of(config, None, Index::create_in_ram(schema), fields)
    }

    fn in_folder(config: &SearchConfig, folder: &Path) -> Result<Self, SearchError> {
        let (schema, fields) = schema::build();
        let directory = MmapDirectory::open(folder).map_err(tantivy::TantivyError::from)?;
        let settings = IndexSettings {
            docstore_blocksize: STORED_TOGETHER,
            ..IndexSettings::default()
        };
        let builder = Index::builder().schema(schema).settings(settings);
        let index = builder.open_or_create(directory)?;
        let damaged = index.validate_checksum()?;
        if damaged.is_empty() {
            return Self::of(config, Some(folder.to_owned()), index, fields);
        }
        let names = damaged.iter().map(|path| path.display().to_string());
        let names: Vec<String> = names.collect();
        let error = std::io::Error::new(std::io::ErrorKind::InvalidData, names.join(", "));
        Err(SearchError::Folder(error))
    }

    fn of(
        config: &SearchConfig,
        dir: Option<PathBuf>,
        index: Index,
        fields: Fields,
    ) -> Result<Self, SearchError> {
        index
            .tokenizers()
            .register(schema::TEXT, crate::text::reader());
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        let opened = Self {
            dir,
            fields,
            index,
            reader,
            writer: Mutex::new(None),
            writer_memory_bytes: config.writer_memory_bytes,
            is_filled: AtomicBool::new(false),
        };
        let is_filled = opened.checkpoint().is_some();
        opened.is_filled.store(is_filled, Ordering::Release);
        Ok(opened)
    }

    /// From now on this one counts, also after a restart. The folders of all others go.
    pub(crate) fn count_alone(&self) -> Result<(), SearchError> {
        let Some(folder) = &self.dir else {
            return Ok(());
        };
        let (Some(dir), Some(name)) = (folder.parent(), folder.file_name()) else {
            return Ok(());
        };
        let written = dir.join(format!("{CURRENT}.new"));
        std::fs::write(&written, name.as_encoded_bytes())?;
        std::fs::File::open(&written)?.sync_all()?;
        std::fs::rename(&written, dir.join(CURRENT))?;
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_name() != name && entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Whether what is in it is all there is, or was. A new one that nobody has filled is not.
    pub(crate) fn is_filled(&self) -> bool {
        self.is_filled.load(Ordering::Acquire)
    }

    /// Whether its files cannot be read, or are not as they were written. Blocking; reads them all.
    pub(crate) fn is_damaged(&self) -> bool {
        let files = self.index.validate_checksum();
        let reader = self.index.reader_builder();
        let reader = reader.reload_policy(ReloadPolicy::Manual).try_into();
        !files.is_ok_and(|damaged| damaged.is_empty()) || reader.is_err()
    }

    /// Of one that never counted and never will: its folder goes.
    pub(crate) fn remove(&self) {
        if let Some(folder) = &self.dir
            && let Err(error) = std::fs::remove_dir_all(folder)
        {
            // The next that counts clears it away.
            tracing::warn!(%error, "the folder of a search index cannot be removed");
        }
    }

    /// Replaces `changed`, drops `removed`, and commits both together with the checkpoint: index
    /// and checkpoint cannot disagree. Blocking.
    pub(crate) fn commit(
        &self,
        changed: &[Document],
        removed: &[DocumentId],
        checkpoint: DateTime<Utc>,
    ) -> Result<(), SearchError> {
        self.write(|writer| {
            for id in changed.iter().map(|document| &document.id).chain(removed) {
                writer.delete_term(Term::from_field_text(self.fields.id, &id.to_string()));
            }
            for document in changed {
                writer.add_document(self.fields.document(document))?;
            }
            let mut commit = writer.prepare_commit()?;
            commit.set_payload(&checkpoint.to_rfc3339());
            commit.commit()?;
            Ok(())
        })?;
        self.reader.reload()?;
        self.is_filled.store(true, Ordering::Release);
        Ok(())
    }

    /// Drops all that is in it and all that was added. Blocking.
    pub(crate) fn clear(&self) -> Result<(), SearchError> {
        self.write(|writer| {
            writer.delete_all_documents()?;
            Ok(())
        })
    }

    /// Adds documents that are not in it, to be seen with the next commit. Blocking.
    pub(crate) fn add(&self, documents: &[Document]) -> Result<(), SearchError> {
        self.write(|writer| {
            for document in documents {
                writer.add_document(self.fields.document(document))?;
            }
            Ok(())
        })
    }

    fn write(
        &self,
        work: impl FnOnce(&mut IndexWriter) -> Result<(), SearchError>,
    ) -> Result<(), SearchError> {
        let mut slot = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken out, so that neither an error nor a panic leaves it there.
        let mut writer = match slot.take() {
            Some(writer) => writer,
            None => self.new_writer()?,
        };
        work(&mut writer)?;
        *slot = Some(writer);
        Ok(())
    }

    /// What was added with the one before, and not committed, is in none.
    fn new_writer(&self) -> Result<IndexWriter, SearchError> {
        // Merges have a thread of their own, and only one, so that they do not crowd out queries.
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(self.writer_memory_bytes)
            .build();
        let writer = self.index.writer_with_options(options)?;
        writer.set_merge_policy(Box::<Merges>::default());
        Ok(writer)
    }

    /// The checkpoint of the last commit.
    pub(crate) fn checkpoint(&self) -> Option<DateTime<Utc>> {
        let payload = self.index.load_metas().ok()?.payload?;
        let time = DateTime::parse_from_rfc3339(&payload).ok()?;
        Some(time.with_timezone(&Utc))
    }
}

/// Of the names of folders of this version.
fn prefix() -> String {
    format!("v{}-", schema::VERSION)
}

#[cfg(test)]
mod tests;
