//! That the sweep finds what Tantivy finds with its own machinery.

use inkstone_domain::ids::UserId;
use inkstone_domain::search::{Document, SearchQuery, Visibility};
use inkstone_testkit::sample;
use proptest::prelude::*;
use tantivy::Index;
use tantivy::collector::{Count, TopDocs};

use super::*;
use crate::query::filter::{term, within};
use crate::query::find;
use crate::query::vocabulary::Vocabulary;
use crate::schema::{self, Fields};

const MATCHINGS: [Matching; 4] = [
    Matching::Any,
    Matching::All,
    Matching::Last,
    Matching::Frequency,
];

/// More texts than a window holds in the first segment, then a few; one is deleted.
fn texts(bodies: &[String]) -> (Searcher, Fields) {
    let (schema, fields) = schema::build();
    let index = Index::create_in_ram(schema);
    let readers = crate::text::reader();
    index.tokenizers().register(schema::TEXT, readers);
    let mut writer = index.writer_with_num_threads(1, 20_000_000).unwrap();
    let add = |writer: &mut tantivy::IndexWriter, number: usize| {
        let mut article = sample::article(UserId::new());
        article.text.title = format!("t{number}");
        article.text.body.clone_from(&bodies[number % bodies.len()]);
        article.text.tags = vec![format!("tag{}", number % 3)];
        writer
            .add_document(fields.document(&Document::from(article)))
            .unwrap();
    };
    (0..WINDOW + 300).for_each(|number| add(&mut writer, number));
    writer.commit().unwrap();
    (0..40).for_each(|number| add(&mut writer, number));
    writer.delete_term(tantivy::Term::from_field_text(fields.title, "t7"));
    writer.commit().unwrap();
    (index.reader().unwrap().searcher(), fields)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// As many, and as good, as Tantivy finds with its own machinery.
    #[test]
    fn it_finds_what_tantivy_finds(
        bodies in prop::collection::vec("[a-f]( [a-f]){0,6}", 1..40),
        typed in "[+-]?[a-g]( [+-]?[a-g]){0,4}( \"a b\")?",
        is_filtered in any::<bool>(),
    ) {
        let (searcher, fields) = texts(&bodies);
        let query = SearchQuery::new(typed, Visibility::Admin(UserId::new()));
        let vocabulary = Vocabulary::new(&searcher, &fields, None, None).unwrap();
        let plan = Plan::new(fields, &query, &vocabulary).unwrap();
        let filter = is_filtered.then(|| term(fields.tag, "tag1"));
        for matching in MATCHINGS {
            let order = plan.by_need(matching);
            let wish = Wish { depth: 50, all: true, ..Wish::of(matching, order.len(), 20) };
            let filter = filter.as_deref();
            let terms = &vocabulary.texts;
            let swept = sweep(&searcher, terms, &plan, &order, filter, &wish).unwrap();
            let total_of = |required: usize| {
                let query = within(plan.query(&order[..required]), filter);
                searcher.search(&*query, &Count).unwrap()
            };
            prop_assert_eq!(swept.total, total_of(swept.required));
            let words = plan.query(&order[..swept.required]);
            prop_assert_eq!(&swept.all, &find::all(&searcher, words, filter).unwrap());
            prop_assert!(swept.total >= wish.texts || swept.required == wish.fewest);
            prop_assert!(swept.required == wish.most || total_of(swept.required + 1) < wish.texts);
            let words = within(plan.query(&order[..swept.required]), filter);
            let best = TopDocs::with_limit(50).order_by_score();
            let theirs = searcher.search(&*words, &best).unwrap();
            prop_assert_eq!(swept.best.len(), theirs.len());
            for (ours, (score, _)) in swept.best.iter().zip(theirs) {
                prop_assert!((ours.score - score).abs() < 1e-3, "{:?} {}", ours, score);
            }
        }
    }
}
