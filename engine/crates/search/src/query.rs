//! A query from what a person typed: never an error, filters and permissions inside the search.

use inkstone_domain::content::Status;
use inkstone_domain::search::{Hit, SearchPage, SearchQuery, Visibility};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{AllQuery, BooleanQuery, Occur, Query, QueryParser, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, Value};
use tantivy::snippet::{Snippet, SnippetGenerator};
use tantivy::{DocAddress, Index, IndexReader, Order, Score, TantivyDocument, Term};

use crate::error::SearchError;
use crate::schema::Fields;

/// Length of a passage, characters.
const SNIPPET_CHARS: usize = 220;
/// A title is shown whole.
const TITLE_CHARS: usize = 400;

/// Queries the index. Blocking: run it on a blocking thread.
pub(crate) struct Searcher {
    reader: IndexReader,
    fields: Fields,
    parser: QueryParser,
}

impl Searcher {
    pub(crate) fn new(index: &Index, reader: IndexReader, fields: Fields) -> Self {
        let searched = vec![fields.title, fields.summary, fields.tags_text, fields.body];
        let mut parser = QueryParser::for_index(index, searched);
        parser.set_field_boost(fields.title, 3.0);
        parser.set_field_boost(fields.summary, 2.0);
        parser.set_field_boost(fields.tags_text, 2.0);
        Self {
            reader,
            fields,
            parser,
        }
    }

    pub(crate) fn run(&self, query: &SearchQuery) -> Result<SearchPage, SearchError> {
        let searcher = self.reader.searcher();
        let typed = query.text.trim();
        let words: Box<dyn Query> = if typed.is_empty() {
            Box::new(AllQuery)
        } else {
            self.parser.parse_query_lenient(typed).0
        };
        let whole = self.filtered(query, words.box_clone());
        let page = TopDocs::with_limit(query.limit.clamp(1, 100)).and_offset(query.offset);
        let (found, total): (Vec<(Score, DocAddress)>, usize) = if typed.is_empty() {
            let newest = page.order_by_u64_field("updated_at", Order::Desc);
            let (found, total) = searcher.search(&whole, &(newest, Count))?;
            let found = found.into_iter().map(|(_, at)| (0.0, at)).collect();
            (found, total)
        } else {
            searcher.search(&whole, &(page.order_by_score(), Count))?
        };

        let mut in_body = SnippetGenerator::create(&searcher, &*words, self.fields.body)?;
        in_body.set_max_num_chars(SNIPPET_CHARS);
        let mut in_title = SnippetGenerator::create(&searcher, &*words, self.fields.title)?;
        in_title.set_max_num_chars(TITLE_CHARS);
        let mut hits = Vec::with_capacity(found.len());
        for (score, address) in found {
            let document: TantivyDocument = searcher.doc(address)?;
            hits.push(self.hit(&document, score, &in_title, &in_body)?);
        }
        Ok(SearchPage { hits, total })
    }

    /// The words, and everything that narrows them without counting for the score.
    fn filtered(&self, query: &SearchQuery, words: Box<dyn Query>) -> BooleanQuery {
        let mut clauses = vec![(Occur::Must, words)];
        let mut must = |field: Field, text: &str| {
            clauses.push((Occur::Must, unscored(term(field, text))));
        };
        if let Some(project) = &query.project {
            must(self.fields.project, project);
        }
        if let Some(status) = query.status {
            must(self.fields.status, status.as_str());
        }
        for tag in &query.tags {
            must(self.fields.tag, tag);
        }
        if let Visibility::User { user, projects } = &query.visibility {
            let own = term(self.fields.owner, &user.to_string());
            let published = term(self.fields.status, Status::Published.as_str());
            let theirs = projects.iter().map(|slug| term(self.fields.project, slug));
            let any = [own, published].into_iter().chain(theirs);
            let visible = BooleanQuery::new(any.map(|one| (Occur::Should, one)).collect());
            clauses.push((Occur::Must, unscored(Box::new(visible))));
        }
        BooleanQuery::new(clauses)
    }

    fn hit(
        &self,
        document: &TantivyDocument,
        score: Score,
        in_title: &SnippetGenerator,
        in_body: &SnippetGenerator,
    ) -> Result<Hit, SearchError> {
        let text = |field: Field, name: &'static str| {
            document
                .get_first(field)
                .and_then(|value| value.as_str())
                .ok_or(SearchError::Document(name))
        };
        let title = text(self.fields.title, "title")?;
        let body = text(self.fields.body, "body")?;
        let status = text(self.fields.status, "status")?;
        let id = text(self.fields.id, "id")?
            .parse()
            .map_err(|_| SearchError::Document("id"))?;
        let (title_html, _) = passage(in_title.snippet(title), title, TITLE_CHARS);
        let (snippet_html, snippet) = passage(in_body.snippet(body), body, SNIPPET_CHARS);
        Ok(Hit {
            id,
            project: text(self.fields.project, "project")?.to_owned(),
            status: status_named(status).ok_or(SearchError::Document("status"))?,
            tags: document
                .get_all(self.fields.tag)
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect(),
            title: title.to_owned(),
            title_html,
            snippet_html,
            snippet,
            score,
        })
    }
}

fn term(field: Field, text: &str) -> Box<dyn Query> {
    let term = Term::from_field_text(field, text);
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn unscored(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(tantivy::query::ConstScoreQuery::new(query, 0.0))
}

/// As HTML and as plain text; the beginning of the text where nothing in it matches.
fn passage(mut snippet: Snippet, text: &str, max_chars: usize) -> (String, String) {
    if snippet.is_empty() {
        let plain: String = text.chars().take(max_chars).collect();
        return (escape(&plain), plain);
    }
    snippet.set_snippet_prefix_postfix("<em>", "</em>");
    (snippet.to_html(), snippet.fragment().to_owned())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn status_named(name: &str) -> Option<Status> {
    Status::named(name)
}
