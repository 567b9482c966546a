//! Reading an article by id over HTTP, beside an axum handler that answers the same bytes from memory.

use serde_json::{Value, json};

use crate::Failure;
use crate::load::{Ask, compare};
use crate::process::Process;

pub async fn run() -> Result<(), Failure> {
    let engine = Process::engine("", &[]).await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let token = engine.sign_in(&http).await?;
    let body = "All work and no play makes a dull text. ".repeat(50);
    let article = json!({ "title": "A measured article", "body": body, "tags": ["bench"] });
    let created = http
        .post(format!("{}/v1/articles", engine.url))
        .bearer_auth(&token)
        .header("content-type", "application/json")
        .body(article.to_string())
        .send()
        .await?
        .error_for_status()?
        .bytes()
        .await?;
    let created: Value = serde_json::from_slice(&created)?;
    let id = created["id"].as_str().ok_or("no id")?;
    let ours = Ask {
        method: reqwest::Method::GET,
        url: format!("{}/v1/articles/{id}", engine.url),
        token: Some(token.clone()),
        body: None,
    };
    let bytes = http
        .get(&ours.url)
        .bearer_auth(&token)
        .send()
        .await?
        .error_for_status()?
        .bytes()
        .await?;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &bytes)?;
    let bare = Process::bare("article", Some(&file.path().display().to_string()))?;
    let baseline = Ask {
        url: format!("{}/article", bare.url),
        ..ours.clone()
    };
    println!(
        "\nGET /v1/articles/{{id}}, {} bytes, 16 connections; the baseline is an axum handler with the same bytes in memory",
        bytes.len()
    );
    compare("article by id", (&engine, &ours), (&bare, &baseline)).await
}
