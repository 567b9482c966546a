//! What articles hold.

use super::*;

/// As engines of the time of `0037_article_languages` wrote it.
pub(super) async fn hold(store: &SurrealStore, cast: &Cast) {
    let statement = Statement::new(
        "CREATE type::record('article_language', [$article, 'en'])
            CONTENT { article: $article, revision: 1 } RETURN NONE",
    )
    .bind("article", cast.article.to_string());
    write(store, statement).await;
}
