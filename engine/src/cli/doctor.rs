//! `inkstone doctor`: looks at everything a working engine needs, and says what to do where it lacks.

use std::net::TcpListener;
use std::path::Path;

use inkstone_config::EngineConfig;
use inkstone_packager::toolchain;
use serde::Serialize;

use super::{Common, Failure, output};
use crate::state;

/// Below this a data folder is about to fill up.
const LOW_DISK_BYTES: u64 = 1 << 30;

#[derive(Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    detail: String,
    /// What to do, where something is to be done.
    advice: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Good,
    /// The engine works, something does not.
    Warning,
    /// The engine does not work.
    Bad,
}

pub(crate) async fn run(common: &Common) -> Result<(), Failure> {
    let common_for_checks = common.clone();
    let findings = tokio::task::spawn_blocking(move || examine(&common_for_checks))
        .await
        .map_err(|error| Failure::Panicked(error.to_string()))?;
    if common.is_json() {
        output::print_line(&output::pretty_json(&findings)?)?;
    } else {
        for finding in &findings {
            let mark = match finding.state {
                State::Good => "ok  ",
                State::Warning => "warn",
                State::Bad => "BAD ",
            };
            output::print_line(&format!("{mark} {:<10} {}", finding.check, finding.detail))?;
            if let Some(advice) = &finding.advice {
                output::print_line(&format!("                → {advice}"))?;
            }
        }
    }
    let bad = findings.iter().filter(|f| f.state == State::Bad).count();
    match bad {
        0 => Ok(()),
        count => Err(Failure::Failed(format!("{count} checks failed"))),
    }
}

fn examine(common: &Common) -> Vec<Finding> {
    let config = match common.load_config() {
        Ok(config) => config,
        Err(failure) => {
            return vec![
                toolchain_finding(),
                bad(
                    "config",
                    &failure.to_string(),
                    "mend the lines named above; `config/engine.toml` documents every key",
                ),
            ];
        }
    };
    let valid = format!("{} is valid", common.config.display());
    vec![
        good("config", valid),
        plugins(&config),
        toolchain_finding(),
        model(&config),
        port(&config),
        disk(&config.data_dir),
    ]
}

fn plugins(config: &EngineConfig) -> Finding {
    let specs = match inkstone_config::plugins::load(&config.plugins) {
        Ok(specs) => specs,
        Err(error) => return bad("plugins", &error.to_string(), "mend the lines named above"),
    };
    let missing: Vec<String> = specs
        .iter()
        .filter(|spec| spec.enabled && spec.remote.is_none() && !spec.path.exists())
        .map(|spec| spec.path.display().to_string())
        .collect();
    if missing.is_empty() {
        return good(
            "plugins",
            format!("{} plugins, all files there", specs.len()),
        );
    }
    bad(
        "plugins",
        &format!("missing: {}", missing.join(", ")),
        "`cargo xtask plugins` builds the bundled ones, `inkstone plugin build` your own",
    )
}

fn toolchain_finding() -> Finding {
    match toolchain::find().ready() {
        Ok(_) => good("toolchain", "plugins can be built here"),
        Err(error) => warning(
            "toolchain",
            "plugins cannot be built here; running them needs no toolchain".to_owned(),
            error.to_string(),
        ),
    }
}

fn model(config: &EngineConfig) -> Finding {
    let local = &config.local_model;
    let missing: Vec<String> = [local.generation_file(), local.embedding_dir()]
        .iter()
        .filter(|path| !path.exists())
        .map(|path| path.display().to_string())
        .collect();
    if missing.is_empty() {
        return good("model", format!("{} is there", local.generation_id));
    }
    warning(
        "model",
        format!("missing: {}", missing.join(", ")),
        "`cargo xtask setup` fetches it; or name a GGUF file of yours in [local_model]".to_owned(),
    )
}

fn port(config: &EngineConfig) -> Finding {
    let listen = config.server.listen;
    if let Err(error) = TcpListener::bind(listen) {
        return match state::read(&config.data_dir) {
            Some(running) => good("port", format!("an engine runs at {}", running.url)),
            None => bad(
                "port",
                &format!("{listen} cannot be had: {error}"),
                "end what listens there, or set `[server] listen` to another address",
            ),
        };
    }
    good("port", format!("{listen} is free"))
}

fn disk(data_dir: &Path) -> Finding {
    let existing = data_dir.ancestors().find(|folder| folder.is_dir());
    let folder = existing.unwrap_or(Path::new("."));
    match fs4::available_space(folder) {
        Ok(bytes) if bytes < LOW_DISK_BYTES => warning(
            "disk",
            format!("{} MiB are left for {}", bytes >> 20, data_dir.display()),
            "make room, or set `data_dir` to another disk".to_owned(),
        ),
        Ok(bytes) => good("disk", format!("{} GiB are left", bytes >> 30)),
        Err(error) => warning(
            "disk",
            format!("free space is not known: {error}"),
            "check by hand".to_owned(),
        ),
    }
}

fn good(check: &'static str, detail: impl Into<String>) -> Finding {
    Finding {
        check,
        state: State::Good,
        detail: detail.into(),
        advice: None,
    }
}

fn warning(check: &'static str, detail: String, advice: String) -> Finding {
    Finding {
        check,
        state: State::Warning,
        detail,
        advice: Some(advice),
    }
}

fn bad(check: &'static str, detail: &str, advice: &str) -> Finding {
    Finding {
        check,
        state: State::Bad,
        detail: detail.to_owned(),
        advice: Some(advice.to_owned()),
    }
}
