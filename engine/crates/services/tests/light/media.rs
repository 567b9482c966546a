//! Files of projects: who may, what becomes of pictures, and what is left after crashes.

use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use futures::{StreamExt, stream};
use inkstone_domain::codes::Code;
use inkstone_domain::content::Extras;
use inkstone_domain::ids::{BlobId, UploadId};
use inkstone_domain::media::{BlobKey, Media, MediaFilter, VariantState};
use inkstone_domain::ports::{
    ArticleStore, AuditLog, BlobStore, ByteStream, DocumentStore, MediaStore,
};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_domain::search::DocumentId;
use inkstone_domain::{Error, Result, codes};
use inkstone_services::ProjectPatch;
use inkstone_services::content::{ArticlePatch, NewArticle};
use inkstone_services::media::{Claim, MediaPatch, NewUpload, ShownState};
use inkstone_testkit::sample;

use crate::world::{PATIENCE, World, handbook, join, page};

fn bytes(of: Vec<u8>) -> ByteStream {
    stream::iter([Ok(Bytes::from(of))]).boxed()
}

fn claim(name: &str) -> Claim {
    Claim {
        name: name.to_owned(),
        content_type: None,
    }
}

async fn try_add(world: &World, who: &Principal, project: &str, of: Vec<u8>) -> Result<Media> {
    let media = &world.services.media;
    let taken = media
        .take_in(who, project, claim("tide.png"), bytes(of))
        .await?;
    media.add(who, taken, String::new()).await
}

async fn add(world: &World, who: &Principal, project: &str) -> Media {
    let picture = sample::png(64, 48, 100);
    try_add(world, who, project, picture).await.unwrap()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, code: &Code) {
    assert_eq!(result.unwrap_err().code().name, code.name);
}

#[tokio::test]
async fn members_read_and_editors_write() {
    let world = World::new().await;
    let media = &world.services.media;
    let owner = world.somebody(Role::Creator).await;
    let slug = handbook(&world, &owner).await;
    let own = add(&world, &owner, &slug).await;
    let patch = || MediaPatch {
        alt: Some(sample::now().to_rfc3339()),
        ..MediaPatch::default()
    };
    let stranger = world.somebody(Role::Creator).await;
    refused(
        try_add(&world, &stranger, &slug, sample::png(1, 1, 1)).await,
        &codes::NOT_FOUND,
    );
    refused(media.get(&stranger, own.id).await, &codes::NOT_FOUND);
    refused(
        media.update(&stranger, own.id, patch(), None).await,
        &codes::NOT_FOUND,
    );

    let reader = world.somebody(Role::Creator).await;
    join(&world, &owner, &reader, ProjectRole::Reviewer).await;
    media.get(&reader, own.id).await.unwrap();
    media.content(&reader, own.id, None, None).await.unwrap();
    refused(
        try_add(&world, &reader, &slug, sample::png(1, 1, 1)).await,
        &codes::FORBIDDEN,
    );
    refused(
        media.update(&reader, own.id, patch(), None).await,
        &codes::FORBIDDEN,
    );
    refused(media.delete(&reader, own.id, None).await, &codes::FORBIDDEN);

    let editor = world.somebody(Role::Creator).await;
    join(&world, &owner, &editor, ProjectRole::Editor).await;
    media.update(&editor, own.id, patch(), None).await.unwrap();
    let by_editor = add(&world, &editor, &slug).await;
    media.delete(&owner, by_editor.id, None).await.unwrap();
    // A viewer of the engine only reads, whatever their role in a project.
    let viewer = world.somebody(Role::Viewer).await;
    join(&world, &owner, &viewer, ProjectRole::Editor).await;
    refused(
        media.update(&viewer, own.id, patch(), None).await,
        &codes::FORBIDDEN,
    );

    let archived = ProjectPatch {
        is_archived: Some(true),
        ..ProjectPatch::default()
    };
    let projects = &world.services.projects;
    projects
        .update(&owner, &slug, archived, None)
        .await
        .unwrap();
    media.get(&owner, own.id).await.unwrap();
    refused(media.delete(&owner, own.id, None).await, &codes::CONFLICT);
    refused(
        try_add(&world, &owner, &slug, sample::png(1, 1, 1)).await,
        &codes::CONFLICT,
    );
}

#[tokio::test]
async fn texts_are_found_by_what_they_say() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let media = &world.services.media;
    let notes = Claim {
        name: "notes.md".to_owned(),
        content_type: None,
    };
    let text = b"# Notes\n\nThe spring tide drowned the causeway.".to_vec();
    let taken = media.take_in(&owner, "handbook", notes, bytes(text)).await;
    let added = media
        .add(&owner, taken.unwrap(), String::new())
        .await
        .unwrap();
    let picture = add(&world, &owner, "handbook").await;
    let ids = [added.id, picture.id].map(DocumentId::Media);
    let documents = world.store.documents(&ids).await.unwrap();
    let body = |id| {
        documents
            .iter()
            .find(|one| one.id == id)
            .unwrap()
            .body
            .as_str()
    };
    assert_eq!(
        body(ids[0]),
        "# Notes\n\nThe spring tide drowned the causeway."
    );
    assert_eq!(body(ids[1]), "");
}

#[tokio::test]
async fn admins_are_written_down() {
    let world = World::new().await;
    let media = &world.services.media;
    let owner = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    let own = add(&world, &owner, "default").await;
    let count = async || {
        let filter = inkstone_domain::audit::AuditFilter {
            subject: Some(format!("media:{}", own.id)),
            ..Default::default()
        };
        let entries = world.store.list_audit(&filter, page(100)).await.unwrap();
        let actions = entries.items.into_iter().map(|entry| entry.record.action);
        actions.collect::<Vec<_>>()
    };
    media.delete(&owner, own.id, None).await.unwrap();
    media.restore(&owner, own.id, None).await.unwrap();
    assert!(count().await.is_empty());
    media.delete(&admin, own.id, None).await.unwrap();
    media.remove(&admin, own.id, None).await.unwrap();
    assert_eq!(count().await, ["media.removed", "media.deleted"]);
}

#[tokio::test]
async fn a_job_makes_variants_of_pictures() {
    let world = World::new().await;
    let media = &world.services.media;
    let owner = world.somebody(Role::Creator).await;
    let own = add(&world, &owner, "default").await;
    assert_eq!(own.newest.variant_state, VariantState::Pending);
    refused(
        media.content(&owner, own.id, None, Some("thumbnail")).await,
        &codes::NOT_FOUND,
    );
    world.services.start_workers(1);
    let ready = made(&world, &owner, &own, 1).await;
    assert_eq!(ready.newest.variant_state, VariantState::Ready);
    let names = ready.newest.variants.iter().map(|one| one.name.as_str());
    let names: Vec<&str> = names.collect();
    assert_eq!(names, ["thumbnail", "medium", "medium-avif"]);
    let small = media.content(&owner, own.id, None, Some("thumbnail")).await;
    let small = small.unwrap();
    assert_eq!(
        (small.name.as_str(), small.content.width),
        ("tide-thumbnail.webp", Some(320))
    );
    let blob = media.open(&small, None).await.unwrap();
    let told = format!("thumbnail of {} bytes", own.newest.content.size_bytes);
    assert_eq!(blob.size_bytes, told.len() as u64);

    let mut broken = sample::png(64, 48, 10);
    broken.extend_from_slice(b"broken");
    let broken = try_add(&world, &owner, "default", broken).await.unwrap();
    let failed = made(&world, &owner, &broken, 1).await;
    assert_eq!(failed.newest.variant_state, VariantState::Failed);
    let text = media
        .take_in(&owner, "default", claim("a.txt"), bytes(b"tides".to_vec()))
        .await;
    let text = media
        .add(&owner, text.unwrap(), String::new())
        .await
        .unwrap();
    assert_eq!(text.newest.variant_state, VariantState::None);
}

/// The file once its variants are no longer to be made.
async fn made(world: &World, who: &Principal, media: &Media, version: u32) -> Media {
    let look = async {
        loop {
            let found = world.services.media.get(who, media.id).await.unwrap();
            let is_done = found.newest.variant_state != VariantState::Pending;
            if is_done && found.newest.version == version {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap()
}

#[tokio::test]
async fn variants_whose_job_was_lost_are_made_later_and_once() {
    let world = World::new().await;
    let media = &world.services.media;
    let owner = world.somebody(Role::Creator).await;
    let own = add(&world, &owner, "default").await;
    media.make_forgotten_variants().await.unwrap();
    let early = media.get(&owner, own.id).await.unwrap();
    assert_eq!(early.newest.variant_state, VariantState::Pending);
    world.clock.advance(Duration::from_secs(60 * 60));
    media.make_forgotten_variants().await.unwrap();
    let blobs = world.blobs.count();
    assert_eq!(blobs, 4);
    media.make_variants(own.id, 1).await.unwrap();
    assert_eq!(world.blobs.count(), blobs);
    let later = media.get(&owner, own.id).await.unwrap();
    assert_eq!(later.newest.variants.len(), 3);
    media.remove(&owner, own.id, None).await.unwrap();
    assert_eq!(world.blobs.count(), 0);
    media.make_variants(own.id, 1).await.unwrap();
}

#[tokio::test]
async fn what_fails_leaves_no_bytes() {
    let world = World::new().await;
    let media = &world.services.media;
    let owner = world.somebody(Role::Creator).await;
    let broken = stream::iter([
        Ok(Bytes::from(sample::png(64, 48, 100))),
        Err(Error::new(&codes::INVALID_INPUT, "gone")),
    ]);
    let taken = media.take_in(&owner, "default", claim("a.png"), broken.boxed());
    refused(taken.await, &codes::INVALID_INPUT);
    let late_zero = stream::iter([
        Ok(Bytes::from(vec![b'a'; 2_000])),
        Ok(Bytes::from_static(b"\0")),
    ]);
    let taken = media.take_in(&owner, "default", claim("a.txt"), late_zero.boxed());
    assert!(taken.await.is_err());
    let too_large = try_add(&world, &owner, "default", sample::png(64, 48, 20_000)).await;
    refused(too_large, &codes::BODY_TOO_LARGE);
    let taken = media
        .take_in(
            &owner,
            "default",
            claim("a.png"),
            bytes(sample::png(1, 1, 1)),
        )
        .await
        .unwrap();
    let long = "x".repeat(3_000);
    refused(media.add(&owner, taken, long).await, &codes::INVALID_INPUT);
    assert_eq!(world.blobs.count(), 0);

    for _ in 0..2 {
        try_add(&world, &owner, "default", sample::png(64, 48, 19_000))
            .await
            .unwrap();
    }
    let full = try_add(&world, &owner, "default", sample::png(64, 48, 19_000)).await;
    refused(full, &codes::MEDIA_QUOTA_EXCEEDED);
    assert_eq!(world.blobs.count(), 2);
    assert!(world.store.media_bytes("default").await.unwrap() <= 50_000);
}

#[tokio::test]
async fn what_a_crash_leaves_is_swept_away_and_nothing_else() {
    let world = World::new().await;
    let media = &world.services.media;
    let owner = world.somebody(Role::Creator).await;
    let kept = add(&world, &owner, "default").await;
    media.make_variants(kept.id, 1).await.unwrap();
    let upload = begin(&world, &owner, 100).await;
    media
        .continue_upload(&owner, "default", upload, 0, bytes(sample::png(1, 1, 10)))
        .await
        .unwrap();
    let orphan = |world: &World| BlobKey {
        project: "default".to_owned(),
        blob: BlobId::at(inkstone_domain::ports::Clock::now(world.clock.as_ref())),
    };
    let old = orphan(&world);
    world
        .blobs
        .put(&old, bytes(b"left".to_vec()))
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(25 * 60 * 60));
    let young = orphan(&world);
    world
        .blobs
        .put(&young, bytes(b"new".to_vec()))
        .await
        .unwrap();
    assert_eq!(media.sweep().await.unwrap(), 1);
    assert_eq!(world.blobs.size(&old).await.unwrap(), None);
    // The file, its variants, the piece of the upload, and what may still become something.
    assert_eq!(world.blobs.count(), 6);
    assert_eq!(media.end_expired_uploads().await.unwrap(), 1);
    assert_eq!(world.blobs.count(), 5);
    media
        .content(&owner, kept.id, None, Some("medium"))
        .await
        .unwrap();
}

async fn begin(world: &World, who: &Principal, size_bytes: u64) -> UploadId {
    let new = NewUpload {
        claim: claim("tide.png"),
        alt: String::new(),
        size_bytes,
    };
    let begun = world.services.media.begin_upload(who, "default", new).await;
    begun.unwrap().id
}

#[tokio::test]
async fn an_upload_that_was_whole_before_a_crash_becomes_a_file_after_it() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    let picture = sample::png(64, 48, 500);
    let upload = begin(&world, &owner, picture.len() as u64).await;
    // The last piece is acknowledged by the store, and the engine is gone.
    let key = BlobKey {
        project: "default".to_owned(),
        blob: BlobId::new(),
    };
    let size_bytes = picture.len() as u64;
    world.blobs.put(&key, bytes(picture)).await.unwrap();
    let part = inkstone_domain::media::UploadPart {
        blob: key.blob,
        size_bytes,
    };
    world.store.add_upload_part(upload, 0, &part).await.unwrap();
    let next = world.another_engine().await;
    let shown = next.media.upload(&owner, "default", upload).await.unwrap();
    let id = shown.media.unwrap();
    let media = next.media.get(&owner, id).await.unwrap();
    assert_eq!(media.newest.content.size_bytes, size_bytes);
    assert_eq!(world.blobs.count(), 1);
    let again = next.media.upload(&owner, "default", upload).await.unwrap();
    assert_eq!(again.media, Some(id));
}

#[tokio::test]
async fn a_file_that_cannot_be_removed_holds_up_none() {
    let world = World::new().await;
    let media = &world.services.media;
    let owner = world.somebody(Role::Creator).await;
    for number in 0..3 {
        let own = add(&world, &owner, "default").await;
        media.delete(&owner, own.id, None).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
        if number < 2 {
            world.store.jam(own.id);
        }
    }
    world.clock.advance(Duration::from_secs(31 * 24 * 60 * 60));
    assert_eq!(media.empty_trash().await.unwrap(), 1);
    assert_eq!(media.empty_trash().await.unwrap(), 0);
}

#[tokio::test]
async fn the_trash_is_emptied_in_time() {
    let world = World::new().await;
    let media = &world.services.media;
    let owner = world.somebody(Role::Creator).await;
    let own = add(&world, &owner, "default").await;
    media.delete(&owner, own.id, None).await.unwrap();
    world.clock.advance(Duration::from_secs(29 * 24 * 60 * 60));
    assert_eq!(media.empty_trash().await.unwrap(), 0);
    world.clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    assert_eq!(media.empty_trash().await.unwrap(), 1);
    assert_eq!(world.blobs.count(), 0);
    refused(media.restore(&owner, own.id, None).await, &codes::NOT_FOUND);
    let filter = MediaFilter {
        project: "default".to_owned(),
        is_trashed: true,
        ..MediaFilter::default()
    };
    let list = media.list(&owner, filter, page(10)).await.unwrap();
    assert!(list.items.is_empty());
}

#[tokio::test]
async fn a_cover_is_not_thrown_away_and_strangers_hold_nothing_fast() {
    let world = World::new().await;
    let media = &world.services.media;
    let owner = world.somebody(Role::Creator).await;
    let stranger = world.somebody(Role::Creator).await;
    let own = add(&world, &owner, "default").await;
    let with_cover = || NewArticle {
        title: "The tides".to_owned(),
        extras: Extras {
            cover: own.id.to_string(),
            ..Extras::default()
        },
        ..NewArticle::default()
    };
    let articles = &world.services.articles;
    let article = articles.create(&owner, with_cover()).await.unwrap();
    let theirs = articles.create(&stranger, with_cover()).await;
    refused(theirs, &codes::INVALID_INPUT);
    // However the id came there: a store takes what it is given.
    let mut stolen = sample::article(stranger.user);
    stolen.text.extras.cover = own.id.to_string();
    let stolen = sample::creation(&stolen);
    world.store.create_article(stolen.clone()).await.unwrap();
    let shown = media.shown(&stolen.article, &[own.id]).await.unwrap();
    assert_eq!(shown[0].state, ShownState::Gone);
    let shown = media.shown(&article, &[own.id]).await.unwrap();
    assert!(matches!(shown[0].state, ShownState::Ready(_)));
    refused(media.delete(&owner, own.id, None).await, &codes::CONFLICT);
    refused(media.remove(&owner, own.id, None).await, &codes::CONFLICT);
    articles.delete(&owner, article.id, None).await.unwrap();
    media.delete(&owner, own.id, None).await.unwrap();
    // What came out of the trash meanwhile holds its cover fast in there.
    articles.restore(&owner, article.id, None).await.unwrap();
    refused(media.remove(&owner, own.id, None).await, &codes::CONFLICT);
    world.clock.advance(Duration::from_secs(31 * 24 * 60 * 60));
    assert_eq!(media.empty_trash().await.unwrap(), 0);
    media.restore(&owner, own.id, None).await.unwrap();
    let shown = media.shown(&article, &[own.id]).await.unwrap();
    assert!(matches!(shown[0].state, ShownState::Ready(_)));
}

/// Whether a file is in the trash is asked before an article's transaction, so one that is thrown away in between
/// becomes a cover all the same.
#[tokio::test]
async fn a_cover_that_was_thrown_away_meanwhile_is_not_shown_and_may_come_back() {
    let world = World::new().await;
    let (media, articles) = (&world.services.media, &world.services.articles);
    let owner = world.somebody(Role::Creator).await;
    let mut covers = Vec::new();
    for is_removed in [false, true] {
        let own = add(&world, &owner, "default").await;
        match is_removed {
            true => media.remove(&owner, own.id, None).await.unwrap(),
            false => media.delete(&owner, own.id, None).await.unwrap(),
        }
        let mut article = sample::article(owner.user);
        article.text.extras.cover = own.id.to_string();
        let late = sample::creation(&article);
        world.store.create_article(late).await.unwrap();
        covers.push((own, article));
    }
    let [(trashed, of_trashed), (removed, of_removed)] = &covers[..] else {
        panic!("two covers");
    };
    let shown = media.shown(of_trashed, &[trashed.id]).await.unwrap();
    assert_eq!(shown[0].state, ShownState::Trashed);
    let shown = media.shown(of_removed, &[removed.id]).await.unwrap();
    assert_eq!(shown[0].state, ShownState::Gone);
    // It stays in the trash for as long as it is one, and the articles can be changed.
    refused(
        media.remove(&owner, trashed.id, None).await,
        &codes::CONFLICT,
    );
    world.clock.advance(Duration::from_secs(31 * 24 * 60 * 60));
    assert_eq!(media.empty_trash().await.unwrap(), 0);
    for (_, article) in &covers {
        let patch = ArticlePatch {
            title: Some("The tides".to_owned()),
            ..ArticlePatch::default()
        };
        let changed = articles.update(&owner, article.id, patch, None).await;
        let cover = changed.unwrap().text.extras.cover;
        assert_eq!(cover, article.text.extras.cover);
    }
    media.restore(&owner, trashed.id, None).await.unwrap();
    let shown = media.shown(of_trashed, &[trashed.id]).await.unwrap();
    assert!(matches!(shown[0].state, ShownState::Ready(_)));
}

#[tokio::test]
async fn links_do_not_open_what_was_thrown_away() {
    let world = World::new().await;
    let media = &world.services.media;
    let owner = world.somebody(Role::Creator).await;
    let own = add(&world, &owner, "default").await;
    let link = media
        .link(&owner, own.id, None, None, TimeDelta::hours(1))
        .await
        .unwrap();
    media.linked(&link).await.unwrap();
    // A new version does not change what an old link opens.
    let newer = bytes(sample::png(8, 8, 10));
    media
        .add_version(&owner, own.id, Claim::default(), newer, None)
        .await
        .unwrap();
    assert_eq!(
        media.linked(&link).await.unwrap().content,
        own.newest.content
    );
    media.delete(&owner, own.id, None).await.unwrap();
    refused(media.linked(&link).await, &codes::NOT_FOUND);
    let long = media.link(&owner, own.id, None, None, TimeDelta::days(8));
    refused(long.await, &codes::INVALID_INPUT);
}
