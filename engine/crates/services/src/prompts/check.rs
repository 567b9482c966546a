//! What a prompt must look like. Every wrong field is named at once.

use inkstone_domain::chat::Role;
use inkstone_domain::project::is_slug;
use inkstone_domain::prompt::{PromptText, Variable};
use inkstone_domain::{Error, FieldError, Result, codes};

use super::sandbox;

const MAX_MESSAGES: usize = 20;
const MAX_TEXT_BYTES: usize = 64 * 1024;
const MAX_VARIABLES: usize = 50;
const MAX_NAME_BYTES: usize = 64;
const MAX_DESCRIPTION_CHARS: usize = 2_000;

pub(super) fn name(name: &str) -> Result<()> {
    let mut wrong = Wrong::default();
    if !is_slug(name) {
        wrong.add(
            "/name",
            "must have 1 to 100 small letters, digits and `-`, without `-` at its ends",
        );
    }
    wrong.into_result()
}

pub(super) fn text(text: &PromptText) -> Result<()> {
    let mut wrong = Wrong::default();
    if text.description.chars().count() > MAX_DESCRIPTION_CHARS {
        wrong.add(
            "/description",
            format!("must have at most {MAX_DESCRIPTION_CHARS} characters"),
        );
    }
    if !(1..=MAX_MESSAGES).contains(&text.messages.len()) {
        wrong.add("/messages", format!("must be 1 to {MAX_MESSAGES} messages"));
    }
    if text.variables.len() > MAX_VARIABLES {
        wrong.add(
            "/variables",
            format!("must be at most {MAX_VARIABLES} variables"),
        );
    }
    for (index, variable) in text.variables.iter().enumerate().take(MAX_VARIABLES) {
        let before = &text.variables[..index];
        self::variable(&format!("/variables/{index}"), variable, before, &mut wrong);
    }
    for (index, message) in text.messages.iter().enumerate().take(MAX_MESSAGES) {
        let pointer = format!("/messages/{index}");
        if message.role == Role::Tool {
            wrong.add(
                &format!("{pointer}/role"),
                "must be system, user or assistant",
            );
        }
        template(&format!("{pointer}/text"), &message.text, text, &mut wrong);
    }
    wrong.into_result()
}

fn variable(pointer: &str, variable: &Variable, before: &[Variable], wrong: &mut Wrong) {
    let name = &variable.name;
    let is_name = (1..=MAX_NAME_BYTES).contains(&name.len())
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_name {
        wrong.add(
            &format!("{pointer}/name"),
            format!(
                "must have 1 to {MAX_NAME_BYTES} small letters, digits and `_`, no digit first"
            ),
        );
    }
    if before.iter().any(|other| other.name == *name) {
        wrong.add(&format!("{pointer}/name"), "is there twice");
    }
    if variable.description.chars().count() > MAX_DESCRIPTION_CHARS {
        wrong.add(
            &format!("{pointer}/description"),
            format!("must have at most {MAX_DESCRIPTION_CHARS} characters"),
        );
    }
    let default = variable.default.as_ref();
    if default.is_some_and(|value| !variable.kind.takes(value)) {
        let kind = variable.kind.as_str();
        wrong.add(&format!("{pointer}/default"), format!("must be a {kind}"));
    }
}

fn template(pointer: &str, template: &str, text: &PromptText, wrong: &mut Wrong) {
    if template.trim().is_empty() || template.len() > MAX_TEXT_BYTES {
        wrong.add(pointer, format!("must have 1 to {MAX_TEXT_BYTES} bytes"));
        return;
    }
    match sandbox::check(template) {
        Err(reason) => wrong.add(pointer, reason),
        Ok(read) => {
            let is_known = |name: &String| text.variables.iter().any(|known| known.name == *name);
            for name in read.iter().filter(|name| !is_known(name)) {
                wrong.add(
                    pointer,
                    format!("reads `{name}`, which is none of `variables`"),
                );
            }
        }
    }
}

#[derive(Default)]
struct Wrong(Vec<FieldError>);

impl Wrong {
    fn add(&mut self, pointer: &str, detail: impl Into<String>) {
        self.0.push(FieldError {
            pointer: pointer.to_owned(),
            detail: detail.into(),
        });
    }

    fn into_result(self) -> Result<()> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(
                Error::new(&codes::INVALID_INPUT, "the prompt is not valid as given")
                    .with_fields(self.0),
            ),
        }
    }
}
