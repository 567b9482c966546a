//! `/v1/projects/{slug}/media` and `/v1/media`: files, their bytes, versions and links, and those who attack
//! with them.

use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use futures::{StreamExt, stream};
use inkstone_testkit::api_client::{
    ApiClient, Identity, MAX_MEDIA_BYTES, MEDIA_QUOTA_BYTES, TestApi, TestReply,
};
use inkstone_testkit::sample;
use serde_json::{Value, json};

const FORM: &str = "multipart/form-data; boundary=edge";

/// A form with one file, and these other fields.
fn form(name: &str, content_type: &str, bytes: &[u8], fields: &[(&str, &str)]) -> Vec<u8> {
    let mut form = format!(
        "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: {content_type}\r\n\r\n"
    )
    .into_bytes();
    form.extend_from_slice(bytes);
    for (name, value) in fields {
        let field =
            format!("\r\n--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}");
        form.extend_from_slice(field.as_bytes());
    }
    form.extend_from_slice(b"\r\n--edge--\r\n");
    form
}

async fn send(client: &ApiClient, project: &str, form: Vec<u8>) -> TestReply {
    let path = format!("/v1/projects/{project}/media");
    client.post_raw(&path, FORM, form).await
}

/// Adds a picture of 64 × 48 pixels; its id.
pub async fn add(client: &ApiClient, project: &str, name: &str) -> String {
    let bytes = sample::png(64, 48, 100);
    let made = send(client, project, form(name, "image/png", &bytes, &[])).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["id"].as_str().unwrap().to_owned()
}

fn code(reply: &TestReply) -> String {
    reply.json()["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_file_is_added_read_changed_and_thrown_away() {
    let api = TestApi::start().await;
    let client = api.creator();
    let bytes = sample::png(64, 48, 100);
    let sent = form("tide.png", "image/png", &bytes, &[("alt", "The tide")]);
    let made = send(&client, "default", sent).await;
    assert_eq!(
        (made.status, made.header("etag")),
        (201, "\"1\""),
        "{made:?}"
    );
    let medium = made.json();
    let id = medium["id"].as_str().unwrap();
    assert_eq!(made.header("location"), format!("/v1/media/{id}"));
    for (key, expected) in [
        ("name", json!("tide.png")),
        ("alt", json!("The tide")),
        ("project", json!("default")),
        ("content_type", json!("image/png")),
        ("size_bytes", json!(bytes.len())),
        ("width", json!(64)),
        ("height", json!(48)),
        ("version", json!(1)),
        ("variant_state", json!("pending")),
        ("trashed_at", Value::Null),
    ] {
        assert_eq!(medium[key], expected, "{key}");
    }

    let path = format!("/v1/media/{id}");
    let held = client.clone().with_header("if-none-match", "\"1\"");
    assert_eq!(held.get(&path).await.status, 304);
    let patch = json!({"name": "ebb.png", "alt": ""});
    let stale = client.clone().with_header("if-match", "\"7\"");
    assert_eq!(stale.patch(&path, patch.clone()).await.status, 412);
    let changed = client.patch(&path, patch.clone()).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    assert_eq!(changed.json()["name"], "ebb.png");
    assert_eq!(client.patch(&path, patch).await.header("etag"), "\"2\"");
    for bad in [
        json!({"name": "../ebb.png"}),
        json!({"name": "ebb.html"}),
        json!({"name": ""}),
        json!({"alt": "x".repeat(2_001)}),
        json!({"sha256": "0"}),
        json!({"content_type": "text/html"}),
    ] {
        let refused = client.patch(&path, bad.clone()).await;
        assert!((400..=422).contains(&refused.status), "{bad} {refused:?}");
    }

    assert_eq!(client.delete(&path).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);
    assert_eq!(client.get(&format!("{path}/content")).await.status, 404);
    let list = |trashed| format!("/v1/projects/default/media?trashed={trashed}");
    assert_eq!(client.get(&list(false)).await.json()["data"], json!([]));
    assert_eq!(client.get(&list(true)).await.json()["data"][0]["id"], id);
    let restored = client.post(&format!("{path}/restore"), json!({})).await;
    assert_eq!(restored.status, 200, "{restored:?}");
    let gone = client.delete(&format!("{path}?permanent=true")).await;
    assert_eq!(gone.status, 204);
    assert_eq!(client.get(&list(true)).await.json()["data"], json!([]));
    assert_eq!(client.delete(&path).await.status, 404);
}

#[tokio::test]
async fn bytes_are_read_whole_in_part_and_not_again() {
    let api = TestApi::start().await;
    let client = api.creator();
    let id = add(&client, "default", "Ebbe & Flut.png").await;
    let path = format!("/v1/media/{id}/content");
    let bytes = sample::png(64, 48, 100);
    let whole = client.get(&path).await;
    assert_eq!((whole.status, &whole.body[..]), (200, &bytes[..]));
    for (header, expected) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("accept-ranges", "bytes"),
        ("cache-control", "private, no-cache"),
        (
            "content-security-policy",
            "default-src 'none'; sandbox; frame-ancestors 'none'",
        ),
        (
            "content-disposition",
            "inline; filename=\"Ebbe & Flut.png\"; filename*=UTF-8''Ebbe%20%26%20Flut.png",
        ),
    ] {
        assert_eq!(whole.header(header), expected, "{header}");
    }
    let saved = client.get(&format!("{path}?download=true")).await;
    assert!(
        saved
            .header("content-disposition")
            .starts_with("attachment")
    );

    let tag = whole.header("etag").to_owned();
    let held = client.clone().with_header("if-none-match", &tag);
    let not_again = held.get(&path).await;
    assert_eq!((not_again.status, not_again.body.len()), (304, 0));
    let part = client.clone().with_header("range", "bytes=1-3");
    let part = part.get(&path).await;
    assert_eq!((part.status, &part.body[..]), (206, &b"PNG"[..]));
    let told = format!("bytes 1-3/{}", bytes.len());
    assert_eq!(part.header("content-range"), told);
    assert_eq!(part.header("content-length"), "3");
    let beyond = client.clone().with_header("range", "bytes=9999-");
    let beyond = beyond.get(&path).await;
    assert_eq!(
        (beyond.status, code(&beyond).as_str()),
        (416, "range_not_satisfiable")
    );
    let told = format!("bytes */{}", bytes.len());
    assert_eq!(beyond.header("content-range"), told);
    let head = client.send(Method::HEAD, &path, None).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), bytes.len().to_string());
}

#[tokio::test]
async fn new_bytes_are_a_version_and_old_ones_stay() {
    let api = TestApi::start().await;
    let client = api.creator();
    let id = add(&client, "default", "tide.png").await;
    let path = format!("/v1/media/{id}/content");
    let put = |media_type: &'static str, bytes: Vec<u8>| {
        let (client, path) = (client.clone(), path.clone());
        async move { client.send_raw(Method::PUT, &path, media_type, bytes).await }
    };
    let larger = sample::png(128, 96, 500);
    let stale = client.clone().with_header("if-match", "\"9\"");
    let refused = stale.send_raw(Method::PUT, &path, "image/png", larger.clone());
    assert_eq!(refused.await.status, 412);
    let replaced = put("image/png", larger.clone()).await;
    assert_eq!(
        (replaced.status, replaced.header("etag")),
        (200, "\"2\""),
        "{replaced:?}"
    );
    let medium = replaced.json();
    assert_eq!(
        (&medium["version"], &medium["width"]),
        (&json!(2), &json!(128))
    );
    assert_eq!(medium["name"], "tide.png");
    assert_eq!(client.get(&path).await.body, larger);
    let first = client.get(&format!("{path}?version=1")).await;
    assert_eq!(first.body, sample::png(64, 48, 100));
    assert_eq!(client.get(&format!("{path}?version=3")).await.status, 404);
    let versions = client
        .get(&format!("/v1/media/{id}/versions?limit=1"))
        .await;
    let versions = versions.json();
    assert_eq!(versions["data"][0]["version"], 2);
    assert!(versions["next_cursor"].is_string());

    // Text under the name of a picture.
    let other = put("text/plain", b"tides".to_vec()).await;
    assert_eq!(other.status, 415, "{other:?}");
    let named = client
        .send_raw(
            Method::PUT,
            &format!("{path}?name=tide.txt"),
            "text/plain",
            "tides",
        )
        .await;
    assert_eq!(named.json()["content_type"], "text/plain", "{named:?}");
    let text = client.get(&path).await;
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    assert!(
        text.header("content-disposition")
            .starts_with("attachment; filename=\"tide.txt\"")
    );
}

#[tokio::test]
async fn the_bytes_decide_what_a_file_is() {
    let api = TestApi::start().await;
    let client = api.creator();
    let png = sample::png(64, 48, 100);
    let page = b"<html><script>alert(1)</script></html>".as_slice();
    let drawing = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".as_slice();
    let bomb = sample::png(60_000, 60_000, 100);
    let huge = sample::png(u32::MAX, u32::MAX, 100);
    for (name, content_type, bytes, status, expected) in [
        (
            "a.png",
            "image/jpeg",
            png.as_slice(),
            422,
            "media_type_mismatch",
        ),
        ("a.jpg", "image/png", &png, 422, "media_type_mismatch"),
        ("a.html", "text/html", &png, 422, "media_type_mismatch"),
        ("a.html", "text/html", page, 415, "unsupported_media_type"),
        ("a.png", "image/png", page, 415, "unsupported_media_type"),
        ("a.txt", "text/plain", page, 415, "unsupported_media_type"),
        (
            "a.svg",
            "image/svg+xml",
            drawing,
            415,
            "unsupported_media_type",
        ),
        (
            "a.png",
            "image/png",
            b"\x89PNG\r\n\x1a\nnothing",
            422,
            "media_type_mismatch",
        ),
        (
            "a.txt",
            "text/plain",
            b"caf\xe9",
            422,
            "media_type_mismatch",
        ),
        (
            "a.zip",
            "application/zip",
            b"PK\x03\x04\x14\0\0\0\x08\0",
            415,
            "unsupported_media_type",
        ),
        ("a.png", "image/png", &bomb, 400, "invalid_input"),
        ("a.png", "image/png", &huge, 400, "invalid_input"),
        ("a.png", "image/png", b"", 400, "invalid_input"),
    ] {
        let refused = send(&client, "default", form(name, content_type, bytes, &[])).await;
        assert_eq!(
            (refused.status, code(&refused).as_str()),
            (status, expected),
            "{name} {content_type}"
        );
    }
    let list = client.get("/v1/projects/default/media").await;
    assert_eq!(list.json()["data"], json!([]));
}

/// Files that are two things at once are served as the one they were taken for, and run nowhere.
#[tokio::test]
async fn polyglots_are_served_as_what_they_are() {
    let api = TestApi::start().await;
    let client = api.creator();
    let mut gif = b"GIF89a".to_vec();
    gif.extend_from_slice(b"\x2f\x00\x2a\x00\x80\x00\x00*/=1;alert(1);//");
    let mut jpeg = b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0".to_vec();
    jpeg.extend_from_slice(b"\xff\xfe\x00\x1f<script>alert(1)</script>\0\0\0\0");
    jpeg.extend_from_slice(b"\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00\xff\xd9<html>");
    let pdf = b"%PDF-1.7\nPK\x03\x04\x14\0\0\0\x08\0".to_vec();
    let mut trailing = sample::png(16, 16, 10);
    trailing.extend_from_slice(b"PK\x03\x04\x14\0\0\0\x08\0");
    for (name, bytes, content_type) in [
        ("a.gif", gif, "image/gif"),
        ("a.jpg", jpeg, "image/jpeg"),
        ("a.pdf", pdf, "application/pdf"),
        ("a.png", trailing, "image/png"),
    ] {
        let made = send(&client, "default", form(name, content_type, &bytes, &[])).await;
        assert_eq!(made.status, 201, "{name} {made:?}");
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let served = client.get(&format!("/v1/media/{id}/content")).await;
        assert_eq!(served.body, bytes);
        assert_eq!(served.header("content-type"), content_type);
        assert_eq!(served.header("x-content-type-options"), "nosniff");
        assert!(served.header("content-security-policy").contains("sandbox"));
    }
}

#[tokio::test]
async fn forms_are_checked_and_names_are_no_paths() {
    let api = TestApi::start().await;
    let client = api.creator();
    let png = sample::png(64, 48, 100);
    for (name, kept) in [
        ("../../etc/tide.png", "tide.png"),
        ("C:\\\\tide.png", "tide.png"),
        ("..%2ftide.png", "..%2ftide.png"),
    ] {
        let made = send(&client, "default", form(name, "image/png", &png, &[])).await;
        assert_eq!(made.status, 201, "{name}: {made:?}");
        let expected = kept.trim_start_matches('.');
        assert_eq!(made.json()["name"], expected, "{name}");
    }
    let path = "/v1/projects/default/media";
    let unknown = form("a.png", "image/png", &png, &[("owner", "usr_1")]);
    let long = form("a.png", "image/png", &png, &[("alt", &"x".repeat(20_000))]);
    let cut = form("a.png", "image/png", &png, &[])[..100].to_vec();
    let no_file =
        b"--edge\r\ncontent-disposition: form-data; name=\"alt\"\r\n\r\na\r\n--edge--\r\n";
    for (name, media_type, body, status) in [
        ("an unknown field", FORM, unknown, 400),
        ("a long text", FORM, long, 400),
        ("half of a form", FORM, cut, 400),
        ("no file", FORM, no_file.to_vec(), 400),
        ("no form", "application/json", b"{}".to_vec(), 415),
        ("no boundary", "multipart/form-data", png.clone(), 415),
    ] {
        let refused = client.post_raw(path, media_type, body).await;
        assert_eq!(refused.status, status, "{name}: {refused:?}");
    }
    let list = client.get(path).await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn large_and_endless_files_are_cut_off() {
    let api = TestApi::start().await;
    let client = api.creator();
    let path = "/v1/projects/default/media";
    let most = usize::try_from(MAX_MEDIA_BYTES).unwrap();
    let large = sample::png(64, 48, most);
    let refused = send(&client, "default", form("a.png", "image/png", &large, &[])).await;
    assert_eq!(
        (refused.status, code(&refused).as_str()),
        (413, "body_too_large")
    );

    // No length, and no end.
    let beginning = form("a.png", "image/png", &sample::png(64, 48, 100), &[]);
    let beginning = Bytes::from(beginning[..beginning.len() - 20].to_vec());
    let piece = Bytes::from_static(&[7; 4_096]);
    let endless = stream::iter([beginning])
        .chain(stream::repeat(piece))
        .map(Ok::<_, std::io::Error>);
    let refused = client
        .post_raw(path, FORM, Body::from_stream(endless))
        .await;
    assert_eq!(
        (refused.status, code(&refused).as_str()),
        (413, "body_too_large")
    );

    // A body that breaks off.
    let id = add(&client, "default", "tide.png").await;
    let broken = stream::iter([
        Ok(Bytes::from(sample::png(64, 48, 100))),
        Err(std::io::Error::other("gone")),
    ]);
    let content = format!("/v1/media/{id}/content");
    let broken = Body::from_stream(broken);
    let refused = client
        .send_raw(Method::PUT, &content, "image/png", broken)
        .await;
    assert_eq!(refused.status, 400);
    let medium = client.get(&format!("/v1/media/{id}")).await.json();
    assert_eq!(medium["version"], 1);
}

#[tokio::test]
async fn a_project_keeps_no_more_than_its_quota() {
    let api = TestApi::start().await;
    let client = api.creator();
    let size = MEDIA_QUOTA_BYTES / 3;
    let picture = sample::png(64, 48, usize::try_from(size).unwrap() - 40);
    let sends = (0..6).map(|_| {
        let client = client.clone();
        let form = form("a.png", "image/png", &picture, &[]);
        async move { send(&client, "default", form).await }
    });
    let made = futures::future::join_all(sends).await;
    let statuses = |status| made.iter().filter(|one| one.status == status).count();
    assert_eq!((statuses(201), statuses(413)), (3, 3));
    let refused = made.iter().find(|one| one.status == 413).unwrap();
    assert_eq!(code(refused), "media_quota_exceeded");

    let id = made.iter().find(|one| one.status == 201).unwrap().json()["id"].clone();
    let path = format!("/v1/media/{}", id.as_str().unwrap());
    assert_eq!(client.delete(&path).await.status, 204);
    let form = || form("a.png", "image/png", &picture, &[]);
    assert_eq!(send(&client, "default", form()).await.status, 413);
    let gone = client.delete(&format!("{path}?permanent=true")).await;
    assert_eq!(gone.status, 204);
    assert_eq!(send(&client, "default", form()).await.status, 201);
}

#[tokio::test]
async fn a_link_opens_one_file_until_it_expires() {
    let api = TestApi::start().await;
    let (client, nobody) = (api.creator(), api.anonymous());
    let id = add(&client, "default", "tide.png").await;
    let other = add(&client, "default", "ebb.png").await;
    let path = format!("/v1/media/{id}/link");
    let made = client.post(&path, json!({"expires_in_s": 60})).await.json();
    let link = made["path"].as_str().unwrap();
    assert_eq!(made["url"], format!("http://localhost:7878{link}"));
    let opened = nobody.get(link).await;
    assert_eq!(
        (opened.status, opened.body.len()),
        (200, sample::png(64, 48, 100).len())
    );
    assert!(
        opened
            .header("cache-control")
            .starts_with("private, max-age=")
    );

    let longer = link.replace("expires=", "expires=9");
    for (name, changed) in [
        ("another file", link.replace(&id, &other)),
        ("another version", link.replace("version=1", "version=2")),
        ("a variant", format!("{link}&variant=thumbnail")),
        ("a longer time", longer),
        (
            "another signature",
            format!("{}AAAA", &link[..link.len() - 4]),
        ),
        (
            "no signature",
            link.split("&signature").next().unwrap().to_owned(),
        ),
        ("no version", link.replace("version=1&", "")),
    ] {
        let refused = nobody.get(&changed).await;
        assert_eq!(
            (refused.status, code(&refused).as_str()),
            (403, "invalid_link"),
            "{name}"
        );
    }
    // What a link does not open, a caller's own right may not open through it.
    let refused = client.get(&format!("{link}&variant=thumbnail")).await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        nobody.get(&format!("/v1/media/{id}/content")).await.status,
        401
    );
    for bad in [
        json!({"expires_in_s": 0}),
        json!({"expires_in_s": 604_801}),
        json!({}),
    ] {
        assert_eq!(client.post(&path, bad).await.status, 400);
    }
    let strange = api
        .stranger()
        .post(&path, json!({"expires_in_s": 60}))
        .await;
    assert_eq!(strange.status, 404);

    api.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(nobody.get(link).await.status, 403);
}

#[tokio::test]
async fn lists_are_filtered_and_others_see_nothing() {
    let api = TestApi::start().await;
    let client = api.creator();
    let id = add(&client, "default", "tide.png").await;
    let text = form("a.txt", "text/plain", b"tides", &[]);
    assert_eq!(send(&client, "default", text).await.status, 201);
    let count = |client: ApiClient, query: &'static str| async move {
        let list = client
            .get(&format!("/v1/projects/default/media{query}"))
            .await;
        list.json()["data"].as_array().unwrap().len()
    };
    assert_eq!(count(client.clone(), "").await, 2);
    assert_eq!(
        count(client.clone(), "?filter[content_type]=image").await,
        1
    );
    assert_eq!(
        count(client.clone(), "?filter[content_type]=text/plain").await,
        1
    );
    assert_eq!(
        count(client.clone(), "?filter[content_type]=text/csv").await,
        0
    );
    assert_eq!(count(api.stranger(), "").await, 0);
    assert_eq!(count(api.admin(), "").await, 2);
    let creator = api.user(Identity::Creator);
    let path = format!("/v1/projects/default/media?filter[owner]={creator}");
    assert_eq!(api.stranger().get(&path).await.json()["data"], json!([]));
    let unknown = "/v1/projects/default/media?filter[name]=a";
    assert_eq!(client.get(unknown).await.status, 400);
    for path in [
        format!("/v1/media/{id}"),
        format!("/v1/media/{id}/content"),
        format!("/v1/media/{id}/versions"),
        "/v1/media/med_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P".to_owned(),
        "/v1/media/../../etc/passwd".to_owned(),
    ] {
        assert_eq!(api.stranger().get(&path).await.status, 404, "{path}");
    }
}
