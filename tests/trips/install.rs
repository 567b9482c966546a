//! The list of plugins in a running engine: packages dropped into its folder, and installed, disabled,
//! enabled and removed by the command line.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Output;

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::editions::{self, ID, own_plugins, package, path};
use crate::engine::Setup;
use crate::upstream;

const SHOUT: &str = "/v1/plugins/provider-shout";

fn run(setup: &Setup, arguments: &[&str]) -> Output {
    setup.command(arguments).output().unwrap()
}

fn json_of(output: &Output) -> Value {
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn list_of(setup: &Setup) -> String {
    fs::read_to_string(setup.data.path().join("list.toml")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_dropped_into_the_folder_is_taken_up_once_it_is_whole() {
    let list = format!("[[plugin]]\nid = \"{ID}\"\nsource = {{ path = \".\" }}\n");
    let setup = own_plugins(&list);
    let dist = setup.data.path().join("dist");
    package("0.1.0", &dist);
    let engine = setup.start().await;
    let (_, plugin) = engine.get(SHOUT).await;
    assert_eq!(plugin["version"], "0.1.0", "{plugin}\n{}", engine.log());

    // First half of it, as a slow copy leaves it.
    let elsewhere = TempDir::new().unwrap();
    let next = fs::read(package("0.2.0", elsewhere.path())).unwrap();
    let (first, rest) = next.split_at(next.len() / 2);
    let dropped = dist.join("provider-shout-0.2.0.inkplug");
    fs::write(&dropped, first).unwrap();
    let damaged = engine
        .until(SHOUT, |plugin| !plugin["details"]["error"].is_null())
        .await;
    assert_eq!(damaged["version"], "0.1.0", "{damaged}");
    assert_eq!(damaged["state"], "serving", "{damaged}");
    let message = damaged["details"]["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("provider-shout-0.2.0.inkplug"),
        "{message}"
    );

    let mut file = fs::OpenOptions::new().append(true).open(&dropped).unwrap();
    file.write_all(rest).unwrap();
    drop(file);
    engine
        .until(SHOUT, |plugin| plugin["version"] == "0.2.0")
        .await;

    // By a rename, as careful programs do it; and one that is older.
    package("0.1.9", &dist);
    let newest = package("0.10.0", elsewhere.path());
    let beside = dist.join(".beside");
    fs::copy(newest, &beside).unwrap();
    fs::rename(&beside, dist.join("provider-shout-0.10.0.inkplug")).unwrap();
    let now = engine
        .until(SHOUT, |plugin| plugin["version"] == "0.10.0")
        .await;
    assert!(now["details"]["error"].is_null(), "{now}");

    let (status, report) = engine.post("/v1/plugins/reload", &json!({})).await;
    assert_eq!(status, 200, "{report}");
    assert_eq!(report["unchanged"], json!([ID]), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_on_the_list_later_is_watched_too() {
    let engine = own_plugins("").start().await;
    let data = engine.setup().data.path();
    let elsewhere = data.join("elsewhere");
    let folder = path(&elsewhere);
    fs::write(
        data.join("list.toml"),
        format!("[[plugin]]\nid = \"{ID}\"\nsource = {{ path = \"{folder}\" }}\n"),
    )
    .unwrap();
    engine
        .until("/v1/plugins", |list| list["data"][0]["state"] == "failed")
        .await;
    package("0.1.0", &elsewhere);
    engine
        .until(SHOUT, |plugin| plugin["state"] == "serving")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_installs_disables_enables_and_removes() {
    let elsewhere = TempDir::new().unwrap();
    let first = package("1.0.0", elsewhere.path());
    let asking = editions::package_with("1.1.0", elsewhere.path(), |manifest| {
        manifest.permissions.inference = true;
    });
    let engine = own_plugins("# Mine.\n").start().await;
    let setup = engine.setup();
    let json = ["--output", "json"];
    let on = |arguments: &[&str]| run(setup, &[arguments, &json].concat());

    let installed = json_of(&on(&["plugin", "install", &path(&first)]));
    assert_eq!(installed["plugin"]["state"], "serving", "{installed}");
    assert_eq!(installed["version"], "1.0.0");
    assert_eq!(
        list_of(setup),
        format!(
            "# Mine.\n\n[[plugin]]\nid = \"{ID}\"\nsource = {{ path = \"{ID}-1.0.0.inkplug\" }}\n"
        )
    );
    let body =
        json!({ "model": "shout/loud", "messages": [{ "role": "user", "content": "be quiet" }] });
    let (status, reply) = engine.post("/v1/chat/completions", &body).await;
    assert_eq!(status, 200, "{reply}");

    // The newest of the folder. It asks for more, so somebody has to consent.
    let folder = path(elsewhere.path());
    let refused = on(&["plugin", "install", &folder]);
    let words = refusal(&refused);
    assert!(words.contains("consent_needed"), "{words}");
    assert!(words.contains("goes on serving"), "{words}");
    let (_, plugin) = engine.get(SHOUT).await;
    assert_eq!(plugin["version"], "1.0.0", "{plugin}");
    let granted = json_of(&on(&[
        "plugin",
        "install",
        &path(&asking),
        "--grant",
        "all",
    ]));
    assert_eq!(granted["plugin"]["version"], "1.1.0", "{granted}");
    assert_eq!(granted["consent"], json!([]));
    assert!(list_of(setup).contains("grants = { inference = true }"));

    let disabled = json_of(&on(&["plugin", "disable", ID]));
    assert_eq!(disabled["state"], "disabled");
    let enabled = json_of(&on(&["plugin", "enable", ID]));
    assert_eq!(enabled["state"], "serving");
    let report = json_of(&on(&["plugin", "reload"]));
    assert_eq!(report["unchanged"], json!([ID]));

    json_of(&on(&["plugin", "remove", ID]));
    assert_eq!(engine.get(SHOUT).await.0, 404);
    assert_eq!(list_of(setup), "# Mine.\n");
    let file = setup.data.path().join("dist/provider-shout-1.1.0.inkplug");
    assert!(file.exists());
    for word in ["remove", "enable", "disable"] {
        let words = refusal(&on(&["plugin", word, ID]));
        assert!(words.contains("unknown_plugin"), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_fetched_from_an_address_with_its_digest() {
    let elsewhere = TempDir::new().unwrap();
    let package = fs::read(package("1.0.0", elsewhere.path())).unwrap();
    let digest = inkstone_domain::digest::sha256(&package);
    let served = package.clone();
    let router = Router::new().route("/shout", get(move || async move { served }));
    let url = format!("{}/shout", upstream::serve(router).await);
    let engine = own_plugins("").start().await;
    let setup = engine.setup();

    let without = run(setup, &["plugin", "install", &url]);
    assert_eq!(without.status.code(), Some(2), "{without:?}");
    let other = "0".repeat(64);
    let wrong = run(setup, &["plugin", "install", &url, "--digest", &other]);
    let words = refusal(&wrong);
    assert!(words.contains("does not have the digest"), "{words}");
    assert_eq!(list_of(setup), "");
    assert!(is_empty(&setup.data.path().join("dist")));

    let installed = run(setup, &["plugin", "install", &url, "--digest", &digest]);
    assert!(installed.status.success(), "{installed:?}");
    assert_eq!(engine.get(SHOUT).await.1["state"], "serving");
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}
