//! What was said before a message: read from its end, and no further than a model could hear of it.

use inkstone_domain::conversation::ConversationMessage;
use inkstone_domain::ids::{ConversationId, MessageId};
use inkstone_domain::ports::ConversationStore;
use inkstone_domain::{Error, Result, codes};

use super::MAX_MESSAGES;

/// Messages that are read at once.
const AT_ONCE: usize = 20;
/// Windows, since what falls out of one is told in a summary, which is made of another.
const WINDOWS: usize = 2;
const BYTES_PER_TOKEN: usize = 4;
/// Read in any case: a summary that counts must not be lost behind a long question.
const LEAST_BYTES: usize = 1 << 20;

/// The branch that ends with `last`, in its order; of a long one the end, in which a model with this window,
/// in tokens, has more than enough.
pub(super) async fn before(
    store: &dyn ConversationStore,
    conversation: ConversationId,
    last: MessageId,
    window: u32,
) -> Result<Vec<ConversationMessage>> {
    let window = usize::try_from(window).unwrap_or(usize::MAX);
    let enough = window.saturating_mul(BYTES_PER_TOKEN * WINDOWS);
    let enough = enough.max(LEAST_BYTES);
    let mut path = Vec::new();
    let mut bytes = 0;
    let mut next = Some(last);
    while let Some(place) = next {
        // A parent is mostly among the messages before its child; where the clocks of two engines differed, it
        // is not, and is looked for by itself.
        let read = store.messages_back(conversation, place, AT_ONCE).await?;
        let before = path.len();
        for message in read {
            if next != Some(message.id) || bytes >= enough {
                continue;
            }
            next = message.parent;
            bytes += message.text.len();
            path.push(message);
        }
        // Nothing says that parents lead to a beginning, so a bound does.
        if bytes >= enough || path.len() >= MAX_MESSAGES {
            break;
        }
        if path.len() == before {
            return Err(Error::new(
                &codes::NOT_FOUND,
                format!("the conversation has no message `{place}`"),
            ));
        }
    }
    path.reverse();
    Ok(path)
}

#[cfg(test)]
mod tests {
    use inkstone_domain::conversation::Speaker;
    use inkstone_domain::ids::UserId;
    use inkstone_testkit::{MemStore, sample};

    use super::*;

    /// A chat in a store, with one branch of messages with these texts.
    async fn stored(texts: &[String]) -> (MemStore, ConversationId, Vec<MessageId>) {
        let store = MemStore::default();
        let chat = sample::conversation("default", UserId::new());
        store.create_conversation(&chat).await.unwrap();
        let mut ids: Vec<MessageId> = Vec::new();
        for text in texts {
            let message = ConversationMessage {
                text: text.clone(),
                speaker: Speaker::User,
                ..sample::message(chat.id, ids.last().copied())
            };
            store.append_message(&message).await.unwrap();
            ids.push(message.id);
        }
        (store, chat.id, ids)
    }

    #[tokio::test]
    async fn a_branch_is_read_whole_and_in_its_order() {
        let texts: Vec<String> = (0..50).map(|number| number.to_string()).collect();
        let (store, chat, ids) = stored(&texts).await;
        // Messages of other branches lie between.
        for _ in 0..AT_ONCE {
            let other = sample::message(chat, Some(ids[3]));
            store.append_message(&other).await.unwrap();
        }
        let last = sample::message(chat, Some(ids[49]));
        store.append_message(&last).await.unwrap();
        let read = before(&store, chat, last.id, 4_096).await.unwrap();
        let read: Vec<MessageId> = read.iter().map(|message| message.id).collect();
        assert_eq!(read, [ids.as_slice(), &[last.id]].concat());
        let gone = before(&store, chat, MessageId::new(), 4_096).await;
        assert_eq!(gone.unwrap_err().code(), &codes::NOT_FOUND);
    }

    #[tokio::test]
    async fn a_parent_with_a_later_id_is_one_all_the_same() {
        let store = MemStore::default();
        let chat = sample::conversation("default", UserId::new());
        store.create_conversation(&chat).await.unwrap();
        // As engines make them whose clocks differ.
        let mut ids: Vec<MessageId> = (0..6).map(|_| MessageId::new()).collect();
        ids.swap(0, 3);
        ids.swap(1, 5);
        for (place, id) in ids.iter().enumerate() {
            let message = ConversationMessage {
                id: *id,
                parent: place.checked_sub(1).map(|before| ids[before]),
                ..sample::message(chat.id, None)
            };
            store.append_message(&message).await.unwrap();
        }
        let read = before(&store, chat.id, ids[5], 4_096).await.unwrap();
        let read: Vec<MessageId> = read.iter().map(|message| message.id).collect();
        assert_eq!(read, ids);
    }

    #[tokio::test]
    async fn a_circle_ends() {
        let store = MemStore::default();
        let chat = sample::conversation("default", UserId::new());
        store.create_conversation(&chat).await.unwrap();
        let first = sample::message(chat.id, None);
        let second = sample::message(chat.id, Some(first.id));
        let first = ConversationMessage {
            parent: Some(second.id),
            ..first
        };
        for message in [&first, &second] {
            store.append_message(message).await.unwrap();
        }
        let read = before(&store, chat.id, second.id, 4_096).await.unwrap();
        assert_eq!(read.len(), MAX_MESSAGES);
    }

    #[tokio::test]
    async fn of_a_long_branch_the_end_is_read() {
        let texts = vec!["x".repeat(256 * 1024); 30];
        let (store, chat, ids) = stored(&texts).await;
        for (window, expected) in [(4_096, 4), (262_144, 8), (u32::MAX, 30)] {
            let read = before(&store, chat, ids[29], window).await.unwrap();
            assert_eq!(read.len(), expected, "{window}");
            assert_eq!(read.last().map(|message| message.id), Some(ids[29]));
        }
    }
}
