//! `/v1/projects/{slug}/notes`, and `keep_in` of research tools.

use inkstone_testkit::api_client::{ApiClient, Identity, TestApi};
use serde_json::{Value, json};

use crate::check;
use crate::projects::with_handbook;

const NOTES: &str = "/v1/projects/handbook/notes";
const ECHO: &str = "/v1/research/research-fake/echo";

/// Ids of the notes that somebody finds.
async fn found(client: &ApiClient, words: &str) -> Vec<Value> {
    let path = format!("/v1/search?q={words}&kind=note");
    let found = client.get(&path).await;
    assert_eq!(found.status, 200, "{found:?}");
    let data = found.json()["data"].as_array().unwrap().clone();
    data.into_iter().map(|hit| hit["id"].clone()).collect()
}

#[tokio::test]
async fn a_note_is_written_found_changed_and_deleted() {
    let api = with_handbook().await;
    let editor = api.creator();
    let new = json!({
        "title": "Spring tides", "text": "They come with the new moon.",
        "sources": [{"url": "https://example.org/tides", "title": "Of water"}],
    });
    let made = editor.post(NOTES, new).await;
    assert_eq!((made.status, made.header("etag")), (201, "\"1\""));
    let note = made.json();
    let path = made.header("location").to_owned();
    assert_eq!(path, format!("{NOTES}/{}", note["id"].as_str().unwrap()));
    assert_eq!(note["sources"][0]["title"], "Of water");
    assert_eq!(note["author"], json!(api.user(Identity::Creator)));
    assert!(note["found_with"].is_null());
    assert_eq!(editor.get(&path).await.json(), note);
    let held = editor.clone().with_header("if-none-match", "\"1\"");
    assert_eq!(held.get(&path).await.status, 304);
    for words in ["moon", "spring", "water"] {
        assert_eq!(found(&editor, words).await, [note["id"].clone()], "{words}");
        assert_eq!(found(&api.stranger(), words).await, [] as [Value; 0]);
    }

    let patch = json!({"text": "They come with the full one."});
    let stale = editor.clone().with_header("if-match", "\"2\"");
    let refused = stale.patch(&path, patch.clone()).await;
    check::problem(&refused, 412, "revision_mismatch");
    check::problem(&stale.delete(&path).await, 412, "revision_mismatch");
    let fresh = editor.clone().with_header("if-match", "\"1\"");
    let changed = fresh.patch(&path, patch.clone()).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    assert_eq!(
        changed.json()["title"],
        "Spring tides",
        "what is left out stays"
    );
    let same = editor.patch(&path, patch).await;
    assert_eq!(same.header("etag"), "\"2\"", "nothing changed");
    assert_eq!(found(&editor, "moon").await, [] as [Value; 0]);
    assert_eq!(found(&editor, "full").await, [note["id"].clone()]);

    check::problem(&api.stranger().get(&path).await, 404, "not_found");
    let elsewhere = path.replace("handbook", "default");
    check::problem(&editor.get(&elsewhere).await, 404, "not_found");
    assert_eq!(editor.delete(&path).await.status, 204);
    check::problem(&editor.get(&path).await, 404, "not_found");
    check::problem(&editor.delete(&path).await, 404, "not_found");
    assert_eq!(found(&editor, "full").await, [] as [Value; 0]);
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let api = with_handbook().await;
    let wrong = json!({
        "title": " ",
        "sources": [{"url": "ftp://example.org"}, {}, {"title": "x".repeat(501)}],
    });
    let refused = api.creator().post(NOTES, wrong).await;
    let problem = check::problem(&refused, 400, "invalid_input");
    let errors = problem["errors"].as_array().unwrap();
    let pointers: Vec<&Value> = errors.iter().map(|error| &error["pointer"]).collect();
    assert_eq!(
        pointers,
        ["/title", "/sources/0/url", "/sources/1", "/sources/2/title"]
    );
}

#[tokio::test]
async fn notes_of_the_default_project_are_their_authors_alone() {
    let api = TestApi::start().await;
    let path = "/v1/projects/default/notes";
    let made = api.creator().post(path, json!({"title": "Mine"})).await;
    let place = made.header("location").to_owned();
    let other = api.stranger().post(path, json!({"title": "Theirs"})).await;
    assert_eq!((made.status, other.status), (201, 201));
    for (client, titles) in [
        (api.creator(), vec!["Mine"]),
        (api.stranger(), vec!["Theirs"]),
        (api.viewer(), vec![]),
        (api.admin(), vec!["Theirs", "Mine"]),
    ] {
        let list = client.get(path).await.json();
        let data = list["data"].as_array().unwrap();
        let found: Vec<&Value> = data.iter().map(|note| &note["title"]).collect();
        assert_eq!(found, titles);
    }
    check::problem(&api.stranger().get(&place).await, 404, "not_found");
    check::problem(&api.stranger().delete(&place).await, 404, "not_found");
    assert_eq!(api.admin().get(&place).await.status, 200);
    let forbidden = api.viewer().post(path, json!({"title": "x"})).await;
    check::problem(&forbidden, 403, "forbidden");
}

#[tokio::test]
async fn lists_have_pages_without_texts() {
    let api = with_handbook().await;
    let editor = api.creator();
    for number in 0..3 {
        let new = json!({"title": format!("Note {number}"), "text": "long"});
        assert_eq!(editor.post(NOTES, new).await.status, 201);
    }
    let first = editor.get(&format!("{NOTES}?limit=2")).await.json();
    assert_eq!(first["data"][0]["title"], "Note 2");
    assert_eq!(first["data"][0].get("text"), None);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = editor.get(&format!("{NOTES}?cursor={cursor}")).await.json();
    assert_eq!(rest["data"].as_array().unwrap().len(), 1);
    assert_eq!(rest["data"][0]["title"], "Note 0");
    let wrong = editor.get(&format!("{NOTES}?cursor=x")).await;
    check::problem(&wrong, 400, "invalid_input");
}

#[tokio::test]
async fn what_a_tool_finds_is_kept_where_that_is_wished() {
    let api = with_handbook().await;
    let editor = api.creator();
    let path = format!("{ECHO}?keep_in=handbook");
    let reply = editor.post(&path, json!({"about": "tides"})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let answer = reply.json();
    assert_eq!(answer["content"], json!({"about": "tides"}));
    let place = format!("{NOTES}/{}", answer["note"].as_str().unwrap());
    let note = editor.get(&place).await.json();
    assert_eq!(note["title"], "Echo: tides");
    assert_eq!(note["text"], answer["text"]);
    assert_eq!(note["sources"], answer["sources"]);
    let version = reply.header("x-inkstone-plugin").split_once('@').unwrap().1;
    assert_eq!(
        note["found_with"],
        json!({"plugin": "research-fake", "plugin_version": version, "tool": "echo", "input": {"about": "tides"}})
    );
    assert_eq!(found(&editor, "tides").await, [answer["note"].clone()]);

    let without = editor.post(ECHO, json!({"about": "tides"})).await.json();
    assert_eq!(without.get("note"), None);
    let list = editor.get(NOTES).await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);

    let patched = editor.patch(&place, json!({"title": "Ours"})).await.json();
    assert_eq!(patched["found_with"], note["found_with"]);
}

/// The tool is not asked: `unknown_tool` would come of it.
#[tokio::test]
async fn whoever_may_not_keep_it_asks_no_tool() {
    let api = with_handbook().await;
    for (project, client, status, code) in [
        ("handbook", api.stranger(), 404, "not_found"),
        ("nowhere", api.creator(), 404, "not_found"),
        ("handbook", api.creator(), 404, "unknown_tool"),
    ] {
        let path = format!("/v1/research/research-fake/shout?keep_in={project}");
        check::problem(&client.post(&path, json!({})).await, status, code);
    }
    let archived = api.creator().delete("/v1/projects/handbook").await;
    assert!(archived.status < 300, "{archived:?}");
    let path = "/v1/research/research-fake/shout?keep_in=handbook";
    let refused = api.creator().post(path, json!({})).await;
    check::problem(&refused, 409, "conflict");

    let key = json!({"name": "ci", "scopes": ["models:call"]});
    let key = api.creator().post("/v1/me/api-keys", key).await.json();
    let program = api.anonymous().with_token(key["token"].as_str().unwrap());
    assert_eq!(program.post(ECHO, json!({})).await.status, 200);
    let refused = program
        .post(&format!("{ECHO}?keep_in=default"), json!({}))
        .await;
    check::problem(&refused, 403, "forbidden");
}
