//! Fakes around packages: a list of plugins, a folder of packages and a place to fetch from, all in
//! memory. A fake package is its manifest as JSON; [`FakeLoader`](crate::FakeLoader) reads it.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use inkstone_domain::digest::sha256;
use inkstone_domain::plugin::{PluginSpec, RemoteSource};
use inkstone_domain::ports::{NewEntry, PackageFetcher, PackageStore, PluginList};
use inkstone_domain::{Error, Result, codes};

/// Paths of fakes begin with it; nothing lies there.
pub const NO_FOLDER: &str = "no-such-folder";

/// A list of plugins that no file holds.
#[derive(Default)]
pub struct MemPluginList(Mutex<ListState>);

#[derive(Default)]
struct ListState {
    specs: Vec<PluginSpec>,
    fault: Option<Error>,
    is_read_only: bool,
}

impl MemPluginList {
    pub fn new(specs: Vec<PluginSpec>) -> Self {
        let list = Self::default();
        list.set(specs);
        list
    }

    /// The whole list, as if somebody had edited it.
    pub fn set(&self, specs: Vec<PluginSpec>) {
        lock(&self.0).specs = specs;
    }

    /// What everything answers from now on; `None` makes it well again.
    pub fn fail(&self, fault: Option<Error>) {
        lock(&self.0).fault = fault;
    }

    /// From now on it can be read and not changed.
    pub fn make_read_only(&self) {
        lock(&self.0).is_read_only = true;
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<PluginSpec>) -> Result<T>) -> Result<T> {
        let mut state = lock(&self.0);
        if let Some(fault) = &state.fault {
            return Err(fault.clone());
        }
        if state.is_read_only {
            return Err(Error::new(&codes::CONFLICT, "the list is read-only"));
        }
        change(&mut state.specs)
    }
}

#[async_trait]
impl PluginList for MemPluginList {
    async fn read(&self) -> Result<Vec<PluginSpec>> {
        let state = lock(&self.0);
        match &state.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(state.specs.clone()),
        }
    }

    async fn set_enabled(&self, id: &str, enabled: bool) -> Result<()> {
        self.change(|specs| {
            let spec = specs.iter_mut().find(|spec| spec.id == id);
            spec.ok_or_else(|| unlisted(id))?.enabled = enabled;
            Ok(())
        })
    }

    async fn put(&self, entry: NewEntry) -> Result<()> {
        self.change(|specs| {
            let path = entry.file.map(|file| PathBuf::from(NO_FOLDER).join(file));
            let index = match specs.iter().position(|spec| spec.id == entry.id) {
                Some(index) => index,
                None => {
                    let path = path.clone().ok_or_else(|| unlisted(&entry.id))?;
                    specs.push(PluginSpec::new(&entry.id, path));
                    specs.len() - 1
                }
            };
            let spec = &mut specs[index];
            if let Some(path) = path {
                spec.path = path;
                spec.remote = None;
            }
            if let Some(grants) = entry.grants {
                spec.grants = grants;
            }
            Ok(())
        })
    }

    async fn remove(&self, id: &str) -> Result<()> {
        self.change(|specs| {
            let index = specs.iter().position(|spec| spec.id == id);
            specs.remove(index.ok_or_else(|| unlisted(id))?);
            Ok(())
        })
    }
}

/// Packages that lie in no folder.
#[derive(Default)]
pub struct MemPackageStore(Mutex<StoreState>);

#[derive(Default)]
struct StoreState {
    put: BTreeMap<String, Bytes>,
    kept: Vec<(RemoteSource, PathBuf)>,
}

impl MemPackageStore {
    /// Names of the files that were put.
    pub fn files(&self) -> Vec<String> {
        lock(&self.0).put.keys().cloned().collect()
    }
}

#[async_trait]
impl PackageStore for MemPackageStore {
    async fn put(&self, file: &str, package: Bytes) -> Result<bool> {
        if file.is_empty() || file.starts_with('.') || file.contains(['/', '\\']) {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                format!("{file:?} is no file name"),
            ));
        }
        let before = lock(&self.0).put.insert(file.to_owned(), package);
        Ok(before.is_none())
    }

    async fn discard(&self, file: &str) -> Result<()> {
        lock(&self.0).put.remove(file);
        Ok(())
    }

    async fn find(&self, source: &RemoteSource) -> Result<Option<PathBuf>> {
        let state = lock(&self.0);
        let kept = state.kept.iter().find(|(kept, _)| kept == source);
        Ok(kept.map(|(_, path)| path.clone()))
    }

    async fn keep(&self, source: &RemoteSource, _package: Bytes) -> Result<PathBuf> {
        if let Some(path) = self.find(source).await? {
            return Ok(path);
        }
        let mut state = lock(&self.0);
        let path = PathBuf::from(NO_FOLDER).join(format!("kept-{}", state.kept.len()));
        state.kept.push((source.clone(), path.clone()));
        Ok(path)
    }
}

/// Hands out the packages that the test put there.
#[derive(Default)]
pub struct FakePackageFetcher(Mutex<FetchState>);

#[derive(Default)]
struct FetchState {
    packages: HashMap<String, Bytes>,
    fetched: Vec<String>,
}

impl FakePackageFetcher {
    /// From now on this address, or OCI reference, has the package.
    pub fn put(&self, address: &str, package: Bytes) {
        lock(&self.0).packages.insert(address.to_owned(), package);
    }

    /// From now on nothing is there.
    pub fn go_offline(&self) {
        lock(&self.0).packages.clear();
    }

    /// All addresses that were asked for, in order.
    pub fn fetched(&self) -> Vec<String> {
        lock(&self.0).fetched.clone()
    }
}

#[async_trait]
impl PackageFetcher for FakePackageFetcher {
    async fn fetch(&self, source: &RemoteSource) -> Result<Bytes> {
        let (address, digest) = match source {
            RemoteSource::Url { url, digest } => (url, Some(digest)),
            RemoteSource::Oci { reference } => (reference, None),
        };
        let mut state = lock(&self.0);
        state.fetched.push(address.clone());
        let package = state
            .packages
            .get(address)
            .ok_or_else(|| Error::new(&codes::UPSTREAM_ERROR, format!("{address} answered 404")))?;
        let found = sha256(package);
        if digest.is_some_and(|wanted| *wanted != found) {
            return Err(Error::new(
                &codes::PLUGIN_REJECTED,
                format!("{address} does not have its digest but {found}"),
            ));
        }
        Ok(package.clone())
    }
}

fn unlisted(id: &str) -> Error {
    Error::new(
        &codes::UNKNOWN_PLUGIN,
        format!("there is no plugin `{id}` on the list"),
    )
}

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
