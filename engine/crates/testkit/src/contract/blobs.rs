//! The suite of [`BlobStore`].

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use inkstone_domain::ids::BlobId;
use inkstone_domain::media::BlobKey;
use inkstone_domain::ports::{BlobStore, ByteStream};
use inkstone_domain::{Error, codes};

use super::assert_code;

/// More than adapters hold in memory.
const LARGE_BYTES: usize = 20_000_000;

pub async fn run(store: &dyn BlobStore) {
    keeps_bytes(store).await;
    reads_parts(store).await;
    keeps_what_is_large_and_what_is_empty(store).await;
    keeps_nothing_of_what_breaks_off(store).await;
    lists_what_is_there(store).await;
}

fn key() -> BlobKey {
    BlobKey {
        project: "handbook".to_owned(),
        blob: BlobId::new(),
    }
}

fn stream_of(bytes: &'static [u8]) -> ByteStream {
    let pieces = bytes.chunks(4).map(|piece| Ok(Bytes::from_static(piece)));
    stream::iter(pieces).boxed()
}

/// The bytes and the length of the whole.
async fn read(
    store: &dyn BlobStore,
    key: &BlobKey,
    range: Option<std::ops::Range<u64>>,
) -> Option<(Vec<u8>, u64)> {
    let blob = store.get(key, range).await.unwrap()?;
    let told = blob.range.clone();
    let bytes: Vec<Bytes> = blob.bytes.try_collect().await.unwrap();
    let bytes = bytes.concat();
    assert_eq!(told.end - told.start, bytes.len() as u64);
    Some((bytes, blob.size_bytes))
}

pub async fn keeps_bytes(store: &dyn BlobStore) {
    let (one, other) = (key(), key());
    assert_eq!(store.size(&one).await.unwrap(), None);
    assert_eq!(read(store, &one, None).await, None);
    assert_eq!(store.put(&one, stream_of(b"the tides")).await.unwrap(), 9);
    store.put(&other, stream_of(b"the moon")).await.unwrap();
    assert_eq!(store.size(&one).await.unwrap(), Some(9));
    let found = read(store, &one, None).await;
    assert_eq!(found, Some((b"the tides".to_vec(), 9)));

    store.delete(&one).await.unwrap();
    store.delete(&one).await.unwrap();
    assert_eq!(store.size(&one).await.unwrap(), None);
    assert_eq!(read(store, &one, None).await, None);
    assert_eq!(store.size(&other).await.unwrap(), Some(8));
}

pub async fn reads_parts(store: &dyn BlobStore) {
    let key = key();
    store.put(&key, stream_of(b"the tides")).await.unwrap();
    for (range, expected) in [
        (0..3, &b"the"[..]),
        (4..9, b"tides"),
        (8..9, b"s"),
        (4..100, b"tides"),
    ] {
        let found = read(store, &key, Some(range.clone())).await;
        assert_eq!(found, Some((expected.to_vec(), 9)), "{range:?}");
    }
}

pub async fn keeps_what_is_large_and_what_is_empty(store: &dyn BlobStore) {
    let empty = key();
    store.put(&empty, stream_of(b"")).await.unwrap();
    assert_eq!(read(store, &empty, None).await, Some((Vec::new(), 0)));

    let large = key();
    let whole: Vec<u8> = (0..LARGE_BYTES).map(|at| (at / 1_000) as u8).collect();
    let pieces: Vec<_> = whole
        .chunks(100_003)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    let size_bytes = store
        .put(&large, stream::iter(pieces).boxed())
        .await
        .unwrap();
    assert_eq!(size_bytes, LARGE_BYTES as u64);
    let (found, told) = read(store, &large, None).await.unwrap();
    assert_eq!((found == whole, told), (true, size_bytes));
    let (found, _) = read(store, &large, Some(9_999_000..10_001_500))
        .await
        .unwrap();
    assert!(found == whole[9_999_000..10_001_500]);
    store.delete(&large).await.unwrap();
}

pub async fn keeps_nothing_of_what_breaks_off(store: &dyn BlobStore) {
    for before in [4, LARGE_BYTES] {
        let key = key();
        let broken = Err(Error::new(&codes::BODY_TOO_LARGE, "too much"));
        let pieces = vec![Ok(Bytes::from(vec![7; before])), broken];
        let put = store.put(&key, stream::iter(pieces).boxed()).await;
        assert_code(put, &codes::BODY_TOO_LARGE);
        assert_eq!(store.size(&key).await.unwrap(), None);
        let left: Vec<_> = store.list().await.unwrap().try_collect().await.unwrap();
        assert!(left.iter().all(|entry| entry.key != key));
    }
}

pub async fn lists_what_is_there(store: &dyn BlobStore) {
    let mut keys = [key(), key()];
    keys[1].project = "elsewhere".to_owned();
    for key in &keys {
        store.put(key, stream_of(b"bytes")).await.unwrap();
    }
    let found: Vec<_> = store.list().await.unwrap().try_collect().await.unwrap();
    for key in &keys {
        let entry = found.iter().find(|entry| entry.key == *key).unwrap();
        assert_eq!(entry.size_bytes, 5);
    }
}
