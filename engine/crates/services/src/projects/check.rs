//! What a project must look like. Every wrong field is named at once.

use inkstone_domain::project::{DEFAULT_PROJECT, Project, is_slug};
use inkstone_domain::{Error, FieldError, Result, codes};

const MAX_NAME_CHARS: usize = 100;
const MAX_DESCRIPTION_CHARS: usize = 2_000;
const MAX_WORD_BYTES: usize = 100;

pub(super) fn project(project: &Project) -> Result<()> {
    let mut wrong = Vec::new();
    let mut refuse = |pointer: &str, detail: String| {
        wrong.push(FieldError {
            pointer: pointer.to_owned(),
            detail,
        });
    };
    if !is_slug(&project.slug) {
        refuse(
            "/slug",
            "must have 1 to 100 small letters, digits and `-`, without `-` at its ends".to_owned(),
        );
    }
    let name = &project.name;
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.contains(char::is_control) {
        refuse(
            "/name",
            format!("must be one line of 1 to {MAX_NAME_CHARS} characters"),
        );
    }
    if project.description.chars().count() > MAX_DESCRIPTION_CHARS {
        refuse(
            "/description",
            format!("must have at most {MAX_DESCRIPTION_CHARS} characters"),
        );
    }
    let settings = &project.settings;
    for (pointer, word) in [
        ("/settings/model", &settings.model),
        ("/settings/chat_prompt", &settings.chat_prompt),
    ] {
        let is_word = |word: &String| !word.trim().is_empty() && word.len() <= MAX_WORD_BYTES;
        if word.as_ref().is_some_and(|word| !is_word(word)) {
            refuse(pointer, format!("must have 1 to {MAX_WORD_BYTES} bytes"));
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(
            Error::new(&codes::INVALID_INPUT, "the project is not valid as given")
                .with_fields(wrong),
        ),
    }
}

/// Things that name no project go into `default`.
pub(super) fn may_be_archived(project: &Project) -> Result<()> {
    match project.slug == DEFAULT_PROJECT {
        true => Err(Error::new(
            &codes::CONFLICT,
            "the project `default` is always there; it cannot be archived",
        )),
        false => Ok(()),
    }
}
