//! Real pictures through the real codecs, and what only looks like pictures.

use image::{ImageFormat, Rgb, RgbImage};
use inkstone_domain::media::{Fit, PictureFormat};

use super::*;

fn spec(name: &str, side: u32, fit: Fit, format: PictureFormat) -> VariantSpec {
    VariantSpec {
        name: name.to_owned(),
        width: side,
        height: side,
        fit,
        format,
        quality: 70,
    }
}

fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let paint = |x: u32, y: u32| Rgb([x as u8, y as u8, 128]);
    let painted = RgbImage::from_fn(width, height, paint);
    let mut bytes = Cursor::new(Vec::new());
    painted.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[tokio::test]
async fn every_format_is_made_of_every_other() {
    let maker = PictureMaker::new(1_000_000, 1);
    let wanted = [
        spec("small", 64, Fit::Inside, PictureFormat::Webp),
        spec("square", 32, Fit::Cover, PictureFormat::Jpeg),
        spec("modern", 64, Fit::Inside, PictureFormat::Avif),
    ];
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Gif,
        ImageFormat::WebP,
    ] {
        let bytes = picture(128, 96, format);
        let made = maker.make(bytes.into(), &wanted).await.unwrap();
        let told: Vec<_> = made
            .iter()
            .map(|one| (one.name.as_str(), one.width, one.height))
            .collect();
        let expected = [("small", 64, 48), ("square", 32, 32), ("modern", 64, 48)];
        assert_eq!(told, expected, "{format:?}");
        assert_eq!(&made[0].bytes[..4], b"RIFF");
        assert_eq!(&made[0].bytes[8..12], b"WEBP");
        assert_eq!(&made[1].bytes[..3], b"\xff\xd8\xff");
        assert_eq!(&made[2].bytes[4..12], b"ftypavif");
        let read_again = image::load_from_memory(&made[0].bytes).unwrap();
        assert_eq!((read_again.width(), read_again.height()), (64, 48));
    }
}

#[tokio::test]
async fn what_trails_a_picture_does_not_come_with_it() {
    let maker = PictureMaker::new(1_000_000, 1);
    let mut bytes = picture(16, 16, ImageFormat::Png);
    bytes.extend_from_slice(b"PK\x03\x04<script>alert(1)</script>");
    let wanted = [spec("same", 320, Fit::Inside, PictureFormat::Webp)];
    let made = maker.make(bytes.into(), &wanted).await.unwrap();
    assert_eq!((made[0].width, made[0].height), (16, 16));
    let has_script = made[0].bytes.windows(7).any(|word| word == b"<script");
    assert!(!has_script);
}

#[tokio::test]
async fn bombs_and_fragments_are_refused() {
    let maker = PictureMaker::new(10_000, 1);
    let wanted = [spec("small", 64, Fit::Inside, PictureFormat::Webp)];
    let large = picture(200, 200, ImageFormat::Png);
    let mut lying = picture(90, 90, ImageFormat::Png);
    // The width of its header, without the rest.
    lying[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    let half = picture(90, 90, ImageFormat::Png)[..200].to_vec();
    for (name, bytes) in [
        ("more pixels than are decoded", large),
        ("a lying header", lying),
        ("half of a picture", half),
        ("no picture", b"<svg onload='alert(1)'/>".to_vec()),
        ("nothing", Vec::new()),
    ] {
        let refused = maker.make(bytes.into(), &wanted).await;
        let code = refused.err().map(|error| error.code().name);
        assert_eq!(code, Some("invalid_input"), "{name}");
    }
}
