//! A file of `migrations/` in its parts: the way forward, what would be lost on the way back, the way back.

use inkstone_domain::digest::sha256;

/// Begins the second part: an array of `{ what, count }`. It is asked before any way back is gone, so on the
/// tables of the newest engine.
const LOSSES: &str = "\n--- What an older engine cannot hold\n";
/// Begins the third part.
const BACK: &str = "\n--- The way back\n";

pub(super) struct Migration {
    pub(super) name: &'static str,
    /// The whole file.
    pub(super) text: &'static str,
}

impl Migration {
    /// Of its name.
    pub(super) fn number(&self) -> Option<u32> {
        self.name.split('_').next()?.parse().ok()
    }

    /// What is applied. The other parts may be mended after a release; this never is.
    pub(super) fn forward(&self) -> &'static str {
        self.text
            .split_once(LOSSES)
            .map_or(self.text, |(forward, _back)| forward)
    }

    /// What would be lost, and the way back; `None` where the file has none.
    pub(super) fn back(&self) -> Option<(&'static str, &'static str)> {
        let (_forward, back) = self.text.split_once(LOSSES)?;
        let (losses, back) = back.split_once(BACK)?;
        Some((losses.trim(), back))
    }

    /// SHA-256 of the way forward.
    pub(super) fn digest(&self) -> String {
        sha256(self.forward().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_three_parts_and_is_known_by_the_first() {
        let alone = Migration {
            name: "0042_things",
            text: "DEFINE TABLE thing;\n",
        };
        let whole = Migration {
            name: "0042_things",
            text: "DEFINE TABLE thing;\n\n--- What an older engine cannot hold\n[]\n\
                   \n--- The way back\nREMOVE TABLE thing;\n",
        };
        assert_eq!(alone.back(), None);
        assert_eq!(whole.back(), Some(("[]", "REMOVE TABLE thing;\n")));
        assert_eq!(whole.forward(), alone.forward());
        assert_eq!(whole.digest(), alone.digest());
        assert_eq!(whole.number(), Some(42));
    }
}
