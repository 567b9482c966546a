//! The Tantivy index against the port's contract, and what is its own: persistence, mending,
//! convergence under concurrent writers.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use inkstone_domain::chunks::unit;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{ArticleStore, ChunkStore, Clock, JobStore, NoteStore, SearchIndex};
use inkstone_domain::search::{DocumentKind, Fusion, Meaning, SearchQuery, Visibility};
use inkstone_search::{SearchConfig, TantivyIndex};
use inkstone_testkit::{ManualClock, MemStore, contract, sample};
use tokio::task::JoinHandle;

/// An index with its follower, which ends with it.
struct Following {
    index: Arc<TantivyIndex>,
    follower: JoinHandle<()>,
}

impl Following {
    fn start(dir: Option<&Path>, store: &MemStore) -> Self {
        let config = SearchConfig {
            dir: dir.map(Path::to_owned),
            poll_interval: Duration::from_millis(50),
            ..SearchConfig::default()
        };
        let index = TantivyIndex::open(config, Arc::new(store.clone())).unwrap();
        let following = Arc::clone(&index);
        let follower = tokio::spawn(async move { following.follow(std::future::pending()).await });
        Self { index, follower }
    }

    async fn end(self) {
        self.follower.abort();
        let _ = self.follower.await;
    }
}

fn all() -> SearchQuery {
    SearchQuery {
        limit: 100,
        ..SearchQuery::new("", Visibility::Admin(UserId::new()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    let store = MemStore::new();
    let following = Following::start(None, &store);
    contract::search::run(&*following.index, &store).await;
    contract::documents::run_index(&*following.index, &store).await;
    following.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fake_keeps_the_contract() {
    let store = MemStore::new();
    let fake = inkstone_testkit::FakeSearchIndex::new(Arc::new(store.clone()));
    contract::search::run(&fake, &store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_meaning() {
    let store = Arc::new(MemStore::new());
    let config = SearchConfig {
        poll_interval: Duration::from_millis(50),
        ..SearchConfig::default()
    };
    let index = TantivyIndex::open_with_vectors(config, store.clone(), store.clone()).unwrap();
    let following = Arc::clone(&index);
    let follower = tokio::spawn(async move { following.follow(std::future::pending()).await });
    let catch_up = async || {
        index.catch_up().await.unwrap();
        index.catch_up_with_vectors().await.unwrap();
    };
    let stores = contract::hybrid::Stores {
        articles: &*store,
        chunks: &*store,
    };
    contract::hybrid::run(&*index, stores, catch_up).await;
    follower.abort();
}

/// While a rebuild goes on beside, and after it: article numbers stay, segments do not.
#[tokio::test(flavor = "multi_thread")]
async fn meaning_survives_a_rebuild() {
    let store = Arc::new(MemStore::new());
    let config = SearchConfig::default();
    let index = TantivyIndex::open_with_vectors(config, store.clone(), store.clone()).unwrap();
    let following = Arc::clone(&index);
    let follower = tokio::spawn(async move { following.follow(std::future::pending()).await });
    let mut written = Vec::new();
    for text in ["the ocean", "a puppy", "the crown"] {
        let mut article = sample::article(UserId::new());
        article.text.body = text.to_owned();
        let creation = sample::creation(&article);
        store.create_article(creation).await.unwrap();
        let mut embedded = sample::embedded(article.id);
        embedded.chunks.truncate(1);
        embedded.chunks[0].vector = unit(sample::meaning(text)).unwrap();
        store.put_chunks(&embedded).await.unwrap();
        store.serve_model(&embedded.model).await.unwrap();
        written.push(article.id);
    }
    index.catch_up().await.unwrap();
    index.catch_up_with_vectors().await.unwrap();
    let mut query = all();
    query.text = "hound".to_owned();
    query.meaning = Some(Meaning {
        model: "sample/model".to_owned(),
        vector: unit(sample::meaning("hound")).unwrap(),
        ratio: 1.0,
        fusion: Fusion::Rank,
    });
    for _ in 0..3 {
        let page = index.query(query.clone()).await.unwrap();
        assert_eq!(page.hits[0].id, written[1]);
        assert_eq!(page.total, 3);
        index.rebuild().await.unwrap();
    }
    follower.abort();
}

#[tokio::test]
async fn the_fake_keeps_the_contract_of_meaning() {
    let store = Arc::new(MemStore::new());
    let fake = inkstone_testkit::FakeSearchIndex::with_chunks(store.clone(), store.clone());
    let stores = contract::hybrid::Stores {
        articles: &*store,
        chunks: &*store,
    };
    contract::hybrid::run(&fake, stores, async || {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn highlights_and_stems() {
    let store = MemStore::new();
    let following = Following::start(None, &store);
    let mut article = sample::article(UserId::new());
    article.text.title = "Running shoes".to_owned();
    article.text.body = "Café owners <b>run</b> a lot.".to_owned();
    store
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    following.index.catch_up().await.unwrap();
    let query = |text: &str| SearchQuery {
        text: text.to_owned(),
        ..all()
    };
    let page = following.index.query(query("runs cafe")).await.unwrap();
    assert_eq!(page.hits[0].title_html, "<em>Running</em> shoes");
    assert_eq!(
        page.hits[0].snippet_html,
        "<em>Café</em> owners &lt;b&gt;<em>run</em>&lt;/b&gt; a lot."
    );
    following.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_left_behind_catches_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = MemStore::new();
    let mut articles = Vec::new();
    for _ in 0..20 {
        let article = sample::article(UserId::new());
        store
            .create_article(sample::creation(&article))
            .await
            .unwrap();
        articles.push(article);
    }
    let first = Following::start(Some(folder.path()), &store);
    first.index.catch_up().await.unwrap();
    assert_eq!(first.index.query(all()).await.unwrap().total, 20);
    first.end().await;

    // While no index looks: one deleted, one changed, one new.
    store
        .delete_article(sample::deletion(&articles[0]))
        .await
        .unwrap();
    store
        .update_article(sample::retitling(&articles[1], "Zebra"))
        .await
        .unwrap();
    let new = sample::article(UserId::new());
    store.create_article(sample::creation(&new)).await.unwrap();

    let second = Following::start(Some(folder.path()), &store);
    second.index.catch_up().await.unwrap();
    assert_eq!(second.index.query(all()).await.unwrap().total, 20);
    let zebra = SearchQuery {
        text: "zebra".to_owned(),
        ..all()
    };
    let found = second.index.query(zebra).await.unwrap();
    assert_eq!(found.hits[0].id, articles[1].id);
    second.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_index_is_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let store = MemStore::new();
    let article = sample::article(UserId::new());
    store
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    let first = Following::start(Some(folder.path()), &store);
    first.index.catch_up().await.unwrap();
    first.end().await;

    let mut damaged = 0;
    let current = std::fs::read_to_string(folder.path().join("current")).unwrap();
    for file in std::fs::read_dir(folder.path().join(current)).unwrap() {
        let path = file.unwrap().path();
        let is_segment = path
            .extension()
            .is_some_and(|end| end == "store" || end == "term");
        if is_segment {
            std::fs::write(&path, b"not a segment").unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0, "the test found nothing to damage");

    let second = Following::start(Some(folder.path()), &store);
    second.index.catch_up().await.unwrap();
    assert_eq!(second.index.query(all()).await.unwrap().total, 1);
    second.end().await;
}

/// Also where a change is waiting that the damaged index does not take.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_damaged_while_it_is_used_is_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let store = MemStore::new();
    let [article, other] = [(); 2].map(|()| sample::article(UserId::new()));
    for article in [&article, &other] {
        let creation = sample::creation(article);
        store.create_article(creation).await.unwrap();
    }
    let following = Following::start(Some(folder.path()), &store);
    following.index.catch_up().await.unwrap();
    let current = || std::fs::read_to_string(folder.path().join("current")).unwrap();
    let before = current();
    for file in std::fs::read_dir(folder.path().join(&before)).unwrap() {
        let path = file.unwrap().path();
        // In place: a file that is mapped and gets shorter ends the process.
        if path
            .extension()
            .is_some_and(|end| end == "store" || end == "term" || end == "fast")
        {
            let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
            file.write_all(&vec![0xA5; length]).unwrap();
        }
    }
    let changed = sample::retitling(&article, "Zebra");
    store.update_article(changed).await.unwrap();
    let zebra = || SearchQuery {
        text: "zebra".to_owned(),
        ..all()
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        // A damaged index may take the change and answer for it: of what did not change it cannot.
        let found = following.index.query(zebra()).await;
        let both = following.index.query(all()).await;
        match (found, both) {
            (Ok(found), Ok(both)) if found.total == 1 && both.hits.len() == 2 => break,
            _ => assert!(tokio::time::Instant::now() < deadline, "it is not mended"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_ne!(current(), before);
    let report = following.index.verify().await.unwrap();
    assert_eq!((report.missing, report.surplus), (0, 0));
    following.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_nobody_filled_does_not_say_that_there_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = SearchConfig {
        dir: Some(folder.path().to_owned()),
        ..SearchConfig::default()
    };
    let index = TantivyIndex::open(config, Arc::new(MemStore::new())).unwrap();
    let refused = index.query(all()).await.unwrap_err();
    assert_eq!(refused.code().name, "search_unavailable");
    assert!(refused.retry_after().is_some());
    assert!(
        index.stats().await.is_err(),
        "an engine with it is not ready"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_index_is_not_begun_where_there_is_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = MemStore::new();
    let article = sample::article(UserId::new());
    store
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    let config = SearchConfig {
        dir: Some(folder.path().to_owned()),
        disk_bytes: Some(100),
        ..SearchConfig::default()
    };
    let index = TantivyIndex::open(config, Arc::new(store)).unwrap();
    let following = Arc::clone(&index);
    let follower = tokio::spawn(async move { following.follow(std::future::pending()).await });
    index.catch_up().await.unwrap();
    let refused = index.rebuild().await.unwrap_err();
    assert_eq!(refused.code().name, "conflict");
    assert!(refused.message().contains("search.disk_mib"), "{refused}");
    assert_eq!(index.query(all()).await.unwrap().total, 1);
    follower.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_index_is_the_only_one_and_holds_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = MemStore::new();
    for _ in 0..30 {
        let article = sample::article(UserId::new());
        store
            .create_article(sample::creation(&article))
            .await
            .unwrap();
    }
    let name = || std::fs::read_to_string(folder.path().join("current")).unwrap();
    let first = Following::start(Some(folder.path()), &store);
    first.index.catch_up().await.unwrap();
    let before = name();
    // Writers and readers go on meanwhile.
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for _ in 0..50 {
                let article = sample::article(UserId::new());
                store
                    .create_article(sample::creation(&article))
                    .await
                    .unwrap();
            }
        }
    });
    let reading = tokio::spawn({
        let index = Arc::clone(&first.index);
        async move {
            for _ in 0..50 {
                assert!(index.query(all()).await.unwrap().total >= 30);
            }
        }
    });
    first.index.rebuild().await.unwrap();
    writing.await.unwrap();
    reading.await.unwrap();
    first.index.catch_up().await.unwrap();
    assert_eq!(first.index.query(all()).await.unwrap().total, 80);
    assert!(first.index.verify().await.unwrap().is_identical());
    assert_ne!(name(), before);
    let folders = std::fs::read_dir(folder.path()).unwrap();
    let folders = folders.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(folders.count(), 1);
    first.end().await;

    let second = Following::start(Some(folder.path()), &store);
    second.index.catch_up().await.unwrap();
    assert_eq!(second.index.query(all()).await.unwrap().total, 80);
    second.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_leave_no_difference() {
    let store = MemStore::new();
    let following = Following::start(None, &store);
    let writers: Vec<_> = (0..32)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0..20 {
                    let article = sample::article(UserId::new());
                    store
                        .create_article(sample::creation(&article))
                        .await
                        .unwrap();
                    if (writer + number) % 3 == 0 {
                        store
                            .delete_article(sample::deletion(&article))
                            .await
                            .unwrap();
                    } else if number % 2 == 0 {
                        let renamed = sample::retitling(&article, "Renamed");
                        store.update_article(renamed).await.unwrap();
                    }
                }
            })
        })
        .collect();
    while !writers.iter().all(JoinHandle::is_finished) {
        let report = following.index.verify().await.unwrap();
        assert_eq!(
            (report.missing, report.surplus),
            (0, 0),
            "while others write"
        );
    }
    for writer in writers {
        writer.await.unwrap();
    }
    following.index.catch_up().await.unwrap();

    let stamps = store.stamps(None, 10_000).await.unwrap();
    let living = stamps.iter().filter(|stamp| !stamp.deleted).count();
    assert_eq!(stamps.len(), 640);
    assert_eq!(following.index.query(all()).await.unwrap().total, living);
    following.end().await;
}

/// Writers who never pause leave no quiet moment in which all that may have changed is read.
#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_visible_late_is_found_while_others_write() {
    let never = Duration::from_secs(600);
    find_what_becomes_visible_late(never, async |world, number| {
        world
            .clock
            .set(world.clock.now() + TimeDelta::milliseconds(100));
        world.write("Beside").await;
        if number == 200 {
            world.write_late().await;
        }
    })
    .await;
}

/// Jobs nudge as articles do, and move no time that is followed.
#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_visible_late_is_found_while_there_are_only_other_events() {
    let often = Duration::from_millis(100);
    find_what_becomes_visible_late(often, async |world, number| match number {
        0 => world.write("Beside").await,
        1 => world.write_late().await,
        _ => {
            let job = sample::job(UserId::new());
            world.store.submit(job).await.unwrap();
        }
    })
    .await;
}

struct LateWorld {
    clock: ManualClock,
    store: MemStore,
}

impl LateWorld {
    async fn write(&self, title: &str) {
        let mut article = sample::article(UserId::new());
        article.text.title = title.to_owned();
        let creation = sample::creation(&article);
        self.store.create_article(creation).await.unwrap();
    }

    async fn write_late(&self) {
        let now = self.clock.now();
        self.clock.set(now - TimeDelta::seconds(8));
        self.write("Zebra").await;
        self.clock.set(now);
    }
}

async fn find_what_becomes_visible_late(
    poll_interval: Duration,
    step: impl AsyncFn(&LateWorld, u32),
) {
    let clock = ManualClock::at(sample::now());
    let store = MemStore::with_clock(Arc::new(clock.clone()));
    let config = SearchConfig {
        overlap: TimeDelta::seconds(10),
        poll_interval,
        ..SearchConfig::default()
    };
    let index = TantivyIndex::open(config, Arc::new(store.clone())).unwrap();
    let following = Arc::clone(&index);
    let follower = tokio::spawn(async move { following.follow(std::future::pending()).await });
    index.catch_up().await.unwrap();
    let world = LateWorld { clock, store };
    let asked = SearchQuery {
        text: "zebra".to_owned(),
        ..all()
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    for number in 0.. {
        step(&world, number).await;
        if index.query(asked.clone()).await.unwrap().total > 0 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "it is missed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    follower.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_and_comes_back_as_it_was_is_found() {
    let clock = ManualClock::at(sample::now());
    let store = MemStore::with_clock(Arc::new(clock.clone()));
    let following = Following::start(None, &store);
    let author = UserId::new();
    let (note, audit) = (sample::note("default", author), sample::audit(author));
    let asked = SearchQuery {
        kinds: vec![DocumentKind::Note],
        ..all()
    };
    for is_there in [true, false, true] {
        match is_there {
            true => store.create_note(&note, &audit).await.unwrap(),
            false => store.delete_note(&note, author, &audit).await.unwrap(),
        }
        following.index.catch_up().await.unwrap();
        let found = following.index.query(asked.clone()).await.unwrap();
        assert_eq!(found.total > 0, is_there);
        clock.set(clock.now() + TimeDelta::seconds(1));
    }
    following.end().await;
}
