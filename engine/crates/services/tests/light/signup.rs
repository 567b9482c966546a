//! Sign-up, invitations, verified addresses and forgotten passwords.

use std::time::Duration;

use inkstone_domain::audit::actions;
use inkstone_domain::codes;
use inkstone_domain::people::Mail;
use inkstone_domain::ports::UserStore;
use inkstone_domain::principal::Role;
use inkstone_services::accounts::{Proof, UserChange, UserWish};
use inkstone_services::auth::Visit;
use inkstone_services::signup::{InvitationWish, SignupWish};
use inkstone_testkit::MemMailer;

use crate::audit::entries;
use crate::people::{EMAIL, PASSWORD, ada, shown, sign_in};
use crate::world::{PATIENCE, World};

fn wish(email: &str) -> SignupWish {
    SignupWish {
        email: email.to_owned(),
        name: "Ada".to_owned(),
        password: PASSWORD.to_owned(),
        invitation: None,
        visit: Visit::default(),
    }
}

pub async fn nth_mail(world: &World, count: usize) -> Mail {
    let mail = tokio::time::timeout(PATIENCE, world.mailer.nth(count));
    mail.await.unwrap()
}

#[tokio::test]
async fn an_open_sign_up_waits_for_its_mail() {
    let world = World::new().await;
    let (auth, signup) = (&world.services.auth, &world.services.signup);
    signup.sign_up(wish(" Ada@Example.org")).await.unwrap();
    let mail = nth_mail(&world, 1).await;
    assert_eq!(
        (mail.to.as_str(), mail.subject.as_str()),
        (EMAIL, "Confirm your e-mail address")
    );
    let early = auth.login(shown(PASSWORD)).await.unwrap_err();
    assert_eq!(early.code().name, "email_not_verified");
    let wrong = auth.login(shown("wrong horse")).await.unwrap_err();
    assert_eq!(wrong.code().name, "invalid_credentials");

    let token = MemMailer::token_of(&mail);
    let misused = signup.reset_password(&token, "battery staple".to_owned(), Visit::default());
    assert_eq!(misused.await.unwrap_err().code().name, "invalid_token");
    signup.verify_email(&token, Visit::default()).await.unwrap();
    let again = signup
        .verify_email(&token, Visit::default())
        .await
        .unwrap_err();
    assert_eq!(again.code().name, "invalid_token");
    let pair = sign_in(&world).await;
    let role = auth.authenticate(&pair.access_token).unwrap().role;
    assert_eq!(role, Role::Viewer);
}

/// Somebody else was there before her, with a password of theirs.
#[tokio::test]
async fn who_names_an_address_first_does_not_have_it() {
    let world = World::new().await;
    let (auth, signup) = (&world.services.auth, &world.services.signup);
    let mut eve = wish(EMAIL);
    eve.password = "battery staple".to_owned();
    signup.sign_up(eve).await.unwrap();
    let of_eve = MemMailer::token_of(&nth_mail(&world, 1).await);
    signup
        .forgot_password(EMAIL, Visit::default())
        .await
        .unwrap();
    let reset = MemMailer::token_of(&nth_mail(&world, 2).await);
    signup.sign_up(wish(EMAIL)).await.unwrap();
    let mail = nth_mail(&world, 3).await;
    assert_eq!(mail.subject, "Set the password of your account");
    let reset = signup.reset_password(&reset, "battery staple".to_owned(), Visit::default());
    assert_eq!(reset.await.unwrap_err().code().name, "invalid_token");
    let token = MemMailer::token_of(&mail);
    let set = signup.reset_password(&token, PASSWORD.to_owned(), Visit::default());
    set.await.unwrap();
    sign_in(&world).await;
    // Whatever becomes of the first mail.
    let _ = signup.verify_email(&of_eve, Visit::default()).await;
    let eve = auth.login(shown("battery staple")).await.unwrap_err();
    assert_eq!(eve.code().name, "invalid_credentials");
    sign_in(&world).await;
    assert_eq!(world.store.count_users().await.unwrap(), 1);
}

/// Somebody else comes after her, and all they bring about is a mail to her.
#[tokio::test]
async fn a_later_sign_up_takes_nothing_from_the_one_before() {
    let world = World::new().await;
    let (auth, signup) = (&world.services.auth, &world.services.signup);
    signup.sign_up(wish(EMAIL)).await.unwrap();
    let token = MemMailer::token_of(&nth_mail(&world, 1).await);
    let first = world.store.account_by_email(EMAIL).await.unwrap().unwrap();
    let mut eve = wish(EMAIL);
    eve.password = "battery staple".to_owned();
    eve.name = "Eve".to_owned();
    signup.sign_up(eve.clone()).await.unwrap();
    let mail = nth_mail(&world, 2).await;
    assert_eq!(
        (mail.to.as_str(), mail.subject.as_str()),
        (EMAIL, "Set the password of your account")
    );
    let kept = world.store.account_by_email(EMAIL).await.unwrap().unwrap();
    assert_eq!(kept.user, first.user);
    assert_eq!(kept.password_hash, first.password_hash);
    signup.verify_email(&token, Visit::default()).await.unwrap();
    sign_in(&world).await;
    let refused = auth.login(shown("battery staple")).await.unwrap_err();
    assert_eq!(refused.code().name, "invalid_credentials");
    signup.sign_up(eve).await.unwrap();
    let mail = nth_mail(&world, 3).await;
    assert_eq!(mail.subject, "You have an account already");
    sign_in(&world).await;
}

#[tokio::test]
async fn an_account_that_nobody_verified_is_in_nobodys_way() {
    for by in ["an invitation", "an admin"] {
        let world = World::new().await;
        let (auth, signup) = (&world.services.auth, &world.services.signup);
        let admin = world.somebody(Role::Admin).await;
        let mut eve = wish(EMAIL);
        eve.password = "battery staple".to_owned();
        signup.sign_up(eve).await.unwrap();
        let of_eve = MemMailer::token_of(&nth_mail(&world, 1).await);
        if by == "an admin" {
            let user = UserWish {
                email: EMAIL.to_owned(),
                name: "Ada".to_owned(),
                role: Role::Creator,
                proof: Proof::Password(PASSWORD.to_owned()),
            };
            let accounts = &world.services.accounts;
            accounts.create_user(&admin, user).await.unwrap();
        } else {
            let invitation = InvitationWish {
                email: EMAIL.to_owned(),
                role: Role::Creator,
            };
            signup.invite(&admin, invitation).await.unwrap();
            let token = MemMailer::token_of(&nth_mail(&world, 2).await);
            let accepted = SignupWish {
                invitation: Some(token),
                ..wish(EMAIL)
            };
            signup.sign_up(accepted).await.unwrap();
        }
        let late = signup.verify_email(&of_eve, Visit::default()).await;
        assert_eq!(late.unwrap_err().code().name, "invalid_token", "{by}");
        let eve = auth.login(shown("battery staple")).await.unwrap_err();
        assert_eq!(eve.code().name, "invalid_credentials", "{by}");
        let pair = sign_in(&world).await;
        let role = auth.authenticate(&pair.access_token).unwrap().role;
        assert_eq!(role, Role::Creator);
        // From now on it is known.
        let invitation = InvitationWish {
            email: EMAIL.to_owned(),
            role: Role::Viewer,
        };
        let known = signup.invite(&admin, invitation).await.unwrap_err();
        assert_eq!(known.code(), &codes::ALREADY_EXISTS);
    }
}

#[tokio::test]
async fn accounts_that_nobody_verifies_are_removed_in_time() {
    let world = World::new().await;
    let signup = &world.services.signup;
    let admin = world.somebody(Role::Admin).await;
    let known = ada(&world).await;
    let pending = ["eve@example.org", "bob@example.org", "spam@example.org"];
    let mut ids = Vec::new();
    for (count, email) in pending.into_iter().enumerate() {
        signup.sign_up(wish(email)).await.unwrap();
        nth_mail(&world, count + 1).await;
        let account = world.store.account_by_email(email).await.unwrap();
        ids.push(account.unwrap().user.id);
    }
    // What an admin has disabled stays: its address is not to be had.
    let disabled = UserChange {
        disabled: Some(true),
        ..UserChange::default()
    };
    let accounts = &world.services.accounts;
    let change = accounts.change_user(&admin, ids[2], None, disabled);
    change.await.unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    world.clock.advance(day);
    assert_eq!(signup.remove_pending().await.unwrap(), 0);
    signup.sign_up(wish("bob@example.org")).await.unwrap();
    let mail = nth_mail(&world, 4).await;
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(signup.remove_pending().await.unwrap(), 1);
    assert_eq!(world.store.user(ids[0]).await.unwrap(), None);
    for kept in [known.id, ids[2], admin.user] {
        assert!(world.store.user(kept).await.unwrap().is_some());
    }
    let token = MemMailer::token_of(&mail);
    signup.verify_email(&token, Visit::default()).await.unwrap();
    world.clock.advance(day * 30);
    assert_eq!(signup.remove_pending().await.unwrap(), 0);
    signup.sign_up(wish("spam@example.org")).await.unwrap();
    let mail = nth_mail(&world, 5).await;
    assert_eq!(mail.subject, "You have an account already");
    let removed = entries(&world).await;
    let removed: Vec<_> = removed
        .iter()
        .filter(|entry| entry.record.action == actions::USER_REMOVED)
        .map(|entry| entry.record.subject.clone())
        .collect();
    assert_eq!(removed, [format!("user:{}", ids[0])]);
}

/// Whoever signs up with a known address learns nothing; its owner is told.
#[tokio::test]
async fn a_known_address_is_told_to_its_owner_alone() {
    let world = World::new().await;
    let user = ada(&world).await;
    let mut attack = wish(EMAIL);
    attack.password = "battery staple".to_owned();
    world.services.signup.sign_up(attack).await.unwrap();
    let mail = nth_mail(&world, 1).await;
    assert_eq!(mail.subject, "You have an account already");
    sign_in(&world).await;
    let kept = world.store.user(user.id).await.unwrap();
    assert_eq!(kept, Some(user));
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_once() {
    let world = World::new().await;
    ada(&world).await;
    let pair = sign_in(&world).await;
    let (auth, signup) = (&world.services.auth, &world.services.signup);
    signup
        .forgot_password("nobody@example.org", Visit::default())
        .await
        .unwrap();
    signup
        .forgot_password(EMAIL, Visit::default())
        .await
        .unwrap();
    let mail = nth_mail(&world, 1).await;
    assert_eq!(
        (mail.to.as_str(), mail.subject.as_str()),
        (EMAIL, "Set a new password")
    );
    let token = MemMailer::token_of(&mail);

    let weak = signup
        .reset_password(&token, "password".to_owned(), Visit::default())
        .await;
    assert_eq!(weak.unwrap_err().fields()[0].pointer, "/new_password");
    signup
        .reset_password(&token, "battery staple".to_owned(), Visit::default())
        .await
        .unwrap();
    let again = signup.reset_password(&token, "another staple".to_owned(), Visit::default());
    assert_eq!(again.await.unwrap_err().code().name, "invalid_token");
    assert!(
        auth.authenticate(&pair.access_token).is_err(),
        "all sessions end"
    );
    assert!(auth.login(shown(PASSWORD)).await.is_err());
    auth.login(shown("battery staple")).await.unwrap();

    // Whoever is unknown got no mail.
    assert!(world.services.shutdown(PATIENCE).await);
    assert_eq!(world.mailer.sent().len(), 1);
}

#[tokio::test]
async fn tokens_of_mails_run_out_and_the_last_one_holds() {
    let world = World::new().await;
    ada(&world).await;
    let signup = &world.services.signup;
    let mut tokens = Vec::new();
    for count in 1..=2 {
        signup
            .forgot_password(EMAIL, Visit::default())
            .await
            .unwrap();
        tokens.push(MemMailer::token_of(&nth_mail(&world, count).await));
    }
    let reset = async |token: &str| {
        let reset = signup.reset_password(token, "battery staple".to_owned(), Visit::default());
        reset.await.map_err(|error| error.code().name)
    };
    assert_eq!(reset(&tokens[0]).await, Err("invalid_token"));
    world.clock.advance(Duration::from_secs(60 * 60));
    assert_eq!(reset(&tokens[1]).await, Err("invalid_token"));
    assert_eq!(reset("").await, Err("invalid_token"));
}

#[tokio::test]
async fn an_invitation_is_for_one_address_and_one_account() {
    let world = World::new().await;
    let (auth, signup) = (&world.services.auth, &world.services.signup);
    let admin = world.somebody(Role::Admin).await;
    let invite = |email: &str| InvitationWish {
        email: email.to_owned(),
        role: Role::Creator,
    };
    let creator = world.somebody(Role::Creator).await;
    let refused = signup.invite(&creator, invite(EMAIL)).await.unwrap_err();
    assert_eq!(refused.code().name, "forbidden");
    let bad = signup.invite(&admin, invite("ada@example.org\r\nBcc: eve@example.org"));
    assert_eq!(bad.await.unwrap_err().code().name, "invalid_input");
    let made = signup
        .invite(&admin, invite("ADA@example.org"))
        .await
        .unwrap();
    assert_eq!((made.email.as_str(), made.role), (EMAIL, Role::Creator));
    let token = MemMailer::token_of(&nth_mail(&world, 1).await);

    let accept = async |email: &str, token: &str| {
        let mut wish = wish(email);
        wish.invitation = Some(token.to_owned());
        signup
            .sign_up(wish)
            .await
            .map_err(|error| error.code().name)
    };
    let stolen = accept("eve@example.org", &token).await;
    assert_eq!(stolen, Err("invalid_token"));
    assert_eq!(accept(EMAIL, "made up").await, Err("invalid_token"));
    accept(EMAIL, &token).await.unwrap();
    assert_eq!(accept(EMAIL, &token).await, Err("invalid_token"));
    let pair = sign_in(&world).await;
    let role = auth.authenticate(&pair.access_token).unwrap().role;
    assert_eq!(role, Role::Creator);
    let known = signup.invite(&admin, invite(EMAIL)).await.unwrap_err();
    assert_eq!(known.code(), &codes::ALREADY_EXISTS);
}

#[tokio::test]
async fn an_invitation_runs_out_and_is_taken_back() {
    let world = World::new().await;
    let signup = &world.services.signup;
    let admin = world.somebody(Role::Admin).await;
    let mut tokens = Vec::new();
    for (count, name) in ["one", "two"].iter().enumerate() {
        let wish = InvitationWish {
            email: format!("{name}@example.org"),
            role: Role::Viewer,
        };
        let made = signup.invite(&admin, wish).await.unwrap();
        tokens.push((
            made,
            MemMailer::token_of(&nth_mail(&world, count + 1).await),
        ));
    }
    let accept = async |email: &str, token: &str| {
        let mut wish = wish(email);
        wish.invitation = Some(token.to_owned());
        signup
            .sign_up(wish)
            .await
            .map_err(|error| error.code().name)
    };
    signup.withdraw(&admin, tokens[0].0.id).await.unwrap();
    let withdrawn = accept("one@example.org", &tokens[0].1).await;
    assert_eq!(withdrawn, Err("invalid_token"));
    world.clock.advance(Duration::from_secs(7 * 24 * 60 * 60));
    let late = accept("two@example.org", &tokens[1].1).await;
    assert_eq!(late, Err("invalid_token"));
}

#[tokio::test]
async fn mails_cannot_be_asked_for_without_end() {
    let world = World::new().await;
    let signup = &world.services.signup;
    for email in [EMAIL, "nobody@example.org"] {
        let mut asked = Vec::new();
        for _ in 0..7 {
            let sent = signup.forgot_password(email, Visit::default()).await;
            asked.push(sent.is_ok());
        }
        assert_eq!(asked, [true, true, true, true, true, false, false]);
    }
}
