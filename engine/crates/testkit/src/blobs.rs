//! [`MemBlobs`]: bytes of files in memory.

use std::collections::BTreeMap;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use inkstone_domain::Result;
use inkstone_domain::media::BlobKey;
use inkstone_domain::ports::{Blob, BlobEntry, BlobStore, ByteStream};

use crate::Gate;

/// Clones share the same bytes.
#[derive(Clone, Default)]
pub struct MemBlobs {
    shared: Arc<Mutex<BTreeMap<BlobKey, Bytes>>>,
    /// Whoever reads passes it.
    gate: Arc<Mutex<Option<Gate>>>,
}

impl MemBlobs {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.blobs().len()
    }

    /// Reads pass this gate from now on, as of a store that is slow.
    pub fn read_through(&self, gate: Gate) {
        let mut place = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(gate);
    }

    fn blobs(&self) -> MutexGuard<'_, BTreeMap<BlobKey, Bytes>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl BlobStore for MemBlobs {
    async fn put(&self, key: &BlobKey, bytes: ByteStream) -> Result<u64> {
        let whole = bytes.try_collect::<Vec<Bytes>>().await?.concat();
        let size_bytes = whole.len() as u64;
        self.blobs().insert(key.clone(), Bytes::from(whole));
        Ok(size_bytes)
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Option<Blob>> {
        let gate = {
            let place = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
            place.clone()
        };
        if let Some(gate) = gate {
            gate.pass().await;
        }
        let Some(bytes) = self.blobs().get(key).cloned() else {
            return Ok(None);
        };
        let size_bytes = bytes.len() as u64;
        let range = range.unwrap_or(0..size_bytes);
        let end = range.end.min(size_bytes);
        let range = range.start.min(end)..end;
        let part = bytes.slice(range.start as usize..range.end as usize);
        // In pieces, as from a disk.
        let pieces: Vec<Result<Bytes>> = part
            .chunks(1_000)
            .map(|piece| Ok(BytesMut::from(piece).freeze()))
            .collect();
        Ok(Some(Blob {
            size_bytes,
            range,
            bytes: stream::iter(pieces).boxed(),
        }))
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>> {
        Ok(self.blobs().get(key).map(|bytes| bytes.len() as u64))
    }

    async fn delete(&self, key: &BlobKey) -> Result<()> {
        self.blobs().remove(key);
        Ok(())
    }

    async fn list(&self) -> Result<Pin<Box<dyn Stream<Item = Result<BlobEntry>> + Send>>> {
        let blobs = self.blobs();
        let entries = blobs.iter().map(|(key, bytes)| {
            Ok(BlobEntry {
                key: key.clone(),
                size_bytes: bytes.len() as u64,
            })
        });
        Ok(stream::iter(entries.collect::<Vec<_>>()).boxed())
    }
}
