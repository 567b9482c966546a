//! `/v1/me`.

use inkstone_testkit::api_client::{Identity, TestApi};

#[tokio::test]
async fn everybody_sees_themselves() {
    let api = TestApi::start().await;
    for (identity, name) in [
        (Identity::Admin, "admin"),
        (Identity::Creator, "creator"),
        (Identity::Viewer, "viewer"),
    ] {
        let me = api.client(identity).get("/v1/me").await.json();
        assert_eq!(me["id"], api.user(identity).to_string());
        assert_eq!(me["role"], name);
        assert_eq!(me["email"], format!("{name}@example.org"));
        assert_eq!(
            me.as_object().unwrap().len(),
            5,
            "nothing else leaves: {me}"
        );
    }
}
