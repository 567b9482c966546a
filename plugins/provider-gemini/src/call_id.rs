//! Ids of tool calls. A thinking model signs a call (`thoughtSignature`) and wants the signature back when the call
//! is repeated in the next turn. The contract has signatures of thoughts and not of calls, so it travels inside the id:
//! `call_5b0c1f2e-sig-<base64url>`. Nothing but letters, digits, `-` and `_` is added, which other providers take too.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{
    GeneralPurpose, GeneralPurposeConfig, STANDARD as BASE64, URL_SAFE_NO_PAD,
};
use base64::engine::{DecodePaddingMode, general_purpose};
use inkstone_plugin::random;

/// Between the id and the signature.
const MARK: &str = "-sig-";
/// Begins an id that was made here, because the API gave none.
const MADE: &str = "call_";

const LENIENT: GeneralPurposeConfig =
    general_purpose::NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// An id taken apart again.
#[derive(Debug, PartialEq, Eq)]
pub struct CallId {
    /// The API's own id, where it gave one.
    pub of_api: Option<String>,
    /// In base64, as the API wants it.
    pub signature: Option<String>,
}

/// The id to hand out for a call.
pub fn hand_out(of_api: Option<&str>, signature: Option<&str>) -> String {
    let mut id = match of_api.filter(|id| !id.is_empty()) {
        Some(id) => id.to_owned(),
        // Turns of one conversation must not give the same id twice.
        None => format!("{MADE}{:016x}", random::u64()),
    };
    if let Some(bytes) = signature.and_then(decode) {
        id.push_str(MARK);
        id.push_str(&URL_SAFE_NO_PAD.encode(bytes));
    }
    id
}

/// Takes apart an id that comes back.
pub fn take_back(id: &str) -> CallId {
    let parts = id.split_once(MARK).and_then(|(id, text)| {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some((id, Some(BASE64.encode(bytes))))
    });
    let (id, signature) = parts.unwrap_or((id, None));
    let is_of_api = !id.is_empty() && !id.starts_with(MADE);
    CallId {
        of_api: is_of_api.then(|| id.to_owned()),
        signature,
    }
}

/// Protobuf's JSON allows both alphabets, padded or not.
fn decode(signature: &str) -> Option<Vec<u8>> {
    let standard = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    let url_safe = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
    let bytes = standard
        .decode(signature)
        .or_else(|_| url_safe.decode(signature));
    bytes.ok().filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(of_api: Option<&str>, signature: Option<&str>) -> CallId {
        take_back(&hand_out(of_api, signature))
    }

    #[test]
    fn signatures_travel_in_the_id() {
        for signature in ["AQ==", "+/+/", "CpcB0e2Xs+Y/", "aGVsbG8="] {
            let id = hand_out(None, Some(signature));
            assert!(
                id.starts_with("call_") && !id.contains(['+', '/', '=']),
                "{id}"
            );
            assert_eq!(take_back(&id).signature.as_deref(), Some(signature));
            assert_eq!(take_back(&id).of_api, None);
        }
        let other_alphabet = there_and_back(None, Some("-_-_"));
        assert_eq!(other_alphabet.signature.as_deref(), Some("+/+/"));
    }

    #[test]
    fn the_apis_own_id_comes_back_as_it_was() {
        for id in ["8f2x", "a.b", "function-call-1", "toolu_01"] {
            for signature in [None, Some("AQ==")] {
                let back = there_and_back(Some(id), signature);
                assert_eq!(back.of_api.as_deref(), Some(id));
                assert_eq!(back.signature.as_deref(), signature);
            }
        }
    }

    #[test]
    fn what_is_no_signature_is_left_alone() {
        assert_eq!(take_back("x-sig-!").of_api.as_deref(), Some("x-sig-!"));
        assert_eq!(there_and_back(None, Some("not base64!")).signature, None);
        assert_eq!(there_and_back(Some(""), Some("")).signature, None);
    }

    #[test]
    fn ids_made_here_differ() {
        assert_ne!(hand_out(None, None), hand_out(None, None));
    }
}
