//! Files through the real engine: by form, and by tus's own Python client with a kill -9 in the middle; the
//! smaller pictures that are made of a picture, parts of it, and links that expire.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};

use crate::engine::{Engine, Setup, root};
use crate::upstream::python_of;

const MEDIA: &str = "/v1/projects/default/media";

/// A PNG that can be decoded: a wheel of colours.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::default());
    for y in 0..height {
        let row = (0..width).flat_map(|x| [x as u8, y as u8, (x ^ y) as u8]);
        let row: Vec<u8> = [0].into_iter().chain(row).collect();
        rows.write_all(&row).unwrap();
    }
    let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
    head.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [
        (b"IHDR", head),
        (b"IDAT", rows.finish().unwrap()),
        (b"IEND", Vec::new()),
    ] {
        png.extend((data.len() as u32).to_be_bytes());
        let mut sum = flate2::Crc::new();
        for part in [&kind[..], &data] {
            sum.update(part);
            png.extend(part);
        }
        png.extend(sum.sum().to_be_bytes());
    }
    png
}

async fn upload(engine: &Engine, name: &str, bytes: &[u8]) -> (u16, Value) {
    let mut form = format!(
        "--b\r\ncontent-disposition: form-data; name=\"alt\"\r\n\r\nColours\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
    )
    .into_bytes();
    form.extend(bytes);
    form.extend(b"\r\n--b--\r\n");
    let request = engine
        .request("POST", MEDIA)
        .header("content-type", "multipart/form-data; boundary=b")
        .body(form);
    engine.send(request).await
}

/// Status, type and bytes, without a token where it is a link.
async fn read(request: reqwest::RequestBuilder) -> (u16, String, Vec<u8>) {
    let reply = request.send().await.unwrap();
    let content_type = reply.headers().get("content-type");
    let content_type = content_type.map_or("", |value| value.to_str().unwrap());
    let (status, content_type) = (reply.status().as_u16(), content_type.to_owned());
    (status, content_type, reply.bytes().await.unwrap().to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_from_the_form_to_its_link() {
    let engine = Setup::new().only("").start().await;
    let bytes = png(1_600, 1_200);
    let (status, made) = upload(&engine, "wheel.png", &bytes).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        (&made["width"], &made["height"]),
        (&json!(1_600), &json!(1_200))
    );
    let place = format!("/v1/media/{}", made["id"].as_str().unwrap());
    let is_made = |media: &Value| media["variant_state"] != "pending";
    let media = engine.until(&place, is_made).await;
    assert_eq!(media["variant_state"], "ready", "{media}\n{}", engine.log());

    let content = format!("{place}/content");
    let (status, content_type, whole) = read(engine.request("GET", &content)).await;
    assert_eq!((status, content_type.as_str()), (200, "image/png"));
    assert!(whole == bytes, "the bytes are as they were sent");
    for (variant, expected, magic) in [
        ("thumbnail", "image/webp", &b"RIFF"[..]),
        ("medium", "image/webp", b"RIFF"),
        ("medium-avif", "image/avif", b"ftyp"),
    ] {
        let path = format!("{content}?variant={variant}");
        let (status, content_type, small) = read(engine.request("GET", &path)).await;
        assert_eq!(
            (status, content_type.as_str()),
            (200, expected),
            "{variant}"
        );
        let start = &small[..16];
        assert!(
            start.windows(4).any(|four| four == magic),
            "{variant}: {start:?}"
        );
    }

    let part = engine
        .request("GET", &content)
        .header("range", "bytes=100-299");
    let (status, _, part) = read(part).await;
    assert_eq!((status, &part[..]), (206, &bytes[100..300]));
    let beyond = engine
        .request("GET", &content)
        .header("range", "bytes=99999999-");
    assert_eq!(read(beyond).await.0, 416);

    // Lies about what a file is.
    let (status, refused) = upload(&engine, "wheel.jpg", &bytes).await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (422, Some("media_type_mismatch"))
    );

    // A link opens it for everybody, and then for nobody.
    let wish = json!({ "expires_in_s": 5 });
    let (status, link) = engine.post(&format!("{place}/link"), &wish).await;
    assert_eq!(status, 200, "{link}");
    let open = || {
        engine
            .http
            .get(format!("{}{}", engine.url, link["path"].as_str().unwrap()))
    };
    let (status, _, linked) = read(open()).await;
    assert!(status == 200 && linked == bytes, "{status}");
    // The link's clock is the engine's: it is asked until it refuses.
    let began = std::time::Instant::now();
    while read(open()).await.0 == 200 {
        assert!(
            began.elapsed() < crate::engine::PATIENCE,
            "the link never expires"
        );
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let (status, _, refused) = read(open()).await;
    let refused: Value = serde_json::from_slice(&refused).unwrap();
    assert_eq!((status, &refused["code"]), (403, &json!("invalid_link")));
}

/// What tuspy says.
fn tuspy(engine: &Engine, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(python_of("INKSTONE_TUS_VENV", "venv-tus"))
        .arg(root().join("tests/python/tus_client.py"))
        .arg(arguments[0])
        .arg(file)
        .arg(arguments[1])
        .env("INKSTONE_URL", &engine.url)
        .env("INKSTONE_TOKEN", &engine.token)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}\n{}", engine.log());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn tuspy_goes_on_after_a_kill() {
    let engine = Setup::new().only("").start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines.md");
    let text = "# Lines\n".to_owned() + &"One after the other.\n".repeat(50_000);
    std::fs::write(&file, &text).unwrap();
    let place = tuspy(&engine, &["begin", "300000"], &file);
    let engine = engine.kill().start().await;
    let kept: usize = tuspy(&engine, &["resume", &place], &file).parse().unwrap();
    assert!((300_000..text.len()).contains(&kept), "{kept}");
    let (status, upload) = engine.get(&place).await;
    assert_eq!(status, 200, "{upload}");
    let media = format!("/v1/media/{}", upload["media"].as_str().unwrap());
    let (_, shown) = engine.get(&media).await;
    assert_eq!(shown["name"], "lines.md");
    assert_eq!(shown["alt"], "Lines");
    assert_eq!(shown["size_bytes"], text.len());
    let content = format!("{media}/content");
    let (status, _, bytes) = read(engine.request("GET", &content)).await;
    assert!(status == 200 && bytes == text.as_bytes(), "{status}");
}
