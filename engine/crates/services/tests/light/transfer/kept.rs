//! What is not as it came and says so, beside what is as it was: reviews, types that became stricter,
//! translations without their originals. And lists that no export can have.

use bytes::Bytes;
use futures::{TryStreamExt, stream};
use inkstone_domain::codes;
use inkstone_domain::content::{Extras, Status};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::job::JobStatus;
use inkstone_domain::note::NoteText;
use inkstone_domain::ports::{ArticleStore, NoteStore, TransferStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::{DEFAULT_PROJECT, ProjectRole, ProjectSettings, Review};
use inkstone_domain::transfer::{Format, OnConflict, Outcome, ReportLine};
use inkstone_services::ProjectPatch;
use inkstone_services::content::{ArticlePatch, ExtrasPatch, NewArticle, NewContentType};
use inkstone_services::notes::NotePatch;
use inkstone_services::transfer::ExportWish;
use serde_json::{Value, json};

use super::files::{packed, unpacked};
use super::{PROJECT, all, ended, export, import, lines, new, outcomes, send, with_project};
use crate::world::{PATIENCE, World, handbook, join, page};

fn said(line: &ReportLine) -> &str {
    line.message.as_deref().unwrap_or_default()
}

async fn want_reviews(world: &World, owner: &Principal) {
    let patch = ProjectPatch {
        settings: Some(ProjectSettings {
            review: Review::Required,
            ..ProjectSettings::default()
        }),
        ..ProjectPatch::default()
    };
    let projects = &world.services.projects;
    projects.update(owner, PROJECT, patch, None).await.unwrap();
}

async fn status_of(world: &World, line: &ReportLine) -> Status {
    let article = world.store.article(line.article.unwrap()).await.unwrap();
    article.unwrap().text.status
}

#[tokio::test]
async fn nothing_is_published_past_a_review() {
    let (world, owner) = with_project().await;
    want_reviews(&world, &owner).await;
    let editor = world.somebody(Role::Creator).await;
    join(&world, &owner, &editor, ProjectRole::Editor).await;
    let file = lines(&[
        json!({ "title": "Out", "status": "published" }),
        json!({ "title": "Soon", "status": "scheduled", "publish_at": "2999-01-01T00:00:00Z" }),
        json!({ "title": "Late", "status": "scheduled", "publish_at": "2001-01-01T00:00:00Z" }),
        json!({ "title": "Draft", "status": "draft" }),
    ]);
    // Owners, too: these are somebody's texts, and no archive.
    for (who, on) in [(&editor, "editor"), (&owner, "owner")] {
        let file = file.replace("\"title\":\"", &format!("\"title\":\"{on} "));
        let skip = new(Format::Jsonl, OnConflict::Skip);
        let (_, report) = import(&world, who, skip, file).await;
        assert_eq!(outcomes(&report), [Outcome::Created; 4], "{report:#?}");
        for line in &report[..3] {
            assert_eq!(status_of(&world, line).await, Status::InReview);
            assert!(said(line).contains("comes as `in_review`"), "{line:?}");
        }
        let soon = world.store.article(report[1].article.unwrap()).await;
        assert_eq!(soon.unwrap().unwrap().text.publish_at, None);
        assert_eq!(status_of(&world, &report[3]).await, Status::Draft);
    }
}

#[tokio::test]
async fn what_was_published_in_an_archive_stays_published() {
    let (source, ada) = with_project().await;
    let file = lines(&[json!({ "title": "Out", "status": "published" })]);
    import(&source, &ada, new(Format::Jsonl, OnConflict::Skip), file).await;
    want_reviews(&source, &ada).await;
    let file = export(&source.services, &ada, all(Format::Archive)).await;
    let (target, owner) = with_project().await;
    let skip = new(Format::Archive, OnConflict::Skip);
    let (_, report) = import(&target, &owner, skip, file.clone()).await;
    let article = report.last().unwrap();
    assert_eq!(status_of(&target, article).await, Status::Published);
    let project = target.services.projects.get(&owner, PROJECT).await.unwrap();
    assert_eq!(project.settings.review, Review::Required);

    // Who is no owner any more when it is taken in.
    let world = World::new().await;
    let (owner, heir) = (
        world.somebody(Role::Creator).await,
        world.somebody(Role::Creator).await,
    );
    handbook(&world, &owner).await;
    want_reviews(&world, &owner).await;
    join(&world, &owner, &heir, ProjectRole::Owner).await;
    let skip = new(Format::Archive, OnConflict::Skip);
    let sent = send(&world.services, &owner, skip, file).await.unwrap();
    join(&world, &heir, &owner, ProjectRole::Editor).await;
    world.services.start_workers(1);
    let done = ended(&world.services, &owner, sent).await;
    let report = world.store.report(done.id, 0, 100).await.unwrap();
    let article = report.last().unwrap();
    assert_eq!(status_of(&world, article).await, Status::InReview);
}

fn chapter(schema: Value) -> NewContentType {
    NewContentType {
        name: "chapter".to_owned(),
        title: "Chapter".to_owned(),
        schema,
    }
}

#[tokio::test]
async fn fields_that_are_older_than_their_type_are_kept() {
    let world = World::new().await;
    let admin = world.somebody(Role::Admin).await;
    handbook(&world, &admin).await;
    world.services.start_workers(1);
    let types = &world.services.content_types;
    let open = chapter(json!({ "type": "object" }));
    types.create(&admin, open).await.unwrap();
    let article = NewArticle {
        project: Some(PROJECT.to_owned()),
        title: "Tides".to_owned(),
        extras: Extras {
            content_type: "chapter".to_owned(),
            fields: json!({ "moon": "full" }).as_object().cloned().unwrap(),
            ..Extras::default()
        },
        ..NewArticle::default()
    };
    let made = world.services.articles.create(&admin, article).await;
    let made = made.unwrap();
    let strict = chapter(json!({ "type": "object", "required": ["sun"] }));
    types.replace(&admin, strict, None).await.unwrap();
    let file = export(&world.services, &admin, all(Format::Archive)).await;

    let target = World::new().await;
    let other = target.somebody(Role::Admin).await;
    handbook(&target, &other).await;
    target.services.start_workers(1);
    let update = new(Format::Archive, OnConflict::Update);
    let (_, report) = import(&target, &other, update.clone(), file.clone()).await;
    let line = report.last().unwrap();
    assert_eq!(line.outcome, Outcome::Created, "{line:?}");
    assert!(said(line).contains("kept as they were"), "{line:?}");
    let there = target.store.article(made.id).await.unwrap().unwrap();
    assert_eq!(there.text, made.text);
    // And where the article is here, with others.
    let patch = ArticlePatch {
        extras: ExtrasPatch {
            fields: json!({ "sun": 1 }).as_object().cloned(),
            ..ExtrasPatch::default()
        },
        ..ArticlePatch::default()
    };
    let articles = &target.services.articles;
    articles.update(&other, made.id, patch, None).await.unwrap();
    let (_, report) = import(&target, &other, update, file).await;
    let line = report.last().unwrap();
    assert_eq!(line.outcome, Outcome::Updated, "{line:?}");
    assert!(said(line).contains("kept as they were"), "{line:?}");
    // Texts of people are as if they were written here.
    let texts = lines(&[json!({ "title": "New", "content_type": "chapter", "fields": {} })]);
    let skip = new(Format::Jsonl, OnConflict::Skip);
    let (_, report) = import(&target, &other, skip, texts).await;
    assert_eq!(report[0].code.as_deref(), Some("schema_mismatch"));
}

#[tokio::test]
async fn the_first_translation_stands_for_an_original_that_is_not_here() {
    let original = ArticleId::new();
    let record = |title: &str, language: &str| {
        json!({ "id": ArticleId::new(), "title": title, "language": language,
                "translation_of": original })
    };
    let records = [
        record("Gezeiten", "de"),
        record("Marées", "fr"),
        record("Mareas", "es"),
        record("Noch einmal", "de"),
    ];
    let (world, owner) = with_project().await;
    let skip = new(Format::Jsonl, OnConflict::Skip);
    let (_, report) = import(&world, &owner, skip, lines(&records)).await;
    use Outcome::{Created, Refused};
    assert_eq!(
        outcomes(&report),
        [Created, Created, Created, Refused],
        "{report:#?}"
    );
    assert!(said(&report[0]).contains("it stands for that"));
    let first = report[0].article.unwrap();
    for line in &report[1..3] {
        let note = format!("it is a translation of `{first}`");
        assert!(said(line).contains(&note), "{line:?}");
        let article = world.store.article(line.article.unwrap()).await.unwrap();
        assert_eq!(article.unwrap().translation_of, Some(first));
    }
    let head = world.store.article(first).await.unwrap().unwrap();
    assert_eq!(head.translation_of, None);
    assert!(said(&report[3]).contains("is the one in `de` already"));
}

/// What stood for the original is known after a restart, too.
#[tokio::test]
async fn a_group_survives_a_cut() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let original = ArticleId::new();
    let languages = ["de", "fr", "es", "it", "pt", "nl", "pl", "cs"];
    let records = languages.map(|language| {
        json!({ "id": ArticleId::new(), "title": language, "language": language,
                "translation_of": original })
    });
    let skip = new(Format::Jsonl, OnConflict::Skip);
    let sent = send(&world.services, &owner, skip, lines(&records)).await;
    let sent = sent.unwrap();
    world.services.start_workers(1);
    while world.store.import(sent.id).await.unwrap().unwrap().position < 2 {
        tokio::task::yield_now().await;
    }
    world.services.shutdown(std::time::Duration::ZERO).await;
    let next = world.another_engine().await;
    next.start_workers(1);
    let done = ended(&next, &owner, sent).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    let report = world.store.report(done.id, 0, 100).await.unwrap();
    let first = report[0].article.unwrap();
    let group = world.store.translations(first).await.unwrap();
    assert_eq!(group.len(), languages.len());
}

#[tokio::test]
async fn an_export_that_no_list_has_is_refused_at_once() {
    let world = World::new().await;
    let admin = world.somebody(Role::Admin).await;
    let creator = world.somebody(Role::Creator).await;
    let wish = ExportWish {
        tag: Some("sea".to_owned()),
        ..all(Format::Jsonl)
    };
    let published = ExportWish {
        status: Some(Status::Published),
        ..wish.clone()
    };
    let transfers = &world.services.transfers;
    for (who, wish, code) in [
        (&admin, &wish, Some(&codes::UNINDEXED_FILTER)),
        (&admin, &published, None),
        (&creator, &wish, None),
    ] {
        let now = transfers.export(who, "default", wish.clone()).await;
        assert_eq!(now.err().map(|error| error.code()), code);
        let later = transfers.begin_export(who, "default", wish.clone()).await;
        assert_eq!(later.err().map(|error| error.code()), code);
    }
}

/// A member who may move the archive of `default` sees and changes no more of it than anywhere else.
#[tokio::test]
async fn notes_of_default_are_their_authors_alone_in_archives_too() {
    let (world, ada) = with_project().await;
    let admin = world.somebody(Role::Admin).await;
    let grace = world.somebody(Role::Creator).await;
    let services = &world.services;
    let keep = async |who: &Principal, title: &str| {
        let text = NoteText {
            title: title.to_owned(),
            ..NoteText::default()
        };
        services
            .notes
            .create(who, DEFAULT_PROJECT, text)
            .await
            .unwrap()
    };
    let (of_ada, of_grace) = (keep(&ada, "Ada's").await, keep(&grace, "Grace's").await);
    let projects = &services.projects;
    let owner = projects.set_member(&admin, DEFAULT_PROJECT, ada.user, ProjectRole::Owner, None);
    owner.await.unwrap();
    let notes_of = async |who: &Principal| {
        let wish = all(Format::Archive);
        let export = services.transfers.export(who, DEFAULT_PROJECT, wish).await;
        let pieces: Vec<Bytes> = export.unwrap().body.try_collect().await.unwrap();
        let files = unpacked(&pieces.concat());
        let notes = files.into_iter().find(|file| file.0.starts_with("notes-"));
        String::from_utf8(notes.unwrap().1).unwrap()
    };
    let (every, own) = (notes_of(&admin).await, notes_of(&ada).await);
    for (notes, both) in [(every, true), (own, false)] {
        assert!(notes.contains(&of_ada.id.to_string()), "{notes}");
        assert_eq!(notes.contains(&of_grace.id.to_string()), both, "{notes}");
    }

    let wish = all(Format::Archive);
    let export = services
        .transfers
        .export(&admin, DEFAULT_PROJECT, wish)
        .await;
    let pieces: Vec<Bytes> = export.unwrap().body.try_collect().await.unwrap();
    let title = NotePatch {
        title: Some("Grace's own".to_owned()),
        ..NotePatch::default()
    };
    let change = services
        .notes
        .change(&grace, DEFAULT_PROJECT, of_grace.id, title, None);
    change.await.unwrap();
    let update = new(Format::Archive, OnConflict::Update);
    let body = stream::iter([Ok(Bytes::from(pieces.concat()))]);
    let sent = services
        .transfers
        .import(&ada, DEFAULT_PROJECT, update, body)
        .await
        .unwrap();
    let job = async {
        while !services
            .jobs
            .get(&ada, sent.job)
            .await
            .unwrap()
            .status
            .is_final()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, job).await.unwrap();
    let all = world
        .store
        .list_notes(DEFAULT_PROJECT, None, page(10))
        .await
        .unwrap();
    let mut titles: Vec<_> = all
        .items
        .iter()
        .map(|it| (it.text.title.as_str(), it.author))
        .collect();
    titles.sort_unstable();
    let expected = [
        ("Ada's", ada.user),
        ("Grace's", ada.user),
        ("Grace's own", grace.user),
    ];
    assert_eq!(titles, expected);
}

/// A line that begins an article and cannot be read is one entry that is refused, and takes none with it.
#[tokio::test]
async fn a_bad_line_of_an_archive_is_one_entry() {
    let (source, ada) = with_project().await;
    let file = lines(&[json!({ "title": "Tides" }), json!({ "title": "Moon" })]);
    import(&source, &ada, new(Format::Jsonl, OnConflict::Skip), file).await;
    let file = export(&source.services, &ada, all(Format::Archive)).await;
    let mut files = unpacked(&file);
    let articles = files
        .iter_mut()
        .find(|file| file.0.starts_with("articles-"));
    let articles = articles.unwrap();
    let text = String::from_utf8(std::mem::take(&mut articles.1)).unwrap();
    let many: Vec<&str> = text.lines().collect();
    let [first, its_past, second, past] = many[..] else {
        panic!("{text}");
    };
    let long = format!("{{\"article\":{{\"body\":\"{}\"}}}}", "a".repeat(9 << 20));
    let changed = [
        first,
        its_past,
        "{\"article\":7}",
        past,
        &long,
        second,
        "{",
        past,
    ];
    articles.1 = changed.join("\n").into_bytes();
    let (target, ben) = with_project().await;
    let skip = new(Format::Archive, OnConflict::Skip);
    let (_, report) = import(&target, &ben, skip, packed(&files)).await;
    let told: Vec<(&str, Outcome, &str)> = report[2..]
        .iter()
        .map(|line| (line.entry.as_str(), line.outcome, said(line)))
        .collect();
    use Outcome::{Created, Refused};
    let [whole, bad, long, broken] = told[..] else {
        panic!("{told:#?}");
    };
    assert_eq!(whole, ("articles-00001.jsonl line 1", Created, ""));
    assert_eq!((bad.0, bad.1), ("articles-00001.jsonl line 3", Refused));
    assert_eq!((long.0, long.1), ("articles-00001.jsonl line 5", Refused));
    assert!(long.2.contains("more than"), "{long:?}");
    assert_eq!(
        (broken.0, broken.1),
        ("articles-00001.jsonl line 6", Refused)
    );
    assert!(broken.2.contains("line 7"), "{broken:?}");
}
