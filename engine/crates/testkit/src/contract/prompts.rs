//! The suite of [`PromptStore`].

use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{AuditLog, PromptStore};
use inkstone_domain::prompt::{Prompt, PromptVersion};

use super::audit::whole_chain;
use super::{CROWD, assert_code};
use crate::sample;

pub async fn run(store: &dyn PromptStore, log: &dyn AuditLog) {
    keeps_prompts_and_versions(store).await;
    one_of_many_adds_a_version(store, log).await;
    lists_what_a_project_has(store).await;
}

fn next(prompt: &Prompt, version: &PromptVersion) -> (Prompt, PromptVersion) {
    let prompt = Prompt {
        version: prompt.version + 1,
        updated_at: sample::now(),
        ..prompt.clone()
    };
    let mut version = PromptVersion {
        version: prompt.version,
        ..version.clone()
    };
    version.text.description = format!("version {}", prompt.version);
    version.text.variables.clear();
    (prompt, version)
}

pub async fn keeps_prompts_and_versions(store: &dyn PromptStore) {
    let author = UserId::new();
    let audit = sample::audit(author);
    let (first, one) = sample::prompt(&sample::project().slug, author);
    let (second, two) = next(&first, &one);
    let (project, name) = (first.project.as_str(), first.name.as_str());
    let early = store.add_prompt_version(&second, &two, &audit).await;
    assert_code(early, &codes::NOT_FOUND);
    store.create_prompt(&first, &one, &audit).await.unwrap();
    assert_eq!(
        store.prompt(project, name).await.unwrap(),
        Some(first.clone())
    );
    store
        .add_prompt_version(&second, &two, &audit)
        .await
        .unwrap();
    assert_eq!(
        store.prompt(project, name).await.unwrap(),
        Some(second.clone())
    );
    let again = store.add_prompt_version(&second, &two, &audit).await;
    assert_code(again, &codes::REVISION_MISMATCH);

    let (twin, version) = sample::prompt(project, author);
    assert_code(
        store.create_prompt(&twin, &version, &audit).await,
        &codes::ALREADY_EXISTS,
    );
    for (number, expected) in [(1, Some(one.clone())), (2, Some(two.clone())), (3, None)] {
        let found = store.prompt_version(first.id, number).await.unwrap();
        assert_eq!(found, expected);
    }
    let newest = store
        .prompt_versions(first.id, sample::first_page(1))
        .await
        .unwrap();
    assert_eq!(newest.items, [two]);
    let mut page = sample::first_page(1);
    page.cursor = newest.next_cursor;
    let rest = store.prompt_versions(first.id, page).await.unwrap();
    assert_eq!((rest.items, rest.next_cursor), (vec![one], None));
}

pub async fn one_of_many_adds_a_version(store: &dyn PromptStore, log: &dyn AuditLog) {
    let author = UserId::new();
    let audit = sample::audit(author);
    let (prompt, version) = sample::prompt(&sample::project().slug, author);
    store
        .create_prompt(&prompt, &version, &audit)
        .await
        .unwrap();
    let (prompt, version) = next(&prompt, &version);
    let add = || store.add_prompt_version(&prompt, &version, &audit);
    let added = join_all((0..CROWD).map(|_| add())).await;
    assert_eq!(added.iter().filter(|result| result.is_ok()).count(), 1);
    let chain = whole_chain(log).await;
    let own = chain.iter().filter(|entry| entry.record == audit);
    assert_eq!(own.count(), 2, "refused changes are not written down");
}

pub async fn lists_what_a_project_has(store: &dyn PromptStore) {
    let author = UserId::new();
    let audit = sample::audit(author);
    let project = sample::project().slug;
    let mut made = Vec::new();
    for number in 0..3 {
        let (mut prompt, version) = sample::prompt(&project, author);
        prompt.name = format!("prompt-{number}");
        store
            .create_prompt(&prompt, &version, &audit)
            .await
            .unwrap();
        made.push(prompt);
    }
    let (stranger, version) = sample::prompt(&sample::project().slug, author);
    store
        .create_prompt(&stranger, &version, &audit)
        .await
        .unwrap();
    let first = store
        .list_prompts(&project, sample::first_page(2))
        .await
        .unwrap();
    assert_eq!(first.items, [made[2].clone(), made[1].clone()]);
    let mut page = sample::first_page(2);
    page.cursor = first.next_cursor;
    let rest = store.list_prompts(&project, page).await.unwrap();
    assert_eq!(
        (rest.items, rest.next_cursor),
        (vec![made[0].clone()], None)
    );
}
