//! Images by address: fetched by the engine, under the rules of egress, and handed to providers as
//! bytes. So a private network cannot be reached by a prompt, and every provider understands them. What
//! one request and all of them together may hold is bounded here.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use inkstone_domain::capability::{Effective, Permissions};
use inkstone_domain::chat::{Image, ImageSource, Part, Request};
use inkstone_domain::gateway::ImagesConfig;
use inkstone_domain::ids::UserId;
use inkstone_domain::outbound::{OutboundRequest, Redirects};
use inkstone_domain::ports::Egress;
use inkstone_domain::{Error, Result, codes};
use tokio::sync::Mutex;

use super::room::{NoRoom, Room, Share};

/// Whom egress counts the calls for.
const CALLER: &str = "gateway";
/// For all images of a request.
const PATIENCE: Duration = Duration::from_secs(20);
/// More in one request are refused.
const MOST: usize = 50;
/// Of one request, under way at the same time.
const AT_ONCE: usize = 4;
/// All calls of the engine hold as much as so many requests may.
const REQUESTS_HELD: usize = 16;
/// For those who find no room.
const COME_BACK: Duration = Duration::from_secs(1);

/// Fetches images.
pub(crate) struct Images {
    egress: Arc<dyn Egress>,
    powers: Effective,
    max_bytes: usize,
    max_total_bytes: usize,
    /// What calls may hold.
    room: Arc<Room>,
}

/// What was fetched for a request, for all calls that are made of it.
#[derive(Clone, Default)]
pub struct SharedImages(Arc<Mutex<Option<Fetched>>>);

/// In the order of their addresses.
struct Fetched {
    addresses: Vec<String>,
    images: Vec<Image>,
}

impl fmt::Debug for SharedImages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedImages")
    }
}

/// It is memory, and no part of what is asked.
impl PartialEq for SharedImages {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for SharedImages {}

impl Images {
    pub fn new(egress: Arc<dyn Egress>, config: &ImagesConfig) -> Self {
        let held = config.max_total_bytes.saturating_mul(REQUESTS_HELD);
        Self {
            egress,
            powers: Effective {
                permissions: Permissions {
                    outbound_hosts: config.hosts.clone(),
                    ..Permissions::default()
                },
            },
            max_bytes: config.max_bytes,
            max_total_bytes: config.max_total_bytes,
            room: Room::new(held),
        }
    }

    /// Puts bytes in the place of addresses. Where no host is allowed, addresses go on to the provider.
    pub async fn fetch_all(
        &self,
        user: UserId,
        request: &mut Request,
        shared: &SharedImages,
    ) -> Result<()> {
        let mut sent_along = 0_usize;
        let mut addresses = Vec::new();
        for image in images_of(request) {
            match &image.source {
                ImageSource::Bytes(bytes) => sent_along = sent_along.saturating_add(bytes.len()),
                ImageSource::Url(url) => addresses.push(url.clone()),
            }
        }
        let Some(left) = self.max_total_bytes.checked_sub(sent_along) else {
            return Err(self.too_much());
        };
        if addresses.is_empty() || self.powers.permissions.outbound_hosts.is_empty() {
            return Ok(());
        }
        if addresses.len() > MOST {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                format!(
                    "{} images by address are too many; {MOST} are possible",
                    addresses.len()
                ),
            ));
        }
        // Whoever else is at the same request waits here, and finds them.
        let mut shared = shared.0.lock().await;
        let fetched = match shared.take() {
            Some(fetched) if fetched.addresses == addresses => fetched,
            _ => self.fetch_each(user, addresses, left).await?,
        };
        let by_address =
            images_of(request).filter(|image| matches!(image.source, ImageSource::Url(_)));
        for (image, fetched) in by_address.zip(&fetched.images) {
            *image = fetched.clone();
        }
        *shared = Some(fetched);
        Ok(())
    }

    async fn fetch_each(
        &self,
        user: UserId,
        addresses: Vec<String>,
        left: usize,
    ) -> Result<Fetched> {
        let left = &AtomicUsize::new(left);
        let images = stream::iter(addresses.clone())
            .map(|url| async move { self.fetch(user, &url, left).await })
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>();
        match tokio::time::timeout(PATIENCE, images).await {
            Ok(images) => Ok(Fetched {
                images: images?,
                addresses,
            }),
            Err(_) => Err(Error::new(
                &codes::UPSTREAM_TIMEOUT,
                format!("the images did not come within {} s", PATIENCE.as_secs()),
            )),
        }
    }

    /// `left` is what the request may still have of all its images.
    async fn fetch(&self, user: UserId, url: &str, left: &AtomicUsize) -> Result<Image> {
        let said = |error: Error| error.context(format!("the image `{url}`"));
        let request = OutboundRequest {
            method: "GET".to_owned(),
            url: url.to_owned(),
            headers: vec![("accept".to_owned(), "image/*".to_owned())],
            body: None,
            credential: None,
            timeout: Some(PATIENCE),
            redirects: Redirects::Follow,
        };
        let mut response = self
            .egress
            .send(CALLER, &self.powers, request)
            .await
            .map_err(said)?;
        if !(200..300).contains(&response.status) {
            let status = response.status;
            return Err(invalid(url, format_args!("its server answered {status}")));
        }
        let mut held = Held {
            bytes: Vec::new(),
            room: self.room.share(user),
        };
        while let Some(piece) = response.body.next().await {
            let piece = piece.map_err(said)?;
            if held.bytes.len() + piece.len() > self.max_bytes {
                let mib = self.max_bytes >> 20;
                return Err(invalid(url, format_args!("it is larger than {mib} MiB")));
            }
            let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(piece.len())
            });
            taken.map_err(|_| self.too_much())?;
            held.push(&piece)?;
        }
        // What the bytes say, not what their server does.
        let media_type = media_type_of(&held.bytes)
            .ok_or_else(|| invalid(url, format_args!("it is no PNG, JPEG, GIF or WebP")))?;
        Ok(Image {
            media_type: media_type.to_owned(),
            source: ImageSource::Bytes(Bytes::from_owner(held)),
        })
    }

    fn too_much(&self) -> Error {
        let mib = self.max_total_bytes >> 20;
        Error::new(
            &codes::INVALID_INPUT,
            format!(
                "the images of this request are larger than {mib} MiB together; send fewer or smaller ones, or raise `max_total_mib` in `[gateway.images]`"
            ),
        )
    }
}

/// Bytes with the room they take; it is free again once the last copy is gone.
struct Held {
    bytes: Vec<u8>,
    room: Share,
}

impl Held {
    /// `overloaded` where there is no room: to wait for it while holding some could wait for ever.
    fn push(&mut self, piece: &[u8]) -> Result<()> {
        self.room.take(piece.len()).map_err(|why| {
            let message = match why {
                NoRoom::ForYou => {
                    "the images of your other calls take your share of the room; try again soon"
                }
                NoRoom::ForAnybody => {
                    "the images of other calls take all the room there is; try again soon"
                }
            };
            Error::new(&codes::OVERLOADED, message).with_retry_after(Some(COME_BACK))
        })?;
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn images_of(request: &mut Request) -> impl Iterator<Item = &mut Image> {
    let parts = request.messages.iter_mut().flat_map(|one| &mut one.parts);
    parts.filter_map(|part| match part {
        Part::Image(image) => Some(image),
        _ => None,
    })
}

/// By the first bytes (WHATWG MIME Sniffing, 6.1).
fn media_type_of(bytes: &[u8]) -> Option<&'static str> {
    let starts = |mark: &[u8]| bytes.starts_with(mark);
    match () {
        () if starts(b"\x89PNG\r\n\x1a\n") => Some("image/png"),
        () if starts(b"\xff\xd8\xff") => Some("image/jpeg"),
        () if starts(b"GIF87a") || starts(b"GIF89a") => Some("image/gif"),
        () if starts(b"RIFF") && bytes.get(8..14) == Some(b"WEBPVP") => Some("image/webp"),
        () => None,
    }
}

fn invalid(url: &str, why: fmt::Arguments<'_>) -> Error {
    Error::new(
        &codes::INVALID_INPUT,
        format!("the image `{url}` cannot be taken: {why}"),
    )
}
