//! `/v1/plugins` for admins: reload, enable, install, remove.

use std::sync::Arc;

use axum::http::Method;
use inkstone_domain::capability::Permissions;
use inkstone_domain::plugin::{Manifest, PluginBody, PluginKind};
use inkstone_domain::{Error, codes};
use inkstone_testkit::api_client::{MAX_BODY_BYTES, MAX_PACKAGE_BYTES, TestApi};
use inkstone_testkit::{FakeResearch, fake_manifest, fake_package, loaded_plugin};
use serde_json::{Value, json};

use crate::check;

const PACKAGE: &str = "application/octet-stream";

/// An engine that can load `research-new`, and its package.
async fn with_package() -> (TestApi, Vec<u8>) {
    let api = TestApi::start().await;
    let body = PluginBody::Research(Arc::new(FakeResearch::new()));
    api.loader.put(loaded_plugin("research-new", "1.2.0", body));
    let manifest = Manifest {
        permissions: Permissions {
            ai: true,
            ..Permissions::default()
        },
        ..fake_manifest("research-new", "1.2.0", PluginKind::Research)
    };
    (api, fake_package(&manifest).to_vec())
}

#[tokio::test]
async fn a_reload_tells_what_it_did() {
    let api = TestApi::start().await;
    let reply = api
        .admin()
        .send(Method::POST, "/v1/plugins/reload", None)
        .await;
    assert_eq!(reply.status, 200);
    let report = reply.json();
    assert_eq!(
        report["unchanged"],
        json!([
            "analytics-fake",
            "generator-fake",
            "provider-fake",
            "research-fake"
        ])
    );
    assert_eq!(report["added"], json!([]));
    assert_eq!(report["failed"][0]["id"], "research-broken");
    assert_eq!(report["failed"][0]["code"], "plugin_rejected");
    assert_eq!(report["failed"][0]["still_serving"], false);

    let fault = Error::new(&codes::INVALID_CONFIG, "plugins.toml:3:1: unknown key");
    api.list.fail(Some(fault));
    let reply = api
        .admin()
        .send(Method::POST, "/v1/plugins/reload", None)
        .await;
    let problem = check::problem(&reply, 400, "invalid_config");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("plugins.toml:3:1")
    );
}

#[tokio::test]
async fn a_plugin_is_disabled_and_enabled() {
    let api = TestApi::start().await;
    let path = "/v1/plugins/research-fake/enabled";
    for (enabled, state) in [(false, "disabled"), (true, "serving")] {
        let body = Some(json!({"enabled": enabled}));
        let reply = api.admin().send(Method::PUT, path, body).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.json()["state"], state);
        assert_eq!(reply.json()["details"]["enabled"], enabled);
        let shown = api.viewer().get("/v1/plugins/research-fake").await.json();
        assert_eq!(shown["state"], state);
    }
    let body = Some(json!({"enabled": "no"}));
    let reply = api.admin().send(Method::PUT, path, body).await;
    check::problem(&reply, 400, "invalid_input");
    let unknown = "/v1/plugins/nothing/enabled";
    let body = Some(json!({"enabled": true}));
    let reply = api.admin().send(Method::PUT, unknown, body).await;
    check::problem(&reply, 404, "unknown_plugin");
}

#[tokio::test]
async fn a_package_is_installed_and_removed() {
    let (api, package) = with_package().await;
    let reply = api
        .admin()
        .post_raw("/v1/plugins", PACKAGE, package.clone())
        .await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(reply.header("location"), "/v1/plugins/research-new");
    let installed = reply.json();
    assert_eq!(installed["plugin"]["id"], "research-new");
    assert_eq!(installed["plugin"]["state"], "serving");
    assert_eq!(installed["version"], "1.2.0");
    assert_eq!(installed["consent"], json!(["ai"]));
    assert_eq!(installed["report"]["added"], json!(["research-new"]));

    let path = "/v1/plugins?grant=all";
    let reply = api.admin().post_raw(path, PACKAGE, package.clone()).await;
    assert_eq!(reply.json()["consent"], json!([]));
    let path = "/v1/plugins?grant=some";
    let reply = api.admin().post_raw(path, PACKAGE, package).await;
    check::problem(&reply, 400, "invalid_input");

    let reply = api.admin().delete("/v1/plugins/research-new").await;
    assert_eq!(reply.status, 204);
    for reply in [
        api.admin().delete("/v1/plugins/research-new").await,
        api.admin().get("/v1/plugins/research-new").await,
    ] {
        check::problem(&reply, 404, "unknown_plugin");
    }
}

#[tokio::test]
async fn a_package_may_lie_elsewhere() {
    let (api, package) = with_package().await;
    api.fetcher
        .put("registry.example.org/new:1", package.into());
    let body = json!({"oci": "oci://registry.example.org/new:1"});
    let reply = api.admin().post("/v1/plugins", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");

    let url = "https://example.org/new.inkplug";
    let refused: [(Value, u16, &str); 5] = [
        (json!({"url": url}), 400, "invalid_input"),
        (json!({"url": url, "digest": "12"}), 400, "invalid_input"),
        (json!({"oci": "new:1"}), 400, "invalid_input"),
        (json!({}), 400, "invalid_input"),
        (
            json!({"oci": "registry.example.org/other:1"}),
            502,
            "upstream_error",
        ),
    ];
    for (body, status, code) in refused {
        let reply = api.admin().post("/v1/plugins", body).await;
        check::problem(&reply, status, code);
    }
}

#[tokio::test]
async fn packages_may_be_larger_than_other_bodies_but_not_endless() {
    let api = TestApi::start().await;
    let send = |bytes: usize| {
        let client = api.admin();
        async move {
            client
                .post_raw("/v1/plugins", PACKAGE, vec![b'x'; bytes])
                .await
        }
    };
    check::problem(&send(MAX_BODY_BYTES + 1).await, 400, "plugin_rejected");
    check::problem(&send(MAX_PACKAGE_BYTES + 1).await, 413, "body_too_large");
    let reply = api.admin().post_raw("/v1/plugins", "text/plain", "x").await;
    check::problem(&reply, 415, "unsupported_media_type");

    let json = json!({"oci": "x".repeat(MAX_BODY_BYTES)});
    let reply = api.admin().post("/v1/plugins", json).await;
    check::problem(&reply, 413, "body_too_large");
}

#[tokio::test]
async fn nothing_is_read_for_those_who_may_not() {
    let api = TestApi::start().await;
    let nonsense = vec![b'x'; MAX_PACKAGE_BYTES];
    let reply = api
        .creator()
        .post_raw("/v1/plugins", PACKAGE, nonsense)
        .await;
    check::problem(&reply, 403, "forbidden");
}
