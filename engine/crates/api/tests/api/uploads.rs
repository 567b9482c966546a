//! `/v1/projects/{slug}/uploads`: the tus protocol.

use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use futures::stream;
use inkstone_testkit::api_client::{ApiClient, MAX_MEDIA_BYTES, TestApi, TestReply};
use inkstone_testkit::sample;
use serde_json::json;

const PIECE: &str = "application/offset+octet-stream";
const PATH: &str = "/v1/projects/default/uploads";

/// An upload of so many bytes of a PNG; its id.
pub async fn begin(client: &ApiClient, project: &str, size_bytes: u64) -> String {
    let begun = create(client, project, size_bytes).await;
    assert_eq!(begun.status, 201, "{begun:?}");
    begun.json()["id"].as_str().unwrap().to_owned()
}

async fn create(client: &ApiClient, project: &str, size_bytes: u64) -> TestReply {
    // tide.png and image/png
    let metadata = "filename dGlkZS5wbmc=,filetype aW1hZ2UvcG5n,alt YQ==,is_new";
    let client = client
        .clone()
        .with_header("tus-resumable", "1.0.0")
        .with_header("upload-length", &size_bytes.to_string())
        .with_header("upload-metadata", metadata);
    let path = format!("/v1/projects/{project}/uploads");
    client.send(Method::POST, &path, None).await
}

async fn piece(
    client: &ApiClient,
    upload: &str,
    offset: usize,
    body: impl Into<Body>,
) -> TestReply {
    let client = client
        .clone()
        .with_header("tus-resumable", "1.0.0")
        .with_header("upload-offset", &offset.to_string());
    let path = format!("{PATH}/{upload}");
    client.send_raw(Method::PATCH, &path, PIECE, body).await
}

async fn offset(client: &ApiClient, upload: &str) -> String {
    let path = format!("{PATH}/{upload}");
    let head = client.send(Method::HEAD, &path, None).await;
    assert_eq!(head.header("cache-control"), "no-store");
    head.header("upload-offset").to_owned()
}

#[tokio::test]
async fn an_upload_goes_on_where_it_broke_off() {
    let api = TestApi::start().await;
    let client = api.creator();
    let bytes = Bytes::from(sample::png(64, 48, 1_000));
    let begun = create(&client, "default", bytes.len() as u64).await;
    let upload = begun.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(begun.header("location"), format!("{PATH}/{upload}"));
    assert_eq!(begun.header("tus-resumable"), "1.0.0");
    assert!(begun.header("upload-expires").ends_with(" GMT"));
    assert_eq!(offset(&client, &upload).await, "0");

    let first = piece(&client, &upload, 0, bytes.slice(..100)).await;
    assert_eq!((first.status, first.header("upload-offset")), (204, "100"));
    let broken = stream::iter([
        Ok(bytes.slice(100..400)),
        Err(std::io::Error::other("gone")),
    ]);
    let broken = piece(&client, &upload, 100, Body::from_stream(broken)).await;
    assert_eq!(broken.status, 400);
    assert_eq!(offset(&client, &upload).await, "400");
    let again = piece(&client, &upload, 100, bytes.slice(100..)).await;
    assert_eq!(
        (again.status, again.json()["code"].as_str()),
        (409, Some("conflict"))
    );

    let last = piece(&client, &upload, 400, bytes.slice(400..)).await;
    assert_eq!(last.status, 204, "{last:?}");
    let id = last.header("x-inkstone-media").to_owned();
    let medium = client.get(&format!("/v1/media/{id}")).await.json();
    assert_eq!(
        (&medium["name"], &medium["alt"]),
        (&json!("tide.png"), &json!("a"))
    );
    let content = client.get(&format!("/v1/media/{id}/content")).await;
    assert_eq!(content.body, bytes);
    let shown = client.get(&format!("{PATH}/{upload}")).await;
    assert_eq!(shown.json()["media"], id);
    assert_eq!(shown.header("upload-offset"), bytes.len().to_string());
    let ended = client.delete(&format!("{PATH}/{upload}")).await;
    assert_eq!(ended.status, 204);
    assert_eq!(client.get(&format!("/v1/media/{id}")).await.status, 200);
}

#[tokio::test]
async fn the_protocol_is_told_and_checked() {
    let api = TestApi::start().await;
    let client = api.creator();
    let told = api.anonymous().send(Method::OPTIONS, PATH, None).await;
    assert_eq!((told.status, told.header("tus-version")), (204, "1.0.0"));
    assert_eq!(
        told.header("tus-extension"),
        "creation,expiration,termination"
    );
    assert_eq!(told.header("tus-max-size"), MAX_MEDIA_BYTES.to_string());
    let other = client.clone().with_header("tus-resumable", "0.2.2");
    assert_eq!(other.send(Method::POST, PATH, None).await.status, 412);
    for (length, metadata, status) in [
        ("0", "", 400),
        ("-1", "", 400),
        ("a", "", 400),
        ("9999999999999999999999", "", 400),
        ("131073", "", 413),
        ("10", "filename %%%", 400),
        ("10", "filename /w==", 400),
    ] {
        let client = client
            .clone()
            .with_header("upload-length", length)
            .with_header("upload-metadata", metadata);
        let refused = client.send(Method::POST, PATH, None).await;
        assert_eq!(refused.status, status, "{length} {metadata}");
    }
    let upload = begin(&client, "default", 10).await;
    let path = format!("{PATH}/{upload}");
    let with_offset = client.clone().with_header("upload-offset", "0");
    let no_piece = with_offset.send_raw(Method::PATCH, &path, "text/plain", "a");
    assert_eq!(no_piece.await.status, 415);
    let no_offset = client.send_raw(Method::PATCH, &path, PIECE, "a");
    assert_eq!(no_offset.await.status, 400);
    let too_long = piece(&client, &upload, 0, "eleven byte").await;
    assert_eq!(too_long.status, 413);
    assert_eq!(offset(&client, &upload).await, "0");
}

#[tokio::test]
async fn an_upload_that_is_no_file_ends() {
    let api = TestApi::start().await;
    let client = api.creator();
    let page = "<html><script>alert(1)</script>";
    let upload = begin(&client, "default", page.len() as u64).await;
    let refused = piece(&client, &upload, 0, page).await;
    assert_eq!(refused.status, 415);
    let path = format!("{PATH}/{upload}");
    assert_eq!(client.get(&path).await.status, 404);
}

#[tokio::test]
async fn uploads_are_their_makers_and_end_by_themselves() {
    let api = TestApi::start().await;
    let client = api.creator();
    let upload = begin(&client, "default", 10).await;
    let path = format!("{PATH}/{upload}");
    for other in [api.stranger(), api.admin()] {
        assert_eq!(other.get(&path).await.status, 404);
        assert_eq!(piece(&other, &upload, 0, "a").await.status, 404);
        assert_eq!(other.delete(&path).await.status, 404);
    }
    let elsewhere = path.replace("default", "handbook");
    assert_eq!(client.get(&elsewhere).await.status, 404);
    api.clock
        .advance(std::time::Duration::from_secs(25 * 60 * 60));
    let media = &api.services.media;
    assert_eq!(media.end_expired_uploads().await.unwrap(), 1);
    assert_eq!(media.end_expired_uploads().await.unwrap(), 0);
}
