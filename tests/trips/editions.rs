//! One plugin in several versions, as packages: the README's plugin, with another manifest put into it.

use std::path::{Path, PathBuf};

use inkstone_domain::plugin::{MANIFEST_SECTION, Manifest};
use inkstone_packager::componentise::{componentise, manifest_of};
use inkstone_packager::pack_file;

use crate::engine::{Setup, root};

/// The plugin whose editions these are.
pub const ID: &str = "provider-shout";

/// Makes `provider-shout-VERSION.inkplug` in a folder.
pub fn package(version: &str, folder: &Path) -> PathBuf {
    package_with(version, folder, |_| {})
}

/// The same with a changed manifest.
pub fn package_with(version: &str, folder: &Path, change: impl FnOnce(&mut Manifest)) -> PathBuf {
    packed(ID, version, folder, change)
}

/// An edition that is another guest altogether.
pub fn package_of(guest: &str, version: &str, folder: &Path) -> PathBuf {
    packed(guest, version, folder, |_| {})
}

fn packed(
    guest: &str,
    version: &str,
    folder: &Path,
    change: impl FnOnce(&mut Manifest),
) -> PathBuf {
    let built = root().join(format!("tests/guests/dist/{guest}.wasm"));
    let built = std::fs::read(&built).expect("the guests are built");
    let mut manifest = manifest_of(&built).expect("it has a manifest");
    ID.clone_into(&mut manifest.id);
    manifest.version = version.to_owned();
    change(&mut manifest);
    let component = componentise(without_manifest(&built), &manifest).expect("a component");
    let source = tempfile::tempdir().expect("a temporary folder");
    let wasm = source.path().join("component.wasm");
    std::fs::write(&wasm, component).expect("the component can be written");
    std::fs::create_dir_all(folder).expect("the folder can be made");
    pack_file(&wasm, source.path(), folder)
        .expect("it is packed")
        .path
}

/// The packager puts the manifest at the end: id, size and name of the section, then its bytes.
fn without_manifest(component: &[u8]) -> &[u8] {
    let name = MANIFEST_SECTION.as_bytes();
    let at = component
        .windows(name.len())
        .rposition(|window| window == name)
        .expect("the section is there");
    // Before the name stands its length in one byte, and before that the size in two.
    let start = at - 4;
    assert_eq!(component[start], 0, "a custom section");
    &component[..start]
}

/// A set-up with a list and a folder of plugins of its own, both within its data folder.
pub fn own_plugins(list: &str) -> Setup {
    let setup = Setup::new();
    let data = setup.data.path().to_owned();
    std::fs::create_dir_all(data.join("dist")).expect("the folder can be made");
    std::fs::write(data.join("list.toml"), list).expect("the list can be written");
    setup
        .set("INKSTONE__PLUGINS__FILE", path(&data.join("list.toml")))
        .set("INKSTONE__PLUGINS__DIR", path(&data.join("dist")))
        .set("INKSTONE__CACHE_DIR", path(&data.join("cache")))
}

/// As text for arguments and variables.
pub fn path(path: &Path) -> String {
    path.display().to_string()
}
