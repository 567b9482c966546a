//! `/v1/ratings`.

use inkstone_testkit::api_client::TestApi;
use serde_json::json;

use crate::check;

#[tokio::test]
async fn an_answer_is_rated_by_who_asked_for_it() {
    let api = TestApi::start().await;
    let question = json!({"messages": [{"role": "user", "content": "hi"}]});
    let reply = api.creator().post("/v1/chat/completions", question).await;
    let request_id = reply.header("x-request-id").to_owned();
    let body = json!({"request_id": request_id, "rating": 5});
    let reply = api.stranger().post("/v1/ratings", body.clone()).await;
    check::problem(&reply, 404, "not_found");
    let reply = api.creator().post("/v1/ratings", body.clone()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.json(),
        json!({"plugin": "provider-fake", "version": "1.0.0"})
    );
    let reply = api.creator().post("/v1/ratings", body).await;
    check::problem(&reply, 409, "conflict");
    let too_good = json!({"request_id": request_id, "rating": 6});
    let reply = api.creator().post("/v1/ratings", too_good).await;
    let problem = check::problem(&reply, 400, "invalid_input");
    assert_eq!(problem["errors"][0]["pointer"], "/rating");
}
