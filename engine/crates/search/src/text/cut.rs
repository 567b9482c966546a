//! Words of scripts that put no spaces between them, by the dictionaries of ICU: one for Chinese and Japanese, one each
//! for Thai, Lao, Khmer and Burmese. They are in the binary.
//!
//! The cut of a run is the cheapest of all, by how frequent words are. So a word that was cut out of a sentence stays one
//! when it is typed alone, and what lies across the border of two words is none.

use std::ops::Range;
use std::sync::LazyLock;

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};

static SEGMENTER: LazyLock<WordSegmenterBorrowed<'static>> =
    LazyLock::new(|| WordSegmenter::new_dictionary(WordBreakInvariantOptions::default()));

/// Where the words of a run stand; what is no letter and no digit is left out.
pub(super) fn cut(run: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = 0;
    for end in SEGMENTER.segment_str(run).skip(1) {
        let is_word = run[start..end].contains(char::is_alphanumeric);
        words.extend(is_word.then_some(start..end));
        start = end;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(run: &str) -> Vec<&str> {
        cut(run).into_iter().map(|word| &run[word]).collect()
    }

    #[test]
    fn sentences_are_cut_into_words() {
        for (sentence, expected) in [
            ("日本語の文書を検索する", "日本語 の 文書 を 検索 する"),
            ("私は東京大学の学生です", "私 は 東京 大学 の 学生 です"),
            ("全文搜索引擎", "全文 搜索 引擎"),
            ("我们在北京看见了很多人", "我们 在 北京 看见 了 很多 人"),
            ("学校裡的学生", "学校 裡 的 学生"),
            ("コンピューターの性能", "コンピューター の 性能"),
            ("ภาษาไทยง่าย", "ภาษา ไทย ง่าย"),
        ] {
            assert_eq!(words(sentence).join(" "), expected);
        }
        assert_eq!(words(""), Vec::<&str>::new());
    }

    #[test]
    fn a_word_of_a_sentence_is_a_word_alone() {
        for sentence in [
            "中华人民共和国万岁",
            "北京大学生前来应聘",
            "機械学習を用いた自然言語処理",
            "すもももももももものうち",
            "研究生命的起源",
        ] {
            for word in words(sentence) {
                assert_eq!(words(word), [word], "of {sentence}");
            }
        }
    }
}
