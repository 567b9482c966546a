//! An answer while it comes: at most one in a conversation at a time, kept however it ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{Stream, StreamExt, stream};
use inkstone_domain::chat::{Chunk, ChunkStream, FinishReason, Reply};
use inkstone_domain::conversation::{ArticleCitation, ConversationMessage, MessageState};
use inkstone_domain::ids::ConversationId;
use inkstone_domain::ports::ConversationStore;
use inkstone_domain::{Error, Result, codes};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::told::NumberedArticle;
use crate::citing::{Numbered, cited};

/// The answers under way on this engine.
#[derive(Default)]
pub(super) struct Running(Mutex<HashMap<ConversationId, CancellationToken>>);

/// The right to answer in a conversation; given back when it is dropped.
pub(super) struct Turn {
    running: Arc<Running>,
    conversation: ConversationId,
    stop: CancellationToken,
}

impl Running {
    /// `conflict` where another answer is under way.
    pub fn begin(self: &Arc<Self>, conversation: ConversationId) -> Result<Turn> {
        let stop = CancellationToken::new();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains_key(&conversation) {
            return Err(Error::new(
                &codes::CONFLICT,
                "an answer is under way in this conversation; wait for it, or stop it",
            ));
        }
        known.insert(conversation, stop.clone());
        Ok(Turn {
            running: Arc::clone(self),
            conversation,
            stop,
        })
    }

    /// Whether there was one.
    pub fn stop(&self, conversation: ConversationId) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&conversation)
            .map(CancellationToken::cancel)
            .is_some()
    }
}

impl Turn {
    /// Returns once somebody wants the answer to stop.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut known = self
            .running
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.remove(&self.conversation);
    }
}

/// The same chunks; the answer is stored before the last of them, or when the stream is dropped.
pub(super) fn kept(
    chunks: ChunkStream,
    answer: ConversationMessage,
    sources: Vec<NumberedArticle>,
    turn: Turn,
    store: Arc<dyn ConversationStore>,
    writes: TaskTracker,
) -> impl Stream<Item = Result<Chunk>> + Send {
    let keeper = Keeper {
        answer: Some(answer),
        sources,
        reply: Reply::default(),
        store,
        writes,
        turn: Some(turn),
    };
    let stop = keeper.turn.as_ref().map(|turn| turn.stop.clone());
    let state = (Some(chunks), keeper, stop.unwrap_or_default());
    stream::unfold(state, |(chunks, mut keeper, stop)| async move {
        let mut open = chunks?;
        let next = tokio::select! {
            biased;
            () = stop.cancelled() => {
                // The call is cancelled before the answer is written down.
                drop(open);
                let kept = keeper.keep(MessageState::Stopped).await;
                let end = kept.map(|()| Chunk::Finish(FinishReason::Stop));
                return Some((end, (None, keeper, stop)));
            }
            next = open.next() => next,
        };
        match next {
            Some(Ok(chunk)) => {
                keeper.reply.push(chunk.clone());
                Some((Ok(chunk), (Some(open), keeper, stop)))
            }
            Some(Err(error)) => {
                // Said before the caller hears of it; what keeps it from being kept is not more important.
                if let Err(unkept) = keeper.keep(MessageState::Failed).await {
                    tracing::error!(error = ?unkept, "an answer that broke off was not kept");
                }
                Some((Err(error), (None, keeper, stop)))
            }
            None => match keeper.keep(MessageState::Complete).await {
                Ok(()) => None,
                Err(error) => Some((Err(error), (None, keeper, stop))),
            },
        }
    })
}

/// Stores the answer once.
struct Keeper {
    /// `None` once it is stored.
    answer: Option<ConversationMessage>,
    /// What may be cited.
    sources: Vec<NumberedArticle>,
    reply: Reply,
    store: Arc<dyn ConversationStore>,
    writes: TaskTracker,
    turn: Option<Turn>,
}

impl Keeper {
    async fn keep(&mut self, state: MessageState) -> Result<()> {
        let message = self.ended(state);
        let turn = self.turn.take();
        if let Some(message) = message {
            self.store.append_message(&message).await?;
        }
        drop(turn);
        Ok(())
    }

    /// `None` where it was stored before, and where nothing was said that broke off.
    fn ended(&mut self, state: MessageState) -> Option<ConversationMessage> {
        let mut message = self.answer.take()?;
        let reply = std::mem::take(&mut self.reply);
        if reply.text.is_empty() && state != MessageState::Complete {
            return None;
        }
        message.cited = citations(&reply.text, &self.sources);
        message.text = reply.text;
        message.state = state;
        message.citations = reply.citations;
        message.usage = reply.usage;
        if !reply.model.is_empty() {
            message.model = Some(reply.model);
        }
        Some(message)
    }
}

impl Drop for Keeper {
    /// The caller has left.
    fn drop(&mut self) {
        let turn = self.turn.take();
        let Some(message) = self.ended(MessageState::Stopped) else {
            return;
        };
        let store = Arc::clone(&self.store);
        self.writes.spawn(async move {
            if let Err(error) = store.append_message(&message).await {
                tracing::error!(?error, "an answer whose caller left was not kept");
            }
            drop(turn);
        });
    }
}

/// Which of the given articles an answer has something from.
fn citations(answer: &str, given: &[NumberedArticle]) -> Vec<ArticleCitation> {
    let sources: Vec<Numbered<'_>> = given
        .iter()
        .map(|it| Numbered {
            number: it.number,
            text: &it.text,
        })
        .collect();
    let found = cited(answer, &sources).into_iter().filter_map(|cited| {
        let source = given.iter().find(|it| it.number == cited.number)?;
        Some(ArticleCitation {
            number: cited.number,
            article: source.article.clone(),
            quote: cited.quote,
        })
    });
    found.collect()
}
