//! What articles have beside their text: content types and their fields, and translations.

use inkstone_domain::content::{Extras, Status};
use inkstone_domain::principal::Role;
use inkstone_services::content::{ArticlePatch, ExtrasPatch, NewArticle, NewContentType};
use serde_json::{Map, Value, json};

use super::{code, retitle, titled};
use crate::world::{World, handbook};

fn recipe() -> NewContentType {
    NewContentType {
        name: "recipe".to_owned(),
        title: "Recipe".to_owned(),
        schema: json!({
            "type": "object",
            "properties": {"minutes": {"type": "integer", "minimum": 1}},
            "required": ["minutes"],
            "additionalProperties": false,
        }),
    }
}

fn fields(fields: Value) -> Map<String, Value> {
    fields.as_object().cloned().unwrap()
}

fn with_fields(of: &str, values: Value) -> NewArticle {
    NewArticle {
        extras: Extras {
            content_type: of.to_owned(),
            fields: fields(values),
            ..Extras::default()
        },
        ..titled("Bread")
    }
}

#[tokio::test]
async fn fields_are_as_their_type_wants_them() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let types = &world.services.content_types;
    let ada = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    assert_eq!(code(types.create(&ada, recipe()).await), "forbidden");
    types.create(&admin, recipe()).await.unwrap();
    assert_eq!(code(types.create(&admin, recipe()).await), "already_exists");
    for (of, values, want) in [
        ("recipe", json!({"minutes": 90}), "ok"),
        ("recipe", json!({"minutes": 0}), "schema_mismatch"),
        ("recipe", json!({}), "schema_mismatch"),
        ("recipe", json!({"minutes": 1, "x": 1}), "schema_mismatch"),
        ("no-such", json!({}), "invalid_input"),
        ("", json!({"minutes": 1}), "invalid_input"),
        ("", json!({}), "ok"),
    ] {
        let created = articles.create(&ada, with_fields(of, values.clone())).await;
        assert_eq!(code(created), want, "{of} {values}");
    }
    let new = with_fields("recipe", json!({"minutes": "many"}));
    let error = articles.create(&ada, new).await.unwrap_err();
    assert_eq!(error.fields()[0].pointer, "/fields/minutes");

    // A stricter type leaves what is there alone until its fields change.
    let bread = with_fields("recipe", json!({"minutes": 90}));
    let id = articles.create(&ada, bread).await.unwrap().id;
    let stricter = NewContentType {
        schema: json!({"properties": {"minutes": {"maximum": 60}}}),
        ..recipe()
    };
    let refused = types.replace(&admin, stricter.clone(), Some(7)).await;
    assert_eq!(code(refused), "revision_mismatch");
    types.replace(&admin, stricter, Some(1)).await.unwrap();
    let kept = articles.update(&ada, id, retitle("Rye bread"), None).await;
    assert_eq!(code(kept), "ok");
    let change = |minutes: u64| ArticlePatch {
        extras: ExtrasPatch {
            fields: Some(fields(json!({"minutes": minutes}))),
            ..ExtrasPatch::default()
        },
        ..ArticlePatch::default()
    };
    let refused = articles.update(&ada, id, change(91), None).await;
    assert_eq!(code(refused), "schema_mismatch");
    let changed = articles.update(&ada, id, change(45), None).await.unwrap();
    assert_eq!(changed.text.extras.fields["minutes"], 45);
}

#[tokio::test]
async fn schemas_that_are_none_are_refused() {
    let world = World::new().await;
    let admin = world.somebody(Role::Admin).await;
    for (name, title, schema, pointer) in [
        ("Re cipe", "R", json!({}), "/name"),
        ("recipe", " ", json!({}), "/title"),
        ("recipe", "R", json!([]), "/schema"),
        ("recipe", "R", json!({"type": "nonsense"}), "/schema"),
        (
            "recipe",
            "R",
            json!({"$ref": "https://example.org/x.json"}),
            "/schema",
        ),
        (
            "recipe",
            "R",
            json!({"$comment": "x".repeat(70_000)}),
            "/schema",
        ),
        ("recipe", "R", json!({"pattern": "(a+)+\\1$"}), "/schema"),
    ] {
        let new = NewContentType {
            name: name.to_owned(),
            title: title.to_owned(),
            schema,
        };
        let error = world.services.content_types.create(&admin, new).await;
        let error = error.unwrap_err();
        assert_eq!(error.code().name, "invalid_input");
        assert_eq!(error.fields()[0].pointer, pointer, "{error}");
    }
}

#[tokio::test]
async fn every_wrong_extra_is_named() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let new = NewArticle {
        extras: Extras {
            categories: vec!["ok".to_owned(), " ".to_owned()],
            authors: vec!["usr_nobody".to_owned(), "x".repeat(201)],
            cover: "javascript:alert(1)".to_owned(),
            meta_title: "two\nlines".to_owned(),
            canonical_url: "/here".to_owned(),
            ..Extras::default()
        },
        ..titled("Bread")
    };
    let error = world.services.articles.create(&ada, new).await.unwrap_err();
    let pointers: Vec<&str> = error.fields().iter().map(|f| f.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/categories/1",
            "/authors/1",
            "/authors/0",
            "/cover",
            "/meta_title",
            "/canonical_url"
        ]
    );
}

#[tokio::test]
async fn translations_stand_for_themselves() {
    let world = World::new().await;
    let articles = &world.services.articles;
    let ada = world.somebody(Role::Creator).await;
    let bob = world.somebody(Role::Creator).await;
    handbook(&world, &ada).await;
    let english = NewArticle {
        status: Status::Published,
        ..titled("Tides")
    };
    let english = articles.create(&ada, english).await.unwrap();
    let translation = |of, language: &str| NewArticle {
        translation_of: Some(of),
        language: Some(language.to_owned()),
        ..titled("Gezeiten")
    };
    let german = articles
        .create(&ada, translation(english.id, "de"))
        .await
        .unwrap();
    // Of a translation too: all are of the first.
    let french = articles
        .create(&ada, translation(german.id, "fr"))
        .await
        .unwrap();
    assert_eq!(french.translation_of, Some(english.id));
    assert_eq!(german.text.status, Status::Draft, "its status is its own");
    for (who, new, want) in [
        (&ada, translation(english.id, "DE"), "conflict"),
        (&ada, translation(french.id, "en"), "conflict"),
        (&bob, translation(english.id, "it"), "invalid_input"),
        (&bob, translation(german.id, "it"), "invalid_input"),
        (
            &ada,
            NewArticle {
                project: Some("handbook".to_owned()),
                ..translation(english.id, "it")
            },
            "invalid_input",
        ),
    ] {
        assert_eq!(code(articles.create(who, new).await), want);
    }
    for (who, id, want) in [
        (&ada, english.id, vec!["de", "en", "fr"]),
        (&ada, french.id, vec!["de", "en", "fr"]),
        (&bob, english.id, vec!["en"]),
    ] {
        let group = articles.translations(who, id).await.unwrap();
        let languages: Vec<&str> = group.iter().map(|it| it.text.language.as_str()).collect();
        assert_eq!(languages, want);
    }
    assert_eq!(
        code(articles.translations(&bob, german.id).await),
        "not_found"
    );
    // A change of language makes no twin either, nor do two that come at once.
    let into = |language: &str| ArticlePatch {
        language: Some(language.to_owned()),
        ..ArticlePatch::default()
    };
    for (id, language) in [(german.id, "EN"), (english.id, "fr")] {
        let changed = articles.update(&ada, id, into(language), None).await;
        assert_eq!(code(changed), "conflict");
    }
    let (one, other) = futures::join!(
        articles.create(&ada, translation(english.id, "it")),
        articles.create(&ada, translation(english.id, "it")),
    );
    let mut codes = [code(one), code(other)];
    codes.sort_unstable();
    assert_eq!(codes, ["conflict", "ok"]);
    // Neither does the trash, out of which one comes.
    articles.delete(&ada, german.id, None).await.unwrap();
    let second = articles
        .create(&ada, translation(english.id, "de"))
        .await
        .unwrap();
    let restored = articles.restore(&ada, german.id, None).await;
    assert_eq!(code(restored), "conflict");
    articles.delete(&ada, second.id, None).await.unwrap();
    articles.restore(&ada, german.id, None).await.unwrap();
}
