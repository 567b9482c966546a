//! `/v1/projects/{slug}/imports` and `/export`.

use axum::http::Method;
use inkstone_domain::principal::{Principal, Role};
use inkstone_testkit::api_client::{ApiClient, Identity};
use serde_json::{Value, json};

use crate::projects::with_handbook;

/// Once it has ended.
async fn ended(client: &ApiClient, place: &str) -> Value {
    for _ in 0..1_000_000 {
        let import = client.get(place).await.json();
        if !["queued", "running"].contains(&import["status"].as_str().unwrap()) {
            return import;
        }
        tokio::task::yield_now().await;
    }
    panic!("the import never ended");
}

const LINES: &str = "{\"title\": \"Tides\", \"body\": \"High.\"}\n{\"title\": 7}\n";

#[tokio::test]
async fn a_file_goes_in_and_out() {
    let api = with_handbook().await;
    let client = api.creator();
    let sent = client
        .post_raw(
            "/v1/projects/handbook/imports?format=jsonl&on_conflict=update",
            "application/jsonl",
            LINES,
        )
        .await;
    assert_eq!(sent.status, 202, "{}", sent.text());
    let place = sent.header("location").to_owned();
    let id = sent.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(place, format!("/v1/projects/handbook/imports/{id}"));
    assert_eq!(sent.json()["status"], "queued");
    api.services.start_workers(1);
    let done = ended(&client, &place).await;
    assert_eq!(done["status"], "succeeded");
    assert_eq!(done["counts"]["created"], 1);
    assert_eq!(done["counts"]["refused"], 1);
    let shown = client.get(&place).await;
    let tag = shown.header("etag").to_owned();
    let same = api
        .creator()
        .with_header("if-none-match", &tag)
        .get(&place)
        .await;
    assert_eq!(same.status, 304);

    let report = client.get(&format!("{place}/report")).await;
    assert_eq!(report.header("content-type"), "application/jsonl");
    let lines: Vec<Value> = report
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["outcome"], "created");
    assert_eq!(lines[0]["slug"], "tides");
    assert_eq!(lines[1]["code"], "invalid_input");
    let table = client
        .get(&format!("{place}/report?format=csv&after=1"))
        .await;
    assert!(table.text().starts_with("number,entry,outcome"));
    assert_eq!(table.text().lines().count(), 2);
    let list = client.get("/v1/projects/handbook/imports").await.json();
    assert_eq!(list["data"][0]["id"], id.as_str());

    let export = client
        .get("/v1/projects/handbook/export?format=jsonl")
        .await;
    assert_eq!(export.status, 200);
    assert_eq!(
        export.header("content-disposition"),
        "attachment; filename=\"handbook-jsonl.jsonl\""
    );
    let article: Value = serde_json::from_str(export.text().trim()).unwrap();
    assert_eq!(article["title"], "Tides");
    let none = client
        .get("/v1/projects/handbook/export?format=jsonl&filter[status]=published")
        .await;
    assert_eq!((none.status, none.text()), (200, ""));
    let late = client.delete(&place).await;
    assert_eq!(late.status, 409);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused() {
    let api = with_handbook().await;
    let client = api.creator();
    for (path, status) in [
        ("/v1/projects/handbook/imports", 400),
        ("/v1/projects/handbook/imports?format=word", 400),
        (
            "/v1/projects/handbook/imports?format=jsonl&on_conflict=ask",
            400,
        ),
        ("/v1/projects/handbook/imports?format=jsonl&colour=red", 400),
        ("/v1/projects/no-such/imports?format=jsonl", 404),
    ] {
        let reply = client.post_raw(path, "application/jsonl", LINES).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
    }
    for (path, status) in [
        ("/v1/projects/handbook/export", 400),
        (
            "/v1/projects/handbook/export?format=jsonl&filter[status]=lost",
            400,
        ),
        ("/v1/projects/handbook/imports/imp_1", 404),
        (
            "/v1/projects/handbook/imports/imp_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P",
            404,
        ),
        (
            "/v1/projects/handbook/imports/imp_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P/report",
            404,
        ),
    ] {
        let reply = client.get(path).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
    }
    let stranger = api.stranger();
    let into = "/v1/projects/handbook/imports?format=jsonl";
    let refused = stranger.post_raw(into, "application/jsonl", LINES).await;
    assert_eq!(refused.status, 404);
    let refused = stranger
        .get("/v1/projects/handbook/export?format=archive")
        .await;
    assert_eq!(refused.status, 404);
}

#[tokio::test]
async fn a_file_may_be_longer_than_other_bodies() {
    let api = with_handbook().await;
    let client = api.creator();
    let long = format!("{}\n", " ".repeat(17 << 20));
    let into = "/v1/projects/handbook/imports?format=jsonl";
    let sent = client.post_raw(into, "application/jsonl", long).await;
    assert_eq!(sent.status, 202, "{}", sent.text());
    let place = sent.header("location").to_owned();
    let off = client.send(Method::DELETE, &place, None).await;
    assert_eq!(
        (off.status, off.json()["status"].as_str()),
        (200, Some("cancelled"))
    );
}

#[tokio::test]
async fn a_form_brings_a_file_too() {
    let api = with_handbook().await;
    let client = api.creator();
    let target = "/v1/projects/handbook/imports?format=jsonl";
    let form = |field: &str| {
        format!(
            "--b\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"a.jsonl\"\r\n\r\n{LINES}\r\n--b--\r\n"
        )
    };
    let media_type = "multipart/form-data; boundary=b";
    let sent = client.post_raw(target, media_type, form("file")).await;
    assert_eq!(sent.status, 202, "{}", sent.text());
    assert_eq!(sent.json()["size_bytes"], LINES.len());
    api.services.start_workers(1);
    let done = ended(&client, sent.header("location")).await;
    assert_eq!(done["counts"]["created"], 1);
    for wrong in [form("data"), "--b--\r\n".to_owned(), "file".to_owned()] {
        let reply = client.post_raw(target, media_type, wrong).await;
        assert_eq!(reply.status, 400, "{}", reply.text());
    }
    let cut = form("file").replace("--b--", "");
    let reply = client.post_raw(target, media_type, cut).await;
    assert_eq!(reply.status, 400, "{}", reply.text());
    let imports = client.get("/v1/projects/handbook/imports").await.json();
    assert_eq!(imports["data"].as_array().unwrap().len(), 1, "{imports}");
}

#[tokio::test]
async fn a_large_project_is_exported_in_the_background() {
    let api = with_handbook().await;
    let client = api.creator();
    let sent = client
        .post_raw(
            "/v1/projects/handbook/imports?format=jsonl",
            "application/jsonl",
            LINES,
        )
        .await;
    api.services.start_workers(1);
    ended(&client, sent.header("location")).await;
    let wish = json!({"format": "jsonl", "status": "draft"});
    let begun = client.post("/v1/projects/handbook/exports", wish).await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    let place = begun.header("location").to_owned();
    assert_eq!(
        place,
        format!(
            "/v1/projects/handbook/exports/{}",
            begun.json()["id"].as_str().unwrap()
        )
    );
    let done = ended(&client, &place).await;
    assert_eq!(done["status"], "succeeded", "{done}");
    let file = &done["file"];
    assert_eq!(file["entries"], 1);
    assert_eq!(file["name"], "handbook-jsonl.jsonl");
    let url = file["url"].as_str().unwrap();
    let target = url.find("/v1/").map(|at| &url[at..]).unwrap();
    let anonymous = api.anonymous();
    let read = anonymous.get(target).await;
    assert_eq!(read.status, 200, "{}", read.text());
    assert_eq!(read.header("content-type"), "application/jsonl");
    assert!(
        read.header("content-disposition")
            .starts_with("attachment;")
    );
    assert_eq!(
        read.text().len() as u64,
        file["size_bytes"].as_u64().unwrap()
    );
    let sha256 = inkstone_domain::digest::sha256(read.text().as_bytes());
    assert_eq!(file["sha256"], sha256.as_str());
    let direct = client
        .get("/v1/projects/handbook/export?format=jsonl&filter[status]=draft")
        .await;
    assert_eq!(direct.text(), read.text());
    let part = api
        .anonymous()
        .with_header("range", "bytes=2-6")
        .get(target)
        .await;
    assert_eq!((part.status, part.text()), (206, &read.text()[2..7]));
    let beyond = api
        .anonymous()
        .with_header("range", "bytes=99999-")
        .get(target)
        .await;
    assert_eq!(beyond.status, 416);

    let own = api.creator().get(&format!("{place}/content")).await;
    assert_eq!((own.status, own.text()), (200, read.text()));
    for wrong in [
        format!("{place}/content?expires=9"),
        target.replace("expires=", "expires=9"),
        format!("{target}A"),
        target.replace("signature=", "signature=A"),
    ] {
        let reply = anonymous.get(&wrong).await;
        assert_eq!(reply.json()["code"], "invalid_link", "{wrong}");
    }
    // Nobody else learns that there is one, not in the same project either.
    let made = api
        .stranger()
        .post("/v1/projects", json!({"slug": "other"}))
        .await;
    assert_eq!(made.status, 201);
    for (who, path) in [
        (api.stranger(), place.clone()),
        (api.admin(), place.clone()),
        (client, place.replace("handbook", "default")),
    ] {
        assert_eq!(who.get(&path).await.status, 404);
    }
    api.clock.advance(std::time::Duration::from_secs(2 * 3_600));
    assert_eq!(anonymous.get(target).await.json()["code"], "invalid_link");
    // Tokens last less long than links, so the service is asked.
    let creator = Principal::of(api.user(Identity::Creator), Role::Creator);
    let job = done["id"].as_str().unwrap().parse().unwrap();
    let transfers = &api.services.transfers;
    let again = transfers.background_export(&creator, "handbook", job).await;
    let (_, link) = again.unwrap().file.unwrap();
    let target = format!(
        "{place}/content?expires={}&signature={}",
        link.expires, link.signature
    );
    assert_eq!(anonymous.get(&target).await.status, 200);
    api.clock
        .advance(std::time::Duration::from_secs(21 * 3_600));
    let gone = transfers.background_export(&creator, "handbook", job).await;
    assert_eq!(gone.unwrap_err().code().name, "not_found");
}

#[tokio::test]
async fn exports_that_are_asked_for_wrongly() {
    let api = with_handbook().await;
    let client = api.creator();
    for (body, status) in [
        (json!({}), 400),
        (json!({"format": "word"}), 400),
        (json!({"format": "jsonl", "status": "lost"}), 400),
        (json!({"format": "jsonl", "colour": "red"}), 400),
    ] {
        let reply = client
            .post("/v1/projects/handbook/exports", body.clone())
            .await;
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
    }
    let reply = client
        .post("/v1/projects/no-such/exports", json!({"format": "jsonl"}))
        .await;
    assert_eq!(reply.status, 404);
}

/// Not a reply that began well and breaks off.
#[tokio::test]
async fn exports_that_no_list_has() {
    let api = with_handbook().await;
    let admin = api.admin();
    let now = admin
        .get("/v1/projects/default/export?format=jsonl&filter[tag]=sea")
        .await;
    let later = admin
        .post(
            "/v1/projects/default/exports",
            json!({"format": "jsonl", "tag": "sea"}),
        )
        .await;
    for refused in [now, later] {
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert_eq!(refused.json()["code"], "unindexed_filter");
    }
}
