//! What is written down, before it is acknowledged, and who reads it.

use inkstone_domain::allowance::{Allowance, Subject};
use inkstone_domain::audit::{AuditEntry, AuditFilter, AuditRecord, ChainCheck, Stage};
use inkstone_domain::job::GenerateTask;
use inkstone_domain::ports::{AuditLog, Clock};
use inkstone_domain::principal::Role;
use inkstone_domain::{Error, codes};
use inkstone_services::conversations::{Say, What};
use inkstone_services::{Audit, KeyWish, NewProject};
use inkstone_testkit::sample;
use std::time::Duration;

use crate::world::{World, context, page};

pub async fn entries(world: &World) -> Vec<AuditEntry> {
    let all = world
        .store
        .audit_after(&AuditFilter::default(), 0, 1_000)
        .await
        .unwrap();
    let mut check = ChainCheck::default();
    for entry in &all {
        check.push(entry).unwrap();
    }
    all
}

/// All but what made the people of the test.
pub async fn told(world: &World) -> Vec<AuditEntry> {
    let mut all = entries(world).await;
    let made = sample::some_audit();
    all.retain(|entry| entry.record != *made);
    all
}

#[tokio::test]
async fn keys_and_limits_are_written_down_without_their_secrets() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    let keys = &world.services.keys;
    let wish = KeyWish {
        name: "ci".to_owned(),
        ..KeyWish::default()
    };
    let (key, token) = keys.create(&owner, None, wish).await.unwrap();
    let rotated = keys.rotate(&owner, key.id, Duration::from_secs(60)).await;
    let (_, other_token) = rotated.unwrap();
    keys.revoke(&admin, key.id).await.unwrap();
    let subject = Subject::Project("handbook".to_owned());
    let usage = &world.services.usage;
    let bounds = Allowance {
        max_parallel: Some(1),
        ..Allowance::default()
    };
    usage
        .set_allowance(&admin, subject.clone(), Some(bounds), None)
        .await
        .unwrap();
    usage
        .set_allowance(&admin, subject, None, None)
        .await
        .unwrap();
    assert!(
        usage
            .set_allowance(&owner, Subject::User(owner.user), None, None)
            .await
            .is_err()
    );

    let all = told(&world).await;
    let told: Vec<(&str, bool)> = all
        .iter()
        .map(|entry| &entry.record)
        .map(|record| {
            (
                record.action.as_str(),
                record.on_behalf_of == Some(owner.user),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("key.created", false),
            ("key.rotated", false),
            ("key.revoked", true),
            ("limits.set", false),
            ("limits.removed", false),
        ]
    );
    let rotation = &all[1].record;
    assert_eq!(rotation.before, all[0].record.after);
    assert_ne!(rotation.before, rotation.after);
    let text = format!("{all:?}");
    assert!(!text.contains(&token) && !text.contains(&other_token));
}

#[tokio::test]
async fn what_is_outside_the_database_is_written_down_before() {
    let world = World::new().await;
    let admin = world.somebody(Role::Admin).await;
    let audit = Audit::new(world.store.clone());
    let record = AuditRecord::by(&admin, world.clock.now(), "plugin.removed", "plugin:a");
    let seen = audit
        .around(record.clone(), async { Ok(told(&world).await.len()) })
        .await
        .unwrap();
    assert_eq!(seen, 1, "the intent stands before the change begins");
    let failed = audit.around(record, async {
        Err::<(), Error>(Error::new(&codes::CONFLICT, "no"))
    });
    assert_eq!(failed.await.unwrap_err().code(), &codes::CONFLICT);
    let all = told(&world).await;
    let stages: Vec<(Stage, Option<&str>)> = all
        .iter()
        .map(|entry| (entry.record.stage, entry.record.detail.as_deref()))
        .collect();
    assert_eq!(
        stages,
        [
            (Stage::Intended, None),
            (Stage::Intended, None),
            (Stage::Failed, Some("conflict")),
        ]
    );
}

#[tokio::test]
async fn plugins_that_come_and_go_are_written_down() {
    let world = World::new().await;
    let admin = world.somebody(Role::Admin).await;
    let plugins = &world.services.plugins;
    // The list of this world is empty, so both fail; the log says that, too.
    assert!(
        plugins
            .set_enabled(&admin, "provider-fake", false)
            .await
            .is_err()
    );
    assert!(plugins.remove(&admin, "provider-fake").await.is_err());
    let all = told(&world).await;
    let told: Vec<(&str, &str, &str)> = all
        .iter()
        .map(|entry| &entry.record)
        .map(|record| {
            (
                record.action.as_str(),
                record.subject.as_str(),
                record.stage.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("plugin.disabled", "plugin:provider-fake", "intended"),
            ("plugin.disabled", "plugin:provider-fake", "failed"),
            ("plugin.removed", "plugin:provider-fake", "intended"),
            ("plugin.removed", "plugin:provider-fake", "failed"),
        ]
    );
}

#[tokio::test]
async fn admins_are_written_down_where_they_act_for_others() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    let project = NewProject {
        slug: "handbook".to_owned(),
        ..NewProject::default()
    };
    let services = &world.services;
    services.projects.create(&owner, project).await.unwrap();
    let say = Say {
        what: What::Text("hi".to_owned()),
        ..Say::default()
    };
    let said = services
        .conversations
        .say_whole(&admin, &context(), "handbook", say)
        .await;
    said.unwrap();
    let task = GenerateTask {
        plugin: "generator-fake".to_owned(),
        template: "article".to_owned(),
        input: serde_json::json!({"topic": "tides"}),
        model: None,
        project: "default".to_owned(),
        pins: Vec::new(),
        publish_at: None,
    };
    let own = services
        .jobs
        .submit(&owner, task.clone(), Default::default())
        .await
        .unwrap();
    services.jobs.cancel(&owner, own.id).await.unwrap();
    let job = services
        .jobs
        .submit(&owner, task, Default::default())
        .await
        .unwrap();
    services.jobs.cancel(&admin, job.id).await.unwrap();
    let all = told(&world).await;
    let told: Vec<_> = all[1..]
        .iter()
        .map(|entry| &entry.record)
        .map(|record| (record.action.as_str(), record.actor, record.on_behalf_of))
        .collect();
    assert_eq!(
        told,
        [
            ("project.entered", Some(admin.user), None),
            ("job.cancelled", Some(admin.user), Some(owner.user)),
        ]
    );
}

#[tokio::test]
async fn admins_alone_read_the_log() {
    let world = World::new().await;
    let admin = world.somebody(Role::Admin).await;
    let creator = world.somebody(Role::Creator).await;
    let audit = &world.services.audit;
    let filter = AuditFilter::default();
    assert!(audit.list(&admin, &filter, page(1)).await.is_ok());
    assert!(audit.head(&admin).await.is_ok());
    for refused in [
        audit.list(&creator, &filter, page(1)).await.map(drop),
        audit.head(&creator).await.map(drop),
        audit.export(&creator, &filter, 0).await.map(drop),
    ] {
        assert_eq!(refused.unwrap_err().code(), &codes::FORBIDDEN);
    }
}
