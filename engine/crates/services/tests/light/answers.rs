//! Passages, their order by a model, and questions answered from them.

use futures::StreamExt;
use inkstone_domain::chat::{Chunk, Part};
use inkstone_domain::content::Status;
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::DocumentSearch;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::{ProjectRole, ProjectSettings};
use inkstone_domain::search::{
    DocumentKind, DocumentQuery, Passage, RerankUse, SearchPage, SemanticUse,
};
use inkstone_domain::{Error, codes};
use inkstone_services::ProjectPatch;
use inkstone_services::answers::{Asked, Given, NOTHING_FOUND, Outcome, Question};
use inkstone_services::content::{ArticlePatch, NewArticle};
use inkstone_services::search::{Found, RerankBy, SearchRequest};
use inkstone_services::toolbox::CallerSearch;
use inkstone_testkit::{Gate, Say as Script};

use crate::world::{World, context, handbook, join};

async fn write(
    world: &World,
    who: &Principal,
    title: &str,
    body: &str,
    change: impl FnOnce(&mut NewArticle),
) -> ArticleId {
    let mut new = NewArticle {
        title: title.to_owned(),
        body: body.to_owned(),
        status: Status::Published,
        ..NewArticle::default()
    };
    change(&mut new);
    let article = world.services.articles.create(who, new).await.unwrap();
    article.id
}

fn text(text: &str) -> SearchRequest {
    SearchRequest {
        text: text.to_owned(),
        ..SearchRequest::default()
    }
}

fn question(about: &str) -> Question {
    Question {
        search: text(about),
        passages: 8,
        ..Question::default()
    }
}

async fn passages(world: &World, who: &Principal, request: SearchRequest) -> Found {
    let found = world.services.search.passages(who, request, 8).await;
    found.unwrap()
}

fn titles(passages: &[Passage]) -> Vec<&str> {
    passages.iter().map(|it| it.title.as_str()).collect()
}

fn will_say(world: &World, pieces: &[&str]) {
    let pieces = pieces.iter().map(|piece| Script::text(piece));
    world.provider.will_say(pieces.chain(Script::end(7, 3)));
}

/// Asked to the end: what was said, and what it comes to.
async fn ask(
    world: &World,
    who: &Principal,
    question: Question,
) -> Result<(String, Given, Outcome), &'static str> {
    let asked = world.services.answers.ask(who, &context(), question).await;
    match asked.map_err(|error| error.code().name)? {
        Asked::Nothing(given) => Ok((NOTHING_FOUND.to_owned(), given, Outcome::default())),
        Asked::Begun { given, mut stream } => {
            let mut answer = String::new();
            while let Some(chunk) = stream.chunks.next().await {
                match chunk.map_err(|error| error.code().name)? {
                    Chunk::Text(text) => answer.push_str(&text),
                    Chunk::Usage(_) | Chunk::Finish(_) => {}
                    other => panic!("{other:?} is nobody's business"),
                }
            }
            let outcome = given.outcome(&answer);
            Ok((answer, given, outcome))
        }
    }
}

#[tokio::test]
async fn passages_are_cut_where_the_words_stand() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let filling = "The sea rises and falls, and nobody is surprised. ".repeat(6);
    let body = format!("# Sun\n\n{filling}\n\n# Moon\n\n{filling} A neap tide.\n");
    let id = write(&world, &ada, "Waves", &body, |_| {}).await;
    let found = passages(&world, &ada, text("neap")).await;
    let [passage] = found.passages.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(passage.document, id);
    assert_eq!((passage.ordinal, passage.revision), (1, 1));
    assert_eq!(passage.slug.as_deref(), Some("waves"));
    assert_eq!(passage.headings, ["Moon"]);
    assert_eq!(passage.text, body[passage.start..passage.end]);
    assert!(passage.text.ends_with("A neap tide."), "{passage:?}");
    // There are no vectors yet, and they were asked for: an embedding model is configured.
    assert_eq!(found.page.semantic, Some(SemanticUse::Unavailable));
    assert_eq!(passages(&world, &ada, text("neaps")).await.passages, []);
}

#[tokio::test]
async fn passages_are_found_by_meaning_where_it_is_on() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let bakery = "A bakery is a shop. It has a door.\n\nIn it, dough becomes a loaf.";
    write(&world, &ada, "Shop", bakery, |_| {}).await;
    write(&world, &ada, "Palace", "A monarch and a crown.", |_| {}).await;
    world.services.embeddings.catch_up().await.unwrap();
    let found = passages(&world, &ada, text("bread")).await;
    assert_eq!(found.page.semantic, Some(SemanticUse::Used));
    assert_eq!(titles(&found.passages)[0], "Shop");
    assert!(found.passages[0].text.contains("loaf"));
    let words = SearchRequest {
        ratio: Some(0.0),
        ..text("bread")
    };
    assert_eq!(passages(&world, &ada, words).await.passages, []);
}

#[tokio::test]
async fn nobody_gets_a_passage_of_what_they_may_not_read() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let member = world.somebody(Role::Creator).await;
    let stranger = world.somebody(Role::Creator).await;
    handbook(&world, &ada).await;
    join(&world, &ada, &member, ProjectRole::Viewer).await;
    let in_project = |status: Status| {
        move |new: &mut NewArticle| {
            new.project = Some("handbook".to_owned());
            new.status = status;
        }
    };
    write(
        &world,
        &ada,
        "Open",
        "a tide",
        in_project(Status::Published),
    )
    .await;
    write(&world, &ada, "Draft", "a tide", in_project(Status::Draft)).await;
    write(&world, &ada, "Own", "a tide", |new| {
        new.status = Status::Draft
    })
    .await;
    for (who, expected) in [
        (&ada, vec!["Draft", "Open", "Own"]),
        (&member, vec!["Draft", "Open"]),
        (&stranger, vec!["Open"]),
    ] {
        let found = passages(&world, who, text("tide")).await;
        let mut found = titles(&found.passages);
        found.sort_unstable();
        assert_eq!(found, expected);
        // A plugin finds the same in their name.
        let search = CallerSearch::new(world.services.search.clone(), who.clone());
        let query = DocumentQuery {
            text: "tide".to_owned(),
            limit: 10,
            ..DocumentQuery::default()
        };
        let told = search.passages(query.clone()).await.unwrap();
        let mut told = titles(&told);
        told.sort_unstable();
        assert_eq!(told, expected);
        let hits = search.find(query.clone()).await.unwrap();
        assert_eq!(hits.len(), expected.len());
        let elsewhere = DocumentQuery {
            project: Some("elsewhere".to_owned()),
            ..query
        };
        assert_eq!(search.passages(elsewhere).await.unwrap(), []);
        // And it is what a model is given.
        let (_, given, _) = ask(&world, who, question("tide")).await.unwrap();
        assert_eq!(given.passages.len(), expected.len());
    }
}

#[tokio::test]
async fn other_kinds_have_passages_by_their_words() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    will_say(&world, &["The neap tide."]);
    let say = inkstone_services::conversations::Say {
        what: inkstone_services::conversations::What::Text("Which neap is it?".to_owned()),
        ..Default::default()
    };
    let conversations = &world.services.conversations;
    let said = conversations
        .say_whole(&ada, &context(), "default", say)
        .await;
    let chat = said.unwrap().0.id;
    let request = SearchRequest {
        kinds: vec![DocumentKind::Message, DocumentKind::Article],
        ..text("neap")
    };
    let found = passages(&world, &ada, request).await;
    let mut texts: Vec<&str> = found.passages.iter().map(|it| it.text.as_str()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["The neap tide.", "Which neap is it?"]);
    assert!(
        found
            .passages
            .iter()
            .all(|it| it.conversation == Some(chat))
    );
}

#[tokio::test]
async fn an_answer_cites_what_it_was_given() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let tides = write(&world, &ada, "Tides", "The moon pulls the tide.", |_| {}).await;
    will_say(
        &world,
        &["The \"moon pulls the ", "tide\" [", "1] and more [2", "]."],
    );
    let (answer, given, outcome) = ask(&world, &ada, question(" tide ")).await.unwrap();
    assert_eq!(answer, "The \"moon pulls the tide\" [1] and more.");
    assert!(outcome.is_found);
    let [citation] = outcome.citations.as_slice() else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (citation.marker, &citation.passage),
        (1, &given.passages[0])
    );
    assert_eq!(citation.passage.document, tides);
    assert_eq!(citation.quote.as_deref(), Some("moon pulls the tide"));
    let request = world.provider.requests().pop().unwrap();
    assert_eq!(
        (request.model.as_str(), request.messages.len()),
        ("tiny", 2)
    );
    let Part::Text(told) = &request.messages[1].parts[0] else {
        panic!("{request:?}")
    };
    assert!(told.contains("The moon pulls the tide.") && told.ends_with("Question: tide"));
    // In the ledger it is the caller's; the question was never embedded, for there are no vectors.
    let lines = world.usage(1).await;
    assert_eq!(
        (lines[0].user, lines[0].model.as_str()),
        (ada.user, "fake/tiny")
    );
}

#[tokio::test]
async fn where_nothing_is_found_nobody_is_asked() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    write(&world, &ada, "Tides", "The moon pulls.", |_| {}).await;
    let (answer, given, outcome) = ask(&world, &ada, question("wombat")).await.unwrap();
    assert_eq!((answer.as_str(), given.passages.len()), (NOTHING_FOUND, 0));
    assert_eq!(outcome, Outcome::default());
    assert_eq!(world.provider.requests().len(), 0);
    // The model finds nothing in what was found.
    will_say(&world, &["NO_", "ANSWER, sadly [1]."]);
    let (answer, given, outcome) = ask(&world, &ada, question("moon")).await.unwrap();
    assert_eq!((answer.as_str(), given.passages.len()), (NOTHING_FOUND, 1));
    assert_eq!(outcome, Outcome::default());
    let empty = ask(&world, &ada, question(" ")).await;
    assert_eq!(empty.unwrap_err(), "invalid_input");
}

#[tokio::test]
async fn who_may_not_spend_gets_no_answer() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let viewer = world.somebody(Role::Viewer).await;
    write(&world, &ada, "Tides", "The moon pulls.", |_| {}).await;
    for about in ["moon", "wombat"] {
        let refused = ask(&world, &viewer, question(about)).await;
        assert_eq!(refused.unwrap_err(), "forbidden");
    }
    // Passages alone cost nothing.
    assert_eq!(
        passages(&world, &viewer, text("moon")).await.passages.len(),
        1
    );
    assert_eq!(world.provider.requests().len(), 0);
}

#[tokio::test]
async fn a_project_says_which_model_answers() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let stranger = world.somebody(Role::Creator).await;
    handbook(&world, &ada).await;
    let patch = ProjectPatch {
        settings: Some(ProjectSettings {
            model: Some("fake/large".to_owned()),
            ..ProjectSettings::default()
        }),
        ..ProjectPatch::default()
    };
    let projects = &world.services.projects;
    projects
        .update(&ada, "handbook", patch, None)
        .await
        .unwrap();
    write(&world, &ada, "Tides", "The moon pulls.", |new| {
        new.project = Some("handbook".to_owned());
    })
    .await;
    let of_project = || {
        let mut question = question("moon");
        question.search.project = Some("handbook".to_owned());
        question
    };
    let own = Question {
        model: Some("fast".to_owned()),
        ..of_project()
    };
    for (who, question, expected) in [
        (&ada, of_project(), "large"),
        (&ada, question("moon"), "tiny"),
        (&ada, own, "tiny"),
        (&stranger, of_project(), "tiny"),
    ] {
        ask(&world, who, question).await.unwrap();
        assert_eq!(world.provider.requests().pop().unwrap().model, expected);
    }
    let unknown = Question {
        model: Some("nobody/nothing".to_owned()),
        ..question("moon")
    };
    let refused = ask(&world, &ada, unknown).await;
    assert_eq!(refused.unwrap_err(), "unknown_model");
}

#[tokio::test]
async fn what_changes_meanwhile_is_told_as_it_is_now() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let stranger = world.somebody(Role::Creator).await;
    let id = write(&world, &ada, "Tides", "The moon pulls.", |_| {}).await;
    assert_eq!(
        passages(&world, &stranger, text("moon"))
            .await
            .passages
            .len(),
        1
    );
    let patch = ArticlePatch {
        body: Some("The full moon pulls.".to_owned()),
        ..ArticlePatch::default()
    };
    let articles = &world.services.articles;
    articles.update(&ada, id, patch, None).await.unwrap();
    let found = passages(&world, &stranger, text("moon")).await;
    assert_eq!(found.passages[0].text, "The full moon pulls.");
    assert_eq!(found.passages[0].revision, 2);
    articles.delete(&ada, id, None).await.unwrap();
    assert_eq!(passages(&world, &ada, text("moon")).await.passages, []);
}

/// Both have the word; the fake that reranks counts words.
async fn two_texts(world: &World, who: &Principal) {
    write(world, who, "Less", "a tide", |_| {}).await;
    write(world, who, "More", "a tide of the moon", |_| {}).await;
    write(world, who, "Other", "a moon", |_| {}).await;
}

fn reranked(about: &str, by: RerankBy) -> SearchRequest {
    SearchRequest {
        rerank: Some(by),
        ..text(about)
    }
}

#[tokio::test]
async fn a_model_puts_the_best_in_order() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    two_texts(&world, &ada).await;
    let search = &world.services.search;
    let model = RerankBy::Model("fake/rerank".to_owned());
    for by in [RerankBy::Configured, model] {
        // Words of the fake index are one: what was typed as it stands.
        let found = search.find(&ada, reranked("tide", by)).await.unwrap();
        assert_eq!(found.reranked, Some(RerankUse::Used));
        assert_eq!((found.page.hits.len(), found.passages.len()), (2, 0));
        assert_eq!(found.page.hits[0].score, 1.0);
    }
    let asked = world.provider.reranked();
    assert_eq!((asked.len(), asked[0].query.as_str()), (2, "tide"));
    let mut shown = asked[0].documents.clone();
    shown.sort();
    assert_eq!(shown, ["Less\na tide", "More\na tide of the moon"]);
    // Nothing typed and another order have none.
    let sorted = SearchRequest {
        shape: inkstone_domain::search::SearchShape {
            sort: inkstone_domain::search::SearchSort::named("-words"),
            ..Default::default()
        },
        ..reranked("tide", RerankBy::Configured)
    };
    for request in [reranked(" ", RerankBy::Configured), sorted] {
        let found = search.find(&ada, request).await.unwrap();
        assert_eq!(found.reranked, None);
    }
    assert_eq!(world.provider.reranked().len(), 2);
    let lines = world.usage(2).await;
    assert!(lines.iter().all(|line| line.user == ada.user));
}

#[tokio::test]
async fn pages_and_passages_follow_the_order_of_the_model() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    two_texts(&world, &ada).await;
    world.services.embeddings.catch_up().await.unwrap();
    // By meaning, everything is near to something: all three, and the one with both words first.
    let request = |offset: usize| SearchRequest {
        ratio: Some(1.0),
        limit: 1,
        offset,
        passages: 5,
        ..reranked("tide moon", RerankBy::Configured)
    };
    let search = &world.services.search;
    let first = search.find(&ada, request(0)).await.unwrap();
    assert_eq!(first.page.semantic, Some(SemanticUse::Used));
    assert_eq!(first.reranked, Some(RerankUse::Used));
    assert_eq!(
        (first.page.hits[0].title.as_str(), first.page.hits[0].score),
        ("More", 2.0)
    );
    assert_eq!(titles(&first.passages), ["More"]);
    assert_eq!(first.passages[0].score, 2.0);
    let second = search.find(&ada, request(1)).await.unwrap();
    assert_eq!(second.page.hits.len(), 1);
    assert_ne!(second.page.hits[0].title, "More");
    assert_eq!(second.page.total, 3);
    // Deeper pages are as they were.
    let deep = search.find(&ada, request(50)).await.unwrap();
    assert_eq!(deep.reranked, None);
}

#[tokio::test]
async fn whoever_is_late_or_fails_leaves_the_order() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let viewer = world.somebody(Role::Viewer).await;
    two_texts(&world, &ada).await;
    let search = &world.services.search;
    let plain = search.query(&ada, text("tide")).await.unwrap();
    let order = |page: &SearchPage| page.hits.iter().map(|hit| hit.id).collect::<Vec<_>>();
    let wish = || reranked("tide", RerankBy::Configured);
    let broken = Error::new(&codes::CONTENT_BLOCKED, "not this");
    world.provider.will_not_rerank(broken);
    let found = search.find(&ada, wish()).await.unwrap();
    assert_eq!(
        (found.reranked, order(&found.page)),
        (Some(RerankUse::Unavailable), order(&plain))
    );
    let gate = Gate::closed();
    world.provider.will_rerank_behind(gate.clone());
    let found = search.find(&ada, wish()).await.unwrap();
    assert_eq!(
        (found.reranked, order(&found.page)),
        (Some(RerankUse::TimedOut), order(&plain))
    );
    gate.open();
    let answered = Question {
        search: wish(),
        ..question("tide")
    };
    let (_, given, _) = ask(&world, &ada, answered).await.unwrap();
    assert_eq!(given.reranked, Some(RerankUse::Used));
    // What the caller can mend is told.
    let refused = search.find(&viewer, wish()).await.unwrap_err();
    assert_eq!(refused.code(), &codes::FORBIDDEN);
    let unknown = reranked("tide", RerankBy::Model("nobody/nothing".to_owned()));
    let refused = search.find(&ada, unknown).await.unwrap_err();
    assert_eq!(refused.code(), &codes::UNKNOWN_MODEL);
}
