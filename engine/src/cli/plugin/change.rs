//! `inkstone plugin reload`, `enable`, `disable` and `remove`, through the API of the engine.

use serde_json::{Value, json};

use crate::cli::connect::Session;
use crate::cli::{Common, Failure, output};

/// Reads the list and the packages anew.
pub(crate) async fn reload(common: &Common) -> Result<(), Failure> {
    let session = Session::open(common).await?;
    let report = session.post("/v1/plugins/reload", &json!({})).await;
    session.close().await;
    let report = report?;
    if common.is_json() {
        output::print_line(&output::pretty_json(&report)?)?;
    } else {
        for what in ["added", "updated", "removed", "unchanged"] {
            let ids: Vec<&str> = texts(report.get(what)).collect();
            if !ids.is_empty() {
                output::print_line(&format!("{what}: {}", ids.join(", ")))?;
            }
        }
    }
    let failures: Vec<String> = failures(Some(&report)).map(|(_, why)| why).collect();
    match failures.is_empty() {
        true => Ok(()),
        false => Err(Failure::Failed(failures.join("\n"))),
    }
}

/// Enables or disables one plugin.
pub(crate) async fn set_enabled(common: &Common, id: &str, enabled: bool) -> Result<(), Failure> {
    let session = Session::open(common).await?;
    let path = format!("/v1/plugins/{id}/enabled");
    let plugin = session.put(&path, &json!({ "enabled": enabled })).await;
    session.close().await;
    let plugin = plugin?;
    if common.is_json() {
        output::print_line(&output::pretty_json(&plugin)?)?;
    } else {
        let state = plugin.get("state").and_then(Value::as_str);
        output::print_line(&format!("{id} is {}", state.unwrap_or("-")))?;
    }
    let fault = plugin.pointer("/details/error/message");
    match fault.and_then(Value::as_str).filter(|_| enabled) {
        Some(message) => Err(Failure::Failed(message.to_owned())),
        None => Ok(()),
    }
}

/// Takes one plugin off the list.
pub(crate) async fn remove(common: &Common, id: &str) -> Result<(), Failure> {
    let session = Session::open(common).await?;
    let removed = session.delete(&format!("/v1/plugins/{id}")).await;
    session.close().await;
    removed?;
    match common.is_json() {
        true => output::print_line(&output::pretty_json(&json!({ "removed": id }))?),
        false => output::print_line(&format!("{id} is off the list; its package stays")),
    }
}

/// What a report says of the failure of one plugin.
pub(super) fn failure(report: Option<&Value>, id: &str) -> Option<String> {
    failures(report)
        .find(|(failed, _)| *failed == id)
        .map(|(_, why)| why)
}

fn failures(report: Option<&Value>) -> impl Iterator<Item = (&str, String)> {
    let failed = report.and_then(|report| report.get("failed"));
    let failed = failed.and_then(Value::as_array).into_iter().flatten();
    failed.map(|failure| {
        let text = |name: &str| failure.get(name).and_then(Value::as_str).unwrap_or("-");
        let serves = match failure.get("still_serving").and_then(Value::as_bool) {
            Some(true) => "; the version before goes on serving",
            _ => "",
        };
        let id = text("id");
        (
            id,
            format!("{id}: {} [{}]{serves}", text("message"), text("code")),
        )
    })
}

fn texts(list: Option<&Value>) -> impl Iterator<Item = &str> {
    let list = list.and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}
