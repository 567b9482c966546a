//! Out of one engine and into another: whatever articles say, it is the same on the other side. What a
//! format cannot carry is set to what it brings, here and in `docs/transfer.md`.

mod made; // what people might write and keep
mod said; // and say to each other

use std::collections::HashMap;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use inkstone_domain::content::{
    Article, ArticleFilter, ArticleText, ContentType, Revision, Status,
};
use inkstone_domain::ids::{ArticleId, BlobId, MediaId, UserId};
use inkstone_domain::job::JobStatus;
use inkstone_domain::media::{MediaContent, MediaFilter, MediaVersion, VariantState};
use inkstone_domain::ports::{
    ArticleStore, BlobStore, Clock, ContentTypeStore, MediaStore, TransferStore,
};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::transfer::{Format, FormerSlug, OnConflict, Outcome, ReportLine};
use inkstone_services::ProjectPatch;
use inkstone_services::content::NewContentType;
use inkstone_services::transfer::{ExportWish, NewImport};
use inkstone_testkit::sample;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde_json::{Value, json};

use self::made::{File, article, file};
use self::said::{Heard, People, Said, said};
use super::{PROJECT, all, export, import, new, outcomes};
use crate::world::{World, handbook, page};

/// Keeps files as if they had been uploaded, and says which.
async fn keep(world: &World, owner: UserId, files: &[File]) -> Vec<MediaId> {
    let mut ids = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let at = world.clock.now() - TimeDelta::milliseconds(50_000 - number as i64);
        let mut media = sample::media(PROJECT, owner);
        media.id = MediaId::at(at);
        (media.name, media.alt) = (file.name.clone(), file.alt.clone());
        (media.created_at, media.updated_at) = (at, at + TimeDelta::milliseconds(7));
        for (number, (content_type, bytes)) in (1..).zip(&file.versions) {
            let picture =
                (*content_type == "image/png").then(|| imagesize::blob_size(bytes).unwrap());
            media.revision = u64::from(number);
            media.newest = MediaVersion {
                version: number,
                content: MediaContent {
                    blob: BlobId::new(),
                    content_type: (*content_type).to_owned(),
                    size_bytes: bytes.len() as u64,
                    sha256: inkstone_domain::digest::sha256(bytes),
                    width: picture.map(|size| size.width as u32),
                    height: picture.map(|size| size.height as u32),
                    text: content_type
                        .starts_with("text/")
                        .then(|| String::from_utf8_lossy(bytes).into_owned()),
                },
                variants: Vec::new(),
                variant_state: VariantState::None,
                author: owner,
                created_at: at,
            };
            let whole = stream::iter([Ok(bytes.clone().into())]).boxed();
            let key = media.key(&media.newest.content);
            world.blobs.put(&key, whole).await.unwrap();
            let quota = u64::MAX / 2;
            match number {
                1 => world
                    .store
                    .create_media(&media, None, quota, None)
                    .await
                    .unwrap(),
                _ => world
                    .store
                    .add_media_version(&media, quota, None)
                    .await
                    .unwrap(),
            }
        }
        ids.push(media.id);
    }
    ids
}

/// All that is to be the same of media, with the bytes of every version.
async fn kept(world: &World) -> Vec<Value> {
    let filter = MediaFilter {
        project: PROJECT.to_owned(),
        ..MediaFilter::default()
    };
    let all = world.store.list_media(&filter, page(100)).await.unwrap();
    let mut kept = Vec::new();
    for media in all.items {
        let versions = world.store.media_versions(media.id, page(100)).await;
        let mut told = Vec::new();
        for version in versions.unwrap().items {
            let blob = world.blobs.get(&media.key(&version.content), None).await;
            let bytes: Vec<Bytes> = blob.unwrap().unwrap().bytes.try_collect().await.unwrap();
            let content = &version.content;
            told.push(json!([
                version.version,
                content.content_type,
                content.size_bytes,
                content.sha256,
                [content.width, content.height],
                version.created_at,
                bytes.concat(),
            ]));
        }
        kept.push(json!([
            media.id,
            media.name,
            media.alt,
            media.created_at,
            media.updated_at,
            told
        ]));
    }
    kept
}

/// A world with the content type, and the owner of its project. An admin, who may make content types.
async fn world() -> (World, Principal) {
    let world = World::new().await;
    let owner = world.somebody(Role::Admin).await;
    handbook(&world, &owner).await;
    world.services.start_workers(1);
    (world, owner)
}

async fn with_type() -> (World, Principal) {
    let (world, owner) = world().await;
    let kind = ContentType {
        name: "anything".to_owned(),
        title: "Anything".to_owned(),
        schema: json!({ "type": "object" }),
        ..sample::content_type()
    };
    let audit = sample::audit(owner.user);
    let created = world.store.create_content_type(&kind, &audit).await;
    created.unwrap();
    (world, owner)
}

async fn stored(world: &World) -> Vec<Article> {
    let filter = ArticleFilter {
        project: Some(PROJECT.to_owned()),
        ..ArticleFilter::default()
    };
    world
        .store
        .list_articles(filter, page(100))
        .await
        .unwrap()
        .items
}

async fn all_revisions(world: &World, id: ArticleId) -> Vec<Revision> {
    world.store.revisions(id, page(100)).await.unwrap().items
}

/// Writes articles as they may have come to be, some of them with a past.
async fn fill(world: &World, owner: UserId, texts: Vec<(ArticleText, i64, Vec<String>)>) {
    let now: DateTime<Utc> = world.clock.now();
    let mut original: Option<Article> = None;
    // A group has one article in a language.
    let mut languages: Vec<String> = Vec::new();
    for (number, (text, age, former)) in texts.into_iter().enumerate() {
        let created_at = now - TimeDelta::milliseconds(age + 1_000);
        let is_new = !languages.contains(&text.language);
        languages.push(text.language.clone());
        let translates = original.as_ref().filter(|_| is_new).map(|it| it.id);
        let article = Article {
            id: ArticleId::at(created_at),
            project: PROJECT.to_owned(),
            owner,
            slug: format!("article-{number}"),
            revision: 1,
            job: None,
            translation_of: translates,
            created_at,
            updated_at: created_at + TimeDelta::milliseconds(age / 2),
            trashed_at: None,
            text,
        };
        let mut past = article.clone();
        past.text.status = Status::Draft;
        past.text.publish_at = None;
        world
            .store
            .create_article(sample::creation(&past))
            .await
            .unwrap();
        let slugs = former.into_iter().map(|slug| format!("{slug}-{number}"));
        for slug in slugs.chain([article.slug.clone()]) {
            past = Article {
                slug,
                revision: past.revision + 1,
                ..past
            };
            world
                .store
                .update_article(sample::creation(&past))
                .await
                .unwrap();
        }
        let last = Article {
            revision: past.revision + 1,
            ..article.clone()
        };
        world
            .store
            .update_article(sample::creation(&last))
            .await
            .unwrap();
        original.get_or_insert(last);
    }
}

/// What happens to a project before it is given out, and what of it is.
#[derive(Debug, Clone, Default)]
struct Before {
    /// The original of all translations lies in the trash.
    is_trashed: bool,
    /// The type wants a field that no article has.
    is_stricter: bool,
    status: Option<Status>,
    language: Option<String>,
}

fn before() -> impl Strategy<Value = Before> {
    let status = option::weighted(0.3, prop::sample::select(Status::ALL.to_vec()));
    let language = option::weighted(0.3, prop::sample::select(vec!["en", "DE"]));
    (any::<bool>(), any::<bool>(), status, language).prop_map(
        |(is_trashed, is_stricter, status, language)| Before {
            is_trashed,
            is_stricter,
            status,
            language: language.map(str::to_owned),
        },
    )
}

impl Before {
    async fn happen(&self, world: &World, who: &Principal) {
        if self.is_trashed {
            let articles = stored(world).await;
            let group = articles.iter().find_map(|it| it.translation_of);
            let first = group.or_else(|| articles.last().map(|it| it.id));
            let deleted = world.services.articles.delete(who, first.unwrap(), None);
            deleted.await.unwrap();
        }
        if self.is_stricter {
            let kind = NewContentType {
                name: "anything".to_owned(),
                title: "Anything".to_owned(),
                schema: json!({ "type": "object", "required": ["nobody has this one"] }),
            };
            let types = &world.services.content_types;
            types.replace(who, kind, None).await.unwrap();
        }
    }

    fn wish(&self, format: Format) -> ExportWish {
        ExportWish {
            status: self.status,
            language: self.language.clone(),
            ..all(format)
        }
    }

    /// What is given out, as it should come: of translations without their original the first stands for it.
    fn expected(&self, mut articles: Vec<Article>) -> Vec<Article> {
        articles.retain(|article| {
            let language = &article.text.language;
            let wanted = self.language.as_ref();
            self.status
                .is_none_or(|status| status == article.text.status)
                && wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(language))
        });
        let there: Vec<ArticleId> = articles.iter().map(|article| article.id).collect();
        let mut heads = HashMap::new();
        for article in &mut articles {
            let lost = article.translation_of.filter(|id| !there.contains(id));
            if let Some(lost) = lost {
                let head = *heads.entry(lost).or_insert(article.id);
                article.translation_of = Some(head).filter(|head| *head != article.id);
            }
        }
        articles
    }
}

/// What comes out at the other side, beside what goes in at this one.
async fn carried(
    format: Format,
    mut texts: Vec<(ArticleText, i64, Vec<String>)>,
    files: Vec<File>,
    said: Said,
    before: Before,
) -> TestCaseResult {
    let (source, ada) = with_type().await;
    let (target, ben) = match format {
        Format::Archive => world().await,
        _ => with_type().await,
    };
    let people = People::of(ada.user, &source, &target).await;
    let media = keep(&source, ada.user, &files).await;
    if let Some(id) = media.first() {
        texts[0].0.extras.cover = id.to_string();
        texts[0]
            .0
            .body
            .push_str(&format!("![](/v1/media/{id}/content)"));
    }
    fill(&source, ada.user, texts).await;
    said.happen(&source, &people, &stored(&source).await).await;
    before.happen(&source, &ada).await;
    let file = export(&source.services, &ada, before.wish(format)).await;
    let again = export(&source.services, &ada, before.wish(format)).await;
    prop_assert!(file == again, "written twice, it is the same");
    let wet = new(format, OnConflict::Fail);
    let dry = NewImport {
        dry_run: true,
        ..wet.clone()
    };
    let (_, foretold) = import(&target, &ben, dry, file.clone()).await;
    prop_assert!(stored(&target).await.is_empty(), "a dry run writes nothing");
    let (done, report) = import(&target, &ben, wet.clone(), file.clone()).await;
    prop_assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    let refused = report.iter().find(|line| line.outcome == Outcome::Refused);
    prop_assert!(refused.is_none(), "{:?}", refused);
    prop_assert_eq!(outcomes(&foretold), outcomes(&report), "{:?}", foretold);
    prop_assert_eq!(of_what_was_said(&foretold), of_what_was_said(&report));

    let there = stored(&target).await;
    let here = before.expected(stored(&source).await);
    prop_assert_eq!(here.len(), there.len());
    if format == Format::Archive {
        let ids: Vec<ArticleId> = here.iter().map(|article| article.id).collect();
        let heard = Heard::of(&source, &ids).await.brought(&people, ben.user);
        prop_assert_eq!(heard, Heard::of(&target, &ids).await);
        let (again, report) = import(&target, &ben, wet, file).await;
        prop_assert_eq!(again.status, JobStatus::Succeeded, "{:?}", again.error);
        let same = [Outcome::Unchanged, Outcome::Skipped];
        let other = report.iter().find(|line| !same.contains(&line.outcome));
        prop_assert!(other.is_none(), "{:?}", other);
    }
    for (mut here, there) in here.into_iter().zip(there) {
        let former = |world: &World, article: &Article| {
            let store = world.store.clone();
            let article = article.clone();
            async move { store.former_slugs(&article).await.unwrap() }
        };
        let slugs: Vec<FormerSlug> = former(&source, &here).await;
        prop_assert_eq!(slugs, former(&target, &there).await);
        if format == Format::Archive {
            let mut past = all_revisions(&source, here.id).await;
            for revision in &mut past {
                revision.author = ben.user;
            }
            prop_assert_eq!(past, all_revisions(&target, there.id).await);
        } else {
            here.revision = 1;
        }
        // Nobody is there who owned it.
        here.owner = ben.user;
        prop_assert_eq!(here, there);
    }
    prop_assert_eq!(kept(&source).await, kept(&target).await);
    Ok(())
}

/// What a report says of all but articles and media, whose notes also tell of what was made here meanwhile.
fn of_what_was_said(report: &[ReportLine]) -> Vec<(&str, Option<&str>)> {
    let files = ["search", "prompts", "notes", "comments"];
    let lines = report
        .iter()
        .filter(|line| files.iter().any(|file| line.entry.starts_with(file)));
    lines
        .map(|line| (line.entry.as_str(), line.message.as_deref()))
        .collect()
}

fn run(
    format: Format,
    texts: Vec<(ArticleText, i64, Vec<String>)>,
    files: Vec<File>,
    said: Said,
    before: Before,
) -> TestCaseResult {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(carried(format, texts, files, said, before))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn markdown_loses_nothing(texts in vec(article(), 1..5), before in before()) {
        // The type is here as it was.
        let before = Before { is_stricter: false, ..before };
        run(Format::Markdown, texts, Vec::new(), Said::default(), before)?;
    }

    #[test]
    fn json_lines_lose_nothing(texts in vec(article(), 1..5), before in before()) {
        let before = Before { is_stricter: false, ..before };
        run(Format::Jsonl, texts, Vec::new(), Said::default(), before)?;
    }

    #[test]
    fn archives_lose_nothing(
        texts in vec(article(), 1..5),
        files in vec(file(), 0..4),
        said in said(),
        before in before(),
    ) {
        run(Format::Archive, texts, files, said, before)?;
    }
}

#[tokio::test]
async fn an_archive_brings_the_project_with_it() {
    let (source, ada) = with_type().await;
    let patch = ProjectPatch {
        name: Some("The handbook".to_owned()),
        description: Some("All we know.".to_owned()),
        ..ProjectPatch::default()
    };
    source
        .services
        .projects
        .update(&ada, PROJECT, patch, None)
        .await
        .unwrap();
    let (_, version) = sample::prompt(PROJECT, ada.user);
    let prompts = &source.services.prompts;
    let name = "greeting".to_owned();
    prompts
        .create(&ada, PROJECT, name, version.text.clone())
        .await
        .unwrap();
    let mut second = version.text.clone();
    second.description = "Greets better.".to_owned();
    prompts
        .add_version(&ada, PROJECT, "greeting", second.clone(), None)
        .await
        .unwrap();
    let file = export(&source.services, &ada, all(Format::Archive)).await;

    let (target, ben) = world().await;
    let (done, report) = import(
        &target,
        &ben,
        new(Format::Archive, OnConflict::Skip),
        file.clone(),
    )
    .await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    use Outcome::{Created, Skipped, Unchanged, Updated};
    assert_eq!(
        outcomes(&report),
        [Updated, Skipped, Created, Created],
        "{report:#?}"
    );
    let project = target.services.projects.get(&ben, PROJECT).await.unwrap();
    assert_eq!(project.name, "The handbook");
    let versions = target
        .services
        .prompts
        .versions(&ben, PROJECT, "greeting", page(10))
        .await;
    let texts: Vec<_> = versions
        .unwrap()
        .items
        .into_iter()
        .map(|it| it.text)
        .collect();
    assert_eq!(texts, [second, version.text]);
    let text = String::from_utf8_lossy(&file);
    assert!(!text.contains("password"), "nothing secret");
    let (_, again) = import(&target, &ben, new(Format::Archive, OnConflict::Fail), file).await;
    assert_eq!(outcomes(&again), [Unchanged, Skipped, Unchanged, Unchanged]);
}

#[tokio::test]
async fn within_one_engine_articles_get_ids_of_their_own() {
    let (world, owner) = with_type().await;
    let text = ArticleText {
        title: "Tides".to_owned(),
        language: "en".to_owned(),
        ..ArticleText::default()
    };
    fill(&world, owner.user, vec![(text, 1_000, vec![])]).await;
    let original = stored(&world).await.remove(0);
    let file = export(&world.services, &owner, all(Format::Jsonl)).await;
    let copy = inkstone_services::NewProject {
        slug: "copy".to_owned(),
        ..Default::default()
    };
    world.services.projects.create(&owner, copy).await.unwrap();
    let transfers = &world.services.transfers;
    for expected in [Outcome::Created, Outcome::Unchanged] {
        let body = stream::iter([Ok(Bytes::from(file.clone()))]);
        let new = new(Format::Jsonl, OnConflict::Update);
        let sent = transfers.import(&owner, "copy", new, body).await.unwrap();
        crate::world::job_when(&world.store, sent.job, |job| job.status.is_final()).await;
        let report = transfers.report(&owner, "copy", sent.id, 0).await.unwrap();
        assert_eq!(outcomes(&report), [expected]);
        assert_ne!(report[0].article, Some(original.id));
    }
    let kept = world.store.article(original.id).await.unwrap();
    assert_eq!(
        kept,
        Some(original),
        "what is of another project stays as it is"
    );
}
