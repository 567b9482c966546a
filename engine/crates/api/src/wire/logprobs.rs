//! How likely the tokens of a text were, as OpenAI's clients read it.

use inkstone_domain::chat::TokenLogprob;
use serde::Serialize;
use utoipa::ToSchema;

/// A token and how likely it was.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct TokenLogprobReply {
    pub token: String,
    /// Natural logarithm; -9999 where it is next to impossible.
    pub logprob: f32,
    /// The token as UTF-8; null where it is a part of a character.
    #[schema(value_type = Option<Vec<u32>>)]
    pub bytes: Option<Vec<u8>>,
    /// The most likely tokens at this place, as many as `top_logprobs` asked for.
    pub top_logprobs: Vec<TopLogprobReply>,
}

/// One of the most likely tokens.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct TopLogprobReply {
    pub token: String,
    pub logprob: f32,
    #[schema(value_type = Option<Vec<u32>>)]
    pub bytes: Option<Vec<u8>>,
}

/// More alternatives than this are refused, as OpenAI does.
pub(crate) const MAX_TOP_LOGPROBS: u32 = 20;

impl From<TokenLogprob> for TokenLogprobReply {
    fn from(token: TokenLogprob) -> Self {
        Self {
            logprob: finite(token.logprob),
            bytes: bytes_of(&token.token),
            token: token.token,
            top_logprobs: token.top.into_iter().map(top).collect(),
        }
    }
}

/// As the wire tells them.
pub(crate) fn token_logprobs(tokens: Vec<TokenLogprob>) -> Vec<TokenLogprobReply> {
    tokens.into_iter().map(TokenLogprobReply::from).collect()
}

fn top((token, logprob): (String, f32)) -> TopLogprobReply {
    TopLogprobReply {
        logprob: finite(logprob),
        bytes: bytes_of(&token),
        token,
    }
}

/// JSON has no word for infinity; OpenAI's own is this number.
fn finite(logprob: f32) -> f32 {
    match logprob.is_finite() {
        true => logprob,
        false => -9999.0,
    }
}

/// A part of a character reaches us as U+FFFD, whose bytes are not those of the token.
fn bytes_of(token: &str) -> Option<Vec<u8>> {
    (!token.contains(char::REPLACEMENT_CHARACTER)).then(|| token.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_carry_their_bytes() {
        let reply = TokenLogprobReply::from(TokenLogprob {
            token: "é".to_owned(),
            logprob: -0.25,
            top: vec![
                ("\u{fffd}".to_owned(), f32::NEG_INFINITY),
                ("e".to_owned(), -1.5),
            ],
        });
        assert_eq!(
            serde_json::to_value(reply).unwrap(),
            serde_json::json!({"token": "é", "logprob": -0.25, "bytes": [195, 169], "top_logprobs": [
                {"token": "\u{fffd}", "logprob": -9999.0, "bytes": null},
                {"token": "e", "logprob": -1.5, "bytes": [101]},
            ]})
        );
    }
}
