//! The suite of [`TransferStore`].

mod comments; // written elsewhere

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::content::{Cause, Revision, Status};
use inkstone_domain::event::{Event, EventBody};
use inkstone_domain::ids::{ImportId, UserId};
use inkstone_domain::job::{JobError, JobStatus};
use inkstone_domain::media::Media;
use inkstone_domain::ports::{
    Arrival, ArticleStore, AuditLog, CommentStore, EventLog, ImportChange, ImportStep,
    MediaArrival, MediaStore, TransferStore,
};
use inkstone_domain::transfer::{Counts, FormerSlug, Import, Outcome, ReportLine};

use super::audit::whole_chain;
use super::events::number_all;
use super::{CROWD, assert_code};
use crate::sample;

pub async fn run(
    store: &dyn TransferStore,
    articles: &dyn ArticleStore,
    media: &dyn MediaStore,
    comments: &dyn CommentStore,
    events: &dyn EventLog,
    log: &dyn AuditLog,
) {
    keeps_imports(store, log).await;
    lists_those_of_a_project(store).await;
    a_step_is_whole_or_nothing(store, articles).await;
    one_of_many_takes_a_step(store).await;
    an_end_is_the_end(store).await;
    counts_what_somebody_has_open(store).await;
    what_ended_long_ago_is_forgotten(store).await;
    articles_come_with_their_past(store, articles).await;
    old_slugs_of_others_are_left_to_them(store, articles).await;
    files_come_with_all_versions(store, media, events, log).await;
    comments::run(store, articles, comments, events, log).await;
}

fn line(number: u64, outcome: Outcome) -> ReportLine {
    ReportLine {
        number,
        entry: format!("line {number}"),
        outcome,
        article: None,
        slug: None,
        code: None,
        message: None,
    }
}

fn step(import: &Import, after: u64, lines: Vec<ReportLine>) -> ImportStep {
    ImportStep {
        import: import.id,
        after,
        lines,
        change: None,
    }
}

async fn created(store: &dyn TransferStore) -> Import {
    let import = sample::import(&sample::project().slug, UserId::new());
    let audit = sample::audit(import.owner);
    store.create_import(&import, &audit).await.unwrap();
    import
}

pub async fn keeps_imports(store: &dyn TransferStore, log: &dyn AuditLog) {
    let import = sample::import(&sample::project().slug, UserId::new());
    let audit = sample::audit(import.owner);
    assert_eq!(store.import(import.id).await.unwrap(), None);
    store.create_import(&import, &audit).await.unwrap();
    assert_eq!(store.import(import.id).await.unwrap(), Some(import.clone()));
    let again = store.create_import(&import, &audit).await;
    assert_code(again, &codes::ALREADY_EXISTS);
    let chain = whole_chain(log).await;
    let own = chain.iter().filter(|entry| entry.record == audit);
    assert_eq!(own.count(), 1);

    let lines = vec![
        ReportLine {
            article: Some(sample::article(import.owner).id),
            slug: Some("tides".to_owned()),
            message: Some("a 'note'; 水".to_owned()),
            ..line(1, Outcome::Skipped)
        },
        ReportLine {
            code: Some("invalid_input".to_owned()),
            ..line(2, Outcome::Refused)
        },
    ];
    store
        .take_step(step(&import, 0, lines.clone()))
        .await
        .unwrap();
    let third = line(3, Outcome::Unchanged);
    store
        .take_step(step(&import, 2, vec![third.clone()]))
        .await
        .unwrap();
    let stored = store.import(import.id).await.unwrap().unwrap();
    let counts = Counts {
        skipped: 1,
        refused: 1,
        unchanged: 1,
        ..Counts::default()
    };
    assert_eq!(
        stored,
        Import {
            position: 3,
            counts,
            status: JobStatus::Running,
            ..import.clone()
        }
    );
    assert_eq!(store.report(import.id, 0, 2).await.unwrap(), lines);
    assert_eq!(store.report(import.id, 2, 9).await.unwrap(), [third]);
    assert_eq!(store.report(ImportId::new(), 0, 9).await.unwrap(), []);
    let known = lines[0].article.unwrap();
    assert_eq!(store.line_of(import.id, known).await.unwrap(), Some(1));
    assert_eq!(store.line_of(ImportId::new(), known).await.unwrap(), None);
}

pub async fn lists_those_of_a_project(store: &dyn TransferStore) {
    let project = sample::project().slug;
    let engine = format!("engine-{}", ImportId::new());
    let mut made = Vec::new();
    for _ in 0..3 {
        let import = Import {
            engine: engine.clone(),
            ..sample::import(&project, UserId::new())
        };
        let audit = sample::audit(import.owner);
        store.create_import(&import, &audit).await.unwrap();
        made.push(import);
    }
    created(store).await;
    let first = store.list_imports(&project, sample::first_page(2));
    let first = first.await.unwrap();
    assert_eq!(first.items, [made[2].clone(), made[1].clone()]);
    let mut page = sample::first_page(2);
    page.cursor = first.next_cursor;
    let rest = store.list_imports(&project, page).await.unwrap();
    assert_eq!(
        (rest.items, rest.next_cursor),
        (vec![made[0].clone()], None)
    );

    let done = store.end_import(made[1].id, JobStatus::Succeeded, None, sample::now());
    done.await.unwrap();
    let open = store.open_imports(&engine).await.unwrap();
    assert_eq!(open, [made[0].clone(), made[2].clone()]);
}

pub async fn a_step_is_whole_or_nothing(store: &dyn TransferStore, articles: &dyn ArticleStore) {
    let import = created(store).await;
    let article = sample::article(import.owner);
    let create = |article| {
        let arrival = Arrival {
            write: sample::creation(article),
            past: Vec::new(),
            former_slugs: Vec::new(),
            provenance: None,
        };
        Some(ImportChange::CreateArticle(Box::new(arrival)))
    };
    let first = ImportStep {
        change: create(&article),
        ..step(&import, 0, vec![line(1, Outcome::Created)])
    };
    store.take_step(first.clone()).await.unwrap();
    assert_eq!(
        articles.article(article.id).await.unwrap(),
        Some(article.clone())
    );
    // The same again, as after an answer that was lost.
    assert_code(store.take_step(first).await, &codes::LEASE_LOST);

    let update = ImportStep {
        change: Some(ImportChange::UpdateArticle(Box::new(sample::retitling(
            &article,
            "Brought up to date",
        )))),
        ..step(&import, 1, vec![line(2, Outcome::Updated)])
    };
    store.take_step(update).await.unwrap();
    let stored = articles.article(article.id).await.unwrap().unwrap();
    assert_eq!(
        (stored.revision, stored.text.title.as_str()),
        (2, "Brought up to date")
    );

    let mut twin = sample::article(import.owner);
    twin.project.clone_from(&article.project);
    twin.slug.clone_from(&stored.slug);
    twin.text.language.clone_from(&stored.text.language);
    let refused = ImportStep {
        change: create(&twin),
        ..step(&import, 2, vec![line(3, Outcome::Created)])
    };
    assert_code(store.take_step(refused).await, &codes::SLUG_TAKEN);
    assert_eq!(articles.article(twin.id).await.unwrap(), None);
    let stale = ImportStep {
        change: Some(ImportChange::UpdateArticle(Box::new(sample::retitling(
            &article, "Late",
        )))),
        ..step(&import, 2, vec![line(3, Outcome::Updated)])
    };
    assert_code(store.take_step(stale).await, &codes::REVISION_MISMATCH);
    let again = ImportStep {
        change: create(&article),
        ..step(&import, 2, vec![line(3, Outcome::Created)])
    };
    assert_code(store.take_step(again).await, &codes::ALREADY_EXISTS);
    let stored = store.import(import.id).await.unwrap().unwrap();
    assert_eq!(stored.position, 2);
    assert_eq!(store.report(import.id, 2, 9).await.unwrap(), []);
}

pub async fn one_of_many_takes_a_step(store: &dyn TransferStore) {
    let import = created(store).await;
    let take = || store.take_step(step(&import, 0, vec![line(1, Outcome::Skipped)]));
    let taken = join_all((0..CROWD).map(|_| take())).await;
    let (done, refused): (Vec<_>, Vec<_>) = taken.into_iter().partition(Result::is_ok);
    assert_eq!(done.len(), 1);
    for one in refused {
        assert_code(one, &codes::LEASE_LOST);
    }
}

pub async fn an_end_is_the_end(store: &dyn TransferStore) {
    let import = created(store).await;
    let error = Some(JobError {
        code: "already_exists".to_owned(),
        message: "entry 7: it is here already".to_owned(),
    });
    let at = sample::now();
    let ended = store.end_import(import.id, JobStatus::Failed, error.clone(), at);
    let ended = ended.await.unwrap();
    let expected = Import {
        status: JobStatus::Failed,
        error,
        finished_at: Some(at),
        ..import.clone()
    };
    assert_eq!(ended, expected);
    let again = store.end_import(import.id, JobStatus::Cancelled, None, at);
    assert_eq!(again.await.unwrap(), expected);
    let late = store.take_step(step(&import, 0, vec![line(1, Outcome::Skipped)]));
    assert_code(late.await, &codes::LEASE_LOST);
    let nobody = store.end_import(ImportId::new(), JobStatus::Failed, None, at);
    assert_code(nobody.await, &codes::NOT_FOUND);
}

pub async fn counts_what_somebody_has_open(store: &dyn TransferStore) {
    let owner = UserId::new();
    let mut made = Vec::new();
    for engine in ["one", "another", "one"] {
        let import = Import {
            engine: engine.to_owned(),
            ..sample::import(&sample::project().slug, owner)
        };
        let audit = sample::audit(owner);
        store.create_import(&import, &audit).await.unwrap();
        made.push(import);
    }
    created(store).await;
    assert_eq!(store.open_imports_of(owner, 9).await.unwrap(), made);
    assert_eq!(store.open_imports_of(owner, 2).await.unwrap(), made[..2]);
    let ended = store.end_import(made[0].id, JobStatus::Cancelled, None, sample::now());
    ended.await.unwrap();
    assert_eq!(store.open_imports_of(owner, 9).await.unwrap(), made[1..]);
    let nobody = store.open_imports_of(UserId::new(), 9).await.unwrap();
    assert_eq!(nobody, []);
}

/// Long before everything else that this suite makes.
pub async fn what_ended_long_ago_is_forgotten(store: &dyn TransferStore) {
    // Of the second; more than are dropped in one transaction.
    const MANY: u64 = 1_050;
    let day = TimeDelta::days(1);
    let begin = DateTime::<Utc>::UNIX_EPOCH + day * 7_000;
    let mut made = Vec::new();
    for number in 0..4 {
        let created_at = begin + day * number;
        let import = Import {
            id: ImportId::at(created_at),
            created_at,
            ..sample::import(&sample::project().slug, UserId::new())
        };
        let audit = sample::audit(import.owner);
        store.create_import(&import, &audit).await.unwrap();
        let count = if number == 1 { MANY } else { 3 };
        let lines = (1..=count).map(|number| line(number, Outcome::Skipped));
        store
            .take_step(step(&import, 0, lines.collect()))
            .await
            .unwrap();
        // The first is still open.
        if number > 0 {
            let ended =
                store.end_import(import.id, JobStatus::Succeeded, None, created_at + day / 2);
            ended.await.unwrap();
        }
        made.push(import.id);
    }
    let before = begin + day * 3;
    assert_eq!(store.forget_imports(begin, 9).await.unwrap(), 0);
    assert_eq!(store.forget_imports(before, 1).await.unwrap(), 1);
    assert_eq!(store.forget_imports(before, 9).await.unwrap(), 1);
    assert_eq!(store.forget_imports(before, 9).await.unwrap(), 0);
    for (id, is_kept) in made.into_iter().zip([true, false, false, true]) {
        assert_eq!(store.import(id).await.unwrap().is_some(), is_kept, "{id}");
        let lines = store.report(id, 0, MANY as usize).await.unwrap();
        assert_eq!(lines.len(), if is_kept { 3 } else { 0 }, "{id}");
    }
}

pub async fn articles_come_with_their_past(store: &dyn TransferStore, articles: &dyn ArticleStore) {
    let import = created(store).await;
    let mut article = sample::article(import.owner);
    article.revision = 7;
    article.text.status = Status::Published;
    let mut past = Vec::new();
    for number in [2, 5] {
        let mut text = article.text.clone();
        text.title = format!("Title {number}");
        past.push(Revision {
            article: article.id,
            revision: number,
            author: UserId::new(),
            cause: Cause::Person,
            comment: Some(format!("the {number}th")),
            text,
            created_at: sample::now(),
        });
    }
    let former_slugs = vec![
        FormerSlug {
            language: "de".to_owned(),
            slug: "gezeiten".to_owned(),
        },
        FormerSlug {
            language: article.text.language.to_ascii_lowercase(),
            slug: format!("{}-old", article.slug),
        },
    ];
    let mut provenance =
        sample::draft_commit(inkstone_domain::ids::JobId::new(), import.owner).provenance;
    provenance.article = article.id;
    let arrival = Arrival {
        write: sample::creation(&article),
        past: past.clone(),
        former_slugs: former_slugs.clone(),
        provenance: Some(provenance.clone()),
    };
    let taken = store.take_step(ImportStep {
        change: Some(ImportChange::CreateArticle(Box::new(arrival))),
        ..step(&import, 0, vec![line(1, Outcome::Created)])
    });
    taken.await.unwrap();
    assert_eq!(
        articles.article(article.id).await.unwrap(),
        Some(article.clone())
    );
    let kept = articles
        .revisions(article.id, sample::first_page(10))
        .await
        .unwrap();
    let numbers: Vec<u64> = kept.items.iter().map(|it| it.revision).collect();
    assert_eq!(numbers, [7, 5, 2]);
    assert_eq!(kept.items[1..], [past[1].clone(), past[0].clone()]);
    assert_eq!(
        articles.provenance(article.id).await.unwrap(),
        Some(provenance)
    );
    let mut kept = store.former_slugs(&article).await.unwrap();
    kept.sort();
    let mut expected = former_slugs.clone();
    expected.sort();
    assert_eq!(kept, expected);
    for former in former_slugs {
        let found = articles.article_by_slug(&article.project, &former.language, &former.slug);
        assert_eq!(found.await.unwrap().map(|it| it.id), Some(article.id));
    }
    // It goes on from there.
    let next = sample::retitling(&article, "Went on");
    articles.update_article(next).await.unwrap();
    assert_eq!(
        articles
            .article(article.id)
            .await
            .unwrap()
            .unwrap()
            .revision,
        8
    );
}

pub async fn old_slugs_of_others_are_left_to_them(
    store: &dyn TransferStore,
    articles: &dyn ArticleStore,
) {
    let import = created(store).await;
    let holder = sample::article(import.owner);
    articles
        .create_article(sample::creation(&holder))
        .await
        .unwrap();
    let mut article = sample::article(import.owner);
    article.project.clone_from(&holder.project);
    let arrival = Arrival {
        write: sample::creation(&article),
        past: Vec::new(),
        former_slugs: vec![FormerSlug {
            language: holder.text.language.to_ascii_lowercase(),
            slug: holder.slug.clone(),
        }],
        provenance: None,
    };
    let taken = store.take_step(ImportStep {
        change: Some(ImportChange::CreateArticle(Box::new(arrival))),
        ..step(&import, 0, vec![line(1, Outcome::Created)])
    });
    taken.await.unwrap();
    assert_eq!(store.former_slugs(&article).await.unwrap(), []);
    let found = articles.article_by_slug(&holder.project, &holder.text.language, &holder.slug);
    assert_eq!(found.await.unwrap(), Some(holder));
}

pub async fn files_come_with_all_versions(
    store: &dyn TransferStore,
    media: &dyn MediaStore,
    events: &dyn EventLog,
    log: &dyn AuditLog,
) {
    const QUOTA: u64 = 450;
    let begin = number_all(events).await;
    let import = created(store).await;
    let project = sample::project().slug;
    let versions = [1, 2, 4].map(|number| sample::media_version(number, import.owner));
    let medium = Media {
        newest: versions[2].clone(),
        revision: 9,
        ..sample::media(&project, import.owner)
    };
    let audit = sample::audit(import.owner);
    let arrival = MediaArrival {
        media: medium.clone(),
        versions: versions.to_vec(),
        quota_bytes: QUOTA,
        event: Event::new(
            sample::now(),
            import.owner,
            EventBody::media_created(&medium),
        ),
        audit: Some(audit.clone()),
    };
    let first = ImportStep {
        change: Some(ImportChange::CreateMedia(Box::new(arrival.clone()))),
        ..step(&import, 0, vec![line(1, Outcome::Created)])
    };
    store.take_step(first.clone()).await.unwrap();
    assert_code(store.take_step(first).await, &codes::LEASE_LOST);
    assert_eq!(media.media(medium.id).await.unwrap(), Some(medium.clone()));
    let page = media.media_versions(medium.id, sample::first_page(9)).await;
    let mut newest_first = versions.to_vec();
    newest_first.reverse();
    assert_eq!(page.unwrap().items, newest_first);
    assert_eq!(media.media_bytes(&project).await.unwrap(), 300);
    let blobs: Vec<_> = versions.iter().map(|it| it.content.blob).collect();
    let mut known = media.known_blobs(&blobs).await.unwrap();
    known.sort();
    let mut expected = blobs.clone();
    expected.sort();
    assert_eq!(known, expected);
    let chain = whole_chain(log).await;
    assert_eq!(chain.iter().filter(|it| it.record == audit).count(), 1);

    // What is there already, what is stale and what is too much come to nothing, their lines too.
    let fifth = sample::media_version(5, import.owner);
    let larger = Media {
        newest: fifth.clone(),
        name: "ebb.png".to_owned(),
        revision: 10,
        ..medium.clone()
    };
    let grown = MediaArrival {
        event: Event::new(
            sample::now(),
            import.owner,
            EventBody::media_changed(&larger),
        ),
        media: larger,
        versions: vec![fifth.clone()],
        quota_bytes: QUOTA,
        audit: None,
    };
    let stale = MediaArrival {
        media: Media {
            revision: 12,
            ..grown.media.clone()
        },
        ..grown.clone()
    };
    let too_much = MediaArrival {
        quota_bytes: 399,
        ..grown.clone()
    };
    for (change, code) in [
        (
            ImportChange::CreateMedia(Box::new(arrival)),
            &codes::ALREADY_EXISTS,
        ),
        (
            ImportChange::UpdateMedia(Box::new(stale)),
            &codes::REVISION_MISMATCH,
        ),
        (
            ImportChange::UpdateMedia(Box::new(too_much)),
            &codes::MEDIA_QUOTA_EXCEEDED,
        ),
    ] {
        let refused = ImportStep {
            change: Some(change),
            ..step(&import, 1, vec![line(2, Outcome::Created)])
        };
        assert_code(store.take_step(refused).await, code);
    }
    assert_eq!(media.media(medium.id).await.unwrap(), Some(medium.clone()));
    assert_eq!(store.import(import.id).await.unwrap().unwrap().position, 1);
    let second = ImportStep {
        change: Some(ImportChange::UpdateMedia(Box::new(grown.clone()))),
        ..step(&import, 1, vec![line(2, Outcome::Updated)])
    };
    store.take_step(second).await.unwrap();
    assert_eq!(
        media.media(medium.id).await.unwrap(),
        Some(grown.media.clone())
    );
    assert_eq!(
        media.media_version(medium.id, 5).await.unwrap(),
        Some(fifth)
    );
    assert_eq!(media.media_bytes(&project).await.unwrap(), 400);
    // Only what is said of it: the quota, reached or not, does not matter.
    let flood = Media {
        name: "flood.png".to_owned(),
        revision: 11,
        ..grown.media
    };
    let renamed = MediaArrival {
        event: Event::new(
            sample::now(),
            import.owner,
            EventBody::media_changed(&flood),
        ),
        media: flood,
        versions: Vec::new(),
        quota_bytes: 1,
        audit: None,
    };
    let third = ImportStep {
        change: Some(ImportChange::UpdateMedia(Box::new(renamed.clone()))),
        ..step(&import, 2, vec![line(3, Outcome::Updated)])
    };
    store.take_step(third).await.unwrap();
    assert_eq!(media.media(medium.id).await.unwrap(), Some(renamed.media));
    assert_eq!(media.media_bytes(&project).await.unwrap(), 400);
    // What came is told, each once; what was refused is not.
    number_all(events).await;
    let told = events.told_after(begin, 100).await.unwrap();
    let told: Vec<_> = told
        .into_iter()
        .map(|told| told.event.body.kind().as_str())
        .collect();
    assert_eq!(told, ["media.created", "media.changed", "media.changed"]);
}
