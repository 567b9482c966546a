//! Text to tokens and tokens to bytes, by the tokenizer inside a GGUF file.

use std::collections::{HashMap, HashSet};

use candle_core::quantized::tokenizer::TokenizerFromGguf;
use tokenizers::Tokenizer;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

use crate::failure::{BoxError, Failure};
use crate::gguf::Gguf;

/// Texts that end a turn in one of the usual templates, whatever the file names as its end.
const USUAL_ENDS: &[&str] = &[
    "<|im_end|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|end|>",
    "<|eom_id|>",
    "</s>",
];

const LLAMA3_PIECES: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

pub(crate) struct Vocabulary {
    tokenizer: Tokenizer,
    /// The tokens after which nothing follows.
    pub ends: HashSet<u32>,
    /// What each character of a byte-level token stands for.
    byte_of: HashMap<char, u8>,
    specials: HashSet<u32>,
}

impl Vocabulary {
    pub fn of(model: &str, gguf: &Gguf) -> Result<Self, Failure> {
        let unusable =
            |source: BoxError| Failure::unusable(model, "its tokenizer cannot be read", source);
        let mut tokenizer =
            Tokenizer::from_gguf(&gguf.content).map_err(|error| unusable(error.into()))?;
        let pieces = gguf.text("tokenizer.ggml.pre").unwrap_or_default();
        if let Some(pre_tokenizer) = pre_tokenizer(pieces).map_err(unusable)? {
            tokenizer.with_pre_tokenizer(Some(pre_tokenizer));
        }
        let specials: HashSet<u32> = tokenizer
            .get_added_tokens_decoder()
            .iter()
            .filter(|(_, token)| token.special)
            .map(|(id, _)| *id)
            .collect();
        let named = ["eos", "eot", "eom"]
            .iter()
            .filter_map(|name| gguf.number(&format!("tokenizer.ggml.{name}_token_id")));
        let usual = USUAL_ENDS
            .iter()
            .filter_map(|text| tokenizer.token_to_id(text))
            .filter(|id| specials.contains(id));
        let ends = named.chain(usual).collect();
        Ok(Self {
            tokenizer,
            ends,
            byte_of: byte_level_alphabet(),
            specials,
        })
    }

    /// The tokens of a text as it stands; special tokens in it are recognised, none are added.
    pub fn encode(&self, model: &str, text: &str) -> Result<Vec<u32>, Failure> {
        self.tokenizer
            .encode_fast(text, false)
            .map(|encoding| encoding.get_ids().to_vec())
            .map_err(|source| Failure::broken(model, source))
    }

    /// The bytes of one token, perhaps no whole characters; none for special tokens.
    pub fn bytes(&self, token: u32) -> Vec<u8> {
        if self.specials.contains(&token) {
            return Vec::new();
        }
        let Some(text) = self.tokenizer.id_to_token(token) else {
            return Vec::new();
        };
        let mut bytes = Vec::with_capacity(text.len());
        for character in text.chars() {
            match self.byte_of.get(&character) {
                Some(byte) => bytes.push(*byte),
                None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        bytes
    }
}

/// How texts are cut before merging, where candle's own choice differs from llama.cpp's: it adds a
/// leading blank by default and does not know every name.
fn pre_tokenizer(name: &str) -> Result<Option<PreTokenizerWrapper>, BoxError> {
    let whole_bytes = || ByteLevel::new(false, true, true);
    Ok(match name {
        // candle gets these right
        "qwen2" | "llama3" | "smaug-bpe" | "lfm2" => None,
        "llama-bpe" | "llama-v3" => {
            let pattern = SplitPattern::Regex(LLAMA3_PIECES.to_owned());
            let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false)?;
            let bytes = ByteLevel::new(false, true, false);
            Some(Sequence::new(vec![split.into(), bytes.into()]).into())
        }
        "smollm" | "starcoder" | "refact" | "command-r" | "codeshell" | "exaone" => {
            Some(Sequence::new(vec![Digits::new(true).into(), whole_bytes().into()]).into())
        }
        _ => Some(whole_bytes().into()),
    })
}

/// GPT-2's alphabet: printable bytes stand for themselves, the others for characters from U+0100 on.
fn byte_level_alphabet() -> HashMap<char, u8> {
    let mut next = 0x100;
    (0..=u8::MAX)
        .map(|byte| {
            let printable = matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
            let character = if printable {
                char::from(byte)
            } else {
                next += 1;
                char::from_u32(next - 1).unwrap_or(char::REPLACEMENT_CHARACTER)
            };
            (character, byte)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_is_that_of_the_tokenizers_crate() {
        let ours = byte_level_alphabet();
        assert_eq!(ours.len(), 256);
        let theirs = ByteLevel::alphabet();
        assert!(ours.keys().all(|character| theirs.contains(character)));
        assert_eq!(ours[&'Ġ'], b' ');
        assert_eq!(ours[&'Ċ'], b'\n');
        assert_eq!(ours[&'a'], b'a');
    }

    /// The lists are those of llama.cpp's server (`/tokenize`) for the same file.
    #[test]
    fn tokens_are_those_of_llama_cpp() {
        let path = crate::test_models::text_model(&crate::test_models::models_dir());
        let gguf = Gguf::open("m", &path).unwrap();
        let vocabulary = Vocabulary::of("m", &gguf).unwrap();
        for (text, want) in [
            ("Hello world 123", &[19556, 905, 216, 33, 34, 35][..]),
            ("<|im_start|>user\n", &[1, 4093, 198]),
            (
                "It's 3.14, don't you  know?\n\n  Ünïcödé 😀",
                &[
                    1589, 506, 216, 35, 30, 33, 36, 28, 1326, 982, 346, 216, 699, 47, 8866, 5549,
                    246, 94, 25972, 83, 7466, 84, 2756, 40303, 218,
                ],
            ),
            (
                "def f(x):\n\treturn x  # 2024",
                &[
                    1604, 275, 24, 104, 727, 198, 197, 5406, 1792, 216, 907, 216, 34, 32, 34, 36,
                ],
            ),
        ] {
            let tokens = vocabulary.encode("m", text).unwrap();
            assert_eq!(tokens, want, "{text:?}");
            let bytes: Vec<u8> = tokens
                .iter()
                .flat_map(|token| vocabulary.bytes(*token))
                .collect();
            let shown = text.replace("<|im_start|>", "");
            assert_eq!(String::from_utf8(bytes).unwrap(), shown);
        }
        assert!(vocabulary.ends.contains(&2) && vocabulary.ends.contains(&0));
        assert!(!vocabulary.ends.contains(&1));
    }
}
