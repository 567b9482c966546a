//! Which lists there are, as a table, and where articles stand in them.

use chrono::TimeDelta;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn filter(change: impl FnOnce(&mut ArticleFilter)) -> ArticleFilter {
    let mut filter = ArticleFilter::default();
    change(&mut filter);
    filter
}

/// What became of a question: `created`, the kind of the list, or the code of the refusal.
fn outcome(filter: &ArticleFilter) -> String {
    match filter.walk() {
        Ok(Walk::Created { .. }) => "created".to_owned(),
        Ok(Walk::Rows { list, .. }) => list.split_once(' ').unwrap().1.to_owned(),
        Err(error) => error.code().name.to_owned(),
    }
}

#[test]
fn lists_that_an_index_has() {
    let ada = Some(UserId::new());
    let project = || Some("handbook".to_owned());
    let default = || Some(DEFAULT_PROJECT.to_owned());
    let draft = Some(Status::Draft);
    let tag = || Some(Facet::Tag("sea".to_owned()));
    let span = Span {
        from: Some(at("2026-01-01T00:00:00Z")),
        until: None,
    };
    type Change<'a> = &'a dyn Fn(&mut ArticleFilter);
    let cases: &[(Change, &str)] = &[
        (&|_| {}, "created"),
        (&|it| it.sort = ArticleSort::Oldest, "created"),
        (&|it| it.owner = ada, "created"),
        (&|it| it.project = project(), "created"),
        (&|it| it.status = draft, "created"),
        (&|it| (it.owner, it.status) = (ada, draft), "created"),
        (&|it| (it.owner, it.project) = (ada, project()), "created"),
        (
            &|it| (it.project, it.status) = (project(), draft),
            "created",
        ),
        (
            &|it| (it.project, it.created) = (project(), span),
            "created",
        ),
        (&|it| (it.owner, it.created) = (ada, span), "created"),
        (&|it| (it.status, it.created) = (draft, span), "created"),
        (&|it| (it.project, it.facet) = (project(), tag()), "tag:sea"),
        (
            &|it| (it.project, it.sort) = (project(), ArticleSort::Title),
            "title",
        ),
        (
            &|it| (it.project, it.sort, it.updated) = (project(), ArticleSort::Updated, span),
            "updated",
        ),
        (
            &|it| (it.owner, it.project, it.facet) = (ada, default(), tag()),
            "tag:sea",
        ),
        (
            &|it| {
                (it.project, it.facet) = (default(), tag());
                it.status = Some(Status::Published);
            },
            "tag:sea",
        ),
        (&|it| (it.trashed, it.owner) = (true, ada), "created"),
        // Refused.
        (&|it| it.facet = tag(), "unindexed_filter"),
        (
            &|it| (it.project, it.facet) = (default(), tag()),
            "unindexed_filter",
        ),
        (
            &|it| (it.owner, it.project, it.facet) = (ada, project(), tag()),
            "unindexed_filter",
        ),
        (
            &|it| (it.owner, it.facet) = (ada, tag()),
            "unindexed_filter",
        ),
        (
            &|it| (it.project, it.updated) = (project(), span),
            "unindexed_filter",
        ),
        (
            &|it| {
                (it.project, it.created) = (project(), span);
                it.sort = ArticleSort::Title;
            },
            "unindexed_filter",
        ),
        (&|it| it.sort = ArticleSort::Title, "unindexed_sort"),
        (
            &|it| (it.owner, it.sort) = (ada, ArticleSort::Updated),
            "unindexed_sort",
        ),
        (
            &|it| {
                (it.project, it.facet) = (project(), tag());
                it.sort = ArticleSort::Title;
            },
            "unindexed_sort",
        ),
        (
            &|it| {
                (it.project, it.status) = (project(), draft);
                it.sort = ArticleSort::Oldest;
            },
            "created",
        ),
        (
            &|it| {
                (it.project, it.facet) = (project(), tag());
                it.sort = ArticleSort::Oldest;
            },
            "unindexed_sort",
        ),
        (
            &|it| (it.trashed, it.status) = (true, draft),
            "unindexed_filter",
        ),
        (
            &|it| (it.trashed, it.facet) = (true, tag()),
            "unindexed_filter",
        ),
    ];
    for (change, want) in cases {
        let filter = filter(change);
        assert_eq!(outcome(&filter), *want, "{filter:?}");
    }
}

#[test]
fn refusals_say_what_can_be_asked() {
    let refused = filter(|it| it.sort = ArticleSort::Title)
        .walk()
        .unwrap_err();
    assert!(
        refused.message().contains("within a project"),
        "{refused:?}"
    );
}

#[test]
fn later_instants_come_first_and_spans_end_where_they_say() {
    let noon = at("2026-03-01T12:00:00Z");
    let second = TimeDelta::seconds(1);
    let (older, newer) = (ArticleId::new(), ArticleId::new());
    assert!(place_at(noon + second, older) < place_at(noon, newer));
    assert!(place_at(at("1960-01-01T00:00:00Z"), newer) > place_at(noon, older));
    assert!(place_at(noon, newer) < place_at(noon, older));
    let within = Span {
        from: Some(noon),
        until: Some(noon + second),
    };
    let asked = filter(|it| (it.owner, it.created) = (Some(UserId::new()), within));
    let Walk::Created { from, until } = asked.walk().unwrap() else {
        panic!("it is a list by creation");
    };
    let (from, until) = (from.unwrap(), until.unwrap());
    let micro = TimeDelta::microseconds(1);
    for (at, is_in) in [
        (noon - micro, false),
        (noon, true),
        (noon + second - micro, true),
        (noon + second, false),
    ] {
        let place = place_at(at, newer);
        assert_eq!(place >= from && place < until, is_in, "{at}");
        assert_eq!(within.contains(at), is_in, "{at}");
    }
}

#[test]
fn cursors_come_back_and_others_are_told_apart() {
    for place in ["", "0001", "tides & “moons” ñ"] {
        let cursor = RowCursor {
            place: place.to_owned(),
            id: ArticleId::new(),
        };
        assert_eq!(cursor.to_string().parse().ok(), Some(cursor));
    }
    let id = ArticleId::new();
    let bad = [
        String::new(),
        ".".to_owned(),
        id.to_string(),
        format!("zz.{id}"),
        format!("0.{id}"),
        format!("ff.{id}"),
        format!("é.{id}"),
        "00.; DELETE article".to_owned(),
        format!("{}.{id}", "00".repeat(10_000)),
    ];
    for text in bad {
        assert_eq!(text.parse::<RowCursor>().ok(), None, "{text}");
    }
}
