//! The suite of [`ConversationStore`].

use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::conversation::{Conversation, Summary};
use inkstone_domain::ids::{ConversationId, MessageId, UserId};
use inkstone_domain::ports::{AuditLog, ConversationStore};

use super::audit::whole_chain;
use super::{CROWD, assert_code};
use crate::sample;

pub async fn run(store: &dyn ConversationStore, log: &dyn AuditLog) {
    keeps_conversations(store, log).await;
    keeps_messages(store).await;
    lists_those_of_one_owner(store).await;
}

pub async fn keeps_conversations(store: &dyn ConversationStore, log: &dyn AuditLog) {
    let owner = UserId::new();
    let audit = sample::audit(owner);
    let first = sample::conversation("default", owner);
    let id = first.id;
    let gone = store.update_conversation(&first, None).await;
    assert_code(gone, &codes::NOT_FOUND);
    store.create_conversation(&first).await.unwrap();
    assert_code(
        store.create_conversation(&first).await,
        &codes::ALREADY_EXISTS,
    );
    assert_eq!(store.conversation(id).await.unwrap(), Some(first.clone()));
    let second = Conversation {
        title: "Another".to_owned(),
        model: None,
        prompt: None,
        summary: None,
        revision: 2,
        ..first.clone()
    };
    store.update_conversation(&second, None).await.unwrap();
    assert_eq!(store.conversation(id).await.unwrap(), Some(second.clone()));
    let again = store.update_conversation(&second, Some(&audit)).await;
    assert_code(again, &codes::REVISION_MISMATCH);
    let third = Conversation {
        revision: 3,
        ..second
    };
    store
        .update_conversation(&third, Some(&audit))
        .await
        .unwrap();
    store.delete_conversation(id, Some(&audit)).await.unwrap();
    assert_eq!(store.conversation(id).await.unwrap(), None);
    let twice = store.delete_conversation(id, Some(&audit)).await;
    assert_code(twice, &codes::NOT_FOUND);
    let chain = whole_chain(log).await;
    let own = chain.iter().filter(|entry| entry.record == audit);
    assert_eq!(own.count(), 2, "refused changes are not written down");
}

pub async fn keeps_messages(store: &dyn ConversationStore) {
    let conversation = sample::conversation("default", UserId::new());
    let id = conversation.id;
    let early = store.append_message(&sample::message(id, None)).await;
    assert_code(early, &codes::NOT_FOUND);
    store.create_conversation(&conversation).await.unwrap();
    let question = sample::message(id, None);
    let answer = sample::message(id, Some(question.id));
    store.append_message(&question).await.unwrap();
    store.append_message(&answer).await.unwrap();
    assert_eq!(
        store.message(answer.id).await.unwrap(),
        Some(answer.clone())
    );
    assert_eq!(store.message(MessageId::new()).await.unwrap(), None);
    let other = sample::conversation("default", conversation.owner);
    store.create_conversation(&other).await.unwrap();
    let elsewhere = sample::message(other.id, None);
    store.append_message(&elsewhere).await.unwrap();
    let all = store
        .list_messages(id, sample::first_page(9))
        .await
        .unwrap();
    let both = [question.clone(), answer.clone()];
    assert_eq!((all.items.as_slice(), all.next_cursor), (&both[..], None));
    let mut page = sample::first_page(1);
    let first = store.list_messages(id, page.clone()).await.unwrap();
    assert_eq!(first.items, std::slice::from_ref(&question));
    page.cursor = first.next_cursor;
    let rest = store.list_messages(id, page.clone()).await.unwrap();
    assert_eq!(
        (rest.items.as_slice(), rest.next_cursor),
        (&both[1..], None)
    );
    page.cursor = Some("nonsense".to_owned());
    let refused = store.list_messages(id, page).await;
    assert_code(refused, &codes::INVALID_INPUT);

    assert_eq!(store.message_count(id).await.unwrap(), 2);
    assert_eq!(store.message_count(ConversationId::new()).await.unwrap(), 0);
    let back = |from: MessageId, limit| store.messages_back(id, from, limit);
    let turned = [answer.clone(), question.clone()];
    assert_eq!(back(answer.id, 9).await.unwrap(), turned);
    assert_eq!(back(answer.id, 1).await.unwrap(), turned[..1]);
    assert_eq!(back(question.id, 9).await.unwrap(), turned[1..]);
    assert_eq!(back(elsewhere.id, 9).await.unwrap(), turned);
    let stored = store.conversation(id).await.unwrap().unwrap();
    assert_eq!((stored.head, stored.revision), (Some(answer.id), 3));
    assert_eq!(stored.updated_at, answer.created_at);

    let summary = Summary {
        text: "They “talked” 潮".to_owned(),
        through: answer.id,
    };
    store.keep_summary(id, &summary).await.unwrap();
    let stored = store.conversation(id).await.unwrap().unwrap();
    assert_eq!(
        (stored.summary, stored.revision),
        (Some(summary.clone()), 3)
    );

    // However many speak at once, all is kept.
    let crowd: Vec<_> = (0..CROWD)
        .map(|_| sample::message(id, Some(answer.id)))
        .collect();
    let added = join_all(crowd.iter().map(|message| store.append_message(message))).await;
    assert!(added.iter().all(Result::is_ok), "{added:?}");
    let stored = store.conversation(id).await.unwrap().unwrap();
    assert_eq!(stored.revision, 3 + CROWD as u64);

    store.delete_conversation(id, None).await.unwrap();
    assert_eq!(store.message_count(id).await.unwrap(), 0);
    assert_eq!(back(MessageId::new(), 9).await.unwrap(), []);
    let none = store
        .list_messages(id, sample::first_page(9))
        .await
        .unwrap();
    assert_eq!((none.items, none.next_cursor), (vec![], None));
    assert_eq!(store.message(answer.id).await.unwrap(), None);
    let late = store.keep_summary(id, &summary).await;
    assert_code(late, &codes::NOT_FOUND);
}

pub async fn lists_those_of_one_owner(store: &dyn ConversationStore) {
    let owner = UserId::new();
    let project = sample::project().slug;
    let mut made = Vec::new();
    for _ in 0..3 {
        let conversation = sample::conversation(&project, owner);
        store.create_conversation(&conversation).await.unwrap();
        made.push(conversation);
    }
    for other in [
        sample::conversation(&project, UserId::new()),
        sample::conversation("default", owner),
    ] {
        store.create_conversation(&other).await.unwrap();
    }
    let first = store
        .list_conversations(&project, owner, sample::first_page(2))
        .await
        .unwrap();
    assert_eq!(first.items, [made[2].clone(), made[1].clone()]);
    let mut page = sample::first_page(2);
    page.cursor = first.next_cursor;
    let rest = store
        .list_conversations(&project, owner, page)
        .await
        .unwrap();
    assert_eq!(
        (rest.items, rest.next_cursor),
        (vec![made[0].clone()], None)
    );
}
