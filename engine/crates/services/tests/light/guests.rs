//! Research, analytics and search: what reaches a guest, and in whose name.

use inkstone_domain::codes;
use inkstone_domain::content::Status;
use inkstone_domain::principal::Role;
use inkstone_domain::report::Block;
use inkstone_services::ProjectPatch;
use inkstone_services::content::NewArticle;
use inkstone_services::research::Inquiry;
use inkstone_services::search::SearchRequest;
use serde_json::{Value, json};

use crate::world::{World, context, handbook};

fn inquiry<'a>(plugin: &'a str, tool: &'a str, input: Value) -> Inquiry<'a> {
    Inquiry {
        plugin,
        tool,
        input,
        keep_in: None,
    }
}

#[tokio::test]
async fn tools_are_listed_and_called_in_the_callers_name() {
    let world = World::new().await;
    let research = &world.services.research;
    let creator = world.somebody(Role::Creator).await;
    let viewer = world.somebody(Role::Viewer).await;
    let listed = research.list();
    assert_eq!(
        (listed[0].plugin.as_str(), listed[0].tool.name.as_str()),
        ("research-fake", "echo")
    );

    let input = json!({ "ask": "four words for you" });
    let answer = research
        .call(
            &creator,
            &context(),
            inquiry("research-fake", "echo", input),
        )
        .await
        .unwrap()
        .answered;
    assert_eq!(answer.value.text, "four words for you");
    assert_eq!(world.usage(1).await[0].user, creator.user);
    assert_eq!(world.research.had_tools(), [false]);

    for (who, plugin, tool, code) in [
        (&viewer, "research-fake", "echo", "forbidden"),
        (&creator, "research-none", "echo", "unknown_plugin"),
        (&creator, "research-fake", "none", "unknown_tool"),
    ] {
        let result = research
            .call(who, &context(), inquiry(plugin, tool, json!({})))
            .await;
        assert_eq!(result.unwrap_err().code().name, code);
    }
}

/// The tool may have cost minutes and money.
#[tokio::test]
async fn what_a_tool_found_is_answered_where_it_can_no_more_be_kept() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    let research = &world.services.research;
    let ask = async || {
        let inquiry = Inquiry {
            keep_in: Some("handbook"),
            ..inquiry("research-fake", "echo", json!({ "about": "tides" }))
        };
        research.call(&owner, &context(), inquiry).await
    };
    let found = ask().await.unwrap();
    found.note.unwrap().unwrap();

    let (projects, who) = (world.services.projects.clone(), owner.clone());
    world.research.meanwhile(async move {
        let patch = ProjectPatch {
            is_archived: Some(true),
            ..ProjectPatch::default()
        };
        projects
            .update(&who, "handbook", patch, None)
            .await
            .unwrap();
    });
    let found = ask().await.unwrap();
    assert_eq!(found.answered.value.content, json!({ "about": "tides" }));
    let refused = found.note.unwrap().unwrap_err();
    assert_eq!(refused.code(), &codes::CONFLICT);
    assert_eq!(
        ask().await.unwrap_err().code(),
        &codes::CONFLICT,
        "it is known before"
    );
}

#[tokio::test]
async fn reports_and_search_see_what_the_caller_may_read() {
    let world = World::new().await;
    let ada = world.somebody(Role::Creator).await;
    let viewer = world.somebody(Role::Viewer).await;
    let admin = world.somebody(Role::Admin).await;
    for (title, status) in [
        ("needle draft", Status::Draft),
        ("needle public", Status::Published),
    ] {
        let new = NewArticle {
            title: title.to_owned(),
            status,
            ..NewArticle::default()
        };
        world.services.articles.create(&ada, new).await.unwrap();
    }
    world.services.search.catch_up().await.unwrap();
    for (who, want) in [(&ada, 2), (&viewer, 1), (&admin, 2)] {
        let request = SearchRequest {
            text: "needle".to_owned(),
            ..SearchRequest::default()
        };
        let found = world.services.search.query(who, request).await.unwrap();
        assert_eq!(found.total, want);
        let input = json!({ "text": "needle" });
        let analytics = &world.services.analytics;
        let blocks = analytics
            .run(who, &context(), "analytics-fake", "count", input)
            .await
            .unwrap();
        let Block::Metric(metric) = &blocks.value[0] else {
            panic!("no metric");
        };
        assert_eq!(metric.value, f64::from(want as u32));
    }
    let listed = world.services.analytics.list();
    assert_eq!(listed[0].report.id, "count");
    for (limit, offset) in [(0, 0), (101, 0), (10, 10_001)] {
        let request = SearchRequest {
            limit,
            offset,
            ..SearchRequest::default()
        };
        assert!(world.services.search.query(&ada, request).await.is_err());
    }
}
