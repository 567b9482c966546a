//! The packages of a workspace and what they depend on, as `cargo metadata` tells it.

use std::process::Command;

use serde_json::Value;

use crate::process::{self, Failure};

/// A package of ours.
#[derive(Debug, Default)]
pub(super) struct Package {
    pub(super) name: String,
    /// `[dependencies]` and `[build-dependencies]`.
    pub(super) uses: Vec<String>,
    /// `[dev-dependencies]`.
    pub(super) uses_in_tests: Vec<String>,
}

pub(super) fn load(mut cargo: Command) -> Result<Vec<Package>, Failure> {
    let text = process::output(cargo.args([
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ]))?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|error| Failure(format!("cargo metadata: {error}")))?;
    Ok(read(&metadata))
}

fn read(metadata: &Value) -> Vec<Package> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .map(|package| {
            let mut read = Package {
                name: package["name"].as_str().unwrap_or_default().to_owned(),
                ..Package::default()
            };
            for dependency in package["dependencies"].as_array().into_iter().flatten() {
                let name = dependency["name"].as_str().unwrap_or_default().to_owned();
                if dependency["kind"] == "dev" {
                    read.uses_in_tests.push(name);
                } else {
                    read.uses.push(name);
                }
            }
            read
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dev_dependencies_are_kept_apart() {
        let metadata = serde_json::json!({ "packages": [{
            "name": "a",
            "dependencies": [
                { "name": "x", "kind": null },
                { "name": "y", "kind": "dev" },
                { "name": "z", "kind": "build" },
            ],
        }]});
        let packages = read(&metadata);
        assert_eq!(packages[0].uses, ["x", "z"]);
        assert_eq!(packages[0].uses_in_tests, ["y"]);
    }
}
