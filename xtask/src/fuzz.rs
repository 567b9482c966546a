//! `cargo xtask fuzz`: builds the targets of `fuzz/` with coverage feedback on the stable compiler and
//! lets libFuzzer run each for a while. Inputs that were worth keeping stay in the user's cache folder;
//! a crash ends the command and leaves the input that made it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use inkstone_packager::{pack_file, sign_file};

use crate::process::{self, Failure, note};
use crate::workspace::Workspace;

#[derive(Args)]
pub(crate) struct FuzzArgs {
    /// How long each target runs, in seconds.
    #[arg(long, default_value_t = 600)]
    seconds: u32,
    /// Which targets run; all of them where none is named.
    targets: Vec<String>,
}

/// A target and the longest input that it is given, bytes.
const TARGETS: &[(&str, u32)] = &[
    ("package", 1 << 16),
    ("manifest", 1 << 13),
    ("component", 1 << 16),
    ("guest", 1 << 12),
];

/// What cargo-fuzz gives the compiler, but for what only a nightly one takes.
const FLAGS: &[&str] = &[
    "--cfg",
    "fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // One unit of code per crate keeps the tables of counters in one piece.
    "-Ccodegen-units=1",
];

pub(crate) fn run(workspace: &Workspace, args: &FuzzArgs) -> Result<(), Failure> {
    let wanted = |name: &str| args.targets.is_empty() || args.targets.iter().any(|one| one == name);
    let known: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = args
        .targets
        .iter()
        .find(|one| !known.contains(&one.as_str()))
    {
        return Err(Failure(format!(
            "there is no target `{unknown}`; there are {}",
            known.join(", ")
        )));
    }
    let folder = workspace.root.join("fuzz");
    let kept = workspace.cache_dir.join("fuzz-corpus");
    let host = host_triple()?;
    // Flags of its own need a target folder of its own.
    let target_dir = workspace.cache_dir.join("fuzz-target");
    for (name, longest) in TARGETS.iter().filter(|(name, _)| wanted(name)) {
        note(&format!("building the target `{name}`"));
        let mut build = workspace.cargo_in(&folder, &target_dir);
        build
            .args(["build", "--release", "--target", &host, "--bin", name])
            .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"))
            .env_remove("RUSTFLAGS");
        process::run(&mut build)?;

        let corpus = kept.join(name);
        fs::create_dir_all(&corpus).map_err(Failure::file(&corpus))?;
        let seeds = kept.join("seeds").join(name);
        plant(workspace, name, &seeds)?;
        let crashes = kept.join("crashes").join(name);
        fs::create_dir_all(&crashes).map_err(Failure::file(&crashes))?;
        note(&format!("`{name}` runs for {} s", args.seconds));
        let mut fuzzer = Command::new(target_dir.join(&host).join("release").join(name));
        fuzzer
            .args([&corpus, &seeds, &folder.join("seeds").join(name)])
            .arg(format!("-max_total_time={}", args.seconds))
            .arg(format!("-max_len={longest}"))
            .arg(format!("-artifact_prefix={}/", crashes.display()))
            .args(["-timeout=30", "-rss_limit_mb=4096", "-print_final_stats=1"])
            .current_dir(&folder);
        process::run(&mut fuzzer).map_err(|failure| {
            Failure(format!(
                "{failure}\nthe input lies in {}; run the program with it as its argument to see it again",
                crashes.display()
            ))
        })?;
    }
    note("no target crashed");
    Ok(())
}

/// Real files to begin with: the bundled plugins and the tests' guests, as far as they are built.
fn plant(workspace: &Workspace, target: &str, seeds: &Path) -> Result<(), Failure> {
    fs::create_dir_all(seeds).map_err(Failure::file(seeds))?;
    let copy = |from: &Path, name: &str| {
        let to = seeds.join(name);
        fs::copy(from, &to).map(drop).map_err(Failure::file(from))
    };
    match target {
        "manifest" => {
            for manifest in manifests(workspace)? {
                let name = manifest
                    .parent()
                    .and_then(Path::file_name)
                    .unwrap_or_default();
                copy(&manifest, &name.to_string_lossy())?;
            }
        }
        "component" => {
            for component in components(workspace)? {
                let name = component.file_name().unwrap_or_default();
                copy(&component, &name.to_string_lossy())?;
            }
        }
        "package" => {
            let dist = workspace.guests_dir().join("dist");
            for component in components(workspace)? {
                let packed = pack_file(&component, &dist, seeds)?;
                let signed = packed.path.with_extension("signed");
                fs::copy(&packed.path, &signed).map_err(Failure::file(&signed))?;
                sign_file(&signed, &inkstone_packager::SigningKey::generate())?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The guests of the tests: real, and small enough to be changed quickly.
fn components(workspace: &Workspace) -> Result<Vec<PathBuf>, Failure> {
    let folder = workspace.guests_dir().join("dist");
    Ok(entries(&folder)?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "wasm"))
        .collect())
}

fn manifests(workspace: &Workspace) -> Result<Vec<PathBuf>, Failure> {
    let folders = [workspace.plugins_dir(), workspace.guests_dir()];
    let mut found = Vec::new();
    for folder in &folders {
        let paths = entries(folder)?
            .into_iter()
            .map(|path| path.join("plugin.toml"));
        found.extend(paths.filter(|path| path.is_file()));
    }
    Ok(found)
}

/// None where the folder is not there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(Failure::file(folder))
}

/// Naming it keeps build scripts, which run here, free of the flags.
fn host_triple() -> Result<String, Failure> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = process::output(Command::new(rustc).arg("-vV"))?;
    told.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| Failure("`rustc -vV` names no host".to_owned()))
}
