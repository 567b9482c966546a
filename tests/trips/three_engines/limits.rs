//! One rate and one budget for three engines; and what becomes of them where the Redis goes away.

use futures::future::join_all;
use serde_json::json;

use super::{Place, until};
use crate::calls::{Reply, chat};
use crate::engine::{Engine, Setup};
use crate::scripted::Scripted;

const AT_ONCE: usize = 12;

/// Ten tokens of output cost a cent.
fn on(upstream: &Scripted) -> Setup {
    Setup::new()
        .only(upstream.plugin("provider-openai"))
        .configure("\n[gateway.prices.\"openai/good\"]\ninput = 0.0\noutput = 1000.0\n")
}

/// How many of so many calls, at all engines at once, are answered; the others must be refused with this code.
async fn answered(engines: &[Engine; 3], token: &str, calls: usize, code: &str) -> usize {
    let body = chat("openai/good", false);
    let calls = (0..calls).map(|number| {
        let request = engines[number % 3].chat(token, &body);
        Reply::of(request, || {})
    });
    let replies = join_all(calls).await;
    for reply in &replies {
        let is_fine = match reply.status {
            200 => true,
            429 => reply.error_code().as_deref() == Some(code),
            _ => false,
        };
        assert!(is_fine, "{} {}", reply.status, reply.body);
    }
    replies.iter().filter(|reply| reply.status == 200).count()
}

/// A key that all of them know.
async fn key(engines: &[Engine; 3], limits: serde_json::Value) -> (String, String) {
    let key = engines[0].make_key(limits).await;
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    let (id, token) = (text("id"), text("token"));
    for engine in engines {
        let models = engine.http.get(format!("{}/v1/models", engine.url));
        until("the key is unknown", async || {
            let models = models.try_clone().unwrap().bearer_auth(&token);
            (models.send().await.unwrap().status() == 200).then_some(())
        })
        .await;
    }
    (id, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_engines_share_one_rate_and_one_budget() {
    let mut place = Place::open().await;
    let upstream = Scripted::start().await;
    let engines = place.three(|| on(&upstream)).await;

    // Seven requests a minute, whoever is asked. A few seconds bring none back.
    let (_, token) = key(&engines, json!({ "rpm_limit": 7 })).await;
    let most = answered(&engines, &token, 3 * AT_ONCE, "rate_limit_exceeded").await;
    assert!((7..=9).contains(&most), "{most} requests of 7 a minute");

    // Each call reserves a cent and costs three tenths of one: fifty cents are at most 166 calls.
    let (id, token) = key(&engines, json!({ "budget": 0.5, "budget_period": "month" })).await;
    let (mut calls, mut rounds) = (0, 0);
    loop {
        let more = answered(&engines, &token, 3 * AT_ONCE, "budget_exceeded").await;
        calls += more;
        rounds += 1;
        assert!(
            calls <= 166,
            "{calls} calls of 0.003 dollars on 0.5 dollars"
        );
        if more == 0 {
            break;
        }
    }
    assert!(calls >= 160, "{calls} calls: what was reserved came back");
    println!(
        "three engines, one key: {most} requests of 7 a minute, {calls} calls on 0.5 dollars in {rounds} rounds"
    );

    // What the ledger says all know within seconds.
    for engine in &engines {
        until("the spendings are not known", async || {
            let (_, standing) = engine.get(&format!("/v1/limits/key:{id}")).await;
            let spent = standing["spent"].as_array()?;
            let month = spent.iter().find(|one| one["period"] == "month")?;
            (month["cost_usd"].as_f64()? > calls as f64 * 0.003 - 1e-6).then_some(())
        })
        .await;
    }

    // Without the Redis each goes on with what it knows by itself: nobody fails, and the budget stays used up.
    place.redis.kill();
    let token_of_old = token;
    assert_eq!(
        answered(&engines, &token_of_old, 3, "budget_exceeded").await,
        0
    );
    let (_, token) = key(&engines, json!({ "rpm_limit": 7 })).await;
    let each = answered(&engines, &token, 3 * AT_ONCE, "rate_limit_exceeded").await;
    assert!(
        (7..=27).contains(&each),
        "{each} requests of 7 a minute and engine"
    );
    place.redis.start_again().await;
    until("it never counts together again", async || {
        let metrics = engines[0].http.get(format!("{}/metrics", engines[0].url));
        let text = metrics.send().await.unwrap().text().await.unwrap();
        text.contains("inkstone_redis_up 1").then_some(())
    })
    .await;
    assert_eq!(
        answered(&engines, &token_of_old, 3 * AT_ONCE, "budget_exceeded").await,
        0
    );
}
