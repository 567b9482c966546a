//! What only a database on disk promises: data survives, one engine at a time, and migrations that
//! were applied are left alone.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use inkstone_domain::codes;
use inkstone_domain::event::EventBody;
use inkstone_domain::ids::UserId;
use inkstone_domain::job::JobLimits;
use inkstone_domain::ports::{ArticleStore, EventLog, JobStore, PluginKv, UserStore};
use inkstone_domain::principal::Role;
use inkstone_store::{StoreConfig, SurrealStore};
use inkstone_testkit::{run_on_deep_stack, sample};
use tempfile::TempDir;

struct Disk {
    folder: TempDir,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a folder").join("store")
    }

    fn config(&self) -> StoreConfig {
        StoreConfig {
            url: format!("surrealkv://{}", self.path().display()),
            database: "main".to_owned(),
            ..StoreConfig::default()
        }
    }

    async fn open(&self) -> SurrealStore {
        SurrealStore::connect(self.config()).await.unwrap()
    }
}

#[test]
fn data_survives_closing_and_opening() {
    run_on_deep_stack(async {
        let disk = Disk::new();
        let owner = UserId::new();
        let account = sample::account(Role::Admin);
        let article = sample::article(owner);
        let creation = sample::creation(&article);

        let store = disk.open().await;
        store.health().await.unwrap();
        let audit = sample::audit(owner);
        store.create_user(account.clone(), &audit).await.unwrap();
        store.create_article(creation.clone()).await.unwrap();
        store.put("plugin", "key", vec![7; 9], 100).await.unwrap();
        let job = store.submit(sample::job(owner)).await.unwrap();
        let lease = std::time::Duration::from_secs(30);
        let start = sample::now();
        let claimed = store
            .claim("a", lease, &JobLimits::default(), start)
            .await
            .unwrap()
            .unwrap();
        let checkpoint = sample::checkpoint(b"section 2");
        store
            .save_checkpoint(job.id, claimed.fence, &checkpoint)
            .await
            .unwrap();
        store.close().await.unwrap();

        for _ in 0..2 {
            let store = disk.open().await;
            let found = store.account_by_email(&account.user.email).await.unwrap();
            assert_eq!(found.map(|found| found.user), Some(account.user.clone()));
            assert_eq!(
                store.article(article.id).await.unwrap(),
                Some(article.clone())
            );
            let stamps = store.stamps(None, 10).await.unwrap();
            assert_eq!(stamps.len(), 1);
            let events = store.events(None, 10).await.unwrap();
            assert_eq!(events[0], creation.event);
            let queued = EventBody::JobQueued {
                job: job.id,
                kind: "generate".to_owned(),
            };
            assert_eq!(events[1].body, queued);
            assert_eq!(events.len(), 2);
            let value = store.get("plugin", "key").await.unwrap();
            assert_eq!(value, Some(vec![7; 9]));
            store.close().await.unwrap();
        }

        let store = disk.open().await;
        let limits = JobLimits::default();
        let resumed = store
            .claim("b", lease, &limits, start + lease)
            .await
            .unwrap();
        let resumed = resumed.unwrap();
        assert_eq!(resumed.job.id, job.id);
        assert_eq!(resumed.fence, claimed.fence + 1);
        assert_eq!(resumed.checkpoint, Some(checkpoint));
        let lost = store.release(job.id, claimed.fence).await.unwrap_err();
        assert_eq!(lost.code(), &codes::LEASE_LOST);
        store.close().await.unwrap();
    });
}

#[test]
fn a_second_engine_is_told_that_the_files_are_in_use() {
    run_on_deep_stack(async {
        let disk = Disk::new();
        let first = disk.open().await;
        let Err(refused) = SurrealStore::connect(disk.config()).await else {
            panic!("two engines must not open the same files");
        };
        assert_eq!(refused.code(), &codes::STORE_UNAVAILABLE);
        assert!(refused.message().contains("another engine"), "{refused}");
        first.health().await.unwrap();
        first.close().await.unwrap();
        disk.open().await.close().await.unwrap();
    });
}

#[test]
fn a_closed_store_says_so() {
    run_on_deep_stack(async {
        let disk = Disk::new();
        let store = disk.open().await;
        let clone = store.clone();
        store.close().await.unwrap();
        store.close().await.unwrap();
        assert_eq!(
            clone.health().await.unwrap_err().code(),
            &codes::STORE_UNAVAILABLE
        );
        let refused = clone.count_users().await.unwrap_err();
        assert_eq!(refused.code(), &codes::STORE_UNAVAILABLE);
    });
}

/// Writers on threads of their own: what one task after another would not show.
#[test]
fn parallel_writers_lose_nothing() {
    const WRITERS: usize = 16;
    const WRITES: usize = 5;
    run_on_deep_stack(async {
        let disk = Disk::new();
        let store = Arc::new(disk.open().await);
        let article = sample::article(UserId::new());
        let creation = sample::creation(&article);
        store.create_article(creation).await.unwrap();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let (store, id) = (Arc::clone(&store), article.id);
            writers.spawn(async move {
                for round in 0..WRITES {
                    // Read, change, write: until nobody was quicker.
                    loop {
                        let current = store.article(id).await.unwrap().unwrap();
                        let title = format!("{writer}/{round}");
                        let update = sample::retitling(&current, &title);
                        match store.update_article(update).await {
                            Ok(()) => break,
                            Err(error) => assert_eq!(error.code(), &codes::REVISION_MISMATCH),
                        }
                    }
                }
            });
        }
        while let Some(ended) = writers.join_next().await {
            ended.unwrap();
        }
        let stored = store.article(article.id).await.unwrap().unwrap();
        let expected = 1 + WRITERS * WRITES;
        assert_eq!(stored.revision, expected as u64);
        let events = store.events(None, 1000).await.unwrap();
        assert_eq!(events.len(), expected);
        store.close().await.unwrap();
    });
}

/// As a kill leaves them: the files of a database that nobody closed.
#[test]
fn what_was_acknowledged_while_it_was_flushed_is_in_the_files() {
    const WRITERS: usize = 8;
    const VALUES: usize = 300;
    run_on_deep_stack(async {
        let disk = Disk::new();
        let config = StoreConfig {
            flush_mib: 1,
            ..disk.config()
        };
        let store = SurrealStore::connect(config).await.unwrap();
        let value = |writer: usize, number: usize| vec![(writer + number) as u8; 3_000];
        let plugin_of = |writer: usize| format!("plugin-{writer}");
        let writers = (0..WRITERS).map(|writer| {
            let store = &store;
            async move {
                for number in 0..VALUES {
                    let key = format!("{writer} {number}");
                    let (plugin, value) = (plugin_of(writer), value(writer, number));
                    store.put(&plugin, &key, value, 1 << 30).await.unwrap();
                }
            }
        });
        futures::future::join_all(writers).await;
        let left = Disk::new();
        let copy = left.path();
        copy_folder(&disk.path(), &copy);
        let tables = std::fs::read_dir(copy.join("sstables")).unwrap();
        assert!(tables.count() > 1, "it was flushed more than once");
        let after = left.open().await;
        for writer in 0..WRITERS {
            for number in 0..VALUES {
                let key = format!("{writer} {number}");
                let found = after.get(&plugin_of(writer), &key).await.unwrap();
                assert_eq!(found, Some(value(writer, number)), "{key}");
            }
        }
        after.close().await.unwrap();
        store.close().await.unwrap();
    });
}

/// Half a record is at the end of the log, as a kill within a write leaves it, and half a repair beside it: what is written
/// after the start is not behind that.
#[test]
fn what_comes_after_half_a_record_in_the_log_is_kept() {
    /// Bytes that say how long a record is; with fewer, the log only ends early.
    const HEAD: usize = 7;
    run_on_deep_stack(async {
        let first = Disk::new();
        let store = first.open().await;
        let value = vec![1; 3_000];
        store
            .put("plugin", "before", value.clone(), 1 << 30)
            .await
            .unwrap();
        let log = std::fs::read(newest_log(&first.path())).unwrap();
        for half in [HEAD / 2, HEAD, HEAD + 30] {
            let killed = Disk::new();
            copy_folder(&first.path(), &killed.path());
            let mut torn = std::fs::OpenOptions::new();
            let mut torn = torn.append(true).open(newest_log(&killed.path())).unwrap();
            torn.write_all(&log[..half]).unwrap();
            let repair = killed.path().join("wal").join("repair_temp");
            std::fs::create_dir(&repair).unwrap();
            std::fs::write(repair.join(format!("{:020}.wal", 0)), &log[..log.len() - 1]).unwrap();
            let started = killed.open().await;
            let found = started.get("plugin", "before").await.unwrap();
            assert!(found.is_some(), "{half} bytes");
            started
                .put("plugin", "after", value.clone(), 1 << 30)
                .await
                .unwrap();
            let killed_again = Disk::new();
            copy_folder(&killed.path(), &killed_again.path());
            let again = killed_again.open().await;
            for key in ["before", "after"] {
                let found = again.get("plugin", key).await.unwrap();
                assert!(found.is_some(), "{key}, {half} bytes");
            }
            again.close().await.unwrap();
            started.close().await.unwrap();
        }
        store.close().await.unwrap();
    });
}

fn newest_log(database: &Path) -> PathBuf {
    let logs = std::fs::read_dir(database.join("wal")).unwrap();
    logs.map(|log| log.unwrap().path()).max().unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy_folder(&path, &place),
            false => drop(std::fs::copy(&path, &place).unwrap()),
        }
    }
}
