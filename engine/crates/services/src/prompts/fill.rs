//! Variables into messages: checked against what the prompt declares, then rendered off the threads that
//! serve.

use inkstone_domain::chat::Message;
use inkstone_domain::prompt::{PromptText, Variable};
use inkstone_domain::{Error, FieldError, Result, codes};
use serde_json::{Map, Value};

use super::sandbox::Rendering;

/// All variables of a call, as JSON.
const MAX_VARIABLES_BYTES: usize = 256 * 1024;

/// The messages of a prompt with its variables filled in.
pub(super) async fn messages(text: PromptText, given: Map<String, Value>) -> Result<Vec<Message>> {
    let variables = variables(&text.variables, given)?;
    off_thread(move || {
        let mut rendering = Rendering::new(&variables);
        let messages = text.messages.into_iter().enumerate();
        let rendered = messages.map(|(index, message)| {
            let text = rendering.render(&message.text).map_err(|reason| {
                Error::new(
                    &codes::INVALID_INPUT,
                    format!("message {index} of the prompt cannot be filled in: {reason}"),
                )
            })?;
            Ok(Message::text(message.role, text))
        });
        rendered.collect()
    })
    .await
}

pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            Err(Error::new(&codes::INTERNAL, "a prompt could not be worked on").with_source(error))
        }
    }
}

/// What was given, with defaults for the rest. Every wrong one is named.
fn variables(declared: &[Variable], given: Map<String, Value>) -> Result<Map<String, Value>> {
    let mut wrong = Vec::new();
    let mut refuse = |name: &str, detail: String| {
        wrong.push(FieldError {
            pointer: format!("/variables/{}", name.replace('~', "~0").replace('/', "~1")),
            detail,
        });
    };
    if Value::Object(given.clone()).to_string().len() > MAX_VARIABLES_BYTES {
        refuse(
            "",
            format!("must have at most {MAX_VARIABLES_BYTES} bytes as JSON"),
        );
    }
    for name in given.keys() {
        if !declared.iter().any(|variable| variable.name == *name) {
            refuse(name, "is no variable of this prompt".to_owned());
        }
    }
    let mut filled = Map::new();
    for variable in declared {
        let value = given.get(&variable.name).or(variable.default.as_ref());
        match value {
            None => refuse(
                &variable.name,
                "must be given: it has no default".to_owned(),
            ),
            Some(value) if !variable.kind.takes(value) => {
                refuse(
                    &variable.name,
                    format!("must be a {}", variable.kind.as_str()),
                );
            }
            Some(value) => {
                filled.insert(variable.name.clone(), value.clone());
            }
        }
    }
    match wrong.is_empty() {
        true => Ok(filled),
        false => Err(
            Error::new(&codes::INVALID_INPUT, "the variables do not fit the prompt")
                .with_fields(wrong),
        ),
    }
}
