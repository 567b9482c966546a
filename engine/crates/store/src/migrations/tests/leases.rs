//! Engines that start at once, and one that stops in the middle.

use super::*;
use crate::migrations::lease::is_lost;

/// Engines that start together on one new database, and again on the finished one.
#[test]
fn each_is_applied_once() {
    inkstone_testkit::run_on_deep_stack(async {
        let store = bare_store().await;
        for _ in 0..2 {
            let (a, b, c) = tokio::join!(apply(&store), apply(&store), apply(&store));
            a.and(b).and(c).unwrap();
        }
        let applied = history(&store).await.unwrap();
        assert_eq!(applied.len(), MIGRATIONS.len());
        assert!(!lease::is_held(&store).await.unwrap());
    });
}

#[test]
fn one_has_the_lease_at_a_time() {
    inkstone_testkit::run_on_deep_stack(async {
        let store = bare_store().await;
        history(&store).await.unwrap();
        let first = Lease::take(&store).await.unwrap();
        assert!(lease::is_held(&store).await.unwrap());
        let waiting = tokio::spawn({
            let store = store.clone();
            async move { Lease::take(&store).await.unwrap().fence }
        });
        let fence = first.fence;
        first.give_back().await.unwrap();
        assert_eq!(waiting.await.unwrap(), fence + 1);
    });
}

/// An engine that was stopped for so long that others took it for gone.
#[test]
fn who_lost_the_lease_changes_nothing_more() {
    inkstone_testkit::run_on_deep_stack(async {
        let store = bare_store().await;
        history(&store).await.unwrap();
        let late = Lease::take(&store).await.unwrap();
        late.stop_renewing();
        let long_ago = "UPDATE migration_renewal:one SET at = time::now() - 1m RETURN NONE";
        let done = store.write::<Vec<MigrationRow>>(Statement::new(long_ago));
        done.await.unwrap();
        apply(&store).await.unwrap();

        let script = Script::forward(&MIGRATIONS[0], &late);
        assert!(is_lost(&script.run(&store).await.unwrap_err()));
        let script = Script::back(&MIGRATIONS[0], &late);
        assert!(is_lost(&script.run(&store).await.unwrap_err()));
        late.give_back().await.unwrap();
        assert_eq!(history(&store).await.unwrap().len(), MIGRATIONS.len());
    });
}

/// What an engine that was killed in the middle leaves behind keeps nobody waiting who opens the same files.
#[test]
fn the_lease_of_a_dead_process_is_free_on_disk() {
    inkstone_testkit::run_on_deep_stack(async {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            url: format!("surrealkv://{}", folder.path().join("store").display()),
            database: "migrations".to_owned(),
            ..StoreConfig::default()
        };
        let store = SurrealStore::open(config.clone()).await.unwrap();
        apply_missing(&store, &MIGRATIONS[..2]).await.unwrap();
        let left = Lease::take(&store).await.unwrap();
        left.stop_renewing();
        drop(left);
        store.close().await.unwrap();

        let next = SurrealStore::open(config).await.unwrap();
        assert!(!lease::is_held(&next).await.unwrap());
        let applied = apply_missing(&next, MIGRATIONS).await.unwrap();
        assert_eq!(applied.len(), MIGRATIONS.len() - 2);
        next.close().await.unwrap();
    });
}

/// A migration whose last statement fails leaves neither its tables nor its record.
#[test]
fn a_migration_that_fails_leaves_nothing() {
    static BROKEN: Migration = Migration {
        name: "0001_broken",
        down: "",
        forward: "DEFINE TABLE broken SCHEMAFULL; CREATE broken:1 RETURN NONE; THROW 'no';",
    };
    inkstone_testkit::run_on_deep_stack(async {
        let store = bare_store().await;
        history(&store).await.unwrap();
        let lease = Lease::take(&store).await.unwrap();
        let script = Script::forward(&BROKEN, &lease);
        script.run(&store).await.unwrap_err();
        lease.give_back().await.unwrap();
        assert!(history(&store).await.unwrap().is_empty());
        let tables = versions::tables(&store).await;
        assert!(!tables.contains(&"broken".to_owned()), "{tables:?}");
    });
}
