//! From a chat request to a raw generation: what is refused, what is mapped, and which stop words are added.

use inkstone_plugin::inference::{self, GenerateRequest, Model};
use inkstone_plugin::provider::{Part, Request, ResponseFormat, ToolChoice};
use inkstone_plugin::{Error, Result, random};

use crate::settings::Settings;

/// Marks that end a turn in the templates of well-known model families.
const END_OF_TURN_MARKS: &[&str] = &[
    "<|im_end|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|end|>",
    "<end_of_turn>",
    "</s>",
];

/// Refuses what a local model cannot do, by the name of the field. Where the request says so, fields are left out
/// instead; but whoever asks for JSON or for a tool call cannot do with less.
pub fn check_supported(request: &Request) -> Result<()> {
    let refuse = |field: &str, why: &str| Err(Error::unsupported(format!("`{field}`: {why}")));
    let drops = request.drop_unsupported;
    if request.messages.is_empty() {
        return Err(Error::invalid_input(
            "`messages`: there must be at least one",
        ));
    }
    if !request.tools.is_empty() && !drops {
        return refuse("tools", "the local model cannot call tools");
    }
    if matches!(
        request.tool_choice,
        ToolChoice::Require | ToolChoice::Named(_)
    ) {
        return refuse("tool_choice", "the local model cannot call tools");
    }
    match request.response_format {
        ResponseFormat::Text => {}
        ResponseFormat::JsonObject | ResponseFormat::JsonSchema(_) => {
            return refuse(
                "response_format",
                "the local model cannot promise JSON; ask for text",
            );
        }
    }
    for part in request.messages.iter().flat_map(|message| &message.parts) {
        match part {
            Part::Text(_) => {}
            Part::Image(_) => return refuse("messages", "the local model cannot see images"),
            Part::ToolCall(_) | Part::ToolResult(_) => {
                return refuse("messages", "the local model cannot read tool calls");
            }
            // Its own thoughts are no part of what it is trained on.
            Part::Thought(_) => {}
        }
    }
    if drops {
        return Ok(());
    }
    if request.logprobs.is_some() {
        return refuse("logprobs", "the local model does not tell them");
    }
    let asks = |penalty: Option<f32>| penalty.is_some_and(|penalty| penalty != 0.0);
    if asks(request.sampling.frequency_penalty) {
        return refuse("frequency_penalty", "use `repeat_penalty`");
    }
    if asks(request.sampling.presence_penalty) {
        return refuse("presence_penalty", "use `repeat_penalty`");
    }
    Ok(())
}

/// Maps a supported request, filling in what the caller left open.
pub fn to_generate(
    request: &Request,
    model: &Model,
    prompt: String,
    settings: &Settings,
) -> Result<GenerateRequest> {
    let prompt_tokens = inference::count_tokens(&model.id, &prompt)?;
    let room = model.context_length.saturating_sub(prompt_tokens);
    if room == 0 {
        return Err(Error::invalid_input(format!(
            "`messages`: they are {prompt_tokens} tokens long, and `{}` has room for {}",
            model.id, model.context_length
        )));
    }
    let sampling = &request.sampling;
    let max_tokens = sampling.max_tokens.unwrap_or(settings.max_tokens);
    Ok(GenerateRequest {
        model: model.id.clone(),
        stop: stop_words(&sampling.stop, model),
        prompt,
        max_tokens: max_tokens.min(room),
        temperature: sampling.temperature.unwrap_or(settings.temperature),
        top_p: Some(sampling.top_p.unwrap_or(settings.top_p)),
        top_k: sampling.top_k,
        repeat_penalty: sampling.repeat_penalty.unwrap_or(settings.repeat_penalty),
        seed: sampling.seed.unwrap_or_else(random::u64),
    })
}

/// The caller's, the model's end token, and the turn marks of its template.
fn stop_words(asked: &[String], model: &Model) -> Vec<String> {
    let template = model.chat_template.as_deref().unwrap_or("<|im_end|>");
    let marks = END_OF_TURN_MARKS
        .iter()
        .filter(|mark| template.contains(**mark))
        .map(|mark| (*mark).to_owned());
    let mut words: Vec<String> = Vec::new();
    for word in asked
        .iter()
        .cloned()
        .chain(model.eos_token.clone())
        .chain(marks)
    {
        if !word.is_empty() && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}
