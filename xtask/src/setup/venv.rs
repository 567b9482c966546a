//! Python environments for the tests: llama.cpp's server as a real upstream, and the libraries that people
//! use as real clients. The engine itself never needs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, Failure, note};
use crate::workspace::Workspace;

const REQUIREMENTS: &[&str] = &[
    "xllamacpp==2026.10.11549",
    "openai==3.52.0",
    "anthropic==2.12.0",
    "standardwebhooks==1.1.0",
];
/// What does not go together with version 3 of `openai` yet, and so shows that version 2 is served too. Newer
/// releases of `litellm` need `boto3`, 35 MB more.
const OPENAI_2_REQUIREMENTS: &[&str] = &["openai==2.54.0", "litellm==1.97.0", "instructor==1.17.0"];
/// Newer ones want versions of their dependencies that go together with nothing else.
const LITELLM_PROXY: &[&str] = &["litellm[proxy]==1.106.2"];
const FASTAPI: &[&str] = &[
    "fastapi==0.165.0",
    "uvicorn[standard]==0.54.0",
    "sqlalchemy==2.1.9",
    "pyjwt[crypto]==2.15.1",
];
/// Talks to PostgreSQL.
const FULL_TEXT: &[&str] = &["psycopg[binary]==3.3.9"];
/// Makes cases of the OpenAPI document and sends them.
const SCHEMATHESIS: &[&str] = &["schemathesis==4.32.5"];
/// Makes Python clients of it.
const CLIENT_GENERATOR: &[&str] = &["openapi-python-client==0.29.1"];
/// Uploads in pieces, as the makers of the protocol do it.
const TUS: &[&str] = &["tuspy==1.1.0"];
/// Says inside the environment what it was made for; written last.
const STAMP: &str = "inkstone-requirements.txt";

pub(crate) fn set_up(workspace: &Workspace) -> Result<(), Failure> {
    install(&workspace.venv_dir(), REQUIREMENTS)?;
    install(&workspace.openai_2_venv_dir(), OPENAI_2_REQUIREMENTS)?;
    install(&workspace.tus_venv_dir(), TUS)?;
    set_up_schemathesis(workspace)?;
    set_up_clients(workspace)
}

pub(crate) fn set_up_schemathesis(workspace: &Workspace) -> Result<(), Failure> {
    install(&workspace.schemathesis_venv_dir(), SCHEMATHESIS)
}

pub(crate) fn set_up_clients(workspace: &Workspace) -> Result<(), Failure> {
    install(&workspace.clients_venv_dir(), CLIENT_GENERATOR)
}

/// The peer of the gateway's benchmark, a folder of its own: its many dependencies are nobody else's.
pub(crate) fn litellm_proxy(dir: &Path) -> Result<PathBuf, Failure> {
    install(dir, LITELLM_PROXY)?;
    Ok(dir.join("bin").join("litellm"))
}

/// The peer of the content API's benchmark; its interpreter.
pub(crate) fn fastapi(dir: &Path) -> Result<PathBuf, Failure> {
    install(dir, FASTAPI)?;
    Ok(python_in(dir))
}

/// The peers of the search benchmark; their interpreter. PostgreSQL itself is Debian's.
pub(crate) fn full_text(dir: &Path) -> Result<PathBuf, Failure> {
    install(dir, FULL_TEXT)?;
    Ok(python_in(dir))
}

fn install(dir: &Path, requirements: &[&str]) -> Result<(), Failure> {
    let wanted = requirements.join("\n");
    let stamp = dir.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) && python_in(dir).exists() {
        return Ok(());
    }
    note(&format!(
        "installing {} for the tests into {} (pip install)",
        requirements.join(", "),
        dir.display()
    ));
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(Failure::file(dir))?;
    }
    let mut pip = create(dir)?;
    process::run(
        pip.args(["install", "--quiet", "--disable-pip-version-check"])
            .args(requirements),
    )?;
    fs::write(&stamp, wanted).map_err(Failure::file(&stamp))
}

/// Makes the environment and returns the pip that installs into it. Debian splits a part of `venv`
/// off (python3-venv), so there are three ways.
fn create(dir: &Path) -> Result<Command, Failure> {
    let python = python_in(dir);
    let own_pip = || {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip"]);
        pip
    };
    // First with the pip that is there: it works without python3-venv.
    if process::succeeds(python3(&["-m", "venv", "--without-pip"]).arg(dir)) {
        let outer_pip = || {
            let mut pip = python3(&["-m", "pip", "--python"]);
            pip.arg(&python);
            pip
        };
        if process::succeeds(outer_pip().arg("--version")) {
            return Ok(outer_pip());
        }
    }
    for way in [&["-m", "venv", "--clear"][..], &["-m", "virtualenv"][..]] {
        if process::succeeds(python3(way).arg(dir)) && process::succeeds(own_pip().arg("--version"))
        {
            return Ok(own_pip());
        }
    }
    Err(Failure(
        "the tests need a Python environment, and none could be made with `python3 -m venv` or `python3 -m virtualenv`; install one of them (Debian: apt-get install python3-pip python3-venv)".to_owned(),
    ))
}

fn python3(args: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(args);
    command
}

/// The environment's interpreter.
fn python_in(dir: &Path) -> PathBuf {
    if cfg!(windows) {
        dir.join("Scripts/python.exe")
    } else {
        dir.join("bin/python")
    }
}
