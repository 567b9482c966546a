//! A package through a real OCI registry: pushed, installed by tag, listed by digest, and there after a
//! restart without a network.

use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::editions::{ID, own_plugins, package, path};
use crate::engine::PATIENCE;

/// Docker's registry on this machine, with an empty store.
struct Registry {
    process: Child,
    host: String,
    _store: TempDir,
}

impl Registry {
    async fn start() -> Self {
        let store = TempDir::new().unwrap();
        // Taken and given back: the registry cannot choose a port by itself.
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = taken.local_addr().unwrap().to_string();
        drop(taken);
        let config = store.path().join("config.yml");
        let root = path(&store.path().join("store"));
        std::fs::write(
            &config,
            format!("version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {root}}}}}\nhttp: {{addr: \"{host}\"}}\n"),
        )
        .unwrap();
        let binary = std::env::var_os("INKSTONE_REGISTRY").unwrap_or("docker-registry".into());
        let process = Command::new(&binary)
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{binary:?}: {error}; `make test` installs it"));
        let began = Instant::now();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        while http.get(format!("http://{host}/v2/")).send().await.is_err() {
            assert!(began.elapsed() < PATIENCE, "the registry does not answer");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Self {
            process,
            host,
            _store: store,
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn output(mut command: Command) -> String {
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_goes_through_a_registry_and_is_there_offline() {
    let registry = Registry::start().await;
    let elsewhere = TempDir::new().unwrap();
    let tag = format!("oci://{}/plugins/shout:1.0.0", registry.host);
    let setup = own_plugins("");
    let push = |version: &str, to: &str| {
        let file = path(&package(version, elsewhere.path()));
        let reply = output(setup.command(&["plugin", "push", &file, to, "--output", "json"]));
        let reply: Value = serde_json::from_str(&reply).unwrap();
        assert_eq!(reply["version"], version);
        reply["pinned"].as_str().unwrap().to_owned()
    };
    let first = push("1.0.0", &tag);
    assert_eq!(
        push("1.0.0", &tag),
        first,
        "the same content, the same digest"
    );

    // By tag, through the engine; then by digest, on the list.
    let engine = setup.start().await;
    let install = ["plugin", "install", &tag, "--output", "json"];
    let reply = output(engine.setup().command(&install));
    let reply: Value = serde_json::from_str(&reply).unwrap();
    assert_eq!(reply["plugin"]["state"], "serving", "{reply}");
    let file = engine
        .setup()
        .data
        .path()
        .join(format!("dist/{ID}-1.0.0.inkplug"));
    assert!(file.exists());

    for source in [&first, &tag] {
        let list = format!("[[plugin]]\nid = \"{ID}\"\nsource = {{ oci = \"{source}\" }}\n");
        std::fs::write(engine.setup().data.path().join("list.toml"), list).unwrap();
        let (status, report) = engine.post("/v1/plugins/reload", &Value::Null).await;
        assert_eq!(status, 200, "{report}");
        let (_, plugin) = engine.get("/v1/plugins/provider-shout").await;
        assert_eq!(plugin["state"], "serving", "{plugin}");
        assert_eq!(plugin["version"], "1.0.0", "{plugin}");
    }

    // The tag moves, and the registry goes away: what was resolved stays.
    let (setup, _) = engine.stop();
    let moved = path(&package("2.0.0", elsewhere.path()));
    output(setup.command(&["plugin", "push", &moved, &tag]));
    drop(registry);
    let engine = setup.start().await;
    let (_, plugin) = engine.get("/v1/plugins/provider-shout").await;
    assert_eq!(plugin["state"], "serving", "{plugin}\n{}", engine.log());
    assert_eq!(plugin["version"], "1.0.0", "{plugin}");
}
