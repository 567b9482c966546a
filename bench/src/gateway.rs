//! Chat through provider-openai (sandboxed, authenticated, recorded), beside a proxy of axum and
//! reqwest that only passes bytes on. Both go to the same mock upstream.

use bytes::Bytes;
use serde_json::json;

use crate::Failure;
use crate::load::{Ask, compare};
use crate::process::{Process, root};

pub async fn run() -> Result<(), Failure> {
    let upstream = Process::bare("upstream", None)?;
    let component = root().join("plugins/dist/provider-openai.wasm");
    let plugins = format!(
        "[[plugin]]\nid = \"provider-openai\"\nsource = {{ path = \"{}\" }}\ngrants = {{ outbound_hosts = [\"{}\"] }}\nsettings = {{ base_url = \"{}/v1\", credential = \"\" }}\n",
        component.display(),
        upstream.url,
        upstream.url,
    );
    let engine = Process::engine(&plugins, &[]).await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let token = engine.sign_in(&http).await?;
    let proxy = Process::bare("proxy", Some(&upstream.url))?;
    println!(
        "\nchat completions, 16 connections; the baseline is an axum + reqwest proxy to the same mock upstream"
    );
    for stream in [false, true] {
        let ask = |server: &str, model: &str, token: Option<String>| {
            let body = json!({
                "model": model,
                "stream": stream,
                "messages": [{ "role": "user", "content": "Say something long." }],
            });
            Ask {
                method: reqwest::Method::POST,
                url: format!("{server}/v1/chat/completions"),
                token,
                body: Some(Bytes::from(body.to_string())),
            }
        };
        let ours = ask(&engine.url, "openai/mock", Some(token.clone()));
        // The plugin always streams from the upstream, so the proxy is measured on the same stream.
        let mut baseline = ask(&proxy.url, "mock", None);
        baseline.body = Some(Bytes::from_static(br#"{"model":"mock","stream":true}"#));
        let title = if stream {
            "chat, streamed"
        } else {
            "chat, plain"
        };
        compare(title, (&engine, &ours), (&proxy, &baseline)).await?;
    }
    Ok(())
}
