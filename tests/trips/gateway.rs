//! The gateway as a whole, over HTTP: what many callers at once may spend, what is left of a call whose
//! caller leaves or whose engine is killed, and answers that are given twice.

mod budget;
mod crash;
mod leave;
mod once;
mod told;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::calls::Reply;
use crate::engine::{Engine, PATIENCE, Setup};
use crate::scripted::Scripted;

/// An engine whose only provider is this server. Ten tokens of output cost a cent.
fn on(upstream: &Scripted) -> Setup {
    let price = |model: &str| {
        format!("\n[gateway.prices.\"openai/{model}\"]\ninput = 0.0\noutput = 1000.0\n")
    };
    Setup::new()
        .only(upstream.plugin("provider-openai"))
        .configure(&(price("good") + &price("hold")))
}

/// The whole answer to this chat.
async fn ask(engine: &Engine, token: &str, body: &Value, headers: &[(&str, &str)]) -> Reply {
    let mut request = engine.chat(token, body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Reply::of(request, || {}).await
}

/// The ledger's sums of everything, once `done` says so: it is written behind the calls' backs.
async fn sums(engine: &Engine, done: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let (status, sums) = engine.get("/v1/usage?group_by=plugin").await;
        assert_eq!(status, 200, "{sums}");
        let groups = sums["data"].as_array().unwrap();
        assert!(groups.len() <= 1, "{sums}");
        let sum = groups.first().cloned().unwrap_or_default();
        if done(&sum) {
            return sum;
        }
        assert!(began.elapsed() < PATIENCE, "the sums stay {sums}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// What a key has spent this month, in US dollars and in tokens.
async fn spent(engine: &Engine, key: &Value) -> (f64, u64) {
    let path = format!("/v1/limits/key:{}", key["id"].as_str().unwrap());
    let (status, standing) = engine.get(&path).await;
    assert_eq!(status, 200, "{standing}");
    let spent = standing["spent"].as_array().unwrap();
    let month = spent.iter().find(|one| one["period"] == "month").unwrap();
    let (cost, tokens) = (month["cost_usd"].as_f64(), month["tokens"].as_u64());
    (cost.unwrap(), tokens.unwrap())
}

fn token(key: &Value) -> &str {
    key["token"].as_str().unwrap()
}
