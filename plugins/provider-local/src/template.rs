//! A conversation as the raw text a model was trained on: by its own Jinja template, with the functions that
//! templates in the wild expect, or as ChatML.

use inkstone_plugin::inference::Model;
use inkstone_plugin::provider::{Message, Role};
use inkstone_plugin::{Error, Result, clock, log};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, context};
use serde::Serialize;

use crate::dates;

/// How a template shows that it refuses a conversation, told apart from a template that is broken.
const REFUSAL: &str = "the model's chat template refuses this conversation: ";

#[derive(Serialize)]
struct Turn {
    role: &'static str,
    content: String,
}

/// The prompt that lets the model speak next.
pub fn render(model: &Model, messages: &[Message]) -> Result<String> {
    let turns: Vec<Turn> = messages.iter().map(turn).collect();
    let Some(template) = model.chat_template.as_deref() else {
        return Ok(chat_ml(&turns));
    };
    match render_jinja(template, model, &turns) {
        Ok(prompt) => Ok(prompt),
        Err(error) => {
            if let Some(refusal) = error.detail().filter(|text| text.starts_with(REFUSAL)) {
                return Err(Error::invalid_input(refusal));
            }
            log::warn(format!(
                "the chat template of `{}` cannot be used, falling back to ChatML: {error}",
                model.id
            ));
            Ok(chat_ml(&turns))
        }
    }
}

fn turn(message: &Message) -> Turn {
    Turn {
        role: match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        },
        content: message.text(),
    }
}

fn render_jinja(
    template: &str,
    model: &Model,
    turns: &[Turn],
) -> std::result::Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    // As `transformers` sets them; templates count on it.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()?;
    environment.set_syntax(syntax);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |message: String| {
        Err::<String, _>(minijinja::Error::new(
            ErrorKind::InvalidOperation,
            format!("{REFUSAL}{message}"),
        ))
    });
    environment.add_function("strftime_now", |format: &str| {
        dates::format_utc(clock::now_ms(), format)
    });
    environment.template_from_str(template)?.render(context! {
        messages => Serde(turns),
        add_generation_prompt => true,
        bos_token => model.bos_token.as_deref().unwrap_or_default(),
        eos_token => model.eos_token.as_deref().unwrap_or_default(),
        tools => (),
    })
}

fn chat_ml(turns: &[Turn]) -> String {
    let mut prompt = String::new();
    for turn in turns {
        prompt.push_str(&format!(
            "<|im_start|>{}\n{}<|im_end|>\n",
            turn.role, turn.content
        ));
    }
    prompt.push_str("<|im_start|>assistant\n");
    prompt
}
