//! The ledger as a table for spreadsheets.

use chrono::Utc;
use serde_json::json;

use super::{ask, on, sums, token};
use crate::calls::chat;
use crate::scripted::Scripted;

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_told_as_csv() {
    let upstream = Scripted::start().await;
    let engine = on(&upstream).start().await;
    upstream.release("hold");
    let key = engine.make_key(json!({})).await;
    let before = Utc::now().date_naive();
    for model in ["openai/good", "openai/good", "openai/hold"] {
        let reply = ask(&engine, token(&key), &chat(model, false), &[]).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    sums(&engine, |sum| sum["attempts"] == 3).await;
    let request = engine.request("GET", "/v1/usage?group_by=day,model&format=csv");
    let reply = request.send().await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["content-type"], "text/csv; charset=utf-8");
    let told = reply.text().await.unwrap().replace("\r\n", "\n");
    // At midnight there are two days.
    if Utc::now().date_naive() != before {
        return;
    }
    let expected = format!(
        "day,model,attempts,succeeded,failed,cancelled,cache_hits,input_tokens,output_tokens,cached_input_tokens,reasoning_tokens,cost_usd\n\
         {before},openai/good,2,2,0,0,0,14,6,0,0,0.006000000\n\
         {before},openai/hold,1,1,0,0,0,7,3,0,0,0.003000000\n"
    );
    assert_eq!(told, expected);
}
