//! Conversations in projects: whose they are, what is said in them, and the branch that is shown. How a
//! history is read is in `history`, how it fits into a model in `window`; what comes with messages, in `enclosed`
//! and `told`; what becomes of an answer while it comes, in `answer`.

mod answer;
mod enclosed;
mod history;
mod kept;
mod told;
mod window;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::chat::{Message, Request};
use inkstone_domain::conversation::{
    Attachment, Conversation, ConversationMessage, GivenArticle, MessageState, Speaker, UsedPrompt,
};
use inkstone_domain::ids::{ArticleId, ConversationId, MediaId, MessageId};
use inkstone_domain::ports::{Clock, ConversationStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::project::Project;
use inkstone_domain::{Error, FieldError, Result, codes};
use tokio_util::task::TaskTracker;

use self::answer::Running;
use self::enclosed::Enclosures;
pub use self::kept::ConversationPatch;
use self::told::NumberedArticle;
use crate::access::Access;
use crate::audit::Audit;
use crate::chat::{Chat, ChatStream, RequestContext};
use crate::content::Articles;
use crate::media::MediaLibrary;
use crate::models::Models;
use crate::policy::{self, Act, Standing, Verdict};
use crate::prompts::{PromptUse, Prompts, model_for};

/// Messages of one conversation, on all its branches.
const MAX_MESSAGES: usize = 1_000;
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// A title that is made of the first message.
const MADE_TITLE_CHARS: usize = 60;

/// What somebody says, and where.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Say {
    /// A new conversation where `None`.
    pub conversation: Option<ConversationId>,
    pub what: What,
    /// From now on in this conversation; as before where `None`.
    pub model: Option<String>,
    /// From now on in this conversation; as before where `None`.
    pub prompt: Option<PromptUse>,
    /// Files of the project; with a text.
    pub attachments: Vec<MediaId>,
    /// Articles of the project that are given to the model; with a text.
    pub articles: Vec<ArticleId>,
}

/// What is to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The next message of the branch that is shown.
    Text(String),
    /// This text in place of an earlier message of the user, on a branch of its own.
    Instead { of: MessageId, text: String },
    /// What was answered already, or never was, once more: a message of either side.
    Again { of: MessageId },
}

impl Default for What {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

/// An answer that has begun. Once `stream.chunks` has ended, [`Conversations::message`] has it.
pub struct Answering {
    pub conversation: Conversation,
    /// What is answered.
    pub question: ConversationMessage,
    /// What the answer will be called.
    pub answer: MessageId,
    /// Dropping it stops the answer; what was said until then is kept.
    pub stream: ChatStream,
}

/// Keeps conversations in the name of a principal.
pub struct Conversations {
    store: Arc<dyn ConversationStore>,
    access: Arc<Access>,
    audit: Audit,
    prompts: Arc<Prompts>,
    models: Arc<Models>,
    chat: Arc<Chat>,
    enclosures: Enclosures,
    clock: Arc<dyn Clock>,
    running: Arc<Running>,
    /// Answers that are written down after their caller has left.
    writes: TaskTracker,
}

/// What a [`Conversations`] stands on.
pub(crate) struct ConversationParts {
    pub store: Arc<dyn ConversationStore>,
    pub access: Arc<Access>,
    pub audit: Audit,
    pub prompts: Arc<Prompts>,
    pub models: Arc<Models>,
    pub chat: Arc<Chat>,
    pub media: Arc<MediaLibrary>,
    pub articles: Arc<Articles>,
    pub clock: Arc<dyn Clock>,
    pub writes: TaskTracker,
}

impl Conversations {
    pub(crate) fn new(parts: ConversationParts) -> Self {
        Self {
            store: parts.store,
            access: parts.access,
            audit: parts.audit,
            prompts: parts.prompts,
            models: parts.models,
            chat: parts.chat,
            enclosures: Enclosures {
                media: parts.media,
                articles: parts.articles,
            },
            clock: parts.clock,
            running: Arc::new(Running::default()),
            writes: parts.writes,
        }
    }

    /// Says something and begins the answer. For members with the role creator, since it costs tokens, in
    /// conversations of their own. `conflict` while another answer is under way in the conversation. What
    /// was said is kept, also where the answer fails.
    pub async fn say(
        &self,
        principal: &Principal,
        context: &RequestContext,
        slug: &str,
        say: Say,
    ) -> Result<Answering> {
        check_what(&say)?;
        let entered = self.access.enter_to_spend(principal, slug, Act::StartChat);
        let project = entered.await?;
        let enclosed = Enclosed {
            files: self
                .enclosures
                .files(principal, slug, &say.attachments)
                .await?,
            articles: self
                .enclosures
                .given(principal, slug, &say.articles)
                .await?,
        };
        // What was said must not be said twice: whoever hears of the key has made all of this once, not the call alone.
        let context = RequestContext {
            idempotency_key: None,
            ..context.clone()
        };
        let mut conversation = match say.conversation {
            Some(id) => self.own(principal, slug, id).await?,
            None => self.begin(principal, &project, &say).await?,
        };
        let turn = self.running.begin(conversation.id)?;
        if say.conversation.is_some() {
            self.turn_over(&mut conversation, &say).await?;
        }
        let question = self.question(&mut conversation, say.what, enclosed).await?;
        let prompt = self.prompt_of(&project, &conversation).await?;
        let (prompt, preface) = match prompt {
            Some(rendered) => (Some(rendered.prompt), rendered.messages),
            None => (None, Vec::new()),
        };
        let model = model_for(&project, conversation.model.clone());
        let (messages, sources) = self
            .fitted(
                principal,
                &context,
                &conversation,
                &model,
                preface,
                question.id,
            )
            .await?;
        let request = Request {
            model,
            messages,
            stream: true,
            ..Request::default()
        };
        let mut stream = tokio::select! {
            () = turn.stopped() => {
                return Err(Error::new(&codes::CANCELLED, "the answer was stopped before it began"));
            }
            begun = self.chat.stream(principal, &context, request) => begun?,
        };
        let answer = ConversationMessage {
            id: MessageId::after(question.id),
            conversation: conversation.id,
            parent: Some(question.id),
            speaker: Speaker::Assistant,
            text: String::new(),
            state: MessageState::Complete,
            model: Some(stream.model.clone()),
            prompt,
            citations: Vec::new(),
            attachments: Vec::new(),
            articles: Vec::new(),
            cited: Vec::new(),
            usage: Default::default(),
            created_at: self.clock.now(),
        };
        let id = answer.id;
        stream.chunks = Box::pin(answer::kept(
            stream.chunks,
            answer,
            sources,
            turn,
            Arc::clone(&self.store),
            self.writes.clone(),
        ));
        Ok(Answering {
            conversation,
            question,
            answer: id,
            stream,
        })
    }

    /// The same, to its end: the conversation, what was asked, and the whole answer.
    pub async fn say_whole(
        &self,
        principal: &Principal,
        context: &RequestContext,
        slug: &str,
        say: Say,
    ) -> Result<(Conversation, ConversationMessage, ConversationMessage)> {
        let Answering {
            conversation,
            question,
            answer,
            mut stream,
        } = self.say(principal, context, slug, say).await?;
        while let Some(chunk) = stream.chunks.next().await {
            chunk?;
        }
        let answer = self.store.message(answer).await?;
        let answer = answer.ok_or_else(|| not_found(conversation.id))?;
        let now = self.store.conversation(conversation.id).await?;
        Ok((now.unwrap_or(conversation), question, answer))
    }

    async fn open(
        &self,
        principal: &Principal,
        slug: &str,
        id: ConversationId,
        act: Act,
    ) -> Result<(Conversation, Verdict)> {
        let conversation = self.store.conversation(id).await?;
        let conversation = conversation
            .filter(|conversation| conversation.project == slug)
            .ok_or_else(|| not_found(id))?;
        let owns = conversation.owner == principal.user;
        let standing: Standing = self.access.standing(principal, slug, owns).await?;
        let why = "your role in the project does not allow this";
        let verdict = policy::check(standing, act, why, || not_found(id))?;
        Ok((conversation, verdict))
    }

    /// Nobody speaks in the conversation of somebody else, admins neither.
    async fn own(
        &self,
        principal: &Principal,
        slug: &str,
        id: ConversationId,
    ) -> Result<Conversation> {
        let (conversation, _) = self.open(principal, slug, id, Act::ChangeChat).await?;
        match conversation.owner == principal.user {
            true => Ok(conversation),
            false => Err(Error::new(
                &codes::FORBIDDEN,
                "nobody speaks in the conversation of somebody else",
            )),
        }
    }

    async fn begin(
        &self,
        principal: &Principal,
        project: &Project,
        say: &Say,
    ) -> Result<Conversation> {
        let What::Text(text) = &say.what else {
            return Err(invalid(
                "/chat",
                "must be given where an earlier message is meant",
            ));
        };
        let now = self.clock.now();
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let conversation = Conversation {
            id: ConversationId::new(),
            project: project.slug.clone(),
            owner: principal.user,
            title: line.chars().take(MADE_TITLE_CHARS).collect(),
            model: say.model.clone(),
            prompt: self.used(&project.slug, say.prompt.as_ref()).await?,
            summary: None,
            head: None,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        self.store.create_conversation(&conversation).await?;
        Ok(conversation)
    }

    /// Another model or prompt from now on.
    async fn turn_over(&self, conversation: &mut Conversation, say: &Say) -> Result<()> {
        let mut after = conversation.clone();
        if let Some(model) = &say.model {
            after.model = Some(model.clone());
        }
        if say.prompt.is_some() {
            let used = self.used(&after.project, say.prompt.as_ref());
            after.prompt = used.await?;
        }
        if after == *conversation {
            return Ok(());
        }
        after.revision += 1;
        self.store.update_conversation(&after, None).await?;
        *conversation = after;
        Ok(())
    }

    /// The version is fixed when a prompt is chosen, and with it all answers can be explained.
    async fn used(&self, slug: &str, prompt: Option<&PromptUse>) -> Result<Option<UsedPrompt>> {
        let Some(wanted) = prompt else {
            return Ok(None);
        };
        let rendered = self.prompts.filled(slug, wanted.clone()).await?;
        Ok(Some(UsedPrompt {
            prompt: rendered.prompt,
            variables: wanted.variables.clone(),
        }))
    }

    async fn prompt_of(
        &self,
        project: &Project,
        conversation: &Conversation,
    ) -> Result<Option<crate::prompts::Rendered>> {
        let own = conversation.prompt.as_ref().map(|used| PromptUse {
            name: used.prompt.name.clone(),
            version: Some(used.prompt.version),
            variables: used.variables.clone(),
        });
        let standing = project.settings.chat_prompt.as_ref();
        let standing = standing.map(|name| PromptUse {
            name: name.clone(),
            ..PromptUse::default()
        });
        match own.or(standing) {
            Some(wanted) => self.prompts.filled(&project.slug, wanted).await.map(Some),
            None => Ok(None),
        }
    }

    /// The message that is answered, stored.
    async fn question(
        &self,
        conversation: &mut Conversation,
        what: What,
        enclosed: Enclosed,
    ) -> Result<ConversationMessage> {
        let (parent, text) = match what {
            What::Text(text) => (conversation.head, text),
            What::Instead { of, text } => {
                let replaced = self.message_of(conversation.id, of).await?;
                match replaced.speaker {
                    Speaker::User => (replaced.parent, text),
                    Speaker::Assistant => {
                        return Err(invalid("/edit", "must be a message of the user"));
                    }
                }
            }
            What::Again { of } => {
                self.check_room(conversation.id, 1).await?;
                let message = self.message_of(conversation.id, of).await?;
                return match (message.speaker, message.parent) {
                    (Speaker::Assistant, Some(parent)) => {
                        self.message_of(conversation.id, parent).await
                    }
                    _ => Ok(message),
                };
            }
        };
        self.check_room(conversation.id, 2).await?;
        let message = ConversationMessage {
            id: parent.map_or_else(MessageId::new, MessageId::after),
            conversation: conversation.id,
            parent,
            speaker: Speaker::User,
            text,
            state: MessageState::Complete,
            model: None,
            prompt: None,
            citations: Vec::new(),
            attachments: enclosed.files,
            articles: enclosed.articles,
            cited: Vec::new(),
            usage: Default::default(),
            created_at: self.clock.now(),
        };
        self.store.append_message(&message).await?;
        conversation.head = Some(message.id);
        conversation.revision += 1;
        Ok(message)
    }

    /// Whether so many messages more may be kept.
    async fn check_room(&self, conversation: ConversationId, more: usize) -> Result<()> {
        match self.store.message_count(conversation).await? + more > MAX_MESSAGES {
            false => Ok(()),
            true => Err(Error::new(
                &codes::CONFLICT,
                format!("a conversation has at most {MAX_MESSAGES} messages; begin a new one"),
            )),
        }
    }

    async fn message_of(
        &self,
        conversation: ConversationId,
        id: MessageId,
    ) -> Result<ConversationMessage> {
        let message = self.store.message(id).await?;
        let own = message.filter(|message| message.conversation == conversation);
        own.ok_or_else(|| {
            Error::new(
                &codes::NOT_FOUND,
                format!("the conversation has no message `{id}`"),
            )
        })
    }

    /// What the model is asked, cut to its window, and the articles that it was given.
    async fn fitted(
        &self,
        principal: &Principal,
        context: &RequestContext,
        conversation: &Conversation,
        model: &str,
        mut preface: Vec<Message>,
        question: MessageId,
    ) -> Result<(Vec<Message>, Vec<NumberedArticle>)> {
        let window = self
            .models
            .context_length(principal, context, model)
            .await?;
        let store = self.store.as_ref();
        let history = history::before(store, conversation.id, question, window).await?;
        let kept = conversation.summary.as_ref();
        let told = self.enclosures.told(principal, history, window).await?;
        preface.extend(told.how_to_cite());
        let history: Vec<&ConversationMessage> = told.messages.iter().collect();
        let plan = window::plan(window, &preface, kept, &history, &told.pictures);
        let Some(ask) = plan.summarise(model) else {
            return Ok((plan.messages(preface, None), told.sources));
        };
        let asked = self.chat.complete(principal, context, ask);
        let summary = match tokio::time::timeout(SUMMARY_DEADLINE, asked).await {
            Ok(Ok(reply)) => plan.summary_of(reply.text),
            Ok(Err(error)) => {
                tracing::warn!(?error, "a conversation goes on without a summary");
                None
            }
            Err(_elapsed) => {
                tracing::warn!("a conversation goes on without a summary, which took too long");
                None
            }
        };
        if let Some(summary) = &summary {
            self.store.keep_summary(conversation.id, summary).await?;
        }
        Ok((plan.messages(preface, summary), told.sources))
    }

    fn record(
        &self,
        principal: &Principal,
        conversation: &Conversation,
        verdict: Verdict,
        action: &str,
    ) -> Option<AuditRecord> {
        let subject = format!("chat:{}", conversation.id);
        let record = AuditRecord::by(principal, self.clock.now(), action, subject);
        (verdict == Verdict::AllowedAsAdmin).then(|| record.on_behalf_of(conversation.owner))
    }
}

/// A summary is worth a wait, but no conversation.
const SUMMARY_DEADLINE: Duration = Duration::from_secs(60);

/// What comes with a message, checked.
struct Enclosed {
    files: Vec<Attachment>,
    articles: Vec<GivenArticle>,
}

fn check_what(say: &Say) -> Result<()> {
    let text = match &say.what {
        What::Text(text) | What::Instead { text, .. } => text,
        What::Again { .. } if say.attachments.is_empty() && say.articles.is_empty() => {
            return Ok(());
        }
        What::Again { .. } => {
            return Err(invalid(
                "/regenerate",
                "goes without `attachments` and `context`; the question keeps its own",
            ));
        }
    };
    match text.trim().is_empty() || text.len() > MAX_MESSAGE_BYTES {
        false => Ok(()),
        true => Err(invalid(
            "/message",
            &format!("must have 1 to {MAX_MESSAGE_BYTES} bytes"),
        )),
    }
}

fn invalid(pointer: &str, detail: &str) -> Error {
    let field = FieldError {
        pointer: pointer.to_owned(),
        detail: detail.to_owned(),
    };
    Error::new(&codes::INVALID_INPUT, format!("`{pointer}` {detail}")).with_fields(vec![field])
}

/// Said for what does not exist and for what must not be seen alike.
fn not_found(id: ConversationId) -> Error {
    Error::new(&codes::NOT_FOUND, format!("there is no chat `{id}`"))
}
