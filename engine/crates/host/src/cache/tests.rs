//! An entry is loaded only if a holder of the key wrote it, under this very name.

use sha2::Digest;

use super::*;

const WAT: &str = "(component (core module (func)))";

fn engine() -> Engine {
    Engine::new(wasmtime::Config::new().wasm_component_model(true)).unwrap()
}

fn key(byte: u8) -> Option<CacheKey> {
    Some(CacheKey::new([byte; 32]))
}

fn open(folder: &Path, key: Option<CacheKey>) -> CompiledCache {
    CompiledCache::open(Some(folder.to_owned()), key, 1 << 30)
}

fn load(cache: &CompiledCache, digest: &str) -> Origin {
    let wasm = wat::parse_str(WAT).unwrap();
    cache.load_or_compile(&engine(), &wasm, digest).unwrap().1
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}

/// What somebody who may write the folder, but has no key, does to an entry.
type Harm = (&'static str, fn(&mut Vec<u8>));

#[test]
fn tampered_entries_are_compiled_again_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path(), key(1));
    assert_eq!(load(&cache, "d1"), Origin::Compiled);
    assert_eq!(load(&cache, "d1"), Origin::Cache);
    let harms: [Harm; 7] = [
        ("code", |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }),
        ("MAC", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("code with a plain digest for a MAC", |bytes| {
            let code_bytes = bytes.len() - MAC_BYTES;
            bytes[code_bytes / 2] ^= 1;
            let sum = Sha256::digest(&bytes[..code_bytes]);
            bytes[code_bytes..].copy_from_slice(&sum);
        }),
        ("MAC of zeros", |bytes| {
            let code_bytes = bytes.len() - MAC_BYTES;
            bytes[code_bytes..].fill(0);
        }),
        ("cut off", |bytes| bytes.truncate(bytes.len() - 1)),
        ("a stump", |bytes| bytes.truncate(7)),
        ("empty", Vec::clear),
    ];
    for (what, harm) in harms {
        let path = entries(folder.path()).remove(0);
        let mut bytes = fs::read(&path).unwrap();
        harm(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        assert_eq!(load(&cache, "d1"), Origin::Compiled, "{what}");
        assert_eq!(load(&cache, "d1"), Origin::Cache, "after {what}");
    }
    assert_eq!(entries(folder.path()).len(), 1);
}

#[test]
fn an_entry_under_anothers_name_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path(), key(1));
    load(&cache, "d1");
    load(&cache, "d2");
    let [first, second] = &entries(folder.path())[..] else {
        panic!("two entries");
    };
    // Both are whole and bear a valid MAC, each of the other's name.
    let aside = folder.path().join("aside");
    fs::rename(first, &aside).unwrap();
    fs::rename(second, first).unwrap();
    fs::rename(&aside, second).unwrap();
    assert_eq!(load(&cache, "d1"), Origin::Compiled);
    assert_eq!(load(&cache, "d2"), Origin::Compiled);
}

#[test]
fn another_key_sees_other_entries_and_none_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(load(&open(folder.path(), key(1)), "d1"), Origin::Compiled);
    assert_eq!(load(&open(folder.path(), key(2)), "d1"), Origin::Compiled);
    assert_eq!(load(&open(folder.path(), key(1)), "d1"), Origin::Cache);
    assert_eq!(load(&open(folder.path(), None), "d1"), Origin::Compiled);
    assert_eq!(entries(folder.path()).len(), 3);
    // Under the name that the second key looks for, the first key's entry is worth nothing.
    let name = |key: Option<CacheKey>| {
        let engine = engine();
        Entry::new(folder.path(), key.as_ref().unwrap(), &engine, "d1").path
    };
    fs::copy(name(key(1)), name(key(2))).unwrap();
    assert_eq!(load(&open(folder.path(), key(2)), "d1"), Origin::Compiled);
}

#[test]
fn a_file_larger_than_the_whole_cache_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    load(&open(folder.path(), key(1)), "d1");
    let small = CompiledCache {
        folder: Some(folder.path().to_owned()),
        key: CacheKey::new([1; 32]),
        max_bytes: 64,
    };
    assert_eq!(load(&small, "d1"), Origin::Compiled);
}

#[test]
fn code_of_another_engine_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path(), key(1));
    load(&cache, "d1");
    let mut config = wasmtime::Config::new();
    let other = Engine::new(config.wasm_component_model(true).epoch_interruption(true)).unwrap();
    let wasm = wat::parse_str(WAT).unwrap();
    let (_, origin) = cache.load_or_compile(&other, &wasm, "d1").unwrap();
    assert_eq!(origin, Origin::Compiled);
}

#[test]
fn the_key_is_never_printed() {
    let shown = format!("{:?}", CacheKey::new([0xab; 32]));
    assert_eq!(shown, "CacheKey(…)");
}

#[cfg(unix)]
#[test]
fn the_folder_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("open");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    open(&folder, None);
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
