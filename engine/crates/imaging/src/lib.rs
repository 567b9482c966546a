//! [`ImageEngine`] on the crate `image`, with libwebp for lossy WebP and rav1e for AVIF. Pictures are
//! decoded within limits of pixels and memory, few at a time and on threads that may block, and made anew
//! from their pixels: nothing else that was in the file comes with them.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod encode;
mod frame;

use std::io::Cursor;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};
use inkstone_domain::media::VariantSpec;
use inkstone_domain::ports::{ImageEngine, MadePicture};
use inkstone_domain::{Error, Result, codes};
use tokio::sync::Semaphore;

/// Of a decoded pixel, with room for its wider forms and one copy.
const BYTES_PER_PIXEL: u64 = 16;
/// Longer sides are none of a photograph's.
const LONGEST_SIDE: u32 = 65_535;

/// Makes pictures, so many at a time.
pub struct PictureMaker {
    max_pixels: u64,
    hands: Arc<Semaphore>,
}

impl PictureMaker {
    /// Decodes pictures of at most `max_pixels`, and `at_once` of them.
    pub fn new(max_pixels: u64, at_once: usize) -> Self {
        Self {
            max_pixels,
            hands: Arc::new(Semaphore::new(at_once.max(1))),
        }
    }
}

#[async_trait]
impl ImageEngine for PictureMaker {
    async fn make(&self, picture: Bytes, wanted: &[VariantSpec]) -> Result<Vec<MadePicture>> {
        let hand = Arc::clone(&self.hands).acquire_owned().await;
        let hand = hand.map_err(|error| failed("nobody makes pictures any more", error))?;
        let (wanted, max_pixels) = (wanted.to_vec(), self.max_pixels);
        let making = tokio::task::spawn_blocking(move || {
            let _hand = hand;
            let decoded = decode(&picture, max_pixels)?;
            drop(picture);
            wanted.iter().map(|spec| make(&decoded, spec)).collect()
        });
        // A decoder that panics has met a broken picture.
        making
            .await
            .unwrap_or_else(|error| Err(unreadable("the picture cannot be read", error)))
    }
}

fn make(picture: &DynamicImage, spec: &VariantSpec) -> Result<MadePicture> {
    let fitted = frame::fitted(picture, spec);
    let bytes = encode::encoded(&fitted, spec)?;
    Ok(MadePicture {
        name: spec.name.clone(),
        bytes,
        width: fitted.width(),
        height: fitted.height(),
    })
}

/// As a camera was held. Of an animation the first picture.
fn decode(picture: &[u8], max_pixels: u64) -> Result<DynamicImage> {
    let reader = ImageReader::new(Cursor::new(picture)).with_guessed_format();
    let reader = reader.map_err(|error| unreadable("the picture cannot be read", error))?;
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(Error::new(
            &codes::INVALID_INPUT,
            format!("the picture has {width} × {height} pixels; at most {max_pixels} are decoded"),
        ));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(max_pixels.saturating_mul(BYTES_PER_PIXEL));
    decoder.set_limits(limits).map_err(refused)?;
    let orientation = decoder.orientation().map_err(refused)?;
    let mut decoded = DynamicImage::from_decoder(decoder).map_err(refused)?;
    decoded.apply_orientation(orientation);
    Ok(decoded)
}

fn refused(error: ImageError) -> Error {
    match error {
        ImageError::Limits(_) => unreadable("the picture needs more memory than it may", error),
        ImageError::Unsupported(_) => unreadable("pictures of this kind are not decoded", error),
        _ => unreadable("the picture cannot be read", error),
    }
}

fn unreadable(message: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(&codes::INVALID_INPUT, message).with_source(source)
}

pub(crate) fn failed(
    message: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::new(&codes::INTERNAL, message).with_source(source)
}

#[cfg(test)]
mod tests;
