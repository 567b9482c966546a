//! Invariant 6: a released folder of `wit/` is byte-identical to its release. `wit/RELEASES.sha256`
//! lists the files of every released version, as `sha256sum` prints them.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Finding;
use super::tree::Tree;

const LIST: &str = "wit/RELEASES.sha256";

pub(super) fn are_untouched(tree: &Tree) -> Vec<Finding> {
    let text = tree
        .files
        .iter()
        .find(|(path, _)| path == LIST)
        .map(|(_, text)| text.as_str());
    let Some(text) = text else {
        return vec![format!(
            "{LIST} is missing; it lists the files of released contracts and may be empty"
        )];
    };
    let mut findings = Vec::new();
    let mut released: BTreeMap<&str, &str> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once("  ") {
            Some((digest, path)) if path.starts_with("wit/since-") => {
                released.insert(path, digest);
            }
            _ => findings.push(format!(
                "{LIST}:{}: write `<sha256>  wit/since-v…/file.wit`",
                index + 1
            )),
        }
    }
    let folders: Vec<&str> = released.keys().filter_map(|path| folder_of(path)).collect();
    for (path, text) in tree.with_extension("wit") {
        match released.remove(path) {
            Some(digest) if digest == digest_of(text) => {}
            Some(_) => findings.push(format!(
                "{path} is released and was changed; put it back, and write the wish into wit/PENDING.md"
            )),
            None if folder_of(path).is_some_and(|folder| folders.contains(&folder)) => {
                findings.push(format!("{path} was added to a released folder"));
            }
            None => {}
        }
    }
    findings.extend(
        released
            .keys()
            .map(|path| format!("{path} is released and is gone")),
    );
    findings
}

fn folder_of(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(folder, _)| folder)
}

fn digest_of(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "wit/since-v0.1.0/a.wit";

    fn findings(list: &str, files: &[(&str, &str)]) -> Vec<Finding> {
        let mut all = vec![(LIST, list)];
        all.extend_from_slice(files);
        are_untouched(&Tree::of(&all))
    }

    #[test]
    fn a_touched_release_is_found() {
        let list = format!("# released\n{}  {PATH}\n", digest_of("one"));
        assert!(findings(&list, &[(PATH, "one")]).is_empty());
        for (files, want) in [
            (vec![(PATH, "two")], "was changed"),
            (vec![], "is gone"),
            (
                vec![(PATH, "one"), ("wit/since-v0.1.0/b.wit", "")],
                "was added",
            ),
        ] {
            let found = findings(&list, &files);
            assert!(found.len() == 1 && found[0].contains(want), "{found:?}");
        }
    }

    #[test]
    fn what_is_not_released_may_change() {
        assert!(findings("# nothing yet\n", &[(PATH, "two")]).is_empty());
        assert_eq!(findings("nonsense\n", &[]).len(), 1);
        assert_eq!(are_untouched(&Tree::of(&[])).len(), 1);
    }
}
