//! Sixty-four callers at once on a key whose budget is for ten calls, and a key that may ask twice a minute.

use serde_json::json;
use tokio::task::JoinSet;

use super::{ask, on, spent, token};
use crate::calls::{Reply, chat};
use crate::scripted::{Scripted, TEXT, TOKENS};

const CALLERS: usize = 64;
const PAID_FOR: usize = 10;
/// Of a call with `max_tokens` of ten, in US dollars.
const RESERVED: f64 = 0.01;

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_holds_however_many_ask_at_once() {
    let upstream = Scripted::start().await;
    let engine = on(&upstream).start().await;
    let limits = json!({ "budget": RESERVED * PAID_FOR as f64, "budget_period": "month" });
    let key = engine.make_key(limits).await;
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let request = engine.chat(token(&key), &chat("openai/hold", false));
        callers.spawn(Reply::of(request, || {}));
    }
    // Nobody is answered who got through, so whoever comes back now was refused.
    for _ in PAID_FOR..CALLERS {
        let refused = callers.join_next().await.unwrap().unwrap();
        assert_eq!(refused.status, 429, "{}", refused.body);
        assert_eq!(refused.error_code().as_deref(), Some("budget_exceeded"));
        assert!(refused.header("retry-after").is_some());
    }
    let asked = upstream
        .until("hold", |calls| calls.len() >= PAID_FOR)
        .await;
    assert_eq!(asked.len(), PAID_FOR);
    assert_eq!(spent(&engine, &key).await, (0.0, 0));

    upstream.release("hold");
    let most = RESERVED * PAID_FOR as f64;
    while let Some(served) = callers.join_next().await {
        let served = served.unwrap();
        assert_eq!((served.status, served.text().as_str()), (200, TEXT));
        let (cost, _) = spent(&engine, &key).await;
        assert!(cost <= most, "{cost} of {most} are spent");
    }
    assert_eq!(upstream.calls("hold").len(), PAID_FOR);
    let (cost, tokens) = spent(&engine, &key).await;
    let of_each = TOKENS.1 as f64 / 1000.0;
    assert!((cost - of_each * PAID_FOR as f64).abs() < 1e-9, "{cost}");
    assert_eq!(tokens, (TOKENS.0 + TOKENS.1) * PAID_FOR as u64);

    // What was reserved and not used is there again.
    let again = ask(&engine, token(&key), &chat("openai/good", false), &[]).await;
    assert_eq!(again.status, 200, "{}", again.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_told_and_holds() {
    let upstream = Scripted::start().await;
    let engine = on(&upstream).start().await;
    let key = engine.make_key(json!({ "rpm_limit": 2 })).await;
    for (left, is_stream) in [("1", false), ("0", true)] {
        let body = chat("openai/good", is_stream);
        let served = ask(&engine, token(&key), &body, &[]).await;
        assert_eq!((served.status, served.text().as_str()), (200, TEXT));
        assert_eq!(served.header("x-ratelimit-limit-requests"), Some("2"));
        assert_eq!(served.header("x-ratelimit-remaining-requests"), Some(left));
    }
    let refused = ask(&engine, token(&key), &chat("openai/good", false), &[]).await;
    assert_eq!(refused.status, 429, "{}", refused.body);
    let code = refused.error_code();
    assert_eq!(code.as_deref(), Some("rate_limit_exceeded"));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(refused.header("x-ratelimit-limit-requests"), Some("2"));
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), Some("0"));
    assert!(refused.header("x-ratelimit-reset-requests").is_some());
    assert_eq!(upstream.calls("good").len(), 2);
    // Others have rates of their own.
    let other = ask(&engine, &engine.token, &chat("openai/good", false), &[]).await;
    assert_eq!(other.status, 200, "{}", other.body);
}
