//! `generationConfig`: how tokens are drawn, the form of the answer, and whether thoughts are told.

use inkstone_plugin::provider::{Request, ResponseFormat, Result, Sampling};
use serde::Serialize;
use serde_json::value::{RawValue, Value};
use serde_json::{Map, json};

use super::{lacking, raw};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GenerationConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_logprobs: Option<bool>,
    /// How many alternatives.
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<u8>,
    /// Further fields of the caller's, `thinkingConfig` among them.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl<'a> GenerationConfig<'a> {
    /// The configuration for this request; `extra` are the caller's further fields. `drops`: what the API lacks is left
    /// out.
    pub fn new(
        request: &'a Request,
        mut extra: Map<String, Value>,
        has_thoughts: bool,
        drops: bool,
    ) -> Result<Self> {
        let sampling = &request.sampling;
        refuse_repeat_penalty(sampling, drops)?;
        if has_thoughts {
            include_thoughts(&mut extra);
        }
        let (response_mime_type, response_json_schema) = response_format(&request.response_format)?;
        Ok(Self {
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            top_k: sampling.top_k,
            max_output_tokens: sampling.max_tokens,
            stop_sequences: &sampling.stop,
            seed: seed(sampling, drops)?,
            frequency_penalty: sampling.frequency_penalty,
            presence_penalty: sampling.presence_penalty,
            response_mime_type,
            response_json_schema,
            response_logprobs: request.logprobs.map(|_| true),
            logprobs: request.logprobs.filter(|&alternatives| alternatives > 0),
            extra,
        })
    }
}

/// A penalty of 1 is none, so an API that knows no penalty already does what is asked.
fn refuse_repeat_penalty(sampling: &Sampling, drops: bool) -> Result<()> {
    let has_penalty = sampling
        .repeat_penalty
        .is_some_and(|penalty| penalty != 1.0);
    if has_penalty && !drops {
        return Err(lacking("`repeat_penalty`: Gemini's API has no such field"));
    }
    Ok(())
}

fn seed(sampling: &Sampling, drops: bool) -> Result<Option<i32>> {
    let Some(seed) = sampling.seed else {
        return Ok(None);
    };
    match i32::try_from(seed) {
        Ok(seed) => Ok(Some(seed)),
        Err(_) if drops => Ok(None),
        Err(_) => Err(lacking(&format!(
            "`seed`: {seed} is too much; Gemini's API takes none above {}",
            i32::MAX
        ))),
    }
}

/// Asks for thoughts, unless the caller decided on it.
fn include_thoughts(extra: &mut Map<String, Value>) {
    let thinking = extra.entry("thinkingConfig").or_insert_with(|| json!({}));
    if let Some(fields) = thinking.as_object_mut() {
        fields.entry("includeThoughts").or_insert(Value::Bool(true));
    }
}

/// Media type and schema of the answer. The API knows neither a schema's name nor one that is a mere wish.
fn response_format(format: &ResponseFormat) -> Result<(Option<&'static str>, Option<&RawValue>)> {
    let json = Some("application/json");
    Ok(match format {
        ResponseFormat::Text => (None, None),
        ResponseFormat::JsonObject => (json, None),
        ResponseFormat::JsonSchema(format) => {
            let schema = raw(&format.schema, "schema of `response_format`")?;
            (json, Some(schema))
        }
    })
}
