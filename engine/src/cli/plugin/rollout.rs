//! `inkstone plugin rollout`, `promote`, `rollback`, `restart`, `history` and `stats`: versions of a
//! plugin side by side, through the API of the engine.

use serde_json::{Value, json};

use crate::cli::connect::Session;
use crate::cli::{Common, Failure, output};

/// How a rollout stands, and how both versions do.
pub(crate) async fn show(common: &Common, id: &str) -> Result<(), Failure> {
    let rollout = get(common, &format!("/v1/plugins/{id}/rollout")).await?;
    print_rollout(common, &rollout)
}

/// Promotes, rolls back or restarts: `act` is the last word of the route.
pub(crate) async fn steer(
    common: &Common,
    id: &str,
    act: &str,
    reason: Option<String>,
) -> Result<(), Failure> {
    let session = Session::open(common).await?;
    let path = format!("/v1/plugins/{id}/rollout/{act}");
    let rollout = session.post(&path, &json!({ "reason": reason })).await;
    session.close().await;
    print_rollout(common, &rollout?)
}

/// What served when, newest first.
pub(crate) async fn history(common: &Common, id: &str, limit: usize) -> Result<(), Failure> {
    let history = get(common, &format!("/v1/plugins/{id}/history?limit={limit}")).await?;
    if common.is_json() {
        return output::print_line(&output::pretty_json(&history)?);
    }
    for line in list(&history, "/data") {
        output::print_line(&format!(
            "{}  {:<24}  {:<10} {:>6}  {}{}",
            text(line, "/from"),
            line.pointer("/to")
                .and_then(Value::as_str)
                .unwrap_or("until now"),
            text(line, "/version"),
            percent(line.pointer("/share")),
            text(line, "/cause"),
            because(line),
        ))?;
    }
    Ok(())
}

/// The counters of every loaded version.
pub(crate) async fn stats(common: &Common, id: &str) -> Result<(), Failure> {
    let stats = get(common, &format!("/v1/plugins/{id}/stats")).await?;
    if common.is_json() {
        return output::print_line(&output::pretty_json(&stats)?);
    }
    for version in list(&stats, "/versions") {
        print_version(version)?;
    }
    print_outbound(&stats)
}

/// What egress refused, or would refuse: nothing is said where there is nothing.
fn print_outbound(stats: &Value) -> Result<(), Failure> {
    for address in list(stats, "/outbound/audited") {
        output::print_line(&format!(
            "  no grant covers {} calls of {} to {} (audit mode)",
            number(address, "/calls"),
            list(address, "/methods")
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(" and "),
            text(address, "/address"),
        ))?;
    }
    let refused = stats
        .pointer("/outbound/refused")
        .and_then(Value::as_object);
    for (reason, count) in refused.into_iter().flatten() {
        output::print_line(&format!("  egress refused {count} calls: {reason}"))?;
    }
    Ok(())
}

async fn get(common: &Common, path: &str) -> Result<Value, Failure> {
    let session = Session::open(common).await?;
    let reply = session.get(path).await;
    session.close().await;
    reply
}

fn print_rollout(common: &Common, rollout: &Value) -> Result<(), Failure> {
    if common.is_json() {
        return output::print_line(&output::pretty_json(rollout)?);
    }
    let steps: Vec<&Value> = list(rollout, "/plan/steps").collect();
    let status = match rollout.pointer("/state/status").and_then(Value::as_str) {
        Some(status) => format!(
            "{status} since {}, step {} of {}, {} good minutes",
            text(rollout, "/state/since"),
            number(rollout, "/state/step"),
            steps.len(),
            number(rollout, "/state/good_minutes"),
        ),
        None => "not loaded".to_owned(),
    };
    output::print_line(&format!(
        "{} {} gets {} of the calls: {status}{}",
        text(rollout, "/plugin"),
        text(rollout, "/plan/canary"),
        percent(rollout.pointer("/share")),
        rollout.pointer("/state").map(because).unwrap_or_default(),
    ))?;
    for version in ["/stable", "/canary"] {
        if let Some(version) = rollout.pointer(version).filter(|found| found.is_object()) {
            print_version(version)?;
        }
    }
    for (name, pointer) in [("found", "/finding"), ("failed", "/error/message")] {
        if let Some(words) = rollout.pointer(pointer).and_then(Value::as_str) {
            output::print_line(&format!("    {name}: {words}"))?;
        }
    }
    Ok(())
}

fn print_version(version: &Value) -> Result<(), Failure> {
    let ms = |pointer: &str| match version.pointer(pointer).and_then(Value::as_f64) {
        Some(ms) => format!("{ms:.1} ms"),
        None => "-".to_owned(),
    };
    let rating = match version.pointer("/ratings/mean").and_then(Value::as_f64) {
        Some(mean) => format!("{mean:.1} ({})", number(version, "/ratings/count")),
        None => "-".to_owned(),
    };
    output::print_line(&format!(
        "    {:<10} {:<7} {:>6}  {} calls, {} failed ({}), p50 {}, p95 {}, p99 {}, tokens {} in {} out, rating {rating}",
        text(version, "/version"),
        text(version, "/role"),
        percent(version.pointer("/share")),
        number(version, "/calls"),
        number(version, "/failures"),
        percent(version.pointer("/failure_rate")),
        ms("/latency/p50_ms"),
        ms("/latency/p95_ms"),
        ms("/latency/p99_ms"),
        number(version, "/input_tokens"),
        number(version, "/output_tokens"),
    ))?;
    if let Some(reason) = version
        .pointer("/quarantine/reason")
        .and_then(Value::as_str)
    {
        output::print_line(&format!(
            "        rests until {}: {reason}",
            text(version, "/quarantine/until")
        ))?;
    }
    Ok(())
}

fn because(value: &Value) -> String {
    let reason = value.get("reason").and_then(Value::as_str);
    reason.map_or_else(String::new, |reason| format!(" ({reason})"))
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or("-")
}

fn number(value: &Value, pointer: &str) -> u64 {
    value
        .pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

fn percent(share: Option<&Value>) -> String {
    let share = share.and_then(Value::as_f64).unwrap_or_default();
    format!("{:.1} %", share * 100.0)
}
