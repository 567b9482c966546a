//! A plugin's way as a package: packed, signed, trusted, served, and stopped when its key is revoked.

use serde_json::{Value, json};

use crate::engine::{Engine, Setup};

/// Runs the command line, which must succeed, and reads its JSON.
fn asked(setup: &Setup, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--output", "json"]].concat();
    let output = setup.command(&arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

/// Runs the command line, which must fail, and gives its words.
fn refused(setup: &Setup, arguments: &[&str]) -> String {
    let output = setup.command(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn measure(engine: &Engine) -> (u16, Value) {
    let body = json!({ "text": "# Eels\n\nEels are born in the sea." });
    engine
        .post("/v1/analytics/analytics-content/content", &body)
        .await
}

fn plugin(list: &Value, id: &str) -> Value {
    let mut plugins = list["data"].as_array().unwrap().iter();
    plugins.find(|one| one["id"] == id).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_package_serves_until_its_key_is_revoked() {
    let mut setup = Setup::new();
    let folder = setup.data.path().join("packages");
    std::fs::create_dir(&folder).unwrap();
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let keys = text(&setup.data.path().join("plugin-keys.toml"));
    setup = setup
        .set("INKSTONE__PLUGINS__DIR", text(&folder))
        .set("INKSTONE__PLUGINS__TRUST__KEYS_FILE", keys)
        .set("INKSTONE__PLUGINS__TRUST__REQUIRE_SIGNATURE", "true");
    let (folder, private_key) = (text(&folder), text(&setup.data.path().join("acme.key")));
    let private_folder = text(setup.data.path());

    // The author's side.
    let component = "plugins/dist/analytics-content.wasm";
    let source = "plugins/analytics-content";
    let pack = [
        "plugin", "pack", component, "--source", source, "--into", &folder,
    ];
    let packed = asked(&setup, &pack);
    let path = packed["data"][0]["path"].as_str().unwrap().to_owned();
    assert_eq!(asked(&setup, &pack), packed, "the same bytes");
    let key = asked(
        &setup,
        &["plugin", "key", "new", "acme", "--into", &private_folder],
    );
    let words = refused(
        &setup,
        &["plugin", "key", "new", "acme", "--into", &private_folder],
    );
    assert!(words.contains("is there already"), "{words}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&private_key)
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let words = refused(&setup, &["plugin", "verify", &path]);
    assert!(words.contains("it is not signed"), "{words}");
    let signed = asked(&setup, &["plugin", "sign", &path, "--key", &private_key]);
    assert_ne!(
        signed["package_digest"],
        packed["data"][0]["package_digest"]
    );
    let words = refused(
        &setup,
        &["plugin", "sign", component, "--key", &private_key],
    );
    assert!(words.contains("only a package can be signed"), "{words}");

    // The admin's side.
    let words = refused(&setup, &["plugin", "verify", &path]);
    assert!(words.contains("key trust NAME ed25519:"), "{words}");
    let public_key = key["public_key"].as_str().unwrap();
    let key_id = key["key_id"].as_str().unwrap();
    let output = setup
        .command(&["plugin", "key", "trust", "acme", public_key])
        .output()
        .unwrap();
    assert!(output.status.success());
    let verified = asked(&setup, &["plugin", "verify", &path]);
    assert_eq!(verified["signed_by"][0]["name"], "acme");
    let inspected = asked(&setup, &["plugin", "inspect", &path]);
    assert_eq!(inspected["format"], "package");
    assert_eq!(inspected["package_digest"], signed["package_digest"]);

    std::fs::copy(
        crate::engine::root().join("plugins/dist/generator-article.wasm"),
        format!("{folder}/generator-article.wasm"),
    )
    .unwrap();
    let file = path.rsplit('/').next().unwrap();
    setup.plugins = format!(
        "[[plugin]]\nid = \"analytics-content\"\nsource = {{ path = \"{file}\" }}\n\
         [[plugin]]\nid = \"generator-article\"\nsource = {{ path = \"generator-article.wasm\" }}\n"
    );
    let engine = setup.start().await;
    let (_, list) = engine.get("/v1/plugins").await;
    assert_eq!(plugin(&list, "analytics-content")["state"], "serving");
    let bare = plugin(&list, "generator-article");
    assert_eq!(bare["state"], "failed");
    assert_eq!(bare["details"]["error"]["code"], "plugin_untrusted");
    let words = bare["details"]["error"]["message"].as_str().unwrap();
    assert!(words.contains("inkstone plugin pack"), "{words}");
    assert_eq!(measure(&engine).await.0, 200);

    // The file stays the same; the running engine sees that its key is worth nothing now.
    let output = engine
        .setup()
        .command(&["plugin", "key", "revoke", key_id, "--reason", "lost"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let list = engine
        .until("/v1/plugins", |list| {
            plugin(list, "analytics-content")["state"] != "serving"
        })
        .await;
    let stopped = plugin(&list, "analytics-content");
    assert_eq!(stopped["details"]["error"]["code"], "plugin_untrusted");
    let words = stopped["details"]["error"]["message"].as_str().unwrap();
    assert!(words.contains(key_id), "{words}");
    assert_ne!(measure(&engine).await.0, 200);
    let words = refused(engine.setup(), &["plugin", "verify", &path]);
    assert!(words.contains("revoked"), "{words}");
}
