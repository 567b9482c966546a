//! Languages: which one a text is in, its stems and its stop words.

use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};
use tantivy::tokenizer::{Language, RawTokenizer, StopWordFilter, TextAnalyzer};
use whatlang::{Detector, Lang};

use super::fold;
use super::korean::is_ending;

/// One of the languages with stems.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stemming(&'static Known);

struct Known {
    /// ISO 639-1.
    code: &'static str,
    algorithm: Algorithm,
    lang: Lang,
    /// Of the stop words, where there are some.
    stop: Option<Language>,
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Known {}

macro_rules! known {
    ($($code:literal $algorithm:ident $lang:ident $stop:expr;)*) => {
        &[$(Known { code: $code, algorithm: Algorithm::$algorithm, lang: Lang::$lang, stop: $stop }),*]
    };
}

const KNOWN: &[Known] = known! {
    "ar" Arabic Ara None;
    "da" Danish Dan Some(Language::Danish);
    "nl" Dutch Nld Some(Language::Dutch);
    "en" English Eng Some(Language::English);
    "fi" Finnish Fin Some(Language::Finnish);
    "fr" French Fra Some(Language::French);
    "de" German Deu Some(Language::German);
    "el" Greek Ell None;
    "hu" Hungarian Hun Some(Language::Hungarian);
    "it" Italian Ita Some(Language::Italian);
    "no" Norwegian Nob Some(Language::Norwegian);
    "pt" Portuguese Por Some(Language::Portuguese);
    "ro" Romanian Ron None;
    "ru" Russian Rus Some(Language::Russian);
    "es" Spanish Spa Some(Language::Spanish);
    "sv" Swedish Swe Some(Language::Swedish);
    "ta" Tamil Tam None;
    "tr" Turkish Tur None;
};

/// Enough to tell a language by; characters.
const SAMPLE: usize = 1_000;
/// Shorter texts are left unstemmed rather than stemmed in a wrong language; characters.
const SHORTEST_SAMPLE: usize = 40;

impl Stemming {
    /// Of a BCP 47 tag, such as `de-AT`.
    pub(crate) fn named(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        let code = match primary.to_ascii_lowercase().as_str() {
            "nb" | "nn" => "no".to_owned(),
            other => other.to_owned(),
        };
        KNOWN.iter().find(|known| known.code == code).map(Self)
    }

    /// Of the language that is declared, else of the one the text is in.
    pub(crate) fn of_text(declared: &str, text: &str) -> Option<Self> {
        match declared.is_empty() {
            true => Self::detected(text),
            false => Self::named(declared),
        }
    }

    fn detected(text: &str) -> Option<Self> {
        let sample: String = text.chars().take(SAMPLE).collect();
        if sample.chars().count() < SHORTEST_SAMPLE {
            return None;
        }
        let info = Detector::new().detect(&sample)?;
        let known = KNOWN.iter().find(|known| known.lang == info.lang())?;
        info.is_reliable().then_some(Self(known))
    }

    pub(crate) fn code(self) -> &'static str {
        self.0.code
    }

    /// Folded after it is stemmed: the rules know accents.
    pub(crate) fn stem(self, word: &str) -> String {
        let lower = word.to_lowercase();
        fold(&Stemmer::create(self.0.algorithm).stem(&lower))
    }
}

static STOPS: LazyLock<Vec<(&'static str, TextAnalyzer)>> = LazyLock::new(|| {
    let with_stops = KNOWN.iter().filter_map(|known| {
        let filter = StopWordFilter::new(known.stop?)?;
        let analyser = TextAnalyzer::builder(RawTokenizer::default()).filter(filter);
        Some((known.code, analyser.build()))
    });
    with_stops.collect()
});

/// What says nothing in Japanese and in Chinese, in both ways to write it: in no language of these letters is it more.
const WITHOUT_STEMS: &str = "の に は を た が で て と も へ や か な だ し れ さ から まで より など です ます する いる ある \
    こと これ それ この その ため よう として について において による \
    的 了 是 在 和 与 與 也 就 都 而 及 着 著 或 把 被 这 這 那 个 個 吗 嗎 吧 呢";

/// Says nothing about what is looked for, in one of these languages.
pub(crate) fn is_stop_word(word: &str, languages: &[Stemming]) -> bool {
    let mut without_stems = WITHOUT_STEMS.split_ascii_whitespace();
    if !word.is_ascii() && (without_stems.any(|stop| stop == word) || is_ending(word)) {
        return true;
    }
    let lower = word.to_lowercase();
    let mut stops = STOPS
        .iter()
        .filter(|(code, _)| languages.iter().any(|language| language.code() == *code));
    stops.any(|(_, analyser)| !analyser.clone().token_stream(&lower).advance())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_declared_or_detected() {
        let german =
            "Der Hund läuft über die Straße und sucht einen Knochen, den er vergraben hat.";
        let code = |declared, text| Stemming::of_text(declared, text).map(Stemming::code);
        assert_eq!(code("", german), Some("de"));
        assert_eq!(code("en-GB", german), Some("en"));
        assert_eq!(code("nb", ""), Some("no"));
        assert_eq!(code("", "too short"), None);
        assert_eq!(code("ja", "日本語"), None);
    }

    /// Forms of one word, in each of the languages.
    #[test]
    fn every_language_has_stems() {
        let words = [
            ("ar", "كتاب", "الكتاب"),
            ("da", "huset", "husene"),
            ("nl", "boek", "boeken"),
            ("en", "run", "running"),
            ("fi", "talossa", "talosta"),
            ("fr", "cheval", "chevaux"),
            ("de", "haus", "häuser"),
            ("el", "δρόμος", "δρόμοι"),
            ("hu", "ház", "házak"),
            ("it", "libro", "libri"),
            ("no", "huset", "husene"),
            ("pt", "livro", "livros"),
            ("ro", "lupul", "lupii"),
            ("ru", "книга", "книгами"),
            ("es", "canción", "canciones"),
            ("sv", "bil", "bilarna"),
            ("ta", "வீடு", "வீடுகள்"),
            ("tr", "ev", "evler"),
        ];
        assert_eq!(words.len(), KNOWN.len());
        let differing = words.into_iter().filter(|(code, one, other)| {
            let stemming = Stemming::named(code).unwrap();
            stemming.stem(one) != stemming.stem(other)
        });
        assert_eq!(differing.collect::<Vec<_>>(), []);
    }

    #[test]
    fn stop_words_are_those_of_the_language() {
        let of = |code| vec![Stemming::named(code).unwrap()];
        assert!(is_stop_word("The", &of("en")));
        assert!(is_stop_word("und", &of("de")));
        assert!(!is_stop_word("und", &of("en")));
        assert!(!is_stop_word("water", &of("en")));
        assert!(
            is_stop_word("の", &of("en")) && is_stop_word("的", &[]) && is_stop_word("에서", &[])
        );
    }
}
