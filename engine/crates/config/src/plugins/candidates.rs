//! Which file a folder, or a version without a file, stands for: looks at the disk.

use std::path::{Path, PathBuf};

use inkstone_domain::plugin::PluginSpec;
use semver::Version;

/// Stands for `inkplug` or `wasm` until [`settle`] has looked.
pub(super) const EITHER: &str = "*";
/// What a package may be called, the better one first.
const EXTENSIONS: [&str; 2] = ["inkplug", "wasm"];

/// Points the spec at files where it names a folder, or a version alone. What is not there gets a
/// path that says what was looked for.
pub(super) fn settle(spec: &mut PluginSpec) {
    let canary = spec.rollout.as_ref().map(|rollout| rollout.canary.clone());
    if spec.remote.is_none() && spec.path.is_dir() {
        spec.path = newest(&spec.path, &spec.id, canary.as_deref())
            .unwrap_or_else(|| spec.path.join(format!("{}-*.inkplug", spec.id)));
    }
    if let Some(rollout) = &mut spec.rollout {
        if rollout.path.is_dir() {
            let name = format!("{}-{}.{EITHER}", spec.id, rollout.canary);
            rollout.path.push(name);
        }
        if rollout.path.extension().is_some_and(|it| it == EITHER) {
            rollout.path = either(&rollout.path);
        }
    }
}

/// The first extension under which a file is there, else the first of all.
fn either(path: &Path) -> PathBuf {
    let [first, second] = EXTENSIONS.map(|extension| path.with_extension(extension));
    if second.exists() && !first.exists() {
        second
    } else {
        first
    }
}

/// The newest version of a plugin among the files of a folder. `ID.wasm` and `ID.inkplug` count as
/// older than every file with a version. The canary's version is passed over: it is no stable one yet.
fn newest(folder: &Path, id: &str, canary: Option<&str>) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).ok()?;
    files
        .filter_map(|file| {
            let path = file.ok()?.path();
            let (version, preference) = candidate(&path, id)?;
            let is_canary = version
                .as_ref()
                .is_some_and(|version| canary.is_some_and(|canary| version.to_string() == canary));
            (!is_canary && path.is_file()).then_some((version, preference, path))
        })
        .max()
        .map(|(_, _, path)| path)
}

/// Version and preference of `ID.EXTENSION` or `ID-VERSION.EXTENSION`; `None` for other names.
fn candidate(path: &Path, id: &str) -> Option<(Option<Version>, usize)> {
    let extension = path.extension()?.to_str()?;
    let position = EXTENSIONS.iter().position(|it| *it == extension)?;
    let preference = EXTENSIONS.len() - position;
    let rest = path.file_stem()?.to_str()?.strip_prefix(id)?;
    match rest.strip_prefix('-') {
        Some(version) => Some((Some(Version::parse(version).ok()?), preference)),
        None => rest.is_empty().then_some((None, preference)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest_of(files: &[&str], canary: Option<&str>) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        let path = newest(folder.path(), "research-x", canary)?;
        Some(path.file_name()?.to_str()?.to_owned())
    }

    #[test]
    fn the_newest_version_of_a_folder_is_taken() {
        for (files, canary, want) in [
            (&[][..], None, None),
            (
                &["research-x.wasm", "research-x-extra-2.0.0.inkplug"],
                None,
                Some("research-x.wasm"),
            ),
            (
                &["research-x.wasm", "research-x-0.1.0.wasm"],
                None,
                Some("research-x-0.1.0.wasm"),
            ),
            (
                &["research-x-1.9.0.inkplug", "research-x-1.10.0.inkplug"],
                None,
                Some("research-x-1.10.0.inkplug"),
            ),
            (
                &["research-x-2.0.0-rc.1.inkplug", "research-x-2.0.0.wasm"],
                None,
                Some("research-x-2.0.0.wasm"),
            ),
            (
                &["research-x-1.0.0.wasm", "research-x-1.0.0.inkplug"],
                None,
                Some("research-x-1.0.0.inkplug"),
            ),
            (
                &["research-x-1.0.0.inkplug", "research-x-1.1.0.inkplug"],
                Some("1.1.0"),
                Some("research-x-1.0.0.inkplug"),
            ),
            (
                &[
                    ".research-x-3.0.0.inkplug",
                    "research-x-1.inkplug",
                    "research-x-3.0.0.zip",
                ],
                None,
                None,
            ),
        ] {
            let got = newest_of(files, canary);
            assert_eq!(got.as_deref(), want, "{files:?} beside {canary:?}");
        }
    }
}
