//! `source` of a plugin: a file or folder of this machine, an address with a digest, or an OCI registry.

use std::path::{Path, PathBuf};

use inkstone_domain::plugin::RemoteSource;

use crate::section::Section;

/// Where a plugin's package is.
pub(super) struct Source {
    /// Of this machine; for a package from elsewhere its address, until it is fetched.
    pub path: PathBuf,
    pub remote: Option<RemoteSource>,
}

pub(super) fn source(section: &mut Section<'_>, id: &str, dir: &Path) -> Source {
    let place = section.place_of("source");
    let mut source = section.section("source");
    let given: Vec<&str> = ["path", "url", "oci"]
        .into_iter()
        .filter(|key| source.has(key))
        .collect();
    let has_digest = source.has("digest");
    match given.as_slice() {
        [] => source.fault(
            &place,
            format!("`{id}` has no file; write source = {{ path = \"{id}.wasm\" }}"),
        ),
        ["url"] if !has_digest => source.fault(
            &place,
            format!("`source` of `{id}` has a `url` without a `digest`; add digest = \"sha256:…\" of the package, as `sha256sum` tells it"),
        ),
        ["path" | "oci"] if has_digest => source.fault(
            &place,
            "`digest` belongs to a `url`; for a registry write oci = \"registry/repository@sha256:…\"",
        ),
        [_] => {}
        several => source.fault(
            &place,
            format!(
                "`source` of `{id}` names {}; only one of them can be meant",
                several.join(" and ")
            ),
        ),
    }
    let mut path = PathBuf::new();
    source.path_value("path", &mut path);
    let mut url = String::new();
    source.text("url", &mut url);
    let mut remote = None;
    let read = |found: inkstone_domain::Result<RemoteSource>| {
        found.map(Some).map_err(|error| error.message().to_owned())
    };
    source.parsed("digest", &mut remote, |digest| {
        read(RemoteSource::at_url(&url, digest))
    });
    source.parsed("oci", &mut remote, |reference| {
        read(RemoteSource::in_registry(reference))
    });
    source.finish();
    let path = match &remote {
        None => dir.join(path),
        Some(RemoteSource::Url { url, .. }) => PathBuf::from(url),
        Some(RemoteSource::Oci { reference }) => PathBuf::from(format!("oci://{reference}")),
    };
    Source { path, remote }
}
