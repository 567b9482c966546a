//! Accounts here and at issuers: linked, refused, unlinked, and second factors.

use super::*;

#[tokio::test]
async fn addresses_link_only_where_both_sides_have_verified_them() {
    let creator = json!({"sub": "c", "email": "Creator@Example.org", "email_verified": true});
    // Not where nobody said so.
    let world = World::new().await;
    world.corp.sign_in_as(creator.clone());
    let (answer, cookie) = world.answered().await;
    let problem = check::problem(&world.back(&answer, &cookie).await, 403, "forbidden");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("/v1/me/identities/corp/start")
    );

    let world = World::with(|issuer| issuer.link = LinkRule::VerifiedEmail).await;
    world.corp.sign_in_as(creator.clone());
    let me = world.signed_in().await.get("/v1/me").await.json();
    assert_eq!(me["id"], json!(world.api.user(Identity::Creator)));
    assert!(
        actions(&world.api)
            .await
            .contains(&"identity.linked".to_owned())
    );

    // Not where the issuer has not verified it.
    for verified in [json!(false), Value::Null] {
        let world = World::with(|issuer| issuer.link = LinkRule::VerifiedEmail).await;
        let mut person = creator.clone();
        person["email_verified"] = verified;
        world.corp.sign_in_as(person);
        let (answer, cookie) = world.answered().await;
        check::problem(&world.back(&answer, &cookie).await, 403, "forbidden");
    }

    // Not where we have not: whoever made that account may not be who has the address. It gives way, if strangers
    // get an account at all.
    for strangers in [Strangers::Refuse, Strangers::SignUp(Role::Viewer)] {
        let world = World::with(|issuer| {
            issuer.link = LinkRule::VerifiedEmail;
            issuer.strangers = strangers;
        })
        .await;
        let user = world.api.user(Identity::Creator);
        let mut known = world.api.store.user(user).await.unwrap().unwrap();
        known.email_verified = false;
        known.revision += 1;
        let update = world.api.store.update_user(&known, None, &[]);
        update.await.unwrap();
        world.corp.sign_in_as(creator.clone());
        if strangers == Strangers::Refuse {
            let (answer, cookie) = world.answered().await;
            check::problem(&world.back(&answer, &cookie).await, 403, "forbidden");
            continue;
        }
        let me = world.signed_in().await.get("/v1/me").await.json();
        assert_ne!(me["id"], json!(user));
        assert_eq!(me["email"], json!(known.email));
        assert_eq!(me["role"], json!("viewer"));
        assert_eq!(world.api.store.user(user).await.unwrap(), None);
    }
}

#[tokio::test]
async fn strangers_and_domains_are_as_the_configuration_says() {
    let world = World::with(|issuer| issuer.strangers = Strangers::Refuse).await;
    let (answer, cookie) = world.answered().await;
    check::problem(&world.back(&answer, &cookie).await, 403, "forbidden");

    let domains = || World::with(|issuer| issuer.email_domains = vec!["Example.org".to_owned()]);
    domains().await.signed_in().await;
    for person in [
        json!({"sub": "a", "email": "a@example.com", "email_verified": true}),
        json!({"sub": "a", "email": "a@sub.example.org", "email_verified": true}),
        json!({"sub": "a", "email": "a@example.org", "email_verified": false}),
        json!({"sub": "a", "email": "a@example.org@example.com", "email_verified": true}),
        json!({"sub": "a"}),
    ] {
        let world = domains().await;
        world.corp.sign_in_as(person);
        let (answer, cookie) = world.answered().await;
        check::problem(&world.back(&answer, &cookie).await, 403, "forbidden");
    }
}

#[tokio::test]
async fn a_disabled_user_stays_out() {
    let world = World::new().await;
    let me = world.signed_in().await.get("/v1/me").await.json();
    let ticket = world.ticket().await;
    let path = format!("/v1/users/{}", me["id"].as_str().unwrap());
    let disabled = world
        .api
        .admin()
        .patch(&path, json!({"disabled": true}))
        .await;
    assert_eq!(disabled.status, 200);
    check::problem(&world.spend(&ticket, None).await, 403, "forbidden");
    let (answer, cookie) = world.answered().await;
    check::problem(&world.back(&answer, &cookie).await, 403, "forbidden");
}

#[tokio::test]
async fn people_link_and_unlink_themselves() {
    let world = World::new().await;
    let creator = world.api.creator();
    let path = "/v1/me/identities/corp/start";
    let bare = creator.post(path, json!({})).await;
    check::problem(&bare, 401, "invalid_credentials");
    let wrong = creator.post(path, json!({"password": "wrong"})).await;
    check::problem(&wrong, 401, "invalid_credentials");
    let begun = creator.post(path, json!({"password": PASSWORD})).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let url = begun.json()["url"].as_str().unwrap().to_owned();
    let landed = world
        .back(&world.corp.authorize(&url), &cookie(&begun))
        .await;
    assert_eq!(landed.json(), json!({"linked": true}));
    let me = world.signed_in().await.get("/v1/me").await.json();
    assert_eq!(me["email"], "creator@example.org");

    // It is nobody else's any more.
    let begun = world
        .api
        .stranger()
        .post(path, json!({"password": PASSWORD}))
        .await;
    let url = begun.json()["url"].as_str().unwrap().to_owned();
    let landed = world
        .back(&world.corp.authorize(&url), &cookie(&begun))
        .await;
    check::problem(&landed, 409, "conflict");

    let theirs = world.api.stranger().delete("/v1/me/identities/corp").await;
    check::problem(&theirs, 404, "not_found");
    assert_eq!(creator.delete("/v1/me/identities/corp").await.status, 204);
    let left = creator.get("/v1/me/identities").await.json();
    assert_eq!(left["data"], json!([]));
    let told = actions(&world.api).await;
    assert!(told.contains(&"identity.unlinked".to_owned()), "{told:?}");
}

#[tokio::test]
async fn the_last_way_in_stays() {
    let world = World::new().await;
    let ada = world.signed_in().await;
    let last = ada.delete("/v1/me/identities/corp").await;
    check::problem(&last, 409, "conflict");
    // They have no password to show, and need none.
    let begun = ada.post("/v1/me/identities/other/start", json!({})).await;
    let url = begun.json()["url"].as_str().unwrap().to_owned();
    let answer = world.other.authorize(&url);
    let landed = world.back_to("other", &answer, &cookie(&begun)).await;
    assert_eq!(landed.status, 200, "{landed:?}");
    assert_eq!(ada.delete("/v1/me/identities/corp").await.status, 204);
    let last = ada.delete("/v1/me/identities/other").await;
    check::problem(&last, 409, "conflict");
}

#[tokio::test]
async fn the_second_factor_is_asked_for_unless_the_issuer_has_its_own() {
    for (rule, status) in [(SecondFactorRule::Ask, 401), (SecondFactorRule::Trust, 200)] {
        let world = World::with(|issuer| {
            issuer.link = LinkRule::VerifiedEmail;
            issuer.second_factor = rule;
        })
        .await;
        let recovery = turn_on_second_factor(&world.api).await;
        let person = json!({"sub": "c", "email": "creator@example.org", "email_verified": true});
        world.corp.sign_in_as(person);
        let ticket = world.ticket().await;
        let reply = world.spend(&ticket, None).await;
        assert_eq!(reply.status, status, "{reply:?}");
        if rule == SecondFactorRule::Ask {
            check::problem(&reply, 401, "totp_required");
            let other_mark = ticket.replacen("tic_", "tid_", 1);
            check::problem(&world.spend(&other_mark, None).await, 401, "invalid_token");
            check::problem(
                &world.spend(&ticket, Some("000000")).await,
                401,
                "totp_required",
            );
            let right = world.spend(&ticket, Some(&recovery)).await;
            assert_eq!(right.status, 200, "the ticket holds on: {right:?}");
        }
    }
}

/// The creator's; a recovery code.
async fn turn_on_second_factor(api: &TestApi) -> String {
    let creator = api.creator();
    let begun = creator
        .post("/v1/me/totp", json!({"password": PASSWORD}))
        .await;
    let secret = begun.json()["secret"].as_str().unwrap().to_owned();
    let secret = Secret::Encoded(secret).to_bytes().unwrap();
    let app = TOTP::new(Algorithm::SHA1, 6, 0, 30, secret, None, "ada".to_owned()).unwrap();
    let now = u64::try_from(api.clock.now().timestamp()).unwrap();
    let code = app.generate(now);
    let on = creator
        .post("/v1/me/totp/confirm", json!({"code": code}))
        .await;
    assert_eq!(on.status, 200, "{on:?}");
    on.json()["recovery_codes"][0].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_admin_takes_a_lost_second_factor_away() {
    let world = World::new().await;
    let api = &world.api;
    turn_on_second_factor(api).await;
    let path = format!("/v1/users/{}/second-factor", api.user(Identity::Creator));
    check::problem(&api.stranger().delete(&path).await, 403, "forbidden");
    assert_eq!(api.admin().delete(&path).await.status, 204);
    check::problem(&api.admin().delete(&path).await, 404, "not_found");
    let body = json!({"email": "creator@example.org", "password": PASSWORD});
    assert_eq!(
        api.anonymous().post("/v1/auth/login", body).await.status,
        200
    );
    let log = api
        .admin()
        .get("/v1/audit?filter[action]=second_factor.taken_away")
        .await;
    let entry = &log.json()["data"][0];
    let creator = json!(api.user(Identity::Creator));
    assert_eq!(entry["on_behalf_of"], creator, "{entry}");
    let mail = api.mailer.nth(1).await;
    assert_eq!(mail.to, "creator@example.org");
    assert_eq!(mail.subject, "Your second factor was turned off");

    let own = format!("/v1/users/{}/second-factor", api.user(Identity::Admin));
    check::problem(
        &api.admin().send(Method::DELETE, &own, None).await,
        409,
        "conflict",
    );
}
