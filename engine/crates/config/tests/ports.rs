//! The contract suites of the ports that stand on files, and what is special to files.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use inkstone_config::engine::PluginsConfig;
use inkstone_config::packages::PackageFolders;
use inkstone_config::plugins::TomlPluginList;
use inkstone_domain::plugin::RemoteSource;
use inkstone_domain::ports::{PackageStore, PluginList};
use inkstone_testkit::contract;

fn config(folder: &Path, list: &str) -> PluginsConfig {
    let file = folder.join("plugins.toml");
    fs::write(&file, list).unwrap();
    PluginsConfig {
        file,
        dir: folder.join("dist"),
        max_plugins: 3,
        ..PluginsConfig::default()
    }
}

fn folders(folder: &Path) -> PackageFolders {
    PackageFolders {
        plugins: folder.join("dist"),
        fetched: folder.join("cache/packages"),
    }
}

#[tokio::test]
async fn plugin_list() {
    let folder = tempfile::tempdir().unwrap();
    let list = TomlPluginList::new(config(folder.path(), "# Nothing yet.\n"));
    contract::plugin_list::run(&list).await;
    let text = fs::read_to_string(folder.path().join("plugins.toml")).unwrap();
    assert_eq!(text, "# Nothing yet.\n");
}

#[tokio::test]
async fn package_store() {
    let folder = tempfile::tempdir().unwrap();
    contract::packages::run_store(&folders(folder.path())).await;
    let put = fs::read(folder.path().join("dist/research-a-1.0.0.inkplug")).unwrap();
    assert_eq!(put, b"the package");
}

#[tokio::test]
async fn a_list_with_faults_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = "[[plugin]]\nid = \"a\"\nsource = { path = \"a.wasm\" }\nenabeld = true\n";
    let list = TomlPluginList::new(config(folder.path(), wrong));
    for result in [
        list.read().await.map(drop),
        list.set_enabled("a", false).await,
        list.remove("a").await,
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.code().name, "invalid_config");
        assert!(error.message().contains("plugins.toml:4:1"), "{error}");
        assert!(error.message().contains("`enabled`"), "{error}");
    }
    let text = fs::read_to_string(folder.path().join("plugins.toml")).unwrap();
    assert_eq!(text, wrong);
}

#[cfg(unix)]
#[tokio::test]
async fn a_read_only_list_says_so() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let text = "[[plugin]]\nid = \"a\"\nsource = { path = \"a.wasm\" }\n";
    let config = config(folder.path(), text);
    fs::set_permissions(&config.file, fs::Permissions::from_mode(0o444)).unwrap();
    let error = TomlPluginList::new(config)
        .set_enabled("a", false)
        .await
        .unwrap_err();
    assert_eq!(error.code().name, "conflict");
    assert!(error.message().contains("read-only"), "{error}");
}

#[tokio::test]
async fn a_list_is_at_most_so_long() {
    let folder = tempfile::tempdir().unwrap();
    let entries: String = (0..10_000)
        .map(|n| format!("[[plugin]]\nid = \"p-{n}\"\nsource = {{ path = \"p.wasm\" }}\n"))
        .collect();
    let list = TomlPluginList::new(config(folder.path(), &entries));
    let error = list.read().await.unwrap_err();
    assert_eq!(error.code().name, "invalid_config");
    assert!(error.message().contains("plugins.toml:10:1"), "{error}");
    assert!(error.message().contains("10000 plugins"), "{error}");
    assert!(error.message().contains("`max_plugins`"), "{error}");
}

#[tokio::test]
async fn folders_and_canaries_lead_to_files() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"
[[plugin]]
id = "research-x"
source = { path = "." }
rollout = { canary = "1.2.0" }

[[plugin]]
id = "research-y"
source = { path = "." }
"#;
    let config = config(folder.path(), text);
    fs::create_dir(&config.dir).unwrap();
    for file in [
        "research-x-1.0.0.inkplug",
        "research-x-1.1.0.inkplug",
        "research-x-1.2.0.wasm",
    ] {
        fs::write(config.dir.join(file), "").unwrap();
    }
    let list = TomlPluginList::new(config);
    let specs = list.read().await.unwrap();
    assert!(specs[0].path.ends_with("research-x-1.1.0.inkplug"));
    let canary = &specs[0].rollout.as_ref().unwrap().path;
    assert!(canary.ends_with("research-x-1.2.0.wasm"), "{canary:?}");
    assert!(specs[1].path.ends_with("research-y-*.inkplug"));

    let dropped = folder.path().join("dist/research-x-1.1.1.inkplug");
    fs::write(&dropped, "").unwrap();
    let path = &list.read().await.unwrap()[0].path;
    assert!(path.ends_with("research-x-1.1.1.inkplug"), "{path:?}");
}

#[tokio::test]
async fn a_fetched_package_that_was_changed_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = folders(folder.path());
    let source = RemoteSource::in_registry("registry.example.org/a:1").unwrap();
    let package = Bytes::from_static(b"one");
    let path = store.keep(&source, package.clone()).await.unwrap();
    fs::write(&path, "two").unwrap();
    assert_eq!(store.find(&source).await.unwrap(), None);
    store.keep(&source, package).await.unwrap();
    assert_eq!(store.find(&source).await.unwrap(), Some(path));
}

/// Who writes a file anew empties it first; a reload at that moment must not read a list of nothing.
#[tokio::test]
async fn a_list_that_is_being_written_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "");
    let file = config.file.clone();
    let list = TomlPluginList::new(config);
    let write = async {
        // A few looks at the empty file come before it.
        tokio::time::sleep(Duration::from_millis(150)).await;
        fs::write(
            file,
            "[[plugin]]\nid = \"a\"\nsource = { path = \"a.wasm\" }\n",
        )
        .unwrap();
    };
    let (specs, ()) = tokio::join!(list.read(), write);
    assert_eq!(specs.unwrap().len(), 1);
}
