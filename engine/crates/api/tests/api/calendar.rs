//! `/v1/calendar`

use inkstone_testkit::api_client::TestApi;
use serde_json::{Value, json};

use crate::check;

fn plan() -> Value {
    json!({
        "name": "Tides",
        "plugin": "generator-fake",
        "template": "article",
        "brief": {"tone": "calm"},
        "topics": ["ebb", {"topic": "flow", "tone": "loud"}],
        "from": "2099-03-01",
        "every": {"weekdays": ["monday", "thursday"], "time": "07:30"},
        "time_zone": "Europe/Berlin",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut plan = plan();
    plan[name] = value;
    plan
}

#[tokio::test]
async fn a_plan_is_tried_made_and_shown() {
    let api = TestApi::start().await;
    let client = api.creator();
    let path = "/v1/calendar?from=2099-03-01&to=2099-03-31&time_zone=Europe/Berlin";
    let tried = client
        .post("/v1/calendar", with("dry_run", json!(true)))
        .await;
    assert_eq!(tried.status, 200, "{tried:?}");
    let tried = tried.json();
    assert_eq!(tried["dry_run"], true);
    assert_eq!(tried["batch"], json!(null));
    assert_eq!(
        tried["jobs"][1]["input"],
        json!({"topic": "flow", "tone": "loud"})
    );
    assert_eq!(client.get(path).await.json()["days"], json!([]));

    let keyed = client.clone().with_header("idempotency-key", "p-1");
    let made = keyed.post("/v1/calendar", plan()).await;
    assert_eq!(made.status, 202, "{made:?}");
    let again = keyed.post("/v1/calendar", plan()).await;
    assert_eq!(again.json(), made.json());
    let batch = client.get(made.header("location")).await.json();
    assert_eq!(
        (&batch["name"], &batch["total"]),
        (&json!("Tides"), &json!(2))
    );
    let shown = client.get(path).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let shown = shown.json();
    let days = shown["days"].as_array().unwrap();
    let dates: Vec<&Value> = days.iter().map(|day| &day["date"]).collect();
    assert_eq!(dates, ["2099-03-02", "2099-03-05"]);
    let entry = &days[0]["entries"][0];
    assert_eq!(entry["at"], "2099-03-02T06:30:00Z");
    assert_eq!(entry["title"], "ebb");
    assert_eq!(entry["kind"], "job");
    assert_eq!(entry["job"], made.json()["jobs"][0]["job"]);
}

#[tokio::test]
async fn what_is_published_is_planned_before() {
    let api = TestApi::start().await;
    let mut body = with("publish", json!("schedule"));
    body["lead_hours"] = json!(48);
    let made = api.creator().post("/v1/calendar", body).await.json();
    let job = &made["jobs"][0];
    assert_eq!(job["publish_at"], "2099-03-02T06:30:00Z");
    assert_eq!(job["run_at"], "2099-02-28T06:30:00Z");
    let path = format!("/v1/jobs/{}", job["job"].as_str().unwrap());
    let shown = api.creator().get(&path).await.json();
    assert_eq!(shown["publish_at"], job["publish_at"]);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let api = TestApi::start().await;
    let client = api.creator();
    let without = |name: &str| {
        let mut plan = plan();
        plan.as_object_mut().unwrap().remove(name);
        plan
    };
    for (body, pointer) in [
        (without("topics"), "/topics"),
        (without("every"), "/to"),
        (with("count", json!(3)), "/count"),
        (with("time", json!("09:00")), "/time"),
        (with("lead_hours", json!(3)), "/lead_hours"),
        (with("every", json!({})), "/every/weekdays"),
        (with("every", json!({"cron": "0 25 * * *"})), "/every"),
        (with("time_zone", json!("Mars")), "/time_zone"),
        (with("from", json!("2020-01-01")), "/from"),
    ] {
        let refused = client.post("/v1/calendar", body).await;
        check::problem(&refused, 400, "invalid_input");
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer);
    }
    let time = with(
        "every",
        json!({"weekdays": ["monday"], "time": "9 o'clock"}),
    );
    check::problem(
        &client.post("/v1/calendar", time).await,
        400,
        "invalid_input",
    );
    for query in [
        "from=2099-03-01",
        "from=2099-03-01&to=2099-02-01",
        "from=2099-03-01&to=2099-03-02&time_zone=Mars",
        "from=never&to=2099-03-02",
    ] {
        let refused = client.get(&format!("/v1/calendar?{query}")).await;
        check::problem(&refused, 400, "invalid_input");
    }
    let elsewhere = "/v1/calendar?project=nowhere&from=2099-03-01&to=2099-03-02";
    check::problem(&client.get(elsewhere).await, 404, "not_found");
}
