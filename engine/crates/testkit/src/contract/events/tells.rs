//! That every change is told: the same words from every adapter.

use inkstone_domain::comment::Comment;
use inkstone_domain::conversation::Conversation;
use inkstone_domain::event::{EventBody, EventKind, Scope, Told};
use inkstone_domain::ids::UserId;
use inkstone_domain::media::Media;
use inkstone_domain::note::Note;
use inkstone_domain::ports::{
    ArticleStore, CommentStore, ConversationStore, EventLog, JobStore, MediaStore, NoteStore,
    ProjectStore, PromptStore,
};
use inkstone_domain::project::{Member, Project, ProjectRole};

use super::number_all;
use crate::sample;

pub async fn run<S>(store: &S)
where
    S: EventLog + ProjectStore + PromptStore + ConversationStore + MediaStore,
    S: CommentStore + ArticleStore + JobStore + NoteStore,
{
    projects_members_and_prompts(store).await;
    chats(store).await;
    media(store).await;
    notes(store).await;
    comments_and_jobs(store).await;
}

async fn projects_members_and_prompts<S>(store: &S)
where
    S: EventLog + ProjectStore + PromptStore,
{
    let begin = number_all(store).await;
    let (owner, other) = (UserId::new(), UserId::new());
    let audit = sample::audit(owner);
    let project = sample::project();
    let first = sample::member(&project, owner, ProjectRole::Owner);
    store
        .create_project(&project, &first, &audit)
        .await
        .unwrap();
    let changed = Project {
        revision: 2,
        ..project.clone()
    };
    store.update_project(&changed, &audit).await.unwrap();
    let member = sample::member(&project, other, ProjectRole::Editor);
    store.put_member(&member, &[], &audit).await.unwrap();
    store
        .remove_member(&project.slug, other, member.revision, &[], &audit)
        .await
        .unwrap();
    let (prompt, version) = sample::prompt(&project.slug, owner);
    store
        .create_prompt(&prompt, &version, &audit)
        .await
        .unwrap();

    let told = told_since(store, begin).await;
    let kinds: Vec<EventKind> = told.iter().map(|it| it.event.body.kind()).collect();
    assert_eq!(
        kinds,
        [
            EventKind::ProjectCreated,
            EventKind::ProjectChanged,
            EventKind::MemberSet,
            EventKind::MemberRemoved,
            EventKind::PromptCreated,
        ]
    );
    for one in &told {
        assert_eq!(one.event.actor, owner);
        assert_eq!(one.scope, Scope::of_project(&project.slug));
    }
    let Member { role, revision, .. } = member;
    let set = EventBody::MemberSet {
        project: project.slug,
        user: other,
        role,
        revision,
    };
    assert_eq!(told[2].event.body, set);
}

async fn chats<S: EventLog + ConversationStore>(store: &S) {
    let begin = number_all(store).await;
    let owner = UserId::new();
    let chat = sample::conversation("handbook", owner);
    store.create_conversation(&chat).await.unwrap();
    let message = sample::message(chat.id, None);
    store.append_message(&message).await.unwrap();
    let kept = store.conversation(chat.id).await.unwrap().unwrap();
    let renamed = Conversation {
        revision: kept.revision + 1,
        ..kept
    };
    store.update_conversation(&renamed, None).await.unwrap();
    let admin = UserId::new();
    let audit = sample::audit(admin);
    store
        .delete_conversation(chat.id, Some(&audit))
        .await
        .unwrap();

    let told = told_since(store, begin).await;
    let revision = renamed.revision;
    let bodies: Vec<EventBody> = told.iter().map(|it| it.event.body.clone()).collect();
    assert_eq!(
        bodies,
        [
            EventBody::ChatCreated {
                chat: chat.id,
                revision: chat.revision
            },
            EventBody::ChatMessage {
                chat: chat.id,
                message: message.id,
                speaker: message.speaker
            },
            EventBody::ChatChanged {
                chat: chat.id,
                revision
            },
            EventBody::ChatDeleted { chat: chat.id },
        ]
    );
    let actors: Vec<UserId> = told.iter().map(|it| it.event.actor).collect();
    assert_eq!(actors, [owner, owner, owner, admin]);
    assert!(told.iter().all(|it| it.scope.owner == Some(owner)));
    assert!(
        told.iter()
            .all(|it| it.scope.project.as_deref() == Some("handbook"))
    );
}

async fn media<S: EventLog + MediaStore>(store: &S) {
    let begin = number_all(store).await;
    let project = sample::project().slug;
    let (owner, editor) = (UserId::new(), UserId::new());
    let file = sample::media(&project, owner);
    store
        .create_media(&file, None, u64::MAX, None)
        .await
        .unwrap();
    let trashed = Media {
        revision: file.revision + 1,
        trashed_at: Some(sample::now()),
        ..file.clone()
    };
    store.update_media(&trashed, editor, None).await.unwrap();
    store.remove_media(&trashed, editor, None).await.unwrap();

    let told = told_since(store, begin).await;
    let bodies: Vec<EventBody> = told.iter().map(|it| it.event.body.clone()).collect();
    assert_eq!(
        bodies,
        [
            EventBody::MediaCreated {
                media: file.id,
                revision: file.revision
            },
            EventBody::MediaChanged {
                media: file.id,
                revision: trashed.revision,
                version: 1,
                is_trashed: true
            },
            EventBody::MediaRemoved { media: file.id },
        ]
    );
    let actors: Vec<UserId> = told.iter().map(|it| it.event.actor).collect();
    assert_eq!(actors, [file.newest.author, editor, editor]);
    assert!(told.iter().all(|it| it.scope.owner == Some(owner)));
}

async fn notes<S: EventLog + NoteStore>(store: &S) {
    let begin = number_all(store).await;
    let (author, editor) = (UserId::new(), UserId::new());
    let audit = sample::audit(editor);
    let note = sample::note("handbook", author);
    store.create_note(&note, &audit).await.unwrap();
    let changed = Note {
        revision: 2,
        ..note.clone()
    };
    store.update_note(&changed, editor, &audit).await.unwrap();
    store.delete_note(&changed, editor, &audit).await.unwrap();

    let told = told_since(store, begin).await;
    let bodies: Vec<EventBody> = told.iter().map(|it| it.event.body.clone()).collect();
    let id = note.id;
    assert_eq!(
        bodies,
        [
            EventBody::NoteCreated {
                note: id,
                revision: 1
            },
            EventBody::NoteChanged {
                note: id,
                revision: 2
            },
            EventBody::NoteDeleted { note: id },
        ]
    );
    let actors: Vec<UserId> = told.iter().map(|it| it.event.actor).collect();
    // Whoever brought it here, as the audit log says.
    assert_eq!(actors, [editor; 3]);
    assert!(told.iter().all(|it| it.scope == Scope::of_note(&note)));
}

async fn comments_and_jobs<S>(store: &S)
where
    S: EventLog + CommentStore + ArticleStore + JobStore,
{
    let author = UserId::new();
    let article = sample::article(author);
    store
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    let begin = number_all(store).await;
    let by = UserId::new();
    let comment = sample::comment(article.id, author);
    store.create_comment(&comment, None).await.unwrap();
    let next = Comment {
        revision: 2,
        ..comment.clone()
    };
    store.update_comment(&next, by, None).await.unwrap();
    store.delete_comment(comment.id, by, None).await.unwrap();
    let job = sample::job(author);
    let (id, task) = (job.id, job.task.clone());
    store.submit(job).await.unwrap();
    let cancelled = EventBody::JobCancelled { job: id };
    let event = sample::event(by, cancelled.clone());
    store.request_cancel(id, event).await.unwrap();

    let told = told_since(store, begin).await;
    let bodies: Vec<EventBody> = told.iter().map(|it| it.event.body.clone()).collect();
    let (comment, article_id) = (comment.id, article.id);
    assert_eq!(
        bodies,
        [
            EventBody::CommentWritten {
                comment,
                article: article_id,
                revision: 1
            },
            EventBody::CommentChanged {
                comment,
                article: article_id,
                revision: 2
            },
            EventBody::CommentDeleted {
                comment,
                article: article_id
            },
            EventBody::JobQueued {
                job: id,
                kind: task.kind().to_owned()
            },
            cancelled,
        ]
    );
    let actors: Vec<UserId> = told.iter().map(|it| it.event.actor).collect();
    assert_eq!(actors, [author, by, by, author, by]);
    for one in &told[..3] {
        assert_eq!(one.scope, Scope::of_article(&article));
    }
    for one in &told[3..] {
        assert_eq!(one.scope, Scope::of_task(&task, author));
    }
}

/// What was told since, of which nothing is left out.
async fn told_since(log: &dyn EventLog, number: u64) -> Vec<Told> {
    number_all(log).await;
    log.told_after(number, 100).await.unwrap()
}
