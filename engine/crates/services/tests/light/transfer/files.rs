//! Media in archives: what becomes of them where they are new, known, another project's or in the way, and
//! what is made to do harm.

use std::io::{Cursor, Read, Write};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use inkstone_domain::Result;
use inkstone_domain::content::{ArticleText, Cause};
use inkstone_domain::digest::sha256;
use inkstone_domain::ids::{ArticleId, MediaId, UserId};
use inkstone_domain::job::JobStatus;
use inkstone_domain::media::{Media, VariantState};
use inkstone_domain::ports::{ArticleStore, MediaStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::transfer::{Format, OnConflict, Outcome, ReportLine};
use inkstone_services::NewProject;
use inkstone_services::media::{Claim, MediaPatch, NewUpload};
use inkstone_testkit::sample;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::{PROJECT, all, ended, export, import, new, outcomes, send, with_project};
use crate::world::{World, handbook, page};

fn body(bytes: Vec<u8>) -> inkstone_domain::ports::ByteStream {
    stream::iter([Ok(Bytes::from(bytes))]).boxed()
}

fn claim(name: &str) -> Claim {
    Claim {
        name: name.to_owned(),
        content_type: None,
    }
}

async fn upload(world: &World, who: &Principal, name: &str, bytes: Vec<u8>) -> Media {
    let library = &world.services.media;
    let taken = library
        .take_in(who, PROJECT, claim(name), body(bytes))
        .await;
    let added = library
        .add(who, taken.unwrap(), "What it shows".to_owned())
        .await;
    settled(world, added.unwrap().id).await
}

/// Once its smaller pictures are there, if it has any.
async fn settled(world: &World, id: MediaId) -> Media {
    let look = async {
        loop {
            let media = world.store.media(id).await.unwrap().unwrap();
            if media.newest.variant_state != VariantState::Pending {
                return media;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::world::PATIENCE, look)
        .await
        .unwrap()
}

async fn bytes_of(world: &World, who: &Principal, id: MediaId, version: Option<u32>) -> Vec<u8> {
    let library = &world.services.media;
    let readable = library.content(who, id, version, None).await.unwrap();
    let blob = library.open(&readable, None).await.unwrap();
    let pieces: Vec<Bytes> = blob.bytes.try_collect().await.unwrap();
    pieces.concat()
}

/// Of entries with this beginning.
fn about<'a>(report: &'a [ReportLine], start: &str) -> Vec<&'a ReportLine> {
    let own = report.iter().filter(|line| line.entry.starts_with(start));
    own.collect()
}

fn archive() -> inkstone_services::transfer::NewImport {
    new(Format::Archive, OnConflict::Update)
}

/// The files of an archive by name.
pub fn unpacked(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut files = Vec::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        files.push((file.name().unwrap().into_owned(), bytes));
    }
    files
}

/// The archive of these files, with a manifest that fits.
pub fn packed(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut digests = serde_json::Map::new();
    for (name, bytes) in files.iter().filter(|file| file.0 != "manifest.json") {
        zip.start_file(name.as_str(), SimpleFileOptions::default())
            .unwrap();
        zip.write_all(bytes).unwrap();
        let digest = json!({ "bytes": bytes.len(), "sha256": sha256(bytes) });
        digests.insert(name.clone(), digest);
    }
    let manifest = json!({ "format": "inkstone-archive", "version": 3, "files": digests });
    zip.start_file("manifest.json", SimpleFileOptions::default())
        .unwrap();
    zip.write_all(manifest.to_string().as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

/// The entries of an archive: names and bytes.
type Entries = Vec<(String, Vec<u8>)>;

#[tokio::test]
async fn files_are_taken_in_with_their_versions_and_make_their_pictures() {
    let (source, ada) = with_project().await;
    let medium = upload(&source, &ada, "tide.png", sample::png(64, 48, 300)).await;
    let second = sample::png(80, 60, 500);
    let library = &source.services.media;
    library
        .add_version(
            &ada,
            medium.id,
            claim("tide.png"),
            body(second.clone()),
            None,
        )
        .await
        .unwrap();
    settled(&source, medium.id).await;
    let gone = upload(&source, &ada, "gone.png", sample::png(2, 2, 9)).await;
    library.delete(&ada, gone.id, None).await.unwrap();
    let file = export(&source.services, &ada, all(Format::Archive)).await;
    let names: Vec<String> = unpacked(&file).into_iter().map(|file| file.0).collect();
    assert!(
        names.contains(&format!("media/{}/2", medium.id)),
        "{names:?}"
    );
    assert!(!names.iter().any(|name| name.contains(&gone.id.to_string())));

    let (target, ben) = with_project().await;
    let dry = inkstone_services::transfer::NewImport {
        dry_run: true,
        ..archive()
    };
    let (_, report) = import(&target, &ben, dry, file.clone()).await;
    assert_eq!(about(&report, "media/")[0].outcome, Outcome::Created);
    assert_eq!(target.store.media(medium.id).await.unwrap(), None);
    assert_eq!(target.blobs.count(), 0, "a dry run keeps nothing");

    let (done, report) = import(&target, &ben, archive(), file.clone()).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    assert_eq!(about(&report, "media/")[0].outcome, Outcome::Created);
    let there = settled(&target, medium.id).await;
    assert_eq!((there.owner, there.newest.version), (ben.user, 2));
    assert_eq!(there.newest.variants.len(), 3);
    assert_eq!(bytes_of(&target, &ben, medium.id, None).await, second);
    let first = bytes_of(&target, &ben, medium.id, Some(1)).await;
    assert_eq!(first, sample::png(64, 48, 300));

    // Again it is the same; changed here it is brought back, or left as it is.
    let (_, again) = import(&target, &ben, archive(), file.clone()).await;
    assert_eq!(about(&again, "media/")[0].outcome, Outcome::Unchanged);
    let patch = MediaPatch {
        alt: Some("Changed".to_owned()),
        ..MediaPatch::default()
    };
    let library = &target.services.media;
    library.update(&ben, medium.id, patch, None).await.unwrap();
    let skip = new(Format::Archive, OnConflict::Skip);
    let (_, kept) = import(&target, &ben, skip, file.clone()).await;
    assert_eq!(about(&kept, "media/")[0].outcome, Outcome::Skipped);
    let (_, updated) = import(&target, &ben, archive(), file.clone()).await;
    assert_eq!(about(&updated, "media/")[0].outcome, Outcome::Updated);
    let there = target.store.media(medium.id).await.unwrap().unwrap();
    assert_eq!(
        (there.alt.as_str(), there.newest.version),
        ("What it shows", 2)
    );

    // What is in the trash here is not brought back by itself.
    library.delete(&ben, medium.id, None).await.unwrap();
    let (_, refused) = import(&target, &ben, archive(), file).await;
    let line = about(&refused, "media/")[0];
    assert_eq!(line.code.as_deref(), Some("conflict"));
}

#[tokio::test]
async fn versions_that_are_missing_follow_those_that_are_here() {
    let (source, ada) = with_project().await;
    let medium = upload(&source, &ada, "notes.md", b"# One".to_vec()).await;
    let early = export(&source.services, &ada, all(Format::Archive)).await;
    let library = &source.services.media;
    for text in ["# Two", "# Three"] {
        let bytes = body(text.as_bytes().to_vec());
        let added = library.add_version(&ada, medium.id, claim("notes.md"), bytes, None);
        added.await.unwrap();
    }
    let late = export(&source.services, &ada, all(Format::Archive)).await;
    let (target, ben) = with_project().await;
    import(&target, &ben, archive(), early.clone()).await;
    let (_, report) = import(&target, &ben, archive(), late.clone()).await;
    assert_eq!(about(&report, "media/")[0].outcome, Outcome::Updated);
    assert_eq!(bytes_of(&target, &ben, medium.id, Some(2)).await, b"# Two");
    assert_eq!(bytes_of(&target, &ben, medium.id, None).await, b"# Three");
    // An older archive brings its newest back, as one more version.
    let (_, report) = import(&target, &ben, archive(), early).await;
    assert_eq!(about(&report, "media/")[0].outcome, Outcome::Updated);
    assert_eq!(bytes_of(&target, &ben, medium.id, Some(4)).await, b"# One");
    assert_eq!(target.blobs.count(), 4, "no more than there are versions");
}

#[tokio::test]
async fn references_follow_media_to_another_project() {
    let (world, owner) = with_project().await;
    let medium = upload(&world, &owner, "tide.png", sample::png(64, 48, 300)).await;
    let place = format!("/v1/media/{}/content", medium.id);
    let mut article = sample::article(owner.user);
    article.project = PROJECT.to_owned();
    article.text = ArticleText {
        title: "Tides".to_owned(),
        body: format!("![The tide]({place}?variant=medium)"),
        language: "en".to_owned(),
        ..ArticleText::default()
    };
    article.text.extras.cover = medium.id.to_string();
    world
        .store
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    let file = export(&world.services, &owner, all(Format::Archive)).await;
    let copy = NewProject {
        slug: "copy".to_owned(),
        ..NewProject::default()
    };
    world.services.projects.create(&owner, copy).await.unwrap();
    let transfers = &world.services.transfers;
    for expected in [Outcome::Created, Outcome::Unchanged] {
        let body = stream::iter([Ok(Bytes::from(file.clone()))]);
        let sent = transfers
            .import(&owner, "copy", archive(), body)
            .await
            .unwrap();
        crate::world::job_when(&world.store, sent.job, |job| job.status.is_final()).await;
        let report = transfers.report(&owner, "copy", sent.id, 0).await.unwrap();
        let line = about(&report, "media/")[0];
        assert_eq!(line.outcome, expected, "{report:#?}");
        let here = line.message.clone().unwrap();
        let here: MediaId = here
            .trim_start_matches("it is `")
            .trim_end_matches("` here")
            .parse()
            .unwrap();
        assert_ne!(here, medium.id);
        let line = about(&report, "articles-")[0];
        assert_eq!(line.outcome, expected, "{report:#?}");
        let twin = world
            .store
            .article(line.article.unwrap())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(twin.text.extras.cover, here.to_string());
        assert_eq!(
            twin.text.body,
            article
                .text
                .body
                .replace(&medium.id.to_string(), &here.to_string())
        );
        let past = world.store.revisions(twin.id, page(9)).await.unwrap().items;
        assert_eq!(past[0].text.extras.cover, here.to_string());
    }
}

#[tokio::test]
async fn what_was_cut_off_goes_on_with_the_next_file() {
    let (source, ada) = with_project().await;
    let mut ids = Vec::new();
    for number in 0..12 {
        let name = format!("{number}.md");
        ids.push(
            upload(&source, &ada, &name, format!("# {number}").into())
                .await
                .id,
        );
    }
    let file = export(&source.services, &ada, all(Format::Archive)).await;
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let sent = send(&world.services, &owner, archive(), file)
        .await
        .unwrap();
    world.services.start_workers(1);
    let store = &world.store;
    use inkstone_domain::ports::TransferStore;
    while store.import(sent.id).await.unwrap().unwrap().position < 5 {
        tokio::task::yield_now().await;
    }
    // As after `kill -9`: nothing is said to anybody, and another engine takes up what is stored.
    world.services.shutdown(std::time::Duration::ZERO).await;
    let next = world.another_engine().await;
    next.start_workers(1);
    let done = ended(&next, &owner, sent).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    for (number, id) in ids.into_iter().enumerate() {
        let bytes = bytes_of(&world, &owner, id, None).await;
        assert_eq!(bytes, format!("# {number}").into_bytes());
    }
}

/// What is said of the medium whose record and bytes are these.
async fn told(record: impl Fn(&mut Value), bytes: Vec<u8>) -> String {
    let (world, owner) = with_project().await;
    let id = MediaId::new();
    let mut medium = json!({
        "id": id, "name": "tide.png", "alt": "", "owner": UserId::new(), "revision": 1,
        "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z",
        "versions": [{ "version": 1, "content_type": "image/png", "size_bytes": bytes.len(),
            "sha256": sha256(&bytes), "author": UserId::new(), "created_at": "2024-01-01T00:00:00Z" }],
    });
    record(&mut medium);
    let files = [
        (format!("media/{id}.json"), medium.to_string().into_bytes()),
        (format!("media/{id}/1"), bytes),
    ];
    let (done, report) = import(&world, &owner, archive(), packed(&files)).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    let (line, rest) = report.split_first().unwrap();
    assert!(
        rest.iter().all(|line| line.outcome == Outcome::Refused),
        "{report:#?}"
    );
    if line.outcome == Outcome::Refused {
        assert_eq!(world.store.media(id).await.unwrap(), None);
        assert_eq!(world.blobs.count(), 0, "nothing is kept");
        assert_eq!(world.store.media_bytes(PROJECT).await.unwrap(), 0);
    }
    let code = line
        .code
        .clone()
        .unwrap_or_else(|| line.outcome.as_str().to_owned());
    format!("{code}: {}", line.message.as_deref().unwrap_or_default())
}

#[tokio::test]
async fn nothing_of_a_record_is_believed() {
    type Change = fn(&mut Value);
    let as_it_is: Change = |_| {};
    let png = || sample::png(64, 48, 100);
    let cases: [(Change, Vec<u8>, &str); 18] = [
        (as_it_is, png(), "created"),
        (
            as_it_is,
            b"<script>alert(1)</script>".to_vec(),
            "unsupported_media_type",
        ),
        (
            as_it_is,
            b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0".to_vec(),
            "unsupported_media_type",
        ),
        (
            as_it_is,
            b"GIF89a\x01\0\x01\0\0\0\0".to_vec(),
            "media_type_mismatch",
        ),
        (as_it_is, sample::png(40_000, 40_000, 10), "invalid_input"),
        (as_it_is, sample::png(4, 4, 21_000), "body_too_large"),
        (as_it_is, Vec::new(), "invalid_input"),
        (
            |it| it["versions"][0]["sha256"] = json!("00".repeat(32)),
            png(),
            "invalid_input",
        ),
        (
            |it| it["versions"][0]["size_bytes"] = json!(3),
            png(),
            "invalid_input",
        ),
        (
            |it| it["versions"][0]["size_bytes"] = json!(60_000),
            png(),
            "media_quota_exceeded",
        ),
        (|it| it["versions"] = json!([]), png(), "invalid_input"),
        // What counts on from there would count over the end.
        (
            |it| it["revision"] = json!(i64::MAX),
            png(),
            "invalid_input: its revision",
        ),
        (
            |it| it["revision"] = json!((1_u64 << 31) + 1),
            png(),
            "invalid_input: its revision",
        ),
        (
            |it| it["versions"][0]["version"] = json!(u32::MAX),
            png(),
            "invalid_input: its version",
        ),
        (|it| it["revision"] = json!(1_u64 << 31), png(), "created"),
        (
            |it| it["name"] = json!("../../tide.png"),
            png(),
            "invalid_input",
        ),
        (
            |it| it["name"] = json!("tide.html"),
            png(),
            "media_type_mismatch",
        ),
        (
            |it| it["alt"] = json!("a".repeat(3_000)),
            png(),
            "invalid_input",
        ),
    ];
    for (number, (change, bytes, expected)) in cases.into_iter().enumerate() {
        let said = told(change, bytes).await;
        assert!(said.starts_with(expected), "{number}: {said}");
    }
}

#[tokio::test]
async fn revisions_that_nobody_could_count_on_from() {
    let most = 1_u64 << 31;
    for (number, expected) in [
        (most, Outcome::Created),
        (most + 1, Outcome::Refused),
        (i64::MAX as u64, Outcome::Refused),
        (0, Outcome::Refused),
    ] {
        let (world, owner) = with_project().await;
        let id = ArticleId::new();
        let text = ArticleText {
            title: "Tides".to_owned(),
            language: "en".to_owned(),
            ..ArticleText::default()
        };
        let revision = json!({ "revision": number, "author": owner.user, "cause": Cause::Person,
            "text": text, "created_at": "2024-01-01T00:00:00Z" });
        let lines = [
            json!({ "article": { "id": id, "title": "Tides" } }),
            json!({ "revision": revision }),
        ];
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let files = [("articles-00001.jsonl".to_owned(), lines.into_bytes())];
        let (_, report) = import(&world, &owner, archive(), packed(&files)).await;
        assert_eq!(outcomes(&report), [expected], "{number}: {report:?}");
        if expected == Outcome::Refused {
            let said = report[0].message.as_deref().unwrap();
            assert!(said.contains(&format!("the number {number}")), "{said}");
            continue;
        }
        // It can be changed and deleted like any other.
        let articles = &world.services.articles;
        articles.delete(&owner, id, None).await.unwrap();
        articles.remove(&owner, id, None).await.unwrap();
    }
}

#[tokio::test]
async fn bytes_without_their_record_and_records_without_bytes() {
    let (world, owner) = with_project().await;
    let (one, other) = (MediaId::new(), MediaId::new());
    let record = |id: MediaId, versions: &[u32]| {
        let versions = versions.iter().map(|version| {
            json!({ "version": version, "content_type": "text/markdown", "size_bytes": 5,
                "sha256": sha256(b"# One"), "author": UserId::new(), "created_at": "2024-01-01T00:00:00Z" })
        });
        let record = json!({
            "id": id, "name": "a.md", "alt": "", "owner": UserId::new(), "revision": 1,
            "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z",
            "versions": versions.collect::<Vec<_>>(),
        });
        (format!("media/{id}.json"), record.to_string().into_bytes())
    };
    let version = |id: MediaId, number: u32| (format!("media/{id}/{number}"), b"# One".to_vec());
    // Whoever waits for bytes that never come must not wait for ever, however many others come instead.
    let mut files = vec![record(one, &[1, 2]), version(one, 1)];
    files.extend((1..=40).map(|number| version(other, number)));
    files.push(record(other, &[2]));
    let (done, report) = import(&world, &owner, archive(), packed(&files)).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    assert_eq!(done.counts.refused, 42, "{report:#?}");
    let of_other = record(other, &[1]).1;
    let files = [(format!("media/{one}.json"), of_other), version(one, 1)];
    let (_, report) = import(&world, &owner, archive(), packed(&files)).await;
    assert_eq!(outcomes(&report), [Outcome::Refused; 2], "{report:#?}");
    assert_eq!(world.blobs.count(), 0);
}

#[tokio::test]
async fn archives_whose_media_are_not_as_they_say() {
    let (source, ada) = with_project().await;
    let medium = upload(&source, &ada, "notes.md", b"# One".to_vec()).await;
    let file = export(&source.services, &ada, all(Format::Archive)).await;
    let changed = |change: &dyn Fn(&mut Entries)| {
        let mut files = unpacked(&file);
        change(&mut files);
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in &files {
            zip.start_file(name.as_str(), SimpleFileOptions::default())
                .unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    };
    let bytes = format!("media/{}/1", medium.id);
    let cases = [
        changed(&|files| files.iter_mut().find(|it| it.0 == bytes).unwrap().1[2] = b'X'),
        changed(&|files| files.retain(|it| it.0 != bytes)),
        changed(&|files| files.push(("media/../../tide.png".to_owned(), b"x".to_vec()))),
        changed(&|files| files.push((format!("media/{}/2", medium.id), b"x".to_vec()))),
        packed(&[("media/tide.png".to_owned(), b"x".to_vec())]),
        packed(&[(bytes.clone(), vec![0; 64 << 20])]),
    ];
    for (number, file) in cases.into_iter().enumerate() {
        let (target, ben) = with_project().await;
        let (done, report) = import(&target, &ben, archive(), file).await;
        assert_eq!(done.status, JobStatus::Failed, "{number}");
        assert_eq!(outcomes(&report), [], "{number}: nothing is taken in");
        assert_eq!(target.blobs.count(), 0, "{number}");
    }
}

#[tokio::test]
async fn in_default_only_admins_move_archives() -> Result<()> {
    let (world, owner) = with_project().await;
    let other = world.somebody(Role::Creator).await;
    let library = &world.services.media;
    for (who, text) in [(&owner, "# Mine"), (&other, "# Theirs")] {
        let new = NewUpload {
            claim: claim("notes.md"),
            alt: String::new(),
            size_bytes: text.len() as u64,
        };
        let upload = library.begin_upload(who, "default", new).await?;
        let bytes = body(text.as_bytes().to_vec());
        library
            .continue_upload(who, "default", upload.id, 0, bytes)
            .await?;
    }
    let transfers = &world.services.transfers;
    let wish = all(Format::Archive);
    let refused = transfers.export(&owner, "default", wish.clone()).await;
    assert!(refused.is_err());
    let admin = world.somebody(Role::Admin).await;
    let export = transfers.export(&admin, "default", wish).await?;
    let pieces: Vec<Bytes> = export.body.try_collect().await?;
    let files = unpacked(&pieces.concat());
    let texts = files.iter().filter(|file| file.0.ends_with("/1"));
    let mut texts: Vec<&[u8]> = texts.map(|file| file.1.as_slice()).collect();
    texts.sort_unstable();
    assert_eq!(texts, [&b"# Mine"[..], b"# Theirs"]);
    Ok(())
}
