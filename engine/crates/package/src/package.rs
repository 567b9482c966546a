//! A package as a whole: read and checked against its index, packed, signed. What a read package
//! holds is what its author's index says; whether its author is trusted is asked afterwards.

use std::collections::BTreeMap;

use inkstone_domain::plugin::PluginKind;

use crate::archive::{self, COMPONENT, Entries, INDEX, LICENSE, MANIFEST, README, SIGNATURES};
use crate::error::PackageError;
use crate::index::{Entry, Index};
use crate::key::SigningKey;
use crate::signature::{self, Signature};
use inkstone_domain::digest::sha256;

/// Without a dot.
pub const EXTENSION: &str = "inkplug";

/// A package whose entries are what its index says.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    pub index: Index,
    /// The plugin itself. Its own manifest is the truth; the index must agree with it, which who can
    /// read a component checks.
    pub component: Vec<u8>,
    /// `plugin.toml`, for people.
    pub manifest_toml: String,
    pub readme: Option<String>,
    pub license: Option<String>,
    /// Not checked yet; see [`crate::TrustPolicy`].
    pub signatures: Vec<Signature>,
    /// SHA-256 of the package, hex.
    pub digest: String,
    /// What the signatures cover.
    pub(crate) index_bytes: Vec<u8>,
}

/// What goes into a package.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    pub id: &'a str,
    pub version: &'a str,
    pub kind: PluginKind,
    /// Version of the plugin contract.
    pub api: &'a str,
    pub component: &'a [u8],
    pub manifest_toml: &'a str,
    pub readme: Option<&'a str>,
    pub license: Option<&'a str>,
}

/// Whether these bytes want to be a package; a component begins otherwise.
pub fn is_package(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK")
}

/// Reads a package without trusting it: bounded in size, nothing but the known entries, each as the
/// index says.
pub fn read(bytes: &[u8]) -> Result<Package, PackageError> {
    let mut entries = archive::read(bytes)?;
    let index_bytes = take(&mut entries, INDEX)?;
    let index = Index::parse(&index_bytes)?;
    let signatures = match entries.remove(SIGNATURES) {
        Some(bytes) => signature::parse(&bytes)?,
        None => Vec::new(),
    };
    index.check_entries(&entries)?;
    Ok(Package {
        component: take(&mut entries, COMPONENT)?,
        manifest_toml: text(MANIFEST, take(&mut entries, MANIFEST)?)?,
        readme: optional_text(&mut entries, README)?,
        license: optional_text(&mut entries, LICENSE)?,
        signatures,
        digest: sha256(bytes),
        index,
        index_bytes,
    })
}

/// Makes a package; the same contents give the same bytes.
pub fn pack(contents: &Contents<'_>) -> Result<Vec<u8>, PackageError> {
    let texts = [
        (MANIFEST, Some(contents.manifest_toml)),
        (README, contents.readme),
        (LICENSE, contents.license),
    ];
    let mut entries: Entries = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?.as_bytes().to_vec())))
        .collect();
    entries.insert(COMPONENT, contents.component.to_vec());
    let listed: BTreeMap<String, Entry> = entries
        .iter()
        .map(|(name, bytes)| ((*name).to_owned(), Entry::of(bytes)))
        .collect();
    let Contents {
        id,
        version,
        kind,
        api,
        ..
    } = *contents;
    let index = Index::new(id, version, kind, api, listed)?;
    entries.insert(INDEX, index.write()?);
    archive::write(&entries)
}

/// The same package with one signature more; one by the same key is replaced.
pub fn sign(package: &[u8], key: &SigningKey) -> Result<Vec<u8>, PackageError> {
    let read = read(package)?;
    let mut signatures = read.signatures;
    signatures.retain(|one| one.key != key.public());
    signatures.push(Signature::new(key, &read.index_bytes));
    let mut entries = archive::read(package)?;
    entries.insert(SIGNATURES, signature::write(&signatures)?);
    archive::write(&entries)
}

fn take(entries: &mut Entries, name: &'static str) -> Result<Vec<u8>, PackageError> {
    entries
        .remove(name)
        .ok_or_else(|| PackageError::Refused(format!("`{name}` is missing in it")))
}

fn optional_text(
    entries: &mut Entries,
    name: &'static str,
) -> Result<Option<String>, PackageError> {
    entries
        .remove(name)
        .map(|bytes| text(name, bytes))
        .transpose()
}

fn text(name: &str, bytes: Vec<u8>) -> Result<String, PackageError> {
    String::from_utf8(bytes)
        .map_err(|_| PackageError::Refused(format!("`{name}` is no text in UTF-8")))
}

#[cfg(test)]
mod tests;
