//! What people do with accounts, as the audit log tells it: each act once, by whom, about whom.

use std::time::Duration;

use inkstone_domain::api_key::Scope;
use inkstone_domain::audit::{AuditEntry, AuditRecord, Origin};
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::UserStore;
use inkstone_domain::principal::{Principal, Role};
use inkstone_services::accounts::{Proof, UserChange, UserWish};
use inkstone_services::api_keys::ApiKeyWish;
use inkstone_services::auth::Visit;
use inkstone_services::signup::{InvitationWish, SignupWish};
use inkstone_testkit::MemMailer;

use crate::audit::entries;
use crate::people::{EMAIL, PASSWORD, ada, principal, shown, sign_in};
use crate::second_factor::turned_on;
use crate::signup::nth_mail;
use crate::world::World;

/// Action, actor, kind of the subject, detail of each entry that is new.
struct Trail {
    seen: usize,
    /// For messages: people by name.
    names: Vec<(UserId, &'static str)>,
}

impl Trail {
    async fn new(world: &World, names: &[(UserId, &'static str)]) -> Self {
        Self {
            seen: entries(world).await.len(),
            names: names.to_vec(),
        }
    }

    async fn new_entries(&mut self, world: &World) -> Vec<AuditRecord> {
        let all: Vec<AuditEntry> = entries(world).await;
        let new = all[self.seen..].iter().map(|entry| entry.record.clone());
        self.seen = all.len();
        new.collect()
    }

    /// `action actor subject detail`, with the names of people, and of other things their kind.
    async fn told(&mut self, world: &World) -> Vec<String> {
        let new = self.new_entries(world).await;
        new.iter().map(|record| self.line(record)).collect()
    }

    fn line(&self, record: &AuditRecord) -> String {
        let actor = record.actor.map_or("-", |actor| self.name(actor));
        let (kind, id) = record.subject.split_once(':').unwrap();
        let subject = match (kind, id) {
            ("user", "unknown") => "unknown",
            ("user", id) => self.name(id.parse().unwrap()),
            _ => kind,
        };
        let detail = record.detail.as_deref().unwrap_or_default();
        let detail = detail.split(" inv_").next().unwrap_or_default();
        let line = format!("{} by {actor} of {subject} {detail}", record.action);
        line.trim_end().to_owned()
    }

    fn name(&self, user: UserId) -> &'static str {
        let known = self.names.iter().find(|(id, _)| *id == user);
        known.map_or("somebody", |(_, name)| name)
    }
}

fn visit() -> Visit {
    shown("").visit
}

fn sign_up(email: &str, invitation: Option<String>) -> SignupWish {
    SignupWish {
        email: email.to_owned(),
        name: "Eve".to_owned(),
        password: PASSWORD.to_owned(),
        invitation,
        visit: visit(),
    }
}

#[tokio::test]
async fn every_way_to_an_account_is_written_down() {
    let world = World::new().await;
    let signup = &world.services.signup;
    let admin = world.somebody(Role::Admin).await;
    let mut trail = Trail::new(&world, &[(admin.user, "admin")]).await;
    let wish = UserWish {
        email: "bob@example.org".to_owned(),
        name: "Bob".to_owned(),
        role: Role::Creator,
        proof: Proof::Password(PASSWORD.to_owned()),
    };
    let accounts = &world.services.accounts;
    accounts.create_user(&admin, wish.clone()).await.unwrap();
    assert!(accounts.create_user(&admin, wish).await.is_err());
    let made = "user.created by admin of somebody creator by an admin";
    assert_eq!(trail.told(&world).await, [made]);

    let invite = |email: &str| InvitationWish {
        email: email.to_owned(),
        role: Role::Creator,
    };
    let invited = signup.invite(&admin, invite("eve@example.org"));
    invited.await.unwrap();
    let token = MemMailer::token_of(&nth_mail(&world, 1).await);
    let accepted = signup.sign_up(sign_up("eve@example.org", Some(token)));
    accepted.await.unwrap();
    let withdrawn = signup.invite(&admin, invite("mallory@example.org")).await;
    let withdrawn = withdrawn.unwrap().id;
    signup.withdraw(&admin, withdrawn).await.unwrap();
    assert!(signup.withdraw(&admin, withdrawn).await.is_err());
    assert_eq!(
        trail.told(&world).await,
        [
            "invitation.created by admin of invitation eve@example.org as creator",
            "user.created by somebody of somebody creator by the invitation",
            "invitation.created by admin of invitation mallory@example.org as creator",
            "invitation.withdrawn by admin of invitation",
        ]
    );

    signup.sign_up(sign_up(EMAIL, None)).await.unwrap();
    let token = MemMailer::token_of(&nth_mail(&world, 3).await);
    signup.verify_email(&token, visit()).await.unwrap();
    assert!(signup.verify_email(&token, visit()).await.is_err());
    let new = trail.new_entries(&world).await;
    let lines: Vec<String> = new.iter().map(|record| trail.line(record)).collect();
    assert_eq!(
        lines,
        [
            "user.created by - of somebody viewer by sign-up",
            "user.verified by somebody of somebody",
        ]
    );
    for record in new {
        assert_eq!(record.origin, visit().origin());
    }
}

#[tokio::test]
async fn what_an_admin_does_to_an_account_is_written_down() {
    let world = World::new().await;
    let ada = ada(&world).await;
    let admin = world.somebody(Role::Admin).await;
    let names = [(admin.user, "admin"), (ada.id, "ada")];
    let mut trail = Trail::new(&world, &names).await;
    let origin = Origin {
        address: Some("198.51.100.1".to_owned()),
        ..Origin::default()
    };
    let from = Principal {
        origin: Some(origin.clone().into()),
        ..admin.clone()
    };
    let accounts = &world.services.accounts;
    let name = || UserChange {
        name: Some("Lady".to_owned()),
        ..UserChange::default()
    };
    let role = |role| UserChange {
        role: Some(role),
        ..UserChange::default()
    };
    let disabled = |disabled| UserChange {
        disabled: Some(disabled),
        ..UserChange::default()
    };
    let all = UserChange {
        name: Some("Ada".to_owned()),
        role: Some(Role::Creator),
        disabled: Some(false),
    };
    let table: [(UserChange, &[&str]); 6] = [
        (name(), &["user.changed by admin of ada name"]),
        (name(), &[]),
        (
            role(Role::Viewer),
            &["role.changed by admin of ada creator to viewer"],
        ),
        (disabled(true), &["user.disabled by admin of ada"]),
        (disabled(true), &[]),
        (
            all,
            &[
                "user.changed by admin of ada name",
                "role.changed by admin of ada viewer to creator",
                "user.enabled by admin of ada",
            ],
        ),
    ];
    for (change, told) in table {
        let done = accounts.change_user(&from, ada.id, None, change.clone());
        done.await.unwrap();
        let new = trail.new_entries(&world).await;
        let lines: Vec<String> = new.iter().map(|record| trail.line(record)).collect();
        assert_eq!(lines, told, "{change:?}");
        for record in new {
            assert_eq!(record.on_behalf_of, Some(ada.id));
            assert_eq!(record.origin, origin);
            assert_ne!(record.before, record.after);
        }
    }
    let own = role(Role::Viewer);
    let refused = accounts.change_user(&admin, admin.user, None, own).await;
    assert!(refused.is_err());
    let own = principal(&world).await;
    let mine = accounts.change_me(&own, None, Some("I".to_owned())).await;
    mine.unwrap();
    // Signing in to ask for it is all that is told of the last one.
    let told = trail.told(&world).await;
    let others = told.iter().filter(|line| !line.starts_with("session."));
    assert_eq!(others.count(), 0, "{told:?}");
}

#[tokio::test]
async fn what_people_do_with_their_own_is_written_down() {
    let world = World::new().await;
    let ada = ada(&world).await;
    let admin = world.somebody(Role::Admin).await;
    let services = &world.services;
    let (auth, accounts) = (&services.auth, &services.accounts);
    let names = [(admin.user, "admin"), (ada.id, "ada")];
    let mut trail = Trail::new(&world, &names).await;

    let caller = principal(&world).await;
    let started = "session.started by ada of session";
    assert_eq!(trail.told(&world).await, [started]);
    turned_on(&world, &caller).await;
    let off = || auth.remove_second_factor(&caller, PASSWORD.to_owned());
    off().await.unwrap();
    off().await.unwrap();
    let key = ApiKeyWish {
        name: "ci".to_owned(),
        scopes: [Scope::ArticlesRead, Scope::JobsRead].into(),
        expires_at: None,
    };
    let (key, secret) = services.api_keys.create(&caller, key).await.unwrap();
    services.api_keys.remove(&caller, key.id).await.unwrap();
    assert!(services.api_keys.remove(&caller, key.id).await.is_err());
    let other = sign_in(&world).await;
    let session = auth.authenticate(&other.access_token).unwrap().session;
    let session = session.unwrap();
    assert!(accounts.end_session(&admin, session).await.is_err());
    accounts.end_session(&caller, session).await.unwrap();
    accounts.end_other_sessions(&caller).await.unwrap();
    let new = "battery staple".to_owned();
    let changed = accounts.change_password(&caller, PASSWORD.to_owned(), new);
    changed.await.unwrap();
    auth.rotate_signing_key(&admin).await.unwrap();
    assert!(auth.rotate_signing_key(&caller).await.is_err());
    let told = trail.told(&world).await;
    assert_eq!(
        told,
        [
            "second_factor.enabled by ada of ada",
            "second_factor.disabled by ada of ada",
            "api_key.created by ada of api_key articles:read jobs:read",
            "api_key.revoked by ada of api_key",
            started,
            "session.ended by ada of session",
            "sessions.ended by ada of ada all but the one that asked",
            "password.changed by ada of ada",
            "signing_key.rotated by admin of signing_key",
        ]
    );
    let all = format!("{:?}", entries(&world).await);
    for secret in [PASSWORD, "battery staple", &secret, &other.refresh_token] {
        assert!(!all.contains(secret));
    }
}

#[tokio::test]
async fn sign_ins_and_stolen_tokens_are_written_down() {
    let world = World::new().await;
    let ada = ada(&world).await;
    let auth = &world.services.auth;
    let mut trail = Trail::new(&world, &[(ada.id, "ada")]).await;
    let refused = "session.refused by - of ada invalid_credentials";
    let started = "session.started by ada of session";

    // A flood makes one entry a minute; the address waits in between.
    for _ in 0..3 {
        assert!(auth.login(shown("wrong horse")).await.is_err());
    }
    let mut stranger = shown("wrong horse");
    stranger.email = "correct horse battery".to_owned();
    assert!(auth.login(stranger.clone()).await.is_err());
    assert!(auth.login(stranger).await.is_err());
    let new = trail.new_entries(&world).await;
    let lines: Vec<String> = new.iter().map(|record| trail.line(record)).collect();
    assert_eq!(
        lines,
        [
            refused,
            "session.refused by - of unknown invalid_credentials"
        ]
    );
    for record in &new {
        assert_eq!(record.origin, visit().origin());
    }
    let text = format!("{new:?}");
    assert!(!text.contains("horse"), "{text}");
    world.clock.advance(Duration::from_secs(60));
    assert!(auth.login(shown("wrong horse")).await.is_err());
    assert_eq!(trail.told(&world).await, [refused]);

    let pair = sign_in(&world).await;
    let next = auth.refresh(&pair.refresh_token, visit()).await.unwrap();
    let reused = auth.refresh(&pair.refresh_token, visit()).await;
    assert_eq!(reused.unwrap_err().code().name, "token_reused");
    let after = auth.authenticate(&next.access_token);
    assert!(after.is_err(), "the thief's access token ends, too");
    let new = trail.new_entries(&world).await;
    let lines: Vec<String> = new.iter().map(|record| trail.line(record)).collect();
    assert_eq!(lines, [started, "session.reused by - of session"]);
    assert_eq!(new[1].on_behalf_of, Some(ada.id));
    assert_eq!(new[0].subject, new[1].subject);

    let pair = sign_in(&world).await;
    auth.logout(&pair.refresh_token, visit()).await.unwrap();
    auth.logout(&pair.refresh_token, visit()).await.unwrap();
    let ended = "session.ended by ada of session";
    assert_eq!(trail.told(&world).await, [started, ended]);

    world
        .services
        .signup
        .forgot_password(EMAIL, visit())
        .await
        .unwrap();
    let token = MemMailer::token_of(&nth_mail(&world, 1).await);
    let signup = &world.services.signup;
    let new = || "battery staple".to_owned();
    signup.reset_password(&token, new(), visit()).await.unwrap();
    assert!(signup.reset_password(&token, new(), visit()).await.is_err());
    let reset = "password.reset by ada of ada";
    assert_eq!(trail.told(&world).await, [reset]);
    assert!(world.store.user(ada.id).await.unwrap().is_some());
}
