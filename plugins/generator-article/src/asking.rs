//! Asking a model until an answer holds: bounded tries, each with its own repeatable seed. What counts as an answer
//! is said by the caller's check.

use inkstone_plugin::ai::{self, Chunk, FinishReason, Request};
use inkstone_plugin::{Result, log};

/// Why an answer was refused; only logged.
pub type Refusal = &'static str;

/// Asks up to `tries` times and gives the first answer that passes `check`, or none. `request` is built anew for
/// each try, counted from 0, so that it may ask with more heat. A failing model is an error at once: trying again
/// after an outage is the gateway's work.
pub fn ask_until<T>(
    seed: u64,
    label: &str,
    tries: u32,
    request: impl Fn(u32) -> Request,
    mut check: impl FnMut(&str, FinishReason) -> std::result::Result<T, Refusal>,
) -> Result<Option<T>> {
    for attempt in 0..tries {
        let request = request(attempt).seed(seed_of(seed, label, attempt));
        let reply = ai::complete(&request)?;
        match check(&reply.text, reply.finish) {
            Ok(answer) => return Ok(Some(answer)),
            Err(refusal) => log::debug(format!("{label}: try {} refused: {refusal}", attempt + 1)),
        }
    }
    Ok(None)
}

/// Asks once for a JSON object whose first key is `first_key`, and hangs up on the model as soon as the answer
/// visibly is none: a small model that chats instead costs a few tokens and not a page.
pub fn ask_for_object(
    seed: u64,
    label: &str,
    first_key: &str,
    request: Request,
) -> Result<Option<String>> {
    const LONGEST_ANSWER_BYTES: usize = 8_000;
    let beginning = format!("{{\"{first_key}\":");
    let request = request.seed(seed_of(seed, label, 0));
    let mut answer = String::new();
    for chunk in ai::stream(&request)? {
        let Chunk::Text(piece) = chunk? else {
            continue;
        };
        answer.push_str(&piece);
        let compact: String = answer.chars().filter(|c| !c.is_whitespace()).collect();
        let compact = compact.trim_start_matches('`');
        let compact = compact.strip_prefix("json").unwrap_or(compact);
        let promising = compact.starts_with(&beginning)
            || beginning.starts_with(compact)
            || "json".starts_with(compact);
        if !promising || answer.len() > LONGEST_ANSWER_BYTES {
            return Ok(None);
        }
    }
    Ok(Some(answer))
}

/// A seed for each try of each question, within the 31 bits that every upstream takes (FNV-1a, folded).
fn seed_of(seed: u64, label: &str, attempt: u32) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed;
    for byte in label
        .bytes()
        .chain(attempt.to_le_bytes())
        .chain(seed.to_le_bytes())
    {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    (hash ^ (hash >> 32)) & 0x7fff_ffff
}
