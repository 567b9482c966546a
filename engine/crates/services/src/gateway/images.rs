//! Images by address: fetched by the engine, under the rules of egress, and handed to providers as
//! bytes. So a private network cannot be reached by a prompt, and every provider understands them.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::try_join_all;
use inkstone_domain::capability::{Effective, Permissions};
use inkstone_domain::chat::{Image, ImageSource, Part, Request};
use inkstone_domain::gateway::ImagesConfig;
use inkstone_domain::outbound::{OutboundRequest, Redirects};
use inkstone_domain::ports::Egress;
use inkstone_domain::{Error, Result, codes};

/// Whom egress counts the calls for.
const CALLER: &str = "gateway";
/// For all images of a request.
const PATIENCE: Duration = Duration::from_secs(20);
/// More in one request are refused.
const MOST: usize = 50;

/// Fetches images.
pub(crate) struct Images {
    egress: Arc<dyn Egress>,
    powers: Effective,
    max_bytes: usize,
}

impl Images {
    pub fn new(egress: Arc<dyn Egress>, config: &ImagesConfig) -> Self {
        Self {
            egress,
            powers: Effective {
                permissions: Permissions {
                    outbound_hosts: config.hosts.clone(),
                    ..Permissions::default()
                },
            },
            max_bytes: config.max_bytes,
        }
    }

    /// Puts bytes in the place of addresses. Where no host is allowed, addresses go on to the provider.
    pub async fn fetch_all(&self, request: &mut Request) -> Result<()> {
        if self.powers.permissions.outbound_hosts.is_empty() {
            return Ok(());
        }
        let parts = request.messages.iter_mut().flat_map(|one| &mut one.parts);
        let images: Vec<&mut Image> = parts
            .filter_map(|part| match part {
                Part::Image(image) if matches!(image.source, ImageSource::Url(_)) => Some(image),
                _ => None,
            })
            .collect();
        if images.len() > MOST {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                format!(
                    "{} images by address are too many; {MOST} are possible",
                    images.len()
                ),
            ));
        }
        let all = try_join_all(images.into_iter().map(|image| self.fetch(image)));
        match tokio::time::timeout(PATIENCE, all).await {
            Ok(done) => done.map(drop),
            Err(_) => Err(Error::new(
                &codes::UPSTREAM_TIMEOUT,
                format!("the images did not come within {} s", PATIENCE.as_secs()),
            )),
        }
    }

    async fn fetch(&self, image: &mut Image) -> Result<()> {
        let ImageSource::Url(url) = &image.source else {
            return Ok(());
        };
        let said = |error: Error| error.context(format!("the image `{url}`"));
        let request = OutboundRequest {
            method: "GET".to_owned(),
            url: url.clone(),
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
        let mut bytes = Vec::new();
        while let Some(piece) = response.body.next().await {
            let piece = piece.map_err(said)?;
            if bytes.len() + piece.len() > self.max_bytes {
                let mib = self.max_bytes >> 20;
                return Err(invalid(url, format_args!("it is larger than {mib} MiB")));
            }
            bytes.extend_from_slice(&piece);
        }
        // What the bytes say, not what their server does.
        let media_type = media_type_of(&bytes)
            .ok_or_else(|| invalid(url, format_args!("it is no PNG, JPEG, GIF or WebP")))?;
        *image = Image {
            media_type: media_type.to_owned(),
            source: ImageSource::Bytes(bytes),
        };
        Ok(())
    }
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

fn invalid(url: &str, why: std::fmt::Arguments<'_>) -> Error {
    Error::new(
        &codes::INVALID_INPUT,
        format!("the image `{url}` cannot be taken: {why}"),
    )
}
