//! The items of an input, and how they become messages: what an assistant thought, said and called
//! stands in items of its own on the wire, and in one message in the domain.

use inkstone_domain::chat::{Message, Part, Role, Thought, ToolCall};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::wire::image::image_of_url;
use crate::wire::openai::message::RoleBody;
use crate::wire::refusals::Refusals;
use crate::wire::schema;
use crate::wire::text_or_list::TextOrList;

/// An item: a message (`role` and `content`), a `function_call`, a `function_call_output`, or `reasoning`. Items of
/// a response may be sent back as they are.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct InputItemBody {
    /// `message` where it is left out.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub role: Option<RoleBody>,
    /// A text, or parts of text and images.
    #[serde(default)]
    #[schema(schema_with = schema::text_or_list_of::<InputPartBody>)]
    pub content: Option<TextOrList<InputPartBody>>,
    /// Which call this is, or which one this is the output of.
    #[serde(default)]
    pub call_id: Option<String>,
    /// The function that is called.
    #[serde(default)]
    pub name: Option<String>,
    /// JSON as text, as the model wrote it.
    #[serde(default)]
    pub arguments: Option<String>,
    /// What a function gave: a text, or parts of text.
    #[serde(default)]
    #[schema(schema_with = schema::text_or_list_of::<InputPartBody>)]
    pub output: Option<TextOrList<InputPartBody>>,
    /// What was thought.
    #[serde(default)]
    pub summary: Option<Vec<InputPartBody>>,
    /// The provider's proof of a thought.
    #[serde(default)]
    pub encrypted_content: Option<String>,
}

/// A part: `input_text`, `output_text`, `refusal`, `input_image`, `summary_text` or `reasoning_text`.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct InputPartBody {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub refusal: Option<String>,
    /// `data:image/…;base64,…` or `https://…`.
    #[serde(default)]
    pub image_url: Option<String>,
}

/// The messages these items stand for; what is wrong is noted with pointers below `/input`.
pub(super) fn messages_of(items: Vec<InputItemBody>, wrong: &mut Refusals) -> Vec<Message> {
    let mut messages = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let pointer = format!("/input/{index}");
        let kind = item.kind.clone();
        match kind.as_deref().unwrap_or("message") {
            "message" => {
                if let Some(message) = message_of(item, &pointer, wrong) {
                    add_message(&mut messages, message);
                }
            }
            "reasoning" => {
                if let Some(thought) = thought_of(item) {
                    add_message(&mut messages, assistant(Part::Thought(thought)));
                }
            }
            "function_call" => {
                if let Some(call) = call_of(item, &pointer, wrong) {
                    add_call(&mut messages, Part::ToolCall(call));
                }
            }
            "function_call_output" => messages.extend(output_of(item, &pointer, wrong)),
            "item_reference" => wrong.refuse(
                format!("{pointer}/type"),
                "`item_reference` is not possible here, since nothing is stored; send the item itself",
            ),
            other => wrong.refuse(
                format!("{pointer}/type"),
                format!(
                    "`{other}` is not one of `message`, `function_call`, `function_call_output`, `reasoning`"
                ),
            ),
        }
    }
    messages
}

/// What was thought belongs to what is said next, and nothing may come between calls and their outputs.
fn add_message(messages: &mut Vec<Message>, message: Message) {
    let is_thought = |part: &Part| matches!(part, Part::Thought(_));
    let is_call = |part: &Part| matches!(part, Part::ToolCall(_));
    match messages.last_mut() {
        Some(last)
            if last.role == Role::Assistant
                && message.role == Role::Assistant
                && (last.parts.iter().all(is_thought) || last.parts.iter().any(is_call)) =>
        {
            last.parts.extend(message.parts);
        }
        _ => messages.push(message),
    }
}

/// A call belongs to what the assistant thought, said and called just before.
fn add_call(messages: &mut Vec<Message>, call: Part) {
    match messages.last_mut() {
        Some(last) if last.role == Role::Assistant => last.parts.push(call),
        _ => messages.push(assistant(call)),
    }
}

fn assistant(part: Part) -> Message {
    Message {
        role: Role::Assistant,
        name: None,
        parts: vec![part],
    }
}

fn message_of(item: InputItemBody, pointer: &str, wrong: &mut Refusals) -> Option<Message> {
    let role = match item.role.map(RoleBody::into_domain) {
        None => {
            return wrong.none(
                format!("{pointer}/role"),
                "a message needs a role: `user`, `assistant`, `system` or `developer`",
            );
        }
        Some(Role::Tool) => {
            return wrong.none(
                format!("{pointer}/role"),
                "`tool` is not read here; send an item of the type `function_call_output`",
            );
        }
        Some(role) => role,
    };
    let parts = match item.content {
        None => {
            return wrong.none(
                format!("{pointer}/content"),
                "must be a string or a list of parts",
            );
        }
        Some(TextOrList::Text(text)) => vec![Part::Text(text)],
        Some(TextOrList::List(parts)) => parts
            .into_iter()
            .enumerate()
            .filter_map(|(index, part)| {
                part_of(part, role, &format!("{pointer}/content/{index}"), wrong)
            })
            .collect(),
    };
    Some(Message {
        role,
        name: None,
        parts,
    })
}

fn part_of(part: InputPartBody, role: Role, pointer: &str, wrong: &mut Refusals) -> Option<Part> {
    match (part.kind.as_str(), part.text, part.image_url, part.refusal) {
        ("input_text" | "output_text", Some(text), _, _) => Some(Part::Text(text)),
        ("refusal", _, _, Some(text)) if role == Role::Assistant => Some(Part::Text(text)),
        ("input_text" | "output_text", None, _, _) => wrong.none(
            format!("{pointer}/text"),
            format!("a part of the type `{}` needs a text", part.kind),
        ),
        ("input_image", _, _, _) if role != Role::User => wrong.none(
            format!("{pointer}/type"),
            "only a message of the role `user` can carry images",
        ),
        ("input_image", _, Some(url), _) => match image_of_url(&url) {
            Ok(image) => Some(Part::Image(image)),
            Err(detail) => wrong.none(format!("{pointer}/image_url"), detail),
        },
        ("input_image", _, None, _) => wrong.none(
            format!("{pointer}/image_url"),
            "an image needs a URL: no files are stored here",
        ),
        (other, ..) => wrong.none(
            format!("{pointer}/type"),
            format!("`{other}` is not read here; use `input_text`, `output_text` or `input_image`"),
        ),
    }
}

/// One that says nothing and proves nothing is left out.
fn thought_of(item: InputItemBody) -> Option<Thought> {
    let texts = |parts: Vec<InputPartBody>| -> String {
        let texts: Vec<String> = parts.into_iter().filter_map(|part| part.text).collect();
        texts.join("\n")
    };
    let content = match item.content {
        None => String::new(),
        Some(TextOrList::Text(text)) => text,
        Some(TextOrList::List(parts)) => texts(parts),
    };
    let text = match content.is_empty() {
        true => texts(item.summary.unwrap_or_default()),
        false => content,
    };
    let signature = item.encrypted_content.filter(|proof| !proof.is_empty());
    (!text.is_empty() || signature.is_some()).then_some(Thought { text, signature })
}

fn call_of(item: InputItemBody, pointer: &str, wrong: &mut Refusals) -> Option<ToolCall> {
    if item.name.is_none() {
        wrong.refuse(format!("{pointer}/name"), "a call must name its function");
    }
    let id = call_id(item.call_id, pointer, wrong)?;
    Some(ToolCall {
        id,
        name: item.name?,
        arguments: item.arguments.unwrap_or_default(),
    })
}

fn output_of(item: InputItemBody, pointer: &str, wrong: &mut Refusals) -> Option<Message> {
    let content = match item.output {
        None => wrong.none(
            format!("{pointer}/output"),
            "must be a string or a list of parts",
        ),
        Some(TextOrList::Text(text)) => Some(text),
        Some(TextOrList::List(parts)) => Some(texts_of(parts, pointer, wrong)),
    };
    let tool_call_id = call_id(item.call_id, pointer, wrong)?;
    Some(Message {
        role: Role::Tool,
        name: None,
        parts: vec![Part::ToolResult {
            tool_call_id,
            content: content?,
        }],
    })
}

fn texts_of(parts: Vec<InputPartBody>, pointer: &str, wrong: &mut Refusals) -> String {
    let mut content = String::new();
    for (index, part) in parts.into_iter().enumerate() {
        match (part.kind.as_str(), part.text) {
            ("input_text" | "output_text", Some(text)) => content.push_str(&text),
            (other, _) => wrong.refuse(
                format!("{pointer}/output/{index}/type"),
                format!("`{other}` is not read here; an output is made of `input_text`"),
            ),
        }
    }
    content
}

fn call_id(id: Option<String>, pointer: &str, wrong: &mut Refusals) -> Option<String> {
    if id.is_none() {
        wrong.refuse(
            format!("{pointer}/call_id"),
            "must name the call; it ties the output to it",
        );
    }
    id
}
