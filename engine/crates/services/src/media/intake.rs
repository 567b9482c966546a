//! Taking a file in: its beginning is looked at before anything is kept, all of it is counted and hashed
//! while it goes to the blob store, and what it turned out to be is told. Memory is bounded by the
//! beginning, however large the file is.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use inkstone_domain::digest::hex;
use inkstone_domain::ids::BlobId;
use inkstone_domain::media::{BlobKey, MediaContent};
use inkstone_domain::ports::ByteStream;
use inkstone_domain::{Error, ErrorKind, Result, codes};
use sha2::{Digest, Sha256};

use super::kinds::{Class, Kind};
use super::{MediaLibrary, names};

/// Enough to find the size of a picture behind its profiles and notes.
const HEAD_BYTES: usize = 1 << 20;
/// So much of a text is kept with its record, to be found by.
const TEXT_BYTES: usize = 64 * 1024;

/// What a client says of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// Maybe a path; only its last part is kept.
    pub name: String,
    pub content_type: Option<String>,
}

/// A file whose bytes are kept, and which nothing knows yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenIn {
    pub(super) key: BlobKey,
    pub(super) name: String,
    pub(super) content: MediaContent,
}

/// What was seen of the bytes that went by.
#[derive(Default)]
struct Seen {
    hash: Sha256,
    size_bytes: u64,
    text: TextCheck,
}

/// A file on its way in.
struct Intake {
    bytes: ByteStream,
    found: Found,
}

/// What a file turns out to be, once all of it has gone by.
struct Found {
    kind: &'static Kind,
    /// In pixels.
    size: Option<(u32, u32)>,
    text: Option<String>,
    seen: Arc<Mutex<Seen>>,
}

/// Looks for what is no UTF-8, piece by piece.
#[derive(Default)]
struct TextCheck {
    /// The beginning of a character that the next piece goes on with.
    open: Vec<u8>,
    is_broken: bool,
}

impl TakenIn {
    /// What it turned out to be.
    pub(crate) fn content(&self) -> &MediaContent {
        &self.content
    }
}

impl MediaLibrary {
    /// Keeps a file for a project. Nothing is kept where it fails: `unsupported_media_type`,
    /// `media_type_mismatch`, `body_too_large`, or `invalid_input` for what is empty or has too many pixels.
    pub(super) async fn keep(
        &self,
        project: &str,
        claim: &Claim,
        bytes: ByteStream,
    ) -> Result<TakenIn> {
        let intake = self.begin(claim, bytes).await?;
        let key = self.new_key(project);
        let size_bytes = self.blobs.put(&key, intake.bytes).await?;
        match intake.found.content(key.blob, size_bytes) {
            Ok(content) => Ok(TakenIn {
                name: names::cleaned(&claim.name),
                content,
                key,
            }),
            Err(error) => {
                self.forget_bytes(&[key]).await;
                Err(error)
            }
        }
    }

    /// The same, and keeps nothing: what the file would be taken for.
    pub(super) async fn look_at(&self, claim: &Claim, bytes: ByteStream) -> Result<MediaContent> {
        let mut intake = self.begin(claim, bytes).await?;
        let mut size_bytes = 0;
        while let Some(piece) = intake.bytes.next().await {
            size_bytes += piece?.len() as u64;
        }
        let nowhere = BlobId::at(self.clock.now());
        intake.found.content(nowhere, size_bytes)
    }

    /// Looks at the beginning of a file, and sees what follows as it goes by.
    async fn begin(&self, claim: &Claim, mut bytes: ByteStream) -> Result<Intake> {
        let head = beginning(&mut bytes).await?;
        if head.is_empty() {
            return Err(Error::new(&codes::INVALID_INPUT, "the file is empty"));
        }
        let name = names::cleaned(&claim.name);
        let claimed = claim.content_type.as_deref();
        let kind = Kind::of(&head, &name, claimed, &self.config.types)?;
        let size = match kind.class {
            Class::Picture => Some(self.picture_size(&head, kind)?),
            _ => None,
        };
        let text = (kind.class == Class::Text).then(|| beginning_of_text(&head));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let whole = stream::iter([Ok(head)]).chain(bytes);
        let watched = watched(whole.boxed(), Arc::clone(&seen), self.config.max_bytes);
        Ok(Intake {
            bytes: watched,
            found: Found {
                kind,
                size,
                text,
                seen,
            },
        })
    }

    /// A place where nothing ever was.
    pub(super) fn new_key(&self, project: &str) -> BlobKey {
        BlobKey {
            project: project.to_owned(),
            blob: BlobId::at(self.clock.now()),
        }
    }

    /// Removes bytes that nothing knows. What cannot be removed now is swept away later.
    pub(super) async fn forget_bytes(&self, keys: &[BlobKey]) {
        for key in keys {
            if let Err(error) = self.blobs.delete(key).await {
                tracing::warn!(%key, ?error, "bytes of a file that is gone could not be removed yet");
            }
        }
    }

    /// Removes bytes whose record was refused with this error. After a fault the record may be there all the
    /// same, so they stay; where it is not, they are swept away.
    pub(super) async fn forget_refused(&self, keys: Vec<BlobKey>, error: &Error) {
        if !is_refusal(error) {
            return;
        }
        // The refusal may be one of a second try, and the first one's answer was lost.
        let blobs: Vec<_> = keys.iter().map(|key| key.blob).collect();
        match self.store.known_blobs(&blobs).await {
            Ok(known) => {
                let unknown = keys.into_iter().filter(|key| !known.contains(&key.blob));
                self.forget_bytes(&unknown.collect::<Vec<_>>()).await;
            }
            Err(error) => tracing::debug!(?error, "bytes that nothing knows are swept away later"),
        }
    }

    /// In pixels, as the picture itself says; nothing is decoded.
    fn picture_size(&self, head: &[u8], kind: &Kind) -> Result<(u32, u32)> {
        let size = imagesize::blob_size(head).map_err(|error| {
            let message = format!("the file begins like {} and is none", kind.content_type);
            Error::new(&codes::MEDIA_TYPE_MISMATCH, message).with_source(error.to_string())
        })?;
        let pixels = (size.width as u64).saturating_mul(size.height as u64);
        let sides = u32::try_from(size.width)
            .ok()
            .zip(u32::try_from(size.height).ok());
        match sides {
            Some(sides) if pixels <= self.config.max_pixels => Ok(sides),
            _ => Err(Error::new(
                &codes::INVALID_INPUT,
                format!(
                    "the picture has {} × {} pixels; at most {} are taken",
                    size.width, size.height, self.config.max_pixels
                ),
            )),
        }
    }
}

impl Found {
    fn content(self, blob: BlobId, size_bytes: u64) -> Result<MediaContent> {
        let Self {
            kind,
            size,
            text,
            seen,
        } = self;
        let seen = std::mem::take(&mut *lock(&seen));
        if kind.class == Class::Text && !seen.text.is_whole() {
            return Err(Error::new(
                &codes::MEDIA_TYPE_MISMATCH,
                format!("the file should be {}, and is no UTF-8", kind.content_type),
            ));
        }
        Ok(MediaContent {
            blob,
            content_type: kind.content_type.to_owned(),
            size_bytes,
            sha256: hex(&seen.hash.finalize()),
            width: size.map(|size| size.0),
            height: size.map(|size| size.1),
            text,
        })
    }
}

/// Whether it is certain that nothing was written.
fn is_refusal(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::InvalidInput
        | ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::PreconditionFailed
        | ErrorKind::TooLarge => true,
        ErrorKind::RateLimited
        | ErrorKind::Cancelled
        | ErrorKind::Internal
        | ErrorKind::Upstream
        | ErrorKind::Unavailable
        | ErrorKind::Timeout => false,
    }
}

/// At most a little more than [`HEAD_BYTES`].
async fn beginning(bytes: &mut ByteStream) -> Result<Bytes> {
    let mut head = BytesMut::new();
    while head.len() < HEAD_BYTES {
        match bytes.next().await {
            Some(piece) => head.extend_from_slice(&piece?),
            None => break,
        }
    }
    Ok(head.freeze())
}

/// Whole characters; what is none ends it.
fn beginning_of_text(head: &[u8]) -> String {
    let head = &head[..head.len().min(TEXT_BYTES)];
    let valid = head.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    valid.trim_start_matches('\u{FEFF}').to_owned()
}

/// The same bytes, seen as they go by, and no more of them than the limit.
fn watched(bytes: ByteStream, seen: Arc<Mutex<Seen>>, max_bytes: u64) -> ByteStream {
    let watch = move |piece: Result<Bytes>| {
        let piece = piece?;
        let mut seen = lock(&seen);
        seen.size_bytes += piece.len() as u64;
        if seen.size_bytes > max_bytes {
            return Err(too_large(max_bytes));
        }
        seen.hash.update(&piece);
        seen.text.take(&piece);
        Ok(piece)
    };
    bytes.map(watch).boxed()
}

pub(super) fn too_large(max_bytes: u64) -> Error {
    Error::new(
        &codes::BODY_TOO_LARGE,
        format!("a file may have at most {max_bytes} bytes"),
    )
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TextCheck {
    fn take(&mut self, piece: &[u8]) {
        if self.is_broken {
            return;
        }
        let joined;
        let text = match self.open.is_empty() {
            true => piece,
            false => {
                joined = [self.open.as_slice(), piece].concat();
                &joined
            }
        };
        let open = match std::str::from_utf8(text) {
            Ok(_) => Vec::new(),
            Err(error) if error.error_len().is_none() => text[error.valid_up_to()..].to_vec(),
            Err(_) => {
                self.is_broken = true;
                Vec::new()
            }
        };
        self.is_broken |= text.contains(&0);
        self.open = open;
    }

    fn is_whole(&self) -> bool {
        !self.is_broken && self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_text_ends_with_a_character() {
        assert_eq!(beginning_of_text("Gezeiten".as_bytes()), "Gezeiten");
        assert_eq!(beginning_of_text("\u{FEFF}# Tides".as_bytes()), "# Tides");
        let long = "ä".repeat(TEXT_BYTES);
        let text = beginning_of_text(&long.as_bytes()[1..]);
        assert_eq!(text, "");
        assert_eq!(
            beginning_of_text(format!("a{long}").as_bytes()).len(),
            TEXT_BYTES - 1
        );
    }

    #[test]
    fn text_is_checked_across_pieces() {
        let is_text = |pieces: &[&[u8]]| {
            let mut check = TextCheck::default();
            for piece in pieces {
                check.take(piece);
            }
            check.is_whole()
        };
        let tides = "Gezeiten: ähnlich 🌊".as_bytes();
        for at in 0..tides.len() {
            let (one, other) = tides.split_at(at);
            assert!(is_text(&[one, other]), "{at}");
        }
        assert!(is_text(&[]));
        assert!(!is_text(&[b"a\xff"]));
        assert!(!is_text(&[b"a", b"\0b"]));
        assert!(!is_text(&["ä".as_bytes().split_at(1).0]));
    }
}
