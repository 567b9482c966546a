//! Uploads in pieces while something goes wrong: answers of the store that are lost, questions in between.

use bytes::Bytes;
use futures::future::join_all;
use futures::{StreamExt, stream};
use inkstone_domain::codes;
use inkstone_domain::ids::{BlobId, UploadId};
use inkstone_domain::media::{BlobKey, Media, MediaFilter, UploadPart};
use inkstone_domain::ports::{BlobStore, ByteStream, MediaStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_services::media::{Claim, NewUpload};
use inkstone_testkit::{Gate, sample};

use crate::world::{PATIENCE, World, page};

fn bytes(of: &[u8]) -> ByteStream {
    stream::iter([Ok(Bytes::copy_from_slice(of))]).boxed()
}

fn claim() -> Claim {
    Claim {
        name: "tide.png".to_owned(),
        content_type: None,
    }
}

async fn begin(world: &World, who: &Principal, size_bytes: usize) -> UploadId {
    let new = NewUpload {
        claim: claim(),
        alt: String::new(),
        size_bytes: size_bytes as u64,
    };
    let begun = world.services.media.begin_upload(who, "default", new).await;
    begun.unwrap().id
}

async fn only_file(world: &World, who: &Principal) -> Media {
    let filter = MediaFilter {
        project: "default".to_owned(),
        ..MediaFilter::default()
    };
    let media = &world.services.media;
    let mut files = media.list(who, filter, page(9)).await.unwrap();
    assert_eq!(files.items.len(), 1);
    files.items.remove(0)
}

/// Whether the bytes of its newest version are there.
async fn has_bytes(world: &World, media: &Media) -> bool {
    let key = media.key(&media.newest.content);
    world.blobs.size(&key).await.unwrap().is_some()
}

#[tokio::test]
async fn bytes_of_a_file_whose_answer_was_lost_stay() {
    let world = World::new().await;
    let media = &world.services.media;
    let owner = world.somebody(Role::Creator).await;
    let picture = sample::png(8, 8, 500);

    let taken = media.take_in(&owner, "default", claim(), bytes(&picture));
    let taken = taken.await.unwrap();
    world.store.lose_answers(1);
    let lost = media.add(&owner, taken, String::new()).await.unwrap_err();
    assert_eq!(lost.code(), &codes::STORE_UNAVAILABLE);
    let first = only_file(&world, &owner).await;
    assert!(has_bytes(&world, &first).await);

    world.store.lose_answers(1);
    let other = sample::png(9, 9, 500);
    let lost = media.add_version(&owner, first.id, claim(), bytes(&other), None);
    assert_eq!(lost.await.unwrap_err().code(), &codes::STORE_UNAVAILABLE);
    let second = only_file(&world, &owner).await;
    assert_eq!(second.newest.version, 2);
    assert!(has_bytes(&world, &second).await);
    assert_eq!(world.blobs.count(), 2);

    // What was refused leaves nothing.
    let stale = media.add_version(&owner, first.id, claim(), bytes(&other), Some(2));
    assert!(stale.await.is_ok());
    let taken = media.take_in(&owner, "default", claim(), bytes(&picture));
    let taken = taken.await.unwrap();
    assert_eq!(world.blobs.count(), 4);
    let long = "x".repeat(100_000);
    assert!(media.add(&owner, taken, long).await.is_err());
    assert_eq!(world.blobs.count(), 3);
}

#[tokio::test]
async fn an_upload_whose_answers_were_lost_goes_on() {
    let world = World::new().await;
    let media = &world.services.media;
    let owner = world.somebody(Role::Creator).await;
    let picture = sample::png(8, 8, 500);
    let upload = begin(&world, &owner, picture.len()).await;

    world.store.lose_answers(1);
    let (head, rest) = picture.split_at(100);
    let lost = media.continue_upload(&owner, "default", upload, 0, bytes(head));
    assert_eq!(lost.await.unwrap_err().code(), &codes::STORE_UNAVAILABLE);
    let known = media.upload(&owner, "default", upload).await.unwrap();
    assert_eq!(known.offset(), 100);
    let key = BlobKey {
        project: "default".to_owned(),
        blob: known.parts[0].blob,
    };
    assert!(world.blobs.size(&key).await.unwrap().is_some());

    // A piece in the wrong place is refused, and its bytes are gone.
    let again = media.continue_upload(&owner, "default", upload, 0, bytes(head));
    assert_eq!(again.await.unwrap_err().code(), &codes::CONFLICT);
    assert_eq!(world.blobs.count(), 1);

    // The store keeps the last piece, and says nothing of the file that it became.
    let part = kept_part(&world, rest).await;
    world
        .store
        .add_upload_part(upload, 100, &part)
        .await
        .unwrap();
    world.store.lose_answers(1);
    let made = media.upload(&owner, "default", upload).await.unwrap();
    let file = only_file(&world, &owner).await;
    assert_eq!(made.media, Some(file.id));
    assert!(has_bytes(&world, &file).await);
    assert_eq!(world.blobs.count(), 1, "the pieces are gone");
}

/// A piece whose bytes are kept, and which no upload knows yet.
async fn kept_part(world: &World, of: &[u8]) -> UploadPart {
    let key = BlobKey {
        project: "default".to_owned(),
        blob: BlobId::new(),
    };
    let size_bytes = world.blobs.put(&key, bytes(of)).await.unwrap();
    UploadPart {
        blob: key.blob,
        size_bytes,
    }
}

#[tokio::test]
async fn one_call_makes_the_file_and_the_others_are_told_how_far_it_is() {
    let world = World::new().await;
    let media = &world.services.media;
    let owner = world.somebody(Role::Creator).await;
    let picture = sample::png(8, 8, 500);
    let upload = begin(&world, &owner, picture.len()).await;
    let gate = Gate::closed();
    world.blobs.read_through(gate.clone());
    let last = media.continue_upload(&owner, "default", upload, 0, bytes(&picture));
    let asking = async {
        gate.reached().await;
        let ask = || media.upload(&owner, "default", upload);
        let shown = join_all([ask(), ask(), ask()]).await;
        gate.open();
        shown
    };
    let both = async { tokio::join!(last, asking) };
    let (made, shown) = tokio::time::timeout(PATIENCE, both).await.unwrap();
    for shown in shown {
        let shown = shown.unwrap();
        assert_eq!((shown.offset(), shown.media), (picture.len() as u64, None));
    }
    let file = only_file(&world, &owner).await;
    assert_eq!(made.unwrap().media, Some(file.id));
    assert_eq!(world.blobs.count(), 1, "it was copied once");
    let shown = media.upload(&owner, "default", upload).await.unwrap();
    assert_eq!(shown.media, Some(file.id));
}

/// What another engine did while this one was about to read the pieces: made the file of them, or ended an upload
/// that can be none.
#[tokio::test]
async fn who_comes_too_late_to_the_pieces_is_told_what_became_of_them() {
    for becomes_a_file in [true, false] {
        let world = World::new().await;
        let owner = world.somebody(Role::Creator).await;
        let picture = sample::png(8, 8, 500);
        let upload = begin(&world, &owner, picture.len()).await;
        let part = kept_part(&world, &picture).await;
        world.store.add_upload_part(upload, 0, &part).await.unwrap();
        let gate = Gate::closed();
        world.blobs.read_through(gate.clone());
        let made = sample::media("default", owner.user);
        let other = async {
            gate.reached().await;
            match becomes_a_file {
                true => {
                    let create = world.store.create_media(&made, Some(upload), 50_000, None);
                    create.await.unwrap();
                }
                false => {
                    world.store.remove_upload(upload).await.unwrap();
                }
            }
            let key = BlobKey {
                project: "default".to_owned(),
                blob: part.blob,
            };
            world.blobs.delete(&key).await.unwrap();
            gate.open();
        };
        let media = &world.services.media;
        let both = async { tokio::join!(media.upload(&owner, "default", upload), other) };
        let (asked, ()) = tokio::time::timeout(PATIENCE, both).await.unwrap();
        let asked = asked.map(|upload| upload.media);
        match becomes_a_file {
            true => assert_eq!(asked.unwrap(), Some(made.id)),
            false => assert_eq!(asked.unwrap_err().code(), &codes::NOT_FOUND),
        }
        assert_eq!(world.blobs.count(), 0, "nothing is left of a try in vain");
    }
}

#[tokio::test]
async fn two_engines_that_make_the_same_file_make_one() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    let picture = sample::png(8, 8, 500);
    let upload = begin(&world, &owner, picture.len()).await;
    let part = kept_part(&world, &picture).await;
    world.store.add_upload_part(upload, 0, &part).await.unwrap();
    let other = world.another_engine().await;
    let gate = Gate::closed();
    world.blobs.read_through(gate.clone());
    let asking = async {
        tokio::join!(
            world.services.media.upload(&owner, "default", upload),
            other.media.upload(&owner, "default", upload),
            async {
                gate.reached_times(2).await;
                gate.open();
            }
        )
    };
    let (here, there, ()) = tokio::time::timeout(PATIENCE, asking).await.unwrap();
    let file = only_file(&world, &owner).await;
    assert_eq!(here.unwrap().media, Some(file.id));
    assert_eq!(there.unwrap().media, Some(file.id));
    assert_eq!(world.blobs.count(), 1);
    assert!(has_bytes(&world, &file).await);
}
