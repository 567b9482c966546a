//! From the size of a picture to that of a smaller one. Pictures are never made larger.

use image::DynamicImage;
use image::imageops::FilterType;
use inkstone_domain::media::{Fit, VariantSpec};

/// The picture within the frame of a specification.
pub(crate) fn fitted(picture: &DynamicImage, spec: &VariantSpec) -> DynamicImage {
    let (width, height) = target(picture.width(), picture.height(), spec);
    if (width, height) == (picture.width(), picture.height()) {
        return picture.clone();
    }
    match spec.fit {
        Fit::Inside => picture.resize_exact(width, height, FilterType::CatmullRom),
        Fit::Cover => picture.resize_to_fill(width, height, FilterType::CatmullRom),
    }
}

/// In pixels; no side is 0.
fn target(width: u32, height: u32, spec: &VariantSpec) -> (u32, u32) {
    let by_width = f64::from(spec.width) / f64::from(width);
    let by_height = f64::from(spec.height) / f64::from(height);
    let scaled = |side: u32, scale: f64| ((f64::from(side) * scale).round() as u32).max(1);
    match spec.fit {
        Fit::Inside => {
            let scale = by_width.min(by_height).min(1.0);
            (scaled(width, scale), scaled(height, scale))
        }
        // A picture that does not fill the frame gets a smaller one of the same shape.
        Fit::Cover => {
            let scale = by_width.max(by_height).max(1.0).recip();
            (scaled(spec.width, scale), scaled(spec.height, scale))
        }
    }
}

#[cfg(test)]
mod tests {
    use inkstone_domain::media::PictureFormat;

    use super::*;

    #[test]
    fn sizes() {
        use Fit::{Cover, Inside};
        for (size, frame, fit, expected) in [
            ((640, 480), (320, 320), Inside, (320, 240)),
            ((480, 640), (320, 320), Inside, (240, 320)),
            ((100, 50), (320, 320), Inside, (100, 50)),
            ((10_000, 1), (320, 320), Inside, (320, 1)),
            ((640, 480), (320, 320), Cover, (320, 320)),
            ((640, 160), (320, 320), Cover, (160, 160)),
            ((100, 100), (320, 160), Cover, (100, 50)),
        ] {
            let spec = VariantSpec {
                name: "a".to_owned(),
                width: frame.0,
                height: frame.1,
                fit,
                format: PictureFormat::Webp,
                quality: 80,
            };
            assert_eq!(
                target(size.0, size.1, &spec),
                expected,
                "{size:?} {frame:?}"
            );
        }
    }
}
