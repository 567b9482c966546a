//! An index on a disk that fails for a while.
#![allow(clippy::unwrap_used)]

use std::io;
use std::path::Path;
use std::sync::Arc;

use inkstone_domain::ids::UserId;
use inkstone_testkit::sample;
use tantivy::directory::error::{DeleteError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, FileHandle, RamDirectory, WatchCallback, WatchHandle, WritePtr,
};

use super::*;

/// Opens no file for writing while it is full.
#[derive(Clone, Debug, Default)]
struct FullDisk {
    files: RamDirectory,
    is_full: Arc<AtomicBool>,
}

impl Directory for FullDisk {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.files.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.files.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.files.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        // Locks are files, too, and nothing is wrong with them.
        let is_lock = path.extension().is_some_and(|end| end == "lock");
        if self.is_full.load(Ordering::SeqCst) && !is_lock {
            let error = io::Error::from(io::ErrorKind::StorageFull);
            return Err(OpenWriteError::wrap_io_error(error, path.to_owned()));
        }
        self.files.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.files.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.files.atomic_write(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.files.sync_directory()
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.files.watch(callback)
    }
}

fn document(title: &str) -> Document {
    let mut article = sample::article(UserId::new());
    article.text.title = title.to_owned();
    Document::from(article)
}

#[test]
fn what_a_full_disk_refused_is_taken_when_there_is_room_again() {
    let disk = FullDisk::default();
    let (schema, fields) = schema::build();
    let builder = Index::builder().schema(schema);
    let index = builder.open_or_create(disk.clone()).unwrap();
    let opened = Opened::of(&SearchConfig::default(), None, index, fields).unwrap();
    let now = Utc::now();
    let (first, second) = (document("first"), document("second"));
    opened
        .commit(std::slice::from_ref(&first), &[], now)
        .unwrap();

    disk.is_full.store(true, Ordering::SeqCst);
    let both = [first, second];
    for _ in 0..3 {
        assert!(opened.commit(&both, &[], now).is_err());
        assert_eq!(opened.reader.searcher().num_docs(), 1, "as it was");
    }
    assert!(!opened.is_damaged());

    disk.is_full.store(false, Ordering::SeqCst);
    opened.commit(&both, &[], now).unwrap();
    assert_eq!(opened.reader.searcher().num_docs(), 2);
}
