//! What projects say about words, and saved searches that tell of what begins to match.

use std::sync::Arc;

use inkstone_domain::audit::actions;
use inkstone_domain::codes;
use inkstone_domain::content::Status;
use inkstone_domain::ids::ArticleId;
use inkstone_domain::notification::{
    Notification, NotificationFilter, NotificationKind, NotificationSettings,
};
use inkstone_domain::ports::{AuditLog, EventLog};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_domain::search::{DocumentKind, Lexicon, SavedQuery, Synonyms};
use inkstone_services::content::{ArticlePatch, NewArticle};
use inkstone_services::events::EventHandler;
use inkstone_services::search::{Alerts, NewSavedSearch, SearchAlerts};

use crate::world::{World, handbook, join, page};

#[tokio::test]
async fn words_of_a_project_are_for_its_editors_to_change() {
    let world = World::new().await;
    let owner = world.somebody(Role::Creator).await;
    let reader = world.somebody(Role::Creator).await;
    let stranger = world.somebody(Role::Creator).await;
    handbook(&world, &owner).await;
    join(&world, &owner, &reader, ProjectRole::Viewer).await;
    let lexicons = &world.services.search.lexicons;
    let wished = Lexicon {
        stop_words: Vec::new(),
        synonyms: vec![Synonyms::mutual(["nyc", "new york"])],
    };
    let change = |who: Principal, expected| {
        let wished = wished.clone();
        async move { lexicons.replace(&who, "handbook", wished, expected).await }
    };
    let refused = change(reader.clone(), None).await.unwrap_err();
    assert_eq!(refused.code(), &codes::FORBIDDEN);
    let hidden = change(stranger.clone(), None).await.unwrap_err();
    assert_eq!(hidden.code(), &codes::NOT_FOUND);
    let told = change(owner.clone(), Some(0)).await.unwrap();
    assert_eq!((told.revision, &told.lexicon), (1, &wished));
    let late = change(owner.clone(), Some(0)).await.unwrap_err();
    assert_eq!(late.code(), &codes::REVISION_MISMATCH);
    assert_eq!(change(owner, None).await.unwrap().revision, 1);

    assert_eq!(lexicons.settings(&reader, "handbook").await.unwrap(), told);
    let hidden = lexicons.settings(&stranger, "handbook").await.unwrap_err();
    assert_eq!(hidden.code(), &codes::NOT_FOUND);
    let entries = world.store.audit_after(&Default::default(), 0, 100).await;
    let changes = entries.unwrap().into_iter();
    let changes = changes.filter(|one| one.record.action == actions::SEARCH_SETTINGS_CHANGED);
    assert_eq!(changes.count(), 1);
}

/// All that has happened, handled twice: that must come to the same.
async fn hear(world: &World) {
    world.store.number_events(1_000).await.unwrap();
    let told = world.store.told_after(0, 1_000).await.unwrap();
    let told: Vec<_> = told.into_iter().map(Arc::new).collect();
    let alerts = SearchAlerts {
        search: Arc::clone(&world.services.search),
        notifications: Arc::clone(&world.services.notifications),
    };
    alerts.handle(&told).await.unwrap();
    alerts.handle(&told).await.unwrap();
}

async fn of(world: &World, who: &Principal) -> Vec<Notification> {
    let notifications = &world.services.notifications;
    let all = NotificationFilter::All;
    let listed = notifications.list(who, all, page(100)).await.unwrap();
    listed.items
}

async fn write(world: &World, who: &Principal, title: &str, status: Status) -> ArticleId {
    let new = NewArticle {
        title: title.to_owned(),
        status,
        project: Some("handbook".to_owned()),
        ..NewArticle::default()
    };
    let created = world.services.articles.create(who, new).await;
    created.unwrap().id
}

fn tides(alerts: Alerts) -> NewSavedSearch {
    NewSavedSearch {
        name: "Tides".to_owned(),
        query: SavedQuery {
            text: "tides".to_owned(),
            kinds: vec![DocumentKind::Article],
            ..SavedQuery::default()
        },
        alerts,
    }
}

#[tokio::test]
async fn alerts_tell_of_what_is_written_and_may_be_read_once() {
    let world = World::new().await;
    let author = world.somebody(Role::Creator).await;
    let reader = world.somebody(Role::Creator).await;
    let silent = world.somebody(Role::Creator).await;
    handbook(&world, &author).await;
    write(&world, &author, "Tides of before", Status::Published).await;
    world.clock.advance(std::time::Duration::from_secs(60));
    let searches = &world.services.search.saved;
    let saved = searches.create(&reader, tides(Alerts::On)).await.unwrap();
    searches.create(&silent, tides(Alerts::Off)).await.unwrap();
    searches.create(&author, tides(Alerts::On)).await.unwrap();

    write(&world, &author, "Tides", Status::Published).await;
    write(&world, &author, "Secret tides", Status::Draft).await;
    write(&world, &author, "Mountains", Status::Published).await;
    hear(&world).await;
    let told = of(&world, &reader).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].kind, NotificationKind::SearchMatched);
    assert_eq!(told[0].about.search, Some(saved.id));
    assert_eq!(
        told[0].about.document.and_then(|id| id.article()),
        told[0].about.article
    );
    assert_eq!(of(&world, &silent).await, []);
    assert_eq!(
        of(&world, &author).await,
        [],
        "nobody is told what they did"
    );

    let muted = NotificationSettings {
        muted_kinds: [NotificationKind::SearchMatched].into(),
        ..NotificationSettings::of(reader.user)
    };
    let notifications = &world.services.notifications;
    notifications
        .set_settings(&reader, muted, None)
        .await
        .unwrap();
    write(&world, &author, "Tides again", Status::Published).await;
    hear(&world).await;
    assert_eq!(of(&world, &reader).await.len(), 1);
}

/// The engine may see both at once.
#[tokio::test]
async fn a_change_of_ones_own_hides_none_of_somebody_else() {
    let world = World::new().await;
    let author = world.somebody(Role::Creator).await;
    let admin = world.somebody(Role::Admin).await;
    handbook(&world, &author).await;
    let searches = &world.services.search.saved;
    searches.create(&admin, tides(Alerts::On)).await.unwrap();
    let id = write(&world, &author, "Tides", Status::Draft).await;
    let change = ArticlePatch {
        summary: Some("Of the moon".to_owned()),
        ..ArticlePatch::default()
    };
    let articles = &world.services.articles;
    articles.update(&admin, id, change, None).await.unwrap();
    hear(&world).await;
    let told = of(&world, &admin).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].actor, author.user);
}

#[tokio::test]
async fn saved_searches_are_their_owners_and_bounded() {
    let world = World::new().await;
    let owner = world.somebody(Role::Viewer).await;
    let admin = world.somebody(Role::Admin).await;
    let searches = &world.services.search.saved;
    let first = searches.create(&owner, tides(Alerts::Off)).await.unwrap();
    for hidden in [
        searches.get(&admin, first.id).await.map(drop),
        searches.remove(&admin, first.id).await,
    ] {
        assert_eq!(hidden.unwrap_err().code(), &codes::NOT_FOUND);
    }
    for name in ["", " ", "two\nlines", &"x".repeat(101)] {
        let new = NewSavedSearch {
            name: name.to_owned(),
            ..tides(Alerts::Off)
        };
        let refused = searches.create(&owner, new).await.unwrap_err();
        assert_eq!(refused.fields()[0].pointer, "/name", "{name:?}");
    }
    let mut long = tides(Alerts::Off);
    long.query.text = "x".repeat(2_001);
    let refused = searches.create(&owner, long).await.unwrap_err();
    assert_eq!(refused.fields()[0].pointer, "/q");
    for _ in 1..50 {
        searches.create(&owner, tides(Alerts::On)).await.unwrap();
    }
    let refused = searches
        .create(&owner, tides(Alerts::On))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), &codes::CONFLICT);
    searches.remove(&owner, first.id).await.unwrap();
    searches.create(&owner, tides(Alerts::On)).await.unwrap();
}
