//! Imports and exports: what becomes of entries, who may, and what a cut-off engine leaves behind.

mod attacks; // files that are made to do harm
mod comments; // what people said
mod files; // media in archives
mod kept; // what is not as it came, and says so
mod resume; // imports that were cut off
mod round_trip; // out of one engine and into another
mod wordpress;

use std::io::{Cursor, Write};

use bytes::Bytes;
use futures::{StreamExt, stream};
use inkstone_domain::content::Status;
use inkstone_domain::job::JobStatus;
use inkstone_domain::ports::{ArticleStore, AuditLog};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_domain::transfer::{Format, Import, OnConflict, Outcome, ReportLine};
use inkstone_domain::{Result, codes};
use inkstone_services::Services;
use inkstone_services::transfer::{ExportWish, NewImport};
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::world::{PATIENCE, World, handbook, join, page};

pub const PROJECT: &str = "handbook";

pub fn new(format: Format, on_conflict: OnConflict) -> NewImport {
    NewImport {
        format,
        on_conflict,
        dry_run: false,
    }
}

/// Sends a file; the import as it was queued.
pub async fn send(
    services: &Services,
    who: &Principal,
    new: NewImport,
    file: impl Into<Bytes>,
) -> Result<Import> {
    let body = stream::iter([Ok(file.into())]);
    services.transfers.import(who, PROJECT, new, body).await
}

/// Once it has ended.
pub async fn ended(services: &Services, who: &Principal, import: Import) -> Import {
    let look = async {
        loop {
            let now = services.transfers.get(who, PROJECT, import.id).await;
            let now = now.unwrap();
            // The last thing that the work on it does.
            let job = services.jobs.get(who, now.job).await.unwrap();
            if now.status.is_final() && job.status.is_final() {
                return now;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, look)
        .await
        .expect("the import never ended")
}

/// Imports a file, and what its report says.
pub async fn import(
    world: &World,
    who: &Principal,
    new: NewImport,
    file: impl Into<Bytes>,
) -> (Import, Vec<ReportLine>) {
    let services = &world.services;
    let sent = send(services, who, new, file).await.unwrap();
    let import = ended(services, who, sent).await;
    let mut report: Vec<ReportLine> = Vec::new();
    loop {
        let after = report.len() as u64;
        let more = services.transfers.report(who, PROJECT, import.id, after);
        let more = more.await.unwrap();
        if more.is_empty() {
            return (import, report);
        }
        report.extend(more);
    }
}

pub fn all(format: Format) -> ExportWish {
    ExportWish {
        format,
        status: None,
        tag: None,
        language: None,
    }
}

pub async fn export(services: &Services, who: &Principal, wish: ExportWish) -> Vec<u8> {
    let export = services.transfers.export(who, PROJECT, wish).await.unwrap();
    let pieces: Vec<Result<Bytes>> = export.body.collect().await;
    let pieces: Vec<Bytes> = pieces.into_iter().map(Result::unwrap).collect();
    pieces.concat()
}

pub fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A world with workers, and the owner of its project.
pub async fn with_project() -> (World, Principal) {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    world.services.start_workers(1);
    (world, owner)
}

pub fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

pub fn outcomes(report: &[ReportLine]) -> Vec<Outcome> {
    report.iter().map(|line| line.outcome).collect()
}

#[tokio::test]
async fn lines_become_articles() {
    let (world, owner) = with_project().await;
    let file = lines(&[
        json!({ "title": "Tides", "body": "High.\n", "tags": ["sea"], "status": "published",
                "language": "de", "former_slugs": [{"language": "de", "slug": "ebbe"}],
                "created_at": "2020-05-01T10:00:00Z", "updated_at": "2021-05-01T10:00:00Z" }),
        json!({ "title": "" }),
        json!({ "title": "Moon", "colour": "red" }),
    ]) + "\n{";
    let (done, report) = import(&world, &owner, new(Format::Jsonl, OnConflict::Skip), file).await;
    assert_eq!(done.status, JobStatus::Succeeded);
    use Outcome::{Created, Refused};
    assert_eq!(outcomes(&report), [Created, Refused, Refused, Refused]);
    assert_eq!(
        report[3].entry, "line 5",
        "an empty line is none, but counts"
    );
    assert_eq!((done.counts.created, done.counts.refused), (1, 3));
    let said: Vec<&str> = report[1..]
        .iter()
        .map(|line| line.message.as_deref().unwrap())
        .collect();
    assert!(said[0].contains("/title"), "{}", said[0]);
    assert!(said[1].contains("unknown field `colour`"), "{}", said[1]);
    assert_eq!(report[1].code.as_deref(), Some("invalid_input"));

    let id = report[0].article.unwrap();
    let article = world.store.article(id).await.unwrap().unwrap();
    assert_eq!(article.text.status, Status::Published);
    assert_eq!(article.created_at.to_rfc3339(), "2020-05-01T10:00:00+00:00");
    assert_eq!(article.updated_at.to_rfc3339(), "2021-05-01T10:00:00+00:00");
    assert_eq!(
        (article.owner, article.slug.as_str()),
        (owner.user, "tides")
    );
    let moved = world.store.article_by_slug(PROJECT, "de", "ebbe").await;
    assert_eq!(moved.unwrap().map(|it| it.id), Some(id));

    let log = world
        .store
        .audit_after(&Default::default(), 0, 100)
        .await
        .unwrap();
    let started = log
        .iter()
        .find(|entry| entry.record.action == "import.started");
    assert_eq!(started.unwrap().record.actor, Some(owner.user));
    assert!(
        world.folder.path().read_dir().unwrap().next().is_none(),
        "no file is left"
    );
}

#[tokio::test]
async fn what_is_here_is_kept_changed_or_ends_it() {
    let (world, owner) = with_project().await;
    let first = lines(&[json!({ "title": "Tides", "body": "High.", "tags": ["sea"] })]);
    let skip = new(Format::Jsonl, OnConflict::Skip);
    let (_, report) = import(&world, &owner, skip.clone(), first.clone()).await;
    let id = report[0].article.unwrap();
    let (_, again) = import(&world, &owner, skip.clone(), first).await;
    assert_eq!(outcomes(&again), [Outcome::Unchanged]);

    let second = lines(&[
        json!({ "id": id, "body": "Low." }),
        json!({ "title": "Never" }),
    ]);
    let (_, report) = import(&world, &owner, skip, second.clone()).await;
    assert_eq!(outcomes(&report), [Outcome::Skipped, Outcome::Created]);
    let fail = new(Format::Jsonl, OnConflict::Fail);
    let (failed, report) = import(&world, &owner, fail, second.clone()).await;
    assert_eq!(failed.status, JobStatus::Failed);
    assert_eq!(failed.error.unwrap().code, "already_exists");
    assert_eq!(outcomes(&report), [Outcome::Refused]);

    let update = new(Format::Jsonl, OnConflict::Update);
    let (_, report) = import(&world, &owner, update, second).await;
    assert_eq!(outcomes(&report), [Outcome::Updated, Outcome::Unchanged]);
    let article = world.store.article(id).await.unwrap().unwrap();
    assert_eq!((article.revision, article.text.body.as_str()), (2, "Low."));
    assert_eq!(article.text.tags, ["sea"], "what is not said stays");
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_writes_nothing() {
    let (world, owner) = with_project().await;
    let file = lines(&[
        json!({ "title": "Tides", "slug": "tides" }),
        json!({ "title": "More tides", "slug": "tides" }),
        json!({ "title": "Moon", "status": "nonsense" }),
        json!({ "id": "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P", "title": "Sun" }),
        json!({ "id": "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P", "title": "Sun again" }),
        json!({ "title": "Sonne", "language": "de", "translation_of": "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P" }),
    ]);
    let wet = new(Format::Jsonl, OnConflict::Update);
    let dry = NewImport {
        dry_run: true,
        ..wet.clone()
    };
    let (_, said) = import(&world, &owner, dry, file.clone()).await;
    let none = world
        .store
        .list_articles(Default::default(), page(10))
        .await;
    assert_eq!(none.unwrap().items, []);
    let (_, done) = import(&world, &owner, wet, file).await;
    let without_ids = |report: Vec<ReportLine>| -> Vec<ReportLine> {
        let strip = |line| ReportLine {
            article: None,
            ..line
        };
        report.into_iter().map(strip).collect()
    };
    assert_eq!(without_ids(said), without_ids(done));
}

#[tokio::test]
async fn editors_import_and_owners_move_archives() {
    let (world, owner) = with_project().await;
    let stranger = world.somebody(Role::Creator).await;
    let (viewer, editor) = (
        world.somebody(Role::Creator).await,
        world.somebody(Role::Creator).await,
    );
    join(&world, &owner, &viewer, ProjectRole::Viewer).await;
    join(&world, &owner, &editor, ProjectRole::Editor).await;
    let services = &world.services;
    for (who, format, expected) in [
        (&stranger, Format::Jsonl, Some(&codes::NOT_FOUND)),
        (&viewer, Format::Jsonl, Some(&codes::FORBIDDEN)),
        (&editor, Format::Jsonl, None),
        (&editor, Format::Archive, Some(&codes::FORBIDDEN)),
        (&owner, Format::Archive, None),
    ] {
        let imported = send(services, who, new(format, OnConflict::Skip), "").await;
        assert_eq!(
            imported.err().map(|error| error.code()),
            expected,
            "{format:?}"
        );
        let exported = services.transfers.export(who, PROJECT, all(format)).await;
        assert_eq!(
            exported.err().map(|error| error.code()),
            expected,
            "{format:?}"
        );
    }
    let sent = send(services, &editor, new(Format::Jsonl, OnConflict::Skip), "")
        .await
        .unwrap();
    let hidden = services.transfers.get(&stranger, PROJECT, sent.id).await;
    assert_eq!(hidden.unwrap_err().code(), &codes::NOT_FOUND);
    let elsewhere = services.transfers.get(&editor, "default", sent.id).await;
    assert_eq!(elsewhere.unwrap_err().code(), &codes::NOT_FOUND);
    let refused = services.transfers.cancel(&viewer, PROJECT, sent.id).await;
    assert_eq!(refused.unwrap_err().code(), &codes::FORBIDDEN);
}

#[tokio::test]
async fn nobody_reads_or_changes_others_articles_in_default() {
    let world = World::new().await;
    let (ada, ben) = (
        world.somebody(Role::Creator).await,
        world.somebody(Role::Creator).await,
    );
    world.services.start_workers(1);
    let article = inkstone_services::content::NewArticle {
        title: "Private".to_owned(),
        ..Default::default()
    };
    let own = world.services.articles.create(&ada, article).await.unwrap();
    let wish = all(Format::Jsonl);
    let export = world
        .services
        .transfers
        .export(&ben, "default", wish.clone())
        .await;
    let pieces: Vec<_> = export.unwrap().body.collect().await;
    assert!(pieces.is_empty(), "{pieces:?}");
    let export = world.services.transfers.export(&ada, "default", wish).await;
    let pieces: Vec<_> = export.unwrap().body.collect().await;
    assert_eq!(pieces.len(), 1);

    let steal = lines(&[
        json!({ "id": own.id, "title": "Mine now" }),
        json!({ "title": "Private", "body": "x" }),
    ]);
    let body = stream::iter([Ok(Bytes::from(steal))]);
    let new = new(Format::Jsonl, OnConflict::Update);
    let transfers = &world.services.transfers;
    let import = transfers.import(&ben, "default", new, body).await.unwrap();
    let look = async {
        while !transfers
            .get(&ben, "default", import.id)
            .await
            .unwrap()
            .status
            .is_final()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap();
    let report = transfers
        .report(&ben, "default", import.id, 0)
        .await
        .unwrap();
    assert_eq!(outcomes(&report), [Outcome::Refused; 2]);
    assert!(
        report.iter().all(|line| line.article.is_none()),
        "{report:?}"
    );
    assert_eq!(world.store.article(own.id).await.unwrap(), Some(own));
    let hidden = transfers.get(&ada, "default", import.id).await;
    assert_eq!(hidden.unwrap_err().code(), &codes::NOT_FOUND);
}
