//! Bytes in a bucket: `<prefix>/<project>/<id>`. What is small goes up at once, what is large in parts that
//! become one object only when the last is there; so nothing is ever seen half.

use std::fmt;
use std::ops::Range;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use inkstone_domain::media::BlobKey;
use inkstone_domain::ports::{Blob, BlobEntry, BlobStore, ByteStream};
use inkstone_domain::{Error, Result};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload,
};

use crate::unavailable;

/// Of one part, and of what goes up at once. S3 wants 5 MiB at least and takes 10,000 parts.
const PART_BYTES: usize = 8 << 20;

/// Where the bucket is, and who we are there.
#[derive(Clone)]
pub struct S3Config {
    /// Such as `https://s3.eu-central-1.amazonaws.com`.
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    /// Before all keys, without a slash at its ends; empty for none.
    pub prefix: String,
    pub access_key_id: String,
    pub secret_access_key: String,
}

impl fmt::Debug for S3Config {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Config")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// The bucket.
pub struct S3Blobs {
    bucket: AmazonS3,
    prefix: String,
}

impl S3Blobs {
    /// Connects to nothing yet.
    pub fn open(config: S3Config) -> Result<Self> {
        let is_plain = config.endpoint.starts_with("http://");
        let bucket = AmazonS3Builder::new()
            .with_endpoint(config.endpoint)
            .with_region(config.region)
            .with_bucket_name(config.bucket)
            .with_access_key_id(config.access_key_id)
            .with_secret_access_key(config.secret_access_key)
            .with_virtual_hosted_style_request(false)
            .with_allow_http(is_plain)
            .build()
            .map_err(|error| {
                unavailable(
                    "the bucket of `[media.s3]` cannot be used as it is written",
                    error,
                )
            })?;
        Ok(Self {
            bucket,
            prefix: config.prefix,
        })
    }

    fn path(&self, key: &BlobKey) -> Path {
        let blob = key.blob.to_string();
        let prefix = self.prefix.split('/').filter(|part| !part.is_empty());
        Path::from_iter(prefix.chain([key.project.as_str(), blob.as_str()]))
    }

    async fn put_parts(&self, path: &Path, first: Bytes, mut bytes: ByteStream) -> Result<u64> {
        let mut upload = self.bucket.put_multipart(path).await.map_err(not_written)?;
        match send_parts(upload.as_mut(), first, &mut bytes).await {
            Ok(size_bytes) => Ok(size_bytes),
            Err(error) => {
                if let Err(left) = upload.abort().await {
                    tracing::warn!(error = ?left, "parts of an upload that failed are left in the bucket");
                }
                Err(error)
            }
        }
    }
}

#[async_trait]
impl BlobStore for S3Blobs {
    async fn put(&self, key: &BlobKey, mut bytes: ByteStream) -> Result<u64> {
        let path = self.path(key);
        let first = next_part(&mut bytes).await?;
        if first.len() >= PART_BYTES {
            return self.put_parts(&path, first, bytes).await;
        }
        let size_bytes = first.len() as u64;
        let put = self.bucket.put(&path, PutPayload::from_bytes(first)).await;
        put.map_err(not_written)?;
        Ok(size_bytes)
    }

    async fn get(&self, key: &BlobKey, range: Option<Range<u64>>) -> Result<Option<Blob>> {
        let options = GetOptions {
            range: range.map(GetRange::Bounded),
            ..GetOptions::default()
        };
        match self.bucket.get_opts(&self.path(key), options).await {
            Ok(found) => Ok(Some(Blob {
                size_bytes: found.meta.size,
                range: found.range.clone(),
                bytes: found
                    .into_stream()
                    .map(|piece| piece.map_err(not_read))
                    .boxed(),
            })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(not_read(error)),
        }
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>> {
        match self.bucket.head(&self.path(key)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(not_read(error)),
        }
    }

    async fn delete(&self, key: &BlobKey) -> Result<()> {
        match self.bucket.delete(&self.path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(not_written(error)),
        }
    }

    async fn list(&self) -> Result<Pin<Box<dyn Stream<Item = Result<BlobEntry>> + Send>>> {
        let prefix = (!self.prefix.is_empty()).then(|| Path::from(self.prefix.as_str()));
        let found = self.bucket.list(prefix.as_ref());
        let prefix = self.prefix.clone();
        let entries = found.filter_map(move |object| {
            let entry = match object {
                Ok(object) => key_of(&prefix, &object.location).map(|key| {
                    Ok(BlobEntry {
                        key,
                        size_bytes: object.size,
                    })
                }),
                Err(error) => Some(Err(not_read(error))),
            };
            std::future::ready(entry)
        });
        Ok(entries.boxed())
    }
}

/// What is no key of ours is passed over.
fn key_of(prefix: &str, path: &Path) -> Option<BlobKey> {
    let rest = path.as_ref().strip_prefix(prefix)?;
    let (project, blob) = rest.trim_start_matches('/').split_once('/')?;
    Some(BlobKey {
        project: project.to_owned(),
        blob: blob.parse().ok()?,
    })
}

/// One after the other: memory holds one part.
async fn send_parts(
    upload: &mut dyn MultipartUpload,
    first: Bytes,
    bytes: &mut ByteStream,
) -> Result<u64> {
    let mut size_bytes = 0;
    let mut part = first;
    while !part.is_empty() {
        size_bytes += part.len() as u64;
        let sent = upload.put_part(PutPayload::from_bytes(part)).await;
        sent.map_err(not_written)?;
        part = next_part(bytes).await?;
    }
    upload.complete().await.map_err(not_written)?;
    Ok(size_bytes)
}

/// At least [`PART_BYTES`] unless it is the last, which may be empty.
async fn next_part(bytes: &mut ByteStream) -> Result<Bytes> {
    let mut part = BytesMut::new();
    while part.len() < PART_BYTES {
        match bytes.next().await {
            Some(piece) => part.extend_from_slice(&piece?),
            None => break,
        }
    }
    Ok(part.freeze())
}

fn not_written(error: object_store::Error) -> Error {
    unavailable("the file could not be written to its bucket", error)
}

fn not_read(error: object_store::Error) -> Error {
    unavailable("the file could not be read from its bucket", error)
}

#[cfg(test)]
mod tests {
    use inkstone_domain::ids::BlobId;

    use super::*;

    #[test]
    fn keys_are_paths_and_back_and_secrets_stay() {
        for prefix in ["", "media", "a/b"] {
            let config = S3Config {
                endpoint: "http://127.0.0.1:1".to_owned(),
                region: "eu".to_owned(),
                bucket: "files".to_owned(),
                prefix: prefix.to_owned(),
                access_key_id: "visible-to-nobody".to_owned(),
                secret_access_key: "visible-to-nobody".to_owned(),
            };
            assert!(!format!("{config:?}").contains("visible"));
            let blobs = S3Blobs::open(config).unwrap();
            let key = BlobKey {
                project: "handbook".to_owned(),
                blob: BlobId::new(),
            };
            assert_eq!(key_of(prefix, &blobs.path(&key)), Some(key), "{prefix}");
            assert_eq!(key_of(prefix, &Path::from("other/file.txt")), None);
        }
    }
}
