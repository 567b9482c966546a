//! Prompts, and chats that use them.

use inkstone_domain::conversation::{
    ArticleCitation, Attachment, Conversation, ConversationMessage, GivenArticle, MessageState,
    Speaker, Summary, UsedPrompt,
};
use inkstone_domain::ids::{ArticleId, ConversationId, MediaId, MessageId, PromptId, UserId};
use inkstone_domain::prompt::{
    Prompt, PromptMessage, PromptRef, PromptText, PromptVersion, Variable, VariableKind,
};
use inkstone_domain::research::Source;
use serde_json::json;

use super::{now, usage};

/// A prompt `house-style` in a project, and its first version with all that a version can have.
pub fn prompt(project: &str, author: UserId) -> (Prompt, PromptVersion) {
    let prompt = Prompt {
        id: PromptId::new(),
        project: project.to_owned(),
        name: "house-style".to_owned(),
        version: 1,
        created_at: now(),
        updated_at: now(),
    };
    let version = PromptVersion {
        prompt: prompt.id,
        version: 1,
        text: PromptText {
            description: "How we “write” 潮".to_owned(),
            messages: vec![PromptMessage {
                role: inkstone_domain::chat::Role::System,
                text: "Write for {{ audience }}\n in {{ words }} words.".to_owned(),
            }],
            variables: vec![
                Variable {
                    name: "audience".to_owned(),
                    kind: VariableKind::List,
                    description: String::new(),
                    default: Some(json!(["everybody"])),
                },
                Variable {
                    name: "words".to_owned(),
                    kind: VariableKind::Number,
                    description: "About so many.".to_owned(),
                    default: None,
                },
            ],
        },
        author,
        created_at: now(),
    };
    (prompt, version)
}

/// A conversation with all that it can have, but messages.
pub fn conversation(project: &str, owner: UserId) -> Conversation {
    Conversation {
        id: ConversationId::new(),
        project: project.to_owned(),
        owner,
        title: "On “tides” 潮".to_owned(),
        model: Some("local/small".to_owned()),
        prompt: Some(UsedPrompt {
            prompt: prompt_ref(),
            variables: json!({ "words": 1.5 }).as_object().unwrap().clone(),
        }),
        summary: Some(Summary {
            text: "They said hello.".to_owned(),
            through: MessageId::new(),
        }),
        head: None,
        revision: 1,
        created_at: now(),
        updated_at: now(),
    }
}

/// A message with all that it can have.
pub fn message(conversation: ConversationId, parent: Option<MessageId>) -> ConversationMessage {
    ConversationMessage {
        id: MessageId::new(),
        conversation,
        parent,
        speaker: Speaker::Assistant,
        text: "The moon\n“pulls”. 潮".to_owned(),
        state: MessageState::Stopped,
        model: Some("local/small".to_owned()),
        prompt: Some(prompt_ref()),
        citations: vec![Source {
            url: Some("https://example.org/tides".to_owned()),
            ..Source::default()
        }],
        attachments: vec![Attachment {
            media: MediaId::new(),
            version: 2,
            variant: Some("medium".to_owned()),
            name: "“tide” 潮.png".to_owned(),
            content_type: "image/webp".to_owned(),
        }],
        articles: vec![given_article()],
        cited: vec![ArticleCitation {
            number: 1,
            article: given_article(),
            quote: Some("the sea".to_owned()),
        }],
        usage: usage(),
        created_at: now(),
    }
}

fn given_article() -> GivenArticle {
    GivenArticle {
        article: ArticleId::new(),
        revision: 7,
        title: "The “tides”".to_owned(),
    }
}

fn prompt_ref() -> PromptRef {
    PromptRef {
        id: PromptId::new(),
        name: "house-style".to_owned(),
        version: 3,
    }
}
