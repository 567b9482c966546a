//! What an article shows: files as its cover and in its text, by links that expire, and covers by address,
//! which nobody fetches.

use std::net::TcpListener;
use std::time::Duration;

use inkstone_testkit::api_client::{ApiClient, Identity, PASSWORD, TestApi, TestReply};
use serde_json::{Value, json};

use crate::check;
use crate::media::add;

async fn write(client: &ApiClient, body: Value) -> String {
    let made = client.post("/v1/articles", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn with_cover(client: &ApiClient, id: &str) -> TestReply {
    let reply = client
        .get(&format!("/v1/articles/{id}?include=cover"))
        .await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply
}

async fn html(client: &ApiClient, id: &str) -> String {
    let reply = client.get(&format!("/v1/articles/{id}/html")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.text().to_owned()
}

/// After the tokens of the start have expired.
async fn signed_in_again(api: &TestApi, who: Identity) -> ApiClient {
    let email = format!("{who:?}@example.org").to_lowercase();
    let pair = json!({"email": email, "password": PASSWORD});
    let pair = api.anonymous().post("/v1/auth/login", pair).await;
    assert_eq!(pair.status, 200, "{pair:?}");
    let pair = pair.json();
    api.anonymous()
        .with_token(pair["access_token"].as_str().unwrap())
}

/// The path of an address of the engine.
fn path_of(url: &str) -> String {
    let path = url.strip_prefix("http://localhost:7878").unwrap_or(url);
    assert!(path.starts_with("/v1/media/"), "{url}");
    path.to_owned()
}

/// The addresses of files in HTML.
fn addresses(html: &str) -> Vec<String> {
    let all = html.split(['"', '\'']);
    let all = all.filter(|it| it.contains("/v1/media/"));
    all.map(|it| path_of(&it.replace("&amp;", "&"))).collect()
}

#[tokio::test]
async fn a_cover_is_a_picture_of_the_project() {
    let api = TestApi::start().await;
    let client = api.creator();
    let made = client.post("/v1/projects", json!({"slug": "one"})).await;
    assert_eq!(made.status, 201);
    let own = add(&client, "default", "own.png").await;
    let of_project = add(&client, "one", "project.png").await;
    let foreign = add(&api.stranger(), "default", "foreign.png").await;
    let trashed = add(&client, "default", "trashed.png").await;
    assert_eq!(
        client.delete(&format!("/v1/media/{trashed}")).await.status,
        204
    );
    let form = "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
        content-type: text/plain\r\n\r\nwords\r\n--edge--\r\n";
    let text = client.post_raw(
        "/v1/projects/default/media",
        "multipart/form-data; boundary=edge",
        form,
    );
    let text = text.await.json()["id"].as_str().unwrap().to_owned();

    let id = write(&client, json!({"title": "A"})).await;
    let path = format!("/v1/articles/{id}");
    for cover in [
        "med_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P",
        of_project.as_str(),
        &foreign,
        &trashed,
        &text,
        "tide.png",
        "med_1",
        "art_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P",
    ] {
        for refused in [
            client
                .post("/v1/articles", json!({"title": "B", "cover": cover}))
                .await,
            client.patch(&path, json!({"cover": cover})).await,
        ] {
            let problem = check::problem(&refused, 400, "invalid_input");
            assert_eq!(
                problem["errors"][0]["pointer"], "/cover",
                "{cover} {problem}"
            );
        }
    }
    let elsewhere = json!({"title": "C", "project": "one", "cover": own});
    let refused = client.post("/v1/articles", elsewhere).await;
    check::problem(&refused, 400, "invalid_input");
    for (body, status) in [
        (json!({"title": "D", "cover": own}), 201),
        (
            json!({"title": "E", "project": "one", "cover": of_project}),
            201,
        ),
        (
            json!({"title": "F", "cover": "https://example.org/tide.png"}),
            201,
        ),
    ] {
        assert_eq!(client.post("/v1/articles", body).await.status, status);
    }
    // An admin gives somebody's article no file of their own.
    let admins = add(&api.admin(), "default", "admin.png").await;
    let refused = api.admin().patch(&path, json!({"cover": admins})).await;
    check::problem(&refused, 400, "invalid_input");
    let changed = client.patch(&path, json!({"cover": own})).await;
    assert_eq!(changed.json()["cover"], own.as_str());
    // Strangers hear of the article, not of the file.
    let hidden = api.stranger().patch(&path, json!({"cover": own})).await;
    check::problem(&hidden, 404, "not_found");
}

#[tokio::test]
async fn who_may_read_an_article_sees_its_cover_for_a_while() {
    let api = TestApi::start().await;
    let client = api.creator();
    let medium = add(&client, "default", "tide.png").await;
    let alt = json!({"alt": "The tide"});
    let said = client.patch(&format!("/v1/media/{medium}"), alt).await;
    assert_eq!(said.status, 200);
    let body = json!({"title": "Tides", "cover": medium, "status": "published"});
    let id = write(&client, body).await;
    let plain = client.get(&format!("/v1/articles/{id}")).await;
    assert_eq!(plain.header("etag"), "\"1\"");
    assert_eq!(plain.json().get("cover_media"), None);

    // Who may not read the file itself reads it here.
    let stranger = api.stranger();
    assert_eq!(
        stranger.get(&format!("/v1/media/{medium}")).await.status,
        404
    );
    let shown = with_cover(&stranger, &id).await;
    let cover = shown.json()["cover_media"].clone();
    assert_eq!(cover["state"], "ready");
    assert_eq!(
        (&cover["id"], &cover["alt"]),
        (&json!(medium), &json!("The tide"))
    );
    let picture = &cover["picture"];
    assert_eq!(
        (&picture["width"], &picture["height"]),
        (&json!(64), &json!(48))
    );
    assert_eq!(cover["variants"], json!([]), "not made yet");
    let path = path_of(picture["url"].as_str().unwrap());
    let bytes = api.anonymous().get(&path).await;
    assert_eq!(
        (bytes.status, bytes.header("content-type")),
        (200, "image/png")
    );

    // The tag holds as long as the links, and stands for the revision.
    let tag = shown.header("etag").to_owned();
    assert!(tag.starts_with("\"1-"), "{tag}");
    let held = stranger.clone().with_header("if-none-match", &tag);
    let read = format!("/v1/articles/{id}?include=cover");
    assert_eq!(held.get(&read).await.status, 304);
    api.clock.advance(Duration::from_secs(3 * 60 * 60));
    let stranger = signed_in_again(&api, Identity::Stranger).await;
    let held = stranger.clone().with_header("if-none-match", &tag);
    let later = held.get(&read).await;
    assert_eq!(later.status, 200);
    assert_eq!(
        api.anonymous().get(&path).await.status,
        403,
        "it has expired"
    );
    let url = later.json()["cover_media"]["picture"]["url"].clone();
    let fresh = path_of(url.as_str().unwrap());
    assert_eq!(api.anonymous().get(&fresh).await.status, 200);
    let owner = signed_in_again(&api, Identity::Creator).await;
    let path = format!("/v1/articles/{id}");
    let change = owner.clone().with_header("if-match", later.header("etag"));
    let changed = change.patch(&path, json!({"title": "Tide"})).await;
    assert_eq!(changed.header("etag"), "\"2\"");
    let late = owner.with_header("if-match", &tag);
    let late = late.patch(&path, json!({"title": "T"})).await;
    check::problem(&late, 412, "revision_mismatch");
}

#[tokio::test]
async fn variants_are_shown_once_they_are_made() {
    let api = TestApi::start().await;
    let client = api.creator();
    let medium = add(&client, "default", "tide.png").await;
    let text = format!("![Small](media:{medium}?variant=thumbnail)");
    let body = json!({"title": "Tides", "cover": medium, "body": text});
    let id = write(&client, body).await;
    let before = addresses(&html(&client, &id).await);
    assert!(
        !before[0].contains("variant="),
        "the file itself: {before:?}"
    );
    api.services.start_workers(1);
    let job = loop {
        let medium = client.get(&format!("/v1/media/{medium}")).await.json();
        if medium["variant_state"] != "pending" {
            break medium;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(job["variant_state"], "ready");
    let shown = with_cover(&client, &id).await.json();
    let variants = shown["cover_media"]["variants"].as_array().unwrap().clone();
    assert!(!variants.is_empty());
    for variant in variants {
        let path = path_of(variant["url"].as_str().unwrap());
        let bytes = api.anonymous().get(&path).await;
        assert_eq!(bytes.status, 200, "{variant}");
        assert_eq!(bytes.header("content-type"), variant["content_type"]);
    }
    let after = addresses(&html(&client, &id).await);
    assert!(after[0].contains("variant=thumbnail"), "{after:?}");
    assert_eq!(api.anonymous().get(&after[0]).await.status, 200);
    api.services.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_cover_that_is_not_there_is_told() {
    let api = TestApi::start().await;
    let client = api.creator();
    let medium = add(&client, "default", "tide.png").await;
    let id = write(&client, json!({"title": "Tides", "cover": medium})).await;
    let (path, file) = (format!("/v1/articles/{id}"), format!("/v1/media/{medium}"));
    check::problem(&client.delete(&file).await, 409, "conflict");
    assert_eq!(client.patch(&path, json!({"cover": ""})).await.status, 200);
    assert_eq!(client.delete(&file).await.status, 204);
    // An old revision is as it was, and names what is in the trash.
    let restored = client
        .post(&format!("{path}/revisions/1/restore"), json!({}))
        .await;
    assert_eq!(restored.status, 200, "{restored:?}");
    let cover = with_cover(&client, &id).await.json()["cover_media"].clone();
    assert_eq!(
        (&cover["state"], &cover["picture"]),
        (&json!("trashed"), &Value::Null)
    );
    // What is not changed is not asked for again.
    let kept = client
        .patch(&path, json!({"cover": medium, "title": "T"}))
        .await;
    assert_eq!(kept.status, 200, "{kept:?}");
    let forever = format!("{file}?permanent=true");
    check::problem(&client.delete(&forever).await, 409, "conflict");
    assert_eq!(client.patch(&path, json!({"cover": ""})).await.status, 200);
    let gone = client.delete(&forever).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    let restored = client
        .post(&format!("{path}/revisions/1/restore"), json!({}))
        .await;
    assert_eq!(restored.status, 200, "{restored:?}");
    let cover = with_cover(&client, &id).await.json()["cover_media"].clone();
    assert_eq!(cover["state"], "gone");
}

#[tokio::test]
async fn files_in_a_text_become_links_and_those_of_others_words() {
    let api = TestApi::start().await;
    let client = api.creator();
    let own = add(&client, "default", "own.png").await;
    let foreign = add(&api.stranger(), "default", "foreign.png").await;
    let text = format!(
        "![Own *picture*](media:{own} \"Title\") and [a file](media:{own}) and \
         ![Foreign <one>](media:{foreign}) and [none](media:nothing) and <img src=\"media:{own}\">\n\n\
         `media:{own}`"
    );
    let body = json!({"title": "Tides", "body": text, "status": "published"});
    let id = write(&client, body).await;
    let shown = html(&api.viewer(), &id).await;
    let paths = addresses(&shown);
    assert_eq!(paths.len(), 2, "{shown}");
    for path in &paths {
        assert!(path.contains(&own), "{path}");
        assert_eq!(api.anonymous().get(path).await.status, 200, "{path}");
    }
    assert!(shown.contains("alt=\"Own picture\""), "{shown}");
    assert!(
        shown.contains("Foreign") && shown.contains(" none "),
        "{shown}"
    );
    assert!(!shown.contains(&foreign), "{shown}");
    assert!(!shown.contains("\"media:"), "{shown}");
    assert!(
        shown.contains(&format!("<code>media:{own}</code>")),
        "{shown}"
    );

    let read = format!("/v1/articles/{id}?include=html");
    let reply = api.viewer().get(&read).await;
    assert_eq!(reply.json()["html"], shown.as_str());
    let tag = reply.header("etag").to_owned();
    assert!(tag.starts_with("\"1-"), "{tag}");
    let held = api.viewer().with_header("if-none-match", &tag);
    assert_eq!(held.get(&read).await.status, 304);
    // In the trash it is no link any more.
    assert_eq!(client.delete(&format!("/v1/media/{own}")).await.status, 204);
    assert_eq!(held.get(&read).await.status, 200);
    assert!(addresses(&html(&api.viewer(), &id).await).is_empty());
    assert_eq!(api.anonymous().get(&paths[0]).await.status, 404);
}

/// An address as a cover is a text: it is kept or refused, and nothing calls there.
#[tokio::test]
async fn no_address_of_a_cover_is_ever_fetched() {
    let inside = TcpListener::bind("127.0.0.1:0").unwrap();
    inside.set_nonblocking(true).unwrap();
    let port = inside.local_addr().unwrap().port();
    let api = TestApi::start().await;
    let client = api.creator();
    for scheme in [
        "file:///etc/passwd",
        "gopher://127.0.0.1:70/_x",
        "ftp://127.0.0.1/a",
        "dict://127.0.0.1:11211/stat",
        "data:image/png;base64,AA",
        "javascript:alert(1)",
        "//127.0.0.1/a",
        "jar:http://127.0.0.1!/a",
        "media:../../etc/passwd",
        "HTTP://127.0.0.1/",
    ] {
        let body = json!({"title": "A", "cover": scheme});
        let refused = client.post("/v1/articles", body).await;
        let problem = check::problem(&refused, 400, "invalid_input");
        assert_eq!(problem["errors"][0]["pointer"], "/cover", "{scheme}");
    }
    for (host, path) in [
        ("127.0.0.1", "/a.png"),
        (
            "localhost",
            "/redirect?to=http://169.254.169.254/latest/meta-data",
        ),
        ("[::ffff:127.0.0.1]", "/a.png"),
        ("2130706433", "/a.png"),
        ("0x7f.1", "/a.png"),
        ("127.0.0.1.nip.io", "/a.png"),
        ("169.254.169.254", "/latest/meta-data/iam"),
        ("metadata.google.internal", "/computeMetadata/v1"),
        ("10.0.0.1", "/a.png"),
        ("user:secret@127.0.0.1", "/a.png"),
    ] {
        let cover = format!("http://{host}:{port}{path}");
        let text = format!("![a]({cover})");
        let body = json!({"title": "A", "cover": cover, "body": text, "status": "published"});
        let id = write(&client, body).await;
        let read = client
            .get(&format!("/v1/articles/{id}?include=html,toc,stats,cover"))
            .await
            .json();
        assert_eq!(read["cover"], cover.as_str());
        assert_eq!(read.get("cover_media"), None, "{cover}");
        let changed = json!({"cover": format!("{cover}#2")});
        let changed = client.patch(&format!("/v1/articles/{id}"), changed).await;
        assert_eq!(changed.status, 200, "{changed:?}");
    }
    let nobody = inside.accept().map(|(_, from)| from);
    assert_eq!(
        nobody.map_err(|error| error.kind()),
        Err(std::io::ErrorKind::WouldBlock)
    );
}
