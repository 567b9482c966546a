//! Where a user's files live on this system: the cache folder, and `~` at the start of a path.

use std::path::{Path, PathBuf};

/// The product's folder below the user's cache folder: `$XDG_CACHE_HOME/inkstone`, else
/// `~/Library/Caches/inkstone` on macOS and `~/.cache/inkstone` elsewhere. Without a home it lies in
/// the system's temporary folder.
pub fn cache_dir() -> PathBuf {
    cache_dir_from(
        std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from),
        home_dir(),
        cfg!(target_os = "macos"),
    )
}

/// Where `cargo xtask setup` puts the embedded models.
pub fn models_dir() -> PathBuf {
    cache_dir().join("models")
}

/// Replaces a leading `~/` by the home folder.
pub(crate) fn expand_home(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("an empty path names nothing".to_owned());
    }
    let Some(rest) = text.strip_prefix("~/") else {
        return Ok(PathBuf::from(text));
    };
    home_dir()
        .map(|home| home.join(rest))
        .ok_or_else(|| "`~` stands for the home folder, and HOME is not set".to_owned())
}

fn home_dir() -> Option<PathBuf> {
    std::env::var_os("HOME")
        .filter(|home| !home.is_empty())
        .map(PathBuf::from)
}

fn cache_dir_from(xdg: Option<PathBuf>, home: Option<PathBuf>, is_macos: bool) -> PathBuf {
    // The XDG rules say that a relative path there is to be ignored.
    let base = xdg.filter(|path| path.is_absolute()).or_else(|| {
        let below = if is_macos { "Library/Caches" } else { ".cache" };
        home.map(|home| home.join(below))
    });
    base.unwrap_or_else(std::env::temp_dir)
        .join(Path::new("inkstone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_folder_follows_the_system() {
        let some = |text: &str| Some(PathBuf::from(text));
        for (xdg, home, is_macos, want) in [
            (some("/x"), some("/h"), false, "/x/inkstone"),
            (some("x"), some("/h"), false, "/h/.cache/inkstone"),
            (None, some("/h"), false, "/h/.cache/inkstone"),
            (None, some("/h"), true, "/h/Library/Caches/inkstone"),
        ] {
            assert_eq!(cache_dir_from(xdg, home, is_macos), PathBuf::from(want));
        }
    }
}
