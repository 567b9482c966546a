//! Prompts: their versions, what they are filled with, and who may.

use inkstone_domain::chat::{Part, Role as Speaker};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::{ProjectRole, ProjectSettings};
use inkstone_domain::prompt::{PromptMessage, PromptText, Variable, VariableKind};
use inkstone_services::prompts::PromptUse;
use inkstone_services::{NewProject, ProjectPatch};
use serde_json::{Value, json};

use crate::world::{World, context, page};

fn greeting(text: &str) -> PromptText {
    let variable = |name: &str, kind, default| Variable {
        name: name.to_owned(),
        kind,
        description: String::new(),
        default,
    };
    PromptText {
        description: "Greets.".to_owned(),
        messages: vec![
            PromptMessage {
                role: Speaker::System,
                text: "Be {{ tone }}.".to_owned(),
            },
            PromptMessage {
                role: Speaker::User,
                text: text.to_owned(),
            },
        ],
        variables: vec![
            variable("name", VariableKind::String, None),
            variable("tone", VariableKind::String, Some(json!("kind"))),
        ],
    }
}

fn filled(version: Option<u32>, variables: Value) -> PromptUse {
    PromptUse {
        name: "greeting".to_owned(),
        version,
        variables: variables.as_object().unwrap().clone(),
    }
}

async fn with_prompt() -> (World, Principal) {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    let new = NewProject {
        slug: "handbook".to_owned(),
        ..NewProject::default()
    };
    world.services.projects.create(&owner, new).await.unwrap();
    let prompts = &world.services.prompts;
    let made = prompts.create(
        &owner,
        "handbook",
        "greeting".to_owned(),
        greeting("Hi {{ name }}"),
    );
    made.await.unwrap();
    (world, owner)
}

#[tokio::test]
async fn versions_stay_as_they_were() {
    let (world, owner) = with_prompt().await;
    let prompts = &world.services.prompts;
    let add = |text: &'static str, expected| {
        prompts.add_version(&owner, "handbook", "greeting", greeting(text), expected)
    };
    let stale = add("Hello {{ name }}", Some(9)).await.unwrap_err();
    assert_eq!(stale.code().name, "revision_mismatch");
    assert_eq!(add("Hello {{ name }}", Some(1)).await.unwrap().0.version, 2);
    assert_eq!(
        add("Hello {{ name }}", None).await.unwrap().0.version,
        2,
        "nothing new"
    );

    let text_of = |version| {
        let (prompts, owner) = (prompts, &owner);
        async move {
            let wanted = filled(version, json!({"name": "Ada"}));
            let rendered = prompts.render(owner, "handbook", wanted).await.unwrap();
            (rendered.prompt.version, rendered.messages[1].parts.clone())
        }
    };
    let said = |text: &str| vec![Part::Text(text.to_owned())];
    assert_eq!(text_of(None).await, (2, said("Hello Ada")));
    assert_eq!(text_of(Some(1)).await, (1, said("Hi Ada")));
    let versions = prompts
        .versions(&owner, "handbook", "greeting", page(9))
        .await;
    let numbers: Vec<u32> = versions
        .unwrap()
        .items
        .iter()
        .map(|one| one.version)
        .collect();
    assert_eq!(numbers, [2, 1]);
    let missing = prompts.get(&owner, "handbook", "greeting", Some(3)).await;
    assert_eq!(missing.unwrap_err().code().name, "not_found");

    let entries = crate::audit::told(&world).await;
    let actions: Vec<&str> = entries
        .iter()
        .map(|entry| entry.record.action.as_str())
        .collect();
    assert_eq!(
        actions,
        ["project.created", "prompt.created", "prompt.changed"]
    );
}

#[tokio::test]
async fn wrong_variables_and_templates_are_named() {
    let (world, owner) = with_prompt().await;
    let prompts = &world.services.prompts;
    let wanted = filled(None, json!({"tone": 7, "who": "x"}));
    let refused = prompts
        .render(&owner, "handbook", wanted)
        .await
        .unwrap_err();
    let fields: Vec<String> = refused
        .fields()
        .iter()
        .map(|field| format!("{} {}", field.pointer, field.detail))
        .collect();
    assert_eq!(
        fields,
        [
            "/variables/who is no variable of this prompt",
            "/variables/name must be given: it has no default",
            "/variables/tone must be a string",
        ]
    );
    let mut text = greeting("{{ nobody }} {% include 'x' %}");
    text.messages[0].text = "{{ nobody }}".to_owned();
    text.variables[1].default = Some(json!(7));
    text.variables[0].name = "No".to_owned();
    let made = prompts
        .create(&owner, "handbook", "Other".to_owned(), greeting("x"))
        .await;
    assert_eq!(made.unwrap_err().fields()[0].pointer, "/name");
    let made = prompts
        .create(&owner, "handbook", "other".to_owned(), text)
        .await;
    let pointers: Vec<String> = made
        .unwrap_err()
        .fields()
        .iter()
        .map(|field| field.pointer.clone())
        .collect();
    assert_eq!(
        pointers,
        [
            "/variables/0/name",
            "/variables/1/default",
            "/messages/0/text",
            "/messages/1/text"
        ]
    );
}

#[tokio::test]
async fn a_test_asks_the_projects_model_and_says_what_made_the_answer() {
    let (world, owner) = with_prompt().await;
    let settings = ProjectPatch {
        settings: Some(ProjectSettings {
            model: Some("fake/large".to_owned()),
            chat_prompt: None,
            ..ProjectSettings::default()
        }),
        ..ProjectPatch::default()
    };
    let projects = &world.services.projects;
    projects
        .update(&owner, "handbook", settings, None)
        .await
        .unwrap();
    let prompts = &world.services.prompts;
    let wanted = || filled(None, json!({"name": "Ada"}));
    let (rendered, reply) = prompts
        .test(&owner, &context(), "handbook", wanted(), None)
        .await
        .unwrap();
    assert_eq!(
        (reply.model.as_str(), rendered.prompt.version),
        ("fake/large", 1)
    );
    let named = Some("fake/tiny".to_owned());
    let (_, reply) = prompts
        .test(&owner, &context(), "handbook", wanted(), named)
        .await
        .unwrap();
    assert_eq!(reply.model, "fake/tiny");
}

#[tokio::test]
async fn editors_write_members_read_and_strangers_know_nothing() {
    let (world, owner) = with_prompt().await;
    let prompts = &world.services.prompts;
    let stranger = world.somebody(Role::Creator).await;
    let reviewer = world.somebody(Role::Creator).await;
    let reader = world.somebody(Role::Viewer).await;
    for (who, role) in [
        (&reviewer, ProjectRole::Reviewer),
        (&reader, ProjectRole::Editor),
    ] {
        let projects = &world.services.projects;
        let set = projects.set_member(&owner, "handbook", who.user, role, None);
        set.await.unwrap();
    }
    let code = |result: inkstone_domain::Result<()>| match result {
        Ok(()) => "ok",
        Err(error) => error.code().name,
    };
    for (who, reads, tests, writes) in [
        (&owner, "ok", "ok", "ok"),
        (&reviewer, "ok", "ok", "forbidden"),
        // An editor whose role in the engine only reads.
        (&reader, "ok", "forbidden", "forbidden"),
        (&stranger, "not_found", "not_found", "not_found"),
    ] {
        let wanted = || filled(None, json!({"name": "Ada"}));
        let read = prompts.render(who, "handbook", wanted()).await;
        assert_eq!(code(read.map(drop)), reads);
        let tried = prompts
            .test(who, &context(), "handbook", wanted(), None)
            .await;
        assert_eq!(code(tried.map(drop)), tests);
        let text = greeting("Bye {{ name }}");
        let written = prompts
            .add_version(who, "handbook", "greeting", text, None)
            .await;
        assert_eq!(code(written.map(drop)), writes);
    }
}
