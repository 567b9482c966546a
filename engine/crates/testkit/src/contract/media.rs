//! The suite of [`MediaStore`].

use chrono::TimeDelta;
use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::content::Article;
use inkstone_domain::ids::{BlobId, UserId};
use inkstone_domain::media::{
    BlobKey, Media, MediaFilter, Upload, UploadPart, Variant, VariantState,
};
use inkstone_domain::ports::{ArticleStore, MediaStore};
use inkstone_domain::project::DEFAULT_PROJECT;

use super::{CROWD, assert_code};
use crate::sample;

const PLENTY: u64 = 1_000_000;

pub async fn run(store: &dyn MediaStore, articles: &dyn ArticleStore) {
    keeps_a_file_and_its_versions(store).await;
    changes_what_is_said_of_a_file(store).await;
    keeps_variants_of_each_version(store).await;
    lists_what_a_project_has(store).await;
    removes_a_file_with_its_bytes(store).await;
    the_quota_holds_in_a_crowd(store).await;
    uploads_grow_at_their_end(store).await;
    an_upload_becomes_a_file_once(store).await;
    uploads_end(store).await;
    knows_covers(store, articles).await;
    a_cover_is_not_thrown_away(store, articles).await;
}

fn project() -> String {
    sample::project().slug
}

async fn created(store: &dyn MediaStore, project: &str) -> Media {
    let media = sample::media(project, UserId::new());
    store
        .create_media(&media, None, PLENTY, Some(sample::some_audit()))
        .await
        .unwrap();
    media
}

fn next(media: &Media) -> Media {
    Media {
        newest: sample::media_version(media.newest.version + 1, media.owner),
        ..changed(media)
    }
}

fn changed(media: &Media) -> Media {
    Media {
        revision: media.revision + 1,
        updated_at: sample::now(),
        ..media.clone()
    }
}

pub async fn keeps_a_file_and_its_versions(store: &dyn MediaStore) {
    let first = sample::media(&project(), UserId::new());
    let early = store.add_media_version(&next(&first), PLENTY, None).await;
    assert_code(early, &codes::NOT_FOUND);
    assert_eq!(store.media(first.id).await.unwrap(), None);
    store
        .create_media(&first, None, PLENTY, None)
        .await
        .unwrap();
    assert_eq!(store.media(first.id).await.unwrap(), Some(first.clone()));

    let second = next(&first);
    store
        .add_media_version(&second, PLENTY, None)
        .await
        .unwrap();
    assert_eq!(store.media(first.id).await.unwrap(), Some(second.clone()));
    let late = store.add_media_version(&second, PLENTY, None).await;
    assert_code(late, &codes::REVISION_MISMATCH);
    for media in [&first, &second] {
        let found = store.media_version(first.id, media.newest.version).await;
        assert_eq!(found.unwrap(), Some(media.newest.clone()));
    }
    assert_eq!(store.media_version(first.id, 3).await.unwrap(), None);
    let mut page = sample::first_page(1);
    let newest = store.media_versions(first.id, page.clone()).await.unwrap();
    assert_eq!(newest.items, [second.newest]);
    page.cursor = newest.next_cursor;
    let rest = store.media_versions(first.id, page).await.unwrap();
    assert_eq!((rest.items, rest.next_cursor), (vec![first.newest], None));
    assert_eq!(store.media_bytes(&first.project).await.unwrap(), 200);
}

pub async fn changes_what_is_said_of_a_file(store: &dyn MediaStore) {
    let first = created(store, &project()).await;
    let mut second = changed(&first);
    second.name = "ebb.png".to_owned();
    second.alt = String::new();
    second.trashed_at = Some(sample::now());
    store
        .update_media(&second, first.owner, None)
        .await
        .unwrap();
    assert_eq!(store.media(first.id).await.unwrap(), Some(second.clone()));
    let late = store.update_media(&second, first.owner, None).await;
    assert_code(late, &codes::REVISION_MISMATCH);
    let stranger = sample::media(&first.project, first.owner);
    let none = store
        .update_media(&changed(&stranger), first.owner, None)
        .await;
    assert_code(none, &codes::NOT_FOUND);

    let later = sample::now() + TimeDelta::hours(1);
    let trashed = store.media_trashed_before(later, 1_000).await.unwrap();
    assert!(trashed.contains(&second));
    let earlier = sample::now() - TimeDelta::hours(1);
    let trashed = store.media_trashed_before(earlier, 1_000).await.unwrap();
    assert!(!trashed.contains(&second));
}

pub async fn keeps_variants_of_each_version(store: &dyn MediaStore) {
    let first = created(store, &project()).await;
    let second = next(&first);
    store
        .add_media_version(&second, PLENTY, None)
        .await
        .unwrap();
    let later = sample::now() + TimeDelta::hours(1);
    let pending = store.pending_variants(later, 1_000).await.unwrap();
    assert!(pending.contains(&(first.id, 1)) && pending.contains(&(first.id, 2)));

    let variant = |size_bytes| Variant {
        name: "thumbnail".to_owned(),
        content: sample::media_content(size_bytes),
    };
    let (old, new) = ([variant(10)], [variant(20)]);
    let ready = VariantState::Ready;
    store.put_variants(first.id, 1, &old, ready).await.unwrap();
    let stored = store.media(first.id).await.unwrap().unwrap();
    assert_eq!((stored.revision, &stored.newest), (3, &second.newest));
    store.put_variants(first.id, 2, &new, ready).await.unwrap();
    let stored = store.media(first.id).await.unwrap().unwrap();
    assert_eq!(stored.revision, 4);
    assert_eq!(stored.newest.variants, new);
    let one = store.media_version(first.id, 1).await.unwrap().unwrap();
    assert_eq!(
        (one.variants.as_slice(), one.variant_state),
        (&old[..], ready)
    );

    let again = [variant(30)];
    store
        .put_variants(first.id, 2, &again, ready)
        .await
        .unwrap();
    store
        .put_variants(first.id, 9, &again, ready)
        .await
        .unwrap();
    assert_eq!(store.media(first.id).await.unwrap(), Some(stored));
    let blobs = [
        old[0].content.blob,
        new[0].content.blob,
        again[0].content.blob,
    ];
    let mut known = store.known_blobs(&blobs).await.unwrap();
    known.sort();
    let mut expected = blobs[..2].to_vec();
    expected.sort();
    assert_eq!(known, expected);
    let pending = store.pending_variants(later, 1_000).await.unwrap();
    assert!(pending.iter().all(|(id, _)| *id != first.id));
    assert_eq!(store.media_bytes(&first.project).await.unwrap(), 200);
}

pub async fn lists_what_a_project_has(store: &dyn MediaStore) {
    let project = project();
    let mut made = Vec::new();
    for number in 0..4 {
        let mut media = sample::media(&project, UserId::new());
        if number == 1 {
            media.newest.content.content_type = "application/pdf".to_owned();
        }
        store
            .create_media(&media, None, PLENTY, None)
            .await
            .unwrap();
        made.push(media);
    }
    let mut trashed = changed(&made[0]);
    trashed.trashed_at = Some(sample::now());
    store
        .update_media(&trashed, trashed.owner, None)
        .await
        .unwrap();
    created(store, &self::project()).await;

    let all = MediaFilter {
        project,
        ..MediaFilter::default()
    };
    let of_type = |content_type: &str| MediaFilter {
        content_type: Some(content_type.to_owned()),
        ..all.clone()
    };
    let of_owner = MediaFilter {
        owner: Some(made[2].owner),
        ..all.clone()
    };
    let in_trash = MediaFilter {
        is_trashed: true,
        ..all.clone()
    };
    for (filter, expected) in [
        (all.clone(), vec![&made[3], &made[2], &made[1]]),
        (of_type("image/png"), vec![&made[3], &made[2]]),
        (of_type("image"), vec![&made[3], &made[2]]),
        (of_type("application"), vec![&made[1]]),
        (of_type("image/p"), vec![]),
        (of_owner, vec![&made[2]]),
        (in_trash, vec![&trashed]),
    ] {
        let mut page = sample::first_page(2);
        let mut found = Vec::new();
        loop {
            let next = store.list_media(&filter, page.clone()).await.unwrap();
            found.extend(next.items);
            match next.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => break,
            }
        }
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

pub async fn removes_a_file_with_its_bytes(store: &dyn MediaStore) {
    let first = created(store, &project()).await;
    let second = next(&first);
    store
        .add_media_version(&second, PLENTY, None)
        .await
        .unwrap();
    let variant = Variant {
        name: "thumbnail".to_owned(),
        content: sample::media_content(10),
    };
    let variants = std::slice::from_ref(&variant);
    let ready = VariantState::Ready;
    store
        .put_variants(first.id, 2, variants, ready)
        .await
        .unwrap();
    let stale = store
        .remove_media(&at_revision(&first, 2), first.owner, None)
        .await;
    assert_code(stale, &codes::REVISION_MISMATCH);
    let mut removed = store
        .remove_media(&at_revision(&first, 3), first.owner, None)
        .await
        .unwrap();
    removed.sort();
    let contents = [
        &first.newest.content,
        &second.newest.content,
        &variant.content,
    ];
    let mut expected = contents.map(|content| first.key(content)).to_vec();
    expected.sort();
    assert_eq!(removed, expected);
    assert_eq!(store.media(first.id).await.unwrap(), None);
    assert_eq!(store.media_version(first.id, 1).await.unwrap(), None);
    assert_eq!(store.media_bytes(&first.project).await.unwrap(), 0);
    let blobs: Vec<BlobId> = removed.iter().map(|key| key.blob).collect();
    assert!(store.known_blobs(&blobs).await.unwrap().is_empty());
    let again = store
        .remove_media(&at_revision(&first, 3), first.owner, None)
        .await;
    assert_code(again, &codes::NOT_FOUND);
}

fn at_revision(media: &Media, revision: u64) -> Media {
    Media {
        revision,
        ..media.clone()
    }
}

pub async fn the_quota_holds_in_a_crowd(store: &dyn MediaStore) {
    let project = project();
    // Of each 100 bytes, so that four of them fit.
    let quota_bytes = 450;
    let makers = (0..CROWD).map(|number| {
        let project = project.clone();
        async move {
            let owner = UserId::new();
            match number % 2 {
                0 => {
                    let media = sample::media(&project, owner);
                    store.create_media(&media, None, quota_bytes, None).await
                }
                _ => {
                    let upload = sample::upload(&project, owner);
                    store.create_upload(&upload, quota_bytes).await
                }
            }
        }
    });
    let made = join_all(makers).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 4);
    for refused in made.into_iter().filter(|made| made.is_err()) {
        assert_code(refused, &codes::MEDIA_QUOTA_EXCEEDED);
    }
    assert_eq!(store.media_bytes(&project).await.unwrap(), 400);
}

fn part(size_bytes: u64) -> UploadPart {
    UploadPart {
        blob: BlobId::new(),
        size_bytes,
    }
}

pub async fn uploads_grow_at_their_end(store: &dyn MediaStore) {
    let upload = sample::upload(&project(), UserId::new());
    let none = store.add_upload_part(upload.id, 0, &part(1)).await;
    assert_code(none, &codes::NOT_FOUND);
    assert_eq!(store.upload(upload.id).await.unwrap(), None);
    store.create_upload(&upload, PLENTY).await.unwrap();
    assert_eq!(store.upload(upload.id).await.unwrap(), Some(upload.clone()));
    assert_eq!(store.media_bytes(&upload.project).await.unwrap(), 100);

    let parts: Vec<UploadPart> = (0..CROWD).map(|_| part(60)).collect();
    let added = join_all(
        parts
            .iter()
            .map(|part| store.add_upload_part(upload.id, 0, part)),
    );
    let added = added.await;
    assert_eq!(added.iter().filter(|added| added.is_ok()).count(), 1);
    for refused in added.into_iter().filter(|added| added.is_err()) {
        assert_code(refused, &codes::CONFLICT);
    }
    let too_long = store.add_upload_part(upload.id, 60, &part(41)).await;
    assert_code(too_long, &codes::BODY_TOO_LARGE);
    let last = part(40);
    let whole = store.add_upload_part(upload.id, 60, &last).await.unwrap();
    assert!(whole.is_whole());
    assert_eq!(store.upload(upload.id).await.unwrap(), Some(whole.clone()));
    let blobs = [last.blob, BlobId::new()];
    let known = store.known_blobs(&blobs).await.unwrap();
    assert_eq!(known, [last.blob]);
}

async fn whole_upload(store: &dyn MediaStore) -> Upload {
    let upload = sample::upload(&project(), UserId::new());
    store.create_upload(&upload, PLENTY).await.unwrap();
    store
        .add_upload_part(upload.id, 0, &part(100))
        .await
        .unwrap()
}

pub async fn an_upload_becomes_a_file_once(store: &dyn MediaStore) {
    let half = sample::upload(&project(), UserId::new());
    let media = sample::media(&half.project, half.owner);
    let none = store
        .create_media(&media, Some(half.id), PLENTY, None)
        .await;
    assert_code(none, &codes::NOT_FOUND);
    store.create_upload(&half, PLENTY).await.unwrap();
    let early = store
        .create_media(&media, Some(half.id), PLENTY, None)
        .await;
    assert_code(early, &codes::CONFLICT);

    let upload = whole_upload(store).await;
    let files: Vec<Media> = (0..CROWD)
        .map(|_| sample::media(&upload.project, upload.owner))
        .collect();
    // As much as there is: an upload has its place already.
    let made = files
        .iter()
        .map(|media| store.create_media(media, Some(upload.id), 100, None));
    let made = join_all(made).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
    for refused in made.into_iter().filter(|made| made.is_err()) {
        assert_code(refused, &codes::CONFLICT);
    }
    assert_eq!(store.media_bytes(&upload.project).await.unwrap(), 100);
    let done = store.upload(upload.id).await.unwrap().unwrap();
    assert!(done.media.is_some() && done.parts.is_empty() && done.is_whole());
    let blobs = [upload.parts[0].blob];
    assert!(store.known_blobs(&blobs).await.unwrap().is_empty());
    assert!(store.remove_upload(upload.id).await.unwrap().is_empty());
    assert_eq!(store.media_bytes(&upload.project).await.unwrap(), 100);
}

pub async fn uploads_end(store: &dyn MediaStore) {
    let upload = whole_upload(store).await;
    let expired = |hours| store.expired_uploads(sample::now() + TimeDelta::hours(hours), 1_000);
    assert!(!expired(0).await.unwrap().contains(&upload));
    assert!(expired(2).await.unwrap().contains(&upload));
    let removed = store.remove_upload(upload.id).await.unwrap();
    let key = BlobKey {
        project: upload.project.clone(),
        blob: upload.parts[0].blob,
    };
    assert_eq!(removed, [key]);
    assert_eq!(store.upload(upload.id).await.unwrap(), None);
    assert_eq!(store.media_bytes(&upload.project).await.unwrap(), 0);
    assert!(store.remove_upload(upload.id).await.unwrap().is_empty());
}

pub async fn knows_covers(store: &dyn MediaStore, articles: &dyn ArticleStore) {
    let media = created(store, DEFAULT_PROJECT).await;
    assert!(store.covers_with(&media).await.unwrap().is_empty());
    let mut article = sample::article(media.owner);
    article.text.extras.cover = media.id.to_string();
    let mut stranger = sample::article(UserId::new());
    stranger.text.extras.cover = media.id.to_string();
    for article in [&article, &stranger] {
        let creation = sample::creation(article);
        articles.create_article(creation).await.unwrap();
    }
    assert_eq!(store.covers_with(&media).await.unwrap(), [article.id]);
    let deletion = sample::deletion(&article);
    articles.delete_article(deletion).await.unwrap();
    assert!(store.covers_with(&media).await.unwrap().is_empty());
}

pub async fn a_cover_is_not_thrown_away(store: &dyn MediaStore, articles: &dyn ArticleStore) {
    let first = created(store, DEFAULT_PROJECT).await;
    let mut article = sample::article(first.owner);
    article.text.extras.cover = first.id.to_string();
    let creation = sample::creation(&article);
    articles.create_article(creation).await.unwrap();
    let trashed = trashed(&first);
    let refused = store.update_media(&trashed, first.owner, None).await;
    assert_code(refused, &codes::CONFLICT);

    let deletion = sample::deletion(&article);
    let deleted = Article {
        trashed_at: Some(deletion.article.updated_at),
        ..deletion.article.clone()
    };
    articles.delete_article(deletion).await.unwrap();
    store
        .update_media(&trashed, first.owner, None)
        .await
        .unwrap();

    // An article that comes out of the trash holds its cover fast, which is still in there.
    let restoration = sample::restoration(&deleted);
    articles.restore_article(restoration).await.unwrap();
    let refused = store.remove_media(&trashed, first.owner, None).await;
    assert_code(refused, &codes::CONFLICT);
    assert_eq!(store.media(first.id).await.unwrap(), Some(trashed.clone()));
    let mut update = sample::retitling(&sample::restoration(&deleted).article, "Without a cover");
    update.article.text.extras.cover = String::new();
    articles.update_article(update).await.unwrap();
    let removed = store.remove_media(&trashed, first.owner, None).await;
    assert_eq!(removed.unwrap().len(), 1);
}

fn trashed(media: &Media) -> Media {
    Media {
        revision: media.revision + 1,
        trashed_at: Some(sample::now()),
        updated_at: sample::now(),
        ..media.clone()
    }
}
