//! What people said, in archives: bad lines, threads that are here already, who may speak in whose name, and that
//! nobody is told anew of what was said long ago.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use inkstone_domain::comment::{Anchor, Comment, SuggestionState};
use inkstone_domain::content::Article;
use inkstone_domain::ids::CommentId;
use inkstone_domain::job::JobStatus;
use inkstone_domain::notification::NotificationFilter;
use inkstone_domain::ports::{Clock, CommentStore, EventLog, TransferStore};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_domain::transfer::{Format, OnConflict, Outcome, ReportLine};
use inkstone_services::NewProject;
use inkstone_services::content::{NewArticle, NewComment, NewSuggestion, Place};
use inkstone_services::events::EventHandler;
use inkstone_services::notifications::Notices;
use inkstone_testkit::sample;
use serde_json::{Value, json};

use super::files::{packed, unpacked};
use super::{PROJECT, all, ended, export, import, new, outcomes, send, with_project};
use crate::world::{World, handbook, join, page};

const COMMENTS: &str = "comments-00001.jsonl";

async fn article(world: &World, who: &Principal) -> Article {
    let new = NewArticle {
        project: Some(PROJECT.to_owned()),
        title: "Tides".to_owned(),
        body: "The moon pulls the sea.".to_owned(),
        ..NewArticle::default()
    };
    world.services.articles.create(who, new).await.unwrap()
}

fn moon() -> Place {
    Place {
        revision: None,
        range: 4..8,
        exact: Some("moon".to_owned()),
    }
}

/// A thread of two, and a suggestion that is open.
async fn talk(world: &World, who: &Principal, article: &Article) -> [Comment; 3] {
    let comments = &world.services.comments;
    let new = NewComment {
        body: format!("Really, @{}?", who.user),
        place: Some(moon()),
    };
    let first = comments.write(who, article.id, new).await.unwrap();
    let first = first.comment;
    let reply = comments.reply(who, article.id, first.id, "The sun, too.".to_owned());
    let reply = reply.await.unwrap().comment;
    comments
        .resolve(who, article.id, first.id, true)
        .await
        .unwrap();
    let new = NewSuggestion {
        body: String::new(),
        place: moon(),
        replacement: "moon and sun".to_owned(),
    };
    let suggestion = comments.suggest(who, article.id, new).await.unwrap();
    let first = world.store.comment(first.id).await.unwrap().unwrap();
    [first, reply, suggestion.comment]
}

/// Newest first.
async fn about(world: &World, article: &Article) -> Vec<Comment> {
    let found = world.store.comments(article.id, page(100)).await;
    found.unwrap().items
}

/// An archive with another text in its file of comments.
fn changed(archive: &[u8], change: impl Fn(&str) -> String) -> Vec<u8> {
    let mut files = unpacked(archive);
    let file = files.iter_mut().find(|file| file.0 == COMMENTS).unwrap();
    file.1 = change(std::str::from_utf8(&file.1).unwrap()).into_bytes();
    packed(&files)
}

fn of_comments(report: &[ReportLine]) -> Vec<&ReportLine> {
    let lines = report.iter();
    lines
        .filter(|line| line.entry.starts_with("comments-"))
        .collect()
}

fn said(line: &ReportLine) -> &str {
    line.message.as_deref().unwrap_or_default()
}

/// A record of the file with some of it changed.
fn record(of: &Comment, change: Value) -> String {
    let mut record = json!(of);
    let fields = record.as_object_mut().unwrap();
    fields.remove("mentions");
    fields.extend(change.as_object().cloned().unwrap());
    format!("{record}\n")
}

#[tokio::test]
async fn bad_lines_are_told_of_by_their_number_and_the_rest_is_taken_in() {
    let (source, ada) = with_project().await;
    let tides = article(&source, &ada).await;
    let [first, reply, suggestion] = talk(&source, &ada, &tides).await;
    let file = export(&source.services, &ada, all(Format::Archive)).await;
    let anchor = |start: usize, end: usize, exact: &str| json!({ "revision": 1, "start": start, "end": end, "exact": exact, "prefix": "", "suffix": "" });
    let nobody = CommentId::new();
    let another = |change: Value| {
        let mut fields = json!({ "id": CommentId::new() });
        let object = fields.as_object_mut().unwrap();
        object.extend(change.as_object().cloned().unwrap());
        fields
    };
    let bad = [
        "{\"nothing\": 1}\n".to_owned(),
        record(&first, another(json!({ "body": " " }))),
        record(&first, another(json!({ "body": "x".repeat(10_001) }))),
        record(&first, another(json!({ "revision": 0 }))),
        record(&first, another(json!({ "anchor": anchor(8, 4, "moon") }))),
        record(&first, another(json!({ "anchor": anchor(4, 8, "moo") }))),
        record(&reply, another(json!({ "reply_to": nobody }))),
        record(&reply, another(json!({ "reply_to": reply.id }))),
        record(&reply, another(json!({ "anchor": anchor(4, 8, "moon") }))),
        record(&suggestion, another(json!({ "anchor": null }))),
        record(
            &first,
            another(json!({ "article": inkstone_domain::ids::ArticleId::new() })),
        ),
    ];
    let count = bad.len();
    let file = changed(&file, |text| format!("{text}{}", bad.concat()));

    let (target, ben) = with_project().await;
    let skip = new(Format::Archive, OnConflict::Skip);
    let dry = inkstone_services::transfer::NewImport {
        dry_run: true,
        ..skip.clone()
    };
    let (_, foretold) = import(&target, &ben, dry, file.clone()).await;
    assert!(about(&target, &tides).await.is_empty());
    let (done, report) = import(&target, &ben, skip, file).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    assert_eq!(outcomes(&foretold), outcomes(&report), "{foretold:#?}");
    let lines = of_comments(&report);
    assert_eq!(lines.len(), 3 + count);
    for (number, line) in (1..).zip(&lines) {
        assert_eq!(line.entry, format!("{COMMENTS} line {number}"));
        let expected = match number <= 3 {
            true => Outcome::Created,
            false => Outcome::Refused,
        };
        assert_eq!(line.outcome, expected, "{line:?}");
    }
    assert!(lines[..3].iter().all(|line| line.article == Some(tides.id)));
    let here = about(&target, &tides).await;
    let ids: Vec<CommentId> = here.iter().map(|comment| comment.id).collect();
    assert_eq!(ids, [suggestion.id, reply.id, first.id]);
    // Nobody but admins speaks in the name of others.
    assert!(here.iter().all(|comment| comment.author == ben.user));
    assert!(said(lines[0]).contains(&format!("`{}` wrote it", ada.user)));
    assert_eq!(here[2].resolved.as_ref().unwrap().by, ben.user);
}

#[tokio::test]
async fn nobody_is_told_of_what_was_said_elsewhere() {
    let (source, ada) = with_project().await;
    let tides = article(&source, &ada).await;
    talk(&source, &ada, &tides).await;
    let (target, ben) = with_project().await;
    let cara = target.somebody(Role::Creator).await;
    join(&target, &ben, &cara, ProjectRole::Editor).await;
    let file = export(&source.services, &ada, all(Format::Archive)).await;
    let named = format!("@{}", cara.user);
    let file = changed(&file, |text| {
        text.replace(&format!("@{}", ada.user), &named)
    });
    target.clock.advance(Duration::from_secs(86_400));
    let skip = new(Format::Archive, OnConflict::Skip);
    let (done, _) = import(&target, &ben, skip, file).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    let first = about(&target, &tides).await.pop().unwrap();
    assert_eq!(first.mentions, [cara.user]);

    target.store.number_events(1_000).await.unwrap();
    let told = target.store.told_after(0, 1_000).await.unwrap();
    let told: Vec<_> = told.into_iter().map(Arc::new).collect();
    let of_comment = told.iter().filter(|told| {
        let kind = told.event.body.kind().as_str();
        kind == "comment.written" && told.event.actor == ben.user
    });
    assert_eq!(of_comment.count(), 3, "what follows articles hears of it");
    let notices = Notices(Arc::clone(&target.services.notifications));
    notices.handle(&told).await.unwrap();
    let notifications = &target.services.notifications;
    for who in [&ben, &cara] {
        let own = notifications
            .list(who, NotificationFilter::All, page(9))
            .await;
        let own = own.unwrap().items;
        assert!(own.iter().all(|one| one.about.comment.is_none()), "{own:?}");
    }
}

#[tokio::test]
async fn what_is_here_is_kept_or_brought_up_to_date() {
    let (source, ada) = with_project().await;
    let tides = article(&source, &ada).await;
    let [first, _, suggestion] = talk(&source, &ada, &tides).await;
    let file = export(&source.services, &ada, all(Format::Archive)).await;
    let (target, ben) = with_project().await;
    let cara = target.somebody(Role::Creator).await;
    join(&target, &ben, &cara, ProjectRole::Owner).await;
    let skip = new(Format::Archive, OnConflict::Skip);
    import(&target, &ben, skip.clone(), file.clone()).await;
    // Whoever imports it again.
    let (_, again) = import(&target, &cara, skip.clone(), file.clone()).await;
    let lines = of_comments(&again);
    assert!(
        lines.iter().all(|line| line.outcome == Outcome::Unchanged),
        "{lines:?}"
    );

    let other = changed(&file, |text| text.replace("Really", "Truly"));
    let reopened = changed(&file, |text| {
        let lines = text.lines().map(|line| {
            let mut record: Value = serde_json::from_str(line).unwrap();
            record.as_object_mut().unwrap().remove("resolved");
            format!("{record}\n")
        });
        lines.collect()
    });
    let (_, report) = import(&target, &ben, skip, other.clone()).await;
    assert_eq!(of_comments(&report)[0].outcome, Outcome::Skipped);
    let fail = new(Format::Archive, OnConflict::Fail);
    let (failed, _) = import(&target, &ben, fail, other.clone()).await;
    assert_eq!(failed.error.unwrap().code, "already_exists");
    let update = new(Format::Archive, OnConflict::Update);
    // They are ben's words here, and only ben changes them.
    let (_, report) = import(&target, &cara, update.clone(), other.clone()).await;
    assert_eq!(of_comments(&report)[0].code.as_deref(), Some("forbidden"));
    let (_, report) = import(&target, &ben, update.clone(), other).await;
    assert_eq!(of_comments(&report)[0].outcome, Outcome::Updated);
    let here = target.store.comment(first.id).await.unwrap().unwrap();
    assert!(here.body.starts_with("Truly"));
    assert_eq!(here.revision, first.revision + 1);
    // A thread is settled and opened by whoever says something there.
    let (_, report) = import(
        &target,
        &cara,
        update,
        changed(&reopened, |text| text.replace("Really", "Truly")),
    )
    .await;
    assert_eq!(of_comments(&report)[0].outcome, Outcome::Updated);
    let here = target.store.comment(first.id).await.unwrap().unwrap();
    assert_eq!((here.resolved, here.author), (None, ben.user));

    let comments = &target.services.comments;
    let (accepted, placed) = comments
        .accept(&ben, tides.id, suggestion.id)
        .await
        .unwrap();
    assert_eq!(accepted.text.body, "The moon and sun pulls the sea.");
    let state = placed.comment.suggestion.unwrap().state;
    assert_eq!(state, SuggestionState::Accepted);
}

/// The words of a suggestion are looked for where its revision is not the one that it came from.
#[tokio::test]
async fn suggestions_are_accepted_also_without_the_revision_they_were_made_on() {
    let (source, ada) = with_project().await;
    let tides = article(&source, &ada).await;
    let [_, _, suggestion] = talk(&source, &ada, &tides).await;
    let file = export(&source.services, &ada, all(Format::Archive)).await;
    let (target, ben) = with_project().await;
    // What is here already by that name has another text, and stays as it is.
    let here = NewArticle {
        project: Some(PROJECT.to_owned()),
        title: "Tides".to_owned(),
        body: "It is the moon. It pulls.".to_owned(),
        ..NewArticle::default()
    };
    let here = target.services.articles.create(&ben, here).await.unwrap();
    let skip = new(Format::Archive, OnConflict::Skip);
    let (_, report) = import(&target, &ben, skip, file).await;
    let lines = of_comments(&report);
    assert!(
        lines.iter().all(|line| line.article == Some(here.id)),
        "{lines:?}"
    );
    let comments = &target.services.comments;
    let (accepted, _) = comments.accept(&ben, here.id, suggestion.id).await.unwrap();
    assert_eq!(accepted.text.body, "It is the moon and sun. It pulls.");

    let mut gone = sample::comment(here.id, ben.user);
    gone.anchor = Anchor::at("The ebb.", 900, 4..7);
    gone.suggestion = suggestion.suggestion;
    target.store.create_comment(&gone, None).await.unwrap();
    let refused = comments.accept(&ben, here.id, gone.id).await.unwrap_err();
    assert!(
        refused.message().contains("the words are gone"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn within_one_engine_comments_get_ids_of_their_own() {
    let (world, owner) = with_project().await;
    let tides = article(&world, &owner).await;
    let mine = talk(&world, &owner, &tides).await;
    let file = export(&world.services, &owner, all(Format::Archive)).await;
    let copy = NewProject {
        slug: "copy".to_owned(),
        ..NewProject::default()
    };
    world.services.projects.create(&owner, copy).await.unwrap();
    let transfers = &world.services.transfers;
    for expected in [Outcome::Created, Outcome::Unchanged] {
        let body = stream::iter([Ok(Bytes::from(file.clone()))]);
        let update = new(Format::Archive, OnConflict::Update);
        let sent = transfers
            .import(&owner, "copy", update, body)
            .await
            .unwrap();
        crate::world::job_when(&world.store, sent.job, |job| job.status.is_final()).await;
        let report = transfers.report(&owner, "copy", sent.id, 0).await.unwrap();
        let lines = of_comments(&report);
        assert_eq!(lines.len(), 3);
        for line in lines {
            assert_eq!(line.outcome, expected, "{line:?}");
            assert_ne!(line.article, Some(tides.id));
        }
        let twin = report.last().unwrap().article.unwrap();
        let there = world.store.comments(twin, page(9)).await.unwrap().items;
        assert_eq!(there.len(), 3);
        let reply = there.iter().find(|it| it.body == mine[1].body).unwrap();
        let first = there.iter().find(|it| it.body == mine[0].body).unwrap();
        assert_eq!(reply.reply_to, Some(first.id));
        assert_ne!(first.id, mine[0].id);
    }
    let here = about(&world, &tides).await;
    assert_eq!(here.into_iter().rev().collect::<Vec<_>>(), mine);
}

#[tokio::test]
async fn an_import_that_was_cut_off_among_comments_goes_on() {
    let (source, ada) = with_project().await;
    let tides = article(&source, &ada).await;
    for _ in 0..4 {
        talk(&source, &ada, &tides).await;
    }
    let file = export(&source.services, &ada, all(Format::Archive)).await;
    let target = World::new().await;
    let ben = target.somebody(Role::Creator).await;
    handbook(&target, &ben).await;
    // By its slug, which only the line of the article tells afterwards.
    let here = article(&target, &ben).await;
    assert_ne!(here.id, tides.id);
    let fail = new(Format::Archive, OnConflict::Fail);
    let sent = send(&target.services, &ben, fail, file).await.unwrap();
    target.services.start_workers(1);
    while target
        .store
        .import(sent.id)
        .await
        .unwrap()
        .unwrap()
        .position
        < 6
    {
        tokio::task::yield_now().await;
    }
    target.services.shutdown(Duration::ZERO).await;
    let next = target.another_engine().await;
    next.start_workers(1);
    let done = ended(&next, &ben, sent).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    let report = target.store.report(done.id, 0, 100).await.unwrap();
    let lines = of_comments(&report);
    assert_eq!(lines.len(), 12);
    assert!(
        lines.iter().all(|line| line.outcome == Outcome::Created),
        "{lines:?}"
    );
    assert_eq!(about(&target, &here).await.len(), 12);
}

/// Archives of before there were authors in them.
#[tokio::test]
async fn prompts_of_older_archives_are_taken_in() {
    let (source, ada) = with_project().await;
    let (_, version) = sample::prompt(PROJECT, ada.user);
    let prompts = &source.services.prompts;
    let name = "greeting".to_owned();
    let made = prompts.create(&ada, PROJECT, name, version.text.clone());
    made.await.unwrap();
    let file = export(&source.services, &ada, all(Format::Archive)).await;
    let whole = json!({ "name": "greeting", "versions": [version.text] });
    let older = json!({ "name": "broken", "versions": 7 });
    let version_line = json!({ "version": { "text": { "description": 1 } } });
    let new_line = json!({ "prompt": { "name": "half" } });
    let mut files = unpacked(&file);
    let prompts = files.iter_mut().find(|file| file.0 == "prompts.jsonl");
    prompts.unwrap().1 = format!("{older}\n{whole}\n{new_line}\n{version_line}\n{{\n").into_bytes();
    let (target, ben) = with_project().await;
    target.clock.advance(Duration::from_secs(3_600));
    let skip = new(Format::Archive, OnConflict::Skip);
    let (done, report) = import(&target, &ben, skip, packed(&files)).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    let lines = report
        .iter()
        .filter(|line| line.entry.starts_with("prompts"));
    let told: Vec<(&str, Outcome)> = lines
        .map(|line| (line.entry.as_str(), line.outcome))
        .collect();
    use Outcome::{Created, Refused};
    assert_eq!(
        told,
        [
            ("prompts.jsonl line 1", Refused),
            ("prompts.jsonl line 2", Created),
            ("prompts.jsonl line 3", Refused),
        ]
    );
    let prompts = &target.services.prompts;
    let (prompt, here) = prompts.get(&ben, PROJECT, "greeting", None).await.unwrap();
    assert_eq!((here.author, here.text), (ben.user, version.text));
    assert_eq!(prompt.created_at, target.clock.now());
}
