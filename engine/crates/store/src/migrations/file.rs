//! A migration: the way forward, and in a file beside it (`.down.surql`) what would be lost on the way back, and
//! the way back.

use inkstone_domain::digest::sha256;

/// Begins the first part of the way back: an array of `{ what, count }`. It is asked before anything is
/// undone, so on the tables of the newest engine.
const LOSSES: &str = "--- What an older engine cannot hold\n";
/// Begins the second part.
const BACK: &str = "\n--- The way back\n";

pub(super) struct Migration {
    pub(super) name: &'static str,
    /// What is applied: never edited once it is released.
    pub(super) forward: &'static str,
    /// The other file, whole. It may be mended.
    pub(super) down: &'static str,
}

impl Migration {
    /// Of its name.
    pub(super) fn number(&self) -> Option<u32> {
        self.name.split('_').next()?.parse().ok()
    }

    /// What would be lost, and the way back; `None` where the file has not both parts.
    pub(super) fn back(&self) -> Option<(&'static str, &'static str)> {
        let (losses, back) = self.down.strip_prefix(LOSSES)?.split_once(BACK)?;
        Some((losses.trim(), back))
    }

    /// SHA-256 of the way forward.
    pub(super) fn digest(&self) -> String {
        sha256(self.forward.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_back_has_two_parts() {
        let whole = Migration {
            name: "0042_things",
            forward: "DEFINE TABLE thing;\n",
            down: "--- What an older engine cannot hold\n[]\n\n--- The way back\nREMOVE TABLE thing;\n",
        };
        assert_eq!(whole.back(), Some(("[]", "REMOVE TABLE thing;\n")));
        assert_eq!(whole.number(), Some(42));
        let half = Migration {
            down: "REMOVE TABLE thing;\n",
            ..whole
        };
        assert_eq!(half.back(), None);
    }
}
