//! What the writers upload, as forms and in pieces, and what must be there of it after a kill.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use inkstone_domain::digest::sha256;
use serde_json::Value;

use crate::engine::Engine;

const UPLOADS: &str = "/v1/projects/default/uploads";
const MEDIA: &str = "/v1/projects/default/media";
/// Of a file, so that a kill finds it while it is written.
const LINES: usize = 400;
const PIECES: usize = 3;

/// What the engine said is kept of one writer's files.
#[derive(Default)]
pub struct Files {
    pub whole: Vec<Whole>,
    pub begun: Vec<Begun>,
}

/// A file that was acknowledged.
pub struct Whole {
    id: String,
    text: String,
}

/// An upload in pieces.
pub struct Begun {
    place: String,
    text: String,
    acknowledged: usize,
    /// What it became.
    media: Option<String>,
}

impl Files {
    /// One file as a form, and one in pieces. `None` once the engine is gone.
    pub async fn send(
        &mut self,
        engine: &Engine,
        name: &str,
        acknowledged: &AtomicUsize,
    ) -> Option<()> {
        let text = text_of(name);
        let form = format!(
            "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}.md\"\r\n\r\n{text}\r\n--b--\r\n"
        );
        let request = engine
            .request("POST", MEDIA)
            .header("content-type", "multipart/form-data; boundary=b")
            .body(form);
        let (_, media) = told(request, 201).await?;
        acknowledged.fetch_add(1, Ordering::Relaxed);
        self.whole.push(Whole {
            id: media["id"].as_str().unwrap().to_owned(),
            text,
        });
        self.send_pieces(engine, name, acknowledged).await
    }

    async fn send_pieces(
        &mut self,
        engine: &Engine,
        name: &str,
        acknowledged: &AtomicUsize,
    ) -> Option<()> {
        let name = format!("{name} in pieces");
        let text = text_of(&name);
        let metadata = format!("filename {}", STANDARD.encode(format!("{name}.md")));
        let request = engine
            .request("POST", UPLOADS)
            .header("tus-resumable", "1.0.0")
            .header("upload-length", text.len())
            .header("upload-metadata", metadata);
        let (headers, _) = told(request, 201).await?;
        acknowledged.fetch_add(1, Ordering::Relaxed);
        self.begun.push(Begun {
            place: headers["location"].to_str().unwrap().to_owned(),
            acknowledged: 0,
            media: None,
            text,
        });
        let upload = self.begun.last_mut()?;
        let step = upload.text.len().div_ceil(PIECES);
        while upload.acknowledged < upload.text.len() {
            let end = upload.text.len().min(upload.acknowledged + step);
            let piece = upload.text[upload.acknowledged..end].to_owned();
            let request = engine
                .request("PATCH", &upload.place)
                .header("tus-resumable", "1.0.0")
                .header("content-type", "application/offset+octet-stream")
                .header("upload-offset", upload.acknowledged)
                .body(piece);
            let (headers, _) = told(request, 204).await?;
            acknowledged.fetch_add(1, Ordering::Relaxed);
            upload.acknowledged = end;
            let media = headers.get("x-inkstone-media");
            upload.media = media.map(|media| media.to_str().unwrap().to_owned());
        }
        assert!(upload.media.is_some(), "a whole upload became nothing");
        Some(())
    }
}

/// Long enough, and different for each name.
fn text_of(name: &str) -> String {
    format!("{name}, line by line.\n").repeat(LINES)
}

/// Its headers and its body. The kill cuts the connection: from then on nothing is acknowledged.
async fn told(
    request: reqwest::RequestBuilder,
    expected: u16,
) -> Option<(reqwest::header::HeaderMap, Value)> {
    let reply = request.send().await.ok()?;
    let (status, headers) = (reply.status(), reply.headers().clone());
    let text = reply.text().await.ok()?;
    assert_eq!(status, expected, "{text}");
    Some((headers, serde_json::from_str(&text).unwrap_or_default()))
}

/// Everything acknowledged is there; and whatever is there of this round is whole.
pub async fn check(engine: &Engine, files: &[Files], round: usize) {
    for file in files.iter().flat_map(|files| &files.whole) {
        assert_eq!(content(engine, &file.id).await, file.text, "{}", file.id);
    }
    for upload in files.iter().flat_map(|files| &files.begun) {
        go_on(engine, upload).await;
    }
    let mut cursor = String::new();
    loop {
        let (status, page) = engine.get(&format!("{MEDIA}?limit=100{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        for media in page["data"].as_array().unwrap() {
            let name = media["name"].as_str().unwrap();
            if !name.starts_with(&format!("Round {round} ")) {
                return;
            }
            let text = content(engine, media["id"].as_str().unwrap()).await;
            let expected = text_of(name.trim_end_matches(".md"));
            assert_eq!(text, expected, "a file is half written: {media}");
            assert_eq!(media["size_bytes"], expected.len(), "{media}");
            assert_eq!(media["sha256"], sha256(expected.as_bytes()), "{media}");
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return,
        }
    }
}

/// An upload that was cut off is as far as it was said to be, and ends with the right bytes.
async fn go_on(engine: &Engine, upload: &Begun) {
    let (status, shown) = engine.get(&upload.place).await;
    assert_eq!(status, 200, "{shown}");
    let offset = usize::try_from(shown["offset"].as_u64().unwrap()).unwrap();
    assert!(offset >= upload.acknowledged, "{shown}");
    if let Some(media) = &upload.media {
        assert_eq!(shown["media"], media.as_str(), "{shown}");
    }
    let media = match shown["media"].as_str() {
        Some(media) => media.to_owned(),
        None => {
            let request = engine
                .request("PATCH", &upload.place)
                .header("tus-resumable", "1.0.0")
                .header("content-type", "application/offset+octet-stream")
                .header("upload-offset", offset)
                .body(upload.text[offset..].to_owned());
            let (headers, _) = told(request, 204).await.expect("the engine is there");
            headers["x-inkstone-media"].to_str().unwrap().to_owned()
        }
    };
    assert_eq!(content(engine, &media).await, upload.text, "{media}");
}

async fn content(engine: &Engine, media: &str) -> String {
    let request = engine.request("GET", &format!("/v1/media/{media}/content"));
    let reply = request.send().await.expect("the engine answers");
    assert_eq!(reply.status(), 200, "an acknowledged file is gone: {media}");
    reply.text().await.expect("the file arrives")
}
