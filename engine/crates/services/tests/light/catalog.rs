//! The list of plugins: reload, install, enable, remove, and packages from elsewhere.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use inkstone_domain::capability::{Grants, Permissions};
use inkstone_domain::ids::UserId;
use inkstone_domain::plugin::{
    Manifest, PluginBody, PluginKind, PluginSpec, RemoteSource, Rollout, RolloutGuard, Sticky,
};
use inkstone_domain::ports::PluginList;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::{Error, codes};
use inkstone_services::plugins::{InstallGrants, InstallSource, PluginState, PluginsConfig};
use inkstone_services::{PluginPorts, Plugins};
use inkstone_testkit::{
    FakeLoader, FakePackageFetcher, FakeResearch, ManualClock, MemPackageStore, MemPluginList,
    fake_manifest, fake_package, loaded_plugin, plugin_spec, sample,
};

use crate::world::plugin_ports;

/// Plugins, and everything around them that a test turns.
struct Catalog {
    plugins: Plugins,
    loader: Arc<FakeLoader>,
    list: Arc<MemPluginList>,
    packages: Arc<MemPackageStore>,
    fetcher: Arc<FakePackageFetcher>,
}

impl Catalog {
    fn new(specs: Vec<PluginSpec>) -> Self {
        let loader = Arc::new(FakeLoader::new());
        let list = Arc::new(MemPluginList::new(specs));
        let packages = Arc::new(MemPackageStore::default());
        let fetcher = Arc::new(FakePackageFetcher::default());
        let ports = PluginPorts {
            list: list.clone(),
            packages: packages.clone(),
            fetcher: fetcher.clone(),
            ..plugin_ports(loader.clone())
        };
        let clock = Arc::new(ManualClock::at(sample::now()));
        Self {
            plugins: Plugins::new(ports, clock, PluginsConfig::default()),
            loader,
            list,
            packages,
            fetcher,
        }
    }

    /// What this version of a plugin is prepared to from now on.
    fn loads(&self, id: &str, version: &str) {
        let body = PluginBody::Research(Arc::new(FakeResearch::new()));
        self.loader.put(loaded_plugin(id, version, body));
    }

    fn version(&self, id: &str) -> Option<String> {
        self.plugins.get(id).unwrap().version
    }

    async fn spec(&self, id: &str) -> PluginSpec {
        let specs = self.list.read().await.unwrap();
        specs.into_iter().find(|spec| spec.id == id).unwrap()
    }
}

fn somebody(role: Role) -> Principal {
    Principal::of(UserId::new(), role)
}

fn asking(id: &str, version: &str, permissions: Permissions) -> Manifest {
    Manifest {
        permissions,
        ..fake_manifest(id, version, PluginKind::Research)
    }
}

fn package(id: &str, version: &str) -> InstallSource {
    InstallSource::Package(fake_package(&asking(id, version, Permissions::default())))
}

#[tokio::test]
async fn every_reload_reads_the_list_anew() {
    let catalog = Catalog::new(vec![plugin_spec("a")]);
    catalog.loads("a", "1.0.0");
    catalog.loads("b", "1.0.0");
    assert_eq!(catalog.plugins.reload().await.unwrap().added, ["a"]);

    catalog.list.set(vec![plugin_spec("a"), plugin_spec("b")]);
    let report = catalog.plugins.reload().await.unwrap();
    assert_eq!(report.added, ["b"]);
    assert_eq!(report.unchanged, ["a"]);

    let fault = Error::new(&codes::INVALID_CONFIG, "plugins.toml:1:1: no");
    catalog.list.fail(Some(fault));
    let error = catalog.plugins.reload().await.unwrap_err();
    assert_eq!(error.code(), &codes::INVALID_CONFIG);
    assert_eq!(catalog.plugins.snapshot().len(), 2);
}

#[tokio::test]
async fn only_admins_change_anything() {
    let catalog = Catalog::new(vec![plugin_spec("a")]);
    catalog.loads("a", "1.0.0");
    catalog.plugins.reload().await.unwrap();
    let plugins = &catalog.plugins;
    for role in [Role::Viewer, Role::Creator] {
        let who = somebody(role);
        let install = plugins.install(&who, package("b", "1.0.0"), InstallGrants::Asked);
        for error in [
            plugins.reload_for(&who).await.unwrap_err(),
            plugins.set_enabled(&who, "a", false).await.unwrap_err(),
            plugins.remove(&who, "a").await.unwrap_err(),
            install.await.unwrap_err(),
        ] {
            assert_eq!(error.code(), &codes::FORBIDDEN);
        }
    }
    assert_eq!(catalog.list.read().await.unwrap(), [plugin_spec("a")]);
    assert!(catalog.packages.files().is_empty());
}

#[tokio::test]
async fn a_plugin_is_disabled_enabled_and_removed() {
    let catalog = Catalog::new(vec![plugin_spec("a")]);
    catalog.loads("a", "1.0.0");
    catalog.plugins.reload().await.unwrap();
    let admin = somebody(Role::Admin);

    let off = catalog.plugins.set_enabled(&admin, "a", false);
    let (status, report) = off.await.unwrap();
    assert_eq!(status.state, PluginState::Disabled);
    assert_eq!(report.removed, ["a"]);
    let on = catalog.plugins.set_enabled(&admin, "a", true);
    assert_eq!(on.await.unwrap().0.state, PluginState::Serving);

    let report = catalog.plugins.remove(&admin, "a").await.unwrap();
    assert_eq!(report.removed, ["a"]);
    for result in [
        catalog.plugins.remove(&admin, "a").await.map(drop),
        catalog
            .plugins
            .set_enabled(&admin, "a", true)
            .await
            .map(drop),
        catalog.plugins.get("a").map(drop),
    ] {
        assert_eq!(result.unwrap_err().code(), &codes::UNKNOWN_PLUGIN);
    }
}

#[tokio::test]
async fn an_installed_plugin_gets_nothing_unless_all_is_granted() {
    let catalog = Catalog::new(Vec::new());
    catalog.loads("a", "1.0.0");
    let admin = somebody(Role::Admin);
    let asked = Permissions {
        outbound_hosts: vec!["https://a.org".parse().unwrap()],
        kv_quota_bytes: 10,
        ..Permissions::default()
    };
    let package = fake_package(&asking("a", "1.0.0", asked.clone()));
    let source = InstallSource::Package(package);

    let first = catalog
        .plugins
        .install(&admin, source.clone(), InstallGrants::Present)
        .await
        .unwrap();
    assert_eq!(first.plugin.state, PluginState::Serving);
    assert_eq!(first.report.added, ["a"]);
    assert_eq!(
        first.consent,
        [
            "outbound_hosts: https://a.org:443",
            "kv_quota_bytes: 10 asked, 0 granted"
        ]
    );
    assert_eq!(catalog.packages.files(), ["a-1.0.0.inkplug"]);
    let spec = catalog.spec("a").await;
    assert!(spec.path.ends_with("a-1.0.0.inkplug"));
    assert_eq!(spec.grants, Grants::default());

    let second = catalog
        .plugins
        .install(&admin, source, InstallGrants::Asked)
        .await
        .unwrap();
    assert_eq!(second.consent, Vec::<String>::new());
    assert_eq!(catalog.spec("a").await.grants.permissions, asked);
}

#[tokio::test]
async fn an_upgrade_keeps_what_was_granted_and_adds_what_is_asked() {
    let admin = somebody(Role::Admin);
    let granted = Permissions {
        outbound_hosts: vec!["http://127.0.0.1:8080".parse().unwrap()],
        kv_quota_bytes: 20,
        ..Permissions::default()
    };
    let mut spec = plugin_spec("a");
    spec.grants.permissions = granted.clone();
    let catalog = Catalog::new(vec![spec]);
    catalog.loads("a", "1.0.0");
    catalog.plugins.reload().await.unwrap();

    catalog.loads("a", "1.1.0");
    let asked = Permissions {
        outbound_hosts: vec!["https://a.org".parse().unwrap()],
        kv_quota_bytes: 10,
        ai: true,
        ..Permissions::default()
    };
    let source = InstallSource::Package(fake_package(&asking("a", "1.1.0", asked.clone())));
    let upgrade = catalog
        .plugins
        .install(&admin, source, InstallGrants::Asked)
        .await
        .unwrap();
    assert_eq!(upgrade.report.updated, ["a"]);
    assert_eq!(catalog.version("a").as_deref(), Some("1.1.0"));
    let grants = catalog.spec("a").await.grants.permissions;
    assert_eq!(
        grants.outbound_hosts,
        [granted.outbound_hosts, asked.outbound_hosts].concat()
    );
    assert_eq!(grants.kv_quota_bytes, 20);
    assert!(grants.ai);
}

#[tokio::test]
async fn a_package_that_is_refused_changes_nothing() {
    let catalog = Catalog::new(Vec::new());
    let admin = somebody(Role::Admin);
    let names = [
        ("../a", "1.0.0"),
        ("a", "../../1.0.0"),
        ("A", "1.0.0"),
        ("a", ""),
        ("", "1.0.0"),
    ];
    let mut sources: Vec<InstallSource> = names.map(|(id, at)| package(id, at)).into();
    sources.push(InstallSource::Package(Bytes::from_static(b"nonsense")));
    for source in sources {
        let install = catalog
            .plugins
            .install(&admin, source.clone(), InstallGrants::Asked);
        let error = install.await.unwrap_err();
        assert_eq!(error.code(), &codes::PLUGIN_REJECTED, "{source:?}");
    }
    assert!(catalog.packages.files().is_empty());
    assert_eq!(catalog.list.read().await.unwrap(), []);
}

#[tokio::test]
async fn a_list_that_cannot_be_changed_leaves_no_package_behind() {
    let catalog = Catalog::new(Vec::new());
    catalog.list.make_read_only();
    let admin = somebody(Role::Admin);
    let install = catalog
        .plugins
        .install(&admin, package("a", "1.0.0"), InstallGrants::Present)
        .await;
    assert_eq!(install.unwrap_err().code(), &codes::CONFLICT);
    assert!(catalog.packages.files().is_empty());
}

#[tokio::test]
async fn what_cannot_be_made_ready_is_told_and_the_old_one_serves() {
    let catalog = Catalog::new(vec![plugin_spec("a")]);
    catalog.loads("a", "1.0.0");
    catalog.plugins.reload().await.unwrap();
    let fault = Error::new(&codes::SCHEMA_MISMATCH, "settings are missing");
    catalog.loader.fail("a", fault);
    let admin = somebody(Role::Admin);
    let installation = catalog
        .plugins
        .install(&admin, package("a", "1.1.0"), InstallGrants::Present)
        .await
        .unwrap();
    assert_eq!(installation.report.failed.len(), 1);
    assert!(installation.report.failed[0].still_serving);
    assert_eq!(catalog.version("a").as_deref(), Some("1.0.0"));
}

#[tokio::test]
async fn the_canary_of_a_rollout_does_not_become_the_stable_version() {
    let mut spec = plugin_spec("a");
    let stable = spec.path.clone();
    spec.rollout = Some(Rollout {
        canary: "1.1.0".to_owned(),
        path: "no-such-folder/a-1.1.0.inkplug".into(),
        share: 0.1,
        sticky: Sticky::User,
        steps: Vec::new(),
        guard: RolloutGuard::default(),
    });
    let catalog = Catalog::new(vec![spec]);
    catalog.loads("a", "1.0.0");
    let admin = somebody(Role::Admin);
    let installation = catalog
        .plugins
        .install(&admin, package("a", "1.1.0"), InstallGrants::Present)
        .await;
    installation.unwrap();
    assert_eq!(catalog.packages.files(), ["a-1.1.0.inkplug"]);
    assert_eq!(catalog.spec("a").await.path, stable);
}

#[tokio::test]
async fn a_package_from_elsewhere_is_fetched_once() {
    let reference = "registry.example.org/a:1";
    let mut spec = plugin_spec("a");
    spec.remote = Some(RemoteSource::in_registry(reference).unwrap());
    let mut off = plugin_spec("b");
    off.remote = Some(RemoteSource::in_registry("registry.example.org/b:1").unwrap());
    off.enabled = false;
    let catalog = Catalog::new(vec![spec, off]);
    catalog.loads("a", "1.0.0");

    let report = catalog.plugins.reload().await.unwrap();
    assert_eq!(report.failed.len(), 1);
    assert_eq!(report.failed[0].error.code(), &codes::UPSTREAM_ERROR);
    assert!(catalog.loader.prepared().is_empty());

    catalog.fetcher.put(reference, Bytes::from_static(b"a"));
    assert_eq!(catalog.plugins.reload().await.unwrap().added, ["a"]);
    catalog.fetcher.go_offline();
    assert_eq!(
        catalog.plugins.reload().await.unwrap().unchanged,
        ["a", "b"]
    );
    assert_eq!(catalog.fetcher.fetched(), [reference, reference]);
    // What the list says stays; only what is loaded is the copy.
    assert_eq!(
        catalog.spec("a").await.path,
        Path::new("no-such-folder/a.wasm")
    );
}

#[tokio::test]
async fn a_package_is_installed_from_elsewhere() {
    let catalog = Catalog::new(Vec::new());
    catalog.loads("a", "1.0.0");
    let reference = "registry.example.org/a:1";
    let InstallSource::Package(bytes) = package("a", "1.0.0") else {
        unreachable!("it is one");
    };
    catalog.fetcher.put(reference, bytes);
    let source = InstallSource::Remote(RemoteSource::in_registry(reference).unwrap());
    let admin = somebody(Role::Admin);
    let install = catalog
        .plugins
        .install(&admin, source, InstallGrants::Present);
    assert_eq!(install.await.unwrap().report.added, ["a"]);

    // A restart needs it no more.
    catalog.fetcher.go_offline();
    assert_eq!(catalog.plugins.reload().await.unwrap().unchanged, ["a"]);
}
