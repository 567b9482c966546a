//! The suite of [`NoteStore`].

use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::ids::{NoteId, UserId};
use inkstone_domain::note::Note;
use inkstone_domain::ports::{AuditLog, NoteStore};

use serde_json::json;

use super::audit::whole_chain;
use super::{CROWD, assert_code};
use crate::sample;

pub async fn run(store: &dyn NoteStore, log: &dyn AuditLog) {
    keeps_changes_and_deletes(store, log).await;
    keeps_an_input_of_many_levels(store).await;
    one_of_many_changes_it(store, log).await;
    lists_what_a_project_has(store).await;
}

fn next(note: &Note) -> Note {
    let mut next = Note {
        revision: note.revision + 1,
        updated_at: sample::now(),
        ..note.clone()
    };
    next.text.title = format!("Revision {}", next.revision);
    next.text.sources.clear();
    next
}

async fn keeps_changes_and_deletes(store: &dyn NoteStore, log: &dyn AuditLog) {
    let (author, editor) = (UserId::new(), UserId::new());
    let audit = sample::audit(editor);
    let note = sample::note(&sample::project().slug, author);
    assert_eq!(store.note(note.id).await.unwrap(), None);
    let early = store.update_note(&next(&note), editor, &audit).await;
    assert_code(early, &codes::NOT_FOUND);
    let early = store.delete_note(&note, editor, &audit).await;
    assert_code(early, &codes::NOT_FOUND);

    store.create_note(&note, &audit).await.unwrap();
    assert_eq!(store.note(note.id).await.unwrap(), Some(note.clone()));
    let again = store.create_note(&note, &audit).await;
    assert_code(again, &codes::ALREADY_EXISTS);

    let changed = Note {
        found_with: None,
        ..next(&note)
    };
    store.update_note(&changed, editor, &audit).await.unwrap();
    assert_eq!(store.note(note.id).await.unwrap(), Some(changed.clone()));
    let again = store.update_note(&changed, editor, &audit).await;
    assert_code(again, &codes::REVISION_MISMATCH);
    let stale = store.delete_note(&note, editor, &audit).await;
    assert_code(stale, &codes::REVISION_MISMATCH);
    assert_eq!(store.note(note.id).await.unwrap(), Some(changed.clone()));

    store.delete_note(&changed, editor, &audit).await.unwrap();
    assert_eq!(store.note(note.id).await.unwrap(), None);
    let again = store.delete_note(&changed, editor, &audit).await;
    assert_code(again, &codes::NOT_FOUND);
    let chain = whole_chain(log).await;
    let own = chain.iter().filter(|entry| entry.record == audit);
    assert_eq!(own.count(), 3, "refused changes are not written down");
}

/// Of as many as a request may have.
async fn keeps_an_input_of_many_levels(store: &dyn NoteStore) {
    let author = UserId::new();
    let mut note = sample::note(&sample::project().slug, author);
    let mut input = json!("tides");
    for _ in 0..126 {
        input = json!([input]);
    }
    note.found_with.as_mut().unwrap().input = input;
    store
        .create_note(&note, &sample::audit(author))
        .await
        .unwrap();
    assert_eq!(store.note(note.id).await.unwrap(), Some(note));
}

async fn one_of_many_changes_it(store: &dyn NoteStore, log: &dyn AuditLog) {
    let author = UserId::new();
    let audit = sample::audit(author);
    let note = sample::note(&sample::project().slug, author);
    store.create_note(&note, &audit).await.unwrap();
    let next = next(&note);
    let change = || store.update_note(&next, author, &audit);
    let changed = join_all((0..CROWD).map(|_| change())).await;
    assert_eq!(changed.iter().filter(|result| result.is_ok()).count(), 1);
    let chain = whole_chain(log).await;
    let own = chain.iter().filter(|entry| entry.record == audit);
    assert_eq!(own.count(), 2);
}

async fn lists_what_a_project_has(store: &dyn NoteStore) {
    let (author, other) = (UserId::new(), UserId::new());
    let project = sample::project().slug;
    let mut made = Vec::new();
    for by in [author, other, author, other, author] {
        let note = sample::note(&project, by);
        keep(store, &note).await;
        keep(store, &sample::note(&sample::project().slug, by)).await;
        made.push(note.id);
    }
    made.reverse();
    assert_eq!(listed(store, &project, None).await, made);
    let own = [made[0], made[2], made[4]];
    assert_eq!(listed(store, &project, Some(author)).await, own);
    let others = [made[1], made[3]];
    assert_eq!(listed(store, &project, Some(other)).await, others);
    assert_eq!(listed(store, &project, Some(UserId::new())).await, []);
    let mut page = sample::first_page(2);
    page.cursor = Some("nothing".to_owned());
    let refused = store.list_notes(&project, None, page).await;
    assert_code(refused, &codes::INVALID_INPUT);
}

async fn keep(store: &dyn NoteStore, note: &Note) {
    store.create_note(note, sample::some_audit()).await.unwrap();
}

/// All of them, by pages of two.
async fn listed(store: &dyn NoteStore, project: &str, author: Option<UserId>) -> Vec<NoteId> {
    let mut found = Vec::new();
    let mut page = sample::first_page(2);
    loop {
        let shown = store.list_notes(project, author, page.clone()).await;
        let shown = shown.unwrap();
        found.extend(shown.items.iter().map(|note| note.id));
        match shown.next_cursor {
            None => return found,
            cursor => page.cursor = cursor,
        }
    }
}
