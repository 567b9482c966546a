//! What only a real index does with words: stems of many languages, slips, half words, syntax, the order
//! of hits and the passages shown.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use inkstone_domain::content::Status;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{ArticleStore, SearchIndex};
use inkstone_domain::search::{
    LastWord, Lexicon, Matching, SearchPage, SearchQuery, Slips, Synonyms, Visibility,
};
use inkstone_search::{SearchConfig, TantivyIndex};
use inkstone_testkit::{MemStore, sample};
use proptest::prelude::{ProptestConfig, prop_assert};
use proptest::test_runner::TestRunner;
use tokio::task::JoinHandle;

struct Library {
    index: Arc<TantivyIndex>,
    follower: JoinHandle<()>,
}

impl Drop for Library {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

/// Texts of (language, title, body).
async fn library(texts: &[(&str, &str, &str)]) -> Library {
    let store = MemStore::new();
    for (language, title, body) in texts {
        let mut article = sample::article(UserId::new());
        article.text.language = (*language).to_owned();
        article.text.title = (*title).to_owned();
        article.text.summary.clear();
        article.text.tags.clear();
        article.text.body = (*body).to_owned();
        store
            .create_article(sample::creation(&article))
            .await
            .unwrap();
    }
    following(store).await
}

async fn following(store: MemStore) -> Library {
    let index = TantivyIndex::open(SearchConfig::default(), Arc::new(store)).unwrap();
    let following = Arc::clone(&index);
    let follower = tokio::spawn(async move { following.follow(std::future::pending()).await });
    index.catch_up().await.unwrap();
    Library { index, follower }
}

fn query(text: &str) -> SearchQuery {
    SearchQuery::new(text, Visibility::Admin(UserId::new()))
}

impl Library {
    async fn page(&self, query: SearchQuery) -> SearchPage {
        self.index.query(query).await.unwrap()
    }

    /// Titles of the hits, best first.
    async fn titles(&self, query: SearchQuery) -> Vec<String> {
        let page = self.page(query).await;
        page.hits.into_iter().map(|hit| hit.title).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_by_their_stem_in_their_language() {
    let library = library(&[
        ("en", "en", "The shoes are running"),
        ("de", "de", "Alte Häuser am Fluss"),
        ("fr", "fr", "Les chevaux mangeaient l'herbe"),
        ("ru", "ru", "Она читала книгами"),
        ("ja", "ja", "日本語の文書を検索する"),
        ("zh", "zh", "全文搜索引擎"),
        ("ko", "ko", "학교에서 공부한다"),
        ("th", "th", "ภาษาไทย"),
        (
            "",
            "detected",
            "Der alte Mann und seine Hunde laufen jeden Morgen durch den dunklen Wald.",
        ),
    ])
    .await;
    for (typed, expected) in [
        ("runs", "en"),
        ("haus", "de"),
        ("HÄUSERN", "de"),
        ("mangeait", "fr"),
        ("книга", "ru"),
        ("検索", "ja"),
        ("搜索", "zh"),
        ("학교", "ko"),
        ("ไทย", "th"),
        ("hund", "detected"),
    ] {
        assert_eq!(library.titles(query(typed)).await, [expected], "{typed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_inside_sentences_without_spaces() {
    let library = library(&[
        (
            "ja",
            "ja",
            "私は東京都に住んでいて、東京大学で機械学習を研究しています。",
        ),
        (
            "zh",
            "zh",
            "北京大学生前来应聘，他们在研究自然语言处理。张伟也来了。",
        ),
        ("th", "th", "การศึกษาภาษาไทยเป็นเรื่องง่าย"),
        (
            "ko",
            "ko",
            "대학생들이 학교에서 컴퓨터를 공부한다. 회의는 내일이다.",
        ),
    ])
    .await;
    for (typed, expected) in [
        // A word of the sentence.
        ("東京 ", vec!["ja"]),
        ("機械学習 ", vec!["ja"]),
        ("大学生 ", vec!["zh"]),
        ("语言 ", vec!["zh"]),
        ("ภาษา ", vec!["th"]),
        // A name that no dictionary has.
        ("张伟 ", vec!["zh"]),
        ("伟张 ", vec![]),
        // Across the border of two words there is none.
        ("京都 ", vec![]),
        ("生前 ", vec![]),
        // Whatever is written on the word, in the text and in the question.
        ("학교 ", vec!["ko"]),
        ("학교는 ", vec!["ko"]),
        ("컴퓨터로 공부하는 ", vec!["ko"]),
        ("회의 ", vec!["ko"]),
        ("교에 ", vec![]),
        // Words that say nothing find nothing by themselves.
        ("火星の ", vec![]),
        // Half a word.
        ("機", vec!["ja"]),
        ("컴퓨", vec!["ko"]),
        // The beginning of what is written together.
        ("대학 ", vec!["ko"]),
        // Side by side.
        ("\"機械学習を研究\"", vec!["ja"]),
        ("\"研究機械\"", vec![]),
    ] {
        assert_eq!(library.titles(query(typed)).await, expected, "{typed}");
    }
    let page = library.page(query("語言処理 研究 ")).await;
    assert!(page.hits[0].snippet_html.contains("<em>研究</em>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn slips_are_forgiven_by_length_and_told() {
    let library = library(&[("en", "flow", "aerodynamics of supersonic planes")]).await;
    for (typed, meant) in [
        ("arodynamics ", Some("aerodynamics ")),
        ("aerodynmaics", Some("aerodynamics")),
        ("planse ", Some("planes ")),
        // Too short, too far, a wrong first letter in a short word.
        ("flwo ", None),
        ("aeroxxamics ", None),
        ("blanes ", None),
    ] {
        let page = library.page(query(typed)).await;
        assert_eq!(page.did_you_mean.as_deref(), meant, "{typed}");
        assert_eq!(page.total, usize::from(meant.is_some()), "{typed}");
    }
    let page = library.page(query("planse")).await;
    assert!(page.hits[0].snippet_html.contains("<em>planes</em>"));
    assert_eq!(page.hits[0].ranking.as_ref().unwrap().typos, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_word_may_be_half_a_word() {
    let library = library(&[("en", "one", "the lighthouse keeper")]).await;
    assert_eq!(library.page(query("lighth")).await.total, 1);
    assert_eq!(library.page(query("keep light")).await.total, 1);
    assert_eq!(library.page(query("lighth ")).await.total, 0);
    assert_eq!(library.page(query("lighth* ")).await.total, 1);
    let mut whole = query("lighth");
    whole.shape.last_word = LastWord::Whole;
    assert_eq!(library.page(whole).await.total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn syntax_says_what_must_be_there() {
    let library = library(&[
        ("en", "a", "low tide at noon"),
        ("en", "b", "the tide is low, the moon is high"),
        ("en", "c", "high tide"),
        ("en", "tide", "nothing else"),
    ])
    .await;
    for (typed, mut expected) in [
        ("\"low tide\"", vec!["a"]),
        ("\"tide low\"~1", vec!["b"]),
        ("tide AND low ", vec!["a", "b"]),
        ("+tide -low ", vec!["c", "tide"]),
        ("tide NOT (low OR high) ", vec!["tide"]),
        ("title:tide ", vec!["tide"]),
        ("words:>=8", vec!["b"]),
        ("words:[3 TO 3]", vec!["c", "tide"]),
        ("locale:en noon ", vec!["a", "b", "c", "tide"]),
        ("+locale:EN +noon ", vec!["a"]),
        ("-tide ", vec![]),
    ] {
        let mut titles = library.titles(query(typed)).await;
        titles.sort();
        expected.sort_unstable();
        assert_eq!(titles, expected, "{typed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_whole() {
    let store = MemStore::new();
    for (title, created) in [
        ("eve", "2026-01-14T23:59:59.999Z"),
        ("morning", "2026-01-15T00:00:00Z"),
        ("night", "2026-01-15T23:59:59.999Z"),
        ("after", "2026-01-16T00:00:00Z"),
    ] {
        let mut article = sample::article(UserId::new());
        article.text.title = title.to_owned();
        article.created_at = created.parse().unwrap();
        store
            .create_article(sample::creation(&article))
            .await
            .unwrap();
    }
    let library = following(store).await;
    for (typed, expected) in [
        ("created:2026-01-15", vec!["morning", "night"]),
        (
            "created:[2026-01-15 TO 2026-01-15]",
            vec!["morning", "night"],
        ),
        (
            "created:[2026-01-14 TO 2026-01-15]",
            vec!["eve", "morning", "night"],
        ),
        ("created:>2026-01-15", vec!["after"]),
        ("created:>=2026-01-15", vec!["after", "morning", "night"]),
        ("created:<2026-01-15", vec!["eve"]),
        ("created:<=2026-01-15", vec!["eve", "morning", "night"]),
        ("created:[* TO 2026-01-15}", vec!["eve"]),
        ("created:\"2026-01-15T00:00:00Z\"", vec!["morning"]),
        ("created:yesterday", vec![]),
    ] {
        let mut titles = library.titles(query(typed)).await;
        titles.sort();
        assert_eq!(titles, expected, "{typed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_are_not_wanted_are_no_slips() {
    let library = library(&[("en", "a", "tide in the harbor"), ("en", "b", "tide")]).await;
    let page = library.page(query("tide -harbour ")).await;
    assert_eq!((page.total, page.did_you_mean), (2, None));
    let page = library.page(query("harbour ")).await;
    assert_eq!(
        (page.total, page.did_you_mean.as_deref()),
        (1, Some("harbor "))
    );
    let mut meant = query("harbour ");
    meant.shape.slips = Slips::Meant;
    assert_eq!(library.page(meant).await.total, 0);
}

/// What finds slips grows with the letters of a word: of thousands it would take gigabytes.
#[tokio::test(flavor = "multi_thread")]
async fn words_of_any_length_are_answered() {
    let library = library(&[("ko", "a", "학교에서"), ("en", "b", "aerodynamics")]).await;
    let syllables = |count: u32| -> String {
        let places = (0..count).map(|place| 0xAC00 + place * 5);
        places.filter_map(char::from_u32).collect()
    };
    for typed in [
        syllables(2_000),
        syllables(31),
        "a".repeat(2_000),
        "aerodynamisc ".repeat(150),
        format!("\"{}\"", "aerodynamisc nobody ".repeat(90)),
        format!("{}x{}", "(".repeat(900), ")".repeat(900)),
    ] {
        library.page(query(&typed)).await;
        let all = Visibility::Admin(UserId::new());
        library.index.suggest(typed, all, 10).await.unwrap();
    }
}

#[test]
fn whatever_is_typed_is_answered() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let library = runtime.block_on(library(&[
        ("en", "tides", "the tide is \"low\", the moon is high"),
        ("ja", "日本", "日本語の文書を検索する"),
        ("ko", "학교", "학교에서 공부한다"),
    ]));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(300));
    let typed = "([a-z日本語학교 ]{0,6}[-+:\"()\\[\\]{}*~^<>.,/\\\\ 0-9]?){0,12}|.{0,40}";
    let ran = runner.run(&typed, |typed| {
        let all = Visibility::Admin(UserId::new());
        let found = runtime.block_on(library.index.query(query(&typed)));
        prop_assert!(found.is_ok(), "{found:?}");
        let suggested = runtime.block_on(library.index.suggest(typed, all, 5));
        prop_assert!(suggested.is_ok(), "{suggested:?}");
        Ok(())
    });
    ran.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_order_what_few_words_find() {
    let library = library(&[
        (
            "en",
            "far",
            "a salt that stands a long way from any marsh, one of them in each line",
        ),
        (
            "en",
            "near",
            "a marsh, and a salt marsh it is, that stands a long way off in each line",
        ),
        ("en", "one", "salt salt salt salt"),
        (
            "en",
            "salt marsh",
            "of which nothing else is said here, and so on, in quite a long text",
        ),
        ("en", "stem", "salted marshes"),
    ])
    .await;
    let titles = library.titles(query("salt marsh ")).await;
    assert_eq!(titles[0], "salt marsh");
    assert_eq!(titles[4], "one", "{titles:?}");
    let place = |name: &str| titles.iter().position(|title| title == name).unwrap();
    assert!(place("near") < place("far"), "{titles:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn matching_says_which_words_must_be_there() {
    let library = library(&[
        ("en", "both", "salt marsh"),
        ("en", "first", "salt mine"),
        ("en", "last", "great marsh"),
        ("en", "last too", "old marsh"),
    ])
    .await;
    let found = async |typed: &str, matching: Matching, limit: usize| {
        let mut asked = query(typed);
        asked.shape.matching = matching;
        asked.limit = limit;
        library.page(asked).await.total
    };
    let (last, rare) = (Matching::Last, Matching::Frequency);
    assert_eq!(found("salt marsh ", Matching::Any, 10).await, 4);
    assert_eq!(found("salt marsh ", Matching::All, 10).await, 1);
    assert_eq!(found("salt marsh ", last, 1).await, 1, "enough with all");
    assert_eq!(found("salt marsh ", last, 10).await, 2, "without `marsh`");
    assert_eq!(found("marsh salt ", last, 10).await, 3, "without `salt`");
    // `marsh` is more frequent, wherever it stands.
    assert_eq!(found("salt marsh ", rare, 10).await, 2);
    assert_eq!(found("marsh salt ", rare, 10).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_say_which_words_mean_nothing_or_the_same() {
    let library = library(&[("en", "car", "an automobile"), ("en", "foo", "lorem thing")]).await;
    let with = |text: &str| SearchQuery {
        lexicon: Arc::new(Lexicon {
            stop_words: vec!["Lorem".to_owned()],
            synonyms: vec![Synonyms::mutual(["wagon", "Automobile"])],
        }),
        ..query(text)
    };
    assert_eq!(library.titles(with("wagon ")).await, ["car"]);
    assert_eq!(library.titles(query("wagon ")).await, Vec::<String>::new());
    assert_eq!(library.page(with("lorem wagon ")).await.total, 1);
    assert_eq!(
        library.page(with("lorem ")).await.total,
        1,
        "nothing else was typed"
    );
    assert_eq!(library.page(with("\"lorem thing\"")).await.total, 1);
    assert_eq!(library.page(with("\"thing lorem\"")).await.total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn synonyms_may_be_several_words_and_go_one_way() {
    let library = library(&[
        ("en", "abbreviated", "flights to NYC"),
        ("en", "spelled", "a new house in New York"),
        ("en", "other", "new in York"),
        ("en", "pixel", "the pixel is charged"),
        ("en", "phone", "the phone is charged"),
    ])
    .await;
    let with = |text: &str| SearchQuery {
        lexicon: Arc::new(Lexicon {
            synonyms: vec![
                Synonyms::mutual(["nyc", "New York"]),
                Synonyms::one_way("phone", ["pixel"]),
            ],
            ..Lexicon::default()
        }),
        ..query(text)
    };
    let titles = async |text: &str, matching: Matching| {
        let mut asked = with(text);
        asked.shape.matching = matching;
        let mut titles = library.titles(asked).await;
        titles.sort();
        titles
    };
    assert_eq!(
        titles("nyc ", Matching::Any).await,
        ["abbreviated", "spelled"],
        "side by side"
    );
    assert_eq!(
        titles("new york ", Matching::All).await,
        ["abbreviated", "other", "spelled"]
    );
    assert_eq!(
        titles("flights new york ", Matching::All).await,
        ["abbreviated"]
    );
    assert_eq!(titles("phone ", Matching::Any).await, ["phone", "pixel"]);
    assert_eq!(titles("pixel ", Matching::Any).await, ["pixel"]);
    let page = library.page(with("nyc ")).await;
    let spelled = page.hits.iter().find(|hit| hit.title == "spelled").unwrap();
    assert!(
        spelled.snippet_html.contains("<em>New</em> <em>York</em>"),
        "{}",
        spelled.snippet_html
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_words_are_neither_known_nor_suggested() {
    let store = MemStore::new();
    let (owner, stranger) = (UserId::new(), UserId::new());
    for (title, status) in [("Falcons", Status::Draft), ("Falcon", Status::Published)] {
        let mut article = sample::article(owner);
        article.text.title = title.to_owned();
        article.text.body = format!("{title}{title} wings");
        article.text.status = status;
        store
            .create_article(sample::creation(&article))
            .await
            .unwrap();
    }
    let library = following(store).await;
    let visible = |user| Visibility::User {
        user,
        projects: Vec::new(),
    };
    // A word of the draft alone: its owner has it, for others it is a slip like any other.
    let asked = |user| SearchQuery::new("falconsfalcons ", visible(user));
    assert_eq!(library.page(asked(owner)).await.did_you_mean, None);
    let told = library.page(asked(stranger)).await;
    assert_eq!(told.did_you_mean.as_deref(), Some("falconfalcon "));
    let near = SearchQuery::new("falconsfalcosn ", visible(stranger));
    let told = library.page(near).await;
    assert_ne!(told.did_you_mean.as_deref(), Some("falconsfalcons "));
}

/// However many more frequent ones others have.
#[tokio::test(flavor = "multi_thread")]
async fn readable_words_are_completed_and_corrected() {
    let store = MemStore::new();
    let (other, own) = (UserId::new(), UserId::new());
    let theirs: Vec<String> = ('a'..='z')
        .map(|end| format!("prosthesi{end}{end}"))
        .collect();
    for (owner, text) in [
        (other, theirs.join(" ")),
        (other, theirs.join(" ")),
        (own, "prosthesis proscenium".to_owned()),
    ] {
        let mut article = sample::article(owner);
        article.text.body = text;
        article.text.status = Status::Draft;
        store
            .create_article(sample::creation(&article))
            .await
            .unwrap();
    }
    let library = following(store).await;
    let visible = || Visibility::User {
        user: own,
        projects: Vec::new(),
    };
    let suggested = library.index.suggest("prosth".to_owned(), visible(), 5);
    let suggested: Vec<String> = suggested
        .await
        .unwrap()
        .into_iter()
        .map(|one| one.text)
        .collect();
    assert_eq!(suggested, ["prosthesis"]);
    let found = library.page(SearchQuery::new("prosth", visible())).await;
    assert_eq!(found.total, 1);
    let found = library
        .page(SearchQuery::new("prosthesix ", visible()))
        .await;
    assert_eq!(found.did_you_mean.as_deref(), Some("prosthesis "));
}

#[tokio::test(flavor = "multi_thread")]
async fn passages_are_cut_around_matches() {
    let body = format!(
        "{} needle {}",
        "hay ".repeat(100).trim(),
        "straw ".repeat(100).trim()
    );
    let library = library(&[("en", "stack", &body)]).await;
    let mut asked = query("needle ");
    asked.shape.crop_words = 6;
    let page = library.page(asked).await;
    assert_eq!(page.hits[0].snippet, "…hay hay hay needle straw straw…");
    assert_eq!(
        page.hits[0].snippet_html,
        "…hay hay hay <em>needle</em> straw straw…"
    );
}
