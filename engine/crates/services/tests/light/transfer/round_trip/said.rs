//! What several people say in a project: comments on its articles with replies and suggestions, prompts in
//! versions, notes, and what words mean. Some of them have an account on the other side.

use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::chat::Role as Speaker;
use inkstone_domain::comment::{Anchor, Comment, Resolution, Suggestion, SuggestionState};
use inkstone_domain::content::Article;
use inkstone_domain::ids::{ArticleId, CommentId, NoteId, PromptId, UserId};
use inkstone_domain::note::{FoundWith, Note, NoteText};
use inkstone_domain::ports::{
    ArticleStore, Clock, CommentStore, NoteStore, PromptStore, SearchSettingsStore, UserStore,
};
use inkstone_domain::principal::{Account, Role, User};
use inkstone_domain::prompt::{
    Prompt, PromptMessage, PromptText, PromptVersion, Variable, VariableKind,
};
use inkstone_domain::research::Source;
use inkstone_domain::search::{Lexicon, SearchSettings, Synonyms};
use inkstone_testkit::sample;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::made::{text, value, word};
use crate::transfer::PROJECT;
use crate::world::{World, page};

/// Who says something: the owner, two others with an account on both sides, and one without.
const PEOPLE: usize = 4;

/// What people say, before there are ids and times.
#[derive(Debug, Clone, Default)]
pub struct Said {
    threads: Vec<Thread>,
    prompts: Vec<Vec<(usize, PromptText)>>,
    notes: Vec<(usize, NoteText, Option<FoundWith>)>,
    lexicon: Lexicon,
}

#[derive(Debug, Clone)]
struct Thread {
    /// Of all articles, counted round.
    article: usize,
    by: usize,
    body: String,
    mentions: Vec<usize>,
    /// From where, how many characters, and whether of the first revision or the newest.
    place: Option<(usize, usize, bool)>,
    suggestion: Option<(String, SuggestionState, usize)>,
    resolved_by: Option<usize>,
    replies: Vec<(usize, String)>,
    revision: u64,
}

fn thread() -> impl Strategy<Value = Thread> {
    let who = || 0..PEOPLE;
    let state = prop::sample::select(vec![
        SuggestionState::Open,
        SuggestionState::Accepted,
        SuggestionState::Rejected,
    ]);
    let suggestion = option::of(("(?s).{0,20}", state, who()));
    (
        (0..5_usize, who(), word(), vec(who(), 0..3)),
        option::of((0..40_usize, 1..20_usize, any::<bool>())),
        suggestion,
        option::of(who()),
        vec((who(), word()), 0..4),
        1..9_u64,
    )
        .prop_map(
            |((article, by, body, mentions), place, suggestion, resolved_by, replies, revision)| {
                Thread {
                    article,
                    by,
                    body,
                    mentions,
                    place,
                    suggestion,
                    resolved_by,
                    replies,
                    revision,
                }
            },
        )
}

fn prompt_text() -> impl Strategy<Value = PromptText> {
    let message = "[a-zA-Zäé水.!?:\"' -]{0,40}x";
    (word(), vec(message, 1..3), option::of(value())).prop_map(|(description, texts, default)| {
        let default = default.filter(|value| VariableKind::Number.takes(value));
        PromptText {
            description,
            messages: texts
                .into_iter()
                .map(|text| PromptMessage {
                    role: Speaker::System,
                    text: format!("{text} {{{{ words }}}}"),
                })
                .collect(),
            variables: vec![Variable {
                name: "words".to_owned(),
                kind: VariableKind::Number,
                description: String::new(),
                default,
            }],
        }
    })
}

fn note() -> impl Strategy<Value = (usize, NoteText, Option<FoundWith>)> {
    let source = (option::of("[a-z]{1,9}"), word(), option::of(word()));
    let source = source.prop_map(|(host, title, author)| Source {
        url: host.map(|host| format!("https://{host}.example.org/a?b=c#d")),
        title: Some(title),
        author,
        published: None,
    });
    let found_with = (word(), word(), value()).prop_map(|(plugin, tool, input)| FoundWith {
        plugin,
        plugin_version: "0.3.0".to_owned(),
        tool,
        input,
    });
    (
        0..PEOPLE,
        (word(), text(), vec(source, 0..3)),
        option::of(found_with),
    )
        .prop_map(|(by, (title, body, sources), found_with)| {
            let text = NoteText {
                title,
                body,
                sources,
            };
            (by, text, found_with)
        })
}

fn lexicon() -> impl Strategy<Value = Lexicon> {
    let synonyms = (
        option::of("[a-zä水]{1,9}"),
        vec("[a-z]{1,9}( [a-z]{1,5})?", 2..4),
    );
    let synonyms = synonyms.prop_map(|(of, words)| Synonyms { of, words });
    (vec("[a-zé]{1,9}", 0..3), vec(synonyms, 0..3)).prop_map(|(stop_words, synonyms)| Lexicon {
        stop_words,
        synonyms,
    })
}

pub fn said() -> impl Strategy<Value = Said> {
    (
        vec(thread(), 0..6),
        vec(vec((0..PEOPLE, prompt_text()), 1..4), 0..3),
        vec(note(), 0..3),
        lexicon(),
    )
        .prop_map(|(threads, prompts, notes, lexicon)| Said {
            threads,
            prompts,
            notes,
            lexicon,
        })
}

/// Those who say something, the owner first.
pub struct People(Vec<UserId>);

impl People {
    /// The last has no account in the second world.
    pub async fn of(owner: UserId, here: &World, there: &World) -> Self {
        let mut people = vec![owner];
        for number in 1..PEOPLE {
            let email = format!("{}@example.org", UserId::new()).to_lowercase();
            let user = User::new(email, "Somebody".to_owned(), Role::Creator, Utc::now());
            people.push(user.id);
            let account = Account {
                user,
                password_hash: String::new(),
            };
            let audit = sample::some_audit();
            if number + 1 < PEOPLE {
                let known = there.store.create_user(account.clone(), audit);
                known.await.unwrap();
            }
            here.store.create_user(account, audit).await.unwrap();
        }
        Self(people)
    }

    /// In whose name it stands on the other side: who is there, else who imports it.
    fn there(&self, user: UserId, importer: UserId) -> UserId {
        match self.0[1..PEOPLE - 1].contains(&user) {
            true => user,
            false => importer,
        }
    }
}

impl Said {
    /// Has all of it be said, some time ago.
    pub async fn happen(&self, world: &World, people: &People, articles: &[Article]) {
        let People(people) = people;
        let now: DateTime<Utc> = world.clock.now();
        let mut next = now - TimeDelta::hours(1);
        let mut later = || {
            next += TimeDelta::milliseconds(3);
            next
        };
        for thread in &self.threads {
            let article = &articles[thread.article % articles.len()];
            let anchor = thread.anchor(world, article).await;
            let at = later();
            let mentions = thread
                .mentions
                .iter()
                .map(|it| format!(" @{}", people[*it]));
            let body = format!("{}{}", thread.body, mentions.collect::<String>());
            let suggestion = thread.suggestion.as_ref().filter(|_| anchor.is_some());
            let first = Comment {
                id: CommentId::at(at),
                article: article.id,
                author: people[thread.by],
                mentions: Comment::mentions_of(&body),
                body,
                reply_to: None,
                suggestion: suggestion.map(|(replacement, state, by)| {
                    let is_decided = *state != SuggestionState::Open;
                    Suggestion {
                        replacement: replacement.clone(),
                        state: *state,
                        decided_by: is_decided.then_some(people[*by]),
                        decided_at: is_decided.then_some(at),
                    }
                }),
                anchor,
                resolved: thread
                    .resolved_by
                    .map(|by| Resolution { by: people[by], at }),
                revision: thread.revision,
                created_at: at,
                updated_at: at + TimeDelta::milliseconds(1),
            };
            world.store.create_comment(&first, None).await.unwrap();
            for (by, body) in &thread.replies {
                let at = later();
                let reply = Comment {
                    id: CommentId::at(at),
                    author: people[*by],
                    mentions: Vec::new(),
                    body: body.clone(),
                    reply_to: Some(first.id),
                    suggestion: None,
                    anchor: None,
                    resolved: None,
                    revision: 1,
                    created_at: at,
                    updated_at: at,
                    ..first.clone()
                };
                world.store.create_comment(&reply, None).await.unwrap();
            }
        }
        let audit = sample::audit(people[0]);
        for (number, versions) in self.prompts.iter().enumerate() {
            let created_at = later();
            let id = PromptId::at(created_at);
            for ((by, text), number_of) in versions.iter().zip(1..) {
                let at = if number_of == 1 { created_at } else { later() };
                let prompt = Prompt {
                    id,
                    project: PROJECT.to_owned(),
                    name: format!("prompt-{number}"),
                    version: number_of,
                    created_at,
                    updated_at: at,
                };
                let version = PromptVersion {
                    prompt: id,
                    version: number_of,
                    text: text.clone(),
                    author: people[*by],
                    created_at: at,
                };
                let store = &world.store;
                match number_of {
                    1 => store.create_prompt(&prompt, &version, &audit).await,
                    _ => store.add_prompt_version(&prompt, &version, &audit).await,
                }
                .unwrap();
            }
        }
        for (by, text, found_with) in &self.notes {
            let at = later();
            let note = Note {
                id: NoteId::at(at),
                project: PROJECT.to_owned(),
                text: text.clone(),
                found_with: found_with.clone(),
                author: people[*by],
                revision: 1,
                created_at: at,
                updated_at: at,
            };
            world.store.create_note(&note, &audit).await.unwrap();
            let note = Note {
                revision: 2,
                updated_at: later(),
                ..note
            };
            let changed = world.store.update_note(&note, people[0], &audit);
            changed.await.unwrap();
        }
        if self.lexicon != Lexicon::default() {
            let settings = SearchSettings {
                lexicon: self.lexicon.clone(),
                revision: 1,
                updated_at: Some(now),
                ..SearchSettings::of(PROJECT)
            };
            let put = world.store.put_search_settings(&settings, &audit);
            put.await.unwrap();
        }
    }
}

impl Thread {
    async fn anchor(&self, world: &World, article: &Article) -> Option<Anchor> {
        let (from, chars, is_first) = self.place?;
        let revision = if is_first { 1 } else { article.revision };
        let read = world.store.revision(article.id, revision).await.unwrap();
        let body = read?.text.body;
        let all = body.chars().count();
        let start = from.min(all.saturating_sub(1));
        Anchor::at(&body, revision, start..(start + chars).min(all))
    }
}

/// All that was said in a project.
#[derive(Debug, PartialEq)]
pub struct Heard {
    comments: Vec<Comment>,
    prompts: Vec<(Prompt, Vec<PromptVersion>)>,
    notes: Vec<Note>,
    lexicon: Option<Lexicon>,
}

impl Heard {
    /// About these articles.
    pub async fn of(world: &World, articles: &[ArticleId]) -> Self {
        let store = &world.store;
        let mut comments = Vec::new();
        for article in articles {
            let found = store.comments(*article, page(100)).await.unwrap();
            comments.extend(found.items);
        }
        let mut prompts = Vec::new();
        for prompt in store.list_prompts(PROJECT, page(100)).await.unwrap().items {
            let versions = store.prompt_versions(prompt.id, page(100)).await.unwrap();
            prompts.push((prompt, versions.items));
        }
        let settings = store.search_settings(PROJECT).await.unwrap();
        Self {
            comments,
            prompts,
            notes: store
                .list_notes(PROJECT, None, page(100))
                .await
                .unwrap()
                .items,
            lexicon: settings.map(|settings| settings.lexicon),
        }
    }

    /// The same as it comes to an importer.
    pub fn brought(mut self, people: &People, importer: UserId) -> Self {
        for comment in &mut self.comments {
            let told = [
                Some(&mut comment.author),
                comment.resolved.as_mut().map(|it| &mut it.by),
                comment
                    .suggestion
                    .as_mut()
                    .and_then(|it| it.decided_by.as_mut()),
            ];
            for user in told.into_iter().flatten() {
                *user = people.there(*user, importer);
            }
        }
        let versions = self.prompts.iter_mut().flat_map(|(_, versions)| versions);
        for version in versions {
            version.author = people.there(version.author, importer);
        }
        for note in &mut self.notes {
            note.author = people.there(note.author, importer);
        }
        self
    }
}
