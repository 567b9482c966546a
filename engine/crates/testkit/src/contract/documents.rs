//! What every store of prompts, notes, files and chats promises to those who follow it; and what an index makes of it.

use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::conversation::{Conversation, ConversationMessage};
use inkstone_domain::following::Span;
use inkstone_domain::ids::UserId;
use inkstone_domain::media::{Media, Variant, VariantState};
use inkstone_domain::note::Note;
use inkstone_domain::ports::{
    ConversationStore, DocumentStore, MediaStore, NoteStore, PromptStore, SearchIndex,
};
use inkstone_domain::project::DEFAULT_PROJECT;
use inkstone_domain::prompt::{Prompt, PromptVersion};
use inkstone_domain::search::{
    Document, DocumentId, DocumentKind, DocumentStamp, SearchFacet, SearchQuery, Visibility,
};

use crate::sample;

const PLENTY: u64 = 1_000_000;

/// Runs the suite of the store.
pub async fn run<S>(store: &S)
where
    S: DocumentStore + PromptStore + MediaStore + ConversationStore + NoteStore,
{
    tells_of_prompts(store).await;
    tells_of_files(store).await;
    tells_of_messages(store).await;
    tells_of_notes(store).await;
    tells_of_what_changed_within_a_time(store).await;
    lists_what_is_there_in_order(store).await;
    forgets_old_changes_and_nothing_else(store).await;
}

/// Runs what an index promises of kinds. `index` follows `store`.
pub async fn run_index<S>(index: &dyn SearchIndex, store: &S)
where
    S: DocumentStore + PromptStore + MediaStore + ConversationStore + NoteStore,
{
    finds_all_kinds_and_only_those_asked_for(index, store).await;
    finds_nothing_that_may_not_be_read(index, store).await;
    follows_what_is_changed_and_removed(index, store).await;
}

async fn tells_of_prompts<S: DocumentStore + PromptStore>(store: &S) {
    let begun = store.now().await.unwrap();
    let (prompt, version) = written_prompt(store, "documents-prompts", "Marmots whistle.").await;
    let id = DocumentId::Prompt(prompt.id);
    let told = stamp(store, begun, id).await.unwrap();
    assert_eq!((told.revision, told.deleted), (1, false));
    let read = store.documents(&[id]).await.unwrap();
    assert_eq!(read, [Document::of_prompt(prompt.clone(), version.clone())]);
    assert_eq!(read[0].body, "Marmots whistle.");

    let mut second = version;
    second.version = 2;
    second.text.description = "Other".to_owned();
    let newer = Prompt {
        version: 2,
        ..prompt
    };
    store
        .add_prompt_version(&newer, &second, sample::some_audit())
        .await
        .unwrap();
    let told = stamp(store, begun, id).await.unwrap();
    assert_eq!((told.revision, told.deleted), (2, false));
    let read = store.documents(&[id]).await.unwrap();
    assert_eq!((read[0].revision, read[0].summary.as_str()), (2, "Other"));
}

/// The bounds themselves belong to it.
async fn tells_of_what_changed_within_a_time<S: DocumentStore + PromptStore>(store: &S) {
    let since = store.now().await.unwrap();
    for text in ["One", "Two", "Three"] {
        written_prompt(store, "documents-times", text).await;
    }
    let all = store.changed_documents(Span::since(since)).await.unwrap();
    assert!(all.len() >= 3, "{all:?}");
    for stamp in &all {
        let until = Span {
            since,
            until: Some(stamp.changed_at),
        };
        let only = Span {
            since: stamp.changed_at,
            until: Some(stamp.changed_at),
        };
        for span in [until, only] {
            let told = store.changed_documents(span).await.unwrap();
            let within = all.iter().filter(|it| span.holds(it.changed_at));
            assert_eq!(told.len(), within.count(), "{span:?} of {all:?}");
        }
    }
}

async fn tells_of_files<S: DocumentStore + MediaStore>(store: &S) {
    let begun = store.now().await.unwrap();
    let media = written_media(store, "documents-media", UserId::new()).await;
    let id = DocumentId::Media(media.id);
    assert_eq!(stamp(store, begun, id).await.unwrap().revision, 1);
    let read = store.documents(&[id]).await.unwrap();
    assert_eq!(read, [Document::of_media(media.clone())]);

    let none: [Variant; 0] = [];
    store
        .put_variants(media.id, 1, &none, VariantState::Ready)
        .await
        .unwrap();
    let told = stamp(store, begun, id).await.unwrap();
    assert_eq!(told.revision, 2, "variants raise the revision, too");

    let trashed = Media {
        revision: 3,
        trashed_at: Some(sample::now()),
        ..media.clone()
    };
    store
        .update_media(&trashed, media.owner, None)
        .await
        .unwrap();
    let told = stamp(store, begun, id).await.unwrap();
    assert!(told.deleted && told.revision >= 3);
    assert_eq!(store.documents(&[id]).await.unwrap(), []);

    let back = Media {
        revision: 4,
        trashed_at: None,
        ..media.clone()
    };
    store.update_media(&back, media.owner, None).await.unwrap();
    let told = stamp(store, begun, id).await.unwrap();
    assert_eq!((told.revision, told.deleted), (4, false));
    store.remove_media(&back, media.owner, None).await.unwrap();
    let told = stamp(store, begun, id).await.unwrap();
    assert!(told.deleted && told.revision > 4);
    assert_eq!(store.documents(&[id]).await.unwrap(), []);
}

async fn tells_of_messages<S: DocumentStore + ConversationStore>(store: &S) {
    let begun = store.now().await.unwrap();
    let (chat, message) = said(store, "documents-chats", UserId::new(), "A marmot.").await;
    let id = DocumentId::Message(message.id);
    let told = stamp(store, begun, id).await.unwrap();
    assert!(!told.deleted);
    let read = store.documents(&[id]).await.unwrap();
    assert_eq!(read, [Document::of_message(message, &chat)]);
    assert_eq!(read[0].revision, told.revision);
    store.delete_conversation(chat.id, None).await.unwrap();
    let gone = stamp(store, begun, id).await.unwrap();
    assert!(gone.deleted && gone.revision > told.revision);
    assert_eq!(store.documents(&[id]).await.unwrap(), []);
}

async fn tells_of_notes<S: DocumentStore + NoteStore>(store: &S) {
    let begun = store.now().await.unwrap();
    let author = UserId::new();
    let note = kept(store, "documents-notes", author, "A marmot.").await;
    let id = DocumentId::Note(note.id);
    let told = stamp(store, begun, id).await.unwrap();
    assert_eq!((told.revision, told.deleted), (1, false));
    let read = store.documents(&[id]).await.unwrap();
    assert_eq!(read, [Document::of_note(note.clone())]);
    assert_eq!(read[0].owner, Some(author));

    let changed = rewritten(store, &note, "A vole.").await;
    let told = stamp(store, begun, id).await.unwrap();
    assert_eq!((told.revision, told.deleted), (2, false));
    let read = store.documents(&[id]).await.unwrap();
    assert_eq!((read[0].revision, read[0].body.as_str()), (2, "A vole."));

    let audit = sample::some_audit();
    store.delete_note(&changed, author, audit).await.unwrap();
    let told = stamp(store, begun, id).await.unwrap();
    assert!(told.deleted && told.revision > 2);
    assert_eq!(store.documents(&[id]).await.unwrap(), []);
}

async fn lists_what_is_there_in_order<S>(store: &S)
where
    S: DocumentStore + PromptStore + MediaStore + ConversationStore + NoteStore,
{
    let owner = UserId::new();
    let project = "documents-lists";
    let (prompt, _) = written_prompt(store, project, "One.").await;
    let media = written_media(store, project, owner).await;
    let (_, message) = said(store, project, owner, "Two.").await;
    let note = kept(store, project, owner, "Three.").await;
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = store.document_stamps(after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        all.extend(page);
    }
    let ids: Vec<DocumentId> = all.iter().map(|stamp| stamp.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    for id in [
        DocumentId::Prompt(prompt.id),
        DocumentId::Media(media.id),
        DocumentId::Message(message.id),
        DocumentId::Note(note.id),
    ] {
        let stamp = all.iter().find(|stamp| stamp.id == id).unwrap();
        assert!(!stamp.deleted);
        assert_eq!(
            stamp.revision,
            store.documents(&[id]).await.unwrap()[0].revision
        );
    }
    assert_eq!(store.documents(&[]).await.unwrap(), []);
}

async fn forgets_old_changes_and_nothing_else<S: DocumentStore + MediaStore>(store: &S) {
    let begun = store.now().await.unwrap();
    let media = written_media(store, "documents-forgotten", UserId::new()).await;
    let id = DocumentId::Media(media.id);
    store
        .forget_document_changes(begun - TimeDelta::seconds(1))
        .await
        .unwrap();
    assert!(stamp(store, begun, id).await.is_some());
    store.remove_media(&media, media.owner, None).await.unwrap();
    assert!(stamp(store, begun, id).await.unwrap().deleted);
    let later = store.now().await.unwrap() + TimeDelta::days(1);
    store.forget_document_changes(later).await.unwrap();
    assert_eq!(stamp(store, begun, id).await, None);
}

async fn finds_all_kinds_and_only_those_asked_for<S>(index: &dyn SearchIndex, store: &S)
where
    S: DocumentStore + PromptStore + MediaStore + ConversationStore + NoteStore,
{
    let owner = UserId::new();
    let project = "kinds-all";
    let mut article = sample::article(owner);
    article.project = project.to_owned();
    article.text.title = "Axolotl".to_owned();
    store
        .create_article(sample::creation(&article))
        .await
        .unwrap();
    let (prompt, _) = written_prompt(store, project, "Tell of an axolotl.").await;
    let mut media = sample::media(project, owner);
    media.name = "axolotl.png".to_owned();
    put_media(store, &media).await;
    let (chat, message) = said(store, project, owner, "What is an axolotl?").await;
    let note = kept(store, project, owner, "An axolotl is a salamander.").await;
    index.catch_up().await.unwrap();

    let as_owner = Visibility::User {
        user: owner,
        projects: vec![project.to_owned()],
    };
    let found = async |kinds: &[DocumentKind]| {
        let query = SearchQuery {
            kinds: kinds.to_vec(),
            shape: inkstone_domain::search::SearchShape {
                facets: vec![SearchFacet::Kind],
                ..Default::default()
            },
            ..SearchQuery::new("axolotl", as_owner.clone())
        };
        let page = index.query(query).await.unwrap();
        let mut ids: Vec<DocumentId> = page.hits.iter().map(|hit| hit.id).collect();
        ids.sort();
        let mut counts = page.facets[0].values.clone();
        counts.sort();
        (ids, counts, page)
    };
    let all = [
        DocumentId::Article(article.id),
        DocumentId::Prompt(prompt.id),
        DocumentId::Media(media.id),
        DocumentId::Message(message.id),
        DocumentId::Note(note.id),
    ];
    for id in all {
        let (ids, counts, page) = found(&[id.kind()]).await;
        assert_eq!(ids, [id]);
        assert_eq!(counts, [(id.kind().as_str().to_owned(), 1)]);
        let is_message = id.kind() == DocumentKind::Message;
        let hit = &page.hits[0];
        assert_eq!(hit.conversation, is_message.then_some(chat.id));
        assert_eq!(hit.status.is_some(), id.article().is_some());
        assert_eq!(hit.project, project);
    }
    let (ids, counts, _) = found(&DocumentKind::ALL).await;
    assert_eq!(ids, all);
    assert_eq!(counts.len(), 5);
}

async fn finds_nothing_that_may_not_be_read<S>(index: &dyn SearchIndex, store: &S)
where
    S: DocumentStore + PromptStore + MediaStore + ConversationStore + NoteStore,
{
    let (owner, stranger) = (UserId::new(), UserId::new());
    let user = |user, projects: &[&str]| Visibility::User {
        user,
        projects: projects.iter().map(|&slug| slug.to_owned()).collect(),
    };
    for (project, member) in [("kinds-secret", "kinds-secret"), (DEFAULT_PROJECT, "other")] {
        let (prompt, _) = written_prompt(store, project, "A kakapo.").await;
        let mut media = sample::media(project, owner);
        media.alt = "A kakapo at night".to_owned();
        put_media(store, &media).await;
        let (_, message) = said(store, project, owner, "Is the kakapo awake?").await;
        let note = kept(store, project, owner, "The kakapo is.").await;
        index.catch_up().await.unwrap();
        let prompt = DocumentId::Prompt(prompt.id);
        let media = DocumentId::Media(media.id);
        let message = DocumentId::Message(message.id);
        let note = DocumentId::Note(note.id);
        let is_default = project == DEFAULT_PROJECT;
        // What is in `default` has no members; its prompts are everybody's.
        let of_strangers = if is_default { vec![prompt] } else { vec![] };
        let of_members = if is_default {
            vec![prompt]
        } else {
            vec![prompt, media, note]
        };
        let of_left_owner = if is_default {
            vec![prompt, media, message, note]
        } else {
            vec![media, note]
        };
        for (visibility, expected) in [
            (user(stranger, &[]), of_strangers),
            (user(stranger, &[member]), of_members),
            (user(owner, &[]), of_left_owner),
            (user(owner, &[member]), vec![prompt, media, message, note]),
            (Visibility::Admin(stranger), vec![prompt, media, note]),
            (Visibility::Admin(owner), vec![prompt, media, message, note]),
        ] {
            let query = SearchQuery {
                kinds: DocumentKind::ALL.to_vec(),
                project: Some(project.to_owned()),
                shape: inkstone_domain::search::SearchShape {
                    facets: vec![SearchFacet::Kind],
                    ..Default::default()
                },
                ..SearchQuery::new("kakapo", visibility.clone())
            };
            let page = index.query(query).await.unwrap();
            let mut ids: Vec<DocumentId> = page.hits.iter().map(|hit| hit.id).collect();
            ids.sort();
            assert_eq!(ids, expected, "{project}: {visibility:?}");
            assert_eq!(page.total, expected.len());
            let counted: u64 = page.facets[0].values.iter().map(|(_, count)| count).sum();
            assert_eq!(counted, expected.len() as u64, "facets count no more");
        }
    }
}

async fn follows_what_is_changed_and_removed<S>(index: &dyn SearchIndex, store: &S)
where
    S: DocumentStore + MediaStore + ConversationStore + NoteStore,
{
    let owner = UserId::new();
    let project = "kinds-followed";
    let mut media = sample::media(project, owner);
    media.alt = "A tuatara".to_owned();
    put_media(store, &media).await;
    let (chat, _) = said(store, project, owner, "A tuatara, too.").await;
    let total = async |text: &str| {
        index.catch_up().await.unwrap();
        let query = SearchQuery {
            kinds: DocumentKind::ALL.to_vec(),
            ..SearchQuery::new(text, Visibility::Admin(owner))
        };
        index.query(query).await.unwrap().total
    };
    assert_eq!(total("tuatara").await, 2);
    let renamed = Media {
        alt: "A skink".to_owned(),
        revision: 2,
        ..media.clone()
    };
    store.update_media(&renamed, owner, None).await.unwrap();
    assert_eq!((total("tuatara").await, total("skink").await), (1, 1));
    store.delete_conversation(chat.id, None).await.unwrap();
    assert_eq!(total("tuatara").await, 0);
    let trashed = Media {
        revision: 3,
        trashed_at: Some(sample::now()),
        ..renamed
    };
    store.update_media(&trashed, owner, None).await.unwrap();
    assert_eq!(total("skink").await, 0);
    store.remove_media(&trashed, owner, None).await.unwrap();
    assert_eq!(total("skink").await, 0);
    let note = kept(store, project, owner, "A tuatara, found.").await;
    assert_eq!(total("tuatara").await, 1);
    let note = rewritten(store, &note, "A gecko instead.").await;
    assert_eq!((total("tuatara").await, total("gecko").await), (0, 1));
    let audit = sample::some_audit();
    store.delete_note(&note, owner, audit).await.unwrap();
    assert_eq!(total("gecko").await, 0);
    let report = index.verify().await.unwrap();
    assert!(report.is_identical(), "{report:?}");
}

/// What is told of a document since then.
async fn stamp<S: DocumentStore>(
    store: &S,
    since: DateTime<Utc>,
    id: DocumentId,
) -> Option<DocumentStamp> {
    let told = store.changed_documents(Span::since(since)).await.unwrap();
    assert!(told.is_sorted_by_key(|stamp| stamp.changed_at));
    told.into_iter().rfind(|stamp| stamp.id == id)
}

async fn written_prompt<S: PromptStore>(
    store: &S,
    project: &str,
    text: &str,
) -> (Prompt, PromptVersion) {
    let (mut prompt, mut version) = sample::prompt(project, UserId::new());
    // Names are taken once, also by suites that ran before.
    prompt.name = prompt.id.to_string().to_lowercase().replace('_', "-");
    version.text.messages[0].text = text.to_owned();
    store
        .create_prompt(&prompt, &version, sample::some_audit())
        .await
        .unwrap();
    (prompt, version)
}

async fn written_media<S: MediaStore>(store: &S, project: &str, owner: UserId) -> Media {
    let media = sample::media(project, owner);
    put_media(store, &media).await;
    media
}

async fn put_media<S: MediaStore>(store: &S, media: &Media) {
    store.create_media(media, None, PLENTY, None).await.unwrap();
}

async fn kept<S: NoteStore>(store: &S, project: &str, author: UserId, body: &str) -> Note {
    let mut note = sample::note(project, author);
    note.text.body = body.to_owned();
    let audit = sample::some_audit();
    store.create_note(&note, audit).await.unwrap();
    note
}

async fn rewritten<S: NoteStore>(store: &S, note: &Note, body: &str) -> Note {
    let mut next = Note {
        revision: note.revision + 1,
        ..note.clone()
    };
    next.text.body = body.to_owned();
    let audit = sample::some_audit();
    store.update_note(&next, note.author, audit).await.unwrap();
    next
}

/// A chat with one message.
async fn said<S: ConversationStore>(
    store: &S,
    project: &str,
    owner: UserId,
    text: &str,
) -> (Conversation, ConversationMessage) {
    let chat = sample::conversation(project, owner);
    store.create_conversation(&chat).await.unwrap();
    let mut message = sample::message(chat.id, None);
    message.text = text.to_owned();
    store.append_message(&message).await.unwrap();
    (chat, message)
}
