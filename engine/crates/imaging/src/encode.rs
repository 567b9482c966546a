//! Pixels as files: WebP, AVIF and JPEG.

use bytes::Bytes;
use image::codecs::avif::AvifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageEncoder};
use inkstone_domain::Result;
use inkstone_domain::media::{PictureFormat, VariantSpec};

use crate::failed;

/// Of 1 (slow, small) to 10: a few percent larger than the best, in a tenth of the time.
const AVIF_SPEED: u8 = 9;

/// The picture in the format and quality of a specification.
pub(crate) fn encoded(picture: &DynamicImage, spec: &VariantSpec) -> Result<Bytes> {
    let (width, height) = (picture.width(), picture.height());
    match spec.format {
        PictureFormat::Webp => {
            let pixels = picture.to_rgba8();
            let encoder = webp::Encoder::from_rgba(&pixels, width, height);
            let encoded = encoder.encode_simple(false, f32::from(spec.quality));
            let encoded = encoded.map_err(|error| {
                failed(
                    "the picture could not be written as WebP",
                    format!("{error:?}"),
                )
            })?;
            Ok(Bytes::copy_from_slice(&encoded))
        }
        PictureFormat::Avif => {
            let mut bytes = Vec::new();
            let pixels = picture.to_rgba8();
            AvifEncoder::new_with_speed_quality(&mut bytes, AVIF_SPEED, spec.quality)
                .with_num_threads(Some(1))
                .write_image(&pixels, width, height, image::ExtendedColorType::Rgba8)
                .map_err(|error| failed("the picture could not be written as AVIF", error))?;
            Ok(bytes.into())
        }
        PictureFormat::Jpeg => {
            let mut bytes = Vec::new();
            let pixels = picture.to_rgb8();
            JpegEncoder::new_with_quality(&mut bytes, spec.quality)
                .write_image(&pixels, width, height, image::ExtendedColorType::Rgb8)
                .map_err(|error| failed("the picture could not be written as JPEG", error))?;
            Ok(bytes.into())
        }
    }
}
