//! Installs what is missing, and says what it does. Everything is quiet when it is there already.

mod debian;
pub(crate) mod deny;
mod models;
mod node;
pub(crate) mod redis;
pub(crate) mod registry;
mod venv;
mod wasm;

use crate::process::Failure;
use crate::workspace::Workspace;

pub(crate) use self::venv::{fastapi, full_text, litellm_proxy};

/// What a first run needs: a compiler for wasm and the local model.
pub(crate) fn base(workspace: &Workspace) -> Result<(), Failure> {
    wasm::set_up()?;
    models::set_up(workspace)
}

/// What the tests need on top.
pub(crate) fn for_tests(workspace: &Workspace) -> Result<(), Failure> {
    venv::set_up(workspace)?;
    node::set_up(workspace)?;
    registry::set_up(workspace)?;
    redis::set_up(workspace)
}

/// What makes clients of the OpenAPI document.
pub(crate) fn for_clients(workspace: &Workspace) -> Result<(), Failure> {
    venv::set_up_clients(workspace)?;
    node::set_up(workspace)
}

/// What tries the OpenAPI document.
pub(crate) fn for_schemathesis(workspace: &Workspace) -> Result<(), Failure> {
    venv::set_up_schemathesis(workspace)
}

/// What the checks need on top.
pub(crate) fn for_lint(workspace: &Workspace) -> Result<(), Failure> {
    deny::set_up(workspace)
}
