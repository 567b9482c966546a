//! The table `article_list`: for every list that is not by creation alone, the rows of the articles in it. A
//! record's id is `[list, status, place, article]` and is all there is of it, so that a page is a range of ids and
//! a change costs as little as an entry of an index. SurrealDB walks ranges forwards alone, and stops at a
//! limit only where the range comes from a function: hence `type::record`.

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::content::listing::{ListEntry, RowCursor, created_place, rows_of, tag_lists};
use inkstone_domain::content::{Article, ArticleFilter, Page, PageRequest, Status};
use inkstone_domain::ports::TagStore;
use inkstone_domain::tag::Tag;
use surrealdb::types::SurrealValue;

use crate::articles::{ArticleRow, read_all};
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::statement::Statement;

/// Above all places, and all names.
const END: &str = "\u{10ffff}";
/// Articles of one transaction of [`SurrealStore::list_old_articles`].
const AT_ONCE: u64 = 200;

/// What stands in `article_list_backfill` while articles of before a migration wait for their rows.
const MARKERS: [&str; 2] = ["marker", "places"];

/// Brings the rows of an article to what `$article.lists` says. Takes `$stored.lists`, too.
macro_rules! keep_lists {
    () => {
        "
    LET $old_lists = $stored.lists ?? [];
    LET $new_lists = $article.lists ?? [];
    DELETE array::complement($old_lists, $new_lists).map(|$row| type::record('article_list', $row)) RETURN NONE;
    INSERT INTO article_list array::complement($new_lists, $old_lists).map(|$row| { id: $row }) RETURN NONE;
"
    };
}
/// The same for a new article.
macro_rules! begin_lists {
    () => {
        "
    INSERT INTO article_list ($article.lists ?? []).map(|$row| { id: $row }) RETURN NONE;
"
    };
}
pub(crate) use {begin_lists, keep_lists};

/// What one status has of a page. Takes `$list`, `$begin`, `$end` and `$rows`.
pub(crate) const PART_OF_PAGE: &str = "SELECT VALUE [id[2], id[3]] FROM type::record('article_list', \
    array::concat([$list, $status], $begin)..[$list, $status, $end]) LIMIT $rows";

/// One row as it is kept with the article.
pub(crate) type RowKey = Vec<String>;

pub(crate) fn keys_of(article: &Article) -> Option<Vec<RowKey>> {
    let rows = rows_of(article);
    let key = |row: ListEntry| {
        let ListEntry {
            list,
            status,
            place,
        } = row;
        vec![list, status.to_owned(), place, article.id.to_string()]
    };
    (!rows.is_empty()).then(|| rows.into_iter().map(key).collect())
}

#[derive(SurrealValue)]
struct TagRow {
    list: String,
    articles: u64,
}

#[derive(SurrealValue)]
struct BackfillRow {
    after: String,
}

#[async_trait]
impl TagStore for SurrealStore {
    async fn tags(&self, project: &str, page: PageRequest) -> Result<Page<Tag>> {
        Ok(self.walk_tags(project, &page).await?)
    }
}

impl SurrealStore {
    /// A page of the rows of `list`, with their articles.
    pub(crate) async fn walk_rows(
        &self,
        filter: &ArticleFilter,
        list: String,
        (from, until): (Option<String>, Option<String>),
        page: &PageRequest,
    ) -> Result<Page<Article>, StoreFailure> {
        let place: Place<RowCursor> = Place::of(page)?;
        let begin = match &place.before {
            None => vec![from.unwrap_or_default()],
            // Right behind the last one: no id is as long.
            Some(last) => vec![last.place.clone(), format!("{}!", last.id)],
        };
        let statuses: Vec<&str> = match filter.status {
            Some(status) => vec![status.as_str()],
            None => Status::ALL.map(Status::as_str).to_vec(),
        };
        let statement = Statement::new(format!(
            "{{
                LET $found = array::flatten($statuses.map(|$status| ({PART_OF_PAGE})));
                LET $shown = array::slice(array::sort($found), 0, $rows);
                RETURN SELECT * FROM $shown.map(|$row| type::record('article', $row[1])) WHERE deleted = false;
            }}"
        ))
        .bind("statuses", statuses.into_iter().map(str::to_owned).collect::<Vec<_>>())
        .bind("list", list)
        .bind("begin", begin)
        .bind("end", until.unwrap_or_else(|| END.to_owned()))
        .bind("rows", place.rows);
        let rows: Vec<ArticleRow> = self.read(statement).await?;
        let mut items: Vec<Article> = read_all(rows)?;
        items.sort_by_cached_key(|article| filter.place_of(article));
        Ok(place.page(items, |article| filter.place_of(article)))
    }

    /// The tags of a project by name, each found by a leap over the rows of the one before.
    async fn walk_tags(
        &self,
        project: &str,
        page: &PageRequest,
    ) -> Result<Page<Tag>, StoreFailure> {
        let lists = tag_lists(project);
        let limit = page.limit.clamp(1, 100);
        let statement = Statement::new(
            "{
                LET $leaps = <array> 0..$rows;
                LET $lists = array::fold($leaps, [], |$lists, $leap| {
                    LET $from = array::last($lists);
                    LET $begin = IF $leap = 0 { $after } ELSE { [$from, $top] };
                    LET $next = IF $leap > 0 AND $from = NONE { [] } ELSE {
                        SELECT VALUE id[0] FROM type::record('article_list', $begin..[$end]) LIMIT 1
                    };
                    RETURN array::concat($lists, [$next[0]]);
                });
                RETURN $lists.filter(|$list| $list != NONE).map(|$list| {
                    list: $list,
                    articles: (SELECT VALUE count FROM ONLY (
                        SELECT count() FROM article_list:[$list]..[$list, $top] GROUP ALL
                    )) ?? 0
                });
            }",
        )
        .bind("top", END.to_owned())
        .bind(
            "after",
            match &page.cursor {
                None => vec![lists.clone()],
                Some(tag) => vec![format!("{lists}{tag}"), END.to_owned()],
            },
        )
        .bind("end", format!("{lists}{END}"))
        .bind("rows", limit as u64 + 1);
        let rows: Vec<TagRow> = self.read(statement).await?;
        let tag = |row: TagRow| Tag {
            name: row.list.chars().skip(lists.chars().count()).collect(),
            articles: row.articles,
        };
        let mut items: Vec<Tag> = rows.into_iter().map(tag).collect();
        let is_last = items.len() <= limit;
        items.truncate(limit);
        let next_cursor = match items.last() {
            Some(last) if !is_last => Some(last.name.clone()),
            _ => None,
        };
        Ok(Page { items, next_cursor })
    }

    /// Gives the articles of before this table, or of before a list, their rows, when an engine starts. Several
    /// engines may do it at once, and one that was stopped in the middle goes on where it was.
    pub(crate) async fn list_old_articles(&self) -> Result<(), StoreFailure> {
        for marker in MARKERS {
            self.list_all_behind(marker).await?;
        }
        Ok(())
    }

    async fn list_all_behind(&self, marker: &'static str) -> Result<(), StoreFailure> {
        let of_marker = |text: &'static str| Statement::new(text).bind("marker", marker.to_owned());
        loop {
            let stands = "SELECT * FROM ONLY type::record('article_list_backfill', $marker)";
            let Some(BackfillRow { after }) = self.read(of_marker(stands)).await? else {
                return Ok(());
            };
            let next =
                Statement::new("SELECT * FROM type::record('article', $after>..) LIMIT $rows")
                    .bind("after", after)
                    .bind("rows", AT_ONCE);
            let rows: Vec<ArticleRow> = self.read(next).await?;
            let Some(last) = rows.last().map(|row| row.key.clone()) else {
                let done = "{ DELETE type::record('article_list_backfill', $marker) RETURN NONE; RETURN NONE; }";
                return self.write(of_marker(done)).await;
            };
            tracing::info!(articles = rows.len(), "put old articles into lists");
            for row in rows {
                self.list_again(row).await?;
            }
            let step = "{ UPDATE type::record('article_list_backfill', $marker) SET after = $after RETURN NONE; RETURN NONE; }";
            self.write::<()>(of_marker(step).bind("after", last))
                .await?;
        }
    }

    async fn list_again(&self, row: ArticleRow) -> Result<(), StoreFailure> {
        let (revision, is_shown) = (row.revision, !row.deleted);
        let article = Article::try_from(row)?;
        let lists = is_shown.then(|| keys_of(&article)).flatten();
        let statement = Statement::new(concat!(
            "{
                LET $stored = SELECT lists, revision FROM ONLY type::record('article', $key);
                IF $stored.revision != $revision { RETURN NONE };
                LET $article = { lists: $lists };",
            keep_lists!(),
            "   UPDATE type::record('article', $key) SET lists = $lists, place = $place RETURN NONE;
                RETURN NONE;
            }"
        ))
        .bind("key", article.id.to_string())
        .bind("revision", revision)
        .bind("place", created_place(&article))
        .bind("lists", lists);
        self.write(statement).await
    }
}

#[cfg(test)]
mod tests;
