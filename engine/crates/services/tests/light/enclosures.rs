//! What comes with messages of a chat: files, and articles that answers cite.

use bytes::Bytes;
use futures::{StreamExt, stream};
use inkstone_domain::chat::{ImageSource, Part, Role as Speaking};
use inkstone_domain::content::Article;
use inkstone_domain::conversation::{Conversation, ConversationMessage};
use inkstone_domain::ids::MediaId;
use inkstone_domain::media::Media;
use inkstone_domain::principal::{Principal, Role};
use inkstone_services::content::{ArticlePatch, NewArticle};
use inkstone_services::conversations::{Say, What};
use inkstone_services::media::Claim;
use inkstone_testkit::{Say as Script, sample};

use crate::world::{World, context, page};

const PROJECT: &str = "default";

type Said = (Conversation, ConversationMessage, ConversationMessage);

async fn add(world: &World, who: &Principal, name: &str, bytes: Vec<u8>) -> Media {
    let media = &world.services.media;
    let claim = Claim {
        name: name.to_owned(),
        content_type: None,
    };
    let bytes = stream::iter([Ok(Bytes::from(bytes))]).boxed();
    let taken = media.take_in(who, PROJECT, claim, bytes).await.unwrap();
    media.add(who, taken, String::new()).await.unwrap()
}

async fn write(world: &World, who: &Principal, title: &str, body: &str) -> Article {
    let new = NewArticle {
        title: title.to_owned(),
        body: body.to_owned(),
        ..NewArticle::default()
    };
    world.services.articles.create(who, new).await.unwrap()
}

fn text(text: &str) -> Say {
    Say {
        what: What::Text(text.to_owned()),
        ..Say::default()
    }
}

fn with(files: &[MediaId]) -> Say {
    Say {
        attachments: files.to_vec(),
        ..text("Look")
    }
}

async fn say(world: &World, who: &Principal, say: Say) -> Result<Said, (&'static str, String)> {
    let conversations = &world.services.conversations;
    let said = conversations.say_whole(who, &context(), PROJECT, say).await;
    said.map_err(|error| {
        let pointer = error.fields().first().map(|field| field.pointer.clone());
        (error.code().name, pointer.unwrap_or_default())
    })
}

fn will_say(world: &World, text: &str) {
    let end = Script::end(7, 3);
    world
        .provider
        .will_say([Script::text(text)].into_iter().chain(end));
}

/// All texts of the last request, and its pictures.
fn told(world: &World) -> (Vec<(Speaking, String)>, Vec<Vec<u8>>) {
    let request = world.provider.requests().pop().unwrap();
    let (mut texts, mut pictures) = (Vec::new(), Vec::new());
    for message in request.messages {
        for part in message.parts {
            match part {
                Part::Text(text) => texts.push((message.role, text)),
                Part::Image(image) => {
                    let ImageSource::Bytes(bytes) = image.source else {
                        panic!("a picture by address");
                    };
                    pictures.push(bytes.into());
                }
                _ => {}
            }
        }
    }
    (texts, pictures)
}

#[tokio::test]
async fn files_come_with_a_message_and_stay_with_it() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let png = sample::png(64, 48, 100);
    let notes = add(&world, &who, "notes.md", b"# Ebb\n\nIt ebbs.".to_vec()).await;
    let picture = add(&world, &who, "tide.png", png.clone()).await;
    let (chat, question, _) = say(&world, &who, with(&[notes.id, picture.id]))
        .await
        .unwrap();
    assert_eq!(
        question.text, "Look",
        "the message itself is as it was said"
    );
    let names: Vec<_> = question
        .attachments
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["notes.md", "tide.png"]);
    assert_eq!(question.attachments[1].content_type, "image/png");
    let (texts, pictures) = told(&world);
    let (speaker, said) = texts.last().unwrap();
    assert_eq!(*speaker, Speaking::User);
    assert!(said.starts_with("Look\n\nThe file `notes.md`:\n"), "{said}");
    assert!(said.contains("It ebbs."), "{said}");
    assert_eq!(pictures, std::slice::from_ref(&png));

    // They are told again as long as they are there.
    let more = |words: &str| Say {
        conversation: Some(chat.id),
        ..text(words)
    };
    say(&world, &who, more("And?")).await.unwrap();
    let (texts, pictures) = told(&world);
    assert!(texts[0].1.contains("It ebbs."), "{texts:?}");
    assert_eq!(pictures, [png]);
    for file in [notes.id, picture.id] {
        world.services.media.delete(&who, file, None).await.unwrap();
    }
    let (_, question, _) = say(&world, &who, more("And now?")).await.unwrap();
    assert!(question.attachments.is_empty());
    let (texts, pictures) = told(&world);
    for name in ["notes.md", "tide.png"] {
        let left_out = format!("(The file `{name}` is left out.)");
        assert!(texts[0].1.contains(&left_out), "{texts:?}");
    }
    assert!(pictures.is_empty());
    let kept = world
        .services
        .conversations
        .messages(&who, PROJECT, chat.id, page(99))
        .await
        .unwrap()
        .items;
    assert_eq!(kept[0].attachments.len(), 2, "the history knows what came");
}

#[tokio::test]
async fn what_no_model_takes_is_refused_before_anything_is_said() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let stranger = world.somebody(Role::Creator).await;
    let pdf = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n".to_vec();
    let pdf = add(&world, &who, "a.pdf", pdf).await.id;
    let fine = add(&world, &who, "fine.txt", b"fine".to_vec()).await.id;
    let theirs = add(&world, &stranger, "theirs.txt", b"theirs".to_vec())
        .await
        .id;
    let trashed = add(&world, &who, "trashed.txt", b"trashed".to_vec())
        .await
        .id;
    world
        .services
        .media
        .delete(&who, trashed, None)
        .await
        .unwrap();
    let refusals = [
        (vec![fine, pdf], "attachment_unusable", "/attachments/1"),
        (vec![theirs], "invalid_input", "/attachments/0"),
        (vec![trashed], "invalid_input", "/attachments/0"),
        (vec![MediaId::new()], "invalid_input", "/attachments/0"),
        (vec![fine; 9], "invalid_input", "/attachments"),
    ];
    for (files, code, pointer) in refusals {
        let refused = say(&world, &who, with(&files)).await.unwrap_err();
        assert_eq!(refused, (code, pointer.to_owned()));
    }
    assert!(world.provider.requests().is_empty());
    let list = world
        .services
        .conversations
        .list(&who, PROJECT, sample::first_page(10));
    assert!(list.await.unwrap().items.is_empty(), "no chat was begun");

    let (chat, question, _) = say(&world, &who, with(&[fine])).await.unwrap();
    let again = Say {
        conversation: Some(chat.id),
        what: What::Again { of: question.id },
        ..with(&[fine])
    };
    let refused = say(&world, &who, again).await.unwrap_err();
    assert_eq!(refused, ("invalid_input", "/regenerate".to_owned()));
    let again = Say {
        conversation: Some(chat.id),
        what: What::Again { of: question.id },
        ..Say::default()
    };
    say(&world, &who, again).await.unwrap();
    assert!(
        told(&world).0[0].1.contains("fine"),
        "the question has its own"
    );
}

#[tokio::test]
async fn texts_take_half_of_the_window() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let long = add(&world, &who, "long.txt", "wörd ".repeat(3_000).into_bytes()).await;
    let other = add(&world, &who, "other.txt", b"another".to_vec()).await;
    say(&world, &who, with(&[long.id, other.id])).await.unwrap();
    let (texts, _) = told(&world);
    let said = &texts[0].1;
    // 4,096 tokens of four bytes.
    assert!((8_000..9_000).contains(&said.len()), "{}", said.len());
    assert!(said.contains("(The rest is left out.)"));
    assert!(said.ends_with("(The file `other.txt` is left out.)"));
}

#[tokio::test]
async fn answers_cite_the_articles_that_were_given() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let stranger = world.somebody(Role::Creator).await;
    let tides = write(&world, &who, "Tides", "The moon pulls the sea.").await;
    let wind = write(&world, &who, "Wind", "The sun warms the air.").await;
    let secret = write(&world, &stranger, "Secret", "Nobody knows.").await;
    let given = |articles: &[&Article]| Say {
        articles: articles.iter().map(|it| it.id).collect(),
        ..text("Why?")
    };
    let refused = say(&world, &who, given(&[&tides, &secret]))
        .await
        .unwrap_err();
    assert_eq!(refused, ("invalid_input", "/context/articles/1".to_owned()));
    let many = [&tides; 9];
    let refused = say(&world, &who, given(&many)).await.unwrap_err();
    assert_eq!(refused, ("invalid_input", "/context/articles".to_owned()));
    assert!(world.provider.requests().is_empty());

    will_say(&world, "“The moon pulls the sea” [1]. Others say so [3].");
    let (chat, question, answer) = say(&world, &who, given(&[&tides, &wind])).await.unwrap();
    let articles: Vec<_> = question.articles.iter().map(|it| it.article).collect();
    assert_eq!(articles, [tides.id, wind.id]);
    assert_eq!(answer.cited.len(), 1, "{:?}", answer.cited);
    let cited = &answer.cited[0];
    assert_eq!((cited.number, cited.article.article), (1, tides.id));
    assert_eq!(
        (cited.article.revision, cited.article.title.as_str()),
        (1, "Tides")
    );
    assert_eq!(cited.quote.as_deref(), Some("The moon pulls the sea"));
    let (texts, _) = told(&world);
    let (speaker, rule) = &texts[0];
    assert!(
        *speaker == Speaking::System && rule.contains("[1]"),
        "{rule}"
    );
    let said = &texts[1].1;
    assert!(
        said.contains("[2] The article “Wind”:\n-----\nThe sun warms the air."),
        "{said}"
    );

    // Later it is given as it was then, under the same number.
    let patch = ArticlePatch {
        body: Some("Nothing pulls.".to_owned()),
        ..ArticlePatch::default()
    };
    let articles = &world.services.articles;
    articles.update(&who, tides.id, patch, None).await.unwrap();
    let more = Say {
        conversation: Some(chat.id),
        ..given(&[&wind])
    };
    will_say(&world, "The air [2], and the moon [1].");
    let (_, _, answer) = say(&world, &who, more).await.unwrap();
    let numbers = answer
        .cited
        .iter()
        .map(|it| (it.number, it.article.article));
    assert_eq!(numbers.collect::<Vec<_>>(), [(1, tides.id), (2, wind.id)]);
    let (texts, _) = told(&world);
    let all: String = texts.iter().map(|(_, text)| text.as_str()).collect();
    assert!(all.contains("The moon pulls the sea.") && !all.contains("Nothing pulls."));
    assert_eq!(
        all.matches("The sun warms").count(),
        1,
        "each is given once"
    );

    // Who was given nothing cites nothing.
    will_say(&world, "Made up [1].");
    let (_, _, answer) = say(&world, &who, text("Why?")).await.unwrap();
    assert!(answer.cited.is_empty());
}
