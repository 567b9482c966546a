//! Conversations: what is kept of them, how they branch, stop and fit into a model.

use futures::StreamExt;
use inkstone_domain::chat::{Chunk, FinishReason, Part, Role as Speaking, Usage};
use inkstone_domain::conversation::{Conversation, ConversationMessage, MessageState, Speaker};
use inkstone_domain::ids::{ConversationId, MessageId};
use inkstone_domain::ports::ConversationStore;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectSettings;
use inkstone_domain::prompt::{PromptMessage, PromptText};
use inkstone_domain::research::Source;
use inkstone_domain::{Error, codes};
use inkstone_services::conversations::{ConversationPatch, Say, What};
use inkstone_services::{NewProject, ProjectPatch};
use inkstone_testkit::{Gate, Say as Script};

use crate::world::{World, context, page};

const PROJECT: &str = "default";

type Said = (Conversation, ConversationMessage, ConversationMessage);

fn text(conversation: Option<ConversationId>, text: &str) -> Say {
    Say {
        conversation,
        what: What::Text(text.to_owned()),
        ..Say::default()
    }
}

async fn say(world: &World, who: &Principal, say: Say) -> Result<Said, &'static str> {
    let conversations = &world.services.conversations;
    let said = conversations.say_whole(who, &context(), PROJECT, say).await;
    said.map_err(|error| error.code().name)
}

fn will_say(world: &World, text: &str) {
    let end = Script::end(7, 3);
    world
        .provider
        .will_say([Script::text(text)].into_iter().chain(end));
}

/// The texts of the last request, each with its speaker.
fn asked(world: &World) -> Vec<(Speaking, String)> {
    let request = world.provider.requests().pop().unwrap();
    let texts = request.messages.into_iter().map(|message| {
        let text = match message.parts.first() {
            Some(Part::Text(text)) => text.clone(),
            _ => String::new(),
        };
        (message.role, text)
    });
    texts.collect()
}

#[tokio::test]
async fn a_conversation_goes_on_with_what_was_said() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    will_say(&world, "Hello Ada.");
    let (chat, question, answer) = say(&world, &who, text(None, "I am  Ada")).await.unwrap();
    assert_eq!(
        (chat.title.as_str(), chat.head),
        ("I am Ada", Some(answer.id))
    );
    assert_eq!((question.speaker, question.parent), (Speaker::User, None));
    assert_eq!(
        (answer.parent, answer.text.as_str()),
        (Some(question.id), "Hello Ada.")
    );
    assert_eq!(answer.model.as_deref(), Some("fake/tiny"));
    assert_eq!(
        (answer.state, answer.usage.output_tokens),
        (MessageState::Complete, 3)
    );

    will_say(&world, "Ada.");
    let (_, second, _) = say(&world, &who, text(Some(chat.id), "Who am I?"))
        .await
        .unwrap();
    assert_eq!(second.parent, Some(answer.id));
    let said = |role, text: &str| (role, text.to_owned());
    assert_eq!(
        asked(&world),
        [
            said(Speaking::User, "I am  Ada"),
            said(Speaking::Assistant, "Hello Ada."),
            said(Speaking::User, "Who am I?"),
        ]
    );
    let listed = world
        .services
        .conversations
        .list(&who, PROJECT, page(9))
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!(listed.items[0].revision, 5);
}

#[tokio::test]
async fn an_edit_and_a_regeneration_are_branches_of_their_own() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    for text in ["one", "two", "one again", "other"] {
        will_say(&world, text);
    }
    let (chat, first, answer) = say(&world, &who, text(None, "first")).await.unwrap();
    let (_, second, _) = say(&world, &who, text(Some(chat.id), "second"))
        .await
        .unwrap();
    let branch = |what| Say {
        conversation: Some(chat.id),
        what,
        ..Say::default()
    };
    let again = branch(What::Again { of: answer.id });
    let (_, question, anew) = say(&world, &who, again).await.unwrap();
    assert_eq!((question.id, anew.parent), (first.id, Some(first.id)));
    assert_eq!(asked(&world).len(), 1, "nothing of what came after");
    let instead = What::Instead {
        of: second.id,
        text: "other question".to_owned(),
    };
    let (now, question, other) = say(&world, &who, branch(instead)).await.unwrap();
    assert_eq!(question.parent, Some(answer.id));
    assert_eq!((now.head, asked(&world).len()), (Some(other.id), 3));

    let conversations = &world.services.conversations;
    let messages = conversations
        .messages(&who, PROJECT, chat.id, page(99))
        .await
        .unwrap()
        .items;
    assert_eq!(messages.len(), 7, "nothing was lost");
    let back = ConversationPatch {
        head: Some(anew.id),
        title: Some(" Renamed ".to_owned()),
    };
    let stale = conversations
        .update(&who, PROJECT, chat.id, back.clone(), Some(1))
        .await;
    assert_eq!(stale.unwrap_err().code(), &codes::REVISION_MISMATCH);
    let changed = conversations
        .update(&who, PROJECT, chat.id, back, None)
        .await
        .unwrap();
    assert_eq!(
        (changed.head, changed.title.as_str()),
        (Some(anew.id), "Renamed")
    );
    let of_answer = What::Instead {
        of: answer.id,
        text: "x".to_owned(),
    };
    assert_eq!(
        say(&world, &who, branch(of_answer)).await.unwrap_err(),
        "invalid_input"
    );
    let nowhere = What::Again {
        of: MessageId::new(),
    };
    assert_eq!(
        say(&world, &who, branch(nowhere)).await.unwrap_err(),
        "not_found"
    );
}

#[tokio::test]
async fn whoever_stops_or_leaves_keeps_what_was_said() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let conversations = &world.services.conversations;
    let gate = Gate::closed();
    for _ in 0..2 {
        world
            .provider
            .will_say([Script::text("half"), Script::Wait(gate.clone())]);
    }
    let first = text(None, "first");
    let mut answering = conversations
        .say(&who, &context(), PROJECT, first)
        .await
        .unwrap();
    let id = answering.conversation.id;
    assert_eq!(
        answering.stream.chunks.next().await.unwrap().unwrap(),
        Chunk::Text("half".to_owned())
    );
    assert_eq!(
        say(&world, &who, text(Some(id), "more")).await.unwrap_err(),
        "conflict"
    );
    let stranger = world.somebody(Role::Creator).await;
    let refused = conversations.stop(&stranger, PROJECT, id).await;
    assert_eq!(refused.unwrap_err().code(), &codes::NOT_FOUND);
    conversations.stop(&who, PROJECT, id).await.unwrap();
    let end = answering.stream.chunks.next().await.unwrap().unwrap();
    assert_eq!(end, Chunk::Finish(FinishReason::Stop));
    assert!(answering.stream.chunks.next().await.is_none());
    let kept = world
        .store
        .message(answering.answer)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (kept.text.as_str(), kept.state),
        ("half", MessageState::Stopped)
    );
    assert_eq!(
        conversations
            .stop(&who, PROJECT, id)
            .await
            .unwrap_err()
            .code(),
        &codes::CONFLICT
    );

    let second = text(Some(id), "second");
    let mut answering = conversations
        .say(&who, &context(), PROJECT, second)
        .await
        .unwrap();
    answering.stream.chunks.next().await.unwrap().unwrap();
    let answer = answering.answer;
    drop(answering);
    let kept = async {
        loop {
            if let Some(kept) = world.store.message(answer).await.unwrap() {
                return kept;
            }
            tokio::task::yield_now().await;
        }
    };
    let kept = tokio::time::timeout(crate::world::PATIENCE, kept)
        .await
        .unwrap();
    assert_eq!(
        (kept.text.as_str(), kept.state),
        ("half", MessageState::Stopped)
    );
}

#[tokio::test]
async fn what_fails_leaves_the_question_to_be_asked_again() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let refused = || Script::Fail(Error::new(&codes::CONTENT_BLOCKED, "no"));
    world.provider.will_say([refused()]);
    assert_eq!(
        say(&world, &who, text(None, "hi")).await.unwrap_err(),
        "content_blocked"
    );
    let conversations = &world.services.conversations;
    let chat = conversations
        .list(&who, PROJECT, page(9))
        .await
        .unwrap()
        .items
        .remove(0);
    let question = chat.head.unwrap();
    world.provider.will_say([Script::text("par"), refused()]);
    let again = Say {
        conversation: Some(chat.id),
        what: What::Again { of: question },
        ..Say::default()
    };
    assert_eq!(
        say(&world, &who, again.clone()).await.unwrap_err(),
        "content_blocked"
    );
    let messages = conversations
        .messages(&who, PROJECT, chat.id, page(99))
        .await
        .unwrap()
        .items;
    assert_eq!(
        (messages.len(), messages[1].state),
        (2, MessageState::Failed)
    );
    assert_eq!(messages[1].text, "par");
    will_say(&world, "whole");
    let (_, asked, answer) = say(&world, &who, again).await.unwrap();
    assert_eq!((asked.id, answer.text.as_str()), (question, "whole"));
}

#[tokio::test]
async fn what_does_not_fit_is_summed_up_and_kept() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    // The model takes 4,096 tokens; a message of these has more than a quarter of that.
    let long = "word ".repeat(900);
    will_say(&world, &long);
    let (chat, ..) = say(&world, &who, text(None, &long)).await.unwrap();
    will_say(&world, "They said words.");
    will_say(&world, "short");
    say(&world, &who, text(Some(chat.id), &long)).await.unwrap();
    let requests = world.provider.requests();
    assert_eq!(requests.len(), 3, "one of them asks for the summary");
    let last = asked(&world);
    assert_eq!(last.len(), 2);
    assert_eq!(last[0].0, Speaking::System);
    assert!(last[0].1.ends_with("They said words."), "{}", last[0].1);
    let kept = world.store.conversation(chat.id).await.unwrap().unwrap();
    assert_eq!(kept.summary.unwrap().text, "They said words.");
    will_say(&world, "done");
    say(&world, &who, text(Some(chat.id), "and now?"))
        .await
        .unwrap();
    assert_eq!(world.provider.requests().len(), 4, "the summary is kept");
    assert!(asked(&world)[0].1.ends_with("They said words."));
}

#[tokio::test]
async fn citations_models_and_prompts_stand_with_the_answer() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let project = NewProject {
        slug: "handbook".to_owned(),
        ..NewProject::default()
    };
    let services = &world.services;
    services.projects.create(&who, project).await.unwrap();
    let style = PromptText {
        messages: vec![PromptMessage {
            role: Speaking::System,
            text: "Be brief.".to_owned(),
        }],
        ..PromptText::default()
    };
    let made = services
        .prompts
        .create(&who, "handbook", "style".to_owned(), style)
        .await;
    made.unwrap();
    let settings = ProjectPatch {
        settings: Some(ProjectSettings {
            model: Some("fake/large".to_owned()),
            chat_prompt: Some("style".to_owned()),
            ..ProjectSettings::default()
        }),
        ..ProjectPatch::default()
    };
    services
        .projects
        .update(&who, "handbook", settings, None)
        .await
        .unwrap();
    let source = Source {
        url: Some("https://example.org".to_owned()),
        ..Source::default()
    };
    world.provider.will_say([
        Script::text("a"),
        Script::Chunk(Chunk::Citation(source.clone())),
        Script::Chunk(Chunk::Finish(FinishReason::Stop)),
        Script::Chunk(Chunk::Usage(Usage::default())),
    ]);
    let said = services
        .conversations
        .say_whole(&who, &context(), "handbook", text(None, "hi"))
        .await;
    let (chat, _, answer) = said.unwrap();
    assert_eq!(asked(&world)[0], (Speaking::System, "Be brief.".to_owned()));
    let prompt = answer.prompt.unwrap();
    assert_eq!((prompt.name.as_str(), prompt.version), ("style", 1));
    assert_eq!(answer.model.as_deref(), Some("fake/large"));
    assert_eq!(answer.citations, [source]);
    // A chat is found in its own project alone.
    let elsewhere = services.conversations.get(&who, PROJECT, chat.id).await;
    assert_eq!(elsewhere.unwrap_err().code(), &codes::NOT_FOUND);
}

#[tokio::test]
async fn chats_are_their_owners_and_an_admins_look_is_written_down() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let stranger = world.somebody(Role::Creator).await;
    let viewer = world.somebody(Role::Viewer).await;
    let admin = world.somebody(Role::Admin).await;
    will_say(&world, "a");
    let (chat, ..) = say(&world, &who, text(None, "hi")).await.unwrap();
    let conversations = &world.services.conversations;
    let code = |result: inkstone_domain::Result<()>| match result {
        Ok(()) => "ok",
        Err(error) => error.code().name,
    };
    for other in [&stranger, &viewer] {
        assert_eq!(
            code(conversations.get(other, PROJECT, chat.id).await.map(drop)),
            "not_found"
        );
        assert_eq!(
            code(
                conversations
                    .messages(other, PROJECT, chat.id, page(9))
                    .await
                    .map(drop)
            ),
            "not_found"
        );
        assert_eq!(
            code(conversations.delete(other, PROJECT, chat.id).await),
            "not_found"
        );
        assert!(
            conversations
                .list(other, PROJECT, page(9))
                .await
                .unwrap()
                .items
                .is_empty()
        );
    }
    assert_eq!(
        say(&world, &stranger, text(Some(chat.id), "x"))
            .await
            .unwrap_err(),
        "not_found"
    );
    assert_eq!(
        say(&world, &viewer, text(None, "x")).await.unwrap_err(),
        "forbidden"
    );
    assert_eq!(
        say(&world, &admin, text(Some(chat.id), "x"))
            .await
            .unwrap_err(),
        "forbidden"
    );
    conversations.get(&admin, PROJECT, chat.id).await.unwrap();
    conversations
        .delete(&admin, PROJECT, chat.id)
        .await
        .unwrap();
    assert_eq!(
        code(conversations.get(&who, PROJECT, chat.id).await.map(drop)),
        "not_found"
    );
    let entries = crate::audit::told(&world).await;
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.record.action.as_str(), entry.record.on_behalf_of))
        .collect();
    assert_eq!(
        told,
        [
            ("chat.read", Some(who.user)),
            ("chat.deleted", Some(who.user))
        ]
    );
}

#[tokio::test]
async fn a_chat_in_an_archived_project_stays_as_it_is() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let new = NewProject {
        slug: "handbook".to_owned(),
        ..NewProject::default()
    };
    let projects = &world.services.projects;
    projects.create(&who, new).await.unwrap();
    will_say(&world, "a");
    let conversations = &world.services.conversations;
    let asked = context();
    let said = conversations.say_whole(&who, &asked, "handbook", text(None, "hi"));
    let (chat, ..) = said.await.unwrap();
    projects.archive(&who, "handbook", None).await.unwrap();
    let renamed = ConversationPatch {
        title: Some("Other".to_owned()),
        head: None,
    };
    let changed = conversations.update(&who, "handbook", chat.id, renamed, None);
    assert_eq!(changed.await.unwrap_err().code(), &codes::CONFLICT);
    let deleted = conversations.delete(&who, "handbook", chat.id).await;
    assert_eq!(deleted.unwrap_err().code(), &codes::CONFLICT);
    let kept = conversations.get(&who, "handbook", chat.id).await.unwrap();
    assert_eq!(kept.title, "hi");
}

#[tokio::test]
async fn a_chat_keeps_its_history_where_another_engines_clock_is_ahead() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    will_say(&world, "one");
    let (chat, _, answer) = say(&world, &who, text(None, "first")).await.unwrap();
    let later = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    let ahead = ConversationMessage {
        id: MessageId::at(later),
        parent: Some(answer.id),
        text: "of the other engine".to_owned(),
        ..inkstone_testkit::sample::message(chat.id, None)
    };
    world.store.append_message(&ahead).await.unwrap();
    will_say(&world, "two");
    let (_, question, answer) = say(&world, &who, text(Some(chat.id), "second"))
        .await
        .unwrap();
    assert_eq!(asked(&world).len(), 4, "{:?}", asked(&world));
    assert!(ahead.id < question.id && question.id < answer.id);
    let conversations = &world.services.conversations;
    let listed = conversations
        .messages(&who, PROJECT, chat.id, page(99))
        .await;
    let order: Vec<MessageId> = listed.unwrap().items.iter().map(|one| one.id).collect();
    assert_eq!(order[2..], [ahead.id, question.id, answer.id]);
}
