//! Where the set-up has put the models. Shared with the unit tests of the crate.

use std::path::{Path, PathBuf};

/// The folder that the set-up fills; `INKSTONE_MODELS_DIR` names another.
pub fn models_dir() -> PathBuf {
    let dir = match std::env::var_os("INKSTONE_MODELS_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => user_cache().join("inkstone").join("models"),
    };
    assert!(
        text_model(&dir).is_file() && dir.join("all-minilm-l6-v2").is_dir(),
        "the local models are not in {}; `cargo xtask setup` fetches them, or set INKSTONE_MODELS_DIR",
        dir.display()
    );
    dir
}

/// The text model's file in that folder.
pub fn text_model(dir: &Path) -> PathBuf {
    dir.join("smollm2-135m-instruct-q4_1.gguf")
}

fn user_cache() -> PathBuf {
    if let Some(dir) = std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()) {
        return PathBuf::from(dir);
    }
    let home = PathBuf::from(std::env::var_os("HOME").expect("HOME is set"));
    if cfg!(target_os = "macos") {
        home.join("Library").join("Caches")
    } else {
        home.join(".cache")
    }
}
